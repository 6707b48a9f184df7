//! Lists of auctions, for browsing and search: derived from the log, may be dropped and are
//! rebuilt. What a store of them must be able to do; how they follow the log is `projection.rs`.

use crate::log::{LogError, Partition, Position};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::time::Time;

/// One auction as lists show and sort it. All but its bidders is public once it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The auction.
    pub auction: AuctionId,
    /// The word for its state: draft, scheduled, open, on_hold, sold, passed, cancelled.
    pub state: &'static str,
    /// Who sells.
    pub seller: UserId,
    /// The headline.
    pub title: String,
    /// The category's name.
    pub category: Option<String>,
    /// The public price, or the start while there is none.
    pub price: i64,
    /// The end in force, if there is one.
    pub ends_at: Option<Time>,
    /// Who has a paddle, by its number.
    pub bidders: Vec<UserId>,
}

/// In which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The next to end first; those without an end last.
    Ending,
    /// The newest first.
    Newest,
    /// The cheapest first.
    Price,
}

/// Which auctions to list. Drafts are found only by their seller (`seller` and `drafts`).
#[derive(Clone, Debug)]
pub struct Query {
    /// One of these states; empty = all but drafts.
    pub states: Vec<String>,
    /// Whether drafts may be among them.
    pub drafts: bool,
    /// Only in this category.
    pub category: Option<String>,
    /// Only of this seller.
    pub seller: Option<UserId>,
    /// All these words in the title (prefixes count).
    pub text: Option<String>,
    /// In which order.
    pub sort: Sort,
    /// Only after this one: the sort key and the id of the last one seen.
    pub after: Option<(i64, i64)>,
    /// At most so many.
    pub limit: usize,
}

impl Query {
    /// The newest hundred of a seller, or of anybody; no drafts.
    #[must_use]
    pub const fn newest(seller: Option<UserId>) -> Self {
        Self {
            states: Vec::new(),
            drafts: false,
            category: None,
            seller,
            text: None,
            sort: Sort::Newest,
            after: None,
            limit: 100,
        }
    }
}

/// A page of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The auctions with their sort keys, in order.
    pub rows: Vec<(i64, AuctionId)>,
}

/// Keeps lists.
pub trait Lists: Send + Sync {
    /// Up to which position of a partition the lists are.
    ///
    /// # Errors
    /// If the store fails.
    fn cursor(&self, partition: Partition) -> Result<Position, LogError>;
    /// Puts these rows in place and moves the cursor, in one transaction.
    ///
    /// # Errors
    /// If the store fails.
    fn put(&self, partition: Partition, upto: Position, rows: &[Row]) -> Result<(), LogError>;
    /// A page.
    ///
    /// # Errors
    /// If the store fails.
    fn page(&self, query: &Query) -> Result<Page, LogError>;
    /// The auctions in which somebody has a paddle, with numbers below `before`, the newest first.
    ///
    /// # Errors
    /// If the store fails.
    fn bidding(&self, user: UserId, before: i64, limit: usize) -> Result<Vec<AuctionId>, LogError>;
    /// The auctions in which somebody has a paddle, each with its seller, the newest first.
    ///
    /// # Errors
    /// If the store fails.
    fn dealings(&self, user: UserId, limit: usize) -> Result<Vec<(AuctionId, UserId)>, LogError>;
    /// Forgets everything, so that it is rebuilt.
    ///
    /// # Errors
    /// If the store fails.
    fn clear(&self) -> Result<(), LogError>;
    /// Forgets what these auctions are about, so that it is in no file any more; they are to be put
    /// in place again.
    ///
    /// # Errors
    /// If the store fails, or readers keep it from being destroyed: it may be repeated.
    fn erase(&self, auctions: &[AuctionId]) -> Result<(), LogError>;
    /// Whether something has shown since the last [`Lists::clear`] that they are damaged.
    fn are_damaged(&self) -> bool;
    /// Reads all of them, for damage that no reader has met.
    ///
    /// # Errors
    /// If the store fails.
    fn examine(&self) -> Result<(), LogError>;
}
