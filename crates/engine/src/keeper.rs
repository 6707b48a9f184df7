//! The keeper: brings snapshots up with the log, in the background. It reads the durable log, never
//! the shard: so no snapshot is ever ahead of the log, no bid waits for one, and every event is
//! checked once more soon after it was written. Judges nothing, and may lag.

use crate::engine::Shared;
use crate::limits;
use crate::log::{Entry, LogError, Partition, Position, Record};
use crate::residents::from_log;
use crate::snapshot::{Damage, Kept, Mark, Snapshot, Snapshots, Tag, Useless, fold};
use gavel_auction::event::Digest;
use gavel_auction::ids::AuctionId;
use gavel_auction::mutant;
use gavel_auction::time::{SECOND, Time};
use gavel_proof::chain::{partition_genesis, partition_link};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use thiserror::Error;

/// How long the keeper rests at least between two looks.
const REST: Duration = Duration::from_millis(100);
/// It may take up to this part of the time while hardly anybody bids, or once it is far behind.
const LARGEST_SHARE: u64 = 2;
/// And this one at least, when it works at all: the rest belongs to bids.
const SMALLEST_SHARE: u64 = 32;

/// Why snapshots did not get on.
#[derive(Debug, Error)]
enum Stuck {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Useless(#[from] Useless),
    #[error("{0}")]
    Damage(Damage),
}

/// How fast the log has been growing lately: while many bid, the processor is theirs.
struct Pace {
    at: Time,
    written: u64,
    /// When much was last written.
    busy: Time,
    /// How long the keeper has rested within the step it is at.
    rested: Duration,
    /// How many records the partition is behind that is furthest behind, as far as was looked at.
    behind: u64,
}

impl Pace {
    fn begin(shared: &Shared) -> Self {
        let (at, written) = (shared.clock.now(), shared.written.records.total().1);
        Self { at, written, busy: Time(0), rested: Duration::ZERO, behind: 0 }
    }

    /// Whether little has been written for a while.
    fn quiet(&mut self, shared: &Shared) -> bool {
        let now = Self::begin(shared);
        let micros = u64::try_from(now.at.since(self.at)).unwrap_or(0).max(1);
        let written = now.written.saturating_sub(self.written);
        let much = written.saturating_mul(1_000_000) / micros >= limits::SNAPSHOT_QUIET;
        let busy = if much { now.at } else { self.busy };
        *self = Self { busy, rested: self.rested, behind: self.behind, ..now };
        self.calm()
    }

    /// What [`Pace::quiet`] found last.
    fn calm(&self) -> bool {
        self.at.since(self.busy) >= limits::SNAPSHOT_CALM_SECONDS * SECOND
    }

    /// The keeper takes one of so many parts of the time. While many bid, the more the further it
    /// is behind: a short rush hardly notices it, and a long one does not leave it behind for ever.
    fn share(&self) -> u32 {
        let busy = limits::SNAPSHOT_FAR / self.behind.max(1);
        let share = if self.calm() { LARGEST_SHARE } else { busy };
        u32::try_from(share.clamp(LARGEST_SHARE, SMALLEST_SHARE)).expect("at most 32")
    }

    /// Leaves the bids their part within a step, too: a step of many records takes seconds.
    fn rest(&mut self, shared: &Shared, since: Time) {
        let worked = u64::try_from(self.at.since(since)).unwrap_or(0);
        let rest = Duration::from_micros(worked) * (self.share() - 1);
        std::thread::park_timeout(rest);
        let Self { busy, rested, behind, .. } = *self;
        *self = Self { busy, rested: rested + rest, behind, ..Self::begin(shared) };
    }
}

/// One partition, as far as its snapshots are.
struct Progress {
    mark: Mark,
    /// When they were last brought up.
    at: Time,
    /// Whether the log cannot be followed: it is damaged.
    stuck: bool,
}

/// Runs until told to stop; then brings all up once more, for a few seconds at most.
pub(crate) fn run(shared: &Shared, stopping: &AtomicBool) {
    let Some(snapshots) = shared.snapshots.as_deref() else { return };
    let mut keeper = Keeper::begin(shared, snapshots);
    loop {
        let stop = stopping.load(Ordering::Acquire);
        let began = shared.clock.now();
        let behind = keeper.turn(shared, snapshots, &|| stopping.load(Ordering::Acquire));
        if stop {
            break;
        }
        let took = u64::try_from(shared.clock.now().since(began)).unwrap_or(0);
        let rested = std::mem::take(&mut keeper.pace.rested);
        let worked = Duration::from_micros(took).saturating_sub(rested);
        let rest = (worked * (keeper.pace.share() - 1)).saturating_sub(rested);
        std::thread::park_timeout(if behind { rest } else { rest.max(REST) });
    }
    let end = shared.clock.now().plus_seconds(limits::SNAPSHOT_STOP_SECONDS);
    for progress in &mut keeper.partitions {
        while shared.clock.now() < end && progress.behind(shared) > 0 {
            if !progress.advance(shared, snapshots, &mut || true) {
                break;
            }
        }
    }
}

/// All partitions, as far as their snapshots are.
pub(crate) struct Keeper {
    partitions: Vec<Progress>,
    pace: Pace,
}

impl Keeper {
    pub(crate) fn begin(shared: &Shared, snapshots: &dyn Snapshots) -> Self {
        let partitions = (0..).zip(&shared.inboxes);
        let begin = |(partition, _)| Progress::begin(shared, snapshots, partition);
        Self { partitions: partitions.map(begin).collect(), pace: Pace::begin(shared) }
    }

