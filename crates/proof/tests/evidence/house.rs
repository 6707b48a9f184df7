//! A house small enough to read: one auction, driven by hand, its log in memory.

use gavel_auction::auction::Auction;
use gavel_auction::command::{
    Action, Actor, Command, Create, Offer, Person, PlaceBid, Roles, Tick,
};
use gavel_auction::event::{Channel, Digest, Event, HouseId, Reason};
use gavel_auction::ids::{AuctionId, Paddle, UserId};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::refusal::Refusal;
use gavel_auction::terms::{Schedule, Terms};
use gavel_auction::time::Time;
use gavel_proof::certificate::{CertificateError, Entry, certify};
use gavel_proof::chain::genesis;
use gavel_proof::codec::{Origin, Written, encode};
use gavel_proof::command::{command_digest, command_id};
use gavel_proof::keys::{AuctionKey, HouseKey, LogKey};
use gavel_proof::verify::{Fault, LogEntry, verify_log};
use std::sync::Arc;

pub const SELLER: i64 = 1;
pub const ADMIN: i64 = 2;
pub const START: i64 = 1_700_000_000;
pub const HOUSE: HouseId = HouseId([0x5a; 16]);

pub struct House {
    pub auction: Auction,
    pub log: Vec<(Event, Written)>,
    pub key: AuctionKey,
    /// The command that each event came from.
    pub origins: Vec<Origin>,
    now: Time,
    sent: u64,
}

pub fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

pub fn paddle(number: i64) -> Paddle {
    Paddle::new(number).unwrap()
}

pub fn user(id: i64) -> UserId {
    UserId::new(id).unwrap()
}

pub fn signer() -> HouseKey {
    HouseKey::from_bytes(&[7; 32])
}

/// A preset's terms with these slots put in, ending after an hour where no clock ends it.
pub fn terms(preset: Preset, slots: Slots) -> Terms {
    let clocked = slots.clock.is_some();
    let ends_at = (!clocked).then_some(Time((START + 3600) * 1_000_000));
    let schedule = Some(Schedule { ends_at, ..Schedule::default() });
    let slots = Slots { schedule: slots.schedule.or(schedule), ..slots };
    slots.over(preset.slots(eur())).complete().expect("the terms make sense")
}

pub fn eur() -> Currency {
    Currency::from_code("EUR").unwrap()
}

impl House {
    /// A house without an auction yet.
    pub fn new() -> Self {
        let id = AuctionId::new(5).unwrap();
        let key = LogKey::from_bytes([1; 32]).auction(HOUSE, id);
        let now = Time(START * 1_000_000);
        let origins = Vec::new();
        Self { auction: Auction::new(id), log: Vec::new(), key, origins, now, sent: 0 }
    }

    /// A house whose auction is open.
    pub fn open(preset: Preset, slots: Slots) -> Self {
        let mut house = Self::new();
        house.create(preset, terms(preset, slots), true);
        house
    }

    pub fn create(&mut self, preset: Preset, terms: Terms, publish: bool) {
        let create = Create {
            house: HOUSE,
            log_key: LogKey::from_bytes([1; 32]).id(),
            currency: eur(),
            preset,
            terms: Arc::new(terms),
            listing_digest: Digest([3; 32]),
            seed: Some(self.key.seed(0)),
            publish,
        };
        self.by(SELLER, Action::Create(Box::new(create)));
    }

    pub fn head(&self) -> Digest {
        let first = || genesis(HOUSE, self.auction.id());
        self.log.last().map_or_else(first, |(_, written)| written.hash)
    }

    /// Sets the clock, and lets all that is due happen.
    pub fn at(&mut self, seconds: i64) -> &mut Self {
        self.at_time(Time((START + seconds) * 1_000_000))
    }

    /// The same, to the microsecond.
    pub fn at_time(&mut self, now: Time) -> &mut Self {
        self.now = now;
        while self.auction.next_deadline().is_some_and(|due| due <= self.now) {
            let before = self.log.len();
            self.tick(None);
            if self.log.len() == before {
                break;
            }
        }
        self
    }

    /// Sets the clock, and nothing happens.
    pub fn now_at(&mut self, seconds: i64) {
        self.now = Time((START + seconds) * 1_000_000);
    }

    pub fn now(&self) -> Time {
        self.now
    }

    pub fn tick(&mut self, outage: Option<(Time, Time)>) -> &mut Self {
        let tick = Tick { head: self.head(), outage };
        self.send(&Command::by_house(Action::Tick(tick))).unwrap();
        self
    }

    pub fn send(&mut self, command: &Command) -> Result<(), Refusal> {
        let events = self.auction.decide(command, self.now)?;
        self.sent += 1;
        let sender = match command.actor {
            Actor::House => None,
            Actor::Person(person) => Some(person.user),
        };
        let name = command_id(sender, self.auction.id(), &self.sent.to_string());
        let origin = Origin { command: name, digest: command_digest(command) };
        for event in events {
            let written = encode(&event, &origin, &self.key, &self.head());
            self.auction.apply(&event);
            self.log.push((event, written));
            self.origins.push(origin);
        }
        Ok(())
    }

    pub fn try_by(&mut self, who: i64, action: Action) -> Result<(), Refusal> {
        let roles = if who == ADMIN { Roles::ADMIN } else { Roles::MEMBER };
        let actor = Actor::Person(Person::new(user(who), roles));
        self.send(&Command { actor, expected_version: None, action })
    }

    pub fn by(&mut self, who: i64, action: Action) -> &mut Self {
        self.try_by(who, action).expect("the rules allow it");
        self
    }

    pub fn try_bid(&mut self, who: i64, minor: i64) -> Result<(), Refusal> {
        self.try_by(who, Action::Bid(PlaceBid::of(Offer::Amount(amount(minor)))))
    }

    pub fn bid(&mut self, who: i64, minor: i64) -> &mut Self {
        self.try_bid(who, minor).expect("the rules allow it");
        self
    }

    pub fn bid_for(&mut self, number: i64, minor: i64, channel: Channel) -> &mut Self {
        let on_behalf_of = Some((paddle(number), channel));
        let bid = PlaceBid { on_behalf_of, ..PlaceBid::of(Offer::Amount(amount(minor))) };
        self.by(ADMIN, Action::Bid(bid))
    }

    pub fn retract(&mut self, who: i64, bid: u64) -> &mut Self {
        self.by(who, Action::Retract { bid, reason: Reason::Mistake })
    }

    pub fn void(&mut self, bid: u64) -> &mut Self {
        self.by(ADMIN, Action::Void { bid, reason: Reason::SuspectedFraud })
    }

    pub fn version(&self) -> u64 {
        self.auction.version()
    }

    pub fn certificate(&self) -> Result<Vec<u8>, CertificateError> {
        let entries: Vec<_> = self
            .log
            .iter()
            .map(|(event, written)| Entry { event, public: &written.public })
            .collect();
        certify(&entries, &self.key, &signer())
    }

    pub fn check_log(&self) -> Result<Auction, Fault> {
        let entries: Vec<_> = self
            .log
            .iter()
            .map(|(_, Written { public, sealed, hash })| LogEntry { public, sealed, hash: *hash })
            .collect();
        verify_log(self.auction.id(), &entries, &self.key)
    }
}
