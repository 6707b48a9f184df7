//! A few connections for reading one file, kept for the next reader. Refuses to write.

use super::file;
use rusqlite::{Connection, ErrorCode};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many connections are kept when nobody reads.
const KEPT: usize = 4;

/// Lends connections to readers.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Idle>,
    /// Whether somebody has found the file damaged, since it was made.
    damaged: AtomicBool,
}

#[derive(Default)]
struct Idle {
    /// Counts how often the file was replaced.
    generation: u64,
    connections: Vec<Connection>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default(), damaged: AtomicBool::new(false) }
    }

    /// Reads. A connection on which something failed is not used again.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let (generation, kept) = {
            let mut idle = self.idle();
            (idle.generation, idle.connections.pop())
        };
        let connection = match kept {
            Some(connection) => Ok(connection),
            None => file::open_to_read(&self.path),
        };
        let value = connection.and_then(|connection| Ok((read(&connection)?, connection)));
        let (value, connection) = value.inspect_err(|error| self.look_at(error))?;
        let mut idle = self.idle();
        if idle.generation == generation && idle.connections.len() < KEPT {
            idle.connections.push(connection);
        }
        Ok(value)
    }

    /// Whether somebody has found the file damaged.
    pub(super) fn are_of_a_damaged_file(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Whether this shows that the file is damaged.
    pub(super) fn look_at(&self, error: &rusqlite::Error) {
        let code = error.sqlite_error_code();
        if matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) {
            self.damaged.store(true, Ordering::Relaxed);
        }
    }

    /// Lets go of all connections, now and as they come back: the file is about to be replaced.
    pub(super) fn forget(&self) {
        self.damaged.store(false, Ordering::Relaxed);
        let mut idle = self.idle();
        idle.generation += 1;
        idle.connections.clear();
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