    /// Looks once at each partition; whether more is left to do at once.
    pub(crate) fn turn(
        &mut self,
        shared: &Shared,
        snapshots: &dyn Snapshots,
        stop: &impl Fn() -> bool,
    ) -> bool {
        let mut behind = false;
        self.pace.behind = 0;
        for progress in &mut self.partitions {
            if stop() {
                break;
            }
            behind |= progress.turn(shared, snapshots, &mut self.pace, stop);
        }
        behind
    }
}

impl Progress {
    /// Goes on where the mark stands; if that is of no use, from the beginning.
    fn begin(shared: &Shared, snapshots: &dyn Snapshots, partition: Partition) -> Self {
        // Recovery has looked at it, and cleared away what was of no use.
        let mark = snapshots.mark(partition).ok().flatten();
        let mark = mark.unwrap_or_else(|| from_the_beginning(shared, snapshots, partition));
        let progress = Self { mark, at: shared.clock.now(), stuck: false };
        progress.tell(shared);
        progress
    }

    /// What is covered may leave memory.
    fn tell(&self, shared: &Shared) {
        if let Some(residents) = shared.residents.get(usize::from(self.mark.partition)) {
            residents.cover(self.mark.position);
        }
    }

    fn behind(&self, shared: &Shared) -> u64 {
        let last = shared.reader.last_position(self.mark.partition);
        last.map_or(0, |last| last.saturating_sub(self.mark.position))
    }

    /// Whether more is left to do at once.
    fn turn(
        &mut self,
        shared: &Shared,
        snapshots: &dyn Snapshots,
        pace: &mut Pace,
        stop: &impl Fn() -> bool,
    ) -> bool {
        let now = shared.clock.now();
        let behind = self.behind(shared);
        pace.behind = pace.behind.max(behind);
        let due = now.since(self.at) >= limits::SNAPSHOT_SECONDS * SECOND;
        let wanted = behind > 0 && (due || behind >= limits::SNAPSHOT_BEHIND);
        let late = behind >= limits::SNAPSHOT_LATEST;
        if !wanted || !(pace.quiet(shared) || late) {
            return false;
        }
        let mut go_on = || {
            let since = pace.at;
            let quiet = pace.quiet(shared);
            if !quiet && late && !stop() {
                pace.rest(shared, since);
            }
            quiet || late && !stop()
        };
        let more =
            self.advance(shared, snapshots, &mut go_on) && behind > limits::SNAPSHOT_RECORDS as u64;
        if !more {
            self.at = now;
        }
        more
    }

    /// One step, shorter if it is not to go on; false if it could not be made.
    fn advance(
        &mut self,
        shared: &Shared,
        snapshots: &dyn Snapshots,
        go_on: &mut dyn FnMut() -> bool,
    ) -> bool {
        if self.stuck {
            return false;
        }
        match Step::take(shared, snapshots, &self.mark, go_on) {
            Ok(mark) => {
                self.mark = mark;
                self.tell(shared);
                true
            }
            Err(Stuck::Useless(why)) => {
                tracing::warn!(%why, "snapshots are made anew");
                self.mark = from_the_beginning(shared, snapshots, self.mark.partition);
                self.tell(shared);
                false
            }
            Err(Stuck::Damage(damage)) => {
                shared.quarantine(&damage);
                self.stuck = true;
                false
            }
            Err(Stuck::Log(error)) => {
                tracing::warn!(%error, "snapshots lag behind the log");
                false
            }
        }
    }
}

fn from_the_beginning(shared: &Shared, snapshots: &dyn Snapshots, partition: Partition) -> Mark {
    if let Err(error) = snapshots.clear(partition) {
        tracing::warn!(%error, "old snapshots could not be cleared away");
    }
    Mark {
        partition,
        position: 0,
        rolling: partition_genesis(shared.house, partition),
        count: 0,
        seals: Digest([0; 32]),
        seal: Digest([0; 32]),
    }
}

/// Some of what follows a mark, and the auctions it concerns.
struct Step<'a> {
    shared: &'a Shared,
    snapshots: &'a dyn Snapshots,
    mark: Mark,
    auctions: HashMap<AuctionId, (Option<Tag>, Snapshot)>,
}

