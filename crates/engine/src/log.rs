//! The log: the truth of the house. What a store must be able to do, and nothing of how.
//!
//! Per partition, positions run 1, 2, 3 without holes and are assigned by the owner; per auction,
//! versions do. A record names the position of its auction's previous record, so that one
//! auction's history is read backwards by primary key and needs no index on the bid path.

use gavel_auction::event::Digest;
use gavel_auction::ids::{AuctionId, Version};
use thiserror::Error;

/// One of the P independent sequences of a house; an auction lives in partition id mod P.
pub type Partition = u16;

/// Place of a record in its partition: 1, 2, 3 without holes. 0 is "before the first".
pub type Position = u64;

/// One durable fact, as it was written once and for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub partition: Partition,
    /// Where in the partition.
    pub position: Position,
    /// An event of an auction, or a barrier.
    pub entry: Entry,
}

/// What a record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An event of an auction.
    Event(EventRecord),
    /// Nothing happened: settles that whatever was being written here before did not.
    Barrier,
}

/// An event of an auction as bytes; only `proof` reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// The auction.
    pub auction: AuctionId,
    /// Its place in the auction.
    pub version: Version,
    /// The position of the auction's previous event; 0 for its first.
    pub previous: Position,
    /// The chain's hash at this event.
    pub hash: Digest,
    /// The public part.
    pub public: Vec<u8>,
    /// The sealed part.
    pub sealed: Vec<u8>,
}

/// Writes the log. One owner; never shared.
pub trait Log: Send {
    /// Makes all records durable in one transaction, or none of them.
    ///
    /// # Errors
    /// [`AppendError::Full`] and [`AppendError::Rejected`] are definite: nothing was written.
    /// [`AppendError::Unknown`] is not: the records may or may not be there, now or later.
    fn append(&mut self, records: &[Record]) -> Result<(), AppendError>;

    /// Closes the store and opens it again, after an unknown outcome.
    ///
    /// # Errors
    /// If it cannot be opened; the caller waits and tries again.
    fn reopen(&mut self) -> Result<(), LogError>;
}

/// Reads the log. Cheap to share; never sees what is not durable.
pub trait LogReader: Send + Sync {
    /// The last position of a partition; 0 if it is empty.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn last_position(&self, partition: Partition) -> Result<Position, LogError>;

    /// Up to `limit` records of a partition after `after`, in order.
    ///
    /// # Errors
    /// If the store cannot be read, or has a hole there.
    fn scan(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Record>, LogError>;

    /// The record at a position.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn get(&self, partition: Partition, position: Position) -> Result<Option<Record>, LogError>;
}

/// Why an append did not succeed.
#[derive(Debug, Error)]
pub enum AppendError {
    /// No room. Nothing was written.
    #[error("there is no room left to write")]
    Full,
    /// The store refused the records. Nothing was written.
    #[error("the store refused the records: {0}")]
    Rejected(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It cannot be known whether they were written.
    #[error("it is unknown whether the records were written: {0}")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why the log could not be read or opened.
#[derive(Debug, Error)]
pub enum LogError {
    /// The store does not answer.
    #[error("the store cannot be read: {0}")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What it holds is not what was written.
    #[error("the log is damaged at partition {partition}, position {position}: {what}")]
    Damaged {
        /// The partition.
        partition: Partition,
        /// The position.
        position: Position,
        /// What is wrong, with expected and actual values.
        what: String,
    },
}
