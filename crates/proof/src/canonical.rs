//! Canonical JSON: the one text that a value has. Keys sorted by their UTF-8 bytes, no spaces,
//! integers only, strings escaped only where JSON demands it. Refuses to know what the values mean.

use serde_json::Value;
use thiserror::Error;

/// Why bytes are not canonical JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotCanonical {
    /// They are not JSON at all.
    #[error("it is not JSON: line {line}, column {column}")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// A number is not an integer that 64 bits hold.
    #[error("it holds a number that is not a 64-bit integer")]
    NotInteger,
    /// The same value has another text.
    #[error("it is JSON, but not canonical from byte {offset} on")]
    Other {
        /// The first byte that differs.
        offset: usize,
    },
}

/// The canonical text of a value.
///
/// # Panics
/// If the value holds a number that is no 64-bit integer; [`parse`] never returns such a value.
#[must_use]
pub fn canonicalize(value: &Value) -> Vec<u8> {
    let mut text = Vec::with_capacity(256);
    write_value(&mut text, value);
    text
}

/// The canonical text of whatever JSON these bytes are.
///
/// # Errors
/// If they are not JSON, or hold a number that is no 64-bit integer.
pub fn normalize(bytes: &[u8]) -> Result<Vec<u8>, NotCanonical> {
    read(bytes).map(|value| canonicalize(&value))
}

/// Reads bytes that must be canonical JSON.
///
/// # Errors
/// If they are not JSON, or the value has another canonical text.
pub fn parse(bytes: &[u8]) -> Result<Value, NotCanonical> {
    let value = read(bytes)?;
    let text = canonicalize(&value);
    if text == bytes {
        return Ok(value);
    }
    let same = text.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    Err(NotCanonical::Other { offset: same })
}

fn read(bytes: &[u8]) -> Result<Value, NotCanonical> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|e| NotCanonical::NotJson { line: e.line(), column: e.column() })?;
    if holds_integers_only(&value) { Ok(value) } else { Err(NotCanonical::NotInteger) }
}

/// Whether these bytes are canonical JSON.
///
/// # Errors
/// What is wrong with them.
pub fn check(bytes: &[u8]) -> Result<(), NotCanonical> {
    parse(bytes).map(drop)
}

fn holds_integers_only(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => number.is_i64() || number.is_u64(),
        Value::Array(items) => items.iter().all(holds_integers_only),
        Value::Object(members) => members.values().all(holds_integers_only),
    }
}

fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => write_integer(out, integer),
            None => {
                write_integer(out, number.as_u64().expect("evidence holds 64-bit integers only"));
            }
        },
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write_value(out, item);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            // Sorted here: whether serde_json keeps keys sorted depends on who else uses it.
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
            out.push(b'{');
            for (place, (key, member)) in sorted.into_iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write_string(out, key);
                out.push(b':');
                write_value(out, member);
            }
            out.push(b'}');
        }
    }
}

/// Writes an integer in decimal.
pub(crate) fn write_integer(out: &mut Vec<u8>, integer: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
}

/// Writes bytes as lower-case hex digits between quotes.
pub(crate) fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let start = out.len();
    out.resize(start + 2 * bytes.len(), b'0');
    for (digits, byte) in out[start..].as_chunks_mut().0.iter_mut().zip(bytes) {
        *digits = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    }
    out.push(b'"');
}

/// Writes a string, escaping the quote, the backslash and control characters, nothing else.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x00..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte), // not ours: a byte
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_by_bytes_and_nothing_is_spaced() {
        let value = json!({"b": 1, "a": {"é": null, "z": [true, false, -3]}, "A": "x"});
        let text = r#"{"A":"x","a":{"z":[true,false,-3],"é":null},"b":1}"#;
        assert_eq!(canonicalize(&value), text.as_bytes());
        assert_eq!(parse(text.as_bytes()), Ok(value));
    }

    #[test]
    fn any_json_of_integers_has_a_canonical_text() {
        let spaced = b"{ \"b\" : [1, 2],\n \"a\": \"\\u0041\"}\n";
        assert_eq!(normalize(spaced).unwrap(), br#"{"a":"A","b":[1,2]}"#);
        assert_eq!(normalize(b"1.5"), Err(NotCanonical::NotInteger));
        assert!(normalize(b"{").is_err());
    }

    #[test]
    fn strings_are_escaped_as_serde_json_does() {
        let all: String = (0_u8..128).map(char::from).chain("äß€😀".chars()).collect();
        let mut text = Vec::new();
        write_string(&mut text, &all);
        assert_eq!(text, serde_json::to_vec(&all).unwrap());
    }

    #[test]
    fn extremes_of_integers_survive() {
        let text = b"[-9223372036854775808,18446744073709551615,0]";
        assert_eq!(check(text), Ok(()));
    }

    #[test]
    fn other_texts_of_a_value_are_refused() {
        let others: [&[u8]; 14] = [
            b"{\"b\":1,\"a\":2}",
            b"{\"a\":1,\"a\":1}",
            b"{ \"a\":1}",
            b"{\"a\":1}\n",
            b"{\"a\":1.0}",
            b"{\"a\":1e2}",
            b"{\"a\":-0}",
            b"{\"a\":18446744073709551616}",
            b"\"\\u0041\"",
            b"\"\\/\"",
            b"{\"a\":01}",
            b"{\"a\":1",
            b"\xff",
            b"",
        ];
        for other in others {
            assert!(check(other).is_err(), "{}", String::from_utf8_lossy(other));
        }
    }
}
