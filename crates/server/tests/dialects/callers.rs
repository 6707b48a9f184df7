//! Who dialects' callers are: users made of names, at no greater pace than one address may.

use super::site::{Reply, Site};
use gavel_server::config::Config;
use gavel_server::http::dialects::Mount;
use serde_json::{Value, json};

const MARKET: &str = "/dialects/marketplace";
const CARS: &str = "/dialects/cars";

/// A house that speaks all dialects, set up so besides.
fn speaking(config: &mut Config) {
    config.dialects.on = Mount::read("all").expect("all of them");
    config.dialects.open = true;
}

fn ask(site: &Site, method: &str, path: &str, body: &Value) -> Reply {
    site.ask(method, path, None, None, &body.to_string())
}

fn auction(site: &Site) -> String {
    let body = json!({"title": "A kettle", "starting_price": 10, "duration": 600});
    let made = ask(site, "POST", &format!("{MARKET}/auctions"), &body).expect(201);
    format!("{MARKET}/bids/{}", made["id"])
}

#[test]
fn callers_whose_names_look_alike_are_two() {
    let site = Site::configured(speaking);
    let bids = auction(&site);
    let bid = |name: &str, amount: i64| {
        let body = json!({"bidder_username": name, "bid_amount": amount});
        ask(&site, "PUT", &bids, &body).expect(200);
    };
    ["bob", "b0b", "ＢＯＢ", "Strasse", "straße"]
        .iter()
        .zip([10, 100, 200, 300, 400])
        .for_each(|(name, amount)| bid(name, amount));
    let made = site.get(&bids, None).expect(200);
    let made: Vec<_> = made.as_array().into_iter().flatten().collect();
    let of = |at: usize| (&made[at]["bidder_username"], &made[at]["bidder_id"]);
    assert_eq!((of(0).0, of(1).0), (&json!("bob"), &json!("b0b")));
    assert_ne!(of(0).1, of(1).1, "two paddles");
    assert_eq!((of(2), of(4)), (of(0), of(3)), "the same names in other letters");
    // An account cannot be called as any of them, and takes the same care as ever.
    site.member("bob");
}

#[test]
fn an_address_makes_so_many_users_of_dialects_in_an_hour() {
    let site = Site::configured(|config| {
        speaking(config);
        config.limits.dialect_users_per_hour_per_ip = 3;
    });
    let bids = auction(&site);
    let bid = |name: &str, amount: i64| {
        let body = json!({"bidder_username": name, "bid_amount": amount});
        ask(&site, "PUT", &bids, &body)
    };
    bid("anna", 10).expect(200);
    let portal = |name: &str| ask(&site, "PUT", "/dialects/portal/user", &json!({ "name": name }));
    let cars =
        |name: &str| ask(&site, "POST", &format!("{CARS}/users"), &json!({ "username": name }));
    portal("bruno").expect(201);
    cars("carla").expect(200);
    let late = |reply: Reply, code: &Value| {
        assert_eq!((reply.status, code), (429, &json!("rate_limited")), "{}", reply.text);
    };
    let sold = json!({"title": "A pan", "starting_price": 1, "duration": 600,
        "seller_username": "dora"});
    for reply in
        [bid("dora", 100), portal("dora"), ask(&site, "POST", &format!("{MARKET}/auctions"), &sold)]
    {
        let code = reply.json()["code"].clone();
        late(reply, &code);
    }
    let reply = cars("dora");
    let code = reply.json()["data"]["code"].clone();
    late(reply, &code);
    // Whoever is known is not made.
    bid("anna", 100).expect(200);
    portal("bruno").expect(201);
}

#[test]
fn who_bids_too_fast_makes_nobody() {
    let site = Site::configured(|config| {
        speaking(config);
        config.limits.bids_per_second_per_ip = 1;
    });
    let bids = auction(&site);
    let bid = |number: i64| {
        let body = json!({"bidder_username": format!("n{number}"), "bid_amount": number * 100});
        ask(&site, "PUT", &bids, &body).status
    };
    let taken = (1..=40).filter(|number| bid(*number) != 429).count();
    assert!((1..40).contains(&taken), "{taken}");
    let clerk = site.person("clerk", gavel_auction::command::Roles::ADMIN);
    let made = site.get("/v1/users?q=marketplace:n&limit=100", Some(&clerk)).expect(200);
    assert_eq!(made["items"].as_array().map(Vec::len), Some(taken), "{made}");
}
