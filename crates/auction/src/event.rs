//! What can have happened. An event is a fact that anybody may know and what it hides; `proof`
//! writes the two apart. This vocabulary is durable: golden files freeze it, fields may be added,
//! never changed.

use crate::ids::{AuctionId, BidId, Paddle, UserId, Version};
use crate::money::{Amount, Currency};
use crate::outcome::Outcome;
use crate::presets::Preset;
use crate::terms::Terms;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The version of the rules that this code decides by; kept in each `created`.
pub const RULES_VERSION: u32 = 1;

/// One thing that happened in one auction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The auction.
    pub auction: AuctionId,
    /// Its place in the auction's history: 1, 2, 3 without holes.
    pub version: Version,
    /// When it was decided, by the house's clock; never before the event before it.
    pub at: Time,
    /// What everybody may know.
    pub fact: Fact,
    /// What only some may know.
    pub hidden: Hidden,
}

impl Event {
    /// Who bid, bought or registered by it; of a sealed bid, if what is hidden is known.
    #[must_use]
    pub const fn bidder(&self) -> Option<Paddle> {
        match &self.fact {
            Fact::BidPlaced(placed) => match placed.paddle {
                Some(paddle) => Some(paddle),
                None => self.hidden.paddle,
            },
            Fact::BuyNowTaken { paddle, .. }
            | Fact::ClockAccepted { paddle, .. }
            | Fact::BidderRegistered { paddle } => Some(*paddle),
            Fact::Created(_)
            | Fact::Amended(_)
            | Fact::Addendum { .. }
            | Fact::Published {}
            | Fact::Opened { .. }
            | Fact::BidderApproved { .. }
            | Fact::BidderDeclined { .. }
            | Fact::BidRetracted(_)
            | Fact::BidVoided(_)
            | Fact::BidPromoted { .. }
            | Fact::Held { .. }
            | Fact::Resumed { .. }
            | Fact::Extended { .. }
            | Fact::Closed { .. }
            | Fact::Reopened { .. }
            | Fact::Cancelled { .. }
            | Fact::Certified { .. } => None,
        }
    }
}

/// The part of an event that is not public. Each `Some` but `user` and `clerk` has a commitment
/// of its own and may be opened one day; those two and the command are bound by one more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// A sealed bid's amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// The clerk who acted for the paddle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clerk: Option<UserId>,
    /// A proxy bid's maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Amount>,
    /// A sealed bid's paddle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paddle: Option<Paddle>,
    /// The reserve of the terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<Amount>,
    /// The seed of the draws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Digest>,
    /// The user behind a paddle, in the first event that names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

/// The public part of an event, as `kind` and `data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Fact {
    /// The auction exists, as a draft.
    Created(Box<Created>),
    /// The seller changed terms or text before the opening.
    Amended(Box<Amended>),
    /// The seller added a dated note after the opening.
    Addendum {
        /// SHA-256 of the note.
        digest: Digest,
    },
    /// It is announced.
    Published {},
    /// Bids are taken.
    Opened {
        /// The end in force.
        end: Time,
    },
    /// Somebody has a paddle.
    BidderRegistered {
        /// His number.
        paddle: Paddle,
    },
    /// A paddle may bid.
    BidderApproved {
        /// The number.
        paddle: Paddle,
    },
    /// A paddle may not bid.
    BidderDeclined {
        /// The number.
        paddle: Paddle,
    },
    /// A bid stands.
    BidPlaced(BidPlaced),
    /// Somebody bought at the buy-now amount; the close follows.
    BuyNowTaken {
        /// What he pays before fees.
        amount: Amount,
        /// The buyer.
        paddle: Paddle,
    },
    /// Somebody accepted the clock; the close follows.
    ClockAccepted {
        /// Where the clock stood.
        amount: Amount,
        /// The buyer.
        paddle: Paddle,
    },
    /// A bidder took his bid back.
    BidRetracted(BidUndone),
    /// The house struck a bid out.
    BidVoided(BidUndone),
    /// The house doubled a bid by lot.
    BidPromoted {
        /// The bid.
        bid: BidId,
        /// The interval it was drawn in, from 0.
        interval: u64,
        /// What is shown afterwards.
        #[serde(flatten)]
        now: Now,
    },
    /// Bidding is stopped for a while.
    Held {
        /// Why.
        reason: Reason,
    },
    /// Bidding goes on.
    Resumed {
        /// The end in force, moved by the held time.
        end: Time,
    },
    /// The end moved otherwise than by a bid.
    Extended {
        /// The end in force.
        end: Time,
        /// Since when nobody could bid.
        from: Time,
        /// Why.
        reason: ExtensionReason,
        /// Until when nobody could bid.
        to: Time,
    },
    /// The hammer fell.
    Closed {
        /// What came of it.
        outcome: Outcome,
        /// What made it end.
        reason: CloseReason,
        /// The clerk's reason, where one closed it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Reason>,
    },
    /// A closed auction goes on.
    Reopened {
        /// The end in force.
        end: Time,
        /// Why.
        reason: Reason,
    },
    /// It will not take place.
    Cancelled {
        /// Why.
        reason: Reason,
    },
    /// The result is final.
    Certified {
        /// The chain's hash at the event before this one.
        head: Digest,
    },
}

