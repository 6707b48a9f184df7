//! A user's row, sealed and opened. Refuses to know who asks, and when.

use crate::names::{folded, looks_like};
use crate::sqlite::group::failed;
use crate::vault::{Field, Index, RowKey, Vault, VaultError};
use gavel_auction::command::Roles;
use gavel_auction::ids::UserId;
use gavel_auction::time::Time;
use gavel_engine::people::{NewUser, Outside, PeopleError, User, UserChange};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use std::collections::BTreeSet;

use super::{run, traces, waiting};

/// A macro because SQL is put together from literals only.
macro_rules! select_user {
    ($rest:literal) => {
        concat!(
            "SELECT id, username, roles, created_at, signed_out_at, email_confirmed, wrapped_by,
                    data_key, email, name, phone, address, banned, password_hash, second_factor
             FROM user ",
            $rest
        )
    };
}

pub(super) const USER: &str = select_user!("WHERE id = ?1");
pub(super) const USER_BY_EMAIL: &str =
    select_user!("WHERE email_index = ?1 ORDER BY email_confirmed DESC, id LIMIT 1");
pub(super) const USER_BY_NAME: &str = select_user!("WHERE username_folded = ?1");
pub(super) const USER_FROM: &str =
    select_user!("WHERE id = (SELECT user FROM outside WHERE subject = ?1)");
pub(super) const USERS: &str = select_user!(
    "WHERE id > ?1 AND (?2 = 0 OR roles & ?2 <> 0)
       AND (?3 = '' OR instr(username_folded, ?3) > 0
            OR id IN (SELECT user FROM search_word WHERE word = ?4))
     ORDER BY id LIMIT ?5"
);

const ADD_USER: &str = "INSERT INTO user (username, username_folded, looks_like, roles, created_at,
        wrapped_by, data_key) VALUES (?1, ?2, ?3, ?4, ?5, x'', x'')";
const SEAL_USER: &str = "UPDATE user SET wrapped_by = ?2, data_key = ?3, email = ?4,
        email_index = ?5, email_confirmed = ?6, name = ?7, phone = ?8, address = ?9, banned = ?10,
        password_hash = ?11, second_factor = ?12, roles = ?13, signed_out_at = ?14, traced = 1
    WHERE id = ?1";
pub(super) const HAS_USERNAME: &str =
    "SELECT id FROM user WHERE username_folded = ?1 OR looks_like = ?2 LIMIT 1";
const HAS_EMAIL: &str = "SELECT id FROM user WHERE email_index = ?1 AND email_confirmed = 1";
const HAS_SUBJECT: &str = "SELECT user FROM outside WHERE subject = ?1";

pub(super) const BIDDER: i64 = 1;
pub(super) const SELLER: i64 = 2;
pub(super) const CLERK: i64 = 4;
pub(super) const ADMIN: i64 = 8;

/// What could not be opened, as a failure of the store.
pub(super) fn sealed(error: VaultError) -> PeopleError {
    PeopleError::Store(Box::new(error))
}

/// A row as it is kept.
pub(super) struct Sealed {
    /// In the clear: id, name, roles, times.
    user: User,
    wrapped_by: Vec<u8>,
    data_key: Vec<u8>,
    email: Option<Vec<u8>>,
    name: Option<Vec<u8>>,
    phone: Option<Vec<u8>>,
    address: Option<Vec<u8>>,
    banned: Option<Vec<u8>>,
    password_hash: Option<Vec<u8>>,
    second_factor: Option<Vec<u8>>,
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Sealed> {
    let user = User {
        id: user_id(0, row.get(0)?)?,
        username: row.get(1)?,
        roles: from_bits(row.get(2)?),
        created_at: Time(row.get(3)?),
        signed_out_at: Time(row.get(4)?),
        email_confirmed: row.get(5)?,
        email: None,
        name: None,
        phone: None,
        address: None,
        banned: None,
        password_hash: None,
        second_factor: None,
    };
    Ok(Sealed {
        user,
        wrapped_by: row.get(6)?,
        data_key: row.get(7)?,
        email: row.get(8)?,
        name: row.get(9)?,
        phone: row.get(10)?,
        address: row.get(11)?,
        banned: row.get(12)?,
        password_hash: row.get(13)?,
        second_factor: row.get(14)?,
    })
}

/// The row that a statement finds.
pub(super) fn one(
    connection: &Connection,
    sql: &'static str,
    values: impl Params,
) -> rusqlite::Result<Option<Sealed>> {
    connection.prepare_cached(sql)?.query_row(values, read).optional()
}

impl Sealed {
    pub(super) fn key(&self, vault: &Vault) -> Result<RowKey, VaultError> {
        vault.row_of(self.user.id, &self.wrapped_by, &self.data_key)
    }

