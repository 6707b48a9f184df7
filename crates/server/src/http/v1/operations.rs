//! What became of a command, for whoever knows its name: found in the log of its auction, where
//! every accepted command is named. A refused one left no trace, and is not found.

use super::ask::known;
use super::reply::Reply;
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::error::Problem;
use crate::http::idempotency::Operation;
use crate::http::query::{Nothing, Query};
use axum::Json;
use axum::extract::{Path, State};
use gavel_auction::event::Fact;
use gavel_auction::terms::Terms;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(operation))
}

/// What became of a command.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OperationView {
    /// `done`.
    status: &'static str,
    response: OperationReply,
}

/// The reply that the command got, or would have got.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OperationReply {
    status: u16,
    /// As the route of the command gives it.
    #[schema(value_type = Object)]
    body: Reply,
}

/// What became of a command
#[utoipa::path(get, path = "/v1/operations/{operation}", tag = "auctions",
    params(("operation" = String, Path, example = "5-00112233445566778899aabbccddeeff")),
    responses((status = 200, body = OperationView)))]
pub(crate) async fn operation(
    State(house): State<House>,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
    caller: SignedIn,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<OperationView>, Problem> {
    let name = path.ok().and_then(|Path(text)| Operation::parse(&text));
    // What time brings has no name of its own.
    let name = name.filter(|name| name.id.0 != [0; 16]);
    let operation = name.ok_or_else(Problem::not_found)?;
    let head = known(&house, operation.auction, &caller.viewer())?;
    let response = house.aside(move |house| find(house, operation, &head.terms)).await??;
    Ok(Json(OperationView { status: "done", response }))
}

/// The reply to an accepted command. Blocks on the store.
fn find(house: &House, operation: Operation, terms: &Terms) -> Result<OperationReply, Problem> {
    let history = house.engine.history(operation.auction, 0, usize::MAX)?;
    let mut own = history.iter().filter(|past| past.origin.command == operation.id);
    let first = own.next().ok_or_else(Problem::not_found)?;
    let last = own.next_back().unwrap_or(first);
    let version = last.event.version;
    let name = operation.to_string();
    let recalled = house.engine.recall(operation.auction, version);
    let accepted = recalled.map_err(|failure| Problem::failed(&name, &failure))?;
    let status = status_of(&first.event.fact).as_u16();
    Ok(OperationReply { status, body: Reply::to(&accepted, terms, name) })
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
