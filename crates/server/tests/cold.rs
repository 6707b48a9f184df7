//! Auctions that have left memory, over HTTP: they are read as if they were there, and while the
//! store takes its time nothing else waits.

#[path = "floor/site.rs"]
mod site;

use axum::body::Body;
use futures_util::future::join_all;
use gavel_auction::command::Roles;
use http::Request;
use serde_json::{Value, json};
use site::gate::Gate;
use site::{Person, Site};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A house with an auction that is settled, and not in memory; its seller and its only bidder, and
/// the operation of his bid.
fn settled(gate: &Arc<Gate>) -> (Site, Person, Person, String) {
    let mut site = Site::behind(gate);
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let admin = site.person("admin", Roles::ADMIN);
    let path = site.auction(&anna, json!({"preset": "classic", "duration_seconds": 3600}));
    let bid = bid_again(&path, &bob);
    let placed = site.send(bid).expect(201);
    site.post(&format!("{path}/close"), &admin, &json!({"reason": "on_request"})).expect(200);
    site.until(|| site.get(&path, None).expect(200)["certified"] == json!(true));
    // Its snapshot is written as the house closes.
    site.restart();
    let operation = placed["operation"].as_str().expect("an operation").to_owned();
    (site, anna, bob, operation)
}

fn request(method: &str, path: &str, by: Option<&Person>, body: &Value) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("host", "house");
    if let Some(by) = by {
        request = request.header("authorization", format!("Bearer {}", by.token));
    }
    if body.is_null() {
        return request.body(Body::empty()).expect("a request");
    }
    request = request.header("content-type", "application/json").header("idempotency-key", "k");
    request.body(Body::from(body.to_string())).expect("a request")
}

/// A bid under a key that is always the same.
fn bid_again(path: &str, by: &Person) -> Request<Body> {
    request("POST", &format!("{path}/bids"), Some(by), &json!({"amount": 500}))
}

/// Waits until nothing is in memory.
fn all_has_left(site: &Site) {
    let engine = site.house().engine.clone();
    site.until(|| engine.resident() == 0 && engine.cold() == 1);
}

/// Puts requests to a house with one thread, all at once. Whenever one of them waits at the gate,
/// somebody asks for the time; then who waits is let in. Their statuses.
fn beside_the_time(site: &Site, gate: &Gate, asked: Vec<Request<Body>>) -> Vec<u16> {
    all_has_left(site);
    let edge = site.edge();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    gate.close();
    let statuses = runtime.expect("a runtime").block_on(async {
        let answered = asked.into_iter().map(|asked| edge.answer(HERE, asked));
        let mut answered = pin!(join_all(answered));
        let mut waited = 0;
        let replies = loop {
            tokio::select! {
                biased;
                replies = &mut answered => break replies,
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
            if gate.waiting() > 0 {
                waited += 1;
                let time = edge.answer(HERE, request("GET", "/v1/time", None, &Value::Null)).await;
                assert_eq!(time.status(), 200);
                gate.let_in();
            }
        };
        assert!(waited > 0, "none of them has read anything");
        replies.iter().map(|reply| reply.status().as_u16()).collect()
    });
    assert!(!gate.open(), "one of them held up the thread that all share");
    statuses
}

#[test]
fn reading_what_has_left_memory_holds_nobody_else_up() {
    let gate = Arc::<Gate>::default();
    let (site, _, bob, operation) = settled(&gate);
    let reads = [
        ("/v1/auctions/1", None),
        ("/v1/auctions/1", Some(&bob)),
        ("/v1/auctions/1?at_least=4", None),
        ("/v1/auctions/1/events", None),
        ("/v1/auctions/1/stream?after=0", None),
        ("/v1/auctions/1/bids", None),
        ("/v1/auctions/1/bids/mine", Some(&bob)),
        ("/v1/auctions/1/bids/4/explanation", Some(&bob)),
        ("/v1/auctions/1/certificate", None),
        (&format!("/v1/operations/{operation}"), Some(&bob)),
        (&format!("/v1/receipts/{operation}"), Some(&bob)),
        ("/v1/auctions?status=ended", None),
    ];
    let asked = reads.iter().map(|(path, by)| request("GET", path, *by, &Value::Null)).collect();
    assert_eq!(beside_the_time(&site, &gate, asked), [200; 12]);
}

#[test]
fn commands_for_what_has_left_memory_hold_nobody_else_up() {
    let gate = Arc::<Gate>::default();
    let (site, anna, bob, _) = settled(&gate);
    let admin = site.person("clara", Roles::ADMIN);
    let post = |path: &str, by: &Person, body: Value| {
        request("POST", &format!("/v1/auctions/1/{path}"), Some(by), &body)
    };
    let asked = vec![
        bid_again("/v1/auctions/1", &bob),
        post("bids", &anna, json!({"amount": 900})),
        post("certify", &admin, json!({})),
        request("PATCH", "/v1/auctions/1", Some(&anna), &json!({"title": "Other"})),
    ];
    assert_eq!(beside_the_time(&site, &gate, asked), [201, 403, 409, 409]);
    all_has_left(&site);
    let ends_at = "2099-01-01T00:00:00Z";
    let reopen = post("reopen", &admin, json!({"reason": "mistake", "ends_at": ends_at}));
    assert_eq!(beside_the_time(&site, &gate, vec![reopen]), [200]);
}

#[test]
fn a_stream_of_what_has_left_memory_tells_all_of_it() {
    let gate = Arc::<Gate>::default();
    let (site, ..) = settled(&gate);
    let engine = site.house().engine.clone();
    let auction = gavel_auction::ids::AuctionId::new(1).expect("a number");
    all_has_left(&site);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let versions = runtime.expect("a runtime").block_on(async {
        let mut feed = engine.subscribe(auction, 0);
        let mut versions = Vec::new();
        while versions.len() < 6 {
            versions.push(feed.next().await.expect("an event").version);
        }
        versions
    });
    assert_eq!(versions, [1, 2, 3, 4, 5, 6]);
}
