//! Bids. A bid's number is made of its auction's and its own there.

use super::auctions::heads;
use super::filter::{Filter, MOST};
use super::{Numbered, Who, acting, millis, stays};
use crate::house::House;
use crate::http::Peer;
use crate::http::actor::Caller;
use crate::http::body::Untyped;
use crate::http::dialects::desk::{Bidding, Desk};
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use crate::http::v1::ask::Manner;
use crate::http::v1::extract::id as number;
use crate::http::v1::history::{BidItem, standing, stands};
use axum::extract::State;
use axum::{Extension, Json};
use gavel_auction::ids::{AuctionId, BidId};
use gavel_auction::money::Amount;
use gavel_auction::view::{Head, Viewer};
use http::Uri;
use serde::{Deserialize, Serialize};
use std::future::ready;
use std::sync::Arc;

const FIELDS: [&str; 5] = ["id", "auction", "user", "amount", "created_at"];

/// Bits of a bid's number that are its own; the rest is its auction's.
const OWN: u32 = 22;

/// A new bid. Who is signed in need not say who he is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBid {
    auction: AuctionId,
    user: Option<i64>,
    amount: Amount,
}

/// A bid.
#[derive(Serialize)]
pub(super) struct Bid {
    id: i64,
    auction: AuctionId,
    user: Option<Who>,
    amount: Amount,
    created_at: i64,
}

/// One number of two; none where they are too large for it.
fn joined(auction: AuctionId, bid: BidId) -> Option<i64> {
    let bid = i64::try_from(bid).ok().filter(|bid| *bid < 1 << OWN)?;
    Some(auction.get()).filter(|auction| *auction < 1 << (53 - OWN)).map(|a| (a << OWN) | bid)
}

/// The two numbers that one was made of.
fn parted(id: i64) -> Option<(AuctionId, BidId)> {
    let bid = id & ((1 << OWN) - 1);
    Some((AuctionId::new(id >> OWN)?, bid.unsigned_abs()))
}

impl Bid {
    /// A bid as everybody may see it, if there is an amount to see. Blocks on the store.
    fn of(desk: &Desk, head: &Head, bid: &BidItem) -> Result<Option<Self>, Problem> {
        let shown = joined(head.auction, bid.bid).zip(bid.amount.or(bid.price));
        let Some((id, amount)) = shown else { return Ok(None) };
        let user = bid.paddle.map(|paddle| Who::behind(desk, head, paddle)).transpose()?.flatten();
        let (auction, created_at) = (head.auction, millis(bid.at.0));
        Ok(Some(Self { id, auction, user, amount, created_at }))
    }
}

pub(super) async fn list(State(desk): State<Desk>, uri: Uri) -> Result<Json<Vec<Bid>>, Problem> {
    let filter = Filter::of(&uri, &FIELDS)?;
    super::page(&desk, filter, all).await
}

pub(super) async fn count(State(desk): State<Desk>, uri: Uri) -> Result<Json<usize>, Problem> {
    let filter = Filter::of(&uri, &FIELDS)?;
    super::count(&desk, filter, all).await
}

pub(super) async fn show(
    State(desk): State<Desk>,
    Numbered(id): Numbered,
) -> Result<Json<Bid>, Problem> {
    let id = number(&id).ok_or_else(Problem::not_found)?;
    let (auction, bid) = parted(id).ok_or_else(Problem::not_found)?;
    let head = desk.head(auction).await?;
    let house = desk.house.clone();
    let read = move |house: &House| match stands(house, &head, bid)? {
        Some(bid) => Bid::of(&desk, &head, &bid),
        None => Ok(None),
    };
    house.aside(read).await??.map(Json).ok_or_else(Problem::not_found)
}

pub(super) async fn place(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Peer(from): Peer,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Untyped(NewBid { auction, user, amount }): Untyped<NewBid>,
) -> Result<Json<Bid>, Problem> {
    let by = acting(&desk, &caller, user).await?;
    let bid = Bidding { auction, amount, version: None, from, manner: &manner };
    let done = desk.bid(bid, ready(Ok(by))).await?;
    let event = &done.accepted.event;
    let (bid, created_at) = (event.version, millis(event.at));
    let id = joined(auction, bid).ok_or_else(Problem::not_found)?;
    let name = desk.clone();
    let username = desk.house.aside(move |_| name.called(by.user)).await??;
    let user = username.map(|username| Who { id: Some(by.user.get()), username });
    Ok(Json(Bid { id, auction, user, amount, created_at }))
}

/// A bid is neither changed nor taken away.
pub(super) async fn keep() -> Problem {
    stays("A bid that was made stands: it is part of the auction's history.")
}

/// The bids of the auction that is asked for, or those of all that are live. Blocks on the store.
fn all(desk: &Desk, filter: &Filter) -> Result<Vec<Bid>, Problem> {
    let heads: Vec<Arc<Head>> = match filter.only("auction") {
        Some(id) => {
            let named = number(id).and_then(AuctionId::new);
            let head = named.and_then(|auction| desk.house.engine.head(auction));
            head.filter(|head| head.is_known_to(&Viewer::default())).into_iter().collect()
        }
        None => heads(desk, None, MOST)?,
    };
    let mut all = Vec::new();
    for head in heads.iter().filter(|head| head.bid_count > 0) {
        for bid in standing(&desk.house, head, MOST - all.len())? {
            all.extend(Bid::of(desk, head, &bid)?);
        }
        if all.len() >= MOST {
            break;
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_two_can_be_taken_apart() {
        let auction = |id| AuctionId::new(id).unwrap();
        for (id, bid) in [(1, 4), (77, 1), ((1 << 31) - 1, (1 << 22) - 1)] {
            let one = joined(auction(id), bid).unwrap();
            assert!(one < 1 << 53);
            assert_eq!(parted(one), Some((auction(id), bid)));
        }
        assert_eq!(joined(auction(1 << 31), 4), None);
        assert_eq!(joined(auction(1), 1 << 22), None);
        assert_eq!(parted(4), None);
    }
}
