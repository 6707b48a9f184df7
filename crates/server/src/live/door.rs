//! The door of Engine.IO: `/socket.io/`. Who asks for what is sorted out here: a handshake, news, a
//! delivery, a WebSocket. Pages of other origins do not get in unless they are named. Knows no
//! event.

use super::session::{Carrier, Session};
use super::tongue::Tongue;
use super::{polling, websocket};
use crate::chance;
use crate::house::House;
use crate::http::Peer;
use crate::http::cookie::is_own_page;
use crate::http::dialects;
use crate::http::error::{Code, Problem};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CONTENT_TYPE, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use serde_json::json;
use std::borrow::Cow;
use std::sync::Arc;

/// Bytes of a query value at most.
const VALUE: usize = 4_096;

/// Whether a request is for the live room.
pub(crate) fn is_live(uri: &Uri) -> bool {
    matches!(uri.path(), "/socket.io/" | "/socket.io")
}

/// What a client asks for.
#[derive(Default)]
pub(super) struct Asked<'a> {
    version: Option<Cow<'a, str>>,
    transport: Option<Cow<'a, str>>,
    sid: Option<Cow<'a, str>>,
    token: Option<Cow<'a, str>>,
}

/// Why a request makes no sense, by the numbers of Engine.IO.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wrong {
    Transport = 0,
    Session = 1,
    Method = 2,
    Request = 3,
    Version = 5,
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let message = match self {
            Self::Transport => "Transport unknown",
            Self::Session => "Session ID unknown",
            Self::Method => "Bad handshake method",
            Self::Request => "Bad request",
            Self::Version => "Unsupported protocol version",
        };
        let body = json!({ "code": self as u8, "message": message }).to_string();
        (StatusCode::BAD_REQUEST, [(CONTENT_TYPE, "application/json")], body).into_response()
    }
}

impl<'a> Asked<'a> {
    fn of(query: &'a str) -> Self {
        let mut asked = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let place = match name {
                "EIO" => &mut asked.version,
                "transport" => &mut asked.transport,
                "sid" => &mut asked.sid,
                "token" => &mut asked.token,
                _ => continue, // not ours: a name that a client chose
            };
            *place = (value.len() <= VALUE).then(|| decoded(value));
        }
        asked
    }
}

/// A value without its percent signs.
fn decoded(value: &str) -> Cow<'_, str> {
    if !value.contains(['%', '+']) {
        return Cow::Borrowed(value);
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| hex::decode(two).ok());
        match (first, hex.as_deref()) {
            (b'%', Some([byte])) => {
                bytes.push(*byte);
                rest = after.get(2..).unwrap_or_default();
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
        rest = after;
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// Answers a request for the live room.
pub(crate) async fn answer(house: &House, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    if !may_come(house, &parts.headers, &parts.uri) {
        return Problem::forbidden("Pages of this origin may not come in (`server.origins`).")
            .into_response();
    }
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let asked = Asked::of(&query);
    if asked.version.as_deref() != Some("4") {
        return Wrong::Version.into_response();
    }
    let by_socket = match asked.transport.as_deref() {
        Some("polling") => false,
        Some("websocket") => true,
        Some(_) | None => return Wrong::Transport.into_response(),
    };
    match (asked.sid.as_deref(), by_socket) {
        (None, _) if parts.method != Method::GET => Wrong::Method.into_response(),
        (None, false) => match begin(house, &parts, &asked, Carrier::Polling) {
            Ok(session) => polling::open(&session),
            Err(problem) => problem.into_response(),
        },
        (None, true) => {
            let Some(key) = websocket::Key::of(&parts) else {
                return Wrong::Request.into_response();
            };
            match begin(house, &parts, &asked, Carrier::WebSocket) {
                Ok(session) => websocket::open(house.clone(), session, parts, &key),
                Err(problem) => problem.into_response(),
            }
        }
        (Some(sid), by_socket) => match (house.live.session(sid), &parts.method) {
            (None, _) => Wrong::Session.into_response(),
            (Some(session), _) if by_socket => websocket::take_over(house.clone(), session, parts),
            (Some(session), &Method::GET) => polling::news(house, &session).await,
            (Some(session), &Method::POST) => polling::delivery(house, &session, body).await,
            (Some(_), _) => Wrong::Method.into_response(),
        },
    }
}

/// Browsers say which page asks, and nobody can make them say another.
fn may_come(house: &House, headers: &HeaderMap, uri: &Uri) -> bool {
    let named = headers.get(ORIGIN);
    let known = |origin: &str| house.config.server.origins.iter().any(|known| known == origin);
    named.is_none_or(|origin| origin.to_str().is_ok_and(known)) || is_own_page(house, headers, uri)
}

/// A new session.
fn begin(
    house: &House,
    parts: &Parts,
    asked: &Asked<'_>,
    carrier: Carrier,
) -> Result<Arc<Session>, Problem> {
    if *house.stopping.borrow() {
        return Err(Problem::of(Code::Overloaded, "The house is closing."));
    }
    let Peer(peer) = Peer::of(parts);
    let live = &house.live;
    let place = live.begun.take(peer).ok_or_else(|| Problem::rate_limited(5))?;
    let name = (URL_SAFE_NO_PAD.encode(chance::bytes::<15>()), live.number());
    let flash = parts.extensions.get() == Some(&Tongue::Flash);
    // The clients of the dialect show their tokens in the query.
    let in_query = house.config.live.query_tokens || dialects::speaks(&house.config, "flash");
    let shown = asked.token.as_deref().filter(|_| in_query).map(str::to_owned);
    let session = Session::new(name, carrier, peer, shown, place, house.now());
    session.hears(if flash { Tongue::Flash } else { Tongue::Native });
    let session = Arc::new(session);
    live.add(&session);
    Ok(session)
}

/// The first packet: what a client has to know of the session.
pub(super) fn greeting(session: &Session) -> String {
    use super::session::{PING_EVERY, PONG_WITHIN};
    let upgrades: &[&str] = match session.carrier() {
        Carrier::Polling => &["websocket"],
        Carrier::Changing | Carrier::WebSocket => &[],
    };
    let about = json!({
        "sid": session.sid,
        "upgrades": upgrades,
        "pingInterval": PING_EVERY / 1_000,
        "pingTimeout": PONG_WITHIN / 1_000,
        "maxPayload": super::frame::LARGEST,
    });
    format!("0{about}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_with_whatever_else_is_in_them() {
        let asked = Asked::of("EIO=4&transport=polling&t=x&token=a%2Bb+c%zz&sid=");
        assert_eq!(asked.version.as_deref(), Some("4"));
        assert_eq!(asked.token.as_deref(), Some("a+b c%zz"));
        assert_eq!(asked.sid.as_deref(), Some(""));
        assert!(Asked::of("").version.is_none());
        let long = format!("EIO={}", "4".repeat(VALUE + 1));
        assert!(Asked::of(&long).version.is_none());
    }
}
