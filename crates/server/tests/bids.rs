//! Bids over HTTP: what is a number and what is not, what is JSON and what is not, every refusal
//! with its facts, histories for each audience, and what nobody may see.

#[path = "floor/site.rs"]
mod site;

use gavel_auction::command::Roles;
use serde_json::{Value, json};
use site::{Person, Reply, Site};

const LARGEST: i64 = (1 << 53) - 1;

// Long enough that no hash or time has them in it by chance.
const A_SECRET: i64 = 777_711_234_567;
const ANOTHER: i64 = 555_591_234_567;
const A_RESERVE: i64 = 313_371_234_567;

fn classic(site: &Site, seller: &Person, terms: &Value) -> String {
    let body = json!({"preset": "classic", "duration_seconds": 3600, "terms": terms});
    site.auction(seller, body)
}

fn raw(site: &Site, auction: &str, by: &Person, body: &str) -> Reply {
    site.ask("POST", &format!("{auction}/bids"), Some(by), None, body)
}

/// Inputs where an amount belongs, and the amount that each of them is, if it is one.
const MONEY: [(&str, Option<i64>); 60] = [
    ("1", Some(1)),
    ("2", Some(2)),
    ("10", Some(10)),
    ("100", Some(100)),
    ("999", Some(999)),
    ("1000000", Some(1_000_000)),
    ("470001", Some(470_001)),
    ("2147483647", Some(2_147_483_647)),
    ("2147483648", Some(2_147_483_648)),
    ("4294967296", Some(4_294_967_296)),
    ("9007199254740990", Some(LARGEST - 1)),
    ("9007199254740991", Some(LARGEST)),
    (" 7 ", Some(7)),
    ("\n7\t", Some(7)),
    ("9007199254740992", None),
    ("9007199254740993", None),
    ("9223372036854775807", None),
    ("9223372036854775808", None),
    ("-9223372036854775808", None),
    ("18446744073709551615", None),
    ("18446744073709551616", None),
    ("99999999999999999999999999999999999999", None),
    ("0", None),
    ("-0", None),
    ("-1", None),
    ("-100", None),
    ("+1", None),
    ("00", None),
    ("01", None),
    ("007", None),
    ("1.0", None),
    ("1.5", None),
    ("100.00", None),
    ("0.001", None),
    ("1.", None),
    (".5", None),
    ("1e2", None),
    ("1E2", None),
    ("1e-2", None),
    ("1e308", None),
    ("1e309", None),
    ("-1e308", None),
    ("NaN", None),
    ("Infinity", None),
    ("-Infinity", None),
    ("0x10", None),
    ("1_000", None),
    ("1,000", None),
    ("10,00", None),
    ("1 000", None),
    ("\"100\"", None),
    ("\"10,00\"", None),
    ("\"١٠٠\"", None),
    ("١٠٠", None),
    ("１００", None),
    ("null", None),
    ("true", None),
    ("[100]", None),
    ("{\"minor\":100}", None),
    ("100 EUR", None),
];

#[test]
fn money_is_exact_or_refused() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    for (input, amount) in MONEY {
        let path = classic(&site, &anna, &json!({}));
        let reply = raw(&site, &path, &bob, &format!("{{\"amount\":{input}}}"));
        match amount {
            Some(amount) => {
                assert_eq!(reply.status, 201, "{input}: {}", reply.text);
                assert_eq!(reply.json()["price"], amount, "{input}");
            }
            None => {
                let body = reply.refused(400, "malformed");
                assert!(body["field"].is_string(), "{input}: {body}");
                assert_eq!(site.get(&path, None).json()["bid_count"], 0, "{input}");
            }
        }
        for field in ["starting_price", "reserve", "buy_now"] {
            let body = format!(
                "{{\"title\":\"x\",\"currency\":\"EUR\",\"preset\":\"classic\",\
                 \"duration_seconds\":60,\"{field}\":{input}}}"
            );
            let made = site.ask("POST", "/v1/auctions", Some(&anna), None, &body);
            let fits = amount.is_some() || input == "null";
            let expected: &[u16] = if fits { &[201, 422] } else { &[400] };
            assert!(expected.contains(&made.status), "{field} {input}: {}", made.text);
        }
    }
}

