//! The bids of an auction as the audience may see them: paddles, not names; nothing of a sealed
//! bid before the result is certified; of a proxy only what it did to the price. One's own bids
//! with one's own maximum.

use super::about::{At, Unless};
use super::ask::at_least;
use super::cursor::Cursor;
use super::events::limit;
use super::extract::Of;
use super::ledger::Line;
use super::render::paddles;
use crate::house::House;
use crate::http::actor::{Caller, SignedIn};
use crate::http::error::Problem;
use crate::http::query::Query;
use crate::http::time::Stamp;
use axum::extract::State;
use axum::response::Response;
use gavel_auction::event::Channel;
use gavel_auction::ids::{BidId, Paddle, Version};
use gavel_auction::money::Amount;
use gavel_auction::outcome::{Outcome, Sale};
use gavel_auction::terms::{Direction, Pricing};
use gavel_auction::view::Head;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(bids)).routes(routes!(own_bids))
}

/// Which bids.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BidsQuery {
    /// 1 to 100; 20 if left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Waits up to two seconds for this version.
    #[param(value_type = Option<u64>)]
    at_least: Option<Version>,
}

/// A page of bids, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BidsPage {
    items: Vec<BidItem>,
    next_cursor: Option<String>,
    /// Usernames by paddle, where bidders are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    paddles: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    at: At,
}

/// A bid as everybody may see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BidItem {
    #[schema(value_type = u64)]
    pub(crate) bid: BidId,
    /// Null while it is hidden.
    #[schema(value_type = Option<i64>)]
    pub(crate) paddle: Option<Paddle>,
    /// Null while it is hidden; always null for a proxy bid.
    #[schema(value_type = Option<i64>)]
    pub(crate) amount: Option<Amount>,
    /// The price after it; null while it is hidden.
    #[schema(value_type = Option<i64>)]
    pub(crate) price: Option<Amount>,
    pub(crate) at: Stamp,
    /// How it came, where a clerk placed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    channel: Option<Channel>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retracted: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    voided: bool,
    /// Whether the house doubled it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) promoted: bool,
}

/// The first so many bids of an auction that stand, as everybody may see them, the oldest first.
/// Blocks on the store.
///
/// # Errors
/// If the log cannot be read.
pub(crate) fn standing(house: &House, head: &Head, most: usize) -> Result<Vec<BidItem>, Problem> {
    let curtain = Curtain::of(head);
    house.ledgers.read(house, head.auction, |ledger| {
        let standing = ledger.after(0).iter().filter(|line| line.stands());
        standing.take(most).map(|line| curtain.item(line)).collect()
    })
}

/// So many bids of an auction that stand, the newest before this one, the oldest first; and whether
/// there are older ones. Blocks on the store.
///
/// # Errors
/// If the log cannot be read.
pub(crate) fn newest(
    house: &House,
    head: &Head,
    before: BidId,
    most: usize,
) -> Result<(Vec<BidItem>, bool), Problem> {
    let curtain = Curtain::of(head);
    house.ledgers.read(house, head.auction, |ledger| {
        let mut standing = ledger.before(before).iter().rev().filter(|line| line.stands());
        let newest = standing.by_ref().take(most).map(|line| curtain.item(line));
        let mut items: Vec<BidItem> = newest.collect();
        items.reverse();
        (items, standing.next().is_some())
    })
}

/// One bid of an auction, if it stands, as everybody may see it. Blocks on the store.
///
/// # Errors
/// If the log cannot be read.
pub(crate) fn stands(house: &House, head: &Head, bid: BidId) -> Result<Option<BidItem>, Problem> {
    let curtain = Curtain::of(head);
    house.ledgers.read(house, head.auction, |ledger| {
        ledger.line(bid).filter(|line| line.stands()).map(|line| curtain.item(line))
    })
}

/// A page of one's own bids, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnBidsPage {
    items: Vec<OwnBid>,
    next_cursor: Option<String>,
    #[serde(flatten)]
    at: At,
}

/// One's own bid.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnBid {
    #[schema(value_type = u64)]
    bid: BidId,
    #[schema(value_type = Option<i64>)]
    paddle: Option<Paddle>,
    /// Null for a proxy bid, which has a maximum instead.
    #[schema(value_type = Option<i64>)]
    amount: Option<Amount>,
    #[schema(value_type = Option<i64>)]
    maximum: Option<Amount>,
    at: Stamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    channel: Option<Channel>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retracted: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    voided: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    promoted: bool,
}

/// The bids of an auction.
#[utoipa::path(get, path = "/v1/auctions/{auction}/bids", tag = "bids",
    params(("auction" = i64, Path), BidsQuery),
    responses((status = 200, body = BidsPage)))]
pub(crate) async fn bids(
    State(house): State<House>,
    Of(auction): Of,
    caller: Caller,
    Query(query): Query<BidsQuery>,
    unless: Unless,
) -> Result<Response, Problem> {
    let page = Page::of(&query, &format!("bids of {auction}"))?;
    let head = at_least(&house, auction, &caller.viewer(), query.at_least).await?;
    let show = move |house: &House| {
        let Shown { lines, next_cursor, at } = page.of_all(house, &head)?;
        let curtain = Curtain::of(&head);
        let items: Vec<BidItem> = lines.iter().map(|line| curtain.item(line)).collect();
        let named = items.iter().filter_map(|item| item.paddle);
        let paddles = paddles(house, &head, named)?;
        unless.reply(at.version, &BidsPage { items, next_cursor, paddles, at })
    };
    house.aside(show).await?
}

