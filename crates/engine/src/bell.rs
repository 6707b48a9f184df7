//! The bell by which whoever queues a command wakes the drive loop. It rings only for a loop that
//! sleeps for want of work: while a commit is under way nothing that arrives could become durable
//! before its end, so being woken for each arrival would only cost.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::Duration;

/// Wakes one thread, at most once for each time that it went to sleep.
#[derive(Default)]
pub(crate) struct Bell {
    asleep: AtomicBool,
    drive: OnceLock<Thread>,
}

impl Bell {
    /// The calling thread is the one to wake.
    pub(crate) fn wakes_me(&self) {
        // A second drive loop never exists; the first one set stays.
        drop(self.drive.set(std::thread::current()));
    }

    /// Something has been queued, or the house is to stop.
    pub(crate) fn ring(&self) {
        if self.asleep.load(Ordering::SeqCst)
            && self.asleep.swap(false, Ordering::SeqCst)
            && let Some(drive) = self.drive.get()
        {
            drive.unpark();
        }
    }

    /// Sleeps until the bell rings, so long at most; not at all if there is something to do. What
    /// `idle` looks at is changed before the bell is rung, so nothing is missed in between.
    pub(crate) fn rest(&self, most: Duration, idle: impl FnOnce() -> bool) {
        self.asleep.store(true, Ordering::SeqCst);
        if idle() {
            std::thread::park_timeout(most);
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}
