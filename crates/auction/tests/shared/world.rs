//! One auction under test with everything that happened to it. Each event is checked against the
//! invariants as it is applied. Knows nothing of what a test expects.

use crate::invariants;
use gavel_auction::auction::Auction;
use gavel_auction::command::{Action, Actor, Command, Create, Person, Tick};
use gavel_auction::event::{Digest, Event, HouseId, KeyId};
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::money::Currency;
use gavel_auction::presets::Preset;
use gavel_auction::refusal::Refusal;
use gavel_auction::terms::Terms;
use gavel_auction::time::{SECOND, Time};
use std::sync::Arc;

/// The instant that tests call 0s.
pub const ZERO: Time = Time(1_800_000_000 * SECOND);
/// What stands for a hash where its value does not matter.
pub const DIGEST: Digest = Digest([7; 32]);

/// One auction and its history.
pub struct World {
    pub auction: Auction,
    pub events: Vec<Event>,
    /// Whether to check every invariant after every event; off where only size matters.
    pub checks: bool,
}

impl World {
    pub fn new(id: i64) -> Self {
        let id = AuctionId::new(id).expect("a small positive number");
        Self { auction: Auction::new(id), events: Vec::new(), checks: true }
    }

    /// Decides and, if accepted, applies.
    pub fn submit(&mut self, command: &Command, at: Time) -> Result<Vec<Event>, Refusal> {
        let decided = self.auction.decide(command, at)?;
        for event in &decided {
            let before = self.checks.then(|| self.auction.clone());
            self.auction.apply(event);
            if let Some(before) = before {
                invariants::hold(&before, event, &self.auction);
            }
            self.events.push(event.clone());
        }
        Ok(decided)
    }

    /// What a person asks.
    pub fn ask(&mut self, who: Person, action: Action, at: Time) -> Result<Vec<Event>, Refusal> {
        self.submit(&by(who, None, action), at)
    }

    /// One tick; what was due first.
    pub fn tick(&mut self, at: Time, outage: Option<(Time, Time)>) -> Vec<Event> {
        let tick = Command::by_house(Action::Tick(Tick { head: DIGEST, outage }));
        self.submit(&tick, at).expect("a tick of the house is never refused")
    }

    /// All that is due up to `at`, each thing at its own time.
    pub fn pass(&mut self, at: Time) -> Vec<Event> {
        let mut happened = Vec::new();
        while let Some(due) = self.auction.next_deadline().filter(|due| *due <= at) {
            let events = self.tick(due.max(self.auction.last_at()), None);
            assert!(!events.is_empty(), "what is due at {due:?} happens");
            assert!(happened.len() < 100_000, "time gets on");
            happened.extend(events);
        }
        happened
    }

    /// The auction as its events alone make it.
    pub fn replayed(&self) -> Auction {
        let mut auction = Auction::new(self.auction.id());
        self.events.iter().for_each(|event| auction.apply(event));
        auction
    }
}

/// A person's command.
pub fn by(who: Person, expected_version: Option<Version>, action: Action) -> Command {
    Command { actor: Actor::Person(who), expected_version, action }
}

/// A wish to create an auction.
pub fn create(preset: Preset, currency: Currency, terms: Terms, publish: bool) -> Create {
    Create {
        house: HouseId([1; 16]),
        log_key: KeyId([2; 8]),
        currency,
        preset,
        terms: Arc::new(terms),
        listing_digest: DIGEST,
        seed: Some(DIGEST),
        publish,
    }
}
