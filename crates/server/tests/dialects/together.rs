//! Several dialects in one house: the same auctions, each in its words; and who gets in where.

use super::served::Served;
use gavel_server::http::dialects::{DIALECTS, Mount};
use gavel_server::permissions::Verb;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;

const ITEMS: &str = "/dialects/items";
const CARS: &str = "/dialects/cars";
const MARKET: &str = "/dialects/marketplace";

#[test]
fn made_by_one_bid_through_another_read_by_a_third() {
    let house = Served::with(&["dialects.on=all"]);
    let say = |method, path: String, body: &Value| {
        let reply = house.ask(method, &path, None, body);
        assert!(reply.status < 300, "{path}: {reply:?}");
        reply.json()
    };
    let auction = json!({"title": "A kettle", "starting_price": 100, "duration": 600});
    let id = say("POST", format!("{MARKET}/auctions"), &auction)["id"].clone();
    let bid = json!({"amount": 100, "user_id": 7});
    let first = say("POST", format!("{ITEMS}/item/{id}/bid"), &bid);
    let anna = say("POST", format!("{CARS}/users"), &json!({"username": "anna"}))["id"].clone();
    let bid = json!({"auction": id, "user": anna, "amount": 120});
    say("POST", format!("{CARS}/bids"), &bid);
    let bid = json!({"bidder_username": "anna", "bid_amount": 150});
    let last = say("PUT", format!("{MARKET}/bids/{id}"), &bid)["id"].clone();

    let seen = say("GET", format!("{MARKET}/auctions/{id}"), &Value::Null);
    assert_eq!((&seen["current_price"], &seen["bid_count"]), (&json!(150), &json!(3)));
    let seen = say("GET", format!("{CARS}/auctions/{id}"), &Value::Null);
    assert_eq!((&seen["max_bid"], &seen["car"]["name"]), (&json!(150), &json!("A kettle")));
    let seen = say("GET", format!("/v1/auctions/{id}"), &Value::Null);
    assert_eq!((&seen["price"], &seen["leader"]), (&json!(150), &json!(3)));
    assert_eq!(seen["paddles"]["3"], "marketplace:anna");
    // The two of that name are two, and the first has a number only where he gave it.
    let seen = say("GET", format!("{ITEMS}/item/{id}"), &Value::Null);
    let users: Vec<i64> =
        seen["bids"].as_array().unwrap().iter().map(|b| b["user_id"].as_i64().unwrap()).collect();
    assert_eq!(users, [7, (1 << 52) + 2, (1 << 52) + 3]);
    assert_eq!((&seen["bids"][0]["id"], &seen["bids"][2]["id"]), (&first, &last));
    let seen = say("GET", format!("{MARKET}/bids/{id}"), &Value::Null);
    let names = [&seen[0], &seen[1], &seen[2]].map(|bid| bid["bidder_username"].as_str().unwrap());
    assert_eq!(names, ["items:7", "cars:anna", "anna"]);
}

#[test]
fn nobody_is_more_than_a_paddle_where_bidders_are_not_named() {
    let house = Served::with(&["dialects.on=all"]);
    let (_, sophie) = house.user("sophie");
    let english = json!({"title": "A vase", "currency": "EUR", "duration_seconds": 600});
    let id = house.ask("POST", "/v1/auctions", Some(&sophie), &english).json()["id"].clone();
    let bid = json!({"amount": 100, "user_id": 7});
    let reply = house.ask("POST", &format!("{ITEMS}/item/{id}/bid"), None, &bid);
    assert_eq!(reply.status, 200, "{reply:?}");
    let seen = house.get(&format!("{ITEMS}/item/{id}"), None).json();
    assert_eq!(seen["bids"][0]["user_id"], (1_i64 << 52) + 1);
    let seen = house.get(&format!("{MARKET}/bids/{id}"), None).json();
    assert_eq!(seen[0]["bidder_username"], Value::Null);
    let seen = house.get(&format!("{CARS}/bids?auction={id}"), None).json();
    assert_eq!(seen[0]["user"], Value::Null);
    // Sealed bids are nobody's business.
    let sealed = json!({"title": "A house", "currency": "EUR", "preset": "sealed",
        "duration_seconds": 600});
    let id = house.ask("POST", "/v1/auctions", Some(&sophie), &sealed).json()["id"].clone();
    let bid = json!({"bidder_username": "anna", "bid_amount": 150});
    let reply = house.ask("PUT", &format!("{MARKET}/bids/{id}"), None, &bid);
    assert_eq!(reply.json()["current_price"], Value::Null, "{reply:?}");
    for path in [format!("{MARKET}/bids/{id}"), format!("{CARS}/bids?auction={id}")] {
        assert_eq!(house.get(&path, None).body, "[]");
    }
    assert_eq!(house.get(&format!("{ITEMS}/item/{id}"), None).json()["bids"], json!([]));
    assert_eq!(house.get(&format!("{CARS}/auctions/{id}"), None).json()["max_bid"], Value::Null);
    // A draft is not there at all.
    let draft = json!({"title": "A vase", "currency": "EUR", "duration_seconds": 600,
        "publish": false});
    let id = house.ask("POST", "/v1/auctions", Some(&sophie), &draft).json()["id"].clone();
    for path in [
        format!("{ITEMS}/item/{id}"),
        format!("{MARKET}/auctions/{id}"),
        format!("{MARKET}/bids/{id}"),
        format!("{CARS}/auctions/{id}"),
    ] {
        assert_eq!(house.get(&path, None).status, 404, "{path}");
    }
}

