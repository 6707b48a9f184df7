//! Notices to people: what a store of them must be able to do. Who is told what, and why, is the
//! edge's business; how it reaches anybody too.

use crate::log::Position;
use crate::people::PeopleError;
use gavel_auction::ids::{AuctionId, UserId, Version};
use gavel_auction::time::Time;

/// What a notice tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// He won an auction.
    Won,
    /// An auction that he takes part in has another price.
    Maximum,
    /// The house doubled a bid of his.
    Doubled,
}

/// What somebody wants to be told of; nothing, unless he says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// [`Kind::Won`].
    pub won: bool,
    /// [`Kind::Maximum`].
    pub maximum: bool,
    /// [`Kind::Doubled`].
    pub doubled: bool,
}

impl Wishes {
    /// Whether this is among them.
    #[must_use]
    pub const fn has(self, kind: Kind) -> bool {
        match kind {
            Kind::Won => self.won,
            Kind::Maximum => self.maximum,
            Kind::Doubled => self.doubled,
        }
    }

    /// Whether there are any.
    #[must_use]
    pub const fn any(self) -> bool {
        self.won || self.maximum || self.doubled
    }
}

/// Something that somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whom.
    pub user: UserId,
    /// What of.
    pub kind: Kind,
    /// Where it happened.
    pub auction: AuctionId,
    /// At which event.
    pub version: Version,
    /// When.
    pub at: Time,
    /// The price he won at, the price now, or the amount of the bid that was doubled; in minor
    /// units.
    pub amount: i64,
}

/// A notice as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its number: later ones have higher ones.
    pub id: i64,
    /// Whether he has seen it.
    pub read: bool,
    /// What it says.
    pub notice: Notice,
}

/// Everybody who wants to be told of something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishing {
    /// Who, and of what.
    pub everybody: Vec<(UserId, Wishes)>,
    /// Up to which position of each partition that has been done.
    pub told: Vec<Position>,
}

/// Keeps notices. Every call is short and blocking.
pub trait Notices: Send + Sync {
    /// What somebody wants to be told of.
    ///
    /// # Errors
    /// The store's own.
    fn wishes(&self, user: UserId) -> Result<Wishes, PeopleError>;
    /// Sets that. What he did not wish for before he wishes for from `now` on; if nobody wished for
    /// anything, telling begins after `from`.
    ///
    /// # Errors
    /// The store's own.
    fn wish(
        &self,
        user: UserId,
        wishes: Wishes,
        now: Time,
        from: &[Position],
    ) -> Result<(), PeopleError>;
    /// Everybody who wants to be told of something.
    ///
    /// # Errors
    /// The store's own.
    fn wishing(&self) -> Result<Wishing, PeopleError>;
    /// Keeps these notices, each once, for those who wish for them and did when it happened; and
    /// that this was done up to there: all of it or nothing. Which of them are new.
    ///
    /// # Errors
    /// The store's own.
    fn tell(&self, upto: &[Position], notices: &[Notice]) -> Result<Vec<Kept>, PeopleError>;
    /// The notices to somebody below a number, the newest first.
    ///
    /// # Errors
    /// The store's own.
    fn notices(
        &self,
        user: UserId,
        below: i64,
        unread: bool,
        limit: usize,
    ) -> Result<Vec<Kept>, PeopleError>;
    /// How many of his notices somebody has not seen.
    ///
    /// # Errors
    /// The store's own.
    fn unread(&self, user: UserId) -> Result<u64, PeopleError>;
    /// He has seen everything up to this number.
    ///
    /// # Errors
    /// The store's own.
    fn read_upto(&self, user: UserId, id: i64) -> Result<(), PeopleError>;
}
