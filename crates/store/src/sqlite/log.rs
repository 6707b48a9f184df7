//! The log in one table, keyed by partition and position. Refuses to know what an event says, and
//! ever to change one.
//!
//! # What is definite
//!
//! A transaction is in the log if and only if its last frame, which bears the commit mark, stands
//! whole in the write-ahead file. That frame is written by COMMIT and by nothing else. So:
//!
//! - An error before COMMIT is definite, provided the connection says that the transaction is
//!   gone: no commit mark was written. Frames of pages that did not fit into memory may have been;
//!   without a commit mark nobody ever reads them, and the next commit overwrites them.
//! - `SQLITE_FULL` from COMMIT is definite too. SQLite's unix files give it when a write came out
//!   short for want of room, never from a sync, and the frame with the commit mark is the last
//!   one written (there is no padding behind it where the file system has `powersafe_overwrite`,
//!   which is SQLite's default). So that frame is missing or cut, and SQLite has rolled back.
//! - Any other error from COMMIT is not: the frame with the mark may stand there, synced or not,
//!   or may reach the disk later. Out of room in a sync is one of these.
//! - An error before COMMIT that is neither lack of room nor a refusal of the rows is definite as
//!   well, but says that the connection or the disk is not well: it is reported as unknown, so that
//!   the owner opens the store anew before he goes on.

use super::checkpoint::Gate;
use super::file::{self, Kind};
use super::pool::Readers;
use gavel_auction::event::Digest;
use gavel_auction::ids::AuctionId;
use gavel_engine::log::{
    AppendError, Entry, EventRecord, Log, LogError, LogReader, Partition, Position, Record,
};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use std::path::PathBuf;
use std::sync::Arc;

/// Bits of a row's id that are the position; those above are the partition.
const POSITION_BITS: u32 = 48;

/// The largest position of a partition.
const LAST_POSITION: Position = (1 << POSITION_BITS) - 1;

const INSERT: &str = "INSERT INTO event (id, auction, version, previous, hash, public, sealed)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const LAST: &str = "SELECT id FROM event WHERE id > ?1 AND id <= ?2 ORDER BY id DESC LIMIT 1";
const SCAN: &str = "SELECT id, auction, version, previous, hash, public, sealed FROM event
    WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3";
const GET: &str = "SELECT id, auction, version, previous, hash, public, sealed FROM event
    WHERE id = ?1";

/// The row's id of a place, if there can be such a place.
fn row_id(partition: Partition, position: Position) -> Option<i64> {
    if position > LAST_POSITION {
        return None;
    }
    i64::try_from(u64::from(partition) << POSITION_BITS | position).ok()
}

/// The largest row id of a partition.
fn last_id(partition: Partition) -> Option<i64> {
    row_id(partition, LAST_POSITION)
}

/// The writing side.
pub(super) struct SqliteLog {
    path: PathBuf,
    partitions: u16,
    max_pages: Option<u32>,
    gate: Arc<Gate>,
    /// None from an unknown outcome until the log is opened again.
    writer: Option<Writer>,
}

struct Writer {
    connection: Connection,
    /// The last position of each partition.
    last: Vec<Position>,
}

impl SqliteLog {
    /// Takes over a connection opened for writing.
    pub(super) fn new(
        path: PathBuf,
        connection: Connection,
        partitions: u16,
        max_pages: Option<u32>,
        gate: Arc<Gate>,
    ) -> rusqlite::Result<Self> {
        let writer = Writer::new(connection, partitions, max_pages)?;
        Ok(Self { path, partitions, max_pages, gate, writer: Some(writer) })
    }
}

impl Log for SqliteLog {
    fn append(&mut self, records: &[Record]) -> Result<(), AppendError> {
        let Some(writer) = &mut self.writer else {
            return Err(rejected("the log must be opened again after an unknown outcome"));
        };
        let _appending = self.gate.pass();
        let appended = writer.append(records);
        if let Err(AppendError::Unknown(_)) = appended {
            self.writer = None;
        }
        appended
    }

    fn reopen(&mut self) -> Result<(), LogError> {
        let gate = Arc::clone(&self.gate);
        // No checkpoint meanwhile: it could shorten the file that `settle` writes.
        let _closed = gate.close();
        self.writer = None;
        let connection = file::open_to_write(&self.path, Kind::Log).map_err(unreadable)?;
        let writer =
            Writer::new(connection, self.partitions, self.max_pages).map_err(unreadable)?;
        self.writer = Some(writer);
        Ok(())
    }
}

