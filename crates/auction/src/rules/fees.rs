//! Fees: premium, commission, tax. Integers throughout, halves rounded up, 128 bits inside.

use crate::ids::Paddle;
use crate::money::Amount;
use crate::mutant;
use crate::outcome::Sale;
use crate::terms::Fees;

fn share(base: i64, basis_points: u32) -> i64 {
    let half = if mutant::on("fees_round_down") { 0 } else { 5_000 };
    let part = (i128::from(base) * i128::from(basis_points) + half) / 10_000;
    i64::try_from(part).expect("at most 100 % of an amount below 2^54")
}

impl Fees {
    /// Who pays how much at this hammer price, of which the house pays a part.
    #[must_use]
    pub fn sale(&self, winner: Paddle, hammer_price: Amount, house_pays: i64) -> Sale {
        let base = hammer_price.minor() - house_pays;
        let premium = share(base, self.buyer_premium_bp);
        let tax = share(base + premium, self.tax_bp);
        Sale {
            buyer_pays: base + premium + tax,
            commission: share(hammer_price.minor(), self.seller_commission_bp),
            hammer_price,
            house_pays,
            premium,
            tax,
            winner,
        }
    }

    /// What a buyer would pay in all at this price.
    #[must_use]
    pub fn total(&self, price: Amount) -> i64 {
        let premium = share(price.minor(), self.buyer_premium_bp);
        price.minor() + premium + share(price.minor() + premium, self.tax_bp)
    }
}
