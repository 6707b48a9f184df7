//! People and what they write: users, sessions, listings, notes. All that may be changed or
//! erased, and therefore never enters the log. What a store must be able to do, and nothing of how.

use crate::things::Picture;
use crate::traces::Traces;
use crate::waiting::Waiting;
use gavel_auction::command::{Person, Roles};
use gavel_auction::event::Digest;
use gavel_auction::ids::{AuctionId, UserId, Version};
use gavel_auction::time::Time;
use std::fmt;
use thiserror::Error;

/// A person with an account.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// The public name, unique without regard to case.
    pub username: String,
    /// The address, if there is one.
    pub email: Option<String>,
    /// Whether he has shown that the address is his. Of those only one can have an address.
    pub email_confirmed: bool,
    /// The name in letters, if given.
    pub name: Option<String>,
    /// The telephone number, if given.
    pub phone: Option<String>,
    /// Where he lives, if given.
    pub address: Option<String>,
    /// What he may be.
    pub roles: Roles,
    /// Why the house shut him out, if it did.
    pub banned: Option<String>,
    /// Since when he is here.
    pub created_at: Time,
    /// The password's hash in PHC form; none if he signs in elsewhere.
    pub password_hash: Option<String>,
    /// What his second factor is, in the edge's own form.
    pub second_factor: Option<Vec<u8>>,
    /// What others issued for him before this does not count any more.
    pub signed_out_at: Time,
}

impl User {
    /// Him, as commands name him.
    #[must_use]
    pub fn person(&self) -> Person {
        let banned = self.banned.is_some();
        Person { user: self.id, roles: self.roles, banned, headroom: None }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({})", self.id)
    }
}

/// What a new user brings.
#[derive(Clone, Default)]
pub struct NewUser {
    /// The public name.
    pub username: String,
    /// The address.
    pub email: Option<String>,
    /// Whether somebody who knows has said that the address is his.
    pub email_confirmed: bool,
    /// The name in letters.
    pub name: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
    /// What he may be.
    pub roles: Roles,
    /// The password's hash in PHC form.
    pub password_hash: Option<String>,
    /// Who he is to somebody else, if he signs in there.
    pub outside: Option<Outside>,
    /// Whether he is a mere name, which callers of another system give: two that only look alike
    /// are two, there as here.
    pub mere_name: bool,
}

/// Who somebody is to an issuer of tokens.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Outside {
    /// Who says so.
    pub issuer: String,
    /// Whom it means.
    pub subject: String,
}

/// What of a user may be changed. `None` leaves it; `Some(None)` takes it away.
#[derive(Clone, Default)]
pub struct UserChange {
    /// The name in letters.
    pub name: Option<Option<String>>,
    /// The telephone number.
    pub phone: Option<Option<String>>,
    /// Where he lives.
    pub address: Option<Option<String>>,
    /// The address, and whether it was shown to be his.
    pub email: Option<(String, bool)>,
    /// The password's hash.
    pub password_hash: Option<String>,
    /// The second factor.
    pub second_factor: Option<Option<Vec<u8>>>,
    /// What he may be.
    pub roles: Option<Roles>,
    /// Why the house shut him out.
    pub banned: Option<Option<String>>,
    /// What others issued for him before this does not count.
    pub signed_out_at: Option<Time>,
}

/// A session as the store keeps it: never the token, only its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub user: UserId,
    /// Since when.
    pub created_at: Time,
    /// Until when.
    pub expires_at: Time,
    /// With what, and from where, he signed in.
    pub from: Option<String>,
}

/// What a code that was sent to somebody is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Shows that his address is his.
    ConfirmEmail,
    /// Shows that another address is his, and makes it his.
    ChangeEmail,
    /// A new password.
    ResetPassword,
}

/// A code that was sent to somebody, as the store keeps it: never the code, only its digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    /// To whom.
    pub user: UserId,
    /// What for.
    pub purpose: Purpose,
    /// The address it went to.
    pub email: String,
    /// Until when it is good.
    pub expires_at: Time,
}

/// What an auction is about, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The headline.
    pub title: String,
    /// The long text.
    pub description: Option<String>,
    /// The category's name.
    pub category: Option<String>,
    /// The item it was made from, and its attributes as they were then, in the edge's own form.
    pub item: Option<(i64, String)>,
    /// Those of the item's pictures at that time that are still there.
    pub pictures: Vec<Picture>,
    /// Dated notes added after the opening, in order.
    pub addenda: Vec<Addendum>,
}

