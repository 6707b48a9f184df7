//! A disk that runs full under a running house: commands are told so, readers are served, nothing
//! that was accepted is missing, and when there is room again it goes on without a restart.
#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "house/served.rs"]
#[expect(dead_code, reason = "each test binary uses a part of it")]
mod served;
#[path = "house/small.rs"]
mod small;

use serde_json::{Value, json};
use served::{Reply, Served};
use small::{Small, fill};
use std::fs;

/// Bids one step more each time, until one is answered with this status.
fn bid_until(house: &Served, token: &str, amount: &mut i64, status: u16) -> Reply {
    for _ in 0..5_000 {
        let reply = bid(house, token, *amount);
        match reply.status {
            201 => *amount += 1,
            503 => assert_eq!(reply.code(), "storage_full"),
            _ => panic!("{reply:?}"),
        }
        if reply.status == status {
            return reply;
        }
    }
    panic!("{status} never comes");
}

fn bid(house: &Served, token: &str, amount: i64) -> Reply {
    house.ask("POST", "/v1/auctions/1/bids", Some(token), &json!({ "amount": amount }))
}

fn events(house: &Served, auction: i64) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let path = format!("/v1/auctions/{auction}/events?after={after}");
        let mut page = house.get(&path, None).json();
        let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) else { return all };
        let Some(last) = items.last() else { return all };
        after = last["event"]["version"].as_i64().unwrap();
        all.extend(items);
    }
}

fn accepted_bids(house: &Served) -> Vec<i64> {
    let amount = |item: &Value| item["event"]["data"]["amount"].as_i64();
    events(house, 1).iter().filter_map(amount).collect()
}

#[test]
fn a_full_disk_refuses_and_recovers_without_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().to_path_buf();
    let Some(_small) = Small::mounted(&path) else {
        println!("skipped: may not mount a file system here");
        return;
    };
    let ballast = path.join("ballast");
    let house = Served::on(data, &["limits.bids_per_second_per_actor=0"]);
    let (_, seller) = house.user("anna");
    let (_, bidder) = house.user("bert");
    let lot = json!({ "title": "Lot", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 3600, "terms": { "increment": "any_higher" } });
    let made = house.ask("POST", "/v1/auctions", Some(&seller), &lot);
    assert_eq!(made.status, 201, "{made:?}");

    let mut amount = 1;
    for _ in 0..2 {
        bid_until(&house, &bidder, &mut amount, 201);
        fill(&ballast);
        bid_until(&house, &bidder, &mut amount, 503);
        let view = house.get("/v1/auctions/1", None);
        assert_eq!((view.status, &view.json()["price"]), (200, &json!(amount - 1)));
        assert_eq!(house.get("/health/live", None).status, 200);
        // Other files may have given back some room meanwhile.
        match bid(&house, &bidder, amount) {
            accepted if accepted.status == 201 => amount += 1,
            refused => assert_eq!(refused.code(), "storage_full"),
        }
        fs::remove_file(&ballast).unwrap();
        bid_until(&house, &bidder, &mut amount, 201);
    }
    assert_eq!(accepted_bids(&house), (1..amount).collect::<Vec<_>>());
}

