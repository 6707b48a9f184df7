//! Users and sessions. Refuses to know what a password is, or who may do what.

mod rows;
pub(super) mod sealing;
mod traces;
mod waiting;

use super::group::{GroupWriter, failed};
use super::listings;
use super::pool::Readers;
use crate::names::{folded, looks_like};
use crate::vault::{Field, Index, RowKey, Vault, VaultError};
use gavel_auction::event::Digest;
use gavel_auction::ids::{AuctionId, UserId, Version};
use gavel_auction::time::Time;
use gavel_engine::people::{
    Addendum, Code, Listing, NewUser, Outside, People, PeopleError, Purpose, Reserved, Session,
    User, UserChange, UserQuery,
};
use rows::{Sealed, sealed};
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::Arc;

/// Keeps people in `people.db`.
pub(super) struct SqlitePeople {
    writer: GroupWriter,
    readers: Readers,
    /// None if the house was opened without its key: then nobody in it can be read.
    vault: Option<Arc<Vault>>,
}

impl SqlitePeople {
    pub(super) const fn new(
        writer: GroupWriter,
        readers: Readers,
        vault: Option<Arc<Vault>>,
    ) -> Self {
        Self { writer, readers, vault }
    }

    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, PeopleError> {
        self.readers.with(read).map_err(failed)
    }

    pub(super) fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, PeopleError> + Send + 'static,
    ) -> Result<T, PeopleError> {
        self.writer.write(work)
    }

    /// What seals and opens one user's row; none if there is no such user.
    pub(super) fn row_key(
        connection: &Connection,
        vault: &Vault,
        user: UserId,
    ) -> Result<Option<RowKey>, PeopleError> {
        rows::row_key(connection, vault, user)
    }

    /// A text that was sealed.
    pub(super) fn text(key: &RowKey, field: Field, text: &[u8]) -> Result<String, PeopleError> {
        key.text(field, text).map_err(sealed)
    }

    pub(super) fn vault(&self) -> Result<&Arc<Vault>, PeopleError> {
        self.vault.as_ref().ok_or(sealed(VaultError::NoKey))
    }

    /// Writes with the vault at hand.
    pub(super) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Vault) -> Result<T, PeopleError> + Send + 'static,
    ) -> Result<T, PeopleError> {
        let vault = Arc::clone(self.vault()?);
        self.writer.write(move |connection| work(connection, &vault))
    }

    fn find(
        &self,
        sql: &'static str,
        values: impl rusqlite::Params,
    ) -> Result<Option<User>, PeopleError> {
        let vault = self.vault()?;
        let found = self.read(|connection| rows::one(connection, sql, values))?;
        found.map(|found| found.open(vault)).transpose()
    }
}

impl People for SqlitePeople {
    fn add_user(&self, user: &NewUser, now: Time) -> Result<User, PeopleError> {
        let user = user.clone();
        self.write(move |connection, vault| rows::add(connection, vault, &user, now))
    }

    fn user(&self, id: UserId) -> Result<Option<User>, PeopleError> {
        self.find(rows::USER, [id.get()])
    }

    fn user_by_login(&self, login: &str) -> Result<Option<User>, PeopleError> {
        let login = folded(login);
        // No username has an @, no address is without.
        if login.contains('@') {
            let index = self.vault()?.index(Index::Email, &[&login]);
            self.find(rows::USER_BY_EMAIL, [&index[..]])
        } else {
            self.find(rows::USER_BY_NAME, [login])
        }
    }

    fn name_is_free(&self, name: &str) -> Result<bool, PeopleError> {
        let name = name.to_owned();
        self.read(move |connection| {
            let sql = rows::HAS_USERNAME;
            let found = connection.prepare_cached(sql)?.exists([folded(&name), looks_like(&name)]);
            found.map(|found| !found)
        })
    }

    fn user_from(&self, outside: &Outside) -> Result<Option<User>, PeopleError> {
        let subject = rows::subject(self.vault()?, outside);
        self.find(rows::USER_FROM, [&subject[..]])
    }

