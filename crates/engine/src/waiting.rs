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
    /// Too much waits.
    Full,
}

/// Keeps acts that wait.
pub trait Waiting: Send + Sync {
    /// Notes that somebody asks; what was asked for before `since` is forgotten.
    ///
    /// # Errors
    /// The store's own.
    fn ask(&self, asked: &Asked, since: Time, most: usize) -> Result<Second, PeopleError>;
    /// What waits since then, the oldest first.
    ///
    /// # Errors
    /// The store's own.
    fn waiting(&self, since: Time) -> Result<Vec<Asked>, PeopleError>;
}