impl Fact {
    /// What it says of price, leader and end, if it can move the price.
    #[must_use]
    pub const fn now(&self) -> Option<&Now> {
        match self {
            Self::BidPlaced(placed) => Some(&placed.now),
            Self::BidRetracted(undone) | Self::BidVoided(undone) => Some(&undone.now),
            Self::BidPromoted { now, .. } => Some(now),
            Self::Created(_)
            | Self::Amended(_)
            | Self::Addendum { .. }
            | Self::Published {}
            | Self::Opened { .. }
            | Self::BidderRegistered { .. }
            | Self::BidderApproved { .. }
            | Self::BidderDeclined { .. }
            | Self::BuyNowTaken { .. }
            | Self::ClockAccepted { .. }
            | Self::Held { .. }
            | Self::Resumed { .. }
            | Self::Extended { .. }
            | Self::Closed { .. }
            | Self::Reopened { .. }
            | Self::Cancelled { .. }
            | Self::Certified { .. } => None,
        }
    }
}

/// What an auction was created with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// Of all its amounts.
    pub currency: Currency,
    /// The 16 bytes that name the house.
    pub house: HouseId,
    /// SHA-256 of title, description, pictures.
    pub listing_digest: Digest,
    /// Which log key the commitments were made with.
    pub log_key: KeyId,
    /// What the terms were composed from.
    pub preset: Preset,
    /// By whose rules it is decided.
    pub rules_version: u32,
    /// Who sells.
    pub seller: UserId,
    /// The rules, a hidden reserve without its amount.
    pub terms: Arc<Terms>,
}

/// What an amendment put in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amended {
    /// SHA-256 of title, description, pictures.
    pub listing_digest: Digest,
    /// The rules, a hidden reserve without its amount.
    pub terms: Arc<Terms>,
}

/// A bid that stands, and what is shown afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BidPlaced {
    /// The amount, unless it is a hidden maximum or sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// How it came, where a clerk placed it for the paddle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The bidder, unless sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paddle: Option<Paddle>,
    /// What is shown afterwards.
    #[serde(flatten)]
    pub now: Now,
}

/// A bid that no longer stands, and what is shown afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BidUndone {
    /// The bid.
    pub bid: BidId,
    /// Why.
    pub reason: Reason,
    /// What is shown afterwards.
    #[serde(flatten)]
    pub now: Now,
}

/// What everybody sees after an event that can move the price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// The end in force.
    pub end: Time,
    /// Whether this event moved it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub extended: bool,
    /// Price and leader, unless sealed.
    #[serde(flatten)]
    pub shown: Option<Shown>,
}

/// Price and leader of an open auction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Who leads.
    pub leader: Option<Paddle>,
    /// The next legal bid.
    #[serde(flatten)]
    pub next: Next,
    /// The price.
    pub price: Option<Amount>,
    /// Whether the reserve is met, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve_met: Option<bool>,
}

/// The next legal bid of somebody who does not lead; none where there is no legal one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Next {
    /// At least this much.
    #[serde(rename = "minimum_next")]
    Minimum(Option<Amount>),
    /// Reverse: at most this much.
    #[serde(rename = "maximum_next")]
    Maximum(Option<Amount>),
}

impl Next {
    /// The amount, whichever way the auction goes.
    #[must_use]
    pub const fn amount(self) -> Option<Amount> {
        match self {
            Self::Minimum(amount) | Self::Maximum(amount) => amount,
        }
    }
}

/// How a bid came that a clerk placed for a paddle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// From the room.
    Floor,
    /// By telephone.
    Phone,
    /// Left with the house in advance.
    Absentee,
}

/// What made an auction end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// Its end came.
    Time,
    /// A clerk closed it.
    Clerk,
    /// Somebody took buy now.
    Bought,
    /// The clock was accepted, or ran out.
    Clock,
}

/// Why an end moved otherwise than by a bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtensionReason {
    /// The house could not be reached across the end.
    Outage,
}

/// Why somebody did what needs a reason. Free text lives beside, outside the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A slip.
    Mistake,
    /// The thing is not for sale any more.
    Withdrawn,
    /// The description was wrong.
    Misdescribed,
    /// The thing is damaged.
    Damaged,
    /// The winner did not pay.
    NonPayment,
    /// Something looks like fraud.
    SuspectedFraud,
    /// The house's technology failed.
    TechnicalFailure,
    /// Somebody asked for it.
    OnRequest,
    /// None of the others.
    Other,
}

impl Reason {
    /// All reasons, with their words in requests and events.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Mistake, "mistake"),
        (Self::Withdrawn, "withdrawn"),
        (Self::Misdescribed, "misdescribed"),
        (Self::Damaged, "damaged"),
        (Self::NonPayment, "non_payment"),
        (Self::SuspectedFraud, "suspected_fraud"),
        (Self::TechnicalFailure, "technical_failure"),
        (Self::OnRequest, "on_request"),
        (Self::Other, "other"),
    ];
}

macro_rules! hex_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let mut text = [0; $len * 2];
                for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
                    pair[0] = DIGITS[usize::from(byte >> 4)];
                    pair[1] = DIGITS[usize::from(byte & 15)];
                }
                f.write_str(std::str::from_utf8(&text).expect("hex digits are ASCII"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl From<$name> for String {
            fn from(bytes: $name) -> String {
                bytes.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                let mut bytes = [0; $len];
                read_hex(&text, &mut bytes).ok_or("lower-case hex digits of the right number")?;
                Ok(Self(bytes))
            }
        }
    };
}

hex_bytes! {
    /// A SHA-256 value; lower-case hex in JSON.
    Digest, 32
}
hex_bytes! {
    /// The 16 random bytes that name a house for ever.
    HouseId, 16
}
hex_bytes! {
    /// The first 8 bytes of a digest of a log key: which key, without the key.
    KeyId, 8
}

fn read_hex(text: &str, bytes: &mut [u8]) -> Option<()> {
    let digits = text.as_bytes();
    if digits.len() != bytes.len() * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None, // not ours: a byte
        };
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(())
}
