//! All five dialects on one house: what is put up in any of them is bid on through each, and each
//! reads the same of it, in its own words.
#![expect(clippy::unwrap_used, reason = "a test, all of it")]

use super::served::{Reply, Served};
use serde_json::{Value, json};
use std::time::Duration;

/// What each dialect's callers have of their own.
struct Five {
    house: Served,
    end: i64,
    /// A user of `portal`, one of `cars`, and a car.
    paula: Value,
    carla: Value,
    car: Value,
    /// Tokens for `flash`: who sells, who bids.
    host: String,
    fiona: String,
}

const NAMES: [&str; 5] = ["items", "portal", "cars", "marketplace", "flash"];

fn uuid(auction: i64) -> String {
    format!("67617665-0001-8000-8000-{auction:012x}")
}

impl Five {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(sets: &[&str]) -> Self {
        let house = Served::with(&[&["dialects.on=all"], sets].concat());
        let time = house.get("/v1/time", None).json()["server_time"].as_str().unwrap().to_owned();
        let end = time.parse::<jiff::Timestamp>().unwrap().as_second() + 3_600;
        let [host, fiona] = ["host", "fiona"].map(|name| house.user(name).1);
        let none = Value::Null;
        let mut five =
            Self { house, end, paula: none.clone(), carla: none.clone(), car: none, host, fiona };
        five.paula = five.say("PUT", "portal/user", None, &json!({"name": "paula"}))["id"].take();
        five.carla = five.say("POST", "cars/users", None, &json!({"username": "c"}))["id"].take();
        five.car = five.say("POST", "cars/cars", None, &json!({"name": "Saab 900"}))["id"].take();
        five
    }

