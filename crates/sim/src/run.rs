//! Running seeds: each one whole, judged; many of them side by side; the first of each batch twice,
//! for chance must be the seed's and nobody else's. Prints nothing.

use crate::checks::{Check, Stats, Violation, check};
use crate::world::params::Params;
use crate::world::plan::{Step, draw};
use crate::world::{Ran, World};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many seeds are a batch: the first of each is run twice.
const BATCH: u64 = 100;

/// How a seed went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What was drawn from it.
    pub params: Params,
    /// A digest of all that happened.
    pub trace: u64,
    /// What was checked.
    pub stats: Stats,
    /// Things that clients did.
    pub ops: u64,
    /// Situations that came about.
    pub reached: BTreeMap<&'static str, u64>,
    /// What is wrong.
    pub violations: Vec<Violation>,
}

/// Runs a seed.
#[must_use]
pub fn seed(seed: u64, ops: Option<usize>) -> Outcome {
    let params = Params::draw(seed, ops);
    let steps = draw(&params);
    one(&params, steps)
}

/// Runs a schedule; a panic is something wrong like anything else.
#[must_use]
pub fn one(params: &Params, steps: Vec<Step>) -> Outcome {
    let run = AssertUnwindSafe(|| judge(params, World::new(params, steps, false).run()));
    catch_unwind(run).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("");
        let prose = format!("panicked: {said}");
        let violations = vec![Violation::new(Check::C10, None, Vec::new(), prose)];
        let (trace, ops, reached) = (0, 0, BTreeMap::new());
        let (seed, params, stats) = (params.seed, params.clone(), Stats::default());
        Outcome { seed, params, trace, stats, ops, reached, violations }
    })
}

/// Judges a run.
#[must_use]
pub fn judge(params: &Params, ran: Ran) -> Outcome {
    let (stats, mut violations) = match check(&ran.input) {
        Ok(stats) => (stats, Vec::new()),
        Err(violations) => (Stats::default(), violations),
    };
    if let Some(why) = ran.stuck {
        violations.push(Violation::new(Check::C10, None, Vec::new(), why));
    }
    let Ran { trace, reached, ops, .. } = ran;
    Outcome { seed: params.seed, params: params.clone(), trace, stats, ops, reached, violations }
}

/// How many seeds went.
#[derive(Debug, Default)]
pub struct Report {
    /// Seeds that were run.
    pub seeds: u64,
    /// Things that clients did.
    pub ops: u64,
    /// Events that came of it.
    pub events: u64,
    /// Situations that came about: how often, and in how many seeds.
    pub reached: BTreeMap<&'static str, (u64, u64)>,
    /// Those that went wrong, the lowest seed first.
    pub bad: Vec<Outcome>,
}

/// Runs these seeds on so many threads, until `enough` of them have gone wrong.
#[must_use]
pub fn many(seeds: &[u64], jobs: usize, ops: Option<usize>, enough: usize) -> Report {
    let next = AtomicU64::new(0);
    let report = Mutex::new(Report::default());
    let work = || loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(number) = usize::try_from(index).ok().and_then(|index| seeds.get(index)) else {
            return;
        };
        let mut outcome = seed(*number, ops);
        if index.is_multiple_of(BATCH) && seed(*number, ops).trace != outcome.trace {
            let prose = "the same seed has run otherwise the second time";
            outcome.violations.push(Violation::new(Check::C10, None, Vec::new(), prose));
        }
        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
        report.add(outcome);
        if report.bad.len() >= enough {
            return;
        }
    };
    std::thread::scope(|scope| {
        (1..jobs.max(1)).for_each(|_| drop(scope.spawn(work)));
        work();
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.bad.sort_by_key(|outcome| outcome.seed);
    report
}

impl Report {
    fn add(&mut self, outcome: Outcome) {
        self.seeds += 1;
        self.ops += outcome.ops;
        self.events += outcome.stats.events;
        for (what, times) in &outcome.reached {
            let reached = self.reached.entry(what).or_default();
            *reached = (reached.0 + times, reached.1 + 1);
        }
        if !outcome.violations.is_empty() {
            self.bad.push(outcome);
        }
    }

    /// The situations that must come about, the rarest first: how often, and in how many seeds.
    #[must_use]
    pub fn situations(&self) -> Vec<(&'static str, (u64, u64))> {
        let reached = |what| self.reached.get(what).copied().unwrap_or_default();
        let mut all: Vec<_> =
            crate::sometimes::ALL.iter().map(|what| (*what, reached(what))).collect();
        all.sort_by_key(|(_, (_, seeds))| *seeds);
        all
    }

    /// Situations that every large enough set of seeds must have come into, and this one has not.
    #[must_use]
    pub fn missed(&self) -> Vec<&'static str> {
        let there = |what: &&&str| !self.reached.contains_key(**what);
        crate::sometimes::ALL.iter().filter(there).copied().collect()
    }
}

/// Makes a failing schedule small: leaves steps out as long as the same check still objects.
#[must_use]
pub fn shrink(params: &Params, steps: Vec<Step>, most: usize) -> (Vec<Step>, Outcome) {
    let mut least = (steps.clone(), one(params, steps));
    let Some(wanted) = least.1.violations.first().map(|violation| violation.check) else {
        return least;
    };
    let mut tries = 0;
    let mut size = least.0.len() / 2;
    while size > 0 && tries < most {
        let mut from = 0;
        while from < least.0.len() && tries < most {
            let mut fewer = least.0.clone();
            fewer.drain(from..(from + size).min(fewer.len()));
            tries += 1;
            let outcome = one(params, fewer.clone());
            if outcome.violations.iter().any(|violation| violation.check == wanted) {
                least = (fewer, outcome);
            } else {
                from += size;
            }
        }
        size /= 2;
    }
    least
}
