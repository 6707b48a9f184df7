//! What became of a command, for the one whose it is: whether it is under way, or the reply it got.
//! What was accepted is found in the log, where every accepted command is named; what had no effect
//! left no trace there, and is remembered for a while only.

use super::ask::known;
use super::reply::Reply;
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::error::{Code, Problem};
use crate::http::idempotency::Operation;
use crate::http::query::{Nothing, Query};
use crate::operations::{Known, Outcome};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use gavel_auction::event::{Event, Fact};
use gavel_auction::ids::{Paddle, UserId};
use gavel_auction::view::{Head, Viewer};
use gavel_engine::history::HistoryEvent;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(operation))
}

/// Events looked through at once, from the newest on.
const READ: usize = 1_000;

/// What became of a command.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OperationView {
    /// pending, done.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<OperationReply>,
}

/// The reply that the command got, or would have got.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OperationReply {
    status: u16,
    /// As the route of the command gives it.
    #[schema(value_type = Object)]
    body: ReplyBody,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ReplyBody {
    Made(Reply),
    Kept(Value),
}

/// What became of a command
///
/// Accepted: its reply, for ever. Under way after a 202: `pending`. Refused: its reply for a while.
/// Then, and for names that nobody used, 404: there is no effect of it, and repeating it with its
/// key tells for sure.
#[utoipa::path(get, path = "/v1/operations/{operation}", tag = "auctions",
    params(("operation" = String, Path, example = "5-00112233445566778899aabbccddeeff")),
    responses((status = 200, body = OperationView)))]
