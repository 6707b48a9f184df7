//! Notices to people, in `people.db`: they go with whom they are for. Refuses to know what
//! happened.

use super::group::failed;
use super::people::{SqlitePeople, run};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::time::Time;
use gavel_engine::log::Position;
use gavel_engine::notices::{Kept, Kind, Notice, Notices, Wishes, Wishing};
use gavel_engine::people::PeopleError;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeSet;

/// Notices to one person that are kept; the oldest make room.
const KEPT: i64 = 1000;

/// The bit of a kind; none is ever used for anything else.
const fn bit(kind: Kind) -> i64 {
    match kind {
        Kind::Won => 1,
        Kind::Maximum => 2,
        Kind::Doubled => 4,
    }
}

fn bits(wishes: Wishes) -> i64 {
    let kinds = [Kind::Won, Kind::Maximum, Kind::Doubled];
    kinds.into_iter().filter(|kind| wishes.has(*kind)).map(bit).sum()
}

fn wishes(bits: i64) -> Wishes {
    let has = |kind| bits & bit(kind) != 0;
    Wishes { won: has(Kind::Won), maximum: has(Kind::Maximum), doubled: has(Kind::Doubled) }
}

fn told(connection: &Connection) -> rusqlite::Result<Vec<Position>> {
    let sql = "SELECT position FROM told ORDER BY partition";
    connection.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect()
}

fn set_told(connection: &Connection, upto: &[Position]) -> Result<(), PeopleError> {
    for (partition, position) in (0_i64..).zip(upto) {
        let sql = "INSERT INTO told (partition, position) VALUES (?1, ?2)
            ON CONFLICT (partition) DO UPDATE SET position = excluded.position";
        run(connection, sql, params![partition, position])?;
    }
    Ok(())
}

/// Keeps a notice; none if it is kept already, or nobody wished for it when it happened.
fn keep(connection: &Connection, notice: &Notice) -> rusqlite::Result<Option<i64>> {
    let sql = "INSERT INTO notice (user, kind, auction, version, at, amount)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6
        WHERE EXISTS (SELECT 1 FROM wish WHERE user = ?1 AND kinds & ?2 <> 0 AND ?5 >=
            CASE ?2 WHEN 1 THEN won_since WHEN 2 THEN maximum_since ELSE doubled_since END)
        ON CONFLICT (user, auction, version, kind) DO NOTHING RETURNING id";
    let Notice { user, kind, auction, version, at, amount } = *notice;
    let values = params![user.get(), bit(kind), auction.get(), version, at.0, amount];
    connection.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()
}

impl Notices for SqlitePeople {
    fn wishes(&self, user: UserId) -> Result<Wishes, PeopleError> {
        let found = self.read(|connection| {
            let sql = "SELECT kinds FROM wish WHERE user = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_row([user.get()], |row| row.get(0)).optional()
        })?;
        Ok(wishes(found.unwrap_or(0)))
    }

    fn wish(
        &self,
        user: UserId,
        wishes: Wishes,
        now: Time,
        from: &[Position],
    ) -> Result<(), PeopleError> {
        let from = from.to_vec();
        self.change(move |connection| {
            let anybody = "SELECT EXISTS (SELECT 1 FROM wish)";
            let anybody: bool =
                connection.query_row(anybody, [], |row| row.get(0)).map_err(failed)?;
            if !anybody {
                set_told(connection, &from)?;
            }
            if !wishes.any() {
                return run(connection, "DELETE FROM wish WHERE user = ?1", [user.get()]);
            }
            // What he wishes for already he has wished for since then.
            let sql = "INSERT INTO wish (user, kinds, won_since, maximum_since, doubled_since)
                VALUES (?1, ?2, ?3, ?3, ?3) ON CONFLICT (user) DO UPDATE SET
                    won_since = iif(kinds & 1, won_since, ?3),
                    maximum_since = iif(kinds & 2, maximum_since, ?3),
                    doubled_since = iif(kinds & 4, doubled_since, ?3),
                    kinds = excluded.kinds";
            run(connection, sql, params![user.get(), bits(wishes), now.0])
        })
    }

    fn wishing(&self) -> Result<Wishing, PeopleError> {
        self.read(|connection| {
            let snapshot = connection.unchecked_transaction()?;
            let everybody = snapshot
                .prepare_cached("SELECT user, kinds FROM wish")?
                .query_map([], |row| Ok((user(row, 0)?, wishes(row.get(1)?))))?
                .collect::<Result<_, _>>()?;
            let told = told(&snapshot)?;
            snapshot.finish()?;
            Ok(Wishing { everybody, told })
        })
    }

    fn tell(&self, upto: &[Position], notices: &[Notice]) -> Result<Vec<Kept>, PeopleError> {
        let (upto, notices) = (upto.to_vec(), notices.to_vec());
        self.change(move |connection| {
            let mut new = Vec::new();
            for notice in notices {
                let id = keep(connection, &notice).map_err(failed)?;
                new.extend(id.map(|id| Kept { id, read: false, notice }));
            }
            let told: BTreeSet<i64> = new.iter().map(|kept| kept.notice.user.get()).collect();
            for user in told {
                let sql = "DELETE FROM notice WHERE user = ?1 AND id <= (SELECT id FROM notice
                    WHERE user = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
                run(connection, sql, params![user, KEPT])?;
            }
            set_told(connection, &upto)?;
            Ok(new)
        })
    }

    fn notices(
        &self,
        user: UserId,
        below: i64,
        unread: bool,
        limit: usize,
    ) -> Result<Vec<Kept>, PeopleError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            let sql = "SELECT id, user, kind, auction, version, at, amount, read FROM notice
                WHERE user = ?1 AND id < ?2 AND (read = 0 OR NOT ?3) ORDER BY id DESC LIMIT ?4";
            let values = params![user.get(), below, unread, limit];
            connection.prepare_cached(sql)?.query_map(values, kept)?.collect()
        })
    }

    fn unread(&self, user: UserId) -> Result<u64, PeopleError> {
        self.read(|connection| {
            let sql = "SELECT count(*) FROM notice WHERE user = ?1 AND read = 0";
            connection.prepare_cached(sql)?.query_row([user.get()], |row| row.get(0))
        })
    }

    fn read_upto(&self, user: UserId, id: i64) -> Result<(), PeopleError> {
        self.change(move |connection| {
            let sql = "UPDATE notice SET read = 1 WHERE user = ?1 AND id <= ?2 AND read = 0";
            run(connection, sql, params![user.get(), id])
        })
    }
}

fn out_of_range(column: usize, value: i64) -> rusqlite::Error {
    rusqlite::Error::IntegralValueOutOfRange(column, value)
}

fn user(row: &Row<'_>, column: usize) -> rusqlite::Result<UserId> {
    let id = row.get(column)?;
    UserId::new(id).ok_or_else(|| out_of_range(column, id))
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let (kind, auction): (i64, i64) = (row.get(2)?, row.get(3)?);
    let known = [Kind::Won, Kind::Maximum, Kind::Doubled];
    let known = known.into_iter().find(|known| bit(*known) == kind);
    let notice = Notice {
        user: user(row, 1)?,
        kind: known.ok_or_else(|| out_of_range(2, kind))?,
        auction: AuctionId::new(auction).ok_or_else(|| out_of_range(3, auction))?,
        version: row.get(4)?,
        at: Time(row.get(5)?),
        amount: row.get(6)?,
    };
    Ok(Kept { id: row.get(0)?, read: row.get(7)?, notice })
}
