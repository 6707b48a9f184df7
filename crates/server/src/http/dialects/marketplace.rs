//! The dialect `marketplace`: auctions with a starting price and a duration, bids by username.
//! What it says and is told is described in `marketplace/openapi.json`, which it serves. Holds no
//! rule: what a legal bid is, `classic` says.

use super::Dialect;
use super::desk::{Behind, Bidding, Bids, Desk, Newest};
use crate::http::Peer;
use crate::http::body::Untyped;
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use crate::http::v1::ask::Manner;
use crate::http::v1::extract::Of;
use crate::http::v1::history::BidItem;
use crate::http::v1::listing::Creation;
use crate::permissions::Verb;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use gavel_auction::event::Fact;
use gavel_auction::ids::{AuctionId, BidId, Version};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::Schedule;
use gavel_auction::time::SECOND;
use gavel_auction::view::Head;
use gavel_engine::people::Listing;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

pub(super) const DIALECT: Dialect = Dialect {
    name: "marketplace",
    doors: &[
        ("/auctions", &[("POST", Verb::Sell)]),
        ("/auctions/{id}", &[("GET", Verb::SeeAuctions)]),
        ("/bids", &[("PUT", Verb::Bid)]),
        ("/bids/{id}", &[("GET", Verb::SeeAuctions), ("PUT", Verb::Bid)]),
        ("/openapi-3.0.json", &[("GET", Verb::SeeHouse)]),
    ],
    on_their_word: &[Verb::Sell, Verb::Bid],
    tokens: false,
    routes,
    wording: None,
};

const DESCRIPTION: &str = include_str!("marketplace/openapi.json");

