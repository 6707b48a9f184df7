//! Which requests are worth a line of the audit trail, and the line itself. Knows no file.

use super::Entry;
use crate::house::House;
use crate::http::actor::Caller;
use crate::http::caught;
use crate::http::error::{Code, Problem};
use crate::http::four_eyes::Waits;
use crate::permissions::Verb;
use crate::tasks;
use axum::body::to_bytes;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use gavel_auction::ids::{AuctionId, UserId};
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::Value;
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

/// Bytes of an answer that is read again, at most.
const LONGEST: usize = 64 * 1024;

/// Of whom a request without a token turns out to be: whoever tries to sign in.
#[derive(Clone, Debug, Default)]
pub struct Whom(Arc<OnceLock<i64>>);

impl Whom {
    /// It is him.
    pub fn is(&self, user: i64) {
        // The first who was recognised stays.
        let _first = self.0.set(user);
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Whom {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

/// A request that is worth a line.
pub(crate) struct Watched {
    by: Option<i64>,
    whom: Whom,
    verb: Verb,
    act: String,
}

impl Watched {
    /// What is to be watched of a request, if anything.
    pub(crate) fn of(verb: Verb, caller: Option<&Caller>, parts: &mut Parts) -> Option<Self> {
        let signed_in = caller.and_then(|caller| caller.0.as_ref());
        let reads = parts.method == Method::GET || parts.method == Method::HEAD;
        let watched = match verb {
            Verb::ManagePeople | Verb::GiveRoles | Verb::Undo | Verb::RunAuctions => true,
            Verb::SignIn | Verb::OwnAccount => !reads,
            // What the house's people do to auctions of others.
            Verb::Sell | Verb::Bid => signed_in.is_some_and(|by| by.roles.is_staff()),
            Verb::SeeAudit
            | Verb::SeeHouse
            | Verb::Register
            | Verb::SeeAuctions
            | Verb::SeePeople
            | Verb::SeeOwnBids
            | Verb::Attend
            | Verb::SeeEverything => false,
        };
        if !watched {
            return None;
        }
        let whom = Whom::default();
        parts.extensions.insert(whom.clone());
        // Only the path: what is searched for may be somebody's name.
        let act = format!("{} {}", parts.method, parts.uri.path());
        Some(Self { by: signed_in.map(|by| by.user.get()), whom, verb, act })
    }

    /// A bid of one of the house's people that comes beside the gate.
    pub(crate) fn bid(by: UserId, auction: AuctionId) -> Self {
        let act = format!("POST /v1/auctions/{auction}/bids");
        Self { by: Some(by.get()), whom: Whom::default(), verb: Verb::Bid, act }
    }

    /// Answers the request and writes the line: to the end, also where whoever asked has hung up
    /// meanwhile.
    pub(crate) async fn over(
        self,
        house: &House,
        answering: impl Future<Output = Response> + Send + 'static,
    ) -> Response {
        let house = house.clone();
        let whole = async move {
            let response = caught(answering).await;
            self.end(&house, response).await
        };
        let told = tasks::spawn("an act is brought to its end with its line", whole).await;
        told.unwrap_or_else(|_| {
            Problem::of(Code::Internal, "Something broke here; it was logged.").into_response()
        })
    }

    /// Writes the line, now that it is known what came of it: the answer, which does not leave
    /// without its line.
    async fn end(self, house: &House, response: Response) -> Response {
        let Self { by, whom, verb, act } = self;
        let by = by.or_else(|| whom.0.get().copied());
        let (at, verb, status) = (house.now(), verb.word(), response.status());
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let outcome = format!("refused: {}", status.as_u16());
            house.audit.refused(Entry { at, by, verb, act, outcome });
            return response;
        }
        let Some(outcome) = came_of(&response) else { return response };
        if house.audit.done(Entry { at, by, verb, act, outcome: outcome.to_owned() }).await {
            return response;
        }
        let detail = format!("The audit trail cannot be written. What was asked is: {outcome}.");
        let problem = Problem::of(Code::OutcomeUnknown, detail);
        match operation_in(response).await {
            Some(operation) => problem.with("operation", operation).into_response(),
            None => problem.into_response(),
        }
    }
}

/// How what an answer is about can be asked for.
async fn operation_in(response: Response) -> Option<Value> {
    let body = to_bytes(response.into_body(), LONGEST).await.ok()?;
    let mut answer: Value = serde_json::from_slice(&body).ok()?;
    answer.get_mut("operation").map(Value::take)
}

/// What a line says came of an act; none if nothing did.
fn came_of(response: &Response) -> Option<&'static str> {
    let (status, extensions) = (response.status(), response.extensions());
    let code = extensions.get::<Problem>().map(Problem::code);
    match code {
        _ if extensions.get::<Waits>().is_some() => Some("asked for: another one must, too"),
        _ if status == StatusCode::ACCEPTED => Some("asked for"),
        _ if status.is_success() => Some("done"),
        Some("outcome_unknown" | "internal") => Some("unknown"),
        _ => None, // not ours: a word
    }
}
