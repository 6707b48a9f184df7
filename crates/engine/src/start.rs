//! Starting and stopping a house: recovery first, then the threads, then the handle.

use crate::bell::Bell;
use crate::clock::Clock;
use crate::committer::Committer;
use crate::drive::Drive;
use crate::engine::{Engine, Shared};
use crate::histogram::Commits;
use crate::feed::{self, Feed};
use crate::inbox::{Inbox, Reply};
use crate::limits;
use crate::lists::Lists;
use crate::log::{Log, LogError, LogReader, Partition};
use crate::people::People;
use crate::projection::{self, Touched};
use crate::recover::{self, Recovery};
use crate::shard::Shard;
use crate::views::Views;
use crate::words::Words;
use gavel_auction::event::HouseId;
use gavel_auction::time::{SECOND, Time};
use gavel_proof::keys::LogKey;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use thiserror::Error;

/// What a house is made of.
pub struct Parts {
    /// The 16 bytes that name it.
    pub house: HouseId,
    /// The secret behind its commitments.
    pub log_key: LogKey,
    /// How many partitions its log has.
    pub partitions: Partition,
    /// The log's only writer.
    pub log: Box<dyn Log>,
    /// The log's readers.
    pub reader: Arc<dyn LogReader>,
    /// Derived lists.
    pub lists: Arc<dyn Lists>,
    /// People and listings.
    pub people: Arc<dyn People>,
    /// When the house was last known to be alive, if it ever was: for the outage rule.
    pub last_alive: Option<Time>,
}

/// A house that is open.
pub struct Started {
    /// The handle on it.
    pub engine: Engine,
    /// What was read at the start.
    pub recovery: Recovery,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Why a house does not open.
#[derive(Debug, Error)]
pub enum StartError {
    /// The log cannot be read, or is damaged.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// Recovers the house from its log and opens it.
///
/// # Errors
/// If the log cannot be read; if it is damaged, exactly where.
pub fn start(parts: Parts) -> Result<Started, StartError> {
    let Parts { house, log_key, partitions, log, reader, lists, people, last_alive } = parts;
    let count = usize::from(partitions);
    let views = Views::new(count);
    let mut shards: Vec<Shard<Reply>> = Vec::with_capacity(count);
    let mut recovery = Recovery::default();
    let touched: Vec<Touched> = (0..count).map(|_| Touched::default()).collect();
    for partition in 0..partitions {
        let mut shard = Shard::new(partition, house, log_key.clone());
        let mut stale = BTreeSet::new();
        let cursor = lists.cursor(partition)?;
        let read = recover::replay(&*reader, &views, &mut shard, partition, cursor, &mut stale)?;
        recovery.records += read.records;
        recovery.auctions += read.auctions;
        if let Some(touched) = touched.get(usize::from(partition)) {
            touched.note(shard.durable(), stale.into_iter());
        }
        shards.push(shard);
    }
    let released = shards.iter().map(|shard| AtomicU64::new(shard.durable())).collect();
    let clock = Clock::default();
    compensate(&mut shards, last_alive, clock.now());
    let shared = Arc::new(Shared {
        house,
        log_key,
        alive: AtomicI64::new(clock.now().0),
        clock,
        inboxes: (0..count).map(|_| Inbox::default()).collect(),
        bell: Bell::default(),
        written: Commits::default(),
        views,
        touched,
        feed: Feed::default(),
        words: Words::new(people),
        released,
        reader,
        lists,
        progress: tokio::sync::watch::Sender::new(0),
    });
    let stopping = Arc::new(AtomicBool::new(false));
    let threads = spawn(&shared, shards, log, partitions, &stopping)?;
    Ok(Started { engine: Engine { shared }, recovery, stopping, threads })
}

/// The outage rule, if nobody could bid for longer than it says.
fn compensate(shards: &mut [Shard<Reply>], last_alive: Option<Time>, now: Time) {
    let gone = last_alive.filter(|alive| now.since(*alive) > limits::OUTAGE_SECONDS * SECOND);
    if let Some(from) = gone {
        tracing::warn!(seconds = now.since(from) / SECOND, "the house was out of reach");
        shards.iter_mut().for_each(|shard| shard.outlasted(from, now));
    }
}

fn spawn(
    shared: &Arc<Shared>,
    shards: Vec<Shard<Reply>>,
    log: Box<dyn Log>,
    partitions: Partition,
    stopping: &Arc<AtomicBool>,
) -> Result<Vec<JoinHandle<()>>, StartError> {
    let (for_drive, told) = (Arc::clone(shared), Arc::clone(stopping));
    let (ready, opened) = std::sync::mpsc::sync_channel(1);
    let drive = move || {
        for_drive.bell.wakes_me();
        let reader = Arc::clone(&for_drive.reader);
        let committer = match Committer::start(log, reader, partitions) {
            Ok(committer) => committer,
            Err(error) => return drop(ready.send(Err(error))),
        };
        drop(ready.send(Ok(())));
        Drive {
            shared: for_drive,
            shards,
            committer,
            stopping: told,
            committing: None,
            ended: None,
            scratch: Vec::new(),
        }
        .run();
    };
    let drive = std::thread::Builder::new().name("drive".to_owned()).spawn(drive)?;
    opened.recv().unwrap_or(Ok(()))?;
    let (for_lists, told) = (Arc::clone(shared), Arc::clone(stopping));
    let lists = move || projection::run(&for_lists, &told);
    let lists = std::thread::Builder::new().name("lists".to_owned()).spawn(lists)?;
    let (for_feed, told) = (Arc::clone(shared), Arc::clone(stopping));
    let feed = move || feed::carry(&for_feed, &told);
    let feed = std::thread::Builder::new().name("feed".to_owned()).spawn(feed)?;
    Ok(vec![drive, lists, feed])
}

impl Started {
    /// Takes nothing more in, answers all that waits, and ends the threads.
    pub fn stop(self) {
        for inbox in &self.engine.shared.inboxes {
            inbox.close();
        }
        self.stopping.store(true, Ordering::Release);
        self.engine.shared.bell.ring();
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the engine panicked");
            }
        }
    }
}
