//! Bidding: registering, bidding, accepting the clock, buying now, retracting, voiding. Each
//! function is a column of guards, then the facts.

use super::{Facts, Guard, Lot, Phase, open_fact};
use crate::book::{Approval, Rank, Top};
use crate::command::{Offer, Person, PlaceBid};
use crate::event::{BidPlaced, BidUndone, CloseReason, Fact, Hidden, Next, Now, Reason, Shown};
use crate::ids::{BidId, Paddle, UserId, Version};
use crate::money::Amount;
use crate::mutant;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::rules::pricing::Contest;
use crate::rules::score::Score;
use crate::terms::{Admission, Clock, Direction, Eligibility};
use crate::time::Time;
use std::cmp::Reverse;

/// Who a bid is for, once it may be placed at all.
struct ForWhom {
    paddle: Paddle,
    /// The user, where this bid is the first event to name the paddle.
    newcomer: Option<UserId>,
    clerk: Option<UserId>,
}

/// Whether an amount is within what the bidder may still commit himself to.
fn within(person: &Person, amount: Amount) -> Result<(), Refusal> {
    match person.headroom.filter(|headroom| amount.minor() > *headroom) {
        Some(_) if mutant::on("headroom_ignored") => Ok(()),
        headroom @ Some(_) => Err(Refusal::OverLimit { headroom }),
        None => Ok(()),
    }
}

impl Top {
    pub(super) fn contest(&self) -> Contest {
        Contest { best: self.leader.score, second: self.second.map(|second| second.score) }
    }
}

impl Lot {
    /// Whether a paddle may bid, as the terms have it.
    pub(super) fn eligible(&self, paddle: Option<Paddle>) -> Result<(), Refusal> {
        match self.terms.eligibility {
            Eligibility::Anyone => Ok(()),
            Eligibility::Approved => {
                let bidder = paddle.and_then(|paddle| self.book.bidder(paddle));
                match bidder.map(|bidder| bidder.approval) {
                    None => Err(Refusal::NotRegistered),
                    Some(Approval::Approved) => Ok(()),
                    Some(Approval::Pending) if mutant::on("approval_not_asked") => Ok(()),
                    Some(Approval::Pending | Approval::Declined) => Err(Refusal::NotApproved),
                }
            }
        }
    }

    pub(super) fn register(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
    ) -> Result<Facts, Refusal> {
        let person = guard.not_the_seller()?;
        if !person.roles.bidder {
            return Err(Refusal::Forbidden);
        }
        moved()?;
        guard.not_ended()?;
        if self.book.paddle_of(person.user).is_some() {
            let detail = "you are registered here already";
            return Err(Refusal::Malformed { field: "auction", detail });
        }
        let fact = Fact::BidderRegistered { paddle: self.book.next_paddle() };
        Ok(vec![(fact, Hidden { user: Some(person.user), ..Hidden::default() })])
    }

    pub(super) fn approve(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
        paddle: Paddle,
        approve: bool,
    ) -> Result<Facts, Refusal> {
        guard.known()?;
        let bidder = self.book.bidder(paddle).ok_or(Refusal::NotFound)?;
        guard.seller_or_clerk()?;
        moved()?;
        guard.not_ended()?;
        let wanted = if approve { Approval::Approved } else { Approval::Declined };
        if bidder.approval == wanted {
            let detail = "that is how it stands already";
            return Err(Refusal::Malformed { field: "paddle", detail });
        }
        let fact =
            if approve { Fact::BidderApproved { paddle } } else { Fact::BidderDeclined { paddle } };
        Ok(vec![open_fact(fact)])
    }

    pub(super) fn bid(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
        bid: &PlaceBid,
        version: Version,
    ) -> Result<Facts, Refusal> {
        let amount = bid.offer.amount();
        guard.known()?;
        if matches!(self.terms.admission, Admission::AcceptClock {}) {
            let detail = "this auction is bought at the clock's price: accept it";
            return Err(Refusal::Malformed { field: "amount", detail });
        }
        if amount > self.terms.largest_amount() {
            let detail = "with promotion an amount is at most half the largest";
            return Err(Refusal::Malformed { field: "amount", detail });
        }
        let (person, whom) = self.for_whom(guard, bid)?;
        moved()?;
        guard.open()?;
        if bid.currency.is_some_and(|currency| currency != self.currency) {
            return Err(Refusal::WrongCurrency);
        }
        if matches!(bid.offer, Offer::Maximum(_)) && !self.terms.has_proxy() {
            return Err(Refusal::MaximumNotAllowed);
        }
        let legal = self.admit(&whom, amount)?;
        if self.reaches_buy_now(amount) {
            return Err(Refusal::AboveBuyNow);
        }
        if whom.clerk.is_some() {
            // Before the limit, which is another's: he must not find it out without bidding.
            self.meant(bid, legal)?;
            within(&person, amount).map_err(|_| Refusal::OverLimit { headroom: None })?;
        } else {
            within(&person, amount)?;
            self.meant(bid, legal)?;
        }
        Ok(vec![self.placed(&whom, bid, version, guard.at)])
    }

