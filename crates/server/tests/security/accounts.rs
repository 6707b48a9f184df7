//! Accounts under attack: guessing, enumeration, sessions, second factors, names, keys.

use super::served::{Reply, Served, read_reply};
use super::site::Site;
use gavel_server::second_factor::SecondFactor;
use serde_json::{Value, json};
use std::io::{BufReader, Write};
use std::time::{SystemTime, UNIX_EPOCH};

const PASSWORD: &str = "correct horse battery staple";

/// A request from behind the proxy that the house believes.
fn from(house: &Served, ip: &str, method: &str, path: &str, token: &str, body: &Value) -> Reply {
    let headers = format!(
        "content-type: application/json\r\nx-forwarded-for: {ip}\r\n{}",
        if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") }
    );
    let body = if body.is_null() { String::new() } else { body.to_string() };
    house.send(method, path, &headers, body.as_bytes())
}

#[test]
fn sec_s4_ten_thousand_bad_logins_lock_nobody_out() {
    let house = Served::with(&[
        "limits.logins_per_minute_per_account=5",
        "limits.logins_per_hour_per_ip=100",
        "server.trusted_proxies=127.0.0.1",
    ]);
    let seller = house.user("seller").1;
    let (_, session) = house.user("victim");
    let body = json!({"title": "A kettle", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 600});
    let made = house.ask("POST", "/v1/auctions", Some(&seller), &body).json();
    let attempt = json!({"login": "victim", "password": "wrong password"}).to_string();
    let one = format!(
        "POST /v1/session HTTP/1.1\r\nhost: house\r\ncontent-type: application/json\r\n\
         x-forwarded-for: 203.0.113.9\r\ncontent-length: {}\r\n\r\n{attempt}",
        attempt.len()
    );
    let mut stream = house.connect();
    let mut replies = BufReader::new(stream.try_clone().unwrap());
    let mut limited = 0;
    for _ in 0..10_000 {
        stream.write_all(one.as_bytes()).unwrap();
        let reply = read_reply(&mut replies).unwrap();
        assert!(matches!(reply.status, 401 | 429), "{reply:?}");
        limited += u32::from(reply.status == 429);
    }
    assert!(limited > 9_900, "{limited} of 10,000 guesses were slowed down");
    let bids = format!("/v1/auctions/{}/bids", made["id"]);
    let amount = json!({"amount": 1000});
    let bid = from(&house, "198.51.100.7", "POST", &bids, &session, &amount);
    assert_eq!(bid.status, 201, "{bid:?}");
    let right = json!({"login": "victim", "password": PASSWORD});
    let signed_in = from(&house, "198.51.100.7", "POST", "/v1/session", "", &right);
    assert_eq!(signed_in.status, 201, "{signed_in:?}");
}

