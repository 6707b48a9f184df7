//! Acts that two must ask for and one has: what a store must be able to do. Which acts these are,
//! and who may ask, is not known here.

use crate::people::PeopleError;
use gavel_auction::event::Digest;
use gavel_auction::ids::UserId;
use gavel_auction::time::Time;

/// An act that somebody has asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What names it: whoever asks for the same names the same.
    pub act: Digest,
    /// Who asked first.
    pub by: UserId,
    /// When.
    pub at: Time,
    /// The method of the request.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    /// Another one has asked before: it waits no more.
    Both,
    /// It waits for another one.
    Waits,
    /// Too much of his waits.
    Full,
}

/// Keeps acts that wait.
pub trait Waiting: Send + Sync {
    /// Notes that somebody asks, of whom so many acts may wait; what was asked for before `since`
    /// is forgotten. What he asked for waits no more once he is shut out or has lost a role.
    ///
    /// # Errors
    /// The store's own.
    fn ask(&self, asked: &Asked, since: Time, most: usize) -> Result<Second, PeopleError>;
    /// What waits after that moment and act, the oldest first.
    ///
    /// # Errors
    /// The store's own.
    fn waiting(&self, after: (Time, Digest), limit: usize) -> Result<Vec<Asked>, PeopleError>;
    /// Forgets what somebody asked for, by the beginning of its name; whether there was such.
    ///
    /// # Errors
    /// The store's own.
    fn withdraw(&self, by: UserId, act: [u8; 8]) -> Result<bool, PeopleError>;
}
