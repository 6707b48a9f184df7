//! The simulated disk: a log whose appends go as planned. It can refuse for want of room, fail
//! after it has written, fail without having written, bring a failed write to light later, refuse
//! to be opened again; a record can be damaged behind everybody's back.

use gavel_engine::log::{
    AppendError, Entry, Log, LogError, LogReader, Partition, Position, Record,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How an append goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// It is refused, and nothing was written.
    Full,
    /// It fails although it was written.
    FailedButWritten,
    /// It fails and was not written.
    FailedAndLost,
    /// It fails; what it was writing comes to light when the store is opened again, unless
    /// something else stands there by then.
    FailedAndLurking,
    /// The same, but it comes to light only when the machine comes up again.
    FailedAndLate,
}

/// A disk. Clones are the same disk; it outlives every house.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    partitions: Vec<Vec<Record>>,
    lurking: Vec<Record>,
    /// Whether that stays hidden until the machine comes up again.
    late: bool,
    fates: VecDeque<Fate>,
    /// Whether there is no room at all.
    full: bool,
    /// How many times it refuses to be opened again.
    stuck: u32,
    /// Records as readers find them instead of what was written.
    damaged: BTreeMap<(Partition, Position), Record>,
    /// How many more reads fail.
    unreadable: u32,
    /// Whether the last batch failed.
    failed: bool,
}

