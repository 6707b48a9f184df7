//! The public log of an auction, byte for byte, and beside it the openings that the caller is
//! entitled to. What is in the log is for everybody; what is hidden is opened only to its owner.

use super::about::{At, Unless};
use super::ask::{at_least, not_yet};
use super::extract::Of;
use crate::house::House;
use crate::http::actor::Caller;
use crate::http::error::Problem;
use crate::http::query::Query;
use axum::extract::State;
use axum::response::Response;
use gavel_auction::event::{Digest, Event, Fact};
use gavel_auction::ids::Version;
use gavel_auction::outcome::Outcome;
use gavel_auction::view::{Head, Mine, Viewer};
use gavel_engine::history::HistoryEvent;
use gavel_proof::keys::AuctionKey;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(events))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Only those after this version.
    #[serde(default)]
    #[param(value_type = u64)]
    after: Version,
    /// 1 to 100; 100 if left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// Waits up to two seconds for this version.
    #[param(value_type = Option<u64>)]
    at_least: Option<Version>,
}

/// A part of an auction's public log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventsPage {
    items: Vec<EventItem>,
    /// What to give as `after` to go on.
    #[schema(value_type = u64)]
    next_after: Version,
    #[serde(flatten)]
    at: At,
}

/// An event of the public log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventItem {
    /// The public part, byte for byte: what the chain hashes. Times in it are microseconds.
    #[schema(value_type = Object)]
    event: Box<RawValue>,
    /// The chain's hash at this event.
    #[schema(value_type = String)]
    hash: Digest,
    /// Hidden fields that the caller is entitled to, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    open: BTreeMap<&'static str, Opening>,
}

impl EventItem {
    /// As everybody may see it.
    pub(crate) fn public(past: &HistoryEvent) -> Result<Self, Problem> {
        let text = String::from_utf8_lossy(&past.public).into_owned();
        let event = RawValue::from_string(text).map_err(|_| broken())?;
        Ok(Self { event, hash: past.hash, open: BTreeMap::new() })
    }
}

/// A hidden field with what proves it: `commit` is
/// SHA-256("gavel/commit/1", auction, version, field, salt, value).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Opening {
    #[schema(value_type = String)]
    salt: Digest,
    value: i64,
}

/// The public log.
///
/// An `after` that the auction has not come to is answered with 409 `not_yet`.
#[utoipa::path(get, path = "/v1/auctions/{auction}/events", tag = "evidence",
    params(("auction" = i64, Path), EventsQuery),
    responses((status = 200, body = EventsPage)))]
pub(crate) async fn events(
    State(house): State<House>,
    Of(auction): Of,
    caller: Caller,
    Query(query): Query<EventsQuery>,
    unless: Unless,
) -> Result<Response, Problem> {
    let viewer = caller.viewer();
    let limit = limit(query.limit, 100)?;
    let head = at_least(&house, auction, &viewer, query.at_least).await?;
    let left = head.version.checked_sub(query.after);
    let left = left.ok_or_else(|| not_yet("The auction has not come to that version yet."))?;
    let limit = limit.min(usize::try_from(left).unwrap_or(usize::MAX));
    let page = move |house: &House| {
        let reader = Reader::of(house, &head, viewer);
        let past = house.engine.history(auction, query.after, limit)?;
        let next_after = past.last().map_or(query.after, |last| last.event.version);
        let items = past.iter().map(|past| reader.item(past)).collect::<Result<_, _>>()?;
        let at = At::of(house, &head);
        unless.reply(head.version, &EventsPage { items, next_after, at })
    };
    house.aside(page).await?
}

/// Bytes of the log that are no JSON: they are checked when they are read, so this never happens.
pub(crate) fn broken() -> Problem {
    Problem::quarantined()
}

/// How many to show.
///
/// # Errors
/// `malformed`.
pub(crate) fn limit(asked: Option<usize>, otherwise: usize) -> Result<usize, Problem> {
    match asked.unwrap_or(otherwise) {
        limit @ 1..=100 => Ok(limit),
        _ => Err(Problem::malformed("limit", "From 1 to 100.")),
    }
}

/// Who reads the log, and what of it is his own.
pub(crate) struct Reader<'a> {
    head: &'a Head,
    viewer: Viewer,
    mine: Option<Mine>,
    key: AuctionKey,
}

impl<'a> Reader<'a> {
    pub(crate) fn of(house: &House, head: &'a Head, viewer: Viewer) -> Self {
        let mine = viewer.user.and_then(|user| house.engine.mine(head.auction, user));
        Self { head, viewer, mine, key: house.engine.auction_key(head.auction) }
    }

    fn item(&self, past: &HistoryEvent) -> Result<EventItem, Problem> {
        Ok(EventItem { open: self.openings(&past.event), ..EventItem::public(past)? })
    }

    /// A bidder gets his own bids', the seller and administrators the reserve, the leader of a
    /// passed auction the reserve once it is certified.
    fn openings(&self, event: &Event) -> BTreeMap<&'static str, Opening> {
        let hidden = &event.hidden;
        let mut fields = Vec::new();
        if self.is_own_bid(event) {
            fields.push(("amount", hidden.amount.map(i64::from)));
            fields.push(("maximum", hidden.maximum.map(i64::from)));
            fields.push(("paddle", hidden.paddle.map(i64::from)));
        }
        if self.may_know_reserve() {
            fields.push(("reserve", hidden.reserve.map(i64::from)));
        }
        let open = |(field, value): (&'static str, Option<i64>)| {
            let value = value?;
            let salt = self.key.salt(event.version, field, value.to_string().as_bytes());
            Some((field, Opening { salt, value }))
        };
        fields.into_iter().filter_map(open).collect()
    }

    fn is_own_bid(&self, event: &Event) -> bool {
        let own = self.mine.is_some_and(|mine| event.bidder() == Some(mine.paddle));
        own && matches!(event.fact, Fact::BidPlaced(_))
    }

    fn may_know_reserve(&self) -> bool {
        let own = self.viewer.user == Some(self.head.seller);
        let passed = matches!(self.head.outcome(), Some(Outcome::Passed { .. }));
        let led = self.mine.is_some_and(|mine| Some(mine.paddle) == self.head.leader);
        own || self.viewer.roles.admin || (passed && led && self.head.certified.is_some())
    }
}
