//! What every reply about an auction has in common: where the auction stands, an entity tag, and
//! 304 for whoever has that reply already. Knows no shape, and cuts nothing.

use crate::house::House;
use crate::http::error::Problem;
use crate::http::time::Stamp;
use crate::http::{VARIES, json};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use gavel_auction::ids::Version;
use gavel_auction::view::Head;
use gavel_proof::hash::sha256;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use utoipa::{IntoParams, ToSchema};

/// Nobody else may keep what was cut for this caller, and he asks each time.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The time and what stands behind it, at the end of each of these bodies.
pub(super) const TAIL: usize = "1970-01-01T00:00:00.000000Z\"}".len();

/// How to read something of an auction.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadQuery {
    /// Waits up to two seconds for this version.
    #[param(value_type = Option<u64>)]
    pub(crate) at_least: Option<Version>,
}

/// Where the auction stood when the reply was made. The last member of each body, and the time the
/// last of it: all before it changes only with what it shows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct At {
    /// The version of the auction that this shows.
    #[schema(value_type = u64)]
    pub(crate) version: Version,
    /// The end in force, or the moment it ended.
    effective_end: Option<Stamp>,
    server_time: Stamp,
}

impl At {
    pub(crate) fn of(house: &House, head: &Head) -> Self {
        let end = head.effective_end().or(head.terms.schedule.ends_at);
        Self {
            version: head.version,
            effective_end: end.map(Stamp),
            server_time: Stamp(house.engine.now()),
        }
    }
}

/// The replies that the caller has already.
pub(crate) struct Unless(HeaderMap);

impl<S: Send + Sync> FromRequestParts<S> for Unless {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let mut tags = HeaderMap::new();
        for tag in parts.headers.get_all(IF_NONE_MATCH) {
            tags.append(IF_NONE_MATCH, tag.clone());
        }
        Ok(Self(tags))
    }
}

impl Unless {
    /// Whether he has this one.
    pub(super) fn has(&self, tag: &HeaderValue) -> bool {
        self.0.get_all(IF_NONE_MATCH).iter().any(|list| names(list.as_bytes(), tag.as_bytes()))
    }

    /// A body that ends with [`At`].
    ///
    /// # Errors
    /// If it is no JSON.
    pub(crate) fn reply(&self, at: Version, body: &impl Serialize) -> Result<Response, Problem> {
        let text = serde_json::to_vec(body).map_err(|_| super::events::broken())?;
        let shown = text.len().saturating_sub(TAIL);
        Ok(self.send(tag(at, text.get(..shown).unwrap_or_default()), || Bytes::from(text)))
    }

    /// The body, or 304.
    pub(super) fn send(&self, tag: HeaderValue, body: impl FnOnce() -> Bytes) -> Response {
        let known = self.has(&tag);
        let about = [(ETAG, tag), (CACHE_CONTROL, PRIVATE), (VARY, VARIES)];
        match known {
            true => (StatusCode::NOT_MODIFIED, about).into_response(),
            false => (about, [(CONTENT_TYPE, JSON)], body()).into_response(),
        }
    }
}

/// The tag of what an audience sees but the time: the version, and a digest of it.
pub(super) fn tag(at: Version, shown: &[u8]) -> HeaderValue {
    let digest = sha256(shown).to_string();
    let tag = format!("W/\"{at}-{}\"", digest.get(..16).unwrap_or_default());
    HeaderValue::try_from(tag).expect("digits are a header value")
}

/// The reply to a command: it depends on the event that it made, and on nothing else.
pub(super) fn done(status: StatusCode, at: Version, body: &impl Serialize) -> Response {
    let mut response = json::reply(status, "application/json", body);
    let tag = HeaderValue::try_from(format!("W/\"{at}\"")).expect("digits are a header value");
    response.headers_mut().insert(ETAG, tag);
    response
}

/// Whether a list of entity tags names this one; weakly, as reads do.
fn names(list: &[u8], tag: &[u8]) -> bool {
    fn bare(tag: &[u8]) -> &[u8] {
        tag.strip_prefix(b"W/").unwrap_or(tag)
    }
    let wanted = bare(tag);
    list.split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .any(|one| one == b"*" || bare(one) == wanted)
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn tags_are_compared_weakly() {
        assert!(names(b"W/\"3-a\"", b"W/\"3-a\""));
        assert!(names(b"\"x\", \"3-a\"", b"W/\"3-a\""));
        assert!(names(b"*", b"W/\"3-a\""));
        assert!(!names(b"\"3-b\"", b"W/\"3-a\""));
        assert!(!names(b"", b"W/\"3-a\""));
    }
}
