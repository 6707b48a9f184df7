//! B16: three times of what the house can take is offered, from many connections: how much of it
//! is done, how soon the rest is turned away, and how soon everything is as before. The floor is
//! that nothing breaks: each accepted bid is in the log, and nothing was refused for another reason
//! than want of room. A request that finds none of the many connections free has not reached the
//! house: it is told apart, and answers count from when their requests were sent.

use super::{Bench, Shared, phase, said};
use crate::figures::Aim;
use crate::load::open::{AWAY, Served, WELL, millis};
use std::io;
use std::ops::Range;
use std::time::Duration;

/// Of the peak: what is offered before and after, and in between.
const CALM: f64 = 0.5;
const SURGE: f64 = 3.0;
/// Latencies are as before once they are no more than this times of what they were.
const AS_BEFORE: f64 = 2.0;
/// The steps in which that is looked at.
const STEP: Duration = Duration::from_millis(250);

pub(super) fn surge(bench: &mut Bench<'_>, shared: &mut Shared) -> io::Result<()> {
    if shared.round > bench.plan.long_rounds {
        return Ok(());
    }
    let peak = bench.peak(shared)?;
    let Shared { house, spread, round, .. } = shared;
    let (calm, surge) = (bench.plan.measured, bench.plan.surge);
    let after = surge / 2 + STEP;
    let (begin, end) = (calm, calm + surge);
    let phases = [phase(peak, CALM, calm), phase(peak, SURGE, surge), phase(peak, CALM, after)];
    let crowd = bench.plan.crowd;
    let served = house.open_load(crowd, &phases, *round as u64).run(spread.bids.with(crowd, ""))?;
    spread.bids.refused.retain(|said, _| said != "503 overloaded");
    said(&mut spread.bids)?;
    bench.check(house, spread)?;
    let surged = begin..end;
    let seconds = surge.as_secs_f64();
    let goodput = served.came(&surged, WELL) as f64 / seconds;
    let (away, took) = (served.took(&surged, AWAY)?, served.took(&surged, WELL)?);
    let gone = served.gone(&surged) as f64 / seconds;
    let again = recovered(&served, &(Duration::ZERO..calm), end, end + after)?;
    let (away_rate, away_p99) = (away.len() as f64 / seconds, millis(&away, 0.99));
    eprintln!(
        "  offered {:.0}/s: {goodput:.0}/s accepted, p99 {:.0} ms; {away_rate:.0}/s turned away, \
         p99 {away_p99:.0} ms; {gone:.0}/s without a connection; as before after {again:.1} s; \
         generator {:.0} %, server {:.0} % of a core",
        peak * SURGE,
        millis(&took, 0.99),
        served.own_share * 100.0,
        served.server_share * 100.0,
    );
    bench.push("B16 goodput at 3 x, over B1", "x", Aim::AtLeastGoal(0.8), goodput / peak);
    if !away.is_empty() {
        bench.push("B16 a refusal at 3 x: p99", "ms", Aim::AtMostGoal(50.0), away_p99);
    }
    bench.push("B16 normal p99 again after", "s", Aim::AtMostGoal(10.0), again);
    bench.tell("at 3 x: an accepted bid, p99", "ms", millis(&took, 0.99));
    bench.tell("at 3 x: turned away", "1/s", away_rate);
    bench.tell("at 3 x: found no connection for two seconds", "1/s", gone);
    Ok(())
}

/// Seconds after the surge from which on every step's p99 is as it was before.
fn recovered(
    served: &Served,
    before: &Range<Duration>,
    from: Duration,
    to: Duration,
) -> io::Result<f64> {
    let normal = millis(&served.late(before, WELL)?, 0.99) * AS_BEFORE;
    let (mut at, mut again) = (from, from);
    while at < to {
        let step = at..at + STEP;
        let late = served.late(&step, |_| true)?;
        at = step.end;
        if millis(&late, 0.99) > normal || served.gone(&step) > 0 {
            again = at;
        }
    }
    Ok(again.saturating_sub(from).as_secs_f64())
}