    #[track_caller]
    fn say(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> Value {
        let reply = self.house.ask(method, &format!("/dialects/{path}"), token, body);
        assert!(reply.status < 300, "{method} {path} {body}: {reply:?}");
        reply.json()
    }

    /// Puts something up in a dialect.
    fn create(&self, dialect: &str) -> i64 {
        let end = self.end;
        let made = match dialect {
            "items" => self.say("POST", "items/item", None, &json!({"auction_end_date": end})),
            "portal" => {
                let body = json!({"title": "A pot", "duration_seconds": 3600});
                self.say("PUT", "portal/auction?sync=true", None, &body)["id"].take()
            }
            "cars" => {
                let body = json!({"car": self.car, "end_time": end * 1_000});
                self.say("POST", "cars/auctions", None, &body)["id"].take()
            }
            "marketplace" => {
                let body = json!({"title": "A pot", "starting_price": 100, "duration": 3600});
                self.say("POST", "marketplace/auctions", None, &body)["id"].take()
            }
            _ => {
                let body = json!({"title": "A pot", "starting_bid": 1.00, "duration": 3600});
                let made = self.say("POST", "flash/auctions", Some(&self.host), &body);
                let id = made["auction_id"].as_str().unwrap();
                return i64::from_str_radix(id.rsplit_once('-').unwrap().1, 16).unwrap();
            }
        };
        made.as_i64().unwrap()
    }

    /// Bids through a dialect, so many minor units.
    fn bid(&self, dialect: &str, auction: i64, amount: i64) {
        match dialect {
            "items" => {
                let body = json!({"amount": amount, "user_id": 7});
                self.say("POST", &format!("items/item/{auction}/bid"), None, &body)
            }
            "portal" => {
                let body = json!({"amount": amount, "user_id": self.paula});
                self.say("PUT", &format!("portal/auction/{auction}/bid?sync=true"), None, &body)
            }
            "cars" => {
                let body = json!({"auction": auction, "user": self.carla, "amount": amount});
                self.say("POST", "cars/bids", None, &body)
            }
            "marketplace" => {
                let body = json!({"bidder_username": "mark", "bid_amount": amount});
                self.say("PUT", &format!("marketplace/bids/{auction}"), None, &body)
            }
            _ => {
                let amount: Value = serde_json::from_str(&format!("{}.00", amount / 100)).unwrap();
                let body = json!({"auction_id": uuid(auction), "amount": amount});
                self.say("POST", "flash/internal/bids", Some(&self.fiona), &body)
            }
        };
    }

    /// The user of `portal` is deleted.
    fn leave(&self) -> Reply {
        self.house.ask(
            "DELETE",
            &format!("/dialects/portal/user/{}", self.paula),
            None,
            &Value::Null,
        )
    }

    /// The highest bid in minor units, and how many there are, as a dialect says it.
    fn read(&self, dialect: &str, auction: i64) -> (i64, i64) {
        let get = |path: String| self.say("GET", &path, None, &Value::Null);
        let (seen, highest) = match dialect {
            "items" => {
                let item = get(format!("items/item/{auction}"));
                let bids = item["bids"].as_array().unwrap();
                let amounts = bids.iter().map(|bid| bid["amount"].as_i64().unwrap());
                return (amounts.max().unwrap_or(0), i64::try_from(bids.len()).unwrap());
            }
            "portal" => (get(format!("portal/auction/{auction}")), "max_bid"),
            "cars" => (get(format!("cars/auctions/{auction}")), "max_bid"),
            "marketplace" => (get(format!("marketplace/auctions/{auction}")), "current_price"),
            _ => {
                let seen = get(format!("flash/auctions/{}/state", uuid(auction)));
                let highest = seen["current_high_bid"].to_string();
                let highest = highest.trim_end_matches(".0").parse::<i64>().unwrap();
                return (highest * 100, seen["bid_count"].as_i64().unwrap());
            }
        };
        (seen[highest].as_i64().unwrap(), seen["bid_count"].as_i64().unwrap())
    }
}

#[test]
fn made_in_any_of_five_bid_on_through_each_and_read_the_same_in_all() {
    let five = Five::new();
    for (turn, creator) in NAMES.iter().enumerate() {
        let auction = five.create(creator);
        for bids in 1..=5 {
            // Whoever created it does not always bid first.
            let bidder = NAMES[(turn + usize::try_from(bids).unwrap()) % NAMES.len()];
            five.bid(bidder, auction, bids * 10_000);
            for reader in NAMES {
                let read = five.read(reader, auction);
                let how = format!("by {creator}, bid through {bidder}, read by {reader}");
                assert_eq!(read, (bids * 10_000, bids), "{how}");
            }
        }
    }
}

#[test]
fn s1_03_who_goes_takes_back_what_he_may_and_no_more() {
    let five = Five::new();
    let [pot, kettle] = ["portal", "marketplace"].map(|dialect| five.create(dialect));
    for auction in [pot, kettle] {
        five.bid("cars", auction, 10_000);
        five.bid("portal", auction, 20_000);
    }
    assert_eq!(five.leave().status, 204);
    assert_eq!(five.read("portal", pot), (10_000, 1), "there bids may be taken back");
    assert_eq!(five.read("portal", kettle), (20_000, 2), "and here they stand");
    let bids = five.say("GET", &format!("marketplace/bids/{kettle}"), None, &Value::Null);
    assert_eq!(bids[1]["bidder_username"], Value::Null, "whose it was nobody knows: {bids}");
    // The log never knew.
    for auction in [pot, kettle] {
        let events = five.house.get(&format!("/v1/auctions/{auction}/events"), None);
        assert!(!events.body.contains("paula"), "{events:?}");
    }
}

#[test]
fn s1_03_nobody_goes_while_it_cannot_be_said_what_becomes_of_his_bids() {
    let five = Five::new();
    let pot = five.create("portal");
    five.bid("cars", pot, 10_000);
    five.bid("portal", pot, 20_000);
    let clerk = five.house.admin();
    let says = |verb: &str, body: &Value| {
        let path = format!("/v1/auctions/{pot}/{verb}");
        let reply = five.house.ask("POST", &path, Some(&clerk), body);
        assert_eq!(reply.status, 200, "{reply:?}");
    };
    says("hold", &json!({"reason": "technical_failure"}));
    let reply = five.leave();
    assert_eq!((reply.status, &*reply.code()), (409, "on_hold"), "{reply:?}");
    says("resume", &json!({}));
    // Nothing about him has changed.
    five.bid("portal", pot, 30_000);
    assert_eq!(five.leave().status, 204);
    assert_eq!(five.read("portal", pot), (10_000, 1));
}

#[test]
fn s1_03_what_is_bid_while_somebody_goes_is_taken_back_whatever_becomes_of_the_rest() {
    let outbox = tempfile::tempdir().unwrap();
    let letters = format!("mail.outbox={}", outbox.path().display());
    let five = Five::with(&[
        &letters,
        "limits.bids_per_second_per_actor=0",
        "limits.bids_per_second_per_ip=0",
    ]);
    let pot = five.create("portal");
    five.bid("cars", pot, 10_000);
    five.bid("portal", pot, 20_000);
    // So it cannot be said whether all traces of him are destroyed.
    outbox.close().unwrap();
    let path = format!("/dialects/portal/auction/{pot}/bid?sync=true");
    let bids = |amount: i64| {
        let body = json!({"amount": amount, "user_id": five.paula});
        five.house.ask("PUT", &path, None, &body)
    };
    std::thread::scope(|scope| {
        let bidding = scope.spawn(|| (20_001..).map(bids).find(|reply| reply.status != 201));
        let reply = five.leave();
        assert_eq!((reply.status, &*reply.code()), (503, "outcome_unknown"), "{reply:?}");
        let last = bidding.join().unwrap().unwrap();
        assert!(["forbidden", "not_found"].contains(&&*last.code()), "{last:?}");
    });
    assert_eq!(five.read("portal", pot), (10_000, 1));
}

#[test]
fn s1_03_nobody_is_gone_before_what_he_was_bidding_is_decided() {
    let five = Five::new();
    let pot = five.create("portal");
    five.bid("cars", pot, 10_000);
    // Nothing becomes durable until this is over.
    let log = rusqlite::Connection::open(five.house.data.path().join("log.db")).unwrap();
    log.busy_timeout(Duration::from_secs(5)).unwrap();
    log.execute_batch("BEGIN IMMEDIATE").unwrap();
    let body = json!({"amount": 20_000, "user_id": five.paula});
    five.say("PUT", &format!("portal/auction/{pot}/bid"), None, &body);
    std::thread::scope(|scope| {
        let leaving = scope.spawn(|| five.leave());
        std::thread::sleep(Duration::from_millis(700));
        log.execute_batch("ROLLBACK").unwrap();
        assert_eq!(leaving.join().unwrap().status, 204);
    });
    let seen = || five.read("portal", pot);
    assert!((0..40).all(|_| {
        std::thread::sleep(Duration::from_millis(25));
        seen() == (10_000, 1)
    }));
}
