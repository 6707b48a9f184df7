//! A batch under way: what was decided, what of it is written, and the effects that wait for it.

use super::wanted::Wanted;
use crate::effect::Settled;
use crate::log::{Entry, EventRecord, Partition, Position, Record};
use crate::views::Change;
use gavel_auction::event::Event;
use gavel_auction::ids::AuctionId;
use gavel_proof::codec::{After, Draft, Origin, Written};
use gavel_proof::keys::AuctionKey;
use std::sync::Arc;

/// A batch under way.
pub(super) struct Held<R> {
    /// What is written of it, in position order.
    pub(super) records: Vec<Record>,
    /// What is decided but not written yet: nobody needs its evidence before the batch is taken,
    /// and that of many events together costs a fraction.
    pub(super) decided: Vec<Decided>,
    pub(super) replies: Vec<(R, Settled)>,
    /// Which replies want receipts, and what those will say.
    pub(super) wanted: Vec<Wanted>,
    /// The auctions it touches, each once, in order.
    pub(super) touched: Vec<AuctionId>,
    pub(super) changes: Vec<Change>,
    pub(super) last: Position,
}

impl<R> Default for Held<R> {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            decided: Vec::new(),
            replies: Vec::new(),
            wanted: Vec::new(),
            touched: Vec::new(),
            changes: Vec::new(),
            last: 0,
        }
    }
}

/// An event that was decided and is not written yet.
pub(super) struct Decided {
    pub(super) event: Arc<Event>,
    pub(super) origin: Origin,
    pub(super) key: Arc<AuctionKey>,
    /// The auction's event before it; a draft's place is that among the decided of this batch.
    pub(super) after: After,
    /// Where that event stands, and where this one will.
    pub(super) previous: Position,
    pub(super) position: Position,
}

impl Decided {
    /// As one of several drafts, the first of this batch at place `first`.
    pub(super) fn draft(&self, first: usize) -> Draft<'_> {
        let after = match self.after {
            After::Hash(hash) => After::Hash(hash),
            After::Draft(place) => After::Draft(first + place),
        };
        Draft { event: &self.event, origin: &self.origin, key: &self.key, after }
    }

    /// As it goes into the log.
    pub(super) fn record(&self, partition: Partition, written: Written) -> Record {
        let Written { public, sealed, hash } = written;
        let event = EventRecord {
            auction: self.event.auction,
            version: self.event.version,
            previous: self.previous,
            hash,
            public,
            sealed,
        };
        Record { partition, position: self.position, entry: Entry::Event(event) }
    }
}
