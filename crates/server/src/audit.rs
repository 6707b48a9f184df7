//! The audit trail: what the house's people and its guards did, and what was tried in vain, a line
//! each in `audit.jsonl`. Each line holds the hash of the one before, so that none can be changed,
//! taken out or put in between without being seen. It names people by their numbers only, and no
//! login that was typed. What happened to an auction is in the log of auctions besides.

pub mod kept;
pub mod trail;

use crate::chance;
use crate::http::limits::Pace;
use crate::observe;
use gavel_auction::event::HouseId;
use gavel_auction::time::Time;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::oneshot;
use trail::{Index, Page, Trail};

/// Lines that may wait to be written.
const QUEUED: usize = 1024;

/// Lines that become durable together at most.
const TOGETHER: usize = 256;

/// What was tried in vain: so many lines in a second, and so many at once. More are counted in the
/// next line, so that nobody fills the disk by being refused.
const REFUSED: (u32, u32) = (10, 100);

/// What happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// Who did it, by his number; none is nobody known.
    pub by: Option<i64>,
    /// Which kind of thing it is.
    pub verb: &'static str,
    /// What was done to what.
    pub act: String,
    /// `done`, `asked for`, `unknown`, or the status it was refused with.
    pub outcome: String,
}

struct Work {
    entry: Entry,
    left_out: u64,
    written: Option<oneshot::Sender<()>>,
}

/// The audit trail of a running house.
pub struct Audit {
    queue: SyncSender<Work>,
    index: Arc<RwLock<Index>>,
    refused: Pace,
    left_out: AtomicU64,
    one: String,
}

impl Audit {
    /// Opens the trail of a house, checks all of it, and starts the thread that writes it.
    ///
    /// # Errors
    /// If the file cannot be opened, or the thread not started.
    pub fn open(data: &Path, house: HouseId) -> io::Result<Self> {
        let trail = Trail::open(data, house)?;
        let index = Arc::new(RwLock::new(trail.index().clone()));
        let (queue, work) = sync_channel(QUEUED);
        let shown = Arc::clone(&index);
        let thread = std::thread::Builder::new().name("audit".to_owned());
        thread.spawn(move || run(trail, &work, &shown))?;
        let (pace, burst) = REFUSED;
        let refused = Pace::new(pace, 1, burst);
        Ok(Self { queue, index, refused, left_out: AtomicU64::new(0), one: chance::token() })
    }

    /// Writes a line: whether it is durable.
    #[must_use]
    pub async fn done(&self, entry: Entry) -> bool {
        let (written, waiting) = oneshot::channel();
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        let work = Work { entry, left_out, written: Some(written) };
        // Full: the disk is slower than the house's people, so they wait for it.
        let queue = self.queue.clone();
        let queued = match queue.try_send(work) {
            Ok(()) => true,
            Err(std::sync::mpsc::TrySendError::Full(work)) => {
                let sent = tokio::task::spawn_blocking(move || queue.send(work).is_ok()).await;
                sent.unwrap_or(false)
            }
            Err(std::sync::mpsc::TrySendError::Disconnected(_)) => false,
        };
        let written = queued && waiting.await.is_ok();
        if !written {
            observe::audit_lost();
        }
        written
    }

    /// Writes a line about what was refused, if there is room; nobody waits for it.
    pub fn refused(&self, entry: Entry) {
        let left_out = match self.refused.take(&self.one, entry.at) {
            Ok(()) => self.left_out.swap(0, Ordering::Relaxed),
            Err(_) => {
                self.left_out.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        if self.queue.try_send(Work { entry, left_out, written: None }).is_err() {
            self.left_out.fetch_add(left_out + 1, Ordering::Relaxed);
        }
    }

    /// Lines after this number. Blocks on the file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn page(&self, after: u64, limit: usize) -> io::Result<Page> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner).clone();
        index.page(after, limit)
    }
}

fn run(mut trail: Trail, work: &Receiver<Work>, shown: &RwLock<Index>) {
    while let Ok(first) = work.recv() {
        let batch: Vec<Work> =
            std::iter::once(first).chain(work.try_iter().take(TOGETHER - 1)).collect();
        let entries = batch.iter().map(|work| (&work.entry, work.left_out));
        if let Err(error) = trail.append(entries) {
            // Whoever waits learns that nothing was written: his sender is dropped.
            observe::store_failed("audit", &error);
            continue;
        }
        *shown.write().unwrap_or_else(PoisonError::into_inner) = trail.index().clone();
        for written in batch.into_iter().filter_map(|work| work.written) {
            // Whoever has stopped waiting does not hear it.
            let _heard = written.send(());
        }
    }
}
