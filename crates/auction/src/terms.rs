//! `Terms`: what the seller fixed, one value a rule slot. A type of auction is not code but such a
//! composition (see `presets.rs`). Fields stand in alphabetical order, because that is their order
//! in canonical JSON. What combinations make sense is said in `terms/check.rs`.

pub mod check;

use crate::money::Amount;
use crate::slot;
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// The longest that anything in the terms may last: a year.
pub(crate) const LONGEST_SECONDS: u32 = 366 * 24 * 3600;

/// The rules of one auction. Immutable once it has opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// What a bid is measured against.
    #[serde(with = "slot")]
    pub admission: Admission,
    /// Whether the thing can be had at once, and until when.
    #[serde(with = "slot")]
    pub buy_now: BuyNow,
    /// Who certifies the result.
    #[serde(deserialize_with = "slot::word")]
    pub certify: Certify,
    /// A price that moves by itself.
    #[serde(with = "slot")]
    pub clock: Clock,
    /// How the end behaves when bids come late.
    #[serde(with = "slot")]
    pub close: Close,
    /// A bid above this many times the smallest legal one must be confirmed; 0 = never.
    pub confirm_factor: u32,
    /// Whether the highest or the lowest wins.
    #[serde(deserialize_with = "slot::word")]
    pub direction: Direction,
    /// Who may bid.
    #[serde(deserialize_with = "slot::word")]
    pub eligibility: Eligibility,
    /// Premium, commission, tax.
    pub fees: Fees,
    /// The smallest step between bids.
    #[serde(with = "slot")]
    pub increment: Increment,
    /// What happens to an end that fell into an outage of the house.
    #[serde(deserialize_with = "slot::word")]
    pub outage: Outage,
    /// Whether the leader may bid again.
    pub own_raise: bool,
    /// What the winner pays.
    #[serde(deserialize_with = "slot::word")]
    pub pricing: Pricing,
    /// Bids that the house doubles by lot.
    #[serde(with = "slot")]
    pub promotion: Promotion,
    /// Whether the house bids for the bidder up to his maximum.
    #[serde(deserialize_with = "slot::word")]
    pub proxy: Proxy,
    /// The price below which nothing is sold.
    #[serde(with = "slot")]
    pub reserve: Reserve,
    /// Whether and when a bid may be taken back.
    #[serde(with = "slot")]
    pub retraction: Retraction,
    /// When it opens and ends.
    pub schedule: Schedule,
    /// How long the winner has to pay.
    pub settlement: Settlement,
    /// The first bid may equal it (reverse: the ceiling). None only with a clock: that has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starting_price: Option<Amount>,
    /// What the public sees of bids.
    #[serde(deserialize_with = "slot::word")]
    pub visibility: Visibility,
}

/// Which way the price moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The highest bid wins.
    Forward,
    /// The lowest bid wins.
    Reverse,
}

/// What the public sees of bids while the auction is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Amounts, and bidders by their paddles.
    Paddle,
    /// Amounts, and bidders by their names.
    Named,
    /// Only how many events there were; amounts and bidders are hidden until the close.
    Sealed,
}

/// What a bid is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Admission {
    /// The leader's bid, by at least a step.
    BeatLeader {},
    /// The bidder's own latest standing bid, by at least a step; it may be below the leader.
    BeatOwnLatest {},
    /// Nothing: one bid for each bidder.
    OncePerBidder {},
    /// Nothing: a bidder's latest bid replaces his earlier ones.
    Revisable {},
    /// The falling clock: the first to accept it buys.
    AcceptClock {},
}

/// The smallest step between bids, as a function of the price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Increment {
    /// No step at all: the price moves by the clock.
    None {},
    /// One minor unit.
    AnyHigher {},
    /// Always the same.
    Fixed {
        /// Minor units.
        step: Amount,
    },
    /// A share of the price, rounded up, at least one minor unit.
    Percent {
        /// Hundredths of a percent.
        basis_points: u32,
    },
    /// By price bands.
    Table {
        /// Rising bands, the first from 0.
        steps: Vec<Band>,
    },
}

/// One band of an increment table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// The lowest price of the band, in minor units.
    pub from: i64,
    /// The step inside the band, in minor units.
    pub step: i64,
}

/// Whether the house bids for the bidder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proxy {
    /// A bid is what it says.
    None,
    /// A bid is a maximum; the price moves only as far as others push it.
    Maximum,
}

/// The price below which (reverse: above which) nothing is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reserve {
    /// There is none.
    None {},
    /// Met or not met is shown, the amount is not. It is absent in the public terms.
    Hidden {
        /// The reserve itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Amount>,
    },
    /// Everybody sees it.
    Disclosed {
        /// The reserve itself.
        amount: Amount,
    },
}

impl Reserve {
    /// The amount, where there is a reserve and it is known here.
    #[must_use]
    pub const fn amount(&self) -> Option<Amount> {
        match self {
            Self::None {} => None,
            Self::Hidden { amount } => *amount,
            Self::Disclosed { amount } => Some(*amount),
        }
    }
}

/// Whether the thing can be had at once at a fixed amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum BuyNow {
    /// No.
    None {},
    /// Until somebody has bid.
    UntilFirstBid {
        /// Minor units.
        amount: Amount,
    },
    /// Until bids have met the reserve.
    UntilReserveMet {
        /// Minor units.
        amount: Amount,
    },
    /// To the end.
    UntilClose {
        /// Minor units.
        amount: Amount,
    },
}

