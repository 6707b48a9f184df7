//! What time alone brings: opening, draws, closing, certification, the outage rule. One thing a
//! tick, the earliest due first, so that each is decided on the state that the one before left.

use super::{Auction, Draws, Facts, Guard, Lot, Pending, Phase, lifecycle, open_fact};
use crate::book::{Bid, Rank, Top};
use crate::command::{Actor, Tick};
use crate::event::{CloseReason, ExtensionReason, Fact, Reason};
use crate::ids::{AuctionId, BidId};
use crate::mutant;
use crate::outcome::{Outcome, PassedReason};
use crate::refusal::Refusal;
use crate::rules::promotion::{Candidate, draw};
use crate::rules::score::Score;
use crate::terms::{Clock, Outage, Pricing, Promotion};
use crate::time::{SECOND, Time};
use std::cmp::Reverse;

impl Lot {
    /// When time will next do something by itself.
    pub(super) fn next_deadline(&self, last_at: Time) -> Option<Time> {
        match self.phase {
            Phase::Draft | Phase::OnHold { .. } => None,
            Phase::Scheduled => self.terms.schedule.starts_at.or(Some(last_at)),
            Phase::Open => {
                let draw = self.pending_draw().map(|(_, end)| end);
                let announced = mutant::on("close_at_scheduled_end");
                let end = if announced { self.running.scheduled_end } else { self.running.end };
                [end, draw].into_iter().flatten().min()
            }
            Phase::Ended { at, .. } => {
                (self.certified.is_none() && self.certifies_itself()).then_some(at)
            }
        }
    }

    pub(super) fn tick(
        &self,
        auction: &Auction,
        guard: &Guard<'_>,
        tick: &Tick,
    ) -> Result<Facts, Refusal> {
        match guard.actor {
            Actor::House => {}
            Actor::Person(_) => return Err(Refusal::Forbidden),
        }
        // At its last event the house was there, whatever its last sign of life says; otherwise
        // open time could run back into an interval that was drawn already.
        let alive = auction.last_at;
        let lost = |end| tick.outage.and_then(|(from, to)| self.outage(from.max(alive), to, end));
        if self.phase == Phase::Open
            && let Some(fact) = self.running.end.and_then(lost)
        {
            return Ok(vec![open_fact(fact)]);
        }
        if self.next_deadline(auction.last_at).is_none_or(|due| due > guard.at) {
            return Ok(Vec::new());
        }
        match self.phase {
            Phase::Scheduled => {
                // Start and end may both lie in the outage: then the end moves as it opens.
                let (opened, end) = lifecycle::opened(&self.terms, guard.at);
                Ok([Some(opened), lost(end)].into_iter().flatten().map(open_fact).collect())
            }
            Phase::Open => {
                let end = self.running.end.unwrap_or(guard.at);
                match self.pending_draw() {
                    Some((pending, due)) if due < end => {
                        Ok(self.promoted(auction.id, &pending).into_iter().map(open_fact).collect())
                    }
                    Some(_) | None => Ok(self.hammer(auction, self.time_reason(), None)),
                }
            }
            Phase::Ended { .. } => Ok(vec![open_fact(Fact::Certified { head: tick.head })]),
            Phase::Draft | Phase::OnHold { .. } => Ok(Vec::new()),
        }
    }

    /// Whether such an outage lies across the end that a tick at `at` finds or brings.
    pub(super) fn lost_time(&self, from: Time, to: Time, at: Time) -> bool {
        let end = match self.phase {
            Phase::Open => self.running.end,
            Phase::Scheduled if self.terms.schedule.starts_at.is_none_or(|start| start <= at) => {
                Some(lifecycle::opened(&self.terms, at).1)
            }
            Phase::Scheduled | Phase::Draft | Phase::OnHold { .. } | Phase::Ended { .. } => None,
        };
        end.is_some_and(|end| self.outage(from, to, end).is_some())
    }

    fn time_reason(&self) -> CloseReason {
        match self.terms.clock {
            Clock::None {} => CloseReason::Time,
            Clock::Descending { .. } => CloseReason::Clock,
        }
    }

    /// The end moves because the house could not be reached across it, if that is its rule.
    fn outage(&self, from: Time, to: Time, end: Time) -> Option<Fact> {
        let across = from < end && end <= to && self.terms.outage == Outage::Extend;
        let end = to.plus(end.since(from));
        across.then_some(Fact::Extended { end, from, reason: ExtensionReason::Outage, to })
    }

    /// The draw that is still to come, and when its interval ends.
    fn pending_draw(&self) -> Option<(Pending, Time)> {
        let draws = self.draws.as_ref()?;
        let pending = draws.pending.filter(|pending| pending.candidates > 0)?;
        let every = self.promotion_interval()?;
        let open = draws.origin + i64::try_from(pending.interval + 1).ok()?.checked_mul(every)?;
        Some((pending, self.running.instant_of(open)?))
    }