impl Writer {
    fn new(
        connection: Connection,
        partitions: u16,
        max_pages: Option<u32>,
    ) -> rusqlite::Result<Self> {
        if let Some(pages) = max_pages {
            connection.pragma_update(None, "max_page_count", pages)?;
        }
        let last = (0..partitions)
            .map(|partition| last_position(&connection, partition))
            .collect::<Result<_, _>>()?;
        Ok(Self { connection, last })
    }

    fn append(&mut self, records: &[Record]) -> Result<(), AppendError> {
        if records.is_empty() {
            return Ok(());
        }
        let last = self.follow(records)?;
        self.insert(records).map_err(|error| self.before_commit(error))?;
        self.execute("COMMIT").map_err(|error| self.at_commit(error))?;
        self.last = last;
        Ok(())
    }

    /// The last positions after these records; refuses a hole and a position used before.
    fn follow(&self, records: &[Record]) -> Result<Vec<Position>, AppendError> {
        let mut last = self.last.clone();
        for record in records {
            let Some(last) = last.get_mut(usize::from(record.partition)) else {
                return Err(rejected(format!("there is no partition {}", record.partition)));
            };
            if record.position != *last + 1 || record.position > LAST_POSITION {
                let (partition, position) = (record.partition, record.position);
                let what = format!("partition {partition}: position {position} after {last}");
                return Err(rejected(what));
            }
            *last = record.position;
        }
        Ok(last)
    }

    fn insert(&self, records: &[Record]) -> rusqlite::Result<()> {
        self.execute("BEGIN IMMEDIATE")?;
        let mut statement = self.connection.prepare_cached(INSERT)?;
        for record in records {
            let id = row_id(record.partition, record.position).expect("checked by follow");
            match &record.entry {
                Entry::Event(event) => statement.execute(params![
                    id,
                    event.auction.get(),
                    event.version,
                    event.previous,
                    &event.hash.0[..],
                    event.public,
                    event.sealed,
                ])?,
                Entry::Barrier => statement.execute(params![id, 0, 0, 0, b"", b"", b""])?,
            };
        }
        Ok(())
    }

    fn execute(&self, sql: &'static str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    /// Whether the connection has left its transaction, with our help if need be.
    fn rolled_back(&self) -> bool {
        if !self.connection.is_autocommit() && self.connection.execute_batch("ROLLBACK").is_err() {
            return false;
        }
        self.connection.is_autocommit()
    }

    /// See "What is definite" above.
    fn before_commit(&self, error: rusqlite::Error) -> AppendError {
        let code = error.sqlite_error_code();
        if !self.rolled_back() {
            return AppendError::Unknown(Box::new(error));
        }
        match code {
            Some(ErrorCode::DiskFull) => AppendError::Full,
            Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig) => {
                AppendError::Rejected(Box::new(error))
            }
            // A number that no column can hold.
            None => AppendError::Rejected(Box::new(error)),
            Some(_) => AppendError::Unknown(Box::new(error)),
        }
    }

    /// See "What is definite" above.
    fn at_commit(&self, error: rusqlite::Error) -> AppendError {
        if error.sqlite_error_code() == Some(ErrorCode::DiskFull) && self.rolled_back() {
            return AppendError::Full;
        }
        AppendError::Unknown(Box::new(error))
    }
}

/// A log that is open for reading only.
pub(super) struct ReadOnlyLog;

impl Log for ReadOnlyLog {
    fn append(&mut self, _records: &[Record]) -> Result<(), AppendError> {
        Err(rejected("the log is open for reading only"))
    }

    fn reopen(&mut self) -> Result<(), LogError> {
        Ok(())
    }
}

/// The reading side. SQLite shows a commit to other connections only after its sync succeeded.
pub(super) struct SqliteLogReader {
    readers: Readers,
}

impl SqliteLogReader {
    pub(super) const fn new(readers: Readers) -> Self {
        Self { readers }
    }
}

impl LogReader for SqliteLogReader {
    fn last_position(&self, partition: Partition) -> Result<Position, LogError> {
        self.readers
            .with(|connection| last_position(connection, partition))
            .map_err(|error| at(partition, 0, error))
    }

