//! `kill -9` under load, twenty times, and a look at the history afterwards: every acknowledged bid
//! is there exactly once, with its amount, at its version; what nobody could know is told by its
//! key; every refusal was justified at the version it names.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "house/wire.rs"]
mod wire;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use wire::{Connection, Server};

const KILLS: u64 = 20;
const CLIENTS: usize = 8;
const PASSWORD: &str = "correct horse battery staple";

/// What a client did and was told.
#[derive(Clone, Debug)]
struct Attempt {
    auction: u64,
    bidder: usize,
    key: String,
    amount: u64,
    told: Told,
}

#[derive(Clone, Debug, PartialEq)]
enum Told {
    Accepted(Value),
    Refused(Value),
    Nothing,
}

struct House {
    tokens: Vec<String>,
    auctions: Vec<u64>,
}

fn sign_up(connection: &mut Connection, name: &str) -> String {
    let user = json!({"username": name, "email": format!("{name}@example.org"),
        "password": PASSWORD});
    let (status, _) = connection.post("/v1/users", None, None, &user).unwrap();
    assert_eq!(status, 201);
    let (status, session) = connection
        .post("/v1/session", None, None, &json!({"username": name, "password": PASSWORD}))
        .unwrap();
    assert_eq!(status, 201);
    session["token"].as_str().unwrap().to_owned()
}

fn open_house(server: &Server) -> House {
    let mut connection = server.connect().unwrap();
    let seller = sign_up(&mut connection, "seller");
    let bidders = (0..CLIENTS).map(|n| sign_up(&mut connection, &format!("bidder{n}")));
    let tokens = bidders.collect();
    let auctions = (0..4).map(|n| {
        let preset = if n % 2 == 0 { "classic" } else { "timed" };
        let body = json!({"title": format!("Lot {n}"), "currency": "EUR", "preset": preset,
            "duration_seconds": 86_400});
        let (status, made) = connection.post("/v1/auctions", Some(&seller), None, &body).unwrap();
        assert_eq!(status, 201, "{made}");
        made["id"].as_u64().unwrap()
    });
    let auctions = auctions.collect();
    House { tokens, auctions }
}

fn tell(answer: Option<(u16, Value)>) -> Told {
    match answer {
        Some((201, body)) => Told::Accepted(body),
        Some((409 | 422 | 403, body)) => Told::Refused(body),
        Some((503, _)) | None => Told::Nothing,
        Some((status, body)) => panic!("{status}: {body}"),
    }
}

fn place(connection: &mut Connection, token: &str, attempt: &Attempt) -> Told {
    let path = format!("/v1/auctions/{}/bids", attempt.auction);
    let body = json!({"amount": attempt.amount});
    tell(connection.post(&path, Some(token), Some(&attempt.key), &body))
}

/// Bids until the server is gone.
fn bid_on(
    server: &Server,
    house: &House,
    bidder: usize,
    round: u64,
    amounts: &AtomicU64,
    stop: &AtomicBool,
) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let Some(mut connection) = server.connect() else { return attempts };
    let mut number = 0;
    while !stop.load(Ordering::Acquire) {
        number += 1;
        let auction = house.auctions[(bidder + number) % house.auctions.len()];
        // Every third one is too low on purpose, so that refusals are judged too.
        let amount = match number % 3 {
            0 => 1 + number as u64,
            _ => amounts.fetch_add(37, Ordering::Relaxed),
        };
        let key = format!("r{round}-b{bidder}-{number}");
        let mut attempt = Attempt { auction, bidder, key, amount, told: Told::Nothing };
        attempt.told = place(&mut connection, &house.tokens[bidder], &attempt);
        let gone = attempt.told == Told::Nothing;
        attempts.push(attempt);
        if gone {
            break;
        }
    }
    attempts
}

#[test]
fn twenty_kills_under_load_lose_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let house = Arc::new(open_house(&server));
    drop(server);
    let amounts = AtomicU64::new(100_000);
    let mut attempts: Vec<Attempt> = Vec::new();
    for round in 0..KILLS {
        let mut server = Server::start(dir.path());
        let stop = AtomicBool::new(false);
        let pid = server.id();
        let done = std::thread::scope(|scope| {
            let (server, house, amounts, stop) = (&server, &*house, &amounts, &stop);
            let bidders: Vec<_> = (0..CLIENTS)
                .map(|bidder| {
                    scope.spawn(move || bid_on(server, house, bidder, round, amounts, stop))
                })
                .collect();
            std::thread::sleep(Duration::from_millis(40 + 13 * (round % 9)));
            wire::kill(pid);
            stop.store(true, Ordering::Release);
            bidders.into_iter().map(|bidder| bidder.join().unwrap()).collect::<Vec<_>>()
        });
        server.wait();
        attempts.extend(done.into_iter().flatten());
    }
    let server = Server::start(dir.path());
    resolve(&server, &house, &mut attempts);
    check(&server, &house, &attempts);
}

