//! Starting and stopping a house: recovery first, then the threads, then the handle.

use crate::bell::Bell;
use crate::clock::Clock;
use crate::committer::Committer;
use crate::drive::Drive;
use crate::engine::{Engine, Shared};
use crate::exposure::Exposure;
use crate::feed::{self, Feed};
use crate::heads::Heads;
use crate::histogram::Commits;
use crate::inbox::{Inbox, Reply};
use crate::keeper;
use crate::limits;
use crate::lists::Lists;
use crate::log::{Log, LogError, LogReader, Partition};
use crate::people::{People, PeopleError};
use crate::projection::{self, Touched};
use crate::recover::{self, Found, Recovery, Source};
use crate::residents::{self, Loader, Residents};
use crate::scrub::{self, Progress};
use crate::shard::Shard;
use crate::snapshot::{Seal, Snapshots};
use crate::views::Views;
use crate::words::Words;
use gavel_auction::event::HouseId;
use gavel_auction::mutant;
use gavel_auction::time::{SECOND, Time};
use gavel_proof::head::Rolling;
use gavel_proof::keys::{HouseKey, LogKey};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU16, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use thiserror::Error;

/// What a house is made of.
pub struct Parts {
    /// The 16 bytes that name it.
    pub house: HouseId,
    /// The secret behind its commitments.
    pub log_key: LogKey,
    /// What it signs receipts with.
    pub signer: Arc<HouseKey>,
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
    /// Snapshots; none if none are kept, and every start reads the whole log.
    pub snapshots: Option<Arc<dyn Snapshots>>,
    /// How many settled auctions stay in memory though nobody asks for them.
    pub settled_in_memory: usize,
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
    /// The limits of bidders cannot be read.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// Recovers the house from its log and opens it.
///
/// # Errors
/// If the log cannot be read; if it is damaged, exactly where.
pub fn start(parts: Parts) -> Result<Started, StartError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let Opened { shared, shards, log, recovery } =
        open(parts, Clock::default(), threads, limits::FEED_BYTES)?;
    let partitions = Partition::try_from(shards.len()).expect("as many as their numbers");
    let stopping = Arc::new(AtomicBool::new(false));
    let threads = spawn(&shared, shards, log, partitions, &stopping)?;
    Ok(Started { engine: Engine { shared }, recovery, stopping, threads })
}

/// A house that is recovered, before anybody pumps it.
pub(crate) struct Opened {
    pub(crate) shared: Arc<Shared>,
    pub(crate) shards: Vec<Shard<Reply>>,
    pub(crate) log: Box<dyn Log>,
    pub(crate) recovery: Recovery,
}

/// Recovers the house, on so many threads; keeps so many bytes for those who listen to an auction.
pub(crate) fn open(
    parts: Parts,
    clock: Clock,
    threads: usize,
    feed_bytes: usize,
) -> Result<Opened, StartError> {
    let Parts { house, log_key, partitions, log, reader, lists, people, .. } = parts;
    let count = usize::from(partitions);
    let views = Views::new(count);
    let touched: Vec<Touched> = (0..count).map(|_| Touched::default()).collect();
    let away = away(parts.last_alive, clock.now()).filter(|_| !mutant::on("outage_forgotten"));
    let exposure = Exposure::default();
    people.spend_limits()?.into_iter().for_each(|(user, to)| exposure.limit(user, Some(to)));
    let share = parts.settled_in_memory / count.max(1);
    let shared = Arc::new(Shared {
        house,
        seal: Seal(log_key.seal(house)),
        log_key,
        signer: parts.signer,
        alive: AtomicI64::new(away.map_or(clock.now(), |(from, _)| from).0),
        away: Mutex::new(away),
        clock,
        inboxes: (0..count).map(|_| Inbox::default()).collect(),
        bell: Bell::default(),
        written: Commits::default(),
        views,
        exposure: Arc::new(exposure),
        touched,
        residents: (0..count).map(|_| Residents::new(share)).collect(),
        scrub: Progress::default(),
        to_quarantine: Mutex::default(),
        feed: Feed::new(feed_bytes),
        words: Words::new(people),
        heads: Heads::new((0..partitions).map(|partition| Rolling::new(house, partition))),
        released: (0..count).map(|_| AtomicU64::new(0)).collect(),
        reader,
        lists,
        snapshots: parts.snapshots,
        progress: tokio::sync::watch::Sender::new(0),
    });
    projection::begin(&shared)?;
    let (mut shards, recovery) = recover_all(&shared, partitions, share, threads)?;
    for (partition, shard) in shards.iter().enumerate() {
        shared.release(partition, shard.durable());
    }
    if let Some((from, to)) = away {
        shards.iter_mut().for_each(|shard| shard.outlasted(from, to));
        shared.dealt_with_outage(&shards);
    }
    Ok(Opened { shared, shards, log, recovery })
}

