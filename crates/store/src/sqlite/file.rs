//! One SQLite file: how it is told from others, opened, brought to today's schema, and made to
//! keep what it acknowledged. Refuses to know what is in the tables.

use super::OpenError;
use super::ahead;
use gavel_auction::event::HouseId;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a connection waits for another one's write.
const WRITER_PATIENCE: Duration = Duration::from_secs(10);
const READER_PATIENCE: Duration = Duration::from_secs(5);

/// Below this one, a WAL reset can corrupt the database (fixed in 3.51.3).
const OLDEST_SQLITE: i32 = 3_051_003;

/// Which of the files of a house.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The truth.
    Log,
    /// What may be erased.
    People,
    /// What may be thrown away.
    Lists,
    /// That too.
    Snapshots,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Log, Self::People, Self::Lists, Self::Snapshots];

    pub(super) const fn file_name(self) -> &'static str {
        match self {
            Self::Log => "log.db",
            Self::People => "people.db",
            Self::Lists => "lists.db",
            Self::Snapshots => "snapshots.db",
        }
    }

    /// Whether it is made anew from the log where it is missing or of no use.
    pub(super) const fn is_disposable(self) -> bool {
        match self {
            Self::Log | Self::People => false,
            Self::Lists | Self::Snapshots => true,
        }
    }

    pub(super) fn path(self, dir: &Path) -> PathBuf {
        dir.join(self.file_name())
    }

    /// Kept in the file's header: "GVL" and the number of the kind.
    const fn application_id(self) -> i32 {
        match self {
            Self::Log => 0x4756_4c01,
            Self::People => 0x4756_4c02,
            Self::Lists => 0x4756_4c03,
            Self::Snapshots => 0x4756_4c04,
        }
    }

    /// In order; the number of those applied is the file's schema version. Never changed once
    /// released, only added to.
    const fn migrations(self) -> &'static [&'static str] {
        match self {
            Self::Log => &[include_str!("../../migrations/sqlite/log/0001_log.sql")],
            Self::People => &[
                include_str!("../../migrations/sqlite/people/0001_people.sql"),
                include_str!("../../migrations/sqlite/people/0002_vault.sql"),
                include_str!("../../migrations/sqlite/people/0003_spend_limits.sql"),
                include_str!("../../migrations/sqlite/people/0004_things.sql"),
                include_str!("../../migrations/sqlite/people/0005_chat.sql"),
                include_str!("../../migrations/sqlite/people/0006_notices.sql"),
                include_str!("../../migrations/sqlite/people/0007_pictures_watching.sql"),
                include_str!("../../migrations/sqlite/people/0008_chat_keys.sql"),
                include_str!("../../migrations/sqlite/people/0009_traces_waiting.sql"),
                include_str!("../../migrations/sqlite/people/0010_wishes_since.sql"),
                include_str!("../../migrations/sqlite/people/0011_authors.sql"),
            ],
            Self::Lists => &[
                include_str!("../../migrations/sqlite/lists/0001_lists.sql"),
                include_str!("../../migrations/sqlite/lists/0002_bidders.sql"),
            ],
            Self::Snapshots => {
                &[include_str!("../../migrations/sqlite/snapshots/0001_snapshots.sql")]
            }
        }
    }

    const fn known_version(self) -> usize {
        self.migrations().len()
    }

    /// What a writing connection of this file is set to. `synchronous` belongs to the connection,
    /// not to the file, so it is set at every open. Checkpoints of the log are made elsewhere,
    /// off the path of a bid. What is erased among people, and in lists, is overwritten.
    const fn settings(self) -> &'static str {
        match self {
            Self::Log => "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;",
            Self::People => "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;",
            Self::Lists => "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;",
            Self::Snapshots => "PRAGMA synchronous = NORMAL;",
        }
    }

    const fn synchronous(self) -> i64 {
        match self {
            Self::Log | Self::People => 2,
            Self::Lists | Self::Snapshots => 1,
        }
    }
}

/// Bytes of a page of the log, where records are appended and a batch fills several pages: each
/// page of a commit costs two writes, whatever its size.
const LOG_PAGE: u32 = 16 * 1024;

/// Refuses a SQLite that can damage a file.
pub(super) fn check_sqlite() -> Result<(), OpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::OldSqlite { found: rusqlite::version().to_owned() });
    }
    Ok(())
}

/// What SQLite said about a file, sorted by what it means for whoever wants to open it.
pub(super) fn failed(file: &Path, source: rusqlite::Error) -> OpenError {
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            OpenError::Damaged { file: file.to_path_buf(), what: source.to_string() }
        }
        Some(_) | None => OpenError::Sqlite { file: file.to_path_buf(), source },
    }
}

/// Makes an empty file of this kind for a house, or takes one whose making was cut short. `first`
/// runs in the same transaction as the schema.
pub(super) fn create(
    dir: &Path,
    kind: Kind,
    first: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), OpenError> {
    let path = kind.path(dir);
    settle(&path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let sql = |source| failed(&path, source);
    let mut connection = Connection::open_with_flags(&path, flags).map_err(sql)?;
    let id: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(sql)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(sql)?;
    if id != kind.application_id() && (id != 0 || tables != 0) {
        return Err(foreign(&path, kind, id));
    }
    if kind == Kind::Log && tables == 0 {
        connection.pragma_update(None, "page_size", LOG_PAGE).map_err(sql)?;
    }
    prepare(&connection, &path, kind)?;
    migrate(&mut connection, &path, kind, first)?;
    let emptied = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    emptied.map_err(|source| failed(&path, source))?;
    connection.close().map_err(|(_, source)| failed(&path, source))
}

/// Opens a file of this kind for writing, where nobody else is writing it.
pub(super) fn open_to_write(path: &Path, kind: Kind) -> Result<Connection, OpenError> {
    settle(path)?;
    connect_to_write(path, kind)
}

/// Opens a file of this kind for writing beside a connection that may be writing it.
pub(super) fn connect_to_write(path: &Path, kind: Kind) -> Result<Connection, OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing { file: path.to_path_buf() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|source| failed(path, source))?;
    let found = recognise(&connection, path, kind)?;
    prepare(&connection, path, kind)?;
    if found < kind.known_version() {
        migrate(&mut connection, path, kind, |_| Ok(()))?;
    }
    Ok(connection)
}

