//! What two of the house's people must ask for and one has, for administrators.

use crate::house::House;
use crate::http::error::Problem;
use crate::http::four_eyes::{since, until};
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use axum::Json;
use axum::extract::State;
use gavel_engine::waiting::Asked;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(waiting))
}

/// What waits for a second one.
#[derive(Serialize, ToSchema)]
struct WaitingPage {
    /// The oldest first.
    items: Vec<Act>,
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
            act: hex::encode(&act.0[..8]),
            asked_by: by.get(),
            asked_at: Stamp(at),
            until: Stamp(until(at)),
            method,
            path,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }
}

/// List what waits for a second one (administrators)
#[utoipa::path(get, path = "/v1/waiting", tag = "staff", security(("bearer" = [])),
    responses((status = 200, body = WaitingPage)))]
async fn waiting(
    State(house): State<House>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<WaitingPage>, Problem> {
    let since = since(house.now());
    let waiting = house.blocking(move |people| people.waiting(since)).await?;
    Ok(Json(WaitingPage { items: waiting.into_iter().map(Act::of).collect() }))
}
