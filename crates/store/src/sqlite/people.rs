//! Users and sessions. Refuses to know what a password is, or who may do what.

use super::group::{GroupWriter, failed};
use super::pool::Readers;
use gavel_auction::command::Roles;
use gavel_auction::event::Digest;
use gavel_auction::ids::{AuctionId, UserId, Version};
use gavel_auction::time::Time;
use gavel_engine::people::{
    Addendum, Listing, NewUser, People, PeopleError, Reserved, Session, User, UserChange, UserQuery,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::listings;

/// A macro because SQL is put together from literals only.
macro_rules! select_user {
    ($rest:literal) => {
        concat!(
            "SELECT id, username, email, name, phone, roles, banned, created_at, password_hash
             FROM user ",
            $rest
        )
    };
}

const ADD_USER: &str = "INSERT INTO user (username, username_folded, email, email_folded, name,
        phone, roles, banned, created_at, password_hash)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, ?8, ?9)";
const CHANGE_USER: &str = "UPDATE user SET email = ?2, email_folded = ?3, name = ?4, phone = ?5,
        roles = ?6, banned = ?7, password_hash = ?8
    WHERE id = ?1";
const HAS_USERNAME: &str = "SELECT id FROM user WHERE username_folded = ?1";
const HAS_EMAIL: &str = "SELECT id FROM user WHERE email_folded = ?1";
const USER: &str = select_user!("WHERE id = ?1");
const USER_BY_EMAIL: &str = select_user!("WHERE email_folded = ?1");
const USER_BY_NAME: &str = select_user!("WHERE username_folded = ?1");
const USERS: &str = select_user!(
    "WHERE id > ?1 AND (?2 = 0 OR roles & ?2 <> 0)
       AND (?3 = '' OR instr(username_folded, ?3) > 0 OR instr(email_folded, ?3) > 0)
     ORDER BY id LIMIT ?4"
);

const BIDDER: i64 = 1;
const SELLER: i64 = 2;
const CLERK: i64 = 4;
const ADMIN: i64 = 8;

/// The form in which names are compared: without regard to case, also where a letter has more than
/// two forms.
fn folded(name: &str) -> String {
    name.trim().to_uppercase().to_lowercase()
}

/// Keeps people in `people.db`.
pub(super) struct SqlitePeople {
    writer: GroupWriter,
    readers: Readers,
}

impl SqlitePeople {
    pub(super) const fn new(writer: GroupWriter, readers: Readers) -> Self {
        Self { writer, readers }
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, PeopleError> {
        self.readers.with(read).map_err(failed)
    }
}

impl People for SqlitePeople {
    fn add_user(&self, user: &NewUser, now: Time) -> Result<User, PeopleError> {
        let user = user.clone();
        self.writer.write(move |connection| add_user(connection, &user, now))
    }

    fn user(&self, id: UserId) -> Result<Option<User>, PeopleError> {
        self.read(|connection| user(connection, id))
    }

    fn user_by_login(&self, login: &str) -> Result<Option<User>, PeopleError> {
        let login = folded(login);
        // The address first: nobody takes over another's address by naming himself so.
        self.read(|connection| {
            let by =
                |sql| connection.prepare_cached(sql)?.query_row([&login], read_user).optional();
            match by(USER_BY_EMAIL)? {
                Some(user) => Ok(Some(user)),
                None => by(USER_BY_NAME),
            }
        })
    }

    fn users(&self, query: &UserQuery) -> Result<Vec<User>, PeopleError> {
        let role = match query.role.as_deref() {
            None => 0,
            Some("bidder") => BIDDER,
            Some("seller") => SELLER,
            Some("clerk") => CLERK,
            Some("admin") => ADMIN,
            Some(_) => return Ok(Vec::new()),
        };
        let text = query.text.as_deref().map(folded).unwrap_or_default();
        let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            let mut statement = connection.prepare_cached(USERS)?;
            let rows = statement.query_map(params![query.after, role, text, limit], read_user)?;
            rows.collect()
        })
    }

    fn change_user(&self, id: UserId, change: &UserChange) -> Result<bool, PeopleError> {
        let change = change.clone();
        self.writer.write(move |connection| change_user(connection, id, change))
    }

    fn erase_user(&self, id: UserId) -> Result<bool, PeopleError> {
        let erased = self.writer.write(move |connection| {
            // His sessions go with him (`ON DELETE CASCADE`).
            let erase = |sql| connection.execute(sql, [id.get()]);
            erase("DELETE FROM auction_key WHERE actor = ?1")
                .and_then(|_| erase("DELETE FROM user WHERE id = ?1"))
                .map_err(failed)
        })?;
        // Also if he was gone already: an earlier try may have failed just here.
        self.writer.scrub()?;
        Ok(erased > 0)
    }

    fn add_session(&self, token: &Digest, session: &Session) -> Result<(), PeopleError> {
        let (token, session) = (*token, session.clone());
        self.writer.write(move |connection| {
            run(
                connection,
                "INSERT INTO session (token, user, expires_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (token) DO UPDATE
                 SET user = excluded.user, expires_at = excluded.expires_at",
                params![&token.0[..], session.user.get(), session.expires_at.0],
            )
        })
    }

    fn session(&self, token: &Digest) -> Result<Option<Session>, PeopleError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT user, expires_at FROM session WHERE token = ?1")?
                .query_row([&token.0[..]], |row| {
                    let expires_at = Time(row.get(1)?);
                    Ok(Session { user: user_id(0, row.get(0)?)?, expires_at })
                })
                .optional()
        })
    }

    fn end_session(&self, token: &Digest) -> Result<(), PeopleError> {
        let token = *token;
        self.writer.write(move |connection| {
            run(connection, "DELETE FROM session WHERE token = ?1", params![&token.0[..]])
        })
    }

    fn end_sessions(&self, user: Option<UserId>, now: Time) -> Result<(), PeopleError> {
        self.writer.write(move |connection| {
            let user = user.map(UserId::get);
            run(connection, "DELETE FROM session WHERE user = ?1", params![user])?;
            run(connection, "DELETE FROM session WHERE expires_at < ?1", params![now.0])
        })
    }

    fn reserve_auction(
        &self,
        actor: UserId,
        key: Option<&str>,
        body: &Digest,
        listing: &Listing,
    ) -> Result<Reserved, PeopleError> {
        let (key, body, listing) = (key.map(str::to_owned), *body, listing.clone());
        self.writer.write(move |connection| {
            listings::reserve(connection, actor, key.as_deref(), &body, &listing)
        })
    }

    fn reserved(
        &self,
        actor: UserId,
        key: &str,
    ) -> Result<Option<(AuctionId, Digest)>, PeopleError> {
        self.read(|connection| listings::reserved(connection, actor, key))
    }

    fn listing(&self, auction: AuctionId) -> Result<Option<Listing>, PeopleError> {
        self.read(|connection| listings::read(connection, auction))
    }

    fn change_listing(&self, auction: AuctionId, listing: &Listing) -> Result<(), PeopleError> {
        let listing = listing.clone();
        self.writer.write(move |connection| listings::change(connection, auction, &listing))
    }

    fn add_addendum(&self, auction: AuctionId, note: &Addendum) -> Result<(), PeopleError> {
        let note = note.clone();
        self.writer.write(move |connection| listings::add_addendum(connection, auction, &note))
    }

    fn add_note(
        &self,
        auction: AuctionId,
        version: Version,
        text: &str,
    ) -> Result<(), PeopleError> {
        let text = text.to_owned();
        self.writer.write(move |connection| listings::add_note(connection, auction, version, &text))
    }
}

