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
    let bid = site.bid(&path, &bob, 900).expect(201)["bid"].clone();
    for read in ["", "/bids", "/bids/mine", "/events", "/promotion", "/chat"]
        .map(str::to_owned)
        .into_iter()
        .chain([format!("/bids/{bid}/explanation")])
    {
        site.get(&format!("{path}{read}?at_least=3"), Some(&bob)).expect(200);
        site.get(&format!("{path}{read}?at_least=9"), Some(&bob)).refused(409, "not_yet");
        site.get(&format!("{path}{read}?at_least=-1"), Some(&bob)).refused(400, "malformed");
    }
    site.get(&format!("{path}/certificate?at_least=9"), None).refused(409, "not_yet");
    // Somebody waits, and it comes.
    std::thread::scope(|scope| {
        let waits = ["", "/bids", "/bids/mine", "/events", "/promotion", "/chat"].map(|read| {
            let (site, path, bob) = (&site, &path, &bob);
            scope.spawn(move || site.get(&format!("{path}{read}?at_least=5"), Some(bob)))
        });
        site.bid(&path, &site.member("carl"), 1000).expect(201);
        for wait in waits {
            wait.join().expect("a reply").expect(200);
        }
    });
    let seen = site.get(&format!("{path}/events?after=4&at_least=5"), None).expect(200);
    assert_eq!(seen["items"][0]["event"]["version"], 5);
}

/// Where an auction stands, by the reply to a read of it.
fn place(reply: &Reply) -> (u64, String) {
    let json = reply.expect(200);
    assert!(json["server_time"].is_string(), "{json}");
    let end = json["effective_end"].as_str().expect("an end").to_owned();
    (json["version"].as_u64().expect("a version"), end)
}

#[test]
fn every_reply_about_an_auction_says_where_it_stands_and_has_a_tag() {
    let site = Site::new();
    let (anna, bob, carl) = (site.member("anna"), site.member("bob"), site.member("carl"));
    let lot = json!({"duration_seconds": 60, "preset": "timed"});
    let path = site.auction(&anna, lot);
    let placed = site.bid(&path, &bob, 1000);
    let (bid, version) = (placed.expect(201)["bid"].clone(), &placed.json()["version"]);
    assert_eq!(tag(&placed), format!("W/\"{version}\""), "a command's is its event");
    let explained = format!("/bids/{bid}/explanation");
    let reads = ["", "/bids", "/bids/mine", "/events", "/promotion", "/chat", &*explained];
    let before = reads.map(|read| site.get(&format!("{path}{read}"), Some(&bob)));
    let (version, end) = place(&before[0]);
    for (read, seen) in reads.iter().zip(&before) {
        assert_eq!(place(seen), (version, end.clone()), "{read}");
        assert_eq!(seen.headers["cache-control"], "private, no-cache", "{read}");
        let again = unless(&site, &format!("{path}{read}"), Some(&bob), &tag(seen));
        assert_eq!((again.status, &*again.text), (304, ""), "{read}");
    }
    // Another version is another tag, everywhere, and all say the same of it.
    site.bid(&path, &carl, 3000).expect(201);
    let (version, end) = place(&site.get(&path, Some(&bob)));
    for (read, seen) in reads.iter().zip(&before) {
        let moved = unless(&site, &format!("{path}{read}"), Some(&bob), &tag(seen));
        assert_eq!(place(&moved), (version, end.clone()), "{read}");
    }
    // What was said is no event, and a tag of its own all the same.
    let chat = format!("{path}/chat");
    let silent = tag(&site.get(&chat, None));
    site.post(&chat, &bob, &json!({"message": "hello"})).expect(201);
    assert_eq!(unless(&site, &chat, None, &silent).json()["items"][0]["message"], "hello");
}

#[test]
fn a_certificate_is_had_once() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let path = site.auction(&anna, json!({"duration_seconds": 3600, "buy_now": 5000}));
    site.post(&format!("{path}/buy-now"), &bob, &json!({})).expect(201);
    let path = format!("{path}/certificate");
    site.until(|| site.get(&path, None).status == 200);
    let had = site.get(&path, None);
    let again = unless(&site, &path, Some(&anna), &tag(&had));
    assert_eq!((again.status, &*again.text), (304, ""));
    assert_eq!(unless(&site, &path, None, "\"other\"").text, had.text);
}

#[test]
fn the_largest_numbers_that_can_be_named_are_as_good_as_any() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let path = site.auction(&anna, json!({"duration_seconds": 3600}));
    site.bid(&path, &bob, 1000).expect(201);
    let page = site.get(&format!("{path}/events?after=4"), None).expect(200);
    assert_eq!((&page["items"], &page["next_after"]), (&json!([]), &json!(4)));
    for after in [5, 99, 1 << 53, u64::MAX - 1, u64::MAX] {
        site.get(&format!("{path}/events?after={after}"), None).refused(409, "not_yet");
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
