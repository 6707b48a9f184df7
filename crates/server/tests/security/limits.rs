//! The limits: each at its value and one beyond. Sizes of heads and bodies are in `edge.rs`, slow
//! and too many clients in `listening.rs`, streams in `watching.rs`, the depth of JSON beside its
//! reader.

use super::served::{Reply, Served};
use super::site::Site;
use gavel_server::config::Config;
use serde_json::json;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::timeout;

const JSON: &str = "content-type: application/json\r\n";

/// Asks as often as it may, and once more.
fn then_refused(times: usize, mut ask: impl FnMut(usize) -> Reply, otherwise: u16) {
    for time in 0..times {
        let reply = ask(time);
        assert_eq!(reply.status, otherwise, "{time}: {reply:?}");
    }
    let reply = ask(times);
    assert_eq!((reply.status, reply.code().as_str()), (429, "rate_limited"));
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
}

#[test]
fn sec_s20_texts_are_as_long_as_they_may_be() {
    let site = Site::new();
    let anna = site.member("anna");
    let make = |title: usize, description: usize| {
        let body = json!({"title": "ü".repeat(title), "description": "ü".repeat(description),
            "currency": "EUR", "preset": "english", "duration_seconds": 600});
        site.post("/v1/auctions", &anna, &body).status
    };
    assert_eq!(
        [make(500, 10_000), make(501, 1), make(1, 10_001), make(0, 1)],
        [201, 400, 400, 400]
    );
    let register = |username: usize, password: usize| {
        let body = json!({"username": "u".repeat(username), "password": "p!a4".repeat(password / 4),
            "email": format!("{username}.{password}@example.com")});
        site.ask("POST", "/v1/users", None, None, &body.to_string()).status
    };
    assert_eq!([register(100, 1024), register(101, 16), register(99, 1028)], [201, 400, 400]);
    for (limit, status) in [(100, 200), (101, 400), (1, 200), (0, 400)] {
        for path in ["/v1/auctions", "/v1/auctions/1/events"] {
            assert_eq!(site.get(&format!("{path}?limit={limit}"), None).status, status, "{path}");
        }
    }
}