    /// Whether a bid is meant, if it is far above (reverse: below) the next legal one.
    fn meant(&self, bid: &PlaceBid, legal: Amount) -> Result<(), Refusal> {
        let score = |amount: Amount| self.terms.direction.score(amount.minor());
        let far = |beyond: &Amount| score(bid.offer.amount()) > score(*beyond);
        let beyond = self.terms.confirm_beyond(legal).filter(far).filter(|_| !bid.confirm);
        match beyond.filter(|_| !mutant::on("confirm_never_asked")) {
            Some(confirm_above) => Err(Refusal::ConfirmNeeded { confirm_above }),
            None => Ok(()),
        }
    }

    /// Who a bid is for: the caller himself, or the paddle that a clerk bids for.
    fn for_whom(&self, guard: &Guard<'_>, bid: &PlaceBid) -> Result<(Person, ForWhom), Refusal> {
        let Some((paddle, _)) = bid.on_behalf_of else {
            let (person, paddle) = guard.bidder()?;
            let newcomer = paddle.is_none().then_some(person.user);
            let paddle = paddle.unwrap_or_else(|| self.book.next_paddle());
            return Ok((person, ForWhom { paddle, newcomer, clerk: None }));
        };
        self.book.bidder(paddle).ok_or(Refusal::NotFound)?;
        let person = guard.not_the_seller()?;
        self.eligible(Some(paddle))?;
        let clerk = guard.clerk()?;
        Ok((person, ForWhom { paddle, newcomer: None, clerk: Some(clerk.user) }))
    }

    fn reaches_buy_now(&self, amount: Amount) -> bool {
        self.buy_now_amount().is_some_and(|buy_now| amount >= buy_now)
    }

    /// Admission: whether the amount is enough for this bidder, and what the smallest (reverse:
    /// largest) legal one is for him.
    fn admit(&self, whom: &ForWhom, amount: Amount) -> Result<Amount, Refusal> {
        let terms = &self.terms;
        let score = terms.direction.score(amount.minor());
        let leads = self.book.leader() == Some(whom.paddle);
        let own = self.book.latest(whom.paddle);
        let own_score = own.map(|bid| terms.direction.score(bid.amount.minor()));
        let may_know = whom.clerk.is_none() || own.is_none_or(|own| own.clerk == whom.clerk);
        let above = own.map(|own| own.amount).filter(|_| may_know);
        let better_than_own = |needed: Option<Score>| match needed {
            Some(needed) if score >= needed => Ok(needed),
            Some(_) | None => Err(Refusal::NotAboveOwn { above }),
        };
        let legal = match (terms.admission, own_score) {
            (Admission::BeatLeader {}, Some(own)) if leads && terms.has_proxy() => {
                better_than_own(own.checked_add(1))?
            }
            (Admission::BeatOwnLatest {}, Some(own)) => {
                better_than_own(terms.one_step_better(own))?
            }
            (Admission::BeatLeader {}, _) => self.reach(score, self.price)?,
            (
                Admission::BeatOwnLatest {}
                | Admission::OncePerBidder {}
                | Admission::Revisable {}
                | Admission::AcceptClock {},
                _,
            ) => self.reach(score, None)?,
        };
        if leads && !terms.own_raise && !terms.is_sealed() {
            return Err(Refusal::AlreadyLeading);
        }
        if own.is_some() && matches!(terms.admission, Admission::OncePerBidder {}) {
            return Err(Refusal::AlreadyBid);
        }
        // What must be confirmed is measured against nothing that the caller may not know.
        let public = self.terms.next_score(self.price, None).filter(|_| !may_know);
        Ok(terms.direction.amount(public.unwrap_or(legal)).unwrap_or(Amount::ONE))
    }

