//! Watching auctions over sockets of a real house: every version once and in order, from any
//! place on, across kills; nothing that is not in the log afterwards, nothing hidden; who is too
//! slow, or one too many, is told.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "house/served.rs"]
#[expect(dead_code, reason = "each test binary uses a part of it")]
mod served;
#[path = "house/stream.rs"]
mod stream;

use serde_json::{Value, json};
use served::{Served, auction, read_reply};
use std::io::{BufReader, Write};
use stream::Watch;

fn bid(house: &Served, auction: u64, token: &str, body: &Value) -> u64 {
    served::bid(house, auction, token, body)["version"].as_u64().unwrap()
}

fn watch(house: &Served, auction: u64, query: &str, headers: &str) -> Watch {
    let path = format!("/v1/auctions/{auction}/stream{query}");
    let watch = Watch::open(house.address, &path, headers).unwrap();
    assert_eq!(watch.status(), 200, "{}", watch.head);
    watch
}

/// The ids of the next messages.
fn ids(watch: &mut Watch, count: usize) -> Vec<u64> {
    (0..count).map(|_| watch.next().unwrap().id.unwrap()).collect()
}

#[test]
fn a_stream_is_the_log_as_it_grows() {
    let house = Served::new();
    let (seller, bidder) = (house.user("seller").1, house.user("bidder").1);
    let id = auction(&house, &seller, json!({"preset": "ladder"}));
    let mut fresh = watch(&house, id, "", "");
    let mut whole = watch(&house, id, "?after=0", "accept: text/event-stream\r\n");
    for expected in [
        "content-type: text/event-stream",
        "cache-control: no-store",
        "x-accel-buffering: no",
        "x-content-type-options: nosniff",
    ] {
        assert!(whole.head.contains(expected), "{expected}: {}", whole.head);
    }
    for amount in [100, 200, 300] {
        bid(&house, id, &bidder, &json!({"amount": amount}));
    }
    assert_eq!(ids(&mut fresh, 3), [4, 5, 6]);
    let page = house.get(&format!("/v1/auctions/{id}/events"), None);
    let page = page.json();
    for item in page["items"].as_array().unwrap() {
        let message = whole.next().unwrap();
        assert_eq!(&message.json(), item);
        assert_eq!(message.event, item["event"]["kind"]);
        assert_eq!(message.id, item["event"]["version"].as_u64());
    }
    // Whoever comes back names what he saw last; the header goes before the query.
    let mut back = watch(&house, id, "?after=0", "last-event-id: 4\r\n");
    assert_eq!(ids(&mut back, 2), [5, 6]);
    bid(&house, id, &bidder, &json!({"amount": 400}));
    for stream in [&mut fresh, &mut whole, &mut back] {
        assert_eq!(ids(stream, 1), [7]);
    }
}

#[test]
fn places_that_make_no_sense_are_said_to() {
    let house = Served::new();
    let (seller, bidder) = (house.user("seller").1, house.user("bidder").1);
    let id = auction(&house, &seller, json!({"preset": "ladder"}));
    let path = format!("/v1/auctions/{id}/stream");
    for header in [
        "last-event-id: x\r\n",
        "last-event-id: -1\r\n",
        "last-event-id: 1.5\r\n",
        "last-event-id: 99999999999999999999\r\n",
        "last-event-id: 1\r\nlast-event-id: 2\r\n",
    ] {
        assert_eq!(house.send("GET", &path, header, b"").code(), "malformed", "{header}");
    }
    for query in ["?after=x", "?after=-1", "?before=1", "?after=1&after=2"] {
        assert_eq!(house.get(&format!("{path}{query}"), None).code(), "malformed", "{query}");
    }
    assert_eq!(house.get("/v1/auctions/99/stream", None).code(), "not_found");
    // A place that is not of this history: the stream says where it goes on.
    let mut largest = watch(&house, id, &format!("?after={}", u64::MAX), "");
    let mut future = watch(&house, id, "", "last-event-id: 999\r\n");
    for (stream, named) in [(&mut largest, u64::MAX), (&mut future, 999)] {
        let reset = stream.next().unwrap();
        assert_eq!((reset.event.as_str(), reset.id), ("reset", Some(3)));
        assert_eq!((&reset.json()["named"], &reset.json()["version"]), (&json!(named), &json!(3)));
    }
    bid(&house, id, &bidder, &json!({"amount": 100}));
    assert_eq!(ids(&mut future, 1), [4]);
}

