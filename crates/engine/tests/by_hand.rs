//! The whole engine over a real SQLite log, pumped by hand on a clock in the test's hand: what
//! follows from commits that fail, for lists, for what leaves memory, for ends that come meanwhile.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "planted/plan.rs"]
mod plan;

use gavel_auction::event::{Digest, Fact};
use gavel_auction::ids::AuctionId;
use gavel_auction::time::{SECOND, Time};
use gavel_engine::answer::{Answer, Failure};
use gavel_engine::by_hand::ByHand;
use gavel_engine::engine::Engine;
use gavel_engine::history::HistoryEvent;
use gavel_engine::lists::{Query, Sort};
use gavel_engine::log::{Entry, EventRecord, LogError, LogReader, Partition, Position, Record};
use gavel_engine::snapshot::{Kept, Mark, Snapshots, Tag};
use gavel_engine::{Ask, Clock, Parts};
use gavel_store::sqlite;
use plan::{Fate, HOUSE, bid, create, parts};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

const START: i64 = 1_000_000 * SECOND;

/// Snapshots whose bytes are not what was written, while that is wanted.
struct Spoiled {
    inner: Arc<dyn Snapshots>,
    spoiled: Arc<AtomicBool>,
}

impl Snapshots for Spoiled {
    fn mark(&self, partition: Partition) -> Result<Option<Mark>, LogError> {
        self.inner.mark(partition)
    }

    fn tags(&self, partition: Partition) -> Result<Vec<Tag>, LogError> {
        self.inner.tags(partition)
    }

    fn load(&self, auctions: &[AuctionId]) -> Result<Vec<Kept>, LogError> {
        let mut kept = self.inner.load(auctions)?;
        if self.spoiled.load(Ordering::Relaxed) {
            kept.iter_mut().for_each(|kept| kept.bytes.push(0));
        }
        Ok(kept)
    }

    fn put(&self, mark: &Mark, kept: &[Kept]) -> Result<(), LogError> {
        self.inner.put(mark, kept)
    }

    fn clear(&self, partition: Partition) -> Result<(), LogError> {
        self.inner.clear(partition)
    }
}

/// A log of which nothing but its length can be read, while that is wanted.
struct Blind {
    inner: Arc<dyn LogReader>,
    blind: Arc<AtomicBool>,
}

impl Blind {
    fn sees(&self) -> Result<(), LogError> {
        match self.blind.load(Ordering::Relaxed) {
            true => Err(LogError::Unreadable("planned".into())),
            false => Ok(()),
        }
    }
}

impl LogReader for Blind {
    fn last_position(&self, partition: Partition) -> Result<Position, LogError> {
        self.inner.last_position(partition)
    }

    fn scan(&self, from: Partition, after: Position, most: usize) -> Result<Vec<Record>, LogError> {
        self.sees().and_then(|()| self.inner.scan(from, after, most))
    }

    fn get(&self, from: Partition, position: Position) -> Result<Option<Record>, LogError> {
        self.sees().and_then(|()| self.inner.get(from, position))
    }
}

struct House {
    by_hand: ByHand,
    blind: Arc<AtomicBool>,
    clock: Arc<AtomicI64>,
    spoiled: Arc<AtomicBool>,
    plan: Arc<Mutex<VecDeque<Fate>>>,
    _lock: Option<sqlite::lock::DirLock>,
    _dir: tempfile::TempDir,
}

/// Somebody who waits for his answer.
type Asked = tokio::task::JoinSet<Result<Answer, Failure>>;

async fn asked(engine: &Engine, ask: Ask) -> Asked {
    let (mut asked, engine) = (Asked::new(), engine.clone());
    asked.spawn(async move { engine.submit(ask).await });
    tokio::task::yield_now().await;
    asked
}

async fn answer(mut asked: Asked) -> Result<Answer, Failure> {
    asked.join_next().await.unwrap().unwrap()
}

fn id(number: i64) -> AuctionId {
    AuctionId::new(number).unwrap()
}

