//! Receipts: given with answers, made from the chain, and held against certificates of houses that
//! keep to them and of houses that do not.

use crate::house::{HOUSE, House, signer};
use crate::mutations::{rechain, sign, with_one_byte_changed};
use crate::random::Dice;
use crate::scenarios;
use gavel_auction::event::{Digest, Fact, HouseId};
use gavel_auction::ids::AuctionId;
use gavel_auction::time::Time;
use gavel_proof::canonical::canonicalize;
use gavel_proof::chain::genesis;
use gavel_proof::command::{CommandId, command_id};
use gavel_proof::keys::{HouseKey, LogKey};
use gavel_proof::receipt::{Leaf, Link, from_chain, issue};
use gavel_proof::{Form, ReceiptFault, Signed, verify_receipt, verify_together};
use serde_json::{Value, json};

fn log_key() -> LogKey {
    LogKey::from_bytes([1; 32])
}

fn leaf(house: &House, version: u64, code: Option<&str>) -> Leaf {
    let index = usize::try_from(version).unwrap();
    let (command, at, hash) = match index.checked_sub(1) {
        None => (command_id(None, house.auction.id(), "none"), Time(1), chain(house, 0)),
        Some(last) => (house.origins[last].command, house.log[last].0.at, chain(house, index)),
    };
    Leaf {
        auction: house.auction.id(),
        command,
        amount: None,
        at,
        code: code.map(str::to_owned),
        end: None,
        version,
        hash,
    }
}

/// The chain's hash after so many events.
fn chain(house: &House, many: usize) -> Digest {
    match many.checked_sub(1) {
        None => genesis(HOUSE, house.auction.id()),
        Some(last) => house.log[last].1.hash,
    }
}

fn chained(house: &House, version: u64) -> Vec<u8> {
    let last = usize::try_from(version).unwrap() - 1;
    let (event, written) = &house.log[last];
    let link = Link {
        event,
        origin: &house.origins[last],
        public: &written.public,
        previous: chain(house, last),
    };
    from_chain(&link, HOUSE, &house.key, &signer()).unwrap()
}

fn issued(leaves: &[Leaf]) -> Vec<Vec<u8>> {
    issue(leaves, HOUSE, Time(1_700_000_000_000_000), &log_key(), &signer())
}

#[test]
fn receipts_of_every_batch_hold_and_say_what_was_decided() {
    let house = scenarios::english_certified();
    let decided = |place: u64| {
        let refused = place.is_multiple_of(3).then_some("below_minimum");
        leaf(&house, 1 + place % house.version(), refused)
    };
    for size in 1..=20 {
        let leaves: Vec<Leaf> = (0..size).map(decided).collect();
        for (leaf, receipt) in leaves.iter().zip(issued(&leaves)) {
            let signed = verify_receipt(&receipt).unwrap();
            assert_eq!(signed.form, Form::Batch { size });
            assert_eq!((signed.version, signed.hash), (leaf.version, leaf.hash));
            assert_eq!((signed.command, signed.code), (leaf.command, leaf.code.clone()));
            assert_eq!(signed.house, HOUSE);
            assert_eq!(signed.fingerprint, signer().public().fingerprint());
        }
    }
}

#[test]
fn what_nobody_created_can_be_refused_with_a_receipt() {
    let house = scenarios::english_certified();
    let receipt = issued(&[leaf(&house, 0, Some("not_found"))]).remove(0);
    assert_eq!(verify_receipt(&receipt).unwrap().version, 0);
    let agreement = verify_together(&receipt, &house.certificate().unwrap()).unwrap();
    assert_eq!(agreement.receipt.code.as_deref(), Some("not_found"));
    let nothing = issued(&[leaf(&house, 0, None)]).remove(0);
    assert!(matches!(verify_receipt(&nothing), Err(ReceiptFault::NotBound(_))));
}

