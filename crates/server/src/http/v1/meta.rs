//! What anybody may know of the house: its time, its version, its keys, its limits.

use crate::house::House;
use crate::http::body::{BODY, DEPTH, KEYS};
use crate::http::dialects;
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use axum::Json;
use axum::extract::State;
use gavel_auction::event::{RULES_VERSION, Reason};
use gavel_auction::ids::MAX_EXACT;
use gavel_auction::presets::Preset;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(time)).routes(routes!(meta))
}

/// The house's time.
#[derive(Serialize, ToSchema)]
struct TimeReply {
    /// Now.
    server_time: Stamp,
}

/// What anybody may know of the house.
#[derive(Serialize, ToSchema)]
struct Meta {
    /// The house's name.
    name: String,
    /// The version of Gavel.
    version: &'static str,
    /// Which build of it.
    build: &'static str,
    /// The version of the rules that new auctions follow.
    rules_version: u32,
    /// The 16 bytes that name the house, in hexadecimal digits.
    house: String,
    /// What the house's signatures are checked with (Ed25519), in hexadecimal digits.
    public_key: String,
    /// What people compare: the beginning of the key's SHA-256.
    fingerprint: String,
    /// The dialects that are spoken besides this API.
    dialects: Vec<&'static str>,
    /// The presets that auctions are composed from.
    presets: Vec<&'static str>,
    /// The reasons that operators can give.
    reasons: Vec<&'static str>,
    /// What is refused above these numbers.
    limits: Bounds,
    /// Now.
    server_time: Stamp,
}

/// What is refused above these numbers; 0 is no limit.
#[derive(Serialize, ToSchema)]
struct Bounds {
    body_bytes: usize,
    json_depth: usize,
    json_keys: usize,
    amount: i64,
    page: u32,
    bids_per_second_per_actor: u32,
    bid_burst_per_actor: u32,
    bids_per_second_per_ip: u32,
    requests_per_second_per_ip: u32,
}

/// The house's time
#[utoipa::path(get, path = "/v1/time", tag = "house", responses((status = 200, body = TimeReply)))]
async fn time(
    State(house): State<House>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<TimeReply>, Problem> {
    Ok(Json(TimeReply { server_time: Stamp(house.now()) }))
}

/// Version, keys, limits, presets, reasons
#[utoipa::path(get, path = "/v1/meta", tag = "house", responses((status = 200, body = Meta)))]
async fn meta(
    State(house): State<House>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Meta>, Problem> {
    let public = house.public_key();
    let limits = &house.config.limits;
    Ok(Json(Meta {
        name: house.config.house.name.clone(),
        version: env!("CARGO_PKG_VERSION"),
        build: option_env!("GAVEL_BUILD").unwrap_or("development"),
        rules_version: RULES_VERSION,
        house: house.engine.house().to_string(),
        public_key: hex::encode(public.to_bytes()),
        fingerprint: public.fingerprint(),
        dialects: dialects::names(&house.config.dialects.on),
        presets: Preset::ALL.iter().map(|preset| preset.name()).collect(),
        reasons: Reason::ALL.iter().map(|(_, word)| *word).collect(),
        limits: Bounds::of(limits),
        server_time: Stamp(house.now()),
    }))
}

impl Bounds {
    fn of(limits: &crate::config::LimitsConfig) -> Self {
        Self {
            body_bytes: BODY,
            json_depth: DEPTH,
            json_keys: KEYS,
            amount: MAX_EXACT,
            page: 100,
            bids_per_second_per_actor: limits.bids_per_second_per_actor,
            bid_burst_per_actor: limits.bid_burst_per_actor,
            bids_per_second_per_ip: limits.bids_per_second_per_ip,
            requests_per_second_per_ip: limits.requests_per_second_per_ip,
        }
    }
}
