//! Every bound of the engine. Full means an answer that says so, now.

/// Commands that may wait in one lane of one partition.
pub const QUEUED: usize = 4096;

/// Commands of one partition that are decided before the loop looks at time and commits again.
pub const DECIDED_AT_ONCE: usize = 1024;

/// Due things (openings, draws, closes, certifications) of one partition that are decided before
/// commands are looked at again. So few that bids elsewhere hardly wait for thousands of closes.
pub const TICKED_AT_ONCE: usize = 512;

/// Refused commands of one partition whose answers are remembered.
pub const REMEMBERED_REFUSALS: usize = 32_768;

/// Records read from the log at once while recovering.
pub const READ_AT_ONCE: usize = 4096;

/// Snapshots read at once while recovering.
pub const SNAPSHOTS_AT_ONCE: usize = 1024;

/// Records that are brought into snapshots in one transaction. Many, because each auction among
/// them is written once and as a whole, however few of them are its own.
pub const SNAPSHOT_RECORDS: usize = 262_144;

/// Auctions whose snapshots are written in one transaction: what is held in memory meanwhile.
pub const SNAPSHOT_AUCTIONS: usize = 16_384;

/// Records that may wait before snapshots follow at once, and seconds after which they do anyway.
pub const SNAPSHOT_BEHIND: u64 = 50_000;
/// See [`SNAPSHOT_BEHIND`].
pub const SNAPSHOT_SECONDS: i64 = 10;

/// Records a second above which snapshots wait for a quieter moment, and how long that must last:
/// bids come in bursts.
pub const SNAPSHOT_QUIET: u64 = 2_000;
/// See [`SNAPSHOT_QUIET`].
pub const SNAPSHOT_CALM_SECONDS: i64 = 3;

/// Records that may wait for that moment: they would have to be replayed after a crash.
pub const SNAPSHOT_LATEST: u64 = 400_000;
/// Of this many the keeper takes as many parts of the time as records wait, half of it at most.
pub const SNAPSHOT_FAR: u64 = 6_400_000;

/// Seconds that the last snapshots may take when the house stops.
pub const SNAPSHOT_STOP_SECONDS: i64 = 5;

/// Commands of one partition that may wait for an auction that has left memory.
pub const PARKED: usize = 1024;

/// Settled auctions of one partition that may leave memory in one go.
pub const LEAVING_AT_ONCE: usize = 256;

/// Records that the scrub reads at once.
pub const SCRUBBED_AT_ONCE: usize = 256;

/// Bytes of public parts of one auction that are kept for those who listen to it. More than two
/// full batches of the busiest auction, so that nobody falls behind who reads at all.
pub const FEED_BYTES: usize = 1024 * 1024;

/// Events read from the log at once for somebody who has to catch up.
pub const CAUGHT_UP_AT_ONCE: usize = 256;

/// Seconds of an outage below which nothing is compensated.
pub const OUTAGE_SECONDS: i64 = 60;
