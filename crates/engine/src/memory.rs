//! A log in memory: nothing survives the process. For measuring the shard without a disk, and for
//! tests that need a log but not its durability.

use crate::log::{AppendError, Log, LogError, LogReader, Partition, Position, Record};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A log in memory. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryLog {
    partitions: Arc<Mutex<Partitions>>,
}

/// The records of each partition, the first at position 1.
type Partitions = BTreeMap<Partition, Vec<Record>>;

impl MemoryLog {
    fn lock(&self) -> MutexGuard<'_, Partitions> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for MemoryLog {
    fn append(&mut self, records: &[Record]) -> Result<(), AppendError> {
        let mut partitions = self.lock();
        let mut ends = BTreeMap::new();
        for Record { partition, position, .. } in records {
            let last = || partitions.get(partition).map_or(0, Vec::len);
            let end = ends.entry(*partition).or_insert_with(last);
            *end += 1;
            if *position != *end as Position {
                let why = format!("position {position} of partition {partition} is not {end}");
                return Err(AppendError::Rejected(why.into()));
            }
        }
        for together in records.chunk_by(|a, b| a.partition == b.partition) {
            let Some(Record { partition, .. }) = together.first() else { continue };
            partitions.entry(*partition).or_default().extend_from_slice(together);
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), LogError> {
        Ok(())
    }
}

impl LogReader for MemoryLog {
    fn last_position(&self, partition: Partition) -> Result<Position, LogError> {
        Ok(self.lock().get(&partition).map_or(0, |records| records.len() as Position))
    }

    fn scan(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Record>, LogError> {
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let partitions = self.lock();
        let records = partitions.get(&partition).and_then(|records| records.get(after..));
        Ok(records.unwrap_or_default().iter().take(limit).cloned().collect())
    }

    fn get(&self, partition: Partition, position: Position) -> Result<Option<Record>, LogError> {
        let place = usize::try_from(position).ok().and_then(|position| position.checked_sub(1));
        let partitions = self.lock();
        let records = partitions.get(&partition);
        Ok(place.and_then(|place| records?.get(place)).cloned())
    }
}