#[test]
fn sec_s20_so_many_bids_of_one_person_and_others_bid_on() {
    let bids = ["limits.bids_per_second_per_actor=1", "limits.bid_burst_per_actor=5"];
    let house = Served::with(&bids);
    let people = ["anna", "ben", "cleo"].map(|name| house.user(name).1);
    let post = |path: &str, who: usize, key: usize, body: &str| {
        let token = &people[who];
        let headers = format!("{JSON}authorization: Bearer {token}\r\nidempotency-key: {key}\r\n");
        house.send("POST", path, &headers, body.as_bytes())
    };
    let create = r#"{"title":"A pot","currency":"EUR","preset":"english","duration_seconds":600,
            "starting_price":1000}"#;
    let path = format!("/v1/auctions/{}/bids", post("/v1/auctions", 0, 0, create).json()["id"]);
    // An offer that is too low takes a place all the same.
    then_refused(5, |time| post(&path, 1, time, r#"{"amount":1}"#), 422);
    assert_eq!(post(&path, 2, 0, r#"{"amount":1}"#).status, 422);
}

#[test]
fn sec_s20_so_many_bids_from_one_address() {
    let house = Served::with(&["limits.bids_per_second_per_ip=1"]);
    let bid = |_| house.send("POST", "/v1/auctions/1/bids", "", b"");
    // Whoever is nobody takes no place.
    assert_eq!(bid(0).status, 401);
    let people: Vec<String> = (0..2).map(|n| house.user(&format!("user{n}")).1).collect();
    let bid = |n: usize| {
        let token = &people[n];
        let headers = format!("{JSON}authorization: Bearer {token}\r\nidempotency-key: {n}\r\n");
        house.send("POST", "/v1/auctions/1/bids", &headers, br#"{"amount":1}"#)
    };
    then_refused(1, bid, 404);
}

#[test]
fn sec_s20_so_many_attempts_to_sign_in_and_new_users() {
    let house = Served::with(&[
        "limits.logins_per_hour_per_ip=4",
        "limits.registrations_per_hour_per_ip=3",
    ]);
    let login = |n: usize| {
        let body = json!({"login": format!("user{n}"), "password": "no password"});
        house.ask("POST", "/v1/session", None, &body)
    };
    then_refused(4, login, 401);
    let register = |n: usize| {
        let body = json!({"username": format!("user{n}"), "password": "a good long one",
            "email": format!("u{n}@example.com")});
        house.ask("POST", "/v1/users", None, &body)
    };
    then_refused(3, register, 201);
    let house = Served::with(&["limits.logins_per_minute_per_account=5"]);
    let login = |_| {
        house.ask("POST", "/v1/session", None, &json!({"login": "anna", "password": "no password"}))
    };
    then_refused(5, login, 401);
    let other = json!({"login": "ben", "password": "no password"});
    assert_eq!(house.ask("POST", "/v1/session", None, &other).status, 401);
}

#[test]
fn sec_s20_so_many_connections_in_all() {
    let house = Served::with(&["limits.connections=6", "limits.connections_per_ip=0"]);
    let held: Vec<_> = (0..6).map(|_| house.connect()).collect();
    std::thread::sleep(std::time::Duration::from_millis(200));
    let mut said = String::new();
    drop(house.connect().read_to_string(&mut said));
    assert!(said.starts_with("HTTP/1.1 503") && said.contains("retry-after"), "{said}");
    drop(held);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(house.get("/v1/time", None).status, 200);
}

#[test]
fn sec_s30_a_fresh_house_has_no_credential_that_somebody_could_know() {
    let (one, two) = (Served::new(), Served::new());
    assert!(one.password.len() >= 16 && one.password != two.password);
    let words = ["", "admin", "password", "gavel", "changeme", "123456", two.password.as_str()];
    for login in ["admin", "root", "gavel", "demo", "visitor"] {
        for password in words {
            let body = json!({"login": login, "password": password});
            assert_eq!(one.ask("POST", "/v1/session", None, &body).status, 401, "{login}");
        }
    }
    let config = Config::default();
    assert!(config.server.listen.ip().is_loopback());
    assert!(config.admin.listen.is_some_and(|admin| admin.ip().is_loopback()));
}

#[test]
fn sec_s40_nothing_answers_that_is_not_described() {
    let site = Site::new();
    let admin = site.person("root.of.all", gavel_auction::command::Roles::ADMIN);
    let paths = [
        "/metrics",
        "/internal/bids",
        "/api/auctions",
        "/auctions",
        "/bids",
        "/socket.io/x",
        "/engine.io/",
        "/ws",
        "/admin",
        "/debug",
        "/debug/pprof",
        "/v0/auctions",
        "/v1",
        "/v1/",
        "/v2/auctions",
        "/.env",
        "/.git/config",
        "/graphql",
        "/actuator/health",
        "/health",
        "/v1/auctions/",
        "/v1//auctions",
        "/V1/auctions",
        "/v1/%61uctions/1/../../users",
        "/docs/../v1/users",
        "/server-status",
    ];
    for path in paths {
        for method in ["GET", "POST"] {
            let status = site.ask(method, path, Some(&admin), Some("k"), "").status;
            assert!(matches!(status, 404 | 405), "{method} {path}: {status}");
        }
    }
}

#[test]
fn sec_s40_the_description_can_be_closed_and_no_dialect_is_open_unasked() {
    let open = Site::new();
    let closed = Site::configured(|config| config.server.docs = false);
    let pages = ["/docs", "/docs/", "/docs/swagger-ui.css", "/openapi.json"];
    for path in pages {
        assert!(open.get(path, None).status / 100 != 4, "{path}");
        assert_eq!(closed.get(path, None).status, 404, "{path}");
    }
    assert_eq!(closed.get("/v1/time", None).status, 200);
    let meta = open.get("/v1/meta", None).expect(200);
    assert_eq!(meta["dialects"].as_array().map(Vec::len), Some(0), "{meta}");
}

const CANARY: &str = "canary0815secret";

#[test]
fn sec_s27_no_secret_is_in_a_log_an_error_or_a_file() {
    let scratch = tempfile::tempdir().unwrap();
    let log = scratch.path().join("log");
    let mail = format!("mail.password={CANARY}");
    let mut house = Served::logging(&log, &["log.json=true", "log.level=trace", &mail]);
    let mut heard = String::new();
    let mut hear = |reply: Reply| {
        heard += &reply.body;
        reply.status
    };
    let password = format!("{CANARY} of anna");
    let user = json!({"username": "anna", "email": "anna@example.com", "password": password});
    assert_eq!(hear(house.ask("POST", "/v1/users", None, &user)), 201);
    for password in [&password, CANARY] {
        hear(house.ask(
            "POST",
            "/v1/session",
            None,
            &json!({"login": "anna", "password": password}),
        ));
    }
    let bad = json!({"login": "anna", "password": [CANARY]});
    assert_eq!(hear(house.ask("POST", "/v1/session", None, &bad)), 400);
    let bad = json!({"login": "anna", "password": {"a": CANARY}, "code": CANARY});
    assert_eq!(hear(house.ask("POST", "/v1/session", None, &bad)), 400);
    let reset = json!({"code": CANARY, "password": CANARY});
    assert_eq!(hear(house.ask("POST", "/v1/password/reset", None, &reset)) / 100, 4);
    assert_eq!(
        hear(house.ask("POST", "/v1/users/confirm", None, &json!({"code": CANARY}))) / 100,
        4
    );
    let long = format!("{CANARY:x<43}");
    for headers in [
        format!("authorization: Bearer {long}\r\n"),
        format!("authorization: Basic {CANARY}\r\n"),
        format!("authorization: Bearer a.{CANARY}.b\r\n"),
        format!("cookie: __Host-gavel={long}\r\n"),
    ] {
        assert_eq!(hear(house.send("GET", "/v1/users/me", &headers, b"")), 401);
    }
    // A token does not belong there; whoever puts it there finds it nowhere again.
    assert_eq!(hear(house.get(&format!("/v1/users?token={CANARY}"), None)), 401);
    assert_eq!(hear(house.get(&format!("/v1/time?token={CANARY}"), None)), 400);
    assert_eq!(hear(house.get(&format!("/v1/session/{CANARY}"), None)), 404);
    house.terminate();
    assert!(house.wait());
    heard += &std::fs::read_to_string(&log).unwrap();
    assert!(heard.len() > 2_000, "there is something to be searched: {}", heard.len());
    assert!(!heard.contains(CANARY), "{heard}");
    for entry in std::fs::read_dir(house.data.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        let found = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!found, "{}", path.display());
    }
}

#[test]
fn sec_s20_calls_that_nobody_waits_for_any_more_keep_their_places() {
    let site = Site::new();
    let house = site.house();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let door = Arc::new(Mutex::new(()));
    let closed = door.lock().unwrap();
    runtime.block_on(async {
        for _ in 0..1024 {
            let door = Arc::clone(&door);
            let call = house.aside(move |_| drop(door.lock().unwrap()));
            assert!(timeout(Duration::ZERO, call).await.is_err(), "it waits");
        }
        let refused = timeout(Duration::from_secs(5), house.aside(|_| ())).await;
        assert_eq!(refused.unwrap().unwrap_err().code(), "overloaded");
    });
    drop(closed);
    runtime.block_on(async {
        while house.aside(|_| ()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}