#[test]
fn whom_a_caller_names_has_no_account_and_cannot_get_one() {
    let house = Served::with(&["dialects.on=all"]);
    let auction = json!({"title": "A kettle", "starting_price": 100, "duration": 600});
    let id = house.ask("POST", &format!("{MARKET}/auctions"), None, &auction).json()["id"].clone();
    let (_, anna) = house.user("anna");
    let bid = json!({"bidder_username": "anna", "bid_amount": 150});
    assert_eq!(house.ask("PUT", &format!("{MARKET}/bids/{id}"), None, &bid).status, 200);
    // The account of that name has not bid.
    let mine = house.get(&format!("/v1/auctions/{id}/bids/mine"), Some(&anna)).json();
    assert_eq!(mine["items"], json!([]));
    let login = json!({"login": "marketplace:anna", "password": ""});
    assert_eq!(house.ask("POST", "/v1/session", None, &login).status, 401);
    let same = json!({"username": "marketplace:anna", "email": "a@example.com",
        "password": "correct horse battery staple"});
    assert_eq!(house.ask("POST", "/v1/users", None, &same).code(), "malformed");
    // A token says nothing where the body does.
    let bid = json!({"bidder_username": "bruno", "bid_amount": 160});
    let reply = house.ask("PUT", &format!("{MARKET}/bids/{id}"), Some(&anna), &bid);
    assert_eq!(reply.status, 200, "{reply:?}");
    let mine = house.get(&format!("/v1/auctions/{id}/bids/mine"), Some(&anna)).json();
    assert_eq!(mine["items"], json!([]));
    // Whom the house shuts out is shut out here, too.
    let admin = house.admin();
    let found = house.get("/v1/users?q=marketplace", Some(&admin)).json();
    let users = found["items"].as_array().expect("users").clone();
    let bruno = users.iter().find(|user| user["username"] == "marketplace:bruno").expect("he");
    let ban = json!({"reason": "shill"});
    let path = format!("/v1/users/{}/ban", bruno["id"]);
    assert!(house.ask("POST", &path, Some(&admin), &ban).status < 300);
    let bid = json!({"bidder_username": "Bruno", "bid_amount": 170});
    assert_eq!(house.ask("PUT", &format!("{MARKET}/bids/{id}"), None, &bid).code(), "banned");
}

#[test]
fn every_door_of_a_dialect_is_in_its_table_and_no_other_is_open() {
    let closed = Served::with(&["dialects.on=all", "dialects.public=false", "users.public="]);
    for dialect in DIALECTS {
        let at = format!("/dialects/{}", dialect.name);
        assert!(dialect.doors.windows(2).all(|two| two[0].0 < two[1].0), "{at}");
        for (route, verbs) in dialect.doors {
            let known: BTreeSet<_> = verbs.iter().map(|(method, _)| *method).collect();
            let path = format!("{at}{}", route.replace("{id}", "1"));
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                let reply = closed.ask(method, &path, None, &json!({}));
                if !known.contains(method) {
                    assert!(matches!(reply.status, 404 | 405), "{method} {path}: {reply:?}");
                    continue;
                }
                let verb = verbs.iter().find(|(known, _)| *known == method).map(|(_, verb)| *verb);
                let open = matches!(verb, Some(Verb::SeeHouse | Verb::SignIn | Verb::Register));
                let shut = reply.status == 401 && !reply.body.contains("malformed");
                assert!(reply.status < 500 && shut != open, "{method} {path}: {reply:?}");
            }
        }
        assert_eq!(closed.get(&format!("{at}/elsewhere"), None).status, 404);
    }
    let off = Served::new();
    assert_eq!(off.get("/dialects/items/item/1", None).status, 404);
    assert_eq!(off.get("/item/1", None).status, 404);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "whoever opens a door writes the page anew")]
