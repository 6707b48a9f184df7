//! The dialect `flash` by its own client: the JavaScript of the reference with the official client
//! of Socket.IO, on the house's address and on four ports.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "house/served.rs"]
mod served;

use serde_json::{Value, json};
use served::Served;
use std::io::{BufRead, BufReader, Lines};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Stdio};

/// The client of the reference.
struct Client {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Client {
    fn new(arguments: &[&str]) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/live/test");
        let mut command = Command::new("node");
        command.arg("flash.mjs").args(arguments).current_dir(folder).stdout(Stdio::piped());
        let mut child = command.spawn().expect("node 20, and `scripts/setup.sh test`");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next such event that is so.
    fn hears(&mut self, event: &str, so: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Vec::new();
        for line in self.lines.by_ref() {
            let mut line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if line["event"] == event && so(&line["data"]) {
                return line["data"].take();
            }
            seen.push(line);
        }
        panic!("no {event}: {seen:?}")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn sale(house: &Served, at: &str, host: &str, duration: u32) -> String {
    let body = json!({"title": "Vintage Rolex Watch", "description": "Rare 1960s Rolex Submariner",
        "duration": duration, "category": "Watches", "starting_bid": 10000.5});
    let made = house.ask("POST", &format!("{at}/auctions"), Some(host), &body);
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["auction_id"].as_str().unwrap().to_owned()
}

fn bid(house: &Served, at: &str, token: &str, auction: &str, amount: f64) -> Value {
    let body = json!({"auction_id": auction, "amount": amount});
    let placed = house.ask("POST", &format!("{at}/internal/bids"), Some(token), &body);
    assert_eq!(placed.status, 201, "{placed:?}");
    placed.json()
}

#[test]
fn s4_19_to_s4_23_the_client_of_the_reference_sees_a_sale_to_its_end() {
    let house = Served::with(&["dialects.on=flash"]);
    let [host, anna, bert] = ["host", "anna", "bert"].map(|name| house.user(name).1);
    let auction = sale(&house, "", &host, 5);
    let url = format!("http://{}", house.address);
    let mut client = Client::new(&[&url, &anna, &auction, "somebody else", "bert", "Hello!"]);
    client.hears("connected", |_| true);
    let mut other_client = Client::new(&[&url, &bert, &auction]);
    other_client.hears("joined_auction", |_| true);
    let joined = client.hears("joined_auction", |_| true);
    assert_eq!((&joined["auction_id"], &joined["status"]), (&json!(auction), &json!("live")));
    assert_eq!(joined["current_high_bid"], Value::Null);
    assert_eq!(joined["minimum_next_bid"], 10000.5);
    // Whoever he says he is, he is whose token it is (S4-21).
    let said = client.hears("chat_message", |_| true);
    assert_eq!((&said["username"], &said["message"]), (&json!("anna"), &json!("Hello!")));
    assert_eq!(said["auction_id"], json!(auction));
    let own = bid(&house, "", &anna, &auction, 11000.0);
    let update = client.hears("bid_update", |update| update["bid_count"] == 1);
    assert_eq!(update["you_are_winning"], true);
    let others = other_client.hears("bid_update", |update| update["bid_count"] == 1);
    assert_eq!((&others["you_are_winning"], &others["high_bid"]), (&json!(false), &json!(11000)));
    assert_eq!(
        (&update["high_bid"], &update["high_bidder_username"]),
        (&json!(11000), &json!("anna"))
    );
    assert_eq!(update["high_bidder_id"], own["user_id"]);
    // S4-32: ten seconds are left after a bid in the last ten.
    assert_eq!(own["extended"], true);
    let timer = client.hears("timer_update", |timer| timer["auction_id"] == json!(auction));
    assert!((1..=10).contains(&timer["time_remaining_seconds"].as_i64().unwrap()), "{timer}");
    let other = bid(&house, "", &bert, &auction, 12000.0);
    let update = client.hears("bid_update", |update| update["bid_count"] == 2);
    assert_eq!(update["you_are_winning"], false);
    let others = other_client.hears("bid_update", |update| update["bid_count"] == 2);
    assert_eq!(others["you_are_winning"], true, "each is told his own");
    let top = json!([
        {"user_id": other["user_id"], "username": "bert", "amount": 12000},
        {"user_id": own["user_id"], "username": "anna", "amount": 11000},
    ]);
    assert_eq!(update["top_bids"], top);
    let ended = client.hears("auction_ended", |_| true);
    assert_eq!((&ended["status"], &ended["winner_id"]), (&json!("closed"), &other["user_id"]));
    assert_eq!((&ended["winning_bid"], &ended["you_are_winning"]), (&json!(12000), &json!(false)));
    let shown = house.get(&format!("/auctions/{auction}"), None).json();
    assert_eq!((&shown["status"], &shown["winner_id"]), (&json!("closed"), &other["user_id"]));
    assert_eq!(shown["winning_bid"], json!(12000.0));
    assert!(shown["ended_at"].is_string(), "{shown}");
    let stands = house.get(&format!("/auctions/{auction}/state"), None).json();
    assert_eq!((&stands["status"], &stands["winner_id"]), (&json!("closed"), &other["user_id"]));
    assert_eq!(stands["time_remaining_seconds"], Value::Null);
}

#[test]
fn s4_29_texts_are_as_long_as_their_columns() {
    let house = Served::with(&["dialects.on=flash"]);
    let host = house.user("host").1;
    let sell = |title: usize, category: usize| {
        let body = json!({"title": "x".repeat(title), "category": "y".repeat(category),
            "duration": 60, "starting_bid": 1});
        let made = house.ask("POST", "/auctions", Some(&host), &body);
        (made.status, made.json()["field"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(sell(500, 100).0, 201);
    assert_eq!(sell(501, 100), (400, "title".to_owned()));
    assert_eq!(sell(500, 101), (400, "category".to_owned()));
}

#[test]
fn p14_who_has_won_is_told_only_where_bidders_are_named() {
    let house = Served::with(&["dialects.on=flash"]);
    let (seller, (anna_id, anna)) = (house.user("seller").1, house.user("anna"));
    let uuid = |kind: u16, id: u64| format!("67617665-{kind:04x}-8000-8000-{id:012x}");
    for (preset, named) in [("english", false), ("sealed", false), ("classic", true)] {
        let lot = json!({"title": "Lot", "currency": "EUR", "preset": preset,
            "starting_price": 1_000, "duration_seconds": 3600});
        let lot = house.ask("POST", "/v1/auctions", Some(&seller), &lot).json()["id"].clone();
        let bids = format!("/v1/auctions/{lot}/bids");
        let amount = json!({"amount": 2_000, "confirm": true});
        assert_eq!(house.ask("POST", &bids, Some(&anna), &amount).status, 201, "{preset}");
        let close = format!("/v1/auctions/{lot}/close");
        let reason = json!({"reason": "on_request"});
        assert_eq!(house.ask("POST", &close, Some(&house.admin()), &reason).status, 200);
        let there = format!("/auctions/{}", uuid(1, lot.as_u64().unwrap()));
        let winner = named.then(|| uuid(2, anna_id.unsigned_abs()));
        for path in [there.clone(), format!("{there}/state")] {
            let shown = house.get(&path, None).json();
            let said = (&shown["winning_bid"], &shown["winner_id"]);
            assert_eq!(said, (&json!(20.0), &json!(winner)), "{preset} {path}: {shown}");
        }
    }
}

#[test]
fn s4_24_a_token_that_is_not_good_is_refused() {
    let house = Served::with(&["dialects.on=flash"]);
    let url = format!("http://{}", house.address);
    let mut client = Client::new(&[&url, "nonsense", "67617665-0001-8000-8000-000000000001"]);
    assert_eq!(client.hears("connect_error", |_| true), "unauthenticated");
}

#[test]
fn s4_01_to_s4_06_four_ports_each_with_its_health_and_all_of_it() {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ports = [(); 4].map(|()| free());
    let on: Vec<String> = ports.iter().map(|port| format!("flash={port}")).collect();
    let mut house = Served::with(&[&format!("dialects.on={}", on.join(","))]);
    let [host, anna] = ["host", "anna"].map(|name| house.user(name).1);
    let own = house.address;
    for port in ports {
        house.address = port;
        let health = house.get("/health", None);
        assert_eq!((health.status, health.json()), (200, json!({"status": "healthy"})));
        assert_eq!(house.get("/v1/time", None).status, 404, "only the dialect is here");
    }
    let [management, sockets, bids, timer] = ports;
    house.address = management;
    let auction = sale(&house, "", &host, 3600);
    let url = format!("http://{sockets}");
    let mut client = Client::new(&[&url, &anna, &auction]);
    let connected = client.hears("connected", |_| true);
    assert_eq!(connected["username"], "anna");
    client.hears("joined_auction", |_| true);
    house.address = bids;
    let placed = bid(&house, "", &anna, &auction, 15000.0);
    assert_eq!(placed["user_id"], connected["user_id"]);
    let update = client.hears("bid_update", |_| true);
    assert_eq!((&update["high_bid"], &update["you_are_winning"]), (&json!(15000), &json!(true)));
    house.address = timer;
    let state = house.get(&format!("/auctions/{auction}/state"), None).json();
    assert!(state["time_remaining_seconds"].as_i64().unwrap() <= 3600);
    assert_eq!(state["participant_count"], 1);
    house.address = own;
}
