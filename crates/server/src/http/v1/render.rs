//! How auctions look in JSON: the view of one for an audience, and what is inside it. Shows only
//! what `gavel_auction::view` has cut; decides about nobody's eyes itself.

use super::items::pictures::PictureView;
use crate::house::House;
use crate::http::error::Problem;
use crate::http::time::Stamp;
use gavel_auction::event::Next;
use gavel_auction::ids::{AuctionId, Paddle, UserId, Version};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::outcome::{Outcome, PassedReason};
use gavel_auction::presets::Preset;
use gavel_auction::terms::{Direction, Terms, Visibility};
use gavel_auction::time::Time;
use gavel_auction::view::{Head, View, Viewer, You};
use gavel_engine::people::{Addendum, Listing};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// An auction as one audience sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuctionView {
    #[schema(value_type = i64)]
    id: AuctionId,
    title: String,
    description: Option<String>,
    category: Option<String>,
    /// The item it was made from, if it was.
    item: Option<i64>,
    /// The item's attributes as they were when the auction was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    attributes: Option<serde_json::Value>,
    /// The item's pictures of that time, as far as they are still there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pictures: Vec<PictureView>,
    /// Dated notes of the seller, added after the opening.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addenda: Vec<Note>,
    seller: Named,
    #[schema(value_type = String, example = "EUR")]
    currency: Currency,
    /// How many of the digits of its amounts are decimals: 2 for EUR, 0 for JPY, 3 for KWD.
    #[schema(example = 2)]
    currency_digits: u32,
    #[schema(value_type = String, example = "english")]
    preset: Preset,
    /// The rules, one key a slot: a kind by name, or an object with its kind and parameters.
    #[schema(value_type = Object)]
    terms: TermsView,
    /// draft, scheduled, open, on_hold, sold, passed, cancelled.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<OutcomeView>,
    /// Null while there is none or it is hidden.
    #[schema(value_type = Option<i64>)]
    price: Option<Amount>,
    #[serde(flatten)]
    next: NextView,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_to_pay: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_drop_at: Option<Stamp>,
    bid_count: u64,
    /// Null while it is hidden.
    bidder_count: Option<u64>,
    /// The leader's paddle; null while there is none or it is hidden.
    #[schema(value_type = Option<i64>)]
    leader: Option<Paddle>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserve_met: Option<bool>,
    /// The buy-now amount, while it can be taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    buy_now: Option<Amount>,
    starts_at: Option<Stamp>,
    /// The length, where that was given instead of an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<u32>,
    scheduled_end: Option<Stamp>,
    effective_end: Option<Stamp>,
    certified: bool,
    /// Usernames by paddle, where bidders are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    paddles: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    you: Option<YouView>,
    #[schema(value_type = u64)]
    version: Version,
    server_time: Stamp,
}

/// A person by id and public name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Named {
    #[schema(value_type = i64)]
    id: UserId,
    /// Null once the account was erased.
    username: Option<String>,
}

/// A dated note of the seller.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Note {
    at: Stamp,
    text: String,
}

/// What came of an auction.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutcomeView {
    /// sold, passed, cancelled.
    result: &'static str,
    /// Why it passed: no_bids, reserve_not_met, clock_ran_out.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The winner's paddle.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    winner: Option<Paddle>,
    /// The winner himself; only for him, the seller and the staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    winner_user: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    hammer_price: Option<Amount>,
    /// With fees; reverse: what the creator pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer_pays: Option<i64>,
    /// What the house adds for a doubled bid.
    #[serde(skip_serializing_if = "Option::is_none")]
    house_pays: Option<i64>,
}

/// The next legal bid, under the name that fits the auction's direction.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct NextView {
    /// Forward: at least this much; null where there is no legal bid or it is hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    minimum_next: Option<Option<Amount>>,
    /// Reverse: at most this much.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    maximum_next: Option<Option<Amount>>,
}