fn routes() -> Router<Desk> {
    Router::new()
        .route("/auctions", post(create))
        .route("/auctions/{id}", get(show))
        .route("/bids", put(bid))
        .route("/bids/{id}", get(bids).put(bid_on))
        .route("/openapi-3.0.json", get(describe))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAuction {
    title: String,
    description: Option<String>,
    /// Minor units.
    starting_price: Amount,
    /// Seconds.
    duration: u32,
    /// Besides the text: who sells.
    seller_username: Option<String>,
}

#[derive(Serialize)]
struct Created {
    id: AuctionId,
}

#[derive(Serialize)]
struct Auction {
    id: AuctionId,
    title: String,
    description: Option<String>,
    seller_username: Option<String>,
    currency: Currency,
    starting_price: Option<Amount>,
    current_price: Option<Amount>,
    duration: Option<i64>,
    starts_at: Option<Stamp>,
    ends_at: Option<Stamp>,
    status: &'static str,
    bid_count: u64,
    winner_username: Option<String>,
    version: Version,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBid {
    bidder_username: String,
    bid_amount: Amount,
    /// Besides the text, which has no way to say it where the path does not.
    auction_id: Option<AuctionId>,
    /// Only if the auction is still at this version.
    version: Option<Version>,
}

#[derive(Serialize)]
struct Placed {
    id: BidId,
    auction_id: AuctionId,
    bidder_username: String,
    bid_amount: Amount,
    current_price: Option<Amount>,
    status: &'static str,
    timestamp: Stamp,
    version: Version,
}

#[derive(Serialize)]
struct Bid {
    id: BidId,
    auction_id: AuctionId,
    bidder_id: i64,
    bidder_username: Option<String>,
    price: Amount,
    timestamp: Stamp,
}

async fn create(
    State(desk): State<Desk>,
    Peer(from): Peer,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Untyped(body): Untyped<NewAuction>,
) -> Result<(StatusCode, Json<Created>), Problem> {
    let NewAuction { title, description, starting_price, duration, seller_username } = body;
    let schedule = Schedule { duration_seconds: Some(duration), ..Schedule::default() };
    let slots = Slots {
        starting_price: Some(starting_price),
        schedule: Some(schedule),
        ..Slots::default()
    };
    let listing = Listing { title, description, ..Listing::default() };
    let creation = Creation::of(listing, desk.currency(), Preset::Classic, slots)?;
    let seller = match &seller_username {
        Some(name) => desk.person(name, from).await?,
        None => desk.seller().await?,
    };
    let wish = creation.wish(&desk.house, seller, &manner).await?;
    creation.put(&desk.house, &wish).await?;
    Ok((StatusCode::CREATED, Json(Created { id: wish.auction() })))
}

async fn show(
    State(desk): State<Desk>,
    Of(auction): Of,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Auction>, Problem> {
    let head = desk.head(auction).await?;
    let house = desk.house.clone();
    house.aside(move |_| Auction::of(&desk, &head)).await?.map(Json)
}

async fn bid_on(
    State(desk): State<Desk>,
    Of(auction): Of,
    Peer(from): Peer,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Untyped(body): Untyped<NewBid>,
) -> Result<Json<Placed>, Problem> {
    if body.auction_id.is_some_and(|other| other != auction) {
        return Err(Problem::malformed("auction_id", "The path names another auction."));
    }
    body.put(&desk, auction, from, &manner).await.map(Json)
}

async fn bid(
    State(desk): State<Desk>,
    Peer(from): Peer,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Untyped(body): Untyped<NewBid>,
) -> Result<Json<Placed>, Problem> {
    let unsaid = || Problem::malformed("auction_id", "Say which auction.");
    let auction = body.auction_id.ok_or_else(unsaid)?;
    body.put(&desk, auction, from, &manner).await.map(Json)
}

async fn bids(
    State(desk): State<Desk>,
    Of(auction): Of,
    Query(which): Query<Newest>,
) -> Result<(HeaderMap, Json<Vec<Bid>>), Problem> {
    let head = desk.head(auction).await?;
    let Bids { all, link } = desk.bids(head, format!("/bids/{auction}"), which).await?;
    let shown = all.into_iter().filter_map(|(bid, behind)| Bid::of(auction, &bid, behind));
    Ok((link, Json(shown.collect())))
}

async fn describe() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DESCRIPTION)
}

impl NewBid {
    async fn put(
        self,
        desk: &Desk,
        auction: AuctionId,
        from: IpAddr,
        manner: &Manner,
    ) -> Result<Placed, Problem> {
        let Self { bid_amount: amount, version, .. } = self;
        let bid = Bidding { auction, amount, version, from, manner };
        let accepted = desk.bid(bid, desk.person(&self.bidder_username, from)).await?.accepted;
        let shown = match &accepted.event.fact {
            Fact::BidPlaced(placed) => placed.now.shown.as_ref(),
            _ => None, // not ours to list: an accepted bid is that one
        };
        Ok(Placed {
            id: accepted.event.version,
            auction_id: auction,
            bidder_username: self.bidder_username,
            bid_amount: self.bid_amount,
            current_price: shown.and_then(|shown| shown.price),
            status: status(accepted.state),
            timestamp: Stamp(accepted.event.at),
            version: accepted.event.version,
        })
    }
}

impl Auction {
    /// Blocks on the store.
    fn of(desk: &Desk, head: &Head) -> Result<Self, Problem> {
        let view = desk.view(head);
        let listing = desk.house.engine.words().listing(head.auction)?;
        let winner = view.outcome.as_ref().and_then(|outcome| outcome.sale());
        let winner = winner.map(|sale| desk.behind(head, sale.winner)).transpose()?;
        let Schedule { starts_at, ends_at, duration_seconds } = head.terms.schedule;
        let starts_at = head.running.opened.or(starts_at);
        let ends_at = head.effective_end().or(ends_at);
        let between = starts_at.zip(ends_at).map(|(start, end)| end.since(start) / SECOND);
        let untouched = head.terms.starting_price.filter(|_| view.bid_count == 0);
        Ok(Self {
            id: head.auction,
            title: listing.title.clone(),
            description: listing.description.clone(),
            seller_username: desk.called(head.seller)?,
            currency: head.currency,
            starting_price: head.terms.starting_price,
            current_price: view.price.or(untouched),
            duration: duration_seconds.map(i64::from).or(between),
            starts_at: starts_at.map(Stamp),
            ends_at: ends_at.map(Stamp),
            status: status(view.state),
            bid_count: view.bid_count,
            winner_username: winner.and_then(Behind::name),
            version: head.version,
        })
    }
}

impl Bid {
    fn of(auction: AuctionId, bid: &BidItem, behind: Behind) -> Option<Self> {
        Some(Self {
            id: bid.bid,
            auction_id: auction,
            bidder_id: bid.paddle?.get(),
            bidder_username: behind.name(),
            price: bid.amount.or(bid.price)?,
            timestamp: bid.at,
        })
    }
}

/// The three words that there are here.
fn status(state: &str) -> &'static str {
    match state {
        "sold" => "won",
        "passed" | "cancelled" => "closed",
        _ => "active", // not ours: words; of these, scheduled, open and on_hold
    }
}
