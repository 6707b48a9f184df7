//! Commands as strangers send them: every command of the API with a body, a path, a key that was
//! changed at random, over real sockets. Whatever it is, the answer is a document with a stable
//! code and never a failure of the house; and the house goes on, with no bid lost or made up.
//! Shapes that mattered once, here or elsewhere, are kept in `corpus`, each with its answer; what
//! proptest finds, in `fuzzing.txt`.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "house/served.rs"]
#[expect(dead_code, reason = "each test binary uses a part of it")]
mod served;

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};
use serde_json::{Value, json};
use served::{Reply, Served};

/// How many requests are sent.
const CASES: u32 = 1_500;

/// Method, path, body of every kind of command.
fn commands() -> Vec<(&'static str, &'static str, Value)> {
    let lot = json!({"title": "Lot", "description": "d", "currency": "EUR", "preset": "timed",
        "terms": {"close": {"kind": "soft", "window_seconds": 60, "extend_to_seconds": 60,
        "max_total_seconds": 600}, "increment": {"kind": "table",
        "steps": [{"from": 0, "step": 5}]}},
        "starting_price": 100, "reserve": 200, "duration_seconds": 3600, "publish": true});
    vec![
        ("POST", "/v1/auctions/1/bids", json!({"amount": 1000, "confirm": true})),
        ("POST", "/v1/auctions/1/bids", json!({"maximum": 5000, "expected_version": 3})),
        (
            "POST",
            "/v1/auctions/1/bids",
            json!({"amount": 7, "on_behalf_of": 1, "channel": "phone"}),
        ),
        ("POST", "/v1/auctions", lot),
        ("PATCH", "/v1/auctions/1", json!({"title": "Other", "starting_price": 3})),
        ("POST", "/v1/auctions/1/hold", json!({"reason": "other", "note": "n"})),
        ("POST", "/v1/auctions/1/accept", json!({"price": 5})),
        ("POST", "/v1/auctions/1/buy-now", json!({})),
        ("POST", "/v1/auctions/1/register", json!({})),
        ("POST", "/v1/auctions/1/addenda", json!({"text": "more"})),
        (
            "POST",
            "/v1/auctions/1/reopen",
            json!({"reason": "mistake", "ends_at": "2031-01-01T00:00:00Z"}),
        ),
        ("DELETE", "/v1/auctions/1/bids/4?reason=mistake", Value::Null),
        ("GET", "/v1/auctions/1/events?after=1&limit=5", Value::Null),
        ("GET", "/v1/auctions?status=active&sort=ending&limit=3", Value::Null),
        ("GET", "/v1/operations/1-00000000000000000000000000000000", Value::Null),
        ("GET", "/v1/receipts/1-00000000000000000000000000000000", Value::Null),
        ("POST", "/v1/users", json!({"username": "u", "email": "u@example.org", "password": "p"})),
        ("PATCH", "/v1/users/me", json!({"name": "N", "phone": "1"})),
    ]
}

/// What is put into places of a command.
const PIECES: [&str; 30] = [
    "0",
    "-1",
    "1.5",
    "1e3",
    "9007199254740992",
    "9223372036854775808",
    "null",
    "true",
    "\"\"",
    "\"x\"",
    "[]",
    "{}",
    "{\"kind\":\"none\"}",
    "\"\\u0000\"",
    "\"\\ud83d\"",
    "\"\u{202e}\"",
    "NaN",
    "'1'",
    "{",
    "}",
    ",",
    "\"amount\":1,",
    "%00",
    "%2e%2e%2f",
    "?after=-1",
    "&limit=0",
    "/",
    "..",
    "\u{e4}",
    "99999999999999999999",
];

#[derive(Clone, Debug)]
struct Sent {
    which: usize,
    body: Vec<(usize, usize, usize)>,
    path: Option<(usize, usize)>,
    key: Option<String>,
    signed_in: bool,
}

fn sent() -> impl Strategy<Value = Sent> {
    let change = (0..4_000_usize, 0..12_usize, 0..PIECES.len());
    let path = proptest::option::weighted(0.2, (0..200_usize, 0..PIECES.len()));
    let key = proptest::option::weighted(0.3, "[ -~]{0,12}|[a-z\"\\\\]{1,300}");
    let body = prop::collection::vec(change, 0..4);
    (0..18_usize, body, path, key, prop::bool::weighted(0.9))
        .prop_map(|(which, body, path, key, signed_in)| Sent { which, body, path, key, signed_in })
}

/// Puts a piece in the place of some bytes; places are those of characters.
fn put(text: &mut String, at: usize, over: usize, piece: &str) {
    let mut places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    places.push(text.len());
    let at = at % places.len();
    let end = (at + over).min(places.len() - 1);
    text.replace_range(places[at]..places[end], piece);
}