#[test]
fn every_event_of_every_scenario_has_a_chain_receipt_that_agrees() {
    for (name, house) in scenarios::all() {
        let certificate = house.certificate().unwrap();
        for (event, written) in &house.log {
            let receipt = chained(&house, event.version);
            let signed = verify_receipt(&receipt).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!((signed.form, signed.hash), (Form::Chain, written.hash), "{name}");
            verify_together(&receipt, &certificate).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

#[test]
fn a_chain_receipt_opens_the_senders_own_and_nothing_else() {
    for (name, house) in scenarios::all() {
        for (event, _) in &house.log {
            let receipt = chained(&house, event.version);
            let receipt: Value = serde_json::from_slice(&receipt).unwrap();
            let opened = receipt["rest"]["value"].as_object().unwrap();
            let known = ["clerk", "command", "digest", "user"];
            assert!(opened.keys().all(|key| known.contains(&key.as_str())), "{name}");
            // Who is behind a paddle stands only in an event of his own.
            let own = matches!(
                event.fact,
                Fact::BidPlaced(_)
                    | Fact::BidderRegistered { .. }
                    | Fact::BuyNowTaken { .. }
                    | Fact::ClockAccepted { .. }
            );
            assert!(own || !opened.contains_key("user"), "{name}");
        }
    }
}

fn is_detected(bytes: &[u8]) -> bool {
    match verify_receipt(bytes) {
        Err(_) => true,
        Ok(signed) => signed.fingerprint != signer().public().fingerprint(),
    }
}

fn receipts() -> Vec<Vec<u8>> {
    let house = scenarios::english_certified();
    let leaves: Vec<Leaf> = (1..=house.version())
        .map(|version| leaf(&house, version, (version % 2 == 0).then_some("already_leading")))
        .collect();
    let mut all = issued(&leaves);
    all.extend(issued(&leaves[..1]));
    all.extend((1..=house.version()).map(|version| chained(&house, version)));
    all
}

#[test]
fn no_changed_bit_and_no_lost_byte_goes_unseen() {
    let all = receipts();
    for receipt in [&all[2], &all[all.len() - 2]] {
        assert!(!is_detected(receipt));
        for place in 0..receipt.len() {
            for bit in 0..8 {
                let mut changed = receipt.clone();
                changed[place] ^= 1 << bit;
                assert!(is_detected(&changed), "{}", String::from_utf8_lossy(&changed));
            }
            let mut shorter = receipt.clone();
            shorter.remove(place);
            assert!(is_detected(&shorter), "{}", String::from_utf8_lossy(&shorter));
            assert!(is_detected(&receipt[..place]));
        }
    }
}

#[test]
fn no_changed_byte_goes_unseen() {
    let all = receipts();
    let mut dice = Dice(4);
    for round in 0..5_000 {
        let receipt = &all[round % all.len()];
        let changed = with_one_byte_changed(receipt, &mut dice);
        assert!(&changed == receipt || is_detected(&changed));
    }
}

#[test]
fn nothing_of_another_receipt_fits() {
    let all: Vec<Value> =
        receipts().iter().map(|receipt| serde_json::from_slice(receipt).unwrap()).collect();
    for one in &all {
        for other in &all {
            for (member, value) in other.as_object().unwrap() {
                let mut mixed = one.clone();
                mixed[member] = value.clone();
                assert!(&mixed == one || is_detected(&canonicalize(&mixed)), "{member}");
            }
        }
    }
}

fn refused(receipt: &[u8], certificate: &[u8]) -> ReceiptFault {
    verify_together(receipt, certificate).unwrap_err()
}

/// The certificate as the house could have made it, had it always been so.
fn forged(file: &Value) -> Vec<u8> {
    let mut file = file.clone();
    rechain(&mut file);
    sign(&mut file, &signer());
    canonicalize(&file)
}

/// An auction in which nothing but its own rules speaks against leaving out its last bid.
fn two_histories() -> (House, House) {
    let mut honest = scenarios::english();
    let bid = honest.version();
    let mut other = scenarios::english();
    honest.at(3595).bid(14, 30_000);
    assert_eq!(honest.version(), bid + 1);
    honest.at(1_000_000);
    other.at(1_000_000);
    (honest, other)
}

#[test]
fn a_dropped_bid_is_found() {
    let (honest, other) = two_histories();
    let mut bids = honest.log.iter().filter(|(event, _)| matches!(event.fact, Fact::BidPlaced(_)));
    let version = bids.next_back().unwrap().0.version;
    let (with, without) = (honest.certificate().unwrap(), other.certificate().unwrap());
    let given = issued(&[leaf(&honest, version, None)]).remove(0);
    for receipt in [given, chained(&honest, version)] {
        let agreement = verify_together(&receipt, &with).unwrap();
        assert!(agreement.compared.iter().any(|line| line.contains("is there, as event")));
        let fault = refused(&receipt, &without);
        assert!(matches!(fault, ReceiptFault::Rewritten { version: at, .. } if at == version));
    }
    let after = issued(&[leaf(&honest, honest.version(), Some("closed"))]).remove(0);
    let fault = refused(&after, &without);
    assert!(matches!(fault, ReceiptFault::Dropped { .. }), "{fault}");
}

#[test]
fn a_rewritten_bid_is_found_though_no_rule_is_broken() {
    let (mut house, mut other) = (scenarios::sealed_open(), scenarios::sealed_open());
    house.at(10).bid(11, 500).at(20).bid(12, 600).at(1_000_000);
    other.at(10).bid(11, 500).at(20).bid(12, 601).at(1_000_000);
    let certificate = other.certificate().unwrap();
    let bid = house.log.iter().rposition(|(event, _)| matches!(event.fact, Fact::BidPlaced(_)));
    let receipt = chained(&house, bid.unwrap() as u64 + 1);
    assert!(matches!(refused(&receipt, &certificate), ReceiptFault::Rewritten { .. }));
}

#[test]
fn a_house_that_changes_its_certificate_afterwards_is_caught_by_every_receipt() {
    let house = scenarios::english_certified();
    let file: Value = serde_json::from_slice(&house.certificate().unwrap()).unwrap();
    let mut changed = file.clone();
    // A lie that no rule sees: who sells.
    changed["events"][0]["data"]["seller"] = json!(77);
    let changed = forged(&changed);
    assert!(gavel_proof::verify::verify(&changed).is_ok(), "no rule sees it");
    for version in 1..=house.version() {
        let receipt = issued(&[leaf(&house, version, None)]).remove(0);
        verify_together(&receipt, &canonicalize(&file)).unwrap();
        let fault = refused(&receipt, &changed);
        assert!(matches!(fault, ReceiptFault::Rewritten { .. }), "{fault}");
    }
}

#[test]
fn a_receipt_that_lies_about_its_own_event_is_refused() {
    let house = scenarios::english_certified();
    let certificate = house.certificate().unwrap();
    let bid = house.log.iter().rposition(|(event, _)| matches!(event.fact, Fact::BidPlaced(_)));
    let honest = leaf(&house, bid.unwrap() as u64 + 1, None);
    let amount = Some(crate::house::amount(19_999));
    let lies = [
        Leaf { amount, ..honest.clone() },
        Leaf { at: Time(honest.at.0 + 1), ..honest.clone() },
        Leaf { end: Some(Time(7)), ..honest.clone() },
    ];
    for lie in lies {
        let fault = refused(&issued(&[lie])[0], &certificate);
        assert!(matches!(fault, ReceiptFault::Otherwise { .. }), "{fault}");
    }
}

#[test]
fn receipts_of_another_house_auction_or_key_are_refused_clearly() {
    let house = scenarios::english_certified();
    let certificate = house.certificate().unwrap();
    let own = leaf(&house, 3, None);
    let what = |receipt: &[u8]| match refused(receipt, &certificate) {
        ReceiptFault::Another { what, .. } => what,
        other => panic!("{other}"),
    };
    let elsewhere =
        issue(std::slice::from_ref(&own), HouseId([9; 16]), Time(1), &log_key(), &signer());
    assert_eq!(what(&elsewhere[0]), "house");
    let other = Leaf { auction: AuctionId::new(6).unwrap(), ..own.clone() };
    assert_eq!(what(&issued(&[other])[0]), "auction");
    let forger = HouseKey::from_bytes(&[8; 32]);
    assert_eq!(what(&issue(&[own], HOUSE, Time(1), &log_key(), &forger)[0]), "key");
}

#[test]
fn a_spoiled_certificate_is_no_measure() {
    let house = scenarios::english_certified();
    let receipt = issued(&[leaf(&house, 3, None)]).remove(0);
    let mut certificate = house.certificate().unwrap();
    certificate[40] ^= 1;
    assert!(matches!(refused(&receipt, &certificate), ReceiptFault::Certificate(_)));
    assert!(matches!(refused(b"{}", &certificate), ReceiptFault::NotAReceipt(_)));
}

#[test]
fn what_is_checked_and_what_is_not_is_said() {
    let house = scenarios::english_certified();
    let said = |signed: &Signed| (signed.checked().join("\n"), signed.not_shown().join("\n"));
    let given = verify_receipt(&issued(&[leaf(&house, 3, Some("on_hold"))])[0]).unwrap();
    let (checked, not_shown) = said(&given);
    assert!(checked.contains("one of 1 under the signed root"));
    assert!(not_shown.contains("that the refusal was right"));
    let (checked, not_shown) = said(&verify_receipt(&chained(&house, 3)).unwrap());
    assert!(checked.contains("commits to this operation"));
    assert!(not_shown.contains("compare it with the certificate"));
    assert_eq!(given.command, CommandId(house.origins[2].command.0));
}
