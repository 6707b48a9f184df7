//! Moves what the write-ahead file of the log holds into the database, on a connection of its own,
//! so that no bid pays for it. Refuses to decide when: the server calls it from a thread.

use super::file::{self, Kind};
use super::log::unreadable;
use gavel_engine::log::LogError;
use rusqlite::Connection;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Between the checkpoints and the writer of the log.
#[derive(Default)]
pub(super) struct Gate {
    /// Held while a checkpoint runs or the log is opened again: never both.
    running: Mutex<()>,
    /// Held during an append.
    appending: Mutex<()>,
    /// Whether the writer is to stop before its next append. A lock alone is no help, neither
    /// SQLite's nor ours: a busy writer takes it again at once.
    stop: AtomicBool,
}

impl Gate {
    /// Keeps checkpoints out.
    pub(super) fn close(&self) -> MutexGuard<'_, ()> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits if a checkpoint needs the writer to stop; otherwise costs next to nothing. What is
    /// given back is held during the append.
    pub(super) fn pass(&self) -> MutexGuard<'_, ()> {
        if self.stop.load(Ordering::Acquire) {
            drop(self.close());
        }
        self.append()
    }

    fn append(&self) -> MutexGuard<'_, ()> {
        self.appending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a checkpoint that stops the writer waits for readers, once it has to.
const PATIENCE: Duration = Duration::from_millis(100);

/// Under so many times the threshold the writer is never stopped.
const STOP_AT: u64 = 2;

/// And from so many on it is stopped until readers make room, too.
const WAIT_AT: u64 = 8;

/// How often at most what came in during a move is moved, too, before the writer is stopped for
/// the rest: each move is shorter than the one before.
const MOVES: usize = 6;

/// Bytes for which the writer may be stopped.
const LITTLE: u64 = 256 * 1024;

/// For how many rounds at most readers who did not make room are not waited for again.
const LONGEST_LEAVE: u32 = 128;

/// How long readers who were waited for in vain are left alone, in rounds.
#[derive(Default)]
struct Leave {
    rounds: u32,
    /// How many it will be the next time.
    next: u32,
}

impl Leave {
    /// Whether it is over, this round counted.
    fn is_over(&mut self) -> bool {
        let over = self.rounds == 0;
        self.rounds = self.rounds.saturating_sub(1);
        over
    }

    /// After readers were waited for.
    fn grant(&mut self, in_vain: bool) {
        self.next = if in_vain { (self.next * 2).clamp(1, LONGEST_LEAVE) } else { 0 };
        self.rounds = self.next;
    }
}

/// Makes checkpoints of the log.
pub struct Checkpointer {
    gate: Arc<Gate>,
    connection: Mutex<Connection>,
    leave: Mutex<Leave>,
    page_size: u64,
}

/// How the write-ahead file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Bytes written since it was last begun anew.
    pub written: u64,
    /// Bytes of these that are not in the database yet.
    pub waiting: u64,
}

impl Checkpointer {
    pub(super) fn new(path: &Path, gate: Arc<Gate>) -> Result<Self, super::OpenError> {
        let sql = |source| file::failed(path, source);
        let connection = file::connect_to_write(path, Kind::Log)?;
        let page_size =
            connection.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(sql)?;
        Ok(Self { gate, connection: Mutex::new(connection), leave: Mutex::default(), page_size })
    }

    /// Moves what waits if that is more than `threshold` bytes. The writer goes on meanwhile.
    /// As the file begins anew only when all of it has been moved, and a busy writer never leaves
    /// that moment, it is stopped once the file has grown to twice the threshold and little is left
    /// to move. At eight times it is stopped for whatever is left, and readers who keep the file
    /// from beginning anew are waited for; the more rarely the longer they stay.
    ///
    /// # Errors
    /// If the log cannot be read or the database not written. Nothing is lost by that.
    pub fn checkpoint_if_large(&self, threshold: u64) -> Result<Backlog, LogError> {
        let _running = self.gate.close();
        let mut now = self.run("PRAGMA wal_checkpoint(NOOP)")?;
        let large = now.written > threshold.saturating_mul(STOP_AT);
        if now.waiting == 0 || now.waiting <= threshold && !large {
            return Ok(now);
        }
        for _ in 0..MOVES {
            self.run("PRAGMA wal_checkpoint(PASSIVE)")?;
            // What came in during the move does not show in what the move itself says.
            now = self.run("PRAGMA wal_checkpoint(NOOP)")?;
            if now.waiting <= LITTLE {
                break;
            }
        }
        let huge = now.written > threshold.saturating_mul(WAIT_AT);
        let large = now.written > threshold.saturating_mul(STOP_AT) && now.waiting <= LITTLE;
        let mut leave = self.leave.lock().unwrap_or_else(PoisonError::into_inner);
        if huge && leave.is_over() {
            let (in_vain, moved) = self.run_alone("PRAGMA wal_checkpoint(RESTART)", PATIENCE)?;
            leave.grant(in_vain);
            return Ok(moved);
        }
        if large {
            // Once all is moved, the writer itself begins anew, unless somebody still reads there.
            return Ok(self.run_alone("PRAGMA wal_checkpoint(FULL)", Duration::ZERO)?.1);
        }
        Ok(now)
    }

    /// Moves all and empties the file; for when nothing is going on, and before the end.
    ///
    /// # Errors
    /// If the log cannot be read or the database not written. Nothing is lost by that.
    pub fn truncate(&self) -> Result<Backlog, LogError> {
        let _running = self.gate.close();
        Ok(self.run_alone("PRAGMA wal_checkpoint(TRUNCATE)", PATIENCE)?.1)
    }

    /// Runs a checkpoint while the writer waits, which waits for readers no longer than this.
    /// Whether that was in vain.
    fn run_alone(&self, pragma: &str, patience: Duration) -> Result<(bool, Backlog), LogError> {
        self.lock().busy_timeout(patience).map_err(unreadable)?;
        self.gate.stop.store(true, Ordering::Release);
        let appended = self.gate.append();
        let result = self.look(pragma);
        self.gate.stop.store(false, Ordering::Release);
        drop(appended);
        result
    }

    fn run(&self, pragma: &str) -> Result<Backlog, LogError> {
        Ok(self.look(pragma)?.1)
    }

    /// Whether somebody was in the way, and how the file stands.
    fn look(&self, pragma: &str) -> Result<(bool, Backlog), LogError> {
        let connection = self.lock();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let (busy, written, moved): (bool, i64, i64) = connection
            .prepare_cached(pragma)
            .and_then(|mut statement| statement.query_row([], read))
            .map_err(unreadable)?;
        // Both are -1 where the file cannot be looked at just now.
        let bytes = |frames: i64| u64::try_from(frames).unwrap_or(0) * self.page_size;
        let waiting = bytes(written).saturating_sub(bytes(moved));
        Ok((busy, Backlog { written: bytes(written), waiting }))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_who_stay_are_waited_for_more_and_more_rarely() {
        let mut leave = Leave::default();
        let mut waits = 0;
        for _ in 0..1_000 {
            if leave.is_over() {
                waits += 1;
                leave.grant(true);
            }
        }
        assert!((8..20).contains(&waits), "{waits} of 1,000 rounds");
        leave.grant(false);
        assert!(leave.is_over() && leave.is_over(), "nobody reads there any more");
    }
}
