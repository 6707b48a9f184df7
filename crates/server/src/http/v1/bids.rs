//! Bidding: placing a bid, accepting the clock, buying now, taking back, striking out. Names the
//! command and nothing more; what is legal is judged by `gavel_auction` alone.

use super::ask::{Manner, Wish, put_with_note};
use super::extract::{Of, OfBid, id};
use super::reply::{Bought, Placed, Undone};
use crate::audit::kept::Watched;
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::body::{Strict, StrictOrEmpty};
use crate::http::error::Problem;
use crate::http::limits::Bidder;
use crate::http::query::{Nothing, Query};
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use gavel_auction::command::{Action, Offer, PlaceBid};
use gavel_auction::event::{Channel, Reason};
use gavel_auction::ids::{AuctionId, Paddle, Version};
use gavel_auction::money::{Amount, Currency};
use http::request::Parts;
use http::{Method, StatusCode};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .routes(routes!(place))
        .routes(routes!(accept))
        .routes(routes!(buy_now))
        .routes(routes!(retract))
        .routes(routes!(void))
}

/// A bid: exactly one of `amount` and `maximum`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BidBody {
    /// In minor units; where bids are proxies it means the maximum.
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 9007199254740991_i64)]
    amount: Option<Amount>,
    /// The most the house may bid for you; only where bids are proxies.
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 9007199254740991_i64)]
    maximum: Option<Amount>,
    /// Whether an amount far above the smallest legal one is meant.
    #[serde(default)]
    confirm: bool,
    /// The currency you have in mind; refused if it is not the auction's.
    #[schema(value_type = Option<String>, example = "EUR")]
    currency: Option<Currency>,
    /// Only if no other event came first.
    #[schema(value_type = Option<u64>)]
    expected_version: Option<Version>,
    /// The paddle a clerk bids for.
    #[schema(value_type = Option<i64>)]
    on_behalf_of: Option<Paddle>,
    /// How such a bid came: floor (default), phone, absentee.
    #[schema(value_type = Option<String>, example = "phone")]
    channel: Option<Channel>,
}

impl BidBody {
    fn action(&self) -> Result<Action, Problem> {
        let offer = match (self.amount, self.maximum) {
            (Some(amount), None) => Offer::Amount(amount),
            (None, Some(maximum)) => Offer::Maximum(maximum),
            (None, None) => return Err(Problem::malformed("amount", "give amount or maximum")),
            (Some(_), Some(_)) => {
                return Err(Problem::malformed("maximum", "give amount or maximum, not both"));
            }
        };
        if self.channel.is_some() && self.on_behalf_of.is_none() {
            return Err(Problem::malformed("channel", "a channel goes with on_behalf_of"));
        }
        let channel = self.channel.unwrap_or(Channel::Floor);
        Ok(Action::Bid(PlaceBid {
            offer,
            currency: self.currency,
            confirm: self.confirm,
            on_behalf_of: self.on_behalf_of.map(|paddle| (paddle, channel)),
        }))
    }
}

/// What a buyer pays at most.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptBody {
    /// You buy at the clock's price, if that is at or below this.
    #[schema(value_type = i64, minimum = 1, maximum = 9007199254740991_i64)]
    price: Amount,
    #[schema(value_type = Option<u64>)]
    expected_version: Option<Version>,
}

/// Nothing but a condition.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BareBody {
    /// Only if no other event came first.
    #[schema(value_type = Option<u64>)]
    pub(crate) expected_version: Option<Version>,
}

/// Why a bid is taken back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RetractQuery {
    /// A code of the closed list; `mistake` if left out.
    #[param(value_type = Option<String>, example = "mistake")]
    reason: Option<Reason>,
    #[param(value_type = Option<u64>)]
    expected_version: Option<Version>,
}

/// Why a bid is struck out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VoidBody {
    /// A code of the closed list.
    #[schema(value_type = String, example = "suspected_fraud")]
    reason: Reason,
    /// Free text; kept beside the log, never in it.
    note: Option<String>,
    #[schema(value_type = Option<u64>)]
    expected_version: Option<Version>,
}

/// Places a bid.
#[utoipa::path(post, path = "/v1/auctions/{auction}/bids", tag = "bids",
    params(("auction" = i64, Path)),
    request_body = BidBody,
    responses((status = 201, body = Placed)))]
