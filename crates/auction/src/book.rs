//! The book of one auction: who has which paddle, which bids stand, who ranks where. Every call
//! costs O(log n) in the number of bids. Knows no time and no rules but what "better" means.

use crate::event::Channel;
use crate::ids::{BidId, Paddle, UserId, Version};
use crate::money::Amount;
use crate::rules::score::Score;
use crate::time::Time;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

/// A bid that was accepted, whether or not it still stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bid {
    /// Its id: the version of its event.
    pub id: BidId,
    /// Whose.
    pub paddle: Paddle,
    /// How much; a maximum where bids are proxies.
    pub amount: Amount,
    /// When.
    pub at: Time,
    /// How it came, where a clerk placed it.
    pub channel: Option<Channel>,
    /// The clerk who placed it.
    pub clerk: Option<UserId>,
    /// Whether the house doubled it.
    pub promoted: bool,
    /// Whether it still stands.
    pub standing: bool,
    /// Since which version it holds its place among equals.
    pub(crate) place: Version,
    /// The promotion interval it fell into.
    pub(crate) interval: u64,
    /// Whether it fell into that interval's first half.
    pub(crate) early: bool,
    /// Whether it was its bidder's first.
    pub(crate) newcomer: bool,
}

impl Bid {
    /// What it counts for in the ranking: doubled if promoted.
    #[must_use]
    pub fn counts_for(&self) -> i64 {
        if self.promoted { self.amount.minor() * 2 } else { self.amount.minor() }
    }
}

/// Whether a paddle may bid where that needs approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Approval {
    /// Nobody has said yet.
    Pending,
    /// Yes.
    Approved,
    /// No.
    Declined,
}

/// Somebody with a paddle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bidder {
    /// Who.
    pub user: UserId,
    /// Whether he may bid where that needs approval.
    pub approval: Approval,
    /// How many bids he has placed in all.
    pub placed: u64,
    /// His bids in version order; the last one always stands, others may not any more.
    stack: Vec<BidId>,
    /// The last of them, kept at hand: every bid of his is measured against it.
    latest: Option<Latest>,
    /// Those of his bids that were promoted.
    promoted: Vec<BidId>,
    /// His one entry in the ranking.
    ranked: Option<Rank>,
}

impl Bidder {
    /// The bid that he is ranked by: the best of his that stand.
    pub(crate) fn best(&self) -> Option<BidId> {
        self.ranked.map(|rank| rank.bid)
    }
}

/// A bidder's latest standing bid, as far as the next one is measured against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    /// Its id.
    pub id: BidId,
    /// How much; a maximum where bids are proxies.
    pub amount: Amount,
    /// The clerk who placed it.
    pub clerk: Option<UserId>,
}

/// A bidder's best standing bid. The greatest rank leads: the best score, then the earliest place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Rank {
    pub(crate) score: Score,
    pub(crate) place: Reverse<Version>,
    pub(crate) paddle: Paddle,
    pub(crate) bid: BidId,
}

/// The two best bidders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Top {
    pub(crate) leader: Rank,
    pub(crate) second: Option<Rank>,
}

/// The book of an auction. Takes no room while nobody has a paddle, as in most that are open.
#[derive(Clone, Debug, Default)]
pub struct Book(Option<Box<Pages>>);

/// All bidders and bids of one auction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages {
    bids: Vec<Bid>,
    bidders: Vec<Bidder>,
    by_user: BTreeMap<UserId, Paddle>,
    ranking: BTreeSet<Rank>,
    /// The ranking's upper end, kept at hand: every bid is judged by it.
    top: Option<Top>,
    standing: u64,
    active: u64,
}

static EMPTY: Pages = Pages::new();

impl Deref for Book {
    type Target = Pages;

    fn deref(&self) -> &Pages {
        self.0.as_deref().unwrap_or(&EMPTY)
    }
}

impl DerefMut for Book {
    fn deref_mut(&mut self) -> &mut Pages {
        self.0.get_or_insert_with(|| Box::new(Pages::new()))
    }
}

impl PartialEq for Book {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Book {}

impl Serialize for Book {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Book {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let pages = Pages::deserialize(from)?;
        Ok(Self((pages != EMPTY).then(|| Box::new(pages))))
    }
}

impl Pages {
    const fn new() -> Self {
        Self {
            bids: Vec::new(),
            bidders: Vec::new(),
            by_user: BTreeMap::new(),
            ranking: BTreeSet::new(),
            top: None,
            standing: 0,
            active: 0,
        }
    }

