//! Those who do not play fair: sellers who bid, bids that only prolong, fields that nobody asked
//! for, amounts that are none, eyes that are too curious.

use super::matrix::described;
use super::served::Served;
use super::site::Site;
use serde_json::{Value, json};

#[test]
fn sec_s1_a_seller_bids_nowhere_on_what_is_his() {
    let site = Site::new();
    let seller =
        site.person("seller", gavel_auction::command::Roles { clerk: true, ..super::site::MEMBER });
    let open = json!({"preset": "classic", "duration_seconds": 600, "buy_now": 90_000});
    let path = site.auction(&seller, open);
    let clock = json!({"preset": "dutch", "terms": {"clock": {"kind": "descending",
        "start": 5_000, "floor": 1_000, "step": 100, "every_seconds": 60}}});
    let falling = site.auction(&seller, clock);
    let ask = |path: String, body: Value| site.post(&path, &seller, &body);
    ask(format!("{path}/bids"), json!({"amount": 1_000})).refused(403, "own_auction");
    ask(format!("{path}/buy-now"), Value::Null).refused(403, "own_auction");
    ask(format!("{path}/register"), Value::Null).refused(403, "own_auction");
    ask(format!("{falling}/accept"), json!({"price": 5_000})).refused(403, "own_auction");
    let behind = json!({"amount": 1_000, "on_behalf_of": 1});
    assert!(ask(format!("{path}/bids"), behind).status / 100 == 4, "nor behind a paddle");
    let seen = site.get(&path, None).expect(200);
    assert_eq!((&seen["bid_count"], &seen["price"]), (&json!(0), &Value::Null));
    let anna = site.member("anna");
    assert_eq!(site.bid(&path, &anna, 1_000).expect(201)["standing"], "leading");
}

#[test]
fn sec_s5_a_bid_that_is_refused_prolongs_nothing_and_all_together_not_for_ever() {
    let site = Site::new();
    let (seller, anna, bert) = (site.member("seller"), site.member("anna"), site.member("bert"));
    // Always within the window.
    let close = json!({"kind": "soft", "window_seconds": 600, "extend_to_seconds": 600,
        "max_total_seconds": 300});
    let auction = json!({"preset": "english", "starting_price": 1_000, "duration_seconds": 60,
        "terms": {"close": close, "increment": {"kind": "fixed", "step": 500}}});
    let path = site.auction(&seller, auction);
    let end = || site.get(&path, None).expect(200)["effective_end"].as_str().unwrap().to_owned();
    let first = site.bid(&path, &anna, 1_000).expect(201);
    assert_eq!(first["extended"], true);
    let prolonged = end();
    for amount in 0..20 {
        site.bid(&path, &bert, 1_001 + amount).refused(422, "below_minimum");
    }
    assert_eq!(end(), prolonged, "refused bids prolong nothing");
    let scheduled = site.get(&path, None).expect(200)["scheduled_end"].clone();
    let seconds = |text: &str| {
        let clock: Vec<i64> = text[11..19].split(':').map(|part| part.parse().unwrap()).collect();
        clock[0] * 3600 + clock[1] * 60 + clock[2]
    };
    for (amount, by) in [(1_500, &bert), (2_000, &anna), (2_500, &bert)] {
        site.bid(&path, by, amount).expect(201);
        let longer = seconds(&end()) - seconds(scheduled.as_str().unwrap());
        assert_eq!(longer.rem_euclid(86_400), 300, "as much as all together may");
    }
}

