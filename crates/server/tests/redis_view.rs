//! The Redis view against a real Redis: what stands where, what is published, and that all of it
//! comes back after it was lost, while bids go on.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "house/served.rs"]
mod served;
#[path = "live/socket.rs"]
mod socket;

use redis::{Commands, Connection};
use serde_json::{Value, json};
use served::Served;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A Redis of one's own, without a disk.
struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    fn on(port: u16) -> Self {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"]);
        let child = command.arg(port.to_string()).stdout(Stdio::null()).spawn();
        let child = child.expect("redis-server: `scripts/setup.sh test`");
        let redis = Self { child, port };
        eventually(|| redis.client().get_connection().ok().map(drop));
        redis
    }

    fn new() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self::on(free.port())
    }

    /// One that speaks nothing but TLS, with a certificate of its own authority.
    fn with_tls(port: u16, certificates: &Path) -> Self {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", "0"]);
        command.args(["--tls-auth-clients", "no", "--tls-port", &port.to_string()]);
        for (option, file) in [
            ("--tls-cert-file", "crt"),
            ("--tls-key-file", "key"),
            ("--tls-ca-cert-file", "ca.crt"),
        ] {
            command.arg(option).arg(certificates.join(file));
        }
        let child = command.stdout(Stdio::null()).spawn();
        Self { child: child.expect("redis-server: `scripts/setup.sh test`"), port }
    }

    fn client(&self) -> redis::Client {
        redis::Client::open(self.url()).unwrap()
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What comes about, at most within twenty seconds.
#[track_caller]
fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..400 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("that did not come within twenty seconds");
}

fn flash(house: &Served, host: &str, duration: u32) -> u64 {
    let body = json!({"title": "A watch", "currency": "USD", "preset": "flash",
        "starting_price": 100_000, "duration_seconds": duration});
    let made = house.ask("POST", "/v1/auctions", Some(host), &body);
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["id"].as_u64().unwrap()
}

fn bid(house: &Served, token: &str, auction: u64, amount: u64) -> Value {
    let path = format!("/v1/auctions/{auction}/bids");
    let placed = house.ask("POST", &path, Some(token), &json!({ "amount": amount }));
    assert_eq!(placed.status, 201, "{placed:?}");
    placed.json()
}

fn key(auction: u64, what: &str) -> String {
    format!("auction:67617665-0001-8000-8000-{auction:012x}:{what}")
}

fn user(id: i64) -> String {
    format!("67617665-0002-8000-8000-{id:012x}")
}

type State = BTreeMap<String, String>;

fn state_of(redis: &mut Connection, auction: u64) -> State {
    redis.hgetall(key(auction, "state")).unwrap_or_default()
}

/// How it stands, once so many bids are counted.
#[track_caller]
fn state(redis: &mut Connection, auction: u64, bids: &str) -> State {
    eventually(|| {
        let state = state_of(redis, auction);
        (state.get("bid_count").map(String::as_str) == Some(bids)).then_some(state)
    })
}

