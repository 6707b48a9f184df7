//! What may be asked of an auction, and by whom. Holds no judgement: that is `auction.rs`.

use crate::event::{Channel, Digest, HouseId, KeyId, Reason};
use crate::ids::{BidId, Paddle, UserId, Version};
use crate::money::{Amount, Currency};
use crate::presets::Preset;
use crate::terms::Terms;
use crate::time::Time;
use std::sync::Arc;

/// A wish: who wants what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Who asks.
    pub actor: Actor,
    /// Only if the auction is still at this version.
    pub expected_version: Option<Version>,
    /// What is asked.
    pub action: Action,
}

impl Command {
    /// A wish of the house itself.
    #[must_use]
    pub const fn by_house(action: Action) -> Self {
        Self { actor: Actor::House, expected_version: None, action }
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The house itself: time, and its own jobs.
    House,
    /// A person, as the edge knows him at this moment.
    Person(Person),
}

/// A person, as the edge knows him at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who he is.
    pub user: UserId,
    /// What he may be here.
    pub roles: Roles,
    /// Whether the house has shut him out.
    pub banned: bool,
    /// How much, in minor units, whom this is for may commit himself to in this auction; none = as
    /// much as he likes.
    pub headroom: Option<i64>,
}

impl Person {
    /// A person with these roles, not banned, without a limit.
    #[must_use]
    pub const fn new(user: UserId, roles: Roles) -> Self {
        Self { user, roles, banned: false, headroom: None }
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// May bid.
    pub bidder: bool,
    /// May sell.
    pub seller: bool,
    /// May run auctions: hold, resume, close, cancel, bid for a paddle.
    pub clerk: bool,
    /// May undo: void, reopen, certify by hand. Includes the clerk's rights.
    pub admin: bool,
}

impl Roles {
    /// What new users get unless the house says otherwise.
    pub const MEMBER: Self = Self { bidder: true, seller: true, clerk: false, admin: false };
    /// A clerk of the house.
    pub const CLERK: Self = Self { bidder: false, seller: false, clerk: true, admin: false };
    /// An administrator of the house.
    pub const ADMIN: Self = Self { bidder: false, seller: false, clerk: true, admin: true };

    /// Whether this is somebody of the house.
    #[must_use]
    pub const fn is_staff(self) -> bool {
        self.clerk || self.admin
    }
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make the auction; it is a draft unless published at once.
    Create(Box<Create>),
    /// Announce it; it opens as soon as its start has come.
    Publish,
    /// Change terms or text before the opening.
    Amend(Box<Amend>),
    /// Add a dated note after the opening.
    Addendum {
        /// SHA-256 of the note.
        digest: Digest,
    },
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
    /// Let a closed auction go on.
    Reopen {
        /// Why.
        reason: Reason,
        /// The new end.
        ends_at: Time,
        /// The seed of the further draws, where bids are promoted.
        seed: Option<Digest>,
    },
    /// Ask for a paddle.
    Register,
    /// Let a paddle bid.
    Approve {
        /// Its number.
        paddle: Paddle,
    },
    /// Do not let a paddle bid.
    Decline {
        /// Its number.
        paddle: Paddle,
    },
    /// Place a bid.
    Bid(PlaceBid),
    /// Buy at the clock's price, if that is at or below `price`.
    Accept {
        /// The most the bidder pays.
        price: Amount,
    },
    /// Buy at the buy-now amount.
    BuyNow,
    /// Take a bid back.
    Retract {
        /// The bid.
        bid: BidId,
        /// Why.
        reason: Reason,
    },
    /// Strike a bid out.
    Void {
        /// The bid.
        bid: BidId,
        /// Why.
        reason: Reason,
    },
    /// Make the result final.
    Certify {
        /// The chain's hash so far.
        head: Digest,
    },
    /// Let time do what is due: one thing a tick.
    Tick(Tick),
}

impl Action {
    /// Whether it is what bidders do all the time, as often as they like.
    #[must_use]
    pub const fn is_bidding(&self) -> bool {
        matches!(self, Self::Bid(_) | Self::Accept { .. } | Self::BuyNow | Self::Retract { .. })
    }
}

/// What time brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The chain's hash so far, for certification.
    pub head: Digest,
    /// Since when and until when the house could not be reached, in the first tick afterwards.
    pub outage: Option<(Time, Time)>,
}

/// What a new auction is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// The 16 bytes that name the house.
    pub house: HouseId,
    /// Which log key its commitments are made with.
    pub log_key: KeyId,
    /// Of all its amounts.
    pub currency: Currency,
    /// What the terms were composed from.
    pub preset: Preset,
    /// The rules, with the reserve.
    pub terms: Arc<Terms>,
    /// SHA-256 of title, description, pictures.
    pub listing_digest: Digest,
    /// The seed of the draws, where bids are promoted.
    pub seed: Option<Digest>,
    /// Whether to announce it at once.
    pub publish: bool,
}

/// What an amendment puts in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amend {
    /// The rules, with the reserve.
    pub terms: Arc<Terms>,
    /// SHA-256 of title, description, pictures.
    pub listing_digest: Digest,
    /// The seed of the draws, should the new terms promote bids where the old ones did not.
    pub seed: Option<Digest>,
}

/// A bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceBid {
    /// How much.
    pub offer: Offer,
    /// The currency the bidder had in mind, if he said so.
    pub currency: Option<Currency>,
    /// Whether he means an amount far above the smallest legal one.
    pub confirm: bool,
    /// The paddle that a clerk bids for, and how that bid came.
    pub on_behalf_of: Option<(Paddle, Channel)>,
}

impl PlaceBid {
    /// A bidder's own bid.
    #[must_use]
    pub const fn of(offer: Offer) -> Self {
        Self { offer, currency: None, confirm: false, on_behalf_of: None }
    }
}

/// How much is bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// This amount; where bids are proxies, as a maximum.
    Amount(Amount),
    /// Up to this amount; only where bids are proxies.
    Maximum(Amount),
}

impl Offer {
    /// The number itself.
    #[must_use]
    pub const fn amount(self) -> Amount {
        match self {
            Self::Amount(amount) | Self::Maximum(amount) => amount,
        }
    }
}
