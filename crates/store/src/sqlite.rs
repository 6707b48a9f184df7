//! A house in a directory of SQLite files: making one, opening one. Refuses a second process, a
//! file that is not ours, one of a newer version, and settings that could lose what was
//! acknowledged.
//!
//! In the server's process, never open any of these files with `std::fs`: closing
//! such a file lets go of SQLite's locks on it. Copies are made by [`backup`].

mod ahead;
pub mod backup;
mod chat;
pub mod checkpoint;
mod disposable;
pub mod doctor;
mod file;
mod group;
mod listings;
mod lists;
pub mod lock;
mod log;
mod notices;
mod people;
mod pool;
mod snapshots;
mod things;
mod wal;

use crate::vault::{Keyring, Vault, VaultError};
use checkpoint::Checkpointer;
use file::Kind;
use gavel_auction::event::HouseId;
use gavel_auction::time::Time;
use gavel_engine::chat::Chats;
use gavel_engine::lists::Lists;
use gavel_engine::log::{Log, LogReader};
use gavel_engine::notices::Notices;
use gavel_engine::people::People;
use gavel_engine::snapshot::Snapshots;
use gavel_engine::things::Things;
use lock::DirLock;
use pool::Readers;
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// The most partitions a house can have.
pub const MOST_PARTITIONS: u16 = 1024;

/// How to open a house.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What opens the vault of people; without it none of them can be read or written.
    pub vault: Option<Keyring>,
    /// Only read, beside a server that may be running: no lock is taken, nothing is written or
    /// migrated (SQLite may leave a `-shm` file behind).
    pub read_only: bool,
    /// How large `log.db` may grow, in pages of 4 KiB; `None`: as large as the disk. Beyond it,
    /// appends are refused as `Full`.
    pub log_pages: Option<u32>,
}

/// What was fixed when a house was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Which house.
    pub house: HouseId,
    /// In how many partitions its auctions live.
    pub partitions: u16,
    /// Since when it is.
    pub created_at: Time,
}

/// A house that is open.
pub struct Stores {
    /// Writes the log; refuses to if the house is only read.
    pub log: Box<dyn Log>,
    /// Reads the log.
    pub reader: Arc<dyn LogReader>,
    /// Keeps people.
    pub people: Arc<dyn People>,
    /// Keeps things for sale.
    pub things: Arc<dyn Things>,
    /// Keeps notices to people.
    pub notices: Arc<dyn Notices>,
    /// What is said beside auctions.
    pub chats: Arc<dyn Chats>,
    /// Keeps lists.
    pub lists: Arc<dyn Lists>,
    /// Keeps snapshots; none if the house is only read.
    pub snapshots: Option<Arc<dyn Snapshots>>,
    /// What was fixed when the house was made.
    pub meta: Meta,
    /// In how many partitions its auctions live.
    pub partitions: u16,
    /// Whether the lists were made anew and are to be filled from the log.
    pub lists_rebuilt: bool,
    /// Makes checkpoints of the log; none if the house is only read.
    pub checkpointer: Option<Arc<Checkpointer>>,
    /// Keeps other processes out; none if the house is only read. Drop it last.
    pub lock: Option<DirLock>,
}

/// Why a house cannot be made or opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// SQLite itself is too old.
    #[error("SQLite {found} can corrupt a database (fixed in 3.51.3); build with a newer one")]
    OldSqlite {
        /// Its version.
        found: String,
    },
    /// Another process has the house.
    #[error("{} is in use by {holder}; stop it first", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// Who has it, as far as known.
        holder: String,
    },
    /// There is no house yet.
    #[error("there is no house in {}; make one first", dir.display())]
    NoHouse {
        /// The data directory.
        dir: PathBuf,
    },
    /// There is a house already.
    #[error("there is a house in {} already", dir.display())]
    HouseExists {
        /// The data directory.
        dir: PathBuf,
    },
    /// No house can have so many partitions.
    #[error("a house has 1 to 1024 partitions, not {0}")]
    BadPartitions(u16),
    /// A file of the house is gone.
    #[error("{} is missing; restore it from a backup", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// A file is not of a house, or not the right one.
    #[error("{} is not ours: {what}", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
        /// How that was seen.
        what: String,
    },
    /// A file is broken.
    #[error("{} is damaged: {what}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What SQLite says.
        what: String,
    },
    /// A newer Gavel wrote the file.
    #[error(
        "{} has schema version {found}, this Gavel knows versions up to {known}; use a newer one",
        file.display()
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: usize,
        /// The newest that this program knows.
        known: usize,
    },
    /// An older Gavel wrote the file, and it is not to be written now.
    #[error(
        "{} has schema version {found} and needs {known}; start the server once to bring it there",
        file.display()
    )]
    Older {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: usize,
        /// The version needed.
        known: usize,
    },
    /// A file belongs to another house.
    #[error("{} belongs to house {found}, the log to house {expected}", file.display())]
    OtherHouse {
        /// The file.
        file: PathBuf,
        /// Its house.
        found: HouseId,
        /// The house of the log.
        expected: HouseId,
    },
    /// What is acknowledged could be lost.
    #[error("{} would not keep what it acknowledges: {what}", file.display())]
    NotDurable {
        /// The file.
        file: PathBuf,
        /// Settings as read back.
        what: String,
    },
    /// The vault of people does not open.
    #[error("the vault in {} does not open: {source}", file.display())]
    Vault {
        /// The file.
        file: PathBuf,
        /// Why.
        source: VaultError,
    },
    /// SQLite failed.
    #[error("{}: {source}", file.display())]
    Sqlite {
        /// The file.
        file: PathBuf,
        /// What it says.
        source: rusqlite::Error,
    },
    /// The system failed.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What it says.
        source: std::io::Error,
    },
}

