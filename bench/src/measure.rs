//! The measurements over the network, in rounds: the peer that does nothing and the real binary by
//! turns, each run of bids compared with the log before its figure counts.

use crate::bids::{Bidding, Pattern};
use crate::checker::Checker;
use crate::client::Client;
use crate::figures::{Figure, ratios};
use crate::house::{BIDDERS, House};
use crate::load::{Load, Run};
use crate::machine::fsync_micros;
use crate::process::Server;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Auctions with few bids that together have as many as the one with many.
const FEW: usize = 50;
/// Connections and requests under way on each.
const SHAPES: [(usize, usize, &str); 3] = [(64, 1, "64"), (256, 1, "256"), (64, 16, "64 x 16")];

/// How long, how often, on how much.
pub(crate) struct Plan {
    /// Auctions that bids are spread over.
    pub(crate) spread: usize,
    /// Bids on the auction with many.
    pub(crate) many: usize,
    pub(crate) rounds: usize,
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// Everything that is up while measuring.
struct Bench<'a> {
    plan: &'a Plan,
    data: &'a Path,
    noop: Server,
    house: House,
    checker: Checker,
    samples: BTreeMap<String, Vec<f64>>,
    compared: usize,
}

/// What the measurements give.
pub(crate) struct Measured {
    pub(crate) figures: Vec<Figure>,
    /// Bids that the checker found where they were said to be.
    pub(crate) compared: usize,
    /// Whether somebody followed the hot auction live all the while.
    pub(crate) live_subscriber: bool,
}

/// Auctions and bids of the runs, kept from round to round.
struct Lots {
    spread: Bidding,
    spread_ids: Vec<i64>,
    hot: Bidding,
    hot_ids: Vec<i64>,
    ladder: Bidding,
    ladder_ids: Vec<i64>,
}

pub(crate) fn all(plan: &Plan, data: &Path) -> io::Result<Measured> {
    eprintln!("starting the peer and the house, opening {} auctions", plan.spread);
    let (noop, house) = (Server::noop()?, House::open(data)?);
    let mut lots = Lots::open(&house, plan.spread)?;
    let live_subscriber = house.subscribe(lots.hot_ids[0])?;
    let (checker, samples) = (Checker::default(), BTreeMap::new());
    let mut bench = Bench { plan, data, noop, house, checker, samples, compared: 0 };
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        bench.spread(&mut lots)?;
        bench.hot(&mut lots)?;
        bench.sequential(&mut lots)?;
        bench.growth()?;
    }
    Ok(Measured { figures: bench.figures(), compared: bench.compared, live_subscriber })
}

/// B1 on 64 connections alone.
pub(crate) fn bids(plan: &Plan, data: &Path) -> io::Result<Vec<Figure>> {
    let (noop, house) = (Server::noop()?, House::open(data)?);
    let mut lots = Lots::open(&house, plan.spread)?;
    let (checker, samples) = (Checker::default(), BTreeMap::new());
    let mut bench = Bench { plan, data, noop, house, checker, samples, compared: 0 };
    (0..plan.rounds).try_for_each(|_| bench.bids(&mut lots, SHAPES[0]))?;
    bench.check(&lots.spread_ids, &mut lots.spread)?;
    said(&mut lots.spread)?;
    Ok(vec![bench.one(SHAPES[0].2)])
}

impl Lots {
    fn open(house: &House, spread: usize) -> io::Result<Self> {
        let spread_ids = house.auctions("english", spread)?;
        let hot_ids = house.auctions("english", 1)?;
        let ladder_ids = house.auctions("ladder", 1)?;
        let bidding = |pattern, ids: &[i64]| Bidding::new(pattern, ids, &house.tokens, BIDDERS);
        Ok(Self {
            spread: bidding(Pattern::Spread, &spread_ids),
            hot: bidding(Pattern::Hot, &hot_ids),
            ladder: bidding(Pattern::Own { bids_per_auction: usize::MAX }, &ladder_ids),
            spread_ids,
            hot_ids,
            ladder_ids,
        })
    }
}

