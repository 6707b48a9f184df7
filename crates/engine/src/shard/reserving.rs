//! Spend limits at a shard: what it counts, and the headroom that goes into a decision.

use super::Shard;
use super::entry::Entry;
use crate::exposure::Exposure;
use gavel_auction::command::{Action, Actor, Command};
use gavel_auction::ids::AuctionId;
use std::sync::Arc;

/// Whether a shard counts, and where.
#[derive(Default)]
pub(super) struct Counting {
    exposure: Arc<Exposure>,
    on: bool,
}

impl Counting {
    /// An auction has come.
    pub(super) fn begin(&self, entry: &mut Entry) {
        if self.on {
            entry.reserve_all(&self.exposure);
        }
    }

    /// Something has happened in an auction that concerned whom it notes from this place on.
    pub(super) fn follow(&self, entry: &mut Entry, concerned: usize) {
        if self.on {
            let concerned = entry.concerned(concerned);
            entry.reserve_after(&self.exposure, &concerned);
        }
    }

    /// An auction is being forgotten.
    pub(super) fn free(&self, entry: &mut Entry) {
        entry.free(&self.exposure);
    }
}

impl<R> Shard<R> {
    /// The same shard, which counts together with all that share this.
    #[must_use]
    pub fn sharing(mut self, exposure: &Arc<Exposure>) -> Self {
        self.counting.exposure = Arc::clone(exposure);
        self
    }

    /// Counts what its auctions commit bidders to, from now on. All shards that count together
    /// begin before any of them decides.
    pub fn count(&mut self) {
        if !std::mem::replace(&mut self.counting.on, true) {
            self.auctions.values_mut().for_each(|entry| self.counting.begin(entry));
        }
    }

    /// Puts into a command how far whom it is for may go in this auction.
    pub(super) fn limit(&self, id: AuctionId, command: &mut Command) {
        let found = self.auctions.get(&id).filter(|_| self.counting.on);
        let Some(entry) = found else { return };
        let Actor::Person(person) = &mut command.actor else { return };
        let (auction, by) = (&entry.auction, person.user);
        let user = match &command.action {
            Action::Bid(bid) => bid.on_behalf_of.map_or(Some(by), |(paddle, _)| {
                auction.book()?.bidder(paddle).map(|bidder| bidder.user)
            }),
            Action::Accept { .. } | Action::BuyNow => Some(by),
            Action::Create(_)
            | Action::Publish
            | Action::Amend(_)
            | Action::Addendum { .. }
            | Action::Cancel { .. }
            | Action::Hold { .. }
            | Action::Resume
            | Action::Close { .. }
            | Action::Reopen { .. }
            | Action::Register
            | Action::Approve { .. }
            | Action::Decline { .. }
            | Action::Retract { .. }
            | Action::Void { .. }
            | Action::Certify { .. }
            | Action::Tick(_) => None,
        };
        if let (true, Some(user), Some(currency)) = (auction.commits(), user, auction.currency()) {
            let here = entry.reserved.get(&user).copied().unwrap_or(0);
            person.headroom = self.counting.exposure.headroom(user, currency, here);
        }
    }

    /// An auction is being closed off: what it has reserved stays so until the next start, for it
    /// may come back then.
    pub(super) fn keep_reserved(&mut self, id: AuctionId) {
        if let Some(entry) = self.auctions.get_mut(&id) {
            entry.reserved.clear();
        }
    }
}
