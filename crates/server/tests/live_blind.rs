//! What the live room says when it has missed something: it looks into the log at once and shows
//! how the auction stands; while the log cannot be read it says that there is a gap, and shows
//! nothing that it does not know.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "floor/site.rs"]
mod site;

use axum::body::Body;
use futures_util::future::join_all;
use http::Request;
use serde_json::{Value, json};
use site::gate::Gate;
use site::{Person, Site};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// More than an auction's ring keeps.
const BIDDERS: u64 = 32;
const BIDS: u64 = 160;

/// A client of the live room, by requests alone.
struct Client<'a> {
    site: &'a Site,
    path: String,
    packets: VecDeque<String>,
}

impl<'a> Client<'a> {
    fn open(site: &'a Site) -> Self {
        let path = "/socket.io/?EIO=4&transport=polling";
        let open = site.get(path, None).text;
        let sid: Value = serde_json::from_str(&open[1..]).unwrap();
        let path = format!("{path}&sid={}", sid["sid"].as_str().unwrap());
        let mut client = Self { site, path, packets: VecDeque::new() };
        client.say("40");
        client.wait("connected");
        client
    }

    fn say(&self, packet: &str) {
        let said = self.site.ask("POST", &self.path, None, None, packet);
        assert_eq!((said.status, &*said.text), (200, "ok"));
    }

    /// The next event that is told of this auction.
    fn next(&mut self) -> (String, Value) {
        loop {
            let Some(packet) = self.packets.pop_front() else {
                let news = self.site.get(&self.path, None).text;
                self.packets.extend(news.split('\u{1e}').map(str::to_owned));
                continue;
            };
            if packet == "2" {
                self.say("3");
            } else if let Some(event) = packet.strip_prefix("42") {
                return serde_json::from_str(event).unwrap();
            }
        }
    }

    /// The next event of this name.
    fn wait(&mut self, name: &str) -> Value {
        loop {
            let (is, data) = self.next();
            if is == name {
                return data;
            }
        }
    }
}

/// A room with somebody in it, of which the follower missed more than is kept for it; what was
/// known there before.
fn blinded(site: &Site, hears: &mut Client<'_>, barred: Option<&Gate>) -> (String, u64) {
    let seller = site.member("seller");
    let path = site.auction(&seller, json!({"preset": "ladder", "duration_seconds": 3600}));
    let id = path.rsplit('/').next().unwrap();
    hears.say(&format!("42[\"join_auction\",{{\"auction_id\":{id}}}]"));
    let known = hears.wait("joined_auction")["version"].as_u64().unwrap();
    // Once it was told of a change, it follows.
    let first = site.bid(&path, &site.member("first"), 1).expect(201);
    assert_eq!(hears.wait("bid_update")["version"], first["version"]);
    let bidders: Vec<Person> = (0..BIDDERS).map(|n| site.member(&format!("bidder{n}"))).collect();
    let edge = site.edge();
    site.alone(join_all(bidders.iter().map(|by| async {
        for amount in 1..=BIDS {
            let request = Request::post(format!("{path}/bids"))
                .header("host", "house")
                .header("authorization", format!("Bearer {}", by.token))
                .header("content-type", "application/json");
            let body = json!({ "amount": amount * 100, "confirm": true }).to_string();
            let reply = edge.answer(HERE, request.body(Body::from(body)).unwrap()).await;
            assert_eq!(reply.status().as_u16(), 201);
        }
        if let Some(gate) = barred {
            gate.bar(true);
        }
    })));
    (path, known + 1)
}

/// What is shown is how it stands.
fn stands(site: &Site, path: &str, shown: &Value) {
    let view = site.get(path, None).json();
    for same in ["version", "bid_count", "leader", "minimum_next"] {
        assert_eq!(shown[same], view[same], "{same}");
    }
    assert_eq!(shown["high_bid"], view["price"]);
    assert_eq!(shown["bid_count"], BIDDERS * BIDS + 1);
    let tops = shown["top_bids"].as_array().unwrap();
    assert!(tops.len() == 3 && tops.iter().all(|top| top["amount"] == BIDS * 100), "{tops:?}");
}

#[test]
fn p11_a_room_that_has_missed_something_is_made_anew_at_once() {
    let site = Site::new();
    let mut client = Client::open(&site);
    let (path, known) = blinded(&site, &mut client, None);
    let (name, update) = client.next();
    assert_eq!((&*name, &update["from_version"]), ("bid_update", &json!(known + 1)));
    stands(&site, &path, &update);
    // And it goes on from there.
    let next = site.bid(&path, &site.member("anna"), 90_000).expect(201);
    let after = client.wait("bid_update");
    assert_eq!(after["version"], next["version"]);
    assert_eq!(after["from_version"], next["version"]);
    assert_eq!(after["top_bids"][0]["amount"], 90_000);
}

#[test]
fn p11_a_gap_is_said_and_what_comes_after_it_is_at_least_as_new() {
    let gate = Arc::new(Gate::default());
    let site = Site::behind(&gate);
    let mut client = Client::open(&site);
    let (path, known) = blinded(&site, &mut client, Some(&gate));
    let (name, gap) = client.next();
    assert_eq!((&*name, &gap["from"]), ("gap", &json!(known + 1)), "{gap}");
    let head = site.get(&path, None).json()["version"].clone();
    assert_eq!(gap["to"], head);
    // It is said again as long as it is so, and nothing else is.
    assert_eq!(client.next(), ("gap".to_owned(), gap.clone()));
    gate.bar(false);
    let update = client.wait("bid_update");
    assert_eq!(update["from_version"], known + 1);
    assert!(update["version"].as_u64() >= gap["to"].as_u64());
    stands(&site, &path, &update);
}
