//! The public log of all auctions, for the house's own people: a page after the other, from a
//! place in the log that only this house can read. Says nothing of what is hidden.

use super::events::{EventItem, limit};
use crate::house::House;
use crate::http::error::Problem;
use crate::http::query::Query;
use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gavel_engine::log::Position;
use gavel_proof::hash::sha256;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(everything))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FeedQuery {
    /// The `next_cursor` of the page before; from the beginning if left out.
    after: Option<String>,
    /// 1 to 100; 100 if left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// A part of the public log of all auctions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FeedPage {
    /// Each auction's in order of its versions.
    items: Vec<EventItem>,
    /// What to give as `after` to go on, also when there is nothing more at the moment.
    next_cursor: String,
}

/// What happens in all auctions (staff)
///
/// Nothing is repeated or skipped from one page to the next. A cursor that is ahead of the log
/// (the house was put back to an older state) is answered with 409 `not_yet`.
#[utoipa::path(get, path = "/v1/events", tag = "evidence", params(FeedQuery),
    responses((status = 200, body = FeedPage)))]
pub(crate) async fn everything(
    State(house): State<House>,
    Query(query): Query<FeedQuery>,
) -> Result<Json<FeedPage>, Problem> {
    let limit = limit(query.limit, 100)?;
    let after = place_of(&house, query.after.as_deref())?;
    let page = move |house: &House| {
        let chapter = house.engine.chapter(&after, limit)?;
        let items = chapter.events.iter().map(EventItem::public).collect::<Result<_, _>>()?;
        Ok(Json(FeedPage { items, next_cursor: print(house, &chapter.upto) }))
    };
    house.aside(page).await?
}

/// The place in the log that a cursor names.
fn place_of(house: &House, cursor: Option<&str>) -> Result<Vec<Position>, Problem> {
    let released = house.engine.released();
    let Some(cursor) = cursor else { return Ok(vec![0; released.len()]) };
    let place = read(house, cursor, released.len()).ok_or_else(|| {
        Problem::malformed("after", "Take the next_cursor of this route, of this house.")
    })?;
    if place.iter().zip(&released).any(|(named, released)| named > released) {
        return Err(super::ask::not_yet("The log has not come to that place yet."));
    }
    Ok(place)
}

/// A cursor: the mark of the house, and a number for each partition, seven bits a byte.
fn print(house: &House, place: &[Position]) -> String {
    let mut bytes = mark(house, place.len()).to_vec();
    for position in place {
        let mut rest = *position;
        while rest >= 0x80 {
            bytes.push(0x80 | low_bits(rest));
            rest >>= 7;
        }
        bytes.push(low_bits(rest));
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read(house: &House, cursor: &str, partitions: usize) -> Option<Vec<Position>> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let mut bytes = bytes.strip_prefix(&mark(house, partitions))?.iter();
    let mut place = Vec::with_capacity(partitions);
    for _ in 0..partitions {
        let mut position = 0;
        let mut shift = 0;
        loop {
            let byte = bytes.next()?;
            position |= u64::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 57)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        place.push(position);
    }
    bytes.next().is_none().then_some(place)
}

fn low_bits(number: u64) -> u8 {
    u8::try_from(number & 0x7f).expect("seven bits")
}

/// Tells this house, and this route, from others.
fn mark(house: &House, partitions: usize) -> [u8; 8] {
    let text = format!("events of {} in {partitions}", house.engine.house());
    *sha256(text.as_bytes()).0.first_chunk().expect("a digest has more than 8 bytes")
}
