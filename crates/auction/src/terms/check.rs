//! Which compositions of rule slots make sense. Names every problem at once, so that a seller
//! mends his terms in one go. Judges nothing about a running auction.

use super::{
    Admission, BuyNow, Clock, Close, Direction, Increment, LONGEST_SECONDS as YEAR, Pricing,
    Promotion, Proxy, Reserve, Retraction, Terms,
};
use crate::money::MAX_AMOUNT;

/// One thing that is wrong with proposed terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, as in the JSON of a request: `terms.close.window_seconds`.
    pub field: String,
    /// A stable word: `required`, `conflict`, `not_positive`, `too_long`, `too_large`, `order`.
    pub code: &'static str,
    /// What is wrong and what would be accepted.
    pub detail: String,
}

impl Problem {
    /// A problem with `field`.
    pub fn new(field: &str, code: &'static str, detail: &str) -> Self {
        Self { field: field.to_owned(), code, detail: detail.to_owned() }
    }
}

struct Problems(Vec<Problem>);

impl Problems {
    fn when(&mut self, wrong: bool, field: &str, code: &'static str, detail: &str) {
        if wrong {
            self.0.push(Problem::new(field, code, detail));
        }
    }

    fn length(&mut self, field: &str, seconds: u32, zero_allowed: bool) {
        self.when(seconds == 0 && !zero_allowed, field, "not_positive", "at least one second");
        self.when(seconds > YEAR, field, "too_long", "at most a year");
    }
}

