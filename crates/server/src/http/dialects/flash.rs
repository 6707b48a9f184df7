//! The dialect `flash`: live flash sales, by HTTP here and by Socket.IO in `live`. Whoever bids,
//! sells or speaks is known by his token. Holds no rule: what a legal bid is, and how the end
//! moves, the preset `flash` says.

pub(crate) mod state;
pub(crate) mod wire;

use super::Dialect;
use super::desk::Desk;
use crate::http::Peer;
use crate::http::actor::{Caller, SignedIn};
use crate::http::body::Untyped;
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use crate::http::v1::ask::{Manner, Wish, known};
use crate::http::v1::listing::Creation;
use crate::http::v1::proposal::schedule;
use crate::http::v1::render::username;
use crate::live::door;
use crate::live::tongue::Tongue;
use crate::permissions::Verb;
use axum::extract::{Extension, Path, Request, State};
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::{Json, Router};
use gavel_auction::command::{Action, Offer, PlaceBid};
use gavel_auction::ids::{AuctionId, BidId};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::view::Head;
use gavel_engine::lists::{Query as ListQuery, Sort};
use gavel_engine::people::Listing;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(super) const DIALECT: Dialect = Dialect {
    name: "flash",
    doors: &[
        ("/auctions", &[("GET", Verb::SeeAuctions), ("POST", Verb::Sell)]),
        ("/auctions/{auction}", &[("GET", Verb::SeeAuctions)]),
        ("/auctions/{auction}/state", &[("GET", Verb::SeeAuctions)]),
        ("/health", &[("GET", Verb::SeeHouse)]),
        ("/internal/bids", &[("POST", Verb::Bid)]),
        ("/socket.io/", &[("GET", Verb::SeeHouse), ("POST", Verb::SeeHouse)]),
    ],
    on_their_word: &[],
    tokens: true,
    routes,
    wording: None,
};

/// Auctions that may be passed over before a page begins.
const OFFSET: usize = 10_000;

