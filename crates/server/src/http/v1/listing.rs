//! Putting something up for sale: creating an auction, changing its words and terms before it
//! opens, adding dated notes afterwards. Who may do that when is judged by `gavel_auction` alone.

use super::amend::AmendBody;
use super::ask::{Done, Manner, Wish};
use super::extract::Of;
use super::items::shown_of;
use super::proposal::{Short, check_words, creation_digest, listing_digest, schedule};
use super::reply::Stands;
use super::texts::{Place, put_along};
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::body::Strict;
use crate::http::error::{Code, Problem};
use crate::http::idempotency::IdempotencyKey;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use axum::extract::State;
use axum::response::Response;
use gavel_auction::command::{Action, Create, Person};
use gavel_auction::event::{Digest, HouseId};
use gavel_auction::ids::{AuctionId, UserId, Version};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::check::Problem as TermsProblem;
use gavel_auction::terms::{Promotion, Terms};
use gavel_engine::answer::Answer;
use gavel_engine::people::{Listing, Reserved};
use gavel_proof::hash::sha256;
use gavel_proof::keys::LogKey;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .routes(routes!(create))
        .routes(routes!(amend))
        .routes(routes!(add_note))
}

/// A new auction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateBody {
    #[schema(min_length = 1, max_length = 500)]
    title: String,
    #[schema(max_length = 10000)]
    description: Option<String>,
    #[schema(max_length = 100)]
    category: Option<String>,
    /// One of your items; its attributes, as they are now, are shown with the auction.
    item: Option<i64>,
    /// ISO 4217.
    #[schema(example = "EUR")]
    currency: String,
    /// What the terms are composed from.
    #[serde(default = "english")]
    #[schema(value_type = String, default = "english")]
    preset: Preset,
    /// Slots that differ from the preset's.
    #[serde(default)]
    #[schema(value_type = Object)]
    terms: Slots,
    /// Short for the slot of that name.
    #[schema(value_type = Option<i64>, minimum = 1)]
    starting_price: Option<Amount>,
    /// Short for a hidden reserve.
    #[schema(value_type = Option<i64>, minimum = 1)]
    reserve: Option<Amount>,
    /// Short for buy now: until the reserve is met if there is one, else until the first bid.
    #[schema(value_type = Option<i64>, minimum = 1)]
    buy_now: Option<Amount>,
    /// When it opens; as soon as it is published if left out.
    starts_at: Option<Stamp>,
    /// When it ends. With a clock neither this nor `duration_seconds`.
    ends_at: Option<Stamp>,
    /// How long it lasts from its opening.
    duration_seconds: Option<u32>,
    #[serde(default = "yes")]
    #[schema(default = true)]
    publish: bool,
}

const fn english() -> Preset {
    Preset::English
}

const fn yes() -> bool {
    true
}

/// What a creation comes to.
pub(crate) struct Creation {
    pub(crate) listing: Listing,
    currency: Currency,
    preset: Preset,
    terms: Terms,
    publish: bool,
}

impl CreateBody {
    /// All that is wrong with the terms comes at once, an unknown currency among it.
    pub(crate) fn creation(self) -> Result<Creation, Problem> {
        let Self { title, description, category, item, preset, publish, .. } = self;
        // Its attributes come when it is reserved.
        let item = item.map(|item| (item, String::new()));
        let listing = Listing { title, description, category, item, ..Listing::default() };
        check_words(&listing)?;
        let Self { starting_price, reserve, buy_now, .. } = self;
        let short = Short { starting_price, reserve, buy_now };
        let euro = || Currency::from_code("EUR").expect("there is the euro");
        let known = Currency::from_code(&self.currency);
        let currency = known.unwrap_or_else(euro);
        let mut slots = short.over(self.terms, preset.slots(currency))?;
        slots.schedule = Some(schedule(self.starts_at, self.ends_at, self.duration_seconds));
        let unknown = known.is_none().then(|| {
            TermsProblem::new("currency", "unknown", "a code of ISO 4217 in use, such as EUR")
        });
        match (unknown, slots.complete()) {
            (None, Ok(terms)) => Ok(Creation { listing, currency, preset, terms, publish }),
            (unknown, composed) => {
                let others = composed.err().unwrap_or_default();
                let problems: Vec<_> = unknown.into_iter().chain(others).collect();
                Err(Problem::terms(&problems))
            }
        }
    }
}

impl Creation {
    /// What a dialect puts up for sale, published at once: these slots over a preset's.
    ///
    /// # Errors
    /// `malformed` words; all that is wrong with the terms.
    pub(crate) fn of(
        listing: Listing,
        currency: Currency,
        preset: Preset,
        slots: Slots,
    ) -> Result<Self, Problem> {
        check_words(&listing)?;
        let terms = slots.over(preset.slots(currency)).complete();
        let terms = terms.map_err(|problems| Problem::terms(&problems))?;
        Ok(Self { listing, currency, preset, terms, publish: true })
    }

    /// What somebody wants of the auction that is to be, under the id reserved for it.
    ///
    /// # Errors
    /// If its id cannot be reserved.
    pub(crate) async fn wish(
        &self,
        house: &House,
        by: Person,
        manner: &Manner,
    ) -> Result<Wish, Problem> {
        let auction = self.reserve(house, by.user, &manner.key).await?;
        Ok(Wish::by(by, manner, auction, None))
    }