#[test]
fn the_ends_of_the_range_do_not_wrap() {
    let site = Site::new();
    let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
    let path = classic(
        &site,
        &anna,
        &json!({"fees": {"buyer_premium_bp": 10_000,
        "seller_commission_bp": 10_000, "tax_bp": 10_000}}),
    );
    let top = site.bid(&path, &bob, LARGEST).expect(201);
    assert_eq!((&top["price"], &top["minimum_next"]), (&json!(LARGEST), &Value::Null));
    let view = site.get(&path, None).expect(200);
    assert_eq!(view["total_to_pay"], LARGEST * 4);
    let refused = site.bid(&path, &cleo, LARGEST).refused(422, "below_minimum");
    assert_eq!(refused["minimum_next"], Value::Null);
}

#[test]
fn json_has_one_meaning_or_none() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let path = classic(&site, &anna, &json!({}));
    for body in [
        "",
        "{",
        "[]",
        "100",
        "null",
        "\"amount\"",
        "{}",
        r#"{"amount":100,"amount":200}"#,
        r#"{"amount":100,"\u0061mount":200}"#,
        r#"{"amount":100}{"amount":200}"#,
        r#"{"amount":100} x"#,
        r#"{"amount":100,}"#,
        r#"{'amount':100}"#,
        r#"{amount:100}"#,
        r#"{"amount":100 /* all */}"#,
        r#"{"Amount":100}"#,
        r#"{"amount":100,"user":1}"#,
        r#"{"amount":100,"bidder_id":1}"#,
        r#"{"amount":100,"__proto__":{}}"#,
        r#"{"amount":100,"maximum":200}"#,
        r#"{"amount":100,"confirm":"yes"}"#,
        r#"{"amount":100,"confirm":1}"#,
        r#"{"amount":100,"currency":"eur"}"#,
        r#"{"amount":100,"currency":"XXX"}"#,
        r#"{"amount":100,"expected_version":-1}"#,
        r#"{"amount":100,"expected_version":3.0}"#,
        r#"{"amount":100,"on_behalf_of":0}"#,
        r#"{"amount":100,"channel":"phone"}"#,
        r#"{"amount":100,"on_behalf_of":1,"channel":"pigeon"}"#,
        "\u{feff}{\"amount\":100}",
    ] {
        let reply = site.send(
            http::Request::builder()
                .method("POST")
                .uri(format!("{path}/bids"))
                .header("authorization", format!("Bearer {}", bob.token))
                .header("content-type", "application/json")
                .body(axum::body::Body::from(body))
                .unwrap(),
        );
        reply.refused(400, "malformed");
    }
    let deep = format!("{{\"amount\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    raw(&site, &path, &bob, &deep).refused(400, "malformed");
    assert_eq!(site.get(&path, None).json()["version"], 3);
    let odd =
        site.ask("POST", &format!("{path}/bids?amount=5"), Some(&bob), None, "{\"amount\":5}");
    odd.refused(400, "malformed");
    let key = site.ask("POST", &format!("{path}/bids"), Some(&bob), Some("a b"), "{\"amount\":5}");
    key.refused(400, "malformed");
}