fn routes() -> Router<Desk> {
    Router::new()
        .route("/auctions", get(list).post(create))
        .route("/auctions/{auction}", get(show))
        .route("/auctions/{auction}/state", get(stands))
        .route("/internal/bids", post(bid))
        .route("/health", get(health))
        .route("/socket.io/", any(sockets))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAuction {
    title: String,
    description: Option<String>,
    /// Seconds.
    duration: u32,
    category: Option<String>,
    starting_bid: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBid {
    auction_id: String,
    amount: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    status: Option<Status>,
    category: Option<String>,
    limit: Option<usize>,
    offset: Option<usize>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Live,
    Closed,
}

#[derive(Serialize)]
struct Auction {
    auction_id: String,
    host_user_id: String,
    host_username: Option<String>,
    title: String,
    description: Option<String>,
    /// Seconds.
    duration: Option<i64>,
    category: Option<String>,
    starting_bid: Box<RawValue>,
    created_at: Option<Stamp>,
    status: &'static str,
    winner_id: Option<String>,
    winning_bid: Option<Box<RawValue>>,
    ended_at: Option<Stamp>,
    /// There is no video here, which its columns say like this. A stream key is no field at all.
    ivs_channel_arn: Option<String>,
    ivs_playback_url: Option<String>,
}

#[derive(Serialize)]
struct Auctions {
    auctions: Vec<Auction>,
    limit: usize,
    offset: usize,
}

#[derive(Serialize)]
struct Bid {
    bid_id: BidId,
    auction_id: String,
    user_id: String,
    amount: Box<RawValue>,
    current_high_bid: Option<Box<RawValue>>,
    you_are_winning: bool,
    /// Whether the end moved, because it was near.
    extended: bool,
    effective_end: Option<Stamp>,
    version: u64,
}

/// The auction in a path.
fn named(text: &str) -> Result<AuctionId, Problem> {
    wire::auction(text).ok_or_else(Problem::not_found)
}

fn signed_in(caller: Caller) -> Result<SignedIn, Problem> {
    caller.0.ok_or_else(|| Problem::unauthenticated("Send `Authorization: Bearer TOKEN`."))
}

async fn create(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Untyped(body): Untyped<NewAuction>,
) -> Result<(StatusCode, Json<Auction>), Problem> {
    let by = signed_in(caller)?;
    let NewAuction { title, description, duration, category, starting_bid } = body;
    let wrong =
        || Problem::malformed("starting_bid", "A decimal such as 10000.00, at most 99999999.99.");
    let starting_bid = wire::amount(&starting_bid, desk.currency()).ok_or_else(wrong)?;
    let schedule = Some(schedule(None, None, Some(duration)));
    let slots = Slots { starting_price: Some(starting_bid), schedule, ..Slots::default() };
    let listing = Listing { title, description, category, ..Listing::default() };
    let creation = Creation::of(listing, desk.currency(), Preset::Flash, slots)?;
    let wish = creation.wish(&desk.house, by.person(), &manner).await?;
    creation.put(&desk.house, &wish).await?;
    let head = desk.head(wish.auction()).await?;
    Ok((StatusCode::CREATED, desk.described(head).await.map(Json)?))
}

async fn show(
    State(desk): State<Desk>,
    Path(auction): Path<String>,
    Extension(caller): Extension<Caller>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Auction>, Problem> {
    let head = known(&desk.house, named(&auction)?, &caller.viewer()).await?;
    desk.described(head).await.map(Json)
}

async fn stands(
    State(desk): State<Desk>,
    Path(auction): Path<String>,
    Extension(caller): Extension<Caller>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<state::State>, Problem> {
    let head = known(&desk.house, named(&auction)?, &caller.viewer()).await?;
    desk.house.aside(move |house| state::State::read(house, &head)).await?.map(Json)
}

async fn list(
    State(desk): State<Desk>,
    Query(which): Query<Which>,
) -> Result<Json<Auctions>, Problem> {
    let limit = which.limit.unwrap_or(20);
    let offset = which.offset.unwrap_or(0);
    if !(1..=100).contains(&limit) {
        return Err(Problem::malformed("limit", "A page has 1 to 100 auctions."));
    }
    if offset > OFFSET {
        return Err(Problem::malformed("offset", "At most 10,000 auctions are passed over."));
    }
    let query = which.query(limit + offset);
    let read = move |desk: Desk| -> Result<Vec<Auction>, Problem> {
        let rows = desk.house.engine.lists().page(&query)?.rows;
        let heads = rows.iter().skip(offset).filter_map(|(_, id)| desk.house.engine.head(*id));
        heads.map(|head| Auction::of(&desk, &head)).collect()
    };
    let for_it = desk.clone();
    let auctions = desk.house.aside(move |_| read(for_it)).await??;
    Ok(Json(Auctions { auctions, limit, offset }))
}

async fn bid(
    State(desk): State<Desk>,
    (Peer(from), Extension(caller)): (Peer, Extension<Caller>),
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Untyped(NewBid { auction_id, amount }): Untyped<NewBid>,
) -> Result<(StatusCode, Json<Bid>), Problem> {
    let by = signed_in(caller)?;
    desk.house.limits.bid(by.user.get(), from, desk.house.now())?;
    let head = known(&desk.house, named(&auction_id)?, &by.viewer()).await?;
    let wrong = || Problem::malformed("amount", "A decimal such as 15000.00, at most 99999999.99.");
    let offer = wire::amount(&amount, head.currency).ok_or_else(wrong)?;
    let action = Action::Bid(PlaceBid::of(Offer::Amount(offer)));
    let done = Wish::of(&by, &manner, head.auction, None).put(&desk.house, action).await?;
    Ok((StatusCode::CREATED, Json(Bid::of(&head, &by, &done.accepted.event, amount))))
}

async fn health(State(desk): State<Desk>) -> (StatusCode, Json<Value>) {
    match desk.house.ready.load(Ordering::Acquire) {
        true => (StatusCode::OK, Json(json!({ "status": "healthy" }))),
        false => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "unhealthy" }))),
    }
}

