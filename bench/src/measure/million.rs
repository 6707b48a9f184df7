//! B11: a million open auctions in one house: how long it takes to create them, what they take in
//! memory, how fast a random one is looked at. The second half of B10: what a bid costs there,
//! against a house with few.

use super::reads::{Looking, shows};
use super::{Bench, Lots, said};
use crate::bids::Pattern;
use crate::clock::Moment;
use crate::figures::Aim;
use crate::house::{AS_LONG_AS_IT_TAKES, House};
use crate::load::open::{Phase, WELL, millis};
use crate::machine::resident_mib;
use std::io;
use std::time::Duration;

/// Bids on each auction that is bid on.
const EACH: usize = 10;
/// Looks a second.
const LOOKS: f64 = 1_000.0;
const MILLION: f64 = 1e6;

pub(super) fn resident(bench: &mut Bench<'_>) -> io::Result<()> {
    (0..bench.plan.long_rounds).try_for_each(|round| one(bench, round as u64))
}

fn one(bench: &mut Bench<'_>, round: u64) -> io::Result<()> {
    let plan = bench.plan;
    let cost_of_few = bench.few()?;
    let mut house = House::open(&bench.fresh("million")?)?;
    let empty = resident_mib(house.server.pid())?;
    let begin = Moment::now();
    let all = house.auctions("english", plan.resident)?;
    let creating = begin.elapsed().as_secs_f64();
    let after = house.server.settle(plan.settling)?.as_secs_f64();
    let memory = resident_mib(house.server.pid())?;
    eprintln!(
        "  {} auctions created in {creating:.1} s; lists and snapshots took {after:.0} s more; \
         {:.2} GiB",
        all.len(),
        memory / 1024.0,
    );
    // As many as before, from all over the house.
    let some = all.iter().copied().step_by((all.len() / plan.spread).max(1)).take(plan.spread);
    let cost = bench.cost(&mut house, &some.collect::<Vec<_>>(), "bids among many auctions")?;
    let looks = bench.looks(&house, &all, round)?;
    let count = all.len();
    let at_most = |goal, floor| Aim::AtMost { goal, floor };
    let name = format!("B10 cost of a bid among {count} auctions, over 10,000");
    bench.push(&name, "x", at_most(1.3, 1.5), cost / cost_of_few);
    // Where there are fewer, the rest is taken to be like them.
    let million = MILLION / count as f64;
    let name = format!("B11 memory of a million open, from {count}");
    let memory_of_all = (empty + (memory - empty) * million) / 1024.0;
    bench.push(&name, "GiB", at_most(1.0, 2.0), memory_of_all);
    let name = format!("B11 to create a million, from {count}");
    bench.push(&name, "s", Aim::AtMostGoal(60.0), creating * million);
    let name = format!("B11 1,000 GET/s among {count}: p99");
    bench.push(&name, "ms", Aim::AtMostGoal(5.0), looks);
    bench.tell("many auctions: memory", "MiB", memory);
    bench.tell("many auctions: created in", "s", creating);
    bench.tell("many auctions: lists and snapshots after", "s", after);
    Ok(())
}

impl Bench<'_> {
    /// What a bid costs in a house with few auctions.
    fn few(&mut self) -> io::Result<f64> {
        let mut house = House::open(&self.fresh("few")?)?;
        let few = house.auctions("english", self.plan.spread)?;
        house.server.settle(self.plan.settling)?;
        self.cost(&mut house, &few, "bids among few auctions")
    }

    /// Processor time of the server per bid, on fresh auctions.
    fn cost(&mut self, house: &mut House, ids: &[i64], name: &str) -> io::Result<f64> {
        let mut lots = Lots::of(house, ids.to_vec(), Pattern::Spread);
        let load = house.load(64, 1, Duration::ZERO, AS_LONG_AS_IT_TAKES);
        let run = load.run(lots.bids.with(64, "").at_most(ids.len() * EACH))?;
        said(&mut lots.bids)?;
        self.check(house, &mut lots)?;
        self.keep(name, &run, run.rate(201));
        Ok(run.cpu_micros())
    }

    /// p99 of looking at auctions by chance, in milliseconds.
    fn looks(&mut self, house: &House, ids: &[i64], seed: u64) -> io::Result<f64> {
        let (warm_up, measured) = (self.plan.warm_up, self.plan.measured);
        let looks = Phase { per_second: LOOKS, lasts: warm_up + measured };
        let mut looking = Looking::at(ids, seed, |id, reply| shows(reply, id, None));
        let served = house.open_load(64, &[looks], seed).run(&mut looking)?;
        looking.said()?;
        let late = served.late(&(warm_up..warm_up + measured), WELL)?;
        let (p50, p99) = (millis(&late, 0.5), millis(&late, 0.99));
        eprintln!("  {LOOKS} looks a second: p50 {p50:.2} ms, p99 {p99:.2} ms");
        Ok(p99)
    }
}
