//! Query strings, strictly: what is not known, or is said twice, is malformed.

use crate::http::error::Problem;
use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

/// The query as a struct with `#[serde(deny_unknown_fields)]`.
pub struct Query<T>(pub T);

/// A route without parameters: any is malformed.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if !parts.uri.query().is_none_or(is_text) {
            return Err(Problem::malformed("query", "A query is UTF-8, and this is not."));
        }
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|rejection| {
                let text = rejection.body_text();
                let detail = text.rsplit_once("query string: ").map_or(&*text, |(_, rest)| rest);
                Problem::malformed(quoted(detail).unwrap_or("query"), detail.to_owned())
            })
    }
}

/// Whether what is escaped is UTF-8, too: the readers of fields would put something else there.
fn is_text(query: &str) -> bool {
    let mut bytes = Vec::with_capacity(query.len());
    let mut rest = query.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).expect("two digits are a byte"));
                rest = &after[2..];
            }
            (other, ..) => {
                bytes.push(*other);
                rest = after;
            }
        }
    }
    std::str::from_utf8(&bytes).is_ok()
}

/// The word in back quotes, where serde names a field.
fn quoted(text: &str) -> Option<&str> {
    let named = ["unknown field `", "missing field `", "duplicate field `"];
    let start = named.iter().find_map(|name| text.find(name).map(|at| at + name.len()));
    let rest = start.and_then(|start| text.get(start..));
    rest.and_then(|rest| rest.split_once('`')).map(|(field, _)| field).or_else(|| {
        text.split_once(": ").map(|(field, _)| field).filter(|field| !field.contains(' '))
    })
}