/// What comes with a text that finds no room is refused before anything happens; a definite no is
/// never given to what was done.
#[test]
fn a_command_whose_text_finds_no_room_is_refused_whole() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().to_path_buf();
    let Some(_small) = Small::mounted(&path) else {
        println!("skipped: may not mount a file system here");
        return;
    };
    let house = Served::on(data, &["limits.bids_per_second_per_actor=0"]);
    let (_, seller) = house.user("anna");
    let (_, bidder) = house.user("bert");
    let admin = house.admin();
    let lot = json!({ "title": "Lot", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 3600, "terms": { "increment": "any_higher" } });
    for auction in 1..=5 {
        assert_eq!(served::auction(&house, &seller, lot.clone()), auction);
    }
    let bid = served::bid(&house, 4, &bidder, &json!({ "amount": 5 }))["bid"].clone();
    let long = "\u{1d51e}".repeat(2_000);
    let note = json!({ "reason": "other", "note": long });
    let addendum = json!({ "text": long });
    let void = format!("/v1/auctions/4/bids/{bid}/void");
    let commands = [
        (1, "/v1/auctions/1/close".to_owned(), &admin, &note),
        (2, "/v1/auctions/2/hold".to_owned(), &admin, &note),
        (3, "/v1/auctions/3/addenda".to_owned(), &seller, &addendum),
        (4, void, &admin, &note),
    ];
    let version = |auction: i64| {
        house.get(&format!("/v1/auctions/{auction}"), None).json()["version"].as_i64().unwrap()
    };
    let fill_up = || {
        fill(&path.join("ballast"));
        let full = |_: &i32| {
            let reply = house.ask("POST", "/v1/auctions/5/addenda", Some(&seller), &addendum);
            reply.status == 503 && reply.code() == "storage_full"
        };
        assert!((0..2_000).any(|time| full(&time)), "it never runs full");
    };
    for (auction, path, by, body) in &commands {
        fill_up();
        let was = version(*auction);
        let reply = house.ask("POST", path, Some(by.as_str()), body);
        assert_eq!((reply.status, reply.code().as_str()), (503, "storage_full"), "{path}");
        assert_eq!(version(*auction), was, "{path}");
    }
    fs::remove_file(path.join("ballast")).unwrap();
    for (auction, path, by, body) in &commands {
        let was = version(*auction);
        let reply = house.ask("POST", path, Some(by.as_str()), body);
        assert!(matches!(reply.status, 200 | 201), "{path}: {reply:?}");
        assert!(version(*auction) > was, "{path}");
    }
    // Whatever was answered: every note of the log has its text, and every text its event.
    for auction in [3, 5] {
        let shown = house.get(&format!("/v1/auctions/{auction}"), None).json();
        let shown = shown["addenda"].as_array().map_or(0, Vec::len);
        let is_note = |item: &&Value| item["event"]["kind"] == "addendum";
        let noted = events(&house, auction).iter().filter(is_note).count();
        assert_eq!(shown, noted, "auction {auction}");
    }
}

/// A text that was kept for a command gets its place at the next start, or goes if nothing came of
/// that.
#[test]
fn a_text_without_its_place_gets_it_at_the_next_start() {
    let mut house = Served::new();
    let (_, seller) = house.user("anna");
    let auction = served::auction(&house, &seller, json!({}));
    let path = format!("/v1/auctions/{auction}");
    let noted =
        house.ask("POST", &format!("{path}/addenda"), Some(&seller), &json!({ "text": "one" }));
    let operation = noted.json()["operation"].as_str().unwrap().to_owned();
    house.kill();
    let people = rusqlite::Connection::open(house.data.path().join("people.db")).unwrap();
    people.execute("DELETE FROM addendum", []).unwrap();
    let waits = "INSERT INTO text_waiting (auction, command, text) VALUES (?1, ?2, ?3)";
    let command = hex::decode(operation.split_once('-').unwrap().1).unwrap();
    people.execute(waits, rusqlite::params![auction, command, "one"]).unwrap();
    people.execute(waits, rusqlite::params![auction, [9_u8; 16], "of nothing"]).unwrap();
    drop(people);
    house.again(&[]);
    let shown = house.get(&path, None).json()["addenda"].clone();
    assert_eq!(shown.as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(shown[0]["text"], "one");
    let people = rusqlite::Connection::open(house.data.path().join("people.db")).unwrap();
    let count = "SELECT count(*) FROM text_waiting";
    let left: i64 = people.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

/// An auction is due while there is no room: its end cannot be decided, but the house still stops.
#[test]
fn a_house_without_room_stops_when_told() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().to_path_buf();
    let Some(_small) = Small::mounted(&path) else {
        println!("skipped: may not mount a file system here");
        return;
    };
    let ballast = path.join("ballast");
    let mut house = Served::on(data, &["limits.bids_per_second_per_actor=0"]);
    let (_, seller) = house.user("anna");
    let (_, bidder) = house.user("bert");
    let lot = json!({ "title": "Lot", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 3, "terms": { "increment": "any_higher" } });
    let made = house.ask("POST", "/v1/auctions", Some(&seller), &lot);
    assert_eq!(made.status, 201, "{made:?}");
    let mut amount = 1;
    bid_until(&house, &bidder, &mut amount, 201);
    fill(&ballast);
    bid_until(&house, &bidder, &mut amount, 503);
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(house.get("/v1/auctions/1", None).json()["state"], "open");
    house.terminate();
    assert!(house.wait());
}
