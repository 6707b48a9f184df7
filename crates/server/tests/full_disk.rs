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

fn accepted_bids(house: &Served) -> Vec<i64> {
    let (mut amounts, mut after) = (Vec::new(), 0);
    loop {
        let page = house.get(&format!("/v1/auctions/1/events?after={after}"), None).json();
        let events = page["items"].as_array().unwrap();
        let Some(last) = events.last() else { return amounts };
        after = last["event"]["version"].as_i64().unwrap();
        let amount = |item: &Value| item["event"]["data"]["amount"].as_i64();
        amounts.extend(events.iter().filter_map(amount));
    }
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
