//! Evidence over HTTP: why a bid stands as it does, who is told, and who is not; signed heads.

#[path = "floor/site.rs"]
mod site;

use gavel_auction::command::Roles;
use gavel_proof::canonical::canonicalize;
use gavel_proof::head::{Rolling, verify_head};
use serde_json::{Value, json};
use site::{Person, Site};

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
            reply.as_object_mut().unwrap().remove("server_time");
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
