//! The promoter of one auction: whether it doubles bids by lot, how often, which bids it favours,
//! and which it has drawn. It draws in the auction's own log, where anybody can check it; here it
//! is only set and shown.

use super::about::{At, ReadQuery, Unless};
use super::amend::AmendBody;
use super::ask::{Manner, Wish, at_least};
use super::extract::Of;
use super::ledger::Draw;
use crate::house::House;
use crate::http::actor::{Caller, SignedIn};
use crate::http::body::Strict;
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use axum::extract::State;
use axum::response::Response;
use gavel_auction::event::Digest;
use gavel_auction::ids::{BidId, Paddle, Version};
use gavel_auction::money::Amount;
use gavel_auction::terms::{Promotion, Weight};
use gavel_auction::view::Head;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Draws that are shown.
const SHOWN: usize = 100;

/// Seconds of an interval, where nobody says.
const EVERY: u32 = 3600;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(show, set))
}

/// How the promoter is to work.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PromotionBody {
    /// Whether it works at all.
    on: bool,
    /// The length of an interval; an hour if left out.
    #[schema(minimum = 1)]
    every_seconds: Option<u32>,
    /// What makes a bid likelier to be drawn; all are alike if left out.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    weights: Vec<Weight>,
    /// Only if no other event came first.
    #[schema(value_type = Option<u64>)]
    expected_version: Option<Version>,
}

/// The promoter of an auction.
#[derive(Debug, Serialize, ToSchema)]
struct PromotionView {
    on: bool,
    every_seconds: Option<u32>,
    #[schema(value_type = Vec<Object>)]
    weights: Vec<Weight>,
    /// Whether it can no longer be changed: the auction has opened.
    locked: bool,
    /// What the seed of the draws is bound to; the certificate opens it.
    #[schema(value_type = Option<String>)]
    commitment: Option<Digest>,
    /// The latest hundred draws, the oldest first.
    draws: Vec<DrawView>,
    #[serde(flatten)]
    at: At,
}

/// A bid that was drawn.
#[derive(Debug, Serialize, ToSchema)]
struct DrawView {
    /// Counted from 0, in open time.
    interval: u64,
    #[schema(value_type = u64)]
    bid: BidId,
    #[schema(value_type = Option<i64>)]
    paddle: Option<Paddle>,
    /// Before it was doubled: the bidder pays no more than that.
    #[schema(value_type = Option<i64>)]
    amount: Option<Amount>,
    /// The event that tells of it.
    #[schema(value_type = u64)]
    version: Version,
    at: Stamp,
}

/// The promoter of an auction, and what it has drawn
#[utoipa::path(get, path = "/v1/auctions/{auction}/promotion", tag = "auctions",
    params(("auction" = i64, Path), ReadQuery), responses((status = 200, body = PromotionView)))]
async fn show(
    State(house): State<House>,
    Of(auction): Of,
    caller: Caller,
    Query(query): Query<ReadQuery>,
    unless: Unless,
) -> Result<Response, Problem> {
    let head = at_least(&house, auction, &caller.viewer(), query.at_least).await?;
    let show = move |house: &House| {
        let view = view(house, &head)?;
        unless.reply(view.at.version, &view)
    };
    house.aside(show).await?
}

/// Set the promoter of your auction, before it opens
#[utoipa::path(put, path = "/v1/auctions/{auction}/promotion", tag = "auctions",
    params(("auction" = i64, Path)), request_body = PromotionBody,
    security(("bearer" = [])), responses((status = 200, body = super::reply::Stands)))]
async fn set(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<PromotionBody>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&by, &manner, auction, body.expected_version);
    let amendment = AmendBody::of_promotion(body.promotion()?);
    let work = |wish, house: House| async move {
        amendment.put(&house, wish).await?.reply(&house, StatusCode::OK).await
    };
    wish.settle(house, work).await
}

impl PromotionBody {
    fn promotion(self) -> Result<Promotion, Problem> {
        let Self { on, every_seconds, weights, .. } = self;
        match on {
            true => {
                Ok(Promotion::Double { every_seconds: every_seconds.unwrap_or(EVERY), weights })
            }
            false if every_seconds.is_none() && weights.is_empty() => Ok(Promotion::None {}),
            false => Err(Problem::malformed("on", "What is off has no interval and no weights.")),
        }
    }
}

/// What there is to show. Blocks on the store.
fn view(house: &House, head: &Head) -> Result<PromotionView, Problem> {
    let read = |ledger: &super::ledger::Ledger| {
        let draws = ledger.draws();
        let shown = draws.iter().skip(draws.len().saturating_sub(SHOWN));
        let lines = |draw: &Draw| {
            let line = ledger.line(draw.bid);
            DrawView {
                interval: draw.interval,
                bid: draw.bid,
                paddle: line.and_then(|line| line.paddle),
                amount: line.and_then(|line| line.amount),
                version: draw.version,
                at: Stamp(draw.at),
            }
        };
        (shown.map(lines).collect(), ledger.seed(), At::of(house, ledger.head().unwrap_or(head)))
    };
    let (draws, commitment, at) = house.ledgers.read(house, head.auction, read)?;
    let (on, every_seconds, weights) = match &head.terms.promotion {
        Promotion::None {} => (false, None, Vec::new()),
        Promotion::Double { every_seconds, weights } => {
            (true, Some(*every_seconds), weights.clone())
        }
    };
    let locked = head.running.opened.is_some();
    let commitment = commitment.filter(|_| on);
    Ok(PromotionView { on, every_seconds, weights, locked, commitment, draws, at })
}