#[test]
fn s4_25_s4_26_a_hash_and_the_three_best_written_anew_after_every_loss() {
    let redis = Redis::new();
    let set = format!("redis.url={}", redis.url());
    let mut house = Served::with(&[&set]);
    let host = house.user("host").1;
    let people = ["anna", "bert", "carl", "JohnDoe"].map(|name| (house.user(name), name));
    let lot = flash(&house, &host, 3600);
    let mut there = redis.client().get_connection().unwrap();
    let fresh = state(&mut there, lot, "0");
    let known: Vec<&str> = fresh.keys().map(String::as_str).collect();
    assert_eq!(known, ["bid_count", "participant_count", "status"]);
    for (number, ((_, token), _)) in (1..).zip(&people) {
        bid(&house, token, lot, 100_000 * number);
    }
    let (john, _) = &people[3].0;
    let expected: State = [
        ("status", "live"),
        ("current_high_bid", "4000.00"),
        ("high_bidder_id", &user(*john)),
        ("high_bidder_username", "JohnDoe"),
        ("participant_count", "0"),
        ("bid_count", "4"),
    ]
    .into_iter()
    .map(|(field, value)| (field.to_owned(), value.to_owned()))
    .collect();
    assert_eq!(state(&mut there, lot, "4"), expected);
    let best = |there: &mut Connection| -> Vec<(String, f64)> {
        there.zrevrange_withscores(key(lot, "top_bids"), 0, -1).unwrap()
    };
    let member = |place: usize| format!("{}:{}", user(people[place].0.0), people[place].1);
    let three = [(member(3), 4000.0), (member(2), 3000.0), (member(1), 2000.0)];
    assert_eq!(best(&mut there), three);
    // Whoever is erased is not named any more.
    let gone = house.ask(
        "DELETE",
        &format!("/v1/users/{}", people[2].0.0),
        Some(&house.admin()),
        &Value::Null,
    );
    assert_eq!(gone.status, 204, "{gone:?}");
    let nobody = format!("{}:", user(people[2].0.0));
    eventually(|| (best(&mut there)[1].0 == nobody).then_some(()));
    let three = [(member(3), 4000.0), (nobody, 3000.0), (member(1), 2000.0)];
    // Emptied: all of it is back.
    let _: () = redis::cmd("FLUSHALL").query(&mut there).unwrap();
    assert_eq!(state(&mut there, lot, "4"), expected);
    assert_eq!(best(&mut there), three);
    // Gone, while somebody bids: the bid does not care, and all of it is back.
    let port = redis.port;
    drop(redis);
    bid(&house, &people[0].0.1, lot, 1_000_000);
    let redis = Redis::on(port);
    let mut there = redis.client().get_connection().unwrap();
    assert_eq!(state(&mut there, lot, "5")["current_high_bid"], "10000.00");
    // The house gone: it goes on where Redis is.
    house.kill();
    house.again(&[&set]);
    bid(&house, &people[1].0.1, lot, 2_000_000);
    assert_eq!(state(&mut there, lot, "6")["high_bidder_username"], "bert");
    // Another house in the same Redis, or nonsense in its place: written anew.
    let told: Vec<String> = there.keys("gavel:*:told").unwrap();
    let _: () = there.set(&told[0], "99999999").unwrap();
    let _: () = there.del(key(lot, "state")).unwrap();
    assert_eq!(state(&mut there, lot, "6")["status"], "live");
}

/// An authority, and a certificate of its for this machine.
fn certificates() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let make = |words: &str| {
        let whole = format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 {words}"
        );
        let mut command = Command::new("openssl");
        command.args(whole.split(' ')).current_dir(folder.path()).stderr(Stdio::null());
        assert!(command.status().unwrap().success(), "{words}");
    };
    make("-subj /CN=authority -keyout ca.key -out ca.crt");
    make(
        "-CA ca.crt -CAkey ca.key -subj /CN=localhost -addext subjectAltName=DNS:localhost \
         -addext basicConstraints=critical,CA:FALSE -keyout key -out crt",
    );
    folder
}

#[test]
fn by_tls_only_to_a_redis_that_somebody_vouches_for() {
    let folder = certificates();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let redis = Redis::with_tls(free.port(), folder.path());
    let url = format!("rediss://localhost:{}", redis.port);
    let ca = folder.path().join("ca.crt");
    let root_cert = Some(std::fs::read(&ca).unwrap());
    let believed = redis::TlsCertificates { client_tls: None, root_cert };
    let client = redis::Client::build_with_tls(&*url, believed).unwrap();
    let mut there = eventually(|| client.get_connection().ok());
    // What could never work is said at once.
    let begun = "-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n";
    std::fs::write(folder.path().join("begun"), begun).unwrap();
    for (url, file, words) in [
        (&*url, "log", "redis.ca: "),
        (&*url, "key", "redis.ca holds no certificate"),
        (&*url, "begun", "redis.ca holds no certificate"),
        ("redis://localhost:1", "ca.crt", "redis.ca goes with a rediss:// address"),
        ("rediss://localhost:x", "ca.crt", "redis.url is no address"),
    ] {
        let data = folder.path().join("refused");
        let mut command = Command::new("timeout");
        command.args(["20", env!("CARGO_BIN_EXE_gavel"), "serve", "--listen", "127.0.0.1:0"]);
        command.arg("--data").arg(data);
        let ca = format!("redis.ca={}", folder.path().join(file).display());
        let set = format!("redis.url={url}");
        command.args(["--set", "admin.listen=off", "--set", &set, "--set", &ca]);
        let refused = command.output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(words), "{file}: {said}");
    }
    // Nobody that browsers believe vouches for it: nothing is written, and no bid is the worse.
    let log = folder.path().join("log");
    let house = Served::logging(&log, &[&format!("redis.url={url}")]);
    let [host, anna] = ["host", "anna"].map(|name| house.user(name).1);
    bid(&house, &anna, flash(&house, &host, 3600), 150_000);
    eventually(|| {
        let said = std::fs::read_to_string(&log).unwrap();
        said.contains("invalid peer certificate").then_some(())
    });
    let nothing: Vec<String> = there.keys("*").unwrap();
    assert!(nothing.is_empty(), "{nothing:?}");
    drop(house);
    let sets = [format!("redis.url={url}"), format!("redis.ca={}", ca.display())];
    let house = Served::with(&sets.each_ref().map(String::as_str));
    let [host, anna] = ["host", "anna"].map(|name| house.user(name).1);
    let lot = flash(&house, &host, 3600);
    bid(&house, &anna, lot, 150_000);
    assert_eq!(state(&mut there, lot, "1")["current_high_bid"], "1500.00");
}

