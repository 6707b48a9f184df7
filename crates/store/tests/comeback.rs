//! A house that closes and opens again over real files: from snapshots and the tail of its log, or
//! from all of its log, it comes back as it was. Whatever is done to snapshots, the log decides;
//! what is done to one auction's events closes off that one.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

use gavel_auction::command::{Action, Actor, Command, Create, Offer, Person, PlaceBid, Roles};
use gavel_auction::event::{Digest, HouseId, Reason};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::Preset;
use gavel_auction::terms::Schedule;
use gavel_auction::time::Time;
use gavel_auction::view::Head;
use gavel_engine::answer::{Accepted, Answer, Failure};
use gavel_engine::engine::Engine;
use gavel_engine::{Ask, Parts, Recovery, Started, start};
use gavel_proof::command::command_id;
use gavel_proof::keys::{HouseKey, LogKey};
use gavel_store::sqlite::{self, lock::DirLock};
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const HOUSE: HouseId = HouseId([9; 16]);
const AUCTIONS: i64 = 6;

struct Open {
    engine: Engine,
    recovery: Recovery,
    started: Option<Started>,
    _lock: Option<DirLock>,
}

fn open_with(dir: &Path, key: u8, settled_in_memory: usize) -> Open {
    let stores = sqlite::open(dir, &sqlite::Options::default()).unwrap();
    let started = start(Parts {
        house: HOUSE,
        log_key: LogKey::from_bytes([key; 32]),
        signer: Arc::new(HouseKey::from_bytes(&[6; 32])),
        partitions: stores.partitions,
        log: stores.log,
        reader: stores.reader,
        lists: stores.lists,
        people: stores.people,
        snapshots: stores.snapshots,
        settled_in_memory,
        last_alive: None,
    });
    let started = started.unwrap();
    let (engine, recovery) = (started.engine.clone(), started.recovery.clone());
    Open { engine, recovery, started: Some(started), _lock: stores.lock }
}

fn open(dir: &Path) -> Open {
    open_with(dir, 5, usize::MAX)
}

impl Drop for Open {
    fn drop(&mut self) {
        self.started.take().unwrap().stop();
    }
}

fn ask(auction: i64, by: i64, key: &str, action: Action) -> Ask {
    let auction = AuctionId::new(auction).unwrap();
    let person = Person::new(UserId::new(by).unwrap(), Roles::MEMBER);
    let command = Command { actor: Actor::Person(person), expected_version: None, action };
    Ask { auction, id: command_id(Some(person.user), auction, key), command, receipt: false }
}

fn create(auction: i64) -> Ask {
    let currency = Currency::from_code("EUR").unwrap();
    let slots = Preset::Classic.slots(currency);
    let schedule = Schedule { duration_seconds: Some(3_600), ..Schedule::default() };
    let own = gavel_auction::presets::Slots { schedule: Some(schedule), ..Default::default() };
    let create = Create {
        house: HOUSE,
        log_key: LogKey::from_bytes([5; 32]).id(),
        currency,
        preset: Preset::Classic,
        terms: Arc::new(own.over(slots).complete().unwrap()),
        listing_digest: Digest([0; 32]),
        seed: None,
        publish: true,
    };
    ask(auction, 100, "create", Action::Create(Box::new(create)))
}

fn bid(auction: i64, round: i64) -> Ask {
    let offer = Offer::Amount(Amount::new(100 * round).unwrap());
    ask(auction, 1 + round % 3, &format!("bid {round}"), Action::Bid(PlaceBid::of(offer)))
}

fn submit(engine: &Engine, ask: Ask) -> Result<Answer, Failure> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(engine.submit(ask))
}

fn accepted(engine: &Engine, ask: Ask) -> Accepted {
    match submit(engine, ask) {
        Ok(Answer::Accepted(accepted)) => accepted,
        other => panic!("not accepted: {other:?}"),
    }
}

fn bids(engine: &Engine, rounds: std::ops::Range<i64>) -> Vec<Accepted> {
    let all = rounds.flat_map(|round| (1..=AUCTIONS).map(move |auction| bid(auction, round)));
    all.map(|bid| accepted(engine, bid)).collect()
}

/// A house with a few auctions and bids, open.
fn house() -> (tempfile::TempDir, Open) {
    let dir = tempfile::tempdir().unwrap();
    sqlite::init(dir.path(), HOUSE, 2, Time(1)).unwrap();
    let house = open(dir.path());
    for auction in 1..=AUCTIONS {
        accepted(&house.engine, create(auction));
    }
    bids(&house.engine, 1..6);
    (dir, house)
}

