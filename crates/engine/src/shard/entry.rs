//! One auction inside a shard: its tentative state, its chain, the commands it has accepted.

use crate::dedup::Accepted;
use crate::log::{EventRecord, Position};
use crate::snapshot::{Damage, Snapshot, applied, continues};
use crate::views::Change;
use gavel_auction::auction::Auction;
use gavel_auction::event::{Event, Fact, HouseId};
use gavel_auction::ids::{AuctionId, Paddle, UserId};
use gavel_auction::time::Time;
use gavel_proof::codec::After;
use gavel_proof::keys::{AuctionKey, LogKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One auction inside a shard.
pub(crate) struct Entry {
    pub(crate) auction: Auction,
    /// The last event, which the next one continues.
    pub(super) last: After,
    /// Where the last event stands.
    pub(super) position: Position,
    pub(super) accepted: Accepted,
    /// Under which deadline it is indexed.
    pub(super) deadline: Option<Time>,
    /// Whether the open batch touches it.
    pub(super) touched: bool,
    /// Whether nothing more is decided: its rules have panicked, or its history is damaged.
    pub(super) closed_off: bool,
    /// What is reserved of whom, if that is counted.
    pub(crate) reserved: BTreeMap<UserId, i64>,
    /// Whether that was at most one bidder's.
    pub(crate) one_reserved: bool,
    key: Option<Arc<AuctionKey>>,
    /// Whom the open batch concerns, in order.
    concerned: Vec<UserId>,
    /// Where events stand that readers do not know of yet.
    unpublished: Vec<Position>,
}

impl Entry {
    pub(super) fn new(id: AuctionId, house: HouseId) -> Self {
        Self::recovered(Snapshot::new(id, house))
    }

    /// The key of its commitments. Kept at hand once somebody bids: most auctions wait for long.
    pub(super) fn key(&mut self, log_key: &LogKey, house: HouseId) -> Arc<AuctionKey> {
        if let Some(key) = &self.key {
            return Arc::clone(key);
        }
        let key = Arc::new(log_key.auction(house, self.auction.id()));
        if self.auction.book().is_some_and(|book| !book.bidders().is_empty()) {
            self.key = Some(Arc::clone(&key));
        }
        key
    }

    /// Notes an event that the auction has just taken.
    pub(super) fn note(&mut self, event: &Event, last: After, position: Position) {
        self.last = last;
        self.position = position;
        self.unpublished.push(position);
        if let Some(user) = self.concerns(event) {
            self.concerned.push(user);
        }
    }

    /// Takes an event from the log, after checking that it continues the chain.
    pub(super) fn restore(&mut self, record: &EventRecord, at: Position) -> Result<(), Damage> {
        let After::Hash(chain) = self.last else {
            let (auction, version) = (record.auction, record.version);
            let what = "an event before it is not written yet".to_owned();
            return Err(Damage { auction, version, position: at, what });
        };
        let (event, origin) = continues(&self.auction, &chain, self.position, record, at)?;
        applied(&mut self.auction, &event, at)?;
        self.note(&event, After::Hash(record.hash), at);
        self.accepted.note(&origin, event.version);
        Ok(())
    }

    /// An auction as a snapshot and what followed it have made it. Readers know nothing of it yet.
    pub(super) fn recovered(snapshot: Snapshot) -> Self {
        let position = snapshot.position();
        let Snapshot { auction, chain, accepted, positions } = snapshot;
        Self {
            auction,
            last: After::Hash(chain),
            position,
            accepted,
            deadline: None,
            touched: false,
            closed_off: false,
            reserved: BTreeMap::new(),
            one_reserved: true,
            key: None,
            concerned: Vec::new(),
            unpublished: positions,
        }
    }

    /// Whom the open batch concerns, from this one on.
    pub(super) fn concerned(&self, from: usize) -> Vec<UserId> {
        self.concerned.get(from..).unwrap_or_default().to_vec()
    }

    /// How many it concerns so far.
    pub(super) fn concerns_so_far(&self) -> usize {
        self.concerned.len()
    }

    /// What the batch that is being taken changes for readers.
    pub(super) fn change(&mut self) -> Option<Change> {
        let head = super::shown(&self.auction)?;
        let users = self.concerned.drain(..);
        let mine = users.filter_map(|user| Some((user, self.auction.mine(user)?))).collect();
        Some(Change { head, mine, positions: std::mem::take(&mut self.unpublished) })
    }

    /// All that readers should see of it.
    pub(super) fn whole_change(&mut self) -> Option<Change> {
        let bidders = self.auction.book().map(|book| book.bidders()).unwrap_or_default();
        self.concerned = bidders.iter().map(|bidder| bidder.user).collect();
        let change = self.change();
        self.unpublished.shrink_to_fit();
        self.concerned.shrink_to_fit();
        change
    }

    fn concerns(&self, event: &Event) -> Option<UserId> {
        let book = self.auction.book()?;
        let of = |paddle: Paddle| book.bidder(paddle).map(|bidder| bidder.user);
        if let Fact::BidRetracted(undone) | Fact::BidVoided(undone) = &event.fact {
            return of(book.bid(undone.bid)?.paddle);
        }
        if let Fact::BidderApproved { paddle } | Fact::BidderDeclined { paddle } = &event.fact {
            return of(*paddle);
        }
        of(event.bidder()?)
    }
}

/// An auction is indexed under its next deadline.
pub(super) fn reindex(deadlines: &mut BTreeSet<(Time, AuctionId)>, entry: &mut Entry) {
    let next = entry.auction.next_deadline();
    if next == entry.deadline {
        return;
    }
    let id = entry.auction.id();
    if let Some(former) = entry.deadline {
        deadlines.remove(&(former, id));
    }
    if let Some(next) = next {
        deadlines.insert((next, id));
    }
    entry.deadline = next;
}