/// A statement keeps the plan it was prepared with. Otherwise SQLite prepares it anew whenever a
/// value is bound that might change the plan, which costs more than most of our reads.
fn plan_once(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// Opens a file of this kind for reading only. Does not look at whose it is: that was done by
/// whoever opened the house.
pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(READER_PATIENCE)?;
    plan_once(&connection)?;
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;")?;
    Ok(connection)
}

/// Opens a file for reading and makes sure that it is of this kind and of today's schema.
pub(super) fn open_checked_to_read(path: &Path, kind: Kind) -> Result<Connection, OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing { file: path.to_path_buf() });
    }
    let connection = open_to_read(path).map_err(|source| failed(path, source))?;
    let found = recognise(&connection, path, kind)?;
    if found < kind.known_version() {
        let (file, known) = (path.to_path_buf(), kind.known_version());
        return Err(OpenError::Older { file, found, known });
    }
    Ok(connection)
}

/// The house a file belongs to.
pub(super) fn house_of(connection: &Connection, path: &Path) -> Result<HouseId, OpenError> {
    connection
        .query_row("SELECT house FROM meta", [], |row| row.get(0).map(HouseId))
        .map_err(|source| failed(path, source))
}

/// Tells our file from others by its header, and returns its schema version.
fn recognise(connection: &Connection, path: &Path, kind: Kind) -> Result<usize, OpenError> {
    let number = |name: &str| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i32>(0))
            .map_err(|source| failed(path, source))
    };
    let id = number("application_id")?;
    if id != kind.application_id() {
        return Err(foreign(path, kind, id));
    }
    let (file, known) = (path.to_path_buf(), kind.known_version());
    let version = number("user_version")?;
    match usize::try_from(version) {
        Ok(0) => Err(foreign(path, kind, id)),
        Ok(found) if found <= known => Ok(found),
        Ok(found) => Err(OpenError::Newer { file, found, known }),
        Err(_) => {
            Err(OpenError::Damaged { file, what: format!("its schema version is {version}") })
        }
    }
}

fn foreign(path: &Path, kind: Kind, id: i32) -> OpenError {
    let what = format!(
        "its application id is {id:#x}, that of a {} is {:#x}",
        kind.file_name(),
        kind.application_id()
    );
    OpenError::Foreign { file: path.to_path_buf(), what }
}

/// Sets a writing connection up and reads back what matters.
fn prepare(connection: &Connection, path: &Path, kind: Kind) -> Result<(), OpenError> {
    let sql = |source| failed(path, source);
    connection.busy_timeout(WRITER_PATIENCE).map_err(sql)?;
    plan_once(connection).map_err(sql)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
             PRAGMA recursive_triggers = ON; PRAGMA foreign_keys = ON;
             PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
        )
        .map_err(sql)?;
    connection.execute_batch(kind.settings()).map_err(sql)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map_err(sql)?;
    if kind == Kind::Log {
        // Closing must not write the database after a commit whose outcome is unknown.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(sql)?;
    }
    let journal: String =
        connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).map_err(sql)?;
    let synchronous: i64 =
        connection.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(sql)?;
    if journal != "wal" || synchronous != kind.synchronous() {
        let what = format!(
            "journal_mode is {journal} and synchronous is {synchronous}, not wal and {}",
            kind.synchronous()
        );
        return Err(OpenError::NotDurable { file: path.to_path_buf(), what });
    }
    Ok(())
}

/// Applies what is missing in one transaction, so that a migration cut short never happened.
fn migrate(
    connection: &mut Connection,
    path: &Path,
    kind: Kind,
    first: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), OpenError> {
    let run = || -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let applied: usize =
            transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        for sql in kind.migrations().iter().skip(applied) {
            transaction.execute_batch(sql)?;
        }
        transaction.pragma_update(None, "application_id", kind.application_id())?;
        transaction.pragma_update(None, "user_version", kind.known_version())?;
        first(&transaction)?;
        transaction.commit()
    };
    run().map_err(|source| failed(path, source))
}

/// Makes what the write-ahead file seems to hold really be on the disk.
///
/// After a failed `fsync` the system shows bytes that the disk does not have, and calls them clean:
/// the next `fsync` succeeds without writing them. Frames found so at an open would be built upon,
/// and a power cut would take them and all that was acknowledged after them. Writing the same bytes
/// once more makes them dirty again, so that this `fsync` either keeps them or fails.
///
/// Nobody may be writing the file meanwhile. SQLite holds no locks on it, so closing it lets go of
/// none (the same done to the database itself would).
fn settle(database: &Path) -> Result<(), OpenError> {
    let path = ahead::path_of(database);
    rewrite(&path).map_err(|source| OpenError::Io { file: path, source })
}

fn rewrite(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut chunk = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return file.sync_all();
        }
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&chunk[..read])?;
        at += read as u64;
    }
}
