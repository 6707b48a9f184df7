//! Where each auction's events are in a partition of the log, gathered from pages of it. Knows
//! nothing of what the events say, and not what to do where the log cannot be read.

use gavel_auction::ids::AuctionId;
use gavel_engine::log::{Entry, LogError, LogReader, Partition, Position, Record};
use std::collections::BTreeMap;

/// Records read at once.
pub const PAGE: usize = 1_000;

/// The positions of each auction's events, in order.
#[derive(Debug, Default)]
pub struct Positions(pub BTreeMap<AuctionId, Vec<Position>>);

impl Positions {
    /// All those of a partition.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn of(reader: &dyn LogReader, partition: Partition) -> Result<Self, LogError> {
        let (mut all, mut after) = (Self::default(), 0);
        while let Some(last) = all.take(&reader.scan(partition, after, PAGE)?) {
            after = last;
        }
        Ok(all)
    }

    /// Takes a page: where it ends, or none if it is empty.
    pub fn take(&mut self, records: &[Record]) -> Option<Position> {
        for record in records {
            if let Entry::Event(event) = &record.entry {
                self.0.entry(event.auction).or_default().push(record.position);
            }
        }
        records.last().map(|last| last.position)
    }
}
