//! What accounts may have in common, as blind indexes. Refuses to know what it means.

use super::{SqlitePeople, rows, run};
use crate::names::folded;
use crate::sqlite::group::failed;
use crate::vault::{Field, Index, RowKey, Vault};
use gavel_auction::ids::UserId;
use gavel_auction::time::{SECOND, Time};
use gavel_engine::people::{PeopleError, User};
use gavel_engine::traces::{CROWD, Came, KEPT_DAYS, Link, Seen, TOGETHER, Trace, Traces};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const HOUR: i64 = 3600 * SECOND;

/// Hours of one kind that are kept of one user.
const HOURS: i64 = 500;

const PUT: &str =
    "INSERT OR IGNORE INTO trace (kind, mark, user, hour, kept) VALUES (?1, ?2, ?3, ?4, ?5)";
const TRIM: &str = "DELETE FROM trace WHERE user = ?1 AND kind = ?2 AND hour <=
    (SELECT hour FROM trace WHERE user = ?1 AND kind = ?2 ORDER BY hour DESC LIMIT 1 OFFSET ?3)";
const SEEN: &str = "SELECT kind, hour, kept FROM trace
    WHERE user = ?1 AND kept IS NOT NULL ORDER BY hour, kind";
/// What a user has, each with the hour when he last came with it.
const OWN: &str = "SELECT kind, mark, max(hour) FROM trace WHERE user = ?1 GROUP BY kind, mark";
/// The next one who has it too: a step into the key, however often each came.
const NEXT: &str = "SELECT user FROM trace WHERE kind = ?1 AND mark = ?2 AND user > ?3
    ORDER BY user LIMIT 1";
/// When somebody last came with it, up to an hour.
const LAST: &str =
    "SELECT hour FROM trace WHERE kind = ?1 AND mark = ?2 AND user = ?3 AND hour <= ?4
    ORDER BY hour DESC LIMIT 1";

impl Traces for SqlitePeople {
    fn came(&self, user: UserId, from: &Came, now: Time) -> Result<(), PeopleError> {
        let from = from.clone();
        self.write(move |connection, vault| {
            let Some(key) = rows::row_key(connection, vault, user)? else { return Ok(()) };
            let device = from.device.iter().map(|device| (Trace::Device, device));
            for (trace, value) in device.chain([(Trace::Network, &from.network)]) {
                put(connection, vault, &key, user, &Seen { trace, value: value.clone(), at: now })?;
                run(connection, TRIM, params![user.get(), number(trace), HOURS])?;
            }
            Ok(())
        })
    }

    fn links(
        &self,
        user: UserId,
        among: Option<&[UserId]>,
        limit: usize,
    ) -> Result<Vec<Link>, PeopleError> {
        let among: Option<BTreeSet<i64>> =
            among.map(|users| users.iter().map(|user| user.get()).collect());
        let found = self.read(|connection| {
            let mut found: BTreeMap<(i64, i64), i64> = BTreeMap::new();
            for own in own(connection, user)? {
                for other in own.others(connection, user)? {
                    if among.as_ref().is_some_and(|among| !among.contains(&other)) {
                        continue;
                    }
                    let Some(at) = own.with(connection, user, other)? else { continue };
                    let latest = found.entry((other, own.kind)).or_insert(at);
                    *latest = at.max(*latest);
                }
            }
            Ok(found)
        })?;
        let link = |((other, kind), at)| {
            Some(Link { user: UserId::new(other)?, by: trace(kind)?, at: time_of(at) })
        };
        Ok(found.into_iter().filter_map(link).take(limit).collect())
    }

    fn seen(&self, user: UserId) -> Result<Vec<Seen>, PeopleError> {
        let vault = Arc::clone(self.vault()?);
        self.read(move |connection| Ok(seen(connection, &vault, user)))?
    }
}

/// Something that a user has.
struct Own {
    kind: i64,
    mark: Vec<u8>,
    last: i64,
}

fn own(connection: &Connection, user: UserId) -> rusqlite::Result<Vec<Own>> {
    let read = |row: &Row<'_>| Ok(Own { kind: row.get(0)?, mark: row.get(1)?, last: row.get(2)? });
    connection.prepare_cached(OWN)?.query_map([user.get()], read)?.collect()
}

impl Own {
    fn is_network(&self) -> bool {
        self.kind == number(Trace::Network)
    }

    /// Who else has it; nobody, if it is a network that a crowd came from.
    fn others(&self, connection: &Connection, user: UserId) -> rusqlite::Result<Vec<i64>> {
        let mut next = connection.prepare_cached(NEXT)?;
        let (mut others, mut after) = (Vec::new(), 0);
        loop {
            let found = next.query_row(params![self.kind, self.mark, after], |row| row.get(0));
            let Some(found) = found.optional()? else { return Ok(others) };
            after = found;
            if found != user.get() {
                others.push(found);
            }
            if self.is_network() && others.len() >= CROWD {
                return Ok(Vec::new());
            }
        }
    }

    /// When the later of both last came with it; with a network, if they came together.
    fn with(
        &self,
        connection: &Connection,
        user: UserId,
        other: i64,
    ) -> rusqlite::Result<Option<i64>> {
        let mut last = connection.prepare_cached(LAST)?;
        let mut last = |user: i64, upto: i64| {
            let hour = last.query_row(params![self.kind, self.mark, user, upto], |row| row.get(0));
            hour.optional()
        };
        let (mut mine, mut his) = (Some(self.last), last(other, i64::MAX)?);
        // Whatever is more than a day after all that the other one has is together with nothing.
        while let (Some(one), Some(two)) = (mine, his) {
            if !self.is_network() || one.abs_diff(two) <= TOGETHER.unsigned_abs() {
                return Ok(Some(one.max(two)));
            }
            if one > two {
                mine = last(user.get(), two + TOGETHER)?;
            } else {
                his = last(other, one + TOGETHER)?;
            }
        }
        Ok(None)
    }
}