/// All that readers see.
fn seen(engine: &Engine) -> Vec<(Head, Vec<String>, Vec<Option<i64>>)> {
    let of = |id| {
        let id = AuctionId::new(id).unwrap();
        let history = engine.history(id, 0, usize::MAX).unwrap();
        let events = history.iter().map(|past| format!("{:?} {}", past.event, past.hash)).collect();
        let user = |user| engine.mine(id, UserId::new(user).unwrap()).map(|mine| mine.paddle.get());
        let head = Arc::unwrap_or_clone(engine.head(id).unwrap());
        (head, events, (1..5).map(user).collect())
    };
    (1..=AUCTIONS).map(of).collect()
}

/// A copy of a file of a house that is closed.
fn copy(dir: &Path, file: &str, to: &str) {
    let to = dir.join(to);
    sql(dir, file, &format!("VACUUM INTO '{}'", to.display()));
}

/// Puts a copy in the place of the file.
fn put_back(dir: &Path, copy: &str, file: &str) {
    for ending in ["-wal", "-shm"] {
        drop(fs::remove_file(dir.join(format!("{file}{ending}"))));
    }
    fs::copy(dir.join(copy), dir.join(file)).unwrap();
}

fn sql(dir: &Path, file: &str, statement: &str) {
    Connection::open(dir.join(file)).unwrap().execute_batch(statement).unwrap();
}

#[test]
fn snapshots_and_the_tail_bring_back_what_the_whole_log_does() {
    let (dir, house) = house();
    drop(house);
    copy(dir.path(), "snapshots.db", "early.db");
    let house = open(dir.path());
    assert_eq!((house.recovery.records, house.recovery.snapshots), (0, AUCTIONS as u64));
    let answers = bids(&house.engine, 6..9);
    let before = seen(&house.engine);
    drop(house);
    // The snapshots of an hour ago, and what came since.
    put_back(dir.path(), "early.db", "snapshots.db");
    let house = open(dir.path());
    assert_eq!(house.recovery.records, 18, "only the tail is read");
    assert_eq!(house.recovery.snapshots, AUCTIONS as u64);
    assert_eq!(seen(&house.engine), before);
    assert_eq!(bids(&house.engine, 6..9), answers, "the same answer for ever");
    let other = ask(1, 1, "create", bid(1, 1).command.action);
    assert!(matches!(submit(&house.engine, other), Ok(Answer::Refused(_))));
    drop(house);
    // None at all.
    forget_snapshots(dir.path());
    let house = open(dir.path());
    assert_eq!((house.recovery.records, house.recovery.snapshots), (66, 0));
    assert_eq!(seen(&house.engine), before);
    assert_eq!(bids(&house.engine, 6..9), answers);
    bids(&house.engine, 9..10);
}

#[test]
fn snapshots_that_cannot_be_trusted_are_made_anew_from_the_log() {
    let (dir, house) = house();
    drop(house);
    copy(dir.path(), "snapshots.db", "old.db");
    let house = open(dir.path());
    bids(&house.engine, 6..7);
    let before = seen(&house.engine);
    drop(house);
    let one_older = format!(
        "ATTACH '{}' AS old; UPDATE snapshot SET (position, seal, bytes) =
         (SELECT position, seal, bytes FROM old.snapshot AS o WHERE o.auction = snapshot.auction)
         WHERE auction = 3",
        dir.path().join("old.db").display()
    );
    let harms = [
        "UPDATE snapshot SET bytes = zeroblob(length(bytes)) WHERE auction = 3",
        "UPDATE snapshot SET bytes = x'63' WHERE auction = 3",
        "UPDATE snapshot SET bytes = (SELECT bytes FROM snapshot WHERE auction = 5) \
         WHERE auction = 3",
        "DELETE FROM snapshot WHERE auction = 3",
        "UPDATE mark SET position = position - 1",
        "UPDATE mark SET position = position + 1",
        "UPDATE mark SET rolling = zeroblob(32)",
        "DELETE FROM mark",
        "DROP TABLE snapshot",
        &one_older,
    ];
    for harm in harms {
        sql(dir.path(), "snapshots.db", harm);
        let house = open(dir.path());
        assert!(house.recovery.records > 0, "{harm}: the log was read");
        assert_eq!(seen(&house.engine), before, "{harm}");
        drop(house);
        let house = open(dir.path());
        assert_eq!(house.recovery.records, 0, "{harm}: they were made anew");
        assert_eq!(seen(&house.engine), before, "{harm}");
    }
    // Those of a house with another key, and those of a longer log.
    let house = open_with(dir.path(), 6, usize::MAX);
    assert!(house.recovery.records > 0);
    drop(house);
}

#[test]
fn snapshots_of_a_longer_log_are_not_believed() {
    let (dir, house) = house();
    drop(house);
    copy(dir.path(), "log.db", "old.db");
    let house = open(dir.path());
    let before = seen(&house.engine);
    bids(&house.engine, 6..7);
    drop(house);
    put_back(dir.path(), "old.db", "log.db");
    let house = open(dir.path());
    assert_eq!(seen(&house.engine), before, "the log decides");
    bids(&house.engine, 6..8);
}

