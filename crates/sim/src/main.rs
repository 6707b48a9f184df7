//! `gavel-sim`: runs seeds, replays one, kills mutants, checks recorded histories. Prints; judges
//! nothing itself.

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use gavel_sim::found::{self, Found};
use gavel_sim::run::{Outcome, Report, many, one, shrink};
use gavel_sim::world::World;
use gavel_sim::world::params::Params;
use gavel_sim::world::plan;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The house's judge.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run seeds; fails if one goes wrong, or if a situation that must come about never does.
    Run {
        /// Which: `1..2000`, one number, or a file with one number a line.
        #[arg(long)]
        seeds: String,
        /// Threads.
        #[arg(long, default_value_t = 2)]
        jobs: usize,
        /// Operations of each seed, instead of a number drawn from it.
        #[arg(long)]
        ops: Option<usize>,
        /// Keep what goes wrong in this folder, its schedule made small.
        #[arg(long)]
        keep: Option<PathBuf>,
        /// Tell how often each situation came about, the rarest first.
        #[arg(long)]
        situations: bool,
    },
    /// Run one seed and say what is wrong with it; the schedule is made small first.
    Replay {
        /// Which.
        #[arg(long)]
        seed: u64,
        /// Tell all that happens.
        #[arg(long)]
        trace: bool,
        /// See `run`.
        #[arg(long)]
        ops: Option<usize>,
        /// Write the history here, as JSON lines.
        #[arg(long)]
        history: Option<PathBuf>,
        /// Leave the schedule as it is.
        #[arg(long)]
        whole: bool,
        /// With this planted bug.
        #[arg(long)]
        mutant: Option<String>,
    },
    /// Plant each bug in turn and see how many seeds it takes to find it.
    Mutants {
        /// Seeds to try at most.
        #[arg(long, default_value_t = 4000)]
        seeds: u64,
        /// Threads.
        #[arg(long, default_value_t = 2)]
        jobs: usize,
        /// Only this one.
        #[arg(long)]
        only: Option<String>,
        /// Keep what finds it in this folder, made small.
        #[arg(long)]
        keep: Option<PathBuf>,
    },
    /// Run what was found once: all must be right now, and wrong with the bug planted again.
    Kept {
        /// Where it is kept.
        folder: PathBuf,
    },
    /// Check a recorded history: a file of JSON lines.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Use the real house, and do to it all this machine can do
    Arena(gavel_sim::arena::Arguments),
}

fn main() -> ExitCode {
    let ended = match Arguments::parse().command {
        Command::Run { seeds, jobs, ops, keep, situations } => {
            run(&seeds, jobs, ops, keep.as_deref(), situations)
        }
        Command::Replay { seed, trace, ops, history, whole, mutant } => choose(mutant.as_deref())
            .and_then(|()| replay(&Params::draw(seed, ops), trace, history.as_deref(), whole)),
        Command::Mutants { seeds, jobs, only, keep } => {
            mutants(seeds, jobs, only.as_deref(), keep.as_deref())
        }
        Command::Kept { folder } => kept(&folder),
        Command::Check { file } => check(&file),
        Command::Arena(arguments) => gavel_sim::arena::run(&arguments),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("gavel-sim: {error:#}");
        ExitCode::FAILURE
    })
}

/// The seeds that a text names.
fn seeds_of(text: &str) -> anyhow::Result<Vec<u64>> {
    if let Some((from, to)) = text.split_once("..") {
        let (from, to): (u64, u64) = (from.parse()?, to.trim_start_matches('=').parse()?);
        if to < from {
            bail!("there is no seed from {from} to {to}");
        }
        return Ok((from..=to).collect());
    }
    if let Ok(seed) = text.parse() {
        return Ok(vec![seed]);
    }
    let file = std::fs::read_to_string(text).with_context(|| format!("seeds from {text}"))?;
    let seeds = file.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    let seeds = seeds.filter(|line| !line.is_empty()).map(|line| Ok(line.parse()?));
    let seeds = seeds.collect::<anyhow::Result<Vec<u64>>>()?;
    if seeds.is_empty() {
        bail!("no seed stands in {text}");
    }
    Ok(seeds)
}

