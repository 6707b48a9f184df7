//! What somebody has to do with auctions: those he sells, those he bids in, those he watches. Each
//! is shown as it is cut for him.

use super::auctions::{self, AuctionsPage};
use super::cursor::{Cursor, PageQuery};
use super::extract::Of;
use super::render::AuctionView;
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::error::Problem;
use crate::http::idempotency::IdempotencyKey;
use crate::http::query::{Nothing, Query};
use axum::Json;
use axum::extract::State;
use gavel_auction::ids::{AuctionId, UserId};
use gavel_engine::lists::Query as ListQuery;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .routes(routes!(selling))
        .routes(routes!(bidding))
        .routes(routes!(watching))
        .routes(routes!(watch, unwatch))
}

/// What you sell, drafts too, the newest first
#[utoipa::path(get, path = "/v1/me/auctions", tag = "me", params(PageQuery),
    security(("bearer" = [])), responses((status = 200, body = AuctionsPage)))]
async fn selling(
    State(house): State<House>,
    by: SignedIn,
    Query(which): Query<PageQuery>,
) -> Result<Json<AuctionsPage>, Problem> {
    let question = format!("selling {}", by.user);
    let after = which.after(&question)?;
    let asked = ListQuery {
        after: after.map(|at| (at.key, at.id)),
        limit: which.limit()?,
        drafts: true,
        ..ListQuery::newest(Some(by.user))
    };
    let show = move |house: &House| auctions::page(house, asked, &question, &by.viewer());
    house.aside(show).await?.map(Json)
}

/// What you bid in, or are registered for, the newest first
#[utoipa::path(get, path = "/v1/me/bids", tag = "me", params(PageQuery),
    security(("bearer" = [])), responses((status = 200, body = AuctionsPage)))]
async fn bidding(
    State(house): State<House>,
    by: SignedIn,
    Query(which): Query<PageQuery>,
) -> Result<Json<AuctionsPage>, Problem> {
    let find = |house: &House, user: UserId, before, limit| {
        Ok(house.engine.lists().bidding(user, before, limit)?)
    };
    which.page(&house, by, "bidding", find).await
}

/// What you watch, the newest first
#[utoipa::path(get, path = "/v1/me/watchlist", tag = "me", params(PageQuery),
    security(("bearer" = [])), responses((status = 200, body = AuctionsPage)))]
async fn watching(
    State(house): State<House>,
    by: SignedIn,
    Query(which): Query<PageQuery>,
) -> Result<Json<AuctionsPage>, Problem> {
    let find = |house: &House, user: UserId, before, limit| {
        Ok(house.people.watched(user, before, limit)?)
    };
    which.page(&house, by, "watching", find).await
}

/// Watch an auction
#[utoipa::path(put, path = "/v1/me/watchlist/{auction}", tag = "me",
    params(("auction" = i64, Path)), security(("bearer" = [])),
    responses((status = 204, description = "It is on your list")))]
async fn watch(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let (user, viewer) = (by.user, by.viewer());
    let most = house.config.limits.watched_per_user;
    let watch = move |house: &House| -> Result<bool, Problem> {
        let head = house.engine.head(auction).filter(|head| head.is_known_to(&viewer));
        head.ok_or_else(Problem::not_found)?;
        let most = if most == 0 { usize::MAX } else { most as usize };
        Ok(house.people.watch(user, auction, most)?)
    };
    if house.aside(watch).await?? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail = format!("A list has {most} auctions at most: take one off first.");
    Err(Problem::malformed("auction", detail))
}

/// Watch an auction no more
#[utoipa::path(delete, path = "/v1/me/watchlist/{auction}", tag = "me",
    params(("auction" = i64, Path)), security(("bearer" = [])),
    responses((status = 204, description = "It is not on your list")))]
async fn unwatch(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    house.blocking(move |people| people.unwatch(by.user, auction)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl PageQuery {
    /// A page of the auctions that `find` finds below a number.
    async fn page<F>(
        self,
        house: &House,
        by: SignedIn,
        what: &str,
        find: F,
    ) -> Result<Json<AuctionsPage>, Problem>
    where
        F: FnOnce(&House, UserId, i64, usize) -> Result<Vec<AuctionId>, Problem> + Send + 'static,
    {
        let question = format!("{what} {}", by.user);
        let before = self.after(&question)?.map_or(i64::MAX, |cursor| cursor.id);
        let limit = self.limit()?;
        let show = move |house: &House| {
            let (as_of, viewer) = (auctions::as_of(house)?, by.viewer());
            let found = find(house, by.user, before, limit + 1)?;
            let cursor = |last: &AuctionId| Cursor { key: 0, id: last.get() }.print(&question);
            let next_cursor = found.get(limit).and(found.get(limit - 1)).map(cursor);
            let mut items = Vec::with_capacity(limit);
            for auction in found.into_iter().take(limit) {
                let head = house.engine.head(auction).filter(|head| head.is_known_to(&viewer));
                if let Some(head) = head {
                    items.push(AuctionView::now(house, &head, &viewer)?);
                }
            }
            Ok(Json(AuctionsPage { items, next_cursor, as_of }))
        };
        house.aside(show).await?
    }
}
