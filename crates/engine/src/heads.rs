//! Heads: each partition's rolling hash, for whoever wants to keep it elsewhere. It follows the log
//! when somebody asks, so a house that nobody asks pays nothing for it; a start leaves off where
//! recovery has read to. Signs nothing.

use crate::limits;
use crate::log::{Entry, LogError, LogReader, Position, Record};
use gavel_proof::head::Rolling;
use std::sync::{Mutex, PoisonError};

/// How far each partition's rolling hash has come.
pub(crate) struct Heads(Vec<Mutex<Rolling>>);

impl Heads {
    /// From these on.
    pub(crate) fn new(all: impl IntoIterator<Item = Rolling>) -> Self {
        Self(all.into_iter().map(Mutex::new).collect())
    }

    /// Recovery has come so far.
    pub(crate) fn begin(&self, found: Rolling) {
        if let Some(rolling) = self.0.get(usize::from(found.partition)) {
            *rolling.lock().unwrap_or_else(PoisonError::into_inner) = found;
        }
    }

    /// Each partition's rolling hash at these positions, or beyond where that is known already.
    /// Blocks on the store.
    pub(crate) fn at(
        &self,
        reader: &dyn LogReader,
        released: &[Position],
    ) -> Result<Vec<Rolling>, LogError> {
        let one = |(rolling, upto): (&Mutex<Rolling>, &Position)| {
            let mut rolling = rolling.lock().unwrap_or_else(PoisonError::into_inner);
            while rolling.position < *upto {
                // Its own copy: what cannot be read to the end has not been followed.
                let mut next = *rolling;
                let records = reader.scan(next.partition, next.position, limits::READ_AT_ONCE)?;
                let mut known = records.iter().take_while(|record| record.position <= *upto);
                known.try_for_each(|record| follow(&mut next, record))?;
                if next.position == rolling.position {
                    return Err(missing(&next));
                }
                *rolling = next;
            }
            Ok(*rolling)
        };
        self.0.iter().zip(released).map(one).collect()
    }
}

fn follow(rolling: &mut Rolling, record: &Record) -> Result<(), LogError> {
    if record.position != rolling.position + 1 {
        return Err(missing(rolling));
    }
    match &record.entry {
        Entry::Event(event) => rolling.follow(Some(&event.hash)),
        Entry::Barrier => rolling.follow(None),
    }
    Ok(())
}

fn missing(rolling: &Rolling) -> LogError {
    let (partition, position) = (rolling.partition, rolling.position + 1);
    LogError::Damaged { partition, position, what: "a record is missing".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryLog;
    use crate::log::{EventRecord, Log};
    use gavel_auction::event::{Digest, HouseId};
    use gavel_auction::ids::AuctionId;

    const HOUSE: HouseId = HouseId([1; 16]);

    fn record(position: Position) -> Record {
        let entry = match position % 3 {
            0 => Entry::Barrier,
            rest => Entry::Event(EventRecord {
                auction: AuctionId::new(1).unwrap(),
                version: position,
                previous: 0,
                hash: Digest([u8::try_from(rest + position % 7).unwrap(); 32]),
                public: Vec::new(),
                sealed: Vec::new(),
            }),
        };
        Record { partition: 0, position, entry }
    }

    #[test]
    fn heads_follow_the_log_and_never_beyond_what_was_let_out() {
        let mut log = MemoryLog::default();
        log.append(&(1..=10).map(record).collect::<Vec<_>>()).unwrap();
        let heads = Heads::new([Rolling::new(HOUSE, 0)]);
        let mut by_hand = Rolling::new(HOUSE, 0);
        for upto in 1..=10 {
            follow(&mut by_hand, &record(upto)).unwrap();
            assert_eq!(heads.at(&log, &[upto]).unwrap(), [by_hand]);
        }
        // Started later, from where recovery had come to.
        let later = Heads::new([Rolling::new(HOUSE, 0)]);
        later.begin(heads.at(&log, &[0]).unwrap()[0]);
        assert_eq!(later.at(&log, &[10]).unwrap(), [by_hand]);
        assert!(later.at(&log, &[11]).is_err(), "what is not there is not signed");
    }
}
