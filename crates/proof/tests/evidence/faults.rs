//! Faults by name: the first wrong event, the opening that does not fit, the record that was
//! changed in the log.

use crate::house::{ADMIN, House, signer};
use crate::mutations::{rechain, sign};
use crate::scenarios;
use gavel_auction::event::{Fact, Hidden};
use gavel_proof::canonical::canonicalize;
use gavel_proof::chain::genesis;
use gavel_proof::codec::{Origin, decode, encode, opening};
use gavel_proof::verify::{Fault, LogEntry, verify, verify_log};
use serde_json::{Value, json};

fn scenario(name: &str) -> House {
    scenarios::all().into_iter().find(|(other, _)| *other == name).unwrap().1
}

fn file_of(house: &House) -> Value {
    serde_json::from_slice(&house.certificate().unwrap()).unwrap()
}

fn fault_of(mut file: Value) -> Fault {
    sign(&mut file, &signer());
    verify(&canonicalize(&file)).unwrap_err()
}

#[test]
fn the_first_wrong_event_is_named() {
    let mut file = file_of(&scenario("english"));
    file["events"][4]["data"]["price"] = json!(12_751);
    // Even without a signature that fits, the event is what people want to hear of.
    let Err(Fault::Event(wrong)) = verify(&canonicalize(&file)) else { panic!("not found") };
    assert_eq!(wrong.version, 5);
    rechain(&mut file);
    let Fault::Event(wrong) = fault_of(file) else { panic!("not found") };
    assert_eq!(wrong.version, 5);
    assert!(wrong.what.contains("\"price\":12750"), "{}", wrong.what);
}

#[test]
fn a_result_that_was_not_the_rules_is_named() {
    let mut file = file_of(&scenario("timed, proxies"));
    let closed = 6;
    assert_eq!(file["events"][closed]["kind"], "closed");
    file["events"][closed]["data"]["outcome"]["winner"] = json!(1);
    file["outcome"]["winner"] = json!(1);
    rechain(&mut file);
    let Fault::Event(wrong) = fault_of(file) else { panic!("not found") };
    assert_eq!(wrong.version, 7);
}

#[test]
fn openings_must_be_there_fit_and_be_no_more() {
    let house = scenario("timed, proxies");
    let file = file_of(&house);

    let mut missing = file.clone();
    missing["openings"].as_object_mut().unwrap().remove("4");
    assert!(matches!(fault_of(missing), Fault::Event(_) | Fault::Opening { version: 4, .. }));

    let mut other = file.clone();
    other["openings"]["4"]["maximum"]["value"] = json!(101);
    assert!(matches!(fault_of(other), Fault::Opening { version: 4, .. }));

    let mut more = file.clone();
    let shown = opening(&house.log[4].0, "maximum", &house.key).unwrap();
    let value: Value = serde_json::from_slice(&shown.value).unwrap();
    more["openings"]["5"] = json!({"maximum": {"salt": shown.salt.to_string(), "value": value}});
    let fault = fault_of(more);
    assert!(matches!(fault, Fault::Opening { version: 5, .. }), "{fault}");
    assert!(fault.to_string().contains("should not be there"), "{fault}");

    let mut unknown = file;
    unknown["openings"]["99"] = json!({});
    assert!(matches!(fault_of(unknown), Fault::NotACertificate(_)));
}

#[test]
fn seeds_are_always_open() {
    let mut file = file_of(&scenario("ladder"));
    file["openings"].as_object_mut().unwrap().remove("1");
    let Fault::Opening { version: 1, field, .. } = fault_of(file) else { panic!("not found") };
    assert_eq!(field, "seed");
}

#[test]
fn a_certificate_of_a_cut_history_is_none() {
    let mut file = file_of(&scenario("english"));
    file["events"].as_array_mut().unwrap().pop();
    let events = file["events"].as_array().unwrap().len();
    file["head"]["version"] = json!(events);
    file["serial"] = json!(format!("5-{events}"));
    rechain(&mut file);
    assert!(matches!(fault_of(file), Fault::NotACertificate(_)));
}

/// A log as `verify_log` takes it, with one record put in another's place.
fn log_fault(house: &House, place: usize, public: &[u8], sealed: &[u8], hash: Option<u8>) -> Fault {
    let entries: Vec<_> = house
        .log
        .iter()
        .enumerate()
        .map(|(at, (_, written))| {
            let mut entry =
                LogEntry { public: &written.public, sealed: &written.sealed, hash: written.hash };
            if at == place {
                entry.public = public;
                entry.sealed = sealed;
                entry.hash.0[0] ^= hash.unwrap_or(0);
            }
            entry
        })
        .collect();
    verify_log(house.auction.id(), &entries, &house.key).unwrap_err()
}

#[test]
fn damage_of_the_log_is_named() {
    let house = scenario("timed, proxies");
    let written = &house.log[4].1;
    let (public, sealed) = (&written.public, &written.sealed);
    assert_eq!(log_fault(&house, 4, public, sealed, Some(1)), Fault::Chain { version: 5 });
    let text = String::from_utf8(public.clone()).unwrap();
    let other = text.replace("\"price\":105", "\"price\":106");
    assert_ne!(text, other);
    let fault = log_fault(&house, 4, other.as_bytes(), sealed, None);
    assert_eq!(fault, Fault::Chain { version: 5 });
    for (from, to) in [("\"maximum\":500", "\"maximum\":501"), ("\"user\":12", "\"user\":13")] {
        let text = String::from_utf8(sealed.clone()).unwrap();
        let other = text.replace(from, to);
        assert_ne!(text, other);
        let fault = log_fault(&house, 4, public, other.as_bytes(), None);
        assert!(matches!(fault, Fault::Unreadable { version: 5, .. }), "{fault}");
    }
}

/// Somebody who has the keys rewrites history: chain and commitments fit, the rules do not.
#[test]
fn a_rewritten_log_is_judged_by_the_rules() {
    let house = scenario("timed, proxies");
    let mut records = Vec::new();
    let Fact::Created(created) = &house.log[0].0.fact else { panic!("not created") };
    let mut previous = genesis(created.house, house.auction.id());
    for (_, written) in &house.log {
        let (mut event, origin): (_, Origin) = decode(&written.public, &written.sealed).unwrap();
        if event.version == 5 {
            event.hidden =
                Hidden { maximum: gavel_auction::money::Amount::new(150), ..event.hidden };
        }
        let written = encode(&event, &origin, &house.key, &previous);
        previous = written.hash;
        records.push(written);
    }
    let entries: Vec<_> = records
        .iter()
        .map(|w| LogEntry { public: &w.public, sealed: &w.sealed, hash: w.hash })
        .collect();
    let fault = verify_log(house.auction.id(), &entries, &house.key).unwrap_err();
    // With a maximum of 150, the bid of 200 would have taken the lead.
    let Fault::Event(wrong) = fault else { panic!("{fault}") };
    assert_eq!(wrong.version, 6);
}

#[test]
fn nothing_but_the_last_certification_counts() {
    let mut house = scenario("ladder");
    assert!(house.certificate().is_ok());
    let seed = Some(house.key.seed(house.auction.epoch() + 1));
    let ends_at = gavel_auction::time::Time((crate::house::START + 2_000_000) * 1_000_000);
    let reason = gavel_auction::event::Reason::NonPayment;
    let reopen = gavel_auction::command::Action::Reopen { reason, ends_at, seed };
    house.by(ADMIN, reopen);
    assert!(house.certificate().is_err());
    house.at(3_000_000);
    assert!(verify(&house.certificate().unwrap()).is_ok());
}
