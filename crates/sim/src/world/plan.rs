//! The schedule of a run: everything that will be tried and everything that will go wrong, drawn
//! before it begins. Each step has chance of its own, so a schedule with steps left out is a
//! schedule too: that is how a failing one is made small.

use super::disk::Fate;
use super::params::{MILLI, Params, SECOND};
use crate::chance::{Chance, mix};
use crate::history::Nanos;
use serde::{Deserialize, Serialize};

/// One step of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Nanos,
    /// Where its chance comes from.
    pub seed: u64,
    /// What.
    pub what: What,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// A seller creates the auction of this number.
    Create(usize),
    /// Somebody asks something of some auction.
    Ask,
    /// Somebody reads some auction.
    Look,
    /// Somebody sends an earlier command again.
    Repeat,
    /// Somebody sends another command under an earlier key.
    Reuse,
    /// Somebody subscribes to some auction.
    Watch,
    /// A subscriber goes away and comes again.
    Drop,
    /// Somebody comes to watch some auction in the live room.
    Attend,
    /// A guest of the live room hangs up and comes again.
    HangUp,
    /// Something is said to all guests of some auction.
    Chatter,
    /// The next commit takes long.
    Slow(Nanos),
    /// The next commit fails like this.
    Fail(Fate),
    /// The store does not open for a while.
    Stick(u32),
    /// Reads of the log fail for a while.
    Blind(u32),
    /// There is no room for so long.
    Full(Nanos),
    /// The house dies.
    Crash(Crash),
    /// The house stops in good order, and is away for so long.
    Stop(Nanos),
    /// The house stands still.
    Pause(Nanos),
    /// Its clock jumps by so many microseconds.
    Jump(i64),
    /// Puts of snapshots fail for a while.
    KeepFails(u32),
    /// Snapshots are changed behind its back.
    Spoil,
    /// A stored event is damaged behind its back.
    Damage,
    /// The scrub reads everything.
    Scrub,
}

/// How a house dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// Whether the power goes, not only the process.
    pub power: bool,
    /// Whether it dies only when the next commit has ended, before the loop knows of that.
    pub ended: bool,
    /// Whether the batch under way is written all the same.
    pub written: bool,
    /// Whether a failed write comes to light.
    pub lurking: bool,
    /// How long it is away.
    pub down: Nanos,
}

impl What {
    /// Whether this is something going wrong, not something that people do.
    #[must_use]
    pub const fn is_fault(&self) -> bool {
        !matches!(
            self,
            Self::Create(_)
                | Self::Ask
                | Self::Look
                | Self::Repeat
                | Self::Reuse
                | Self::Watch
                | Self::Drop
                | Self::Attend
                | Self::HangUp
                | Self::Chatter
        )
    }
}

/// Draws the schedule of a run.
#[must_use]
pub fn draw(params: &Params) -> Vec<Step> {
    let mut chance = Chance::new(params.seed, 2);
    let mut steps = Vec::with_capacity(params.ops + 64);
    let mut add = |at: Nanos, what: What| {
        let seed = mix(params.seed, 1000 + steps.len() as u64);
        steps.push(Step { at, seed, what });
    };
    for number in 0..params.auctions {
        let early = chance.percent(70);
        let latest = if early { params.horizon / 50 } else { params.horizon / 2 };
        add(chance.between(0, latest), What::Create(number));
    }
    let hot: Vec<Nanos> = (0..4).map(|_| chance.between(0, params.horizon)).collect();
    for _ in 0..params.ops {
        let at = if chance.percent(params.bursts) {
            chance.pick(&hot) + chance.between(0, 40 * MILLI)
        } else {
            chance.between(params.horizon / 100, params.horizon)
        };
        let what = if chance.percent(params.reads) {
            What::Look
        } else if chance.percent(params.repeats) {
            if chance.percent(70) { What::Repeat } else { What::Reuse }
        } else {
            What::Ask
        };
        add(at, what);
    }
    for _ in 0..params.watchers {
        add(chance.between(0, params.horizon), What::Watch);
        if chance.percent(60) {
            add(chance.between(0, params.horizon), What::Drop);
        }
    }
    guests(params, &hot, &mut add);
    faults(params, &mut chance, &hot, &mut add);
    steps.retain(|step| step.at < params.horizon);
    steps.sort_by_key(|step| step.at);
    steps
}