impl Terms {
    /// All that is wrong with these terms, in the order of the slots; empty if nothing is.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Problems(Vec::new());
        self.check_sealed(&mut problems);
        self.check_clock(&mut problems);
        self.check_amounts(&mut problems);
        self.check_combinations(&mut problems);
        self.check_increment(&mut problems);
        self.check_lengths(&mut problems);
        self.check_fees(&mut problems);
        problems.0
    }

    fn check_sealed(&self, problems: &mut Problems) {
        let blind = matches!(self.admission, Admission::OncePerBidder {} | Admission::Revisable {});
        let sealed = self.is_sealed();
        problems.when(
            sealed != blind,
            "terms.admission",
            "conflict",
            "revisable and once_per_bidder belong to sealed auctions, and sealed ones to them",
        );
        problems.when(
            self.pricing == Pricing::SecondPrice && !sealed,
            "terms.pricing",
            "conflict",
            "second_price needs a sealed auction",
        );
        if !sealed {
            return;
        }
        let soft = matches!(self.close, Close::Soft { .. });
        let no = "conflict";
        problems.when(soft, "terms.close", no, "a sealed auction has a hard close");
        problems.when(self.has_proxy(), "terms.proxy", no, "a sealed auction has no proxy bids");
        let buy_now = self.buy_now.amount().is_some();
        problems.when(buy_now, "terms.buy_now", no, "a sealed auction has no buy now");
    }

    fn check_clock(&self, problems: &mut Problems) {
        let has_clock = matches!(self.clock, Clock::Descending { .. });
        let accepts = matches!(self.admission, Admission::AcceptClock {});
        let no = "conflict";
        let both = "a clock goes with accept_clock and clock_price, and they with it";
        problems.when(has_clock != accepts, "terms.admission", no, both);
        let priced = self.pricing == Pricing::ClockPrice;
        problems.when(has_clock != priced, "terms.pricing", no, both);
        let stepless = matches!(self.increment, Increment::None {});
        let steps = "a clock has no increment, and every other auction has one";
        problems.when(has_clock != stepless, "terms.increment", no, steps);
        let priceless = self.starting_price.is_none();
        let start = "a clock has its own start, and every other auction has a starting price";
        let code = if has_clock { "conflict" } else { "required" };
        problems.when(has_clock != priceless, "starting_price", code, start);
        let endless = self.schedule.ends_at.is_none() && self.schedule.duration_seconds.is_none();
        let code = if has_clock { "conflict" } else { "required" };
        let end = "give ends_at or duration_seconds; with a clock neither, it has its own end";
        problems.when(has_clock != endless, "ends_at", code, end);
        if !has_clock {
            return;
        }
        let reverse = self.direction == Direction::Reverse;
        problems.when(reverse, "terms.direction", no, "a clock falls in a forward auction only");
        problems.when(self.is_sealed(), "terms.visibility", no, "a clock is open");
        let soft = matches!(self.close, Close::Soft { .. });
        problems.when(soft, "terms.close", no, "a clock has a hard close");
        let reserve = !matches!(self.reserve, Reserve::None {});
        problems.when(reserve, "terms.reserve", no, "the clock's floor is its reserve");
        let buy_now = self.buy_now.amount().is_some();
        problems.when(buy_now, "terms.buy_now", no, "a clock has no buy now");
        problems.when(self.has_proxy(), "terms.proxy", no, "a clock has no proxy bids");
    }

    fn check_amounts(&self, problems: &mut Problems) {
        let reverse = self.direction == Direction::Reverse;
        let start = self.start();
        if let Some(reserve) = self.reserve.amount() {
            let wrong = if reverse { reserve > start } else { reserve < start };
            let detail = "the reserve is at or above the start (reverse: at or below)";
            problems.when(wrong, "reserve", "order", detail);
        }
        let missing = matches!(self.reserve, Reserve::Hidden { amount: None });
        problems.when(missing, "terms.reserve.amount", "required", "a reserve has an amount");
        if let Some(amount) = self.buy_now.amount() {
            problems.when(reverse, "buy_now", "conflict", "a reverse auction has no buy now");
            problems.when(amount <= start, "buy_now", "order", "buy now is above the start");
            let below = self.reserve.amount().is_some_and(|reserve| amount < reserve);
            problems.when(below, "buy_now", "order", "buy now is at or above the reserve");
        }
        let needs = matches!(self.buy_now, BuyNow::UntilReserveMet { .. });
        let detail = "until_reserve_met needs a reserve";
        let none = matches!(self.reserve, Reserve::None {});
        problems.when(needs && none, "terms.buy_now", "conflict", detail);
        if let Clock::Descending { start, floor, .. } = self.clock {
            let detail = "the floor is below the clock's start";
            problems.when(floor >= start, "terms.clock.floor", "order", detail);
        }
        let too_large = start > self.largest_amount();
        let detail = "with promotion amounts are at most half the largest";
        problems.when(too_large, "starting_price", "too_large", detail);
    }

    fn check_combinations(&self, problems: &mut Problems) {
        let beat_leader = matches!(self.admission, Admission::BeatLeader {});
        let proxy = self.proxy == Proxy::Maximum;
        let detail = "proxy bids go with beat_leader only";
        problems.when(proxy && !beat_leader, "terms.proxy", "conflict", detail);
        if let Promotion::Double { weights, .. } = &self.promotion {
            let ladder = matches!(self.admission, Admission::BeatOwnLatest {});
            let detail = "promotion goes with open beat_own_latest auctions only";
            let wrong = !ladder || self.is_sealed();
            problems.when(wrong, "terms.promotion", "conflict", detail);
            let detail = "a doubled bid is a worse one in a reverse auction";
            let reverse = self.direction == Direction::Reverse;
            problems.when(reverse, "terms.promotion", "conflict", detail);
            let wrong = weights.iter().any(|weight| !(1..=100).contains(&weight.factor));
            let detail = "a weight's factor is 1 to 100";
            problems.when(wrong, "terms.promotion.weights", "out_of_range", detail);
            let wrong = weights.len() > 8;
            let detail = "at most 8 weights";
            problems.when(wrong, "terms.promotion.weights", "too_large", detail);
        }
    }

    fn check_increment(&self, problems: &mut Problems) {
        let field = "terms.increment";
        match &self.increment {
            Increment::None {} | Increment::AnyHigher {} | Increment::Fixed { .. } => {}
            Increment::Percent { basis_points } => {
                problems.when(*basis_points == 0, field, "not_positive", "at least 1 basis point");
                let detail = "at most 1000000 basis points";
                problems.when(*basis_points > 1_000_000, field, "too_large", detail);
            }
            Increment::Table { steps } => {
                let first = steps.first().is_none_or(|band| band.from != 0);
                problems.when(first, field, "order", "the table's first band is from 0");
                let falls = |pair: &[super::Band]| pair[0].from >= pair[1].from;
                let detail = "`from` rises strictly from band to band";
                problems.when(steps.windows(2).any(falls), field, "order", detail);
                let falls = |pair: &[super::Band]| pair[0].step > pair[1].step;
                let detail = "steps do not fall from band to band";
                problems.when(steps.windows(2).any(falls), field, "order", detail);
                let none = steps.iter().any(|band| !(1..=MAX_AMOUNT).contains(&band.step));
                problems.when(none, field, "not_positive", "a step is at least one minor unit");
                let far = steps.iter().any(|band| band.from > MAX_AMOUNT);
                problems.when(far, field, "too_large", "`from` is at most 2^53 - 1");
                problems.when(steps.len() > 100, field, "too_large", "at most 100 bands");
            }
        }
    }

    fn check_lengths(&self, problems: &mut Problems) {
        if let Close::Soft { window_seconds, extend_to_seconds, max_total_seconds } = self.close {
            problems.length("terms.close.window_seconds", window_seconds, false);
            problems.length("terms.close.extend_to_seconds", extend_to_seconds, false);
            problems.length("terms.close.max_total_seconds", max_total_seconds, false);
        }
        if let Clock::Descending { every_seconds, start, floor, step } = self.clock {
            problems.length("terms.clock.every_seconds", every_seconds, false);
            let drops = (start.minor() - floor.minor()).max(0) / step.minor() + 2;
            let too_long = drops.saturating_mul(i64::from(every_seconds)) > i64::from(YEAR);
            let detail = "the clock reaches its floor within a year";
            problems.when(too_long, "terms.clock", "too_long", detail);
        }
        if let Retraction::Window { not_in_last_seconds, within_seconds } = self.retraction {
            problems.length("terms.retraction.not_in_last_seconds", not_in_last_seconds, true);
            problems.length("terms.retraction.within_seconds", within_seconds, false);
        }
        if let Promotion::Double { every_seconds, .. } = self.promotion {
            problems.length("terms.promotion.every_seconds", every_seconds, false);
        }
        problems.length("terms.settlement.due_seconds", self.settlement.due_seconds, true);
        let second = self.settlement.second_chance_seconds;
        problems.length("terms.settlement.second_chance_seconds", second, true);
        let schedule = &self.schedule;
        if let Some(seconds) = schedule.duration_seconds {
            problems.length("duration_seconds", seconds, false);
            let both = schedule.ends_at.is_some();
            let detail = "give ends_at or duration_seconds, not both";
            problems.when(both, "duration_seconds", "conflict", detail);
        }
        if let (Some(start), Some(end)) = (schedule.starts_at, schedule.ends_at) {
            let detail = "the end comes after the start";
            problems.when(end <= start, "ends_at", "order", detail);
            let long = end.since(start) > i64::from(YEAR) * crate::time::SECOND;
            problems.when(long, "ends_at", "too_long", "at most a year after the start");
        }
    }

    fn check_fees(&self, problems: &mut Problems) {
        let Self { fees, .. } = self;
        for (field, points) in [
            ("terms.fees.buyer_premium_bp", fees.buyer_premium_bp),
            ("terms.fees.seller_commission_bp", fees.seller_commission_bp),
            ("terms.fees.tax_bp", fees.tax_bp),
        ] {
            problems.when(points > 10_000, field, "too_large", "at most 10000 (100 %)");
            let reverse = self.direction == Direction::Reverse && points > 0;
            problems.when(reverse, field, "conflict", "a reverse auction has no fees");
        }
    }
}
