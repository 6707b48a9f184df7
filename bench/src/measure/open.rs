//! B6: how late answers come when bids arrive by chance, at 70 % of what the house can take. Late
//! is counted from the moment at which a bid was meant to be sent.

use super::{Bench, Shared, phase, said};
use crate::figures::Aim;
use crate::load::open::{WELL, millis};
use std::io;

const PART: f64 = 0.7;

pub(super) fn latency(bench: &mut Bench<'_>, shared: &mut Shared) -> io::Result<()> {
    let peak = bench.peak(shared)?;
    let Shared { house, spread, round, .. } = shared;
    let plan = bench.plan;
    let phases = [phase(peak, PART, plan.warm_up), phase(peak, PART, plan.measured)];
    let served = house.open_load(64, &phases, *round as u64).run(spread.bids.with(64, ""))?;
    bench.check(house, spread)?;
    said(&mut spread.bids)?;
    let measured = plan.warm_up..plan.warm_up + plan.measured;
    if served.gone(&measured) > 0 {
        return Err(io::Error::other("there was no connection for a bid, for seconds"));
    }
    let late = served.late(&measured, WELL)?;
    eprintln!(
        "  open loop at {:.0} bids/s: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, generator {:.0} \
         % of a core",
        peak * PART,
        millis(&late, 0.5),
        millis(&late, 0.99),
        millis(&late, 0.999),
        served.own_share * 100.0,
    );
    let aim = |goal, floor| Aim::AtMost { goal, floor };
    bench.push("B6 open loop at 70 %: p99", "ms", aim(10.0, 25.0), millis(&late, 0.99));
    bench.push("B6 open loop at 70 %: p99.9", "ms", aim(25.0, 60.0), millis(&late, 0.999));
    bench.tell("open loop at 70 %: p50", "ms", millis(&late, 0.5));
    bench.tell("open loop at 70 %: offered", "1/s", peak * PART);
    Ok(())
}
