//! Acts that wait for a second one to ask for them. Refuses to know what they are.

use super::{SqlitePeople, rows, run};
use crate::sqlite::group::failed;
use crate::vault::Field;
use gavel_auction::event::Digest;
use gavel_auction::ids::UserId;
use gavel_auction::time::Time;
use gavel_engine::people::PeopleError;
use gavel_engine::waiting::{Asked, Second, Waiting};
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::Arc;

impl Waiting for SqlitePeople {
    fn ask(&self, asked: &Asked, since: Time, most: usize) -> Result<Second, PeopleError> {
        let asked = asked.clone();
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.write(move |connection, vault| {
            run(connection, "DELETE FROM waiting WHERE at <= ?1", [since.0])?;
            let (act, by) = (&asked.act.0[..], asked.by.get());
            match first(connection, &asked.act)? {
                Some(other) if other != by => {
                    run(connection, "DELETE FROM waiting WHERE act = ?1", [act])?;
                    return Ok(Second::Both);
                }
                Some(_) => return Ok(Second::Waits),
                None if count(connection, by)? >= most => return Ok(Second::Full),
                None => {}
            }
            let Some(key) = rows::row_key(connection, vault, asked.by)? else {
                return Ok(Second::Waits);
            };
            let body = key.seal(Field::Waiting, &asked.body);
            let sql = "INSERT INTO waiting (act, user, at, method, path, body)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            run(connection, sql, params![act, by, asked.at.0, asked.method, asked.path, body])?;
            Ok(Second::Waits)
        })
    }

    fn waiting(&self, after: (Time, Digest), limit: usize) -> Result<Vec<Asked>, PeopleError> {
        let vault = Arc::clone(self.vault()?);
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Asked {
                act: Digest(row.get(0)?),
                by: rows::user_id(1, row.get(1)?)?,
                at: Time(row.get(2)?),
                method: row.get(3)?,
                path: row.get(4)?,
                body: row.get(5)?,
            })
        };
        self.read(move |connection| {
            let sql = "SELECT act, user, at, method, path, body FROM waiting
                WHERE (at, act) > (?1, ?2) ORDER BY at, act LIMIT ?3";
            let (Time(at), Digest(act)) = after;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut all: Vec<Asked> = connection
                .prepare_cached(sql)?
                .query_map(params![at, &act[..], limit], read)?
                .collect::<rusqlite::Result<_>>()?;
            for asked in &mut all {
                let key = match rows::row_key(connection, &vault, asked.by) {
                    Ok(key) => key,
                    Err(error) => return Ok(Err(error)),
                };
                match key.map(|key| key.open(Field::Waiting, &asked.body)).transpose() {
                    Ok(body) => asked.body = body.map(|body| body.to_vec()).unwrap_or_default(),
                    Err(error) => return Ok(Err(rows::sealed(error))),
                }
            }
            Ok(Ok(all))
        })?
    }

    fn withdraw(&self, by: UserId, act: [u8; 8]) -> Result<bool, PeopleError> {
        self.change(move |connection| {
            let sql = "DELETE FROM waiting WHERE user = ?1 AND substr(act, 1, 8) = ?2";
            let withdrawn = connection.execute(sql, params![by.get(), &act[..]]);
            withdrawn.map(|withdrawn| withdrawn > 0).map_err(failed)
        })
    }
}

/// Forgets what somebody has asked for: he could not do it any more.
pub(super) fn forget(connection: &Connection, by: UserId) -> Result<(), PeopleError> {
    run(connection, "DELETE FROM waiting WHERE user = ?1", [by.get()])
}

/// Who has asked for it.
fn first(connection: &Connection, act: &Digest) -> Result<Option<i64>, PeopleError> {
    connection
        .prepare_cached("SELECT user FROM waiting WHERE act = ?1")
        .and_then(|mut found| found.query_row([&act.0[..]], |row| row.get(0)).optional())
        .map_err(failed)
}

fn count(connection: &Connection, by: i64) -> Result<i64, PeopleError> {
    connection
        .prepare_cached("SELECT count(*) FROM waiting WHERE user = ?1")
        .and_then(|mut found| found.query_row([by], |row| row.get(0)))
        .map_err(failed)
}
