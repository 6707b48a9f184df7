//! Forgery: whatever is changed in a certificate, verifying it says so, or another key signed it.

use crate::house::signer;
use crate::random::{Dice, play};
use crate::scenarios;
use gavel_auction::event::{Digest, HouseId};
use gavel_auction::ids::AuctionId;
use gavel_proof::canonical::canonicalize;
use gavel_proof::certificate::TAG;
use gavel_proof::chain::{genesis, link};
use gavel_proof::keys::HouseKey;
use gavel_proof::verify::verify;
use serde_json::{Value, json};

fn is_detected(bytes: &[u8]) -> bool {
    match verify(bytes) {
        Err(_) => true,
        Ok(report) => report.fingerprint != signer().public().fingerprint(),
    }
}

fn certificates() -> Vec<Vec<u8>> {
    let mut files: Vec<_> =
        scenarios::all().iter().map(|(_, house)| house.certificate().unwrap()).collect();
    files.extend((0..20).map(|seed| play(seed).certificate().unwrap()));
    files
}

/// Changes, inserts or deletes one byte.
pub fn with_one_byte_changed(file: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = file.to_vec();
    let place = usize::try_from(dice.below(file.len() as u64)).unwrap();
    let likely = b"0123456789abcdef\"{}[],: ";
    let other = likely[usize::try_from(dice.below(likely.len() as u64)).unwrap()];
    match dice.below(4) {
        0 => bytes[place] ^= 1 << dice.below(8),
        1 => bytes[place] = other,
        2 => bytes.insert(place, other),
        _ => drop(bytes.remove(place)),
    }
    bytes
}

#[test]
fn no_changed_byte_goes_unseen() {
    let files = certificates();
    let mut dice = Dice(1);
    for round in 0..10_000 {
        let file = &files[round % files.len()];
        let bytes = with_one_byte_changed(file, &mut dice);
        if &bytes != file {
            assert!(is_detected(&bytes), "{}", String::from_utf8_lossy(&bytes));
        }
    }
}

/// Changes, drops, swaps or duplicates one event.
fn with_one_event_changed(file: &mut Value, dice: &mut Dice) {
    let events = file["events"].as_array_mut().unwrap();
    let place = usize::try_from(dice.below(events.len() as u64)).unwrap();
    match dice.below(6) {
        0 => drop(events.remove(place)),
        1 => {
            let other = usize::try_from(dice.below(events.len() as u64)).unwrap();
            events.swap(place, other);
        }
        2 => events.insert(place, events[place].clone()),
        _ => change_a_number(&mut events[place], dice),
    }
}

/// Changes one integer of an event, wherever it stands.
fn change_a_number(event: &mut Value, dice: &mut Dice) {
    fn numbers<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Value>) {
        match value {
            Value::Number(_) => found.push(value),
            Value::Array(items) => items.iter_mut().for_each(|item| numbers(item, found)),
            Value::Object(members) => {
                members.values_mut().for_each(|member| numbers(member, found));
            }
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    numbers(event, &mut found);
    let place = usize::try_from(dice.below(found.len() as u64)).unwrap();
    let before = found[place].as_i64().unwrap();
    *found[place] = json!(before + dice.up_to(3) - if dice.below(2) == 0 { 4 } else { 0 });
}

/// Computes the chain anew, as the house itself could.
pub fn rechain(file: &mut Value) {
    let hex = |value: &Value| Digest::try_from(value.as_str().unwrap().to_owned());
    let house = HouseId::try_from(file["house"].as_str().unwrap().to_owned()).unwrap();
    let auction = AuctionId::new(file["auction"].as_i64().unwrap()).unwrap();
    let mut head = genesis(house, auction);
    for event in file["events"].as_array_mut().unwrap() {
        if event["kind"] == "certified" && hex(&event["data"]["head"]).is_ok() {
            event["data"]["head"] = json!(head.to_string());
        }
        head = link(&head, &canonicalize(event));
    }
    file["head"]["hash"] = json!(head.to_string());
}

pub fn sign(file: &mut Value, key: &HouseKey) {
    file["key"] = json!(Digest(key.public().to_bytes()).to_string());
    file.as_object_mut().unwrap().remove("signature");
    let signature = key.sign(TAG, &canonicalize(file));
    let text: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    file["signature"] = json!(text);
}

#[test]
fn no_changed_event_goes_unseen() {
    let files = certificates();
    let mut dice = Dice(2);
    let other = HouseKey::from_bytes(&[8; 32]);
    for round in 0..1_000 {
        let original: Value = serde_json::from_slice(&files[round % files.len()]).unwrap();
        let mut file = original.clone();
        with_one_event_changed(&mut file, &mut dice);
        if file == original {
            continue;
        }
        assert!(is_detected(&canonicalize(&file)), "{file}");
        sign(&mut file, &other);
        assert!(verify(&canonicalize(&file)).is_err(), "signed by another: {file}");
        // The house itself breaks its own chain.
        sign(&mut file, &signer());
        assert!(verify(&canonicalize(&file)).is_err(), "signed by the house: {file}");
    }
}

/// A house that lies with its own key and a chain that fits is caught by the rules wherever the
/// lie touches a price, a leader or the outcome. What stays are lies that nothing depends on:
/// times, the seller, bids that moved nothing. Bidders' receipts are against those.
#[test]
fn a_lying_house_is_caught_by_the_rules() {
    let files = certificates();
    let mut dice = Dice(3);
    let mut untold = 0;
    for round in 0..1_000 {
        let original: Value = serde_json::from_slice(&files[round % files.len()]).unwrap();
        let mut file = original.clone();
        with_one_event_changed(&mut file, &mut dice);
        if file == original {
            continue;
        }
        rechain(&mut file);
        sign(&mut file, &signer());
        if verify(&canonicalize(&file)).is_ok() {
            assert_eq!(shown(&original), shown(&file), "{file}");
            untold += 1;
        }
    }
    assert!(untold < 200, "{untold} of 1000 lies go unseen");
}

/// What bidders see and pay.
fn shown(file: &Value) -> Vec<Value> {
    const MEMBERS: [&str; 6] =
        ["leader", "maximum_next", "minimum_next", "outcome", "price", "reserve_met"];
    let events = file["events"].as_array().unwrap();
    let of_event = |event: &Value| MEMBERS.map(|member| event["data"][member].clone());
    events.iter().flat_map(of_event).chain([file["outcome"].clone()]).collect()
}

#[test]
fn a_certificate_signed_by_another_key_has_another_fingerprint() {
    let file = scenarios::english_certified().certificate().unwrap();
    let mut file: Value = serde_json::from_slice(&file).unwrap();
    let other = HouseKey::from_bytes(&[8; 32]);
    sign(&mut file, &other);
    let report = verify(&canonicalize(&file)).unwrap();
    assert_eq!(report.fingerprint, other.public().fingerprint());
    assert!(is_detected(&canonicalize(&file)));
}
