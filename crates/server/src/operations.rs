//! What became of commands that are not in the log: which are still under way after their 202, and
//! what those were told that had no effect, for a while. What was accepted is found in the log.

use crate::http::idempotency::Operation;
use bytes::Bytes;
use gavel_auction::ids::UserId;
use gavel_engine::answer::Refused;
use http::StatusCode;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Commands of one lane that may be under way after their 202.
const UNDER_WAY: usize = 1024;

/// Outcomes that are remembered: each has one place, and gives way to the next that has the same.
const SHELVES: usize = 16;
const PLACES: usize = 256;

/// Which commands wait for each other. A lane that is full delays no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What bidders do.
    Bids,
    /// What is done to auctions.
    Auctions,
}

/// What is known of commands besides the log.
pub struct Operations {
    under_way: Mutex<HashMap<Operation, (UserId, Lane)>>,
    shelves: [Mutex<Vec<Option<Remembered>>>; SHELVES],
    hasher: RandomState,
}

/// An outcome that is remembered.
#[derive(Clone, Debug)]
struct Remembered {
    operation: Operation,
    actor: UserId,
    outcome: Outcome,
}

/// How a command came out.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It had no effect.
    Refused(Refused),
    /// It was answered after its 202.
    Answered(StatusCode, Bytes),
}

/// What is known of a command.
#[derive(Clone, Debug)]
pub enum Known {
    /// It is under way.
    Pending,
    /// It came out so.
    Came(Outcome),
    /// Nothing is known but what may be in the log.
    Nothing,
}

impl Default for Operations {
    fn default() -> Self {
        Self {
            under_way: Mutex::default(),
            shelves: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
        }
    }
}

impl Operations {
    /// Notes that a command of this actor is under way; none if too many of its lane are. A repeat
    /// of one that is under way is not noted again.
    #[must_use]
    pub fn begin(&self, operation: Operation, actor: UserId, lane: Lane) -> Option<bool> {
        let mut under_way = self.under_way();
        if under_way.contains_key(&operation) {
            return Some(false);
        }
        let before = under_way.values().filter(|(_, other)| *other == lane).count();
        (before < UNDER_WAY).then(|| under_way.insert(operation, (actor, lane)).is_none())
    }

    /// Notes that it is under way no more.
    pub fn end(&self, operation: &Operation) {
        self.under_way().remove(operation);
    }

    /// Remembers how a command came out.
    pub fn remember(&self, operation: Operation, actor: UserId, outcome: Outcome) {
        let (mut shelf, place) = self.place(&operation);
        if shelf.is_empty() {
            shelf.resize(PLACES, None);
        }
        if let Some(place) = shelf.get_mut(place) {
            *place = Some(Remembered { operation, actor, outcome });
        }
    }

    /// What is known of a command of this actor.
    #[must_use]
    pub fn find(&self, operation: &Operation, actor: UserId) -> Known {
        if self.under_way().get(operation).is_some_and(|(by, _)| *by == actor) {
            return Known::Pending;
        }
        let (shelf, place) = self.place(operation);
        let kept = shelf.get(place).and_then(Option::as_ref);
        let own = kept.filter(|kept| kept.operation == *operation && kept.actor == actor);
        own.map_or(Known::Nothing, |own| Known::Came(own.outcome.clone()))
    }

    fn place(&self, operation: &Operation) -> (MutexGuard<'_, Vec<Option<Remembered>>>, usize) {
        let hash = usize::try_from(self.hasher.hash_one(operation) >> 1).unwrap_or(0);
        let shelf = self.shelves.get(hash % SHELVES).expect("an index below their number");
        let shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        (shelf, hash / SHELVES % PLACES)
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<Operation, (UserId, Lane)>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(number: u64) -> Operation {
        Operation::parse(&format!("5-{number:032x}")).unwrap()
    }

    #[test]
    fn only_so_many_are_under_way_and_only_their_actor_sees_them() {
        let operations = Operations::default();
        let [anna, bert] = [1, 2].map(|id| UserId::new(id).unwrap());
        assert!((0..1024).all(|n| operations.begin(operation(n), anna, Lane::Bids) == Some(true)));
        assert_eq!(operations.begin(operation(1024), anna, Lane::Bids), None);
        assert_eq!(operations.begin(operation(3), anna, Lane::Bids), Some(false));
        // Another lane has room.
        assert_eq!(operations.begin(operation(1025), anna, Lane::Auctions), Some(true));
        assert!(matches!(operations.find(&operation(3), anna), Known::Pending));
        assert!(matches!(operations.find(&operation(3), bert), Known::Nothing));
        operations.end(&operation(3));
        assert_eq!(operations.begin(operation(1024), anna, Lane::Bids), Some(true));
        let answered = || Outcome::Answered(StatusCode::OK, Bytes::new());
        operations.remember(operation(3), anna, answered());
        assert!(matches!(operations.find(&operation(3), anna), Known::Came(_)));
        assert!(matches!(operations.find(&operation(3), bert), Known::Nothing));
        (2_000..20_000).for_each(|n| operations.remember(operation(n), anna, answered()));
        assert!(matches!(operations.find(&operation(19_999), anna), Known::Came(_)));
        assert!(matches!(operations.find(&operation(3), anna), Known::Nothing));
    }
}
