//! Terms as JSON: both forms of each slot, what is refused, and golden files of each preset's
//! public terms. `GAVEL_BLESS=1` writes the golden files anew: events of old logs hold this JSON,
//! so a change here is a change of the format.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "properties/compositions.rs"]
mod compositions;
#[path = "shared/invariants.rs"]
mod invariants;
#[path = "shared/world.rs"]
#[expect(dead_code, reason = "only its 0s is used")]
mod world;

use compositions::Composition;
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::Terms;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Slot, its kinds without parameters.
const BARE: [(&str, &[&str]); 15] = [
    (
        "admission",
        &["beat_leader", "beat_own_latest", "once_per_bidder", "revisable", "accept_clock"],
    ),
    ("buy_now", &["none"]),
    ("certify", &["automatic", "manual"]),
    ("clock", &["none"]),
    ("close", &["hard"]),
    ("direction", &["forward", "reverse"]),
    ("eligibility", &["anyone", "approved"]),
    ("increment", &["none", "any_higher"]),
    ("outage", &["extend", "ignore"]),
    ("pricing", &["pay_bid", "second_price", "clock_price"]),
    ("promotion", &["none"]),
    ("proxy", &["none", "maximum"]),
    ("reserve", &["none", "hidden"]),
    ("retraction", &["never", "while_open"]),
    ("visibility", &["paddle", "named", "sealed"]),
];

/// Slot, a value with parameters in canonical form.
fn with_parameters() -> Vec<(&'static str, Value)> {
    vec![
        ("buy_now", json!({"amount": 5, "kind": "until_first_bid"})),
        ("buy_now", json!({"amount": 5, "kind": "until_reserve_met"})),
        ("buy_now", json!({"amount": 5, "kind": "until_close"})),
        (
            "clock",
            json!({"every_seconds": 1, "floor": 1, "kind": "descending", "start": 9, "step": 2}),
        ),
        (
            "close",
            json!({
                "extend_to_seconds": 1, "kind": "soft", "max_total_seconds": 3, "window_seconds": 2
            }),
        ),
        ("increment", json!({"kind": "fixed", "step": 500})),
        ("increment", json!({"basis_points": 500, "kind": "percent"})),
        ("increment", json!({"kind": "table", "steps": [{"from": 0, "step": 5}]})),
        (
            "promotion",
            json!({
                "every_seconds": 60, "kind": "double", "weights": [{"factor": 2, "kind": "early"}]
            }),
        ),
        ("reserve", json!({"amount": 7, "kind": "hidden"})),
        ("reserve", json!({"amount": 7, "kind": "disclosed"})),
        (
            "retraction",
            json!({
                "kind": "window", "not_in_last_seconds": 1, "within_seconds": 2
            }),
        ),
    ]
}

fn slots(slot: &str, value: Value) -> Result<Slots, serde_json::Error> {
    serde_json::from_value(json!({slot: value}))
}

fn terms_with(slot: &str, value: Value) -> Result<Terms, serde_json::Error> {
    let mut terms = serde_json::to_value(Composition::plain(Preset::English).terms).unwrap();
    terms[slot] = value;
    serde_json::from_value(terms)
}

#[test]
fn bare_kinds_read_in_both_forms_and_print_as_a_string() {
    for (slot, kinds) in BARE {
        for kind in kinds {
            let bare = terms_with(slot, json!(kind)).unwrap();
            let whole = terms_with(slot, json!({"kind": kind})).unwrap();
            assert_eq!(bare, whole, "{slot} {kind}");
            assert_eq!(serde_json::to_value(&bare).unwrap()[slot], json!(kind), "{slot}");
            let bare = slots(slot, json!(kind)).unwrap();
            assert_eq!(bare, slots(slot, json!({"kind": kind})).unwrap(), "{slot} {kind}");
            assert_ne!(bare, Slots::default(), "{slot} {kind}");
        }
    }
}

#[test]
fn kinds_with_parameters_print_with_sorted_keys() {
    for (slot, value) in with_parameters() {
        let terms = terms_with(slot, value.clone()).unwrap();
        let text = serde_json::to_string(&terms).unwrap();
        assert!(text.contains(&format!("\"{slot}\":{value}")), "{slot}: {text}");
        assert_eq!(serde_json::from_str::<Terms>(&text).unwrap(), terms);
        assert!(slots(slot, value).is_ok(), "{slot}");
    }
}

