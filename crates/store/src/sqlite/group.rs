//! Many small writes, one sync: whoever gets the connection writes for all who wait. Nobody is
//! answered before the commit, not even with a no: it was judged on what the others of the group
//! wrote. Refuses to know what is written.

use super::file::{self, Kind};
use gavel_engine::people::PeopleError;
use rusqlite::{Connection, ErrorCode};
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many writes share a transaction at most.
const GROUP: usize = 256;

/// Writes `people.db`.
pub(super) struct GroupWriter {
    path: PathBuf,
    waiting: Mutex<Vec<Box<dyn Job>>>,
    read_only: bool,
    /// None if it is not to be written, or until it can be opened again after an unknown outcome.
    connection: Mutex<Option<Connection>>,
}

/// One write that waits.
trait Job: Send {
    /// Does it, but tells nobody; whether it failed for want of room.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Tells its owner what came of it; a failure of the group overrides that.
    fn finish(self: Box<Self>, failure: Option<&Failure>);
}

/// Where the owner of a write finds what came of it.
type Slot<T> = Arc<Mutex<Option<Result<T, PeopleError>>>>;

struct Pending<T, W> {
    work: Option<W>,
    result: Option<Result<T, PeopleError>>,
    slot: Slot<T>,
}

impl<T, W> Job for Pending<T, W>
where
    T: Send,
    W: FnOnce(&Connection) -> Result<T, PeopleError> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.result = self.work.take().map(|work| alone(connection, work));
        matches!(self.result, Some(Err(PeopleError::Full)))
    }

    fn finish(self: Box<Self>, failure: Option<&Failure>) {
        let result = match failure {
            Some(failure) => Err(failure.told()),
            None => self.result.unwrap_or_else(|| Err(abandoned())),
        };
        *locked(&self.slot) = Some(result);
    }
}

/// Does one write of a group so that its failure undoes it and nothing else.
fn alone<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, PeopleError>,
) -> Result<T, PeopleError> {
    connection.execute_batch("SAVEPOINT one").map_err(failed)?;
    let result = work(connection);
    if connection.is_autocommit() {
        return result; // SQLite has undone the whole group.
    }
    let end = if result.is_ok() { "RELEASE one" } else { "ROLLBACK TO one; RELEASE one" };
    connection.execute_batch(end).map_err(failed)?;
    result
}

/// Why a whole group came to nothing.
enum Failure {
    Full,
    Store(Arc<dyn Error + Send + Sync>),
}

impl Failure {
    fn new(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(_) | None => Self::Store(Arc::new(error)),
        }
    }

    fn text(what: &str) -> Self {
        Self::Store(Arc::from(Box::<dyn Error + Send + Sync>::from(what)))
    }

    fn told(&self) -> PeopleError {
        match self {
            Self::Full => PeopleError::Full,
            Self::Store(error) => PeopleError::Store(Box::new(Arc::clone(error))),
        }
    }
}

/// What SQLite said, for whoever asked.
pub(super) fn failed(error: rusqlite::Error) -> PeopleError {
    Failure::new(error).told()
}

fn abandoned() -> PeopleError {
    PeopleError::Store("the write was abandoned".into())
}

impl GroupWriter {
    /// Without a connection, all writes are refused.
    pub(super) fn new(path: PathBuf, connection: Option<Connection>) -> Self {
        let read_only = connection.is_none();
        Self { path, waiting: Mutex::default(), read_only, connection: Mutex::new(connection) }
    }

    /// Does `work` in a transaction, perhaps with others; durable when this returns `Ok`.
    pub(super) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, PeopleError> + Send + 'static,
    ) -> Result<T, PeopleError> {
        let slot = Slot::default();
        let job = Pending { work: Some(work), result: None, slot: Arc::clone(&slot) };
        locked(&self.waiting).push(Box::new(job));
        let mut connection = locked(&self.connection);
        // Either another one led while this one waited for the connection, or it leads now.
        loop {
            if let Some(result) = locked(&slot).take() {
                return result;
            }
            let group = self.next_group();
            if group.is_empty() {
                return Err(abandoned()); // Its leader panicked.
            }
            self.lead(&mut connection, group);
        }
    }

    /// Empties the write-ahead file, so that what was erased is nowhere any more.
    pub(super) fn scrub(&self) -> Result<(), PeopleError> {
        let mut connection = locked(&self.connection);
        let busy: bool = self
            .ready(&mut connection)
            .map_err(|failure| failure.told())?
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(failed)?;
        if busy {
            return Err(PeopleError::Store(
                "erased, but readers kept the write-ahead file from being emptied: repeat".into(),
            ));
        }
        Ok(())
    }

    fn next_group(&self) -> Vec<Box<dyn Job>> {
        let mut waiting = locked(&self.waiting);
        let size = waiting.len().min(GROUP);
        waiting.drain(..size).collect()
    }

    fn lead(&self, connection: &mut Option<Connection>, mut group: Vec<Box<dyn Job>>) {
        let failure = match self.ready(connection).and_then(|ready| run(ready, &mut group)) {
            Ok(()) => commit(connection),
            Err(failure) => Some(failure),
        };
        for job in group {
            job.finish(failure.as_ref());
        }
    }

    /// A connection that is in no transaction.
    fn ready<'a>(&self, kept: &'a mut Option<Connection>) -> Result<&'a Connection, Failure> {
        if self.read_only {
            return Err(Failure::text("the house is open for reading only"));
        }
        let connection = match kept.take() {
            Some(connection) => connection,
            None => file::open_to_write(&self.path, Kind::People)
                .map_err(|error| Failure::Store(Arc::new(error)))?,
        };
        let connection = kept.insert(connection);
        if !connection.is_autocommit() {
            // A leader panicked in its transaction.
            connection.execute_batch("ROLLBACK").map_err(Failure::new)?;
        }
        Ok(connection)
    }
}

/// Runs a group in one transaction, up to the commit.
fn run(connection: &Connection, group: &mut [Box<dyn Job>]) -> Result<(), Failure> {
    connection.execute_batch("BEGIN IMMEDIATE").map_err(Failure::new)?;
    for job in group {
        let full = job.run(connection);
        if connection.is_autocommit() {
            let undone = Failure::text("SQLite undid the transaction");
            return Err(if full { Failure::Full } else { undone });
        }
    }
    Ok(())
}

/// Lack of room is definite (`log.rs` says why). After anything else it is unknown whether the
/// group was written, and the connection is not trusted any more; a repeat with the same key tells.
fn commit(kept: &mut Option<Connection>) -> Option<Failure> {
    let connection = kept.as_ref()?;
    let failure = Failure::new(connection.execute_batch("COMMIT").err()?);
    let undone = connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok();
    if !undone || !matches!(failure, Failure::Full) {
        *kept = None;
    }
    Some(failure)
}

fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