/// The live room, for those who speak this dialect.
async fn sockets(State(desk): State<Desk>, mut request: Request) -> Response {
    request.extensions_mut().insert(Tongue::Flash);
    door::answer(&desk.house, request).await
}

impl Which {
    fn query(self, limit: usize) -> ListQuery {
        let states: &[&str] = match self.status {
            None => &["open", "on_hold", "sold", "passed", "cancelled"],
            Some(Status::Live) => &["open", "on_hold"],
            Some(Status::Closed) => &["sold", "passed", "cancelled"],
        };
        ListQuery {
            states: states.iter().map(|word| (*word).to_owned()).collect(),
            drafts: false,
            category: self.category,
            seller: None,
            text: None,
            sort: Sort::Newest,
            after: None,
            limit,
        }
    }
}

impl Desk {
    async fn described(&self, head: Arc<Head>) -> Result<Auction, Problem> {
        let desk = self.clone();
        self.house.aside(move |_| Auction::of(&desk, &head)).await?
    }
}

impl Auction {
    /// An auction as everybody may know of it. May block on the store.
    fn of(desk: &Desk, head: &Head) -> Result<Self, Problem> {
        let house = &desk.house;
        let listing = house.engine.words().listing(head.auction)?;
        let sale = head.outcome().and_then(|outcome| outcome.sale());
        let winner = sale.map(|sale| state::Known::of(house, head, sale.winner)).transpose()?;
        let seconds = |end: gavel_auction::time::Time| {
            Some(end.since(head.running.opened?) / gavel_auction::time::SECOND)
        };
        let schedule = head.terms.schedule.duration_seconds.map(i64::from);
        Ok(Self {
            auction_id: wire::of_auction(head.auction),
            host_user_id: wire::of_user(head.seller),
            host_username: username(house, head.seller)?,
            title: listing.title.clone(),
            description: listing.description.clone(),
            duration: schedule.or_else(|| head.running.scheduled_end.and_then(seconds)),
            category: listing.category.clone(),
            starting_bid: wire::decimal(head.terms.start(), head.currency),
            created_at: head.running.opened.map(Stamp),
            status: state::status(&head.phase),
            winner_id: winner.and_then(|winner| winner.id),
            winning_bid: sale.map(|sale| wire::decimal(sale.hammer_price, head.currency)),
            ended_at: head.outcome().and(head.effective_end()).map(Stamp),
            ivs_channel_arn: None,
            ivs_playback_url: None,
        })
    }
}

impl Bid {
    fn of(
        head: &Head,
        by: &SignedIn,
        event: &gavel_auction::event::Event,
        amount: Box<RawValue>,
    ) -> Self {
        let placed = match &event.fact {
            gavel_auction::event::Fact::BidPlaced(placed) => Some(placed),
            _ => None, // not ours to list: an accepted bid may be a purchase as well
        };
        let shown = placed.and_then(|placed| placed.now.shown.as_ref());
        let own = placed.and_then(|placed| placed.paddle);
        let money = |amount| wire::decimal(amount, head.currency);
        let said = placed.and_then(|placed| placed.amount).map(money);
        Self {
            bid_id: event.version,
            auction_id: wire::of_auction(event.auction),
            user_id: wire::of_user(by.user),
            amount: said.unwrap_or(amount),
            current_high_bid: shown.and_then(|shown| shown.price).map(money),
            you_are_winning: own.is_some() && own == shown.and_then(|shown| shown.leader),
            extended: placed.is_some_and(|placed| placed.now.extended),
            effective_end: placed.map(|placed| Stamp(placed.now.end)),
            version: event.version,
        }
    }
}