#[test]
fn refusals_say_what_would_be_accepted() {
    let site = Site::new();
    let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
    let banned = site.member("dora");
    site.ban(&banned);
    let body = json!({"preset": "timed", "starting_price": 1000, "buy_now": 9000,
        "duration_seconds": 3600, "terms": {"confirm_factor": 4}});
    let path = site.auction(&anna, body);
    let bids = format!("{path}/bids");
    let bid = |by: &Person, body: Value| site.post(&bids, by, &body);
    bid(&banned, json!({"amount": 1000})).refused(403, "banned");
    let low = bid(&bob, json!({"amount": 999})).refused(422, "below_start");
    assert_eq!(low["minimum_next"], 1000);
    bid(&bob, json!({"amount": 1000, "currency": "USD"})).refused(422, "wrong_currency");
    bid(&bob, json!({"amount": 9000})).refused(422, "above_buy_now");
    let sure = bid(&bob, json!({"maximum": 5000})).refused(422, "confirm_needed");
    assert_eq!(sure["confirm_above"], 4000);
    let moved = bid(&bob, json!({"amount": 1000, "expected_version": 2}));
    assert_eq!(moved.refused(409, "version_mismatch")["version"], 3);
    let first = bid(&bob, json!({"maximum": 5000, "confirm": true, "currency": "EUR"}));
    let first = first.expect(201);
    assert_eq!((&first["price"], &first["standing"]), (&json!(1000), &json!("leading")));
    let own = bid(&bob, json!({"maximum": 5000})).refused(422, "not_above_own");
    assert_eq!(own["above"], 5000);
    let outbid = bid(&cleo, json!({"maximum": 2000})).expect(201);
    assert_eq!((&outbid["standing"], &outbid["price"]), (&json!("outbid"), &json!(2050)));
    let public = site.get(&format!("{path}/bids"), None).expect(200);
    for line in public["items"].as_array().unwrap() {
        assert!(line["amount"].is_null() && line.get("maximum").is_none(), "{line}");
    }
    assert_eq!(site.get(&path, Some(&bob)).json()["you"]["maximum"], 5000);
    site.post(&format!("{path}/buy-now"), &cleo, &Value::Null).refused(409, "buy_now_gone");
    site.post(&format!("{path}/accept"), &cleo, &json!({"price": 5})).refused(400, "malformed");
    let plain = classic(&site, &anna, &json!({}));
    let maximum = site.post(&format!("{plain}/bids"), &bob, &json!({"maximum": 100}));
    maximum.refused(422, "maximum_not_allowed");
    let later = json!({"preset": "classic", "starts_at": "2198-01-01T00:00:00Z",
        "ends_at": "2198-02-01T00:00:00Z"});
    let later = site.auction(&anna, later);
    let early = site.bid(&later, &bob, 100).refused(409, "not_open_yet");
    assert_eq!(early["starts_at"], "2198-01-01T00:00:00.000000Z");
    site.bid("/v1/auctions/12345", &bob, 100).refused(404, "not_found");
    raw(&site, "/v1/auctions/12345x", &bob, "{\"amount\":1}").refused(404, "not_found");
    let nobody = site.ask("POST", &bids, None, None, "{\"amount\":1}");
    nobody.refused(401, "unauthenticated");
}

#[test]
fn a_reverse_auction_goes_down() {
    let site = Site::new();
    let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
    let body = json!({"preset": "reverse", "starting_price": 10_000, "duration_seconds": 3600});
    let path = site.auction(&anna, body);
    assert_eq!(site.get(&path, None).json()["maximum_next"], 10_000);
    let high = site.bid(&path, &bob, 10_001).refused(422, "above_maximum");
    assert_eq!(high["maximum_next"], 10_000);
    let placed = site.bid(&path, &bob, 10_000).expect(201);
    assert_eq!(placed["maximum_next"], 9950);
    assert!(placed.get("minimum_next").is_none());
    site.bid(&path, &cleo, 9950).expect(201);
}

#[test]
fn bids_are_taken_back_where_the_terms_allow_it() {
    let site = Site::new();
    let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
    let path = classic(&site, &anna, &json!({"retraction": "while_open"}));
    site.bid(&path, &bob, 100).expect(201);
    site.bid(&path, &cleo, 300).expect(201);
    let delete = |bid: &str, by: &Person, key: &str| {
        site.ask("DELETE", &format!("{path}/bids/{bid}"), Some(by), Some(key), "")
    };
    delete("5", &bob, "a").refused(403, "forbidden");
    delete("99", &bob, "a").refused(404, "not_found");
    delete("5?reason=whim", &cleo, "a").refused(400, "malformed");
    let undone = delete("5?reason=mistake", &cleo, "b");
    let body = undone.expect(200);
    assert_eq!(
        (&body["bid"], &body["price"], &body["minimum_next"]),
        (&json!(5), &json!(100), &json!(101))
    );
    assert_eq!(delete("5", &cleo, "b").text, undone.text);
    delete("5", &cleo, "c").refused(409, "bid_gone");
    let bids = site.get(&format!("{path}/bids"), None).expect(200);
    let lines = bids["items"].as_array().unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["retracted"], true);
    assert!(lines[0].get("retracted").is_none());
    assert_eq!(bids["paddles"], json!({"1": "bob", "2": "cleo"}));
    let strict = classic(&site, &anna, &json!({}));
    site.bid(&strict, &bob, 100).expect(201);
    let never = site.ask("DELETE", &format!("{strict}/bids/4"), Some(&bob), None, "");
    never.refused(403, "forbidden");
}

