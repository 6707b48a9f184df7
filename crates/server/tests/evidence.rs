//! Evidence over HTTP: why a bid stands as it does, who is told, and who is not; receipts of
//! what was accepted and of what was not; signed heads.
#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "floor/site.rs"]
mod site;

use axum::body::Body;
use gavel_auction::command::Roles;
use gavel_proof::canonical::canonicalize;
use gavel_proof::head::{Rolling, verify_head};
use gavel_proof::{Form, ReceiptFault, Signed, verify_receipt, verify_together};
use http::Request;
use serde_json::{Value, json};
use site::{Person, Reply, Site};

fn why(site: &Site, path: &str, bid: &Value, by: &Person) -> Value {
    site.get(&format!("{path}/bids/{bid}/explanation"), Some(by)).expect(200)
}

#[test]
fn a_bid_is_explained_to_its_bidder() {
    let site = Site::new();
    let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
    let path = site.auction(&anna, json!({"preset": "timed", "duration_seconds": 3600}));
    let first = site.bid(&path, &bob, 20_000).expect(201)["bid"].clone();
    let second = site.bid(&path, &cleo, 10_000).expect(201)["bid"].clone();
    let told = why(&site, &path, &second, &cleo);
    assert_eq!(told["code"], "outbid_at_once");
    assert_eq!((&told["price"], &told["leader"]), (&json!(10_250), &json!(1)));
    assert_eq!((&told["yours"], &told["by"]), (&json!(10_000), &second));
    assert!(told["text"].as_str().unwrap().contains("paddle 1 had bid more"), "{told}");
    assert!(!told.to_string().contains("20000") && !told.to_string().contains("200.00"), "{told}");
    let told = why(&site, &path, &first, &bob);
    assert_eq!((&told["code"], &told["yours"]), (&json!("leading"), &json!(20_000)));
    let admin = site.person("admin", Roles::ADMIN);
    site.post(&format!("{path}/close"), &admin, &json!({"reason": "on_request"})).expect(200);
    let told = why(&site, &path, &first, &bob);
    assert_eq!((&told["code"], &told["outcome"]["hammer_price"]), (&json!("won"), &json!(10_250)));
}

#[test]
fn nobody_else_is_told() {
    let site = Site::new();
    let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
    let (clerk, admin) = (site.person("clerk", Roles::CLERK), site.person("admin", Roles::ADMIN));
    let path = site.auction(&anna, json!({"preset": "sealed", "duration_seconds": 3600}));
    let bid = site.bid(&path, &bob, 20_000).expect(201)["bid"].clone();
    assert_eq!(why(&site, &path, &bid, &bob)["code"], "sealed");
    for other in [&anna, &cleo, &clerk, &admin] {
        let asked = site.get(&format!("{path}/bids/{bid}/explanation"), Some(other));
        asked.refused(403, "forbidden");
    }
    let by = json!({"amount": 30_000, "on_behalf_of": 1, "channel": "phone"});
    let placed = site.post(&format!("{path}/bids"), &clerk, &by).expect(201)["bid"].clone();
    let told = why(&site, &path, &placed, &clerk);
    assert_eq!((&told["code"], &told["yours"]), (&json!("sealed"), &json!(30_000)));
    let asked = site.get(&format!("{path}/bids/{placed}/explanation"), Some(&admin));
    asked.refused(403, "forbidden");
    assert_eq!(why(&site, &path, &placed, &bob)["yours"], 30_000);
    for none in ["1", "99", "x", "0"] {
        let asked = site.get(&format!("{path}/bids/{none}/explanation"), Some(&bob));
        asked.refused(404, "not_found");
    }
    let at = format!("{path}/bids/{bid}/explanation");
    site.get(&at, None).refused(401, "unauthenticated");
    site.get(&format!("{at}?x=1"), Some(&bob)).refused(400, "malformed");
    site.get("/v1/auctions/99/bids/4/explanation", Some(&bob)).refused(404, "not_found");
}

/// Two houses in which all is alike but one hidden amount tell the same.
#[test]
fn what_is_hidden_changes_no_explanation() {
    let told = |maximum: i64, reserve: i64| {
        let site = Site::new();
        let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
        let body = json!({"preset": "timed", "duration_seconds": 3600, "reserve": reserve});
        let path = site.auction(&anna, body);
        site.bid(&path, &bob, maximum).expect(201);
        let own = site.bid(&path, &cleo, 10_000).expect(201)["bid"].clone();
        let mut open = why(&site, &path, &own, &cleo);
        let admin = site.person("admin", Roles::ADMIN);
        site.post(&format!("{path}/close"), &admin, &json!({"reason": "on_request"})).expect(200);
        let mut closed = why(&site, &path, &own, &cleo);
        for reply in [&mut open, &mut closed] {
            for by_the_clock in ["server_time", "effective_end"] {
                assert!(reply.as_object_mut().unwrap().remove(by_the_clock).is_some());
            }
        }
        (open, closed)
    };
    let one = told(20_000, 90_000);
    assert_eq!(one, told(80_000, 90_000));
    assert_eq!(one, told(20_000, 99_000));
    assert_eq!(one.1["code"], "outbid_at_once");
}

