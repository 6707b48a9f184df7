//! A log in memory: nothing survives the process. For measuring the shard without a disk, and for
//! tests that need a log but not its durability.

use crate::log::{AppendError, Log, LogError, LogReader, Partition, Position, Record};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A log in memory. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryLog {
    records: Arc<Mutex<BTreeMap<(Partition, Position), Record>>>,
}

impl Log for MemoryLog {
    fn append(&mut self, records: &[Record]) -> Result<(), AppendError> {
        let mut kept = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = |record: &&Record| kept.contains_key(&(record.partition, record.position));
        if records.iter().any(|record| taken(&record)) {
            return Err(AppendError::Rejected("that position is taken".into()));
        }
        kept.extend(
            records.iter().map(|record| ((record.partition, record.position), record.clone())),
        );
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), LogError> {
        Ok(())
    }
}

impl LogReader for MemoryLog {
    fn last_position(&self, partition: Partition) -> Result<Position, LogError> {
        let kept = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let last = kept.range((partition, 0)..=(partition, Position::MAX)).next_back();
        Ok(last.map_or(0, |((_, position), _)| *position))
    }

    fn scan(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Record>, LogError> {
        let kept = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = kept.range((partition, after + 1)..=(partition, Position::MAX));
        Ok(rest.take(limit).map(|(_, record)| record.clone()).collect())
    }

    fn get(&self, partition: Partition, position: Position) -> Result<Option<Record>, LogError> {
        let kept = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.get(&(partition, position)).cloned())
    }
}
