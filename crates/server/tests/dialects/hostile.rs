//! Wrong input of every kind to every route: it is answered in the dialect's own shape, and never
//! by a failure.

use super::described::changed;
use super::served::{Reply, Served};
use serde_json::{Value, json};

const HEADERS: [&str; 9] = [
    "content-type: application/xml\r\n",
    "content-type: multipart/form-data; boundary=x\r\n",
    "content-type: \r\n",
    "content-encoding: gzip\r\n",
    "accept: text/html\r\n",
    "authorization: Basic x\r\n",
    "idempotency-key: a b\r\n",
    "prefer: respond-async\r\n",
    "origin: null\r\n",
];

const BODIES: [&[u8]; 9] = [
    b"",
    b"null",
    b"{",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"{\"a\":1,\"a\":2}",
    b"NaN",
    b"{\"amount\":1e999}",
    &[b'['; 5_000],
];

const IDS: [&str; 12] = [
    "0",
    "-1",
    "x",
    "%00",
    "%ff",
    "%F0%9F%94%A8",
    "1.0",
    "9007199254740992",
    "99999999999999999999",
    "67617665-0002-8000-8000-000000000001",
    "1/2",
    "1/bid/x",
];

const PLACES: [&str; 8] =
    ["item", "cars", "auction", "auctions", "bids", "users", "user", "operation"];

const QUERIES: [&str; 12] = [
    "_limit=99999999999",
    "_start=18446744073709551615",
    "id=%ff",
    "id_in",
    "_sort=:",
    "=",
    "id.x=1",
    "after=-9223372036854775808",
    "offset=99999999999999999999",
    "limit=0",
    "limit=10000&before=18446744073709551615",
    "user_id=9223372036854775807&at_least=18446744073709551615",
];

const LISTS: [&str; 9] = [
    "cars/cars",
    "cars/auctions",
    "cars/bids",
    "cars/users",
    "cars/cars/count",
    "portal/auctions",
    "flash/auctions",
    "items/item/1",
    "marketplace/bids/1",
];

/// What each route takes, in its dialect.
fn commands(end: i64) -> Vec<(&'static str, &'static str, Value)> {
    let flash = "67617665-0001-8000-8000-000000000001";
    let promotion = json!({"kind": "double", "every_seconds": 5});
    vec![
        ("POST", "items/item", json!({ "auction_end_date": end })),
        ("POST", "items/item/1/bid", json!({"amount": 5, "user_id": 2})),
        ("PUT", "portal/user", json!({"name": "anna"})),
        (
            "PUT",
            "portal/auction",
            json!({"title": "t", "description": "d", "starting_price": 5,
            "duration_seconds": 60, "promotion": promotion}),
        ),
        ("PUT", "portal/auction/1/bid?sync=true", json!({"amount": 5, "user_id": 4})),
        ("PUT", "portal/user/4/subscriptions", json!({"won": true, "doubled": true})),
        ("POST", "cars/cars", json!({"name": "n", "make": "m", "year": 1990})),
        ("PUT", "cars/cars/1", json!({"name": "n", "description": "d", "mileage": 1})),
        ("POST", "cars/users", json!({"username": "anna"})),
        (
            "POST",
            "cars/auctions",
            json!({"car": 1, "start_time": end * 1_000 - 1,
            "end_time": end * 1_000, "starting_price": 5}),
        ),
        ("PUT", "cars/auctions/2", json!({"start_time": 5, "end_time": 6})),
        ("POST", "cars/bids", json!({"auction": 1, "user": 3, "amount": 50})),
        ("POST", "cars/auth/local", json!({"identifier": "a", "password": "b"})),
        (
            "POST",
            "cars/auth/local/register",
            json!({"username": "a", "email": "a@b.co",
            "password": "c"}),
        ),
        (
            "POST",
            "marketplace/auctions",
            json!({"title": "t", "description": "d",
            "starting_price": 5, "duration": 60, "seller_username": "s"}),
        ),
        (
            "PUT",
            "marketplace/bids",
            json!({"bidder_username": "b", "bid_amount": 6,
            "auction_id": 1, "version": 3}),
        ),
        ("PUT", "marketplace/bids/1", json!({"bidder_username": "b", "bid_amount": 6})),
        (
            "POST",
            "flash/auctions",
            json!({"title": "t", "description": "d", "duration": 60,
            "category": "c", "starting_bid": 5}),
        ),
        ("POST", "flash/internal/bids", json!({"auction_id": flash, "amount": 5})),
    ]
}

/// A house, and somebody who tries everything.
struct Hostile {
    house: Served,
    token: String,
}

impl Hostile {
    #[track_caller]
    fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
        // Only in one dialect must a token say who it is.
        let token = match path.starts_with("flash") && !headers.starts_with("authorization") {
            true => format!("authorization: Bearer {}\r\n", self.token),
            false => String::new(),
        };
        let headers = format!("{token}{headers}");
        let reply = self.house.send(method, &format!("/dialects/{path}"), &headers, body);
        let sent = String::from_utf8_lossy(body);
        assert!(reply.status < 500, "{method} {path} {headers} {sent}: {reply:?}");
        if reply.status >= 400 && path.starts_with("cars") {
            let (kind, said) = (reply.header("content-type"), reply.json());
            assert_eq!(kind, Some("application/json"), "{method} {path}: {reply:?}");
            assert_eq!(said["statusCode"], reply.status, "{method} {path}: {reply:?}");
            assert!(said["data"]["code"].is_string(), "{method} {path}: {reply:?}");
        } else if reply.status >= 400 {
            reply.code();
        }
        reply
    }

    fn ask(&self, method: &str, path: &str, body: &Value) {
        let body = body.to_string();
        self.send(method, path, "content-type: application/json\r\n", body.as_bytes());
    }
}

#[test]
fn whatever_is_sent_is_answered_in_the_dialect_s_shape_and_never_a_failure() {
    let house = Served::with(&["dialects.on=all"]);
    let token = house.user("greta").1;
    let now = house.get("/v1/time", None).json()["server_time"].as_str().map(str::to_owned);
    let now = now.and_then(|now| now.parse::<jiff::Timestamp>().ok()).expect("a time");
    let hostile = Hostile { house, token };
    for (method, path, body) in commands(now.as_second() + 600) {
        changed(&body).iter().for_each(|body| hostile.ask(method, path, body));
        for headers in HEADERS {
            hostile.send(method, path, headers, body.to_string().as_bytes());
        }
        for body in BODIES {
            hostile.send(method, path, "", body);
        }
        for method in ["PATCH", "DELETE", "TRACE", "BREW"] {
            hostile.ask(method, path, &body);
        }
    }
    for dialect in ["items", "portal", "cars", "marketplace", "flash"] {
        for place in PLACES {
            for id in IDS {
                for method in ["GET", "PUT", "DELETE"] {
                    hostile.ask(method, &format!("{dialect}/{place}/{id}"), &json!({}));
                }
            }
        }
    }
    for list in LISTS {
        for query in QUERIES {
            hostile.send("GET", &format!("{list}?{query}"), "", b"");
        }
    }
    assert_eq!(hostile.house.get("/health/ready", None).status, 200);
}
