//! History: one auction's events as they were written, read from the log by position.

use crate::log::{Entry, EventRecord, LogError, LogReader, Partition, Position};
use gavel_auction::event::{Digest, Event};
use gavel_auction::ids::{AuctionId, Version};
use gavel_proof::codec::{Origin, decode};

/// An event as it was written, and what it says.
#[derive(Clone, Debug)]
pub struct HistoryEvent {
    /// What it says, hidden fields and all.
    pub event: Event,
    /// The command it came from.
    pub origin: Origin,
    /// The chain's hash at it.
    pub hash: Digest,
    /// The public part, byte for byte.
    pub public: Vec<u8>,
    /// The sealed part, byte for byte. Never shown to anybody.
    pub sealed: Vec<u8>,
}

/// The events of an auction that stand at these positions, which follow version `after`.
pub(crate) fn read_history(
    reader: &dyn LogReader,
    partition: Partition,
    auction: AuctionId,
    after: Version,
    positions: &[Position],
) -> Result<Vec<HistoryEvent>, LogError> {
    let read = |(version, position): (Version, &Position)| {
        let damaged = |what: &str| LogError::Damaged {
            partition,
            position: *position,
            what: format!("{what} of auction {auction}, version {version}"),
        };
        let record = reader.get(partition, *position)?.ok_or_else(|| damaged("no record"))?;
        match record.entry {
            Entry::Event(event) if event.auction == auction && event.version == version => {
                open(event).map_err(|_| damaged("an unreadable record"))
            }
            Entry::Event(_) | Entry::Barrier => Err(damaged("another record instead of that")),
        }
    };
    (after + 1..).zip(positions).map(read).collect()
}

/// Reads what a record says.
pub(crate) fn open(record: EventRecord) -> Result<HistoryEvent, gavel_proof::codec::CodecError> {
    let (event, origin) = decode(&record.public, &record.sealed)?;
    let EventRecord { hash, public, sealed, .. } = record;
    Ok(HistoryEvent { event, origin, hash, public, sealed })
}
