//! The gate before every route of the API: who asks, for which verb, and whether he may. A route
//! that is not in the table of permissions is closed. What is worth a line of the audit trail gets
//! it here. Decides nothing itself.

use crate::audit::kept::Watched;
use crate::house::House;
use crate::http::actor::{Caller, SignedIn};
use crate::http::error::{Code, Problem};
use crate::http::four_eyes;
use crate::permissions::{Actor, No, Object, Verb, may, verb_of};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Lets a request through to its route, or answers it.
pub(super) async fn pass(State(house): State<House>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let matched = parts.extensions.get::<MatchedPath>().cloned();
    let route = matched.as_ref().map(MatchedPath::as_str).unwrap_or_default();
    let Some(verb) = verb_of(&parts.method, route) else {
        let detail = format!("This route does not know {}.", parts.method);
        return Problem::of(Code::MethodNotAllowed, detail).into_response();
    };
    let caller = Caller::from_request_parts(&mut parts, &house).await;
    let watched = Watched::of(verb, caller.as_ref().ok(), &mut parts);
    let admitted = caller.and_then(|caller| {
        house.may(&caller, verb, Object::Anything)?;
        // Whoever was recognised here need not be recognised again.
        parts.extensions.insert(caller.clone());
        Ok((caller, Request::from_parts(parts, body)))
    });
    match watched {
        None => onward(&house, route, admitted, next).await,
        Some(watched) => {
            let (behind, route) = (house.clone(), route.to_owned());
            let answering = async move { onward(&behind, &route, admitted, next).await };
            watched.over(&house, answering).await
        }
    }
}

/// To its route with whoever may go on.
async fn onward(
    house: &House,
    route: &str,
    admitted: Result<(Caller, Request), Problem>,
    next: Next,
) -> Response {
    match admitted {
        Ok((caller, request)) => match four_eyes::look(house, &caller, route, request).await {
            Ok(request) => next.run(request).await,
            Err(waits) => waits,
        },
        Err(problem) => problem.into_response(),
    }
}

impl House {
    /// Whether a caller may do that with this.
    ///
    /// # Errors
    /// Why not, as a problem.
    pub fn may(&self, caller: &Caller, verb: Verb, object: Object) -> Result<(), Problem> {
        match &caller.0 {
            Some(by) => by.may(verb, object),
            None => refusal(may(Actor::Public(self.public_verbs()), verb, object)),
        }
    }

    /// What callers without a token may do, besides signing in.
    #[must_use]
    pub fn public_verbs(&self) -> &[Verb] {
        &self.public
    }
}

impl SignedIn {
    /// Whether he may do that with this.
    ///
    /// # Errors
    /// Why not, as a problem.
    pub fn may(&self, verb: Verb, object: Object) -> Result<(), Problem> {
        let (user, roles, banned) = (self.user, self.roles, self.banned);
        refusal(may(Actor::Person { user, roles, banned }, verb, object))
    }
}

fn refusal(judged: Result<(), No>) -> Result<(), Problem> {
    judged.map_err(|no| match no {
        No::SignInFirst => Problem::unauthenticated("Sign in first."),
        No::Banned => Problem::of(Code::Banned, "The house has shut you out."),
        No::Forbidden(why) => Problem::forbidden(why),
    })
}
