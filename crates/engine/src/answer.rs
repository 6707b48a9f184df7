//! What comes back from a command: accepted, refused, or no answer that could be given.

use bytes::Bytes;
use gavel_auction::event::Event;
use gavel_auction::ids::Version;
use gavel_auction::refusal::Refusal;
use gavel_auction::time::Time;
use std::sync::Arc;
use thiserror::Error;

/// The answer to a command, given only once everything it rests on is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It happened.
    Accepted(Accepted),
    /// It had no effect.
    Refused(Refused),
}

/// What an accepted command made: the same at every repeat, for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The last event of the decision; its version and time are those of the reply.
    pub event: Arc<Event>,
    /// The word for the auction's state at that event.
    pub state: &'static str,
    /// The end in force at that event, once it is known.
    pub end: Option<Time>,
    /// The receipt, if one was asked for when it was decided.
    pub receipt: Option<Bytes>,
}

/// Why a command had no effect, and when that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// The auction's version that it was judged at; 0 if there is no such auction.
    pub version: Version,
    /// When.
    pub at: Time,
    /// The end in force, once it is known.
    pub end: Option<Time>,
    /// The receipt, if one was asked for.
    pub receipt: Option<Bytes>,
}

impl Refused {
    pub(crate) const fn new(
        refusal: Refusal,
        version: Version,
        at: Time,
        end: Option<Time>,
    ) -> Self {
        Self { refusal, version, at, end, receipt: None }
    }
}

impl Answer {
    /// Puts its receipt into it.
    pub(crate) fn give(&mut self, receipt: Bytes) {
        match self {
            Self::Accepted(accepted) => accepted.receipt = Some(receipt),
            Self::Refused(refused) => refused.receipt = Some(receipt),
        }
    }
}

/// Why no answer could be given.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// The key was used for another command that was accepted.
    #[error("this key was used for another command")]
    KeyReused,
    /// Too much is waiting; nothing was done.
    #[error("the house is overloaded; nothing was done")]
    Overloaded,
    /// It cannot be known yet whether it happened; asking again with the same key tells.
    #[error("it is not known whether this happened; repeat it with the same key to learn")]
    OutcomeUnknown,
    /// There is no room to write; nothing was done.
    #[error("the house has no room left to write; nothing was done")]
    StorageFull,
    /// Nothing is decided about this auction: its history is damaged, or its rules have panicked.
    #[error("this auction is closed off: its history is damaged, or its rules failed")]
    Quarantined,
    /// The house is closing; nothing was done.
    #[error("the house is stopping; nothing was done")]
    Stopping,
}