impl<'a> Step<'a> {
    /// Brings the auctions that the next records concern up with these, and the mark with them.
    fn take(
        shared: &'a Shared,
        snapshots: &'a dyn Snapshots,
        mark: &Mark,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Mark, Stuck> {
        let mut step = Self { shared, snapshots, mark: mark.clone(), auctions: HashMap::new() };
        let mut left = limits::SNAPSHOT_RECORDS;
        while left > 0 && step.auctions.len() < limits::SNAPSHOT_AUCTIONS {
            let most = left.min(limits::READ_AT_ONCE);
            let records = shared.reader.scan(mark.partition, step.mark.position, most)?;
            step.follow(&records)?;
            left -= records.len();
            if records.len() < most || !go_on() {
                break;
            }
        }
        step.put()
    }

    fn follow(&mut self, records: &[Record]) -> Result<(), Stuck> {
        self.fetch(records)?;
        for record in records {
            self.mark.position = record.position;
            let Entry::Event(event) = &record.entry else { continue };
            self.mark.rolling = partition_link(&self.mark.rolling, &event.hash);
            let house = self.shared.house;
            let new = || (None, Snapshot::new(event.auction, house));
            let (_, snapshot) = self.auctions.entry(event.auction).or_insert_with(new);
            if let Err(damage) = snapshot.follow(event, record.position) {
                return Err(self.blame(damage));
            }
        }
        Ok(())
    }

    /// Whether the log is damaged, or only the snapshot that it was held against.
    fn blame(&self, damage: Damage) -> Stuck {
        if mutant::on("keeper_blames_the_log") {
            return Stuck::Damage(damage);
        }
        match from_log(self.shared, self.mark.partition, damage.auction) {
            Ok(Ok(_)) => Useless::Disagrees("one is not what the log says".to_owned()).into(),
            Ok(Err(damage)) => Stuck::Damage(damage),
            Err(error) => error.into(),
        }
    }

    /// Reads the snapshots that these records continue.
    fn fetch(&mut self, records: &[Record]) -> Result<(), Stuck> {
        let continued = |record: &Record| match &record.entry {
            Entry::Event(event) if within(event.previous, self.mark.position) => {
                Some(event.auction)
            }
            Entry::Event(_) | Entry::Barrier => None,
        };
        let mut ids: Vec<AuctionId> = records.iter().filter_map(continued).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| !self.auctions.contains_key(id));
        for kept in self.snapshots.load(&ids)? {
            let snapshot = self.shared.seal.open(&kept)?;
            self.auctions.insert(kept.tag.auction, (Some(kept.tag), snapshot));
        }
        Ok(())
    }

    fn put(self) -> Result<Mark, Stuck> {
        let mut mark = self.mark;
        let mut all: Vec<Kept> = Vec::with_capacity(self.auctions.len());
        for (former, snapshot) in self.auctions.into_values() {
            let kept = self.shared.seal.keep(&snapshot);
            match former {
                Some(former) => fold(&mut mark.seals, &former.seal),
                None => mark.count += 1,
            }
            fold(&mut mark.seals, &kept.tag.seal);
            all.push(kept);
        }
        all.sort_unstable_by_key(|kept| kept.tag.auction);
        let mark = self.shared.seal.mark(mark);
        self.snapshots.put(&mark, &all)?;
        Ok(mark)
    }
}

/// Whether an event's predecessor stands where the snapshots reach.
const fn within(previous: Position, covered: Position) -> bool {
    previous > 0 && previous <= covered
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of the time that it takes so far behind, while many bid.
    fn share(behind: u64) -> u32 {
        let now = Time(1_000 * SECOND);
        Pace { at: now, written: 0, busy: now, rested: Duration::ZERO, behind }.share()
    }

    #[test]
    fn the_further_it_is_behind_the_more_of_the_time_it_takes() {
        let far = limits::SNAPSHOT_FAR;
        assert_eq!([0, far / 64, far / 10, far / 2, far].map(share), [32, 32, 10, 2, 2]);
    }
}