    fn outside_of(&self, user: UserId) -> Result<Option<Outside>, PeopleError> {
        let vault = Arc::clone(self.vault()?);
        self.read(move |connection| Ok(rows::outside_of(connection, &vault, user)))?
    }

    fn users(&self, query: &UserQuery) -> Result<Vec<User>, PeopleError> {
        let role = match query.role.as_deref() {
            None => 0,
            Some("bidder") => rows::BIDDER,
            Some("seller") => rows::SELLER,
            Some("clerk") => rows::CLERK,
            Some("admin") => rows::ADMIN,
            Some(_) => return Ok(Vec::new()),
        };
        let vault = self.vault()?;
        let text = query.text.as_deref().map(folded).unwrap_or_default();
        let word = vault.index(Index::Word, &[&text]);
        let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
        let found: Vec<Sealed> = self.read(|connection| {
            let mut statement = connection.prepare_cached(rows::USERS)?;
            let values = params![query.after, role, text, &word[..16], limit];
            statement.query_map(values, rows::read)?.collect()
        })?;
        found.into_iter().map(|found| found.open(vault)).collect()
    }

    fn change_user(&self, id: UserId, change: &UserChange) -> Result<bool, PeopleError> {
        let change = change.clone();
        self.write(move |connection, vault| rows::change(connection, vault, id, change))
    }

    fn erase_user(&self, id: UserId, tombstone: &str) -> Result<bool, PeopleError> {
        let tombstone = tombstone.to_owned();
        let erased = self.writer.write(move |connection| {
            // His sessions and all else goes with him (`ON DELETE CASCADE`).
            let erase = |sql| connection.execute(sql, [id.get()]).map_err(failed);
            erase("DELETE FROM auction_key WHERE actor = ?1")?;
            listings::blank(connection, id)?;
            let erased = erase("DELETE FROM user WHERE id = ?1")?;
            if erased > 0 {
                let sql = "INSERT OR REPLACE INTO tombstone (user, text) VALUES (?1, ?2)";
                run(connection, sql, params![id.get(), tombstone])?;
            }
            Ok(erased)
        })?;
        // Also if he was gone already: an earlier try may have failed just here.
        self.writer.scrub()?;
        Ok(erased > 0)
    }

