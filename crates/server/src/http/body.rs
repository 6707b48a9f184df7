//! Bodies: JSON, strictly. One meaning or none: no duplicate keys, nothing after the end, nothing
//! too deep. What the fields mean is the handlers' business.

use crate::http::error::{Code, Problem};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use gavel_auction::strict;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::borrow::Cow;

/// The largest body of a request.
pub const BODY: usize = 64 * 1024;

/// How deep arrays and objects may nest.
pub const DEPTH: usize = 16;

/// How many keys all objects of a body may have together.
pub const KEYS: usize = 1_000;

/// A JSON body as a struct with `#[serde(deny_unknown_fields)]`.
pub struct Strict<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Strict<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "Send the body as application/json, not compressed.";
            return Err(Problem::of(Code::UnsupportedMediaType, detail));
        }
        parse(&collect(request.into_body(), BODY).await?).map(Self)
    }
}

/// A JSON body whatever its type is said to be: many clients of dialects do not say.
pub struct Untyped<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Untyped<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        parse(&collect(request.into_body(), BODY).await?).map(Self)
    }
}

/// A JSON body or none at all, which reads as `T::default()`.
pub struct StrictOrEmpty<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for StrictOrEmpty<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let json = is_json(request.headers());
        let body = collect(request.into_body(), BODY).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        if !json {
            let detail = "Send the body as application/json, not compressed.";
            return Err(Problem::of(Code::UnsupportedMediaType, detail));
        }
        parse(&body).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let (kind, rest) = match only.as_bytes().iter().position(|byte| *byte == b';') {
        Some(at) => only.as_bytes().split_at(at),
        None => (only.as_bytes(), &b""[..]),
    };
    let rest = rest.strip_prefix(b";").unwrap_or(rest).trim_ascii();
    let utf8 = rest.is_empty()
        || rest.eq_ignore_ascii_case(b"charset=utf-8")
        || rest.eq_ignore_ascii_case(b"charset=\"utf-8\"");
    kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
        && utf8
        && !headers.contains_key(CONTENT_ENCODING)
}

/// A whole body of so many bytes at most.
///
/// # Errors
/// If it is larger, too slow, or cut short.
pub(crate) async fn collect(body: Body, most: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, most).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::of(Code::TooLarge, format!("This body has at most {most} bytes.")))
        }
        Err(error)
            if error.is::<TooSlow>() || causes(&*error).any(|cause| cause.is::<TooSlow>()) =>
        {
            Err(Problem::of(Code::TooSlow, "The body took too long to arrive."))
        }
        Err(_) => Err(Problem::malformed("body", "The body ended before it was whole.")),
    }
}

/// A body that did not arrive in time.
#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
pub struct TooSlow;

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |error| error.source())
}

/// Reads a body that has exactly one meaning.
///
/// # Errors
/// Malformed, with the field where that is known.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(Problem::malformed("body", "JSON begins without a byte order mark."));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Problem::malformed("body", "JSON is UTF-8, and this is not."))?;
    Scan::default().run(bytes)?;
    let malformed = |error: serde_json::Error| {
        let message = error.to_string();
        let detail = message.rsplit_once(" at line ").map_or(&*message, |(detail, _)| detail);
        let field = field_at(bytes, offset(bytes, &error));
        Problem::malformed(field.as_deref().unwrap_or("body"), detail.to_owned())
    };
    // Numbers of dialects count to the digit as they were written.
    let read = serde_json::from_str(text);
    if read.is_ok() && !bytes.contains(&b'[') {
        // Without an array none was taken for an object: most bodies are read once.
        return read.map_err(malformed);
    }
    let value: Value = serde_json::from_str(text).map_err(malformed)?;
    strict::read::<T>(&value).map_err(|fault| {
        let field = fault.field();
        Problem::malformed(field.as_deref().unwrap_or("body"), fault.what().to_owned())
    })?;
    read.map_err(malformed)
}

/// One pass over the bytes for what serde_json lets pass: keys said twice, depth, number of keys,
/// NUL in texts. Whether it is JSON at all is not judged here.
#[derive(Default)]
struct Scan<'a> {
    /// For each open array or object, how many keys stood before it.
    open: Vec<(u8, usize)>,
    keys: Vec<Cow<'a, [u8]>>,
    seen: usize,
}

