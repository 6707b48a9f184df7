//! Things for sale in a whole house: categories, items and auctions made from them.

#[path = "floor/site.rs"]
mod site;

use axum::body::Body;
use futures_util::stream::pending;
use gavel_auction::command::Roles;
use gavel_server::http::dialects::Mount;
use serde_json::{Value, json};
use site::{Person, Reply, Site};
use std::convert::Infallible;
use std::net::IpAddr;

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

/// The smallest picture of this size, with something of its own for pixels.
fn png(width: u32, height: u32, own: &str) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend(b"\x08\x02\0\0\0\0\0\0\0");
    bytes.extend(u32::try_from(own.len()).expect("a short text").to_be_bytes());
    bytes.extend(b"IDAT");
    bytes.extend(own.as_bytes());
    bytes.extend(b"\0\0\0\0\0\0\0\0IEND\xae\x42\x60\x82");
    bytes
}

fn hang(site: &Site, path: &str, by: &Person, bytes: Vec<u8>) -> Reply {
    site.send_bytes("POST", path, by, "image/png", bytes)
}

#[test]
fn pictures_hang_with_the_thing_and_go_with_it() {
    let (mut site, seller, _) = opened();
    let made = site.post("/v1/items", &seller, &car()).expect(201);
    let item = format!("/v1/items/{}", made["id"]);
    let pictures = format!("{item}/pictures");
    let first = hang(&site, &pictures, &seller, png(40, 30, "front")).expect(201);
    assert_eq!((&first["type"], &first["width"]), (&json!("image/png"), &json!(40)));
    let again = hang(&site, &pictures, &seller, png(40, 30, "front")).expect(201);
    assert_eq!(again, first, "the same picture hangs once");
    hang(&site, &pictures, &seller, png(40, 30, "back")).expect(201);
    assert_eq!(site.get(&item, Some(&seller)).expect(200)["pictures"][0], first);

    let href = first["href"].as_str().unwrap();
    let seen = site.get(href, None);
    let header = |name| seen.headers.get(name).and_then(|value| value.to_str().ok()).unwrap();
    assert_eq!((seen.status, header("content-type")), (200, "image/png"));
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("content-security-policy").contains("sandbox"), "it runs nothing");
    assert!(header("cache-control").contains("immutable"));
    let other = site.member("other");
    hang(&site, &pictures, &other, png(1, 1, "")).refused(404, "not_found");
    let one = format!("{pictures}/{}", first["name"].as_str().unwrap());
    site.ask("DELETE", &one, Some(&other), None, "").refused(404, "not_found");

    let auction = json!({"item": made["id"], "duration_seconds": 600});
    let auction = site.auction(&seller, auction);
    let later = hang(&site, &pictures, &seller, png(40, 30, "later")).expect(201);
    site.restart();
    let shown = site.get(&auction, None).expect(200)["pictures"].clone();
    assert_eq!((shown.as_array().map(Vec::len), &shown[0]), (Some(2), &first), "as it was then");
    site.ask("DELETE", &one, Some(&seller), None, "").expect(204);
    site.get(href, None).refused(404, "not_found");
    assert_eq!(site.get(&auction, None).expect(200)["pictures"].as_array().map(Vec::len), Some(1));
    site.ask("DELETE", &item, Some(&seller), None, "").expect(204);
    assert!(site.get(&auction, None).expect(200).get("pictures").is_none());
    site.get(later["href"].as_str().unwrap(), None).refused(404, "not_found");
    assert_eq!(std::fs::read_dir(site.data().join("pictures")).unwrap().count(), 0, "no file");
}

#[test]
fn a_picture_that_hangs_stays_when_it_is_hung_again_in_vain() {
    let (site, seller, _) = opened();
    let made = site.post("/v1/items", &seller, &car()).expect(201);
    let pictures = format!("/v1/items/{}/pictures", made["id"]);
    let first = hang(&site, &pictures, &seller, png(40, 30, "front")).expect(201);
    let people = rusqlite::Connection::open(site.data().join("people.db")).unwrap();
    people.execute_batch("ALTER TABLE picture RENAME TO away").unwrap();
    hang(&site, &pictures, &seller, png(40, 30, "front")).refused(503, "overloaded");
    people.execute_batch("ALTER TABLE away RENAME TO picture").unwrap();
    assert_eq!(site.get(first["href"].as_str().unwrap(), None).status, 200);
}

