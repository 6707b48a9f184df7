//! A file that is derived from the log and may be thrown away at any time: made anew wherever it is
//! missing, damaged, of another version or of another house. Refuses to know what is in it.

use super::OpenError;
use super::file::{self, Kind};
use super::log::unreadable;
use super::pool::Readers;
use gavel_auction::event::HouseId;
use gavel_engine::log::LogError;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A disposable file that is open.
pub(super) struct Disposable {
    dir: PathBuf,
    kind: Kind,
    house: HouseId,
    writer: Mutex<Connection>,
    pub(super) readers: Readers,
}

/// Makes the file anew for a house.
pub(super) fn make(dir: &Path, kind: Kind, house: HouseId) -> Result<(), OpenError> {
    let path = kind.path(dir);
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        match std::fs::remove_file(&name) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(OpenError::Io { file: name.into(), source }),
        }
    }
    file::create(dir, kind, |connection| {
        connection.execute("INSERT INTO meta (one, house) VALUES (1, ?1)", [&house.0[..]])?;
        Ok(())
    })
}

impl Disposable {
    /// Opens the file; makes it anew, and says so, where it is of no use.
    pub(super) fn open(dir: &Path, kind: Kind, house: HouseId) -> Result<(Self, bool), OpenError> {
        let path = kind.path(dir);
        let (connection, anew) = match open_own(&path, kind, house) {
            Ok(connection) => (connection, false),
            Err(error) if is_replaceable(&error) => {
                make(dir, kind, house)?;
                (open_own(&path, kind, house)?, true)
            }
            Err(error) => return Err(error),
        };
        let (dir, readers) = (dir.to_path_buf(), Readers::new(path));
        Ok((Self { dir, kind, house, writer: Mutex::new(connection), readers }, anew))
    }

    /// Writes in one transaction.
    pub(super) fn write(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), LogError> {
        let written = transact(&mut self.writer(), work);
        written.inspect_err(|error| self.readers.look_at(error)).map_err(unreadable)
    }

    /// Empties the write-ahead file, so that what was erased is nowhere any more.
    pub(super) fn scrub(&self) -> Result<(), LogError> {
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        let busy: bool = self.writer().query_row(sql, [], |row| row.get(0)).map_err(unreadable)?;
        let kept = "readers kept the write-ahead file from being emptied: repeat";
        if busy { Err(LogError::Unreadable(kept.into())) } else { Ok(()) }
    }

    /// Writes in one transaction; a file that is damaged, or too damaged for that, is made anew.
    pub(super) fn write_or_replace(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), LogError> {
        let mut writer = self.writer();
        if self.readers.are_of_a_damaged_file() {
            return self.replace(&mut writer);
        }
        transact(&mut writer, work).or_else(|_| self.replace(&mut writer))
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Throws the file away and makes it anew.
    fn replace(&self, writer: &mut Connection) -> Result<(), LogError> {
        self.readers.forget();
        *writer = Connection::open_in_memory().map_err(unreadable)?;
        make(&self.dir, self.kind, self.house).map_err(unreadable)?;
        self.readers.forget();
        let path = self.kind.path(&self.dir);
        *writer = open_own(&path, self.kind, self.house).map_err(unreadable)?;
        Ok(())
    }
}

fn transact(
    writer: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    work(&transaction)?;
    transaction.commit()
}

fn open_own(path: &Path, kind: Kind, expected: HouseId) -> Result<Connection, OpenError> {
    let connection = file::open_to_write(path, kind)?;
    let found = file::house_of(&connection, path)?;
    if found != expected {
        return Err(OpenError::OtherHouse { file: path.to_path_buf(), found, expected });
    }
    Ok(connection)
}

/// Whether it is the file that is at fault, and not the disk or the permissions.
fn is_replaceable(error: &OpenError) -> bool {
    match error {
        OpenError::Missing { .. }
        | OpenError::Damaged { .. }
        | OpenError::Foreign { .. }
        | OpenError::Newer { .. }
        | OpenError::Older { .. }
        | OpenError::OtherHouse { .. } => true,
        OpenError::Sqlite { source, .. } => matches!(
            source.sqlite_error_code(),
            // No such table or row: of our kind, but not as we made it.
            None | Some(ErrorCode::Unknown | ErrorCode::ConstraintViolation)
        ),
        OpenError::OldSqlite { .. }
        | OpenError::Locked { .. }
        | OpenError::NoHouse { .. }
        | OpenError::HouseExists { .. }
        | OpenError::BadPartitions(_)
        | OpenError::NotDurable { .. }
        | OpenError::Vault { .. }
        | OpenError::Io { .. } => false,
    }
}
