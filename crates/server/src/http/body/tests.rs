//! Tricks with JSON, and that plain bodies pass.

use super::*;
use serde::Deserialize;

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