    /// Whether a score reaches the next legal one at this price.
    fn reach(&self, score: Score, price: Option<Score>) -> Result<Score, Refusal> {
        let direction = self.terms.direction;
        match self.terms.next_score(price, None) {
            Some(next) if score >= next => Ok(next),
            next => {
                let next =
                    next.filter(|_| self.terms.next_score(price, self.buy_now_amount()) == next);
                let amount = next.and_then(|next| direction.amount(next));
                Err(match (direction, price) {
                    (Direction::Reverse, _) => Refusal::AboveMaximum { maximum_next: amount },
                    (Direction::Forward, None) => Refusal::BelowStart { minimum_next: amount },
                    (Direction::Forward, Some(_)) => Refusal::BelowMinimum { minimum_next: amount },
                })
            }
        }
    }

    /// The fact of a bid that has passed every check.
    fn placed(&self, whom: &ForWhom, bid: &PlaceBid, version: Version, at: Time) -> (Fact, Hidden) {
        let terms = &self.terms;
        let amount = bid.offer.amount();
        let channel = bid.on_behalf_of.map(|(_, channel)| channel);
        let hidden = Hidden { user: whom.newcomer, clerk: whom.clerk, ..Hidden::default() };
        if terms.is_sealed() {
            let now = self.sealed_now();
            let fact = Fact::BidPlaced(BidPlaced { amount: None, channel, paddle: None, now });
            let hidden = Hidden { amount: Some(amount), paddle: Some(whom.paddle), ..hidden };
            return (fact, hidden);
        }
        let before = self.book.top();
        let raises = before.filter(|top| top.leader.paddle == whom.paddle);
        let keeps = raises.filter(|_| terms.has_proxy());
        let last = if mutant::on("tie_goes_to_the_later") { u64::MAX - version } else { version };
        let place = keeps.map_or(last, |top| top.leader.place.0);
        let score = terms.direction.score(amount.minor());
        let mut rank = Rank { score, place: Reverse(place), paddle: whom.paddle, bid: version };
        if let Some(own) = raises.map(|top| top.leader).filter(|own| *own > rank) {
            rank = own;
        }
        let top = self.book.top_if(whom.paddle, Some(rank)).expect("a bid was just added");
        let price = terms.price_of(top.contest());
        let changed = self.price != Some(price) || self.book.leader() != Some(top.leader.paddle);
        let late = changed && (raises.is_none() || mutant::on("own_raise_extends"));
        let now = self.open_now(Some((price, top.leader.paddle)), late.then_some(at));
        let maximum = terms.has_proxy().then_some(amount);
        let shown = maximum.is_none().then_some(amount);
        let paddle = Some(whom.paddle);
        let fact = Fact::BidPlaced(BidPlaced { amount: shown, channel, paddle, now });
        (fact, Hidden { maximum, ..hidden })
    }

    fn sealed_now(&self) -> Now {
        let end = self.running.end.expect("what was opened has an end");
        Now { end, extended: false, shown: None }
    }

    /// What is shown once price and leader are these; with the end moved if that was `late`.
    pub(super) fn open_now(&self, price: Option<(Score, Paddle)>, late: Option<Time>) -> Now {
        let terms = &self.terms;
        let end = self.running.end.expect("what was opened has an end");
        let base_end = self.running.base_end.unwrap_or(end);
        let moved = late.map_or(end, |at| terms.close.end_after(at, end, base_end));
        let score = price.map(|(score, _)| score);
        let buy_now = self.buy_now_amount().filter(|_| !self.ends_buy_now(score));
        let next = terms.next_score(score, buy_now);
        let next = next.and_then(|next| terms.direction.amount(next));
        let met = score.is_some_and(|score| terms.meets_reserve(score));
        let shown = Shown {
            leader: price.map(|(_, leader)| leader),
            next: match terms.direction {
                Direction::Forward => Next::Minimum(next),
                Direction::Reverse => Next::Maximum(next),
            },
            price: score.and_then(|score| terms.direction.amount(score)),
            reserve_met: terms.has_reserve().then_some(met),
        };
        Now { end: moved, extended: moved > end, shown: Some(shown) }
    }

    /// Whether a bid that brings the price there, placed or doubled, makes buy now go away.
    pub(super) fn ends_buy_now(&self, price: Option<Score>) -> bool {
        use crate::terms::BuyNow;
        // A doubled bid can reach the buy-now amount: nobody buys below the price.
        if mutant::on("buy_now_stays") {
            return false;
        }
        let reached = |amount: Amount, price| price >= self.terms.direction.score(amount.minor());
        match (self.terms.buy_now, price) {
            (BuyNow::None {}, _) | (_, None) => false,
            (BuyNow::UntilFirstBid { .. }, Some(_)) => true,
            (BuyNow::UntilReserveMet { amount }, Some(price)) => {
                self.terms.meets_reserve(price) || reached(amount, price)
            }
            (BuyNow::UntilClose { amount }, Some(price)) => reached(amount, price),
        }
    }