/// Makes a house in a directory, which is made too if need be. The log comes last: a house whose
/// making was cut short has none, and is made by doing this again.
///
/// # Errors
/// [`OpenError::HouseExists`] if there is one; or why it cannot be made.
pub fn init(dir: &Path, house: HouseId, partitions: u16, now: Time) -> Result<(), OpenError> {
    file::check_sqlite()?;
    if partitions == 0 || partitions > MOST_PARTITIONS {
        return Err(OpenError::BadPartitions(partitions));
    }
    make_dir(dir)?;
    let _lock = lock::take(dir)?;
    match file::open_checked_to_read(&Kind::Log.path(dir), Kind::Log) {
        Ok(_) | Err(OpenError::Older { .. }) => {
            return Err(OpenError::HouseExists { dir: dir.to_path_buf() });
        }
        // `create` looks closer at a foreign one: it may be an empty file of a try cut short.
        Err(OpenError::Missing { .. } | OpenError::Foreign { .. }) => {}
        Err(error) => return Err(error),
    }
    init_people(dir, house)?;
    disposable::make(dir, Kind::Lists, house)?;
    disposable::make(dir, Kind::Snapshots, house)?;
    file::create(dir, Kind::Log, |connection| {
        connection.execute(
            "INSERT INTO meta (one, house, partitions, created_at) VALUES (1, ?1, ?2, ?3)",
            params![&house.0[..], partitions, now.0],
        )?;
        Ok(())
    })?;
    sync_dir(dir)
}

/// Makes `people.db`, or takes over one that a try cut short left behind, if nobody is in it.
fn init_people(dir: &Path, house: HouseId) -> Result<(), OpenError> {
    let path = Kind::People.path(dir);
    let sql = |source| file::failed(&path, source);
    let connection = match file::open_to_write(&path, Kind::People) {
        Ok(connection) => connection,
        Err(OpenError::Missing { .. } | OpenError::Foreign { .. }) => {
            return file::create(dir, Kind::People, |connection| {
                connection.execute("INSERT INTO meta (one, house) VALUES (1, ?1)", [&house.0])?;
                Ok(())
            });
        }
        Err(error) => return Err(error),
    };
    let used: bool = connection
        .query_row("SELECT EXISTS (SELECT 1 FROM sqlite_sequence)", [], |row| row.get(0))
        .map_err(sql)?;
    if used {
        let found = file::house_of(&connection, &path)?;
        return Err(OpenError::OtherHouse { file: path, found, expected: house });
    }
    connection.execute("UPDATE meta SET house = ?1", [&house.0]).map_err(sql)?;
    Ok(())
}

/// Only the owner may look into it: it holds people's data.
fn make_dir(dir: &Path) -> Result<(), OpenError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|source| OpenError::Io { file: dir.to_path_buf(), source })
}

/// Makes the names of new files durable, and the directory's own.
fn sync_dir(dir: &Path) -> Result<(), OpenError> {
    let sync = |dir: &Path| {
        std::fs::File::open(dir)
            .and_then(|dir| dir.sync_all())
            .map_err(|source| OpenError::Io { file: dir.to_path_buf(), source })
    };
    sync(dir)?;
    match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync(Path::new(".")),
        Some(parent) => sync(parent),
        None => Ok(()),
    }
}

/// What was fixed when the house in `dir` was made. May be asked beside a running server.
///
/// # Errors
/// [`OpenError::NoHouse`] if there is none; or why it cannot be read.
pub fn meta(dir: &Path) -> Result<Meta, OpenError> {
    let path = log_of(dir)?;
    read_meta(&file::open_checked_to_read(&path, Kind::Log)?, &path)
}

/// Opens the house in a directory.
///
/// # Errors
/// Why it cannot be opened. [`OpenError::Locked`]: another process has it.
pub fn open(dir: &Path, options: &Options) -> Result<Stores, OpenError> {
    file::check_sqlite()?;
    let log = log_of(dir)?;
    if options.read_only {
        open_read_only(dir, log, options)
    } else {
        open_whole(dir, log, options)
    }
}

