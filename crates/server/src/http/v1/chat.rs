//! The chat beside an auction by HTTP, and what the house's people do about it; and tickets for
//! the live room. What may be said is judged in `live/chat.rs`.

use super::about::{At, Unless};
use super::ask::{at_least, known};
use super::events::limit;
use super::extract::{Of, id as number};
use crate::house::House;
use crate::http::Peer;
use crate::http::actor::{Caller, SignedIn};
use crate::http::body::Strict;
use crate::http::error::{Code, Problem};
use crate::http::idempotency::IdempotencyKey;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use crate::live::chat::{Said, latest, speak, unsaid};
use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::Response;
use gavel_auction::ids::{AuctionId, UserId, Version};
use gavel_auction::time::Time;
use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .routes(routes!(history, say, set_open))
        .routes(routes!(unsay))
        .routes(routes!(mute))
        .routes(routes!(unmute))
        .routes(routes!(ticket))
}

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// 1 to 100; 50 if left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// Only messages before this one.
    before: Option<i64>,
    /// Waits up to two seconds for this version of the auction.
    #[param(value_type = Option<u64>)]
    at_least: Option<Version>,
}

/// What was said, the oldest first.
#[derive(Serialize, ToSchema)]
struct Messages {
    items: Vec<Said>,
    /// Whether anybody may speak.
    open: bool,
    #[serde(flatten)]
    at: At,
}

/// Something to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Saying {
    #[schema(min_length = 1, max_length = 500)]
    message: String,
}

/// Whether anybody may speak.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Open {
    open: bool,
}

/// Who is not to be heard.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Muting {
    #[schema(value_type = i64)]
    user: UserId,
    /// For how long; for good if left out.
    #[schema(minimum = 1, maximum = 31536000)]
    seconds: Option<i64>,
}

/// Who is not heard, and until when.
#[derive(Serialize, ToSchema)]
struct Muted {
    #[schema(value_type = i64)]
    user: UserId,
    /// Null: for good.
    until: Option<Stamp>,
}

/// Lets its owner into the live room, once and soon.
#[derive(Serialize, ToSchema)]
struct Ticket {
    /// Goes into `auth.ticket` of the handshake.
    ticket: String,
    expires_at: Stamp,
}

/// Who speaks, from where, under which key.
struct Speaking {
    by: SignedIn,
    peer: IpAddr,
    key: IdempotencyKey,
}

impl FromRequestParts<House> for Speaking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, house: &House) -> Result<Self, Problem> {
        let key = IdempotencyKey::from_request_parts(parts, house).await?;
        let Peer(peer) = Peer::of(parts);
        Ok(Self { by: SignedIn::from_request_parts(parts, house).await?, peer, key })
    }
}

/// What was said beside an auction.
#[utoipa::path(get, path = "/v1/auctions/{auction}/chat", tag = "live",
    params(("auction" = i64, Path), Which),
    responses((status = 200, body = Messages)))]
async fn history(
    State(house): State<House>,
    Of(auction): Of,
    caller: Caller,
    Query(which): Query<Which>,
    unless: Unless,
) -> Result<Response, Problem> {
    let head = at_least(&house, auction, &caller.viewer(), which.at_least).await?;
    let limit = limit(which.limit, 50)?;
    let read = move |house: &House| {
        let items = latest(house, auction, which.before, limit)?;
        let (open, at) = (house.chats.is_open(auction)?, At::of(house, &head));
        unless.reply(head.version, &Messages { items, open, at })
    };
    house.aside(read).await?
}

/// Says something beside an auction.
#[utoipa::path(post, path = "/v1/auctions/{auction}/chat", tag = "live",
    security(("bearer" = [])), params(("auction" = i64, Path)),
    request_body = Saying, responses((status = 201, body = Said)))]
async fn say(
    State(house): State<House>,
    Of(auction): Of,
    Speaking { by, peer, key }: Speaking,
    Query(Nothing {}): Query<Nothing>,
    Strict(Saying { message }): Strict<Saying>,
) -> Result<(StatusCode, Json<Said>), Problem> {
    let said = speak(&house, peer, &by, auction, message, &key).await?;
    Ok((StatusCode::CREATED, Json(said)))
}

