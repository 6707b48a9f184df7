//! Upkeep: the thread beside the engine that keeps the alive mark (so that an outage can be told
//! afterwards) and makes checkpoints of the log, off the path of a bid. Decides nothing.

use gavel_auction::time::{SECOND, Time};
use gavel_engine::engine::Engine;
use gavel_engine::log::{LogError, LogReader, Partition, Position};
use gavel_store::sqlite::checkpoint::Checkpointer;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// The file beside the log that says when the house was last alive, and how long its log was then.
const ALIVE: &str = "alive";

/// How often the write-ahead file is looked at.
const ROUND: Duration = Duration::from_millis(250);

/// How often the alive mark is made.
const MARK_EVERY: i64 = 5 * SECOND;

/// And how often while much is written.
const BUSY_ROUND: Duration = Duration::from_millis(50);

/// Bytes of the write-ahead file from which on it is moved into the database. It begins anew at
/// twice that, and the store makes four times ready: growing costs each commit more.
const CHECKPOINT_AT: u64 = 8 * 1024 * 1024;

/// The upkeep of a house that is open. Ends with a last mark when dropped.
pub struct Upkeep {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// When the house in this directory was last alive; none if it never was, or that is not known.
#[must_use]
pub fn last_alive(dir: &Path) -> Option<Time> {
    mark(dir)?.first().map(|time| Time(*time))
}

/// The numbers of the alive mark: the time, then each partition's position, where they were known.
fn mark(dir: &Path) -> Option<Vec<i64>> {
    let text = fs::read_to_string(dir.join(ALIVE)).ok()?;
    text.split_whitespace().map(|number| number.parse().ok()).collect()
}

/// A log that ends before what the house had let out when it was last there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the log of partition {partition} ends at position {last}, and the house had written up to \
     position {written} when it was last there: what it acknowledged is missing"
)]
pub struct LostEnd {
    partition: Partition,
    last: Position,
    written: Position,
}

/// The first partition whose log has lost its end; none if none has, or that is not known.
///
/// # Errors
/// If the log cannot be read.
pub fn lost_end(dir: &Path, log: &dyn LogReader) -> Result<Option<LostEnd>, LogError> {
    let known = mark(dir).unwrap_or_default();
    for (partition, written) in (0..).zip(known.into_iter().skip(1)) {
        let (last, written) = (log.last_position(partition)?, written.unsigned_abs());
        if last < written {
            return Ok(Some(LostEnd { partition, last, written }));
        }
    }
    Ok(None)
}

/// Says when the house in this directory was last alive: for one that comes from a backup, when
/// that was made, so that what ended since is compensated.
///
/// # Errors
/// If the mark cannot be made.
pub fn set_alive(dir: &Path, at: Time) -> io::Result<()> {
    Mark::open(dir.join(ALIVE))?.make(at, &[])
}

impl Upkeep {
    /// Begins the upkeep.
    ///
    /// # Errors
    /// If the mark cannot be made or the thread not started.
    pub fn begin(
        dir: &Path,
        engine: Engine,
        checkpointer: Option<Arc<Checkpointer>>,
    ) -> io::Result<Self> {
        let mut mark = Mark::open(dir.join(ALIVE))?;
        // Not now: an outage before this start is remembered until it has been dealt with.
        mark.make(engine.last_alive(), &engine.released())?;
        let (stop, stopped) = sync_channel(1);
        let work = move || {
            let mut marked = engine.last_alive();
            let (mut round, mut before) = (ROUND, None);
            while stopped.recv_timeout(round) == Err(RecvTimeoutError::Timeout) {
                let alive = engine.last_alive();
                // It goes back when it turns out that nobody could bid for a while.
                if alive.since(marked) >= MARK_EVERY || alive < marked {
                    marked = alive;
                    noted("the alive mark", mark.make(alive, &engine.released()));
                }
                if let Some(keeper) = &checkpointer {
                    let made = keeper.checkpoint_if_large(CHECKPOINT_AT);
                    let now = made.as_ref().ok().copied();
                    let much = now.is_some_and(|log| log.written > CHECKPOINT_AT / 4);
                    round = if much && now != before { BUSY_ROUND } else { ROUND };
                    before = now;
                    noted("a checkpoint", made.map(drop));
                }
            }
            noted("the alive mark", mark.make(engine.last_alive(), &engine.released()));
        };
        let thread = std::thread::Builder::new().name("upkeep".to_owned()).spawn(work)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the upkeep panicked");
        }
    }
}

fn noted<E: std::fmt::Display>(what: &str, done: Result<(), E>) {
    if let Err(error) = done {
        tracing::warn!(%error, "{what} could not be made");
    }
}

/// The alive mark: a file of one line, made durable at each change.
struct Mark(File);

impl Mark {
    fn open(path: PathBuf) -> io::Result<Self> {
        OpenOptions::new().write(true).create(true).truncate(false).open(path).map(Self)
    }

    fn make(&mut self, now: Time, released: &[Position]) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(0))?;
        // Of fixed width, so that an older mark never shows behind it.
        let positions = released.iter().map(|position| format!(" {position:020}"));
        let line = format!("{:020}{}", now.0, positions.collect::<String>());
        self.0.write_all(line.as_bytes())?;
        self.0.sync_data()
    }
}
