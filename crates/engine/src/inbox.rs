//! The two bounded lanes of a partition: what bidders do, and what is done to auctions, taken
//! alternately, so that a flood of bids delays no auction. (Users have a lane of their own: the
//! store of people, which no bid enters.) A command gets its stamp under the lock that queues it:
//! what a stamp says first, entered first.

use crate::answer::Failure;
use crate::clock::Clock;
use crate::effect::Settled;
use crate::limits;
use gavel_auction::command::Command;
use gavel_auction::ids::AuctionId;
use gavel_auction::time::Time;
use gavel_proof::command::CommandId;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// A command on its way to its auction.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The auction.
    pub auction: AuctionId,
    /// Names the command for ever: made of actor, auction and key.
    pub id: CommandId,
    /// What is asked, and by whom.
    pub command: Command,
    /// Whether the answer is wanted with a receipt.
    pub receipt: bool,
}

/// Where an answer goes.
pub type Reply = oneshot::Sender<Settled>;

/// A command in a queue.
pub(crate) struct Envelope {
    pub(crate) ask: Ask,
    pub(crate) entered: Time,
    pub(crate) reply: Reply,
}

#[derive(Default)]
struct Lanes {
    bids: VecDeque<Envelope>,
    auctions: VecDeque<Envelope>,
    closed: bool,
}

/// The queues of one partition.
#[derive(Default)]
pub(crate) struct Inbox {
    lanes: Mutex<Lanes>,
}

/// What was taken out of an inbox, and the time that ticks may go up to.
pub(crate) struct Taken {
    pub(crate) envelopes: Vec<Envelope>,
    /// The clock, if nothing is left waiting; else the smallest stamp that still waits.
    pub(crate) until: Time,
}

impl Inbox {
    /// Queues a command, or says at once that there is no room.
    pub(crate) fn push(
        &self,
        ask: Ask,
        clock: &Clock,
    ) -> Result<oneshot::Receiver<Settled>, Failure> {
        let (reply, waiting) = oneshot::channel();
        let mut lanes = self.lock();
        if lanes.closed {
            return Err(Failure::Stopping);
        }
        let bidding = ask.command.action.is_bidding();
        let lane = if bidding { &mut lanes.bids } else { &mut lanes.auctions };
        if lane.len() >= limits::QUEUED {
            return Err(Failure::Overloaded);
        }
        lane.push_back(Envelope { ask, entered: clock.now(), reply });
        Ok(waiting)
    }

    /// Takes up to `limit` commands, alternately from both lanes.
    pub(crate) fn take(&self, limit: usize, clock: &Clock, into: Vec<Envelope>) -> Taken {
        let mut envelopes = into;
        let mut lanes = self.lock();
        while envelopes.len() < limit {
            let before = envelopes.len();
            let Lanes { bids, auctions, .. } = &mut *lanes;
            envelopes.extend(auctions.pop_front());
            if envelopes.len() < limit {
                envelopes.extend(bids.pop_front());
            }
            if envelopes.len() == before {
                break;
            }
        }
        let left = [lanes.bids.front(), lanes.auctions.front()];
        let oldest = left.into_iter().flatten().map(|envelope| envelope.entered).min();
        Taken { envelopes, until: oldest.unwrap_or_else(|| clock.now()) }
    }

    /// Takes nothing more in.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// How many commands wait.
    pub(crate) fn len(&self) -> usize {
        let lanes = self.lock();
        lanes.bids.len() + lanes.auctions.len()
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_auction::command::{Action, Actor, Offer, Person, PlaceBid, Roles};
    use gavel_auction::ids::UserId;
    use gavel_auction::money::Amount;

    fn ask(number: usize, action: Action) -> Ask {
        let user = UserId::new(1).unwrap();
        let actor =
            Actor::Person(Person { user, roles: Roles::MEMBER, banned: false, headroom: None });
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let command = Command { actor, expected_version: None, action };
        Ask { auction: AuctionId::new(1).unwrap(), id: CommandId(id), command, receipt: false }
    }

    fn bid() -> Action {
        Action::Bid(PlaceBid {
            offer: Offer::Amount(Amount::ONE),
            currency: None,
            confirm: false,
            on_behalf_of: None,
        })
    }

    /// S1-34: while the lane of bids is full, an auction is made as soon as if there were none.
    #[test]
    fn s1_34_a_full_lane_of_bids_delays_no_auction() {
        let (inbox, clock) = (Inbox::default(), Clock::default());
        let mut waiting = Vec::new();
        while let Ok(reply) = inbox.push(ask(waiting.len(), bid()), &clock) {
            waiting.push(reply);
        }
        assert_eq!(waiting.len(), limits::QUEUED);
        for more in [bid(), Action::BuyNow, Action::Retract { bid: 1, reason: REASON }] {
            assert!(matches!(inbox.push(ask(0, more), &clock), Err(Failure::Overloaded)));
        }
        for made in 0..3 {
            inbox.push(ask(made, Action::Publish), &clock).unwrap();
        }
        let taken = inbox.take(8, &clock, Vec::new()).envelopes;
        let bidding = |envelope: &Envelope| envelope.ask.command.action.is_bidding();
        let order: Vec<bool> = taken.iter().map(bidding).collect();
        assert_eq!(order, [false, true, false, true, false, true, true, true]);
        // And the other way about: auctions delay no bid.
        for made in 0..limits::QUEUED {
            drop(inbox.push(ask(made, Action::Publish), &clock));
        }
        let taken = inbox.take(6, &clock, Vec::new()).envelopes;
        assert_eq!(taken.iter().filter(|envelope| bidding(envelope)).count(), 3);
    }

    const REASON: gavel_auction::event::Reason = gavel_auction::event::Reason::Mistake;
}