impl House {
    fn new() -> Self {
        Self::with(&[])
    }

    /// A house in whose log these stand already.
    fn with(records: &[Record]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        sqlite::init(dir.path(), HOUSE, 2, Time(1)).unwrap();
        let mut stores = sqlite::open(dir.path(), &sqlite::Options::default()).unwrap();
        if !records.is_empty() {
            stores.log.append(records).unwrap();
        }
        let (plan, clock): (Arc<Mutex<_>>, _) = (Arc::default(), Arc::new(AtomicI64::new(START)));
        let [spoiled, blind] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let lock = stores.lock.take();
        let whole = parts(stores, &plan);
        let reader = Blind { inner: whole.reader, blind: Arc::clone(&blind) };
        let inner = whole.snapshots.unwrap();
        let snapshots = Spoiled { inner, spoiled: Arc::clone(&spoiled) };
        let parts = Parts {
            reader: Arc::new(reader),
            snapshots: Some(Arc::new(snapshots)),
            settled_in_memory: 0,
            ..whole
        };
        let by_hand = ByHand::begin(parts, Clock::given(Arc::clone(&clock)), 1 << 20).unwrap();
        Self { by_hand, blind, clock, spoiled, plan, _lock: lock, _dir: dir }
    }

    fn plan(&self, fates: impl IntoIterator<Item = Fate>) {
        self.plan.lock().unwrap().extend(fates);
    }

    fn sleep(&self, seconds: i64) {
        self.clock.fetch_add(seconds * SECOND, Ordering::Relaxed);
    }

    /// Everything that can be done at this moment.
    fn pump(&mut self) {
        for _ in 0..8 {
            self.by_hand.turn();
            self.by_hand.write();
            self.by_hand.settle();
            self.by_hand.load();
        }
    }

    /// Time in which what is settled may leave memory.
    fn rest(&mut self) {
        for _ in 0..3 {
            self.sleep(1);
            self.pump();
        }
    }

    async fn submit(&mut self, ask: Ask) -> Result<Answer, Failure> {
        let asked = asked(&self.by_hand.engine, ask).await;
        self.pump();
        answer(asked).await
    }

    async fn accepted(&mut self, ask: Ask) {
        let answer = self.submit(ask).await;
        assert!(matches!(answer, Ok(Answer::Accepted(_))), "{answer:?}");
    }

    /// The moves of an auction's end by which it was given back what it lost: from, to, end; and
    /// whether it has closed.
    fn given_back(&self, number: i64) -> (Vec<[i64; 3]>, bool) {
        let history = self.by_hand.engine.history(id(number), 0, 100).unwrap();
        let seconds = |time: &Time| (time.0 - START) / SECOND;
        let moved = |past: &HistoryEvent| match &past.event.fact {
            Fact::Extended { end, from, to, .. } => Some([from, to, end].map(seconds)),
            _ => None,
        };
        let closed = |past: &HistoryEvent| matches!(past.event.fact, Fact::Closed { .. });
        (history.iter().filter_map(moved).collect(), history.iter().any(closed))
    }

    /// The auctions in this state, as the lists have them.
    fn listed(&self, state: &str) -> Vec<i64> {
        let query = Query {
            states: vec![state.to_owned()],
            drafts: false,
            category: None,
            seller: None,
            text: None,
            sort: Sort::Newest,
            after: None,
            limit: 10,
        };
        let page = self.by_hand.engine.lists().page(&query).unwrap();
        page.rows.iter().map(|(_, id)| id.get()).collect()
    }

    fn lists_are_up(&self) -> bool {
        let engine = &self.by_hand.engine;
        let cursor = |partition| engine.lists().cursor(partition).unwrap();
        engine.released() == [cursor(0), cursor(1)]
    }
}