impl Disk {
    /// An empty one.
    #[must_use]
    pub fn new(partitions: Partition) -> Self {
        let partitions = (0..partitions).map(|_| Vec::new()).collect();
        Self(Arc::new(Mutex::new(State { partitions, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next append goes like this.
    pub fn plan(&self, fate: Fate) {
        self.state().fates.push_back(fate);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        let mut state = self.state();
        state.fates.clear();
        state.full = false;
        state.stuck = 0;
        state.unreadable = 0;
    }

    /// There is no room left, or there is again.
    pub fn fill(&self, full: bool) {
        self.state().full = full;
    }

    /// Refuses to be opened so many times.
    pub fn stick(&self, times: u32) {
        self.state().stuck = times;
    }

    /// So many reads fail.
    pub fn blind(&self, times: u32) {
        self.state().unreadable = times;
    }

    /// The machine comes up again: what was lurking may be there.
    pub fn wake(&self, with_lurking: bool) {
        let mut state = self.state();
        state.fates.clear();
        if with_lurking {
            state.land();
        }
        state.lurking.clear();
    }

    /// Whether the last batch that was handed over failed, whether or not it was written.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.state().failed
    }

    /// Everything that was ever written, whatever readers find.
    #[must_use]
    pub fn written(&self) -> Vec<Record> {
        self.state().partitions.iter().flatten().cloned().collect()
    }

    /// How many records a partition has.
    #[must_use]
    pub fn count(&self, partition: Partition) -> usize {
        self.state().partitions.get(usize::from(partition)).map_or(0, Vec::len)
    }

    /// How many records each has.
    #[must_use]
    pub fn counts(&self) -> Vec<usize> {
        self.state().partitions.iter().map(Vec::len).collect()
    }

    /// Whether among what was written since these counts is a bid and then the end that time
    /// brought, of one auction.
    #[must_use]
    pub fn has_raced(&self, counts: &[usize]) -> bool {
        let state = self.state();
        let raced = |(records, from): (&Vec<Record>, &usize)| {
            let mut bids = Vec::new();
            records.iter().skip(*from).any(|record| {
                let Entry::Event(event) = &record.entry else { return false };
                if has(&event.public, b"\"kind\":\"bid_placed\"") {
                    bids.push(event.auction);
                }
                bids.contains(&event.auction)
                    && has(&event.public, b"\"kind\":\"closed\"")
                    && has(&event.public, b"\"reason\":\"time\"")
            })
        };
        state.partitions.iter().zip(counts).any(raced)
    }

    /// The record at a place, as it was written.
    #[must_use]
    pub fn at(&self, partition: Partition, index: usize) -> Option<Record> {
        self.state().partitions.get(usize::from(partition))?.get(index).cloned()
    }

    /// Readers find this instead of what was written there.
    pub fn damage(&self, partition: Partition, position: Position, instead: Record) {
        self.state().damaged.insert((partition, position), instead);
    }
}

impl State {
    /// What was lurking is there after all, where nothing else stands.
    fn land(&mut self) {
        for record in std::mem::take(&mut self.lurking) {
            let Some(records) = self.partitions.get_mut(usize::from(record.partition)) else {
                continue;
            };
            if record.position == records.len() as Position + 1 {
                records.push(record);
            }
        }
    }

    fn put(&mut self, records: &[Record]) -> Result<(), AppendError> {
        let mut ends: Vec<u64> = self.partitions.iter().map(|held| held.len() as u64).collect();
        for Record { partition, position, .. } in records {
            let end = &mut ends[usize::from(*partition)];
            *end += 1;
            if *position != *end {
                let why = format!("position {position} of partition {partition} is not {end}");
                return Err(AppendError::Rejected(why.into()));
            }
        }
        for record in records {
            self.partitions[usize::from(record.partition)].push(record.clone());
        }
        self.lurking.clear();
        Ok(())
    }

    fn append(&mut self, records: &[Record], barrier: bool) -> Result<(), AppendError> {
        let unknown = || Err(AppendError::Unknown("planned".into()));
        if self.full {
            return if barrier { unknown() } else { Err(AppendError::Full) };
        }
        match if barrier { None } else { self.fates.pop_front() } {
            None => self.put(records),
            Some(Fate::Full) => Err(AppendError::Full),
            Some(Fate::FailedButWritten) => {
                self.put(records)?;
                unknown()
            }
            Some(Fate::FailedAndLost) => unknown(),
            Some(fate @ (Fate::FailedAndLurking | Fate::FailedAndLate)) => {
                self.lurking = records.to_vec();
                self.late = fate == Fate::FailedAndLate;
                unknown()
            }
        }
    }

    fn found(&self, partition: Partition, position: Position) -> Option<&Record> {
        if let Some(instead) = self.damaged.get(&(partition, position)) {
            return Some(instead);
        }
        let place = usize::try_from(position.checked_sub(1)?).ok()?;
        self.partitions.get(usize::from(partition))?.get(place)
    }

    fn sees(&mut self) -> Result<(), LogError> {
        if self.unreadable == 0 {
            return Ok(());
        }
        self.unreadable -= 1;
        Err(LogError::Unreadable("planned".into()))
    }
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

impl Log for Disk {
    fn append(&mut self, records: &[Record]) -> Result<(), AppendError> {
        let mut state = self.state();
        let barrier = records.iter().any(|record| record.entry == Entry::Barrier);
        let appended = state.append(records, barrier);
        if !barrier {
            state.failed = appended.is_err();
        }
        appended
    }

    fn reopen(&mut self) -> Result<(), LogError> {
        let mut state = self.state();
        if state.stuck > 0 {
            state.stuck -= 1;
            return Err(LogError::Unreadable("planned".into()));
        }
        if !state.late {
            state.land();
        }
        Ok(())
    }
}

impl LogReader for Disk {
    fn last_position(&self, partition: Partition) -> Result<Position, LogError> {
        let mut state = self.state();
        state.sees()?;
        Ok(state.partitions.get(usize::from(partition)).map_or(0, Vec::len) as Position)
    }

    fn scan(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Record>, LogError> {
        let mut state = self.state();
        state.sees()?;
        let last = state.partitions.get(usize::from(partition)).map_or(0, Vec::len) as Position;
        let upto = last.min(after.saturating_add(limit as u64));
        let one = |position| {
            state.found(partition, position).cloned().ok_or_else(|| LogError::Damaged {
                partition,
                position,
                what: "no record".to_owned(),
            })
        };
        (after + 1..=upto).map(one).collect()
    }

    fn get(&self, partition: Partition, position: Position) -> Result<Option<Record>, LogError> {
        let mut state = self.state();
        state.sees()?;
        Ok(state.found(partition, position).cloned())
    }
}
