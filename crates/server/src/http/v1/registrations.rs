//! Registering for an auction and being let in. Names the command; who may do so is judged by
//! `gavel_auction` alone.

use super::ask::{Manner, Wish};
use super::bids::BareBody;
use super::extract::{Of, OfPaddle};
use super::reply::PaddleReply;
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::body::StrictOrEmpty;
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use axum::extract::State;
use axum::response::Response;
use gavel_auction::command::Action;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .routes(routes!(register))
        .routes(routes!(approve))
        .routes(routes!(decline))
}

/// Asks for a paddle.
#[utoipa::path(post, path = "/v1/auctions/{auction}/register", tag = "registrations",
    params(("auction" = i64, Path)),
    request_body(content = Option<BareBody>, description = "may be left out"),
    responses((status = 201, body = PaddleReply)))]
pub(crate) async fn register(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    StrictOrEmpty(body): StrictOrEmpty<BareBody>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&by, &manner, auction, body.expected_version);
    wish.take(house, Action::Register, StatusCode::CREATED).await
}

/// Lets a paddle bid.
#[utoipa::path(post, path = "/v1/auctions/{auction}/registrations/{paddle}/approve",
    tag = "registrations",
    params(("auction" = i64, Path), ("paddle" = i64, Path)),
    request_body(content = Option<BareBody>, description = "may be left out"),
    responses((status = 200, body = PaddleReply)))]
pub(crate) async fn approve(
    State(house): State<House>,
    OfPaddle(auction, paddle): OfPaddle,
    by: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    StrictOrEmpty(body): StrictOrEmpty<BareBody>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&by, &manner, auction, body.expected_version);
    wish.take(house, Action::Approve { paddle }, StatusCode::OK).await
}

/// Does not let a paddle bid.
#[utoipa::path(post, path = "/v1/auctions/{auction}/registrations/{paddle}/decline",
    tag = "registrations",
    params(("auction" = i64, Path), ("paddle" = i64, Path)),
    request_body(content = Option<BareBody>, description = "may be left out"),
    responses((status = 200, body = PaddleReply)))]
pub(crate) async fn decline(
    State(house): State<House>,
    OfPaddle(auction, paddle): OfPaddle,
    by: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    StrictOrEmpty(body): StrictOrEmpty<BareBody>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&by, &manner, auction, body.expected_version);
    wish.take(house, Action::Decline { paddle }, StatusCode::OK).await
}
