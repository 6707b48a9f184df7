//! When a room is told the time: each second in the last minute, more rarely before, at once when
//! the end moves; and when its price falls by itself. Reads no clock.

use super::text::Shown;
use gavel_auction::time::{SECOND, Time};
use std::sync::atomic::{AtomicI64, Ordering};

/// When nothing is due.
const NEVER: i64 = i64::MAX;

/// When a room is told something next.
pub(super) struct Timers {
    time: AtomicI64,
    drop: AtomicI64,
}

impl Default for Timers {
    fn default() -> Self {
        Self { time: AtomicI64::new(NEVER), drop: AtomicI64::new(NEVER) }
    }
}

/// What is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) time: bool,
    pub(super) drop: bool,
}

impl Timers {
    /// Sets them anew: something has happened.
    pub(super) fn set(&self, shown: &Shown, now: Time) {
        let end = shown.head.effective_end().filter(|_| shown.head.outcome().is_none());
        self.time.store(end.map_or(NEVER, |end| next(end, now).0), Ordering::Release);
        let drop = shown.next_drop(now).map_or(NEVER, |drop| drop.0);
        self.drop.store(drop, Ordering::Release);
    }

    /// What is due.
    pub(super) fn due(&self, now: Time) -> Due {
        let due = |at: &AtomicI64| at.load(Ordering::Acquire) <= now.0;
        Due { time: due(&self.time), drop: due(&self.drop) }
    }
}

/// When to tell the time next before an end: at whole seconds before it.
fn next(end: Time, now: Time) -> Time {
    let left = end.since(now);
    if left <= 0 {
        // What comes now is the end, whenever it is durable.
        return Time(now.0 + SECOND);
    }
    let every = match left / SECOND {
        0..=60 => SECOND,
        61..=600 => 10 * SECOND,
        _ => 60 * SECOND,
    };
    Time(end.0 - (left - 1) / every * every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_the_end_the_more_often_and_at_whole_seconds_before_it() {
        let end = Time(10_000 * SECOND);
        let left_at = |left: i64| end.since(next(end, end.plus(-left)));
        assert_eq!(left_at(3_600 * SECOND), 3_540 * SECOND);
        assert_eq!(left_at(605 * SECOND), 600 * SECOND);
        assert_eq!(left_at(600 * SECOND), 590 * SECOND);
        assert_eq!(left_at(61 * SECOND), 60 * SECOND);
        assert_eq!(left_at(60 * SECOND), 59 * SECOND);
        assert_eq!(left_at(SECOND / 2), 0);
        assert_eq!(left_at(0), -SECOND);
        let (mut now, mut told) = (end.plus(-60 * SECOND), 0);
        while now < end {
            (now, told) = (next(end, now), told + 1);
        }
        assert_eq!((now, told), (end, 60));
    }
}
