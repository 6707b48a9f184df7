//! Instants and lengths of time as integers. Holds no clock: every instant comes in as an argument.

use serde::{Deserialize, Serialize};

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;

/// An instant: microseconds since 1970-01-01 00:00:00 UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// The instant `micros` later, held at the ends of the range.
    #[must_use]
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// The instant `seconds` later, held at the ends of the range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(SECOND)))
    }

    /// Microseconds from `earlier` to this instant; negative if this one is the earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}
