//! What an accepted command gets back: a pure function of its events, so that every repeat gets
//! the same bytes, for ever. Knows no state of the house.

use super::about::done;
use super::render::{NextView, OutcomeView};
use crate::http::prefer::APPLIED;
use crate::http::time::Stamp;
use axum::response::Response;
use bytes::Bytes;
use gavel_auction::event::{BidPlaced, BidUndone, CloseReason, Fact, Now};
use gavel_auction::ids::{AuctionId, BidId, Paddle, Version};
use gavel_auction::money::Amount;
use gavel_auction::terms::Terms;
use gavel_auction::view::Standing;
use gavel_engine::answer::Accepted;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// The reply to an accepted command.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Reply {
    Placed(Placed),
    Undone(Undone),
    Bought(Bought),
    Stands(Stands),
    Paddle(PaddleReply),
}

/// A reply with its receipt, byte for byte.
#[derive(Serialize)]
struct Receipted {
    #[serde(flatten)]
    reply: Reply,
    receipt: Box<RawValue>,
}

/// A bid was placed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Placed {
    #[schema(value_type = i64)]
    auction: AuctionId,
    /// The bid's id: the version of its event.
    #[schema(value_type = u64)]
    bid: BidId,
    #[schema(value_type = u64)]
    version: Version,
    /// leading, outbid, standing, sealed.
    standing: &'static str,
    /// The price after it; null where it is hidden.
    #[schema(value_type = Option<i64>)]
    price: Option<Amount>,
    #[serde(flatten)]
    next: NextView,
    effective_end: Stamp,
    /// Whether it moved the end.
    extended: bool,
    server_time: Stamp,
    operation: String,
}

/// A bid was taken back or struck out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Undone {
    #[schema(value_type = i64)]
    auction: AuctionId,
    #[schema(value_type = u64)]
    bid: BidId,
    #[schema(value_type = u64)]
    version: Version,
    /// The price after it; null where there is none or it is hidden.
    #[schema(value_type = Option<i64>)]
    price: Option<Amount>,
    #[serde(flatten)]
    next: NextView,
    effective_end: Stamp,
    extended: bool,
    server_time: Stamp,
    operation: String,
}

/// It was bought, at the clock's price or at the buy-now amount.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Bought {
    #[schema(value_type = i64)]
    auction: AuctionId,
    #[schema(value_type = u64)]
    version: Version,
    state: &'static str,
    outcome: OutcomeView,
    effective_end: Option<Stamp>,
    server_time: Stamp,
    operation: String,
}

/// How an auction stands after it was created or worked on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stands {
    #[schema(value_type = i64)]
    id: AuctionId,
    #[schema(value_type = u64)]
    version: Version,
    state: &'static str,
    effective_end: Option<Stamp>,
    server_time: Stamp,
    operation: String,
}

/// What became of a registration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PaddleReply {
    #[schema(value_type = i64)]
    auction: AuctionId,
    #[schema(value_type = i64)]
    paddle: Paddle,
    /// registered, approved, declined.
    registration: &'static str,
    #[schema(value_type = u64)]
    version: Version,
    effective_end: Option<Stamp>,
    server_time: Stamp,
    operation: String,
}

