//! The house's clock: the one place of the process that reads the time of day. It never runs
//! backwards within a process, and it does not jump: between two readings the time of day must
//! have gone on about as far as the monotonic clock. If somebody sets it by more than that, the
//! house goes on by the monotonic clock, says so, and takes the new time of day when it is next
//! opened: no end comes early, and none waits for an hour to pass twice. A house that is pumped by
//! hand is given its time instead.

use gavel_auction::time::{SECOND, Time};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How far the time of day may move against the monotonic clock between two readings.
const JUMP: i64 = 2 * SECOND;

/// Reads the time of day.
#[derive(Debug)]
pub struct Clock {
    latest: AtomicI64,
    /// What is read instead of the system's clock, in microseconds.
    given: Option<Arc<AtomicI64>>,
    /// Where the monotonic clock is counted from.
    start: Instant,
    /// The time of day when the monotonic count was zero, as far as it is believed.
    origin: AtomicI64,
    /// Whether the time of day is not believed at present.
    astray: AtomicBool,
}

impl Default for Clock {
    fn default() -> Self {
        let clock = Self::reading(None);
        clock.origin.store(time_of_day(), Ordering::Relaxed);
        clock
    }
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one home of the monotonic clock")]
    fn reading(given: Option<Arc<AtomicI64>>) -> Self {
        let (latest, origin) = (AtomicI64::new(0), AtomicI64::new(0));
        Self { latest, given, start: Instant::now(), origin, astray: AtomicBool::new(false) }
    }

    /// A clock that reads these microseconds.
    #[must_use]
    pub fn given(micros: Arc<AtomicI64>) -> Self {
        Self::reading(Some(micros))
    }

    /// Now; never earlier than an earlier answer.
    #[must_use]
    pub fn now(&self) -> Time {
        let micros = match &self.given {
            Some(given) => given.load(Ordering::Relaxed),
            None => self.steady(),
        };
        let latest = self.latest.fetch_max(micros, Ordering::Relaxed);
        Time(latest.max(micros))
    }

    /// The time of day, or what it should be.
    fn steady(&self) -> i64 {
        let gone = i64::try_from(self.start.elapsed().as_micros()).unwrap_or(i64::MAX);
        let origin = time_of_day().saturating_sub(gone);
        let believed = self.origin.load(Ordering::Relaxed);
        let off = origin.saturating_sub(believed);
        let astray = off.abs() > JUMP;
        if astray != self.astray.load(Ordering::Relaxed)
            && astray != self.astray.swap(astray, Ordering::Relaxed)
        {
            tell(astray, off);
        }
        if astray {
            return believed.saturating_add(gone);
        }
        self.origin.store(origin, Ordering::Relaxed);
        origin.saturating_add(gone)
    }
}

fn tell(astray: bool, off: i64) {
    if astray {
        tracing::error!(
            seconds = off / SECOND,
            "the system's clock has jumped and is not followed; open the house anew to take it"
        );
    } else {
        tracing::warn!("the system's clock is where it was");
    }
}

#[expect(clippy::disallowed_methods, reason = "the one home of the time of day")]
fn time_of_day() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_that_jumped_is_not_followed() {
        let clock = Clock::default();
        let before = clock.now();
        for hours in [1, -1] {
            // As if the house had believed another time all along.
            let origin = clock.origin.fetch_add(hours * 3_600 * SECOND, Ordering::Relaxed);
            let now = clock.now();
            assert!(clock.astray.load(Ordering::Relaxed), "{hours} h");
            assert!(now >= before, "never backwards");
            if hours == 1 {
                assert!(now.since(before) >= 3_600 * SECOND, "it goes on by what it believed");
            }
            clock.origin.store(origin, Ordering::Relaxed);
            assert!(clock.now() >= now && !clock.astray.load(Ordering::Relaxed), "well again");
        }
    }

    #[test]
    fn a_little_is_followed() {
        let clock = Clock::default();
        clock.origin.fetch_sub(SECOND, Ordering::Relaxed);
        let now = clock.now();
        assert!(time_of_day().abs_diff(now.0) < SECOND.unsigned_abs() / 2);
        assert!(!clock.astray.load(Ordering::Relaxed));
    }
}
