//! Signed heads: how long each partition of the log is and the hash over it, for keeping elsewhere.
//! The hashes are the engine's, the lines `gavel_proof`'s; here they are signed and kept for a
//! moment, so that asking often costs little.

use super::reply::raw;
use crate::house::House;
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use axum::Extension;
use axum::Json;
use axum::extract::State;
use gavel_auction::time::{SECOND, Time};
use gavel_proof::head::Rolling;
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::{Arc, Mutex, PoisonError};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(heads)).layer(Extension(Arc::<Kept>::default()))
}

/// How long signed heads are given again, in microseconds.
const FRESH: i64 = SECOND;

/// A house's heads, one for each partition.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct HeadsView {
    /// Lines of canonical JSON, each signed: `{hash, house, key, partition, position, signature,
    /// tag, time}`. Keep them byte for byte.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Arc<RawValue>>,
}

/// The heads that were signed last.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Option<(Time, HeadsView)>>);

/// Signed heads to keep elsewhere
///
/// Whoever keeps them can show later that the log was changed or cut off before them.
#[utoipa::path(get, path = "/v1/heads", tag = "evidence",
    responses((status = 200, body = HeadsView)))]
pub(crate) async fn heads(
    State(house): State<House>,
    Extension(kept): Extension<Arc<Kept>>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<HeadsView>, Problem> {
    house.aside(move |house| kept.of(house)).await?.map(Json)
}

impl Kept {
    /// Blocks on the store.
    fn of(&self, house: &House) -> Result<HeadsView, Problem> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = house.now();
        if let Some((at, heads)) = kept.as_ref()
            && now.since(*at) < FRESH
        {
            return Ok(heads.clone());
        }
        let sign = |rolling: Rolling| {
            let line = rolling.sign(house.keys.house, now, &house.keys.signing);
            Arc::from(raw(line))
        };
        let items = house.engine.heads()?.into_iter().map(sign).collect();
        let heads = HeadsView { items };
        *kept = Some((now, heads.clone()));
        Ok(heads)
    }
}
