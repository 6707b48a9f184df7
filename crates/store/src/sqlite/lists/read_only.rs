//! The lists of a house that is only read, beside a server that may be running. Refuses to write.

use super::{bidding, cursor, dealings, page};
use crate::sqlite::log::unreadable;
use crate::sqlite::pool::Readers;
use gavel_auction::ids::{AuctionId, UserId};
use gavel_engine::lists::{Lists, Page, Query, Row};
use gavel_engine::log::{LogError, Partition, Position};

/// What stands in for the lists of a house that is only read, where there are none to be read.
pub(in crate::sqlite) struct NoLists;

impl Lists for NoLists {
    fn cursor(&self, _partition: Partition) -> Result<Position, LogError> {
        Ok(0)
    }

    fn put(&self, _partition: Partition, _upto: Position, _rows: &[Row]) -> Result<(), LogError> {
        Err(read_only())
    }

    fn page(&self, _query: &Query) -> Result<Page, LogError> {
        Ok(Page::default())
    }

    fn bidding(&self, _: UserId, _: i64, _: usize) -> Result<Vec<AuctionId>, LogError> {
        Ok(Vec::new())
    }

    fn dealings(&self, _: UserId, _: usize) -> Result<Vec<(AuctionId, UserId)>, LogError> {
        Ok(Vec::new())
    }

    fn erase(&self, _: &[AuctionId]) -> Result<(), LogError> {
        Err(read_only())
    }

    fn are_damaged(&self) -> bool {
        false
    }

    fn examine(&self) -> Result<(), LogError> {
        Ok(())
    }

    fn clear(&self) -> Result<(), LogError> {
        Err(read_only())
    }
}

/// Lists of a house that is only read.
pub(in crate::sqlite) struct ReadOnlyLists {
    readers: Readers,
}

impl ReadOnlyLists {
    pub(in crate::sqlite) const fn new(readers: Readers) -> Self {
        Self { readers }
    }
}

impl Lists for ReadOnlyLists {
    fn cursor(&self, partition: Partition) -> Result<Position, LogError> {
        self.readers.with(|connection| cursor(connection, partition)).map_err(unreadable)
    }

    fn put(&self, _partition: Partition, _upto: Position, _rows: &[Row]) -> Result<(), LogError> {
        Err(read_only())
    }

    fn page(&self, query: &Query) -> Result<Page, LogError> {
        page(&self.readers, query)
    }

    fn bidding(&self, user: UserId, before: i64, limit: usize) -> Result<Vec<AuctionId>, LogError> {
        bidding(&self.readers, user, before, limit)
    }

    fn dealings(&self, user: UserId, limit: usize) -> Result<Vec<(AuctionId, UserId)>, LogError> {
        dealings(&self.readers, user, limit)
    }

    fn erase(&self, _: &[AuctionId]) -> Result<(), LogError> {
        Err(read_only())
    }

    fn are_damaged(&self) -> bool {
        false
    }

    fn examine(&self) -> Result<(), LogError> {
        Ok(())
    }

    fn clear(&self) -> Result<(), LogError> {
        Err(read_only())
    }
}

fn read_only() -> LogError {
    LogError::Unreadable("the house is open for reading only".into())
}