/// Recovers all partitions, several at a time.
fn recover_all(
    shared: &Shared,
    partitions: Partition,
    share: usize,
    threads: usize,
) -> Result<(Vec<Shard<Reply>>, Recovery), StartError> {
    let next = AtomicU16::new(0);
    let recovered = Mutex::new(Vec::new());
    let work = || loop {
        let partition = next.fetch_add(1, Ordering::Relaxed);
        if partition >= partitions {
            return;
        }
        let shard = recover_one(shared, partition, share);
        recovered.lock().unwrap_or_else(PoisonError::into_inner).push((partition, shard));
    };
    std::thread::scope(|scope| {
        let named = || std::thread::Builder::new().name("recovery".to_owned());
        let helper = |_| named().spawn_scoped(scope, work);
        let helpers: Result<Vec<_>, _> = (1..threads).map(helper).collect();
        work();
        helpers.map(drop)
    })?;
    let mut recovered = recovered.into_inner().unwrap_or_else(PoisonError::into_inner);
    recovered.sort_unstable_by_key(|(partition, _)| *partition);
    let mut shards = Vec::with_capacity(recovered.len());
    let mut whole = Recovery::default();
    for (_, one) in recovered {
        let (shard, recovery) = one?;
        whole.add(recovery);
        shards.push(shard);
    }
    Ok((shards, whole))
}

fn recover_one(
    shared: &Shared,
    partition: Partition,
    settled: usize,
) -> Result<(Shard<Reply>, Recovery), LogError> {
    let source = Source {
        reader: &*shared.reader,
        snapshots: shared.snapshots.as_deref(),
        seal: &shared.seal,
        house: shared.house,
        listed: shared.lists.cursor(partition)?,
        settled,
    };
    let found = recover::recover(&source, partition)?;
    let recovery = Recovery::of(&found);
    let Found { position, rolling: hash, auctions, cold, stale, broken, .. } = found;
    shared.heads.begin(Rolling { partition, position, hash });
    let residents = &shared.residents[usize::from(partition)];
    let shard = Shard::new(partition, shared.house, shared.log_key.clone());
    let mut shard = shard.sharing(&shared.exposure);
    shard.recovered(position);
    // In the order of their ids: two starts from the same log are the same start.
    let auctions: BTreeMap<_, _> = auctions.into_iter().collect();
    for snapshot in auctions.into_values() {
        if let Some(change) = shard.admit(snapshot) {
            if change.is_settled() {
                residents.note(change.head.auction);
            }
            shared.views.replace(change);
        }
    }
    shared.close_off_panicked(&mut shard);
    shard.leave_cold(cold.keys().copied());
    for (auction, position) in cold {
        shared.views.leave(auction, position);
    }
    for (auction, damage) in broken {
        tracing::error!(%damage, "quarantined: the history of this auction is damaged");
        shared.views.quarantine(auction);
        shard.quarantine(auction);
    }
    if let Some(touched) = shared.touched.get(usize::from(partition)) {
        touched.note(position, stale.into_iter());
    }
    Ok((shard, recovery))
}

/// Since when and until when nobody could bid, if that was longer than the outage rule says.
fn away(last_alive: Option<Time>, now: Time) -> Option<(Time, Time)> {
    let from = last_alive.filter(|alive| now.since(*alive) > limits::OUTAGE_SECONDS * SECOND)?;
    tracing::warn!(seconds = now.since(from) / SECOND, "the house was out of reach");
    Some((from, now))
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
    let (loader, orders) = Loader::new();
    let drive = move || {
        for_drive.bell.wakes_me();
        let reader = Arc::clone(&for_drive.reader);
        let committer = match Committer::start(log, reader, partitions, told.clone()) {
            Ok(committer) => committer,
            Err(error) => return drop(ready.send(Err(error))),
        };
        drop(ready.send(Ok(())));
        Drive::new(for_drive, shards, committer, loader, told).run();
    };
    let drive = std::thread::Builder::new().name("drive".to_owned()).spawn(drive)?;
    opened.recv().unwrap_or(Ok(()))?;
    let (for_lists, told) = (Arc::clone(shared), Arc::clone(stopping));
    let lists = move || projection::run(&for_lists, &told);
    let lists = std::thread::Builder::new().name("lists".to_owned()).spawn(lists)?;
    let (for_keeper, told) = (Arc::clone(shared), Arc::clone(stopping));
    let keeper = move || keeper::run(&for_keeper, &told);
    let keeper = std::thread::Builder::new().name("snapshots".to_owned()).spawn(keeper)?;
    let (for_loader, told) = (Arc::clone(shared), Arc::clone(stopping));
    let loads = move || residents::run(&for_loader, &orders, &told);
    let loads = std::thread::Builder::new().name("loader".to_owned()).spawn(loads)?;
    let (for_scrub, told) = (Arc::clone(shared), Arc::clone(stopping));
    let scrub = move || scrub::run(&for_scrub, &told);
    let scrub = std::thread::Builder::new().name("scrub".to_owned()).spawn(scrub)?;
    let (for_feed, told) = (Arc::clone(shared), Arc::clone(stopping));
    let feed = move || feed::carry(&for_feed, &told);
    let feed = std::thread::Builder::new().name("feed".to_owned()).spawn(feed)?;
    Ok(vec![drive, lists, keeper, loads, scrub, feed])
}

impl Started {
    /// Takes nothing more in, answers all that waits, and ends the threads.
    pub fn stop(self) {
        for inbox in &self.engine.shared.inboxes {
            inbox.close();
        }
        self.stopping.store(true, Ordering::Release);
        for thread in self.threads {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("a thread of the engine panicked");
            }
        }
    }
}
