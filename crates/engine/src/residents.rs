//! Who stays in memory: of the auctions that are settled only so many, the ones that somebody asked
//! for lately. The others leave, and come back from their snapshots, or from the log, when a reader
//! or a command asks. Decides nothing about an auction.

use crate::engine::{Shared, partition_of};
use crate::log::{Entry, LogError, Partition, Position};
use crate::recover::Doubt;
use crate::snapshot::{Damage, Snapshot, Useless};
use crate::views::Change;
use crate::{inbox::Reply, limits, shard::Shard};
use gavel_auction::ids::AuctionId;
use gavel_auction::mutant;
use gavel_auction::view::Head;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long to wait before a log that cannot be read is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// How often it is tried for somebody who waits to read.
const TRIES: usize = 5;

/// What became of an auction that was to be loaded for commands.
pub(crate) enum Loaded {
    /// It is as it stands.
    Whole(Box<Snapshot>),
    /// Its history is damaged.
    Damaged,
    /// The log could not be read before the house was to stop.
    Unread,
}

/// What one partition has in memory of settled auctions, and what is on its way there.
pub(crate) struct Residents {
    /// Settled auctions in memory, in the order in which they will be looked at.
    settled: Mutex<VecDeque<AuctionId>>,
    /// How many of them may stay.
    room: usize,
    /// Up to where snapshots are.
    covered: AtomicU64,
    /// What was loaded for commands.
    loaded: Mutex<Vec<(AuctionId, Loaded)>>,
}

impl Residents {
    pub(crate) fn new(room: usize) -> Self {
        Self {
            settled: Mutex::default(),
            room,
            covered: AtomicU64::new(0),
            loaded: Mutex::default(),
        }
    }

    /// An auction is settled, or was just read.
    pub(crate) fn note(&self, id: AuctionId) {
        locked(&self.settled).push_back(id);
    }

    /// Snapshots reach up to here.
    pub(crate) fn cover(&self, position: Position) {
        self.covered.store(position, Ordering::Release);
    }

    /// Up to where snapshots reach.
    pub(crate) fn covered(&self) -> Position {
        self.covered.load(Ordering::Acquire)
    }

    /// What was loaded since the last look.
    pub(crate) fn loaded(&self) -> Vec<(AuctionId, Loaded)> {
        std::mem::take(&mut *locked(&self.loaded))
    }

    /// Whether something was loaded since the last look.
    pub(crate) fn has_loaded(&self) -> bool {
        !locked(&self.loaded).is_empty()
    }

