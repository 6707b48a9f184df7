//! Spend limits over several auctions in several partitions: what is reserved is what the auctions
//! commit a bidder to, after every step, after failed commits and restarts; and no bid takes its
//! bidder above his limit.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

use gavel_auction::command::{Action, Actor, Command, Create, Offer, Person, PlaceBid, Roles};
use gavel_auction::event::{Digest, HouseId, Reason};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{Close, Increment, Retraction, Schedule};
use gavel_auction::time::{SECOND, Time};
use gavel_engine::Ask;
use gavel_engine::answer::{Answer, Failure};
use gavel_engine::effect::Settled;
use gavel_engine::exposure::Exposure;
use gavel_engine::log::{Entry, Record};
use gavel_engine::shard::Shard;
use gavel_proof::command::command_id;
use gavel_proof::keys::LogKey;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const HOUSE: HouseId = HouseId([7; 16]);
const START: Time = Time(1_000 * SECOND);
const SHARDS: usize = 2;
const BIDDERS: i64 = 4;

/// Of each of these there are two auctions, in different partitions.
const PRESETS: [Preset; 3] = [Preset::English, Preset::Timed, Preset::Sealed];

fn user(id: i64) -> UserId {
    UserId::new(id).unwrap()
}

fn auction(number: usize) -> AuctionId {
    AuctionId::new(i64::try_from(number).unwrap() + 1).unwrap()
}

fn log_key() -> LogKey {
    LogKey::from_bytes([3; 32])
}

/// One step of a run.
#[derive(Clone, Debug)]
enum Step {
    Bid { by: i64, auction: usize, amount: i64 },
    Retract { by: i64, auction: usize },
    Wait(i64),
    Commit,
    Fail,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let auctions = 0..PRESETS.len() * 2;
    prop_oneof![
        12 => (1..=BIDDERS, auctions.clone(), 1..=800_i64)
            .prop_map(|(by, auction, amount)| Step::Bid { by, auction, amount }),
        3 => (1..=BIDDERS, auctions).prop_map(|(by, auction)| Step::Retract { by, auction }),
        2 => (1..200_i64).prop_map(Step::Wait),
        2 => Just(Step::Commit),
        1 => Just(Step::Fail),
        1 => Just(Step::Restart),
    ]
}

struct World {
    shards: Vec<Shard<u32>>,
    logs: Vec<Vec<Record>>,
    exposure: Arc<Exposure>,
    limits: BTreeMap<i64, i64>,
    now: Time,
    asked: u32,
    /// How many bids were over a limit.
    over: u32,
    /// Who was lifted above his limit, or may have been.
    lifted: [bool; 5],
}

impl World {
    fn new(limits: BTreeMap<i64, i64>) -> Self {
        let mut world = Self {
            shards: Vec::new(),
            logs: vec![Vec::new(); SHARDS],
            exposure: Arc::default(),
            limits,
            now: START,
            asked: 0,
            over: 0,
            lifted: [false; 5],
        };
        world.restart();
        for number in 0..PRESETS.len() * 2 {
            let preset = PRESETS[number / 2];
            assert!(world.ask(number, 100, create(preset, number)), "{preset:?}");
        }
        world.commit();
        world
    }

    /// All that was not written is gone; so is what was counted.
    fn restart(&mut self) {
        self.exposure = Arc::default();
        let shards = (0..).zip(&self.logs).map(|(partition, log)| {
            let mut shard = Shard::new(partition, HOUSE, log_key()).sharing(&self.exposure);
            log.iter().for_each(|record| shard.restore(record).unwrap());
            shard
        });
        self.shards = shards.collect();
        for (user, limit) in &self.limits {
            self.exposure.limit(UserId::new(*user).unwrap(), Some(*limit));
        }
        self.shards.iter_mut().for_each(Shard::count);
        // Retractions may be gone, and bids that came before them.
        self.lifted = [true; 5];
    }

    /// Whether it was accepted.
    fn ask(&mut self, number: usize, by: i64, action: Action) -> bool {
        self.asked += 1;
        let actor = Actor::Person(Person::new(user(by), Roles::MEMBER));
        let command = Command { actor, expected_version: None, action };
        let id = command_id(Some(user(by)), auction(number), &self.asked.to_string());
        let ask = Ask { auction: auction(number), id, command, receipt: false };
        let partition = usize::try_from(auction(number).get()).unwrap() % SHARDS;
        let shard = &mut self.shards[partition];
        let version = |shard: &Shard<u32>| {
            let found = shard.auctions().find(|found| found.id() == auction(number));
            found.map_or(0, gavel_auction::auction::Auction::version)
        };
        // What is due is not this command's doing.
        shard.tick(self.now);
        let before = version(shard);
        shard.submit(ask, self.now, self.asked);
        version(shard) > before
    }

    fn commit(&mut self) {
        for (shard, log) in self.shards.iter_mut().zip(&mut self.logs) {
            if let Some(batch) = shard.take_batch() {
                log.extend(batch.records);
                let told = shard.committed().replies;
                self.over +=
                    u32::try_from(told.iter().filter(|(_, told)| over(told)).count()).unwrap();
            }
        }
    }

