//! Sessions of the web app: the token in a cookie that no script can read and that only pages of
//! this house may make use of. Knows no session.

use crate::house::House;
use http::header::{COOKIE, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Uri};

/// `__Host-`: only by TLS (or on this machine), only to this host, only set by this host.
const NAME: &str = "__Host-gavel";

/// What makes a browser forget it.
pub(crate) const FORGET: HeaderValue =
    HeaderValue::from_static("__Host-gavel=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");

/// What makes a browser keep a token for so many seconds.
pub(crate) fn keep(token: &str, seconds: i64) -> HeaderValue {
    let text = format!(
        "{NAME}={token}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={}",
        seconds.max(0)
    );
    text.try_into().expect("tokens are letters and digits")
}

/// What a browser calls itself from one sign-in to the next, whoever signs in.
const DEVICE: &str = "__Host-gavel-device";

/// Seconds for which it does.
const DEVICE_KEPT: u32 = 90 * 24 * 3600;

/// What makes a browser call itself so.
pub(crate) fn name_device(name: &str) -> HeaderValue {
    let text = format!(
        "{DEVICE}={name}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={DEVICE_KEPT}"
    );
    text.try_into().expect("names are letters and digits")
}

/// What a browser calls itself, if the house could have told it so.
pub(crate) fn device(headers: &HeaderMap) -> Option<&str> {
    let own = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    value_of(headers, DEVICE).filter(|name| name.len() == 43 && name.bytes().all(own))
}

/// The token in a request's cookies, if there is exactly one.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    value_of(headers, NAME)
}

fn value_of<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(|line| line.split(';')).filter_map(|one| one.split_once('='));
    let mut own = cookies.filter(|(name, _)| name.trim() == wanted).map(|(_, value)| value.trim());
    own.next().filter(|_| own.next().is_none())
}

/// Whether a page of this house asks: browsers say in `Origin` which page it is, and nobody can
/// make them say another.
pub(crate) fn is_own_page(house: &House, headers: &HeaderMap, uri: &Uri) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(Ok(origin)), None) = (origins.next().map(HeaderValue::to_str), origins.next()) else {
        return false;
    };
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    if let Some((known, rest)) = house.config.house.url.split_once("://") {
        let known_authority = rest.split('/').next().unwrap_or(rest);
        if scheme == known && authority.eq_ignore_ascii_case(known_authority) {
            return true;
        }
    }
    let named = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = uri.authority().map(http::uri::Authority::as_str).or(named);
    // A proxy before the house may speak TLS for it.
    let schemes = scheme == "https" || (scheme == "http" && house.config.tls.key.is_empty());
    schemes && host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
}
