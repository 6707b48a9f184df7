//! How an auction stands, as the live room says it: rendered once for all who get the same, with a
//! part of his own for each bidder. Cuts nothing itself: that is `gavel_auction::view`.

use super::frame;
use super::standing::{Happened, TopBid};
use crate::house::House;
use crate::http::error::Problem;
use crate::http::time::{Stamp, print};
use crate::http::v1::render::{NextView, OutcomeView, YouView, paddles};
use bytes::Bytes;
use gavel_auction::ids::{AuctionId, Paddle, Version};
use gavel_auction::money::Amount;
use gavel_auction::terms::Visibility;
use gavel_auction::time::{SECOND, Time};
use gavel_auction::view::{Head, Standing, Viewer};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How an auction stands at one version.
pub(super) struct Shown {
    pub(super) head: Arc<Head>,
    pub(super) top: Vec<TopBid>,
    /// What is the same for everybody: members of an object, without its braces.
    common: String,
}

/// What everybody is told of an auction.
#[derive(Serialize)]
struct Common<'a> {
    auction_id: AuctionId,
    version: Version,
    state: &'static str,
    high_bid: Option<Amount>,
    #[serde(flatten)]
    next: NextView,
    top_bids: &'a [TopBid],
    leader: Option<Paddle>,
    bid_count: u64,
    bidder_count: Option<u64>,
    participant_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserve_met: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buy_now: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_drop_at: Option<Stamp>,
    effective_end: Option<Stamp>,
    extended: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<OutcomeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paddles: Option<BTreeMap<String, String>>,
    server_time: Stamp,
}

impl Shown {
    /// Renders an auction. Blocks on the store where names are shown that are not at hand.
    pub(super) fn render(
        house: &House,
        head: Arc<Head>,
        top: Vec<TopBid>,
        happened: Happened,
        participants: usize,
    ) -> Result<Self, Problem> {
        let now = house.now();
        let view = head.view(&Viewer::default(), None, now);
        let named = top.iter().map(TopBid::paddle).chain(view.leader);
        let common = Common {
            auction_id: head.auction,
            version: head.version,
            state: view.state,
            high_bid: view.price,
            next: NextView::of(view.next),
            top_bids: &top,
            leader: view.leader,
            bid_count: view.bid_count,
            bidder_count: view.bidder_count,
            participant_count: participants,
            reserve_met: view.reserve_met,
            buy_now: view.buy_now,
            next_drop_at: view.next_drop_at.map(Stamp),
            effective_end: head.effective_end().or(head.terms.schedule.ends_at).map(Stamp),
            extended: happened.extended,
            outcome: view.outcome.as_ref().map(OutcomeView::of),
            paddles: paddles(house, &head, named)?,
            server_time: Stamp(now),
        };
        let text = serde_json::to_string(&common).expect("what we say is always JSON");
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let common = inner.expect("an object has braces").to_owned();
        Ok(Self { head, top, common })
    }

    /// Whether all that is to be rendered is in memory.
    pub(super) fn is_at_hand(house: &House, head: &Head, top: &[TopBid]) -> bool {
        let words = house.engine.words();
        let user = |paddle| house.engine.bidder(head.auction, paddle);
        let known = |paddle| user(paddle).is_none_or(|user| words.name_at_hand(user).is_some());
        head.terms.visibility != Visibility::Named
            || top.iter().map(TopBid::paddle).chain(head.leader).all(known)
    }

    /// The words for what happened.
    pub(super) const fn names(happened: Happened) -> &'static [&'static str] {
        match (happened.bids, happened.ended) {
            (true, true) => &["bid_update", "auction_ended"],
            (true, false) => &["bid_update"],
            (false, true) => &["auction_ended"],
            (false, false) => &["auction_updated"],
        }
    }

    /// The messages for one who has seen it up to `after`.
    pub(super) fn frames(&self, names: &[&str], after: Version, own: Option<&str>) -> Vec<Bytes> {
        let from = after.min(self.head.version.saturating_sub(1)) + 1;
        let own = own.unwrap_or(r#""you_are_winning":false"#);
        let common = &self.common;
        let text =
            |name: &&str| format!("42[\"{name}\",{{\"from_version\":{from},{common},{own}}}]");
        names.iter().map(|name| frame::of_text(&text(name))).collect()
    }

    /// The words for one who has missed something, whatever it was.
    pub(super) fn all_names(&self) -> &'static [&'static str] {
        let ended = self.head.outcome().is_some();
        Self::names(Happened { bids: true, ended, extended: false })
    }

    /// What concerns a bidder: members of an object, without its braces.
    pub(super) fn own(&self, house: &House, viewer: &Viewer) -> Option<String> {
        let user = viewer.user?;
        let mine = house.engine.mine(self.head.auction, user)?;
        let you = self.head.you(user, viewer, Some(&mine), house.now());
        let winning = matches!(you.standing, Some(Standing::Leading | Standing::Won));
        let you = YouView::of(&you, self.head.terms.direction);
        let you = serde_json::to_string(&you).expect("what we say is always JSON");
        Some(format!("\"you_are_winning\":{winning},\"you\":{you}"))
    }

    /// Seconds until the end, rounded up; none if there is none to come.
    pub(super) fn remaining(&self, now: Time) -> Option<i64> {
        let end = self.head.effective_end().filter(|_| self.head.outcome().is_none())?;
        Some((end.since(now) + SECOND - 1).max(0) / SECOND)
    }

    /// The message of a clock that counts the time that is left.
    pub(super) fn timer(&self, now: Time) -> serde_json::Value {
        json!({
            "auction_id": self.head.auction.get(),
            "version": self.head.version,
            "state": self.head.phase.word(),
            "time_remaining_seconds": self.remaining(now),
            "effective_end": self.head.effective_end().map(print),
            "server_time": print(now),
        })
    }

    /// The message of a price that falls by itself.
    pub(super) fn clock(&self, now: Time) -> serde_json::Value {
        let view = self.head.view(&Viewer::default(), None, now);
        json!({
            "auction_id": self.head.auction.get(),
            "version": self.head.version,
            "price": view.price.map(Amount::minor),
            "next_drop_at": view.next_drop_at.map(print),
            "server_time": print(now),
        })
    }

    /// When the price falls next by itself.
    pub(super) fn next_drop(&self, now: Time) -> Option<Time> {
        self.head.view(&Viewer::default(), None, now).next_drop_at
    }
}
