//! What the naive house thinks of time: open time, the clock's price, soft closes, draws, and what
//! is due when.

use super::{Lot, Naive, Phase};
use gavel_auction::event::{CloseReason, Digest, Fact, Hidden, Reason};
use gavel_auction::money::Amount;
use gavel_auction::terms::{Certify, Clock, Close, Promotion, Terms, WeightKind};
use gavel_auction::time::Time;
use gavel_proof::hash::sha256;

const SECOND: i64 = 1_000_000;

fn plain(fact: Fact) -> (Fact, Hidden) {
    (fact, Hidden::default())
}

/// When an auction that opens now will end.
pub(super) fn end_if_opened(terms: &Terms, at: i64) -> i64 {
    if let Clock::Descending { start, floor, step, every_seconds } = terms.clock {
        let (mut price, mut drops) = (start.minor(), 0);
        // As many drops as it takes, and one more interval at the floor.
        if price > floor.minor() {
            drops = (price - floor.minor()) / step.minor();
            price -= drops * step.minor();
            drops += i64::from(price > floor.minor());
        }
        return at + (drops + 1) * i64::from(every_seconds) * SECOND;
    }
    let length = terms.schedule.duration_seconds.map_or(0, i64::from) * SECOND;
    terms.schedule.ends_at.map_or(at + length, |end| end.0)
}

impl Naive {
    /// What time alone brings next, if it is due at this moment: one decision.
    #[must_use]
    pub fn due(&self, at: i64, chain: Digest) -> Option<Vec<Fact>> {
        let lot = self.lot.as_ref()?;
        match lot.phase {
            Phase::Draft | Phase::Held(_) => None,
            Phase::Scheduled => {
                let start = lot.terms.schedule.starts_at.map_or(self.last_at, |start| start.0);
                let end = Time(end_if_opened(&lot.terms, at));
                (start <= at).then(|| vec![Fact::Opened { end }])
            }
            Phase::Open => lot.due_while_open(self, at),
            Phase::Ended(ended, _) => {
                let itself = lot.terms.certify == Certify::Automatic;
                let due = !lot.certified && itself && ended <= at;
                due.then(|| vec![Fact::Certified { head: chain }])
            }
        }
    }

    /// Since when that has been due, or will be.
    #[must_use]
    pub fn due_since(&self) -> Option<i64> {
        let lot = self.lot.as_ref()?;
        let due = match lot.phase {
            Phase::Draft | Phase::Held(_) => return None,
            Phase::Scheduled => lot.terms.schedule.starts_at.map_or(self.last_at, |start| start.0),
            Phase::Open => {
                let end = lot.end?;
                lot.undrawn().map_or(end, |(_, due)| due.min(end))
            }
            Phase::Ended(ended, _) => ended,
        };
        Some(due.max(self.last_at))
    }

    /// Whether an end that moved because of an outage moved by the rule.
    #[must_use]
    pub fn is_outage_right(&self, from: i64, to: i64, end: i64, outage: (i64, i64)) -> bool {
        use gavel_auction::terms::Outage;
        let Some(lot) = &self.lot else { return false };
        let Some(before) = lot.end else { return false };
        // What opened only after the outage, in the same decision, was there before it.
        let opened = self.before_opening.filter(|_| self.last_at >= to);
        let since = outage.0.max(opened.unwrap_or(self.last_at));
        lot.terms.outage == Outage::Extend
            && lot.phase == Phase::Open
            && (from, to) == (since, outage.1)
            && from < before
            && before <= to
            && end == to + (before - from)
    }

    /// Whether an open auction's end fell into this outage, so that it must not close by itself
    /// before the lost time was given back.
    #[must_use]
    pub fn lost_time(&self, from: i64, to: i64) -> bool {
        use gavel_auction::terms::Outage;
        let Some(lot) = &self.lot else { return false };
        let open = lot.phase == Phase::Open && lot.terms.outage == Outage::Extend;
        open && lot.end.is_some_and(|end| from < end && end <= to)
    }
}

impl Lot {
    /// How long it has been open, not counting when it stood still.
    pub(super) fn open_time(&self, at: i64) -> i64 {
        self.opened.map_or(0, |opened| (at - opened - self.still).max(0))
    }

    /// The moment until which open time runs.
    fn until(&self, now: i64) -> i64 {
        match self.phase {
            Phase::Held(since) => since,
            Phase::Ended(at, _) => at,
            Phase::Draft | Phase::Scheduled | Phase::Open => now,
        }
    }

    /// Where the clock stands, if there is one and it runs.
    pub(super) fn clock_price(&self, now: i64) -> Option<i64> {
        let Clock::Descending { start, floor, step, every_seconds } = self.terms.clock else {
            return None;
        };
        self.opened?;
        // After the hammer the still time of a hold is counted in already.
        let open = self.open_time(self.until(now));
        let drops = open / (i64::from(every_seconds) * SECOND);
        let fallen = i128::from(start.minor()) - i128::from(drops) * i128::from(step.minor());
        i64::try_from(fallen.max(i128::from(floor.minor()))).ok()
    }

    /// The end after a bid or a retraction that came now and changed something.
    pub(super) fn softened(&self, at: i64) -> i64 {
        let end = self.end.unwrap_or(at);
        let Close::Soft { window_seconds, extend_to_seconds, max_total_seconds } = self.terms.close
        else {
            return end;
        };
        if end - at > i64::from(window_seconds) * SECOND {
            return end;
        }
        let wanted = at + i64::from(extend_to_seconds) * SECOND;
        let cap = self.base_end.unwrap_or(end) + i64::from(max_total_seconds) * SECOND;
        end.max(wanted.min(cap))
    }

