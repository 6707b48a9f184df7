//! The faults: what each does to a house that is in use. Each leaves behind a house that runs, or
//! none; healing and judging is not their business.

mod clock;
mod disk;
mod ends;
mod limits;
mod process;

use super::run::Run;
use super::tools::Need;

/// Where the data of the house lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a directory.
    Plain,
    /// On a file system that is small.
    Small,
    /// On a disk that can be copied at an instant.
    Disk,
}

/// Something that is done to a house.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// What is promised nevertheless.
    pub(crate) promise: &'static str,
    pub(crate) needs: &'static [Need],
    pub(crate) place: Place,
    /// How long lots last, in seconds, from and to.
    pub(crate) last: (u64, u64),
    /// A control: the checker must find that promises are broken.
    pub(crate) must_fail: bool,
    pub(crate) play: fn(&mut Run<'_>) -> anyhow::Result<()>,
}

const PLAIN: Fault = Fault {
    name: "",
    promise: "",
    needs: &[],
    place: Place::Plain,
    last: (1, 4),
    must_fail: false,
    play: process::kill,
};

/// All of them.
pub(crate) const ALL: [Fault; 16] = [
    Fault { name: "kill", promise: "P1 P3 P8 P11", play: process::kill, ..PLAIN },
    Fault {
        name: "kill-at-call",
        promise: "P1 P3 P8 P11",
        needs: &[Need::Strace],
        play: process::kill_at_call,
        ..PLAIN
    },
    Fault { name: "freeze", promise: "P3 P5 P8 P11", play: process::freeze, ..PLAIN },
    Fault {
        name: "sync-errors",
        promise: "P1 P2 P3 P8",
        needs: &[Need::Strace],
        play: disk::sync_errors,
        ..PLAIN
    },
    Fault {
        name: "write-errors",
        promise: "P1 P2 P3 P8",
        needs: &[Need::Strace],
        play: disk::write_errors,
        ..PLAIN
    },
    Fault {
        name: "slow-sync",
        promise: "P1 P3 P5",
        needs: &[Need::Strace],
        play: disk::slow_sync,
        ..PLAIN
    },
    Fault {
        name: "full-disk",
        promise: "P1 P2 P8",
        needs: &[Need::Mounts],
        place: Place::Small,
        play: disk::full,
        ..PLAIN
    },
    Fault {
        name: "power-cut",
        promise: "P1 P3 P7 P11",
        needs: &[Need::Reflinks, Need::Mounts],
        place: Place::Disk,
        play: disk::power_cut,
        ..PLAIN
    },
    Fault {
        name: "power-cut-control",
        promise: "must be broken",
        needs: &[Need::Reflinks, Need::Mounts, Need::Strace],
        place: Place::Disk,
        must_fail: true,
        play: disk::power_cut_without_sync,
        ..PLAIN
    },
    Fault {
        name: "clock-jumps",
        promise: "P5 P6 P7 P23",
        needs: &[Need::Faketime],
        play: clock::jumps,
        ..PLAIN
    },
    Fault {
        name: "clock-at-start",
        promise: "P5 P6 P7",
        needs: &[Need::Faketime],
        play: clock::another_at_each_start,
        ..PLAIN
    },
    Fault {
        name: "memory",
        promise: "P1 P8",
        needs: &[Need::MemoryGroup],
        play: limits::memory,
        ..PLAIN
    },
    Fault {
        name: "descriptors",
        promise: "P1",
        needs: &[Need::Prlimit],
        play: limits::descriptors,
        ..PLAIN
    },
    Fault { name: "restart-at-end", promise: "P5 P6 P7", play: ends::restart, ..PLAIN },
    Fault { name: "many-ends", promise: "P5 P7", last: (2, 4), play: ends::many, ..PLAIN },
    Fault { name: "everything", promise: "P1-P8 P11", play: process::everything, ..PLAIN },
];