#[test]
fn the_best_bids_are_the_same_in_redis_by_http_and_in_the_room() {
    let redis = Redis::new();
    let house = Served::with(&[&format!("redis.url={}", redis.url()), "dialects.on=flash"]);
    let host = house.user("host").1;
    let people = ["anna", "bert", "carl", "dora"].map(|name| house.user(name).1);
    // Nobody is named there, and of a proxy bid only is known what it did to the price.
    let lot = json!({"title": "Lot", "currency": "EUR", "preset": "timed",
        "starting_price": 1_000, "duration_seconds": 3600});
    let lot = house.ask("POST", "/v1/auctions", Some(&host), &lot).json()["id"].as_u64().unwrap();
    for (token, maximum) in people.iter().zip([20_000, 30_000, 40_000, 35_000]) {
        let path = format!("/v1/auctions/{lot}/bids");
        let placed = house.ask("POST", &path, Some(token), &json!({ "maximum": maximum }));
        assert_eq!(placed.status, 201, "{placed:?}");
    }
    let uuid = format!("67617665-0001-8000-8000-{lot:012x}");
    let by_http = house.get(&format!("/auctions/{uuid}/state"), None).json();
    let mut socket = socket::Socket::open(house.address, None).unwrap();
    socket.say("join_auction", &json!({ "auction_id": uuid }));
    let in_room = socket.wait("joined_auction").unwrap();
    assert_eq!(by_http["top_bids"], in_room["top_bids"]);
    let natively = socket::Socket::open(house.address, None).unwrap().join(lot).unwrap();
    let expected: Vec<(String, f64)> = natively["top_bids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|top| (format!(":paddle {}", top["paddle"]), top["amount"].as_f64().unwrap() / 100.0))
        .collect();
    assert_eq!(expected.len(), 3, "{natively}");
    let amounts: Vec<f64> = expected.iter().map(|(_, amount)| *amount).collect();
    let said = by_http["top_bids"].as_array().unwrap().iter().map(|top| top["amount"].as_f64());
    assert_eq!(said.collect::<Option<Vec<_>>>(), Some(amounts));
    let mut there = redis.client().get_connection().unwrap();
    let high = format!("{:.2}", by_http["high_bid"].as_f64().unwrap());
    assert_eq!(state(&mut there, lot, "4")["current_high_bid"], high);
    let best: Vec<(String, f64)> = there.zrevrange_withscores(key(lot, "top_bids"), 0, -1).unwrap();
    assert_eq!(best, expected);
}

#[test]
fn s4_27_events_time_and_chat_are_published() {
    let redis = Redis::new();
    let house = Served::with(&[&format!("redis.url={}", redis.url())]);
    let [host, anna] = ["host", "anna"].map(|name| house.user(name));
    let lot = flash(&house, &host.1, 8);
    let mut there = redis.client().get_connection().unwrap();
    let mut hears = there.as_pubsub();
    hears.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    for channel in ["events", "timer", "chat"] {
        hears.subscribe(key(lot, channel)).unwrap();
    }
    let mut next = |channel: &str, event: &str| -> Value {
        loop {
            let message = hears.get_message().unwrap();
            let about: String = message.get_payload().unwrap();
            let about: Value = serde_json::from_str(&about).unwrap();
            if message.get_channel_name() == key(lot, channel)
                && (event.is_empty() || about["event"] == event)
            {
                return about;
            }
        }
    };
    bid(&house, &anna.1, lot, 150_000);
    let placed = next("events", "bid_placed");
    assert_eq!((&placed["amount"], &placed["username"]), (&json!("1500.00"), &json!("anna")));
    assert_eq!(placed["current_high_bid"], "1500.00");
    let moved = next("timer", "anti_snipe");
    assert!(moved["time_remaining_seconds"].as_i64().unwrap() <= 10);
    let path = format!("/v1/auctions/{lot}/chat");
    let said = house.ask("POST", &path, Some(&host.1), &json!({"message": "Hello!"}));
    assert_eq!(said.status, 201, "{said:?}");
    let said = next("chat", "");
    assert_eq!((&said["message"], &said["username"]), (&json!("Hello!"), &json!("host")));
    assert_eq!(said["user_id"], json!(user(host.0)));
    let left = next("timer", "timer_update")["time_remaining_seconds"].as_i64().unwrap();
    assert!((0..=10).contains(&left));
    let closed = next("events", "closed");
    assert_eq!(
        (&closed["winning_bid"], &closed["winner_id"]),
        (&json!("1500.00"), &json!(user(anna.0)))
    );
    let mut there = redis.client().get_connection().unwrap();
    assert_eq!(
        eventually(|| {
            let state = state_of(&mut there, lot);
            (state["status"] == "closed").then_some(state)
        })["current_high_bid"],
        "1500.00"
    );
}

/// A long way to a Redis: each answer of it is on its way for a while.
fn far_from(redis: &Redis) -> SocketAddr {
    let here = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, there) = (here.local_addr().unwrap(), redis.port);
    let carry = move |from: TcpStream, mut to: TcpStream, delay| {
        let mut bytes = [0; 64 * 1024];
        while let Ok(read @ 1..) = (&from).read(&mut bytes) {
            std::thread::sleep(delay);
            if to.write_all(&bytes[..read]).is_err() {
                return;
            }
        }
        drop(to.shutdown(Shutdown::Both));
    };
    let listen = move || {
        for near in here.incoming().map_while(Result::ok) {
            let Ok(far) = TcpStream::connect(("127.0.0.1", there)) else { return };
            let back = (far.try_clone().unwrap(), near.try_clone().unwrap());
            begin(move || carry(near, far, Duration::ZERO));
            begin(move || carry(back.0, back.1, Duration::from_millis(400)));
        }
    };
    begin(listen);
    address
}

