//! Bids. A bid's number is made of its auction's and its own there.

use super::auctions::heads;
use super::filter::{Filter, MOST};
use super::{Numbered, Who, acting, millis, stays};
use crate::house::House;
use crate::http::Peer;
use crate::http::actor::Caller;
use crate::http::body::Untyped;
use crate::http::dialects::desk::Desk;
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use crate::http::v1::ask::{Manner, Wish};
use crate::http::v1::extract::id as number;
use crate::http::v1::history::standing;
use axum::extract::State;
use axum::{Extension, Json};
use gavel_auction::command::{Action, Offer, PlaceBid};
use gavel_auction::ids::{AuctionId, BidId};
use gavel_auction::money::Amount;
use gavel_auction::view::Head;
use http::Uri;
use serde::{Deserialize, Serialize};
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

/// The bids of an auction. Blocks on the store.
fn bids_of(desk: &Desk, head: &Head) -> Result<Vec<Bid>, Problem> {
    let mut bids = Vec::new();
    for bid in standing(&desk.house, head)? {
        let who = bid.paddle.map(|paddle| Who::behind(desk, head, paddle)).transpose()?;
        let shown = joined(head.auction, bid.bid).zip(bid.amount.or(bid.price));
        let Some((id, amount)) = shown else { continue };
        let (auction, created_at) = (head.auction, millis(bid.at.0));
        bids.push(Bid { id, auction, user: who.flatten(), amount, created_at });
    }
    Ok(bids)
}

pub(super) async fn list(State(desk): State<Desk>, uri: Uri) -> Result<Json<Vec<Bid>>, Problem> {
    let filter = Filter::of(&uri, &FIELDS)?;
    let all = all(&desk, &filter).await?;
    Ok(Json(filter.page(all)))
}

pub(super) async fn count(State(desk): State<Desk>, uri: Uri) -> Result<Json<usize>, Problem> {
    let filter = Filter::of(&uri, &FIELDS)?;
    Ok(Json(filter.count(&all(&desk, &filter).await?)))
}

pub(super) async fn show(
    State(desk): State<Desk>,
    Numbered(id): Numbered,
) -> Result<Json<Bid>, Problem> {
    let id = number(&id).ok_or_else(Problem::not_found)?;
    let (auction, _) = parted(id).ok_or_else(Problem::not_found)?;
    one(desk, auction, id).await.map(Json)
}

pub(super) async fn place(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Peer(from): Peer,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Untyped(NewBid { auction, user, amount }): Untyped<NewBid>,
) -> Result<Json<Bid>, Problem> {
    desk.head(auction).await?;
    let by = acting(&desk, &caller, user).await?;
    desk.house.limits.bid(by.user.get(), from, desk.house.now())?;
    let action = Action::Bid(PlaceBid::of(Offer::Amount(amount)));
    let done = Wish::by(by, &manner, auction, None).put(&desk.house, action).await?;
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

async fn one(desk: Desk, auction: AuctionId, id: i64) -> Result<Bid, Problem> {
    let head = desk.head(auction).await?;
    let house = desk.house.clone();
    let all = house.aside(move |_| bids_of(&desk, &head)).await??;
    all.into_iter().find(|bid| bid.id == id).ok_or_else(Problem::not_found)
}

/// The bids of the auction that is asked for, or those of all that are live.
async fn all(desk: &Desk, filter: &Filter) -> Result<Vec<Bid>, Problem> {
    let named = filter.only("auction").map(|id| number(id).and_then(AuctionId::new));
    let head = match named {
        Some(Some(auction)) => Some(desk.head(auction).await.ok()),
        Some(None) => Some(None),
        None => None,
    };
    let known = desk.clone();
    let read = move |_: &House| {
        let heads: Vec<Arc<Head>> = match head {
            Some(head) => head.into_iter().collect(),
            None => heads(&known, None, MOST)?,
        };
        let mut all = Vec::new();
        for head in heads.iter().filter(|head| head.bid_count > 0) {
            if all.len() >= MOST {
                break;
            }
            all.append(&mut bids_of(&known, head)?);
        }
        Ok::<_, Problem>(all)
    };
    desk.house.aside(read).await?
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
