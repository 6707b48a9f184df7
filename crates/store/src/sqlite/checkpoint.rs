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
    /// Whether the writer is to stop before its next append. SQLite's own lock is no help: a busy
    /// writer takes it again at once, and whoever sleeps between his tries never gets it.
    stop: AtomicBool,
}

impl Gate {
    /// Keeps checkpoints out.
    pub(super) fn close(&self) -> MutexGuard<'_, ()> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits if a checkpoint needs the writer to stop; otherwise costs nothing.
    pub(super) fn pass(&self) {
        if self.stop.load(Ordering::Acquire) {
            drop(self.close());
        }
    }
}

/// How long a checkpoint that stops the writer waits for readers meanwhile.
const PATIENCE: Duration = Duration::from_millis(100);

/// Under so many times the threshold the writer is never stopped.
const STOP_AT: u64 = 4;

/// Makes checkpoints of the log.
pub struct Checkpointer {
    gate: Arc<Gate>,
    connection: Mutex<Connection>,
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
        connection.busy_timeout(PATIENCE).map_err(sql)?;
        let page_size =
            connection.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(sql)?;
        Ok(Self { gate, connection: Mutex::new(connection), page_size })
    }

    /// Moves what waits if that is more than `threshold` bytes. The writer goes on meanwhile;
    /// only if it writes so steadily that the file could never begin anew, and this has grown to
    /// four times the threshold, is it stopped for the little that came in during the move.
    ///
    /// # Errors
    /// If the log cannot be read or the database not written. Nothing is lost by that.
    pub fn checkpoint_if_large(&self, threshold: u64) -> Result<Backlog, LogError> {
        let _running = self.gate.close();
        let before = self.run("PRAGMA wal_checkpoint(NOOP)")?;
        if before.waiting <= threshold {
            return Ok(before);
        }
        let after = self.run("PRAGMA wal_checkpoint(PASSIVE)")?;
        // What came in during the move keeps the file from beginning anew, though `after` does not
        // show it. Once it is all moved, the writer begins anew with its next append.
        if after.written <= threshold.saturating_mul(STOP_AT) {
            return Ok(after);
        }
        self.run_alone("PRAGMA wal_checkpoint(RESTART)")
    }

    /// Moves all and empties the file; for when nothing is going on, and before the end.
    ///
    /// # Errors
    /// If the log cannot be read or the database not written. Nothing is lost by that.
    pub fn truncate(&self) -> Result<Backlog, LogError> {
        let _running = self.gate.close();
        self.run_alone("PRAGMA wal_checkpoint(TRUNCATE)")
    }

    /// Runs a checkpoint while the writer waits.
    fn run_alone(&self, pragma: &str) -> Result<Backlog, LogError> {
        self.gate.stop.store(true, Ordering::Release);
        let result = self.run(pragma);
        self.gate.stop.store(false, Ordering::Release);
        result
    }

    fn run(&self, pragma: &str) -> Result<Backlog, LogError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let (written, moved): (i64, i64) = connection
            .prepare_cached(pragma)
            .and_then(|mut statement| statement.query_row([], |row| Ok((row.get(1)?, row.get(2)?))))
            .map_err(unreadable)?;
        // Both are -1 where the file cannot be looked at just now.
        let bytes = |frames: i64| u64::try_from(frames).unwrap_or(0) * self.page_size;
        Ok(Backlog {
            written: bytes(written),
            waiting: bytes(written).saturating_sub(bytes(moved)),
        })
    }
}
