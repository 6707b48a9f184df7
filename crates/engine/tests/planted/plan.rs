//! A house in a test: a log whose commits go as planned, and what is asked of auctions in it.

use gavel_auction::command::{Action, Actor, Command, Create, Offer, Person, PlaceBid, Roles};
use gavel_auction::event::{Digest, HouseId};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{Close, Increment, Schedule};
use gavel_engine::log::{AppendError, Entry, Log, LogError, Record};
use gavel_engine::{Ask, Parts};
use gavel_proof::command::command_id;
use gavel_proof::keys::{HouseKey, LogKey};
use gavel_store::sqlite::Stores;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

pub const HOUSE: HouseId = HouseId([9; 16]);

/// How the next commit goes.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    Fine,
    Full,
    UnknownButWritten,
    UnknownAndLost,
}

/// A log whose commits go as planned, and well once the plan has run out.
struct PlannedLog {
    inner: Box<dyn Log>,
    plan: Arc<Mutex<VecDeque<Fate>>>,
}

impl Log for PlannedLog {
    fn append(&mut self, records: &[Record]) -> Result<(), AppendError> {
        let barrier = matches!(records.first().map(|first| &first.entry), Some(Entry::Barrier));
        let fate = if barrier { None } else { self.plan.lock().unwrap().pop_front() };
        match fate.unwrap_or(Fate::Fine) {
            Fate::Fine => self.inner.append(records),
            Fate::Full => Err(AppendError::Full),
            Fate::UnknownButWritten => {
                self.inner.append(records)?;
                Err(AppendError::Unknown("planned".into()))
            }
            Fate::UnknownAndLost => Err(AppendError::Unknown("planned".into())),
        }
    }

    fn reopen(&mut self) -> Result<(), LogError> {
        self.inner.reopen()
    }
}

/// What a house needs, from these stores: its commits go as planned.
pub fn parts(stores: Stores, plan: &Arc<Mutex<VecDeque<Fate>>>) -> Parts {
    Parts {
        house: HOUSE,
        log_key: LogKey::from_bytes([5; 32]),
        signer: Arc::new(HouseKey::from_bytes(&[6; 32])),
        partitions: stores.partitions,
        log: Box::new(PlannedLog { inner: stores.log, plan: Arc::clone(plan) }),
        reader: stores.reader,
        lists: stores.lists,
        people: stores.people,
        snapshots: stores.snapshots,
        settled_in_memory: usize::MAX,
        last_alive: None,
    }
}

pub fn person(id: i64) -> Person {
    Person::new(UserId::new(id).unwrap(), Roles::MEMBER)
}

pub fn ask(auction: i64, by: i64, key: &str, action: Action) -> Ask {
    let auction = AuctionId::new(auction).unwrap();
    let command = Command { actor: Actor::Person(person(by)), expected_version: None, action };
    Ask { auction, id: command_id(Some(person(by).user), auction, key), command, receipt: false }
}

pub fn bid(auction: i64, by: i64, key: &str, amount: i64) -> Ask {
    let offer = Offer::Amount(Amount::new(amount).unwrap());
    ask(auction, by, key, Action::Bid(PlaceBid::of(offer)))
}

pub fn create(auction: i64) -> Ask {
    let currency = Currency::from_code("EUR").unwrap();
    let schedule = Schedule { duration_seconds: Some(3_600), ..Schedule::default() };
    let own = Slots {
        schedule: Some(schedule),
        close: Some(Close::Hard {}),
        increment: Some(Increment::AnyHigher {}),
        own_raise: Some(true),
        ..Slots::default()
    };
    let create = Create {
        house: HOUSE,
        log_key: LogKey::from_bytes([5; 32]).id(),
        currency,
        preset: Preset::English,
        terms: Arc::new(own.over(Preset::English.slots(currency)).complete().unwrap()),
        listing_digest: Digest([0; 32]),
        seed: None,
        publish: true,
    };
    ask(auction, 100, "create", Action::Create(Box::new(create)))
}
