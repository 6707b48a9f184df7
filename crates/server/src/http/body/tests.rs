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
        let refused = [parse::<Bid>(&bytes).err(), object::<Bid>(&bytes).err()];
        for problem in refused.into_iter().flatten() {
            prop_assert!(problem.document()["field"].is_string());
        }
    }
}