#[test]
fn unknown_fields_and_kinds_are_refused() {
    for (slot, kinds) in BARE {
        for wrong in [
            json!("nonsense"),
            json!({"kind": "nonsense"}),
            json!({"kind": kinds[0], "more": 1}),
            json!({}),
            json!(5),
            json!(true),
            json!(null),
            json!([kinds[0]]),
            json!({"kind": null}),
            json!({"kind": [kinds[0]]}),
        ] {
            assert!(slots(slot, wrong.clone()).is_err(), "{slot}: {wrong}");
            assert!(terms_with(slot, wrong.clone()).is_err(), "{slot}: {wrong}");
        }
    }
    for (slot, value) in with_parameters() {
        let mut more = value.clone();
        more["more"] = json!(1);
        assert!(slots(slot, more.clone()).is_err(), "{slot}: {more}");
        assert!(terms_with(slot, more).is_err());
        let parameters = value.as_object().unwrap().keys().filter(|key| *key != "kind");
        for parameter in parameters {
            for wrong in [json!(-1), json!(1.5), json!("1"), json!(null), json!(1e300)] {
                if value["kind"] == "hidden" && wrong.is_null() {
                    continue; // as if it were absent
                }
                let mut broken = value.clone();
                broken[parameter] = wrong;
                assert!(slots(slot, broken.clone()).is_err(), "{slot}: {broken}");
            }
        }
    }
    assert!(slots("nonsense", json!("none")).is_err());
    assert!(slots("schedule", json!({})).is_err(), "the schedule stands beside the terms");
    assert!(terms_with("nonsense", json!(1)).is_err());
}

#[test]
fn parameters_are_required() {
    for (slot, value) in with_parameters() {
        let parameters = value.as_object().unwrap().keys().filter(|key| *key != "kind");
        for parameter in parameters {
            let optional = value["kind"] == "hidden" || parameter == "weights";
            let mut broken = value.clone();
            broken.as_object_mut().unwrap().remove(parameter);
            assert_eq!(slots(slot, broken).is_ok(), optional, "{slot} without {parameter}");
        }
    }
}

#[test]
fn duplicate_keys_are_refused() {
    for text in [
        r#"{"close":"hard","close":"hard"}"#,
        r#"{"close":{"kind":"hard","kind":"hard"}}"#,
        r#"{"proxy":{"kind":"none","kind":"maximum"}}"#,
        r#"{"increment":{"kind":"fixed","step":1,"step":2}}"#,
        r#"{"increment":{"step":1,"kind":"fixed","step":2}}"#,
        r#"{"own_raise":true,"own_raise":false}"#,
        r#"{"fees":{"tax_bp":1,"tax_bp":2}}"#,
    ] {
        assert!(serde_json::from_str::<Slots>(text).is_err(), "{text}");
    }
}

#[test]
fn plain_slots_are_strict() {
    for (slot, good, bad) in [
        ("own_raise", json!(true), json!("yes")),
        ("confirm_factor", json!(10), json!(-1)),
        ("starting_price", json!(100), json!(0)),
        ("fees", json!({"tax_bp": 5}), json!({"tax": 5})),
        ("settlement", json!({"due_seconds": 5}), json!({"due": 5})),
    ] {
        assert!(slots(slot, good).is_ok(), "{slot}");
        assert!(slots(slot, bad).is_err(), "{slot}");
    }
}

/// Indented for people; the order of the keys is that of the terms themselves.
fn golden(preset: Preset) -> String {
    let public = Composition::whole(preset).terms.public();
    serde_json::to_string_pretty(&public).unwrap() + "\n"
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests asks for new files by it")]
fn blessing() -> bool {
    std::env::var_os("GAVEL_BLESS").is_some()
}

#[test]
fn public_terms_of_each_preset_are_as_ever() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/terms");
    for preset in Preset::ALL {
        let path = format!("{folder}/{}.json", preset.name());
        let text = golden(preset);
        if blessing() {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(kept, text, "{path}: GAVEL_BLESS=1 writes it anew");
        let read: Terms = serde_json::from_str(&kept).unwrap();
        assert_eq!(read, Composition::whole(preset).terms.public());
    }
}

proptest! {
    #[test]
    fn legal_terms_survive_being_written(composition in compositions::legal()) {
        let text = serde_json::to_string(&composition.terms).unwrap();
        let read: Terms = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &composition.terms);
        let value: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::to_string(&value).unwrap(), text, "keys are sorted");
        let again = Slots::from(composition.terms.clone()).complete();
        prop_assert_eq!(again.unwrap(), composition.terms);
    }
}
