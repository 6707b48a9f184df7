//! The whole engine over a real SQLite log whose commits fail on purpose: what callers are told,
//! and that the log afterwards holds each command at most once.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "planted/history.rs"]
mod history;
#[path = "planted/plan.rs"]
mod plan;

use gavel_auction::command::Action;
use gavel_auction::event::{Digest, Fact};
use gavel_auction::ids::AuctionId;
use gavel_auction::money::Amount;
use gavel_engine::answer::{Accepted, Answer, Failure};
use gavel_engine::engine::Engine;
use gavel_engine::feed::{Ended, Subscription};
use gavel_engine::log::{Entry, LogReader};
use gavel_engine::{Ask, Started, start};
use gavel_proof::keys::LogKey;
use gavel_store::sqlite;
use history::{Place, Planted};
use plan::{Fate, HOUSE, ask, bid, create, parts};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};

struct House {
    started: Option<Started>,
    engine: Engine,
    reader: Arc<dyn LogReader>,
    plan: Arc<Mutex<VecDeque<Fate>>>,
    lock: Option<sqlite::lock::DirLock>,
    dir: tempfile::TempDir,
}

type Opened = (Started, Arc<dyn LogReader>, Option<sqlite::lock::DirLock>);

fn open(dir: &Path, plan: &Arc<Mutex<VecDeque<Fate>>>) -> Opened {
    let mut stores = sqlite::open(dir, &sqlite::Options::default()).unwrap();
    let reader = Arc::clone(&stores.reader);
    let lock = stores.lock.take();
    (start(parts(stores, plan)).unwrap(), reader, lock)
}

impl House {
    fn new() -> Self {
        Self::with(&[])
    }

    /// A house in whose log these auctions stand already, with their numbers.
    fn with(planted: &[(i64, Planted)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        sqlite::init(dir.path(), HOUSE, 2, gavel_auction::time::Time(1)).unwrap();
        let mut stores = sqlite::open(dir.path(), &sqlite::Options::default()).unwrap();
        for (number, planted) in planted {
            let auction = AuctionId::new(*number).unwrap();
            let partition = gavel_engine::engine::partition_of(auction, 2);
            let after = stores.reader.last_position(partition).unwrap();
            let log_key = LogKey::from_bytes([5; 32]);
            let place = Place { house: HOUSE, log_key, auction, partition, after };
            stores.log.append(&planted.records(&place)).unwrap();
        }
        drop(stores);
        let plan = Arc::default();
        let (started, reader, lock) = open(dir.path(), &plan);
        let engine = started.engine.clone();
        Self { started: Some(started), engine, reader, plan, lock, dir }
    }

    fn plan(&self, fates: impl IntoIterator<Item = Fate>) {
        self.plan.lock().unwrap().extend(fates);
    }

    fn restart(&mut self) {
        self.started.take().unwrap().stop();
        self.lock = None;
        let (started, reader, lock) = open(self.dir.path(), &self.plan);
        self.lock = lock;
        self.engine = started.engine.clone();
        self.started = Some(started);
        self.reader = reader;
    }

    /// Every event of an auction as the log holds it, by partition scan and not by the engine.
    fn logged(&self, auction: AuctionId) -> Vec<(u64, Fact)> {
        let partition = gavel_engine::engine::partition_of(auction, 2);
        let records = self.reader.scan(partition, 0, 1_000_000).unwrap();
        let events = records.into_iter().filter_map(|record| match record.entry {
            Entry::Event(event) if event.auction == auction => {
                let (event, _) = gavel_proof::codec::decode(&event.public, &event.sealed).unwrap();
                Some((event.version, event.fact))
            }
            Entry::Event(_) | Entry::Barrier => None,
        });
        events.collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(started) = self.started.take() {
            started.stop();
        }
    }
}

async fn accepted(engine: &Engine, ask: Ask) -> Accepted {
    match engine.submit(ask).await {
        Ok(Answer::Accepted(accepted)) => accepted,
        other => panic!("not accepted: {other:?}"),
    }
}

#[tokio::test]
async fn an_answer_is_read_back_by_whoever_got_it() {
    let house = House::new();
    accepted(&house.engine, create(1)).await;
    let placed = accepted(&house.engine, bid(1, 1, "a", 500)).await;
    let head = house.engine.head(placed.event.auction).unwrap();
    assert_eq!((head.version, head.price.map(Amount::minor)), (4, Some(500)));
    let history = house.engine.history(placed.event.auction, 3, 10).unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].event, *placed.event);
}