    /// Every bid that was accepted, in version order.
    #[must_use]
    pub fn bids(&self) -> &[Bid] {
        &self.bids
    }

    /// How many bids stand.
    #[must_use]
    pub const fn standing(&self) -> u64 {
        self.standing
    }

    /// How many bidders have placed a bid.
    #[must_use]
    pub const fn bidders_with_bids(&self) -> u64 {
        self.active
    }

    /// The bid with this id.
    #[must_use]
    pub fn bid(&self, id: BidId) -> Option<&Bid> {
        self.index(id).and_then(|index| self.bids.get(index))
    }

    /// Everybody with a paddle, by number.
    #[must_use]
    pub fn bidders(&self) -> &[Bidder] {
        &self.bidders
    }

    /// Who holds this paddle.
    #[must_use]
    pub fn bidder(&self, paddle: Paddle) -> Option<&Bidder> {
        self.bidders.get(slot_of(paddle))
    }

    /// The user's paddle.
    #[must_use]
    pub fn paddle_of(&self, user: UserId) -> Option<Paddle> {
        self.by_user.get(&user).copied()
    }

    /// The bidder's latest bid that stands.
    #[must_use]
    pub fn latest(&self, paddle: Paddle) -> Option<Latest> {
        self.bidder(paddle)?.latest
    }

    /// The paddle that leads.
    #[must_use]
    pub fn leader(&self) -> Option<Paddle> {
        self.top.map(|top| top.leader.paddle)
    }

    /// The number that the next bidder gets.
    pub(crate) fn next_paddle(&self) -> Paddle {
        let next = i64::try_from(self.bidders.len()).ok().and_then(|count| Paddle::new(count + 1));
        next.expect("fewer bidders than 2^53")
    }

    pub(crate) const fn top(&self) -> Option<Top> {
        self.top
    }

    /// The two best if `paddle`'s best bid were `rank`.
    pub(crate) fn top_if(&self, paddle: Paddle, rank: Option<Rank>) -> Option<Top> {
        let (first, next) = self.best_others(paddle);
        match (first, rank) {
            (None, None) => None,
            (None, Some(own)) => Some(Top { leader: own, second: None }),
            (Some(leader), None) => Some(Top { leader, second: next }),
            (Some(other), Some(own)) if own > other => {
                Some(Top { leader: own, second: Some(other) })
            }
            (Some(leader), Some(own)) => {
                Some(Top { leader, second: Some(next.map_or(own, |next| next.max(own))) })
            }
        }
    }

    /// The two best of everybody but `paddle`.
    fn best_others(&self, paddle: Paddle) -> (Option<Rank>, Option<Rank>) {
        let is_other = |rank: &Rank| rank.paddle != paddle;
        match self.top {
            None => (None, None),
            Some(Top { leader, second })
                if is_other(&leader) && second.is_none_or(|second| is_other(&second)) =>
            {
                (Some(leader), second)
            }
            Some(_) => {
                let mut others = self.ranking.iter().rev().filter(|rank| is_other(rank));
                (others.next().copied(), others.next().copied())
            }
        }
    }

    /// The bidder's best bid if `without` did not stand.
    pub(crate) fn rank_without(
        &self,
        paddle: Paddle,
        without: BidId,
        score: impl Fn(&Bid) -> Score,
    ) -> Option<Rank> {
        let bidder = self.bidder(paddle)?;
        let stands = |bid: &&Bid| bid.standing && bid.id != without;
        let latest = bidder.stack.iter().rev().filter_map(|id| self.bid(*id)).find(stands);
        let promoted = bidder.promoted.iter().filter_map(|id| self.bid(*id)).filter(stands);
        latest.into_iter().chain(promoted).map(|bid| Rank::of(bid, &score)).max()
    }

    /// Gives the user the next paddle.
    pub(crate) fn register(&mut self, user: UserId) -> Paddle {
        let paddle = self.next_paddle();
        self.by_user.insert(user, paddle);
        self.bidders.push(Bidder {
            user,
            approval: Approval::Pending,
            placed: 0,
            stack: Vec::new(),
            latest: None,
            promoted: Vec::new(),
            ranked: None,
        });
        paddle
    }