#[test]
fn sec_s10_nobody_assigns_what_was_not_asked_for() {
    let site = Site::new();
    let (seller, anna) = (site.member("seller"), site.member("anna"));
    let more = [
        ("status", json!("sold")),
        ("state", json!("open")),
        ("winner_id", json!(1)),
        ("highest_bidder", json!(1)),
        ("role", json!("admin")),
        ("roles", json!(["admin"])),
        ("is_verified", json!(true)),
        ("email_confirmed", json!(true)),
        ("effective_end", json!("2199-01-01T00:00:00Z")),
        ("fee_rate", json!(0)),
        ("created_at", json!("2000-01-01T00:00:00Z")),
        ("seller", json!(1)),
        ("user_id", json!(1)),
        ("bidder_username", json!("seller")),
        ("paddle", json!(1)),
        ("at", json!(1)),
    ];
    let open = json!({"title": "A pot", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 600});
    let path = site.auction(&seller, open.clone());
    let register =
        json!({"username": "bert", "email": "bert@example.com", "password": "a long password"});
    let item = json!({"title": "A pot", "category": "Pots", "attributes": {}});
    let doors = [
        ("POST", "/v1/users".to_owned(), register),
        ("PATCH", "/v1/users/me".to_owned(), json!({"name": "Anna"})),
        ("POST", "/v1/auctions".to_owned(), open),
        ("PATCH", path.clone(), json!({"title": "Another pot"})),
        ("POST", format!("{path}/bids"), json!({"amount": 1_000})),
        ("POST", "/v1/items".to_owned(), item),
    ];
    let profile = site.get("/v1/users/me", Some(&anna)).expect(200);
    let before = site.get(&path, None).expect(200);
    for (method, door, body) in doors {
        for (field, value) in &more {
            let mut body = body.clone();
            body[field] = value.clone();
            let by = if door == path { &seller } else { &anna };
            let reply = site.ask(method, &door, Some(by), None, &body.to_string());
            let refused = reply.refused(400, "malformed");
            assert_eq!(refused["field"], *field, "{method} {door}");
        }
    }
    assert_eq!(site.get("/v1/users/me", Some(&anna)).expect(200), profile);
    let after = site.get(&path, None).expect(200);
    assert_eq!((&after["version"], &after["title"]), (&before["version"], &before["title"]));
}

const MAIL: &str = "canary.address@example.com";
const NAME: &str = "Canary Vogel";
const PHONE: &str = "+4915555501234";
const RESERVE: i64 = 7_777_123_401;
const MAXIMUM: i64 = 7_777_123_399;

#[test]
fn sec_s11_what_is_hidden_is_in_nothing_that_others_get() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let house = Served::logging(log.path(), &["log.level=debug"]);
    let person = |username: &str| {
        let body = json!({"username": username, "email": format!("{username}.{MAIL}"),
            "password": "correct horse battery staple", "name": format!("{username} {NAME}"),
            "phone": PHONE});
        assert_eq!(house.ask("POST", "/v1/users", None, &body).status, 201);
        house.sign_in(username, "correct horse battery staple")
    };
    let (seller, anna) = (person("seller"), person("anna"));
    let (_, bert) = house.user("bert");
    let auction = json!({"title": "A vase", "currency": "EUR", "preset": "timed",
        "starting_price": 1_000, "reserve": RESERVE, "duration_seconds": 600});
    let made = house.ask("POST", "/v1/auctions", Some(&seller), &auction);
    assert_eq!(made.status, 201, "{made:?}");
    let bids = format!("/v1/auctions/{}/bids", made.json()["id"]);
    let bid = house.ask("POST", &bids, Some(&anna), &json!({"maximum": MAXIMUM}));
    assert_eq!(bid.status, 201, "{bid:?}");
    let low = house.ask("POST", &bids, Some(&bert), &json!({"maximum": 2_000}));
    assert_eq!(low.status, 201, "{low:?}");
    let canaries = [
        MAIL.to_owned(),
        NAME.to_owned(),
        PHONE.to_owned(),
        RESERVE.to_string(),
        MAXIMUM.to_string(),
    ];
    let own = house.get("/v1/users/me", Some(&anna)).body;
    let mine = house.get(&format!("{bids}/mine"), Some(&anna)).body;
    assert!(own.contains(MAIL) && own.contains(NAME) && own.contains(PHONE), "{own}");
    assert!(mine.contains(&MAXIMUM.to_string()), "the test sees what it looks for: {mine}");

    let all = described(&Site::new());
    let mut heard = String::new();
    for (method, route) in &all {
        if method != "GET" || route.ends_with("/stream") {
            continue;
        }
        let plain = route.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
        let path = plain.collect::<Vec<_>>().join("/");
        for (by, user) in [(None, "1"), (Some(bert.as_str()), "2"), (Some(bert.as_str()), "3")] {
            heard += &house.get(&path.replace("/users/1", &format!("/users/{user}")), by).body;
        }
    }
    assert!(heard.contains("A vase"), "there is something to be searched");
    let mut metrics = String::new();
    let mut aside = std::net::TcpStream::connect(house.metrics).unwrap();
    let ask = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    std::io::Write::write_all(&mut aside, ask.as_bytes()).unwrap();
    std::io::Read::read_to_string(&mut aside, &mut metrics).unwrap();
    assert!(metrics.contains("gavel_"), "{metrics}");
    let said = std::fs::read_to_string(log.path()).unwrap();
    for canary in canaries {
        for (what, text) in [("replies", &heard), ("metrics", &metrics), ("log", &said)] {
            assert!(!text.contains(&canary), "{canary} is in the {what}");
        }
    }
}

