//! Evidence from end to end: auctions are played, written, certified, verified, and forged.

#![expect(clippy::unwrap_used, reason = "tests only, helpers of tests included")]

mod batches;
mod dispute;
mod faults;
mod fuzz;
mod golden;
mod house;
mod mutations;
mod random;
mod receipts;
mod scenarios;
mod what_if;

use gavel_auction::outcome::Outcome;
use gavel_proof::verify::{Fault, verify};

#[test]
fn every_scenario_has_a_log_and_a_certificate_that_hold() {
    for (name, house) in scenarios::all() {
        let replayed = house.check_log().unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(replayed, house.auction, "{name}");
        let file = house.certificate().unwrap_or_else(|error| panic!("{name}: {error}"));
        let text = String::from_utf8(file.clone()).unwrap();
        let report = verify(&file).unwrap_or_else(|fault| panic!("{name}: {fault}\n{text}"));
        assert_eq!(report.events, house.log.len(), "{name}");
        assert_eq!(report.fingerprint, house::signer().public().fingerprint(), "{name}");
        assert_eq!(report.head, (house.version(), house.head()), "{name}");
    }
}

fn scenario(name: &str) -> house::House {
    scenarios::all().into_iter().find(|(other, _)| *other == name).unwrap().1
}

fn openings(house: &house::House) -> serde_json::Value {
    let file = house.certificate().unwrap();
    let value: serde_json::Value = serde_json::from_slice(&file).unwrap();
    value["openings"].clone()
}

fn opened(house: &house::House) -> Vec<String> {
    let mut all: Vec<String> = openings(house)
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(version, fields)| {
            let fields = fields.as_object().unwrap();
            fields.iter().map(move |(field, o)| format!("{version} {field} {}", o["value"]))
        })
        .collect();
    all.sort();
    all
}

#[test]
fn what_is_opened_is_what_the_rules_say() {
    let open = |name: &str| opened(&scenario(name)).join(", ");
    assert_eq!(open("english"), "");
    assert_eq!(open("english, reserve not met"), "");
    assert_eq!(open("english, reserve met then voided"), "");
    assert_eq!(open("amended, scheduled, with a note"), "2 reserve 700");
    // The winner's 500 stays closed, the others are open.
    assert_eq!(open("timed, proxies"), "4 maximum 100, 6 maximum 200");
    assert_eq!(open("timed, won at its very maximum"), "4 maximum 98, 5 maximum 100");
    assert_eq!(open("timed, alone"), "");
    assert_eq!(
        open("timed, own raises"),
        "4 maximum 300, 5 maximum 250, 6 maximum 301, 8 maximum 300, 9 maximum 320"
    );
    assert_eq!(open("timed, reserve not met"), "4 maximum 300");
    assert_eq!(open("timed, cancelled"), "4 maximum 300");
    assert_eq!(
        open("timed, reserve met by a raise"),
        "1 reserve 600, 4 maximum 300, 5 maximum 400, 6 maximum 599, 7 maximum 600"
    );
    assert_eq!(open("sealed, passed"), "");
    assert_eq!(
        open("vickrey"),
        "1 reserve 120, 4 amount 100, 4 paddle 1, 5 paddle 2, 6 amount 200, 6 paddle 3, \
         7 paddle 2, 8 paddle 2"
    );
    assert_eq!(open("vickrey, tie"), "4 amount 100, 4 paddle 1, 5 amount 100, 5 paddle 2");
    assert_eq!(opened(&scenario("ladder, reopened")).len(), 2);
}

#[test]
fn the_houses_word_is_listed() {
    let words = |name: &str| {
        let file = scenario(name).certificate().unwrap();
        verify(&file).unwrap().on_the_houses_word.join("\n")
    };
    assert!(words("timed, proxies").contains("the winner's maximum in bid 5 is at least 206"));
    assert!(words("timed, reserve not met").contains("the reserve was above 305"));
    assert!(words("timed, reserve not met").contains("the maximum of bid 7 is at least 306"));
    assert!(words("vickrey").contains("the winner's amount in bid 8 is at least 201"));
    assert!(words("sealed, passed").contains("the amounts and bidders of 3 sealed bids"));
    assert!(words("ladder").contains("1 bids were retracted by their own bidders"));
}

#[test]
fn outcomes_are_those_of_the_test_vectors() {
    let hammer = |name: &str| {
        let file = scenario(name).certificate().unwrap();
        match verify(&file).unwrap().outcome {
            Outcome::Sold(sale) => sale.hammer_price.minor(),
            Outcome::Passed { .. } | Outcome::Cancelled {} => 0,
        }
    };
    assert_eq!(hammer("timed, proxies"), 205);
    assert_eq!(hammer("timed, won at its very maximum"), 100);
    assert_eq!(hammer("timed, reserve met by a raise"), 600);
    assert_eq!(hammer("reverse vickrey"), 100);
    assert_eq!(hammer("dutch"), 800);
    assert_eq!(hammer("timed, cancelled"), 0);
}

#[test]
fn a_house_that_did_not_certify_gives_no_certificate() {
    let house = scenarios::english();
    assert!(house.certificate().is_err());
    assert!(matches!(verify(b"{}"), Err(Fault::NotACertificate(_))));
}