#[tokio::test]
async fn unknown_but_written_is_found_by_its_key() {
    let house = House::new();
    accepted(&house.engine, create(1)).await;
    house.plan([Fate::UnknownButWritten]);
    let first = house.engine.submit(bid(1, 1, "a", 500)).await;
    assert_eq!(first, Err(Failure::OutcomeUnknown));
    let again = accepted(&house.engine, bid(1, 1, "a", 500)).await;
    assert_eq!(again.event.version, 4);
    let other = house.engine.submit(bid(1, 1, "a", 501)).await;
    assert_eq!(other, Err(Failure::KeyReused));
    assert_eq!(house.logged(again.event.auction).len(), 4);
}

#[tokio::test]
async fn unknown_and_lost_is_decided_anew_after_a_barrier() {
    let house = House::new();
    accepted(&house.engine, create(1)).await;
    house.plan([Fate::UnknownAndLost]);
    let first = house.engine.submit(bid(1, 1, "a", 500)).await;
    assert_eq!(first, Err(Failure::OutcomeUnknown));
    let again = accepted(&house.engine, bid(1, 1, "a", 500)).await;
    assert_eq!(again.event.version, 4);
    let records = house.reader.scan(1, 0, 100).unwrap();
    let barriers = records.iter().filter(|record| record.entry == Entry::Barrier).count();
    assert_eq!((records.len(), barriers), (5, 1));
}

#[tokio::test]
async fn no_room_is_said_and_passes_without_a_restart() {
    let house = House::new();
    accepted(&house.engine, create(1)).await;
    house.plan([Fate::Full, Fate::Full]);
    for key in ["a", "b"] {
        let refused = house.engine.submit(bid(1, 1, key, 500)).await;
        assert_eq!(refused, Err(Failure::StorageFull));
        let auction = AuctionId::new(1).unwrap();
        assert_eq!(house.engine.head(auction).unwrap().version, 3, "reads go on");
    }
    let placed = accepted(&house.engine, bid(1, 1, "a", 500)).await;
    assert_eq!(placed.event.version, 4);
}

#[tokio::test]
async fn answers_survive_a_restart_word_for_word() {
    let mut house = House::new();
    let created = accepted(&house.engine, create(1)).await;
    let placed = accepted(&house.engine, bid(1, 1, "a", 500)).await;
    house.restart();
    assert_eq!(accepted(&house.engine, create(1)).await, created);
    assert_eq!(accepted(&house.engine, bid(1, 1, "a", 500)).await, placed);
}

/// Whether an auction is closed off, to whoever asks.
async fn is_closed_off(house: &House, auction: i64) -> bool {
    let id = AuctionId::new(auction).unwrap();
    let submitted = house.engine.submit(bid(auction, 1, "off", 500)).await;
    let closed = house.engine.is_quarantined(id) && house.engine.head(id).is_none();
    closed && submitted == Err(Failure::Quarantined)
}

#[tokio::test]
async fn sec_s36_auctions_whose_rules_panic_are_closed_off_and_the_house_goes_on() {
    let (at_once, when_read, later) = (2, 4, 6);
    let planted =
        [(at_once, Planted::NoEnd), (when_read, Planted::Stranger), (later, Planted::StillClock)];
    let mut house = House::with(&planted);
    // Time is at work from the start, and the others share their partition with these.
    accepted(&house.engine, create(8)).await;
    assert!(is_closed_off(&house, at_once).await && is_closed_off(&house, when_read).await);
    assert_eq!(house.engine.quarantined(), 2);
    assert!(house.engine.head(AuctionId::new(later).unwrap()).is_some());

    // A commit fails after which one of them is read again.
    house.plan([Fate::UnknownButWritten]);
    let register = ask(later, 5, "register", Action::Register);
    let registered = house.engine.submit(register.clone()).await;
    assert_eq!(registered, Err(Failure::OutcomeUnknown));
    let price = Amount::new(700).unwrap();
    let accept = ask(later, 6, "accept", Action::Accept { price });
    assert_eq!(house.engine.submit(accept.clone()).await, Err(Failure::Quarantined));
    assert!(is_closed_off(&house, later).await);
    assert_eq!(house.engine.quarantined(), 3);
    let placed = accepted(&house.engine, bid(8, 1, "a", 500)).await;
    let head = house.engine.head(placed.event.auction).unwrap();
    assert_eq!((placed.event.version, head.version), (4, 4));

    // What is sound of them comes back with a restart, until the rules stumble again.
    house.restart();
    assert!(is_closed_off(&house, when_read).await);
    let registered = house.engine.submit(register).await;
    assert!(matches!(registered, Ok(Answer::Accepted(_))), "{registered:?}");
    assert_eq!(house.engine.submit(accept).await, Err(Failure::Quarantined));
    assert_eq!(accepted(&house.engine, bid(8, 1, "a", 500)).await, placed);
    assert!(is_closed_off(&house, at_once).await);
}

