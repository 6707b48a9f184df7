//! Changing an auction before it opens: what a request leaves out stays as it is. What is changed
//! is what stood when the command first came, so that a repeat is the same command.

use super::ask::{Done, Wish, may_know};
use super::proposal::{Short, check_words, listing_digest, present, schedule};
use crate::house::House;
use crate::http::error::Problem;
use crate::http::time::Stamp;
use gavel_auction::command::{Action, Amend};
use gavel_auction::event::{Digest, Fact};
use gavel_auction::ids::Version;
use gavel_auction::money::Amount;
use gavel_auction::presets::Slots;
use gavel_auction::refusal::Refusal;
use gavel_auction::terms::{Promotion, Reserve, Schedule, Terms};
use gavel_auction::view::{Head, Viewer};
use gavel_engine::answer::{Answer, Failure};
use gavel_engine::history::HistoryEvent;
use gavel_engine::people::Listing;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// How often it is put together anew when another event came first.
const TRIES: usize = 4;

/// Changes; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AmendBody {
    #[schema(min_length = 1, max_length = 500)]
    pub(crate) title: Option<String>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 10000)]
    pub(crate) description: Option<Option<String>>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 100)]
    pub(crate) category: Option<Option<String>>,
    /// Slots to put in place.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) terms: Slots,
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub(crate) starting_price: Option<Amount>,
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub(crate) reserve: Option<Amount>,
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub(crate) buy_now: Option<Amount>,
    /// Null: as soon as it is published.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub(crate) starts_at: Option<Option<Stamp>>,
    /// Takes the place of a duration.
    pub(crate) ends_at: Option<Stamp>,
    /// Takes the place of an end.
    pub(crate) duration_seconds: Option<u32>,
    /// Only if no other event came first.
    #[schema(value_type = Option<u64>)]
    pub(crate) expected_version: Option<Version>,
}

/// What an amendment changes, as it stood when the command first came.
struct Before {
    version: Version,
    terms: Terms,
    listing: Listing,
    /// The digest that the command was accepted with, if it was.
    accepted: Option<Digest>,
}

/// What is asked for, and the words as they were.
struct Change {
    action: Action,
    version: Version,
    was: Listing,
    /// Whether other words were put in place for it.
    replaced: bool,
}

impl Change {
    /// Of somebody who is not the seller: it is refused, whatever it says.
    fn hopeless(head: &Head) -> Self {
        let (terms, listing_digest) = (Arc::clone(&head.terms), Digest([0; 32]));
        let amend = Amend { terms, listing_digest, seed: None };
        let action = Action::Amend(Box::new(amend));
        Self { action, version: head.version, was: Listing::default(), replaced: false }
    }
}

impl AmendBody {
    /// Puts this promotion in place, and changes nothing else.
    pub(crate) fn of_promotion(promotion: Promotion) -> Self {
        let terms = Slots { promotion: Some(promotion), ..Slots::default() };
        Self { terms, ..Self::default() }
    }

    /// Puts the amendment to the auction. The words are put in place first and taken back if it is
    /// refused, so that whoever is told of the event finds them.
    ///
    /// # Errors
    /// The refusal, or why no answer could be given.
    pub(crate) async fn put(self, house: &House, wish: Wish) -> Result<Done, Problem> {
        let mut wish = wish;
        let asked = wish.expected_version;
        let mut tries = 0;
        loop {
            tries += 1;
            let (body, named) = (self.clone(), Wish { expected_version: asked, ..wish });
            let change = house.aside(move |house| body.prepare(house, &named)).await??;
            wish.expected_version = asked.or(Some(change.version));
            let answer = wish.answer(house, change.action).await;
            let stays = matches!(answer, Ok(Answer::Accepted(_)) | Err(Failure::OutcomeUnknown));
            if change.replaced && !stays {
                let (auction, was) = (wish.auction(), change.was);
                house.blocking(move |people| people.change_listing(auction, &was)).await?;
                house.engine.words().changed(auction);
            }
            let moved = matches!(&answer, Ok(Answer::Refused(refused))
                if matches!(refused.refusal, Refusal::VersionMismatch { .. }));
            if asked.is_some() || !moved || tries == TRIES {
                return wish.done(house, answer).await;
            }
        }
    }

