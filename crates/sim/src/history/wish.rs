//! What can be asked, as its sender meant it: commands in plain numbers, and how they become the
//! house's own. Judges nothing.

use gavel_auction::command::{
    Action, Actor, Amend, Command, Create, Offer, Person, PlaceBid, Roles,
};
use gavel_auction::event::{Channel, Digest, HouseId, KeyId, Reason};
use gavel_auction::ids::{AuctionId, Paddle, UserId, Version};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::Preset;
use gavel_auction::refusal::Refusal;
use gavel_auction::terms::Terms;
use gavel_auction::time::Time;
use gavel_proof::command::{CommandId, command_id};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A command as its sender meant it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The auction.
    pub auction: AuctionId,
    /// Who asks.
    pub actor: Who,
    /// The sender's key, by number: see [`key_text`].
    pub key: u64,
    /// Only if the auction is still at this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Version>,
    /// What is asked.
    pub wish: Wish,
}

/// Who asks, as the edge knows him.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The user.
    pub user: UserId,
    /// Whether he may bid.
    pub bidder: bool,
    /// Whether he may sell.
    pub seller: bool,
    /// Whether he may run auctions.
    pub clerk: bool,
    /// Whether he may undo.
    pub admin: bool,
    /// Whether the house shut him out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub banned: bool,
    /// How much more he may commit himself to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headroom: Option<i64>,
}

/// What can be asked. Amounts are minor units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Wish {
    /// Make the auction.
    Create(Box<Creation>),
    /// Announce it.
    Publish,
    /// Change its terms.
    Amend {
        /// The terms, with the reserve.
        terms: Arc<Terms>,
        /// The seed, where the terms promote bids.
        seed: Option<Digest>,
    },
    /// Add a note.
    Addendum,
    /// Call it off.
    Cancel {
        /// Why.
        reason: Reason,
    },
    /// Stop bidding for a while.
    Hold {
        /// Why.
        reason: Reason,
    },
    /// Go on after a hold.
    Resume,
    /// Let the hammer fall now.
    Close {
        /// Why.
        reason: Option<Reason>,
    },
    /// Let it go on after the close.
    Reopen {
        /// Why.
        reason: Reason,
        /// The new end.
        ends_at: Time,
        /// The seed of further draws.
        seed: Option<Digest>,
    },
    /// Ask for a paddle.
    Register,
    /// Let a paddle bid, or not.
    Approve {
        /// The paddle.
        paddle: i64,
        /// Whether it may.
        yes: bool,
    },
    /// Bid.
    Bid {
        /// How much.
        amount: i64,
        /// Whether that is called a maximum.
        maximum: bool,
        /// The currency, if it was named.
        currency: Option<Currency>,
        /// Whether a far amount is meant.
        confirm: bool,
        /// The paddle a clerk bids for, and how that bid came.
        on_behalf_of: Option<(i64, Channel)>,
    },
    /// Buy at the clock's price.
    Accept {
        /// The most he pays.
        price: i64,
    },
    /// Buy at the buy-now amount.
    BuyNow,
    /// Take a bid back.
    Retract {
        /// The bid.
        bid: Version,
        /// Why.
        reason: Reason,
    },
    /// Strike a bid out.
    Void {
        /// The bid.
        bid: Version,
        /// Why.
        reason: Reason,
    },
    /// Make the result final by hand; the chain's head is the house's to say.
    Certify {
        /// The chain's head, as the edge read it.
        head: Digest,
    },
}

/// What a new auction is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Creation {
    /// The house.
    pub house: HouseId,
    /// Which log key.
    pub log_key: KeyId,
    /// Of all amounts.
    pub currency: Currency,
    /// What the terms were composed from.
    pub preset: Preset,
    /// The rules, with the reserve.
    pub terms: Arc<Terms>,
    /// The seed of the draws, where bids are promoted.
    pub seed: Option<Digest>,
    /// Whether to announce it at once.
    pub publish: bool,
    /// What binds the words of its listing.
    #[serde(default = "no_words")]
    pub listing: Digest,
}

const fn no_words() -> Digest {
    LISTING
}

