//! What people are told of: what they asked for and nothing else, each once, whatever happens to
//! the house.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "floor/site.rs"]
mod site;
#[path = "house/wire.rs"]
mod wire;

use gavel_auction::command::Roles;
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::time::Time;
use gavel_engine::notices::{Kept, Kind, Notice, Notices, Wishes, Wishing};
use gavel_engine::people::PeopleError;
use gavel_server::notifier::{Board, Notifier};
use serde_json::{Value, json};
use site::{Person, Site};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use wire::{Connection, Server};

fn wishes(won: bool, new_maximum: bool, doubled: bool) -> Value {
    json!({"won": won, "new_maximum": new_maximum, "doubled": doubled})
}

fn subscribe(site: &Site, by: &Person, wishes: &Value) {
    let set = site.ask("PUT", "/v1/me/subscriptions", Some(by), None, &wishes.to_string());
    assert_eq!(&set.expect(200), wishes);
    assert_eq!(&site.get("/v1/me/subscriptions", Some(by)).expect(200), wishes);
}

fn told(site: &Site, by: &Person) -> Vec<Value> {
    let page = site.get("/v1/me/notifications?limit=100", Some(by)).expect(200);
    page["items"].as_array().unwrap().clone()
}

fn kinds(site: &Site, by: &Person) -> Vec<(String, i64)> {
    let short = |item: &Value| {
        (item["kind"].as_str().unwrap().to_owned(), item["amount"].as_i64().unwrap())
    };
    told(site, by).iter().rev().map(short).collect()
}

#[test]
fn s1_38_whoever_asks_is_told_of_won_new_maximum_and_doubled_and_nobody_else() {
    let mut site = Site::new();
    let [seller, anna, bert, carl] = ["seller", "anna", "bert", "carl"].map(|n| site.member(n));
    let clerk = site.person("clerk", Roles::CLERK);
    subscribe(&site, &anna, &wishes(true, true, true));
    subscribe(&site, &bert, &wishes(false, true, false));
    let terms = json!({"promotion": {"kind": "double", "every_seconds": 1}});
    let lot = site.auction(
        &seller,
        json!({"title": "A weekend in Rome", "preset": "ladder",
        "duration_seconds": 3600, "terms": terms}),
    );
    site.bid(&lot, &anna, 1000).expect(201);
    // Alone in its interval, so that the lot falls on it.
    let drawn = |site: &Site, count: usize| {
        let shown = site.get(&format!("{lot}/promotion"), None).expect(200);
        shown["draws"].as_array().unwrap().len() == count
    };
    site.until(|| drawn(&site, 1));
    site.until(|| kinds(&site, &anna).len() == 2);
    let doubled = [("new_maximum".to_owned(), 2000), ("doubled".to_owned(), 1000)];
    let mut all = kinds(&site, &anna);
    all.sort();
    let mut expected = doubled.to_vec();
    expected.sort();
    assert_eq!(all, expected);
    // Below the maximum, it moves nothing; and whoever makes the new one knows it.
    site.bid(&lot, &carl, 500).expect(201);
    site.bid(&lot, &bert, 1500).expect(201);
    site.until(|| drawn(&site, 2) || drawn(&site, 3));
    site.bid(&lot, &carl, 9000).expect(201);
    site.until(|| kinds(&site, &bert).iter().any(|(_, amount)| *amount == 9000));
    assert!(kinds(&site, &bert).iter().all(|(kind, _)| kind == "new_maximum"));
    site.bid(&lot, &anna, 30_000).expect(201);
    site.post(&format!("{lot}/close"), &clerk, &json!({"reason": "on_request"})).expect(200);
    let won = |site: &Site| kinds(site, &anna).iter().filter(|(kind, _)| kind == "won").count();
    site.until(|| won(&site) == 1);
    assert!(told(&site, &carl).is_empty(), "he asked for nothing");
    let before = told(&site, &anna);
    let title = before.iter().all(|item| item["title"] == "A weekend in Rome");
    assert!(title && before.iter().all(|item| item["currency"] == "EUR"));
    site.restart();
    assert_eq!(told(&site, &anna), before);
    reads_them(&site, &anna, &before);
}

