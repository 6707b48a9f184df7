//! Idempotency keys: how a client names a command, so that repeating it is harmless. Knows nothing
//! of what was answered before; that is the engine's.

use crate::chance;
use crate::http::error::Problem;
use axum::extract::FromRequestParts;
use gavel_auction::ids::{AuctionId, UserId};
use gavel_proof::command::{CommandId, command_id};
use http::request::Parts;
use std::fmt;

/// The key that came with a request, if any did.
#[derive(Clone, Debug, Default)]
pub struct IdempotencyKey(pub Option<String>);

/// The name of a command in every reply: `AUCTION-HEX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The auction.
    pub auction: AuctionId,
    /// The command.
    pub id: CommandId,
}

/// What is no key.
fn wrong() -> Problem {
    let detail = "1 to 255 visible ASCII characters, bare or as a quoted string, once";
    Problem::malformed("Idempotency-Key", detail)
}

impl IdempotencyKey {
    /// A key that came otherwise than in a header.
    ///
    /// # Errors
    /// `malformed`.
    pub(crate) fn of(text: &str) -> Result<Self, Problem> {
        read(text.as_bytes()).map(|key| Self(Some(key))).ok_or_else(wrong)
    }

    /// The key, if one was sent.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Names a command of this actor in this auction; by chance where no key was sent.
    #[must_use]
    pub fn operation(&self, actor: UserId, auction: AuctionId) -> Operation {
        let id = match &self.0 {
            Some(key) => command_id(Some(actor), auction, key),
            None => CommandId(chance::bytes()),
        };
        Operation { auction, id }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.auction, self.id)
    }
}

impl Operation {
    /// Reads the name of a command.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (auction, id) = text.split_once('-')?;
        let plain = auction.bytes().all(|byte| byte.is_ascii_digit()) && !auction.starts_with('0');
        let auction = auction.parse().ok().filter(|_| plain).and_then(AuctionId::new)?;
        Some(Self { auction, id: id.parse().ok()? })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all("idempotency-key").iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(value), None) => {
                read(value.as_bytes()).map(|key| Self(Some(key))).ok_or_else(wrong)
            }
            (Some(_), Some(_)) => Err(wrong()),
        }
    }
}

/// Reads a key, bare or as a quoted structured-field string; both forms name the same key.
fn read(value: &[u8]) -> Option<String> {
    let mut key = Vec::with_capacity(value.len());
    match value {
        [b'"', inner @ .., b'"'] => {
            let mut bytes = inner.iter();
            while let Some(byte) = bytes.next() {
                match byte {
                    b'"' => return None,
                    b'\\' => key.push(*bytes.next().filter(|next| matches!(next, b'"' | b'\\'))?),
                    other => key.push(*other),
                }
            }
        }
        [b'"', ..] => return None,
        bare => key.extend_from_slice(bare),
    }
    let visible = key.iter().all(u8::is_ascii_graphic);
    let fits = (1..=255).contains(&key.len());
    String::from_utf8(key).ok().filter(|_| visible && fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_ascii_bare_or_quoted() {
        assert_eq!(read(b"abc").as_deref(), Some("abc"));
        assert_eq!(read(b"\"abc\"").as_deref(), Some("abc"));
        assert_eq!(read(br#""a\"b\\""#).as_deref(), Some(r#"a"b\"#));
        for wrong in [&b""[..], b"\"\"", b"a b", b"\"a b\"", "ä".as_bytes(), b"a\tb", b"\"a\"b\""]
        {
            assert_eq!(read(wrong), None);
        }
        assert!(read(&[b'x'; 255]).is_some());
        assert!(read(&[b'x'; 256]).is_none());
    }

    #[test]
    fn operations_read_back() {
        let key = IdempotencyKey(Some("k".to_owned()));
        let auction = AuctionId::new(5).unwrap();
        let operation = key.operation(UserId::new(7).unwrap(), auction);
        assert_eq!(Operation::parse(&operation.to_string()), Some(operation));
        for wrong in ["", "5", "5-", "-00", "05-00000000000000000000000000000000"] {
            assert_eq!(Operation::parse(wrong), None);
        }
    }
}