impl BuyNow {
    /// The amount, where there is a buy-now price.
    #[must_use]
    pub const fn amount(&self) -> Option<Amount> {
        match self {
            Self::None {} => None,
            Self::UntilFirstBid { amount }
            | Self::UntilReserveMet { amount }
            | Self::UntilClose { amount } => Some(*amount),
        }
    }
}

/// A price that moves by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Clock {
    /// There is no clock: bids move the price.
    None {},
    /// Dutch: it falls from `start` to `floor` until somebody accepts.
    Descending {
        /// The first price.
        start: Amount,
        /// The lowest price.
        floor: Amount,
        /// How much it falls at a time.
        step: Amount,
        /// How often it falls.
        every_seconds: u32,
    },
}

/// How the end behaves when bids come late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Close {
    /// It stays.
    Hard {},
    /// A bid that changes leader or price inside the window moves it.
    Soft {
        /// How long before the end a bid counts as late.
        window_seconds: u32,
        /// How much time is left after such a bid.
        extend_to_seconds: u32,
        /// How far the end may move in all.
        max_total_seconds: u32,
    },
}

/// What the winner pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pricing {
    /// The price his bid stands at.
    PayBid,
    /// The best other amount, at least the start and the reserve.
    SecondPrice,
    /// The clock's price.
    ClockPrice,
}

/// Who may bid. Never the seller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Eligibility {
    /// Whoever is signed in as a bidder.
    Anyone,
    /// Who registered for this auction and was approved.
    Approved,
}

/// Whether and when a bidder may take a bid back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Retraction {
    /// A bid stands.
    Never {},
    /// As long as the auction is open.
    WhileOpen {},
    /// Soon after bidding, and not near the end.
    Window {
        /// Not in this last part of the auction.
        not_in_last_seconds: u32,
        /// Only so long after the bid.
        within_seconds: u32,
    },
}

/// Bids that the house doubles by lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Promotion {
    /// None are.
    None {},
    /// One of each interval's bids is.
    Double {
        /// Length of an interval of open time.
        every_seconds: u32,
        /// What makes a bid likelier to be drawn; empty = all alike.
        #[serde(default)]
        weights: Vec<Weight>,
    },
}

/// Makes bids of one kind likelier to be drawn. Several factors multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weight {
    /// 1 to 100 times as likely.
    pub factor: u32,
    /// Which bids.
    pub kind: WeightKind,
}

/// The kinds of bids that a weight can favour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightKind {
    /// The bidder's first bid in this auction.
    Newcomer,
    /// The bidder does not lead at the interval's end.
    Underdog,
    /// Placed in the first half of the interval.
    Early,
}

/// What is charged beside the hammer price, in basis points; frozen at opening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fees {
    /// On top of the hammer price, paid by the buyer.
    pub buyer_premium_bp: u32,
    /// Off the hammer price, paid by the seller.
    pub seller_commission_bp: u32,
    /// On hammer price and premium, paid by the buyer.
    pub tax_bp: u32,
}

/// How long the winner, and after him the runner-up, has to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settlement {
    /// Seconds from certification until payment is due.
    pub due_seconds: u32,
    /// Seconds for which a second-chance offer stands; 0 = none is made.
    pub second_chance_seconds: u32,
}

impl Default for Settlement {
    fn default() -> Self {
        Self { due_seconds: 604_800, second_chance_seconds: 0 }
    }
}

/// Who certifies the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certify {
    /// The house, in the tick after closing.
    Automatic,
    /// A job that asks for it.
    Manual,
}

/// What happens to an end that fell into an outage of the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    /// The end moves, so that the lost time is given back.
    Extend,
    /// The end stays.
    Ignore,
}

/// When the auction opens and ends. In events and here, instants are microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Length from the opening, instead of `ends_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u32>,
    /// The end, instead of `duration_seconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Time>,
    /// The opening; none = when it is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Time>,
}

impl Terms {
    /// The terms as everybody may see them: a hidden reserve without its amount.
    #[must_use]
    pub fn public(&self) -> Self {
        let mut shown = self.clone();
        if let Reserve::Hidden { amount } = &mut shown.reserve {
            *amount = None;
        }
        shown
    }

    /// The amount the first bid may equal: the starting price, or the clock's first price.
    #[must_use]
    pub fn start(&self) -> Amount {
        match self.clock {
            Clock::Descending { start, .. } => start,
            Clock::None {} => self.starting_price.unwrap_or(Amount::ONE),
        }
    }

    /// Whether amounts and bidders are hidden until the close.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.visibility == Visibility::Sealed
    }

    /// Whether bids are maxima that the house bids up to.
    #[must_use]
    pub fn has_proxy(&self) -> bool {
        self.proxy == Proxy::Maximum
    }

    /// The largest amount a bid may name: doubled by a promotion it must still be exact.
    #[must_use]
    pub fn largest_amount(&self) -> Amount {
        match self.promotion {
            Promotion::None {} => Amount::MAX,
            Promotion::Double { .. } => {
                Amount::new(crate::money::MAX_AMOUNT / 2).expect("half the largest is positive")
            }
        }
    }
}
