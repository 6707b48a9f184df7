//! What becomes of the bids of a user who goes: each that its auction lets a bidder take back is
//! taken back, and what is highest comes from those that are left. All others stay: whether one may
//! be taken back, its auction says.

use super::super::desk::Desk;
use super::said::Bid;
use crate::http::error::Problem;
use crate::http::idempotency::IdempotencyKey;
use crate::http::prefer::Prefer;
use crate::http::v1::ask::{Manner, Wish};
use gavel_auction::command::{Action, Person};
use gavel_auction::event::Reason;
use gavel_auction::ids::AuctionId;

/// Auctions that are looked for at once.
const PAGE: usize = 100;

impl Desk {
    /// Takes back what may be taken back, wherever he has bid.
    ///
    /// # Errors
    /// If it is not known of each bid what became of it: all of it may be done again.
    pub(super) async fn take_back(&self, gone: Person) -> Result<(), Problem> {
        self.listed_up().await?;
        let mut before = i64::MAX;
        loop {
            let lists = self.house.engine.clone();
            let find = move |_: &_| lists.lists().bidding(gone.user, before, PAGE);
            let found = self.house.aside(find).await??;
            let Some(last) = found.last() else { return Ok(()) };
            before = last.get();
            for auction in found {
                self.take_back_in(auction, gone).await?;
            }
        }
    }

    /// The oldest first, so that what is highest changes once.
    async fn take_back_in(&self, auction: AuctionId, gone: Person) -> Result<(), Problem> {
        let head = self.house.head(auction).await?;
        if head.is_none_or(|head| head.outcome().is_some()) {
            return Ok(());
        }
        let standing = move |house: &_| Bid::all_of(house, auction, gone.user);
        for bid in self.house.aside(standing).await?? {
            let manner = Manner { key: IdempotencyKey::default(), prefer: Prefer::default() };
            let wish = Wish::by(gone, &manner, auction, None);
            let action = Action::Retract { bid: bid.id, reason: Reason::OnRequest };
            // A refusal is an answer: this bid stays.
            let answer = wish.answer(&self.house, action).await;
            answer.map_err(|failure| Problem::failed(&wish.operation.to_string(), &failure))?;
        }
        Ok(())
    }
}