/// Tries until the outcome is known, as a careful client does.
async fn insist(engine: Engine, ask: Ask) -> Option<u64> {
    loop {
        match engine.submit(ask.clone()).await {
            Ok(Answer::Accepted(accepted)) => return Some(accepted.event.version),
            Ok(Answer::Refused(_)) => return None,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_random_failures_each_command_counts_once_and_history_has_no_holes() {
    let mut house = House::new();
    for auction in 1..=4 {
        accepted(&house.engine, create(auction)).await;
    }
    let fates = [Fate::Fine, Fate::UnknownButWritten, Fate::UnknownAndLost, Fate::Full];
    house.plan((0..60_usize).map(|step| fates[(step * 7 + step / 3) % 4]));
    let mut crowd = tokio::task::JoinSet::new();
    for step in 0..400_i64 {
        let (auction, by) = (step % 4 + 1, step % 10 + 1);
        let ask = bid(auction, by, &format!("key-{step}"), 1_000 + step);
        let engine = house.engine.clone();
        let answered = async move { (auction, 1_000 + step, insist(engine, ask).await) };
        drop(crowd.spawn(answered));
    }
    let mut told: BTreeMap<i64, BTreeMap<u64, i64>> = BTreeMap::new();
    while let Some(answered) = crowd.join_next().await {
        let (auction, amount, version) = answered.unwrap();
        if let Some(version) = version {
            let twice = told.entry(auction).or_default().insert(version, amount);
            assert_eq!(twice, None, "one version, one bid");
        }
    }
    house.restart();
    for auction in 1..=4 {
        let id = AuctionId::new(auction).unwrap();
        let logged = house.logged(id);
        let versions: Vec<u64> = logged.iter().map(|(version, _)| *version).collect();
        assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>());
        let bids: BTreeMap<u64, i64> = logged
            .iter()
            .filter_map(|(version, fact)| match fact {
                Fact::BidPlaced(placed) => Some((*version, placed.amount?.minor())),
                _ => None,
            })
            .collect();
        assert_eq!(Some(&bids), told.get(&auction), "what was acknowledged is what is there");
        assert_eq!(house.engine.head(id).unwrap().version, versions.len() as u64);
    }
}

#[tokio::test]
async fn the_lists_follow_the_log() {
    let house = House::new();
    accepted(&house.engine, create(1)).await;
    accepted(&house.engine, create(2)).await;
    let query = gavel_engine::lists::Query {
        states: vec!["open".to_owned()],
        drafts: false,
        category: None,
        seller: None,
        text: None,
        sort: gavel_engine::lists::Sort::Newest,
        after: None,
        limit: 10,
    };
    for _ in 0..200 {
        let page = house.engine.lists().page(&query).unwrap();
        if page.rows.len() == 2 {
            assert_eq!(page.rows[0].1, AuctionId::new(2).unwrap());
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the lists never caught up");
}

/// Reads a subscription up to a version: what came, in order.
async fn heard(mut feed: Subscription, upto: u64) -> Vec<(u64, Digest, Vec<u8>)> {
    let mut heard = Vec::new();
    while heard.last().is_none_or(|(version, _, _)| *version < upto) {
        let live = feed.next().await.unwrap();
        heard.push((live.version, live.hash, live.public.clone()));
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_listens_hears_exactly_the_log_whatever_commits_do() {
    let house = House::new();
    let id = AuctionId::new(1).unwrap();
    accepted(&house.engine, create(1)).await;
    let fates = [Fate::Fine, Fate::UnknownButWritten, Fate::UnknownAndLost, Fate::Fine];
    house.plan((0..40_usize).map(|step| fates[(step * 7 + step / 3) % 4]));
    let early = house.engine.subscribe(id, 0);
    let mut readers = tokio::task::JoinSet::new();
    let mut crowd = tokio::task::JoinSet::new();
    for step in 0..200_i64 {
        let (engine, ask) =
            (house.engine.clone(), bid(1, step % 7 + 1, &step.to_string(), step + 1));
        drop(crowd.spawn(insist(engine, ask)));
        if step % 40 == 0 {
            let after = step.unsigned_abs() / 40;
            let feed = house.engine.subscribe(id, after);
            drop(readers.spawn(async move { (after, heard(feed, 30).await) }));
            tokio::task::yield_now().await;
        }
    }
    drop(readers.spawn(async move { (0, heard(early, 30).await) }));
    // Whatever became of those, there are enough in the end.
    while crowd.join_next().await.is_some() {}
    for step in 1_000..1_030 {
        let more = bid(1, 1, &format!("more-{step}"), step);
        assert!(insist(house.engine.clone(), more).await.is_some());
    }
    let past = house.engine.history(id, 0, 1_000).unwrap();
    while let Some(read) = readers.join_next().await {
        let (after, heard) = read.unwrap();
        let logged = past.iter().map(|past| (past.event.version, past.hash, past.public.clone()));
        let logged = logged.skip(usize::try_from(after).unwrap()).take(heard.len());
        assert_eq!(heard, logged.collect::<Vec<_>>(), "after {after}");
    }
    assert_eq!(house.engine.listeners(), 0);
}

#[tokio::test]
async fn who_falls_behind_is_told_so_and_goes_on_from_where_he_was() {
    let house = House::new();
    let id = AuctionId::new(1).unwrap();
    accepted(&house.engine, create(1)).await;
    let mut slow = house.engine.subscribe(id, 3);
    accepted(&house.engine, bid(1, 1, "first", 1)).await;
    assert_eq!(slow.next().await.unwrap().version, 4);
    tokio::select! {
        biased;
        _ = slow.next() => panic!("nothing has happened"),
        () = tokio::task::yield_now() => {}
    }
    for round in 0..20_i64 {
        let mut crowd = tokio::task::JoinSet::new();
        for step in 0..500_i64 {
            let amount = round * 500 + step + 2;
            let (engine, ask) = (house.engine.clone(), bid(1, 1, &amount.to_string(), amount));
            drop(crowd.spawn(async move { engine.submit(ask).await }));
        }
        while crowd.join_next().await.is_some() {}
    }
    let last = accepted(&house.engine, bid(1, 1, "last", 1_000_000)).await.event.version;
    assert!(matches!(slow.next().await, Err(Ended::Lagged)));
    drop(slow);
    let again = heard(house.engine.subscribe(id, 4), last).await;
    let versions: Vec<u64> = again.iter().map(|(version, _, _)| *version).collect();
    assert_eq!(versions, (5..=last).collect::<Vec<_>>());
}

/// Whether an answer has the receipt of this very command, and of nothing else.
fn has_own_receipt(ask: &Ask, answer: &Answer) -> bool {
    let (receipt, code) = match answer {
        Answer::Accepted(accepted) => (&accepted.receipt, None),
        Answer::Refused(refused) => (&refused.receipt, Some(refused.refusal.code())),
    };
    let Some(receipt) = receipt else { return false };
    let signed = gavel_proof::verify_receipt(receipt).unwrap();
    assert_eq!((signed.auction, signed.command), (ask.auction, ask.id));
    assert_eq!((signed.house, signed.code.as_deref()), (HOUSE, code));
    true
}

/// Bids that come at once in both partitions, every other one wanting a receipt.
async fn flood(house: &House, round: i64) -> Vec<(Ask, Result<Answer, Failure>)> {
    let mut asked = tokio::task::JoinSet::new();
    for place in 0..40 {
        let amount = round * 1_000 + place * 7 % 20 + 1;
        let key = format!("{round} {place}");
        let bid = bid(1 + place % 2, 1 + place % 5, &key, amount);
        let ask = Ask { receipt: place / 2 % 2 == 0, ..bid };
        let engine = house.engine.clone();
        asked.spawn(async move { (ask.clone(), engine.submit(ask).await) });
    }
    asked.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_receipt_goes_to_the_one_who_asked_for_it() {
    let house = House::new();
    accepted(&house.engine, create(1)).await;
    accepted(&house.engine, create(2)).await;
    let mut refused = 0;
    for round in 1..20 {
        if round % 4 == 0 {
            house.plan([Fate::UnknownAndLost]);
        }
        for (ask, answer) in flood(&house, round).await {
            match answer {
                Ok(answer) => {
                    assert_eq!(has_own_receipt(&ask, &answer), ask.receipt, "{answer:?}");
                    refused += u32::from(matches!(answer, Answer::Refused(_)));
                }
                Err(failure) => assert_eq!(failure, Failure::OutcomeUnknown),
            }
        }
    }
    assert!(refused > 20, "{refused}");
}