fn the_page_of_doors_is_up_to_date() {
    let mut page = "# The doors of the dialects\n\n\
        Every route of every dialect and which verb it is \
        (`crates/server/tests/dialects/together.rs` writes this page). *On their word*: callers \
        do it by saying who they are, as a user of that dialect only, unless `dialects.public` \
        is off. *As in /v1*: as [permissions](../permissions.md) has it, for the public or by a \
        token. What is in no row nobody may.\n\n\
        | Dialect | Route | Verb | Who |\n|---|---|---|---|\n"
        .to_owned();
    for dialect in DIALECTS {
        for (route, verbs) in dialect.doors {
            for (method, verb) in *verbs {
                let (name, verb_word) = (dialect.name, verb.word());
                let word = if dialect.on_their_word.contains(verb) {
                    "on their word"
                } else {
                    "as in /v1"
                };
                page += &format!("| {name} | `{method} {route}` | {verb_word} | {word} |\n");
            }
        }
    }
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dialects/doors.md");
    if std::env::var_os("GAVEL_WRITE_PAGES").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/dialects/doors.md is stale: GAVEL_WRITE_PAGES=1");
}

#[test]
fn a_dialect_has_an_address_of_its_own_if_it_is_given_one() {
    let mut house = Command::new(env!("CARGO_BIN_EXE_gavel"));
    let scratch = tempfile::tempdir().unwrap();
    house.args(["serve", "--listen", "127.0.0.1:0", "--set", "admin.listen=off", "--data"]);
    house.arg(scratch.path()).args(["--dialect", "marketplace,items=127.0.0.1:0"]);
    let mut house = house.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let out = std::io::BufReader::new(house.stdout.take().unwrap());
    let lines = std::io::BufRead::lines(out).map(|line| line.unwrap());
    let find = |mut lines: &mut dyn Iterator<Item = String>, words: &str| {
        let line = (&mut lines).find(|line: &String| line.contains(words)).unwrap();
        line.rsplit_once("http://").unwrap().1.to_owned()
    };
    let mut lines = lines.into_iter();
    let main = find(&mut lines, "open at");
    let own = find(&mut lines, "Dialect items at");
    let status = |address: &str, path: &str| {
        let curl = Command::new("curl")
            .args(["-s", "-o", "/dev/null", "-w", "%{http_code} %{content_type}"])
            .arg(format!("http://{address}{path}"))
            .output();
        String::from_utf8(curl.unwrap().stdout).unwrap()
    };
    assert_eq!(status(&own, "/item/1"), "404 application/problem+json");
    // Nothing else is there: neither the API nor the page.
    for path in ["/v1/time", "/", "/v1/auctions/1/bids", "/dialects/items/item/1", "/auctions/1"] {
        assert_eq!(status(&own, path), "404 application/problem+json", "{path}");
    }
    assert_eq!(status(&main, "/v1/time"), "200 application/json");
    // The other one is alone there, so it is at the root as well.
    assert_eq!(status(&main, "/openapi-3.0.json"), "200 application/json");
    assert_eq!(status(&main, "/dialects/marketplace/openapi-3.0.json"), "200 application/json");
    assert_eq!(status(&main, "/item/1"), "404 application/problem+json");
    house.kill().unwrap();
    house.wait().unwrap();
}

#[test]
fn who_believes_callers_listens_on_this_machine_unless_told_otherwise() {
    let serve = |more: &[&str]| {
        let scratch = tempfile::tempdir().unwrap();
        let mut command = Command::new("timeout");
        command.arg("5").arg(env!("CARGO_BIN_EXE_gavel"));
        command
            .args(["serve", "--set", "admin.listen=off", "--data"])
            .arg(scratch.path())
            .args(more);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = serve(&["--listen", "0.0.0.0:0", "--dialect", "items"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("dialects.open=true") && said.contains("items"), "{said}");
    let (code, said) = serve(&["--listen", "127.0.0.1:0", "--dialect", "items=0.0.0.0:0"]);
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = serve(&["--dialect", "itmes"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("dialects.on") && said.contains("items, portal"), "{said}");
    // Who is asked for another host, or comes from elsewhere by a proxy, is not here either.
    let house = Served::with(&["dialects.on=items", "server.trusted_proxies=127.0.0.1"]);
    let from = |headers: &str| {
        let request = format!("GET /item/1 HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
        house.raw(request.as_bytes()).status
    };
    assert_eq!(from("host: localhost\r\n"), 404);
    assert_eq!(from("host: attacker.example\r\n"), 403);
    assert_eq!(from("host: localhost\r\nx-forwarded-for: 192.0.2.1\r\n"), 403);
    let open = Served::with(&["dialects.on=items", "dialects.open=true"]);
    let reply =
        open.raw(b"GET /item/1 HTTP/1.1\r\nconnection: close\r\nhost: shop.example\r\n\r\n");
    assert_eq!(reply.status, 404);
    assert_eq!(Mount::read("all").map(|all| all.len()), Some(DIALECTS.len()));
}
