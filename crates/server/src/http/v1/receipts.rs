//! Receipts: in the reply to a command that wanted one, and later, for accepted commands, from the
//! log. They are made by `gavel_proof`; here is only settled who gets them.

use super::ask::known;
use super::operations::{named, own_events};
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::error::{Code, Problem};
use crate::http::query::{Nothing, Query};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use gavel_auction::ids::{AuctionId, Version};
use gavel_proof::chain::genesis;
use gavel_proof::receipt::{Link, from_chain};
use http::header::CONTENT_TYPE;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(receipt))
}

/// The receipt of one's accepted command
///
/// Made from the log, at any time: the event, the hash before it, and the opening that binds it to
/// the operation, signed. It tells your id, and a guess of a hidden amount can be checked against
/// it: show it to whom you would show the bid. A refused command has a receipt only in its reply,
/// if that was asked for with `Prefer: receipt`.
#[utoipa::path(get, path = "/v1/receipts/{operation}", tag = "evidence",
    params(("operation" = String, Path, example = "5-00112233445566778899aabbccddeeff")),
    responses((status = 200, description = "canonical JSON", body = Object,
        content_type = "application/json")))]
pub(crate) async fn receipt(
    State(house): State<House>,
    path: Result<Path<String>, PathRejection>,
    caller: SignedIn,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    let operation = named(path)?;
    let viewer = caller.viewer();
    let head = known(&house, operation.auction, &viewer).await?;
    let make = move |house: &House| {
        let own = own_events(house, operation, &head, &viewer)?;
        let version = own.last().map_or(0, |last| last.event.version);
        from_log(house, operation.auction, version)
    };
    let receipt = house.aside(make).await??;
    Ok(([(CONTENT_TYPE, "application/json")], receipt).into_response())
}

/// The receipt that the log gives for the command that this event was the last of. Blocks on the
/// store.
///
/// # Errors
/// If the event cannot be read, or there is none.
pub(crate) fn from_log(
    house: &House,
    auction: AuctionId,
    version: Version,
) -> Result<Bytes, Problem> {
    let first = version.saturating_sub(2);
    let mut past = house.engine.history(auction, first, 2)?.into_iter();
    let before = if version > 1 { past.next().map(|before| before.hash) } else { None };
    let id = house.keys.house;
    let previous = before.unwrap_or_else(|| genesis(id, auction));
    let last = past.next().filter(|last| last.event.version == version);
    let last = last.ok_or_else(Problem::not_found)?;
    let link = Link { event: &last.event, origin: &last.origin, public: &last.public, previous };
    let key = house.engine.auction_key(auction);
    let receipt = from_chain(&link, id, &key, &house.keys.signing);
    let other_key = || Problem::of(Code::Quarantined, "It was written with another key.");
    receipt.map(Bytes::from).ok_or_else(other_key)
}
