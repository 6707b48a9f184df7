//! Cursors: where a page ended, as an opaque text that only fits the question it was made for.

use super::events::limit;
use crate::http::error::Problem;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gavel_proof::hash::sha256;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which page of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// 1 to 100; 20 if left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

impl PageQuery {
    /// How many are wanted.
    ///
    /// # Errors
    /// `malformed`, if that is none or too many.
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        limit(self.limit, 20)
    }

    /// After which one.
    ///
    /// # Errors
    /// `malformed`, if the cursor is of another question.
    pub(crate) fn after(&self, question: &str) -> Result<Option<Cursor>, Problem> {
        self.cursor.as_deref().map(|cursor| Cursor::read(cursor, question)).transpose()
    }
}

/// The sort key and the id of the last one seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) key: i64,
    pub(crate) id: i64,
}

impl Cursor {
    /// The text of a cursor for this question.
    pub(crate) fn print(self, question: &str) -> String {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.key.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.id.to_be_bytes());
        bytes[16..].copy_from_slice(&mark(question));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor that was made for this question.
    ///
    /// # Errors
    /// `malformed`, if it was not.
    pub(crate) fn read(text: &str, question: &str) -> Result<Self, Problem> {
        let other = || Problem::malformed("cursor", "Take the next_cursor of the same question.");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| other())?;
        let bytes: [u8; 24] = bytes.try_into().map_err(|_| other())?;
        let word = |from: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[from..from + 8]);
            word
        };
        if word(16) != mark(question) {
            return Err(other());
        }
        Ok(Self { key: i64::from_be_bytes(word(0)), id: i64::from_be_bytes(word(8)) })
    }
}

/// Tells questions apart.
fn mark(question: &str) -> [u8; 8] {
    let mut mark = [0; 8];
    mark.copy_from_slice(&sha256(question.as_bytes()).0[..8]);
    mark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_for_the_same_question_only() {
        let cursor = Cursor { key: -5, id: 1 << 52 };
        let text = cursor.print("a");
        assert_eq!(Cursor::read(&text, "a").ok(), Some(cursor));
        assert!(Cursor::read(&text, "b").is_err());
        for other in ["", "A", "AAAA", &text[1..], &format!("{text}=")] {
            assert!(Cursor::read(other, "a").is_err(), "{other}");
        }
    }
}
