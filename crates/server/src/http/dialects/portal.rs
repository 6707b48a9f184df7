//! The dialect `portal`: everybody bids against his own last bid, and a promoter doubles one now
//! and then. Commands are acknowledged at once; what came of them is asked for. Holds no rule: what
//! a legal bid is, `ladder` says.

mod leaving;
mod said;

use super::Dialect;
use super::desk::Desk;
use crate::http::Peer;
use crate::http::actor::Caller;
use crate::http::body::Untyped;
use crate::http::error::Problem;
use crate::http::prefer::Prefer;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use crate::http::v1::ask::{Manner, Wish, at_least};
use crate::http::v1::extract::{Of, OfBid, id};
use crate::http::v1::listing::Creation;
use crate::http::v1::notifications::{Notifications, Subscriptions, Which};
use crate::http::v1::operations::named;
use crate::http::v1::proposal::schedule;
use crate::http::v1::users::export::erase;
use crate::operations::Lane;
use crate::permissions::Verb;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, put};
use axum::{Json, Router};
use gavel_auction::command::{Action, Offer, PlaceBid};
use gavel_auction::event::Reason;
use gavel_auction::ids::{UserId, Version};
use gavel_auction::money::Amount;
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::slot;
use gavel_auction::terms::Promotion;
use gavel_engine::people::Listing;
use http::StatusCode;
use said::{Auction, Bid, Outcome, Page};
use serde::{Deserialize, Serialize};

pub(super) const DIALECT: Dialect = Dialect {
    name: "portal",
    doors: &[
        ("/auction", &[("PUT", Verb::Sell)]),
        ("/auction/{auction}", &[("GET", Verb::SeeAuctions)]),
        ("/auction/{auction}/bid", &[("PUT", Verb::Bid)]),
        ("/auction/{auction}/bid/{bid}", &[("DELETE", Verb::Bid)]),
        ("/auction/{auction}/bids", &[("GET", Verb::SeeOwnBids)]),
        ("/auctions", &[("GET", Verb::SeeAuctions)]),
        ("/operation/{operation}", &[("GET", Verb::SeeOwnBids)]),
        ("/user", &[("PUT", Verb::Register)]),
        ("/user/{user}", &[("DELETE", Verb::OwnAccount)]),
        ("/user/{user}/notifications", &[("GET", Verb::SeeOwnBids)]),
        ("/user/{user}/subscriptions", &[("PUT", Verb::SeeOwnBids)]),
    ],
    on_their_word: &[Verb::Sell, Verb::Bid, Verb::SeeOwnBids, Verb::Register, Verb::OwnAccount],
    tokens: true,
    routes,
    wording: None,
};

fn routes() -> Router<Desk> {
    Router::new()
        .route("/auctions", get(auctions))
        .route("/auction", put(create))
        .route("/auction/{auction}", get(show))
        .route("/auction/{auction}/bid", put(bid))
        .route("/auction/{auction}/bids", get(own_bids))
        .route("/auction/{auction}/bid/{bid}", delete(remove_bid))
        .route("/operation/{operation}", get(operation))
        .route("/user", put(add_user))
        .route("/user/{user}", delete(remove_user))
        .route("/user/{user}/notifications", get(notifications))
        .route("/user/{user}/subscriptions", put(subscribe))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAuction {
    title: String,
    description: Option<String>,
    starting_price: Option<Amount>,
    ends_at: Option<Stamp>,
    duration_seconds: Option<u32>,
    /// How bids are doubled; once an hour, all alike, if left out.
    promotion: Option<Promoted>,
}

#[derive(Deserialize)]
struct Promoted(#[serde(deserialize_with = "slot::deserialize")] Promotion);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBid {
    amount: Amount,
    user_id: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    name: String,
}

#[derive(Serialize)]
struct User {
    id: UserId,
    name: String,
}

/// Who asks, if no token says it; whether the outcome is waited for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    user_id: Option<i64>,
    #[serde(default)]
    sync: bool,
}

/// Whether all that has been committed must be in the list; where it goes on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    #[serde(default)]
    sync: bool,
    after: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    at_least: Option<Version>,
    user_id: Option<i64>,
}

/// Whether the command waits for its outcome.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sync {
    #[serde(default)]
    sync: bool,
}

/// All active auctions.
async fn auctions(
    State(desk): State<Desk>,
    Query(Listed { sync, after }): Query<Listed>,
) -> Result<Response, Problem> {
    if sync {
        desk.listed_up().await?;
    }
    let Page { items, link } = Page::of(&desk, after).await?;
    Ok((link, Json(items)).into_response())
}

async fn show(
    State(desk): State<Desk>,
    Of(auction): Of,
    Extension(caller): Extension<Caller>,
    Query(Seen { at_least: version, user_id: _ }): Query<Seen>,
) -> Result<Json<Auction>, Problem> {
    let head = at_least(&desk.house, auction, &caller.viewer(), version).await?;
    desk.house.aside(move |house| Auction::of(house, &head)).await?.map(Json)
}

async fn create(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    manner: Manner,
    Query(Sync { sync }): Query<Sync>,
    Untyped(body): Untyped<NewAuction>,
) -> Result<Response, Problem> {
    let by = match caller.0 {
        Some(by) => by.person(),
        None => desk.seller().await?,
    };
    let NewAuction { title, description, starting_price, promotion, .. } = body;
    let schedule = Some(schedule(None, body.ends_at, body.duration_seconds));
    let promotion = promotion.map(|Promoted(promotion)| promotion);
    let slots = Slots { starting_price, promotion, schedule, ..Slots::default() };
    let listing = Listing { title, description, ..Listing::default() };
    let creation = Creation::of(listing, desk.currency(), Preset::Ladder, slots)?;
    let wish = manner_of(creation.wish(&desk.house, by, &manner).await?, sync);
    let work = |wish: Wish, house| async move {
        Ok(said::done(&wish, &creation.put(&house, &wish).await?, StatusCode::CREATED))
    };
    let settled = wish.settle_in(Lane::Auctions, desk.house.clone(), work).await?;
    Ok(said::acknowledged(&desk, &wish, None, settled))
}

