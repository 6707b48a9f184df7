//! A crowd that does what chance says, from a fixed seed: bids and takes back, comes, is slow,
//! goes, comes again where it was. What each is told of himself must fit what all are told, and no
//! version may be missing: what the simulator, which has no sockets and no `room.rs`, cannot see.

use super::auction;
use super::served::Served;
use super::socket::Socket;
use serde_json::{Value, json};
use std::time::Duration;

/// Numbers that look drawn (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % count
    }
}

/// Bids, and takes back now and then; each time one's own latest bid.
fn act(house: &Served, lot: u64, token: &str, dice: &mut Dice) {
    for _ in 0..60 {
        let maximum = 1_000 + dice.below(2_000_000);
        let path = format!("/v1/auctions/{lot}/bids");
        let placed = house.ask("POST", &path, Some(token), &json!({ "maximum": maximum }));
        assert!(matches!(placed.status, 201 | 409 | 422), "{placed:?}");
        if placed.status == 201 && dice.below(3) == 0 {
            let path = format!("{path}/{}", placed.json()["bid"]);
            let undone = house.ask("DELETE", &path, Some(token), &Value::Null);
            assert!(matches!(undone.status, 200 | 409 | 422), "{undone:?}");
        }
    }
}

/// Watches to the end, by one socket after the other: the last state that was shown.
fn watch(house: &Served, lot: u64, token: Option<&str>, mut dice: Dice) -> Value {
    let mut known = 0;
    loop {
        let mut socket = Socket::open(house.address, token).unwrap();
        let mut join = json!({ "auction_id": lot });
        if known > 0 && dice.below(3) > 0 {
            join["after_version"] = json!(known);
        } else {
            known = 0;
        }
        socket.say("join_auction", &join);
        let mut left = 1 + dice.below(60);
        while left > 0 {
            let (name, mut state) = socket.next().unwrap();
            if name == "joined_auction" {
                assert_eq!(state["from_version"].as_u64().unwrap_or(1), known + 1, "{state}");
                state["leader"] = state["state"]["leader"].clone();
            } else if matches!(&*name, "bid_update" | "auction_updated" | "auction_ended") {
                let from = state["from_version"].as_u64().unwrap();
                assert!(from <= known + 1, "after {known}: {state}");
            } else {
                continue;
            }
            let version = state["version"].as_u64().unwrap();
            assert!(version >= known, "after {known}: {state}");
            known = version;
            let own = &state["you"]["paddle"];
            let leads = own.is_number() && own == &state["leader"];
            assert_eq!(state["you_are_winning"], leads, "{state}");
            if name == "auction_ended" {
                return state;
            }
            left -= 1;
            if dice.below(4) == 0 {
                std::thread::sleep(Duration::from_millis(dice.below(40)));
            }
        }
    }
}

#[test]
fn a_crowd_that_does_what_chance_says_is_told_no_contradiction_and_misses_nothing() {
    let off = ["bids_per_second_per_actor", "bids_per_second_per_ip", "requests_per_second_per_ip"];
    let off = off.map(|key| format!("limits.{key}=0"));
    let off: Vec<&str> = off.iter().map(String::as_str).collect();
    let house = Served::with(&off);
    let seller = house.user("seller").1;
    let people: Vec<String> = (0..4).map(|n| house.user(&format!("bidder{n}")).1).collect();
    for seed in 1..=3 {
        let terms = json!({"proxy": "maximum", "increment": {"kind": "fixed", "step": 100},
            "retraction": "while_open"});
        let body = json!({"preset": "english", "starting_price": 1_000, "terms": terms});
        let lot = auction(&house, &seller, body);
        let dice = |of: u64| Dice(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15).wrapping_add(of));
        let house = &house;
        std::thread::scope(|scope| {
            let looks = people.iter().map(|token| Some(token.as_str())).chain([None]);
            let watching: Vec<_> = (10..)
                .zip(looks)
                .map(|(of, token)| (token, scope.spawn(move || watch(house, lot, token, dice(of)))))
                .collect();
            let acting: Vec<_> = (100..)
                .zip(&people)
                .map(|(of, token)| scope.spawn(move || act(house, lot, token, &mut dice(of))))
                .collect();
            acting.into_iter().for_each(|acting| acting.join().unwrap());
            // Somebody leads at the end, whoever has taken back what.
            let path = format!("/v1/auctions/{lot}/bids");
            let last = json!({"maximum": 3_000_000, "confirm": true});
            let placed = house.ask("POST", &path, Some(&people[0]), &last);
            let leads = placed.status == 201 || placed.json()["code"] == "already_leading";
            assert!(leads, "{placed:?}");
            let path = format!("/v1/auctions/{lot}/close");
            let closed = house.ask("POST", &path, Some(&house.admin()), &json!({}));
            assert!(closed.status < 300, "{closed:?}");
            for (token, watching) in watching {
                let (last, path) = (watching.join().unwrap(), format!("/v1/auctions/{lot}"));
                let mut view = house.get(&path, token).json();
                // A state is for all: who stands behind the winner's paddle is told by HTTP alone.
                if let Some(outcome) = view["outcome"].as_object_mut() {
                    outcome.remove("winner_user");
                }
                for same in ["leader", "bid_count", "you", "outcome"] {
                    assert_eq!(last[same], view[same], "{same}: {last}");
                }
            }
        });
    }
}
