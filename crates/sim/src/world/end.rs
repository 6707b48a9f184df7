//! The end of a run: nothing fails any more, everything must come to rest in time, and what is left
//! is gathered for the checker: the log, the states, what subscribers have by then.

use super::params::{MILLI, SECOND};
use super::{Act, World};
use crate::history::wish::{Asked, Wish};
use crate::history::{Logged, LoggedEvent, Mark, States, digest};
use crate::workload;
use gavel_auction::auction::{Auction, Phase};
use gavel_auction::event::Reason;
use gavel_auction::ids::AuctionId;
use gavel_auction::terms::Certify;
use gavel_engine::Clock;
use gavel_engine::by_hand::{ByHand, Stage};
use gavel_engine::log::Entry;
use std::cmp::Reverse;
use std::sync::Arc;

/// How much virtual time everything may take to come to rest.
const PATIENCE: u64 = 40_000 * SECOND;
/// How many things may happen meanwhile.
const MOST: usize = 200_000;

impl World {
    /// From here on nothing fails.
    pub(super) fn heal(&mut self) {
        self.drift_into_skew();
        self.healed = true;
        self.disk.heal();
        self.shelf.fail(0);
        self.slow = None;
        self.doomed = None;
        self.paused_until = 0;
        self.tell(|| "HEAL".to_owned());
        if self.house.is_none() {
            self.start();
        }
        self.call_turn(MILLI);
        // What was slow before may still be under way.
        let rest = self.now + 6 * SECOND;
        self.go_on_until(rest);
        self.input.marks.push(Mark::Heal { at_ns: self.now });
    }

    fn drift_into_skew(&mut self) {
        let run = self.wall(self.now);
        self.drift = 0;
        self.drift_since = self.now;
        self.skew += run - self.wall(self.now);
    }

    /// Everything comes to rest: what is on hold goes on, what ends is certified.
    pub(super) fn wind_down(&mut self) {
        for round in 0..6 {
            self.run_to_rest();
            if self.stuck.is_some() || !self.nudge(round) {
                return;
            }
        }
    }

    /// Lets things happen until nothing does, or nothing but ends that are far away.
    fn run_to_rest(&mut self) {
        let latest = self.now + PATIENCE;
        for _ in 0..MOST {
            match self.queue.peek() {
                None => return,
                Some(Reverse((at, ..))) if *at > latest => {
                    if !self.only_far_ends() {
                        self.stuck = Some("still not at rest".to_owned());
                    }
                    return;
                }
                Some(_) => self.step(),
            };
        }
        self.stuck = Some("things go on happening for ever".to_owned());
    }

    /// Whether all that is left is that the loop wakes once something is due.
    fn only_far_ends(&self) -> bool {
        let turns = self.queue.iter().all(|Reverse((.., act))| matches!(act, Act::Turn(_)));
        turns
            && self.house.as_ref().is_some_and(|house| {
                let far = house.next_deadline().is_some_and(|due| due > self.time());
                far && house.stage() == Stage::Idle && house.parked() == 0
            })
    }

    /// What does not come to its end by itself is helped; whether anything was.
    fn nudge(&mut self, round: usize) -> bool {
        let mut helped = false;
        for number in 0..self.lots.len() {
            let id = self.lots[number].id;
            let Some(house) = &self.house else { return false };
            let Some(head) = house.engine.head(id) else { continue };
            let (by, wish) = match head.phase {
                Phase::OnHold { .. } => (workload::clerk(), Wish::Resume),
                Phase::Ended { .. }
                    if head.certified.is_none() && head.terms.certify == Certify::Manual =>
                {
                    (workload::admin(), Wish::Certify { head: self.chain(id, head.version) })
                }
                Phase::Draft | Phase::Scheduled | Phase::Open | Phase::Ended { .. } => continue,
            };
            let expected = Some(head.version);
            self.say(Asked { auction: id, actor: by, key: 0, expected, wish });
            helped = true;
        }
        if round == 0 {
            self.last_words();
            helped = true;
        }
        helped
    }

    fn say(&mut self, asked: Asked) {
        self.keys += 1;
        let key = self.keys;
        self.errand(Asked { key, ..asked }, key, 0);
    }

