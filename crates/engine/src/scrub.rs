//! The scrub: reads the whole log again and again, slowly, in the background, and closes off an
//! auction whose chain is broken, before anybody relies on it. Needs no memory: each event is held
//! against the one that it names as its predecessor. Looks at the lists, too. Repairs nothing.

use crate::engine::Shared;
use crate::limits;
use crate::log::{Entry, EventRecord, LogError, Partition, Position, Record};
use crate::snapshot::Damage;
use gavel_auction::event::Digest;
use gavel_auction::ids::AuctionId;
use gavel_auction::mutant;
use gavel_proof::chain::{genesis, link};
use gavel_proof::codec::{decode, is_written_as};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// It may take up to this part of the time: the rest belongs to bids.
const SHARE: u32 = 20;
/// How long it rests at least between two pages.
const REST: Duration = Duration::from_millis(20);
/// How long it rests after all has been read.
const REST_OF_ROUND: Duration = Duration::from_secs(600);

/// How far the scrub is, for operators.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// How often all has been read.
    pub(crate) rounds: AtomicU64,
    /// Places of the log that could not be told of one auction.
    pub(crate) damages: AtomicU64,
}

/// Runs until told to stop.
pub(crate) fn run(shared: &Shared, stopping: &AtomicBool) {
    let stop = || stopping.load(Ordering::Acquire);
    loop {
        if let Err(error) = shared.lists.examine() {
            tracing::warn!(%error, "the lists could not be read");
        }
        for (partition, _) in (0..).zip(&shared.inboxes) {
            if !read_through(shared, partition, &stop) {
                return;
            }
        }
        shared.scrub.rounds.fetch_add(1, Ordering::Relaxed);
        let again = shared.clock.now().plus(i64::try_from(REST_OF_ROUND.as_micros()).unwrap_or(0));
        while shared.clock.now() < again {
            if stop() {
                return;
            }
            std::thread::park_timeout(REST_OF_ROUND);
        }
    }
}

/// Reads everything once, without a rest.
pub(crate) fn read_all(shared: &Shared) {
    for (partition, _) in (0..).zip(&shared.inboxes) {
        let mut after = 0;
        while let Some(last) = read_page(shared, partition, after) {
            after = last;
        }
    }
    shared.scrub.rounds.fetch_add(1, Ordering::Relaxed);
}

/// Reads a partition once; false if told to stop.
fn read_through(shared: &Shared, partition: Partition, stop: &impl Fn() -> bool) -> bool {
    let mut after = 0;
    loop {
        if stop() {
            return false;
        }
        let began = shared.clock.now();
        match read_page(shared, partition, after) {
            Some(last) => after = last,
            None => return true,
        }
        let took = u64::try_from(shared.clock.now().since(began)).unwrap_or(0);
        std::thread::park_timeout((Duration::from_micros(took) * (SHARE - 1)).max(REST));
    }
}

/// Reads some of a partition; where that ends, if there is more to read.
fn read_page(shared: &Shared, partition: Partition, after: Position) -> Option<Position> {
    match shared.reader.scan(partition, after, limits::SCRUBBED_AT_ONCE) {
        Ok(records) => {
            records.iter().for_each(|record| check(shared, record));
            records.last().map(|last| last.position)
        }
        Err(error) => {
            // What cannot be read at all is no one auction's: operators must look at it.
            tracing::error!(%error, "the scrub found damage; `gavel doctor` tells more");
            shared.scrub.damages.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}

fn check(shared: &Shared, record: &Record) {
    let Entry::Event(event) = &record.entry else { return };
    if shared.views.is_quarantined(event.auction) {
        return;
    }
    match examine(shared, record.partition, record.position, event) {
        Ok(None) => {}
        Ok(Some((auction, what))) => {
            let (version, position) = (event.version, record.position);
            shared.quarantine(&Damage { auction, version, position, what });
        }
        Err(error) => tracing::warn!(%error, "the scrub could not read a record"),
    }
}

/// Which auction is damaged, and how; none if all holds.
fn examine(
    shared: &Shared,
    partition: Partition,
    position: Position,
    event: &EventRecord,
) -> Result<Option<(AuctionId, String)>, LogError> {
    let own = |what: String| Ok(Some((event.auction, what)));
    let before = match before(shared, partition, event)? {
        Ok(before) => before,
        Err(what) => return own(what),
    };
    let hash = link(&before, &event.public);
    if hash != event.hash && !mutant::on("chain_not_checked") {
        return own(format!("its hash is {hash}, but {} was written", event.hash));
    }
    let (read, origin) = match decode(&event.public, &event.sealed) {
        Ok(read) => read,
        Err(error) => return own(format!("it cannot be read: {error}")),
    };
    if (read.auction, read.version) != (event.auction, event.version) {
        return own("its public part names another event".to_owned());
    }
    let key = shared.log_key.auction(shared.house, event.auction);
    let whole = !mutant::on("sealed_part_not_checked") && !mutant::on("chain_not_checked");
    if whole && !is_written_as(&read, &origin, &key, &event.public, &event.sealed) {
        return own("its sealed part is not what its public part binds".to_owned());
    }
    let known = shared.views.positions(event.auction, event.version - 1, 1);
    if known.first().is_some_and(|known| *known != position) {
        return own(format!("it stands at {position}, where it was never written"));
    }
    Ok(None)
}

/// The hash before an event, from the record it names; or what is wrong there.
fn before(
    shared: &Shared,
    partition: Partition,
    event: &EventRecord,
) -> Result<Result<Digest, String>, LogError> {
    let unchecked = mutant::on("first_back_link_unchecked");
    if event.version == 1 && (event.previous == 0 || unchecked) {
        return Ok(Ok(genesis(shared.house, event.auction)));
    }
    let named = shared.reader.get(partition, event.previous)?;
    Ok(match named.map(|record| record.entry) {
        Some(Entry::Event(previous))
            if (previous.auction, previous.version + 1) == (event.auction, event.version) =>
        {
            Ok(previous.hash)
        }
        Some(Entry::Event(_) | Entry::Barrier) | None => {
            Err(format!("its predecessor does not stand at position {}", event.previous))
        }
    })
}