fn send(house: &Served, token: &str, sent: &Sent) -> Reply {
    let (method, path, body) = commands().swap_remove(sent.which);
    let mut path = path.to_owned();
    if let Some((at, piece)) = sent.path {
        // What does not begin with a slash is no request at all, and is hung up on.
        let mut rest = path.split_off(1);
        put(&mut rest, at, 1, PIECES[piece]);
        path += &rest;
    }
    // What no request line can hold at all is escaped.
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/?&=%.-_~:,'".contains(letter);
    let escaped = |letter| if plain(letter) { String::from(letter) } else { "%20".to_owned() };
    let path: String = path.chars().map(escaped).collect();
    let mut text = if body.is_null() { String::new() } else { body.to_string() };
    for (at, over, piece) in &sent.body {
        put(&mut text, *at, *over, PIECES[*piece]);
    }
    let mut headers = "content-type: application/json\r\n".to_owned();
    if let Some(key) = &sent.key {
        headers += &format!("idempotency-key: {key}\r\n");
    }
    if sent.signed_in {
        headers += &format!("authorization: Bearer {token}\r\n");
    }
    house.send(method, &path, &headers, text.as_bytes())
}

/// The bids of auction 1.
fn bids(house: &Served) -> usize {
    let (mut after, mut bids) = (0, 0);
    loop {
        let page = house.get(&format!("/v1/auctions/1/events?after={after}&limit=100"), None);
        let page = page.json();
        let items = page["items"].as_array().unwrap();
        let Some(last) = items.last() else { return bids };
        after = last["event"]["version"].as_u64().unwrap();
        bids += items.iter().filter(|item| item["event"]["kind"] == "bid_placed").count();
    }
}

/// A house with a seller, a bidder, and auction 1.
fn open() -> (Served, String, String) {
    let house = Served::with(&["limits.bids_per_second_per_actor=0"]);
    let (_, seller) = house.user("seller");
    let (_, bidder) = house.user("bidder");
    let lot = json!({"title": "Lot", "currency": "EUR", "preset": "timed",
        "duration_seconds": 86_400});
    assert_eq!(house.ask("POST", "/v1/auctions", Some(&seller), &lot).status, 201);
    (house, seller, bidder)
}

#[test]
fn the_kept_corpus_is_answered_as_ever_and_nothing_comes_of_it() {
    let (house, seller, bidder) = open();
    let version = || house.get("/v1/auctions/1", None).json()["version"].clone();
    let before = version();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let (mut tried, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let seed: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let text = |member: &str| seed[member].as_str();
        let token = if text("sender") == Some("seller") { &seller } else { &bidder };
        let mut headers =
            format!("content-type: application/json\r\nauthorization: Bearer {token}\r\n");
        if let Some(key) = text("key") {
            headers += &format!("idempotency-key: {key}\r\n");
        }
        let (method, target, body) =
            (text("method").unwrap(), text("path").unwrap(), text("body").unwrap());
        let reply = house.send(method, target, &headers, body.as_bytes());
        let problem = reply.status >= 400 && reply.body.starts_with('{');
        let code = if problem { reply.code() } else { String::new() };
        if seed["status"] != reply.status || text("code") != Some(&code) {
            wrong.push(format!("{}: {reply:?}", path.display()));
        }
        tried += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried >= 30, "only {tried} are left");
    assert_eq!((bids(&house), version()), (0, before));
    assert_eq!(house.get("/v1/auctions/2", None).status, 404, "an auction came of it");
    assert_eq!(house.get("/health/ready", None).status, 200);
}

#[test]
fn whatever_is_sent_is_answered_and_the_house_goes_on() {
    let (house, seller, bidder) = open();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzzing.txt");
    let kept = FileFailurePersistence::Direct(file);
    let config = Config {
        cases: CASES,
        failure_persistence: Some(Box::new(kept)),
        source_file: Some(file!()),
        ..Config::default()
    };
    let accepted = std::cell::Cell::new(0);
    let asked = TestRunner::new(config).run(&sent(), |sent| {
        let token = if sent.which.is_multiple_of(2) { &seller } else { &bidder };
        let reply = send(&house, token, &sent);
        let fail = |what: &str| Err(TestCaseError::fail(format!("{what}: {sent:?}\n{reply:?}")));
        match reply.status {
            200..=299 if reply.body.contains("\"bid\":") => accepted.set(accepted.get() + 1),
            200..=399 => {}
            400..=499 if reply.body.starts_with('{') => drop(reply.code()),
            400..=499 => return fail("no document"),
            _ => return fail("a failure of the house"), // not ours: a number
        }
        Ok(())
    });
    asked.unwrap();
    assert_eq!(house.get("/health/ready", None).status, 200);
    assert!(bids(&house) <= accepted.get(), "a bid that nobody was told of");
}