    /// The user, readable.
    pub(super) fn open(self, vault: &Vault) -> Result<User, PeopleError> {
        let key = self.key(vault).map_err(sealed)?;
        let text = |field, bytes: &Option<Vec<u8>>| {
            bytes.as_ref().map(|bytes| key.text(field, bytes)).transpose().map_err(sealed)
        };
        let second = self.second_factor.as_ref().map(|kept| key.open(Field::SecondFactor, kept));
        Ok(User {
            email: text(Field::Email, &self.email)?,
            name: text(Field::Name, &self.name)?,
            phone: text(Field::Phone, &self.phone)?,
            address: text(Field::Address, &self.address)?,
            banned: text(Field::Banned, &self.banned)?,
            password_hash: text(Field::PasswordHash, &self.password_hash)?,
            second_factor: second.transpose().map_err(sealed)?.map(|bytes| bytes.to_vec()),
            ..self.user
        })
    }
}

/// The row of a user, whom somebody else's lines belong to.
pub(super) fn row_key(
    connection: &Connection,
    vault: &Vault,
    id: UserId,
) -> Result<Option<RowKey>, PeopleError> {
    let found = one(connection, USER, [id.get()]).map_err(failed)?;
    found.map(|found| found.key(vault)).transpose().map_err(sealed)
}

pub(super) fn add(
    connection: &Connection,
    vault: &Vault,
    new: &NewUser,
    now: Time,
) -> Result<User, PeopleError> {
    let name = folded(&new.username);
    let seen = (!new.mere_name).then(|| looks_like(&new.username));
    // Nobody else writes between the question and the answer.
    if holder(connection, HAS_USERNAME, params![name, seen])?.is_some() {
        return Err(PeopleError::UsernameTaken);
    }
    if let Some(outside) = &new.outside
        && holder(connection, HAS_SUBJECT, [&subject(vault, outside)[..]])?.is_some()
    {
        return Err(PeopleError::EmailTaken);
    }
    let values = params![new.username, name, seen, to_bits(new.roles), now.0];
    run(connection, ADD_USER, values)?;
    let user = User {
        id: user_id(0, connection.last_insert_rowid()).map_err(failed)?,
        username: new.username.clone(),
        email: new.email.clone(),
        email_confirmed: new.email_confirmed,
        name: new.name.clone(),
        phone: new.phone.clone(),
        address: None,
        roles: new.roles,
        banned: None,
        created_at: now,
        password_hash: new.password_hash.clone(),
        second_factor: None,
        signed_out_at: Time(0),
    };
    write(connection, vault, &user)?;
    if let Some(outside) = &new.outside {
        let key = row_key(connection, vault, user.id)?.ok_or(sealed(VaultError::MissingKey))?;
        let named = format!("{}\n{}", outside.issuer, outside.subject);
        let named = key.seal(Field::Outside, named.as_bytes());
        let values = params![&subject(vault, outside)[..], user.id.get(), named];
        let sql = "INSERT INTO outside (subject, user, named) VALUES (?1, ?2, ?3)";
        run(connection, sql, values)?;
    }
    Ok(user)
}

pub(super) fn change(
    connection: &Connection,
    vault: &Vault,
    id: UserId,
    change: UserChange,
) -> Result<bool, PeopleError> {
    let Some(old) = one(connection, USER, [id.get()]).map_err(failed)? else {
        return Ok(false);
    };
    let new = old.data_key.is_empty();
    let mut user = if new { old.user } else { old.open(vault)? };
    if let Some((email, confirmed)) = change.email {
        (user.email, user.email_confirmed) = (Some(email), confirmed);
    }
    user.name = change.name.unwrap_or(user.name);
    user.phone = change.phone.unwrap_or(user.phone);
    user.address = change.address.unwrap_or(user.address);
    let before = to_bits(user.roles);
    user.roles = change.roles.unwrap_or(user.roles);
    user.banned = change.banned.unwrap_or(user.banned);
    user.password_hash = change.password_hash.or(user.password_hash);
    user.second_factor = change.second_factor.unwrap_or(user.second_factor);
    user.signed_out_at = change.signed_out_at.unwrap_or(user.signed_out_at);
    if user.banned.is_some() || before & !to_bits(user.roles) != 0 {
        waiting::forget(connection, id)?;
    }
    write(connection, vault, &user)?;
    Ok(true)
}

/// Seals what is known of a user under his data key; a new row gets one.
fn write(connection: &Connection, vault: &Vault, user: &User) -> Result<(), PeopleError> {
    let folded_email = user.email.as_deref().map(folded);
    let index = folded_email.as_deref().map(|email| vault.index(Index::Email, &[email]));
    if let Some(index) = index.filter(|_| user.email_confirmed)
        && holder(connection, HAS_EMAIL, [&index[..]])?.is_some_and(|id| id != user.id.get())
    {
        return Err(PeopleError::EmailTaken);
    }
    let kept = one(connection, USER, [user.id.get()]).map_err(failed)?;
    let kept = kept.filter(|kept| !kept.data_key.is_empty());
    let (key, by, wrapped) = match kept {
        Some(kept) => {
            let key = kept.key(vault).map_err(sealed)?;
            (key, kept.wrapped_by, kept.data_key)
        }
        None => {
            let (key, by, wrapped) = vault.row(user.id);
            (key, by.to_vec(), wrapped)
        }
    };
    let seal = |field, value: Option<&str>| value.map(|text| key.seal(field, text.as_bytes()));
    let second = user.second_factor.as_deref();
    let values = params![
        user.id.get(),
        by,
        wrapped,
        seal(Field::Email, user.email.as_deref()),
        index.as_ref().map(|index| &index[..]),
        user.email_confirmed,
        seal(Field::Name, user.name.as_deref()),
        seal(Field::Phone, user.phone.as_deref()),
        seal(Field::Address, user.address.as_deref()),
        seal(Field::Banned, user.banned.as_deref()),
        seal(Field::PasswordHash, user.password_hash.as_deref()),
        second.map(|bytes| key.seal(Field::SecondFactor, bytes)),
        to_bits(user.roles),
        user.signed_out_at.0,
    ];
    run(connection, SEAL_USER, values)?;
    traces::index(connection, vault, user)?;
    index_words(connection, vault, user)
}

/// What staff finds a user by: his address, his name, each word of it, his number's digits.
fn index_words(connection: &Connection, vault: &Vault, user: &User) -> Result<(), PeopleError> {
    run(connection, "DELETE FROM search_word WHERE user = ?1", [user.id.get()])?;
    let mut words: BTreeSet<String> = user.email.iter().map(|email| folded(email)).collect();
    if let Some(name) = user.name.as_deref().map(folded) {
        words.extend(name.split_whitespace().map(str::to_owned));
        words.insert(name);
    }
    words.extend(user.phone.as_deref().map(folded));
    for word in &words {
        let index = vault.index(Index::Word, &[word]);
        let values = params![&index[..16], user.id.get()];
        run(connection, "INSERT OR IGNORE INTO search_word (word, user) VALUES (?1, ?2)", values)?;
    }
    Ok(())
}

/// What an issuer's word for somebody is found by.
pub(super) fn subject(vault: &Vault, outside: &Outside) -> [u8; 32] {
    vault.index(Index::Subject, &[&outside.issuer, &outside.subject])
}

/// Who somebody is elsewhere.
pub(super) fn outside_of(
    connection: &Connection,
    vault: &Vault,
    user: UserId,
) -> Result<Option<Outside>, PeopleError> {
    let sql = "SELECT named FROM outside WHERE user = ?1";
    let named: Option<Vec<u8>> = connection
        .prepare_cached(sql)
        .and_then(|mut found| found.query_row([user.get()], |row| row.get(0)).optional())
        .map_err(failed)?;
    let Some((named, key)) = named.zip(row_key(connection, vault, user)?) else { return Ok(None) };
    let named = key.text(Field::Outside, &named).map_err(sealed)?;
    let parts = named.split_once('\n');
    Ok(parts.map(|(issuer, subject)| Outside { issuer: issuer.into(), subject: subject.into() }))
}

/// Finds somebody by his subject under the index key of this vault.
pub(super) fn index_outside(
    connection: &Connection,
    vault: &Vault,
    user: UserId,
) -> Result<(), PeopleError> {
    let Some(outside) = outside_of(connection, vault, user)? else { return Ok(()) };
    let values = params![user.get(), &subject(vault, &outside)[..]];
    run(connection, "UPDATE outside SET subject = ?2 WHERE user = ?1", values)
}

/// Who has this.
fn holder(
    connection: &Connection,
    sql: &'static str,
    values: impl Params,
) -> Result<Option<i64>, PeopleError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row(values, |row| row.get(0)).optional())
        .map_err(failed)
}

pub(super) fn user_id(column: usize, value: i64) -> rusqlite::Result<UserId> {
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