#[test]
fn a_clerk_bids_for_the_floor() {
    let site = Site::new();
    let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
    let clerk = site.person("clerk", Roles::CLERK);
    let path = classic(&site, &anna, &json!({}));
    site.post(&format!("{path}/register"), &bob, &Value::Null).expect(201);
    let bids = format!("{path}/bids");
    let on_behalf = json!({"amount": 500, "on_behalf_of": 1, "channel": "phone"});
    site.post(&bids, &cleo, &on_behalf).refused(403, "forbidden");
    site.post(&bids, &clerk, &json!({"amount": 500})).refused(403, "forbidden");
    let absent = json!({"amount": 500, "on_behalf_of": 7});
    site.post(&bids, &clerk, &absent).refused(404, "not_found");
    site.post(&bids, &clerk, &on_behalf).expect(201);
    let line = site.get(&bids, None).expect(200)["items"][0].clone();
    assert_eq!((&line["paddle"], &line["channel"]), (&json!(1), &json!("phone")));
    let mine = site.get(&format!("{path}/bids/mine"), Some(&bob)).expect(200);
    assert_eq!(mine["items"][0]["amount"], 500);
    site.get(&format!("{path}/bids/mine"), None).refused(401, "unauthenticated");
}

#[test]
fn histories_page_without_repeating_or_skipping() {
    let site = Site::new();
    let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
    let path = classic(&site, &anna, &json!({}));
    let place = |amount: i64| {
        let by = if amount % 2 == 0 { &bob } else { &cleo };
        site.bid(&path, by, amount).expect(201);
    };
    (1..=23).for_each(place);
    let walk = |tail: &str, by: Option<&Person>, grow: bool| {
        let (mut seen, mut cursor, mut next) = (Vec::new(), String::new(), 1000);
        loop {
            let page = site.get(&format!("{path}/{tail}?limit=5{cursor}"), by).expect(200);
            let items = page["items"].as_array().unwrap();
            seen.extend(items.iter().map(|item| item["bid"].as_i64().unwrap()));
            let Some(after) = page["next_cursor"].as_str() else { return seen };
            cursor = format!("&cursor={after}");
            if grow && next < 1003 {
                place(next);
                next += 1;
            }
        }
    };
    assert_eq!(walk("bids", None, true), (4..=29).collect::<Vec<_>>());
    let own: Vec<i64> = walk("bids/mine", Some(&bob), false);
    assert_eq!(own.len(), 13);
    let page = site.get(&format!("{path}/bids?limit=5"), None).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let other = format!("{path}/bids/mine?limit=5&cursor={cursor}");
    site.get(&other, Some(&bob)).refused(400, "malformed");
    let mut after = 0;
    let mut versions = Vec::new();
    loop {
        let page = site.get(&format!("{path}/events?limit=10&after={after}"), None).expect(200);
        let items = page["items"].as_array().unwrap();
        if items.is_empty() {
            break;
        }
        versions.extend(items.iter().map(|item| item["event"]["version"].as_i64().unwrap()));
        after = page["next_after"].as_i64().unwrap();
    }
    assert_eq!(versions, (1..=29).collect::<Vec<_>>());
}