#[tokio::test]
async fn what_landed_though_nobody_knew_is_listed_and_leaves_memory() {
    let mut house = House::new();
    house.accepted(create(1)).await;
    house.plan([Fate::UnknownButWritten]);
    assert_eq!(house.submit(create(2)).await, Err(Failure::OutcomeUnknown));
    assert!(house.by_hand.engine.head(id(2)).is_some());
    house.by_hand.project();
    assert_eq!(house.listed("open"), [2, 1]);
    assert!(house.lists_are_up(), "a barrier stands in both partitions");

    // They end, and that lands in the same way: both closed, neither sold.
    house.sleep(3_601);
    house.plan([Fate::UnknownButWritten]);
    house.pump();
    house.by_hand.project();
    assert_eq!((house.listed("open"), house.listed("passed")), (vec![], vec![2, 1]));
    house.sleep(60);
    house.by_hand.keep();
    house.rest();
    assert_eq!(house.by_hand.engine.cold(), 2, "there is room for none");
    assert!(house.lists_are_up());
}

#[tokio::test]
async fn a_barrier_alone_moves_the_lists_on() {
    let mut house = House::new();
    house.accepted(create(1)).await;
    house.by_hand.project();
    house.plan([Fate::UnknownAndLost]);
    assert_eq!(house.submit(bid(1, 1, "a", 500)).await, Err(Failure::OutcomeUnknown));
    house.by_hand.project();
    assert!(house.lists_are_up());
}

#[tokio::test]
async fn snapshots_that_are_made_anew_cover_nothing_until_they_are_there() {
    let mut house = House::new();
    house.accepted(create(1)).await;
    house.sleep(60);
    house.by_hand.keep();
    assert_eq!(house.by_hand.engine.uncovered(), 0);
    house.accepted(bid(1, 1, "a", 500)).await;
    house.sleep(4_000);
    house.pump();
    house.spoiled.store(true, Ordering::Relaxed);
    house.by_hand.keep();
    let written: u64 = house.by_hand.engine.released().iter().sum();
    assert_eq!(house.by_hand.engine.uncovered(), written);
    house.rest();
    assert_eq!(house.by_hand.engine.cold(), 0, "what ended has no snapshot, and stays");
    house.spoiled.store(false, Ordering::Relaxed);
    house.sleep(60);
    house.by_hand.keep();
    house.rest();
    assert_eq!((house.by_hand.engine.uncovered(), house.by_hand.engine.cold()), (0, 1));
}

#[tokio::test]
async fn an_open_auction_is_shown_whatever_commits_do() {
    let mut house = House::new();
    house.accepted(create(1)).await;
    let (engine, over) = (house.by_hand.engine.clone(), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&over);
    let reading = move || {
        let mut looks = 0_u64;
        while !told.load(Ordering::Relaxed) {
            assert!(engine.head(id(1)).is_some(), "after {looks} looks");
            looks += 1;
        }
    };
    let reader = std::thread::Builder::new().name("reader".to_owned()).spawn(reading).unwrap();
    for round in 0..2_000 {
        house.plan([Fate::Full]);
        let refused = house.submit(bid(1, 1, &round.to_string(), 500)).await;
        assert_eq!(refused, Err(Failure::StorageFull));
    }
    over.store(true, Ordering::Relaxed);
    reader.join().unwrap();
}

#[tokio::test]
async fn what_ends_while_there_is_no_room_is_given_its_time_back() {
    let mut house = House::new();
    house.accepted(create(1)).await;
    house.accepted(create(2)).await;
    house.sleep(3_590);
    house.plan([Fate::Full; 1_000]);
    assert_eq!(house.submit(bid(1, 1, "a", 500)).await, Err(Failure::StorageFull));
    for minutes in 1..=30 {
        house.sleep(60);
        house.pump();
        let alive = (house.by_hand.engine.last_alive().0 - START) / SECOND;
        assert!(alive <= 3_590, "{minutes} min: nobody can bid, so it says {alive}");
    }
    house.plan.lock().unwrap().clear();
    house.pump();
    house.pump();
    let back = (vec![[3_590, 5_390, 5_400]], false);
    assert_eq!((house.given_back(1), house.given_back(2)), (back.clone(), back));
    assert_eq!(house.by_hand.engine.last_alive(), house.by_hand.engine.now());
    house.accepted(bid(1, 1, "a", 500)).await;
    house.sleep(11);
    house.pump();
    assert!(house.given_back(1).1, "ten seconds were left, and they are over");
}