impl Bench<'_> {
    fn push(&mut self, name: &str, value: f64) {
        self.samples.entry(name.to_owned()).or_default().push(value);
    }

    fn keep(&mut self, name: &str, run: &Run, rate: f64) {
        eprintln!(
            "  {name}: {rate:.0}/s, p50 {:.0} us, p99 {:.0} us, server {:.1} us of processor an \
             answer, generator {:.0} % of a core",
            run.micros(0.5),
            run.micros(0.99),
            run.cpu_micros(),
            run.own_cpu * 100.0 / run.seconds,
        );
        self.push(&format!("{name}: rate"), rate);
        self.push(&format!("{name}: p50"), run.micros(0.5));
        self.push(&format!("{name}: p99"), run.micros(0.99));
        self.push(&format!("{name}: cpu"), run.cpu_micros());
    }

    fn load(&self, connections: usize, depth: usize) -> Load {
        self.house.load(connections, depth, self.plan.warm_up, self.plan.measured)
    }

    fn noop_load(&self, connections: usize, depth: usize) -> Load {
        let (address, pid) = (self.noop.address, self.noop.pid());
        Load { address, pid, ..self.load(connections, depth) }
    }

    fn check(&mut self, ids: &[i64], bidding: &mut Bidding) -> io::Result<()> {
        self.compared += self.checker.compare(&self.house, ids, &mut bidding.accepted)?.bids;
        Ok(())
    }

    /// B1, and B9's receipts.
    fn spread(&mut self, lots: &mut Lots) -> io::Result<()> {
        for shape in SHAPES {
            self.bids(lots, shape)?;
            self.check(&lots.spread_ids, &mut lots.spread)?;
        }
        let run = self.load(64, 1).run(lots.spread.with(64, "prefer: receipt\r\n"))?;
        self.check(&lots.spread_ids, &mut lots.spread)?;
        self.keep("spread with receipts", &run, run.rate(201));
        said(&mut lots.spread)
    }

    /// The peer, and then the house, under the same load.
    fn bids(&mut self, lots: &mut Lots, shape: (usize, usize, &str)) -> io::Result<()> {
        let (connections, depth, shape) = shape;
        let mut nothing =
            Bidding::new(Pattern::Spread, &lots.spread_ids, &self.house.tokens, connections);
        let run = self.noop_load(connections, depth).run(&mut nothing)?;
        self.keep(&format!("no-op {shape}"), &run, run.rate(201));
        let run = self.load(connections, depth).run(lots.spread.with(connections, ""))?;
        self.keep(&format!("spread {shape}"), &run, run.rate(201));
        Ok(())
    }

    /// B2.
    fn hot(&mut self, lots: &mut Lots) -> io::Result<()> {
        let run = self.load(64, 1).run(lots.hot.with(64, ""))?;
        self.check(&lots.hot_ids, &mut lots.hot)?;
        self.keep("hot english", &run, run.rate(201) + run.rate(422));
        self.push("hot english: accepted", run.rate(201));
        lots.hot.refused.retain(|code, _| !code.starts_with("422 "));
        said(&mut lots.hot)?;
        let run = self.load(64, 1).run(lots.ladder.with(64, ""))?;
        self.check(&lots.ladder_ids, &mut lots.ladder)?;
        self.keep("hot ladder", &run, run.rate(201));
        said(&mut lots.ladder)
    }

    /// B7: one client that waits for each answer.
    fn sequential(&mut self, lots: &mut Lots) -> io::Result<()> {
        let fsync = fsync_micros(self.data.parent().unwrap_or(self.data))?;
        let mut nothing = Bidding::new(Pattern::Spread, &lots.spread_ids, &self.house.tokens, 1);
        let noop = self.noop_load(1, 1).run(&mut nothing)?;
        self.keep("no-op 1", &noop, noop.rate(201));
        let run = self.load(1, 1).run(lots.spread.with(1, ""))?;
        self.check(&lots.spread_ids, &mut lots.spread)?;
        self.keep("spread 1", &run, run.rate(201));
        self.push("fsync", fsync);
        self.push("B7", run.micros(0.5) / (fsync + noop.micros(0.5)));
        Ok(())
    }

    /// B10: what a bid costs on an auction with few bids, and on one with many.
    fn growth(&mut self) -> io::Result<()> {
        let load = self.house.load(64, 1, Duration::ZERO, Duration::from_secs(600));
        let bids = self.plan.many;
        let few_ids = self.house.auctions("ladder", FEW)?;
        let pattern = Pattern::Own { bids_per_auction: bids / FEW };
        let mut few = Bidding::new(pattern, &few_ids, &self.house.tokens, 64);
        let run = load.run(few.at_most(bids))?;
        self.keep("auctions with few bids", &run, run.rate(201));
        let few_cpu = run.cpu_micros();
        self.check(&few_ids, &mut few)?;

        let many_ids = self.house.auctions("ladder", 1)?;
        let pattern = Pattern::Own { bids_per_auction: usize::MAX };
        let mut many = Bidding::new(pattern, &many_ids, &self.house.tokens, 64);
        load.run(many.at_most(bids))?;
        let run = load.run(many.at_most(bids))?;
        self.keep("one auction with many bids", &run, run.rate(201));
        self.push("B10", run.cpu_micros() / few_cpu);
        self.check(&many_ids, &mut many)
    }

    fn rounds(&self, name: &str) -> Vec<f64> {
        self.samples.get(name).cloned().unwrap_or_default()
    }

    /// B1 on connections of a shape. The bounds are those of one request at a time.
    fn one(&self, shape: &str) -> Figure {
        let rates = |what| self.rounds(&format!("{what} {shape}: rate"));
        let name = format!("B1 durable accepted bids, {shape}, share of the no-op");
        let figure = Figure::new(&name, "x", ratios(&rates("spread"), &rates("no-op")));
        if shape == SHAPES[2].2 { figure } else { figure.bounds(0.45, 0.75) }
    }

    fn figures(&self) -> Vec<Figure> {
        let of_b1 = |name: &str, over: &str| {
            let rounds = ratios(&self.rounds(over), &self.rounds("spread 64: rate"));
            Figure::new(name, "x", rounds).bounds(0.7, 0.9)
        };
        let receipts =
            ratios(&self.rounds("spread with receipts: cpu"), &self.rounds("spread 64: cpu"));
        let receipts = receipts.iter().map(|ratio| (ratio - 1.0) * 100.0).collect();
        let mut figures: Vec<_> = SHAPES.iter().map(|(_, _, shape)| self.one(shape)).collect();
        figures.push(of_b1("B2 hot english: decisions, share of B1", "hot english: rate"));
        figures.push(of_b1("B2 hot ladder: accepted, share of B1", "hot ladder: rate"));
        figures.push(
            Figure::new("B7 one idle client, p50 over fsync + no-op", "x", self.rounds("B7"))
                .bounds(2.5, 1.6),
        );
        figures.push(
            Figure::new("B9 receipts for all, processor time", "%", receipts).bounds(25.0, 15.0),
        );
        figures.push(
            Figure::new("B10 cost at 100,000 bids over 1,000", "x", self.rounds("B10"))
                .bounds(1.5, 1.2),
        );
        for (name, rounds) in &self.samples {
            let unit = match name.rsplit_once(": ") {
                Some((_, "rate" | "accepted")) => "1/s",
                Some((_, "p50" | "p99" | "cpu")) => "us",
                _ if name == "fsync" => "us",
                _ => continue,
            };
            figures.push(Figure::new(name, unit, rounds.clone()));
        }
        figures
    }
}

