//! Recovery: the state of a partition from its log, at start and after a failed commit. Checks
//! every link of every chain; damage is named exactly and never papered over.

use crate::engine::Shared;
use crate::inbox::Reply;
use crate::limits;
use crate::log::{Entry, EventRecord, LogError, LogReader, Partition, Position, Record};
use crate::shard::Shard;
use crate::shard::entry::Damage;
use crate::views::Views;
use gavel_auction::ids::AuctionId;
use std::collections::BTreeSet;

/// What a start has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// How many records.
    pub records: u64,
    /// How many auctions.
    pub auctions: u64,
}

/// Reads a partition from its beginning, and shows its auctions to readers.
pub(crate) fn replay(
    reader: &dyn LogReader,
    views: &Views,
    shard: &mut Shard<Reply>,
    partition: Partition,
    stale_after: Position,
    stale: &mut BTreeSet<AuctionId>,
) -> Result<Recovery, LogError> {
    let mut found = Recovery::default();
    let mut auctions = BTreeSet::new();
    let mut after = 0;
    loop {
        let records = reader.scan(partition, after, limits::READ_AT_ONCE)?;
        let Some(last) = records.last() else { break };
        after = last.position;
        found.records += records.len() as u64;
        for record in &records {
            shard.restore(record).map_err(|damage| damaged(partition, damage))?;
            if let Entry::Event(event) = &record.entry {
                auctions.insert(event.auction);
                if record.position > stale_after {
                    stale.insert(event.auction);
                }
            }
        }
    }
    found.auctions = auctions.len() as u64;
    for id in auctions {
        if let Some(change) = shard.restored(id) {
            views.publish(change);
        }
    }
    Ok(found)
}

/// After a failed commit: re-reads the auctions that were forgotten, and whatever of the failed
/// batch turned out to be durable after all. May be repeated if it fails.
pub(crate) fn reread(
    shared: &Shared,
    shard: &mut Shard<Reply>,
    partition: Partition,
    durable: Position,
    lost: &[AuctionId],
) -> Result<(), LogError> {
    let landed = landed(&*shared.reader, partition, durable)?;
    for id in lost {
        shard.forget(*id);
        for position in shared.views.positions(*id, 0, usize::MAX) {
            let event = event_at(&*shared.reader, partition, position)?;
            shard.restore_event(&event, position).map_err(|damage| damaged(partition, damage))?;
        }
    }
    for record in &landed {
        shard.restore(record).map_err(|damage| damaged(partition, damage))?;
    }
    for id in lost {
        shared.views.forget(*id);
        if let Some(change) = shard.restored(*id) {
            shared.views.publish(change);
        }
    }
    Ok(())
}

fn event_at(
    reader: &dyn LogReader,
    partition: Partition,
    position: Position,
) -> Result<EventRecord, LogError> {
    match reader.get(partition, position)?.map(|record| record.entry) {
        Some(Entry::Event(event)) => Ok(event),
        Some(Entry::Barrier) | None => {
            let what = "an event that was durable is gone".to_owned();
            Err(LogError::Damaged { partition, position, what })
        }
    }
}

fn landed(
    reader: &dyn LogReader,
    partition: Partition,
    after: Position,
) -> Result<Vec<Record>, LogError> {
    let mut landed = Vec::new();
    let mut after = after;
    loop {
        let records = reader.scan(partition, after, limits::READ_AT_ONCE)?;
        let Some(last) = records.last() else { return Ok(landed) };
        after = last.position;
        landed.extend(records);
    }
}

fn damaged(partition: Partition, damage: Damage) -> LogError {
    LogError::Damaged { partition, position: damage.position, what: damage.to_string() }
}
