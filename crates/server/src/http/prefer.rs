//! What a client would prefer (RFC 7240): an answer at once and the outcome later, a receipt in the
//! reply. A preference is no demand: what is not known here, or makes no sense, is passed over.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use std::convert::Infallible;

/// The header that says which preferences were followed.
pub const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The preferences of a request that this house knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    /// 202 at once; the outcome is asked for later.
    pub respond_async: bool,
    /// The signed receipt in the reply.
    pub receipt: bool,
}

impl Prefer {
    /// What these headers prefer.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut prefer = Self::default();
        let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        for preference in values.flat_map(|value| value.split(',')) {
            let name = preference.split(';').next().unwrap_or_default().trim();
            prefer.respond_async |= name.eq_ignore_ascii_case("respond-async");
            prefer.receipt |= name.eq_ignore_ascii_case("receipt");
        }
        prefer
    }

    /// The value that says these were followed; none if none was.
    #[must_use]
    pub fn applied(self) -> Option<HeaderValue> {
        let value = match (self.respond_async, self.receipt) {
            (false, false) => return None,
            (true, false) => "respond-async",
            (false, true) => "receipt",
            (true, true) => "respond-async, receipt",
        };
        Some(HeaderValue::from_static(value))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Prefer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str]) -> (bool, bool) {
        let named = values
            .iter()
            .map(|value| (HeaderName::from_static("prefer"), HeaderValue::from_static(value)));
        let Prefer { respond_async, receipt } = Prefer::of(&named.collect());
        (respond_async, receipt)
    }

    #[test]
    fn preferences_come_in_any_number_and_order() {
        assert_eq!(read(&[]), (false, false));
        assert_eq!(read(&["respond-async"]), (true, false));
        assert_eq!(read(&["Receipt"]), (false, true));
        assert_eq!(read(&["return=minimal, respond-async; x=\"y\" , wait=10"]), (true, false));
        assert_eq!(read(&["respond-async", "receipt"]), (true, true));
        assert_eq!(
            read(&["respond-asynchronously", "receipts", "receipt=1", ",;="]),
            (false, false)
        );
    }

    #[test]
    fn what_was_followed_is_said() {
        let said = |respond_async, receipt| Prefer { respond_async, receipt }.applied();
        assert_eq!(said(false, false), None);
        assert_eq!(said(true, true), Some(HeaderValue::from_static("respond-async, receipt")));
    }
}
