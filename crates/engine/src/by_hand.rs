//! A house that somebody else pumps: the very parts of a house that runs, without its threads. The
//! simulator says when the loop turns, when the disk has written, when the feed carries on, what
//! time it is. Decides nothing that a running house does not decide.

use crate::clock::Clock;
use crate::committer::{Commit, Committed, Unsettled, Writer};
use crate::drive::{Drive, Turn};
use crate::engine::Engine;
use crate::feed;
use crate::keeper::Keeper;
use crate::log::{Partition, Record};
use crate::projection;
use crate::recover::Recovery;
use crate::residents::{self, Loader};
use crate::scrub;
use crate::start::{Opened, Parts, StartError, open};
use gavel_auction::auction::Auction;
use gavel_auction::ids::AuctionId;
use gavel_auction::time::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// A house that is pumped by hand.
pub struct ByHand {
    /// The handle on it.
    pub engine: Engine,
    /// What was read at the start.
    pub recovery: Recovery,
    drive: Drive<Writing>,
    orders: Receiver<AuctionId>,
    keeper: Option<Keeper>,
}

/// The committer, stage by stage.
struct Writing {
    writer: Writer,
    batch: Option<Vec<Record>>,
    unsettled: bool,
    ended: Option<Committed>,
}

impl Commit for Writing {
    fn commit(&mut self, records: Vec<Record>) {
        self.batch = Some(records);
    }

    fn await_end(&mut self, _: Duration) -> Option<Committed> {
        self.ended()
    }

    fn ended(&mut self) -> Option<Committed> {
        self.ended.take()
    }

    fn pause(&mut self, _: Duration) {}
}

/// Where the batch under way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing is under way.
    Idle,
    /// The committer has a batch of so many records, and the disk has not begun.
    Handed(usize),
    /// Its outcome is unknown, and the store is to be opened again.
    Unsettled,
    /// It has ended; the loop does not know yet.
    Ended,
}

impl ByHand {
    /// Recovers a house, as [`crate::start`] does, and leaves it standing still. It keeps so many
    /// bytes for those who listen to an auction.
    ///
    /// # Errors
    /// If the log cannot be read; if it is damaged, exactly where.
    pub fn begin(parts: Parts, clock: Clock, feed_bytes: usize) -> Result<Self, StartError> {
        let Opened { shared, shards, log, recovery } = open(parts, clock, 1, feed_bytes)?;
        let partitions = Partition::try_from(shards.len()).expect("as many as their numbers");
        let writer = Writer::new(log, Arc::clone(&shared.reader), partitions);
        let writing = Writing { writer, batch: None, unsettled: false, ended: None };
        let (loader, orders) = Loader::new();
        let stopping = Arc::new(AtomicBool::new(false));
        let drive = Drive::new(Arc::clone(&shared), shards, writing, loader, stopping);
        let keeper = shared.snapshots.as_deref().map(|kept| Keeper::begin(&shared, kept));
        Ok(Self { engine: Engine { shared }, recovery, drive, orders, keeper })
    }

    /// One turn of the drive loop; whether it did anything.
    pub fn turn(&mut self) -> bool {
        let Turn { ended, took, sent, .. } = self.drive.turn();
        ended || took > 0 || sent
    }

    /// Takes nothing more in: the house is to stop once everybody has been answered.
    pub fn close(&self) {
        self.engine.shared.inboxes.iter().for_each(crate::inbox::Inbox::close);
        self.drive.stopping.store(true, Ordering::Release);
    }

    /// Where the batch under way is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        let writing = &self.drive.committer;
        match &writing.batch {
            Some(batch) => Stage::Handed(batch.len()),
            None if writing.unsettled => Stage::Unsettled,
            None if writing.ended.is_some() => Stage::Ended,
            None => Stage::Idle,
        }
    }

    /// The disk has its try at the batch that was handed over.
    pub fn write(&mut self) {
        let writing = &mut self.drive.committer;
        let Some(batch) = writing.batch.take() else { return };
        match writing.writer.commit(batch) {
            Ok(committed) => writing.ended = Some(committed),
            Err(Unsettled) => writing.unsettled = true,
        }
    }

    /// The store is opened again after an unknown outcome; whether that has worked.
    pub fn settle(&mut self) -> bool {
        let writing = &mut self.drive.committer;
        if writing.unsettled && writing.writer.settle() {
            writing.unsettled = false;
            writing.ended = Some(Committed::Settled);
        }
        !writing.unsettled
    }

    /// When time will next do something by itself.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        self.drive.shards.iter().filter_map(crate::shard::Shard::next_deadline).min()
    }

    /// The feed's thread does what there is to do.
    pub fn carry(&self) {
        while feed::carry_on(&self.engine) {}
    }

    /// Whether the feed's thread was asked to read the log for somebody.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.engine.shared.feed.is_asked()
    }

    /// The loader's thread does what there is to do; how many auctions it loaded.
    pub fn load(&self) -> usize {
        let orders = self.orders.try_iter();
        let deliver = |id| residents::deliver(&self.engine.shared, id, &self.drive.stopping);
        orders.map(deliver).count()
    }

    /// The keeper's thread looks once at each partition.
    pub fn keep(&mut self) {
        let shared = &self.engine.shared;
        if let (Some(keeper), Some(snapshots)) = (&mut self.keeper, shared.snapshots.as_deref()) {
            keeper.turn(shared, snapshots, &|| false);
        }
    }

    /// The lists' thread brings them up.
    pub fn project(&self) {
        projection::bring_up(&self.engine.shared);
    }

    /// The scrub reads everything once.
    pub fn scrub(&self) {
        scrub::read_all(&self.engine.shared);
    }

    /// The auctions in memory as the shards have them, ahead of the log.
    pub fn auctions(&self) -> impl Iterator<Item = &Auction> {
        self.drive.shards.iter().flat_map(crate::shard::Shard::auctions)
    }

    /// How many commands wait for an auction to be loaded.
    #[must_use]
    pub fn parked(&self) -> usize {
        self.drive.shards.iter().map(crate::shard::Shard::parked).sum()
    }
}