fn begin(work: impl FnOnce() + Send + 'static) {
    drop(std::thread::Builder::new().spawn(work).unwrap());
}

#[test]
fn a_house_that_closes_does_not_wait_until_all_is_written() {
    let redis = Redis::new();
    let set = format!("redis.url={}", redis.url());
    let mut house = Served::with(&[&set]);
    let host = house.user("host").1;
    // Each is three events; a page has 256.
    (0..430).for_each(|_| assert!(flash(&house, &host, 3600) > 0));
    let mut there = redis.client().get_connection().unwrap();
    let name = eventually(|| there.keys::<_, Vec<String>>("gavel:*:told").unwrap().pop());
    let told = |there: &mut Connection| -> Vec<u64> {
        let text: String = there.get(&name).unwrap();
        text.split(',').map(|part| part.parse().unwrap()).collect()
    };
    let sum = |told: &[u64]| told.iter().sum::<u64>();
    let all = eventually(|| Some(told(&mut there)).filter(|all| sum(all) >= 3 * 430));
    house.kill();
    let nothing = vec!["0"; all.len()].join(",");
    let _: () = there.set(&name, nothing).unwrap();
    house.again(&[&format!("redis.url=redis://{}", far_from(&redis))]);
    eventually(|| (sum(&told(&mut there)) > 0).then_some(()));
    house.terminate();
    assert!(house.wait());
    let upto = told(&mut there);
    assert!(sum(&upto) < sum(&all), "{upto:?} of {all:?}");
}
