//! Spend limits in a whole house: bids in several auctions at once, restarts, clerks who bid for a
//! paddle, and who may set a limit.

#[path = "floor/site.rs"]
mod site;

use gavel_auction::command::Roles;
use serde_json::{Value, json};
use site::{Person, Site};

fn limit(site: &Site, by: &Person, whom: &Person, limit: &Value) -> site::Reply {
    let body = json!({ "spend_limit": limit }).to_string();
    site.ask("PATCH", &format!("/v1/users/{}", whom.id), Some(by), None, &body)
}

fn ladder(site: &Site, seller: &Person) -> String {
    site.auction(seller, json!({"preset": "ladder", "duration_seconds": 600}))
}

#[test]
fn bids_in_many_auctions_at_once_never_exceed_the_limit() {
    let mut site = Site::new();
    let (seller, anna, admin) =
        (site.member("seller"), site.member("anna"), site.person("admin", Roles::ADMIN));
    limit(&site, &admin, &anna, &json!(10_000)).expect(200);
    // The house of the tests has four partitions: these are in all of them.
    let auctions: Vec<String> = (0..12).map(|_| ladder(&site, &seller)).collect();
    let taken: Vec<u16> = std::thread::scope(|scope| {
        let (site, anna) = (&site, &anna);
        let bids = auctions.iter().map(|path| move || site.bid(path, anna, 3_000).status);
        let all: Vec<_> = bids.map(|bid| scope.spawn(bid)).collect();
        all.into_iter().map(|one| one.join().expect("a reply")).collect()
    });
    let accepted = taken.iter().filter(|status| **status == 201).count();
    assert_eq!(accepted, 3, "four times 3,000 is more than 10,000: {taken:?}");
    let first = taken.iter().position(|status| *status == 422).expect("one was refused");
    let refused = site.bid(&auctions[first], &anna, 1_001).refused(422, "over_limit");
    assert_eq!(refused["headroom"], 1_000);
    site.restart();
    let refused = site.bid(&auctions[first], &anna, 1_001).refused(422, "over_limit");
    assert_eq!(refused["headroom"], 1_000, "what is led is counted again");
    let led = taken.iter().position(|status| *status == 201).expect("one was accepted");
    let other = site.member("other");
    site.bid(&auctions[led], &other, 4_000).expect(201);
    site.bid(&auctions[first], &anna, 4_000).expect(201);
    let spending = site.get("/v1/users/me/spending", Some(&anna)).expect(200);
    let committed = json!([{"currency": "EUR", "amount": 10_000, "over_limit": false}]);
    assert_eq!(spending, json!({"id": anna.id, "limit": 10_000, "committed": committed}));
}

#[test]
fn a_bid_by_a_clerk_is_measured_by_the_paddles_limit() {
    let site = Site::new();
    let (seller, anna) = (site.member("seller"), site.member("anna"));
    let (clerk, admin) = (site.person("clerk", Roles::CLERK), site.person("admin", Roles::ADMIN));
    let path = ladder(&site, &seller);
    site.post(&format!("{path}/register"), &anna, &Value::Null).expect(201);
    limit(&site, &admin, &anna, &json!(2_000)).expect(200);
    let bid = |amount| {
        let body = json!({"amount": amount, "confirm": true, "on_behalf_of": 1});
        site.post(&format!("{path}/bids"), &clerk, &body)
    };
    let refused = bid(2_001).refused(422, "over_limit");
    assert_eq!(refused["headroom"], Value::Null, "how much is left is another's business");
    bid(2_000).expect(201);
}

#[test]
fn only_an_administrator_sets_a_limit_and_a_lower_one_marks_who_is_above_it() {
    let site = Site::new();
    let (seller, anna, admin) =
        (site.member("seller"), site.member("anna"), site.person("admin", Roles::ADMIN));
    limit(&site, &anna, &anna, &json!(0)).refused(403, "forbidden");
    limit(&site, &admin, &admin, &json!(1)).refused(403, "forbidden");
    for wrong in [json!(-1), json!(1.5), json!("10"), json!(9_007_199_254_740_992_i64)] {
        limit(&site, &admin, &anna, &wrong).refused(400, "malformed");
    }
    site.ask("PATCH", &format!("/v1/users/{}", anna.id), Some(&admin), None, "{}")
        .refused(400, "malformed");
    site.bid(&ladder(&site, &seller), &anna, 5_000).expect(201);
    let lower = limit(&site, &admin, &anna, &json!(1_000)).expect(200);
    assert_eq!(lower["limit"], 1_000);
    let refused = site.bid(&ladder(&site, &seller), &anna, 1_000).refused(422, "over_limit");
    assert_eq!(refused["headroom"], 0, "what he has bid before counts");
    let path = format!("/v1/users/{}/spending", anna.id);
    let spending = site.get(&path, Some(&admin)).expect(200);
    assert_eq!(spending["committed"][0]["over_limit"], true);
    limit(&site, &admin, &anna, &json!(null)).expect(200);
    site.bid(&ladder(&site, &seller), &anna, 5_000).expect(201);
}