    pub(super) fn accept(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
        price: Amount,
    ) -> Result<Facts, Refusal> {
        guard.known()?;
        if matches!(self.terms.clock, Clock::None {}) {
            let detail = "this auction has no clock to accept: place a bid";
            return Err(Refusal::Malformed { field: "price", detail });
        }
        let (person, paddle) = guard.bidder()?;
        moved()?;
        guard.open()?;
        let open = self.running.open_time(guard.at);
        let stands = self.terms.clock.price(open).expect("a clock has a price");
        if stands > price {
            return Err(Refusal::ClockMoved { price: stands });
        }
        within(&person, stands)?;
        Ok(self.bought(person.user, paddle, stands, CloseReason::Clock))
    }

    pub(super) fn buy_now(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
    ) -> Result<Facts, Refusal> {
        let (person, paddle) = guard.bidder()?;
        moved()?;
        guard.open()?;
        let amount = self.buy_now_amount().ok_or(Refusal::BuyNowGone)?;
        within(&person, amount)?;
        Ok(self.bought(person.user, paddle, amount, CloseReason::Bought))
    }

    /// A purchase at a fixed price, and the close that follows it in the same decision.
    fn bought(
        &self,
        user: UserId,
        known: Option<Paddle>,
        amount: Amount,
        reason: CloseReason,
    ) -> Facts {
        let paddle = known.unwrap_or_else(|| self.book.next_paddle());
        let fact = match reason {
            CloseReason::Clock => Fact::ClockAccepted { amount, paddle },
            CloseReason::Bought | CloseReason::Time | CloseReason::Clerk => {
                Fact::BuyNowTaken { amount, paddle }
            }
        };
        let hidden = Hidden { user: known.is_none().then_some(user), ..Hidden::default() };
        let outcome = Outcome::Sold(self.terms.fees.sale(paddle, amount, 0));
        vec![(fact, hidden), open_fact(Fact::Closed { outcome, reason, why: None })]
    }

    pub(super) fn retract(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
        id: BidId,
        reason: Reason,
    ) -> Result<Facts, Refusal> {
        guard.known()?;
        let bid = self.book.bid(id).ok_or(Refusal::NotFound)?;
        let person = guard.person()?;
        let own = self.book.paddle_of(person.user) == Some(bid.paddle);
        if !own && !mutant::on("retraction_by_anybody") {
            return Err(Refusal::Forbidden);
        }
        let end = self.running.end.unwrap_or(guard.at);
        let allowed = self.terms.retraction.allows(bid.at, guard.at, end);
        if allowed == Err(Refusal::Forbidden) {
            return Err(Refusal::Forbidden);
        }
        moved()?;
        guard.open()?;
        allowed?;
        let now = self.undone(id, bid.standing, guard.at)?;
        Ok(vec![open_fact(Fact::BidRetracted(BidUndone { bid: id, reason, now }))])
    }

    pub(super) fn void(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
        id: BidId,
        reason: Reason,
    ) -> Result<Facts, Refusal> {
        guard.known()?;
        let bid = self.book.bid(id).ok_or(Refusal::NotFound)?;
        guard.admin()?;
        moved()?;
        guard.running()?;
        let now = self.undone(id, bid.standing, guard.at)?;
        Ok(vec![open_fact(Fact::BidVoided(BidUndone { bid: id, reason, now }))])
    }

    /// What is shown once a bid no longer stands.
    fn undone(&self, id: BidId, standing: bool, at: Time) -> Result<Now, Refusal> {
        let bid = self.book.bid(id).filter(|_| standing).ok_or(Refusal::BidGone)?;
        if self.terms.is_sealed() {
            return Ok(self.sealed_now());
        }
        let rank = self.book.rank_without(bid.paddle, id, |bid| self.score(bid));
        let top = self.book.top_if(bid.paddle, rank);
        let price = top.map(|top| (self.terms.price_of(top.contest()), top.leader.paddle));
        let changed = self.price != price.map(|(price, _)| price)
            || self.book.leader() != price.map(|(_, leader)| leader);
        let late = changed && self.phase == Phase::Open;
        Ok(self.open_now(price, late.then_some(at)))
    }
}
