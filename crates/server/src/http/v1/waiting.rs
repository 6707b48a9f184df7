//! What two of the house's people must ask for and one has, for administrators.

use super::cursor::{Cursor, PageQuery};
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::error::Problem;
use crate::http::four_eyes::{since, until};
use crate::http::idempotency::IdempotencyKey;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use axum::Json;
use axum::extract::{Path, State};
use gavel_auction::event::Digest;
use gavel_auction::time::Time;
use gavel_engine::waiting::Asked;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const QUESTION: &str = "waiting";

/// The routes.
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(waiting)).routes(routes!(withdraw))
}

/// What waits for a second one.
#[derive(Serialize, ToSchema)]
struct WaitingPage {
    /// The oldest first.
    items: Vec<Act>,
    next_cursor: Option<String>,
}

/// An act: whoever else may do it and sends the same request does it.
#[derive(Serialize, ToSchema)]
struct Act {
    /// What tells it from others.
    act: String,
    /// The number of who asked first.
    asked_by: i64,
    asked_at: Stamp,
    /// From then on it waits no more.
    until: Stamp,
    method: String,
    /// With its query.
    path: String,
    /// Null if the request has none.
    #[schema(value_type = Object)]
    body: Value,
}

impl Act {
    fn of(asked: Asked) -> Self {
        let Asked { act, by, at, method, path, body } = asked;
        Self {
            act: hex::encode(name(act)),
            asked_by: by.get(),
            asked_at: Stamp(at),
            until: Stamp(until(at)),
            method,
            path,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }
}

/// As much of what names an act as tells it from others.
fn name(Digest(act): Digest) -> [u8; 8] {
    let mut name = [0; 8];
    name.copy_from_slice(&act[..8]);
    name
}

/// The last act with this name.
fn last_of(name: [u8; 8]) -> Digest {
    let mut act = [0xff; 32];
    act[..8].copy_from_slice(&name);
    Digest(act)
}

/// List what waits for a second one (administrators)
#[utoipa::path(get, path = "/v1/waiting", tag = "staff", params(PageQuery),
    security(("bearer" = [])), responses((status = 200, body = WaitingPage)))]
async fn waiting(
    State(house): State<House>,
    Query(page): Query<PageQuery>,
) -> Result<Json<WaitingPage>, Problem> {
    let (limit, first) = (page.limit()?, (since(house.now()), last_of([0xff; 8])));
    let place = |at: Cursor| (Time(at.key), last_of(at.id.to_be_bytes()));
    let after = page.after(QUESTION)?.map_or(first, place).max(first);
    let asked = house.blocking(move |people| people.waiting(after, limit + 1)).await?;
    let cursor = |last: &Asked| {
        let id = i64::from_be_bytes(name(last.act));
        Cursor { key: last.at.0, id }.print(QUESTION)
    };
    let next_cursor = asked.get(limit).and(asked.get(limit - 1)).map(cursor);
    let items = asked.into_iter().take(limit).map(Act::of).collect();
    Ok(Json(WaitingPage { items, next_cursor }))
}

/// Withdraw what one has asked for oneself (administrators)
#[utoipa::path(delete, path = "/v1/waiting/{act}", tag = "staff", params(("act" = String, Path)),
    security(("bearer" = [])), responses((status = 204, description = "It waits no more")))]
async fn withdraw(
    State(house): State<House>,
    by: SignedIn,
    _: IdempotencyKey,
    Path(act): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let mut name = [0; 8];
    hex::decode_to_slice(&act, &mut name).map_err(|_| Problem::not_found())?;
    let withdrawn = house.blocking(move |people| people.withdraw(by.user, name)).await?;
    if withdrawn { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}