fn heads(site: &Site) -> Vec<gavel_proof::head::Head> {
    let reply = site.get("/v1/heads", None);
    let lines: Vec<Value> =
        reply.expect(200)["items"].as_array().unwrap().iter().map(Clone::clone).collect();
    let checked = lines.iter().map(|line| {
        let text = canonicalize(line);
        assert!(reply.text.contains(std::str::from_utf8(&text).unwrap()), "byte for byte");
        verify_head(&text).unwrap()
    });
    checked.collect()
}

#[test]
fn signed_heads_grow_with_the_log_and_survive_a_restart() {
    let mut site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let empty = heads(&site);
    assert_eq!(empty.len(), 4);
    let (house, key) = (site.house().keys.house, site.house().public_key());
    for (partition, head) in (0..).zip(&empty) {
        assert_eq!(head.rolling, Rolling::new(house, partition));
        assert_eq!((head.house, head.key), (house, key));
    }
    let path = site.auction(&anna, json!({"preset": "classic", "duration_seconds": 3600}));
    site.bid(&path, &bob, 500).expect(201);
    let events = site.get(&format!("{path}/events"), None).expect(200)["items"].clone();
    let mut rolling = Rolling::new(house, 1);
    for event in events.as_array().unwrap() {
        rolling.follow(Some(&serde_json::from_value(event["hash"].clone()).unwrap()));
    }
    // What was signed a moment ago is given again for a moment.
    site.until(|| heads(&site)[1].rolling == rolling);
    assert_eq!(heads(&site)[0].rolling, empty[0].rolling);
    site.restart();
    assert_eq!(heads(&site)[1].rolling, rolling);
    site.bid(&path, &site.member("cleo"), 700).expect(201);
    site.until(|| heads(&site)[1].rolling.position == rolling.position + 1);
    site.get("/v1/heads?x=1", None).refused(400, "malformed");
}

/// A command that wants a receipt.
fn ask(site: &Site, path: &str, by: &Person, key: &str, body: &Value) -> Reply {
    let request = Request::builder().method("POST").uri(path).header("host", "house");
    let request = request
        .header("authorization", format!("Bearer {}", by.token))
        .header("idempotency-key", key)
        .header("prefer", "receipt")
        .header("content-type", "application/json");
    site.send(request.body(Body::from(body.to_string())).unwrap())
}

/// The receipt in a reply, checked; it stands there byte for byte.
#[track_caller]
fn receipt(reply: &Reply) -> (Vec<u8>, Signed) {
    assert_eq!(reply.headers["preference-applied"], "receipt", "{reply:?}");
    let text = canonicalize(&reply.json()["receipt"]);
    assert!(reply.text.contains(std::str::from_utf8(&text).unwrap()), "{}", reply.text);
    let signed = verify_receipt(&text).unwrap();
    (text, signed)
}

#[test]
fn accepted_and_refused_commands_have_receipts_that_agree_with_the_certificate() {
    let site = Site::new();
    let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
    let admin = site.person("admin", Roles::ADMIN);
    let body = json!({"title": "A clock", "currency": "EUR", "preset": "timed",
        "duration_seconds": 3600, "terms": {"increment": {"kind": "fixed", "step": 100}}});
    let made = ask(&site, "/v1/auctions", &anna, "a", &body);
    let (created, _) = receipt(&made);
    let path = format!("/v1/auctions/{}", made.expect(201)["id"]);
    let bids = format!("{path}/bids");
    let placed = ask(&site, &bids, &bob, "b", &json!({"maximum": 5_000}));
    let (accepted, signed) = receipt(&placed);
    let told = placed.expect(201);
    assert_eq!(Some(signed.version), told["version"].as_u64());
    assert_eq!(signed.amount.map(i64::from), Some(5_000));
    assert_eq!(signed.house, site.house().keys.house);
    assert_eq!(signed.fingerprint, site.house().public_key().fingerprint());
    let low = ask(&site, &bids, &cleo, "c", &json!({"amount": 50}));
    let (refused, signed) = receipt(&low);
    let problem = low.refused(422, "below_minimum");
    assert_eq!(signed.code.as_deref(), Some("below_minimum"));
    assert_eq!(problem["operation"], format!("{}-{}", signed.auction, signed.command));
    let none = ask(&site, "/v1/auctions/99/bids", &cleo, "d", &json!({"amount": 50}));
    assert_eq!(receipt(&none).1.version, 0);
    none.refused(404, "not_found");
    ask(&site, &format!("{path}/register"), &cleo, "e", &json!({})).expect(201);
    site.post(&format!("{path}/close"), &admin, &json!({"reason": "on_request"})).expect(200);
    let file = site.get(&format!("{path}/certificate"), None);
    file.expect(200);
    for receipt in [created, accepted, refused] {
        verify_together(&receipt, file.text.as_bytes()).unwrap();
    }
    let (elsewhere, _) = receipt(&none);
    let fault = verify_together(&elsewhere, file.text.as_bytes()).unwrap_err();
    assert!(matches!(fault, ReceiptFault::Another { what: "auction", .. }), "{fault}");
}

