//! How an auction stands, as the live room says it: rendered once for all who get the same, with a
//! part of his own for each bidder. Cuts nothing itself: that is `gavel_auction::view`.

use super::frame;
use super::tongue::{self, Tongue};
use crate::house::House;
use crate::http::dialects;
use crate::http::error::Problem;
use crate::http::time::{Stamp, print};
use crate::http::v1::render::{NextView, OutcomeView, YouView, paddles};
use bytes::Bytes;
use gavel_auction::ids::{AuctionId, Paddle, UserId, Version};
use gavel_auction::money::Amount;
use gavel_auction::terms::Visibility;
use gavel_auction::time::{SECOND, Time};
use gavel_auction::view::{Head, Viewer};
use gavel_engine::hub::following::{self, Stands, covers_from, is_winning};
use gavel_engine::hub::standing::{Happened, TopBid};
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
    /// The same for those who speak the dialect, if the house does.
    pub(super) flash: Option<String>,
    happened: Happened,
    participants: usize,
    /// The count of changes of names that it was made at.
    changes: u64,
}

/// What everybody is told of an auction.
#[derive(Serialize)]
struct ForAll<'a> {
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
        stands: Stands,
        participants: usize,
    ) -> Result<Self, Problem> {
        let Stands { head, top, happened, .. } = stands;
        let (now, changes) = (house.now(), house.engine.words().changes());
        let view = head.view(&Viewer::default(), None, now);
        let named = top.iter().map(|top| top.paddle).chain(view.leader);
        let common = ForAll {
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
        let flash = dialects::speaks(&house.config, "flash")
            .then(|| tongue::common(house, &head, &top, participants));
        let flash = flash.transpose()?;
        Ok(Self { head, top, common, flash, happened, participants, changes })
    }

    /// The same with names as they are now. May block on the store.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) fn anew(&self, house: &House) -> Result<Self, Problem> {
        let (head, top) = (Arc::clone(&self.head), self.top.clone());
        let stands = Stands { head, top, happened: self.happened, after: 0 };
        Self::render(house, stands, self.participants)
    }

    /// Whether the names in it are those of now.
    pub(super) fn is_right(&self, house: &House) -> bool {
        let named = self.head.terms.visibility == Visibility::Named;
        !named || self.changes == house.engine.words().changes()
    }

    /// Whether somebody is one of those who may be named in it.
    pub(super) fn is_about(&self, house: &House, user: UserId) -> bool {
        let winner = self.head.outcome().and_then(|outcome| outcome.sale());
        let paddles = self.top.iter().map(|top| top.paddle).chain(self.head.leader);
        let mut paddles = paddles.chain(winner.map(|sale| sale.winner));
        paddles.any(|paddle| house.engine.bidder(self.head.auction, paddle) == Some(user))
    }

    /// Whether all that is to be rendered is in memory.
    pub(super) fn is_at_hand(house: &House, stands: &Stands) -> bool {
        let Stands { head, top, .. } = stands;
        let words = house.engine.words();
        let user = |paddle| house.engine.bidder(head.auction, paddle);
        let known = |paddle| user(paddle).is_none_or(|user| words.name_at_hand(user).is_some());
        head.terms.visibility != Visibility::Named
            || top.iter().map(|top| top.paddle).chain(head.leader).all(known)
    }

    /// The word for what happened. Nothing says that it has ended before this does.
    pub(super) const fn name(happened: Happened) -> &'static str {
        match (happened.ended, happened.bids) {
            (true, _) => "auction_ended",
            (false, true) => "bid_update",
            (false, false) => "auction_updated",
        }
    }

    /// The message for one who has seen it up to `after`.
    pub(super) fn frame(
        &self,
        tongue: Tongue,
        name: &str,
        after: Version,
        own: Option<&str>,
    ) -> Bytes {
        let from = covers_from(after, self.head.version);
        let own = own.unwrap_or(r#""you_are_winning":false"#);
        let common = match (tongue, &self.flash) {
            (Tongue::Flash, Some(flash)) => flash,
            (Tongue::Flash, None) | (Tongue::Native, _) => &self.common,
        };
        let text = format!("42[\"{name}\",{{\"from_version\":{from},{common},{own}}}]");
        frame::of_text(&text)
    }

    /// The word for one who has missed something, whatever it was.
    pub(super) fn any_name(&self) -> &'static str {
        let ended = self.head.outcome().is_some();
        Self::name(Happened { bids: true, ended, extended: false })
    }

    /// The same, off the asynchronous threads where it may have to be read.
    ///
    /// # Errors
    /// If too many wait.
    pub(super) async fn own_aside(
        self: &Arc<Self>,
        tongue: Tongue,
        house: &House,
        viewer: &Viewer,
    ) -> Result<Option<String>, Problem> {
        if !house.engine.has_left(self.head.auction) {
            return Ok(self.own_in(tongue, house, viewer));
        }
        let (shown, viewer) = (Arc::clone(self), *viewer);
        house.aside(move |house| shown.own_in(tongue, house, &viewer)).await
    }

    /// What concerns a bidder: members of an object, without its braces.
    pub(super) fn own_in(&self, tongue: Tongue, house: &House, viewer: &Viewer) -> Option<String> {
        match tongue {
            Tongue::Native => self.own(house, viewer),
            Tongue::Flash => {
                Some(format!("\"you_are_winning\":{}", self.is_winning(house, viewer)))
            }
        }
    }

    /// Whether somebody leads, or has won.
    pub(super) fn is_winning(&self, house: &House, viewer: &Viewer) -> bool {
        let you = following::own(&house.engine, &self.head, viewer, house.now());
        you.is_some_and(|you| is_winning(&you))
    }

    /// The same for one who speaks natively.
    pub(super) fn own(&self, house: &House, viewer: &Viewer) -> Option<String> {
        let you = following::own(&house.engine, &self.head, viewer, house.now())?;
        let winning = is_winning(&you);
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