#[test]
fn sec_s21_an_amount_is_a_whole_number_of_minor_units_or_nothing() {
    let site = Site::new();
    let (seller, anna) = (site.member("seller"), site.member("anna"));
    let path = site.auction(&seller, json!({"preset": "classic", "duration_seconds": 600}));
    let bids = format!("{path}/bids");
    let none = "-1 0 -0 1.0 10.00 0.001 1e2 1E2 1e308 -1e308 1e-2 100e0 1e400 NaN Infinity \
        -Infinity nan inf 0x10 0b1 010 00 +5 5. .5 1_000 1,000 9007199254740992 \
        9007199254740993 9223372036854775807 9223372036854775808 -9223372036854775808 \
        -9223372036854775809 18446744073709551615 18446744073709551616 \
        340282366920938463463374607431768211456 \"10\" \"10,00\" \"10.00\" \"\" \"1e2\" \"NaN\" \
        null true false [] [10] {} {\"a\":1} \u{ff11}\u{ff10} \u{661}\u{660} \
        \"\u{ff11}\u{ff10}\" 10EUR \u{20ac}10 -9007199254740991 -9007199254740992 1\u{a0}000 \
        1'000 ten";
    let none: Vec<&str> = none.split(' ').filter(|text| !text.is_empty()).collect();
    assert!(none.len() >= 55, "{}", none.len());
    for text in none {
        let body = format!("{{\"amount\":{text}}}");
        site.ask("POST", &bids, Some(&anna), None, &body).refused(400, "malformed");
    }
    assert_eq!(site.get(&path, None).expect(200)["bid_count"], 0);
    let largest = 9_007_199_254_740_991_i64;
    for amount in ["1", " 2 ", "9007199254740991"] {
        let body = format!("{{\"amount\":{amount}}}");
        let reply = site.ask("POST", &bids, Some(&anna), None, &body);
        assert!([201, 422].contains(&reply.status), "{amount}: {}", reply.text);
    }
    let seen = site.get(&path, None).expect(200);
    let price = seen["price"].as_i64().unwrap();
    assert!(price <= largest && price > 0, "{seen}");
    // Near the end of the range there is no next bid; nothing overflows.
    let bert = site.member("bert");
    let reply = site.bid(&path, &bert, largest);
    assert!([201, 422].contains(&reply.status), "{}", reply.text);
}

#[test]
fn sec_s36_no_crate_may_do_what_the_compiler_cannot_check() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    let workspace = read(&root.join("Cargo.toml"));
    for line in ["unsafe_code = \"forbid\"", "unwrap_used = \"deny\"", "overflow-checks = true"] {
        assert!(workspace.lines().any(|found| found.starts_with(line)), "{line}");
    }
    assert!(!workspace.contains("panic = \"abort\""), "a panic must be something to catch");
    for entry in std::fs::read_dir(root.join("crates")).unwrap() {
        let manifest = entry.unwrap().path().join("Cargo.toml");
        let text = read(&manifest);
        assert!(text.contains("[lints]\nworkspace = true"), "{}", manifest.display());
    }
}
