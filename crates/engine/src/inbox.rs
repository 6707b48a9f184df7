//! The two bounded queues of a partition: bids, and everything else, taken alternately, so that a
//! flood of bids never delays creating users or auctions. A command gets its stamp under the lock
//! that queues it: what a stamp says first, entered first.

use crate::answer::Failure;
use crate::clock::Clock;
use crate::effect::Settled;
use crate::limits;
use gavel_auction::command::{Action, Command};
use gavel_auction::ids::AuctionId;
use gavel_auction::time::Time;
use gavel_proof::command::CommandId;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
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
    others: VecDeque<Envelope>,
    closed: bool,
}

/// The queues of one partition.
#[derive(Default)]
pub(crate) struct Inbox {
    lanes: Mutex<Lanes>,
    drive: OnceLock<Thread>,
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
        let is_bid = matches!(ask.command.action, Action::Bid(_) | Action::Accept { .. });
        let lane = if is_bid { &mut lanes.bids } else { &mut lanes.others };
        if lane.len() >= limits::QUEUED {
            return Err(Failure::Overloaded);
        }
        lane.push_back(Envelope { ask, entered: clock.now(), reply });
        drop(lanes);
        self.wake();
        Ok(waiting)
    }

    /// Takes up to `limit` commands, alternately from both lanes.
    pub(crate) fn take(&self, limit: usize, clock: &Clock, into: Vec<Envelope>) -> Taken {
        let mut envelopes = into;
        let mut lanes = self.lock();
        while envelopes.len() < limit {
            let before = envelopes.len();
            let Lanes { bids, others, .. } = &mut *lanes;
            envelopes.extend(others.pop_front());
            if envelopes.len() < limit {
                envelopes.extend(bids.pop_front());
            }
            if envelopes.len() == before {
                break;
            }
        }
        let left = [lanes.bids.front(), lanes.others.front()];
        let oldest = left.into_iter().flatten().map(|envelope| envelope.entered).min();
        Taken { envelopes, until: oldest.unwrap_or_else(|| clock.now()) }
    }

    /// Takes nothing more in.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake();
    }

    /// How many commands wait.
    pub(crate) fn len(&self) -> usize {
        let lanes = self.lock();
        lanes.bids.len() + lanes.others.len()
    }

    /// The thread to wake when something arrives.
    pub(crate) fn wake_with(&self, drive: Thread) {
        // A second drive loop never exists; the first one set stays.
        drop(self.drive.set(drive));
    }

    /// Wakes the drive loop.
    pub(crate) fn wake(&self) {
        if let Some(drive) = self.drive.get() {
            drive.unpark();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