/// Bids that must all be accepted, were.
fn said(bidding: &mut Bidding) -> io::Result<()> {
    let refused = std::mem::take(&mut bidding.refused);
    if refused.is_empty() {
        return Ok(());
    }
    Err(io::Error::other(format!("bids were refused that should not have been: {refused:?}")))
}

/// How fast generator and peer are together: what any server here could reach at most.
pub(crate) fn peer() -> io::Result<()> {
    let noop = Server::noop()?;
    let ids: Vec<i64> = (1..=10_000).collect();
    let tokens: Vec<String> = (0..BIDDERS).map(|n| format!("token-{n:040}")).collect();
    for (connections, depth, shape) in SHAPES.into_iter().chain([(1, 1, "1")]) {
        let mut bidding = Bidding::new(Pattern::Spread, &ids, &tokens, connections);
        let (warm_up, measured) = (Duration::from_secs(1), Duration::from_secs(3));
        let (address, pid) = (noop.address, noop.pid());
        let run = Load { address, pid, connections, depth, warm_up, measured }.run(&mut bidding)?;
        println!(
            "{shape}: {:.0}/s, p50 {:.0} us, p99 {:.0} us; a request costs the peer {:.2} us and \
             the generator {:.2} us of processor",
            run.rate(201),
            run.micros(0.5),
            run.micros(0.99),
            run.cpu_micros(),
            run.own_cpu * 1e6 / run.answers().max(1) as f64,
        );
    }
    Ok(())
}

/// One hot auction for a long time; nothing may be missing, and memory is told.
pub(crate) fn soak(data: &Path, seconds: u64) -> io::Result<()> {
    let house = House::open(data)?;
    let ids = house.auctions("english", 1)?;
    let mut bidding = Bidding::new(Pattern::Hot, &ids, &house.tokens, BIDDERS);
    let mut checker = Checker::default();
    let (mut compared, mut left) = (0, seconds);
    while left > 0 {
        let slice = left.min(30);
        left -= slice;
        let load = house.load(BIDDERS, 1, Duration::ZERO, Duration::from_secs(slice));
        let run = load.run(bidding.with(BIDDERS, ""))?;
        compared += checker.compare(&house, &ids, &mut bidding.accepted)?.bids;
        let status = std::fs::read_to_string(format!("/proc/{}/status", house.server.pid()))?;
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("?");
        println!(
            "{left} s left: {:.0} decisions/s, p99 {:.0} us, {compared} bids compared, memory {}",
            run.rate_of_all(),
            run.micros(0.99),
            memory.trim()
        );
    }
    let (status, _) = Client::connect(house.server.address)?.get("/health/ready", None)?;
    if status != 200 {
        return Err(io::Error::other(format!("not ready after the soak: {status}")));
    }
    Ok(())
}
