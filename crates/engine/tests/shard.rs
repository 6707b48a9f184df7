//! The shard with a clock in the test's hand: what it holds back, what it knows again, what it
//! forgets when a commit fails.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "planted/history.rs"]
mod history;

use gavel_auction::command::{Action, Actor, Command, Create, Offer, Person, PlaceBid, Roles};
use gavel_auction::event::{Digest, Fact, HouseId};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{Close, Schedule};
use gavel_auction::time::{SECOND, Time};
use gavel_engine::Ask;
use gavel_engine::answer::{Answer, Failure};
use gavel_engine::effect::{Batch, Effects, Settled};
use gavel_engine::log::Entry;
use gavel_engine::shard::Shard;
use gavel_engine::snapshot::{FORM, Snapshot, Useless};
use gavel_proof::command::command_id;
use gavel_proof::keys::LogKey;
use history::{Place, Planted};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const HOUSE: HouseId = HouseId([7; 16]);
const START: Time = Time(1_000 * SECOND);

fn auction() -> AuctionId {
    AuctionId::new(1).unwrap()
}

fn user(id: i64) -> UserId {
    UserId::new(id).unwrap()
}

fn log_key() -> LogKey {
    LogKey::from_bytes([3; 32])
}

fn ask(by: i64, key: &str, action: Action) -> Ask {
    let actor = Actor::Person(Person::new(user(by), Roles::MEMBER));
    let command = Command { actor, expected_version: None, action };
    Ask {
        auction: auction(),
        id: command_id(Some(user(by)), auction(), key),
        command,
        receipt: false,
    }
}

fn bid(by: i64, key: &str, amount: i64) -> Ask {
    let offer = Offer::Amount(Amount::new(amount).unwrap());
    ask(by, key, Action::Bid(PlaceBid::of(offer)))
}

fn create(ends_in: i64) -> Ask {
    let currency = Currency::from_code("EUR").unwrap();
    let schedule = Schedule { ends_at: Some(START.plus_seconds(ends_in)), ..Schedule::default() };
    let own = Slots { schedule: Some(schedule), close: Some(Close::Hard {}), ..Slots::default() };
    let terms = own.over(Preset::English.slots(currency)).complete().unwrap();
    let create = Create {
        house: HOUSE,
        log_key: log_key().id(),
        currency,
        preset: Preset::English,
        terms: Arc::new(terms),
        listing_digest: Digest([0; 32]),
        seed: None,
        publish: true,
    };
    ask(100, "create", Action::Create(Box::new(create)))
}

/// A shard, and the log that its batches went to.
struct World {
    shard: Shard<u32>,
    log: Vec<gavel_engine::log::Record>,
}

impl World {
    fn open() -> Self {
        let mut world = Self { shard: Shard::new(1, HOUSE, log_key()), log: Vec::new() };
        world.shard.submit(create(600), START, 0);
        let effects = world.commit();
        assert!(matches!(&effects.replies[..], [(0, Settled::Answer(Answer::Accepted(_)))]));
        world
    }

    fn commit(&mut self) -> Effects<u32> {
        let Some(Batch { records, .. }) = self.shard.take_batch() else {
            return Effects::default();
        };
        self.log.extend(records);
        self.shard.committed()
    }

    fn at(&mut self, second: i64, ask: Ask, reply: u32) {
        self.shard.submit(ask, START.plus_seconds(second), reply);
    }

    fn settled(effects: &Effects<u32>, reply: u32) -> &Settled {
        &effects.replies.iter().find(|(to, _)| *to == reply).expect("an answer").1
    }

    /// What a restart makes of the log.
    fn restarted(&self) -> Shard<u32> {
        let mut shard = Shard::new(1, HOUSE, log_key());
        self.log.iter().for_each(|record| shard.restore(record).unwrap());
        shard
    }
}