impl Asked {
    /// The command's name for ever.
    #[must_use]
    pub fn name(&self) -> CommandId {
        command_id(Some(self.actor.user), self.auction, &key_text(self.key))
    }

    /// As the house takes it; none if a number in it is no amount or paddle.
    #[must_use]
    pub fn command(&self) -> Option<Command> {
        let action = self.wish.action()?;
        let actor = Actor::Person(self.actor.person());
        Some(Command { actor, expected_version: self.expected, action })
    }
}

/// A key as it is sent.
#[must_use]
pub fn key_text(key: u64) -> String {
    format!("k{key}")
}

/// What listings are bound by here: their words are nobody's business.
pub const LISTING: Digest = Digest([7; 32]);

impl Who {
    /// As the house knows him.
    #[must_use]
    pub fn person(&self) -> Person {
        let Self { user, bidder, seller, clerk, admin, banned, headroom } = *self;
        let roles = Roles { bidder, seller, clerk, admin };
        Person { user, roles, banned, headroom }
    }
}

impl Wish {
    fn action(&self) -> Option<Action> {
        Some(match self {
            Self::Create(creation) => Action::Create(Box::new(creation.create())),
            Self::Publish => Action::Publish,
            Self::Amend { terms, seed } => {
                let (terms, seed) = (Arc::clone(terms), *seed);
                Action::Amend(Box::new(Amend { terms, listing_digest: LISTING, seed }))
            }
            Self::Addendum => Action::Addendum { digest: LISTING },
            Self::Cancel { reason } => Action::Cancel { reason: *reason },
            Self::Hold { reason } => Action::Hold { reason: *reason },
            Self::Resume => Action::Resume,
            Self::Close { reason } => Action::Close { reason: *reason },
            Self::Reopen { reason, ends_at, seed } => {
                Action::Reopen { reason: *reason, ends_at: *ends_at, seed: *seed }
            }
            Self::Register => Action::Register,
            Self::Approve { paddle, yes: true } => {
                Action::Approve { paddle: Paddle::new(*paddle)? }
            }
            Self::Approve { paddle, yes: false } => {
                Action::Decline { paddle: Paddle::new(*paddle)? }
            }
            Self::Bid { amount, maximum, currency, confirm, on_behalf_of } => {
                let amount = Amount::new(*amount)?;
                let offer = if *maximum { Offer::Maximum(amount) } else { Offer::Amount(amount) };
                let on_behalf_of = match on_behalf_of {
                    Some((paddle, channel)) => Some((Paddle::new(*paddle)?, *channel)),
                    None => None,
                };
                let (currency, confirm) = (*currency, *confirm);
                Action::Bid(PlaceBid { offer, currency, confirm, on_behalf_of })
            }
            Self::Accept { price } => Action::Accept { price: Amount::new(*price)? },
            Self::BuyNow => Action::BuyNow,
            Self::Retract { bid, reason } => Action::Retract { bid: *bid, reason: *reason },
            Self::Void { bid, reason } => Action::Void { bid: *bid, reason: *reason },
            Self::Certify { head } => Action::Certify { head: *head },
        })
    }
}

impl Creation {
    fn create(&self) -> Create {
        Create {
            house: self.house,
            log_key: self.log_key,
            currency: self.currency,
            preset: self.preset,
            terms: Arc::clone(&self.terms),
            listing_digest: self.listing,
            seed: self.seed,
            publish: self.publish,
        }
    }
}

/// The number in a refusal.
pub(crate) fn hint(refusal: &Refusal) -> Option<i64> {
    match refusal {
        Refusal::BelowStart { minimum_next: amount }
        | Refusal::BelowMinimum { minimum_next: amount }
        | Refusal::AboveMaximum { maximum_next: amount }
        | Refusal::NotAboveOwn { above: amount } => amount.map(Amount::minor),
        Refusal::OverLimit { headroom } => *headroom,
        Refusal::ConfirmNeeded { confirm_above: amount }
        | Refusal::ClockMoved { price: amount } => Some(amount.minor()),
        Refusal::VersionMismatch { version } => i64::try_from(*version).ok(),
        Refusal::NotOpenYet { starts_at } => starts_at.map(|start| start.0),
        _ => None, // not ours: no number
    }
}
