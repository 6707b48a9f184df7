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
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|rejection| {
                let text = rejection.body_text();
                let detail = text.rsplit_once("query string: ").map_or(&*text, |(_, rest)| rest);
                Problem::malformed(quoted(detail).unwrap_or("query"), detail.to_owned())
            })
    }
}

/// The word in back quotes, where serde names a field.
pub(super) fn quoted(text: &str) -> Option<&str> {
    let named = ["unknown field `", "missing field `", "duplicate field `"];
    let start = named.iter().find_map(|name| text.find(name).map(|at| at + name.len()));
    let rest = start.and_then(|start| text.get(start..));
    rest.and_then(|rest| rest.split_once('`')).map(|(field, _)| field).or_else(|| {
        text.split_once(": ").map(|(field, _)| field).filter(|field| !field.contains(' '))
    })
}