/// Does something to the log of a house that is closed, which its triggers would prevent.
fn harm_log(dir: &Path, statement: &str) {
    let triggers = "DROP TRIGGER event_is_not_updated; DROP TRIGGER event_is_not_deleted;";
    sql(dir, "log.db", &format!("{triggers} {statement}"));
}

fn forget_snapshots(dir: &Path) {
    for ending in ["", "-wal", "-shm"] {
        drop(fs::remove_file(dir.join(format!("snapshots.db{ending}"))));
    }
}

/// Auction 3 alone is closed off, to readers and to commands.
fn is_closed_off(engine: &Engine) {
    let three = AuctionId::new(3).unwrap();
    assert!(engine.is_quarantined(three) && engine.head(three).is_none());
    assert_eq!(engine.quarantined(), 1);
    assert_eq!(submit(engine, bid(3, 7)), Err(Failure::Quarantined));
    assert_eq!(submit(engine, bid(3, 2)), Err(Failure::Quarantined), "a repeat too");
    for auction in [1, 2, 4, 5, 6] {
        accepted(engine, bid(auction, 7));
    }
}

/// What may be done to the events of auction 3, and the version that is named then.
const HARMS: [(&str, u64); 5] = [
    (
        "UPDATE event SET public = CAST(replace(public, '200', '201') AS BLOB)
         WHERE auction = 3 AND version = 5",
        5,
    ),
    ("UPDATE event SET sealed = x'00' WHERE auction = 3 AND version = 6", 6),
    ("UPDATE event SET hash = zeroblob(32) WHERE auction = 3 AND version = 4", 4),
    ("UPDATE event SET version = 9 WHERE auction = 3 AND version = 7", 9),
    (
        "UPDATE event SET auction = 0, version = 0, previous = 0, hash = x'', public = x'', \
      sealed = x'' WHERE auction = 3 AND version = 5",
        6,
    ),
];

#[test]
fn damage_of_one_auction_closes_off_that_one_at_the_start() {
    for (harm, version) in HARMS {
        let (dir, house) = house();
        drop(house);
        forget_snapshots(dir.path());
        harm_log(dir.path(), harm);
        let house = open(dir.path());
        let damages = &house.recovery.quarantined;
        assert_eq!(damages.len(), 1, "{harm}: {damages:?}");
        assert_eq!((damages[0].auction.get(), damages[0].version), (3, version), "{harm}");
        is_closed_off(&house.engine);
    }
}

#[test]
fn the_scrub_closes_off_what_the_start_did_not_read() {
    for (harm, _) in HARMS {
        let (dir, house) = house();
        drop(house);
        harm_log(dir.path(), harm);
        let house = open(dir.path());
        assert_eq!(house.recovery.records, 0, "snapshots hide it at first");
        while house.engine.scrubbed() == 0 {
            std::thread::yield_now();
        }
        is_closed_off(&house.engine);
    }
}

#[test]
fn what_cannot_be_told_of_one_auction_stops_the_start() {
    let harms = [
        ("DELETE FROM event WHERE auction = 3 AND version = 5", "a hole"),
        ("UPDATE event SET auction = -1 WHERE auction = 3 AND version = 5", "is not an auction"),
    ];
    for (harm, words) in harms {
        let (dir, house) = house();
        drop(house);
        forget_snapshots(dir.path());
        harm_log(dir.path(), harm);
        let stores = sqlite::open(dir.path(), &sqlite::Options::default()).unwrap();
        let refused = start(Parts {
            house: HOUSE,
            log_key: LogKey::from_bytes([5; 32]),
            signer: Arc::new(HouseKey::from_bytes(&[6; 32])),
            partitions: stores.partitions,
            log: stores.log,
            reader: stores.reader,
            lists: stores.lists,
            people: stores.people,
            snapshots: stores.snapshots,
            settled_in_memory: usize::MAX,
            last_alive: None,
        });
        let error = refused.map(drop).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("position"), "{error}");
    }
}

fn by_clerk(auction: i64, action: Action) -> Ask {
    let clerk = Person::new(UserId::new(200).unwrap(), Roles::ADMIN);
    let auction = AuctionId::new(auction).unwrap();
    let id = command_id(Some(clerk.user), auction, &format!("{action:?}"));
    let command = Command { actor: Actor::Person(clerk), expected_version: None, action };
    Ask { auction, id, command, receipt: false }
}