#[test]
fn sec_s20_a_seller_who_sends_slowly_keeps_no_other_from_hanging_pictures() {
    let (site, seller, _) = opened();
    let edge = site.edge();
    let (runtime, other) = (tokio::runtime::Runtime::new().unwrap(), site.member("other"));
    let add = |by: &Person| {
        let made = site.post("/v1/items", by, &car()).expect(201);
        format!("/v1/items/{}/pictures", made["id"])
    };
    let (pictures, others) = (add(&seller), add(&other));
    let slow: Vec<_> = (0..20)
        .map(|_| {
            let never = pending::<Result<Vec<u8>, Infallible>>();
            let request = http::Request::post(&pictures)
                .header("host", "house")
                .header("authorization", format!("Bearer {}", seller.token))
                .header("content-type", "image/png")
                .body(Body::from_stream(never));
            let (edge, here) = (edge.clone(), IpAddr::from([127, 0, 0, 1]));
            runtime.spawn(async move { edge.answer(here, request.unwrap()).await.status() })
        })
        .collect();
    // One of them arrives, and all others are turned away.
    site.until(|| slow.iter().filter(|one| one.is_finished()).count() == 19);
    hang(&site, &pictures, &seller, png(40, 30, "front")).refused(429, "rate_limited");
    hang(&site, &others, &other, png(40, 30, "front")).expect(201);
    slow.iter().for_each(tokio::task::JoinHandle::abort);
    site.until(|| hang(&site, &pictures, &seller, png(40, 30, "front")).status == 201);
}

#[test]
fn sec_s20_only_pictures_are_taken_so_large_and_so_many() {
    let (site, seller, _) = opened();
    let made = site.post("/v1/items", &seller, &car()).expect(201);
    let pictures = format!("/v1/items/{}/pictures", made["id"]);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    hang(&site, &pictures, &seller, svg).refused(415, "unsupported_media_type");
    hang(&site, &pictures, &seller, png(50_000, 50_000, "")).refused(413, "too_large");
    let html = site.send_bytes("POST", &pictures, &seller, "text/html", png(1, 1, ""));
    html.refused(415, "unsupported_media_type");
    let large = 5 * 1024 * 1024;
    let padded = |bytes: usize| png(1, 1, &"x".repeat(bytes - png(1, 1, "").len()));
    hang(&site, &pictures, &seller, padded(large)).expect(201);
    hang(&site, &pictures, &seller, padded(large + 1)).refused(413, "too_large");
    for number in 1..20 {
        hang(&site, &pictures, &seller, png(1, 1, &number.to_string())).expect(201);
    }
    let refused = hang(&site, &pictures, &seller, png(1, 1, "one more"));
    assert_eq!(refused.refused(400, "malformed")["field"], "pictures");
    assert_eq!(std::fs::read_dir(site.data().join("pictures")).unwrap().count(), 20);
}

#[test]
fn a_car_of_the_dialect_goes_with_its_pictures_too() {
    let site = Site::configured(|config| {
        config.dialects.on = Mount::read("cars").unwrap();
        config.dialects.open = true;
    });
    let seller = site.member("seller");
    let cars = "/dialects/cars/cars";
    let made = site.post(cars, &seller, &json!({"name": "Saab 900"})).expect(200);
    let pictures = format!("/v1/items/{}/pictures", made["id"]);
    hang(&site, &pictures, &seller, png(40, 30, "front")).expect(201);
    let files = || std::fs::read_dir(site.data().join("pictures")).unwrap().count();
    assert_eq!(files(), 1);
    site.ask("DELETE", &format!("{cars}/{}", made["id"]), Some(&seller), None, "").expect(200);
    assert_eq!(files(), 0, "no file");
}

#[test]
fn sec_s11_a_picture_does_not_tell_where_it_was_taken() {
    let photo = include_bytes!("../src/pictures/clean/samples/photo.jpg");
    let holds = |bytes: &[u8], words: &[u8]| bytes.windows(words.len()).any(|at| at == words);
    assert!(holds(photo, b"CanaryCam") && holds(photo, b"CanaryXmp"), "the test sees them");
    let (site, seller, _) = opened();
    let made = site.post("/v1/items", &seller, &car()).expect(201);
    let pictures = format!("/v1/items/{}/pictures", made["id"]);
    let shown = hang(&site, &pictures, &seller, photo.to_vec()).expect(201);
    assert!(shown["bytes"].as_u64().unwrap() < photo.len() as u64, "{shown}");
    let kept = site.data().join("pictures").join(shown["name"].as_str().unwrap());
    let kept = std::fs::read(kept).unwrap();
    assert_eq!(kept.len() as u64, shown["bytes"].as_u64().unwrap());
    for words in [&b"Canary"[..], b"2026:11:21", b"adobe"] {
        assert!(!holds(&kept, words), "{}", String::from_utf8_lossy(words));
    }
    let cut = photo[..photo.len() - 40].to_vec();
    hang(&site, &pictures, &seller, cut).refused(415, "unsupported_media_type");
}