    /// Makes the auction.
    ///
    /// # Errors
    /// The refusal, or why no answer could be given.
    pub(crate) async fn put(self, house: &House, wish: &Wish) -> Result<Done, Problem> {
        let auction = wish.auction();
        let action = self.action(house.keys.house, &house.keys.log, auction);
        let answer = wish.answer(house, action).await;
        if matches!(answer, Ok(Answer::Refused(_))) && house.head(auction).await?.is_none() {
            house.blocking(move |people| people.release_auction(auction)).await?;
        }
        wish.done(house, answer).await
    }

    /// What it says: the same for every repeat of it.
    pub(crate) fn digest(&self) -> Digest {
        let Self { listing, currency, preset, terms, publish } = self;
        creation_digest(listing, currency.code(), preset.name(), terms, *publish)
    }

    /// The auction's id: for the same key always the same one.
    async fn reserve(
        &self,
        house: &House,
        user: UserId,
        key: &IdempotencyKey,
    ) -> Result<AuctionId, Problem> {
        let (body, mut listing) = (self.digest(), self.listing.clone());
        let key = key.get().map(str::to_owned);
        let reserve = move |house: &House| -> Result<Reserved, Problem> {
            if let Some((item, attributes)) = &mut listing.item {
                // A repeat is no longer about the item as it is now.
                let made =
                    key.as_deref().map(|key| house.people.reserved(user, key)).transpose()?;
                if made.flatten().is_none() {
                    (*attributes, listing.pictures) = shown_of(house, user, *item)?;
                }
            }
            Ok(house.people.reserve_auction(user, key.as_deref(), &body, &listing)?)
        };
        match house.aside(reserve).await?? {
            Reserved::Id(auction) => Ok(auction),
            Reserved::KeyReused => {
                Err(Problem::of(Code::KeyReused, "This key was used for another auction."))
            }
        }
    }

    /// What is asked of an auction that is to be.
    pub(crate) fn action(self, house: HouseId, key: &LogKey, auction: AuctionId) -> Action {
        let promotes = matches!(self.terms.promotion, Promotion::Double { .. });
        Action::Create(Box::new(Create {
            house,
            log_key: key.id(),
            currency: self.currency,
            preset: self.preset,
            listing_digest: listing_digest(&self.listing),
            seed: promotes.then(|| key.auction(house, auction).seed(0)),
            terms: Arc::new(self.terms),
            publish: self.publish,
        }))
    }
}

/// Puts something up for auction.
#[utoipa::path(post, path = "/v1/auctions", tag = "auctions",
    request_body = CreateBody,
    responses((status = 201, body = Stands, headers(("Location" = String)))))]
pub(crate) async fn create(
    State(house): State<House>,
    by: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<CreateBody>,
) -> Result<Response, Problem> {
    let creation = body.creation()?;
    let wish = creation.wish(&house, by.person(), &manner).await?;
    let work = |wish: Wish, house: House| async move {
        let done = creation.put(&house, &wish).await?;
        let mut response = done.reply(&house, StatusCode::CREATED).await?;
        let location = HeaderValue::try_from(format!("/v1/auctions/{}", wish.auction()));
        response.headers_mut().insert(LOCATION, location.expect("digits are a header value"));
        Ok(response)
    };
    wish.settle(house, work).await
}

/// Changes words, terms or dates before the opening.
#[utoipa::path(patch, path = "/v1/auctions/{auction}", tag = "auctions",
    params(("auction" = i64, Path)),
    request_body = AmendBody,
    responses((status = 200, body = Stands)))]
pub(crate) async fn amend(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<AmendBody>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&by, &manner, auction, body.expected_version);
    let work = |wish, house: House| async move {
        body.put(&house, wish).await?.reply(&house, StatusCode::OK).await
    };
    wish.settle(house, work).await
}

/// A dated note.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddendumBody {
    #[schema(min_length = 1, max_length = 10000)]
    text: String,
    #[schema(value_type = Option<u64>)]
    expected_version: Option<Version>,
}

/// Adds a dated note; the terms stay as they are.
#[utoipa::path(post, path = "/v1/auctions/{auction}/addenda", tag = "auctions",
    params(("auction" = i64, Path)),
    request_body = AddendumBody,
    responses((status = 201, body = Stands)))]
pub(crate) async fn add_note(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<AddendumBody>,
) -> Result<Response, Problem> {
    let AddendumBody { text, expected_version } = body;
    if text.trim().is_empty() || text.chars().count() > 10_000 {
        return Err(Problem::malformed("text", "1 to 10,000 characters."));
    }
    let wish = Wish::of(&by, &manner, auction, expected_version);
    let work = move |wish: Wish, house: House| async move {
        let action = Action::Addendum { digest: sha256(text.as_bytes()) };
        let put = wish.put(&house, action);
        let done = put_along(&house, &wish, (Some(text), Place::Addendum), put).await?;
        done.reply(&house, StatusCode::CREATED).await
    };
    wish.settle(house, work).await
}
