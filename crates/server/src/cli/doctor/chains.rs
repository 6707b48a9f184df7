//! Reads the whole log: positions without holes, and auction by auction the chain, the commitments
//! and every decision. Names the auction and version of each damage; judges by `gavel_proof` alone.

use crate::cli::output::{Output, count};
use crate::keys::HouseKeys;
use gavel_auction::ids::{AuctionId, Version};
use gavel_engine::log::{Entry, EventRecord, LogError, LogReader, Partition, Position};
use gavel_proof::verify::{Fault, LogEntry, verify_log};
use std::collections::BTreeMap;

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

/// Records read at once.
const PAGE: usize = 1_000;

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
        found.auctions += auctions.len() as u64;
        let bar = out.progress(auctions.len() as u64);
        for (auction, positions) in auctions {
            bar.inc(1);
            bar.set_message(format!("{} records", count(found.records)));
            let damage = chain(reader, partition, auction, &positions, keys);
            found.damages.extend(damage);
        }
        bar.finish_and_clear();
    }
    found
}

/// Where each auction's events are. What cannot be read is named and passed over.
fn positions(
    reader: &dyn LogReader,
    partition: Partition,
    found: &mut Found,
) -> BTreeMap<AuctionId, Vec<Position>> {
    let mut auctions: BTreeMap<AuctionId, Vec<Position>> = BTreeMap::new();
    let mut after = 0;
    loop {
        match reader.scan(partition, after, PAGE) {
            Ok(records) => {
                let Some(last) = records.last() else { return auctions };
                found.records += records.len() as u64;
                after = last.position;
                for record in &records {
                    if let Entry::Event(event) = &record.entry {
                        auctions.entry(event.auction).or_default().push(record.position);
                    }
                }
            }
            Err(error) => {
                let what = error.to_string();
                found.damages.push(Damage { auction: None, version: None, what });
                match error {
                    LogError::Damaged { position, .. } if position > after => after = position,
                    LogError::Damaged { .. } | LogError::Unreadable(_) => return auctions,
                }
            }
        }
    }
}

fn chain(
    reader: &dyn LogReader,
    partition: Partition,
    auction: AuctionId,
    positions: &[Position],
    keys: &HouseKeys,
) -> Option<Damage> {
    let damage = |version, what: String| Some(Damage { auction: Some(auction), version, what });
    let mut events: Vec<EventRecord> = Vec::with_capacity(positions.len());
    let mut previous = 0;
    for (version, position) in (1..).zip(positions) {
        let event = match reader.get(partition, *position) {
            Ok(Some(record)) => match record.entry {
                Entry::Event(event) => event,
                Entry::Barrier => return damage(Some(version), "it is a barrier now".to_owned()),
            },
            Ok(None) => return damage(Some(version), "it is gone".to_owned()),
            Err(error) => return damage(Some(version), error.to_string()),
        };
        if event.version != version {
            let what = format!("version {} stands in its place", event.version);
            return damage(Some(version), what);
        }
        if event.previous != previous {
            let what = format!("its predecessor is at {previous}, it says {}", event.previous);
            return damage(Some(version), what);
        }
        previous = *position;
        events.push(event);
    }
    let entries: Vec<_> = events.iter().map(entry).collect();
    match verify_log(auction, &entries, &keys.log.auction(keys.house, auction)) {
        Ok(_) => None,
        Err(fault) => damage(version_of(&fault), fault.to_string()),
    }
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