fn refused_code(settled: &Settled) -> &'static str {
    match settled {
        Settled::Answer(Answer::Refused(refused)) => refused.refusal.code(),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn what_was_refused_to_be_created_leaves_no_trace_however_often_it_is_asked() {
    let mut shard = Shard::new(1, HOUSE, log_key());
    for reply in 0..3 {
        shard.submit(create(-10), START, reply);
        assert_eq!(shard.auctions().count(), 0, "{reply}");
    }
    shard.take_batch().expect("answers");
    let effects = shard.committed();
    for reply in 0..3 {
        assert_eq!(refused_code(World::settled(&effects, reply)), "terms_invalid");
    }
}

#[test]
fn what_is_closed_off_is_not_created_anew() {
    let mut world = with_planted(Planted::NoEnd);
    world.shard.tick(START.plus_seconds(1));
    for reply in [1, 2] {
        let id = command_id(None, auction(), &reply.to_string());
        world.at(2, of_planted(Ask { id, ..create(10) }), reply);
    }
    let effects = world.commit();
    for reply in [1, 2] {
        assert_eq!(World::settled(&effects, reply), &Settled::Failed(Failure::Quarantined));
    }
}

#[test]
fn answers_are_held_until_their_batch_is_durable_refusals_too() {
    let mut world = World::open();
    world.at(1, bid(1, "a", 1_000), 1);
    world.at(1, bid(2, "b", 500), 2);
    let batch = world.shard.take_batch().expect("a batch");
    assert_eq!(batch.records.len(), 1);
    world.at(2, bid(2, "c", 2_000), 3);
    let effects = world.shard.committed();
    assert_eq!(effects.replies.len(), 2, "what was decided later waits for its own batch");
    assert_eq!(refused_code(World::settled(&effects, 2)), "below_minimum");
    assert_eq!(effects.changes.len(), 1);
    assert_eq!(effects.changes[0].head.version, 4, "the head is the batch's, not a later one");
}

#[test]
fn a_repeat_finds_the_accepted_command_also_after_a_restart() {
    let mut world = World::open();
    world.at(1, bid(1, "a", 1_000), 1);
    world.at(1, bid(1, "a", 1_000), 2);
    let effects = world.commit();
    let again = Settled::Recall { auction: auction(), version: 4 };
    assert_eq!(World::settled(&effects, 2), &again);
    let mut later = world.restarted();
    later.submit(bid(1, "a", 1_000), START.plus_seconds(9), 3);
    later.submit(bid(1, "a", 1_001), START.plus_seconds(9), 4);
    let batch = later.take_batch().expect("answers wait");
    assert!(batch.records.is_empty(), "a repeat writes nothing");
    let effects = later.committed();
    assert_eq!(World::settled(&effects, 3), &again);
    assert_eq!(World::settled(&effects, 4), &Settled::Failed(Failure::KeyReused));
}

/// What a bidder, the disk or the house does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Bid { by: i64, key: usize, amount: i64 },
    Commit,
    Fail,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let amount = prop::sample::select(vec![500, 1_000, 2_000, 4_000, 8_000]);
    let bid =
        (1..4_i64, 0..3_usize, amount).prop_map(|(by, key, amount)| Step::Bid { by, key, amount });
    prop_oneof![9 => bid, 3 => Just(Step::Commit), 1 => Just(Step::Fail), 1 => Just(Step::Restart)]
}

const KEYS: [&str; 3] = ["a", "b", "c"];

/// What was asked under which key, and what of it was accepted: the amount and the version.
#[derive(Default)]
struct Asked {
    bids: Vec<(i64, usize, i64)>,
    taken: BTreeMap<(i64, usize), (i64, u64)>,
}

