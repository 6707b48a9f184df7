//! Which requests are worth a line of the audit trail, and the line itself. Knows no file.

use super::Entry;
use crate::house::House;
use crate::http::actor::Caller;
use crate::http::caught;
use crate::http::error::{Code, Problem};
use crate::http::four_eyes::Waits;
use crate::permissions::Verb;
use crate::tasks;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Method, StatusCode};
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

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
            let waits = response.extensions().get::<Waits>().is_some();
            self.end(&house, response.status(), waits).await;
            response
        };
        let told = tasks::spawn("an act is brought to its end with its line", whole).await;
        told.unwrap_or_else(|_| {
            Problem::of(Code::Internal, "Something broke here; it was logged.").into_response()
        })
    }

    /// Writes the line, now that it is known what came of it.
    async fn end(self, house: &House, status: StatusCode, waits: bool) {
        let Self { by, whom, verb, act } = self;
        let by = by.or_else(|| whom.0.get().copied());
        let refused = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if !status.is_success() && !refused {
            return;
        }
        let outcome = match (refused, waits) {
            (true, _) => format!("refused: {}", status.as_u16()),
            (false, true) => "asked for: another one must, too".to_owned(),
            (false, false) => "done".to_owned(),
        };
        let entry = Entry { at: house.now(), by, verb: verb.word(), act, outcome };
        if refused {
            house.audit.refused(entry);
        } else {
            house.audit.done(entry).await;
        }
    }
}