#[test]
fn who_wants_no_receipt_gets_none() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let path = site.auction(&anna, json!({"preset": "classic", "duration_seconds": 3600}));
    let placed = site.bid(&path, &bob, 500);
    assert!(placed.expect(201).get("receipt").is_none());
    assert!(!placed.headers.contains_key("preference-applied"));
    let low = site.bid(&path, &bob, 400);
    assert!(low.json().get("receipt").is_none());
}

#[test]
fn a_repeat_gets_its_receipt_from_the_log_and_changes_nothing() {
    let mut site = Site::new();
    let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
    let path = site.auction(&anna, json!({"preset": "classic", "duration_seconds": 3600}));
    let bids = format!("{path}/bids");
    let first = ask(&site, &bids, &bob, "k", &json!({"amount": 500}));
    assert!(matches!(receipt(&first).1.form, Form::Batch { size: 1 }));
    site.restart();
    let again = ask(&site, &bids, &bob, "k", &json!({"amount": 500}));
    let (text, signed) = receipt(&again);
    assert_eq!(signed.form, Form::Chain);
    let without = |reply: &Reply| {
        let mut body = reply.json();
        body.as_object_mut().unwrap().remove("receipt");
        body
    };
    assert_eq!(without(&first), without(&again));
    let operation = first.json()["operation"].as_str().unwrap().to_owned();
    let later = site.get(&format!("/v1/receipts/{operation}"), Some(&bob));
    later.expect(200);
    assert_eq!(later.text.as_bytes(), text);
    // A refusal told again has a receipt while nothing else has happened.
    let low = ask(&site, &bids, &cleo, "l", &json!({"amount": 400}));
    let told_again = ask(&site, &bids, &cleo, "l", &json!({"amount": 400}));
    assert_eq!(receipt(&low).1.version, receipt(&told_again).1.version);
    site.bid(&path, &cleo, 600).expect(201);
    let late = ask(&site, &bids, &cleo, "l", &json!({"amount": 400}));
    late.refused(422, "below_minimum");
    assert!(late.json().get("receipt").is_none());
}

#[test]
fn receipts_are_their_senders_own() {
    let site = Site::new();
    let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
    let clerk = site.person("clerk", Roles::CLERK);
    let path = site.auction(&anna, json!({"preset": "sealed", "duration_seconds": 3600}));
    let placed = site.bid(&path, &bob, 20_000).expect(201);
    let operation = placed["operation"].as_str().unwrap().to_owned();
    let at = format!("/v1/receipts/{operation}");
    let own = site.get(&at, Some(&bob));
    own.expect(200);
    let signed = verify_receipt(own.text.as_bytes()).unwrap();
    assert_eq!(Some(signed.version), placed["version"].as_u64());
    assert!(!own.text.contains("20000"), "{}", own.text);
    for other in [&anna, &cleo, &clerk] {
        site.get(&at, Some(other)).refused(404, "not_found");
    }
    site.get(&at, None).refused(401, "unauthenticated");
    site.get(&format!("{at}?x=1"), Some(&bob)).refused(400, "malformed");
    let zeros = "0".repeat(32);
    for none in ["x", "1", "1-x", &format!("1-{zeros}"), &format!("99-{zeros}"), "1-ff"] {
        site.get(&format!("/v1/receipts/{none}"), Some(&bob)).refused(404, "not_found");
    }
    let never = ask(&site, &format!("{path}/bids"), &anna, "own", &json!({"amount": 5}));
    let refused = never.refused(403, "own_auction")["operation"].as_str().unwrap().to_owned();
    site.get(&format!("/v1/receipts/{refused}"), Some(&anna)).refused(404, "not_found");
}
