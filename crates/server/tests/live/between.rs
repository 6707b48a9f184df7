//! What happens in the middle of something else: a request to the live room is taken as far as a
//! test wants, and goes on when that has happened.

use super::site::gate::Gate;
use super::site::{Person, Site};
use axum::body::{Body, to_bytes};
use axum::response::Response;
use futures_util::FutureExt as _;
use gavel_auction::command::Roles;
use gavel_server::config::Config;
use gavel_server::house::House;
use gavel_server::http::dialects::Mount;
use gavel_server::live::wheel;
use http::Request;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::pin::{Pin, pin};
use std::sync::{Arc, RwLock};
use std::task::Poll;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Long enough for one look into the store.
const LOOK: Duration = Duration::from_millis(60);

/// How long anything may take at most.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client that polls.
struct Polls<'a> {
    site: &'a Site,
    sid: String,
}

impl<'a> Polls<'a> {
    fn begin(site: &'a Site) -> Self {
        let mut polls = Self { site, sid: String::new() };
        let open = polls.news();
        let open: Value = serde_json::from_str(&open[1..]).unwrap();
        polls.sid = open["sid"].as_str().unwrap().to_owned();
        polls
    }

    fn with(site: &'a Site, by: &Person) -> Self {
        let polls = Self::begin(site);
        site.run(polls.delivers(&format!("40{}", json!({"token": by.token}))));
        assert!(polls.news().starts_with("40"));
        polls
    }

    /// One who is in the room of an auction, and was told so.
    fn inside(site: &'a Site, by: &Person, auction: u64) -> Self {
        let polls = Self::with(site, by);
        site.run(polls.delivers(&says("join_auction", &json!({"auction_id": auction}))));
        polls.hears("joined_auction");
        polls
    }

    fn send(&self, method: &str, body: &str) -> impl Future<Output = Response> + use<> {
        let sid = if self.sid.is_empty() { String::new() } else { format!("&sid={}", self.sid) };
        let path = format!("/socket.io/?EIO=4&transport=polling{sid}");
        let request = Request::builder().method(method).uri(path).header("host", "house");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let edge = self.site.edge();
        async move { edge.answer(Ipv4Addr::LOCALHOST.into(), request).await }
    }

    /// What waits for him.
    fn news(&self) -> String {
        self.site.run(text(self.send("GET", "")))
    }

    fn delivers(&self, packet: &str) -> impl Future<Output = Response> + use<> {
        self.send("POST", packet)
    }

    /// Who is there, as the wheel tells it.
    fn hears_who_is_here(&self) -> Value {
        self.site.run(async {
            tokio::select! {
                biased;
                told = self.hears_in_time("presence_update") => told,
                () = wheel::keep(self.site.house()) => unreachable!("the house is open"),
            }
        })
    }

    /// The data of the next such event; what comes with it is passed over.
    fn hears(&self, name: &str) -> Value {
        self.site.run(self.hears_in_time(name))
    }

    async fn hears_in_time(&self, name: &str) -> Value {
        loop {
            if let Some(data) = events(&text(self.send("GET", "")).await, name).first() {
                return data.clone();
            }
        }
    }
}

/// A house in which an auction is settled, and not in memory; its path.
fn settled(gate: &Arc<Gate>, bidder: Option<&str>) -> (Site, String) {
    let set = |config: &mut Config| config.dialects.on = Mount::read("cars").unwrap();
    let mut site = Site::with(Some(Arc::clone(gate)), set);
    let seller = site.member("seller");
    let admin = site.person("admin", Roles::ADMIN);
    let path = site.auction(&seller, json!({"preset": "classic", "duration_seconds": 3600}));
    if let Some(bidder) = bidder {
        site.bid(&path, &site.member(bidder), 700).expect(201);
    }
    site.post(&format!("{path}/close"), &admin, &json!({"reason": "on_request"})).expect(200);
    site.until(|| site.get(&path, None).expect(200)["certified"] == json!(true));
    // Its snapshot is written as the house closes.
    site.restart();
    all_has_left(&site);
    (site, path)
}

