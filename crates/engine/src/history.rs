//! History: events as they were written, read from the log: one auction's by position, or
//! everybody's, a page after the other.

use crate::log::{Entry, EventRecord, LogError, LogReader, Partition, Position, Record};
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

/// A part of the whole log.
#[derive(Debug, Default)]
pub struct Chapter {
    /// The events, of each partition in its order, and by time where that is free.
    pub events: Vec<HistoryEvent>,
    /// For each partition, up to which position this has come.
    pub upto: Vec<Position>,
}

/// Up to `limit` events of all partitions after these positions, and none after `released`.
pub(crate) fn read_on(
    reader: &dyn LogReader,
    after: &[Position],
    released: &[Position],
    limit: usize,
) -> Result<Chapter, LogError> {
    let mut chapter = Chapter { events: Vec::with_capacity(limit), upto: after.to_vec() };
    let mut parts = Vec::with_capacity(after.len());
    for (partition, (after, released)) in (0..).zip(after.iter().zip(released)) {
        let records =
            if after < released { reader.scan(partition, *after, limit)? } else { vec![] };
        let shown = records.into_iter().take_while(|record| record.position <= *released);
        let events: Vec<_> = shown.map(entry).collect::<Result<_, _>>()?;
        parts.push(events.into_iter().peekable());
    }
    while chapter.events.len() < limit {
        let at =
            |next: &(Position, Option<HistoryEvent>)| next.1.as_ref().map(|past| past.event.at);
        let heads = parts.iter_mut().enumerate();
        let heads = heads.filter_map(|(part, events)| events.peek().map(|next| (at(next), part)));
        let Some((_, first)) = heads.min() else { break };
        let next = parts.get_mut(first).and_then(Iterator::next);
        if let Some((position, event)) = next {
            chapter.upto[first] = position;
            chapter.events.extend(event);
        }
    }
    Ok(chapter)
}

/// Where a record stands, and what it says if it is an event.
fn entry(record: Record) -> Result<(Position, Option<HistoryEvent>), LogError> {
    let Record { partition, position, entry } = record;
    let event = match entry {
        Entry::Barrier => None,
        Entry::Event(event) => Some(open(event).map_err(|error| LogError::Damaged {
            partition,
            position,
            what: format!("an unreadable record: {error}"),
        })?),
    };
    Ok((position, event))
}