fn open_whole(dir: &Path, path: PathBuf, options: &Options) -> Result<Stores, OpenError> {
    let lock = lock::take(dir)?;
    wal::check(dir, Kind::Log)?;
    wal::check(dir, Kind::People)?;
    ahead::make_room(&path);
    let connection = file::open_to_write(&path, Kind::Log)?;
    let meta = read_meta(&connection, &path)?;
    let people = open_people(dir, meta.house, options)?;
    let (lists, lists_rebuilt) = lists::SqliteLists::open(dir, meta.house)?;
    let gate = Arc::new(checkpoint::Gate::default());
    let checkpointer = Checkpointer::new(&path, Arc::clone(&gate))?;
    let readers = Readers::new(path.clone());
    let log =
        log::SqliteLog::new(path.clone(), connection, meta.partitions, options.log_pages, gate)
            .map_err(|source| file::failed(&path, source))?;
    let people = Arc::new(people);
    Ok(Stores {
        log: Box::new(log),
        reader: Arc::new(log::SqliteLogReader::new(readers)),
        things: Arc::clone(&people) as Arc<dyn Things>,
        notices: Arc::clone(&people) as Arc<dyn Notices>,
        chats: Arc::clone(&people) as Arc<dyn Chats>,
        people,
        lists: Arc::new(lists),
        snapshots: Some(Arc::new(snapshots::SqliteSnapshots::open(dir, meta.house)?)),
        partitions: meta.partitions,
        meta,
        lists_rebuilt,
        checkpointer: Some(Arc::new(checkpointer)),
        lock: Some(lock),
    })
}

fn open_people(
    dir: &Path,
    expected: HouseId,
    options: &Options,
) -> Result<people::SqlitePeople, OpenError> {
    let path = Kind::People.path(dir);
    let mut connection = file::open_to_write(&path, Kind::People)?;
    let found = file::house_of(&connection, &path)?;
    if found != expected {
        return Err(OpenError::OtherHouse { file: path, found, expected });
    }
    let ring = options.vault.clone();
    let vault = ring.map(|ring| people::sealing::open(&mut connection, &path, ring)).transpose()?;
    let writer = group::GroupWriter::new(path.clone(), Some(connection));
    Ok(people::SqlitePeople::new(writer, Readers::new(path), vault.map(Arc::new)))
}

/// The vault, for reading; none if nobody has a key, or nobody was ever in it.
fn vault_to_read(path: &Path, options: &Options) -> Result<Option<Arc<Vault>>, OpenError> {
    let connection = match (file::open_checked_to_read(path, Kind::People), &options.vault) {
        // A copy of an older house: it is all there, though nobody in it can be read yet.
        (Err(OpenError::Older { .. }), None) => return Ok(None),
        (opened, _) => opened?,
    };
    let Some(ring) = options.vault.clone() else { return Ok(None) };
    people::sealing::kept(&connection, path, ring).map(|vault| vault.map(Arc::new))
}

/// Gives the vault of a house that nobody has open a new master key: the first of the ring, which
/// must still have the old one. How many people that were.
///
/// # Errors
/// Why it cannot be done; then nothing was.
pub fn rotate_vault(dir: &Path, ring: &Keyring) -> Result<usize, OpenError> {
    file::check_sqlite()?;
    log_of(dir)?;
    let _lock = lock::take(dir)?;
    let path = Kind::People.path(dir);
    let mut connection = file::open_to_write(&path, Kind::People)?;
    people::sealing::rotate(&mut connection, &path, ring.clone())
}

fn open_read_only(dir: &Path, path: PathBuf, options: &Options) -> Result<Stores, OpenError> {
    let meta = read_meta(&file::open_checked_to_read(&path, Kind::Log)?, &path)?;
    let people = Kind::People.path(dir);
    let vault = vault_to_read(&people, options)?;
    let lists = Kind::Lists.path(dir);
    let (lists, lists_rebuilt): (Arc<dyn Lists>, bool) =
        match file::open_checked_to_read(&lists, Kind::Lists) {
            Ok(_) => (Arc::new(lists::read_only::ReadOnlyLists::new(Readers::new(lists))), false),
            Err(_) => (Arc::new(lists::read_only::NoLists), true),
        };
    let writer = group::GroupWriter::new(people.clone(), None);
    let people = Arc::new(people::SqlitePeople::new(writer, Readers::new(people), vault));
    Ok(Stores {
        log: Box::new(log::ReadOnlyLog),
        reader: Arc::new(log::SqliteLogReader::new(Readers::new(path))),
        things: Arc::clone(&people) as Arc<dyn Things>,
        notices: Arc::clone(&people) as Arc<dyn Notices>,
        chats: Arc::clone(&people) as Arc<dyn Chats>,
        people,
        lists,
        snapshots: None,
        partitions: meta.partitions,
        meta,
        lists_rebuilt,
        checkpointer: None,
        lock: None,
    })
}

fn log_of(dir: &Path) -> Result<PathBuf, OpenError> {
    let path = Kind::Log.path(dir);
    if path.exists() { Ok(path) } else { Err(OpenError::NoHouse { dir: dir.to_path_buf() }) }
}

fn read_meta(connection: &Connection, path: &Path) -> Result<Meta, OpenError> {
    connection
        .query_row("SELECT house, partitions, created_at FROM meta", [], |row| {
            let (house, partitions) = (HouseId(row.get(0)?), row.get(1)?);
            Ok(Meta { house, partitions, created_at: Time(row.get(2)?) })
        })
        .map_err(|source| file::failed(path, source))
}
