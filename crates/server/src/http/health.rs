//! Whether the process lives, and whether it is ready to answer. Tells nothing else.

use crate::house::House;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use std::sync::atomic::Ordering;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How the house is.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `live`, `ready` or `not_ready`.
    status: &'static str,
}

/// The routes.
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(live)).routes(routes!(ready))
}

/// Whether the process lives
#[utoipa::path(get, path = "/health/live", tag = "house", responses((status = 200, body = Health)))]
async fn live() -> Json<Health> {
    Json(Health { status: "live" })
}

/// Whether the house is ready to answer
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "house",
    responses(
        (status = 200, body = Health),
        (status = 503, body = Health, description = "Not ready")
    )
)]
async fn ready(State(house): State<House>) -> (StatusCode, Json<Health>) {
    if house.ready.load(Ordering::Acquire) {
        (StatusCode::OK, Json(Health { status: "ready" }))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(Health { status: "not_ready" }))
    }
}
