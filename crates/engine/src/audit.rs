//! The audit: reads one partition of a log from end to end and says what it proves. For copies that
//! nobody is writing; needs a few words of memory an auction. Judges no decision: that is
//! `gavel doctor`.

use crate::log::{Entry, EventRecord, LogError, LogReader, Partition, Position};
use crate::snapshot::Damage;
use gavel_auction::event::{Digest, HouseId};
use gavel_auction::ids::{AuctionId, Version};
use gavel_proof::chain::{genesis, link};
use gavel_proof::codec::decode;
use gavel_proof::head::Rolling;
use std::collections::HashMap;

/// Records read at once.
const PAGE: usize = 4096;

/// What a partition was found to be.
#[derive(Clone, Debug)]
pub struct Audit {
    /// How long it is, and the hash over all of it.
    pub head: Rolling,
    /// How many auctions live in it.
    pub auctions: u64,
    /// Events that do not continue their auction's chain, the first of each auction.
    pub damages: Vec<Damage>,
    /// Of the heads asked for: those that the log does not lead to.
    pub strays: Vec<Rolling>,
    /// Of the heads asked for: those that lie beyond its end.
    pub beyond: Vec<Rolling>,
}

/// The last event of an auction.
struct Last {
    version: Version,
    position: Position,
    hash: Digest,
    damaged: bool,
}

/// Reads a partition, and holds these heads against it.
///
/// # Errors
/// If it cannot be read, or has a hole.
pub fn audit(
    reader: &dyn LogReader,
    house: HouseId,
    partition: Partition,
    heads: &[Rolling],
) -> Result<Audit, LogError> {
    let mut expected: Vec<Rolling> =
        heads.iter().filter(|head| head.partition == partition).copied().collect();
    expected.sort_unstable_by_key(|head| head.position);
    let mut expected = expected.into_iter().peekable();
    let mut audit = Audit {
        head: Rolling::new(house, partition),
        auctions: 0,
        damages: Vec::new(),
        strays: Vec::new(),
        beyond: Vec::new(),
    };
    let mut auctions: HashMap<AuctionId, Last> = HashMap::new();
    loop {
        let records = reader.scan(partition, audit.head.position, PAGE)?;
        if records.is_empty() {
            break;
        }
        for record in &records {
            let event = match &record.entry {
                Entry::Event(event) => Some(event),
                Entry::Barrier => None,
            };
            audit.head.follow(event.map(|event| &event.hash));
            if let Some(event) = event {
                audit.damages.extend(follow(&mut auctions, house, event, record.position));
            }
            let at = audit.head.position;
            while let Some(head) = expected.next_if(|head| head.position <= at) {
                audit.strays.extend((head != audit.head).then_some(head));
            }
        }
    }
    audit.beyond.extend(expected.filter(|head| head.position > 0));
    audit.auctions = auctions.len() as u64;
    Ok(audit)
}

/// Takes an event; what is wrong with it, if its auction was sound so far.
fn follow(
    auctions: &mut HashMap<AuctionId, Last>,
    house: HouseId,
    event: &EventRecord,
    position: Position,
) -> Option<Damage> {
    let auction = event.auction;
    let new = || Last { version: 0, position: 0, hash: genesis(house, auction), damaged: false };
    let last = auctions.entry(auction).or_insert_with(new);
    if last.damaged {
        return None;
    }
    let what = wrong(last, event);
    last.damaged = what.is_some();
    (last.version, last.position, last.hash) = (event.version, position, event.hash);
    what.map(|what| Damage { auction, version: event.version, position, what })
}

fn wrong(last: &Last, event: &EventRecord) -> Option<String> {
    if event.version != last.version + 1 {
        return Some(format!("version {} should stand here", last.version + 1));
    }
    if event.previous != last.position {
        return Some(format!("names {} as its predecessor, not {}", event.previous, last.position));
    }
    let hash = link(&last.hash, &event.public);
    if hash != event.hash {
        return Some(format!("its hash is {hash}, but {} was written", event.hash));
    }
    match decode(&event.public, &event.sealed) {
        Err(error) => Some(format!("it cannot be read: {error}")),
        Ok((read, _)) if (read.auction, read.version) != (event.auction, event.version) => {
            Some("its public part names another event".to_owned())
        }
        Ok(_) => None,
    }
}
