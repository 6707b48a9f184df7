//! The committer: one thread that owns the log's only writer. Takes a batch, makes it durable, says
//! how that went. Takes whatever waits; has no timer.

use crate::log::{AppendError, Entry, Log, LogError, LogReader, Partition, Record};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{JoinHandle, Thread};
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

/// The drive loop's side of the committer.
pub(crate) struct Committer {
    batches: Option<SyncSender<Vec<Record>>>,
    results: Receiver<Committed>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    /// Starts the committer's thread, which wakes `drive` whenever a commit has ended.
    pub(crate) fn start(
        log: Box<dyn Log>,
        reader: Arc<dyn LogReader>,
        partitions: Partition,
        drive: Thread,
    ) -> std::io::Result<Self> {
        let (batches, incoming) = sync_channel::<Vec<Record>>(1);
        let (outgoing, results) = sync_channel(2);
        let mut writer = Writer { log, reader, partitions };
        let work = move || {
            for records in incoming {
                let committed = writer.commit(records);
                if outgoing.send(committed).is_err() {
                    return;
                }
                drive.unpark();
            }
        };
        let thread = std::thread::Builder::new().name("committer".to_owned()).spawn(work)?;
        Ok(Self { batches: Some(batches), results, thread: Some(thread) })
    }

    /// Hands over a batch. Only one may be under way.
    pub(crate) fn commit(&self, records: Vec<Record>) {
        let batches = self.batches.as_ref().expect("taken only by the drop");
        batches.send(records).expect("the committer outlives the drive loop");
    }

    /// Waits for the batch under way to end, so long at most.
    pub(crate) fn await_end(&self, most: Duration) -> Option<Committed> {
        self.results.recv_timeout(most).ok()
    }

    /// How the batch under way has ended, if it has.
    pub(crate) fn ended(&self) -> Option<Committed> {
        self.results.try_recv().ok()
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

struct Writer {
    log: Box<dyn Log>,
    reader: Arc<dyn LogReader>,
    partitions: Partition,
}

impl Writer {
    fn commit(&mut self, records: Vec<Record>) -> Committed {
        if records.is_empty() {
            return Committed::Durable(records);
        }
        match self.log.append(&records) {
            Ok(()) => Committed::Durable(records),
            Err(AppendError::Full) => {
                tracing::error!("no room left to write: commands are refused until there is");
                Committed::Full
            }
            Err(error @ (AppendError::Rejected(_) | AppendError::Unknown(_))) => {
                tracing::error!(%error, records = records.len(), "a commit's outcome is unknown");
                self.settle();
                Committed::Settled
            }
        }
    }

    /// Opens the store again and writes a barrier into each partition, until that has worked:
    /// only then is it certain that nothing of the failed batch can still come to light.
    fn settle(&mut self) {
        loop {
            let settled = self.log.reopen().and_then(|()| self.barriers()).and_then(|barriers| {
                self.log.append(&barriers).map_err(|error| LogError::Unreadable(Box::new(error)))
            });
            match settled {
                Ok(()) => return,
                Err(error) => tracing::error!(%error, "the store does not open; trying again"),
            }
            std::thread::sleep(RETRY);
        }
    }

    fn barriers(&self) -> Result<Vec<Record>, LogError> {
        let barrier = |partition| {
            let position = self.reader.last_position(partition)? + 1;
            Ok(Record { partition, position, entry: Entry::Barrier })
        };
        (0..self.partitions).map(barrier).collect()
    }
}