/// What concerns the one who looks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct YouView {
    #[schema(value_type = Option<i64>)]
    paddle: Option<Paddle>,
    /// leading, outbid, standing, sealed, won, lost.
    standing: Option<&'static str>,
    #[schema(value_type = Option<i64>)]
    amount: Option<Amount>,
    #[schema(value_type = Option<i64>)]
    maximum: Option<Amount>,
    can_bid: bool,
    /// The code of the refusal that a bid would meet.
    why_not: Option<&'static str>,
    #[serde(flatten)]
    next: NextView,
}

/// The rules, one key a slot; the schedule stands beside them.
#[derive(Debug, ToSchema)]
#[schema(value_type = Object)]
pub(crate) struct TermsView(Arc<Terms>);

impl Serialize for TermsView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut slots = serde_json::to_value(&*self.0).map_err(serde::ser::Error::custom)?;
        if let Some(slots) = slots.as_object_mut() {
            slots.remove("schedule");
        }
        slots.serialize(serializer)
    }
}

impl NextView {
    /// The next legal bid as an event shows it.
    pub(crate) const fn of(next: Next) -> Self {
        match next {
            Next::Minimum(amount) => Self { minimum_next: Some(amount), maximum_next: None },
            Next::Maximum(amount) => Self { minimum_next: None, maximum_next: Some(amount) },
        }
    }

    /// An amount under the name that fits the direction.
    pub(crate) const fn towards(direction: Direction, amount: Option<Amount>) -> Self {
        match direction {
            Direction::Forward => Self::of(Next::Minimum(amount)),
            Direction::Reverse => Self::of(Next::Maximum(amount)),
        }
    }
}

impl OutcomeView {
    /// What came of an auction, as everybody may know it.
    pub(crate) fn of(outcome: &Outcome) -> Self {
        let bare = |result, reason| Self {
            result,
            reason,
            winner: None,
            winner_user: None,
            hammer_price: None,
            buyer_pays: None,
            house_pays: None,
        };
        match outcome {
            Outcome::Sold(sale) => Self {
                winner: Some(sale.winner),
                hammer_price: Some(sale.hammer_price),
                buyer_pays: Some(sale.buyer_pays),
                house_pays: Some(sale.house_pays),
                ..bare("sold", None)
            },
            Outcome::Passed { reason } => bare("passed", Some(passed_word(*reason))),
            Outcome::Cancelled {} => bare("cancelled", None),
        }
    }
}

const fn passed_word(reason: PassedReason) -> &'static str {
    match reason {
        PassedReason::NoBids => "no_bids",
        PassedReason::ReserveNotMet => "reserve_not_met",
        PassedReason::ClockRanOut => "clock_ran_out",
    }
}

impl YouView {
    /// What concerns the one who looks.
    pub(crate) fn of(you: &You, direction: Direction) -> Self {
        Self {
            paddle: you.paddle,
            standing: you.standing.map(gavel_auction::view::Standing::word),
            amount: you.amount,
            maximum: you.maximum,
            can_bid: you.can_bid,
            why_not: you.why_not,
            next: NextView::towards(direction, you.next),
        }
    }
}

impl AuctionView {
    /// The present view of an auction for an audience.
    ///
    /// # Errors
    /// If names or listing cannot be read.
    pub(crate) fn now(house: &House, head: &Head, viewer: &Viewer) -> Result<Self, Problem> {
        let now = house.engine.now();
        let mine = viewer.user.and_then(|user| house.engine.mine(head.auction, user));
        let view = head.view(viewer, mine.as_ref(), now);
        let listing = house.engine.words().listing(head.auction)?;
        let seller = Named { id: head.seller, username: username(house, head.seller)? };
        let shown =
            [view.leader, view.outcome.and_then(|outcome| outcome.sale().map(|s| s.winner))];
        let paddles = paddles(house, head, shown.into_iter().flatten())?;
        Ok(Self::put_together(head, view, &listing, seller, paddles, now))
    }

