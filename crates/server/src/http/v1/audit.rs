//! The audit trail, for administrators. Its lines are given byte for byte, so that whoever keeps
//! them can check them.

use super::events::limit;
use super::reply::raw;
use crate::audit::trail::{self, Page};
use crate::house::House;
use crate::http::error::{Code, Problem};
use crate::http::query::Query;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(audit))
}

/// Which part of the trail.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TrailQuery {
    /// Lines after this number; 0 begins with the first.
    #[serde(default)]
    after: u64,
    /// How many, 1 to 100.
    limit: Option<usize>,
}

/// A part of the audit trail.
#[derive(Serialize, ToSchema)]
struct AuditPage {
    /// `{number, at, by, verb, act, outcome, before, hash}`: `hash` is SHA-256 of the line up to
    /// `,"hash"`, `before` the hash of the line before.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Box<RawValue>>,
    /// How many lines there are.
    number: u64,
    /// The hash of the last one. Kept elsewhere it shows later that nothing was cut off.
    head: String,
    /// Both, signed by the house: NUMBER:HASH:SIGNATURE, as `gavel audit --head` takes it.
    signed_head: String,
}

/// Read the audit trail
///
/// What the house's people did, and what was refused: sign-ins, roles, bans, erasures, voids.
#[utoipa::path(get, path = "/v1/audit", tag = "house", params(TrailQuery),
    security(("bearer" = [])), responses((status = 200, body = AuditPage)))]
async fn audit(
    State(house): State<House>,
    Query(TrailQuery { after, limit: asked }): Query<TrailQuery>,
) -> Result<Json<AuditPage>, Problem> {
    let limit = limit(asked, 100)?;
    let page = house.aside(move |house| house.audit.page(after, limit)).await?;
    let unreadable = |_| Problem::of(Code::Internal, "The audit trail cannot be read.");
    let Page { lines, number, head } = page.map_err(unreadable)?;
    // A line that somebody has changed may be no JSON any more; it is shown as a text then.
    let shown = |line: String| {
        let as_text = |line: &str| serde_json::to_string(line).expect("a text is JSON");
        let is_json = serde_json::from_str::<&RawValue>(&line).is_ok();
        raw(if is_json { line.into_bytes() } else { as_text(&line).into_bytes() })
    };
    let items = lines.into_iter().map(shown).collect();
    let signed_head =
        trail::signed(&format!("{number}:{head}"), house.keys.house, &house.keys.signing);
    Ok(Json(AuditPage { items, number, head, signed_head }))
}
