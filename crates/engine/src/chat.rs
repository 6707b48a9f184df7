//! What is said beside an auction: what a store must be able to do. No part of any log; it goes
//! when its author goes.

use crate::people::PeopleError;
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::time::Time;

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number, in order.
    pub id: i64,
    /// Beside which auction.
    pub auction: AuctionId,
    /// Who said it.
    pub author: UserId,
    /// When.
    pub at: Time,
    /// What.
    pub text: String,
}

/// Keeps what is said. Shared by all handlers; every call is short and blocking.
pub trait Chats: Send + Sync {
    /// Keeps a message: its number; none if its author is gone.
    ///
    /// # Errors
    /// The store's own.
    fn say(
        &self,
        auction: AuctionId,
        author: UserId,
        text: &str,
        at: Time,
    ) -> Result<Option<i64>, PeopleError>;
    /// The latest messages before a number, the oldest of them first.
    ///
    /// # Errors
    /// The store's own.
    fn latest(
        &self,
        auction: AuctionId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Message>, PeopleError>;
    /// Takes a message away; false if there is none.
    ///
    /// # Errors
    /// The store's own.
    fn unsay(&self, auction: AuctionId, id: i64) -> Result<bool, PeopleError>;
    /// Nobody hears this user beside this auction until then; none: everybody does again.
    /// False if there is no such user.
    ///
    /// # Errors
    /// The store's own.
    fn mute(
        &self,
        auction: AuctionId,
        user: UserId,
        until: Option<Time>,
    ) -> Result<bool, PeopleError>;
    /// Until when nobody hears this user beside this auction.
    ///
    /// # Errors
    /// The store's own.
    fn muted(&self, auction: AuctionId, user: UserId) -> Result<Option<Time>, PeopleError>;
    /// Whether anybody may speak beside this auction from now on.
    ///
    /// # Errors
    /// The store's own.
    fn set_open(&self, auction: AuctionId, open: bool) -> Result<(), PeopleError>;
    /// Whether anybody may speak beside this auction.
    ///
    /// # Errors
    /// The store's own.
    fn is_open(&self, auction: AuctionId) -> Result<bool, PeopleError>;
}
