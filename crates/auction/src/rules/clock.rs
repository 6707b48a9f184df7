//! Clock: a price that falls by itself. There is no event for a drop: the price is a function of
//! the terms and of how long the auction has been open.

use crate::money::Amount;
use crate::mutant;
use crate::terms::Clock;
use crate::time::SECOND;

impl Clock {
    /// Where the clock stands after `open` microseconds of open time; none without a clock.
    #[must_use]
    pub fn price(&self, open: i64) -> Option<Amount> {
        match *self {
            Self::None {} => None,
            Self::Descending { start, floor, step, every_seconds } => {
                let drops = open.max(0) / (i64::from(every_seconds) * SECOND);
                let drops = (drops - i64::from(mutant::on("clock_drops_late"))).max(0);
                let fallen = drops.saturating_mul(step.minor());
                Amount::new(start.minor().saturating_sub(fallen).max(floor.minor()))
            }
        }
    }

    /// After how much open time the clock drops next; none if it stands at its floor.
    #[must_use]
    pub fn next_drop(&self, open: i64) -> Option<i64> {
        match *self {
            Self::None {} => None,
            Self::Descending { floor, every_seconds, .. } => {
                let every = i64::from(every_seconds) * SECOND;
                let next = (open.max(0) / every + 1) * every;
                (self.price(open)? > floor).then_some(next)
            }
        }
    }

    /// How much open time passes until the clock has run out: one interval after it reached its
    /// floor. None without a clock.
    pub(crate) fn length(&self) -> Option<i64> {
        match *self {
            Self::None {} => None,
            Self::Descending { start, floor, step, every_seconds } => {
                let fall = start.minor() - floor.minor();
                let drops = (fall + step.minor() - 1) / step.minor() + 1;
                Some(drops.saturating_mul(i64::from(every_seconds) * SECOND))
            }
        }
    }
}
