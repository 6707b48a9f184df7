//! The closed loops: B1 and B2, the peak; B9, what receipts cost; B7, one idle client; the first
//! half of B10, an auction with many bids.

use super::{Bench, Lots, Shared, said};
use crate::bids::{Bidding, Pattern};
use crate::figures::Aim;
use crate::house::AS_LONG_AS_IT_TAKES;
use crate::machine::fsync_micros;
use std::io;
use std::time::Duration;

/// Auctions with few bids that together have as many as the one with many.
const FEW: usize = 50;
/// Connections and requests under way on each.
pub(super) const SHAPES: [(usize, usize, &str); 3] =
    [(64, 1, "64"), (256, 1, "256"), (64, 16, "64 x 16")];

/// B1, B9's receipts, B2.
pub(super) fn peak(bench: &mut Bench<'_>, shared: &mut Shared) -> io::Result<()> {
    let mut one = (0.0, 0.0);
    for shape in SHAPES {
        let (rate, cpu) = bench.bids(shared, shape)?;
        if shape == SHAPES[0] {
            one = (rate, cpu);
        }
    }
    let (rate, cpu) = one;
    shared.peak = Some(rate);
    bench.receipts(shared, cpu)?;
    bench.hot(shared, rate)
}

/// B7: one client that waits for each answer.
pub(super) fn sequential(bench: &mut Bench<'_>, shared: &mut Shared) -> io::Result<()> {
    let Shared { house, spread, .. } = shared;
    let fsync = fsync_micros(bench.folder)?;
    let load = bench.load(house, 1, 1);
    let mut nothing = Bidding::new(Pattern::Spread, &spread.ids, &house.tokens, 1);
    let noop = bench.noop_load(load).run(&mut nothing)?;
    bench.keep("no-op 1", &noop, noop.rate(201));
    let run = load.run(spread.bids.with(1, ""))?;
    bench.check(house, spread)?;
    bench.keep("spread 1", &run, run.rate(201));
    bench.tell("fsync", "us", fsync);
    let aim = Aim::AtMost { goal: 1.6, floor: 2.5 };
    let over = run.micros(0.5) / (fsync + noop.micros(0.5));
    bench.push("B7 one idle client, p50 over fsync + no-op", "x", aim, over);
    said(&mut spread.bids)
}

/// B10: what a bid costs on an auction with few bids, and on one with many.
pub(super) fn growth(bench: &mut Bench<'_>, shared: &mut Shared) -> io::Result<()> {
    let house = &mut shared.house;
    let load = house.load(64, 1, Duration::ZERO, AS_LONG_AS_IT_TAKES);
    let bids = bench.plan.many;
    let few = Pattern::Own { bids_per_auction: bids / FEW };
    let mut few = Lots::open(house, "ladder", FEW, few)?;
    let run = load.run(few.bids.at_most(bids))?;
    bench.keep("auctions with few bids", &run, run.rate(201));
    let few_cpu = run.cpu_micros();
    bench.check(house, &mut few)?;

    let many = Pattern::Own { bids_per_auction: usize::MAX };
    let mut many = Lots::open(house, "ladder", 1, many)?;
    load.run(many.bids.at_most(bids))?;
    let run = load.run(many.bids.at_most(bids))?;
    bench.keep("one auction with many bids", &run, run.rate(201));
    let aim = Aim::AtMost { goal: 1.2, floor: 1.5 };
    let over = run.cpu_micros() / few_cpu;
    bench.push("B10 cost at 100,000 bids over 1,000", "x", aim, over);
    bench.check(house, &mut many)
}

impl Bench<'_> {
    /// The peer, and then the house, under the same load: the house's rate and processor time.
    fn bids(&mut self, shared: &mut Shared, shape: (usize, usize, &str)) -> io::Result<(f64, f64)> {
        let Shared { house, spread, .. } = shared;
        let (connections, depth, shape) = shape;
        let load = self.load(house, connections, depth);
        let mut nothing = Bidding::new(Pattern::Spread, &spread.ids, &house.tokens, connections);
        let noop = self.noop_load(load).run(&mut nothing)?;
        self.keep(&format!("no-op {shape}"), &noop, noop.rate(201));
        let run = load.run(spread.bids.with(connections, ""))?;
        self.check(house, spread)?;
        said(&mut spread.bids)?;
        self.keep(&format!("spread {shape}"), &run, run.rate(201));
        // The bounds are those of one request at a time.
        let goal = Aim::AtLeast { goal: 0.75, floor: 0.45 };
        let aim = if depth == 1 { goal } else { Aim::Told };
        let name = format!("B1 durable accepted bids, {shape}, share of the no-op");
        self.push(&name, "x", aim, run.rate(201) / noop.rate(201));
        Ok((run.rate(201), run.cpu_micros()))
    }

    /// B9: everybody asks for a receipt, and everybody gets one.
    fn receipts(&mut self, shared: &mut Shared, without: f64) -> io::Result<()> {
        let Shared { house, spread, .. } = shared;
        spread.bids.receipts = 0;
        let run = self.load(house, 64, 1).run(spread.bids.with(64, "prefer: receipt\r\n"))?;
        let (accepted, receipts) = (spread.bids.accepted.len(), spread.bids.receipts);
        if receipts != accepted {
            let what = format!("{accepted} bids were accepted, {receipts} with a receipt");
            return Err(io::Error::other(what));
        }
        self.check(house, spread)?;
        said(&mut spread.bids)?;
        self.keep("spread with receipts", &run, run.rate(201));
        let aim = Aim::AtMost { goal: 15.0, floor: 25.0 };
        let more = (run.cpu_micros() / without - 1.0) * 100.0;
        self.push("B9 receipts for all, processor time", "%", aim, more);
        Ok(())
    }

    /// B2.
    fn hot(&mut self, shared: &mut Shared, b1: f64) -> io::Result<()> {
        let Shared { house, hot, ladder, .. } = shared;
        let aim = Aim::AtLeast { goal: 0.9, floor: 0.7 };
        let load = self.load(house, 64, 1);
        let run = load.run(hot.bids.with(64, ""))?;
        self.check(house, hot)?;
        let decisions = run.rate(201) + run.rate(422);
        self.keep("hot english", &run, decisions);
        self.tell("hot english: accepted", "1/s", run.rate(201));
        hot.bids.refused.retain(|code, _| !code.starts_with("422 "));
        said(&mut hot.bids)?;
        self.push("B2 hot english: decisions, share of B1", "x", aim, decisions / b1);
        let run = load.run(ladder.bids.with(64, ""))?;
        self.check(house, ladder)?;
        said(&mut ladder.bids)?;
        self.keep("hot ladder", &run, run.rate(201));
        self.push("B2 hot ladder: accepted, share of B1", "x", aim, run.rate(201) / b1);
        Ok(())
    }
}
