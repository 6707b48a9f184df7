//! The running time of an auction: when it opened, when it ends, how long it stood still.

use crate::time::Time;
use serde::{Deserialize, Serialize};

/// When an auction opened, when it ends, and how long it stood still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// When it opened first.
    pub opened: Option<Time>,
    /// The end as announced; never changes once the auction has opened.
    pub scheduled_end: Option<Time>,
    /// The end without what soft close has added.
    pub base_end: Option<Time>,
    /// The end in force.
    pub end: Option<Time>,
    /// How long it was held, closed, or lost to an outage so far, in microseconds.
    pub stood_still: i64,
}

impl Running {
    /// Open time at `at`: time since the opening without what does not count. While the auction
    /// is on hold or closed, ask for the instant at which that began.
    #[must_use]
    pub fn open_time(&self, at: Time) -> i64 {
        self.opened.map_or(0, |opened| at.since(opened).saturating_sub(self.stood_still).max(0))
    }

    /// The instant at which open time reaches `open`, if the auction never stands still again.
    #[must_use]
    pub fn instant_of(&self, open: i64) -> Option<Time> {
        Some(self.opened?.plus(self.stood_still).plus(open))
    }
}
