//! Retraction: whether and when a bidder may take a bid back.

use crate::refusal::Refusal;
use crate::terms::Retraction;
use crate::time::{SECOND, Time};

impl Retraction {
    /// Whether a bid placed at `placed` may be taken back at `at`, with the end at `end`.
    pub(crate) fn allows(self, placed: Time, at: Time, end: Time) -> Result<(), Refusal> {
        match self {
            Self::Never {} => Err(Refusal::Forbidden),
            Self::WhileOpen {} => Ok(()),
            Self::Window { not_in_last_seconds, within_seconds } => {
                let near_end = end.since(at) <= i64::from(not_in_last_seconds) * SECOND;
                let too_old = at.since(placed) > i64::from(within_seconds) * SECOND;
                if near_end || too_old { Err(Refusal::TermsLocked) } else { Ok(()) }
            }
        }
    }
}
