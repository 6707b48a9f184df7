//! Price: where it stands after a bid, and what the winner pays.

use super::score::Score;
use crate::money::Amount;
use crate::mutant;
use crate::terms::{Admission, Terms};

/// The two best standing bids of different bidders, as scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contest {
    /// The leader's.
    pub(crate) best: Score,
    /// The best other bidder's.
    pub(crate) second: Option<Score>,
}

impl Terms {
    /// The price's score while these two contest the auction, computed from nothing else.
    ///
    /// With proxies the leader pays a step above the second's maximum, at most his own, at least
    /// the start, and the reserve as soon as his maximum reaches it. So his own raise moves the
    /// price only where his maximum had held it below that step; the recorded auctions of
    /// `tests/data` say so.
    pub(crate) fn price_of(&self, contest: Contest) -> Score {
        if !self.has_proxy() {
            return contest.best;
        }
        let start = self.direction.score(self.start().minor());
        let pushed = contest.second.map_or(start, |second| {
            let stepped = self.one_step_better(second);
            let stepped = if mutant::on("proxy_without_step") { Some(second) } else { stepped };
            stepped.map_or(contest.best, |next| next.min(contest.best))
        });
        self.lifted_to_reserve(pushed.max(start), contest.best)
    }

    /// With proxies: the reserve instead of `price`, as soon as the leader's maximum reaches it.
    fn lifted_to_reserve(&self, price: Score, best: Score) -> Score {
        match self.reserve.amount().map(|reserve| self.direction.score(reserve.minor())) {
            Some(reserve) if best >= reserve && !mutant::on("reserve_not_lifted") => {
                price.max(reserve)
            }
            Some(_) | None => price,
        }
    }

    /// The score one step better than that of a price, if there is such an amount at all.
    pub(crate) fn one_step_better(&self, price: Score) -> Option<Score> {
        let minor = self.direction.score(price);
        let next = price.checked_add(self.increment.step(minor))?;
        let best = self.direction.best(self.largest_amount());
        (next <= best).then_some(next)
    }

    /// The score that the next bid of somebody who does not lead must reach; none if no bid can.
    pub(crate) fn next_score(
        &self,
        price: Option<Score>,
        buy_now: Option<Amount>,
    ) -> Option<Score> {
        let start = self.direction.score(self.start().minor());
        let next = match (self.admission, price) {
            (Admission::BeatLeader {}, Some(price)) => self.one_step_better(price)?,
            (Admission::BeatLeader {}, None)
            | (
                Admission::BeatOwnLatest {} | Admission::OncePerBidder {} | Admission::Revisable {},
                _,
            ) => start,
            (Admission::AcceptClock {}, _) => return None,
        };
        let taken = buy_now.is_some_and(|amount| next >= self.direction.score(amount.minor()));
        (!taken).then_some(next)
    }

    /// Second price: what the winner pays, as a score; the best other amount if that is better
    /// than start and reserve.
    pub(crate) fn second_price(&self, contest: Contest) -> Score {
        let floor = self.direction.score(self.start().minor());
        let reserve = self.reserve.amount().map(|reserve| self.direction.score(reserve.minor()));
        let reserve = reserve.filter(|_| !mutant::on("second_price_without_reserve"));
        [contest.second, reserve].into_iter().flatten().fold(floor, Score::max)
    }
}
