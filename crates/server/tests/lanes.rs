//! Three lanes of commands: users, auctions, bids. While bids flood the house, users and auctions
//! are made. Prints how long that took with and without the flood; decides by none of it.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "house/wire.rs"]
mod wire;

use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use wire::{Connection, Server};

const PASSWORD: &str = "correct horse battery staple";
const ROUNDS: usize = 40;

struct Clock(gavel_engine::Clock);

impl Clock {
    fn time<T>(&self, work: impl FnOnce() -> T) -> (T, Duration) {
        let begun = self.0.now();
        let done = work();
        let took = u64::try_from(self.0.now().since(begun)).unwrap();
        (done, Duration::from_micros(took))
    }
}

fn user(connection: &mut Connection, name: &str) {
    let email = format!("{name}@example.org");
    let body = json!({"username": name, "email": email, "password": PASSWORD});
    let (status, made) = connection.post("/v1/users", None, None, &body).unwrap();
    assert_eq!(status, 201, "{made}");
}

fn sign_in(connection: &mut Connection, name: &str) -> String {
    user(connection, name);
    let login = json!({"username": name, "password": PASSWORD});
    let (_, session) = connection.post("/v1/session", None, None, &login).unwrap();
    session["token"].as_str().unwrap().to_owned()
}

fn auction(connection: &mut Connection, seller: &str) -> u64 {
    let body = json!({"title": "A lot", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 86_400});
    let (status, made) = connection.post("/v1/auctions", Some(seller), None, &body).unwrap();
    assert_eq!(status, 201, "{made}");
    made["id"].as_u64().unwrap()
}

/// Bids ever more, without waiting for what comes of it: so many were taken in, so many not.
fn flood(server: &Server, token: &str, lot: u64, stop: &AtomicBool, taken: &AtomicU64) -> u64 {
    let mut connection = server.connect().unwrap();
    let (path, mut full) = (format!("/v1/auctions/{lot}/bids"), 0);
    let mut amount = 1;
    while !stop.load(Ordering::Acquire) {
        amount += 1;
        let body = json!({"amount": amount}).to_string();
        let reply = connection.prefer_async("POST", &path, token, &body).unwrap();
        match reply {
            202 => drop(taken.fetch_add(1, Ordering::AcqRel)),
            503 => full += 1,
            other => panic!("{other}"),
        }
    }
    full
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

/// Makes users and auctions, and says how long one of each took.
fn make(server: &Server, seller: &str, name: &str, bids: &AtomicU64) -> (Duration, Duration, u64) {
    let (clock, mut connection) =
        (Clock(gavel_engine::Clock::default()), server.connect().unwrap());
    let (mut users, mut auctions) = (Vec::new(), Vec::new());
    let before = bids.load(Ordering::Acquire);
    for round in 0..ROUNDS {
        let name = format!("{name}{round}");
        users.push(clock.time(|| user(&mut connection, &name)).1);
        auctions.push(clock.time(|| auction(&mut connection, seller)).1);
    }
    (median(users), median(auctions), bids.load(Ordering::Acquire) - before)
}

#[test]
fn s1_34_users_and_auctions_are_made_while_bids_flood_the_house() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let mut connection = server.connect().unwrap();
    let names = ["seller", "anna", "bert", "carl", "dora"];
    let [seller, others @ ..] = names.map(|name| sign_in(&mut connection, name));
    let lot = auction(&mut connection, &seller);
    let (stop, taken) = (AtomicBool::new(false), AtomicU64::new(0));
    let calm = make(&server, &seller, "calm", &taken);
    let (flooded, full) = std::thread::scope(|scope| {
        let bidders: Vec<_> = others
            .iter()
            .map(|token| scope.spawn(|| flood(&server, token, lot, &stop, &taken)))
            .collect();
        while taken.load(Ordering::Acquire) < 100 {
            std::hint::spin_loop();
        }
        let flooded = make(&server, &seller, "flood", &taken);
        stop.store(true, Ordering::Release);
        let full: u64 = bidders.into_iter().map(|bidder| bidder.join().unwrap()).sum();
        (flooded, full)
    });
    println!(
        "user, auction (median): calm {:?}, {:?}; flooded {:?}, {:?}",
        calm.0, calm.1, flooded.0, flooded.1
    );
    println!("bids taken in meanwhile: {}; refused because their lane was full: {full}", flooded.2);
    assert_eq!(calm.2, 0);
    assert!(flooded.2 > 0, "bids came in while users and auctions were made");
    let (_, view): (u16, Value) = connection.get(&format!("/v1/auctions/{lot}")).unwrap();
    assert_eq!(view["state"], "open");
}
