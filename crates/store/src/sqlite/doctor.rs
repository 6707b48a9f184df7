//! What SQLite itself finds wrong in the files of a house. Refuses to repair, and to know what the
//! rows mean: chains and heads are checked by whoever knows them.

use super::file::{self, Kind};
use super::wal;
use rusqlite::Connection;
use std::path::Path;

/// So many faults of one file are told.
const FAULTS: &str = "PRAGMA integrity_check(100)";

/// What was found in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file's name in the data directory.
    pub file: &'static str,
    /// What is wrong with it; empty if nothing is.
    pub faults: Vec<String>,
    /// Whether it may simply be deleted: it is made anew from the log.
    pub disposable: bool,
}

impl Finding {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Reads every page of every file of the house in `dir`. Slow for large houses. May run beside the
/// server; writes nothing.
#[must_use]
pub fn integrity(dir: &Path) -> Vec<Finding> {
    let examine = |kind: Kind| Finding {
        file: kind.file_name(),
        faults: faults(dir, kind),
        disposable: kind.is_disposable(),
    };
    Kind::ALL.into_iter().map(examine).collect()
}

fn faults(dir: &Path, kind: Kind) -> Vec<String> {
    if kind.is_disposable() && !kind.path(dir).exists() {
        return Vec::new(); // Made anew at the next start.
    }
    let lost = wal::check(dir, kind).err().filter(|_| !kind.is_disposable());
    let mut faults: Vec<String> = lost.iter().map(ToString::to_string).collect();
    let connection = match file::open_checked_to_read(&kind.path(dir), kind) {
        Ok(connection) => connection,
        Err(error) => {
            faults.push(error.to_string());
            return faults;
        }
    };
    match check(&connection) {
        Ok(lines) => faults.extend(lines.into_iter().filter(|line| line != "ok")),
        Err(error) => faults.push(error.to_string()),
    }
    faults
}

fn check(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(FAULTS)?;
    let lines = statement.query_map([], |row| row.get(0))?;
    lines.collect()
}