/// Runs a statement that changes something.
pub(super) fn run(
    connection: &Connection,
    sql: &'static str,
    values: impl rusqlite::Params,
) -> Result<(), PeopleError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(values))
        .map_err(failed)
        .map(|_| ())
}

fn add_user(connection: &Connection, new: &NewUser, now: Time) -> Result<User, PeopleError> {
    let (username, email) = (folded(&new.username), folded(&new.email));
    // Nobody else writes between the question and the answer.
    if holder(connection, HAS_USERNAME, &username)?.is_some() {
        return Err(PeopleError::UsernameTaken);
    }
    if holder(connection, HAS_EMAIL, &email)?.is_some() {
        return Err(PeopleError::EmailTaken);
    }
    let values = params![
        new.username,
        username,
        new.email,
        email,
        new.name,
        new.phone,
        to_bits(new.roles),
        now.0,
        new.password_hash,
    ];
    run(connection, ADD_USER, values)?;
    Ok(User {
        id: user_id(0, connection.last_insert_rowid()).map_err(failed)?,
        username: new.username.clone(),
        email: new.email.clone(),
        name: new.name.clone(),
        phone: new.phone.clone(),
        roles: new.roles,
        banned: None,
        created_at: now,
        password_hash: new.password_hash.clone(),
    })
}

fn change_user(
    connection: &Connection,
    id: UserId,
    change: UserChange,
) -> Result<bool, PeopleError> {
    let Some(old) = user(connection, id).map_err(failed)? else {
        return Ok(false);
    };
    let email = change.email.unwrap_or(old.email);
    let email_folded = folded(&email);
    if holder(connection, HAS_EMAIL, &email_folded)?.is_some_and(|holder| holder != id.get()) {
        return Err(PeopleError::EmailTaken);
    }
    let values = params![
        id.get(),
        email,
        email_folded,
        change.name.unwrap_or(old.name),
        change.phone.unwrap_or(old.phone),
        to_bits(change.roles.unwrap_or(old.roles)),
        change.banned.unwrap_or(old.banned),
        change.password_hash.unwrap_or(old.password_hash),
    ];
    run(connection, CHANGE_USER, values)?;
    Ok(true)
}

/// Who has this name.
fn holder(
    connection: &Connection,
    sql: &'static str,
    folded: &str,
) -> Result<Option<i64>, PeopleError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([folded], |row| row.get(0)).optional())
        .map_err(failed)
}

fn user(connection: &Connection, id: UserId) -> rusqlite::Result<Option<User>> {
    connection.prepare_cached(USER)?.query_row([id.get()], read_user).optional()
}

fn read_user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: user_id(0, row.get(0)?)?,
        username: row.get(1)?,
        email: row.get(2)?,
        name: row.get(3)?,
        phone: row.get(4)?,
        roles: from_bits(row.get(5)?),
        banned: row.get(6)?,
        created_at: Time(row.get(7)?),
        password_hash: row.get(8)?,
    })
}

fn user_id(column: usize, value: i64) -> rusqlite::Result<UserId> {
    UserId::new(value).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, value))
}

fn to_bits(roles: Roles) -> i64 {
    let Roles { bidder, seller, clerk, admin } = roles;
    let bit = |has, bit| if has { bit } else { 0 };
    bit(bidder, BIDDER) | bit(seller, SELLER) | bit(clerk, CLERK) | bit(admin, ADMIN)
}

const fn from_bits(bits: i64) -> Roles {
    Roles {
        bidder: bits & BIDDER != 0,
        seller: bits & SELLER != 0,
        clerk: bits & CLERK != 0,
        admin: bits & ADMIN != 0,
    }
}