    /// Lets some of the settled leave, those that nobody asked for since the last look.
    pub(crate) fn thin_out(&self, shared: &Shared, shard: &mut Shard<Reply>) {
        let mut settled = locked(&self.settled);
        let surplus = settled.len().saturating_sub(self.room).min(limits::LEAVING_AT_ONCE);
        let covered = self.covered();
        for _ in 0..surplus {
            let Some(id) = settled.pop_front() else { return };
            if shared.views.was_asked(id) {
                settled.push_back(id);
            } else if let Some(position) = shard.let_go(id, covered) {
                shared.views.leave(id, position);
            } else if shard.is_settled(id) {
                settled.push_back(id); // Its snapshot is still to come.
            } else {
                shared.views.leave_again(id);
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Loads for the drive loop, so that it never waits for a store.
pub(crate) struct Loader {
    wanted: SyncSender<AuctionId>,
}

impl Loader {
    pub(crate) fn new() -> (Self, Receiver<AuctionId>) {
        let (wanted, orders) = sync_channel(limits::PARKED);
        (Self { wanted }, orders)
    }

    /// Asks for an auction; false if too many are asked for already.
    pub(crate) fn want(&self, id: AuctionId) -> bool {
        self.wanted.try_send(id).is_ok()
    }
}

/// The loader's thread: runs until the drive loop has ended.
pub(crate) fn run(shared: &Shared, orders: &Receiver<AuctionId>, stopping: &AtomicBool) {
    for id in orders {
        deliver(shared, id, stopping);
    }
}

/// Loads one auction for the drive loop.
pub(crate) fn deliver(shared: &Shared, id: AuctionId, stopping: &AtomicBool) {
    let index = usize::from(partition_of(id, shared.inboxes.len()));
    let loaded = match load(shared, id, &mut || !stopping.load(Ordering::Acquire)) {
        Ok(Some(snapshot)) => Loaded::Whole(Box::new(snapshot)),
        Ok(None) => Loaded::Damaged,
        Err(_) => Loaded::Unread,
    };
    if let Some(residents) = shared.residents.get(index) {
        locked(&residents.loaded).push((id, loaded));
    }
    shared.bell.ring();
}

/// A settled auction as it stands, from its snapshot, else from the log; none if it is damaged. A
/// log that cannot be read is tried again as long as that is wanted.
fn load(
    shared: &Shared,
    id: AuctionId,
    again: &mut dyn FnMut() -> bool,
) -> Result<Option<Snapshot>, LogError> {
    match from_snapshot(shared, id) {
        Ok(snapshot) => return Ok(Some(snapshot)),
        Err(why) => tracing::warn!(auction = id.get(), %why, "reading the log instead"),
    }
    let partition = partition_of(id, shared.inboxes.len());
    loop {
        match from_log(shared, partition, id) {
            Ok(Ok(snapshot)) => return Ok(Some(snapshot)),
            Ok(Err(damage)) => {
                shared.quarantine(&damage);
                return Ok(None);
            }
            Err(error @ LogError::Damaged { .. }) => {
                let what = error.to_string();
                shared.quarantine(&Damage { auction: id, version: 0, position: 0, what });
                return Ok(None);
            }
            Err(error @ LogError::Unreadable(_)) => {
                tracing::error!(%error, "the log cannot be read");
                if !again() {
                    return Err(error);
                }
                std::thread::sleep(RETRY);
            }
        }
    }
}

fn from_snapshot(shared: &Shared, id: AuctionId) -> Result<Snapshot, Doubt> {
    let gone = || Useless::Disagrees("its snapshot is gone".to_owned());
    let snapshots = shared.snapshots.as_deref().ok_or_else(gone)?;
    let kept = snapshots.load(&[id])?.pop().ok_or_else(gone)?;
    let snapshot = shared.seal.open(&kept)?;
    // Whether or not somebody reads it just now: an older one would lose what came after it.
    let current = shared.views.cold_at(id) == Some(snapshot.position());
    if !current && !mutant::on("older_snapshot_believed") {
        return Err(Useless::Disagrees("its snapshot is of another time".to_owned()).into());
    }
    Ok(snapshot)
}

/// Reads the whole partition for one auction: slow, and right whatever became of its snapshot.
pub(crate) fn from_log(
    shared: &Shared,
    partition: Partition,
    id: AuctionId,
) -> Result<Result<Snapshot, Damage>, LogError> {
    let mut snapshot = Snapshot::new(id, shared.house);
    let mut after = 0;
    loop {
        let records = shared.reader.scan(partition, after, limits::READ_AT_ONCE)?;
        let Some(last) = records.last() else { return Ok(Ok(snapshot)) };
        after = last.position;
        for record in &records {
            if let Entry::Event(event) = &record.entry
                && event.auction == id
                && let Err(damage) = snapshot.follow(event, record.position)
            {
                return Ok(Err(damage));
            }
        }
    }
}

impl Shared {
    /// The committed head of an auction, wherever it is.
    ///
    /// # Errors
    /// If it has left memory and cannot be read.
    pub(crate) fn head(&self, id: AuctionId) -> Result<Option<Arc<Head>>, LogError> {
        if let Some(head) = self.views.head(id) {
            return Ok(Some(head));
        }
        self.bring_back(id)?;
        Ok(self.views.head(id))
    }

    /// Brings an auction that has left memory back for its readers. Short, but it may read a store.
    ///
    /// # Errors
    /// If that cannot be read.
    pub(crate) fn bring_back(&self, id: AuctionId) -> Result<(), LogError> {
        if self.views.left_at(id).is_none() {
            return Ok(());
        }
        let mut tries = 1..TRIES;
        let loaded = load(self, id, &mut || tries.next().is_some())?;
        if let Some(change) = loaded.and_then(Change::whole) {
            let index = usize::from(partition_of(id, self.inboxes.len()));
            self.views.visit(change);
            if let Some(residents) = self.residents.get(index) {
                residents.note(id);
            }
        }
        Ok(())
    }
}
