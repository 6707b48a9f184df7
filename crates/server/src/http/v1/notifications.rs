//! What people are told of, and what they want to be told of: nothing, unless they say so. Refuses
//! to know what is worth telling.

use super::cursor::Cursor;
use super::events::limit;
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::body::Strict;
use crate::http::error::Problem;
use crate::http::idempotency::IdempotencyKey;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use axum::Json;
use axum::extract::State;
use gavel_auction::ids::{AuctionId, MAX_EXACT, UserId, Version};
use gavel_auction::money::Currency;
use gavel_engine::notices::{Kept, Kind, Wishes};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(subscriptions, subscribe))
}

/// Which notices.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Only those that were not read.
    unread: Option<bool>,
    /// 1 to 100; 20 if left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Something that you are told of.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Notification {
    /// Later ones have higher numbers.
    id: i64,
    kind: KindWord,
    #[schema(value_type = i64)]
    auction: AuctionId,
    /// The auction's headline.
    title: String,
    /// The event that it tells of.
    #[schema(value_type = u64)]
    version: Version,
    at: Stamp,
    /// The hammer price, the new maximum, or the amount of the bid before it was doubled.
    amount: i64,
    #[schema(value_type = Option<String>, example = "EUR")]
    currency: Option<Currency>,
    read: bool,
}

/// What it tells of.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum KindWord {
    Won,
    NewMaximum,
    Doubled,
}

/// A page of notices, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Notifications {
    items: Vec<Notification>,
    next_cursor: Option<String>,
    /// How many were not read.
    unread: u64,
}

/// What you want to be told of; what is left out, not.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Subscriptions {
    /// You have won an auction.
    won: bool,
    /// The price has moved in an auction that you take part in, and not by your bid.
    new_maximum: bool,
    /// The house has doubled a bid of yours.
    doubled: bool,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self::of(Wishes::default())
    }
}

impl Subscriptions {
    const fn of(wishes: Wishes) -> Self {
        let Wishes { won, maximum, doubled } = wishes;
        Self { won, new_maximum: maximum, doubled }
    }

    /// Keeps that somebody wants to be told of this, from now on.
    pub(crate) async fn keep(self, house: &House, user: UserId) -> Result<Self, Problem> {
        let Self { won, new_maximum: maximum, doubled } = self;
        let wishes = Wishes { won, maximum, doubled };
        house.aside(move |house| house.board.wish(&house.engine, user, wishes)).await??;
        Ok(self)
    }
}

/// Up to where they were read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReadBody {
    /// The number of the newest that was read.
    #[schema(minimum = 1, maximum = 9007199254740991_i64)]
    upto: i64,
}

impl Notification {
    /// What is shown of it. May block on the store.
    pub(crate) fn of(house: &House, kept: &Kept) -> Result<Self, Problem> {
        let notice = &kept.notice;
        let kind = match notice.kind {
            Kind::Won => KindWord::Won,
            Kind::Maximum => KindWord::NewMaximum,
            Kind::Doubled => KindWord::Doubled,
        };
        Ok(Self {
            id: kept.id,
            kind,
            auction: notice.auction,
            title: house.engine.words().listing(notice.auction)?.title.clone(),
            version: notice.version,
            at: Stamp(notice.at),
            amount: notice.amount,
            currency: house.engine.head(notice.auction).map(|head| head.currency),
            read: kept.read,
        })
    }
}

/// What you were told, the newest first; the last 1,000 are kept
#[utoipa::path(get, path = "/v1/me/notifications", tag = "me", params(Which),
    security(("bearer" = [])), responses((status = 200, body = Notifications)))]
async fn list(
    State(house): State<House>,
    by: SignedIn,
    Query(which): Query<Which>,
) -> Result<Json<Notifications>, Problem> {
    which.page(&house, by.user).await.map(Json)
}

/// You have read them, up to one
#[utoipa::path(post, path = "/v1/me/notifications/read", tag = "me",
    security(("bearer" = [])), request_body = ReadBody,
    responses((status = 204, description = "noted")))]
async fn read(
    State(house): State<House>,
    by: SignedIn,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
    Strict(ReadBody { upto }): Strict<ReadBody>,
) -> Result<StatusCode, Problem> {
    if !(1..=MAX_EXACT).contains(&upto) {
        return Err(Problem::malformed("upto", "The number of a notification."));
    }
    house.aside(move |house| house.board.store().read_upto(by.user, upto)).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// What you are told of
#[utoipa::path(get, path = "/v1/me/subscriptions", tag = "me",
    security(("bearer" = [])), responses((status = 200, body = Subscriptions)))]
async fn subscriptions(
    State(house): State<House>,
    by: SignedIn,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Subscriptions>, Problem> {
    let wishes = house.aside(move |house| house.board.store().wishes(by.user)).await??;
    Ok(Json(Subscriptions::of(wishes)))
}

/// Say what you want to be told of, from now on
#[utoipa::path(put, path = "/v1/me/subscriptions", tag = "me",
    security(("bearer" = [])), request_body = Subscriptions,
    responses((status = 200, body = Subscriptions)))]
async fn subscribe(
    State(house): State<House>,
    by: SignedIn,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
    Strict(wanted): Strict<Subscriptions>,
) -> Result<Json<Subscriptions>, Problem> {
    wanted.keep(&house, by.user).await.map(Json)
}

impl Which {
    /// The page that is asked for, of somebody's notices.
    pub(crate) async fn page(self, house: &House, user: UserId) -> Result<Notifications, Problem> {
        let question = format!("notifications {:?}", self.unread);
        let cursor = self.cursor.as_deref().map(|text| Cursor::read(text, &question));
        let below = cursor.transpose()?.map_or(i64::MAX, |cursor| cursor.id);
        let (limit, unread) = (limit(self.limit, 20)?, self.unread == Some(true));
        let asked = Asked { user, below, unread, limit, question };
        house.aside(move |house| asked.page(house)).await?
    }
}

/// A page that is asked for.
struct Asked {
    user: UserId,
    below: i64,
    unread: bool,
    limit: usize,
    question: String,
}

impl Asked {
    /// The page. Blocks on the store.
    fn page(&self, house: &House) -> Result<Notifications, Problem> {
        let store = house.board.store();
        let found = store.notices(self.user, self.below, self.unread, self.limit + 1)?;
        let last = found.get(self.limit).and(found.get(self.limit - 1));
        let cursor = |kept: &Kept| Cursor { key: 0, id: kept.id }.print(&self.question);
        let next_cursor = last.map(cursor);
        let shown = found.iter().take(self.limit).map(|kept| Notification::of(house, kept));
        let items = shown.collect::<Result<_, _>>()?;
        Ok(Notifications { items, next_cursor, unread: store.unread(self.user)? })
    }
}