/// What nobody was told is asked again by its key; every acknowledged one too, every tenth of them,
/// and must be answered as before.
fn resolve(server: &Server, house: &House, attempts: &mut [Attempt]) {
    let mut connection = server.connect().unwrap();
    let mut unknown = 0;
    for (number, attempt) in attempts.iter_mut().enumerate() {
        let again = || attempt.clone();
        match &attempt.told {
            Told::Nothing => {
                unknown += 1;
                let token = &house.tokens[attempt.bidder];
                attempt.told = place(&mut connection, token, &again());
                assert_ne!(attempt.told, Told::Nothing, "the outcome can be learnt");
            }
            Told::Accepted(_) if number % 10 == 0 => {
                let token = &house.tokens[attempt.bidder];
                assert_eq!(place(&mut connection, token, &again()), attempt.told);
            }
            Told::Accepted(_) | Told::Refused(_) => {}
        }
    }
    assert!(unknown > 0, "the kills hit nothing under way: the test shows nothing");
}

/// The public history of an auction by version.
fn history(server: &Server, auction: u64) -> BTreeMap<u64, Value> {
    let mut connection = server.connect().unwrap();
    let mut events = BTreeMap::new();
    loop {
        let after = events.keys().next_back().copied().unwrap_or(0);
        let path = format!("/v1/auctions/{auction}/events?after={after}&limit=100");
        let (status, page) = connection.get(&path).unwrap();
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap();
        if items.is_empty() {
            return events;
        }
        for item in items {
            let version = item["event"]["version"].as_u64().unwrap();
            assert!(events.insert(version, item["event"].clone()).is_none());
        }
    }
}

fn check(server: &Server, house: &House, attempts: &[Attempt]) {
    let (mut accepted, mut refused) = (0, 0);
    for auction in &house.auctions {
        let events = history(server, *auction);
        let versions: Vec<u64> = events.keys().copied().collect();
        assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>(), "no holes");
        let mut claimed = BTreeMap::new();
        for attempt in attempts.iter().filter(|attempt| attempt.auction == *auction) {
            match &attempt.told {
                Told::Accepted(body) => {
                    accepted += 1;
                    let version = body["version"].as_u64().unwrap();
                    let event = &events[&version];
                    assert_eq!(event["kind"], "bid_placed", "{attempt:?}");
                    if let Some(amount) = event["data"]["amount"].as_u64() {
                        assert_eq!(amount, attempt.amount, "{attempt:?}");
                    }
                    assert_eq!(event["data"]["price"], body["price"]);
                    let twice = claimed.insert(version, attempt.key.clone());
                    assert_eq!(twice, None, "one event answers one command");
                }
                Told::Refused(body) => {
                    refused += 1;
                    justified(&events, attempt, body);
                }
                Told::Nothing => panic!("unresolved: {attempt:?}"),
            }
        }
        let placed = events.values().filter(|event| event["kind"] == "bid_placed").count();
        assert_eq!(placed, claimed.len(), "nothing in the log that nobody asked for");
    }
    println!("{accepted} accepted, {refused} refused, all found as told");
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}

/// A refusal was right at the version it names.
fn justified(events: &BTreeMap<u64, Value>, attempt: &Attempt, body: &Value) {
    let version = body["version"].as_u64().unwrap();
    let shown = events.range(..=version).rev().find_map(|(_, event)| {
        (event["kind"] == "bid_placed").then(|| event["data"]["minimum_next"].as_u64())
    });
    let minimum = shown.flatten();
    match body["code"].as_str().unwrap() {
        "below_start" => assert_eq!(minimum, None, "{attempt:?} {body}"),
        "below_minimum" => {
            assert_eq!(body["minimum_next"].as_u64(), minimum, "{attempt:?} {body}");
            assert!(Some(attempt.amount) < minimum, "{attempt:?} {body}");
        }
        "not_above_own" => assert!(body["above"].as_u64() >= Some(attempt.amount), "{body}"),
        other => panic!("unexpected refusal {other}: {attempt:?} {body}"),
    }
}
