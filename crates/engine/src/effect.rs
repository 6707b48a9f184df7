//! What a shard wants done: the whole list of what the engine can cause. Effects are held with
//! their batch and let go only once it is durable.

use crate::answer::{Answer, Failure};
use crate::log::Record;
use crate::views::Change;
use gavel_auction::ids::{AuctionId, Version};
use gavel_proof::receipt::Leaf;

/// What a batch lets out once it is durable, in this order.
pub struct Effects<R> {
    /// Heads to swap in, before anybody is answered.
    pub changes: Vec<Change>,
    /// Who is told what.
    pub replies: Vec<(R, Settled)>,
    /// Which of them get the receipts of the batch's leaves, in the order of the leaves.
    pub receipts: Vec<usize>,
}

impl<R> Default for Effects<R> {
    fn default() -> Self {
        Self { changes: Vec::new(), replies: Vec::new(), receipts: Vec::new() }
    }
}

/// How a command came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was decided just now, or refused a moment ago.
    Answer(Answer),
    /// It was accepted once; that event tells the answer again.
    Recall {
        /// The auction.
        auction: AuctionId,
        /// The last event of that decision.
        version: Version,
    },
    /// No answer can be given.
    Failed(Failure),
}

/// What a shard wants made durable in one transaction.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records, in position order.
    pub records: Vec<Record>,
    /// What those get signed who asked for receipts.
    pub leaves: Vec<Leaf>,
}