impl<'a> Scan<'a> {
    fn run(&mut self, bytes: &'a [u8]) -> Result<(), Problem> {
        let mut at = 0;
        let mut expects_key = false;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    let end = end_of_string(bytes, at)?;
                    if expects_key {
                        self.key(&bytes[at + 1..end])?;
                        expects_key = false;
                    }
                    at = end;
                }
                b'{' | b'[' => {
                    if self.open.len() == DEPTH {
                        return Err(Problem::malformed("body", "At most 16 levels deep."));
                    }
                    self.open.push((*byte, self.keys.len()));
                    expects_key = *byte == b'{';
                }
                b'}' | b']' => {
                    expects_key = false;
                    if let Some((_, from)) = self.open.pop() {
                        self.all_different(from)?;
                        self.keys.truncate(from);
                    }
                }
                b',' => expects_key = self.open.last().is_some_and(|(kind, _)| *kind == b'{'),
                _ => {}
            }
            at += 1;
        }
        Ok(())
    }

    fn key(&mut self, raw: &'a [u8]) -> Result<(), Problem> {
        self.seen += 1;
        if self.seen > KEYS {
            return Err(Problem::malformed("body", "At most 1,000 keys."));
        }
        let key =
            if raw.contains(&b'\\') { Cow::Owned(unescaped(raw)) } else { Cow::Borrowed(raw) };
        self.keys.push(key);
        Ok(())
    }

    fn all_different(&mut self, from: usize) -> Result<(), Problem> {
        let keys = self.keys.get_mut(from..).unwrap_or_default();
        if keys.len() > 8 {
            keys.sort_unstable();
        }
        let near = keys.len() > 8;
        let twice = keys.iter().enumerate().find(|(index, key)| {
            let rest = keys.get(index + 1..).unwrap_or_default();
            if near { rest.first() == Some(key) } else { rest.contains(key) }
        });
        match twice {
            None => Ok(()),
            Some((_, key)) => {
                let key = String::from_utf8_lossy(key);
                Err(Problem::malformed(&key, "This key stands there more than once."))
            }
        }
    }
}

/// Where the string that begins at `start` ends.
fn end_of_string(bytes: &[u8], start: usize) -> Result<usize, Problem> {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return Ok(at),
            b'\\' if bytes.get(at + 1..).is_some_and(|rest| rest.starts_with(b"u0000")) => {
                return Err(Problem::malformed("body", "A text cannot have NUL in it."));
            }
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    Err(Problem::malformed("body", "A text does not end."))
}

/// What a key with escapes means; as it stands if it means nothing.
fn unescaped(raw: &[u8]) -> Vec<u8> {
    let quoted = [b"\"", raw, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).map_or_else(|_| raw.to_vec(), String::into_bytes)
}

fn offset(bytes: &[u8], error: &serde_json::Error) -> usize {
    let before = bytes.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    before.map(<[u8]>::len).sum::<usize>() + error.column()
}

/// The path of the keys that a place in a body stands under.
fn field_at(bytes: &[u8], place: usize) -> Option<String> {
    let mut path: Vec<Option<String>> = Vec::new();
    let (mut at, mut expects_key) = (0, false);
    let mut objects: Vec<bool> = Vec::new();
    while at < place.min(bytes.len()) {
        match bytes[at] {
            b'"' => {
                let end = end_of_string(bytes, at).ok()?;
                if expects_key {
                    let key = String::from_utf8(unescaped(&bytes[at + 1..end])).ok();
                    if let Some(last) = path.last_mut() {
                        *last = key;
                    }
                    expects_key = false;
                }
                at = end;
            }
            byte @ (b'{' | b'[') => {
                path.push(None);
                objects.push(byte == b'{');
                expects_key = byte == b'{';
            }
            b'}' | b']' => {
                if at + 1 < place {
                    path.pop();
                    objects.pop();
                }
                expects_key = false;
            }
            b',' if at + 1 < place => expects_key = objects.last() == Some(&true),
            _ => {}
        }
        at += 1;
    }
    let keys: Vec<String> = path.into_iter().flatten().collect();
    (!keys.is_empty()).then(|| keys.join("."))
}

#[cfg(test)]
mod tests;
