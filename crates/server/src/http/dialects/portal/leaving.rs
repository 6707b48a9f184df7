//! What becomes of the bids of a user who goes: each that its auction lets a bidder take back is
//! taken back, and what is highest comes from those that are left. All others stay: whether one may
//! be taken back, its auction says.

use super::super::desk::Desk;
use super::said::Bid;
use crate::http::error::Problem;
use crate::http::idempotency::IdempotencyKey;
use crate::http::prefer::Prefer;
use crate::http::v1::ask::{Manner, Wish};
use gavel_auction::command::{Action, Person, Roles};
use gavel_auction::event::Reason;
use gavel_auction::ids::{AuctionId, UserId};
use gavel_engine::answer::Answer;
use gavel_engine::people::UserChange;

/// Auctions that are looked for at once.
const PAGE: usize = 100;

impl Desk {
    /// Lets him bid no more, and waits for what he is bidding; what he has bid he may still take
    /// back.
    ///
    /// # Errors
    /// `not_found` if he has gone meanwhile.
    pub(super) async fn bar(&self, user: UserId) -> Result<(), Problem> {
        let change = UserChange { roles: Some(Roles::default()), ..UserChange::default() };
        let known = self.house.blocking(move |people| people.change_user(user, &change)).await?;
        drop(self.house.bidding.write().await);
        if known { Ok(()) } else { Err(Problem::not_found()) }
    }

    /// Takes back what may be taken back, wherever he has bid.
    ///
    /// # Errors
    /// `on_hold` where that cannot be said before the auction goes on; or if it is not known of
    /// each bid what became of it. All of it may be done again.
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
        if self.head(auction).await?.outcome().is_some() {
            return Ok(());
        }
        let standing = move |house: &_| Bid::all_of(house, auction, gone.user);
        for bid in self.house.aside(standing).await?? {
            let manner = Manner { key: IdempotencyKey::default(), prefer: Prefer::default() };
            let wish = Wish::by(gone, &manner, auction, None);
            let action = Action::Retract { bid: bid.id, reason: Reason::OnRequest };
            let operation = wish.operation.to_string();
            match wish.answer(&self.house, action).await {
                Ok(Answer::Refused(refused)) if refused.refusal.is_transient() => {
                    return Err(Problem::refused(auction, &operation, &refused));
                }
                // Any other refusal is an answer: this bid stays.
                Ok(Answer::Accepted(_) | Answer::Refused(_)) => {}
                Err(failure) => return Err(Problem::failed(&operation, &failure)),
            }
        }
        Ok(())
    }
}