    /// What is asked for. Blocks on the store.
    fn prepare(self, house: &House, wish: &Wish) -> Result<Change, Problem> {
        let auction = wish.auction();
        let user = Some(wish.by.user);
        let viewer = Viewer { user, roles: wish.by.roles, banned: wish.by.banned };
        let head = may_know(house.engine.head(auction), house, auction, &viewer)?;
        if user != Some(head.seller) {
            return Ok(Change::hopeless(&head));
        }
        let before = Before::read(house, wish)?;
        let listing = self.words_over(&before.listing)?;
        let words = listing != before.listing;
        let terms = self.terms_over(before.terms)?;
        let kept = before.accepted.filter(|_| !words);
        let promotes = matches!(terms.promotion, Promotion::Double { .. });
        let amend = Amend {
            terms: Arc::new(terms),
            listing_digest: kept.unwrap_or_else(|| listing_digest(&listing)),
            seed: promotes.then(|| house.engine.auction_key(auction).seed(0)),
        };
        let asked = wish.expected_version.unwrap_or(before.version);
        let may = !wish.by.banned && head.running.opened.is_none();
        let likely = may && asked == head.version;
        let replaced = words && likely && before.accepted.is_none();
        if replaced {
            house.people.change_listing(auction, &listing)?;
            house.engine.words().changed(auction);
        }
        let (action, was) = (Action::Amend(Box::new(amend)), before.listing);
        Ok(Change { action, version: before.version, was, replaced })
    }

    fn words_over(&self, was: &Listing) -> Result<Listing, Problem> {
        let mut listing = was.clone();
        listing.title = self.title.clone().unwrap_or(listing.title);
        listing.description = self.description.clone().unwrap_or(listing.description);
        listing.category = self.category.clone().unwrap_or(listing.category);
        check_words(&listing)?;
        Ok(listing)
    }

    fn terms_over(self, terms: Terms) -> Result<Terms, Problem> {
        let was = terms.schedule;
        let Self { starting_price, reserve, buy_now, .. } = self;
        let short = Short { starting_price, reserve, buy_now };
        let mut slots = short.over(self.terms, Slots::from(terms))?;
        let replaced = self.ends_at.is_some() || self.duration_seconds.is_some();
        let asked = schedule(self.starts_at.flatten(), self.ends_at, self.duration_seconds);
        let kept = if replaced { asked } else { was };
        let starts_at = if self.starts_at.is_some() { asked.starts_at } else { was.starts_at };
        slots.schedule = Some(Schedule { starts_at, ..kept });
        slots.complete().map_err(|problems| Problem::terms(&problems))
    }
}

impl Before {
    /// Before the command's own event if it was accepted already, else now.
    fn read(house: &House, wish: &Wish) -> Result<Self, Problem> {
        let (auction, id) = (wish.auction(), wish.operation.id);
        let history = house.engine.history(auction, 0, usize::MAX)?;
        let own = history.iter().position(|past| past.origin.command == id);
        let accepted = own.and_then(|own| history.get(own)).and_then(digest_in);
        let past = history.get(..own.unwrap_or(history.len())).unwrap_or_default();
        let version = past.last().map_or(0, |last| last.event.version);
        let terms = past.iter().rev().find_map(terms_in).ok_or_else(Problem::not_found)?;
        let listing = house.people.listing(auction)?.unwrap_or_default();
        Ok(Self { version, terms, listing, accepted })
    }
}

fn digest_in(past: &HistoryEvent) -> Option<Digest> {
    match &past.event.fact {
        Fact::Amended(amended) => Some(amended.listing_digest),
        _ => None, // not ours to list: no other fact is an amendment
    }
}

/// The rules that an event put in place, with the reserve it hides.
fn terms_in(past: &HistoryEvent) -> Option<Terms> {
    let terms = match &past.event.fact {
        Fact::Created(created) => &created.terms,
        Fact::Amended(amended) => &amended.terms,
        _ => return None, // not ours to list: no other fact carries terms
    };
    let mut whole = Terms::clone(terms);
    if let Reserve::Hidden { amount } = &mut whole.reserve {
        *amount = past.event.hidden.reserve;
    }
    Some(whole)
}
