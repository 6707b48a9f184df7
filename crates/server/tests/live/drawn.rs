//! A crowd that does what chance says, from a fixed seed: bids and takes back, speaks, comes, is
//! slow, goes, comes again where it was. What each is told of himself must fit what all are told,
//! times must fit states, and no version and no word may be missing: what the simulator, which has
//! no sockets and no `room.rs`, cannot see.

use super::auction;
use super::served::Served;
use super::socket::Socket;
use serde_json::{Value, json};
use std::collections::BTreeMap;
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

/// What is said last of all.
const LAST: &str = "the-end";

/// Says something under a key, perhaps for the second time; not everything is listened to.
fn speak(house: &Served, lot: u64, token: &str, words: &str) -> u16 {
    let headers = format!(
        "authorization: Bearer {token}\r\nidempotency-key: {words}\r\n\
         content-type: application/json\r\n"
    );
    let body = json!({ "message": words }).to_string();
    let path = format!("/v1/auctions/{lot}/chat");
    let said = house.send("POST", &path, &headers, body.as_bytes());
    assert!(matches!(said.status, 201 | 429), "{said:?}");
    said.status
}

/// Bids, and takes back now and then; each time one's own latest bid. Speaks now and then.
fn act(house: &Served, lot: u64, token: &str, dice: &mut Dice) {
    for turn in 0..60 {
        if dice.below(8) == 0 {
            for _ in 0..=dice.below(2) {
                speak(house, lot, token, &format!("{turn}-{lot}"));
            }
        }
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

/// One who watches, by one socket after the other.
#[derive(Default)]
struct Watcher {
    /// Up to which version he was shown it.
    known: u64,
    /// The end by version, as it was shown with it.
    ends: BTreeMap<u64, Value>,
    /// What was said, since he came into the room last.
    chat: BTreeMap<i64, Value>,
    /// How it ended.
    last: Option<Value>,
}

impl Watcher {
    fn is_shown(&mut self, name: &str, mut state: Value) {
        if name == "joined_auction" {
            assert_eq!(state["from_version"].as_u64().unwrap_or(1), self.known + 1, "{state}");
            for same in ["leader", "bid_count", "outcome", "effective_end"] {
                state[same] = state["state"][same].clone();
            }
            let said = state["chat"].as_array().unwrap().iter();
            self.chat = said.map(|said| (said["id"].as_i64().unwrap(), said.clone())).collect();
        } else {
            let from = state["from_version"].as_u64().unwrap();
            assert!(from <= self.known + 1, "after {}: {state}", self.known);
        }
        let version = state["version"].as_u64().unwrap();
        assert!(version >= self.known, "after {}: {state}", self.known);
        self.known = version;
        let own = &state["you"]["paddle"];
        let leads = own.is_number() && own == &state["leader"];
        assert_eq!(state["you_are_winning"], leads, "{state}");
        self.ends.insert(version, state["effective_end"].clone());
        if name == "auction_ended" || state["outcome"].is_object() {
            self.last = Some(state);
        }
    }

    fn hears(&mut self, said: Value) {
        let id = said["id"].as_i64().unwrap();
        // Who comes in at that moment may be shown it with all else, and told.
        let before = self.chat.insert(id, said.clone());
        assert!(before.is_none_or(|before| before == said), "{said}");
    }

    /// A time fits the state that it names, and itself.
    fn is_told(&self, timer: &Value) {
        assert_eq!(timer["state"], "open", "{timer}");
        let version = timer["version"].as_u64().unwrap();
        if let Some(end) = self.ends.get(&version) {
            assert_eq!(&timer["effective_end"], end, "{timer}");
        }
        let at = |name: &str| -> jiff::Timestamp { timer[name].as_str().unwrap().parse().unwrap() };
        let left = at("effective_end").duration_since(at("server_time"));
        let seconds = (left.as_micros() + 999_999) / 1_000_000;
        assert_eq!(timer["time_remaining_seconds"], json!(seconds.max(0)), "{timer}");
    }

    fn has_heard_all(&self) -> bool {
        self.last.is_some() && self.chat.values().any(|said| said["message"] == LAST)
    }
}

/// Watches until all has been said: the last state that was shown, what was said, and how often
/// the time was told.
fn watch(house: &Served, lot: u64, token: Option<&str>, mut dice: Dice) -> (Watcher, usize) {
    let (mut watcher, mut times) = (Watcher::default(), 0);
    loop {
        let mut socket = Socket::open(house.address, token).unwrap();
        let mut join = json!({ "auction_id": lot });
        if watcher.known > 0 && dice.below(3) > 0 {
            join["after_version"] = json!(watcher.known);
        } else {
            watcher.known = 0;
        }
        socket.say("join_auction", &join);
        let mut left = 1 + dice.below(60);
        while left > 0 {
            let (name, data) = socket.next().unwrap();
            match &*name {
                "joined_auction" | "bid_update" | "auction_updated" | "auction_ended" => {
                    watcher.is_shown(&name, data);
                }
                "chat_message" => watcher.hears(data),
                "timer_update" => {
                    watcher.is_told(&data);
                    times += 1;
                }
                // A guest who comes before it is known that he has gone is two for a while.
                "presence_update" => {
                    assert!((1..=10).contains(&data["participant_count"].as_u64().unwrap()));
                }
                "ack" => assert_eq!(data["status"], 200, "{data}"),
                _ => panic!("{name}: {data}"), // not ours: a text
            }
            if watcher.has_heard_all() {
                return (watcher, times);
            }
            left -= u64::from(name != "ack");
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
        // Each bid of the last minutes moves the end.
        let body = json!({"preset": "english", "starting_price": 1_000, "terms": terms,
            "duration_seconds": 60});
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
            while speak(house, lot, &seller, LAST) != 201 {}
            let said = house.get(&format!("/v1/auctions/{lot}/chat?limit=50"), None).json();
            let said = said["items"].as_array().unwrap();
            let mut times = 0;
            for (token, watching) in watching {
                let ((watcher, told), path) =
                    (watching.join().unwrap(), format!("/v1/auctions/{lot}"));
                times += told;
                let heard: Vec<&Value> = watcher.chat.values().collect();
                assert_eq!(heard, said.iter().collect::<Vec<_>>());
                let mut last = watcher.last.unwrap();
                let mut view = house.get(&path, token).json();
                // A state is for all: who stands behind the winner's paddle is told by HTTP alone.
                for shown in [&mut last, &mut view] {
                    shown["outcome"].as_object_mut().unwrap().remove("winner_user");
                }
                for same in ["leader", "bid_count", "you", "outcome"] {
                    assert_eq!(last[same], view[same], "{same}: {last}");
                }
            }
            assert!(times > 0, "the time is told, with each new end");
        });
    }
}
