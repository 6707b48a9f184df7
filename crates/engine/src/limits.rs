//! Every bound of the engine. Full means an answer that says so, now.

/// Commands that may wait in one lane of one partition.
pub const QUEUED: usize = 4096;

/// Commands of one partition that are decided before the loop looks at time and commits again.
pub const DECIDED_AT_ONCE: usize = 1024;

/// Due things (openings, draws, closes, certifications) of one partition that are decided before
/// commands are looked at again.
pub const TICKED_AT_ONCE: usize = 4096;

/// Refused commands of one partition whose answers are remembered.
pub const REMEMBERED_REFUSALS: usize = 32_768;

/// Records read from the log at once while recovering.
pub const READ_AT_ONCE: usize = 4096;

/// Seconds of an outage below which nothing is compensated.
pub const OUTAGE_SECONDS: i64 = 60;
