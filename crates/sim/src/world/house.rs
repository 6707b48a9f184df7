//! The house in its world: how it is started, how its threads take their turns, how it dies. All of
//! it is the engine's own code, pumped by hand.

use super::params::{MILLI, SECOND};
use super::plan::Crash;
use super::{Act, HOUSE, World, beside, log_key, signer};
use crate::chance::Chance;
use crate::history::{Mark, Nanos};
use gavel_auction::auction::Phase;
use gavel_auction::ids::AuctionId;
use gavel_auction::time::Time;
use gavel_engine::by_hand::{ByHand, Stage};
use gavel_engine::{Clock, Parts};
use std::sync::Arc;

/// How often the drive loop looks at time though nothing is due.
const LONGEST_SLEEP: Nanos = 500 * MILLI;
/// How often it looks at time while a commit is under way.
const LONGEST_COMMIT: Nanos = 50 * MILLI;
/// How often the alive mark is made, in microseconds.
const MARK_EVERY: i64 = 5_000_000;
/// What is longer is an outage, in microseconds.
const OUTAGE: i64 = 60_000_000;

impl World {
    /// The parts of a house on this world's disk.
    pub(super) fn parts(&self, settled: usize, snapshots: bool) -> Parts {
        Parts {
            house: HOUSE,
            log_key: log_key(),
            signer: signer(),
            partitions: self.params.partitions,
            log: Box::new(self.disk.clone()),
            reader: Arc::new(self.disk.clone()),
            lists: Arc::clone(&self.rows) as Arc<_>,
            people: Arc::new(beside::Nobody),
            snapshots: snapshots.then(|| Arc::new(self.shelf.clone()) as Arc<_>),
            settled_in_memory: settled,
            last_alive: self.alive_mark,
        }
    }

    /// The house is started, if the disk lets it.
    pub(super) fn start(&mut self) {
        if self.house.is_some() {
            return;
        }
        let parts = self.parts(self.params.settled, true);
        let clock = Clock::given(Arc::clone(&self.clock));
        let begun = ByHand::begin(parts, clock, self.params.feed_bytes);
        let house = match begun {
            Ok(house) => house,
            Err(error) => {
                self.reach("a start that is refused");
                self.tell(|| format!("the house does not open: {error}"));
                return self.after(200 * MILLI, Act::Start);
            }
        };
        self.life += 1;
        self.writing = false;
        let now = house.engine.now();
        let recovery = house.recovery.clone();
        self.tell(|| format!("the house is open: {recovery:?}"));
        self.note_outage(now);
        if recovery.snapshots > 0 {
            self.reach("a start from snapshots");
        }
        self.alive_mark = Some(house.engine.last_alive());
        self.house = Some(house);
        self.note_quarantine();
        self.turn_at = Nanos::MAX;
        self.call_turn(1000);
        let keep = self.params.keep;
        self.after(keep / 2, Act::Background(self.life));
        for watcher in 0..self.watchers.len() {
            self.after(1000, Act::Join(watcher));
        }
        for guest in 0..self.guests.len() {
            let delay = self.chance.between(1000, 20 * MILLI);
            self.after(delay, Act::Seat(guest));
        }
    }

    /// After a turn of the loop. If it has come to know that a batch failed, that may be an outage
    /// by now, though the house is open; then one that it began with goes on.
    fn turned(&mut self, before: Stage) {
        let Some(house) = &self.house else { return };
        let (stage, now, alive) = (house.stage(), house.engine.now(), house.engine.last_alive());
        if before == Stage::Ended && !self.disk.has_failed() {
            (self.dark, self.away) = (None, None);
        } else if before == Stage::Ended {
            let reopened = std::mem::take(&mut self.reopened);
            let since = *self.dark.get_or_insert(self.handed);
            self.dark = self.dark.filter(|_| !reopened);
            if now.since(since) > OUTAGE {
                let begun = [Some(since), self.away].into_iter().flatten();
                self.input.marks.extend(begun.map(|from| Mark::Outage {
                    from,
                    to: now,
                    lapsed: false,
                }));
                // It goes on until something can be written.
                self.away = self.away.or(Some(since));
                self.reach("nothing can be written for more than a minute");
            }
        }
        let handed = matches!(stage, Stage::Handed(_));
        if handed && !matches!(before, Stage::Handed(_)) {
            self.handed = now;
        }
        // What it says to the next start: an outage that gives nothing back is soon forgotten.
        self.away = self.away.filter(|from| *from == alive);
    }