/// Waits until nothing is in memory.
fn all_has_left(site: &Site) {
    let engine = site.house().engine.clone();
    site.until(|| engine.resident() == 0);
}

/// A packet that says something, and wants no answer.
fn says(name: &str, about: &Value) -> String {
    format!("42{}", json!([name, about]))
}

async fn text(reply: impl Future<Output = Response>) -> String {
    let reply = timeout(PATIENCE, reply).await.expect("somebody says something");
    let bytes = to_bytes(reply.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The data of such events in what came.
fn events(news: &str, name: &str) -> Vec<Value> {
    let event = format!("42[\"{name}\",");
    let data = news.split('\u{1e}').filter_map(|packet| packet.strip_prefix(&event));
    let data = data.map(|data| data.strip_suffix(']').unwrap());
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn rest(site: &Site, how_long: Duration) {
    site.run(async { sleep(how_long).await });
}

fn number(path: &str) -> u64 {
    path.rsplit('/').next().unwrap().parse().unwrap()
}

/// Does this while nobody gets a look into the store any more.
fn busy(site: &Site, meanwhile: impl FnOnce()) {
    let (house, held): (House, _) = (site.house(), Arc::new(RwLock::new(())));
    let hold = held.write().unwrap();
    let waits = || {
        let held = Arc::clone(&held);
        Box::pin(house.aside(move |_| drop(held.read())))
    };
    let mut waiting = Vec::new();
    site.run(async {
        loop {
            let mut one = waits();
            match one.as_mut().now_or_never() {
                None => waiting.push(one),
                Some(full) => break assert_eq!(full.unwrap_err().code(), "overloaded"),
            }
        }
    });
    meanwhile();
    drop(hold);
    site.run(async {
        for one in waiting {
            one.await.unwrap();
        }
    });
}

/// Takes something on by so many looks into the store; whether it came to its end.
async fn on<T>(mut what: Pin<&mut impl Future<Output = T>>, looks: usize) -> bool {
    for _look in 0..looks {
        let once = std::future::poll_fn(|context| Poll::Ready(what.as_mut().poll(context)));
        if once.await.is_ready() {
            return true;
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}

#[test]
fn sec_s14_whoever_is_shut_out_while_he_comes_in_stays_out() {
    let site = Site::new();
    let anna = site.member("anna");
    let polls = Polls::begin(&site);
    let mut comes = pin!(polls.delivers(&format!("40{}", json!({"token": anna.token}))));
    assert!(!site.run(on(comes.as_mut(), 1)), "he was looked up and is not in yet");
    site.ban(&anna);
    site.run(comes);
    let told = polls.news();
    assert!(told.starts_with("44") && told.contains("banned"), "{told}");
}

#[test]
fn what_is_said_and_taken_back_while_a_room_is_made_is_shown_as_it_is() {
    let site = Site::new();
    let clerk = site.person("clerk", Roles::CLERK);
    let mut looks = 0;
    // The room is made a little further each time before something happens.
    loop {
        let member = |name: &str| site.member(&format!("{name}{looks}"));
        let [seller, anna, bert] = ["seller", "anna", "bert"].map(member);
        let path = site.auction(&seller, json!({"duration_seconds": 3600}));
        let lot = number(&path);
        let said = |by: &Person, words: &str| {
            let spoken = site.post(&format!("{path}/chat"), by, &json!({"message": words}));
            spoken.expect(201)["id"].clone()
        };
        let [first, second] = [said(&anna, "first"), said(&bert, "second")];
        let polls = Polls::with(&site, &bert);
        let join = says("join_auction", &json!({"auction_id": lot}));
        let mut joins = pin!(polls.delivers(&join));
        let was_in = site.run(on(joins.as_mut(), looks));
        if was_in {
            break;
        }
        let taken = site.ask("DELETE", &format!("{path}/chat/{first}"), Some(&clerk), None, "");
        assert_eq!(taken.status, 204, "{taken:?}");
        let third = said(&seller, "third");
        site.run(joins);
        let chat = polls.hears("joined_auction")["chat"].clone();
        let ids: Vec<_> = chat.as_array().unwrap().iter().map(|said| said["id"].clone()).collect();
        assert_eq!(ids, [second, third], "after {looks} looks: {chat}");
        looks += 1;
    }
}

#[test]
fn p8_what_was_kept_is_heard_though_whoever_said_it_has_gone() {
    let site = Site::new();
    // He goes a little later each time, until it was kept and he was not told.
    for turn in 0.. {
        assert!(turn < 40, "he always goes before or after");
        let looks = turn % 4;
        let [seller, anna, bert] =
            ["seller", "anna", "bert"].map(|name| site.member(&format!("{name}{turn}")));
        let path = site.auction(&seller, json!({"duration_seconds": 3600}));
        let there = Polls::inside(&site, &bert, number(&path));
        let chat = format!("{path}/chat");
        let request = Request::post(&chat).header("host", "house");
        let request = request.header("authorization", format!("Bearer {}", anna.token));
        let request = request.header("content-type", "application/json");
        let request = request.body(Body::from(json!({"message": "hello"}).to_string())).unwrap();
        let edge = site.edge();
        let mut said = Box::pin(edge.answer(Ipv4Addr::LOCALHOST.into(), request));
        let answered = site.run(on(said.as_mut(), looks));
        drop(said);
        rest(&site, LOOK);
        let kept = site.get(&chat, None).json()["items"].as_array().unwrap().len();
        if kept > 0 {
            assert_eq!(there.hears("chat_message")["message"], "hello", "after {looks} looks");
        }
        if kept > 0 && !answered {
            break;
        }
    }
}

#[test]
fn p11_a_change_that_cannot_be_shown_is_a_gap_and_is_told_once_it_can() {
    let site = Site::new();
    let [seller, anna, bert] = ["seller", "anna", "bert"].map(|name| site.member(name));
    let path = site.auction(&seller, json!({"preset": "classic", "duration_seconds": 3600}));
    let there = Polls::inside(&site, &bert, number(&path));
    // Who she is, is known; what she is called, has to be looked up.
    site.get("/v1/users/me", Some(&anna)).expect(200);
    let mut placed = Value::Null;
    busy(&site, || {
        placed = site.bid(&path, &anna, 1_000).expect(201);
        assert_eq!(there.hears("gap")["to"], placed["version"]);
    });
    let update = there.hears("bid_update");
    assert_eq!((&update["version"], &update["high_bid"]), (&placed["version"], &json!(1_000)));
    assert_eq!(
        (&update["from_version"], &update["paddles"]["1"]),
        (&placed["version"], &json!("anna"))
    );
}

#[test]
fn sec_s34_whoever_is_erased_while_he_comes_in_is_not_named() {
    let gate = Arc::new(Gate::default());
    // Into a room that is made for her, or into one where somebody is.
    for somebody in [false, true] {
        let (site, path) = settled(&gate, None);
        let (bert, anna, lot) = (site.member("bert"), site.member("canary"), number(&path));
        let admin = site.person("another", Roles::ADMIN);
        let there = somebody.then(|| Polls::inside(&site, &bert, lot));
        let hers = Polls::with(&site, &anna);
        all_has_left(&site);
        gate.close();
        let join = says("join_auction", &json!({"auction_id": lot}));
        let mut joins = pin!(hers.delivers(&join));
        while gate.waiting() == 0 {
            assert!(!site.run(on(joins.as_mut(), 1)), "she has to wait for the auction");
        }
        let erased = format!("/v1/users/{}", anna.id);
        assert_eq!(site.ask("DELETE", &erased, Some(&admin), None, "").status, 204);
        assert!(!gate.open());
        site.run(joins);
        assert_eq!(hers.hears("joined_auction")["auction_id"], lot);
        let there = there.unwrap_or_else(|| Polls::inside(&site, &bert, lot));
        let told = there.hears_who_is_here();
        let who = (&told["participant_count"], &told["participants"], &told["joined"]);
        assert_eq!(who, (&json!(2), &json!(["bert"]), &json!(["bert"])));
    }
}

#[test]
fn an_erasure_that_takes_its_time_holds_up_nobody_in_the_room() {
    let gate = Arc::new(Gate::default());
    let (site, path) = settled(&gate, Some("anna"));
    let lot = number(&path);
    let [bert, carl] = ["bert", "carl"].map(|name| site.member(name));
    let clerk = site.person("another", Roles::ADMIN);
    let there = Polls::inside(&site, &bert, lot);
    let leaves = Polls::inside(&site, &carl, lot);
    assert_eq!(there.hears_who_is_here()["participant_count"], 2);
    let anna = site.get(&path, Some(&clerk)).json()["outcome"]["winner_user"].clone();
    assert!(anna.is_i64(), "{anna}");
    all_has_left(&site);
    gate.close();
    let request = Request::delete(format!("/v1/users/{anna}"));
    let request = request.header("host", "house");
    let request = request.header("authorization", format!("Bearer {}", clerk.token));
    let edge = site.edge();
    let request = request.body(Body::empty()).unwrap();
    let mut erases = Box::pin(edge.answer(Ipv4Addr::LOCALHOST.into(), request));
    while gate.waiting() == 0 {
        let over = site.run(on(erases.as_mut(), 1));
        assert!(!over, "it has to look who is meant");
    }
    site.run(leaves.delivers(&says("leave_auction", &json!({"auction_id": lot}))));
    assert_eq!(there.hears_who_is_here()["participant_count"], 1);
    assert!(!gate.open(), "nobody waited for the erasure");
    assert_eq!(site.run(erases).status().as_u16(), 204);
}

#[test]
fn s2_13_a_busy_house_tells_later_what_one_follows() {
    let gate = Arc::new(Gate::default());
    let (site, path) = settled(&gate, Some("anna"));
    let (bert, lot) = (site.member("bert"), number(&path));
    let follows = Polls::with(&site, &bert);
    busy(&site, || {
        site.run(follows.delivers(&says("subscribe", &json!(lot))));
        rest(&site, LOOK);
    });
    let told = follows.hears("max_bid");
    assert_eq!((&told["status"], &told["max_bid"]), (&json!("closed"), &json!(700)), "{told}");
}

#[test]
fn s2_13_who_takes_little_is_told_how_it_stands_when_he_takes_it() {
    let site = Site::configured(|config| config.dialects.on = Mount::read("cars").unwrap());
    let [seller, anna, bert] = ["seller", "anna", "bert"].map(|name| site.member(name));
    let make = |_| {
        let body = json!({"preset": "classic", "duration_seconds": 3600});
        site.auction(&seller, body)
    };
    let lots: Vec<String> = (0..60).map(make).collect();
    let numbers: Vec<u64> = lots.iter().map(|path| number(path)).collect();
    let follows = Polls::with(&site, &bert);
    site.run(follows.delivers(&says("subscribe", &json!(numbers))));
    rest(&site, LOOK * 5);
    site.run(follows.delivers(&says("unsubscribe", &json!(numbers[58]))));
    site.bid(&lots[59], &anna, 700).expect(201);
    let mut told = Vec::new();
    while told.last().is_none_or(|told: &Value| told["auction"] != numbers[59]) {
        told.extend(events(&follows.news(), "max_bid"));
    }
    assert_eq!(told.last().unwrap()["max_bid"], 700, "and not what was before");
    let about: Vec<_> = told.iter().map(|told| told["auction"].as_u64().unwrap()).collect();
    let wanted: Vec<_> = numbers.iter().copied().filter(|lot| *lot != numbers[58]).collect();
    assert_eq!(about, wanted, "each once");
}
