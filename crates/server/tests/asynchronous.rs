//! Commands that are answered at once with 202: what becomes of them is told to the one whose they
//! are, as the command itself would have been answered; for ever if it was accepted.

#[path = "floor/site.rs"]
mod site;

use axum::body::Body;
use gavel_auction::command::Roles;
use http::Request;
use serde_json::{Value, json};
use site::{Person, Reply, Site};

/// A command whose sender would rather not wait.
fn later(site: &Site, path: &str, by: &Person, key: &str, body: &Value) -> Reply {
    let request = Request::builder()
        .method("POST")
        .uri(path)
        .header("authorization", format!("Bearer {}", by.token))
        .header("idempotency-key", key)
        .header("content-type", "application/json")
        .header("prefer", "respond-async, wait=10")
        .body(Body::from(body.to_string()));
    site.send(request.expect("a request"))
}

/// Where the outcome of a 202 is to be asked for.
#[track_caller]
fn location(reply: &Reply) -> String {
    let body = reply.expect(202);
    assert_eq!(reply.headers["preference-applied"], "respond-async");
    let location = reply.headers["location"].to_str().expect("a path").to_owned();
    assert_eq!(body["status"], "pending");
    assert_eq!(location, format!("/v1/operations/{}", body["operation"].as_str().expect("a name")));
    location
}

/// The outcome, once it is there.
fn outcome(site: &Site, location: &str, by: &Person) -> Value {
    let mut told = Value::Null;
    site.until(|| {
        told = site.get(location, Some(by)).expect(200);
        assert!(told["status"] == "done" || told == json!({ "status": "pending" }), "{told}");
        told["status"] == "done"
    });
    told["response"].take()
}

#[test]
fn what_was_accepted_is_told_for_ever_and_to_its_own_actor_only() {
    let mut site = Site::new();
    let (anna, bob, carl) = (site.member("anna"), site.member("bob"), site.member("carl"));
    let lot = json!({"title": "A chair", "currency": "EUR", "duration_seconds": 3600});
    let made = location(&later(&site, "/v1/auctions", &anna, "make", &lot));
    let created = outcome(&site, &made, &anna);
    assert_eq!(created["status"], 201);
    let path = format!("/v1/auctions/{}", created["body"]["id"]);
    let bids = format!("{path}/bids");
    let bid = location(&later(&site, &bids, &bob, "bid", &json!({"amount": 1000})));
    let placed = outcome(&site, &bid, &bob);
    assert_eq!((&placed["status"], &placed["body"]["standing"]), (&json!(201), &json!("leading")));
    // The same command under the same key, answered in either way, is the same.
    let again = site.ask("POST", &bids, Some(&bob), Some("bid"), r#"{"amount":1000}"#);
    assert_eq!(again.expect(201), placed["body"]);
    assert_eq!(location(&later(&site, &bids, &bob, "bid", &json!({"amount": 1000}))), bid);
    assert_eq!(outcome(&site, &bid, &bob), placed);
    site.restart();
    assert_eq!(outcome(&site, &bid, &bob), placed);
    assert_eq!(outcome(&site, &made, &anna), created);
    for (location, other) in [(&bid, &carl), (&bid, &anna), (&made, &bob)] {
        site.get(location, Some(other)).refused(404, "not_found");
    }
    site.get(&bid, None).refused(401, "unauthenticated");
}

#[test]
fn what_was_refused_is_remembered_for_a_while() {
    let mut site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let terms = json!({"starting_price": 1000, "duration_seconds": 3600});
    let bids = format!("{}/bids", site.auction(&anna, terms));
    let low = location(&later(&site, &bids, &bob, "low", &json!({"amount": 1})));
    let refused = outcome(&site, &low, &bob);
    assert_eq!(refused["status"], 422);
    assert_eq!(refused["body"]["code"], "below_start");
    assert_eq!(
        low,
        format!("/v1/operations/{}", refused["body"]["operation"].as_str().unwrap_or(""))
    );
    site.get(&low, Some(&anna)).refused(404, "not_found");
    // So is what was refused to somebody who waited, or did not wait long enough.
    let waited = site.ask("POST", &bids, Some(&bob), Some("waited"), r#"{"amount":2}"#);
    let name = waited.refused(422, "below_start")["operation"].clone();
    let waited = format!("/v1/operations/{}", name.as_str().unwrap_or_default());
    assert_eq!(outcome(&site, &waited, &bob)["body"]["minimum_next"], 1000);
    site.restart();
    site.get(&low, Some(&bob)).refused(404, "not_found");
    let judged_anew = site.ask("POST", &bids, Some(&bob), Some("low"), r#"{"amount":1}"#);
    judged_anew.refused(422, "below_start");
}

#[test]
fn what_makes_no_sense_is_said_at_once() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let path = site.auction(&anna, json!({"duration_seconds": 3600}));
    let bids = format!("{path}/bids");
    later(&site, &bids, &bob, "k", &json!({"amount": -1})).refused(400, "malformed");
    later(&site, &bids, &bob, "k k", &json!({"amount": 1})).refused(400, "malformed");
    later(&site, "/v1/auctions", &anna, "k", &json!({"title": ""})).refused(400, "malformed");
    for wrong in ["x", "1", "1-", "1-0", "0-00000000000000000000000000000001"] {
        site.get(&format!("/v1/operations/{wrong}"), Some(&bob)).refused(404, "not_found");
    }
    // Every kind of command can be asked in this way.
    let admin = site.person("admin", Roles::ADMIN);
    for (verb, by, body) in [
        ("hold", &admin, json!({})),
        ("resume", &admin, json!({})),
        ("register", &bob, json!({})),
        ("addenda", &anna, json!({"text": "A note"})),
        ("cancel", &anna, json!({"reason": "withdrawn", "note": "gone"})),
        ("certify", &admin, json!({})),
        ("reopen", &admin, json!({"reason": "mistake", "ends_at": "2199-01-01T00:00:00Z"})),
    ] {
        let command = format!("{path}/{verb}");
        let told = outcome(&site, &location(&later(&site, &command, by, verb, &body)), by);
        let direct = site.ask("POST", &command, Some(by), Some(verb), &body.to_string());
        assert_eq!(told["status"], direct.status, "{verb}: {told} {direct:?}");
        let code = |body: &Value| (body["code"].clone(), body["version"].clone());
        assert_eq!(code(&told["body"]), code(&direct.json()), "{verb}");
    }
}
