//! What a seller proposes: words and terms, as a request says them, put together into what the
//! rules judge. Says what is malformed; what does not go together is said by `gavel_auction`.

use crate::http::error::Problem;
use crate::http::time::Stamp;
use gavel_auction::event::Digest;
use gavel_auction::money::Amount;
use gavel_auction::presets::Slots;
use gavel_auction::terms::{BuyNow, Reserve, Schedule, Terms};
use gavel_engine::people::Listing;
use gavel_proof::canonical::canonicalize;
use gavel_proof::hash::sha256;
use serde::{Deserialize, Deserializer};
use serde_json::json;

const TITLE: usize = 500;
const DESCRIPTION: usize = 10_000;
const CATEGORY: usize = 100;

/// The short forms of slots that stand beside `terms`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Short {
    pub(crate) starting_price: Option<Amount>,
    pub(crate) reserve: Option<Amount>,
    pub(crate) buy_now: Option<Amount>,
}

impl Short {
    /// The slots with these short forms in them, over `base`.
    ///
    /// # Errors
    /// `malformed`, if a value stands beside and inside the terms.
    pub(crate) fn over(self, terms: Slots, base: Slots) -> Result<Slots, Problem> {
        let twice = [
            ("starting_price", self.starting_price.is_some() && terms.starting_price.is_some()),
            ("reserve", self.reserve.is_some() && terms.reserve.is_some()),
            ("buy_now", self.buy_now.is_some() && terms.buy_now.is_some()),
        ];
        if let Some((field, _)) = twice.into_iter().find(|(_, twice)| *twice) {
            let detail = "Give it beside the terms or inside of them, not both.";
            return Err(Problem::malformed(field, detail));
        }
        let mut slots = terms;
        slots.starting_price = self.starting_price.or(slots.starting_price);
        if let Some(amount) = self.reserve {
            slots.reserve = Some(Reserve::Hidden { amount: Some(amount) });
        }
        let mut slots = slots.over(base);
        if let Some(amount) = self.buy_now {
            let reserved = slots.reserve.is_some_and(|slot| !matches!(slot, Reserve::None {}));
            let until_met = BuyNow::UntilReserveMet { amount };
            let until_bid = BuyNow::UntilFirstBid { amount };
            slots.buy_now = Some(if reserved { until_met } else { until_bid });
        }
        Ok(slots)
    }
}

/// A schedule from the times of a request.
pub(crate) fn schedule(
    starts_at: Option<Stamp>,
    ends_at: Option<Stamp>,
    duration_seconds: Option<u32>,
) -> Schedule {
    Schedule {
        duration_seconds,
        ends_at: ends_at.map(|stamp| stamp.0),
        starts_at: starts_at.map(|stamp| stamp.0),
    }
}

/// The words of a listing, within their bounds.
///
/// # Errors
/// `malformed`.
pub(crate) fn check_words(listing: &Listing) -> Result<(), Problem> {
    let bounds = [
        ("title", Some(&listing.title), 1, TITLE),
        ("description", listing.description.as_ref(), 0, DESCRIPTION),
        ("category", listing.category.as_ref(), 1, CATEGORY),
    ];
    for (field, text, least, most) in bounds {
        let Some(text) = text else { continue };
        let length = text.chars().count();
        if length > most || text.trim().chars().count() < least {
            let detail = format!("{least} to {most} characters.");
            return Err(Problem::malformed(field, detail));
        }
        let lines = field == "description";
        let odd = |letter: char| letter.is_control() && !(lines && "\n\r\t".contains(letter));
        if text.contains(odd) {
            return Err(Problem::malformed(field, "No control characters."));
        }
    }
    Ok(())
}

/// What binds the words to the log: SHA-256 of the canonical JSON of title, description and
/// category.
pub(crate) fn listing_digest(listing: &Listing) -> Digest {
    sha256(&canonicalize(&json!({
        "category": listing.category,
        "description": listing.description,
        "title": listing.title,
    })))
}

/// What a request to create says, whatever its bytes: the same for every repeat of it.
pub(crate) fn creation_digest(
    listing: &Listing,
    currency: &str,
    preset: &str,
    terms: &Terms,
    publish: bool,
) -> Digest {
    let terms = serde_json::to_value(terms).expect("terms always serialize");
    let mut said = json!({
        "currency": currency,
        "listing": listing_digest(listing).to_string(),
        "preset": preset,
        "publish": publish,
        "terms": terms,
    });
    // Keys of creations without one are as old as the house.
    if let Some((item, _)) = listing.item {
        said["item"] = json!(item);
    }
    sha256(&canonicalize(&said))
}

/// Tells a null, which takes a value away, from a member that is not there.
pub(crate) fn present<'de, T, D>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(from).map(Some)
}