impl Asked {
    /// Holds the answers, in the order of the questions, against what was answered before.
    fn judge(&mut self, effects: Effects<u32>) {
        let mut replies = effects.replies;
        replies.sort_by_key(|(to, _)| *to);
        for (to, settled) in replies {
            let (by, key, amount) = self.bids[to as usize];
            let other = Settled::Failed(Failure::KeyReused);
            match self.taken.get(&(by, key)) {
                Some((same, version)) if *same == amount => {
                    let again = Settled::Recall { auction: auction(), version: *version };
                    assert_eq!(settled, again, "the same answer for ever");
                }
                Some(_) => assert_eq!(settled, other, "another bid under its key"),
                None => match settled {
                    Settled::Answer(Answer::Accepted(accepted)) => {
                        self.taken.insert((by, key), (amount, accepted.event.version));
                    }
                    Settled::Answer(Answer::Refused(_)) => {}
                    settled => assert_eq!(settled, other),
                },
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// N9, over repeats at any time, commits that fail and restarts.
    #[test]
    fn one_key_is_one_effect_and_one_answer(steps in prop::collection::vec(step(), 1..80)) {
        let (mut world, mut asked) = (World::open(), Asked::default());
        for (second, step) in (1..).zip(steps) {
            match step {
                Step::Bid { by, key, amount } => {
                    let reply = u32::try_from(asked.bids.len()).unwrap();
                    asked.bids.push((by, key, amount));
                    world.at(second * 9, bid(by, KEYS[key], amount), reply);
                }
                Step::Commit => asked.judge(world.commit()),
                Step::Fail if world.shard.take_batch().is_some() => {
                    let (_, lost) = world.shard.failed(&Failure::OutcomeUnknown);
                    let log = world.log.clone();
                    for record in log.iter().filter(|_| !lost.is_empty()) {
                        world.shard.restore(record).unwrap();
                    }
                }
                Step::Fail => {}
                Step::Restart => world.shard = world.restarted(),
            }
        }
        asked.judge(world.commit());
        world.shard = world.restarted();
        for ((by, key), (amount, _)) in asked.taken.clone() {
            let reply = u32::try_from(asked.bids.len()).unwrap();
            asked.bids.push((by, key, amount));
            world.at(9_000, bid(by, KEYS[key], amount), reply);
        }
        asked.judge(world.commit());
        let bids = world.log.iter().filter(|record| kind(record) == "bid_placed").count();
        prop_assert_eq!(bids, asked.taken.len(), "one effect each");
    }
}

#[test]
fn a_refusal_is_remembered_for_a_while_and_then_judged_anew() {
    let mut world = World::open();
    world.at(1, bid(1, "a", 1_000), 1);
    world.at(1, bid(1, "b", 5_000), 2);
    let effects = world.commit();
    assert_eq!(refused_code(World::settled(&effects, 2)), "already_leading");
    world.at(2, bid(2, "c", 2_000), 3);
    world.at(3, bid(1, "b", 5_000), 4);
    world.at(120, bid(1, "b", 5_000), 5);
    let effects = world.commit();
    assert_eq!(refused_code(World::settled(&effects, 4)), "already_leading");
    assert!(matches!(World::settled(&effects, 5), Settled::Answer(Answer::Accepted(_))));
}

#[test]
fn a_failed_commit_is_unknown_to_all_who_wait_and_its_state_is_dropped() {
    let mut world = World::open();
    world.at(1, bid(1, "a", 1_000), 1);
    world.shard.take_batch().expect("a batch");
    world.at(2, bid(2, "b", 2_000), 2);
    let (effects, lost) = world.shard.failed(&Failure::OutcomeUnknown);
    assert_eq!(lost, [auction()]);
    assert_eq!(effects.replies.len(), 2);
    for reply in [1, 2] {
        assert_eq!(World::settled(&effects, reply), &Settled::Failed(Failure::OutcomeUnknown));
    }
    let before = world.log.clone();
    before.iter().for_each(|record| world.shard.restore(record).unwrap());
    world.at(3, bid(2, "b", 2_000), 3);
    let effects = world.commit();
    let Settled::Answer(Answer::Accepted(accepted)) = World::settled(&effects, 3) else {
        panic!("the repeat is decided anew")
    };
    assert_eq!(accepted.event.version, 4, "what was lost has left no hole");
}

#[test]
fn a_due_close_is_decided_before_the_bid_that_comes_at_the_end() {
    let mut world = World::open();
    world.at(599, bid(1, "a", 1_000), 1);
    world.at(600, bid(2, "b", 9_000), 2);
    let effects = world.commit();
    assert!(matches!(World::settled(&effects, 1), Settled::Answer(Answer::Accepted(_))));
    assert_eq!(refused_code(World::settled(&effects, 2)), "closed");
    let restarted = world.restarted();
    let auction = restarted.auctions().next().unwrap();
    assert_eq!(auction.phase().unwrap().word(), "sold");
}

#[test]
fn time_closes_and_certifies_by_itself() {
    let mut world = World::open();
    world.at(1, bid(1, "a", 1_000), 1);
    world.shard.tick(START.plus_seconds(599));
    assert_eq!(world.shard.next_deadline(), Some(START.plus_seconds(600)));
    world.shard.tick(START.plus_seconds(601));
    world.commit();
    assert_eq!(world.shard.next_deadline(), None);
    let kinds: Vec<_> = world.log.iter().map(kind).collect();
    assert_eq!(kinds, ["created", "published", "opened", "bid_placed", "closed", "certified"]);
}

#[test]
fn a_bid_that_waited_is_judged_by_the_time_it_entered() {
    let mut world = World::open();
    world.at(599, bid(1, "a", 1_000), 1);
    // Decided long after the end, but nothing later has been decided here before it.
    let effects = world.commit();
    let Settled::Answer(Answer::Accepted(accepted)) = World::settled(&effects, 1) else {
        panic!("in time")
    };
    assert_eq!(accepted.event.at, START.plus_seconds(599));
}

#[test]
fn an_outage_across_the_end_is_given_back() {
    let world = World::open();
    let mut later = world.restarted();
    let (from, to) = (START.plus_seconds(540), START.plus_seconds(7_200));
    later.outlasted(from, to);
    let batch = later.take_batch().expect("an extension");
    assert_eq!(batch.records.len(), 1);
    assert_eq!(kind(&batch.records[0]), "extended");
    assert_eq!(later.next_deadline(), Some(to.plus_seconds(60)));
}

#[test]
fn a_changed_event_is_named_exactly() {
    let mut world = World::open();
    world.at(1, bid(1, "a", 1_000), 1);
    world.commit();
    let gavel_engine::log::Entry::Event(event) = &mut world.log[3].entry else { panic!() };
    let place = event.public.windows(4).position(|four| four == b"1000").unwrap();
    event.public[place] = b'9';
    let mut shard = Shard::<u32>::new(1, HOUSE, log_key());
    let damage = world.log.iter().find_map(|record| shard.restore(record).err()).unwrap();
    assert_eq!((damage.auction, damage.version), (auction(), 4));
    assert!(damage.what.contains("hash"), "{}", damage.what);
}

fn kind(record: &gavel_engine::log::Record) -> &'static str {
    let gavel_engine::log::Entry::Event(event) = &record.entry else { return "barrier" };
    let (event, _) = gavel_proof::codec::decode(&event.public, &event.sealed).unwrap();
    match event.fact {
        Fact::Created(_) => "created",
        Fact::Published {} => "published",
        Fact::Opened { .. } => "opened",
        Fact::BidPlaced(_) => "bid_placed",
        Fact::Closed { .. } => "closed",
        Fact::Certified { .. } => "certified",
        Fact::Extended { .. } => "extended",
        other => panic!("unexpected here: {other:?}"),
    }
}

fn with_receipt(ask: Ask) -> Ask {
    Ask { receipt: true, ..ask }
}

#[test]
fn receipts_name_the_hash_of_the_version_decided_at() {
    let mut world = World::open();
    world.at(1, with_receipt(bid(1, "a", 1_000)), 1);
    world.at(1, with_receipt(bid(2, "b", 500)), 2);
    world.at(1, bid(3, "c", 2_000), 3);
    world.at(1, with_receipt(bid(2, "d", 700)), 4);
    // Told again: the accepted has its event, of the refused only the latest has a receipt.
    world.at(1, with_receipt(bid(1, "a", 1_000)), 5);
    world.at(1, with_receipt(bid(2, "b", 500)), 6);
    world.at(1, with_receipt(bid(2, "d", 700)), 7);
    // What comes due has the shard write early, in the middle of a batch.
    world.at(700, with_receipt(bid(4, "e", 9_000)), 8);
    let batch = world.shard.take_batch().expect("a batch");
    let hash = |version: u64| {
        let record = &batch.records[usize::try_from(version).unwrap() - 4];
        let gavel_engine::log::Entry::Event(event) = &record.entry else { panic!("an event") };
        assert_eq!(event.version, version);
        event.hash
    };
    let said: Vec<_> =
        batch.leaves.iter().map(|leaf| (leaf.version, leaf.hash, leaf.code.as_deref())).collect();
    let low = Some("below_minimum");
    let expected = [
        (4, hash(4), None),
        (4, hash(4), low),
        (5, hash(5), low),
        (5, hash(5), low),
        (7, hash(7), Some("closed")),
    ];
    assert_eq!(said, expected);
    let amounts: Vec<_> =
        batch.leaves.iter().map(|leaf| leaf.amount.map(Amount::minor).unwrap()).collect();
    assert_eq!(amounts, [1_000, 500, 700, 700, 9_000]);
    let effects = world.shard.committed();
    let to: Vec<u32> = effects.receipts.iter().map(|reply| effects.replies[*reply].0).collect();
    assert_eq!(to, [1, 2, 4, 7, 8]);
}

#[test]
fn who_asks_about_nothing_gets_a_receipt_of_nothing() {
    let mut world = World::open();
    let elsewhere = AuctionId::new(9).unwrap();
    world.at(1, Ask { auction: elsewhere, ..with_receipt(bid(1, "a", 1_000)) }, 1);
    let batch = world.shard.take_batch().expect("answers wait");
    let [leaf] = &batch.leaves[..] else { panic!("{batch:?}") };
    let nothing = gavel_proof::chain::genesis(HOUSE, elsewhere);
    assert_eq!((leaf.version, leaf.hash, leaf.end), (0, nothing, None));
    assert_eq!(leaf.code.as_deref(), Some("not_found"));
}

/// SHA-256 of a snapshot. If it comes out otherwise, a snapshot written before your change would be
/// read as something else: give `snapshot::FORM` the next number, and write the new hash here.
const GOLDEN: &str = "de42c4246f87f5fcdad6f497a8d88abd61d20f0d062a9ecd3271341ea9f6f92a";

#[test]
fn snapshots_of_this_form_have_these_bytes() {
    let mut world = World::open();
    for (second, by, amount) in [(1, 1, 1_000), (2, 2, 2_000), (3, 1, 3_500)] {
        world.at(second, bid(by, &format!("bid {second}"), amount), 1);
    }
    world.commit();
    let mut snapshot = Snapshot::new(auction(), HOUSE);
    for record in &world.log {
        let Entry::Event(event) = &record.entry else { continue };
        snapshot.follow(event, record.position).unwrap();
    }
    let bytes = snapshot.encode();
    assert_eq!(Snapshot::decode(&bytes).unwrap(), snapshot);
    let hash = gavel_proof::hash::sha256(&bytes).to_string();
    assert_eq!((FORM, hash.as_str()), (1, GOLDEN), "{} bytes", bytes.len());
    let mut other = bytes.clone();
    other[0] = FORM + 1;
    assert_eq!(Snapshot::decode(&other), Err(Useless::Form { found: FORM + 1 }));
    for length in 0..bytes.len() {
        assert!(Snapshot::decode(&bytes[..length]).is_err(), "{length}");
    }
}

/// A shard that has an auction whose rules will stumble, number 2, and a sound one.
fn with_planted(planted: Planted) -> World {
    let auction = AuctionId::new(2).unwrap();
    let place = Place { house: HOUSE, log_key: log_key(), auction, partition: 1, after: 0 };
    let mut world = World { shard: Shard::new(1, HOUSE, log_key()), log: planted.records(&place) };
    world.log.iter().for_each(|record| world.shard.restore(record).unwrap());
    world.shard.submit(create(600), START, 0);
    world.commit();
    world
}

/// What of auction 2 is asked for.
fn of_planted(ask: Ask) -> Ask {
    Ask { auction: AuctionId::new(2).unwrap(), ..ask }
}

/// The sound auction goes on as if nothing had been; the other is not decided about any more.
fn goes_on_without_the_planted(world: &mut World) {
    assert_eq!(world.shard.panicked(), [AuctionId::new(2).unwrap()]);
    world.at(2, of_planted(bid(1, "other", 1_000)), 1);
    world.at(2, bid(1, "a", 1_000), 2);
    world.shard.tick(START.plus_seconds(599));
    let effects = world.commit();
    assert_eq!(World::settled(&effects, 1), &Settled::Failed(Failure::Quarantined));
    assert!(matches!(World::settled(&effects, 2), Settled::Answer(Answer::Accepted(_))));
    assert_eq!(world.shard.next_deadline(), Some(START.plus_seconds(600)));
    world.shard.tick(START.plus_seconds(600));
    let effects = world.commit();
    assert_eq!(effects.changes[0].head.auction, auction());
    let positions: Vec<u64> = world.log.iter().map(|record| record.position).collect();
    assert_eq!(positions, (1..=positions.len() as u64).collect::<Vec<_>>(), "without holes");
    assert!(world.shard.panicked().is_empty(), "it is said once");
}

#[test]
fn rules_that_panic_when_time_comes_stop_their_own_auction_only() {
    let mut world = with_planted(Planted::NoEnd);
    world.shard.tick(START);
    goes_on_without_the_planted(&mut world);
}

#[test]
fn rules_that_panic_at_a_command_stop_their_own_auction_only() {
    let mut world = with_planted(Planted::StillClock);
    register_and_accept(&mut world);
    let effects = world.commit();
    assert!(matches!(World::settled(&effects, 10), Settled::Answer(Answer::Accepted(_))));
    assert_eq!(World::settled(&effects, 11), &Settled::Failed(Failure::Quarantined));
    assert!(effects.changes.is_empty(), "what the panic may have spoiled is not shown");
    goes_on_without_the_planted(&mut world);
}

/// The second of these panics; the first has an event in the same batch.
fn register_and_accept(world: &mut World) {
    world.at(1, of_planted(ask(5, "register", Action::Register)), 10);
    let price = Amount::new(700).unwrap();
    world.at(1, of_planted(ask(5, "accept", Action::Accept { price })), 11);
}

#[test]
fn what_panicked_stays_closed_off_when_its_batch_fails() {
    let mut world = with_planted(Planted::StillClock);
    register_and_accept(&mut world);
    world.shard.take_batch().expect("a batch");
    let (effects, lost) = world.shard.failed(&Failure::OutcomeUnknown);
    assert_eq!(effects.replies.len(), 2);
    assert!(lost.is_empty(), "there is nothing of it to be re-read");
    goes_on_without_the_planted(&mut world);
}

#[test]
fn an_event_that_the_rules_cannot_take_is_damage_of_its_auction() {
    let place =
        Place { house: HOUSE, log_key: log_key(), auction: auction(), partition: 1, after: 0 };
    let mut shard = Shard::<u32>::new(1, HOUSE, log_key());
    let records = Planted::Stranger.records(&place);
    let damage = records.iter().find_map(|record| shard.restore(record).err()).unwrap();
    assert_eq!((damage.auction, damage.version, damage.position), (auction(), 4, 4));
    assert!(damage.what.contains("rules"), "{}", damage.what);
}