fn reads_them(site: &Site, anna: &Person, all: &[Value]) {
    let newest = all[0]["id"].clone();
    let read = json!({"upto": newest}).to_string();
    site.ask("POST", "/v1/me/notifications/read", Some(anna), None, &read).expect(204);
    let unread = site.get("/v1/me/notifications?unread=true", Some(anna)).expect(200);
    assert_eq!(unread, json!({"items": [], "next_cursor": null, "unread": 0}));
    let mut pages = Vec::new();
    let mut path = "/v1/me/notifications?limit=1".to_owned();
    loop {
        let page = site.get(&path, Some(anna)).expect(200);
        pages.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/me/notifications?limit=1&cursor={cursor}");
    }
    let ids = |items: &[Value]| items.iter().map(|item| item["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&pages), ids(all));
    for bad in ["?limit=0", "?cursor=x", "?kind=won"] {
        let path = format!("/v1/me/notifications{bad}");
        site.get(&path, Some(anna)).refused(400, "malformed");
    }
    let odd = [r#"{"upto":0}"#, r#"{"upto":"1"}"#, "{}"];
    for body in odd {
        site.ask("POST", "/v1/me/notifications/read", Some(anna), None, body)
            .refused(400, "malformed");
    }
    let body = r#"{"won":1}"#;
    site.ask("PUT", "/v1/me/subscriptions", Some(anna), None, body).refused(400, "malformed");
}

#[test]
fn what_happened_before_one_asked_is_not_told_nor_what_happens_after_one_asked_no_more() {
    let site = Site::new();
    let [seller, anna, bert] = ["seller", "anna", "bert"].map(|name| site.member(name));
    let lot = || {
        let body = json!({"preset": "classic", "duration_seconds": 3600});
        site.auction(&seller, body)
    };
    let (first, second) = (lot(), lot());
    site.bid(&first, &anna, 100).expect(201);
    site.bid(&first, &bert, 200).expect(201);
    subscribe(&site, &anna, &wishes(false, true, false));
    site.bid(&first, &bert, 300).expect(201);
    site.until(|| kinds(&site, &anna) == [("new_maximum".to_owned(), 300)]);
    subscribe(&site, &anna, &wishes(false, false, false));
    site.bid(&first, &bert, 400).expect(201);
    // Another who asks shows how far the notifier has come.
    subscribe(&site, &bert, &wishes(false, true, false));
    site.bid(&second, &bert, 100).expect(201);
    site.bid(&second, &anna, 200).expect(201);
    site.until(|| kinds(&site, &bert) == [("new_maximum".to_owned(), 200)]);
    assert_eq!(kinds(&site, &anna), [("new_maximum".to_owned(), 300)]);
}

#[test]
fn what_happened_before_somebody_wished_for_it_he_is_not_told_however_late_it_is() {
    let site = Site::new();
    let anna = site.member("anna");
    let house = site.house();
    let since = || house.engine.now();
    let tell = |kind: Kind, at: Time, version: u64| {
        let (user, auction) = (UserId::new(anna.id).unwrap(), AuctionId::new(1).unwrap());
        let notice = Notice { user, kind, auction, version, at, amount: 1 };
        let kept = house.board.store().tell(&house.engine.released(), &[notice]).unwrap();
        !kept.is_empty()
    };
    let before = since();
    site.until(|| since() > before);
    subscribe(&site, &anna, &wishes(true, false, false));
    let between = since();
    assert!(!tell(Kind::Won, before, 1) && tell(Kind::Won, between, 2));
    site.until(|| since() > between);
    subscribe(&site, &anna, &wishes(true, true, false));
    assert!(tell(Kind::Won, between, 3), "that he had wished for all along");
    assert!(!tell(Kind::Maximum, between, 4) && tell(Kind::Maximum, since(), 5));
    subscribe(&site, &anna, &wishes(false, true, false));
    assert!(!tell(Kind::Won, since(), 6) && tell(Kind::Maximum, since(), 7));
}

/// Notices to one person, of which the first that are kept wait until they may be.
struct Gated {
    whom: UserId,
    begun: SyncSender<()>,
    go_on: Mutex<Receiver<()>>,
    told: AtomicUsize,
}

impl Notices for Gated {
    fn wishes(&self, _: UserId) -> Result<Wishes, PeopleError> {
        Ok(Wishes::default())
    }

    fn wish(&self, _: UserId, _: Wishes, _: Time, _: &[u64]) -> Result<(), PeopleError> {
        Ok(())
    }

    fn wishing(&self) -> Result<Wishing, PeopleError> {
        let all = Wishes { won: true, maximum: true, doubled: true };
        Ok(Wishing { everybody: vec![(self.whom, all)], told: vec![0; 4] })
    }

    fn tell(&self, _: &[u64], _: &[Notice]) -> Result<Vec<Kept>, PeopleError> {
        self.told.fetch_add(1, Ordering::SeqCst);
        self.begun.send(()).unwrap();
        self.go_on.lock().unwrap().recv().unwrap();
        Ok(Vec::new())
    }

    fn notices(&self, _: UserId, _: i64, _: bool, _: usize) -> Result<Vec<Kept>, PeopleError> {
        Ok(Vec::new())
    }

    fn unread(&self, _: UserId) -> Result<u64, PeopleError> {
        Ok(0)
    }

    fn read_upto(&self, _: UserId, _: i64) -> Result<(), PeopleError> {
        Ok(())
    }
}

#[test]
fn a_notifier_that_is_behind_ends_when_it_is_told_to() {
    let site = Site::new();
    let [seller, anna, bert] = ["seller", "anna", "bert"].map(|name| site.member(name));
    let lot = site.auction(&seller, json!({"preset": "ladder", "duration_seconds": 3600}));
    site.bid(&lot, &anna, 1).expect(201);
    // More than two pages.
    for amount in 2..1_100 {
        site.bid(&lot, &bert, amount).expect(201);
    }
    let (begun, begins) = sync_channel(8);
    let (open, go_on) = sync_channel(8);
    let whom = UserId::new(anna.id).unwrap();
    let (go_on, told) = (Mutex::new(go_on), AtomicUsize::new(0));
    let gated = Arc::new(Gated { whom, begun, go_on, told });
    let board = Arc::new(Board::new(Arc::clone(&gated) as Arc<dyn Notices>));
    let notifier = Notifier::begin(site.house().engine.clone(), board).unwrap();
    begins.recv().unwrap();
    let ending = std::thread::Builder::new().name("the end".to_owned());
    let ending = ending.spawn(move || drop(notifier)).unwrap();
    // The notifier is within its first page; it is told to end before that goes on.
    for _ in 0..8 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        open.send(()).unwrap();
    }
    ending.join().unwrap();
    assert!(gated.told.load(Ordering::SeqCst) < 3, "it read on to the end of the log");
}

const PASSWORD: &str = "correct horse battery staple";

fn sign_up(connection: &mut Connection, name: &str) -> String {
    let user = json!({"username": name, "email": format!("{name}@example.org"),
        "password": PASSWORD});
    connection.post("/v1/users", None, None, &user).unwrap();
    let login = json!({"username": name, "password": PASSWORD});
    let (status, session) = connection.post("/v1/session", None, None, &login).unwrap();
    assert_eq!(status, 201);
    session["token"].as_str().unwrap().to_owned()
}

/// Bids ever more in these auctions until the house is gone.
fn bid_on(server: &Server, token: &str, lots: &[u64], from: u64) {
    let Some(mut connection) = server.connect() else { return };
    for number in from.. {
        for lot in lots {
            let path = format!("/v1/auctions/{lot}/bids");
            let body = json!({"amount": 1000 + number});
            if connection.post(&path, Some(token), None, &body).is_none() {
                return;
            }
        }
    }
}

fn page_of(connection: &mut Connection, token: &str, cursor: Option<&str>) -> Value {
    let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    let path = format!("/v1/me/notifications?limit=100{cursor}");
    let (status, page) = connection.send("GET", &path, Some(token), None, "").unwrap();
    assert_eq!(status, 200, "{page}");
    page
}

fn all_of(connection: &mut Connection, token: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut page = page_of(connection, token, None);
    loop {
        all.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { return all };
        page = page_of(connection, token, Some(cursor));
    }
}

#[test]
fn six_kills_in_the_middle_of_telling_tell_nothing_twice_and_leave_out_no_last_price() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path());
    let mut connection = server.connect().unwrap();
    let [seller, anna, bert] = ["seller", "anna", "bert"].map(|n| sign_up(&mut connection, n));
    let make = |connection: &mut Connection| {
        let body = json!({"title": "A lot", "currency": "EUR", "preset": "classic",
            "duration_seconds": 86_400});
        let (status, made) = connection.post("/v1/auctions", Some(&seller), None, &body).unwrap();
        assert_eq!(status, 201);
        made["id"].as_u64().unwrap()
    };
    let lots: Vec<u64> = (0..3).map(|_| make(&mut connection)).collect();
    for lot in &lots {
        let path = format!("/v1/auctions/{lot}/bids");
        let (status, _) = connection.post(&path, Some(&anna), None, &json!({"amount": 1})).unwrap();
        assert_eq!(status, 201);
    }
    let (path, body) = ("/v1/me/subscriptions", wishes(true, true, true).to_string());
    let set = connection.send("PUT", path, Some(&anna), None, &body).unwrap();
    assert_eq!(set.0, 200);
    for round in 0..6 {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| bid_on(&server, &bert, &lots, round * 100_000));
            // Until something of this round was told.
            let mut other = server.connect().unwrap();
            let fresh = |item: &Value| item["amount"].as_u64().unwrap() > 1000 + round * 100_000;
            while !stop.load(Ordering::Acquire) {
                let page = page_of(&mut other, &anna, None);
                let items = page["items"].as_array().unwrap();
                stop.store(items.iter().any(fresh), Ordering::Release);
            }
            wire::kill(server.id());
        });
        server.wait();
        server = Server::start(data.path());
    }
    let mut connection = server.connect().unwrap();
    let mut prices = BTreeMap::new();
    for lot in &lots {
        let (_, view) = connection.get(&format!("/v1/auctions/{lot}")).unwrap();
        prices.insert(*lot, view["price"].as_i64().unwrap());
    }
    let last = |all: &[Value]| -> BTreeMap<u64, i64> {
        let one =
            |item: &Value| (item["auction"].as_u64().unwrap(), item["amount"].as_i64().unwrap());
        all.iter().rev().map(one).collect()
    };
    let mut all = all_of(&mut connection, &anna);
    while last(&all) != prices {
        all = all_of(&mut connection, &anna);
    }
    check(&mut connection, &all);
}

/// Each once, in order, and each says what the log says.
fn check(connection: &mut Connection, all: &[Value]) {
    let mut seen = BTreeSet::new();
    for item in all {
        let (lot, version) = (item["auction"].as_u64().unwrap(), item["version"].as_u64().unwrap());
        assert!(seen.insert((lot, version)), "told twice: {item}");
        let path = format!("/v1/auctions/{lot}/events?after={}&limit=1", version - 1);
        let (_, page) = connection.get(&path).unwrap();
        let event = &page["items"][0]["event"];
        assert_eq!(
            (event["kind"].as_str(), &event["version"]),
            (Some("bid_placed"), &json!(version))
        );
        assert_eq!(event["data"]["price"], item["amount"]);
    }
    let ids: Vec<i64> = all.iter().map(|item| item["id"].as_i64().unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]));
}