#[test]
fn sec_s7_the_same_work_whether_somebody_exists_or_not() {
    let site = Site::new();
    let passwords = site.house().passwords.clone();
    let work = |method: &str, path: &str, body: Value| {
        let before = passwords.done();
        let reply = site.ask(method, path, None, None, &body.to_string());
        (passwords.done() - before, reply.status)
    };
    let account = |name: &str, email: &str| {
        work("POST", "/v1/users", json!({"username": name, "email": email, "password": PASSWORD}))
    };
    assert_eq!(account("anna", "anna@example.com"), (1, 201));
    assert_eq!(account("bert", "anna@example.com"), (1, 201), "the address is known");
    let login = |name: &str| {
        work("POST", "/v1/session", json!({"login": name, "password": "wrong password"}))
    };
    assert_eq!(login("anna"), (1, 401));
    assert_eq!(login("anna@example.com"), (1, 401));
    assert_eq!(login("nobody"), (1, 401));
    assert_eq!(login("nobody@example.com"), (1, 401));
    // A member without a password (he signs in elsewhere) is not told apart either.
    site.member("elsewhere");
    assert_eq!(login("elsewhere"), (1, 401));
    let forgotten = |name: &str| work("POST", "/v1/password/forgotten", json!({"login": name}));
    assert_eq!(forgotten("anna"), (0, 202));
    assert_eq!(forgotten("nobody"), (0, 202));
    let reset = |code: &str| {
        work("POST", "/v1/password/reset", json!({"code": code, "password": PASSWORD}))
    };
    assert_eq!(reset("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), (1, 400));
    let text = |name: &str| {
        let body = json!({"login": name, "password": "wrong password"}).to_string();
        let mut said: Value =
            serde_json::from_str(&site.ask("POST", "/v1/session", None, None, &body).text).unwrap();
        said["trace_id"] = Value::Null;
        said
    };
    assert_eq!(text("bert"), text("nobody2"));
}

#[test]
fn sec_s6_a_new_password_ends_all_that_was_begun_with_the_old_one() {
    let house = Served::new();
    let (_, first) = house.user("anna");
    let second = house.sign_in("anna", PASSWORD);
    assert_ne!(first, second, "each sign-in has a token of its own");
    let new = "another horse entirely";
    let change = json!({"password": new, "current_password": PASSWORD});
    assert_eq!(house.ask("PATCH", "/v1/users/me", Some(&second), &change).status, 200);
    for token in [&first, &second] {
        assert_eq!(house.get("/v1/users/me", Some(token)).status, 401);
    }
    let old = json!({"login": "anna", "password": PASSWORD});
    assert_eq!(house.ask("POST", "/v1/session", None, &old).status, 401);
    let fresh = house.sign_in("anna", new);
    for common in ["password123", "anna@example.com", "qwertyuiop", "Iloveyou1!", "short"] {
        let body = json!({"password": common, "current_password": new});
        let reply = house.ask("PATCH", "/v1/users/me", Some(&fresh), &body);
        assert_eq!((reply.status, &reply.json()["field"]), (400, &json!("password")), "{common}");
    }
    for body in [json!({"email": "new@example.com"}), json!({"password": "a fine new one"})] {
        let reply = house.ask("PATCH", "/v1/users/me", Some(&fresh), &body);
        assert_eq!(&reply.json()["field"], &json!("current_password"));
    }
}

/// The code that an app shows now.
fn code_of(secret: &str) -> String {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: Vec<bool> = secret
        .chars()
        .flat_map(|c| {
            let value = LETTERS.find(c).unwrap();
            (0..5).map(move |bit| value >> (4 - bit) & 1 == 1)
        })
        .collect();
    let byte = |bits: &[bool]| bits.iter().fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit));
    let key: Vec<u8> = bits.chunks_exact(8).map(byte).collect();
    let now = now_seconds();
    let tag = ring::hmac::sign(
        &ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key),
        &(now / 30).to_be_bytes(),
    );
    let at = usize::from(tag.as_ref()[19] & 15);
    let four: [u8; 4] = tag.as_ref()[at..at + 4].try_into().unwrap();
    format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
}

#[expect(clippy::disallowed_methods, reason = "an app beside the house has a clock of its own")]
fn now_seconds() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

#[test]
fn sec_s6_a_second_factor_is_asked_for_and_each_code_is_good_once() {
    let house = Served::new();
    let (_, token) = house.user("anna");
    let ask = |method: &str, path: &str, body: &Value| house.ask(method, path, Some(&token), body);
    let factor = "/v1/users/me/second-factor";
    assert_eq!(ask("POST", factor, &json!({"password": "wrong password"})).status, 403);
    let begun = ask("POST", factor, &json!({"password": PASSWORD}));
    assert_eq!(begun.status, 201, "{begun:?}");
    let secret = begun.json()["secret"].as_str().unwrap().to_owned();
    assert!(begun.json()["uri"].as_str().unwrap().starts_with("otpauth://totp/Gavel:anna?secret="));
    house.sign_in("anna", PASSWORD); // Nothing is asked for before it is confirmed.
    assert_eq!(ask("POST", &format!("{factor}/confirm"), &json!({"code": "000000"})).status, 401);
    let code = code_of(&secret);
    let finished = ask("POST", &format!("{factor}/confirm"), &json!({"code": code}));
    assert_eq!(finished.status, 200, "{finished:?}");
    let recovery: Vec<String> =
        serde_json::from_value(finished.json()["recovery_codes"].clone()).unwrap();
    assert_eq!(recovery.len(), 10);
    let sign_in = |code: Option<&str>| {
        let mut body = json!({"login": "anna", "password": PASSWORD});
        if let Some(code) = code {
            body["code"] = json!(code);
        }
        house.ask("POST", "/v1/session", None, &body)
    };
    assert_eq!(sign_in(None).code(), "second_factor_needed");
    assert_eq!(sign_in(Some(&code)).code(), "unauthenticated", "a code is good once");
    assert_eq!(sign_in(Some("000000")).code(), "unauthenticated");
    assert_eq!(sign_in(Some(&recovery[0])).status, 201);
    assert_eq!(sign_in(Some(&recovery[0])).code(), "unauthenticated", "so is a recovery code");
    // The second factor does not say whether the password was right to whoever has it wrong.
    let wrong = json!({"login": "anna", "password": "wrong password", "code": recovery[1]});
    assert_eq!(house.ask("POST", "/v1/session", None, &wrong).code(), "unauthenticated");
    let end = json!({"password": PASSWORD});
    assert_eq!(ask("DELETE", factor, &end).code(), "second_factor_needed");
    let end = json!({"password": PASSWORD, "code": recovery[1].to_lowercase()});
    assert_eq!(ask("DELETE", factor, &end).status, 204);
    house.sign_in("anna", PASSWORD);
}

