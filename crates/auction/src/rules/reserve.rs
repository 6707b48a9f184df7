//! Reserve: the price below which (reverse: above which) nothing is sold.

use super::score::Score;
use crate::mutant;
use crate::terms::Terms;

impl Terms {
    /// Whether a price of this score meets the reserve; true where there is none.
    pub(crate) fn meets_reserve(&self, price: Score) -> bool {
        let reserve = self.reserve.amount();
        let least = reserve.map(|reserve| self.direction.score(reserve.minor()));
        let short = i64::from(mutant::on("reserve_met_strictly"));
        least.is_none_or(|least| price - short >= least)
    }

    /// Whether the terms have a reserve, known here or not.
    pub(crate) fn has_reserve(&self) -> bool {
        !matches!(self.reserve, crate::terms::Reserve::None {})
    }
}