    /// The length of a promotion interval in microseconds.
    fn promotion_interval(&self) -> Option<i64> {
        match self.terms.promotion {
            Promotion::None {} => None,
            Promotion::Double { every_seconds, .. } => Some(i64::from(every_seconds) * SECOND),
        }
    }

    /// The interval that a bid at `at` falls into, and whether into its first half.
    pub(super) fn interval_of(&self, at: Time) -> (u64, bool) {
        let (Some(draws), Some(every)) = (&self.draws, self.promotion_interval()) else {
            return (0, false);
        };
        let open = (self.running.open_time(at) - draws.origin).max(0);
        (u64::try_from(open / every).unwrap_or(0), open % every * 2 < every)
    }

    /// The bid that the lot falls on.
    fn drawn(&self, auction: AuctionId, draws: &Draws, pending: &Pending) -> Option<&Bid> {
        let weights = match &self.terms.promotion {
            Promotion::None {} => return None,
            Promotion::Double { weights, .. } => weights,
        };
        let leader = self.book.leader();
        let in_interval = self.book.bids_from(pending.first).iter();
        let can_be_drawn = in_interval
            .filter(|bid| bid.interval == pending.interval && !bid.promoted)
            .filter(|bid| bid.standing || mutant::on("draw_among_all"));
        let candidates: Vec<Candidate> = can_be_drawn
            .map(|bid| Candidate {
                bid: bid.id,
                newcomer: bid.newcomer,
                underdog: leader != Some(bid.paddle),
                early: bid.early,
            })
            .collect();
        let drawn = draw(&draws.seed, auction, pending.interval, weights, &candidates)?;
        self.book.bid(drawn)
    }

    /// The ranking once a bid is doubled.
    fn top_promoted(&self, bid: &Bid) -> Option<Top> {
        let score: Score = self.terms.direction.score(bid.amount.minor() * 2);
        let place = Reverse(bid.place);
        let doubled = Rank { score, place, paddle: bid.paddle, bid: bid.id };
        let other = self.book.rank_without(bid.paddle, bid.id, |bid| self.score(bid));
        self.book.top_if(bid.paddle, Some(other.map_or(doubled, |other| other.max(doubled))))
    }

    fn promoted(&self, auction: AuctionId, pending: &Pending) -> Option<Fact> {
        let draws = self.draws.as_ref()?;
        let bid = self.drawn(auction, draws, pending)?;
        let top = self.top_promoted(bid)?;
        let price = (self.terms.price_of(top.contest()), top.leader.paddle);
        let now = self.open_now(Some(price), None);
        Some(Fact::BidPromoted { bid: bid.id, interval: pending.interval, now })
    }

    /// The hammer falls: the last interval's draw, if any, then the close with its outcome.
    pub(super) fn hammer(
        &self,
        auction: &Auction,
        reason: CloseReason,
        why: Option<Reason>,
    ) -> Facts {
        let last = self.pending_draw().and_then(|(pending, _)| self.promoted(auction.id, &pending));
        let doubled = last.as_ref().and_then(|fact| match fact {
            Fact::BidPromoted { bid, .. } => Some(*bid),
            _ => None, // not ours: `promoted` makes no other fact
        });
        let outcome = self.outcome(doubled);
        let closed = Fact::Closed { outcome, reason, why };
        last.into_iter().chain([closed]).map(open_fact).collect()
    }

    /// What comes of the auction if it closes now, after `doubled` was promoted.
    fn outcome(&self, doubled: Option<BidId>) -> Outcome {
        if matches!(self.terms.clock, Clock::Descending { .. }) {
            return Outcome::Passed { reason: PassedReason::ClockRanOut };
        }
        let doubled = doubled.and_then(|id| self.book.bid(id));
        let top = doubled.map_or_else(|| self.book.top(), |bid| self.top_promoted(bid));
        let Some(top) = top else { return Outcome::Passed { reason: PassedReason::NoBids } };
        let contest = top.contest();
        let (hammer, decisive) = match self.terms.pricing {
            Pricing::SecondPrice => (self.terms.second_price(contest), contest.best),
            Pricing::PayBid | Pricing::ClockPrice => {
                let stands = self.price.filter(|_| doubled.is_none());
                let price = stands.unwrap_or_else(|| self.terms.price_of(contest));
                (price, price)
            }
        };
        let hammer = self.terms.direction.amount(hammer);
        let Some(hammer) = hammer.filter(|_| self.terms.meets_reserve(decisive)) else {
            return Outcome::Passed { reason: PassedReason::ReserveNotMet };
        };
        let winning = self.book.bid(top.leader.bid);
        let promoted = winning
            .filter(|bid| bid.promoted || doubled.is_some_and(|doubled| doubled.id == bid.id));
        let house_pays = promoted.map_or(0, |bid| hammer.minor() - bid.amount.minor());
        Outcome::Sold(self.terms.fees.sale(top.leader.paddle, hammer, house_pays))
    }
}
