//! Tickets: each lets its owner into the live room once, soon. For pages, which have a session but
//! no token that a script could show. Kept in memory, as digests.

use crate::chance;
use gavel_auction::event::Digest;
use gavel_auction::time::{SECOND, Time};
use gavel_proof::hash::sha256;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a ticket is good.
const GOOD_FOR: i64 = 30 * SECOND;

/// Tickets at once at most.
const KEPT: usize = 100_000;

/// The tickets that were not used yet.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<HashMap<Digest, (Digest, Time)>>);

impl Tickets {
    fn all(&self) -> MutexGuard<'_, HashMap<Digest, (Digest, Time)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A ticket for whoever has this session, and until when it is good; none if there are too
    /// many.
    pub(crate) fn give(&self, session: Digest, now: Time) -> Option<(String, Time)> {
        let (ticket, until) = (chance::token(), now.plus(GOOD_FOR));
        let mut all = self.all();
        if all.len() >= KEPT {
            return None;
        }
        all.insert(sha256(ticket.as_bytes()), (session, until));
        Some((ticket, until))
    }

    /// Takes a ticket: the session it was given to.
    pub(super) fn take(&self, ticket: &str, now: Time) -> Option<Digest> {
        let (session, until) = self.all().remove(&sha256(ticket.as_bytes()))?;
        (now < until).then_some(session)
    }

    /// Forgets those that are not good any more.
    pub(super) fn sweep(&self, now: Time) {
        self.all().retain(|_, (_, until)| now < *until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_once_and_soon() {
        let (tickets, now) = (Tickets::default(), Time(SECOND));
        let (ticket, until) = tickets.give(Digest([1; 32]), now).unwrap();
        assert_eq!(tickets.take(&ticket, now), Some(Digest([1; 32])));
        assert_eq!(tickets.take(&ticket, now), None);
        let (ticket, _) = tickets.give(Digest([1; 32]), now).unwrap();
        assert_eq!(tickets.take(&ticket, until), None);
        tickets.give(Digest([1; 32]), now).unwrap();
        tickets.sweep(until);
        assert!(tickets.all().is_empty());
    }
}
