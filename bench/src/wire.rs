//! HTTP/1.1 as a load generator needs it: requests as bytes, replies cut out of a stream, single
//! numbers found in a body. Refuses everything else, loudly.

use memchr::memmem;
use std::io;

/// A reply, in place.
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

/// The first whole reply in `input` and how many bytes it takes; none if it is not all there yet.
pub(crate) fn reply(input: &[u8]) -> io::Result<Option<(Reply<'_>, usize)>> {
    let Some(end) = memmem::find(input, b"\r\n\r\n") else { return Ok(None) };
    let head = &input[..end];
    let status = head.get(9..12).and_then(digits).and_then(|status| u16::try_from(status).ok());
    let status = status.ok_or_else(|| odd("a reply without a status"))?;
    let length = match header(head, b"content-length: ") {
        Some(length) => usize::try_from(length).map_err(|_| odd("a negative length"))?,
        None if matches!(status, 204 | 304) => 0,
        None => return Err(odd("a reply without a length")),
    };
    let body = end + 4;
    let Some(bytes) = input.get(body..body + length) else { return Ok(None) };
    Ok(Some((Reply { status, body: bytes }, body + length)))
}

fn header(head: &[u8], name: &[u8]) -> Option<i64> {
    let at = memmem::find(head, name).or_else(|| {
        // Servers that write header names in capitals.
        memmem::find(&head.to_ascii_lowercase(), name)
    })?;
    digits(&head[at + name.len()..])
}

/// Whether a body holds these words.
pub(crate) fn holds(body: &[u8], words: &str) -> bool {
    memmem::find(body, words.as_bytes()).is_some()
}

/// The integer that follows `field`, for example `"version":`, in a JSON body.
pub(crate) fn number(body: &[u8], field: &str) -> Option<i64> {
    let at = memmem::find(body, field.as_bytes())?;
    digits(&body[at + field.len()..])
}

/// The string that follows `field`, for example `"token":`, in a JSON body.
pub(crate) fn text(body: &[u8], field: &str) -> Option<String> {
    let at = memmem::find(body, field.as_bytes())?;
    let rest = body[at + field.len()..].strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', rest)?;
    String::from_utf8(rest[..end].to_vec()).ok()
}

fn digits(bytes: &[u8]) -> Option<i64> {
    let mut value: Option<i64> = None;
    for digit in bytes.iter().take_while(|byte| byte.is_ascii_digit()) {
        value = value.unwrap_or(0).checked_mul(10)?.checked_add(i64::from(digit - b'0'));
    }
    value
}

pub(crate) fn odd(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Appends a POST with a JSON body.
pub(crate) fn post(out: &mut Vec<u8>, path: &str, token: Option<&str>, extra: &str, body: &str) {
    let length = body.len().to_string();
    let parts = ["POST ", path, " HTTP/1.1\r\nhost: gavel\r\ncontent-type: application/json\r\n"];
    parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    authorize(out, token);
    for part in [extra, "content-length: ", &length, "\r\n\r\n", body] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Appends a GET.
pub(crate) fn get(out: &mut Vec<u8>, path: &str, token: Option<&str>) {
    for part in ["GET ", path, " HTTP/1.1\r\nhost: gavel\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    authorize(out, token);
    out.extend_from_slice(b"\r\n");
}

fn authorize(out: &mut Vec<u8>, token: Option<&str>) {
    if let Some(token) = token {
        for part in ["authorization: Bearer ", token, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_cut_at_their_length() {
        let two = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 204 No\r\n\r\n";
        let (first, taken) = reply(two).unwrap().unwrap();
        assert_eq!((first.status, first.body), (201, &b"ab"[..]));
        let (second, rest) = reply(&two[taken..]).unwrap().unwrap();
        assert_eq!((second.status, taken + rest), (204, two.len()));
        assert!(reply(&two[..taken - 1]).unwrap().is_none());
    }

    #[test]
    fn fields_are_found_by_name() {
        let body = br#"{"expected_version":3,"version":12,"minimum_next":null,"token":"a.b"}"#;
        assert_eq!(number(body, "\"version\":"), Some(12));
        assert_eq!(number(body, "\"minimum_next\":"), None);
        assert_eq!(text(body, "\"token\":").as_deref(), Some("a.b"));
    }
}
