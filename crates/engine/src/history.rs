//! History: events as they were written, read from the log: one auction's by position, or
//! everybody's, a page after the other.

use crate::log::{Entry, EventRecord, LogError, LogReader, Partition, Position, Record};
use crate::snapshot::Damage;
use gavel_auction::event::{Digest, Event, HouseId};
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::mutant;
use gavel_proof::chain::{genesis, link};
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

/// Whose history is read.
#[derive(Clone, Copy)]
pub(crate) struct Of {
    pub(crate) house: HouseId,
    pub(crate) partition: Partition,
    pub(crate) auction: AuctionId,
}

/// The events of an auction that stand at these positions, which follow version `after`; or what is
/// damaged, for each must continue the one before. The first is held against its own word if that
/// is not the auction's first.
pub(crate) fn read_history(
    reader: &dyn LogReader,
    of: Of,
    after: Version,
    positions: &[Position],
) -> Result<Result<Vec<HistoryEvent>, Damage>, LogError> {
    let Of { house, partition, auction } = of;
    let mut before = (after == 0).then(|| genesis(house, auction));
    let mut history = Vec::with_capacity(positions.len());
    for (position, version) in positions.iter().zip(after + 1..) {
        let record = reader.get(partition, *position)?;
        let damaged = |what: &str| {
            Ok(Err(Damage { auction, version, position: *position, what: what.to_owned() }))
        };
        let event = match record.map(|record| record.entry) {
            Some(Entry::Event(event)) if event.auction == auction && event.version == version => {
                event
            }
            Some(Entry::Event(_) | Entry::Barrier) => {
                return damaged("another record stands here");
            }
            None => return damaged("no record stands here"),
        };
        let linked = |before| link(&before, &event.public) == event.hash;
        if !before.is_none_or(linked) && !mutant::on("chain_not_checked") {
            return damaged("it does not continue the chain");
        }
        before = Some(event.hash);
        match open(event) {
            Ok(event) if (event.event.auction, event.event.version) == (auction, version) => {
                history.push(event);
            }
            Ok(_) => return damaged("its public part names another event"),
            Err(_) => return damaged("it cannot be read"),
        }
    }
    Ok(Ok(history))
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
