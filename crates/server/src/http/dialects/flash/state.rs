//! How an auction stands, in the words of the dialect `flash`: by HTTP, on a socket, and in Redis.
//! Says no more than everybody may know.

use super::wire;
use crate::house::House;
use crate::http::error::Problem;
use crate::http::time::Stamp;
use crate::http::v1::render::username;
use gavel_auction::auction::Phase;
use gavel_auction::ids::{Paddle, Version};
use gavel_auction::money::Amount;
use gavel_auction::terms::Visibility;
use gavel_auction::time::{SECOND, Time};
use gavel_auction::view::{Head, Viewer};
use gavel_engine::hub::standing;
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// How often it is tried to see an auction and its bids at one version.
const TRIES: u32 = 3;

/// How an auction stands.
#[derive(Serialize)]
pub(crate) struct State {
    pub(crate) auction_id: String,
    pub(crate) status: &'static str,
    pub(crate) current_high_bid: Option<Box<RawValue>>,
    high_bid: Option<Box<RawValue>>,
    pub(crate) high_bidder_id: Option<String>,
    pub(crate) high_bidder_username: Option<String>,
    pub(crate) top_bids: Vec<TopBid>,
    minimum_next_bid: Option<Box<RawValue>>,
    pub(crate) participant_count: usize,
    pub(crate) bid_count: u64,
    pub(crate) time_remaining_seconds: Option<i64>,
    pub(crate) effective_end: Option<Stamp>,
    winner_id: Option<String>,
    winning_bid: Option<Box<RawValue>>,
    version: Version,
    server_time: Stamp,
}

/// One of the best bids: one for each bidder.
#[derive(Serialize)]
pub(crate) struct TopBid {
    #[serde(skip)]
    pub(crate) paddle: Paddle,
    pub(crate) user_id: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) amount: Box<RawValue>,
}

/// Who a bidder is, where bidders are named.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
}

impl Known {
    /// Who is behind a paddle. May block on the store.
    ///
    /// # Errors
    /// If his name cannot be read.
    pub(crate) fn of(house: &House, head: &Head, paddle: Paddle) -> Result<Self, Problem> {
        let named = head.terms.visibility == Visibility::Named;
        let user = house.engine.bidder(head.auction, paddle).filter(|_| named);
        let name = user.map(|user| username(house, user)).transpose()?.flatten();
        Ok(Self { id: user.map(wire::of_user), name })
    }
}

/// The word for where an auction stands.
pub(crate) const fn status(phase: &Phase) -> &'static str {
    match phase {
        Phase::Draft | Phase::Scheduled => "scheduled",
        Phase::Open | Phase::OnHold { .. } => "live",
        Phase::Ended { .. } => "closed",
    }
}

impl State {
    /// How an auction stands, with these best bids. May block on the store.
    ///
    /// # Errors
    /// If names cannot be read.
    pub(crate) fn of(
        house: &House,
        head: &Head,
        top: &[standing::TopBid],
        participants: usize,
    ) -> Result<Self, Problem> {
        let now = house.now();
        let view = head.view(&Viewer::default(), None, now);
        let money = |amount: Amount| wire::decimal(amount, head.currency);
        let known = |paddle: Option<Paddle>| {
            paddle.map_or_else(|| Ok(Known::default()), |paddle| Known::of(house, head, paddle))
        };
        let leader = known(view.leader)?;
        let sale = view.outcome.as_ref().and_then(|outcome| outcome.sale());
        let shown = top.iter().filter_map(|bid| {
            let (paddle, amount) = (bid.paddle, money(Amount::new(bid.amount)?));
            let of = |Known { id, name }| TopBid { paddle, user_id: id, username: name, amount };
            Some(Known::of(house, head, paddle).map(of))
        });
        // A price without a bid is the start, or a clock's.
        let price = view.price.filter(|_| view.leader.is_some());
        Ok(Self {
            auction_id: wire::of_auction(head.auction),
            status: status(&head.phase),
            current_high_bid: price.map(money),
            high_bid: price.map(money),
            high_bidder_id: leader.id,
            high_bidder_username: leader.name,
            top_bids: shown.collect::<Result<_, _>>()?,
            minimum_next_bid: view.next.amount().map(money),
            participant_count: participants,
            bid_count: view.bid_count,
            time_remaining_seconds: remaining(head, now),
            effective_end: head.effective_end().map(Stamp),
            winner_id: known(sale.map(|sale| sale.winner))?.id,
            winning_bid: sale.map(|sale| money(sale.hammer_price)),
            version: head.version,
            server_time: Stamp(now),
        })
    }

    /// How an auction stands, from its bids. Blocks on the store.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn read(house: &House, head: &Arc<Head>) -> Result<Self, Problem> {
        let participants = house.live.participants(head.auction, house.now());
        let (head, top) = at_once(house, head)?;
        Self::of(house, &head, &top, participants)
    }
}

/// Seconds until the end, rounded up; none if there is none to come.
fn remaining(head: &Head, now: Time) -> Option<i64> {
    let end = head.effective_end().filter(|_| head.outcome().is_none())?;
    Some((end.since(now) + SECOND - 1).max(0) / SECOND)
}

/// An auction's head and its best bids, both at one version unless that moves on and on. Blocks on
/// the store.
fn at_once(house: &House, head: &Arc<Head>) -> Result<(Arc<Head>, Vec<standing::TopBid>), Problem> {
    let read = |head: &Head| {
        house.ledgers.read(house, head.auction, |ledger| {
            let price = head.price.map(Amount::minor);
            (ledger.version(), ledger.standing().top(head.leader, price))
        })
    };
    let mut head = Arc::clone(head);
    let (mut version, mut top) = read(&head)?;
    for _try in 0..TRIES {
        if version == head.version {
            break;
        }
        head = house.engine.head(head.auction).unwrap_or(head);
        (version, top) = read(&head)?;
    }
    Ok((head, top))
}
