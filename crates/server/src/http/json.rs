//! Writing a reply in JSON: one buffer, and room for its headers from the beginning, so that the
//! reply to a bid is not copied while it grows. Knows no shape.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Serialize;

/// More than most replies have.
const BYTES: usize = 512;

/// More than most replies have, with those that every reply gets.
const HEADERS: usize = 12;

/// A reply with a body in JSON.
pub(crate) fn reply(status: StatusCode, kind: &'static str, body: &impl Serialize) -> Response {
    let mut bytes = Vec::with_capacity(BYTES);
    serde_json::to_writer(&mut bytes, body).expect("a reply is always JSON");
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
