//! What a user may have to pay in an auction as it stands: what a spend limit is measured against.
//! Knows no other auction, and nobody's limit.
//!
//! Whoever leads is committed to his amount, with a proxy to his maximum. Where bids are sealed
//! everybody is committed to his own until the close: were it freed when he is outbid, he would
//! learn of it. Whoever has won is committed to what he pays for the thing until the result is
//! certified; then it is a debt, and no bid any more. Reverse auctions commit nobody: there the
//! bidder is paid.

use super::{Auction, Lot, Phase};
use crate::book::{Bidder, Book};
use crate::ids::{Paddle, UserId};
use crate::money::Currency;
use crate::outcome::Outcome;
use crate::terms::Direction;

impl Auction {
    /// Of all its amounts, once it has been created.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        self.lot.as_ref().map(|lot| lot.currency)
    }

    /// Whether a bid here commits whoever places it to pay.
    #[must_use]
    pub fn commits(&self) -> bool {
        self.lot.as_ref().is_some_and(|lot| lot.terms.direction == Direction::Forward)
    }

    /// Whether at most one user is committed at this moment.
    #[must_use]
    pub fn commits_one(&self) -> bool {
        !self.lot.as_ref().is_some_and(Lot::commits_all)
    }

    /// What this user may have to pay here as it stands, in minor units.
    #[must_use]
    pub fn commitment(&self, user: UserId) -> i64 {
        let Some(lot) = self.lot.as_ref().filter(|_| self.commits()) else { return 0 };
        let Some(paddle) = lot.book.paddle_of(user) else { return 0 };
        match lot.committed_paddle() {
            Some(committed) if committed == paddle => lot.owed(paddle),
            Some(_) => 0,
            None if lot.commits_all() => lot.owed(paddle),
            None => 0,
        }
    }

    /// Everybody who is committed to something here, by paddle.
    #[must_use]
    pub fn committed(&self) -> Vec<UserId> {
        let Some(lot) = self.lot.as_ref().filter(|_| self.commits()) else { return Vec::new() };
        if lot.commits_all() {
            let bids = |bidder: &&Bidder| bidder.best().is_some();
            return lot.book.bidders().iter().filter(bids).map(|bidder| bidder.user).collect();
        }
        let user = |paddle| lot.book.bidder(paddle).map(|bidder| bidder.user);
        lot.committed_paddle().and_then(user).into_iter().collect()
    }
}

impl Lot {
    /// Sealed, and not decided yet.
    fn commits_all(&self) -> bool {
        self.terms.is_sealed() && matches!(self.phase, Phase::Open | Phase::OnHold { .. })
    }

    /// The one paddle that is committed, where it is at most one.
    fn committed_paddle(&self) -> Option<Paddle> {
        match self.phase {
            Phase::Open | Phase::OnHold { .. } if self.terms.is_sealed() => None,
            Phase::Open | Phase::OnHold { .. } => self.book.leader(),
            Phase::Ended { outcome: Outcome::Sold(sale), .. } if self.certified.is_none() => {
                Some(sale.winner)
            }
            Phase::Draft | Phase::Scheduled | Phase::Ended { .. } => None,
        }
    }

    fn owed(&self, paddle: Paddle) -> i64 {
        if let Phase::Ended { outcome: Outcome::Sold(sale), .. } = self.phase {
            return sale.hammer_price.minor() - sale.house_pays;
        }
        best_of(&self.book, paddle)
    }
}

/// The amount of a paddle's best standing bid.
fn best_of(book: &Book, paddle: Paddle) -> i64 {
    let best = book.bidder(paddle).and_then(Bidder::best);
    best.and_then(|id| book.bid(id)).map_or(0, |bid| bid.amount.minor())
}
