//! The best bids of one auction, from its public events: the best of each of the three best
//! bidders; of equals the earlier first. A proxy bid counts as much as everybody knows it to be
//! worth. Sealed bids are not known here.

use crate::feed::Live;
use gavel_auction::event::{BidPlaced, Fact, Shown};
use gavel_auction::ids::{BidId, Paddle, Version};
use gavel_auction::money::Amount;
use gavel_auction::mutant;
use gavel_auction::terms::Direction;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

/// How many are shown.
const SHOWN: usize = 3;

/// One of the best bids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TopBid {
    /// Whose.
    pub paddle: Paddle,
    /// What it is known to be worth, in minor units.
    pub amount: i64,
    /// The bid.
    pub bid: BidId,
}

/// The bids that stand, as far as they are public.
#[derive(Debug, Default)]
pub struct Standing {
    version: Version,
    reverse: bool,
    /// What was shown last.
    shown: Option<Shown>,
    bids: HashMap<BidId, (Paddle, i64)>,
    own: HashMap<Paddle, BTreeSet<Place>>,
    /// The best of each bidder.
    best: BTreeSet<(Place, Paddle)>,
}

/// The better first, then the earlier.
type Place = (Reverse<i64>, BidId);

/// What a batch of events means to those who watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Happened {
    /// Something about bids.
    pub bids: bool,
    /// The end moved.
    pub extended: bool,
    /// It ended.
    pub ended: bool,
}

#[derive(Deserialize)]
struct Public {
    #[serde(flatten)]
    fact: Fact,
}

impl Standing {
    /// Up to which version it goes.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Takes an event as it was published.
    pub fn take_live(&mut self, live: &Live, happened: &mut Happened) {
        // What is in the log was checked when it was written.
        if let Ok(Public { fact }) = serde_json::from_slice(&live.public) {
            self.take(live.version, &fact, happened);
        }
        self.version = live.version;
    }

    /// Takes an event.
    pub fn take(&mut self, version: Version, fact: &Fact, happened: &mut Happened) {
        self.version = version;
        let now = match fact {
            Fact::BidPlaced(placed) => {
                self.place(version, placed);
                &placed.now
            }
            Fact::BidRetracted(undone) | Fact::BidVoided(undone) => {
                if !mutant::on("undone_stays_on_top") {
                    self.remove(undone.bid);
                }
                &undone.now
            }
            Fact::BidPromoted { bid, now, .. } => {
                if let Some((paddle, amount)) = self.remove(*bid) {
                    self.put(*bid, paddle, amount.saturating_mul(2));
                }
                now
            }
            Fact::BuyNowTaken { .. } | Fact::ClockAccepted { .. } => {
                happened.bids = true;
                return;
            }
            Fact::Extended { .. } => {
                happened.extended = true;
                return;
            }
            Fact::Closed { .. } | Fact::Cancelled { .. } => {
                happened.ended = true;
                return;
            }
            Fact::Created(created) => return self.turn(created.terms.direction),
            Fact::Amended(amended) => {
                if !mutant::on("direction_never_amended") {
                    self.turn(amended.terms.direction);
                }
                return;
            }
            Fact::Addendum { .. }
            | Fact::Published {}
            | Fact::Opened { .. }
            | Fact::BidderRegistered { .. }
            | Fact::BidderApproved { .. }
            | Fact::BidderDeclined { .. }
            | Fact::Held { .. }
            | Fact::Resumed { .. }
            | Fact::Reopened { .. }
            | Fact::Certified { .. } => return,
        };
        self.shown.clone_from(&now.shown);
        happened.bids = true;
        happened.extended |= now.extended;
    }

    /// Before there are bids: which way they go.
    fn turn(&mut self, direction: Direction) {
        self.reverse = direction == Direction::Reverse;
    }

    fn place(&mut self, bid: BidId, placed: &BidPlaced) {
        let (Some(paddle), Some(shown)) = (placed.paddle, &placed.now.shown) else { return };
        if let Some(amount) = placed.amount {
            self.put(bid, paddle, amount.minor());
            return;
        }
        // A proxy: what everybody knows of it is what it did to the price.
        let minor = |amount: Option<Amount>| amount.map_or(0, Amount::minor);
        let before = self.shown.take();
        let led = before.as_ref().and_then(|before| before.leader);
        if let Some(led) = led.filter(|led| Some(*led) != shown.leader) {
            let last = self.own.get(&led).and_then(|own| own.iter().map(|(_, bid)| *bid).max());
            if let Some(last) = last {
                self.remove(last);
                self.put(last, led, minor(before.as_ref().and_then(|before| before.price)));
            }
        }
        let least = before.and_then(|before| before.next.amount()).or(shown.price);
        let worth = if shown.leader == Some(paddle) { shown.price } else { least };
        self.put(bid, paddle, minor(worth));
    }

