//! The checker: whether a history keeps the house's promises. Each check is a file; each names the
//! records it objects to. It believes nobody: it reads the log's bytes, and judges every event and
//! every refusal anew by the naive house.

mod answers;
mod case;
mod evidence;
mod log;
mod order;
mod rest;
mod streams;
mod walk;

use crate::history::Input;
use case::Case;
use gavel_auction::ids::AuctionId;
use std::fmt;

/// The checks of the promises, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// Every event is legal in the state before it; versions 1..n; times run forward.
    C1,
    /// What was accepted is in the log, what was refused is not, nothing is invented.
    C2,
    /// Versions agree with real time.
    C3,
    /// Refusals were right at the version they name, and so were their hints.
    C4,
    /// Bids before the end, extensions exact, closes not before the end.
    C5,
    /// One outcome, a function of the log.
    C6,
    /// Subscribers: in order, no holes unsaid, nothing that is not in the log, converged.
    C7,
    /// Sinks.
    C8,
    /// Once per key, the same reply for ever.
    C9,
    /// After the faults everything ends in time.
    C10,
    /// Snapshot and tail give the same as the whole log.
    C11,
    /// Epochs.
    C12,
    /// The chain, receipts, planted damage.
    C13,
    /// Money and exposure.
    C14,
}

/// What is said where something that was accepted is not in the log.
const LOST: &str = "accepted, and not in the log";

/// What is wrong with a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which check says so.
    pub check: Check,
    /// The auction, if it is about one.
    pub auction: Option<AuctionId>,
    /// The tries it is about.
    pub records: Vec<u64>,
    /// What is wrong, with expected and actual.
    pub prose: String,
}

impl Violation {
    /// Something wrong.
    #[must_use]
    pub fn new(
        check: Check,
        auction: Option<AuctionId>,
        records: Vec<u64>,
        prose: impl Into<String>,
    ) -> Self {
        Self { check, auction, records, prose: prose.into() }
    }

    /// Whether it is that something accepted is not in the log.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        self.check == Check::C2 && self.prose == LOST
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.check)?;
        if let Some(auction) = self.auction {
            write!(f, " auction {auction}")?;
        }
        write!(f, ": {}", self.prose)?;
        if !self.records.is_empty() {
            write!(f, " (records {:?})", self.records)?;
        }
        Ok(())
    }
}

/// What was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Tries.
    pub tries: u64,
    /// Events of the log.
    pub events: u64,
    /// Acceptances held against the log.
    pub accepted: u64,
    /// Refusals judged anew.
    pub refused: u64,
    /// Reads compared.
    pub reads: u64,
    /// What subscribers saw.
    pub seen: u64,
}

/// Checks a history.
///
/// # Errors
/// All that is wrong with it.
pub fn check(input: &Input) -> Result<Stats, Vec<Violation>> {
    let mut case = Case::open(input);
    case.check_log();
    case.walk();
    case.check_answers();
    case.check_order();
    case.check_streams();
    case.check_evidence();
    case.check_rest();
    if case.found.is_empty() { Ok(case.stats) } else { Err(case.found) }
}