#[test]
fn sec_s14_sessions_are_listed_and_end_at_once() {
    let house = Served::new();
    let (id, first) = house.user("anna");
    let second = house.sign_in("anna", PASSWORD);
    let list = |token: &str| house.get("/v1/users/me/sessions", Some(token)).json();
    let items = list(&first)["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 2);
    let other = items.as_array().unwrap().iter().find(|one| one["current"] == false).unwrap();
    assert!(other["from"].as_str().unwrap().ends_with(", 127.0.0.1"), "{other}");
    let path = format!("/v1/users/me/sessions/{}", other["id"].as_str().unwrap());
    let (_, bert) = house.user("bert");
    let foreign = house.ask("DELETE", &path, Some(&bert), &Value::Null);
    assert_eq!(foreign.status, 404, "another's session is not there");
    assert_eq!(house.ask("DELETE", &path, Some(&first), &Value::Null).status, 204);
    assert_eq!(house.get("/v1/users/me", Some(&second)).status, 401);
    assert_eq!(house.get("/v1/users/me", Some(&first)).status, 200);
    let third = house.sign_in("anna", PASSWORD);
    let everywhere = house.ask("DELETE", "/v1/users/me/sessions", Some(&third), &Value::Null);
    assert_eq!(everywhere.status, 204);
    for token in [&first, &third] {
        assert_eq!(house.get("/v1/users/me", Some(token)).status, 401);
    }
    // Banned: all sessions end, what is his stays his.
    let fourth = house.sign_in("anna", PASSWORD);
    let ban = format!("/v1/users/{id}/ban");
    let banned = house.ask("POST", &ban, Some(&house.admin()), &json!({"reason": "shill"}));
    assert_eq!(banned.json()["banned"], true);
    assert_eq!(house.get("/v1/users/me", Some(&fourth)).status, 401);
    let fifth = house.sign_in("anna", PASSWORD);
    let export = house.get("/v1/users/me/export", Some(&fifth)).json();
    assert_eq!(export["banned_because"], "shill");
    let auction = json!({"title": "A kettle", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 600});
    let refused = house.ask("POST", "/v1/auctions", Some(&fifth), &auction);
    assert_eq!((refused.status, refused.code().as_str()), (403, "banned"));
}

#[test]
fn sec_s14_a_stream_ends_with_the_session_that_opened_it() {
    let house = Served::new();
    let seller = house.user("seller").1;
    let (id, _) = house.user("anna");
    let body = json!({"title": "A kettle", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 600});
    let auction = house.ask("POST", "/v1/auctions", Some(&seller), &body).json()["id"].clone();
    let admin = house.admin();
    type End<'a> = (&'a str, String, Value);
    let ends: [End<'_>; 3] = [
        ("DELETE", "/v1/session".to_owned(), Value::Null),
        ("DELETE", "/v1/users/me/sessions".to_owned(), Value::Null),
        ("POST", format!("/v1/users/{id}/ban"), json!({"reason": "shill"})),
    ];
    for (method, path, body) in ends {
        let token = house.sign_in("anna", PASSWORD);
        let mut stream = house.connect();
        let request = format!(
            "GET /v1/auctions/{auction}/stream HTTP/1.1\r\nhost: house\r\n\
             authorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let watched = stream.try_clone().unwrap();
        let mut lines = std::io::BufRead::lines(BufReader::new(stream));
        assert!(lines.any(|line| line.unwrap().starts_with("retry:")), "the stream has begun");
        let by = if path.ends_with("ban") { &admin } else { &token };
        let ended = house.ask(method, &path, Some(by), &body);
        assert!(ended.status < 300, "{ended:?}");
        // A heartbeat, which looks too, would come after 15 seconds.
        watched.set_read_timeout(Some(std::time::Duration::from_secs(8))).unwrap();
        let mut said = lines.map(|line| line.unwrap());
        let told = said.find(|line| line.starts_with(':') || line.contains("\"reason\"")).unwrap();
        assert!(told.contains("\"reason\":\"signed_out\""), "{method} {path}: {told}");
    }
}

#[test]
fn sec_s23_no_name_looks_like_another() {
    let house = Served::new();
    let register = |name: &str| {
        let body = json!({"username": name, "email": "x@example.com", "password": PASSWORD});
        house.ask("POST", "/v1/users", None, &body)
    };
    assert_eq!(register("Paul").status, 201);
    for taken in ["paul", "PAUL", "PauI", "ＰＡＵＬ", "Pau1", "ADMIN"] {
        let reply = register(taken);
        assert_eq!((reply.status, reply.code().as_str()), (409, "taken"), "{taken}");
    }
    let long = "a".repeat(100_000 / 2);
    for refused in [
        "\u{430}dmin",
        "adm\u{131}n\u{202e}",
        "pa\u{200b}ul",
        "paul\u{ad}",
        "pa\u{301}\u{301}ul",
        "\u{5d0}\u{5d1}\u{5d2}abc",
        "a\u{fe0f}bc",
        "a\u{e0041}bc",
        &long,
    ] {
        let reply = register(refused);
        assert_eq!((reply.status, &reply.json()["field"]), (400, &json!("username")), "{refused}");
    }
    assert_eq!(register("Änne").status, 201);
    assert_eq!(register("a\u{308}nne").code(), "taken", "the same name in other letters");
    assert_eq!(house.sign_in("ÄNNE", PASSWORD).len(), 43);
}

#[test]
fn sec_s24_a_key_is_worth_nothing_in_other_hands() {
    let house = Served::new();
    let (anna, bert) = (house.user("anna").1, house.user("bert").1);
    let auction = json!({"title": "A kettle", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 600});
    let create = |token: &str, key: &str, body: &Value| {
        let headers = format!(
            "content-type: application/json\r\nauthorization: Bearer {token}\r\n\
             idempotency-key: {key}\r\n"
        );
        house.send("POST", "/v1/auctions", &headers, body.to_string().as_bytes())
    };
    let first = create(&anna, "k-1", &auction);
    assert_eq!(first.status, 201, "{first:?}");
    let again = create(&anna, "k-1", &auction);
    assert_eq!(again.json()["id"], first.json()["id"]);
    let other = create(&bert, "k-1", &auction);
    assert_eq!(other.status, 201);
    assert_ne!(other.json()["id"], first.json()["id"], "another's key says nothing");
    assert_ne!(other.json()["operation"], first.json()["operation"]);
    let mut changed = auction.clone();
    changed["title"] = json!("A pot");
    assert_eq!(create(&anna, "k-1", &changed).code(), "key_reused");
    for key in ["x".repeat(256), "a b".to_owned(), "ä".to_owned()] {
        assert_eq!(create(&anna, &key, &auction).status, 400, "{key}");
    }
    assert_eq!(create(&anna, &"x".repeat(255), &auction).status, 201);
    let operation = first.json()["operation"].as_str().unwrap().to_owned();
    let path = format!("/v1/operations/{operation}");
    assert_eq!(house.get(&path, Some(&bert)).status, 404, "nor does its operation");
}

/// What is secret is compared in a time that does not depend on it: tokens and codes are looked up
/// by digest, and the two places that compare do it by `subtle`.
#[test]
fn sec_s33_secrets_are_not_compared_byte_by_byte() {
    let factor = SecondFactor::new([1; 20]);
    let now = gavel_auction::time::Time(0);
    assert!(factor.good("000000", now).is_none());
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src/");
    let source = |file: &str| std::fs::read_to_string(format!("{root}{file}")).unwrap();
    let code = source("second_factor.rs");
    let good = code.split("pub fn good").nth(1).unwrap().split("/// The form").next().unwrap();
    assert_eq!(good.matches("ct_eq").count(), 2);
    assert!(!good.contains(" == "), "{good}");
    // Digests are looked up; no handler holds a token or a code against another.
    for file in ["http/v1/session.rs", "http/v1/password.rs", "http/v1/users/letters.rs"] {
        let text = source(file);
        for secret in ["code ==", "== code", "token ==", "== token", "password =="] {
            assert!(!text.contains(secret), "{file}: {secret}");
        }
    }
}

#[test]
fn the_public_sees_what_it_is_given() {
    let house = Served::with(&["users.public=see_people", "users.open_registration=false"]);
    let admin = house.admin();
    assert_eq!(house.get("/v1/auctions", None).code(), "unauthenticated");
    assert_eq!(house.get("/v1/auctions", Some(&admin)).status, 200);
    assert_eq!(house.get("/v1/users/1", None).status, 200);
    let body = json!({"username": "anna", "email": "a@example.com", "password": PASSWORD});
    assert_eq!(house.ask("POST", "/v1/users", None, &body).status, 401);
    assert_eq!(house.ask("POST", "/v1/users", Some(&admin), &body).status, 201);
    let roles = house.get("/v1/roles", None).json();
    assert_eq!(roles["items"][0]["role"], "public");
    assert_eq!(roles["items"][0]["may"], json!(["see_house", "sign_in", "see_people"]));
    let clerk = roles["items"].as_array().unwrap().iter().find(|role| role["role"] == "clerk");
    let may = clerk.unwrap()["may"].as_array().unwrap();
    assert!(may.contains(&json!("run_auctions")) && !may.contains(&json!("manage_people")));
}
