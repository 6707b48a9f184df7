//! Reads the whole log: positions without holes, and auction by auction the chain, the commitments
//! and every decision. Names the auction and version of each damage; judges by `gavel_proof` alone.

use crate::cli::output::{Output, count};
use crate::cli::positions::{PAGE, Positions};
use crate::keys::HouseKeys;
use gavel_auction::ids::{AuctionId, Version};
use gavel_engine::log::{Entry, EventRecord, LogError, LogReader, Partition, Position};
use gavel_proof::verify::{Fault, LogEntry, verify_log};

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) partitions: u16,
    pub(super) records: u64,
    pub(super) auctions: u64,
    pub(super) damages: Vec<Damage>,
}

/// Something that is not what was written.
pub(super) struct Damage {
    pub(super) auction: Option<AuctionId>,
    pub(super) version: Option<Version>,
    pub(super) what: String,
}

/// Places in a row that cannot be read and are told one by one.
const TOLD: u32 = 16;

/// Damage that no auction can be named for.
fn nobodys(what: String) -> Damage {
    Damage { auction: None, version: None, what }
}

/// Reads everything.
pub(super) fn examine(
    reader: &dyn LogReader,
    partitions: u16,
    keys: &HouseKeys,
    out: Output,
) -> Found {
    let mut found = Found { partitions, ..Found::default() };
    for partition in 0..partitions {
        let auctions = positions(reader, partition, &mut found);
        found.auctions += auctions.0.len() as u64;
        let bar = out.progress(auctions.0.len() as u64);
        for (auction, positions) in auctions.0 {
            bar.inc(1);
            bar.set_message(format!("{} records", count(found.records)));
            found.damages.extend(chain(reader, partition, auction, &positions, keys));
        }
        bar.finish_and_clear();
    }
    found
}

/// Where each auction's events are. What cannot be read is named and passed over.
fn positions(reader: &dyn LogReader, partition: Partition, found: &mut Found) -> Positions {
    let mut auctions = Positions::default();
    let (mut after, mut limit, mut failed) = (0, PAGE, 0);
    loop {
        match reader.scan(partition, after, limit) {
            Ok(records) => {
                let Some(last) = auctions.take(&records) else { return auctions };
                found.records += records.len() as u64;
                after = last;
                (limit, failed) = (PAGE, 0);
            }
            // What comes before the damage is read first; then the damage is passed over.
            Err(LogError::Damaged { position, .. }) if position > after + 1 && limit == PAGE => {
                limit = usize::try_from(position - after - 1).unwrap_or(PAGE);
            }
            Err(error) => {
                let last = reader.last_position(partition).unwrap_or(after);
                let LogError::Damaged { position, .. } = error else {
                    found.damages.push(nobodys(error.to_string()));
                    return auctions;
                };
                failed += 1;
                // The first few are told one by one; then ever larger steps, to come to an end.
                let step = 1_u64 << (failed.max(TOLD) - TOLD).min(40);
                after = position.max(after + 1).saturating_add(step - 1);
                found.damages.push(nobodys(error.to_string()));
                if after >= last {
                    return auctions;
                }
                limit = PAGE;
            }
        }
    }
}

/// Damage of one auction: the first event that is not in its place, and the first before it that
/// does not hold.
fn chain(
    reader: &dyn LogReader,
    partition: Partition,
    auction: AuctionId,
    positions: &[Position],
    keys: &HouseKeys,
) -> Vec<Damage> {
    let damage = |version, what| Damage { auction: Some(auction), version, what };
    let mut events: Vec<EventRecord> = Vec::with_capacity(positions.len());
    let (mut previous, mut misplaced) = (0, None);
    for (version, position) in (1..).zip(positions) {
        match event_at(reader, partition, *position, version, previous) {
            Ok(event) => events.push(event),
            Err(what) => {
                misplaced = Some((version, what));
                break;
            }
        }
        previous = *position;
    }
    let entries: Vec<_> = events.iter().map(entry).collect();
    let verified = match entries.is_empty() {
        true => Ok(()),
        false => verify_log(auction, &entries, &keys.log.auction(keys.house, auction)).map(drop),
    };
    let mut damages = Vec::new();
    if let Err(fault) = verified {
        // A decision that the gap cuts off is the gap's damage, not one of its own.
        let version = version_of(&fault);
        let gap = misplaced.as_ref().map(|(version, _)| *version);
        if gap.is_none_or(|gap| version.is_none_or(|version| version < gap)) {
            damages.push(damage(version, fault.to_string()));
        }
    }
    damages.extend(misplaced.map(|(version, what)| damage(Some(version), what)));
    damages
}

/// The event at a position, if it is the one that should be there.
fn event_at(
    reader: &dyn LogReader,
    partition: Partition,
    position: Position,
    version: Version,
    previous: Position,
) -> Result<EventRecord, String> {
    let record = reader.get(partition, position).map_err(|error| error.to_string())?;
    let event = match record.ok_or("it is gone")?.entry {
        Entry::Event(event) => event,
        Entry::Barrier => return Err("it is a barrier now".to_owned()),
    };
    if event.version != version {
        return Err(format!("version {} stands in its place", event.version));
    }
    if event.previous != previous {
        return Err(format!("its predecessor is at {previous}, it says {}", event.previous));
    }
    Ok(event)
}

fn entry(event: &EventRecord) -> LogEntry<'_> {
    LogEntry { public: &event.public, sealed: &event.sealed, hash: event.hash }
}

const fn version_of(fault: &Fault) -> Option<Version> {
    match fault {
        Fault::Event(wrong) => Some(wrong.version),
        Fault::Opening { version, .. }
        | Fault::Chain { version }
        | Fault::Unreadable { version, .. } => Some(*version),
        Fault::NotCanonical(_)
        | Fault::NotACertificate(_)
        | Fault::Head { .. }
        | Fault::Signature => None,
    }
}
