//! The measurements over the network, in rounds: the peer that does nothing and the real binary by
//! turns, each run of bids compared with the log before its figure counts. Which figures there are
//! stands in `GROUPS`; how each is measured, in a file of its own.

mod closed;
mod ending;
mod idle;
mod live;
mod logins;
mod million;
mod open;
mod overload;
mod reads;
mod restart;
pub(crate) mod soak;

use crate::bids::{Bidding, Pattern};
use crate::figures::{Aim, Figure, Figures};
use crate::house::{BIDDERS, House};
use crate::load::Load;
use crate::load::Run;
use crate::load::open::Phase;
use crate::process::Server;
use crate::watchers::Watchers;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long, how often, on how much.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Rounds of what takes seconds, and of what takes minutes.
    pub(crate) rounds: usize,
    pub(crate) long_rounds: usize,
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    /// Auctions that bids are spread over.
    pub(crate) spread: usize,
    /// Bids on the auction with many.
    pub(crate) many: usize,
    /// Auctions that end in the same instant, and how long before it the house is made ready.
    pub(crate) ending: usize,
    pub(crate) before_end: Duration,
    /// How long more is offered than can be done, and from how many connections.
    pub(crate) surge: Duration,
    pub(crate) crowd: usize,
    /// Sockets in the live room of one auction.
    pub(crate) watching: usize,
    /// Event streams of the same auction beside them.
    pub(crate) streams: usize,
    /// Events in the log of the house that is started again.
    pub(crate) events: usize,
    /// Auctions that are resident where there are many.
    pub(crate) resident: usize,
    /// How long a house may take to bring its lists and snapshots up.
    pub(crate) settling: Duration,
}

impl Plan {
    pub(crate) const FULL: Self = Self {
        rounds: 3,
        long_rounds: 3,
        warm_up: Duration::from_secs(3),
        measured: Duration::from_secs(15),
        spread: 10_000,
        many: 100_000,
        ending: 10_000,
        before_end: Duration::from_secs(15),
        surge: Duration::from_secs(20),
        crowd: 8_192,
        watching: 10_000,
        streams: 2_000,
        events: 1_000_000,
        resident: 1_000_000,
        settling: Duration::from_secs(600),
    };
    pub(crate) const QUICK: Self = Self {
        long_rounds: 1,
        warm_up: Duration::from_secs(1),
        measured: Duration::from_secs(3),
        resident: 200_000,
        settling: Duration::from_secs(60),
        ..Self::FULL
    };
    /// Too short to mean anything: for the checker alone.
    pub(crate) const SMOKE: Self = Self {
        rounds: 1,
        long_rounds: 1,
        warm_up: Duration::ZERO,
        measured: Duration::from_millis(300),
        spread: 1_024,
        many: 1_000,
        ending: 200,
        before_end: Duration::from_secs(3),
        surge: Duration::from_millis(600),
        crowd: 512,
        watching: 200,
        streams: 40,
        events: 4_000,
        resident: 2_000,
        settling: Duration::from_secs(2),
    };
}

