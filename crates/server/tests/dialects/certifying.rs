//! What the scheduled job of `items` does, and that it tells nothing new: the highest bidder was
//! known from the bids all along.
#![expect(clippy::unwrap_used, reason = "a test, all of it")]

use super::served::Served;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Runs the job once: what it says it has done.
fn job(house: &Served, token: &str, more: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    command.args(["certify-item", "--json"]).args(more);
    command.env("GAVEL_URL", format!("http://{}", house.address)).env("GAVEL_TOKEN", token);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Who has bid most, by the bids that everybody sees; -1 if nobody has.
fn by_the_bids(item: &Value) -> i64 {
    let bids = item["bids"].as_array().unwrap().iter();
    let best = bids.max_by_key(|bid| bid["amount"].as_i64());
    best.map_or(-1, |bid| bid["user_id"].as_i64().unwrap())
}

#[test]
fn s0_25_s0_27_the_projection_says_what_the_job_writes_and_its_steps_change_nothing_twice() {
    let house = Served::with(&["dialects.on=items"]);
    let now = house.get("/v1/time", None).json()["server_time"].as_str().unwrap().to_owned();
    let end = now.parse::<jiff::Timestamp>().unwrap().as_second() + 4;
    let mut drawn = 7_u64;
    let mut draw = |most: u64| {
        drawn =
            drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (drawn >> 33) % most
    };
    let mut expected = Vec::new();
    for bids in [0, 1, 2, 5, 9, 14] {
        let body = json!({ "auction_end_date": end });
        let item = house.ask("POST", "/item", None, &body).json();
        for _ in 0..bids {
            let bid = json!({"amount": 1 + draw(200), "user_id": 1 + draw(6)});
            let reply = house.ask("POST", &format!("/item/{item}/bid"), None, &bid);
            assert!(matches!(reply.status, 200 | 422), "{reply:?}");
            // Every bid that is taken tells who is the highest bidder now.
            let view = house.get(&format!("/v1/auctions/{item}"), None).json();
            let leader = &view["paddles"][view["leader"].to_string()];
            let shown = house.get(&format!("/item/{item}"), None).json();
            assert_eq!(leader, &format!("items:{}", by_the_bids(&shown)), "{view}");
        }
        let shown = house.get(&format!("/item/{item}"), None).json();
        expected.push((item.as_i64().unwrap(), by_the_bids(&shown)));
    }
    let ids: Vec<i64> = expected.iter().map(|(item, _)| *item).collect();
    let listed = || {
        let page = house.get("/v1/auctions?status=ended&limit=100", None).json();
        page["items"].as_array().unwrap().len() == ids.len()
    };
    assert!((0..200).any(|_| listed() || {
        std::thread::sleep(Duration::from_millis(50));
        false
    }));
    for item in &ids {
        let shown = house.get(&format!("/item/{item}"), None).json();
        assert_eq!(shown["highest_bidder"], Value::Null);
    }
    let (kept, token) = (tempfile::tempdir().unwrap(), house.admin());
    let directory = ["--certificates", kept.path().to_str().unwrap()];
    // One at first, without its certificate; then all that is left of it and of the others.
    let said = job(&house, &token, &[&ids[0].to_string()]);
    assert_eq!(said, json!({"certified": [ids[0]], "kept": [], "failed": []}));
    let said = job(&house, &token, &directory);
    assert_eq!(said, json!({"certified": ids[1..], "kept": ids, "failed": []}));
    let first = std::fs::read(certificate(kept.path(), ids[3])).unwrap();
    let said = job(&house, &token, &directory);
    assert_eq!(said, json!({"certified": [], "kept": [], "failed": []}));
    assert_eq!(std::fs::read(certificate(kept.path(), ids[3])).unwrap(), first);
    // A step that is taken again because what it made is gone makes the same.
    std::fs::remove_file(certificate(kept.path(), ids[3])).unwrap();
    assert_eq!(job(&house, &token, &directory)["kept"], json!([ids[3]]));
    assert_eq!(std::fs::read(certificate(kept.path(), ids[3])).unwrap(), first);
    for (item, highest) in expected {
        let shown = house.get(&format!("/item/{item}"), None).json();
        assert_eq!(shown["highest_bidder"], highest, "{shown}");
    }
}

#[test]
fn what_has_just_ended_is_certified_though_the_lists_are_behind() {
    let house = Served::with(&["dialects.on=items"]);
    let now = house.get("/v1/time", None).json()["server_time"].as_str().unwrap().to_owned();
    let end = now.parse::<jiff::Timestamp>().unwrap().as_second() + 3;
    let item = house.ask("POST", "/item", None, &json!({ "auction_end_date": end })).json();
    let token = house.admin();
    let listed = house.get("/v1/auctions?in_sync=true", None).json();
    assert_eq!(listed["items"][0]["id"], item);
    let lists = rusqlite::Connection::open(house.data.path().join("lists.db")).unwrap();
    lists.busy_timeout(Duration::from_secs(5)).unwrap();
    lists.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ended = || house.get(&format!("/v1/auctions/{item}"), None).json()["state"] == "passed";
    assert!((0..400).any(|_| ended() || {
        std::thread::sleep(Duration::from_millis(50));
        false
    }));
    std::thread::scope(|scope| {
        let said = scope.spawn(|| job(&house, &token, &[]));
        // It has asked by now, and waits for the list.
        std::thread::sleep(Duration::from_millis(500));
        lists.execute_batch("ROLLBACK").unwrap();
        let expected = json!({"certified": [item], "kept": [], "failed": []});
        assert_eq!(said.join().unwrap(), expected);
    });
}

fn certificate(directory: &Path, auction: i64) -> std::path::PathBuf {
    directory.join(format!("{auction}.json"))
}

#[test]
fn s0_13_of_equal_bids_at_once_exactly_one_counts() {
    let pace = ["limits.bids_per_second_per_actor=0", "limits.bids_per_second_per_ip=0"];
    let house = Served::with(&["dialects.on=items", pace[0], pace[1]]);
    let now = house.get("/v1/time", None).json()["server_time"].as_str().unwrap().to_owned();
    let end = now.parse::<jiff::Timestamp>().unwrap().as_second() + 600;
    let body = json!({ "auction_end_date": end });
    let item = house.ask("POST", "/item", None, &body).json();
    let path = format!("/item/{item}/bid");
    for amount in 1..=20 {
        let start = std::sync::Barrier::new(8);
        let replies: Vec<_> = std::thread::scope(|scope| {
            let race = |user: i64| {
                let (house, path, start) = (&house, &path, &start);
                scope.spawn(move || {
                    let bid = json!({"amount": amount, "user_id": user});
                    start.wait();
                    house.ask("POST", path, None, &bid)
                })
            };
            let racing: Vec<_> = (1..=8).map(race).collect();
            racing.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let taken = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(taken, 1, "{replies:?}");
        let refused = replies.iter().filter(|reply| reply.status == 422);
        assert!(refused.clone().all(|reply| reply.code() == "below_minimum"), "{replies:?}");
        assert_eq!(refused.count(), 7, "{replies:?}");
    }
    let bids = house.get(&format!("/item/{item}"), None).json()["bids"].take();
    let amounts: Vec<i64> =
        bids.as_array().unwrap().iter().map(|bid| bid["amount"].as_i64().unwrap()).collect();
    assert_eq!(amounts, (1..=20).collect::<Vec<_>>());
}