fn put(
    connection: &Connection,
    vault: &Vault,
    key: &RowKey,
    user: UserId,
    seen: &Seen,
) -> Result<(), PeopleError> {
    let Seen { trace, value, at } = seen;
    let (mark, kept) = (mark(vault, *trace, value), key.seal(Field::Trace, value.as_bytes()));
    let hour = at.0.div_euclid(HOUR);
    run(connection, PUT, params![number(*trace), &mark[..16], user.get(), hour, kept])
}

fn seen(connection: &Connection, vault: &Vault, user: UserId) -> Result<Vec<Seen>, PeopleError> {
    let Some(key) = rows::row_key(connection, vault, user)? else { return Ok(Vec::new()) };
    let kept: Vec<(i64, i64, Vec<u8>)> = connection
        .prepare_cached(SEEN)
        .and_then(|mut found| {
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            found.query_map([user.get()], read)?.collect()
        })
        .map_err(failed)?;
    let mut all = Vec::with_capacity(kept.len());
    for (kind, hour, kept) in kept {
        let value = key.text(Field::Trace, &kept).map_err(rows::sealed)?;
        let found = trace(kind).zip(time_of(hour));
        all.extend(found.map(|(trace, at)| Seen { trace, value, at }));
    }
    Ok(all)
}

/// Marks what a user's row holds.
pub(super) fn index(
    connection: &Connection,
    vault: &Vault,
    user: &User,
) -> Result<(), PeopleError> {
    run(connection, "DELETE FROM trace WHERE user = ?1 AND hour = 0", [user.id.get()])?;
    let held = [
        (Trace::Email, user.email.as_deref().and_then(mailbox)),
        (Trace::Phone, user.phone.as_deref().and_then(last_digits)),
        (Trace::Address, user.address.as_deref().and_then(letters)),
    ];
    for (trace, value) in held {
        let Some(value) = value else { continue };
        let mark = mark(vault, trace, &value);
        let nothing = Option::<Vec<u8>>::None;
        run(connection, PUT, params![number(trace), &mark[..16], user.id.get(), 0, nothing])?;
    }
    Ok(())
}

/// Marks where a user signed in under the index key of this vault.
pub(super) fn index_again(
    connection: &Connection,
    vault: &Vault,
    user: UserId,
) -> Result<(), PeopleError> {
    let Some(key) = rows::row_key(connection, vault, user)? else { return Ok(()) };
    let all = seen(connection, vault, user)?;
    run(connection, "DELETE FROM trace WHERE user = ?1 AND hour > 0", [user.get()])?;
    all.iter().try_for_each(|seen| put(connection, vault, &key, user, seen))
}

/// Forgets where somebody signed in long ago.
pub(super) fn forget(connection: &Connection, now: Time) -> Result<(), PeopleError> {
    let before = now.0.div_euclid(HOUR) - KEPT_DAYS * 24;
    run(connection, "DELETE FROM trace WHERE hour > 0 AND hour < ?1", [before])
}

fn mark(vault: &Vault, trace: Trace, value: &str) -> [u8; 32] {
    vault.index(Index::Trace, &[trace.word(), value])
}

fn time_of(hour: i64) -> Option<Time> {
    hour.checked_mul(HOUR).filter(|at| *at > 0).map(Time)
}

const fn number(trace: Trace) -> i64 {
    match trace {
        Trace::Email => 1,
        Trace::Phone => 2,
        Trace::Address => 3,
        Trace::Device => 4,
        Trace::Network => 5,
    }
}

fn trace(number_of: i64) -> Option<Trace> {
    Trace::ALL.into_iter().find(|trace| number(*trace) == number_of)
}

/// The box that letters to an address come to: without what follows a `+`, and at Google, where
/// dots mean nothing, without those.
fn mailbox(email: &str) -> Option<String> {
    let email = folded(email);
    let (name, domain) = email.rsplit_once('@')?;
    let name = name.split_once('+').map_or(name, |(name, _)| name);
    Some(match domain {
        "gmail.com" | "googlemail.com" => format!("{}@gmail.com", name.replace('.', "")),
        _ => format!("{name}@{domain}"), // not ours: a domain
    })
}

/// The end of a number, which is the same with and without the code of a country.
fn last_digits(phone: &str) -> Option<String> {
    let digits: String = folded(phone).chars().filter(char::is_ascii_digit).collect();
    let from = digits.len().saturating_sub(9);
    (digits.len() >= 6).then(|| digits.split_at(from).1.to_owned())
}

fn letters(address: &str) -> Option<String> {
    let kept: String = folded(address).chars().filter(|c| c.is_alphanumeric()).collect();
    (kept.chars().count() >= 8).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_differently_and_is_the_same() {
        for (one, other) in [
            ("Anna+lots@Example.com", "anna@example.com"),
            ("a.n.n.a+1@googlemail.com", "anna@gmail.com"),
        ] {
            assert_eq!(mailbox(one), mailbox(other), "{one}");
        }
        assert_ne!(mailbox("a.nna@example.com"), mailbox("anna@example.com"));
        assert_eq!(last_digits("+49 170 123-45-67"), last_digits("0170/1234567"));
        assert_ne!(last_digits("0170 1234567"), last_digits("0170 1234568"));
        assert_eq!(last_digits("12345"), None, "too short to mean somebody");
        assert_eq!(letters("1, High St.\nLondon"), letters("1 high st, london"));
        assert_eq!(letters("London"), None);
    }
}
