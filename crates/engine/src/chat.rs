//! What is said beside an auction: what a store must be able to do. No part of any log; it goes
//! when its author goes.

use crate::people::PeopleError;
use gavel_auction::event::Digest;
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::time::Time;
use gavel_proof::command::CommandId;

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

/// What a repeat is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Once {
    /// From the author, the auction and his key.
    pub name: CommandId,
    /// From his key and the words.
    pub words: Digest,
}

/// What came of saying something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is kept under this number.
    New(i64),
    /// The same was said before under this key: its number, and when that was.
    Again(i64, Time),
    /// Something else was said under this key.
    KeyReused,
    /// The author is gone.
    Gone,
}

/// Keeps what is said. Shared by all handlers; every call is short and blocking.
pub trait Chats: Send + Sync {
    /// Keeps a message; once, if it can be known by something.
    ///
    /// # Errors
    /// The store's own.
    fn say(
        &self,
        auction: AuctionId,
        author: UserId,
        text: &str,
        at: Time,
        once: Option<Once>,
    ) -> Result<Kept, PeopleError>;
    /// What came of it, if this was said before.
    ///
    /// # Errors
    /// The store's own.
    fn said(&self, author: UserId, once: Once) -> Result<Option<Kept>, PeopleError>;
    /// All that somebody has said, the oldest first.
    ///
    /// # Errors
    /// The store's own.
    fn by(&self, author: UserId) -> Result<Vec<Message>, PeopleError>;
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
