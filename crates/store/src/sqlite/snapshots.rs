//! Snapshots in a file that may be deleted at any time. Refuses to know what they say: it keeps the
//! bytes and seals it is given.

use super::OpenError;
use super::disposable::Disposable;
use super::file::Kind;
use super::log::unreadable;
use gavel_auction::event::{Digest, HouseId};
use gavel_auction::ids::AuctionId;
use gavel_engine::log::{LogError, Partition};
use gavel_engine::snapshot::{Kept, Mark, Snapshots, Tag};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{OptionalExtension, Row, params};
use std::path::Path;

const MARK: &str = "SELECT position, rolling, count, seals, seal FROM mark WHERE partition = ?1";
const TAGS: &str = "SELECT auction, position, settled, seal FROM snapshot INDEXED BY snapshot_tag
    WHERE partition = ?1 ORDER BY auction";
const LOAD: &str =
    "SELECT auction, position, settled, seal, bytes FROM snapshot WHERE auction = ?1";
const PUT: &str = "INSERT OR REPLACE INTO snapshot
    (auction, partition, position, settled, seal, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const PUT_MARK: &str = "INSERT OR REPLACE INTO mark
    (partition, position, rolling, count, seals, seal) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Keeps snapshots in `snapshots.db`.
pub(super) struct SqliteSnapshots {
    file: Disposable,
}

impl SqliteSnapshots {
    /// Opens the snapshots; makes an empty file where what is there is of no use.
    pub(super) fn open(dir: &Path, house: HouseId) -> Result<Self, OpenError> {
        let (file, _) = Disposable::open(dir, Kind::Snapshots, house)?;
        Ok(Self { file })
    }
}

impl Snapshots for SqliteSnapshots {
    fn mark(&self, partition: Partition) -> Result<Option<Mark>, LogError> {
        let read = |row: &Row<'_>| {
            let [Hash(rolling), Hash(seals), Hash(seal)] = [row.get(1)?, row.get(3)?, row.get(4)?];
            let (position, count) = (row.get(0)?, row.get(2)?);
            Ok(Mark { partition, position, rolling, count, seals, seal })
        };
        let mark = self.file.readers.with(|connection| {
            connection.prepare_cached(MARK)?.query_row([partition], read).optional()
        });
        mark.map_err(unreadable)
    }

    fn tags(&self, partition: Partition) -> Result<Vec<Tag>, LogError> {
        let tags = self.file.readers.with(|connection| {
            let mut statement = connection.prepare_cached(TAGS)?;
            statement.query_map([partition], tag)?.collect()
        });
        tags.map_err(unreadable)
    }

    fn load(&self, auctions: &[AuctionId]) -> Result<Vec<Kept>, LogError> {
        let read = |row: &Row<'_>| Ok(Kept { tag: tag(row)?, bytes: row.get(4)? });
        let kept = self.file.readers.with(|connection| {
            let mut statement = connection.prepare_cached(LOAD)?;
            let mut kept = Vec::with_capacity(auctions.len());
            for auction in auctions {
                kept.extend(statement.query_row([auction.get()], read).optional()?);
            }
            Ok(kept)
        });
        kept.map_err(unreadable)
    }

    fn put(&self, mark: &Mark, kept: &[Kept]) -> Result<(), LogError> {
        self.file.write(|transaction| {
            let mut put = transaction.prepare_cached(PUT)?;
            for Kept { tag, bytes } in kept {
                put.execute(params![
                    tag.auction.get(),
                    mark.partition,
                    tag.position,
                    tag.settled,
                    &tag.seal.0[..],
                    bytes,
                ])?;
            }
            let Mark { partition, position, rolling, count, seals, seal } = mark;
            let (rolling, seals, seal) = (&rolling.0[..], &seals.0[..], &seal.0[..]);
            transaction
                .prepare_cached(PUT_MARK)?
                .execute(params![partition, position, rolling, count, seals, seal])
                .map(drop)
        })
    }

    fn clear(&self, partition: Partition) -> Result<(), LogError> {
        self.file.write_or_replace(|transaction| {
            transaction.execute("DELETE FROM mark WHERE partition = ?1", [partition])?;
            transaction.execute("DELETE FROM snapshot WHERE partition = ?1", [partition])?;
            Ok(())
        })
    }
}

fn tag(row: &Row<'_>) -> rusqlite::Result<Tag> {
    let Id(auction) = row.get(0)?;
    let Hash(seal) = row.get(3)?;
    Ok(Tag { auction, position: row.get(1)?, settled: row.get(2)?, seal })
}

struct Id(AuctionId);

impl FromSql for Id {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let id = value.as_i64()?;
        AuctionId::new(id).map(Self).ok_or(FromSqlError::OutOfRange(id))
    }
}

struct Hash(Digest);

impl FromSql for Hash {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 32]>::column_result(value).map(|bytes| Self(Digest(bytes)))
    }
}
