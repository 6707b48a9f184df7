//! Pictures of things: hung by their seller, seen with the auctions that were made from them. A
//! picture's name is a digest, so whoever has its address may keep it for ever.

use super::owned;
use crate::house::House;
use crate::http::actor::{Caller, SignedIn};
use crate::http::body::collect;
use crate::http::error::{Code, Problem};
use crate::http::idempotency::IdempotencyKey;
use crate::http::query::{Nothing, Query};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use gavel_engine::things::Picture;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(add)).routes(routes!(remove)).routes(routes!(show))
}

/// A picture of a thing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PictureView {
    name: String,
    /// Where it is.
    href: String,
    /// Its media type.
    #[serde(rename = "type")]
    kind: String,
    width: u32,
    height: u32,
    bytes: u64,
}

impl PictureView {
    pub(crate) fn of(picture: &Picture) -> Self {
        let Picture { name, kind, width, height, bytes } = picture.clone();
        let href = format!("/v1/pictures/{name}");
        Self { name, href, kind, width, height, bytes }
    }
}

/// Hang a picture of a thing; auctions that were made from it before do not show it
///
/// The body is the picture itself. Its kind is told by its bytes, not by its `Content-Type`.
#[utoipa::path(post, path = "/v1/items/{item}/pictures", tag = "items",
    params(("item" = i64, Path)), security(("bearer" = [])),
    request_body(content_type = "application/octet-stream", content = Vec<u8>),
    responses((status = 201, body = PictureView, headers(("Location" = String)))))]
async fn add(
    State(house): State<House>,
    by: SignedIn,
    _: IdempotencyKey,
    Path(item): Path<String>,
    Query(Nothing {}): Query<Nothing>,
    request: Request,
) -> Result<Response, Problem> {
    let seller = by.user;
    let item = house.aside(move |house| owned(house, &by, &item)).await??;
    may_be_a_picture(request.headers())?;
    let place = house.gallery.arrive(seller)?;
    let bytes = collect(request.into_body(), house.config.limits.picture_bytes).await?;
    let hang = move |house: &House| {
        let _place = place;
        house.hang(&item, &bytes)
    };
    let picture = house.aside(hang).await??;
    let made = PictureView::of(&picture);
    Ok((StatusCode::CREATED, [(LOCATION, made.href.clone())], Json(made)).into_response())
}

/// Take a picture of a thing down, also from auctions that were made from it
#[utoipa::path(delete, path = "/v1/items/{item}/pictures/{picture}", tag = "items",
    params(("item" = i64, Path), ("picture" = String, Path)), security(("bearer" = [])),
    responses((status = 204, description = "It is gone")))]
async fn remove(
    State(house): State<House>,
    by: SignedIn,
    _: IdempotencyKey,
    Path((item, picture)): Path<(String, String)>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let take = move |house: &House| house.take_down(&owned(house, &by, &item)?, &picture);
    house.aside(take).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// A picture
#[utoipa::path(get, path = "/v1/pictures/{picture}", tag = "items",
    params(("picture" = String, Path)),
    responses((status = 200, description = "JPEG, PNG, WebP or GIF", content_type = "image/*",
        body = Vec<u8>)))]
async fn show(
    State(house): State<House>,
    _: Caller,
    Path(picture): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    let find = move |house: &House| -> Result<_, Problem> {
        let Some(known) = house.things.picture(&picture)? else { return Ok(None) };
        Ok(house.gallery.bytes(&known.name)?.map(|bytes| (known.kind, bytes)))
    };
    let (kind, bytes) = house.aside(find).await??.ok_or_else(Problem::not_found)?;
    let kind = HeaderValue::try_from(kind).map_err(|_| Problem::not_found())?;
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, FOR_EVER)], bytes).into_response())
}

/// Its name is of its bytes, so it never becomes another one.
const FOR_EVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// A form of a foreign page cannot send these types without being asked about it first.
fn may_be_a_picture(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let only = types.next().filter(|_| types.next().is_none());
    let told = only.and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    if told.starts_with("image/") || told == "application/octet-stream" {
        return Ok(());
    }
    let detail = "Send the picture itself, as image/jpeg, image/png, image/webp or image/gif.";
    Err(Problem::of(Code::UnsupportedMediaType, detail))
}
