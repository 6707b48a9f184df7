//! What accounts may have in common, as blind indexes. Refuses to know what it means.

use super::{SqlitePeople, rows, run};
use crate::names::folded;
use crate::sqlite::group::failed;
use crate::vault::{Field, Index, RowKey, Vault};
use gavel_auction::ids::UserId;
use gavel_auction::time::{SECOND, Time};
use gavel_engine::people::{PeopleError, User};
use gavel_engine::traces::{CROWD, Came, KEPT_DAYS, Link, Seen, TOGETHER, Trace, Traces};
use rusqlite::{Connection, params};
use std::collections::BTreeSet;
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
/// A network that a crowd came from is left out before its members are looked at.
const LINKS: &str = "WITH shared AS MATERIALIZED (
        SELECT kind, mark FROM (SELECT DISTINCT kind, mark FROM trace WHERE user = ?1) AS own
        WHERE kind <> ?2 OR (SELECT count(*) FROM (SELECT DISTINCT user FROM trace
            WHERE kind = own.kind AND mark = own.mark LIMIT ?3 + 1)) <= ?3)
    SELECT other.user, other.kind, max(max(mine.hour, other.hour))
    FROM shared
    JOIN trace AS mine ON mine.kind = shared.kind AND mine.mark = shared.mark AND mine.user = ?1
    JOIN trace AS other ON other.kind = shared.kind AND other.mark = shared.mark
        AND other.user <> ?1
    WHERE other.kind <> ?2 OR abs(mine.hour - other.hour) <= ?4
    GROUP BY other.user, other.kind";

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
        let among: Option<BTreeSet<UserId>> = among.map(|users| users.iter().copied().collect());
        let crowd = i64::try_from(CROWD).unwrap_or(i64::MAX);
        self.read(|connection| {
            let mut found = connection.prepare_cached(LINKS)?;
            let network = number(Trace::Network);
            let mut found = found.query(params![user.get(), network, crowd, TOGETHER])?;
            let mut links = Vec::new();
            while let Some(row) = found.next()? {
                let other = rows::user_id(0, row.get(0)?)?;
                let wanted = among.as_ref().is_none_or(|among| among.contains(&other));
                let Some(by) = trace(row.get(1)?).filter(|_| wanted) else { continue };
                links.push(Link { user: other, by, at: time_of(row.get(2)?) });
                if links.len() >= limit {
                    break;
                }
            }
            Ok(links)
        })
    }

    fn seen(&self, user: UserId) -> Result<Vec<Seen>, PeopleError> {
        let vault = Arc::clone(self.vault()?);
        self.read(move |connection| Ok(seen(connection, &vault, user)))?
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