#[test]
fn drafts_are_watched_by_those_who_may_know_of_them_while_they_are_signed_in() {
    let house = Served::new();
    let (seller, other) = (house.user("seller").1, house.user("other").1);
    let id = auction(&house, &seller, json!({"publish": false}));
    let path = format!("/v1/auctions/{id}/stream");
    assert_eq!(house.get(&path, None).code(), "not_found");
    assert_eq!(house.get(&path, Some(&other)).code(), "not_found");
    let again = house.sign_in("seller", "correct horse battery staple");
    let mut own = watch(&house, id, "?after=0", &format!("authorization: Bearer {again}\r\n"));
    assert_eq!(ids(&mut own, 1), [1]);
    let out = house.ask("DELETE", "/v1/session", Some(&again), &Value::Null);
    assert_eq!(out.status, 204, "{out:?}");
    let changed = json!({"title": "Other words"});
    let amended = house.ask("PATCH", &format!("/v1/auctions/{id}"), Some(&seller), &changed);
    assert_eq!(amended.status, 200, "{amended:?}");
    let end = own.next().unwrap();
    assert_eq!((end.event.as_str(), &end.json()["reason"]), ("end", &json!("signed_out")));
    assert!(own.next().is_none());
}

#[test]
fn one_address_has_so_many_streams_and_they_end_with_the_house() {
    let mut house = Served::with(&["limits.streams_per_ip=2"]);
    let seller = house.user("seller").1;
    let id = auction(&house, &seller, json!({}));
    let mut first = watch(&house, id, "?after=0", "");
    let second = watch(&house, id, "", "");
    let path = format!("/v1/auctions/{id}/stream");
    let third = house.get(&path, None);
    assert_eq!((third.status, third.code().as_str()), (429, "rate_limited"));
    assert!(third.header("retry-after").is_some());
    drop(second);
    // The house notices that somebody has gone; until then there is no place.
    let mut third = (0..200).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        Watch::open(house.address, &path, "").filter(|watch| watch.status() == 200)
    });
    house.terminate();
    ids(&mut first, 3);
    for stream in [&mut first, third.as_mut().unwrap()] {
        let end = stream.next().unwrap();
        assert_eq!((end.event.as_str(), &end.json()["reason"]), ("end", &json!("stopping")));
        assert!(stream.next().is_none());
    }
    assert!(house.wait());
}

/// Bids upwards, as fast as one connection goes.
fn bid_many(house: &Served, auction: u64, token: &str, count: usize) {
    let mut connection = BufReader::new(house.connect());
    for amount in 2..count + 2 {
        let body = json!({"amount": amount}).to_string();
        let request = format!(
            "POST /v1/auctions/{auction}/bids HTTP/1.1\r\nhost: {}\r\n\
             authorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            house.address,
            body.len()
        );
        connection.get_mut().write_all(request.as_bytes()).unwrap();
        let reply = read_reply(&mut connection).unwrap();
        assert_eq!(reply.status, 201, "{reply:?}");
    }
}

#[test]
fn who_does_not_read_is_cut_off_with_a_reason_and_can_come_back() {
    let off = ["limits.bids_per_second_per_actor=0", "limits.bids_per_second_per_ip=0"];
    let house = Served::with(&off);
    let seller = house.user("seller").1;
    let bidders: Vec<String> = (0..10).map(|n| house.user(&format!("bidder{n}")).1).collect();
    let terms = json!({"increment": "any_higher", "close": "hard"});
    let id = auction(&house, &seller, json!({"preset": "ladder", "terms": terms}));
    let mut slow = watch(&house, id, "", "");
    bid(&house, id, &bidders[0], &json!({"amount": 1}));
    assert_eq!(ids(&mut slow, 1), [4]);
    std::thread::scope(|scope| {
        for bidder in &bidders {
            scope.spawn(|| bid_many(&house, id, bidder, 900));
        }
    });
    let mut last = 4;
    let end = loop {
        let message = slow.next().unwrap();
        match message.id {
            Some(id) => {
                assert_eq!(id, last + 1);
                last = id;
            }
            None => break message,
        }
    };
    assert_eq!((end.event.as_str(), &end.json()["reason"]), ("end", &json!("lagged")));
    assert!(slow.next().is_none());
    let mut back = watch(&house, id, "", &format!("last-event-id: {last}\r\n"));
    for expected in last + 1..=9_004 {
        assert_eq!(back.next().unwrap().id, Some(expected));
    }
}