#[tokio::test]
async fn what_ends_while_the_store_does_not_open_is_given_its_time_back() {
    let mut house = House::new();
    house.accepted(create(1)).await;
    house.sleep(3_590);
    house.plan([Fate::UnknownAndLost]);
    let bidding = asked(&house.by_hand.engine, bid(1, 1, "a", 500)).await;
    house.by_hand.turn();
    house.by_hand.write();
    for _ in 0..60 {
        // It does not open, and time goes on.
        house.sleep(60);
        house.by_hand.turn();
    }
    house.pump();
    assert_eq!(answer(bidding).await, Err(Failure::OutcomeUnknown));
    assert_eq!(house.given_back(1), (vec![[3_590, 7_190, 7_200]], false));
}

#[tokio::test]
async fn an_outage_that_gives_nothing_back_is_over_once_the_store_is_open() {
    let mut house = House::new();
    house.accepted(create(1)).await;
    house.plan([Fate::UnknownAndLost]);
    let bidding = asked(&house.by_hand.engine, bid(1, 1, "a", 500)).await;
    house.by_hand.turn();
    house.by_hand.write();
    house.sleep(90);
    house.pump();
    assert_eq!(answer(bidding).await, Err(Failure::OutcomeUnknown));
    house.sleep(3_000);
    house.pump();
    let engine = &house.by_hand.engine;
    assert_eq!((engine.last_alive(), house.given_back(1)), (engine.now(), (vec![], false)));
}

#[tokio::test]
async fn an_outage_begins_with_the_first_failure_however_the_last_one_fails() {
    let mut house = House::new();
    house.accepted(create(1)).await;
    house.sleep(3_590);
    house.plan([Fate::Full, Fate::UnknownAndLost]);
    assert_eq!(house.submit(bid(1, 1, "a", 500)).await, Err(Failure::StorageFull));
    house.sleep(50);
    house.by_hand.turn();
    house.by_hand.write();
    house.sleep(30);
    house.pump();
    assert_eq!(house.given_back(1), (vec![[3_590, 3_670, 3_680]], false));
}

#[tokio::test]
async fn what_came_in_during_an_outage_is_given_its_time_back_too() {
    let mut house = House::new();
    house.accepted(create(1)).await;
    house.plan([Fate::Full]);
    let bidding = asked(&house.by_hand.engine, bid(1, 1, "a", 500)).await;
    house.by_hand.turn();
    house.sleep(5);
    let created = asked(&house.by_hand.engine, create(2)).await;
    house.sleep(5_000);
    house.by_hand.write();
    house.pump();
    assert_eq!(answer(bidding).await, Err(Failure::StorageFull));
    let created = answer(created).await;
    assert!(matches!(created, Ok(Answer::Accepted(_))), "{created:?}");
    house.pump();
    assert_eq!(house.given_back(1), (vec![[0, 5_005, 8_605]], false));
    assert_eq!(house.given_back(2), (vec![[5, 5_005, 8_605]], false));
}