    fn every(&self) -> Option<i64> {
        match self.terms.promotion {
            Promotion::None {} => None,
            Promotion::Double { every_seconds, .. } => Some(i64::from(every_seconds) * SECOND),
        }
    }

    /// The interval that a moment falls into, and whether into its first half.
    pub(super) fn interval_of(&self, at: i64) -> (i64, bool) {
        let (Some(every), Some(_)) = (self.every(), self.seed) else { return (0, false) };
        let open = (self.open_time(at) - self.origin).max(0);
        (open / every, (open % every) * 2 < every)
    }

    /// The first interval in which a bid stands that was not drawn from yet, and when it ends.
    fn undrawn(&self) -> Option<(i64, i64)> {
        let every = self.every()?;
        self.seed?;
        let in_it = |bid: &&super::Bid| bid.standing && !bid.promoted && bid.epoch == self.epoch;
        let intervals = self.bids.iter().filter(in_it).map(|bid| bid.interval);
        let next = intervals.filter(|interval| !self.drawn.contains(&(self.epoch, *interval)));
        let interval = next.min()?;
        let open = self.origin + (interval + 1) * every;
        Some((interval, self.opened? + self.still + open))
    }

    fn due_while_open(&self, auction: &Naive, at: i64) -> Option<Vec<Fact>> {
        let end = self.end?;
        let draw = self.undrawn().filter(|(_, due)| *due < end);
        if let Some((interval, due)) = draw {
            return (due <= at).then(|| vec![self.promotion(auction, interval).0]);
        }
        let clocked = matches!(self.terms.clock, Clock::Descending { .. });
        let reason = if clocked { CloseReason::Clock } else { CloseReason::Time };
        (end <= at)
            .then(|| self.hammer(auction, reason, None).into_iter().map(|(fact, _)| fact).collect())
    }

    /// The hammer falls: the last interval is drawn first.
    pub(super) fn hammer(
        &self,
        auction: &Naive,
        reason: CloseReason,
        why: Option<Reason>,
    ) -> Vec<(Fact, Hidden)> {
        match self.undrawn() {
            None => {
                vec![plain(Fact::Closed { outcome: self.outcome(), reason, why })]
            }
            Some((interval, _)) => {
                let (fact, after) = self.promotion(auction, interval);
                let outcome = after.outcome();
                vec![plain(fact), plain(Fact::Closed { outcome, reason, why })]
            }
        }
    }

    /// The draw of an interval, and the state after it.
    fn promotion(&self, auction: &Naive, interval: i64) -> (Fact, Self) {
        let drawn = self.lot_falls_on(auction, interval);
        let mut after = self.clone();
        after.bids.iter_mut().filter(|bid| bid.id == drawn).for_each(|bid| bid.promoted = true);
        let end = self.end.unwrap_or(0);
        let now = after.now_after(end, end);
        let interval = u64::try_from(interval).unwrap_or(0);
        (Fact::BidPromoted { bid: drawn, interval, now }, after)
    }

    fn lot_falls_on(&self, auction: &Naive, interval: i64) -> u64 {
        let leader = self.leader();
        let weights = match &self.terms.promotion {
            Promotion::None {} => &[][..],
            Promotion::Double { weights, .. } => weights,
        };
        let mut tickets = Vec::new();
        for bid in &self.bids {
            let here = bid.epoch == self.epoch && bid.interval == interval;
            if !here || !bid.standing || bid.promoted {
                continue;
            }
            let mut weight: u64 = 1;
            for one in weights {
                let applies = match one.kind {
                    WeightKind::Newcomer => bid.newcomer,
                    WeightKind::Underdog => leader != Some(bid.paddle),
                    WeightKind::Early => bid.early,
                };
                if applies {
                    weight = weight.saturating_mul(u64::from(one.factor));
                }
            }
            tickets.push((bid.id, weight));
        }
        let sum: u128 = tickets.iter().map(|(_, weight)| u128::from(*weight)).sum();
        let fair = (1_u128 << 64) / sum.max(1) * sum.max(1);
        let seed = self.seed.unwrap_or(Digest([0; 32]));
        let drawn = (0..).map(|j| u128::from(self.number(auction, &seed, interval, j)));
        let mut left = drawn.into_iter().find(|number| *number < fair).unwrap_or(0) % sum.max(1);
        for (bid, weight) in tickets {
            if left < u128::from(weight) {
                return bid;
            }
            left -= u128::from(weight);
        }
        0
    }

    /// u_j of the rules.
    fn number(&self, auction: &Naive, seed: &Digest, interval: i64, j: u32) -> u64 {
        let tag = b"gavel/draw/1";
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&12_u32.to_be_bytes());
        bytes.extend_from_slice(tag);
        bytes.extend_from_slice(&32_u32.to_be_bytes());
        bytes.extend_from_slice(&seed.0);
        bytes.extend_from_slice(&auction.id.get().to_be_bytes());
        bytes.extend_from_slice(&interval.to_be_bytes());
        bytes.extend_from_slice(&j.to_be_bytes());
        let digest = sha256(&bytes);
        digest.0.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// An amount that is one.
    pub(super) fn amount(minor: i64) -> Amount {
        Amount::new(minor).unwrap_or(Amount::ONE)
    }
}