#[test]
fn a_sealed_auction_leaks_nothing() {
    let site = Site::new();
    let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
    let admin = site.person("chief", Roles { bidder: true, ..Roles::ADMIN });
    let body = json!({"preset": "vickrey", "starting_price": 100, "reserve": A_RESERVE,
        "duration_seconds": 3600});
    let path = site.auction(&anna, body);
    let placed = site.bid(&path, &bob, A_SECRET).expect(201);
    assert_eq!((&placed["standing"], &placed["price"]), (&json!("sealed"), &Value::Null));
    assert_eq!(placed["minimum_next"], Value::Null);
    site.bid(&path, &cleo, ANOTHER).expect(201);
    let reads = ["", "/bids", "/events"];
    for tail in reads {
        for by in [None, Some(&anna), Some(&admin)] {
            let text = site.get(&format!("{path}{tail}"), by).text;
            for secret in ["777711234567", "555591234567", "bob", "cleo"] {
                assert!(!text.contains(secret), "{tail} tells {secret}: {text}");
            }
            if by.is_none() {
                assert!(!text.contains("313371234567"), "{tail}: {text}");
            }
        }
        let text = site.get(&format!("{path}{tail}"), Some(&bob)).text;
        assert!(!text.contains("555591234567") && !text.contains("313371234567"), "{tail}: {text}");
    }
    let lists = "/v1/auctions?status=open";
    site.until(|| site.get(lists, None).text.contains("\"vickrey\""));
    let text = site.get(lists, Some(&admin)).text;
    assert!(!text.contains("777711234567") && !text.contains("555591234567"), "{text}");
    let view = site.get(&path, Some(&bob)).json();
    assert_eq!(
        (&view["price"], &view["leader"], &view["bidder_count"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!((&view["bid_count"], &view["you"]["amount"]), (&json!(2), &json!(A_SECRET)));
    let mine = site.get(&format!("{path}/bids/mine"), Some(&bob)).json();
    assert_eq!(mine["items"][0]["amount"], A_SECRET);
    let events = site.get(&format!("{path}/events"), Some(&bob)).json();
    let open = &events["items"][3]["open"];
    assert_eq!(open["amount"]["value"], A_SECRET);
    assert!(events["items"][4].get("open").is_none());
    site.post(&format!("{path}/close"), &admin, &Value::Null).expect(200);
    site.until(|| site.get(&path, None).json()["certified"] == true);
    let outcome = site.get(&path, None).json()["outcome"].clone();
    assert_eq!((&outcome["hammer_price"], &outcome["winner"]), (&json!(ANOTHER), &json!(1)));
    let after = site.get(&format!("{path}/bids"), None).json();
    assert_eq!(after["items"][0]["amount"], Value::Null, "the winner's top stays hidden");
    assert_eq!(after["items"][1]["amount"], ANOTHER);
    let certificate = site.get(&format!("{path}/certificate"), None);
    assert!(!certificate.text.contains("777711234567"), "{}", certificate.text);
}

#[test]
fn the_log_is_told_byte_for_byte() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let path = site.auction(&anna, json!({"reserve": 5000, "duration_seconds": 3600}));
    site.bid(&path, &bob, 1000).expect(201);
    let reply = site.get(&format!("{path}/events"), None);
    let page = reply.expect(200);
    let house = site.house();
    let id: i64 = path.rsplit('/').next().unwrap().parse().unwrap();
    let auction = gavel_auction::ids::AuctionId::new(id).unwrap();
    let mut hash = gavel_proof::chain::genesis(house.engine.house(), auction);
    let mut rest = reply.text.as_str();
    for item in page["items"].as_array().unwrap() {
        let from = rest.find("{\"at\":").unwrap();
        let to = rest.find(",\"hash\":").unwrap();
        hash = gavel_proof::chain::link(&hash, &rest.as_bytes()[from..to]);
        assert_eq!(item["hash"], hash.to_string());
        rest = &rest[to + 1..];
    }
    assert!(page["items"][0].get("open").is_none());
    let own = site.get(&format!("{path}/events?limit=1"), Some(&anna)).json();
    let opening = &own["items"][0]["open"]["reserve"];
    assert_eq!(opening["value"], 5000);
    let salt = gavel_auction::event::Digest::try_from(opening["salt"].as_str().unwrap().to_owned());
    let commitment = gavel_proof::codec::commitment(auction, 1, "reserve", &salt.unwrap(), b"5000");
    assert_eq!(own["items"][0]["event"]["commit"]["reserve"], commitment.to_string());
}
