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

pub(super) fn resident(bench: &mut Bench<'_>) -> io::Result<()> {
    (0..bench.plan.long_rounds).try_for_each(|round| one(bench, round as u64))
}

fn one(bench: &mut Bench<'_>, round: u64) -> io::Result<()> {
    let plan = bench.plan;
    let count = plan.resident;
    let mut house = House::open(&bench.fresh("million")?)?;
    let begin = Moment::now();
    let few = house.auctions("english", plan.spread)?;
    let mut creating = begin.elapsed();
    house.server.settle(plan.settling)?;
    let cost_of_few = bench.cost(&mut house, &few, "bids among few auctions")?;
    let begin = Moment::now();
    let many = house.auctions("english", count - plan.spread)?;
    creating += begin.elapsed();
    let after = house.server.settle(plan.settling)?;
    let memory = resident_mib(house.server.pid())? / 1024.0;
    eprintln!(
        "  {count} auctions created in {:.1} s; lists and snapshots took {:.0} s more; {memory:.2} \
         GiB",
        creating.as_secs_f64(),
        after.as_secs_f64(),
    );
    // As many as before, from all over the house.
    let some: Vec<i64> =
        many.iter().copied().step_by((many.len() / plan.spread).max(1)).take(few.len()).collect();
    let cost = bench.cost(&mut house, &some, "bids among many auctions")?;
    let looks = bench.looks(&house, &few.into_iter().chain(many).collect::<Vec<_>>(), round)?;
    let at_most = |goal, floor| Aim::AtMost { goal, floor };
    let name = |what| format!("{what}, {count} auctions");
    bench.push(&name("B10 cost of a bid over 10,000"), "x", at_most(1.3, 1.5), cost / cost_of_few);
    bench.push(&name("B11 memory"), "GiB", at_most(1.0, 2.0), memory);
    let seconds = creating.as_secs_f64();
    bench.push(&name("B11 to create them"), "s", Aim::AtMostGoal(60.0), seconds);
    bench.push(&name("B11 1,000 GET/s: p99"), "ms", Aim::AtMostGoal(5.0), looks);
    bench.tell("lists and snapshots of them all, after", "s", after.as_secs_f64());
    Ok(())
}

impl Bench<'_> {
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