    /// Whether the outage rule has business here, as the house must see it.
    fn note_outage(&mut self, now: Time) {
        if self.away.take().is_some() {
            for mark in &mut self.input.marks {
                match mark {
                    Mark::Outage { to, lapsed, .. } => *lapsed |= *to > now,
                    Mark::Fault { .. }
                    | Mark::Heal { .. }
                    | Mark::Warp { .. }
                    | Mark::Planted { .. } => {}
                }
            }
        }
        let Some(from) = self.alive_mark else { return };
        if now.since(from) > OUTAGE {
            self.away = Some(from);
            self.input.marks.push(Mark::Outage { from, to: now, lapsed: false });
            self.reach("an outage of more than a minute");
        } else if self.life > 1 {
            self.reach("a restart within a minute");
        }
    }

    /// Sees to it that the loop turns after so long, or earlier.
    pub(super) fn call_turn(&mut self, delay: Nanos) {
        let at = self.now + delay;
        if self.house.is_some() && at < self.turn_at {
            self.turn += 1;
            self.turn_at = at;
            self.at(at, Act::Turn(self.turn));
        }
    }

    pub(super) fn turn(&mut self) {
        self.turn_at = Nanos::MAX;
        let Some(house) = &mut self.house else { return };
        let before = house.stage();
        let ends = matches!(before, Stage::Handed(_)).then(|| ends_of(house));
        let did = house.turn();
        let moved = ends.is_some_and(|before| moved(&before, &ends_of(house)));
        let (stage, due, parked) = (house.stage(), house.next_deadline(), house.parked());
        let alive = house.engine.last_alive();
        self.turned(before);
        if moved {
            self.reach("an end moves while a commit is under way");
        }
        if self.alive_mark.is_none_or(|mark| alive.since(mark) >= MARK_EVERY || alive < mark) {
            self.tell(|| format!("the alive mark is {alive:?}"));
            self.alive_mark = Some(alive);
        }
        if let Stage::Handed(records) = stage
            && !self.writing
        {
            self.writing = true;
            self.hand_over(records);
        }
        if did {
            self.collect();
            let delay = self.chance.between(1_000, 300_000);
            self.after(delay, Act::Carry(self.life));
        }
        if parked > 0 {
            self.reach("a command waits for an auction that has left memory");
            let delay = self.chance.between(10_000, 5 * MILLI);
            self.after(delay, Act::Load(self.life));
        }
        let busy = stage != Stage::Idle;
        let sleep = match (did, busy, due) {
            (true, ..) => self.chance.between(1_000, 60_000),
            (false, true, _) => LONGEST_COMMIT,
            (false, false, Some(due)) => {
                let until = self.until(due).max(50_000);
                if self.healed { until } else { until.min(LONGEST_SLEEP) }
            }
            (false, false, None) if self.healed => return,
            (false, false, None) => LONGEST_SLEEP,
        };
        self.call_turn(sleep);
    }

    /// The disk gets a batch.
    fn hand_over(&mut self, records: usize) {
        let slow = self.slow.take();
        if slow.is_some() {
            self.reach("a slow commit");
        }
        if records > 1 {
            self.reach("a batch of several events");
        }
        let most = self.params.commit;
        let delay = slow.unwrap_or_else(|| self.chance.between(most / 5, most));
        self.after(delay, Act::Write(self.life));
    }

    pub(super) fn write(&mut self) {
        let Some(house) = &mut self.house else { return };
        let written = self.disk.counts();
        house.write();
        self.writing = false;
        let stage = house.stage();
        if self.disk.has_raced(&written) {
            self.reach("a bid and the close in one batch");
        }
        match stage {
            Stage::Unsettled => {
                self.reach("a commit whose outcome is unknown");
                self.tell(|| "the commit's outcome is unknown".to_owned());
                let delay = self.chance.between(MILLI, 50 * MILLI);
                self.after(delay, Act::Settle(self.life));
            }
            // The loop rests before it tries once more to write what time has made due.
            Stage::Ended if self.disk.has_failed() => self.call_turn(LONGEST_COMMIT),
            Stage::Idle | Stage::Handed(_) | Stage::Ended => self.call_turn(1_000),
        }
        self.meet_doom();
    }

    /// It dies now, if it was to die once a commit had ended.
    fn meet_doom(&mut self) {
        let ended = self.house.as_ref().is_some_and(|house| house.stage() == Stage::Ended);
        if ended && let Some((crash, mut chance)) = self.doomed.take() {
            self.crash(crash, &mut chance);
        }
    }