    fn put_together(
        head: &Head,
        view: View,
        listing: &Listing,
        seller: Named,
        paddles: Option<BTreeMap<String, String>>,
        now: Time,
    ) -> Self {
        let schedule = head.terms.schedule;
        let running = &head.running;
        let direction = head.terms.direction;
        let note = |note: &Addendum| Note { at: Stamp(note.at), text: note.text.clone() };
        let outcome = view.outcome.as_ref().map(OutcomeView::of);
        Self {
            id: head.auction,
            title: listing.title.clone(),
            description: listing.description.clone(),
            category: listing.category.clone(),
            item: listing.item.as_ref().map(|(item, _)| *item),
            attributes: listing.item.as_ref().and_then(|(_, all)| serde_json::from_str(all).ok()),
            pictures: listing.pictures.iter().map(PictureView::of).collect(),
            addenda: listing.addenda.iter().map(note).collect(),
            seller,
            currency: head.currency,
            currency_digits: head.currency.exponent(),
            preset: head.preset,
            terms: TermsView(view.terms),
            state: view.state,
            outcome: outcome.map(|seen| OutcomeView { winner_user: view.winner_user, ..seen }),
            price: view.price,
            next: NextView::of(view.next),
            total_to_pay: view.total_to_pay,
            next_drop_at: view.next_drop_at.map(Stamp),
            bid_count: view.bid_count,
            bidder_count: view.bidder_count,
            leader: view.leader,
            reserve_met: view.reserve_met,
            buy_now: view.buy_now,
            starts_at: schedule.starts_at.or(running.opened).map(Stamp),
            duration_seconds: schedule.duration_seconds,
            scheduled_end: running.scheduled_end.or(schedule.ends_at).map(Stamp),
            effective_end: head.effective_end().or(schedule.ends_at).map(Stamp),
            certified: head.certified.is_some(),
            paddles,
            you: view.you.map(|you| YouView::of(&you, direction)),
            version: head.version,
            server_time: Stamp(now),
        }
    }

    /// Takes the time out of it: what is left changes only with what it shows.
    pub(crate) fn take_time(&mut self) -> Time {
        std::mem::replace(&mut self.server_time, Stamp(Time(0))).0
    }

    /// Its version.
    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    /// When it changes by itself.
    pub(crate) fn moves_at(&self) -> Option<Time> {
        self.next_drop_at.map(|Stamp(at)| at)
    }

    /// Whether all words of it are in memory, so that it can be made without waiting.
    pub(crate) fn is_at_hand(house: &House, head: &Head) -> bool {
        if house.engine.has_left(head.auction) {
            return false;
        }
        let words = house.engine.words();
        let called = |user| words.name_at_hand(user).is_some();
        let leader = head.leader.filter(|_| head.terms.visibility == Visibility::Named);
        let leader = leader.and_then(|paddle| house.engine.bidder(head.auction, paddle));
        let about = words.listing_at_hand(head.auction).is_some();
        about && called(head.seller) && leader.is_none_or(called)
    }
}

/// The public name of a user; none once the account was erased.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn username(house: &House, user: UserId) -> Result<Option<String>, Problem> {
    Ok(house.engine.words().name(user)?.map(|name| name.to_string()))
}

/// Usernames by paddle where bidders are named, none elsewhere.
///
/// # Errors
/// If names cannot be read.
pub(crate) fn paddles(
    house: &House,
    head: &Head,
    shown: impl Iterator<Item = Paddle>,
) -> Result<Option<BTreeMap<String, String>>, Problem> {
    if head.terms.visibility != Visibility::Named {
        return Ok(None);
    }
    let mut names = BTreeMap::new();
    for paddle in shown {
        let number = paddle.to_string();
        if names.contains_key(&number) {
            continue;
        }
        let user = house.engine.bidder(head.auction, paddle);
        if let Some(name) = user.map(|user| username(house, user)).transpose()?.flatten() {
            names.insert(number, name);
        }
    }
    Ok(Some(names))
}
