//! The simulated world: one house, its disk, its clients and subscribers, the network between them,
//! on virtual time. A heap of what will happen next; nothing happens but what is taken from it. It
//! records what clients saw and judges nothing: that is the checker's.

pub mod beside;
mod clients;
pub mod disk;
mod end;
mod faults;
mod hall;
mod house;
pub mod kept;
pub mod params;
pub mod plan;
mod watchers;

use crate::chance::{Chance, mix};
use crate::history::{Input, Mark, Nanos};
use beside::Rows;
use clients::{Errand, Flight, Lot};
use disk::Disk;
use gavel_auction::event::HouseId;
use gavel_auction::time::Time;
use gavel_engine::by_hand::ByHand;
use gavel_proof::keys::{HouseKey, LogKey};
use hall::{Guest, Hall};
use kept::Shelf;
use params::Params;
use plan::{Crash, Step};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use watchers::Watcher;

/// The simulated house's name.
pub const HOUSE: HouseId = HouseId([3; 16]);

/// The house's time when a run begins, in microseconds.
const DAWN: i64 = 1_800_000_000_000_000;

/// The secret behind its commitments.
#[must_use]
pub fn log_key() -> LogKey {
    LogKey::from_bytes([5; 32])
}

/// What it signs with. Made once: that takes a while.
pub fn signer() -> Arc<HouseKey> {
    static KEY: OnceLock<Arc<HouseKey>> = OnceLock::new();
    Arc::clone(KEY.get_or_init(|| Arc::new(HouseKey::from_bytes(&[6; 32]))))
}

/// Something that will happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    /// A step of the schedule.
    Step(usize),
    /// A try of a client reaches the house.
    Arrive(usize, u32),
    /// A client has waited long enough.
    Impatient(usize, u32),
    /// An answer reaches its client.
    Answer(usize, u32),
    /// The drive loop turns; only the latest one that was called for.
    Turn(u64),
    /// The disk writes what this life of the house handed over.
    Write(u64),
    /// The store is opened again.
    Settle(u64),
    /// The feed's thread wakes.
    Carry(u64),
    /// The loader's thread wakes.
    Load(u64),
    /// The background's threads wake: snapshots, lists.
    Background(u64),
    /// A house that stops in good order is gone, for so long.
    Halt(u64, Nanos),
    /// The house is started again.
    Start,
    /// There is room again.
    Emptied,
    /// A subscriber reads on.
    Poll(usize),
    /// A subscriber comes, or comes again.
    Join(usize),
    /// A guest takes his seat in the live room.
    Seat(usize),
    /// He is let in.
    LetIn(u64, usize),
    /// A guest takes what waits for him.
    Take(usize),
    /// The one who follows an auction for the live room wakes.
    Follow(u64, usize),
}

/// What a run has left behind.
pub struct Ran {
    /// The history, to be checked.
    pub input: Input,
    /// A digest of all that happened, in order.
    pub trace: u64,
    /// Named situations that came about, and how often.
    pub reached: BTreeMap<&'static str, u64>,
    /// How many things clients did.
    pub ops: u64,
    /// What happened, in words, if that was asked for.
    pub story: Vec<String>,
    /// Why the run could not go on, if it could not.
    pub stuck: Option<String>,
}

/// The world.
pub struct World {
    params: Params,
    steps: Vec<Step>,
    chance: Chance,
    now: Nanos,
    queue: BinaryHeap<Reverse<(Nanos, u64, u64, Act)>>,
    queued: u64,
    trace: u64,
    story: Option<Vec<String>>,
    reached: BTreeMap<&'static str, u64>,
    input: Input,
    // The house's clock: what it reads, and how wrong it is.
    clock: Arc<AtomicI64>,
    skew: i64,
    drift: i64,
    drift_since: Nanos,
    // The house.
    house: Option<ByHand>,
    /// Counts its lives.
    life: u64,
    disk: Disk,
    shelf: Shelf,
    rows: Arc<Rows>,
    alive_mark: Option<Time>,
    paused_until: Nanos,
    turn: u64,
    turn_at: Nanos,
    slow: Option<Nanos>,
    /// How it dies once its commit has ended.
    doomed: Option<(Crash, Chance)>,
    writing: bool,
    /// When that was handed over.
    handed: Time,
    /// Since when nothing becomes durable.
    dark: Option<Time>,
    /// Whether the store was opened again since the last batch was handed over.
    reopened: bool,
    /// Since when the house was away before this life, until something becomes durable.
    away: Option<Time>,
    healed: bool,
    damaged: bool,
    stuck: Option<String>,
    // Everybody else.
    lots: Vec<Lot>,
    errands: Vec<Errand>,
    flights: Vec<Flight>,
    watchers: Vec<Watcher>,
    guests: Vec<Guest>,
    halls: BTreeMap<usize, Hall>,
    keys: u64,
    ops: u64,
}