async fn bid(
    State(desk): State<Desk>,
    Of(auction): Of,
    (Peer(from), Extension(caller)): (Peer, Extension<Caller>),
    manner: Manner,
    Query(Sync { sync }): Query<Sync>,
    Untyped(NewBid { amount, user_id }): Untyped<NewBid>,
) -> Result<Response, Problem> {
    // Before it is asked whether he may bid.
    let bidding = desk.house.bidding.clone().read_owned().await;
    let by = desk.speaker(&caller, user_id).await?;
    desk.house.limits.bid(by.user.get(), from, desk.house.now())?;
    let wish = manner_of(Wish::by(by, &manner, auction, None), sync);
    let action = Action::Bid(PlaceBid::of(Offer::Amount(amount)));
    let work = |wish: Wish, house| async move {
        let done = wish.put(&house, action).await;
        drop(bidding);
        Ok(said::done(&wish, &done?, StatusCode::CREATED))
    };
    let settled = wish.settle_in(Lane::Bids, desk.house.clone(), work).await?;
    Ok(said::acknowledged(&desk, &wish, user_id, settled))
}

async fn remove_bid(
    State(desk): State<Desk>,
    OfBid(auction, bid): OfBid,
    (Peer(from), Extension(caller)): (Peer, Extension<Caller>),
    manner: Manner,
    Query(Who { user_id, sync }): Query<Who>,
) -> Result<Response, Problem> {
    let by = desk.speaker(&caller, user_id).await?;
    desk.house.limits.bid(by.user.get(), from, desk.house.now())?;
    let wish = manner_of(Wish::by(by, &manner, auction, None), sync);
    let action = Action::Retract { bid, reason: Reason::Mistake };
    let work = |wish: Wish, house| async move {
        Ok(said::done(&wish, &wish.put(&house, action).await?, StatusCode::OK))
    };
    let settled = wish.settle_in(Lane::Bids, desk.house.clone(), work).await?;
    Ok(said::acknowledged(&desk, &wish, user_id, settled))
}

/// The user's own standing bids.
async fn own_bids(
    State(desk): State<Desk>,
    Of(auction): Of,
    Extension(caller): Extension<Caller>,
    Query(Seen { at_least: version, user_id }): Query<Seen>,
) -> Result<Json<Vec<Bid>>, Problem> {
    let by = desk.speaker(&caller, user_id).await?;
    at_least(&desk.house, auction, &caller.viewer(), version).await?;
    let read = move |house: &_| Bid::all_of(house, auction, by.user);
    desk.house.aside(read).await?.map(Json)
}

/// What came of a command.
async fn operation(
    State(desk): State<Desk>,
    path: Result<Path<String>, PathRejection>,
    Extension(caller): Extension<Caller>,
    Query(Who { user_id, sync: _ }): Query<Who>,
) -> Result<Json<Outcome>, Problem> {
    let operation = named(path)?;
    let by = match (&caller.0, user_id) {
        (None, None) => desk.seller().await?,
        (Some(_), _) | (_, Some(_)) => desk.speaker(&caller, user_id).await?,
    };
    Outcome::of(&desk.house, operation, by).await.map(Json)
}

async fn add_user(
    State(desk): State<Desk>,
    Peer(from): Peer,
    _: Manner,
    Query(Nothing {}): Query<Nothing>,
    Untyped(NewUser { name }): Untyped<NewUser>,
) -> Result<(StatusCode, Json<User>), Problem> {
    let id = desk.person(&name, from).await?.user;
    Ok((StatusCode::CREATED, Json(User { id, name })))
}

/// What he may take back of his bids is taken back; the others stay, and nobody can tell any more
/// whose they were.
async fn remove_user(
    State(desk): State<Desk>,
    Path(user): Path<String>,
    Extension(caller): Extension<Caller>,
    _: Manner,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    if caller.0.is_some() {
        return Err(Problem::forbidden("An account is erased by DELETE /v1/users/me."));
    }
    let gone = desk.speaker(&caller, id(&user)).await?;
    // Where that cannot be done now, he stays as he is.
    desk.take_back(gone).await?;
    desk.bar(gone.user).await?;
    // What he has bid meanwhile. Until he is erased, all of it may be done again.
    desk.take_back(gone).await?;
    erase(&desk.house, gone.user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn notifications(
    State(desk): State<Desk>,
    Path(user): Path<String>,
    Extension(caller): Extension<Caller>,
    Query(which): Query<Which>,
) -> Result<Json<Notifications>, Problem> {
    let by = desk.speaker(&caller, id(&user)).await?;
    which.page(&desk.house, by.user).await.map(Json)
}

async fn subscribe(
    State(desk): State<Desk>,
    Path(user): Path<String>,
    Extension(caller): Extension<Caller>,
    _: Manner,
    Query(Nothing {}): Query<Nothing>,
    Untyped(wanted): Untyped<Subscriptions>,
) -> Result<Json<Subscriptions>, Problem> {
    let by = desk.speaker(&caller, id(&user)).await?;
    wanted.keep(&desk.house, by.user).await.map(Json)
}

/// Here a command is answered at once, unless somebody wants to wait.
fn manner_of(wish: Wish, sync: bool) -> Wish {
    Wish { prefer: Prefer { respond_async: !sync, ..wish.prefer }, ..wish }
}
