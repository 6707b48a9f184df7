//! What accounts may have in common: an address, a number, a device, a network at the same time.
//! What a store must be able to do. That two are linked says that somebody should look; nothing in
//! the house acts on it.

use crate::people::PeopleError;
use gavel_auction::ids::UserId;
use gavel_auction::time::Time;

/// What two accounts may share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trace {
    /// The e-mail address, whoever confirmed it; `anna+1@example.com` is `anna@example.com`.
    Email,
    /// The last nine digits of the telephone number.
    Phone,
    /// Letters and digits of where they live.
    Address,
    /// The browser they signed in with.
    Device,
    /// The network they signed in from, within a day of each other.
    Network,
}

impl Trace {
    /// All of them, in their order.
    pub const ALL: [Self; 5] =
        [Self::Email, Self::Phone, Self::Address, Self::Device, Self::Network];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Address => "address",
            Self::Device => "device",
            Self::Network => "network",
        }
    }
}

/// Where somebody came from when he signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Came {
    /// What his browser has been told to call itself, if it takes cookies.
    pub device: Option<String>,
    /// The address, as far as it tells customers apart.
    pub network: String,
}

/// That an account has something in common with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The other one.
    pub user: UserId,
    /// What both have.
    pub by: Trace,
    /// When the later of the two last came with it, to the hour; none for what is in a profile.
    pub at: Option<Time>,
}

/// Something that is kept of where somebody signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it is.
    pub trace: Trace,
    /// It.
    pub value: String,
    /// When, to the hour.
    pub at: Time,
}

/// Accounts that come from one network: above that it is a campus or a carrier, and links nobody.
pub const CROWD: usize = 20;

/// Hours between two sign-ins from one network that still count as together.
pub const TOGETHER: i64 = 24;

/// Days for which it is kept where somebody signed in.
pub const KEPT_DAYS: i64 = 90;

/// Keeps traces. What is in a user's row (address, number) is followed by whoever keeps the row.
pub trait Traces: Send + Sync {
    /// Notes where somebody came from.
    ///
    /// # Errors
    /// The store's own.
    fn came(&self, user: UserId, from: &Came, now: Time) -> Result<(), PeopleError>;
    /// What a user has in common with others, or with those among them; at most so many.
    ///
    /// # Errors
    /// The store's own.
    fn links(
        &self,
        user: UserId,
        among: Option<&[UserId]>,
        limit: usize,
    ) -> Result<Vec<Link>, PeopleError>;
    /// Where somebody signed in, as far as that is kept.
    ///
    /// # Errors
    /// The store's own.
    fn seen(&self, user: UserId) -> Result<Vec<Seen>, PeopleError>;
}
