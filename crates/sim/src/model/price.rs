//! What the naive house thinks of price: who leads, what he pays, what comes next, what is shown.
//! Reverse is forward with every amount negated: a worth is what is better the higher it is.

use super::{Bid, Lot, Naive, Phase, Seen};
use gavel_auction::event::{Next, Now, Shown};
use gavel_auction::ids::{Paddle, Version};
use gavel_auction::money::Amount;
use gavel_auction::outcome::{Outcome, PassedReason, Sale};
use gavel_auction::terms::{
    Admission, BuyNow, Clock, Direction, Increment, Pricing, Promotion, Proxy, Reserve, Visibility,
};
use gavel_auction::time::Time;

/// The largest amount: 2^53 - 1.
const LARGEST: i64 = 9_007_199_254_740_991;

impl Bid {
    fn counts_for(&self) -> i64 {
        if self.promoted { self.amount * 2 } else { self.amount }
    }
}

/// The two best bidders, each by his bid that counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best {
    pub(super) first: Bid,
    pub(super) second: Option<Bid>,
}

impl Lot {
    pub(super) fn worth(&self, amount: i64) -> i64 {
        if self.terms.direction == Direction::Reverse { -amount } else { amount }
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.terms.visibility == Visibility::Sealed
    }

    pub(super) fn has_proxy(&self) -> bool {
        self.terms.proxy == Proxy::Maximum
    }

    pub(super) fn largest(&self) -> i64 {
        if matches!(self.terms.promotion, Promotion::Double { .. }) { LARGEST / 2 } else { LARGEST }
    }

    pub(super) fn starting(&self) -> i64 {
        match self.terms.clock {
            Clock::Descending { start, .. } => start.minor(),
            Clock::None {} => self.terms.starting_price.map_or(1, Amount::minor),
        }
    }

    fn reserve(&self) -> Option<i64> {
        match self.terms.reserve {
            Reserve::None {} => None,
            Reserve::Hidden { amount } => amount.map(Amount::minor),
            Reserve::Disclosed { amount } => Some(amount.minor()),
        }
    }

    pub(super) fn meets_reserve(&self, price: i64) -> bool {
        self.reserve().is_none_or(|reserve| self.worth(price) >= self.worth(reserve))
    }

    /// Of several bids the better one: the higher worth, then the earlier place.
    fn better(&self, a: Bid, b: Bid) -> Bid {
        let key = |bid: &Bid| (self.worth(bid.counts_for()), std::cmp::Reverse(bid.place));
        if key(&b) > key(&a) { b } else { a }
    }

    /// The best bid of one bidder, whether or not it is the one that counts.
    fn best_of(&self, paddle: i64) -> Option<Bid> {
        let standing = self.bids.iter().filter(|bid| bid.paddle == paddle && bid.standing);
        standing.copied().reduce(|a, b| self.better(a, b))
    }

    /// The bid that counts of one bidder: his best; where bids are revised, his latest.
    fn counted(&self, paddle: i64) -> Option<Bid> {
        let mut standing = self.bids.iter().filter(|bid| bid.paddle == paddle && bid.standing);
        match self.terms.admission {
            Admission::Revisable {} | Admission::OncePerBidder {} => standing.next_back().copied(),
            Admission::BeatLeader {} | Admission::BeatOwnLatest {} | Admission::AcceptClock {} => {
                standing.copied().reduce(|a, b| self.better(a, b))
            }
        }
    }

    pub(super) fn best(&self) -> Option<Best> {
        let count = i64::try_from(self.users.len()).unwrap_or(0);
        let all: Vec<Bid> = (1..=count).filter_map(|paddle| self.counted(paddle)).collect();
        let first = all.iter().copied().reduce(|a, b| self.better(a, b))?;
        let others = all.iter().copied().filter(|bid| bid.paddle != first.paddle);
        Some(Best { first, second: others.reduce(|a, b| self.better(a, b)) })
    }

    pub(super) fn leader(&self) -> Option<i64> {
        self.best().map(|best| best.first.paddle)
    }

    /// Since when a new bid of this paddle holds its place: a raise with proxies keeps the old one.
    pub(super) fn place_of(&self, paddle: i64, version: Version) -> Version {
        match self.best() {
            Some(best) if best.first.paddle == paddle && self.has_proxy() => best.first.place,
            Some(_) | None => version,
        }
    }

    pub(super) fn step(&self, price: i64) -> i64 {
        match &self.terms.increment {
            Increment::None {} | Increment::AnyHigher {} => 1,
            Increment::Fixed { step } => step.minor(),
            Increment::Percent { basis_points } => {
                let exact = i128::from(price) * i128::from(*basis_points);
                let up = exact / 10_000 + i128::from(exact % 10_000 != 0);
                i64::try_from(up.max(1)).unwrap_or(i64::MAX)
            }
            Increment::Table { steps } => {
                steps.iter().rev().find(|band| band.from <= price).map_or(1, |band| band.step)
            }
        }
    }