impl World {
    /// A world in which nothing has happened yet.
    #[must_use]
    pub fn new(params: &Params, steps: Vec<Step>, tell: bool) -> Self {
        Self {
            chance: Chance::new(params.seed, 3),
            now: 0,
            queue: BinaryHeap::new(),
            queued: 0,
            trace: 0,
            story: tell.then(Vec::new),
            reached: BTreeMap::new(),
            input: Input { house: Some(HOUSE), ..Input::default() },
            clock: Arc::new(AtomicI64::new(DAWN)),
            skew: 0,
            drift: params.drift,
            drift_since: 0,
            house: None,
            life: 0,
            disk: Disk::new(params.partitions),
            shelf: Shelf::new(usize::from(params.partitions)),
            rows: Arc::default(),
            alive_mark: None,
            paused_until: 0,
            turn: 0,
            turn_at: Nanos::MAX,
            slow: None,
            doomed: None,
            writing: false,
            handed: Time(DAWN),
            dark: None,
            reopened: false,
            away: None,
            healed: false,
            damaged: false,
            stuck: None,
            lots: (0..params.auctions).map(Lot::new).collect(),
            errands: Vec::new(),
            flights: Vec::new(),
            watchers: Vec::new(),
            guests: Vec::new(),
            halls: BTreeMap::new(),
            keys: 0,
            ops: 0,
            params: params.clone(),
            steps,
        }
    }

    /// Runs the schedule, heals everything, waits until all is quiet, and hands over the history.
    #[must_use]
    pub fn run(mut self) -> Ran {
        self.start();
        for (index, at) in self.steps.iter().map(|step| step.at).enumerate().collect::<Vec<_>>() {
            self.at(at, Act::Step(index));
        }
        let horizon = self.params.horizon;
        self.go_on_until(horizon);
        self.heal();
        self.wind_down();
        self.finish();
        Ran {
            input: self.input,
            trace: self.trace,
            reached: self.reached,
            ops: self.ops,
            story: self.story.unwrap_or_default(),
            stuck: self.stuck,
        }
    }

    fn go_on_until(&mut self, horizon: Nanos) {
        while let Some(Reverse((at, ..))) = self.queue.peek() {
            if *at > horizon || self.stuck.is_some() {
                break;
            }
            self.step();
        }
        self.now = self.now.max(horizon);
        self.tick_clock();
    }

    /// The next thing happens.
    fn step(&mut self) -> bool {
        let Some(Reverse((at, tie, _, act))) = self.queue.pop() else { return false };
        self.now = self.now.max(at);
        if self.paused_until > self.now && act.needs_the_house() {
            let later = self.paused_until - self.now + tie % 1000;
            self.after(later, act);
            return true;
        }
        self.tick_clock();
        self.trace = mix(self.trace ^ self.now, act.number());
        match act {
            Act::Step(index) => self.scheduled(index),
            Act::Arrive(errand, attempt) => self.arrive(errand, attempt),
            Act::Impatient(errand, attempt) => self.impatient(errand, attempt),
            Act::Answer(errand, attempt) => self.answered(errand, attempt),
            Act::Turn(number) if number == self.turn => self.turn(),
            Act::Write(life) if life == self.life => self.write(),
            Act::Settle(life) if life == self.life => self.settle(),
            Act::Carry(life) if life == self.life => self.carry(),
            Act::Load(life) if life == self.life => self.load(),
            Act::Background(life) if life == self.life => self.background(),
            Act::Halt(life, down) if life == self.life => self.halt(down),
            Act::LetIn(life, guest) if life == self.life => self.let_in(guest),
            Act::Follow(life, lot) if life == self.life => self.follow(lot),
            Act::Turn(_)
            | Act::LetIn(..)
            | Act::Follow(..)
            | Act::Halt(..)
            | Act::Write(_)
            | Act::Settle(_)
            | Act::Carry(_)
            | Act::Load(_)
            | Act::Background(_) => {}
            Act::Start => self.start(),
            Act::Emptied => self.disk.fill(false),
            Act::Poll(watcher) => self.poll(watcher),
            Act::Join(watcher) => self.join(watcher),
            Act::Seat(guest) => self.take_seat(guest),
            Act::Take(guest) => self.take(guest),
        }
        true
    }

