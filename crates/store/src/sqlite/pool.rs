//! A few connections for reading one file, kept for the next reader. Refuses to write.

use super::file;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many connections are kept when nobody reads.
const KEPT: usize = 4;

/// Lends connections to readers.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// Counts how often the file was replaced.
    generation: u64,
    connections: Vec<Connection>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
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
            Some(connection) => connection,
            None => file::open_to_read(&self.path)?,
        };
        let value = read(&connection)?;
        let mut idle = self.idle();
        if idle.generation == generation && idle.connections.len() < KEPT {
            idle.connections.push(connection);
        }
        Ok(value)
    }

    /// Lets go of all connections, now and as they come back: the file is about to be replaced.
    pub(super) fn forget(&self) {
        let mut idle = self.idle();
        idle.generation += 1;
        idle.connections.clear();
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