pub(crate) async fn operation(
    State(house): State<House>,
    path: Result<Path<String>, PathRejection>,
    caller: SignedIn,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<OperationView>, Problem> {
    let operation = named(path)?;
    let response = match house.operations.find(&operation, caller.user) {
        Known::Pending => None,
        Known::Came(Outcome::Answered(status, body)) => Some(OperationReply {
            status: status.as_u16(),
            body: ReplyBody::Kept(serde_json::from_slice(&body).unwrap_or_default()),
        }),
        Known::Came(Outcome::Refused(refused)) => {
            // It may have been accepted since, when it was repeated.
            let problem = Problem::refused(operation.auction, &operation.to_string(), &refused);
            let found = in_the_log(&house, operation, &caller).await.ok();
            Some(found.unwrap_or_else(|| OperationReply {
                status: problem.status().as_u16(),
                body: ReplyBody::Kept(problem.document()),
            }))
        }
        Known::Nothing => Some(in_the_log(&house, operation, &caller).await?),
    };
    let status = if response.is_some() { "done" } else { "pending" };
    Ok(Json(OperationView { status, response }))
}

/// The command that the path names.
///
/// # Errors
/// `not_found`.
pub(crate) fn named(path: Result<Path<String>, PathRejection>) -> Result<Operation, Problem> {
    let name = path.ok().and_then(|Path(text)| Operation::parse(&text));
    // What time brings has no name of its own.
    name.filter(|name| name.id.0 != [0; 16]).ok_or_else(Problem::not_found)
}

async fn in_the_log(
    house: &House,
    operation: Operation,
    caller: &SignedIn,
) -> Result<OperationReply, Problem> {
    let viewer = caller.viewer();
    let head = known(house, operation.auction, &viewer).await.map_err(|_| unknown())?;
    house.aside(move |house| find(house, operation, &head, &viewer)).await?
}

fn unknown() -> Problem {
    let detail = "No accepted command of yours has this name: it had no effect, or is not known.";
    Problem::of(Code::NotFound, detail)
}

/// The reply to an accepted command of this viewer. Blocks on the store.
fn find(
    house: &House,
    operation: Operation,
    head: &Head,
    viewer: &Viewer,
) -> Result<OperationReply, Problem> {
    let own = own_events(house, operation, head, viewer)?;
    let (Some(first), Some(last)) = (own.first(), own.last()) else { return Err(unknown()) };
    let name = operation.to_string();
    let recalled = house.engine.recall(operation.auction, last.event.version);
    let accepted = recalled.map_err(|failure| Problem::failed(&name, &failure))?;
    let status = status_of(&first.event.fact).as_u16();
    Ok(OperationReply { status, body: ReplyBody::Made(Reply::to(&accepted, &head.terms, name)) })
}

/// The events that a command of this viewer made: at least one. Blocks on the store.
///
/// # Errors
/// `not_found` if there are none, or they are somebody else's.
pub(crate) fn own_events(
    house: &House,
    operation: Operation,
    head: &Head,
    viewer: &Viewer,
) -> Result<Vec<HistoryEvent>, Problem> {
    let own = events_of(house, operation, head)?;
    match own.first() {
        Some(first) if is_by(house, head, viewer, first)? => Ok(own),
        Some(_) | None => Err(unknown()),
    }
}

/// The events that one command made: they stand side by side. Looked for from the newest on.
fn events_of(
    house: &House,
    operation: Operation,
    head: &Head,
) -> Result<Vec<HistoryEvent>, Problem> {
    let mut own = Vec::new();
    let mut upto = head.version;
    while upto > 0 {
        let after = upto.saturating_sub(READ as u64);
        let count = usize::try_from(upto - after).unwrap_or(READ);
        let past = house.engine.history(operation.auction, after, count)?;
        let named = |past: &HistoryEvent| past.origin.command == operation.id;
        let complete = past.first().is_some_and(|first| !named(first));
        own.splice(0..0, past.into_iter().filter(named));
        if !own.is_empty() && complete {
            break;
        }
        upto = after;
    }
    Ok(own)
}

/// Whether a command that began with this event may be this viewer's. The log names the bidder and
/// the clerk who acted for him; of what is the seller's or the house's to do it names nobody, so
/// those who may do it see it.
fn is_by(
    house: &House,
    head: &Head,
    viewer: &Viewer,
    first: &HistoryEvent,
) -> Result<bool, Problem> {
    let is = |user: Option<UserId>| user.is_some() && user == viewer.user;
    let has = |paddle: Paddle| is(house.engine.bidder(head.auction, paddle));
    let Event { fact, hidden, .. } = &first.event;
    if let Fact::BidRetracted(undone) = fact {
        let placed = house.engine.history(head.auction, undone.bid.saturating_sub(1), 1)?;
        return Ok(placed.first().and_then(|placed| placed.event.bidder()).is_some_and(has));
    }
    let clerk = hidden.clerk.filter(|_| matches!(fact, Fact::BidPlaced(_)));
    Ok(match (clerk, first.event.bidder()) {
        (Some(clerk), _) => is(Some(clerk)),
        (None, Some(paddle)) => has(paddle),
        (None, None) => is(Some(head.seller)) || viewer.roles.is_staff(),
    })
}

/// What the routes answer with when a command begins with this.
const fn status_of(first: &Fact) -> StatusCode {
    match first {
        Fact::Created(_)
        | Fact::Addendum { .. }
        | Fact::BidderRegistered { .. }
        | Fact::BidPlaced(_)
        | Fact::BuyNowTaken { .. }
        | Fact::ClockAccepted { .. } => StatusCode::CREATED,
        Fact::Amended(_)
        | Fact::Published {}
        | Fact::Opened { .. }
        | Fact::BidderApproved { .. }
        | Fact::BidderDeclined { .. }
        | Fact::BidRetracted(_)
        | Fact::BidVoided(_)
        | Fact::BidPromoted { .. }
        | Fact::Held { .. }
        | Fact::Resumed { .. }
        | Fact::Extended { .. }
        | Fact::Closed { .. }
        | Fact::Reopened { .. }
        | Fact::Cancelled { .. }
        | Fact::Certified { .. } => StatusCode::OK,
    }
}