    fn at(&mut self, at: Nanos, act: Act) {
        self.queued += 1;
        let tie = self.chance.number();
        self.queue.push(Reverse((at.max(self.now), tie, self.queued, act)));
    }

    fn after(&mut self, delay: Nanos, act: Act) {
        self.at(self.now + delay, act);
    }

    /// What the house's clock shows at a moment, as it goes now.
    fn wall(&self, at: Nanos) -> i64 {
        let run = i64::try_from((at - self.drift_since.min(at)) / 1000).unwrap_or(i64::MAX / 4);
        let wrong = run / 1_000_000 * self.drift + run % 1_000_000 * self.drift / 1_000_000;
        DAWN + i64::try_from(at / 1000).unwrap_or(0) + self.skew + wrong
    }

    /// How long it is until the house's clock shows this, as it goes now.
    fn until(&self, time: Time) -> Nanos {
        let micros = time.0.saturating_sub(self.wall(self.now));
        let micros = u64::try_from(micros).unwrap_or(0);
        // A clock that is wrong by up to a twentieth: rather a little late than early.
        let wrong = if self.drift < 0 { micros / 19 + 1 } else { 0 };
        let exact = if self.drift > 0 { micros - micros / 21 } else { micros };
        exact.saturating_add(wrong).saturating_mul(1000)
    }

    fn tick_clock(&self) {
        self.clock.store(self.wall(self.now), Ordering::Relaxed);
    }

    fn time(&self) -> Time {
        Time(self.wall(self.now))
    }

    /// Something noteworthy has come about.
    fn reach(&mut self, what: &'static str) {
        *self.reached.entry(what).or_default() += 1;
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            let millis = self.now / 1_000_000;
            let micros = self.now / 1000 % 1000;
            let wall = self.clock.load(Ordering::Relaxed) - DAWN;
            let line = format!("{millis:>8}.{micros:03} ms  clock {wall:>12}  {}", what());
            story.push(line);
        }
    }

    fn mark_fault(&mut self, what: String) {
        self.trace = mix(self.trace, what.len() as u64);
        let at_ns = self.now;
        self.tell(|| format!("FAULT {what}"));
        self.input.marks.push(Mark::Fault { at_ns, what });
    }
}

impl Act {
    const fn needs_the_house(self) -> bool {
        match self {
            Self::Arrive(..)
            | Self::Turn(_)
            | Self::Write(_)
            | Self::Settle(_)
            | Self::Carry(_)
            | Self::Load(_)
            | Self::Background(_)
            | Self::Poll(_)
            | Self::Join(_)
            | Self::Seat(_)
            | Self::LetIn(..)
            | Self::Take(_)
            | Self::Follow(..) => true,
            Self::Step(_)
            | Self::Impatient(..)
            | Self::Answer(..)
            | Self::Halt(..)
            | Self::Start
            | Self::Emptied => false,
        }
    }

    const fn number(self) -> u64 {
        match self {
            Self::Step(index) => 1 + index as u64 * 16,
            Self::Arrive(errand, attempt) => 2 + errand as u64 * 16 + attempt as u64 * 65_536,
            Self::Impatient(errand, attempt) => 3 + errand as u64 * 16 + attempt as u64 * 65_536,
            Self::Answer(errand, attempt) => 4 + errand as u64 * 16 + attempt as u64 * 65_536,
            Self::Turn(number) => 5 + number * 16,
            Self::Write(life) => 6 + life * 16,
            Self::Settle(life) => 7 + life * 16,
            Self::Carry(life) => 8 + life * 16,
            Self::Load(life) => 9 + life * 16,
            Self::Background(life) => 10 + life * 16,
            Self::Halt(life, _) => 15 + life * 16,
            Self::Start => 11,
            Self::Emptied => 12,
            Self::Poll(watcher) => 13 + watcher as u64 * 16,
            Self::Join(watcher) => 14 + watcher as u64 * 16,
            Self::Seat(guest) => 16 + guest as u64 * 32,
            Self::LetIn(life, guest) => 17 + guest as u64 * 32 + life * 65_536,
            Self::Take(guest) => 18 + guest as u64 * 32,
            Self::Follow(life, lot) => 19 + lot as u64 * 32 + life * 65_536,
        }
    }
}
