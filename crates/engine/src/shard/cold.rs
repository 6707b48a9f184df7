//! Auctions that are settled and have left memory: which ones, and the commands that wait until
//! theirs has come back. The shard loads nothing: it says what it wants, and is given it.

use super::Shard;
use super::entry::Entry;
use crate::answer::Failure;
use crate::effect::Settled;
use crate::inbox::Ask;
use crate::limits;
use crate::log::Position;
use crate::snapshot::Snapshot;
use crate::views::Change;
use gavel_auction::ids::AuctionId;
use gavel_auction::time::Time;
use gavel_proof::codec::After;
use std::collections::BTreeSet;

/// What is not in memory, and who waits for it.
pub(super) struct Cold<R> {
    auctions: BTreeSet<AuctionId>,
    /// Commands in the order in which they came.
    parked: Vec<(Ask, Time, R)>,
    wanted: Vec<AuctionId>,
}

impl<R> Default for Cold<R> {
    fn default() -> Self {
        Self { auctions: BTreeSet::new(), parked: Vec::new(), wanted: Vec::new() }
    }
}

impl<R> Cold<R> {
    pub(super) fn contains(&self, id: AuctionId) -> bool {
        self.auctions.contains(&id)
    }

    pub(super) fn forget(&mut self, id: AuctionId) -> bool {
        self.auctions.remove(&id)
    }
}

impl<R> Shard<R> {
    /// Notes auctions that stay out of memory until somebody asks for them.
    pub fn leave_cold(&mut self, auctions: impl IntoIterator<Item = AuctionId>) {
        self.cold.auctions.extend(auctions);
    }

    /// Keeps a command until its auction has been loaded; too many are refused.
    pub(super) fn park(&mut self, ask: Ask, entered: Time, reply: R) {
        if self.cold.parked.len() >= limits::PARKED {
            self.open.replies.push((reply, Settled::Failed(Failure::Overloaded)));
            return;
        }
        let id = ask.auction;
        if !self.cold.parked.iter().any(|(parked, ..)| parked.auction == id) {
            self.cold.wanted.push(id);
        }
        self.cold.parked.push((ask, entered, reply));
    }

    /// Which auctions are to be loaded: each is to be answered by [`Shard::loaded`] or
    /// [`Shard::not_loaded`].
    pub fn wanted(&mut self) -> Vec<AuctionId> {
        std::mem::take(&mut self.cold.wanted)
    }

    /// Asks for an auction once more, which nobody had time for.
    pub fn want_again(&mut self, id: AuctionId) {
        self.cold.wanted.push(id);
    }

    /// How many commands wait for an auction to be loaded.
    #[must_use]
    pub const fn parked(&self) -> usize {
        self.cold.parked.len()
    }

    /// An auction that was wanted. What waited for it is decided when this is followed by
    /// [`Shard::unpark`], once readers know it too.
    pub fn loaded(&mut self, snapshot: Snapshot) -> Option<Change> {
        if !self.cold.forget(snapshot.auction().id()) {
            return None; // It is here already.
        }
        self.admit(snapshot)
    }

    /// An auction that was wanted and cannot be had: its history is damaged.
    pub fn not_loaded(&mut self, id: AuctionId) {
        if self.cold.contains(id) {
            self.quarantine(id);
        }
    }

    /// An auction that was wanted and cannot be read before the house stops: nothing was done.
    pub fn turn_away(&mut self, id: AuctionId) {
        for (_, _, reply) in self.cold.parked.extract_if(.., |(ask, ..)| ask.auction == id) {
            self.open.replies.push((reply, Settled::Failed(Failure::Stopping)));
        }
    }

    /// Decides what waited for an auction.
    pub fn unpark(&mut self, id: AuctionId) {
        let parked = std::mem::take(&mut self.cold.parked);
        for (ask, entered, reply) in parked {
            if ask.auction == id {
                self.submit(ask, entered, reply);
            } else {
                self.cold.parked.push((ask, entered, reply));
            }
        }
    }

    /// Lets an auction leave memory, if it is settled, and all of it is in a snapshot: those reach
    /// up to `covered`. Returns where its last event stands.
    pub fn let_go(&mut self, id: AuctionId, covered: Position) -> Option<Position> {
        let safe = covered.min(self.durable);
        let may_go = |entry: &Entry| {
            let written = matches!(entry.last, After::Hash(_)) && !entry.touched;
            entry.auction.is_settled() && written && !entry.closed_off && entry.position <= safe
        };
        let position = self.auctions.get(&id).filter(|entry| may_go(entry))?.position;
        self.forget(id);
        self.cold.auctions.insert(id);
        Some(position)
    }
}