fn all_have_left(engine: &Engine) {
    while engine.cold() < AUCTIONS as usize || engine.resident() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn settled_auctions_leave_memory_and_come_back_when_asked_for() {
    let (dir, house) = house();
    let answers = bids(&house.engine, 6..8);
    for auction in 1..=AUCTIONS {
        let close = Action::Close { reason: Some(Reason::OnRequest) };
        accepted(&house.engine, by_clerk(auction, close));
    }
    let settled = |head: Option<Arc<Head>>| head.is_some_and(|head| head.certified.is_some());
    for auction in 1..=AUCTIONS {
        while !settled(house.engine.head(AuctionId::new(auction).unwrap())) {
            std::thread::yield_now();
        }
    }
    let before = seen(&house.engine);
    drop(house);
    let house = open_with(dir.path(), 5, 0);
    all_have_left(&house.engine);
    assert_eq!(seen(&house.engine), before, "readers bring them back");
    all_have_left(&house.engine);
    assert_eq!(bids(&house.engine, 6..8), answers, "and so do commands");
    let late = submit(&house.engine, bid(1, 9));
    assert!(matches!(late, Ok(Answer::Refused(refused)) if refused.version > 0));
    all_have_left(&house.engine);
    // Whatever becomes of a snapshot, there is the log.
    sql(dir.path(), "snapshots.db", "UPDATE snapshot SET bytes = x'00' WHERE auction < 3");
    sql(dir.path(), "snapshots.db", "DELETE FROM snapshot WHERE auction = 3");
    assert_eq!(seen(&house.engine), before);
    all_have_left(&house.engine);
    assert_eq!(bids(&house.engine, 6..8), answers);
    // What was settled may be taken up again.
    let ends_at = Time(house.engine.now().0 + 3_600_000_000);
    let reopen = Action::Reopen { reason: Reason::Mistake, ends_at, seed: None };
    all_have_left(&house.engine);
    accepted(&house.engine, by_clerk(4, reopen));
    accepted(&house.engine, bid(4, 9));
    let four = AuctionId::new(4).unwrap();
    let head = house.engine.head(four).unwrap();
    assert_eq!(head.price.map(Amount::minor), Some(900));
    assert_eq!(house.engine.history(four, 0, 1_000).unwrap().len() as u64, head.version);
    assert_eq!(house.engine.cold(), AUCTIONS as usize - 1);
    assert!(matches!(submit(&house.engine, bid(99, 1)), Ok(Answer::Refused(_))), "none such");
}

/// Processor time of this process so far, in milliseconds: the machine may be shared.
fn processor() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after = stat.rsplit(')').next().unwrap().to_owned();
    let ticks = after.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().unwrap());
    ticks.sum::<u64>() * 10
}

/// Memory of this process, in MiB.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// Moves what the write-ahead file holds into the database, as the upkeep of a server does.
fn checkpoint(dir: &Path) {
    let stores = sqlite::open(dir, &sqlite::Options::default()).unwrap();
    stores.checkpointer.unwrap().truncate().unwrap();
}

/// B15: `cargo nextest run --release -p gavel-store --run-ignored only million --no-capture`.
#[test]
#[ignore = "a measurement, for a release build"]
fn back_after_a_million_events() {
    for auctions in [10_000, 100_000] {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        sqlite::init(dir.path(), HOUSE, 8, Time(1)).unwrap();
        let house = open(dir.path());
        let clock = gavel_engine::Clock::default();
        let began = clock.now();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut asks: Vec<Ask> = (1..=auctions).map(create).collect();
        let rounds = 1_000_000 / auctions - 3;
        asks.extend((1..=rounds).flat_map(|round| (1..=auctions).map(move |id| bid(id, round))));
        let mut asks = asks.into_iter();
        while asks.len() > 0 {
            let answers: Vec<_> =
                asks.by_ref().take(2_000).map(|ask| house.engine.submit(ask)).collect();
            for answer in runtime.block_on(futures_util::future::join_all(answers)) {
                assert!(matches!(answer, Ok(Answer::Accepted(_))), "{answer:?}");
            }
        }
        let wrote = (clock.now().since(began) / 1_000_000, processor() / 1_000);
        println!("{auctions} auctions: {wrote:?} s to write, {} MiB", memory());
        let began = clock.now();
        drop(house);
        println!("  {} ms to stop", clock.now().since(began) / 1_000);
        checkpoint(dir.path());
        for snapshots in [true, true, false] {
            if !snapshots {
                forget_snapshots(dir.path());
            }
            let (began, used) = (clock.now(), processor());
            let house = open(dir.path());
            let took = (clock.now().since(began) / 1_000, processor() - used);
            println!("  {took:?} ms to open, snapshots: {snapshots}, {:?}", house.recovery);
            println!("  {} MiB", memory());
        }
        let size = |file| fs::metadata(dir.path().join(file)).unwrap().len() >> 20;
        println!("  {} MiB of log, {} MiB of snapshots", size("log.db"), size("snapshots.db"));
    }
}
