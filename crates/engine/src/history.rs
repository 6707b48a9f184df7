//! History: events as they were written, read from the log: one auction's by position, or
//! everybody's, a page after the other.

use crate::log::{Entry, EventRecord, LogError, LogReader, Partition, Position, Record};
use crate::snapshot::Damage;
use gavel_auction::event::{Digest, Event, HouseId};
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::mutant;
use gavel_proof::chain::{genesis, link};
use gavel_proof::codec::{Origin, decode};
use std::collections::VecDeque;

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

/// Up to `limit` events of all partitions after these positions, and none after `released`. What
/// cannot be read is left out, as a barrier is, and said.
pub(crate) fn read_on(
    reader: &dyn LogReader,
    after: &[Position],
    released: &[Position],
    limit: usize,
) -> Result<(Chapter, Vec<Damage>), LogError> {
    let mut chapter = Chapter { events: Vec::with_capacity(limit), upto: after.to_vec() };
    let mut damages = Vec::new();
    // So much of each at first: of all together about as much is read as will be shown.
    let page = limit.div_ceil(after.len().max(1));
    let parts = (0..).zip(after.iter().zip(released));
    let mut parts: Vec<Part<'_>> = parts
        .map(|(partition, (after, released))| Part {
            reader,
            partition,
            after: *after,
            released: *released,
            page,
            records: VecDeque::new(),
            next: None,
        })
        .collect();
    for part in &mut parts {
        part.look(&mut damages)?;
    }
    while chapter.events.len() < limit {
        let at = |part: &Part<'_>| {
            let (_, event) = part.next.as_ref()?;
            Some(event.as_ref().map(|past| past.event.at))
        };
        let heads = parts.iter().enumerate();
        let heads = heads.filter_map(|(index, part)| at(part).map(|at| (at, index)));
        let Some((_, first)) = heads.min() else { break };
        let part = &mut parts[first];
        if let Some((position, event)) = part.next.take() {
            chapter.upto[first] = position;
            chapter.events.extend(event);
        }
        part.look(&mut damages)?;
    }
    Ok((chapter, damages))
}

/// What is still to be read of a partition, a page at a time; only the next record is taken apart.
struct Part<'a> {
    reader: &'a dyn LogReader,
    partition: Partition,
    after: Position,
    released: Position,
    page: usize,
    records: VecDeque<Record>,
    /// Where the next record stands, and what it says if it is an event that can be read.
    next: Option<(Position, Option<HistoryEvent>)>,
}

impl Part<'_> {
    /// Looks at the next record, if there is one.
    fn look(&mut self, damages: &mut Vec<Damage>) -> Result<(), LogError> {
        if self.records.is_empty() && self.after < self.released {
            let records = self.reader.scan(self.partition, self.after, self.page)?;
            let shown = records.into_iter().take_while(|one| one.position <= self.released);
            self.records.extend(shown);
            self.after = self.records.back().map_or(self.released, |last| last.position);
        }
        self.next = self.records.pop_front().map(|Record { position, entry, .. }| {
            let event = match entry {
                Entry::Barrier => None,
                Entry::Event(record) => {
                    let (auction, version) = (record.auction, record.version);
                    let damage = |error: gavel_proof::codec::CodecError| {
                        let what = format!("it cannot be read: {error}");
                        Damage { auction, version, position, what }
                    };
                    open(record).map_err(|error| damages.push(damage(error))).ok()
                }
            };
            (position, event)
        });
        Ok(())
    }
}
