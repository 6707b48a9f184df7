//! Things for sale in a whole house: categories, items and auctions made from them.

#[path = "floor/site.rs"]
mod site;

use gavel_auction::command::Roles;
use serde_json::{Value, json};
use site::{Person, Site};

fn cars() -> Value {
    json!({"name": "Cars", "attributes": [
        {"name": "make", "type": "text", "required": true},
        {"name": "year", "type": "integer", "required": true},
        {"name": "engine", "type": "decimal"},
        {"name": "fuel", "type": "choice", "choices": ["petrol", "diesel"]},
        {"name": "first_seen", "type": "date"},
        {"name": "runs", "type": "boolean"},
    ]})
}

fn car() -> Value {
    json!({"title": "A beetle", "description": "Blue.", "category": "Cars", "attributes":
        {"make": "VW", "year": 1963, "engine": "1.2", "fuel": "petrol", "runs": true}})
}

fn opened() -> (Site, Person, Person) {
    let site = Site::new();
    let (seller, clerk) = (site.member("seller"), site.person("clerk", Roles::CLERK));
    site.post("/v1/categories", &clerk, &cars()).expect(201);
    (site, seller, clerk)
}

#[test]
fn a_thing_says_what_its_category_asks_for_and_nothing_else() {
    let (site, seller, clerk) = opened();
    let made = site.post("/v1/items", &seller, &car()).expect(201);
    let path = format!("/v1/items/{}", made["id"]);
    assert_eq!(site.get(&path, Some(&seller)).expect(200), made);
    let with = |name: &str, value: Value| {
        let mut car = car();
        car["attributes"][name] = value;
        site.post("/v1/items", &seller, &car).refused(400, "malformed")["field"].clone()
    };
    assert_eq!(with("year", json!("1963")), "attributes.year");
    assert_eq!(with("year", json!(1963.5)), "attributes.year");
    assert_eq!(with("fuel", json!("coal")), "attributes.fuel");
    assert_eq!(with("first_seen", json!("1963-02-30")), "attributes.first_seen");
    assert_eq!(with("wheels", json!(4)), "attributes.wheels");
    let bare = json!({"title": "A bus", "category": "Cars"});
    let refused = site.post("/v1/items", &seller, &bare).refused(400, "malformed");
    assert_eq!(refused["field"], "attributes.make");
    let other = json!({"title": "A bus", "category": "Ships"});
    let refused = site.post("/v1/items", &seller, &other).refused(400, "malformed");
    assert_eq!(refused["field"], "category");
    for attributes in [
        json!([{"name": "a", "type": "choice"}]),
        json!([{"name": "a", "type": "text", "choices": ["x"]}]),
        json!([{"name": "a", "type": "text"}, {"name": "a", "type": "date"}]),
        json!([{"name": "a", "type": "colour"}]),
        json!([{"name": " ", "type": "text"}]),
    ] {
        let body = json!({"name": "Odd", "attributes": attributes});
        site.post("/v1/categories", &clerk, &body).refused(400, "malformed");
    }
    let all = site.get("/v1/categories", None).expect(200);
    assert_eq!(all["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_thing_is_its_sellers_and_a_repeat_makes_no_second_one() {
    let (site, seller, _) = opened();
    let ask = |method, path: &str, by, body: &Value| {
        site.ask(method, path, Some(by), Some("once"), &body.to_string())
    };
    let made = ask("POST", "/v1/items", &seller, &car()).expect(201);
    assert_eq!(ask("POST", "/v1/items", &seller, &car()).expect(201), made);
    let mut changed = car();
    changed["title"] = json!("Another beetle");
    ask("POST", "/v1/items", &seller, &changed).refused(422, "key_reused");
    let path = format!("/v1/items/{}", made["id"]);
    let other = site.member("other");
    let title = json!({"title": "Mine"});
    ask("PATCH", &path, &other, &title).refused(404, "not_found");
    ask("DELETE", &path, &other, &Value::Null).refused(404, "not_found");
    assert_eq!(ask("PATCH", &path, &seller, &title).expect(200)["title"], "Mine");
    let all = site.get("/v1/items?limit=1", Some(&seller)).expect(200);
    assert_eq!((&all["items"][0]["title"], &all["next_cursor"]), (&json!("Mine"), &Value::Null));
    assert_eq!(site.get("/v1/items", Some(&other)).expect(200)["items"], json!([]));
    site.ask("DELETE", &path, Some(&seller), None, "").expect(204);
    site.get(&path, Some(&seller)).refused(404, "not_found");
}

#[test]
fn an_auction_shows_the_thing_as_it_was_when_the_auction_was_made() {
    let (mut site, seller, _) = opened();
    let made = site.post("/v1/items", &seller, &car()).expect(201);
    let auction = json!({"title": "A beetle", "currency": "EUR", "duration_seconds": 600,
        "item": made["id"]});
    let ask = |site: &Site| {
        site.ask("POST", "/v1/auctions", Some(&seller), Some("a"), &auction.to_string())
    };
    let first = ask(&site).expect(201);
    let path = format!("/v1/auctions/{}", first["id"]);
    let item = format!("/v1/items/{}", made["id"]);
    let body = json!({"attributes": {"make": "Ford", "year": 1970}}).to_string();
    site.ask("PATCH", &item, Some(&seller), None, &body).expect(200);
    site.ask("DELETE", &item, Some(&seller), None, "").expect(204);
    site.restart();
    let seen = site.get(&path, None).expect(200);
    assert_eq!((&seen["item"], &seen["attributes"]["make"]), (&made["id"], &json!("VW")));
    assert_eq!(ask(&site).expect(201), first, "a repeat asks for nothing new");
    site.post("/v1/auctions", &seller, &auction).refused(400, "malformed");
    let other = site.member("other");
    let theirs = site.post("/v1/items", &other, &car()).expect(201);
    let mut foreign = auction.clone();
    foreign["item"] = theirs["id"].clone();
    site.post("/v1/auctions", &seller, &foreign).refused(400, "malformed");
}