    pub(super) fn settle(&mut self) {
        let Some(house) = &mut self.house else { return };
        if house.settle() {
            self.reopened = true;
            self.reach("a barrier settles a commit");
            self.call_turn(1_000);
            self.meet_doom();
        } else {
            self.reach("a store that does not open at once");
            self.after(200 * MILLI, Act::Settle(self.life));
        }
    }

    pub(super) fn carry(&mut self) {
        let Some(house) = &self.house else { return };
        house.carry();
        for watcher in 0..self.watchers.len() {
            self.wake_watcher(watcher);
        }
        self.wake_halls();
    }

    pub(super) fn load(&mut self) {
        let Some(house) = &self.house else { return };
        if house.load() > 0 {
            self.reach("an auction comes back for a command");
        }
        self.call_turn(1_000);
    }

    pub(super) fn background(&mut self) {
        if !self.healed && self.chance.percent(2) {
            self.rows.spoil();
            self.reach("the lists are damaged");
        }
        let Some(house) = &mut self.house else { return };
        house.project();
        house.keep();
        if house.engine.cold() > 0 {
            self.reach("a settled auction leaves memory");
        }
        if self.chance.percent(30) {
            self.shelf.sync();
        }
        if !self.healed {
            let keep = self.params.keep;
            self.after(keep, Act::Background(self.life));
        }
    }

    /// The scrub's thread reads everything.
    pub(super) fn scrub(&mut self) {
        let Some(house) = &self.house else { return };
        house.scrub();
        self.reach("the scrub reads everything");
        self.note_quarantine();
        self.call_turn(1_000);
    }

    /// The house dies; whoever waits for an answer gets none.
    pub(super) fn crash(&mut self, crash: Crash, chance: &mut Chance) {
        let Some(mut house) = self.house.take() else { return };
        match house.stage() {
            Stage::Handed(_) => {
                self.reach("a crash while a commit is under way");
                if crash.written {
                    house.write();
                    self.reach("a crash between the disk and the answer");
                }
            }
            Stage::Unsettled => self.reach("a crash while an outcome is unknown"),
            Stage::Ended => self.reach("a crash before the loop knows of the commit"),
            Stage::Idle => {}
        }
        drop(house);
        if crash.power {
            self.reach("the power is cut");
            self.shelf.cut(chance);
        }
        self.disk.wake(crash.lurking);
        self.gone();
        self.mark_fault(format!("{crash:?}"));
        self.after(crash.down, Act::Start);
    }

    /// The house stops in good order: it takes nothing more in, and answers everybody.
    pub(super) fn stop(&mut self, down: Nanos) {
        if let Some(house) = &self.house {
            house.close();
            self.mark_fault("a stop in good order".to_owned());
            let delay = self.chance.between(MILLI, 20 * MILLI);
            self.after(delay, Act::Halt(self.life, down));
        }
    }

    /// Everybody has had time to hear it: the house is gone.
    pub(super) fn halt(&mut self, down: Nanos) {
        for _ in 0..64 {
            let Some(house) = &mut self.house else { return };
            let before = house.stage();
            house.turn();
            self.turned(before);
            let Some(house) = &mut self.house else { return };
            house.write();
            house.settle();
            house.load();
        }
        self.collect();
        if let Some(house) = &mut self.house {
            house.carry();
            self.alive_mark = Some(house.engine.last_alive());
        }
        self.carry();
        self.house = None;
        self.disk.wake(false);
        self.gone();
        self.reach("a stop in good order");
        self.after(down.max(SECOND / 10), Act::Start);
    }

    /// What ends with a life of the house.
    fn gone(&mut self) {
        self.life += 1;
        self.turn += 1;
        self.turn_at = Nanos::MAX;
        self.writing = false;
        (self.dark, self.reopened) = (None, false);
        self.slow = None;
        self.doomed = None;
        self.cut_off_clients();
        self.cut_off_watchers();
        self.close_halls();
    }
}

/// The ends of open auctions as the shards have them.
fn ends_of(house: &ByHand) -> Vec<(AuctionId, Time)> {
    let open = house.auctions().filter(|auction| auction.phase() == Some(&Phase::Open));
    open.filter_map(|auction| Some((auction.id(), auction.effective_end()?))).collect()
}

/// Whether an auction that was open ends later than before.
fn moved(before: &[(AuctionId, Time)], after: &[(AuctionId, Time)]) -> bool {
    let later = |(id, end): &(AuctionId, Time)| {
        before.iter().any(|(other, before)| other == id && before < end)
    };
    after.iter().any(later)
}