/// Who comes to the live room, and when somebody is loud there.
fn guests(params: &Params, hot: &[Nanos], add: &mut impl FnMut(Nanos, What)) {
    let mut chance = Chance::new(params.seed, 4);
    for _ in 0..params.guests {
        add(chance.between(0, params.horizon), What::Attend);
        for _ in 0..chance.index(3) {
            add(chance.between(0, params.horizon), What::HangUp);
        }
    }
    for _ in 0..params.chatter {
        add(chance.pick(hot) + chance.between(0, 60 * MILLI), What::Chatter);
    }
}

fn faults(params: &Params, chance: &mut Chance, hot: &[Nanos], add: &mut impl FnMut(Nanos, What)) {
    let when = |chance: &mut Chance| {
        if chance.percent(params.bursts) {
            chance.pick(hot) + chance.between(0, 60 * MILLI)
        } else {
            chance.between(0, params.horizon)
        }
    };
    for _ in 0..params.slow {
        let longest = chance.pick(&[50 * MILLI, 500 * MILLI, 4 * SECOND]);
        add(when(chance), What::Slow(chance.between(MILLI, longest)));
    }
    for _ in 0..params.failing {
        let at = when(chance);
        failing(params, chance, at, add);
    }
    for _ in 0..params.blind {
        let at = when(chance);
        add(at, What::Blind(1 + chance.index(8) as u32));
        // Somebody has to read meanwhile.
        add(at + chance.between(0, 2 * MILLI), What::Watch);
        add(at + chance.between(0, 2 * MILLI), What::Attend);
    }
    for _ in 0..params.full {
        let long = chance.percent(params.long);
        let longest = if long { 200 * SECOND } else { 3 * SECOND };
        add(when(chance), What::Full(chance.between(MILLI, longest)));
    }
    (0..params.crashes).for_each(|_| crash(params, chance, &when, add));
    for _ in 0..params.pauses {
        add(when(chance), What::Pause(chance.between(MILLI, 10 * SECOND)));
    }
    for _ in 0..params.jumps {
        let far = chance.pick(&[50_000, 2_000_000, 90_000_000, 3_600_000_000]);
        add(when(chance), What::Jump(chance.within(-far, far)));
    }
    for _ in 0..params.spoiled {
        let what = if chance.percent(50) { What::Spoil } else { What::KeepFails(2) };
        add(when(chance), what);
    }
    if params.damage {
        let at = when(chance);
        add(at, What::Damage);
        add(at + chance.between(0, SECOND), What::Scrub);
    }
    if chance.percent(20) {
        add(when(chance), What::Scrub);
    }
}

/// A house that stops or dies at such a time, perhaps again soon after it is back.
fn crash(
    params: &Params,
    chance: &mut Chance,
    when: &impl Fn(&mut Chance) -> Nanos,
    add: &mut impl FnMut(Nanos, What),
) {
    let long = chance.percent(params.long);
    let down = if long {
        chance.between(61 * SECOND, 400 * SECOND)
    } else {
        chance.between(MILLI, 5 * SECOND)
    };
    let at = when(chance);
    if chance.percent(20) {
        add(at, What::Stop(down));
        return;
    }
    let power = chance.percent(params.power);
    let (written, lurking) = (chance.percent(40), chance.percent(50));
    // The moment between the disk and the loop is too short to be met by chance.
    let ended = chance.percent(30);
    add(at, What::Crash(Crash { power, ended, written, lurking, down }));
    if chance.percent(30) {
        let down_again = chance.between(1, SECOND);
        let again = Crash { power, ended: false, written: false, lurking, down: down_again };
        add(at + down + chance.between(0, 20 * MILLI), What::Crash(again));
    }
}

/// A commit that fails at this time, and what may come of that.
fn failing(params: &Params, chance: &mut Chance, at: Nanos, add: &mut impl FnMut(Nanos, What)) {
    let fate = chance.pick(&[
        Fate::Full,
        Fate::FailedButWritten,
        Fate::FailedAndLost,
        Fate::FailedAndLurking,
        Fate::FailedAndLate,
    ]);
    add(at, What::Fail(fate));
    if fate == Fate::FailedAndLate && params.crashes > 0 {
        let down = chance.between(MILLI, SECOND);
        let crash = Crash { power: true, ended: false, written: false, lurking: true, down };
        add(at + chance.between(MILLI, 3 * SECOND), What::Crash(crash));
    }
    if params.sticking && chance.percent(30) {
        add(at, What::Stick(1 + chance.index(3) as u32));
    }
    if params.sticking && chance.percent(20) {
        add(at, What::Blind(1 + chance.index(12) as u32));
    }
}
