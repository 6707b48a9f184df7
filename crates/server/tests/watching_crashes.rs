//! Watching across kills: several people watch while others bid and the house is killed, again and
//! again; each goes on where he was. What they saw is the log, each version once, in order, byte
//! for byte: nobody ever saw what is not there afterwards.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "house/stream.rs"]
mod stream;
#[path = "house/wire.rs"]
mod wire;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use stream::Watch;
use wire::{Connection, Server};

const KILLS: u64 = 6;
const BIDDERS: usize = 4;
const WATCHERS: usize = 3;
const PASSWORD: &str = "correct horse battery staple";

fn sign_up(connection: &mut Connection, name: &str) -> String {
    let user = json!({"username": name, "email": format!("{name}@example.org"),
        "password": PASSWORD});
    assert_eq!(connection.post("/v1/users", None, None, &user).unwrap().0, 201);
    let login = json!({"login": name, "password": PASSWORD});
    let (_, session) = connection.post("/v1/session", None, None, &login).unwrap();
    session["token"].as_str().unwrap().to_owned()
}

/// Bids until the house is gone.
fn bid_on(server: &Server, auction: u64, token: &str, amounts: &AtomicU64) {
    let Some(mut connection) = server.connect() else { return };
    let path = format!("/v1/auctions/{auction}/bids");
    loop {
        let body = json!({"amount": amounts.fetch_add(10, Ordering::Relaxed)});
        if connection.post(&path, Some(token), None, &body).is_none() {
            return;
        }
    }
}

/// Watches until the house is gone, from where he was.
fn watch_on(server: &Server, auction: u64, seen: &mut BTreeMap<u64, Value>) {
    let last = seen.keys().next_back().copied().unwrap_or(0);
    let path = format!("/v1/auctions/{auction}/stream");
    let back = format!("last-event-id: {last}\r\n");
    let Some(mut watch) = Watch::open(server.address, &path, &back) else { return };
    let mut expected = last + 1;
    assert_eq!(watch.status(), 200, "{}", watch.head);
    while let Some(message) = watch.next() {
        assert_eq!(message.id, Some(expected), "{message:?}");
        seen.insert(expected, message.json());
        expected += 1;
    }
}

#[test]
fn what_was_seen_is_in_the_log_across_kills() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    let mut connection = server.connect().unwrap();
    let seller = sign_up(&mut connection, "seller");
    let tokens: Vec<String> =
        (0..BIDDERS).map(|n| sign_up(&mut connection, &format!("bidder{n}"))).collect();
    let lot = json!({"title": "Lot", "currency": "EUR", "duration_seconds": 3600,
        "terms": {"increment": "any_higher", "close": "hard"}});
    let (status, made) = connection.post("/v1/auctions", Some(&seller), None, &lot).unwrap();
    assert_eq!(status, 201, "{made}");
    let auction = made["id"].as_u64().unwrap();
    drop((connection, server));
    let amounts = AtomicU64::new(1_000);
    let mut seen: Vec<BTreeMap<u64, Value>> = vec![BTreeMap::new(); WATCHERS];
    for round in 0..KILLS {
        let mut server = Server::start(dir.path());
        let pid = server.id();
        std::thread::scope(|scope| {
            let (server, amounts) = (&server, &amounts);
            for token in &tokens {
                scope.spawn(move || bid_on(server, auction, token, amounts));
            }
            for seen in &mut seen {
                scope.spawn(move || watch_on(server, auction, seen));
            }
            std::thread::sleep(Duration::from_millis(150 + 37 * round));
            wire::kill(pid);
        });
        server.wait();
    }
    let server = Server::start(dir.path());
    let logged = history(&server, auction);
    for seen in &seen {
        let last = seen.keys().next_back().copied().unwrap();
        assert!(last > 20, "too little was seen to show anything: {last}");
        assert!(seen.keys().copied().eq(1..=last), "no holes");
        for (version, data) in seen {
            assert_eq!(Some(data), logged.get(version), "version {version}");
        }
    }
}

fn history(server: &Server, auction: u64) -> BTreeMap<u64, Value> {
    let mut connection = server.connect().unwrap();
    let mut items = BTreeMap::new();
    loop {
        let after = items.keys().next_back().copied().unwrap_or(0);
        let path = format!("/v1/auctions/{auction}/events?after={after}");
        let (_, page) = connection.get(&path).unwrap();
        let page = page["items"].as_array().unwrap().clone();
        if page.is_empty() {
            return items;
        }
        items.extend(
            page.into_iter().map(|item| (item["event"]["version"].as_u64().unwrap(), item)),
        );
    }
}
