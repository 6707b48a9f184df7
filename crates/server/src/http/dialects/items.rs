//! The dialect `items`: things that are sold to whoever has bid most when a job looks. Three
//! routes; who bids is whoever the body says. Holds no rule: what a legal bid is, `classic` says.

use super::Dialect;
use super::desk::{Behind, Bidding, Bids, Desk, Newest};
use crate::http::Peer;
use crate::http::body::Untyped;
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use crate::http::v1::ask::Manner;
use crate::http::v1::extract::Of;
use crate::http::v1::history::BidItem;
use crate::http::v1::listing::Creation;
use crate::permissions::Verb;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use gavel_auction::ids::{AuctionId, BidId, Paddle};
use gavel_auction::money::Amount;
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{Certify, Schedule};
use gavel_auction::time::{SECOND, Time};
use gavel_auction::view::Head;
use gavel_engine::people::Listing;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub(super) const DIALECT: Dialect = Dialect {
    name: "items",
    doors: &[
        ("/item", &[("POST", Verb::Sell)]),
        ("/item/{id}", &[("GET", Verb::SeeAuctions)]),
        ("/item/{id}/bid", &[("POST", Verb::Bid)]),
    ],
    on_their_word: &[Verb::Sell, Verb::Bid],
    tokens: false,
    routes,
    wording: None,
};

/// Users of this dialect have numbers below this one. Above are those of whom it may not say more
/// than their paddle.
const STRANGERS: i64 = 1 << 52;

fn routes() -> Router<Desk> {
    Router::new()
        .route("/item", post(create))
        .route("/item/{id}", get(show))
        .route("/item/{id}/bid", post(bid))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewItem {
    /// Seconds since 1970.
    auction_end_date: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBid {
    amount: Amount,
    user_id: i64,
}

#[derive(Serialize)]
struct Item {
    id: AuctionId,
    auction_end_date: Option<Box<RawValue>>,
    highest_bidder: Option<i64>,
    bids: Vec<Bid>,
}

#[derive(Serialize)]
struct Bid {
    id: BidId,
    amount: Amount,
    item_id: AuctionId,
    user_id: i64,
}

/// The bare id of the new item.
async fn create(
    State(desk): State<Desk>,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Untyped(body): Untyped<NewItem>,
) -> Result<Json<AuctionId>, Problem> {
    let ends_at = body.auction_end_date.checked_mul(SECOND).map(Time);
    let early = || Problem::malformed("auction_end_date", "Seconds since 1970.");
    let schedule = Schedule { ends_at: Some(ends_at.ok_or_else(early)?), ..Schedule::default() };
    let certify = Some(Certify::Manual);
    let slots = Slots { certify, schedule: Some(schedule), ..Slots::default() };
    let listing = Listing { title: "Item".to_owned(), ..Listing::default() };
    let creation = Creation::of(listing, desk.currency(), Preset::Classic, slots)?;
    let wish = creation.wish(&desk.house, desk.seller().await?, &manner).await?;
    creation.put(&desk.house, &wish).await?;
    Ok(Json(wish.auction()))
}

/// The bare id of the bid.
async fn bid(
    State(desk): State<Desk>,
    Of(item): Of,
    Peer(from): Peer,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Untyped(NewBid { amount, user_id }): Untyped<NewBid>,
) -> Result<Json<BidId>, Problem> {
    if !(1..STRANGERS).contains(&user_id) {
        return Err(Problem::malformed("user_id", "A positive whole number below 2^52."));
    }
    let bid = Bidding { auction: item, amount, version: None, from, manner: &manner };
    let done = desk.bid(bid, desk.person(&user_id.to_string(), from)).await?;
    Ok(Json(done.accepted.event.version))
}

async fn show(
    State(desk): State<Desk>,
    Of(item): Of,
    Query(which): Query<Newest>,
) -> Result<(HeaderMap, Json<Item>), Problem> {
    let head = desk.head(item).await?;
    let Bids { all, link } = desk.bids(head.clone(), format!("/item/{item}"), which).await?;
    let ends_at = head.running.scheduled_end.or(head.terms.schedule.ends_at);
    let shown = |(bid, behind): &(BidItem, Behind)| {
        let amount = bid.amount.or(bid.price)?;
        let user_id = number(bid.paddle?, behind);
        Some(Bid { id: bid.bid, amount, item_id: item, user_id })
    };
    let shown = Item {
        id: item,
        auction_end_date: ends_at.map(seconds),
        highest_bidder: highest_bidder(&desk, &head)?,
        bids: all.iter().filter_map(shown).collect(),
    };
    Ok((link, Json(shown)))
}

/// Null until the result is certified; then who won, or -1.
fn highest_bidder(desk: &Desk, head: &Head) -> Result<Option<i64>, Problem> {
    let outcome = head.outcome().filter(|_| head.certified.is_some());
    let Some(outcome) = outcome else { return Ok(None) };
    let Some(sale) = outcome.sale() else { return Ok(Some(-1)) };
    let behind = desk.behind(head, sale.winner)?;
    Ok(Some(number(sale.winner, &behind)))
}

/// A bidder's number: the one he gave, or one that tells no more than his paddle.
fn number(paddle: Paddle, behind: &Behind) -> i64 {
    let given = match behind {
        Behind::Own(name) => name.parse().ok(),
        Behind::Other(_) | Behind::Hidden => None,
    };
    given.unwrap_or(STRANGERS + paddle.get())
}

/// Seconds since 1970 with decimals, at least one: as a float is written, without being one.
fn seconds(time: Time) -> Box<RawValue> {
    let sign = if time.0 < 0 { "-" } else { "" };
    let (whole, rest) = (time.0.unsigned_abs() / 1_000_000, time.0.unsigned_abs() % 1_000_000);
    let decimals = format!("{rest:06}");
    let decimals = decimals.trim_end_matches('0');
    let text = format!("{sign}{whole}.{}", if decimals.is_empty() { "0" } else { decimals });
    RawValue::from_string(text).expect("digits are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s0_16_seconds_look_like_a_float() {
        for (micros, text) in [
            (1_619_981_640_000_000, "1619981640.0"),
            (1_619_981_640_250_000, "1619981640.25"),
            (1, "0.000001"),
            (-1_500_000, "-1.5"),
        ] {
            assert_eq!(seconds(Time(micros)).get(), text);
        }
    }
}
