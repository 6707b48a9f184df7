//! Tricks with JSON, and that plain bodies pass.

use super::*;
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bid {
    amount: i64,
    #[serde(default)]
    note: Option<Note>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
}

fn field_of(body: &[u8]) -> String {
    let problem = parse::<Bid>(body).expect_err("this must be refused").document();
    assert_eq!(problem["code"], "malformed");
    problem["field"].as_str().expect("a field").to_owned()
}

#[test]
fn plain_bodies_pass() {
    assert_eq!(parse::<Bid>(br#"{"amount":10}"#).unwrap().amount, 10);
    let nested = br#" {"amount": 10, "note": {"text": "a\"{[,:\\"}} "#;
    assert_eq!(parse::<Bid>(nested).unwrap().note.unwrap().text, "a\"{[,:\\");
}

#[test]
fn tricks_are_malformed_and_name_the_field() {
    assert_eq!(field_of(br#"{"amount":10,"amount":999999}"#), "amount");
    assert_eq!(field_of(br#"{"amount":10,"\u0061mount":999999}"#), "amount");
    assert_eq!(field_of(br#"{"amount":10,"note":{"text":"a","text":"b"}}"#), "text");
    assert_eq!(field_of(br#"{"amount":10,"winner":1}"#), "winner");
    assert_eq!(field_of(br#"{}"#), "amount");
    assert_eq!(field_of(br#"{"amount":1.0}"#), "amount");
    assert_eq!(field_of(br#"{"amount":1e3}"#), "amount");
    assert_eq!(field_of(br#"{"amount":"10"}"#), "amount");
    assert_eq!(field_of(br#"{"amount":10,"note":{"text":5}}"#), "note.text");
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"{\"amount\":10}x",
        b"{\"amount\":10}{}",
        b"\xef\xbb\xbf{\"amount\":10}",
        b"{\"amount\":10,}",
        b"{amount:10}",
        b"{'amount':10}",
        b"{\"amount\":10}//",
        b"/**/{\"amount\":10}",
        b"{\"amount\":+10}",
        b"{\"amount\":010}",
        b"{\"amount\":NaN}",
        b"{\"amount\":99999999999999999999}",
        b"{\"amount\":1e400}",
        b"{\"amount\":1,\"note\":{\"text\":\"\\ud800\"}}",
        b"{\"amount\":1,\"note\":{\"text\":\"\xff\"}}",
        b"{\"amount\":1,\"note\":{\"text\":\"\\u0000\"}}",
        b"{\"amount\":1,\"note\":{\"text\":\"\0\"}}",
        b"{\"amount\":-0}",
    ] {
        field_of(body);
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lot {
    #[expect(dead_code, reason = "it is only read")]
    terms: gavel_auction::presets::Slots,
}

/// The field that is named where these terms are refused.
fn field_in(terms: serde_json::Value) -> String {
    let body = serde_json::json!({ "terms": terms }).to_string();
    let document = parse::<Lot>(body.as_bytes()).expect_err(&body).document();
    document["field"].as_str().expect("a field").to_owned()
}

/// One wrong value for each parameter of each slot is told with the keys it stands under.
#[test]
fn a_wrong_parameter_is_named_with_its_path() {
    let kinds: &[(&str, &str, &[&str])] = &[
        ("close", "soft", &["window_seconds", "extend_to_seconds", "max_total_seconds"]),
        ("clock", "descending", &["start", "floor", "step", "every_seconds"]),
        ("retraction", "window", &["not_in_last_seconds", "within_seconds"]),
        ("promotion", "double", &["every_seconds"]),
        ("increment", "fixed", &["step"]),
        ("increment", "percent", &["basis_points"]),
        ("increment", "table", &["steps"]),
        ("reserve", "disclosed", &["amount"]),
        ("buy_now", "until_close", &["amount"]),
    ];
    for (slot, kind, names) in kinds {
        let good = |name: &str| match name {
            "steps" => serde_json::json!([{"from": 0, "step": 1}]),
            _ => serde_json::json!(5),
        };
        let whole: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), good(name))).collect();
        let told = |change: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
            let mut slot_of = whole.clone();
            slot_of.insert("kind".to_owned(), serde_json::json!(kind));
            change(&mut slot_of);
            field_in(serde_json::json!({ *slot: slot_of }))
        };
        for name in *names {
            let path = format!("terms.{slot}.{name}");
            for wrong in ["-1", "\"x\"", "null", "1.5", "{}", "true"] {
                let wrong: serde_json::Value = serde_json::from_str(wrong).unwrap();
                let put = |slot: &mut serde_json::Map<_, _>| {
                    slot.insert((*name).to_owned(), wrong.clone());
                };
                assert_eq!(told(&put), path, "{wrong}");
            }
            assert_eq!(told(&|slot| drop(slot.remove(*name))), path);
        }
        assert_eq!(
            told(&|slot| drop(slot.insert("zz".to_owned(), 1.into()))),
            format!("terms.{slot}.zz")
        );
        assert_eq!(
            told(&|slot| drop(slot.insert("kind".to_owned(), "zz".into()))),
            format!("terms.{slot}.kind")
        );
        assert_eq!(told(&|slot| drop(slot.remove("kind"))), format!("terms.{slot}.kind"));
    }
}

#[test]
fn what_is_wrong_deep_inside_is_named_with_its_path() {
    for (terms, path) in [
        (r#"{"fees":{"tax_bp":-1}}"#, "terms.fees.tax_bp"),
        (r#"{"fees":{"zz":1}}"#, "terms.fees.zz"),
        (r#"{"settlement":{"due_seconds":"x"}}"#, "terms.settlement.due_seconds"),
        (
            r#"{"increment":{"kind":"table","steps":[{"from":0,"step":"x"}]}}"#,
            "terms.increment.steps.step",
        ),
        (r#"{"increment":{"kind":"table","steps":[{"step":1}]}}"#, "terms.increment.steps.from"),
        (
            r#"{"promotion":{"kind":"double","every_seconds":9,"weights":[[2,"early"]]}}"#,
            "terms.promotion.weights",
        ),
        (r#"{"close":"zz"}"#, "terms.close"),
        (r#"{"proxy":"zz"}"#, "terms.proxy"),
        (r#"{"confirm_factor":-1}"#, "terms.confirm_factor"),
        (r#"{"zz":1}"#, "terms.zz"),
    ] {
        assert_eq!(field_in(serde_json::from_str(terms).unwrap()), path);
    }
}

#[test]
fn sec_s20_depth_and_keys_at_the_limit_and_above() {
    use serde_json::Value;
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(parse::<Value>(deep(DEPTH).as_bytes()).is_ok());
    assert!(parse::<Value>(deep(DEPTH + 1).as_bytes()).is_err());
    let wide = |keys: usize| {
        let keys: Vec<String> = (0..keys).map(|key| format!("\"{key}\":0")).collect();
        format!("{{{}}}", keys.join(","))
    };
    assert!(parse::<Value>(wide(KEYS).as_bytes()).is_ok());
    assert!(parse::<Value>(wide(KEYS + 1).as_bytes()).is_err());
    let twice = wide(20).replace("\"19\":", "\"3\":");
    assert!(parse::<Value>(twice.as_bytes()).is_err());
}

/// Another reader with the same rules, by way of serde's own tokens: `Ok` if the body has exactly
/// one meaning.
struct Plain;

struct Level(usize);

impl<'de> serde::de::DeserializeSeed<'de> for Level {
    type Value = (usize, usize);

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(usize, usize), D::Error> {
        from.deserialize_any(self)
    }
}

/// Gives how deep a value nests and how many keys it has.
impl<'de> Visitor<'de> for Level {
    type Value = (usize, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok((0, 0))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok((0, 0))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok((0, 0))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok((0, 0))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok((0, 0))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.contains('\0') { Err(E::custom("NUL")) } else { Ok((0, 0)) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        let (mut deep, mut keys) = (0, 0);
        while let Some((below, more)) = all.next_element_seed(Level(self.0))? {
            deep = deep.max(below);
            keys += more;
        }
        Ok((deep + 1, keys))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        let (mut deep, mut keys, mut seen) = (0, 0, HashSet::new());
        while let Some(key) = all.next_key::<String>()? {
            let nul = key.contains('\0');
            if nul || !seen.insert(key) {
                return Err(serde::de::Error::custom("a key twice, or with NUL"));
            }
            let (below, more) = all.next_value_seed(Level(self.0))?;
            deep = deep.max(below);
            keys += more + 1;
        }
        Ok((deep + 1, keys))
    }
}

impl Plain {
    fn reads(text: &str) -> bool {
        let mut from = serde_json::Deserializer::from_str(text);
        let read = serde::de::DeserializeSeed::deserialize(Level(0), &mut from);
        let within = read.is_ok_and(|(deep, keys)| deep <= DEPTH && keys <= KEYS);
        within && from.end().is_ok()
    }
}

fn fuzzed(cases: u32) -> ProptestConfig {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/body/fuzz.txt");
    let kept = proptest::test_runner::FileFailurePersistence::Direct(file);
    ProptestConfig { cases, failure_persistence: Some(Box::new(kept)), ..ProptestConfig::default() }
}

/// A text of pieces that parsers trip over.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"a\"",
        "\"\\u0061\"",
        "\"b\"",
        "\"amount\"",
        "1",
        "-0",
        "1.5",
        "1e9",
        "null",
        "true",
        " ",
        "\n",
        "\"",
        "\\",
        "\\\"",
        "\"\\u0000\"",
        "\"\\\\u0000\"",
        "\"ä\"",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|all| all.concat())
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(Into::into),
        "[a-z\"\\\\{}\\[\\]:,\u{0}ä]{0,6}".prop_map(serde_json::Value::String),
    ];
    leaf.prop_recursive(18, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Into::into),
            prop::collection::vec(("[a-c\"\\\\]{0,2}", inner), 1..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(fuzzed(4_000))]

    /// A body is taken exactly if it has one meaning.
    #[test]
    fn two_readers_agree(text in pieces(), value in value()) {
        for text in [text, value.to_string()] {
            let taken = parse::<serde_json::Value>(text.as_bytes());
            prop_assert_eq!(taken.is_ok(), Plain::reads(&text), "{}", text);
        }
    }

    /// A field said twice is never taken, however it is written and wherever it stands.
    #[test]
    fn a_key_twice_is_never_taken(value in value(), key in "[a-z]{1,3}", escaped in any::<bool>()) {
        let second = if escaped {
            key.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect()
        } else {
            key.clone()
        };
        let text = format!("{{\"{key}\":{value},\"between\":1,\"{second}\":{value}}}");
        prop_assert!(parse::<serde_json::Value>(text.as_bytes()).is_err(), "{}", text);
    }

    #[test]
    fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let refused = [parse::<Bid>(&bytes).err(), parse::<Lot>(&bytes).err()];
        for problem in refused.into_iter().flatten() {
            prop_assert!(problem.document()["field"].is_string());
        }
    }
}