/// A dated note of the seller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addendum {
    /// When.
    pub at: Time,
    /// What.
    pub text: String,
}

/// What came of reserving an auction's id for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// The id that belongs to this key, now or since an earlier try.
    Id(AuctionId),
    /// The key was used with another body.
    KeyReused,
}

/// Which users to list.
#[derive(Clone, Debug, Default)]
pub struct UserQuery {
    /// Part of the username; or all of an address, a name, or one of its words.
    pub text: Option<String>,
    /// Only with this role: bidder, seller, clerk, admin.
    pub role: Option<String>,
    /// Only ids above this one.
    pub after: i64,
    /// At most so many.
    pub limit: usize,
}

/// Keeps people. Shared by all handlers; every call is short and blocking.
pub trait People: Traces + Waiting {
    /// Adds a user.
    ///
    /// # Errors
    /// [`PeopleError::UsernameTaken`]; [`PeopleError::EmailTaken`] if the address is confirmed and
    /// another's, or the subject is; or the store's own.
    fn add_user(&self, user: &NewUser, now: Time) -> Result<User, PeopleError>;
    /// The user with this id.
    ///
    /// # Errors
    /// The store's own.
    fn user(&self, id: UserId) -> Result<Option<User>, PeopleError>;
    /// The user with this username or address, without regard to case. Of several who claim an
    /// address it is the one who has confirmed it, else the first.
    ///
    /// # Errors
    /// The store's own.
    fn user_by_login(&self, login: &str) -> Result<Option<User>, PeopleError>;
    /// Whether somebody new may have this name: nobody has it, or one that looks like it.
    ///
    /// # Errors
    /// The store's own.
    fn name_is_free(&self, name: &str) -> Result<bool, PeopleError>;
    /// Users by id, a page.
    ///
    /// # Errors
    /// The store's own.
    fn users(&self, query: &UserQuery) -> Result<Vec<User>, PeopleError>;
    /// Changes a user; false if there is none.
    ///
    /// # Errors
    /// [`PeopleError::EmailTaken`], or the store's own.
    fn change_user(&self, id: UserId, change: &UserChange) -> Result<bool, PeopleError>;
    /// Erases a user with his sessions and what he wrote about his auctions, and keeps the
    /// tombstone instead; his id stays used. False if there is none.
    ///
    /// # Errors
    /// The store's own.
    fn erase_user(&self, id: UserId, tombstone: &str) -> Result<bool, PeopleError>;
    /// The tombstone of a user, if he was erased.
    ///
    /// # Errors
    /// The store's own.
    fn tombstone(&self, id: UserId) -> Result<Option<String>, PeopleError>;
    /// All tombstones, by number.
    ///
    /// # Errors
    /// The store's own.
    fn tombstones(&self) -> Result<Vec<(UserId, String)>, PeopleError>;
    /// The user whom an issuer means.
    ///
    /// # Errors
    /// The store's own.
    fn user_from(&self, outside: &Outside) -> Result<Option<User>, PeopleError>;
    /// Who a user is to an issuer.
    ///
    /// # Errors
    /// The store's own.
    fn outside_of(&self, user: UserId) -> Result<Option<Outside>, PeopleError>;

    /// Sets how far a user may go, 0 = as far as he likes; `None`: as the house has it for all.
    /// False if there is no such user.
    ///
    /// # Errors
    /// The store's own.
    fn set_spend_limit(&self, user: UserId, limit: Option<i64>) -> Result<bool, PeopleError>;
    /// All limits of single users.
    ///
    /// # Errors
    /// The store's own.
    fn spend_limits(&self) -> Result<Vec<(UserId, i64)>, PeopleError>;

    /// Puts an auction on somebody's list, which may have so many; false if it is full.
    ///
    /// # Errors
    /// The store's own.
    fn watch(&self, user: UserId, auction: AuctionId, most: usize) -> Result<bool, PeopleError>;
    /// Takes an auction off somebody's list.
    ///
    /// # Errors
    /// The store's own.
    fn unwatch(&self, user: UserId, auction: AuctionId) -> Result<(), PeopleError>;
    /// What somebody watches: auctions with numbers below `before`, the newest first.
    ///
    /// # Errors
    /// The store's own.
    fn watched(
        &self,
        user: UserId,
        before: i64,
        limit: usize,
    ) -> Result<Vec<AuctionId>, PeopleError>;

