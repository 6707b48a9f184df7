//! Acts that two of the house's people must ask for, where `house.four_eyes` says so: the first one
//! is noted, the second one does it. Which acts these are stands with the permissions.

use crate::house::House;
use crate::http::actor::Caller;
use crate::http::body::{BODY, collect};
use crate::http::error::{Code, Problem};
use crate::permissions::takes_two;
use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use gavel_auction::event::Digest;
use gavel_auction::ids::UserId;
use gavel_auction::time::{SECOND, Time};
use gavel_proof::hash::sha256;
use http::{Request, StatusCode};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How long an act waits for a second one to ask for it.
const DAY: i64 = 24 * 3600 * SECOND;

/// Acts that may wait.
const WAITING: usize = 1_000;

/// Acts that one has asked for, and no other yet. Forgotten when the process ends.
#[derive(Default)]
pub struct FourEyes(Mutex<HashMap<Digest, (UserId, Time)>>);

impl FourEyes {
    /// Whether another one has asked for the same act before; else it is noted that this one has.
    fn seconds(&self, act: Digest, by: UserId, now: Time) -> Result<bool, Problem> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, (_, at)| now.since(*at) < DAY);
        match waiting.get(&act) {
            Some((first, _)) if *first != by => {
                waiting.remove(&act);
                Ok(true)
            }
            Some(_) => Ok(false),
            None if waiting.len() >= WAITING => {
                Err(Problem::of(Code::Overloaded, "Too many acts wait for a second one."))
            }
            None => {
                waiting.insert(act, (by, now));
                Ok(false)
            }
        }
    }
}

/// That an act waits for a second one: a mark on its reply.
#[derive(Clone, Copy)]
pub(crate) struct Waits;

/// A request that may go on, or the reply that it waits for a second one.
pub(super) async fn look(
    house: &House,
    caller: &Caller,
    route: &str,
    request: Request<Body>,
) -> Result<Request<Body>, Response> {
    let by = caller.0.as_ref().map(|by| by.user);
    let Some(by) = by.filter(|_| house.config.house.four_eyes) else { return Ok(request) };
    if !takes_two(request.method(), route) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let body = collect(body, BODY).await.map_err(Problem::into_response)?;
    let mut act = format!("{} {} ", parts.method, parts.uri).into_bytes();
    act.extend_from_slice(&body);
    match house.four_eyes.seconds(sha256(&act), by, house.now()) {
        Ok(true) => Ok(Request::from_parts(parts, Body::from(body))),
        Ok(false) => {
            let detail = "Another one who may do this must ask for exactly the same within a day.";
            let told = Json(json!({"status": "pending", "detail": detail}));
            let mut reply = (StatusCode::ACCEPTED, told).into_response();
            reply.extensions_mut().insert(Waits);
            Err(reply)
        }
        Err(problem) => Err(problem.into_response()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ask_for_the_same_within_a_day() {
        let eyes = FourEyes::default();
        let user = |id| UserId::new(id).unwrap();
        let (act, other) = (Digest([1; 32]), Digest([2; 32]));
        let asks = |act, by, at| eyes.seconds(act, user(by), Time(at)).unwrap();
        assert!(!asks(act, 1, 0));
        assert!(!asks(act, 1, 1), "the same one again");
        assert!(!asks(other, 2, 2), "something else");
        assert!(asks(act, 2, 3));
        assert!(!asks(act, 1, 4), "the next time it takes two again");
        assert!(!asks(act, 2, 4 + DAY), "the first one asked too long ago");
        assert!(asks(act, 1, 5 + DAY));
    }
}