#[tokio::test]
async fn what_fails_for_less_than_a_minute_is_no_outage() {
    let mut house = House::new();
    house.accepted(create(1)).await;
    house.sleep(3_590);
    house.plan([Fate::Full]);
    assert_eq!(house.submit(bid(1, 1, "a", 500)).await, Err(Failure::StorageFull));
    house.sleep(20);
    house.pump();
    assert_eq!(house.given_back(1), (vec![], true));
    // Once something was durable, what failed before is over.
    house.accepted(create(2)).await;
    house.sleep(3_590);
    house.plan([Fate::Full]);
    assert_eq!(house.submit(bid(2, 1, "a", 500)).await, Err(Failure::StorageFull));
    house.accepted(bid(2, 1, "a", 500)).await;
    house.sleep(70);
    house.plan([Fate::Full]);
    house.pump();
    assert_eq!(house.given_back(2), (vec![], true));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_stops_nobody_who_reads_on() {
    let event = EventRecord {
        auction: id(2),
        version: 1,
        previous: 0,
        hash: Digest([0; 32]),
        public: b"no event".to_vec(),
        sealed: Vec::new(),
    };
    let record = Record { partition: 0, position: 1, entry: Entry::Event(event) };
    let mut house = House::with(&[record]);
    for number in [1, 3, 4] {
        house.accepted(create(number)).await;
    }
    let engine = &house.by_hand.engine;
    let mut after = vec![0, 0];
    let mut read = Vec::new();
    for _ in 0..20 {
        let chapter = engine.chapter(&after, 2).unwrap();
        assert!(chapter.events.len() <= 2);
        read.extend(chapter.events.iter().map(|past| past.event.auction.get()));
        after = chapter.upto;
    }
    read.sort_unstable();
    assert_eq!((read, after), (vec![1, 1, 1, 3, 3, 3, 4, 4, 4], engine.released()));
    assert!(engine.is_quarantined(id(2)) && !engine.is_quarantined(id(4)));
}

/// A house in which one auction has left memory, and neither its snapshot nor the log can be read.
async fn out_of_reach() -> House {
    let mut house = House::new();
    house.accepted(create(1)).await;
    house.sleep(4_000);
    house.pump();
    house.by_hand.keep();
    house.rest();
    assert_eq!(house.by_hand.engine.cold(), 1);
    house.spoiled.store(true, Ordering::Relaxed);
    house.blind.store(true, Ordering::Relaxed);
    house
}

#[tokio::test]
async fn whoever_reads_is_told_that_the_log_cannot_be_read_and_does_not_wait_for_ever() {
    let house = out_of_reach().await;
    let engine = &house.by_hand.engine;
    assert!(engine.head(id(1)).is_none() && engine.has_left(id(1)));
    assert!(matches!(engine.history(id(1), 0, 10), Err(LogError::Unreadable(_))));
    house.blind.store(false, Ordering::Relaxed);
    assert!(engine.head(id(1)).is_some() && !engine.is_quarantined(id(1)));
}

#[tokio::test]
async fn a_house_stops_though_a_command_waits_for_what_cannot_be_read() {
    let mut house = out_of_reach().await;
    let bidding = asked(&house.by_hand.engine, bid(1, 1, "a", 500)).await;
    house.by_hand.turn();
    assert_eq!(house.by_hand.parked(), 1);
    house.by_hand.close();
    house.pump();
    assert_eq!(house.by_hand.parked(), 0);
    assert_eq!(answer(bidding).await, Err(Failure::Stopping));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_house_stops_though_its_log_cannot_be_read_again() {
    let dir = tempfile::tempdir().unwrap();
    sqlite::init(dir.path(), HOUSE, 2, Time(1)).unwrap();
    let stores = sqlite::open(dir.path(), &sqlite::Options::default()).unwrap();
    let (plan, blind): (Arc<Mutex<_>>, _) = (Arc::default(), Arc::new(AtomicBool::new(false)));
    let whole = parts(stores, &plan);
    let reader = Blind { inner: whole.reader, blind: Arc::clone(&blind) };
    let parts = Parts { reader: Arc::new(reader), ..whole };
    let started = gavel_engine::start(parts).unwrap();
    let engine = started.engine.clone();
    assert!(matches!(engine.submit(create(1)).await, Ok(Answer::Accepted(_))));
    plan.lock().unwrap().push_back(Fate::UnknownAndLost);
    blind.store(true, Ordering::Relaxed);
    assert_eq!(engine.submit(bid(1, 1, "a", 500)).await, Err(Failure::OutcomeUnknown));
    let waiting = asked(&engine, bid(1, 1, "b", 600)).await;
    while engine.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    tokio::task::spawn_blocking(move || started.stop()).await.unwrap();
    assert_eq!(answer(waiting).await, Err(Failure::Stopping));
}