    fn scan(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Record>, LogError> {
        let (Some(from), Some(to)) = (row_id(partition, after), last_id(partition)) else {
            return Ok(Vec::new());
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let raw = self
            .readers
            .with(|connection| {
                let mut statement = connection.prepare_cached(SCAN)?;
                let rows = statement.query_map(params![from, to, limit], Raw::read)?;
                rows.collect::<Result<Vec<_>, _>>()
            })
            .map_err(|error| at(partition, after + 1, error))?;
        let mut records = Vec::with_capacity(raw.len());
        for (expected, raw) in (after + 1..).zip(raw) {
            records.push(raw.checked(partition, expected)?);
        }
        Ok(records)
    }

    fn get(&self, partition: Partition, position: Position) -> Result<Option<Record>, LogError> {
        let Some(id) = row_id(partition, position).filter(|_| position > 0) else {
            return Ok(None);
        };
        let raw = self
            .readers
            .with(|connection| {
                connection.prepare_cached(GET)?.query_row([id], Raw::read).optional()
            })
            .map_err(|error| at(partition, position, error))?;
        raw.map(|raw| raw.checked(partition, position)).transpose()
    }
}

fn last_position(connection: &Connection, partition: Partition) -> rusqlite::Result<Position> {
    let (Some(from), Some(to)) = (row_id(partition, 0), last_id(partition)) else {
        return Ok(0);
    };
    let id: Option<i64> =
        connection.prepare_cached(LAST)?.query_row([from, to], |row| row.get(0)).optional()?;
    Ok(id.map_or(0, |id| id.abs_diff(from)))
}

/// A row as it stands in the table.
struct Raw {
    id: i64,
    auction: i64,
    version: i64,
    previous: i64,
    hash: Vec<u8>,
    public: Vec<u8>,
    sealed: Vec<u8>,
}

impl Raw {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            auction: row.get(1)?,
            version: row.get(2)?,
            previous: row.get(3)?,
            hash: row.get(4)?,
            public: row.get(5)?,
            sealed: row.get(6)?,
        })
    }

    /// The record, if it is one that can have been written at this place.
    fn checked(self, partition: Partition, position: Position) -> Result<Record, LogError> {
        let damaged = |what: String| LogError::Damaged { partition, position, what };
        let first = row_id(partition, 0).expect("a place that was asked for");
        let found = self.id.abs_diff(first);
        if found != position {
            return Err(damaged(format!("a hole: expected position {position}, found {found}")));
        }
        if self.auction == 0 && self.version == 0 && self.public.is_empty() {
            return Ok(Record { partition, position, entry: Entry::Barrier });
        }
        let auction = AuctionId::new(self.auction)
            .ok_or_else(|| damaged(format!("{} is not an auction's id", self.auction)))?;
        let version = u64::try_from(self.version).ok().filter(|version| *version > 0);
        let version =
            version.ok_or_else(|| damaged(format!("{} is not a version", self.version)))?;
        let previous = u64::try_from(self.previous).ok().filter(|previous| *previous < position);
        let previous = previous.ok_or_else(|| {
            let whose = format!("auction {auction}, version {version}");
            damaged(format!("{whose}: {} is not the position of an earlier record", self.previous))
        })?;
        let hash = <[u8; 32]>::try_from(self.hash.as_slice())
            .map_err(|_| damaged(format!("a hash of {} bytes, not 32", self.hash.len())))?;
        let (public, sealed) = (self.public, self.sealed);
        let event = EventRecord { auction, version, previous, hash: Digest(hash), public, sealed };
        Ok(Record { partition, position, entry: Entry::Event(event) })
    }
}

fn rejected(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AppendError {
    AppendError::Rejected(what.into())
}

/// What a failed read means: a broken page or a value of another type is damage, with the place
/// from which on nothing was read.
fn at(partition: Partition, position: Position, error: rusqlite::Error) -> LogError {
    let damage = match &error {
        rusqlite::Error::InvalidColumnType(..) => true,
        error => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ),
    };
    if damage {
        LogError::Damaged { partition, position, what: error.to_string() }
    } else {
        unreadable(error)
    }
}

/// The store does not answer.
pub(super) fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> LogError {
    LogError::Unreadable(Box::new(error))
}
