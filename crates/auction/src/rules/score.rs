//! Direction. A score is an amount turned so that a higher score is always the better bid: forward
//! the amount itself, reverse its negative. All comparisons of bids are comparisons of scores.

use crate::money::{Amount, MAX_AMOUNT};
use crate::terms::Direction;

/// How good an amount is; the higher the better, whichever way the price moves.
pub(crate) type Score = i64;

impl Direction {
    /// How good `minor` units are.
    pub(crate) const fn score(self, minor: i64) -> Score {
        match self {
            Self::Forward => minor,
            Self::Reverse => -minor,
        }
    }

    /// The amount of a score, if it is one.
    pub(crate) fn amount(self, score: Score) -> Option<Amount> {
        Amount::new(match self {
            Self::Forward => score,
            Self::Reverse => score.checked_neg()?,
        })
    }

    /// The best score any bid can have, given the largest legal amount.
    pub(crate) fn best(self, largest: Amount) -> Score {
        match self {
            Self::Forward => largest.minor().min(MAX_AMOUNT),
            Self::Reverse => -1,
        }
    }
}