    /// One step better than a price, if there is such an amount.
    pub(super) fn stepped(&self, price: i64) -> Option<i64> {
        let step = self.step(price);
        match self.terms.direction {
            Direction::Forward => price.checked_add(step).filter(|next| *next <= self.largest()),
            Direction::Reverse => price.checked_sub(step).filter(|next| *next >= 1),
        }
    }

    /// The price that these two make.
    pub(super) fn price_of(&self, best: &Best) -> i64 {
        let top = best.first.counts_for();
        if !self.has_proxy() {
            return top;
        }
        let start = self.starting();
        let pushed = match best.second {
            None => start,
            Some(second) => {
                let pushed = self.stepped(second.counts_for()).unwrap_or(top);
                if self.worth(pushed) > self.worth(top) { top } else { pushed }
            }
        };
        let from = if self.worth(pushed) < self.worth(start) { start } else { pushed };
        match self.reserve() {
            Some(reserve)
                if self.worth(top) >= self.worth(reserve)
                    && self.worth(from) < self.worth(reserve) =>
            {
                reserve
            }
            Some(_) | None => from,
        }
    }

    /// The public price.
    pub(super) fn price(&self) -> Option<i64> {
        if let Some(bought) = self.bought {
            return Some(bought);
        }
        if self.is_sealed() {
            let Phase::Ended(_, Outcome::Sold(sale)) = self.phase else { return None };
            return Some(sale.hammer_price.minor());
        }
        self.best().map(|best| self.price_of(&best))
    }

    /// The next legal bid of somebody who does not lead, whatever buy now says.
    pub(super) fn next_at(&self, price: Option<i64>) -> Option<i64> {
        match (self.terms.admission, price) {
            (Admission::AcceptClock {}, _) => None,
            (Admission::BeatLeader {}, Some(price)) => self.stepped(price),
            (
                Admission::BeatLeader {}
                | Admission::BeatOwnLatest {}
                | Admission::OncePerBidder {}
                | Admission::Revisable {},
                _,
            ) => Some(self.starting()),
        }
    }

    /// The next legal bid to be shown: none where it would reach this buy-now amount.
    pub(super) fn next_below(&self, price: Option<i64>, buy_now: Option<i64>) -> Option<i64> {
        self.next_at(price).filter(|next| buy_now.is_none_or(|amount| *next < amount))
    }

    /// The buy-now amount, while it can be taken.
    pub(super) fn buy_now_amount(&self) -> Option<i64> {
        self.terms.buy_now.amount().map(Amount::minor).filter(|_| !self.buy_now_gone)
    }

    /// Whether buy now goes away at the present price.
    pub(super) fn ends_buy_now(&self) -> bool {
        self.ends_buy_now_at(self.price())
    }

    fn ends_buy_now_at(&self, price: Option<i64>) -> bool {
        let Some(price) = price else { return false };
        match self.terms.buy_now {
            BuyNow::None {} => false,
            BuyNow::UntilFirstBid { .. } => true,
            BuyNow::UntilReserveMet { amount } => {
                self.meets_reserve(price) || price >= amount.minor()
            }
            BuyNow::UntilClose { amount } => price >= amount.minor(),
        }
    }

    /// What is shown after an event, seen from the state after it.
    pub(super) fn now_after(&self, end_before: i64, end: i64) -> Now {
        let end_time = Time(end);
        if self.is_sealed() {
            return Now { end: end_time, extended: false, shown: None };
        }
        let best = self.best();
        let price = best.as_ref().map(|best| self.price_of(best));
        let buy_now = self.buy_now_amount().filter(|_| !self.ends_buy_now_at(price));
        let next = self.next_below(price, buy_now).and_then(Amount::new);
        let next = match self.terms.direction {
            Direction::Forward => Next::Minimum(next),
            Direction::Reverse => Next::Maximum(next),
        };
        let met = price.is_some_and(|price| self.meets_reserve(price));
        let has_reserve = !matches!(self.terms.reserve, Reserve::None {});
        let shown = Shown {
            leader: best.and_then(|best| Paddle::new(best.first.paddle)),
            next,
            price: price.and_then(Amount::new),
            reserve_met: has_reserve.then_some(met),
        };
        Now { end: end_time, extended: end > end_before, shown: Some(shown) }
    }

    /// What comes of it if the hammer falls in this state.
    pub(super) fn outcome(&self) -> Outcome {
        if matches!(self.terms.clock, Clock::Descending { .. }) {
            return Outcome::Passed { reason: PassedReason::ClockRanOut };
        }
        let Some(best) = self.best() else {
            return Outcome::Passed { reason: PassedReason::NoBids };
        };
        let top = best.first.counts_for();
        let (hammer, decisive) = if self.terms.pricing == Pricing::SecondPrice {
            let second = best.second.map(|bid| bid.counts_for());
            let floors = [second, self.reserve()].into_iter().flatten();
            let higher = |a, b| if self.worth(b) > self.worth(a) { b } else { a };
            (floors.fold(self.starting(), higher), top)
        } else {
            let price = self.price_of(&best);
            (price, price)
        };
        if !self.meets_reserve(decisive) {
            return Outcome::Passed { reason: PassedReason::ReserveNotMet };
        }
        let house_pays = if best.first.promoted { hammer - best.first.amount } else { 0 };
        self.sale(best.first.paddle, hammer, house_pays)
    }

