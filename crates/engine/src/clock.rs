//! The house's clock: the one place of the process that reads the time of day. It never runs
//! backwards within a process: between two readings of the system's clock it is held.

use gavel_auction::time::Time;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Reads the time of day.
#[derive(Debug, Default)]
pub struct Clock {
    latest: AtomicI64,
}

impl Clock {
    /// Now; never earlier than an earlier answer.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one home of the time of day")]
    pub fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        let latest = self.latest.fetch_max(micros, Ordering::Relaxed);
        Time(latest.max(micros))
    }
}
