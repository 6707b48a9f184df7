//! The vault of a file: made with it, filled from a file that was written before there were
//! vaults, and wrapped anew when keys rotate. Each is one transaction: cut short, it never
//! happened, and is done by doing it again.

use super::{rows, traces};
use crate::names::folded;
use crate::sqlite::OpenError;
use crate::sqlite::file;
use crate::vault::{Keyring, Vault};
use gavel_engine::people::{PeopleError, UserChange};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::path::Path;

const HAS_PLAIN: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'user_plain')";

/// Opens the vault of a file that is open for writing; makes it if there is none, and moves in
/// whoever is still outside.
pub(in crate::sqlite) fn open(
    connection: &mut Connection,
    path: &Path,
    ring: Keyring,
) -> Result<Vault, OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = transaction.map_err(|error| file::failed(path, error))?;
    let vault = match kept(&transaction, path, ring.clone())? {
        Some(vault) => vault,
        None => make(&transaction, ring).map_err(|error| file::failed(path, error))?,
    };
    let plain: bool = transaction
        .query_row(HAS_PLAIN, [], |row| row.get(0))
        .map_err(|error| file::failed(path, error))?;
    if plain {
        move_in(&transaction, &vault).map_err(|error| unusable(path, &error))?;
    }
    trace_all(&transaction, &vault).map_err(|error| unusable(path, &error))?;
    transaction.commit().map_err(|error| file::failed(path, error))?;
    // What was there in plain text must not stay in the write-ahead file.
    let emptied = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    emptied.map_err(|error| file::failed(path, error))?;
    Ok(vault)
}

/// The vault of a file, if it has one.
pub(in crate::sqlite) fn kept(
    connection: &Connection,
    path: &Path,
    ring: Keyring,
) -> Result<Option<Vault>, OpenError> {
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let sql = "SELECT wrapped_by, index_key FROM vault";
    let found: Option<(Vec<u8>, Vec<u8>)> = connection
        .query_row(sql, [], read)
        .optional()
        .map_err(|error| file::failed(path, error))?;
    let opened = found.map(|(by, key)| Vault::open(ring, &by, &key)).transpose();
    opened.map_err(|source| OpenError::Vault { file: path.to_path_buf(), source })
}

fn make(connection: &Connection, ring: Keyring) -> rusqlite::Result<Vault> {
    let (vault, by, key) = Vault::make(ring);
    let sql = "INSERT OR REPLACE INTO vault (one, wrapped_by, index_key) VALUES (1, ?1, ?2)";
    connection.execute(sql, params![&by[..], key])?;
    Ok(vault)
}

fn unusable(path: &Path, error: &PeopleError) -> OpenError {
    OpenError::Damaged { file: path.to_path_buf(), what: error.to_string() }
}

/// Moves everybody in who was there before there were vaults. Addresses that were only claimed
/// (they end in `#` and a mark) lose the mark: two may claim one address now.
fn move_in(connection: &Connection, vault: &Vault) -> Result<(), PeopleError> {
    let sql = "SELECT id, username, email, name, phone, roles, banned, created_at, password_hash
               FROM user_plain ORDER BY id";
    let mut statement = connection.prepare(sql).map_err(super::failed)?;
    let mut found = statement.query([]).map_err(super::failed)?;
    while let Some(row) = found.next().map_err(super::failed)? {
        move_one(connection, vault, row)?;
    }
    drop(found);
    drop(statement);
    connection
        .execute_batch(
            "INSERT INTO session (token, user, created_at, expires_at)
                 SELECT token, user, 0, expires_at FROM session_plain;
             DROP TABLE session_plain;
             DROP TABLE user_plain;",
        )
        .map_err(super::failed)
}

fn move_one(
    connection: &Connection,
    vault: &Vault,
    row: &rusqlite::Row<'_>,
) -> Result<(), PeopleError> {
    let read = || -> rusqlite::Result<_> {
        let email: String = row.get(2)?;
        let email = match email.rsplit_once('#') {
            Some((given, mark)) if !mark.contains('@') => given.to_owned(),
            Some(_) | None => email,
        };
        let change = UserChange {
            email: Some((email, false)),
            name: Some(row.get(3)?),
            phone: Some(row.get(4)?),
            banned: Some(row.get(6)?),
            password_hash: Some(row.get(8)?),
            ..UserChange::default()
        };
        let (id, username): (i64, String) = (row.get(0)?, row.get(1)?);
        let (roles, created_at): (i64, i64) = (row.get(5)?, row.get(7)?);
        let seen = crate::names::looks_like(&username);
        // Of two names that look alike and were here before, the second keeps none of the look.
        connection.execute(
            "INSERT INTO user (id, username, username_folded, looks_like, roles, created_at,
                               wrapped_by, data_key)
             VALUES (?1, ?2, ?3,
                     CASE WHEN EXISTS (SELECT 1 FROM user WHERE looks_like = ?4) THEN NULL
                          ELSE ?4 END,
                     ?5, ?6, x'', x'')",
            params![id, username, folded(&username), seen, roles, created_at],
        )?;
        Ok((rows::user_id(0, id)?, change))
    };
    let (id, change) = read().map_err(super::failed)?;
    rows::change(connection, vault, id, change).map(drop)
}

/// Marks what the rows of those hold who were here before there were traces.
fn trace_all(connection: &Connection, vault: &Vault) -> Result<(), PeopleError> {
    let all: Vec<_> = connection
        .prepare("SELECT id FROM user WHERE traced = 0 AND length(data_key) > 0")
        .and_then(|mut statement| {
            statement.query_map([], |row| rows::user_id(0, row.get(0)?))?.collect()
        })
        .map_err(super::failed)?;
    for id in all {
        rows::change(connection, vault, id, UserChange::default())?;
    }
    Ok(())
}

/// Wraps every data key by the ring's current key, and gives the blind indexes a new key. How many
/// rows that were.
pub(in crate::sqlite) fn rotate(
    connection: &mut Connection,
    path: &Path,
    ring: Keyring,
) -> Result<usize, OpenError> {
    open(connection, path, ring.clone())?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = transaction.map_err(|error| file::failed(path, error))?;
    let new = make(&transaction, ring).map_err(|error| file::failed(path, error))?;
    let rotated = wrap_all(&transaction, &new).map_err(|error| unusable(path, &error))?;
    transaction.commit().map_err(|error| file::failed(path, error))?;
    let emptied = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    emptied.map_err(|error| file::failed(path, error))?;
    Ok(rotated)
}

fn wrap_all(connection: &Connection, new: &Vault) -> Result<usize, PeopleError> {
    let read = |row: &rusqlite::Row<'_>| {
        let wrapped: (Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(2)?);
        Ok((rows::user_id(0, row.get(0)?)?, wrapped))
    };
    let all: Vec<_> = connection
        .prepare("SELECT id, wrapped_by, data_key FROM user")
        .and_then(|mut statement| statement.query_map([], read)?.collect())
        .map_err(super::failed)?;
    // Indexes of the old key are of no use, and confirmed addresses are unique among the new.
    super::run(connection, "UPDATE user SET email_index = NULL", [])?;
    for (id, (by, wrapped)) in &all {
        let (by, wrapped) = new.wrap_again(*id, by, wrapped).map_err(rows::sealed)?;
        let sql = "UPDATE user SET wrapped_by = ?2, data_key = ?3 WHERE id = ?1";
        super::run(connection, sql, params![id.get(), &by[..], wrapped])?;
        rows::change(connection, new, *id, UserChange::default())?;
        rows::index_outside(connection, new, *id)?;
        traces::index_again(connection, new, *id)?;
    }
    Ok(all.len())
}