/// One's own bids.
#[utoipa::path(get, path = "/v1/auctions/{auction}/bids/mine", tag = "bids",
    params(("auction" = i64, Path), BidsQuery),
    responses((status = 200, body = OwnBidsPage)))]
pub(crate) async fn own_bids(
    State(house): State<House>,
    Of(auction): Of,
    bidder: SignedIn,
    Query(query): Query<BidsQuery>,
    unless: Unless,
) -> Result<Response, Problem> {
    let viewer = bidder.viewer();
    let page = Page::of(&query, &format!("own bids of {auction}"))?;
    let head = at_least(&house, auction, &viewer, query.at_least).await?;
    let show = move |house: &House| {
        let mine = viewer.user.and_then(|user| house.engine.mine(auction, user));
        let paddle = mine.map(|mine| mine.paddle);
        let shown = page.of_one(house, &head, paddle)?;
        let items = shown.lines.iter().map(own_bid).collect();
        let Shown { next_cursor, at, .. } = shown;
        unless.reply(at.version, &OwnBidsPage { items, next_cursor, at })
    };
    house.aside(show).await?
}

fn own_bid(line: &Line) -> OwnBid {
    OwnBid {
        bid: line.bid,
        paddle: line.paddle,
        amount: line.amount.or(line.sealed_amount),
        maximum: line.maximum,
        at: Stamp(line.at),
        channel: line.channel,
        retracted: line.retracted,
        voided: line.voided,
        promoted: line.promoted,
    }
}

/// Which part of the bids is asked for.
struct Page {
    after: BidId,
    limit: usize,
    question: String,
}

/// That part.
struct Shown {
    lines: Vec<Line>,
    next_cursor: Option<String>,
    at: At,
}

impl Page {
    fn of(query: &BidsQuery, question: &str) -> Result<Self, Problem> {
        let limit = limit(query.limit, 20)?;
        let cursor = query.cursor.as_deref().map(|text| Cursor::read(text, question));
        let after = cursor.transpose()?.map_or(0, |cursor| cursor.id.unsigned_abs());
        Ok(Self { after, limit, question: question.to_owned() })
    }

    fn of_all(&self, house: &House, head: &Head) -> Result<Shown, Problem> {
        self.cut(house, head, |_| true)
    }

    fn of_one(&self, house: &House, head: &Head, paddle: Option<Paddle>) -> Result<Shown, Problem> {
        self.cut(house, head, |line| paddle.is_some() && line.paddle == paddle)
    }

    fn cut(
        &self,
        house: &House,
        head: &Head,
        wanted: impl Fn(&Line) -> bool,
    ) -> Result<Shown, Problem> {
        house.ledgers.read(house, head.auction, |ledger| {
            let mut after = ledger.after(self.after).iter().filter(|line| wanted(line));
            let lines: Vec<Line> = after.by_ref().take(self.limit).cloned().collect();
            let last = lines.last().filter(|_| after.next().is_some());
            let cursor = |last: &Line| {
                let id = i64::try_from(last.bid).unwrap_or(i64::MAX);
                Cursor { key: 0, id }.print(&self.question)
            };
            let at = At::of(house, ledger.head().unwrap_or(head));
            Shown { next_cursor: last.map(cursor), lines, at }
        })
    }
}

/// What is hidden of the bids of one auction from everybody.
struct Curtain<'a> {
    head: &'a Head,
    /// The sale, once it is not under seal any more.
    sale: Option<&'a Sale>,
}

impl<'a> Curtain<'a> {
    fn of(head: &'a Head) -> Self {
        let outcome = head.outcome().filter(|_| !head.is_under_seal());
        Self { head, sale: outcome.and_then(Outcome::sale) }
    }

    fn item(&self, line: &Line) -> BidItem {
        let sealed = self.head.terms.is_sealed();
        let hidden = sealed && self.sale.is_none();
        let amount = match (sealed, self.sale) {
            (false, _) => line.amount,
            (true, None) => None,
            (true, Some(sale)) => line.sealed_amount.filter(|_| !self.is_beyond(line, sale)),
        };
        BidItem {
            bid: line.bid,
            paddle: line.paddle.filter(|_| !hidden),
            amount,
            price: line.price,
            at: Stamp(line.at),
            channel: line.channel,
            retracted: line.retracted,
            voided: line.voided,
            promoted: line.promoted,
        }
    }

    /// Whether a bid tells how much further the winner of a second-price sale would have gone.
    fn is_beyond(&self, line: &Line, sale: &Sale) -> bool {
        let Some(amount) = line.sealed_amount else { return false };
        let further = match self.head.terms.direction {
            Direction::Forward => amount > sale.hammer_price,
            Direction::Reverse => amount < sale.hammer_price,
        };
        let second = self.head.terms.pricing == Pricing::SecondPrice;
        second && further && line.paddle == Some(sale.winner)
    }
}
