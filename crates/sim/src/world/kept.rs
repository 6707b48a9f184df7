//! The simulated store of snapshots: what it holds is disposable, and synced only now and then. A
//! power loss leaves any mixture of old and new, and torn pieces; a put can fail.

use crate::chance::Chance;
use gavel_auction::ids::AuctionId;
use gavel_engine::engine::partition_of;
use gavel_engine::log::{LogError, Partition};
use gavel_engine::snapshot::{Kept, Mark, Snapshots, Tag};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much of a file is written at once.
const SECTOR: usize = 512;

/// A store of snapshots. Clones are the same store.
#[derive(Clone)]
pub struct Shelf {
    partitions: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    now: Contents,
    synced: Contents,
    /// How many more puts fail.
    failing: u32,
}

#[derive(Clone, Default)]
struct Contents {
    marks: BTreeMap<Partition, Mark>,
    kept: BTreeMap<AuctionId, Kept>,
}

impl Shelf {
    /// An empty one, of a house with so many partitions.
    #[must_use]
    pub fn new(partitions: usize) -> Self {
        Self { partitions, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many puts fail.
    pub fn fail(&self, times: u32) {
        self.state().failing = times;
    }

    /// All that was put is on the disk.
    pub fn sync(&self) {
        let mut state = self.state();
        state.synced = state.now.clone();
    }

    /// The power is gone: each piece that was not synced may be there, or not, or torn.
    pub fn cut(&self, chance: &mut Chance) {
        let mut state = self.state();
        let State { now, synced, .. } = &mut *state;
        let mut left = synced.clone();
        for (partition, mark) in &now.marks {
            if chance.percent(50) {
                left.marks.insert(*partition, mark.clone());
            }
        }
        for (auction, kept) in &now.kept {
            if synced.kept.get(auction) == Some(kept) || chance.percent(40) {
                continue;
            }
            let mut kept = kept.clone();
            if chance.percent(30) {
                let sectors = kept.bytes.len() / SECTOR + 1;
                kept.bytes.truncate(chance.index(sectors) * SECTOR);
            }
            left.kept.insert(*auction, kept);
        }
        *now = left.clone();
        *synced = left;
    }

    /// Somebody puts back what was there when it was last synced, or changes a byte.
    pub fn spoil(&self, chance: &mut Chance) {
        let mut state = self.state();
        if chance.percent(40) {
            state.now = state.synced.clone();
            return;
        }
        let count = state.now.kept.len();
        let State { now, .. } = &mut *state;
        let Some(kept) = now.kept.values_mut().nth(chance.index(count)) else { return };
        let place = chance.index(kept.bytes.len());
        if let Some(byte) = kept.bytes.get_mut(place) {
            *byte ^= 1 << chance.index(8);
        }
    }
}

impl Snapshots for Shelf {
    fn mark(&self, partition: Partition) -> Result<Option<Mark>, LogError> {
        Ok(self.state().now.marks.get(&partition).cloned())
    }

    fn tags(&self, partition: Partition) -> Result<Vec<Tag>, LogError> {
        let state = self.state();
        let of = |auction: &AuctionId| partition_of(*auction, self.partitions) == partition;
        let kept = state.now.kept.iter().filter(|(auction, _)| of(auction));
        Ok(kept.map(|(_, kept)| kept.tag).collect())
    }

    fn load(&self, auctions: &[AuctionId]) -> Result<Vec<Kept>, LogError> {
        let state = self.state();
        Ok(auctions.iter().filter_map(|auction| state.now.kept.get(auction)).cloned().collect())
    }

    fn put(&self, mark: &Mark, kept: &[Kept]) -> Result<(), LogError> {
        let mut state = self.state();
        if state.failing > 0 {
            state.failing -= 1;
            return Err(LogError::Unreadable("planned".into()));
        }
        for one in kept {
            state.now.kept.insert(one.tag.auction, one.clone());
        }
        state.now.marks.insert(mark.partition, mark.clone());
        Ok(())
    }

    fn clear(&self, partition: Partition) -> Result<(), LogError> {
        let mut state = self.state();
        state.now.marks.remove(&partition);
        let partitions = self.partitions;
        state.now.kept.retain(|auction, _| partition_of(*auction, partitions) != partition);
        Ok(())
    }
}
