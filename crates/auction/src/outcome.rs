//! What came of an auction: winner, hammer price, what is paid. Computed once, in the close.

use crate::ids::Paddle;
use crate::money::Amount;
use serde::{Deserialize, Serialize};

/// What came of an auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// Sold to the highest (reverse: lowest) bidder.
    Sold(Sale),
    /// Ended unsold.
    Passed {
        /// Why.
        reason: PassedReason,
    },
    /// Called off.
    Cancelled {},
}

impl Outcome {
    /// The sale, if it is one.
    #[must_use]
    pub const fn sale(&self) -> Option<&Sale> {
        match self {
            Self::Sold(sale) => Some(sale),
            Self::Passed { .. } | Self::Cancelled {} => None,
        }
    }
}

/// Who pays how much for it. All amounts in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// What the winner pays in all: hammer price without the house's part, premium, tax.
    pub buyer_pays: i64,
    /// What the house keeps of the seller's money.
    pub commission: i64,
    /// The price at which the hammer fell.
    pub hammer_price: Amount,
    /// What the house adds for a promoted bid.
    pub house_pays: i64,
    /// The buyer's premium.
    pub premium: i64,
    /// Tax on hammer price and premium.
    pub tax: i64,
    /// Who won.
    pub winner: Paddle,
}

/// Why an auction ended unsold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassedReason {
    /// Nobody bid.
    NoBids,
    /// The best bid did not reach the reserve.
    ReserveNotMet,
    /// Nobody accepted the clock.
    ClockRanOut,
}