    /// Who pays how much.
    pub(super) fn sale(&self, winner: i64, hammer: i64, house_pays: i64) -> Outcome {
        let fees = &self.terms.fees;
        let share = |of: i64, points: u32| {
            let exact = i128::from(of) * i128::from(points);
            let down = exact / 10_000;
            let up = i128::from(exact % 10_000 >= 5_000);
            i64::try_from(down + up).unwrap_or(i64::MAX)
        };
        let base = hammer - house_pays;
        let premium = share(base, fees.buyer_premium_bp);
        let tax = share(base + premium, fees.tax_bp);
        let (Some(winner), Some(hammer_price)) = (Paddle::new(winner), Amount::new(hammer)) else {
            return Outcome::Passed { reason: PassedReason::ReserveNotMet };
        };
        Outcome::Sold(Sale {
            buyer_pays: base + premium + tax,
            commission: share(hammer, fees.seller_commission_bp),
            hammer_price,
            house_pays,
            premium,
            tax,
            winner,
        })
    }

    pub(super) fn seen(&self, now: i64) -> Seen {
        let sale = match self.phase {
            Phase::Ended(_, Outcome::Sold(sale)) => Some(sale),
            Phase::Draft | Phase::Scheduled | Phase::Open | Phase::Held(_) | Phase::Ended(..) => {
                None
            }
        };
        let (state, ended) = match self.phase {
            Phase::Draft => ("draft", false),
            Phase::Scheduled => ("scheduled", false),
            Phase::Open => ("open", false),
            Phase::Held(_) => ("on_hold", false),
            Phase::Ended(_, Outcome::Sold(_)) => ("sold", true),
            Phase::Ended(_, Outcome::Passed { .. }) => ("passed", true),
            Phase::Ended(_, Outcome::Cancelled {}) => ("cancelled", true),
        };
        let price = self.price();
        let sealed = self.is_sealed();
        let has_reserve = !matches!(self.terms.reserve, Reserve::None {});
        let met = price.is_some_and(|price| self.meets_reserve(price));
        let next = self.next_below(price, self.buy_now_amount()).filter(|next| *next >= 1);
        Seen {
            state,
            end: self.end,
            price: price.or_else(|| self.clock_price(now)),
            leader: match sale {
                Some(sale) => Some(sale.winner.get()),
                None => self.leader().filter(|_| !sealed),
            },
            next: next.filter(|_| !ended),
            reserve_met: (has_reserve && (!sealed || sale.is_some())).then_some(met),
            bids: self.bids.iter().filter(|bid| bid.standing).count() as u64,
            hammer: sale.map(|sale| sale.hammer_price.minor()),
        }
    }
}

impl Naive {
    /// What is wrong with these best bids (paddle, amount, bid), if anything is. Of proxies nobody
    /// knows but what they did to the price, and whether that was right depends on all that was
    /// ever shown: only what must hold in any case is looked at.
    #[must_use]
    pub fn not_best(&self, top: &[(i64, i64, Version)]) -> Option<String> {
        let lot = self.lot.as_ref()?;
        if lot.is_sealed() {
            return (!top.is_empty()).then(|| format!("a sealed auction shows {top:?}"));
        }
        let count = i64::try_from(lot.users.len()).unwrap_or(0);
        let mut best: Vec<Bid> = (1..=count).filter_map(|paddle| lot.best_of(paddle)).collect();
        best.sort_by_key(|bid| (-lot.worth(bid.counts_for()), bid.place));
        let (leader, price) = (lot.leader(), lot.price());
        if lot.bought.is_none() && top.len() != best.len().min(3) {
            return Some(format!("{} have bid, and {top:?} is shown", best.len()));
        }
        if !lot.has_proxy() && lot.bought.is_none() {
            let right = best.iter().map(|bid| (bid.paddle, bid.counts_for(), bid.id));
            let right: Vec<_> = right.take(3).collect();
            return (right != top).then(|| format!("{top:?} are not the best bids: {right:?}"));
        }
        let mut paddles: Vec<i64> = top.iter().map(|(paddle, ..)| *paddle).collect();
        if lot.bought.is_none() && paddles.first().copied() != leader {
            return Some(format!("{top:?} does not begin with {leader:?}, who leads"));
        }
        paddles.sort_unstable();
        paddles.dedup();
        let worths: Vec<i64> = top.iter().map(|(_, amount, _)| lot.worth(*amount)).collect();
        let above = worths.iter().any(|worth| price.is_some_and(|price| *worth > lot.worth(price)));
        let wrong = paddles.len() != top.len() || !worths.is_sorted_by(|a, b| a >= b) || above;
        wrong.then(|| format!("{top:?} cannot be at a price of {price:?}"))
    }
}