    fn fail(&mut self) {
        for (shard, log) in self.shards.iter_mut().zip(&self.logs) {
            let (_, lost) = shard.failed(&Failure::OutcomeUnknown);
            for record in log {
                let Entry::Event(event) = &record.entry else { continue };
                if lost.contains(&event.auction) {
                    shard.restore_event(event, record.position).unwrap();
                }
            }
        }
        self.lifted = [true; 5];
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Bid { by, auction, amount } => {
                let offer = Offer::Amount(Amount::new(*amount).unwrap());
                let bid = PlaceBid { confirm: true, ..PlaceBid::of(offer) };
                let accepted = self.ask(*auction, *by, Action::Bid(bid));
                // Whoever has just bid is within his limit, whatever had lifted him above it.
                self.lifted[usize::try_from(*by).unwrap()] &= !accepted;
            }
            Step::Retract { by, auction } => {
                if let Some(bid) = self.latest(*auction, *by) {
                    let reason = Reason::Mistake;
                    self.ask(*auction, *by, Action::Retract { bid, reason });
                    self.lifted = [true; 5];
                }
            }
            Step::Wait(seconds) => {
                self.now = self.now.plus_seconds(*seconds);
                self.shards.iter_mut().for_each(|shard| shard.tick(self.now));
            }
            Step::Commit => self.commit(),
            Step::Fail => self.fail(),
            Step::Restart => self.restart(),
        }
        self.check(step);
    }

    fn latest(&self, number: usize, by: i64) -> Option<u64> {
        let id = auction(number);
        let all = self.shards.iter().flat_map(Shard::auctions);
        let book = all.into_iter().find(|auction| auction.id() == id)?.book()?;
        book.latest(book.paddle_of(user(by))?).map(|latest| latest.id)
    }

    fn check(&self, after: &Step) {
        for by in 1..=BIDDERS {
            let all = self.shards.iter().flat_map(Shard::auctions);
            let sum: i64 = all.map(|auction| auction.commitment(user(by))).sum();
            let reserved = self.exposure.of(user(by));
            let held = reserved.first().map_or(0, |committed| committed.amount);
            assert_eq!(held, i128::from(sum), "what is reserved of {by} after {after:?}");
            let Some(limit) = self.limits.get(&by) else { continue };
            let over = sum > *limit;
            assert_eq!(reserved.first().is_some_and(|committed| committed.over), over);
            let lifted = self.lifted[usize::try_from(by).unwrap()];
            assert!(lifted || !over, "{by} has committed himself to {sum} after {after:?}");
        }
    }
}

fn over(told: &Settled) -> bool {
    matches!(told, Settled::Answer(Answer::Refused(why)) if why.refusal.code() == "over_limit")
}

fn create(preset: Preset, number: usize) -> Action {
    let currency = Currency::from_code("EUR").unwrap();
    let ends = START.plus_seconds(1_000 + 200 * i64::try_from(number).unwrap());
    let schedule = Schedule { ends_at: Some(ends), ..Schedule::default() };
    let own = Slots {
        schedule: Some(schedule),
        close: Some(Close::Hard {}),
        increment: Some(Increment::AnyHigher {}),
        retraction: Some(Retraction::WhileOpen {}),
        starting_price: Amount::new(1),
        ..Slots::default()
    };
    let terms = own.over(preset.slots(currency)).complete().unwrap();
    Action::Create(Box::new(Create {
        house: HOUSE,
        log_key: log_key().id(),
        currency,
        preset,
        terms: Arc::new(terms),
        listing_digest: Digest([0; 32]),
        seed: None,
        publish: true,
    }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_bid_takes_its_bidder_above_his_limit(steps in prop::collection::vec(step(), 1..200)) {
        // The fourth may go as far as he likes.
        let mut world = World::new(BTreeMap::from([(1, 500), (2, 900), (3, 1_500)]));
        steps.iter().for_each(|step| world.play(step));
    }
}

/// English auctions 0 and 1 are in different partitions.
#[test]
fn what_one_auction_holds_another_cannot_have() {
    let mut world = World::new(BTreeMap::from([(1, 500)]));
    let bid = |by, auction, amount| Step::Bid { by, auction, amount };
    world.play(&bid(1, 0, 300));
    world.play(&bid(1, 1, 201));
    world.commit();
    assert_eq!(world.over, 1, "300 and 201 are more than 500");
    world.play(&bid(1, 1, 200));
    world.play(&bid(2, 0, 301));
    world.play(&bid(1, 1, 500));
    world.commit();
    assert_eq!(world.over, 1, "he was outbid, and leads the other auction: that is his to lead");
    world.play(&bid(2, 1, 201));
    world.play(&bid(1, 0, 500));
    world.commit();
    assert_eq!(world.over, 1, "outbid in both, he has all of it again");
    world.play(&Step::Retract { by: 2, auction: 1 });
    let lifted = world.exposure.of(user(1))[0];
    assert_eq!((lifted.amount, lifted.over), (700, true), "he leads, and it is marked");
    world.play(&Step::Commit);
    world.play(&Step::Restart);
    world.play(&Step::Wait(2_000));
    world.play(&Step::Commit);
    assert_eq!(world.exposure.of(user(1)), [], "what is certified is no bid any more");
}