    pub(crate) fn approve(&mut self, paddle: Paddle, approval: Approval) {
        if let Some(bidder) = self.bidders.get_mut(slot_of(paddle)) {
            bidder.approval = approval;
        }
    }

    /// Enters a bid that stands; it becomes its bidder's entry in the ranking.
    pub(crate) fn place(&mut self, bid: Bid, score: Score) {
        let rank = Rank { score, place: Reverse(bid.place), paddle: bid.paddle, bid: bid.id };
        let top = self.top_if(bid.paddle, Some(rank));
        let bidder = self.bidders.get_mut(slot_of(bid.paddle)).expect("who bids has a paddle");
        let former = bidder.ranked;
        let kept = bidder.promoted.is_empty() || former.is_none_or(|former| former < rank);
        self.active += u64::from(bidder.placed == 0);
        bidder.placed += 1;
        bidder.stack.push(bid.id);
        bidder.latest = Some(Latest { id: bid.id, amount: bid.amount, clerk: bid.clerk });
        if kept {
            self.top = top;
            bidder.ranked = Some(rank);
            if let Some(former) = former {
                self.ranking.remove(&former);
            }
            self.ranking.insert(rank);
        }
        self.standing += 1;
        self.bids.push(bid);
    }

    /// Marks a bid as doubled, and ranks its bidder anew.
    pub(crate) fn promote(&mut self, id: BidId, score: impl Fn(&Bid) -> Score) {
        let Some(index) = self.index(id) else { return };
        let Some(bid) = self.bids.get_mut(index) else { return };
        bid.promoted = true;
        let paddle = bid.paddle;
        if let Some(bidder) = self.bidders.get_mut(slot_of(paddle)) {
            bidder.promoted.push(id);
        }
        self.rank_anew(paddle, score);
    }

    /// Takes a bid out, and ranks its bidder anew.
    pub(crate) fn remove(&mut self, id: BidId, score: impl Fn(&Bid) -> Score) {
        let Some(index) = self.index(id) else { return };
        let Some(bid) = self.bids.get_mut(index) else { return };
        if !bid.standing {
            return;
        }
        bid.standing = false;
        self.standing -= 1;
        let paddle = bid.paddle;
        let bids = &self.bids;
        let find = |id: &BidId| {
            let found = bids.binary_search_by_key(id, |bid| bid.id).ok();
            found.and_then(|index| bids.get(index)).filter(|bid| bid.standing)
        };
        if let Some(bidder) = self.bidders.get_mut(slot_of(paddle)) {
            bidder.promoted.retain(|promoted| *promoted != id);
            while bidder.stack.last().is_some_and(|last| find(last).is_none()) {
                bidder.stack.pop();
            }
            let last = bidder.stack.last().and_then(find);
            let latest = |bid: &Bid| Latest { id: bid.id, amount: bid.amount, clerk: bid.clerk };
            bidder.latest = last.map(latest);
        }
        self.rank_anew(paddle, score);
    }

    /// Bids from `first` on, in version order.
    pub(crate) fn bids_from(&self, first: BidId) -> &[Bid] {
        let from = self.bids.partition_point(|bid| bid.id < first);
        self.bids.get(from..).unwrap_or_default()
    }

    fn rank_anew(&mut self, paddle: Paddle, score: impl Fn(&Bid) -> Score) {
        let rank = self.rank_without(paddle, 0, score);
        let Some(bidder) = self.bidders.get_mut(slot_of(paddle)) else { return };
        if let Some(former) = std::mem::replace(&mut bidder.ranked, rank) {
            self.ranking.remove(&former);
        }
        if let Some(rank) = rank {
            self.ranking.insert(rank);
        }
        let mut ranks = self.ranking.iter().rev().copied();
        self.top = ranks.next().map(|leader| Top { leader, second: ranks.next() });
    }

    fn index(&self, id: BidId) -> Option<usize> {
        self.bids.binary_search_by_key(&id, |bid| bid.id).ok()
    }
}

impl Rank {
    fn of(bid: &Bid, score: impl Fn(&Bid) -> Score) -> Self {
        Self { score: score(bid), place: Reverse(bid.place), paddle: bid.paddle, bid: bid.id }
    }
}

fn slot_of(paddle: Paddle) -> usize {
    usize::try_from(paddle.get() - 1).unwrap_or(usize::MAX)
}