impl Reply {
    /// The reply that the last event of a decision makes, under the terms it was decided by.
    pub(crate) fn to(accepted: &Accepted, terms: &Terms, operation: String) -> Self {
        let event = &accepted.event;
        let (auction, version) = (event.auction, event.version);
        let server_time = Stamp(event.at);
        let effective_end = accepted.end.map(Stamp);
        let registered = |paddle: Paddle, registration| PaddleReply {
            auction,
            paddle,
            registration,
            version,
            effective_end,
            server_time,
            operation: operation.clone(),
        };
        match &event.fact {
            Fact::BidPlaced(placed) => Self::Placed(Placed::of(accepted, placed, terms, operation)),
            Fact::BidRetracted(undone) | Fact::BidVoided(undone) => {
                Self::Undone(Undone::of(accepted, undone, terms, operation))
            }
            Fact::BidderRegistered { paddle } => Self::Paddle(registered(*paddle, "registered")),
            Fact::BidderApproved { paddle } => Self::Paddle(registered(*paddle, "approved")),
            Fact::BidderDeclined { paddle } => Self::Paddle(registered(*paddle, "declined")),
            Fact::Closed { outcome, reason: CloseReason::Bought | CloseReason::Clock, .. } => {
                Self::Bought(Bought {
                    auction,
                    version,
                    state: accepted.state,
                    outcome: OutcomeView::of(outcome),
                    effective_end,
                    server_time,
                    operation,
                })
            }
            Fact::Created(_)
            | Fact::Amended(_)
            | Fact::Addendum { .. }
            | Fact::Published {}
            | Fact::Opened { .. }
            | Fact::BuyNowTaken { .. }
            | Fact::ClockAccepted { .. }
            | Fact::BidPromoted { .. }
            | Fact::Held { .. }
            | Fact::Resumed { .. }
            | Fact::Extended { .. }
            | Fact::Closed { .. }
            | Fact::Reopened { .. }
            | Fact::Cancelled { .. }
            | Fact::Certified { .. } => Self::Stands(Stands {
                id: auction,
                version,
                state: accepted.state,
                effective_end,
                server_time,
                operation,
            }),
        }
    }

    const fn version(&self) -> Version {
        match self {
            Self::Placed(placed) => placed.version,
            Self::Undone(undone) => undone.version,
            Self::Bought(bought) => bought.version,
            Self::Stands(stands) => stands.version,
            Self::Paddle(paddle) => paddle.version,
        }
    }

    /// The reply as a response.
    pub(crate) fn with(self, status: StatusCode) -> Response {
        done(status, self.version(), &self)
    }

    /// The same with a receipt in it.
    pub(crate) fn with_receipt(self, status: StatusCode, receipt: Bytes) -> Response {
        let reply = Receipted { receipt: raw(receipt), reply: self };
        let mut response = done(status, reply.reply.version(), &reply);
        response.headers_mut().insert(APPLIED, HeaderValue::from_static("receipt"));
        response
    }
}

impl Placed {
    fn of(accepted: &Accepted, placed: &BidPlaced, terms: &Terms, operation: String) -> Self {
        let event = &accepted.event;
        let shown = placed.now.shown.as_ref();
        let leader = shown.and_then(|shown| shown.leader);
        let standing = event.bidder().map(|paddle| Standing::of(terms, paddle, leader));
        Self {
            auction: event.auction,
            bid: event.version,
            version: event.version,
            standing: standing.unwrap_or(Standing::Sealed).word(),
            price: shown.and_then(|shown| shown.price),
            next: next_after(&placed.now, terms),
            effective_end: Stamp(placed.now.end),
            extended: placed.now.extended,
            server_time: Stamp(event.at),
            operation,
        }
    }
}

impl Undone {
    fn of(accepted: &Accepted, undone: &BidUndone, terms: &Terms, operation: String) -> Self {
        let event = &accepted.event;
        Self {
            auction: event.auction,
            bid: undone.bid,
            version: event.version,
            price: undone.now.shown.as_ref().and_then(|shown| shown.price),
            next: next_after(&undone.now, terms),
            effective_end: Stamp(undone.now.end),
            extended: undone.now.extended,
            server_time: Stamp(event.at),
            operation,
        }
    }
}

/// Canonical JSON as it is, byte for byte.
pub(crate) fn raw(text: impl Into<Vec<u8>>) -> Box<RawValue> {
    let text = String::from_utf8(text.into()).expect("canonical JSON is UTF-8");
    RawValue::from_string(text).expect("canonical JSON is JSON")
}

/// The next legal bid after an event: what it shows, or null where that is hidden.
fn next_after(now: &Now, terms: &Terms) -> NextView {
    match &now.shown {
        Some(shown) => NextView::of(shown.next),
        None => NextView::towards(terms.direction, None),
    }
}
