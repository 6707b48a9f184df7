//! The committer: one thread that owns the log's only writer. Takes a batch, makes it durable, says
//! how that went. Takes whatever waits; has no timer.

use crate::log::{AppendError, Entry, Log, LogError, LogReader, Partition, Record};
use gavel_auction::mutant;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long to wait before a store that cannot be opened is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// How a commit ended.
pub(crate) enum Committed {
    /// Durable; the records come back.
    Durable(Vec<Record>),
    /// Definitely not written: there is no room.
    Full,
    /// It was unknown; now it is settled: the store was opened again and holds a barrier.
    Settled,
}

/// What the drive loop asks of whoever makes batches durable.
pub(crate) trait Commit {
    /// Takes a batch. Only one may be under way.
    fn commit(&mut self, records: Vec<Record>);
    /// Waits for the batch under way to end, so long at most.
    fn await_end(&mut self, most: Duration) -> Option<Committed>;
    /// How the batch under way has ended, if it has.
    fn ended(&mut self) -> Option<Committed>;
    /// Lets time pass before something is tried again.
    fn pause(&mut self, how_long: Duration);
    /// Whether it has given up, because the house stops and the store does not open.
    fn gave_up(&self) -> bool {
        false
    }
}

/// The drive loop's side of the committer's thread.
pub(crate) struct Committer {
    batches: Option<SyncSender<Vec<Record>>>,
    results: Receiver<Committed>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    /// Starts the committer's thread.
    pub(crate) fn start(
        log: Box<dyn Log>,
        reader: Arc<dyn LogReader>,
        partitions: Partition,
        stopping: Arc<AtomicBool>,
    ) -> std::io::Result<Self> {
        let (batches, incoming) = sync_channel::<Vec<Record>>(1);
        let (outgoing, results) = sync_channel(2);
        let mut writer = Writer::new(log, reader, partitions);
        let work = move || {
            for records in incoming {
                let committed = match writer.commit(records) {
                    Ok(committed) => committed,
                    Err(Unsettled) => {
                        while !writer.settle() {
                            if stopping.load(Ordering::Acquire) {
                                return;
                            }
                            std::thread::sleep(RETRY);
                        }
                        Committed::Settled
                    }
                };
                if outgoing.send(committed).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("committer".to_owned()).spawn(work)?;
        Ok(Self { batches: Some(batches), results, thread: Some(thread) })
    }
}

impl Commit for Committer {
    fn commit(&mut self, records: Vec<Record>) {
        let batches = self.batches.as_ref().expect("taken only by the drop");
        batches.send(records).expect("the committer outlives the drive loop");
    }

    fn await_end(&mut self, most: Duration) -> Option<Committed> {
        self.results.recv_timeout(most).ok()
    }

    fn ended(&mut self) -> Option<Committed> {
        self.results.try_recv().ok()
    }

    fn pause(&mut self, how_long: Duration) {
        std::thread::sleep(how_long);
    }

    fn gave_up(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the committer panicked");
        }
    }
}

/// The log's only writer, and what it does about a commit whose outcome is unknown.
pub(crate) struct Writer {
    log: Box<dyn Log>,
    reader: Arc<dyn LogReader>,
    partitions: Partition,
    /// Whether the last batch found no room.
    full: bool,
}

/// The outcome of a commit is unknown until [`Writer::settle`] has worked.
pub(crate) struct Unsettled;

impl Writer {
    pub(crate) fn new(
        log: Box<dyn Log>,
        reader: Arc<dyn LogReader>,
        partitions: Partition,
    ) -> Self {
        Self { log, reader, partitions, full: false }
    }

    /// Makes a batch durable, if that can be done.
    pub(crate) fn commit(&mut self, records: Vec<Record>) -> Result<Committed, Unsettled> {
        if records.is_empty() {
            return Ok(Committed::Durable(records));
        }
        match self.log.append(&records) {
            Ok(()) => {
                if std::mem::take(&mut self.full) {
                    tracing::warn!("there is room to write again");
                }
                Ok(Committed::Durable(records))
            }
            Err(AppendError::Full) => {
                // Once: what time makes due is tried again and again meanwhile.
                if !std::mem::replace(&mut self.full, true) {
                    tracing::error!("no room left to write: commands are refused until there is");
                }
                Ok(Committed::Full)
            }
            Err(error @ (AppendError::Rejected(_) | AppendError::Unknown(_))) => {
                tracing::error!(%error, records = records.len(), "a commit's outcome is unknown");
                Err(Unsettled)
            }
        }
    }

    /// Opens the store again and writes a barrier into each partition. To be repeated until it
    /// has worked: only then is it certain that nothing of the failed batch can still come to
    /// light.
    pub(crate) fn settle(&mut self) -> bool {
        if mutant::on("no_barrier") {
            return self.log.reopen().is_ok();
        }
        let settled = self.log.reopen().and_then(|()| self.barriers()).and_then(|barriers| {
            self.log.append(&barriers).map_err(|error| LogError::Unreadable(Box::new(error)))
        });
        if let Err(error) = &settled {
            tracing::error!(%error, "the store does not open; trying again");
        }
        settled.is_ok()
    }

    fn barriers(&self) -> Result<Vec<Record>, LogError> {
        let barrier = |partition| {
            let position = self.reader.last_position(partition)? + 1;
            Ok(Record { partition, position, entry: Entry::Barrier })
        };
        (0..self.partitions).map(barrier).collect()
    }
}
