//! Pages of other origins that may ask the API from a browser: those of the configuration, and no
//! others. They bring tokens of their own; cookies are never taken from them.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-none-match, last-event-id, prefer",
);
const EXPOSED: HeaderValue = HeaderValue::from_static("etag, location, retry-after");
const TEN_MINUTES: HeaderValue = HeaderValue::from_static("600");

/// Whether a request comes from a page of another origin that may ask.
pub(super) struct Crossing {
    /// Whether any may.
    open: bool,
    from: Option<HeaderValue>,
    preflight: bool,
}

impl Crossing {
    pub(super) fn of<B>(allowed: &[String], request: &Request<B>) -> Self {
        if allowed.is_empty() {
            return Self { open: false, from: None, preflight: false };
        }
        let headers = request.headers();
        let known = |origin: &&HeaderValue| {
            allowed.iter().any(|known| origin.as_bytes() == known.as_bytes())
        };
        let from = headers.get(ORIGIN).filter(known).cloned();
        let asks = headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let preflight = from.is_some() && request.method() == Method::OPTIONS && asks;
        Self { open: true, from, preflight }
    }

    /// Whether the browser only asks whether it may ask.
    pub(super) fn is_preflight(&self) -> bool {
        self.preflight
    }

    /// Tells the browser.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        if self.open {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        if let Some(origin) = self.from {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
        if self.preflight {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, TEN_MINUTES);
        }
    }
}