    fn watch(&self, user: UserId, auction: AuctionId, most: usize) -> Result<bool, PeopleError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.writer.write(move |connection| {
            let sql = "INSERT OR IGNORE INTO watching (user, auction) VALUES (?1, ?2)";
            run(connection, sql, [user.get(), auction.get()])?;
            let count = "SELECT count(*) FROM watching WHERE user = ?1";
            let count = connection.prepare_cached(count);
            let count = count.and_then(|mut of| of.query_row([user.get()], |row| row.get(0)));
            let count: i64 = count.map_err(failed)?;
            let fits = count <= most;
            if !fits {
                let sql = "DELETE FROM watching WHERE user = ?1 AND auction = ?2";
                run(connection, sql, [user.get(), auction.get()])?;
            }
            Ok(fits)
        })
    }

    fn unwatch(&self, user: UserId, auction: AuctionId) -> Result<(), PeopleError> {
        self.writer.write(move |connection| {
            let sql = "DELETE FROM watching WHERE user = ?1 AND auction = ?2";
            run(connection, sql, [user.get(), auction.get()])
        })
    }

    fn watched(
        &self,
        user: UserId,
        before: i64,
        limit: usize,
    ) -> Result<Vec<AuctionId>, PeopleError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            let sql = "SELECT auction FROM watching WHERE user = ?1 AND auction < ?2
                ORDER BY auction DESC LIMIT ?3";
            let mut found = connection.prepare_cached(sql)?;
            let found = found.query_map([user.get(), before, limit], |row| row.get(0))?;
            found.filter_map(|id| id.map(AuctionId::new).transpose()).collect()
        })
    }

    fn set_spend_limit(&self, user: UserId, limit: Option<i64>) -> Result<bool, PeopleError> {
        self.writer.write(move |connection| {
            let known = "SELECT 1 FROM user WHERE id = ?1";
            let known = connection
                .prepare_cached(known)
                .and_then(|mut user_of| user_of.query_row([user.get()], |_| Ok(())).optional());
            if known.map_err(failed)?.is_none() {
                return Ok(false);
            }
            match limit {
                Some(limit) => {
                    let sql = "INSERT OR REPLACE INTO spend_limit (user, amount) VALUES (?1, ?2)";
                    run(connection, sql, params![user.get(), limit])?;
                }
                None => run(connection, "DELETE FROM spend_limit WHERE user = ?1", [user.get()])?,
            }
            Ok(true)
        })
    }

    fn spend_limits(&self) -> Result<Vec<(UserId, i64)>, PeopleError> {
        self.read(|connection| {
            let mut all = connection.prepare_cached("SELECT user, amount FROM spend_limit")?;
            all.query_map([], |row| Ok((rows::user_id(0, row.get(0)?)?, row.get(1)?)))?.collect()
        })
    }

    fn tombstone(&self, id: UserId) -> Result<Option<String>, PeopleError> {
        self.read(|connection| {
            let sql = "SELECT text FROM tombstone WHERE user = ?1";
            connection.prepare_cached(sql)?.query_row([id.get()], |row| row.get(0)).optional()
        })
    }

    fn tombstones(&self) -> Result<Vec<(UserId, String)>, PeopleError> {
        self.read(|connection| {
            let mut all =
                connection.prepare_cached("SELECT user, text FROM tombstone ORDER BY user")?;
            let read = |row: &rusqlite::Row<'_>| Ok((rows::user_id(0, row.get(0)?)?, row.get(1)?));
            all.query_map([], read)?.collect()
        })
    }

    fn add_session(&self, token: &Digest, session: &Session) -> Result<(), PeopleError> {
        let (token, session) = (*token, session.clone());
        self.write(move |connection, vault| {
            let key = rows::row_key(connection, vault, session.user)?;
            let from = key.zip(session.from);
            let from = from.map(|(key, from)| key.seal(Field::SeenFrom, from.as_bytes()));
            let (from_when, until) = (session.created_at.0, session.expires_at.0);
            run(
                connection,
                "INSERT INTO session (token, user, created_at, expires_at, seen_from)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![&token.0[..], session.user.get(), from_when, until, from],
            )
        })
    }

    fn session(&self, token: &Digest) -> Result<Option<Session>, PeopleError> {
        let sql = "SELECT token, user, created_at, expires_at, seen_from FROM session
                   WHERE token = ?1";
        let found = self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_row([&token.0[..]], read_session).optional()
        })?;
        // Where it began is of interest in a list only.
        Ok(found.map(|(_, session, _)| session))
    }

    fn sessions(&self, user: UserId, now: Time) -> Result<Vec<(Digest, Session)>, PeopleError> {
        let vault = self.vault()?;
        let sql = "SELECT token, user, created_at, expires_at, seen_from FROM session
                   WHERE user = ?1 AND expires_at > ?2 ORDER BY created_at";
        let (found, row) = self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let found = statement.query_map([user.get(), now.0], read_session)?;
            let found: Vec<_> = found.collect::<rusqlite::Result<_>>()?;
            Ok((found, rows::one(connection, rows::USER, [user.get()])?))
        })?;
        let Some(row) = row else { return Ok(Vec::new()) };
        let key = row.key(vault).map_err(sealed)?;
        let open = |(token, session, from): (Digest, Session, Option<Vec<u8>>)| {
            let from = from.map(|from| key.text(Field::SeenFrom, &from)).transpose();
            Ok((token, Session { from: from.map_err(sealed)?, ..session }))
        };
        found.into_iter().map(open).collect()
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
            run(connection, "DELETE FROM session WHERE expires_at < ?1", params![now.0])?;
            run(connection, "DELETE FROM code WHERE expires_at < ?1", params![now.0])?;
            run(connection, "DELETE FROM spent WHERE expires_at < ?1", params![now.0])?;
            traces::forget(connection, now)
        })
    }

    fn add_code(&self, digest: &Digest, code: &Code) -> Result<(), PeopleError> {
        let (digest, code) = (*digest, code.clone());
        self.write(move |connection, vault| {
            let Some(key) = rows::row_key(connection, vault, code.user)? else { return Ok(()) };
            let (user, purpose) = (code.user.get(), to_number(code.purpose));
            let email = key.seal(Field::CodeEmail, code.email.as_bytes());
            let older = "DELETE FROM code WHERE user = ?1 AND purpose = ?2";
            run(connection, older, params![user, purpose])?;
            run(
                connection,
                "INSERT INTO code (digest, user, purpose, email, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![&digest.0[..], user, purpose, email, code.expires_at.0],
            )
        })
    }

    fn take_code(&self, digest: &Digest, now: Time) -> Result<Option<Code>, PeopleError> {
        let digest = *digest;
        self.write(move |connection, vault| {
            let sql = "DELETE FROM code WHERE digest = ?1
                       RETURNING user, purpose, email, expires_at";
            let read = |row: &rusqlite::Row<'_>| {
                let user = rows::user_id(0, row.get(0)?)?;
                Ok((user, row.get(1)?, row.get::<_, Vec<u8>>(2)?, Time(row.get(3)?)))
            };
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let taken = statement.query_row([&digest.0[..]], read).optional().map_err(failed)?;
            let Some((user, purpose, email, expires_at)) = taken else { return Ok(None) };
            let key = rows::row_key(connection, vault, user)?;
            let (Some(key), Some(purpose)) = (key, from_number(purpose)) else { return Ok(None) };
            let email = key.text(Field::CodeEmail, &email).map_err(sealed)?;
            Ok(Some(Code { user, purpose, email, expires_at }).filter(|_| now < expires_at))
        })
    }

    fn spend(&self, user: UserId, what: &Digest, until: Time) -> Result<bool, PeopleError> {
        let what = *what;
        self.writer.write(move |connection| {
            let sql = "INSERT OR IGNORE INTO spent (user, what, expires_at) VALUES (?1, ?2, ?3)";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let values = params![user.get(), &what.0[..], until.0];
            statement.execute(values).map(|written| written > 0).map_err(failed)
        })
    }

    fn is_spent(&self, user: UserId, what: &Digest) -> Result<bool, PeopleError> {
        let sql = "SELECT 1 FROM spent WHERE user = ?1 AND what = ?2";
        self.read(|connection| {
            connection.prepare_cached(sql)?.exists(params![user.get(), &what.0[..]])
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

    fn release_auction(&self, auction: AuctionId) -> Result<(), PeopleError> {
        self.writer.write(move |connection| listings::release(connection, auction))
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

    fn listings_of(&self, seller: UserId) -> Result<Vec<AuctionId>, PeopleError> {
        self.read(|connection| listings::written_by(connection, seller))
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

type SessionRow = (Digest, Session, Option<Vec<u8>>);

fn read_session(row: &rusqlite::Row<'_>) -> rusqlite::Result<SessionRow> {
    let session = Session {
        user: rows::user_id(1, row.get(1)?)?,
        created_at: Time(row.get(2)?),
        expires_at: Time(row.get(3)?),
        from: None,
    };
    Ok((Digest(row.get(0)?), session, row.get(4)?))
}

const fn to_number(purpose: Purpose) -> i64 {
    match purpose {
        Purpose::ConfirmEmail => 1,
        Purpose::ChangeEmail => 2,
        Purpose::ResetPassword => 3,
    }
}

const fn from_number(number: i64) -> Option<Purpose> {
    match number {
        1 => Some(Purpose::ConfirmEmail),
        2 => Some(Purpose::ChangeEmail),
        3 => Some(Purpose::ResetPassword),
        _ => None, // not ours: a number from the file
    }
}
