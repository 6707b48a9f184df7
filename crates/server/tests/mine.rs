//! What somebody has to do with auctions, in a whole house: selling, bidding, watching, and taking
//! all of it along.
#![expect(clippy::unwrap_used, reason = "tests, all of it")]

#[path = "floor/site.rs"]
mod site;

use serde_json::{Value, json};
use site::{Person, Site};

fn numbers(page: &Value) -> Vec<i64> {
    page["items"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
}

fn of(site: &Site, what: &str, by: &Person) -> Vec<i64> {
    numbers(&site.get(&format!("/v1/me/{what}"), Some(by)).expect(200))
}

fn number(path: &str) -> i64 {
    path.rsplit('/').next().unwrap().parse().unwrap()
}

#[test]
fn everybody_finds_what_he_sells_and_bids_in_and_nobody_elses() {
    let mut site = Site::new();
    let (seller, anna, bert) = (site.member("seller"), site.member("anna"), site.member("bert"));
    let terms = || json!({"preset": "english", "starting_price": 100, "duration_seconds": 600});
    let paths: Vec<String> = (0..3).map(|_| site.auction(&seller, terms())).collect();
    let mut draft = terms();
    draft["publish"] = json!(false);
    let draft = number(&site.auction(&seller, draft));
    let all: Vec<i64> = paths.iter().map(|path| number(path)).collect();
    for path in &paths[..2] {
        site.bid(path, &anna, 100).expect(201);
    }
    site.bid(&paths[1], &bert, 500).expect(201);
    let shown = |site: &Site| {
        site.until(|| of(site, "auctions", &seller) == [draft, all[2], all[1], all[0]]);
        site.until(|| of(site, "bids", &anna) == [all[1], all[0]]);
        assert_eq!(of(site, "bids", &bert), [all[1]]);
        assert!(of(site, "auctions", &anna).is_empty() && of(site, "bids", &seller).is_empty());
    };
    shown(&site);
    let page = site.get("/v1/me/bids?limit=1", Some(&anna)).expect(200);
    assert_eq!(
        (&numbers(&page)[..], &page["items"][0]["you"]["standing"]),
        (&all[1..2], &json!("outbid"))
    );
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = site.get(&format!("/v1/me/bids?limit=1&cursor={cursor}"), Some(&anna)).expect(200);
    assert_eq!((&numbers(&rest)[..], &rest["next_cursor"]), (&all[..1], &Value::Null));
    let foreign = format!("/v1/me/bids?cursor={cursor}");
    site.get(&foreign, Some(&bert)).refused(400, "malformed");
    site.restart();
    shown(&site);
    // Lists that are made anew from the log know the bidders too.
    site.house().engine.lists().clear().unwrap();
    site.restart();
    shown(&site);
}

#[test]
fn a_watchlist_is_its_owners_and_goes_along_and_away_with_him() {
    let site = Site::new();
    let (seller, anna) = (site.member("seller"), site.member("anna"));
    let terms = json!({"preset": "ladder", "duration_seconds": 600});
    let path = site.auction(&seller, terms.clone());
    let mut hidden = terms;
    hidden["publish"] = json!(false);
    let draft = number(&site.auction(&seller, hidden));
    let list = |auction: i64| format!("/v1/me/watchlist/{auction}");
    let put = |auction: i64, by| site.ask("PUT", &list(auction), Some(by), None, "");
    put(number(&path), &anna).expect(204);
    put(number(&path), &anna).expect(204);
    put(draft, &anna).refused(404, "not_found");
    put(4711, &anna).refused(404, "not_found");
    assert_eq!(of(&site, "watchlist", &anna), [number(&path)]);
    assert!(of(&site, "watchlist", &seller).is_empty());
    site.bid(&path, &anna, 700).expect(201);
    site.until(|| of(&site, "bids", &anna).len() == 1);
    let export = site.get("/v1/users/me/export", Some(&anna)).expect(200);
    assert_eq!(export["watchlist"], json!([number(&path)]));
    let bid = json!([{"auction": number(&path), "paddle": 1, "amount": 700}]);
    assert_eq!(export["bids"], bid);
    let export = site.get("/v1/users/me/export", Some(&seller)).expect(200);
    assert_eq!(export["auctions"].as_array().unwrap().len(), 2);
    site.ask("DELETE", &list(number(&path)), Some(&anna), None, "").expect(204);
    assert!(of(&site, "watchlist", &anna).is_empty());
    put(number(&path), &anna).expect(204);
    let user = gavel_auction::ids::UserId::new(anna.id).unwrap();
    let house = site.house();
    house.people.erase_user(user, "{}").unwrap();
    assert!(house.people.watched(user, i64::MAX, 9).unwrap().is_empty(), "it is gone with her");
}

#[test]
fn sec_s20_a_watchlist_ends_somewhere() {
    let site = Site::configured(|config| config.limits.watched_per_user = 2);
    let (seller, anna) = (site.member("seller"), site.member("anna"));
    let terms = json!({"preset": "ladder", "duration_seconds": 600});
    let auctions: Vec<i64> =
        (0..3).map(|_| number(&site.auction(&seller, terms.clone()))).collect();
    let put = |auction: i64| {
        site.ask("PUT", &format!("/v1/me/watchlist/{auction}"), Some(&anna), None, "")
    };
    put(auctions[0]).expect(204);
    put(auctions[1]).expect(204);
    assert_eq!(put(auctions[2]).refused(400, "malformed")["field"], "auction");
    put(auctions[1]).expect(204);
    assert_eq!(of(&site, "watchlist", &anna), [auctions[1], auctions[0]]);
}