/// Lets people speak beside an auction, or not (the house's people).
#[utoipa::path(patch, path = "/v1/auctions/{auction}/chat", tag = "live",
    security(("bearer" = [])), params(("auction" = i64, Path)),
    request_body = Open, responses((status = 200, body = Open)))]
async fn set_open(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    Query(Nothing {}): Query<Nothing>,
    Strict(Open { open }): Strict<Open>,
) -> Result<Json<Open>, Problem> {
    known(&house, auction, &by.viewer()).await?;
    house.aside(move |house| house.chats.set_open(auction, open)).await??;
    Ok(Json(Open { open }))
}

/// Takes away what somebody has said (the house's people).
#[utoipa::path(delete, path = "/v1/auctions/{auction}/chat/{message}", tag = "live",
    security(("bearer" = [])), params(("auction" = i64, Path), ("message" = i64, Path)),
    responses((status = 204)))]
async fn unsay(
    State(house): State<House>,
    Path(path): Path<(String, String)>,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let (auction, message) = two(&path)?;
    let gone = house.aside(move |house| house.chats.unsay(auction, message)).await??;
    if !gone {
        return Err(Problem::not_found());
    }
    unsaid(&house, auction, message);
    Ok(StatusCode::NO_CONTENT)
}

/// Does not let somebody speak beside an auction, for a while or for good (the house's people).
#[utoipa::path(post, path = "/v1/auctions/{auction}/chat/mutes", tag = "live",
    security(("bearer" = [])), params(("auction" = i64, Path)),
    request_body = Muting, responses((status = 200, body = Muted)))]
async fn mute(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
    Strict(Muting { user, seconds }): Strict<Muting>,
) -> Result<Json<Muted>, Problem> {
    known(&house, auction, &by.viewer()).await?;
    if seconds.is_some_and(|seconds| !(1..=31_536_000).contains(&seconds)) {
        return Err(Problem::malformed("seconds", "From 1 to 31,536,000."));
    }
    let until = seconds.map(|seconds| house.now().plus_seconds(seconds));
    set_muted(&house, auction, user, Some(until.unwrap_or(Time(i64::MAX)))).await?;
    Ok(Json(Muted { user, until: until.map(Stamp) }))
}

/// Lets somebody speak again (the house's people).
#[utoipa::path(delete, path = "/v1/auctions/{auction}/chat/mutes/{user}", tag = "live",
    security(("bearer" = [])), params(("auction" = i64, Path), ("user" = i64, Path)),
    responses((status = 204)))]
async fn unmute(
    State(house): State<House>,
    Path(path): Path<(String, String)>,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let (auction, user) = two(&path)?;
    let user = UserId::new(user).ok_or_else(Problem::not_found)?;
    set_muted(&house, auction, user, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_muted(
    house: &House,
    auction: AuctionId,
    user: UserId,
    until: Option<Time>,
) -> Result<(), Problem> {
    let known = house.aside(move |house| house.chats.mute(auction, user, until)).await??;
    if known { Ok(()) } else { Err(Problem::not_found()) }
}

fn two((auction, other): &(String, String)) -> Result<(AuctionId, i64), Problem> {
    let auction = number(auction).and_then(AuctionId::new);
    auction.zip(number(other)).ok_or_else(Problem::not_found)
}

/// A ticket that lets you into the live room once, within half a minute.
#[utoipa::path(post, path = "/v1/tickets", tag = "live", security(("bearer" = [])),
    responses((status = 201, body = Ticket)))]
async fn ticket(
    State(house): State<House>,
    by: SignedIn,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
) -> Result<(StatusCode, Json<Ticket>), Problem> {
    let full = || Problem::of(Code::Overloaded, "Too many tickets are out: try again soon.");
    let given = house.live.tickets.give(by.token, house.now());
    let (ticket, until) = given.ok_or_else(full)?;
    Ok((StatusCode::CREATED, Json(Ticket { ticket, expires_at: Stamp(until) })))
}