    /// One more command for each auction, to see that it is answered in time.
    fn last_words(&mut self) {
        for number in 0..self.lots.len() {
            let auction = self.lots[number].id;
            let actor = workload::clerk();
            let wish = Wish::Hold { reason: Reason::Other };
            let ended =
                |head: &gavel_auction::view::Head| matches!(head.phase, Phase::Ended { .. });
            let head = self.house.as_ref().and_then(|house| house.engine.head(auction));
            if head.is_some_and(|head| ended(&head)) {
                self.say(Asked { auction, actor, key: 0, expected: None, wish });
            }
        }
    }

    /// Gathers what is left.
    pub(super) fn finish(&mut self) {
        self.input.now = self.time();
        self.input.quiesced = self.stuck.is_none() && self.house.is_some();
        if self.damaged {
            self.scrub();
        }
        for number in 0..self.lots.len() {
            let id = self.lots[number].id;
            self.add_watcher(id, false);
        }
        for _ in 0..64 {
            if let Some(house) = &mut self.house {
                house.carry();
                house.load();
                house.turn();
            }
            (0..self.watchers.len()).for_each(|number| {
                self.join(number);
                self.poll(number);
            });
        }
        (0..self.watchers.len()).for_each(|number| self.rest_watcher(number));
        self.last_guests();
        self.input.log = self.disk.written().into_iter().map(logged).collect();
        self.check_lists();
        self.gather_states();
    }

    /// Lists say what the heads say, once they are brought up: what they have otherwise is told as
    /// a state of no version.
    fn check_lists(&mut self) {
        let Some(house) = &self.house else { return };
        house.project();
        let wrong = |id: AuctionId| {
            let head = house.engine.head(id)?;
            let state = if head.announced { head.phase.word() } else { "draft" };
            let bidders = house.engine.bidders(id);
            let listed = self.rows.row(id).is_some_and(|row| {
                (row.state, row.seller, row.ends_at) == (state, head.seller, head.effective_end())
                    && head.price.is_none_or(|price| price.minor() == row.price)
                    && row.bidders == bidders
            });
            (!listed).then_some((id, 0, 0))
        };
        let auctions: Vec<_> = self.lots.iter().filter_map(|lot| wrong(lot.id)).collect();
        if !auctions.is_empty() {
            let of = "what the lists show".to_owned();
            self.input.states.push(States { of, auctions });
        }
    }

    /// The states as the running house has them, as a restart from snapshots has them, and as one
    /// from nothing but the log.
    fn gather_states(&mut self) {
        if self.damaged {
            return;
        }
        let Some(house) = self.house.take() else { return };
        self.input.states.push(States { of: "the running house".to_owned(), auctions: of(&house) });
        drop(house);
        self.alive_mark = None;
        let restarted = |world: &mut Self, of_what: &str, snapshots: bool| {
            let parts = world.parts(usize::MAX, snapshots);
            let clock = Clock::given(Arc::clone(&world.clock));
            match ByHand::begin(parts, clock, world.params.feed_bytes) {
                Ok(house) => {
                    if house.recovery.snapshots > 0 {
                        world.reach("the last start is from snapshots");
                    }
                    let auctions = of(&house);
                    world.input.states.push(States { of: of_what.to_owned(), auctions });
                }
                Err(error) => world.stuck = Some(format!("{of_what}: {error}")),
            }
        };
        restarted(self, "a start from snapshots", true);
        restarted(self, "a start from the log", false);
    }
}

/// The states of a house's auctions in memory.
fn of(house: &ByHand) -> Vec<(AuctionId, u64, u64)> {
    let one = |auction: &Auction| {
        let state = serde_json::to_vec(auction).unwrap_or_default();
        (auction.id(), auction.version(), digest(&state))
    };
    let mut all: Vec<_> =
        house.auctions().filter(|auction| auction.version() > 0).map(one).collect();
    all.sort_unstable();
    all
}

fn logged(record: gavel_engine::log::Record) -> Logged {
    let event = match record.entry {
        Entry::Barrier => None,
        Entry::Event(event) => Some(LoggedEvent {
            auction: event.auction,
            version: event.version,
            previous: event.previous,
            hash: event.hash,
            public: event.public,
            sealed: event.sealed,
        }),
    };
    Logged { partition: record.partition, position: record.position, event }
}
