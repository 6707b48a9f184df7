//! Acts that two of the house's people must ask for, where `house.four_eyes` says so: the first one
//! is noted, the second one does it. Which acts these are stands with the permissions.

use crate::house::House;
use crate::http::actor::{Caller, SignedIn};
use crate::http::body::collect;
use crate::http::error::{Code, Problem};
use crate::http::v1::users::id_of;
use crate::permissions::{Object, takes_two, verb_of};
use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse, Response};
use gavel_auction::event::Digest;
use gavel_auction::ids::UserId;
use gavel_auction::time::{SECOND, Time};
use gavel_engine::people::People;
use gavel_engine::waiting::{Asked, Second};
use gavel_proof::hash::sha256;
use http::request::Parts;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Seconds for which an act waits for a second one to ask for it.
const DAY: i64 = 24 * 3600;

/// Acts of one that may wait.
const WAITING: usize = 100;

/// The largest body that waits: room for the longest note.
const BODY: usize = 16 * 1024;

/// That an act waits for a second one: a mark on its reply.
#[derive(Clone, Copy)]
pub(crate) struct Waits;

/// Until when an act waits that was asked for then.
pub(crate) const fn until(at: Time) -> Time {
    at.plus_seconds(DAY)
}

/// What was asked for then, or before, waits no more.
pub(crate) const fn since(now: Time) -> Time {
    Time(now.0 - DAY * SECOND)
}

/// A request that may go on, or the reply that it waits for a second one.
pub(super) async fn look(
    house: &House,
    caller: &Caller,
    route: &str,
    request: Request<Body>,
) -> Result<Request<Body>, Response> {
    let by = caller.0.as_ref().filter(|_| house.config.house.four_eyes);
    let by = by.filter(|_| takes_two(request.method(), route));
    let Some(by) = by else { return Ok(request) };
    let (mut parts, body) = request.into_parts();
    judge(house, by, route, &mut parts).await.map_err(Problem::into_response)?;
    let body = collect(body, BODY).await.map_err(Problem::into_response)?;
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let asked = asked(by.user, house.now(), parts.method.as_str(), path, &body);
    let since = since(asked.at);
    let noted = house.blocking(move |people| people.ask(&asked, since, WAITING)).await;
    match noted.map_err(Problem::into_response)? {
        Second::Both => Ok(Request::from_parts(parts, Body::from(body))),
        Second::Waits => {
            let detail = "Another one who may do this must ask for the same within a day.";
            let told = Json(json!({"status": "pending", "detail": detail}));
            let mut reply = (StatusCode::ACCEPTED, told).into_response();
            reply.extensions_mut().insert(Waits);
            Err(reply)
        }
        Second::Full => {
            let full = "Too much of what you asked for waits for a second one: withdraw some.";
            let full = Problem::of(Code::Overloaded, full);
            Err(full.into_response())
        }
    }
}

/// Nobody waits for what would be refused to him alone, and nothing is done with nobody.
async fn judge(
    house: &House,
    by: &SignedIn,
    route: &str,
    parts: &mut Parts,
) -> Result<(), Problem> {
    let names = Path::<BTreeMap<String, String>>::from_request_parts(parts, house).await;
    let Path(names) = names.map_err(|_| Problem::not_found())?;
    let Some(whom) = names.get("id").map(|id| id_of(id)).transpose()? else { return Ok(()) };
    let verb = verb_of(&parts.method, route).ok_or_else(Problem::not_found)?;
    by.may(verb, Object::User(whom))?;
    let known = move |people: &dyn People| {
        Ok(people.user(whom)?.is_some() || people.tombstone(whom)?.is_some())
    };
    if house.blocking(known).await? { Ok(()) } else { Err(Problem::not_found()) }
}

/// An act as it is noted. It is the same act in whatever order a body names its fields.
fn asked(by: UserId, at: Time, method: &str, path: String, body: &[u8]) -> Asked {
    let body = match serde_json::from_slice::<Value>(body) {
        Ok(json) => json.to_string().into_bytes(),
        Err(_) => body.to_vec(),
    };
    let mut named = format!("{method} {path} ").into_bytes();
    named.extend_from_slice(&body);
    let Digest(act) = sha256(&named);
    Asked { act: Digest(act), by, at, method: method.to_owned(), path, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_act_is_the_same_method_path_and_body() {
        let by = UserId::new(1).expect("a number");
        let act =
            |method, path: &str, body: &[u8]| asked(by, Time(1), method, path.to_owned(), body).act;
        let one = act("POST", "/a", br#"{"reason":"fraud","note":1}"#);
        assert_eq!(one, act("POST", "/a", br#" {"note": 1, "reason": "fraud"}"#));
        assert_ne!(one, act("POST", "/b", br#"{"reason":"fraud","note":1}"#));
        assert_ne!(one, act("PUT", "/a", br#"{"reason":"fraud","note":1}"#));
        assert_ne!(one, act("POST", "/a", br#"{"reason":"fraud","note":2}"#));
        assert_ne!(act("DELETE", "/a", b""), act("DELETE", "/a", b"x"));
    }
}