fn run(
    seeds: &str,
    jobs: usize,
    ops: Option<usize>,
    keep: Option<&Path>,
    situations: bool,
) -> anyhow::Result<ExitCode> {
    let seeds = seeds_of(seeds)?;
    let begun = now();
    let report = many(&seeds, jobs, ops, 20);
    let took = now().saturating_duration_since(begun);
    print_report(&report, took);
    if situations {
        for (what, (times, seeds)) in report.situations() {
            println!("{seeds:>7} seeds {times:>9} times  {what}");
        }
    }
    for outcome in &report.bad {
        print_outcome(outcome);
        if let Some(folder) = keep {
            keep_small(folder, &format!("seed-{}", outcome.seed), outcome, None)?;
        }
    }
    let mut failed = !report.bad.is_empty();
    if seeds.len() >= 1000 && report.bad.is_empty() {
        for missed in report.missed() {
            println!("never came about: {missed}");
            failed = true;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Keeps what went wrong, its schedule made small.
fn keep_small(
    folder: &Path,
    name: &str,
    outcome: &Outcome,
    mutant: Option<&str>,
) -> anyhow::Result<()> {
    let params = outcome.params.clone();
    let (steps, outcome) = shrink(&params, plan::draw(&params), 1500);
    let what = outcome.violations.first().map(ToString::to_string).unwrap_or_default();
    println!("{name}: {} steps are kept", steps.len());
    found::keep(folder, name, &Found { what, mutant: mutant.map(str::to_owned), params, steps })
}

/// Runs what is kept.
fn kept(folder: &Path) -> anyhow::Result<ExitCode> {
    std::panic::set_hook(Box::new(|_| {}));
    let (mut wrong, mut planted) = (0, 0);
    let all = found::all(folder)?;
    for (name, found) in &all {
        let outcome = one(&found.params, found.steps.clone());
        if !outcome.violations.is_empty() {
            wrong += 1;
            println!("{name}, once: {}", found.what);
            print_outcome(&outcome);
        }
        let Some(mutant) = found.mutant.as_deref().filter(|_| cfg!(feature = "mutants")) else {
            continue;
        };
        choose(Some(mutant))?;
        planted += 1;
        if one(&found.params, found.steps.clone()).violations.is_empty() {
            wrong += 1;
            println!("{name} does not find {mutant} any more");
        }
        unchoose();
    }
    println!("kept: {} runs, {planted} with their bug planted again, {wrong} wrong", all.len());
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::disallowed_methods, reason = "how long the judge itself takes, for its report")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn print_report(report: &Report, took: std::time::Duration) {
    let Report { seeds, ops, events, bad, reached } = report;
    let millis = took.as_millis().max(1);
    let rate = u128::from(*ops) * 1000 / millis;
    println!(
        "sim: {seeds} seeds, {ops} operations, {events} events, {} situations, {} bad, \
         {millis} ms, {rate} operations a second; sources at {}",
        reached.len(),
        bad.len(),
        commit()
    );
}

/// What git says of the sources this was built from, as they are now: a seed means a schedule only
/// for them.
fn commit() -> String {
    let mut git = std::process::Command::new("git");
    git.args(["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty", "--exclude=*"]);
    let asked = git.output();
    let said = asked.ok().filter(|said| said.status.success());
    said.map_or_else(
        || "unknown".to_owned(),
        |said| String::from_utf8_lossy(&said.stdout).trim().to_owned(),
    )
}

fn print_outcome(outcome: &Outcome) {
    println!(
        "seed {}: {} violations; sources at {}",
        outcome.seed,
        outcome.violations.len(),
        commit()
    );
    println!("  {:?}", outcome.params);
    outcome.violations.iter().take(5).for_each(|violation| println!("  {violation}"));
}

fn replay(
    params: &Params,
    trace: bool,
    history: Option<&Path>,
    whole: bool,
) -> anyhow::Result<ExitCode> {
    let mut steps = plan::draw(params);
    let all = steps.len();
    let mut outcome = one(params, steps.clone());
    if !outcome.violations.is_empty() && !whole {
        (steps, outcome) = shrink(params, steps, 600);
        println!("{} of {all} steps are enough:", steps.len());
        steps.iter().for_each(|step| println!("  {step:?}"));
    }
    print_outcome(&outcome);
    let panicked = outcome.trace == 0;
    if (trace || history.is_some()) && !panicked {
        let ran = World::new(params, steps, trace).run();
        ran.story.iter().for_each(|line| println!("{line}"));
        if let Some(path) = history {
            let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
            ran.input.write(&mut out)?;
        }
    }
    println!("trace {:016x}", outcome.trace);
    let bad = !outcome.violations.is_empty();
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[cfg(feature = "mutants")]
fn choose(name: Option<&str>) -> anyhow::Result<()> {
    let Some(name) = name else { return Ok(()) };
    let Some(mutant) = gavel_sim::mutants::named(name) else { bail!("no planted bug {name}") };
    gavel_auction::mutant::choose(Some(mutant.name));
    Ok(())
}

#[cfg(feature = "mutants")]
fn unchoose() {
    gavel_auction::mutant::choose(None);
}

#[cfg(not(feature = "mutants"))]
const fn unchoose() {}

#[cfg(not(feature = "mutants"))]
fn choose(name: Option<&str>) -> anyhow::Result<()> {
    if name.is_some() {
        bail!("this was built without planted bugs: --features mutants");
    }
    Ok(())
}

#[cfg(not(feature = "mutants"))]
fn mutants(_: u64, _: usize, _: Option<&str>, _: Option<&Path>) -> anyhow::Result<ExitCode> {
    bail!("this was built without planted bugs: --features mutants")
}

#[cfg(feature = "mutants")]
fn mutants(
    seeds: u64,
    jobs: usize,
    only: Option<&str>,
    keep: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    use gavel_sim::mutants::ALL;
    if let Some(only) = only.filter(|only| gavel_sim::mutants::named(only).is_none()) {
        bail!("no planted bug {only}");
    }
    // What a planted bug says when it panics is of no interest.
    std::panic::set_hook(Box::new(|_| {}));
    let (mut tried, mut alive) = (0, 0);
    println!("{:34} {:>6}  {:6} what the check says", "mutant", "seeds", "check");
    for mutant in ALL.iter().filter(|mutant| only.is_none_or(|only| only == mutant.name)) {
        tried += 1;
        choose(Some(mutant.name))?;
        let found = hunt(seeds, jobs);
        if let (Some(folder), Some(found)) = (keep, &found) {
            keep_small(folder, mutant.name, found, Some(mutant.name))?;
        }
        unchoose();
        match found.as_ref().and_then(|found| Some((found.seed, found.violations.first()?))) {
            Some((seed, violation)) => {
                let mut said = violation.prose.replace('\n', " ");
                said.truncate(said.char_indices().nth(90).map_or(said.len(), |(at, _)| at));
                println!(
                    "{:34} {seed:>6}  {:6} {said}",
                    mutant.name,
                    format!("{:?}", violation.check)
                );
            }
            None => {
                alive += 1;
                println!("{:34} {:>6}  ALIVE  {}", mutant.name, "-", mutant.what);
            }
        }
    }
    println!("mutants: {tried} planted, {alive} alive after {seeds} seeds");
    Ok(if alive == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The first of so many seeds that goes wrong.
#[cfg(feature = "mutants")]
fn hunt(seeds: u64, jobs: usize) -> Option<Outcome> {
    let (mut from, mut size) = (1, 8);
    while from <= seeds {
        let batch: Vec<u64> = (from..=seeds.min(from + size - 1)).collect();
        let mut bad = many(&batch, jobs, None, usize::MAX).bad;
        if !bad.is_empty() {
            return Some(bad.swap_remove(0));
        }
        from += size;
        size = (size * 2).min(200);
    }
    None
}

fn check(file: &Path) -> anyhow::Result<ExitCode> {
    let from = std::io::BufReader::new(std::fs::File::open(file)?);
    let input = gavel_sim::history::Input::read(from)?;
    match gavel_sim::checks::check(&input) {
        Ok(stats) => {
            println!("{stats:?}");
            Ok(ExitCode::SUCCESS)
        }
        Err(violations) => {
            violations.iter().for_each(|violation| println!("{violation}"));
            Ok(ExitCode::FAILURE)
        }
    }
}