    /// Keeps a session by the digest of its token.
    ///
    /// # Errors
    /// The store's own.
    fn add_session(&self, token: &Digest, session: &Session) -> Result<(), PeopleError>;
    /// The session with this digest, expired or not.
    ///
    /// # Errors
    /// The store's own.
    fn session(&self, token: &Digest) -> Result<Option<Session>, PeopleError>;
    /// The sessions of a user that have not expired, with their digests.
    ///
    /// # Errors
    /// The store's own.
    fn sessions(&self, user: UserId, now: Time) -> Result<Vec<(Digest, Session)>, PeopleError>;
    /// Ends a session.
    ///
    /// # Errors
    /// The store's own.
    fn end_session(&self, token: &Digest) -> Result<(), PeopleError>;
    /// Ends all sessions of a user, and forgets sessions, codes and what was used up that expired
    /// before `now`.
    ///
    /// # Errors
    /// The store's own.
    fn end_sessions(&self, user: Option<UserId>, now: Time) -> Result<(), PeopleError>;

    /// Keeps a code by its digest; older ones for the same purpose are good no more.
    ///
    /// # Errors
    /// The store's own.
    fn add_code(&self, digest: &Digest, code: &Code) -> Result<(), PeopleError>;
    /// Takes a code: it is good once. None if there is none, or it has expired.
    ///
    /// # Errors
    /// The store's own.
    fn take_code(&self, digest: &Digest, now: Time) -> Result<Option<Code>, PeopleError>;
    /// Notes that something of a user's has been used up, until then; false if it was already.
    ///
    /// # Errors
    /// The store's own.
    fn spend(&self, user: UserId, what: &Digest, until: Time) -> Result<bool, PeopleError>;
    /// Whether something of a user's has been used up.
    ///
    /// # Errors
    /// The store's own.
    fn is_spent(&self, user: UserId, what: &Digest) -> Result<bool, PeopleError>;

    /// The auction id for (actor, key, body digest), the same at every repeat; keeps the listing
    /// of a new one in the same transaction. Without a key, always a new id.
    ///
    /// # Errors
    /// The store's own.
    fn reserve_auction(
        &self,
        actor: UserId,
        key: Option<&str>,
        body: &Digest,
        listing: &Listing,
    ) -> Result<Reserved, PeopleError>;
    /// Gives up the id of an auction whose creation was refused, and its listing: nothing came of
    /// the key, so it may name another creation.
    ///
    /// # Errors
    /// The store's own.
    fn release_auction(&self, auction: AuctionId) -> Result<(), PeopleError>;
    /// The auction id that was reserved for (actor, key), with the body's digest, if one was.
    ///
    /// # Errors
    /// The store's own.
    fn reserved(
        &self,
        actor: UserId,
        key: &str,
    ) -> Result<Option<(AuctionId, Digest)>, PeopleError>;
    /// What an auction is about.
    ///
    /// # Errors
    /// The store's own.
    fn listing(&self, auction: AuctionId) -> Result<Option<Listing>, PeopleError>;
    /// The auctions of which somebody wrote what they are about, also once he was erased.
    ///
    /// # Errors
    /// The store's own.
    fn listings_of(&self, seller: UserId) -> Result<Vec<AuctionId>, PeopleError>;
    /// Changes what an auction is about (title, description, category).
    ///
    /// # Errors
    /// The store's own.
    fn change_listing(&self, auction: AuctionId, listing: &Listing) -> Result<(), PeopleError>;
    /// Adds a dated note to a listing.
    ///
    /// # Errors
    /// The store's own.
    fn add_addendum(&self, auction: AuctionId, note: &Addendum) -> Result<(), PeopleError>;
    /// Keeps the free text that belongs to an event.
    ///
    /// # Errors
    /// The store's own.
    fn add_note(&self, auction: AuctionId, version: Version, text: &str)
    -> Result<(), PeopleError>;
}

/// Why people could not be kept or found.
#[derive(Debug, Error)]
pub enum PeopleError {
    /// Somebody has that username.
    #[error("that username is taken")]
    UsernameTaken,
    /// Somebody has that address.
    #[error("that address is taken")]
    EmailTaken,
    /// No room.
    #[error("there is no room left to write")]
    Full,
    /// The store failed.
    #[error("the store of people failed: {0}")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}