#[test]
fn nothing_hidden_is_in_any_byte_of_a_stream() {
    let house = Served::new();
    let seller = house.user("seller").1;
    let bidders = ["one", "two", "three"].map(|name| house.user(name).1);
    let (reserve, amounts) = (7_340_027, [9_182_731, 9_982_737, 8_374_651]);
    let mut watches = Vec::new();
    for preset in ["sealed", "vickrey", "timed"] {
        let body = json!({"preset": preset, "reserve": reserve, "starting_price": 100,
            "duration_seconds": 4});
        let id = auction(&house, &seller, body);
        let mut whole = watch(&house, id, "?after=0", "");
        let kind = if preset == "timed" { "maximum" } else { "amount" };
        for (token, amount) in bidders.iter().zip(amounts) {
            let mut body = json!({"confirm": true});
            body[kind] = json!(amount);
            house.ask("POST", &format!("/v1/auctions/{id}/bids"), Some(token), &body);
        }
        let mut seen = Vec::new();
        while seen.last().is_none_or(|(kind, _)| kind != "certified") {
            let message = whole.next().unwrap();
            seen.push((message.event.clone(), message.data));
        }
        watches.push((preset, seen));
    }
    for (preset, seen) in watches {
        assert!(seen.iter().any(|(kind, _)| kind == "bid_placed"), "{preset}");
        for (kind, data) in &seen {
            // What comes to light by the rules: the price, which is a bid's where it is the first
            // price or the second bid, from the close on (sealed) or from the bid on (timed).
            let public: &[i64] = match (preset, kind.as_str()) {
                ("sealed", "closed") => &[9_982_737],
                ("vickrey", "closed") => &[9_182_731],
                ("timed", _) => &[reserve],
                (_, _) => &[],
            };
            for secret in amounts.iter().chain([&reserve]).filter(|one| !public.contains(one)) {
                assert!(!data.contains(&secret.to_string()), "{preset} {kind}: {data}");
            }
        }
    }
}

#[test]
fn the_feed_of_all_auctions_neither_repeats_nor_skips() {
    let house = Served::new();
    let (seller, bidder) = (house.user("seller").1, house.user("bidder").1);
    let admin = house.admin();
    assert_eq!(house.get("/v1/events", None).code(), "unauthenticated");
    assert_eq!(house.get("/v1/events", Some(&bidder)).code(), "forbidden");
    let ids: Vec<u64> =
        (0..5).map(|_| auction(&house, &seller, json!({"preset": "ladder"}))).collect();
    let mut seen: Vec<(u64, u64)> = Vec::new();
    let mut cursor = String::new();
    let mut rounds = 0;
    while seen.len() < 5 * 3 + 20 {
        if rounds < 20 {
            bid(&house, ids[rounds % 5], &bidder, &json!({"amount": 100 * (rounds + 1)}));
        }
        rounds += 1;
        let page = house.get(&format!("/v1/events?limit=3{cursor}"), Some(&admin));
        assert_eq!(page.status, 200, "{page:?}");
        let page = page.json();
        for item in page["items"].as_array().unwrap() {
            let event = &item["event"];
            seen.push((event["auction"].as_u64().unwrap(), event["version"].as_u64().unwrap()));
        }
        cursor = format!("&after={}", page["next_cursor"].as_str().unwrap());
    }
    for id in &ids {
        let versions: Vec<u64> =
            seen.iter().filter(|(auction, _)| auction == id).map(|(_, version)| *version).collect();
        assert_eq!(versions, (1..=7).collect::<Vec<_>>());
    }
    let rest = house.get(&format!("/v1/events?{}", &cursor[1..]), Some(&admin)).json();
    assert_eq!(rest["items"], json!([]));
    let other = Served::new();
    let foreign = other.get(&format!("/v1/events?{}", &cursor[1..]), Some(&other.admin()));
    assert_eq!(foreign.code(), "malformed");
    let text = cursor.trim_start_matches("&after=");
    for wrong in ["", "x", "AAAA", &text[1..], &format!("{text}A")] {
        let wrong = house.get(&format!("/v1/events?after={wrong}"), Some(&admin));
        assert_eq!(wrong.code(), "malformed");
    }
    // The same house, further on than its log is.
    let mut bytes = decoded(text);
    let last = bytes.len() - 1;
    bytes[last] += 50;
    let ahead = encoded(&bytes);
    assert_eq!(house.get(&format!("/v1/events?after={ahead}"), Some(&admin)).code(), "not_yet");
}

fn decoded(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn encoded(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
