//! What is said beside auctions. Each text is sealed under its author's key.

use super::group::failed;
use super::people::{SqlitePeople, run};
use crate::vault::{Field, RowKey, Vault};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::time::Time;
use gavel_engine::chat::{Chats, Kept, Message, Once};
use gavel_engine::people::PeopleError;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// A message as it is kept.
type Row = (i64, AuctionId, UserId, i64, Vec<u8>);

impl Chats for SqlitePeople {
    fn say(
        &self,
        auction: AuctionId,
        author: UserId,
        text: &str,
        at: Time,
        once: Option<Once>,
    ) -> Result<Kept, PeopleError> {
        let text = text.to_owned();
        self.write(move |connection, vault| {
            let Some(key) = Self::row_key(connection, vault, author)? else {
                return Ok(Kept::Gone);
            };
            if let Some(once) = once
                && let Some(before) = said(connection, author, once).map_err(failed)?
            {
                return Ok(before);
            }
            let text = key.seal(Field::Chat, text.as_bytes());
            let sql = "INSERT INTO chat_message (auction, author, at, text)
                VALUES (?1, ?2, ?3, ?4)";
            run(connection, sql, params![auction.get(), author.get(), at.0, text])?;
            let id = connection.last_insert_rowid();
            if let Some(Once { name, words }) = once {
                let sql = "INSERT INTO chat_key (author, key, said, message, at)
                    VALUES (?1, ?2, ?3, ?4, ?5)";
                run(connection, sql, params![author.get(), name.0, words.0, id, at.0])?;
            }
            Ok(Kept::New(id))
        })
    }

    fn said(&self, author: UserId, once: Once) -> Result<Option<Kept>, PeopleError> {
        self.read(|connection| said(connection, author, once))
    }

    fn by(&self, author: UserId) -> Result<Vec<Message>, PeopleError> {
        let vault = Arc::clone(self.vault()?);
        self.read(move |connection| {
            let sql = "SELECT id, auction, at, text FROM chat_message
                WHERE author = ?1 ORDER BY id DESC";
            let rows: Vec<(i64, i64, i64, Vec<u8>)> = connection
                .prepare_cached(sql)?
                .query_map([author.get()], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?
                .collect::<rusqlite::Result<_>>()?;
            let whole = |(id, auction, at, text)| {
                AuctionId::new(auction).map(|auction| (id, auction, author, at, text))
            };
            Ok(opened(connection, &vault, rows.into_iter().filter_map(whole)))
        })?
    }

    fn latest(
        &self,
        auction: AuctionId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Message>, PeopleError> {
        let vault = Arc::clone(self.vault()?);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            let sql = "SELECT id, author, at, text FROM chat_message
                WHERE auction = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
            let values = params![auction.get(), before.unwrap_or(i64::MAX), limit];
            let rows: Vec<(i64, i64, i64, Vec<u8>)> = connection
                .prepare_cached(sql)?
                .query_map(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let whole = |(id, author, at, text)| {
                UserId::new(author).map(|author| (id, auction, author, at, text))
            };
            Ok(opened(connection, &vault, rows.into_iter().filter_map(whole)))
        })?
    }

    fn unsay(&self, auction: AuctionId, id: i64) -> Result<bool, PeopleError> {
        self.change(move |connection| {
            let sql = "DELETE FROM chat_message WHERE auction = ?1 AND id = ?2";
            let removed = connection
                .prepare_cached(sql)
                .and_then(|mut remove| remove.execute(params![auction.get(), id]));
            Ok(removed.map_err(failed)? > 0)
        })
    }

    fn mute(
        &self,
        auction: AuctionId,
        user: UserId,
        until: Option<Time>,
    ) -> Result<bool, PeopleError> {
        self.change(move |connection| {
            let known = "SELECT 1 FROM user WHERE id = ?1";
            let known = connection
                .prepare_cached(known)
                .and_then(|mut user_of| user_of.exists([user.get()]));
            if !known.map_err(failed)? {
                return Ok(false);
            }
            let whom = params![auction.get(), user.get()];
            run(connection, "DELETE FROM chat_mute WHERE auction = ?1 AND user = ?2", whom)?;
            if let Some(until) = until {
                let sql = "INSERT INTO chat_mute (auction, user, until) VALUES (?1, ?2, ?3)";
                run(connection, sql, params![auction.get(), user.get(), until.0])?;
            }
            Ok(true)
        })
    }

    fn muted(&self, auction: AuctionId, user: UserId) -> Result<Option<Time>, PeopleError> {
        self.read(|connection| {
            let sql = "SELECT until FROM chat_mute WHERE auction = ?1 AND user = ?2";
            let whom = params![auction.get(), user.get()];
            let mut muted = connection.prepare_cached(sql)?;
            muted.query_row(whom, |row| row.get(0).map(Time)).optional()
        })
    }

    fn set_open(&self, auction: AuctionId, open: bool) -> Result<(), PeopleError> {
        let sql = if open {
            "DELETE FROM chat_closed WHERE auction = ?1"
        } else {
            "INSERT OR IGNORE INTO chat_closed (auction) VALUES (?1)"
        };
        self.change(move |connection| run(connection, sql, [auction.get()]))
    }

    fn is_open(&self, auction: AuctionId) -> Result<bool, PeopleError> {
        self.read(|connection| {
            let sql = "SELECT 1 FROM chat_closed WHERE auction = ?1";
            connection.prepare_cached(sql)?.exists([auction.get()]).map(|closed| !closed)
        })
    }
}

/// What came of it, if this was said before.
fn said(connection: &Connection, author: UserId, once: Once) -> rusqlite::Result<Option<Kept>> {
    let sql = "SELECT said, message, at FROM chat_key WHERE author = ?1 AND key = ?2";
    let mut said = connection.prepare_cached(sql)?;
    let kept = |row: &rusqlite::Row<'_>| {
        let same = row.get::<_, Vec<u8>>(0)? == once.words.0;
        Ok(if same { Kept::Again(row.get(1)?, Time(row.get(2)?)) } else { Kept::KeyReused })
    };
    said.query_row(params![author.get(), once.name.0], kept).optional()
}

/// Messages as they were said, the oldest first; rows are the newest first. Those of whoever has
/// just gone are left out.
fn opened(
    connection: &Connection,
    vault: &Vault,
    rows: impl Iterator<Item = Row>,
) -> Result<Vec<Message>, PeopleError> {
    let mut keys: HashMap<UserId, Option<RowKey>> = HashMap::new();
    let mut messages = Vec::new();
    for (id, auction, author, at, sealed) in rows {
        let key = match keys.entry(author) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(SqlitePeople::row_key(connection, vault, author)?),
        };
        let Some(key) = key else { continue };
        let text = SqlitePeople::text(key, Field::Chat, &sealed)?;
        messages.push(Message { id, auction, author, at: Time(at), text });
    }
    messages.reverse();
    Ok(messages)
}