    fn put(&mut self, bid: BidId, paddle: Paddle, amount: i64) {
        self.bids.insert(bid, (paddle, amount));
        let place = self.place_of(bid, amount);
        self.change(paddle, |own| own.insert(place));
    }

    fn remove(&mut self, bid: BidId) -> Option<(Paddle, i64)> {
        let (paddle, amount) = self.bids.remove(&bid)?;
        let place = self.place_of(bid, amount);
        self.change(paddle, |own| own.remove(&place));
        Some((paddle, amount))
    }

    fn place_of(&self, bid: BidId, amount: i64) -> Place {
        (Reverse(if self.reverse { -amount } else { amount }), bid)
    }

    fn change(&mut self, paddle: Paddle, change: impl FnOnce(&mut BTreeSet<Place>) -> bool) {
        let own = self.own.entry(paddle).or_default();
        let before = own.first().copied();
        let _changed: bool = change(own);
        let after = own.first().copied();
        if let Some(before) = before {
            self.best.remove(&(before, paddle));
        }
        if let Some(after) = after {
            self.best.insert((after, paddle));
        }
    }

    /// The best bids, when this paddle leads at this price.
    #[must_use]
    pub fn top(&self, leader: Option<Paddle>, price: Option<i64>) -> Vec<TopBid> {
        let shown = |((Reverse(score), bid), paddle): &(Place, Paddle)| {
            let amount = if self.reverse { -score } else { *score };
            TopBid { paddle: *paddle, amount, bid: *bid }
        };
        let Some((leader, price)) = leader.zip(price) else {
            return self.best.iter().take(SHOWN).map(shown).collect();
        };
        // Whoever leads is first, with what he would pay; the others cannot be above.
        let own = self.own.get(&leader).and_then(|own| own.first());
        let first = own.map(|(_, bid)| TopBid { paddle: leader, amount: price, bid: *bid });
        let within = |amount: i64| if self.reverse { amount.max(price) } else { amount.min(price) };
        let others = self.best.iter().filter(|(_, paddle)| *paddle != leader).map(shown);
        let others = others.map(|top| TopBid { amount: within(top.amount), ..top });
        first.into_iter().chain(others).take(SHOWN).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_auction::event::{BidUndone, Next, Now, Reason};
    use gavel_auction::time::Time;

    fn paddle(number: i64) -> Paddle {
        Paddle::new(number).unwrap()
    }

    fn now(leader: i64, price: i64) -> Now {
        let shown = Shown {
            leader: Paddle::new(leader),
            next: Next::Minimum(Amount::new(price + 10)),
            price: Amount::new(price),
            reserve_met: None,
        };
        Now { end: Time(0), extended: false, shown: Some(shown) }
    }

    fn bid(by: i64, amount: Option<i64>, leader: i64, price: i64) -> Fact {
        let amount = amount.and_then(Amount::new);
        let (paddle, now) = (Some(paddle(by)), now(leader, price));
        Fact::BidPlaced(BidPlaced { amount, channel: None, paddle, now })
    }

    fn after(facts: &[Fact], reverse: bool) -> Standing {
        let mut standing = Standing { reverse, ..Standing::default() };
        for (version, fact) in (1..).zip(facts) {
            standing.take(version, fact, &mut Happened::default());
        }
        standing
    }

    fn brief(top: &[TopBid]) -> Vec<(i64, i64, u64)> {
        top.iter().map(|top| (top.paddle.get(), top.amount, top.bid)).collect()
    }

    #[test]
    fn at_most_three_bidders_each_with_his_best_the_earlier_first() {
        let mut facts = vec![
            bid(1, Some(100), 1, 100),
            bid(2, Some(100), 1, 100),
            bid(3, Some(90), 1, 100),
            bid(1, Some(80), 1, 100),
            bid(4, Some(70), 1, 100),
        ];
        let top = after(&facts, false).top(None, None);
        assert_eq!(brief(&top), [(1, 100, 1), (2, 100, 2), (3, 90, 3)]);
        let undone = BidUndone { bid: 1, reason: Reason::Mistake, now: now(2, 100) };
        facts.push(Fact::BidRetracted(undone));
        let top = after(&facts, false).top(None, None);
        assert_eq!(brief(&top), [(2, 100, 2), (3, 90, 3), (1, 80, 4)]);
        let top = after(&facts, true).top(None, None);
        assert_eq!(brief(&top), [(4, 70, 5), (1, 80, 4), (3, 90, 3)]);
    }

    #[test]
    fn of_a_proxy_only_what_it_did_to_the_price() {
        let facts = [bid(1, None, 1, 100), bid(2, None, 1, 150), bid(3, None, 3, 210)];
        let standing = after(&facts, false);
        // 1 went to 150 at least while he led, 2 bid at least 110.
        let top = standing.top(Some(paddle(3)), Some(210));
        assert_eq!(brief(&top), [(3, 210, 3), (1, 150, 1), (2, 110, 2)]);
    }
}
