//! The history as it happens: what everybody asked, was told and saw, on one monotonic clock.

use crate::history::{Mark, Nanos, Op, Rec, Res, Seen, SeenKind};
use gavel_auction::ids::{AuctionId, Version};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What everybody writes down.
pub(crate) struct Notes {
    start: Instant,
    tries: AtomicU64,
    book: Mutex<Book>,
}

/// What was written down so far.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) history: Vec<Rec>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) created: Vec<Made>,
    /// What a house must never answer.
    pub(crate) surprises: Vec<String>,
}

/// An auction that was made; what it was made of is read in the log.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) process: u32,
    pub(crate) auction: AuctionId,
    pub(crate) key: u64,
    pub(crate) by: crate::history::wish::Who,
    pub(crate) from: Nanos,
    pub(crate) to: Nanos,
    pub(crate) told: crate::history::Told,
}

impl Notes {
    #[expect(clippy::disallowed_methods, reason = "the arena's clock: the one home")]
    pub(crate) fn begin() -> Self {
        let (tries, book) = (AtomicU64::new(0), Mutex::default());
        Self { start: Instant::now(), tries, book }
    }

    pub(crate) fn now(&self) -> Nanos {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn since(&self, then: Nanos) -> Duration {
        Duration::from_nanos(self.now().saturating_sub(then))
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A try that began at `inv_ns` and has ended now.
    pub(crate) fn tried(&self, process: u32, op: Op, inv_ns: Nanos, res: Res) {
        let ret_ns = (res != Res::NoReply).then(|| self.now());
        let id = self.tries.fetch_add(1, Ordering::Relaxed);
        self.book().history.push(Rec { id, process, op, inv_ns, ret_ns, res });
    }

    pub(crate) fn saw(
        &self,
        subscriber: u32,
        auction: AuctionId,
        version: Version,
        (kind, digest): (SeenKind, u64),
    ) {
        let at_ns = self.now();
        let seen = Seen { subscriber, auction, version, at_ns, digest, kind };
        self.book().seen.push(seen);
    }

    pub(crate) fn fault(&self, what: impl Into<String>) {
        let mark = Mark::Fault { at_ns: self.now(), what: what.into() };
        self.book().marks.push(mark);
    }

    pub(crate) fn healed(&self) {
        let mark = Mark::Heal { at_ns: self.now() };
        self.book().marks.push(mark);
    }

    pub(crate) fn surprise(&self, what: String) {
        self.book().surprises.push(what);
    }

    /// A number for a record that is added later.
    pub(crate) fn next(&self) -> u64 {
        self.tries.fetch_add(1, Ordering::Relaxed)
    }
}
