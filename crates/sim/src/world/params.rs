//! What a run is like, drawn from its seed: how many of everything, how often each thing goes
//! wrong. Rates are drawn, not fixed: a bug that hides behind one fault shows where that is absent.

use crate::chance::Chance;
use crate::history::Nanos;
use gavel_engine::hub::waiting::Bounds;
use serde::{Deserialize, Serialize};

/// A second.
pub const SECOND: Nanos = 1_000_000_000;
/// A millisecond.
pub const MILLI: Nanos = 1_000_000;

/// The parameters of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Params {
    /// The seed they were drawn from.
    pub seed: u64,
    /// Partitions of the log.
    pub partitions: u16,
    /// Auctions.
    pub auctions: usize,
    /// People who bid and sell.
    pub members: usize,
    /// Things that clients do.
    pub ops: usize,
    /// How long faults last.
    pub horizon: Nanos,
    /// Per cent of them that are reads.
    pub reads: u64,
    /// Per cent of them that come in bursts.
    pub bursts: u64,
    /// Per cent of bids that are aimed at an end.
    pub aimed: u64,
    /// Per cent of commands that nobody in his place should send.
    pub mistakes: u64,
    /// Per cent of commands that repeat an earlier one, alike or not.
    pub repeats: u64,
    /// Per cent of commands that name the version they expect.
    pub expecting: u64,
    /// Per cent of commands that ask for a receipt.
    pub receipts: u64,
    /// Per cent of auctions with any legal terms, not those of a preset.
    pub wild: u64,
    /// How long a client waits before he tries again.
    pub patience: Nanos,
    /// How often he tries.
    pub tries: u32,
    /// Per cent of messages that are lost, each way.
    pub lost: u64,
    /// How long a message takes at most.
    pub net: Nanos,
    /// How long a commit takes at most when nothing is wrong.
    pub commit: Nanos,
    /// Slow commits.
    pub slow: usize,
    /// Commits that fail.
    pub failing: usize,
    /// Whether the store refuses to be opened now and then.
    pub sticking: bool,
    /// Times when the log cannot be read.
    pub blind: usize,
    /// Times without room.
    pub full: usize,
    /// Crashes.
    pub crashes: usize,
    /// Per cent of crashes that are power cuts.
    pub power: u64,
    /// Per cent of crashes after which the house is away for more than a minute.
    pub long: u64,
    /// Pauses of the whole process.
    pub pauses: usize,
    /// Jumps of its clock.
    pub jumps: usize,
    /// How fast its clock runs wrong, in millionths.
    pub drift: i64,
    /// Subscribers.
    pub watchers: usize,
    /// Per cent of them that read slowly.
    pub lazy: u64,
    /// Guests of the live room.
    pub guests: usize,
    /// How often something is said to them.
    pub chatter: usize,
    /// How much may wait for each of them.
    #[serde(with = "Waiting")]
    pub waiting: Bounds,
    /// Bytes kept for those who listen to an auction.
    pub feed_bytes: usize,
    /// Settled auctions that stay in memory.
    pub settled: usize,
    /// How often snapshots are looked at.
    pub keep: Nanos,
    /// Things that go wrong with snapshots.
    pub spoiled: usize,
    /// Whether stored events are damaged.
    pub damage: bool,
}

/// How [`Bounds`] are written down.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Bounds")]
struct Waiting {
    frames: usize,
    bytes: usize,
    calm: usize,
}

impl Params {
    /// Draws them.
    #[must_use]
    pub fn draw(seed: u64, ops: Option<usize>) -> Self {
        let mut c = Chance::new(seed, 1);
        let calm = c.percent(10);
        let faults = |c: &mut Chance, from: &[usize]| if calm { 0 } else { c.pick(from) };
        Self {
            seed,
            partitions: c.pick(&[1, 1, 1, 2, 3]),
            auctions: c.pick(&[1, 2, 3, 4, 6]),
            members: c.pick(&[3, 4, 6, 9]),
            ops: ops.unwrap_or_else(|| c.pick(&[120, 250, 400, 700])),
            horizon: c.pick(&[5, 20, 60, 300]) * SECOND,
            reads: c.pick(&[10, 30, 60, 90]),
            bursts: c.pick(&[0, 30, 70, 95]),
            aimed: c.pick(&[0, 10, 40]),
            mistakes: c.pick(&[0, 3, 15]),
            repeats: c.pick(&[0, 5, 25]),
            expecting: c.pick(&[0, 5, 30]),
            receipts: c.pick(&[0, 0, 2, 20]),
            wild: c.pick(&[0, 30, 100]),
            patience: c.pick(&[30, 300, 3000, 30_000]) * MILLI,
            tries: c.pick(&[1, 3, 8]),
            lost: if calm { 0 } else { c.pick(&[0, 0, 3, 15]) },
            net: c.pick(&[1, 10, 60]) * MILLI,
            commit: c.pick(&[1, 5, 30]) * MILLI,
            slow: faults(&mut c, &[0, 0, 3, 15, 40]),
            failing: faults(&mut c, &[0, 0, 2, 6, 20]),
            sticking: c.percent(30),
            full: faults(&mut c, &[0, 0, 0, 1, 3]),
            crashes: faults(&mut c, &[0, 0, 1, 2, 4]),
            power: c.pick(&[0, 50, 100]),
            long: c.pick(&[0, 0, 40, 100]),
            pauses: faults(&mut c, &[0, 0, 1, 4]),
            jumps: faults(&mut c, &[0, 0, 1, 3]),
            drift: if calm { 0 } else { c.pick(&[0, 0, 200, -200, 50_000, -50_000]) },
            watchers: c.pick(&[0, 1, 3, 6]),
            lazy: c.pick(&[0, 30, 100]),
            feed_bytes: c.pick(&[600, 4096, 1024 * 1024]),
            settled: c.pick(&[0, 1, usize::MAX]),
            keep: c.pick(&[200, 2000, 10_000]) * MILLI,
            spoiled: faults(&mut c, &[0, 0, 1, 3]),
            damage: !calm && c.percent(5),
            blind: faults(&mut c, &[0, 0, 1, 3]),
            guests: c.pick(&[0, 0, 1, 2, 5]),
            chatter: c.pick(&[0, 5, 40]),
            waiting: Bounds {
                frames: c.pick(&[3, 8, 256]),
                bytes: c.pick(&[400, 4096, 256 * 1024]),
                calm: c.pick(&[1, 2, 16]),
            },
        }
    }
}
