//! Why a bid stands as it does, for its bidder and for the clerk who placed it. The judgement and
//! its words are `gavel_auction::explain`'s, which is given public facts and the asker's own
//! amounts only; here is settled who asks and which amounts are his.

use super::about::{At, ReadQuery, Unless};
use super::ask::at_least;
use super::extract::OfBid;
use super::render::OutcomeView;
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::error::Problem;
use crate::http::query::Query;
use axum::extract::State;
use axum::response::Response;
use gavel_auction::event::{Event, Fact};
use gavel_auction::explain::{Asked, explain};
use gavel_auction::ids::{AuctionId, BidId, Paddle, UserId, Version};
use gavel_auction::money::Amount;
use gavel_auction::view::Head;
use gavel_engine::history::HistoryEvent;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(explanation))
}

/// Why a bid stands as it does.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExplanationView {
    #[schema(value_type = i64)]
    auction: AuctionId,
    #[schema(value_type = u64)]
    bid: BidId,
    #[schema(value_type = i64)]
    paddle: Paddle,
    /// leading, outbid_at_once, outbid, standing, sealed, replaced, retracted, voided, won, lost,
    /// bought, reserve_not_met, cancelled.
    code: &'static str,
    /// The same in words.
    text: String,
    /// The event that made it so.
    #[schema(value_type = Option<u64>)]
    by: Option<Version>,
    /// The public price after that event.
    #[schema(value_type = Option<i64>)]
    price: Option<Amount>,
    /// Who led after that event.
    #[schema(value_type = Option<i64>)]
    leader: Option<Paddle>,
    /// The bid's own amount, or its maximum where bids are proxies.
    #[schema(value_type = Option<i64>)]
    yours: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<OutcomeView>,
    #[serde(flatten)]
    at: At,
}

/// Why one's bid stands as it does.
#[utoipa::path(get, path = "/v1/auctions/{auction}/bids/{bid}/explanation", tag = "evidence",
    params(("auction" = i64, Path), ("bid" = u64, Path), ReadQuery),
    responses((status = 200, body = ExplanationView)))]
pub(crate) async fn explanation(
    State(house): State<House>,
    OfBid(auction, bid): OfBid,
    caller: SignedIn,
    Query(query): Query<ReadQuery>,
    unless: Unless,
) -> Result<Response, Problem> {
    let head = at_least(&house, auction, &caller.viewer(), query.at_least).await?;
    let told =
        move |house: &House| unless.reply(head.version, &tell(house, &head, bid, caller.user)?);
    house.aside(told).await?
}

/// Blocks on the store.
fn tell(house: &House, head: &Head, bid: BidId, user: UserId) -> Result<ExplanationView, Problem> {
    let auction = head.auction;
    let whole = usize::try_from(head.version).unwrap_or(usize::MAX);
    let history = house.engine.history(auction, 0, whole)?;
    let is_it = |past: &&HistoryEvent| {
        past.event.version == bid && matches!(past.event.fact, Fact::BidPlaced(_))
    };
    let paddle = history.iter().find(is_it).and_then(|past| past.event.bidder());
    let paddle = paddle.ok_or_else(Problem::not_found)?;
    let mine = house.engine.mine(auction, user).map(|mine| mine.paddle) == Some(paddle);
    let may_know = |past: &&HistoryEvent| {
        past.event.bidder() == Some(paddle) && (mine || past.event.hidden.clerk == Some(user))
    };
    let own = history.iter().filter(may_know);
    let own = own.filter_map(|past| Some((past.event.version, amount_of(&past.event)?))).collect();
    let asked = Asked { bid, paddle, own: &own };
    if !own.contains_key(&bid) {
        return Err(Problem::forbidden("A bid is explained to its bidder, or the clerk who bid."));
    }
    let facts = history.iter().map(|past| (past.event.version, &past.event.fact));
    let told = explain(&asked, facts).ok_or_else(Problem::not_found)?;
    Ok(ExplanationView {
        auction,
        bid,
        paddle,
        code: told.why.code(),
        text: told.text,
        by: told.by,
        price: told.price,
        leader: told.leader,
        yours: own.get(&bid).copied(),
        outcome: told.outcome.as_ref().map(OutcomeView::of),
        at: At::of(house, head),
    })
}

fn amount_of(event: &Event) -> Option<Amount> {
    let Fact::BidPlaced(placed) = &event.fact else { return None };
    placed.amount.or(event.hidden.maximum).or(event.hidden.amount)
}
