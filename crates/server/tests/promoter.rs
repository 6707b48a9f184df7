//! The promoter as a running part: set by the seller, drawing in the auction's own log, the same
//! after a crash, and checked by whoever holds the certificate.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "floor/site.rs"]
mod site;
#[path = "house/wire.rs"]
mod wire;

use serde_json::{Value, json};
use site::Site;
use std::path::Path;
use std::process::Command;
use wire::{Connection, Server};

#[test]
fn s1_17_the_seller_sets_it_until_the_auction_opens() {
    let site = Site::new();
    let [seller, other] = ["seller", "other"].map(|name| site.member(name));
    let draft = json!({"preset": "ladder", "duration_seconds": 3600, "publish": false});
    let lot = site.auction(&seller, draft);
    let path = format!("{lot}/promotion");
    let put = |by, body: &Value| site.ask("PUT", &path, Some(by), None, &body.to_string());
    let show = |by| site.get(&path, by).expect(200);
    let before = show(Some(&seller));
    assert_eq!((&before["on"], &before["every_seconds"]), (&json!(true), &json!(3600)));
    let weights = json!([{"kind": "newcomer", "factor": 3}, {"kind": "early", "factor": 2}]);
    put(&seller, &json!({"on": true, "every_seconds": 60, "weights": weights})).expect(200);
    let set = show(Some(&seller));
    assert_eq!((&set["every_seconds"], &set["weights"]), (&json!(60), &weights));
    assert!(set["commitment"].as_str().is_some_and(|text| text.len() == 64));
    site.get(&path, Some(&other)).refused(404, "not_found");
    put(&seller, &json!({"on": false})).expect(200);
    let off = show(Some(&seller));
    assert_eq!((&off["on"], &off["commitment"]), (&json!(false), &Value::Null));
    put(&seller, &json!({"on": true})).expect(200);
    assert_ne!(show(Some(&seller))["commitment"], Value::Null);
    for (bad, status, code) in [
        (json!({"on": false, "every_seconds": 60}), 400, "malformed"),
        (json!({"on": true, "weights": [{"kind": "lucky", "factor": 2}]}), 400, "malformed"),
        (json!({"on": true, "weights": [{"kind": "early", "factor": 101}]}), 422, "terms_invalid"),
        (json!({"on": true, "every_seconds": 0}), 422, "terms_invalid"),
        (json!({"every_seconds": 60}), 400, "malformed"),
    ] {
        put(&seller, &bad).refused(status, code);
    }
    site.post(&format!("{lot}/publish"), &seller, &Value::Null).expect(200);
    put(&seller, &json!({"on": false})).refused(409, "terms_locked");
    put(&other, &json!({"on": false})).refused(403, "forbidden");
    assert_eq!(show(None)["locked"], true);
    let english = site.auction(&seller, json!({"duration_seconds": 3600, "publish": false}));
    let body = json!({"on": true}).to_string();
    let refused = site.ask("PUT", &format!("{english}/promotion"), Some(&seller), None, &body);
    refused.refused(422, "terms_invalid");
}

fn sign_in(connection: &mut Connection, name: &str) -> String {
    let password = "correct horse battery staple";
    let email = format!("{name}@example.org");
    let user = json!({"username": name, "email": email, "password": password});
    connection.post("/v1/users", None, None, &user).unwrap();
    let login = json!({"username": name, "password": password});
    let (status, session) = connection.post("/v1/session", None, None, &login).unwrap();
    assert_eq!(status, 201, "{session}");
    session["token"].as_str().unwrap().to_owned()
}

fn draws(connection: &mut Connection, lot: u64) -> Vec<Value> {
    let path = format!("/v1/auctions/{lot}/promotion");
    let (status, shown) = connection.get(&path).unwrap();
    assert_eq!(status, 200, "{shown}");
    shown["draws"].as_array().unwrap().clone()
}

fn bid(connection: &mut Connection, token: &str, lot: u64, amount: u64) {
    let path = format!("/v1/auctions/{lot}/bids");
    let bid = json!({"amount": amount});
    let (status, body) = connection.post(&path, Some(token), None, &bid).unwrap();
    assert_eq!(status, 201, "{body}");
}

fn verify(file: &Path) -> (bool, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_gavel")).arg("verify").arg(file).output().unwrap();
    (
        run.status.success(),
        String::from_utf8(run.stdout).unwrap() + &String::from_utf8(run.stderr).unwrap(),
    )
}

#[test]
fn s1_14_s1_15_it_draws_once_an_interval_across_a_crash_and_verify_draws_the_same() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path());
    let mut connection = server.connect().unwrap();
    let [seller, anna, bert] = ["seller", "anna", "bert"].map(|n| sign_in(&mut connection, n));
    let weights = json!([{"kind": "underdog", "factor": 5}]);
    let promotion = json!({"kind": "double", "every_seconds": 1, "weights": weights});
    let body = json!({"title": "A pot", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 6, "terms": {"promotion": promotion}});
    let (status, made) = connection.post("/v1/auctions", Some(&seller), None, &body).unwrap();
    assert_eq!(status, 201, "{made}");
    let lot = made["id"].as_u64().unwrap();
    bid(&mut connection, &anna, lot, 1000);
    bid(&mut connection, &bert, lot, 700);
    while draws(&mut connection, lot).is_empty() {}
    let first = draws(&mut connection, lot);
    bid(&mut connection, &anna, lot, 1100);
    bid(&mut connection, &bert, lot, 800);
    wire::kill(server.id());
    server.wait();
    server = Server::start(data.path());
    let mut connection = server.connect().unwrap();
    assert_eq!(draws(&mut connection, lot)[..first.len()], first, "what was drawn stays drawn");
    let certificate = format!("/v1/auctions/{lot}/certificate");
    let certified = loop {
        let (status, file) = connection.get(&certificate).unwrap();
        if status == 200 {
            break file;
        }
    };
    let all = draws(&mut connection, lot);
    assert!(all.windows(2).all(|pair| pair[0]["interval"].as_u64() < pair[1]["interval"].as_u64()));
    assert!(all.len() > first.len(), "the bids before the crash are drawn after it");
    let file = data.path().join("certificate.json");
    std::fs::write(&file, certified.to_string()).unwrap();
    let (holds, said) = verify(&file);
    assert!(holds, "{said}");
    // Another bid in its place, and nobody can be made to believe it.
    let text = certified.to_string();
    let drawn = all[0]["bid"].as_u64().unwrap();
    let event = certified["events"].as_array().unwrap().iter();
    let event = event.clone().find(|event| event["kind"] == "bid_promoted").unwrap().to_string();
    let other = event.replace(&format!("\"bid\":{drawn},"), &format!("\"bid\":{},", drawn ^ 1));
    assert_ne!(event, other);
    std::fs::write(&file, text.replace(&event, &other)).unwrap();
    let (holds, said) = verify(&file);
    assert!(!holds, "{said}");
}
