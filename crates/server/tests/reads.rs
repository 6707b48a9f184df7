//! Reads: what is kept at hand is never older than what was answered; a clock's price moves by
//! itself; conditions and waiting for a version hold on every read of an auction.

#[path = "floor/site.rs"]
mod site;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Request;
use serde_json::json;
use site::{Person, Reply, Site};

/// A read on a condition.
fn unless(site: &Site, path: &str, by: Option<&Person>, tag: &str) -> Reply {
    let mut request = Request::builder().uri(path).header("if-none-match", tag);
    if let Some(by) = by {
        request = request.header("authorization", format!("Bearer {}", by.token));
    }
    site.send(request.body(Body::empty()).expect("a request"))
}

fn tag(reply: &Reply) -> String {
    reply.headers["etag"].to_str().expect("ASCII").to_owned()
}

#[test]
fn what_is_kept_is_never_older_than_what_was_answered() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let lot = json!({"duration_seconds": 3600, "starts_at": "2198-12-01T00:00:00Z"});
    let path = site.auction(&anna, lot);
    let title = || site.get(&path, None).expect(200)["title"].clone();
    assert_eq!(title(), "A thing");
    for round in 0..20 {
        let words = format!("Title {round}");
        let change = json!({"title": words}).to_string();
        site.ask("PATCH", &path, Some(&anna), None, &change).expect(200);
        assert_eq!(title(), words);
        assert_eq!(site.get(&path, Some(&bob)).expect(200)["title"], words);
    }
    let open = site.auction(&anna, json!({"duration_seconds": 3600}));
    assert!(site.get(&open, None).expect(200)["addenda"].is_null());
    site.post(&format!("{open}/addenda"), &anna, &json!({"text": "A note"})).expect(201);
    assert_eq!(site.get(&open, None).expect(200)["addenda"][0]["text"], "A note");
    for amount in [100, 200, 300] {
        let version = site.bid(&open, &bob, amount).expect(201)["version"].clone();
        let seen = site.get(&open, None).expect(200);
        assert_eq!((&seen["version"], &seen["price"]), (&version, &json!(amount)));
        site.bid(&open, &site.member(&format!("other{amount}")), amount + 60).expect(201);
    }
    assert_eq!(site.get(&open, None).expect(200)["seller"]["username"], "anna");
}

#[test]
fn the_time_is_always_new_and_the_tag_is_not() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let path = site.auction(&anna, json!({"duration_seconds": 3600}));
    for by in [None, Some(&bob), Some(&anna)] {
        let (first, second) = (site.get(&path, by), site.get(&path, by));
        assert_ne!(first.json()["server_time"], second.json()["server_time"]);
        assert_eq!(tag(&first), tag(&second));
        assert_eq!(unless(&site, &path, by, &tag(&first)).status, 304);
        assert_eq!(first.headers["content-type"], "application/json");
        assert_eq!(first.headers["vary"], "authorization, cookie");
    }
    assert_ne!(tag(&site.get(&path, None)), tag(&site.get(&path, Some(&bob))));
    let before = tag(&site.get(&path, None));
    site.bid(&path, &bob, 1000).expect(201);
    let after = unless(&site, &path, None, &before);
    assert_eq!((after.status, &after.json()["price"]), (200, &json!(1000)));
}

#[test]
fn a_clock_step_is_another_tag_without_an_event() {
    let site = Site::new();
    let anna = site.member("anna");
    let clock = json!({"kind": "descending", "start": 10_000, "floor": 1_000, "step": 100,
        "every_seconds": 1});
    let path = site.auction(&anna, json!({"preset": "dutch", "terms": {"clock": clock}}));
    let first = site.get(&path, None);
    let price = first.json()["price"].clone();
    assert!(first.json()["next_drop_at"].is_string());
    site.until(|| site.get(&path, None).json()["price"] != price);
    let moved = unless(&site, &path, None, &tag(&first));
    assert_eq!(moved.status, 200, "the price has moved");
    assert_eq!(moved.json()["version"], first.json()["version"]);
    assert!(moved.json()["price"].as_i64() < price.as_i64());
    assert!(moved.json()["server_time"].as_str() >= first.json()["next_drop_at"].as_str());
}

#[test]
fn every_read_of_an_auction_waits_for_a_version() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let path = site.auction(&anna, json!({"duration_seconds": 3600}));
    for read in ["", "/bids", "/bids/mine", "/events"] {
        site.get(&format!("{path}{read}?at_least=3"), Some(&bob)).expect(200);
        site.get(&format!("{path}{read}?at_least=9"), Some(&bob)).refused(409, "not_yet");
        site.get(&format!("{path}{read}?at_least=-1"), Some(&bob)).refused(400, "malformed");
    }
    site.get(&format!("{path}/certificate?at_least=9"), None).refused(409, "not_yet");
    // Somebody waits, and it comes.
    std::thread::scope(|scope| {
        let waits = ["", "/bids", "/bids/mine", "/events"].map(|read| {
            let (site, path, bob) = (&site, &path, &bob);
            scope.spawn(move || site.get(&format!("{path}{read}?at_least=4"), Some(bob)))
        });
        site.bid(&path, &bob, 1000).expect(201);
        for wait in waits {
            wait.join().expect("a reply").expect(200);
        }
    });
    let seen = site.get(&format!("{path}/events?after=3&at_least=4"), None).expect(200);
    assert_eq!(seen["items"][0]["event"]["version"], 4);
}

#[test]
fn the_largest_numbers_that_can_be_named_are_as_good_as_any() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let path = site.auction(&anna, json!({"duration_seconds": 3600}));
    site.bid(&path, &bob, 1000).expect(201);
    for after in [4, 5, 1 << 53, u64::MAX - 1, u64::MAX] {
        let page = site.get(&format!("{path}/events?after={after}"), None).expect(200);
        assert_eq!((&page["items"], &page["next_after"]), (&json!([]), &json!(after)));
    }
    let largest = u64::MAX;
    site.get(&format!("{path}/events?at_least={largest}"), None).refused(409, "not_yet");
    for before in [i64::MIN, i64::MAX] {
        site.get(&format!("{path}/chat?before={before}"), None).expect(200);
    }
    for cursor in [(i64::MIN, i64::MIN), (i64::MAX, i64::MAX)] {
        for (what, ends) in [("bids of", "bids"), ("own bids of", "bids/mine")] {
            let cursor = cursor_of(cursor, &format!("{what} {}", path.rsplit('/').next().unwrap()));
            site.get(&format!("{path}/{ends}?cursor={cursor}"), Some(&bob)).expect(200);
        }
    }
    let gone = format!("{path}/bids/{largest}");
    site.ask("DELETE", &gone, Some(&bob), Some("k"), "").refused(404, "not_found");
}

/// A cursor as the house makes it, with numbers that it never would.
fn cursor_of((key, id): (i64, i64), question: &str) -> String {
    let mark = gavel_proof::hash::sha256(question.as_bytes());
    URL_SAFE_NO_PAD.encode([&key.to_be_bytes()[..], &id.to_be_bytes(), &mark.0[..8]].concat())
}

/// It is moved about several times on its way into the connection, once for every bid.
#[test]
fn the_state_of_a_request_is_small() {
    let edge = Site::new().edge();
    let request = http::Request::new(axum::body::Body::empty());
    let answer = edge.answer(std::net::Ipv4Addr::LOCALHOST.into(), request);
    let size = size_of_val(&answer);
    assert!(size <= 4 * 1024, "{size} bytes");
}
