//! The fat finger: an amount far better than the smallest legal one must be confirmed.

use crate::money::Amount;
use crate::terms::{Direction, Terms};

impl Terms {
    /// The amount beyond which a bid must be confirmed, given the smallest legal one (reverse: the
    /// largest); none if confirmation is never asked.
    pub(crate) fn confirm_beyond(&self, legal: Amount) -> Option<Amount> {
        let factor = i64::from(self.confirm_factor);
        if factor == 0 {
            return None;
        }
        match self.direction {
            Direction::Forward => Amount::new(legal.minor().saturating_mul(factor)),
            // Rounded up: what is below the exact quotient is below this, and nothing else is.
            Direction::Reverse => Amount::new((legal.minor() + factor - 1) / factor),
        }
    }
}