pub(crate) async fn place(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    place_of(&house, auction, by, parts, body).await
}

/// The auction, if a request places a bid and its path is written in the usual way.
pub(crate) fn is_bid(request: &Request) -> Option<AuctionId> {
    let path = request.uri().path();
    let auction = path.strip_prefix("/v1/auctions/")?.strip_suffix("/bids")?;
    if request.method() == Method::POST { id(auction).and_then(AuctionId::new) } else { None }
}

/// Places a bid for whoever comes beside the router and its gate. What the house's own people bid
/// has its line in the audit trail, as at the gate.
pub(crate) async fn place_bid(
    house: &House,
    auction: AuctionId,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let by = SignedIn::from_request_parts(&mut parts, house).await?;
    if !by.roles.is_staff() {
        return place_of(house, auction, by, parts, body).await;
    }
    let watched = Watched::bid(by.user, auction);
    let behind = house.clone();
    let placing = async move {
        let placed = place_of(&behind, auction, by, parts, body).await;
        placed.unwrap_or_else(IntoResponse::into_response)
    };
    // In a box, so that a bid's state stays small.
    Ok(Box::pin(watched.over(house, placing)).await)
}

async fn place_of(
    house: &House,
    auction: AuctionId,
    by: SignedIn,
    mut parts: Parts,
    body: Body,
) -> Result<Response, Problem> {
    let Bidder(bidder) = Bidder::of(by, &parts, house)?;
    let manner = Manner::from_request_parts(&mut parts, house).await?;
    let Query(Nothing {}) = Query::from_request_parts(&mut parts, house).await?;
    let Strict(body) =
        Strict::<BidBody>::from_request(Request::from_parts(parts, body), house).await?;
    let wish = Wish::of(&bidder, &manner, auction, body.expected_version);
    wish.take(house.clone(), body.action()?, StatusCode::CREATED).await
}

/// Buys at the clock's price.
#[utoipa::path(post, path = "/v1/auctions/{auction}/accept", tag = "bids",
    params(("auction" = i64, Path)),
    request_body = AcceptBody,
    responses((status = 201, body = Bought)))]
pub(crate) async fn accept(
    State(house): State<House>,
    Of(auction): Of,
    Bidder(bidder): Bidder,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<AcceptBody>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&bidder, &manner, auction, body.expected_version);
    wish.take(house, Action::Accept { price: body.price }, StatusCode::CREATED).await
}

/// Buys at the buy-now amount.
#[utoipa::path(post, path = "/v1/auctions/{auction}/buy-now", tag = "bids",
    params(("auction" = i64, Path)),
    request_body(content = Option<BareBody>, description = "may be left out"),
    responses((status = 201, body = Bought)))]
pub(crate) async fn buy_now(
    State(house): State<House>,
    Of(auction): Of,
    Bidder(bidder): Bidder,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    StrictOrEmpty(body): StrictOrEmpty<BareBody>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&bidder, &manner, auction, body.expected_version);
    wish.take(house, Action::BuyNow, StatusCode::CREATED).await
}

/// Takes one's own bid back.
#[utoipa::path(delete, path = "/v1/auctions/{auction}/bids/{bid}", tag = "bids",
    params(("auction" = i64, Path), ("bid" = u64, Path), RetractQuery),
    responses((status = 200, body = Undone)))]
pub(crate) async fn retract(
    State(house): State<House>,
    OfBid(auction, bid): OfBid,
    Bidder(bidder): Bidder,
    manner: Manner,
    Query(query): Query<RetractQuery>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&bidder, &manner, auction, query.expected_version);
    let reason = query.reason.unwrap_or(Reason::Mistake);
    wish.take(house, Action::Retract { bid, reason }, StatusCode::OK).await
}

/// Strikes a bid out.
#[utoipa::path(post, path = "/v1/auctions/{auction}/bids/{bid}/void", tag = "bids",
    params(("auction" = i64, Path), ("bid" = u64, Path)),
    request_body = VoidBody,
    responses((status = 200, body = Undone)))]
pub(crate) async fn void(
    State(house): State<House>,
    OfBid(auction, bid): OfBid,
    staff: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<VoidBody>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&staff, &manner, auction, body.expected_version);
    let action = Action::Void { bid, reason: body.reason };
    put_with_note(house, wish, action, body.note).await
}