/// What is measured together, in this order: on the house that all share, in rounds; on it, at its
/// end; and on houses of their own.
const SHARED: [Group; 6] = [
    (&["B1", "B2", "B9"], closed::peak),
    (&["B6"], open::latency),
    (&["B7"], closed::sequential),
    (&["B10"], closed::growth),
    (&["B19"], reads::warm),
    (&["B16"], overload::surge),
];
const ALONE: [Loner; 7] = [
    (&["B12"], ending::together),
    (&["B13"], live::crowd),
    (&["B14"], live::beside_node),
    (&["S4"], logins::beside),
    (&["B15"], restart::ready),
    (&["B17"], idle::house),
    (&["B10", "B11"], million::resident),
];
type Loner = (&'static [&'static str], fn(&mut Bench<'_>) -> io::Result<()>);
type Group = (&'static [&'static str], fn(&mut Bench<'_>, &mut Shared) -> io::Result<()>);

/// Everything that is up while measuring.
struct Bench<'a> {
    plan: &'a Plan,
    /// Where houses are made, each in a folder of its own.
    folder: &'a Path,
    only: &'a [String],
    noop: Server,
    figures: Figures,
    compared: usize,
}

/// What the measurements give.
pub(crate) struct Measured {
    pub(crate) figures: Vec<Figure>,
    /// Bids that the checker found where they were said to be.
    pub(crate) compared: usize,
}

/// A house that several measurements share, with the auctions and bids of their runs, kept from
/// round to round.
struct Shared {
    house: House,
    spread: Lots,
    hot: Lots,
    ladder: Lots,
    watchers: Watchers,
    /// Which round this is, from 1.
    round: usize,
    /// B1 on 64 connections, of this round.
    peak: Option<f64>,
}

/// Auctions of a kind, and the bids on them.
struct Lots {
    ids: Vec<i64>,
    bids: Bidding,
}

impl Lots {
    fn open(house: &House, preset: &str, count: usize, pattern: Pattern) -> io::Result<Self> {
        Ok(Self::of(house, house.auctions(preset, count)?, pattern))
    }

    fn of(house: &House, ids: Vec<i64>, pattern: Pattern) -> Self {
        let bids = Bidding::new(pattern, &ids, &house.tokens, BIDDERS);
        Self { ids, bids }
    }
}

impl Shared {
    /// With one live subscriber to an auction of each kind.
    fn open(bench: &Bench<'_>) -> io::Result<Self> {
        eprintln!("opening a house with {} auctions", bench.plan.spread);
        let house = House::open(&bench.folder.join("shared"))?;
        let spread = Lots::open(&house, "english", bench.plan.spread, Pattern::Spread)?;
        let hot = Lots::open(&house, "english", 1, Pattern::Hot)?;
        let own = Pattern::Own { bids_per_auction: usize::MAX };
        let ladder = Lots::open(&house, "ladder", 1, own)?;
        let watched = [spread.ids[0], hot.ids[0], ladder.ids[0]];
        let watchers = Watchers::attach(house.server.address, &watched)?;
        Ok(Self { house, spread, hot, ladder, watchers, round: 0, peak: None })
    }

    /// What was seen live is all that there was to see.
    fn close(self) -> io::Result<()> {
        for saw in self.watchers.finish()? {
            let there = self.house.checked(saw.auction);
            if there > 0 && saw.version != there {
                let (auction, version) = (saw.auction, saw.version);
                let what = format!("of auction {auction}, {version} of {there} events were seen");
                return Err(io::Error::other(what));
            }
        }
        Ok(())
    }
}

/// Measures everything, or what is wanted `only`; each house in a folder below `folder`.
pub(crate) fn all(plan: &Plan, folder: &Path, only: &[String]) -> io::Result<Measured> {
    let (noop, figures) = (Server::noop()?, Figures::default());
    let mut bench = Bench { plan, folder, only, noop, figures, compared: 0 };
    let shared: Vec<Group> =
        SHARED.iter().copied().filter(|(names, _)| bench.wants(names)).collect();
    if !shared.is_empty() {
        let mut house = Shared::open(&bench)?;
        for round in 1..=plan.rounds {
            (house.round, house.peak) = (round, None);
            eprintln!("round {round} of {}", plan.rounds);
            shared.iter().try_for_each(|(_, measure)| measure(&mut bench, &mut house))?;
        }
        house.close()?;
    }
    for (names, measure) in ALONE {
        if bench.wants(names) {
            eprintln!("{}", names.join(", "));
            measure(&mut bench)?;
        }
    }
    Ok(Measured { figures: bench.figures.finish(), compared: bench.compared })
}

/// The names that `only` may hold.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let shared = SHARED.iter().flat_map(|(names, _)| *names);
    shared.chain(ALONE.iter().flat_map(|(names, _)| *names)).copied()
}

impl Bench<'_> {
    fn wants(&self, names: &[&str]) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| names.contains(&only.as_str()))
    }

    fn push(&mut self, name: &str, unit: &'static str, aim: Aim, value: f64) {
        self.figures.push(name, unit, aim, value);
    }

    fn tell(&mut self, name: &str, unit: &'static str, value: f64) {
        self.push(name, unit, Aim::Told, value);
    }

    /// Keeps what a closed loop gave.
    fn keep(&mut self, name: &str, run: &Run, rate: f64) {
        eprintln!(
            "  {name}: {rate:.0}/s, p50 {:.0} us, p99 {:.0} us, server {:.1} us of processor an \
             answer, generator {:.0} % of a core",
            run.micros(0.5),
            run.micros(0.99),
            run.cpu_micros(),
            run.own_cpu * 100.0 / run.seconds,
        );
        self.tell(&format!("{name}: rate"), "1/s", rate);
        self.tell(&format!("{name}: p50"), "us", run.micros(0.5));
        self.tell(&format!("{name}: p99"), "us", run.micros(0.99));
        self.tell(&format!("{name}: cpu"), "us", run.cpu_micros());
    }

    fn load(&self, house: &House, connections: usize, depth: usize) -> Load {
        house.load(connections, depth, self.plan.warm_up, self.plan.measured)
    }

    /// The same load on the peer.
    fn noop_load(&self, load: Load) -> Load {
        Load { address: self.noop.address, pid: self.noop.pid(), ..load }
    }

    fn check(&mut self, house: &mut House, lots: &mut Lots) -> io::Result<()> {
        self.compared += house.check(&lots.ids, &mut lots.bids)?;
        Ok(())
    }

    /// An empty folder of that name.
    fn fresh(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        Ok(folder)
    }

    /// What the house takes at most: B1 of this round, on 64 connections.
    fn peak(&mut self, shared: &mut Shared) -> io::Result<f64> {
        if let Some(peak) = shared.peak {
            return Ok(peak);
        }
        let peak = self.peak_of(&mut shared.house, &mut shared.spread)?;
        shared.peak = Some(peak);
        Ok(peak)
    }

    fn peak_of(&mut self, house: &mut House, spread: &mut Lots) -> io::Result<f64> {
        let run = self.load(house, 64, 1).run(spread.bids.with(64, ""))?;
        self.check(house, spread)?;
        said(&mut spread.bids)?;
        eprintln!("  at most {:.0} bids/s", run.rate(201));
        Ok(run.rate(201))
    }
}

/// Part of a rate, for so long.
fn phase(rate: f64, part: f64, lasts: Duration) -> Phase {
    Phase { per_second: (rate * part).max(1.0), lasts }
}

/// Bids that must all be accepted, were.
fn said(bidding: &mut Bidding) -> io::Result<()> {
    let refused = std::mem::take(&mut bidding.refused);
    if refused.is_empty() {
        return Ok(());
    }
    Err(io::Error::other(format!("bids were refused that should not have been: {refused:?}")))
}
