//! The arena: the real `gavel` as a child process, used by a crew over HTTP, event streams and the
//! live room, under every fault this machine can do to a process, its disk, its clock and its
//! limits. What was told and seen is recorded and held against the log by the same checker that
//! judges the simulator. Knows no code of the house but the vocabulary of its events.

mod crew;
mod faults;
mod guests;
mod house;
mod ledger;
mod lots;
mod notes;
mod power;
mod run;
mod tools;
mod wire;
mod words;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use faults::Fault;
use run::{Verdict, Yard, play};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// How long, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Every fault for a few seconds: about three minutes.
    Smoke,
    /// Every fault for as long as `--seconds` says in all; by default half an hour.
    Long,
    /// Loss of power only.
    Powercut,
    /// Clocks only.
    Clock,
}

impl Profile {
    /// How many bid, and how many watch; half as many again come to the live room.
    const fn crew(self) -> (u32, u32) {
        match self {
            Self::Long => (20, 20),
            Self::Smoke | Self::Powercut | Self::Clock => (6, 4),
        }
    }
}

/// What the arena is told.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How long, and what
    #[arg(long, value_enum, default_value = "smoke")]
    profile: Profile,
    /// What the crew and the faults draw their choices from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// For how many seconds faults go on, in all
    #[arg(long)]
    seconds: Option<u64>,
    /// Only the faults with this in their names
    #[arg(long)]
    only: Option<String>,
    /// The binary; by default the one beside this program
    #[arg(long)]
    gavel: Option<PathBuf>,
    /// Where histories and logs are kept; by default a scratch directory, gone if all is well
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// Runs the arena and prints its table.
///
/// # Errors
/// If it cannot run at all. That a promise was broken is told by the exit code.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let beside = || Ok::<_, anyhow::Error>(std::env::current_exe()?.with_file_name("gavel"));
    let gavel = arguments.gavel.clone().map_or_else(beside, Ok)?;
    ensure!(gavel.exists(), "{} is not there: build it first, or say --gavel", gavel.display());
    tools::run("sqlite3", &["-version"]).context("the log is read by sqlite3")?;
    let faults: Vec<&Fault> = faults::ALL.iter().filter(|fault| arguments.wants(fault)).collect();
    ensure!(!faults.is_empty(), "no fault has such a name");
    let scratch = std::env::temp_dir().join(format!("gavel-arena-{}", std::process::id()));
    let scratch = arguments.keep.clone().unwrap_or(scratch);
    std::fs::create_dir_all(&scratch)?;
    let total = arguments.seconds.unwrap_or(match arguments.profile {
        Profile::Smoke => 6 * faults.len() as u64,
        Profile::Long => 1_800,
        Profile::Powercut | Profile::Clock => 60,
    });
    let span = Duration::from_secs(total) / u32::try_from(faults.len())?;
    let seed = arguments.seed;
    let (bidders, watchers) = arguments.profile.crew();
    let yard = Yard { gavel, scratch, seed, span, bidders, watchers };
    let all_well = tour(&yard, &faults, arguments.keep.is_some());
    if all_well && arguments.keep.is_none() {
        std::fs::remove_dir_all(&yard.scratch)?;
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Arguments {
    fn wants(&self, fault: &Fault) -> bool {
        let of_profile = match self.profile {
            Profile::Smoke | Profile::Long => true,
            Profile::Powercut => fault.name.starts_with("power"),
            Profile::Clock => fault.name.starts_with("clock"),
        };
        of_profile && self.only.as_deref().is_none_or(|only| fault.name.contains(only))
    }
}

/// Plays one fault after the other: whether all is well.
fn tour(yard: &Yard, faults: &[&Fault], keep: bool) -> bool {
    println!(
        "{:18} {:>6} {:>8} {:>8} {:>7} {:>7} {:>8}  promises",
        "fault", "times", "tries", "events", "unknown", "seen", "back ms"
    );
    let (mut well, mut skipped) = (true, 0);
    for fault in faults {
        let lacking = fault.needs.iter().find_map(|need| need.lacking(&yard.scratch));
        if let Some(why) = lacking {
            skipped += 1;
            println!("{:18} skipped, because {why}", fault.name);
            continue;
        }
        match play(yard, fault, yard.seed) {
            Ok(verdict) => well &= tell(fault, &verdict),
            Err(error) => {
                well = false;
                println!("{:18} could not be played: {error:#}", fault.name);
            }
        }
        clear(&yard.scratch.join(fault.name), well && !keep);
    }
    let end = if well { "all promises kept" } else { "PROMISES BROKEN" };
    println!("arena: {end}, {skipped} of {} faults skipped, seed {}", faults.len(), yard.seed);
    if !well {
        println!("arena: histories and logs are in {}", yard.scratch.display());
    }
    well
}

/// Prints a line of the table: whether it is as it should be.
fn tell(fault: &Fault, verdict: &Verdict) -> bool {
    let Verdict { injected, stats, unknown, back, wrong, .. } = verdict;
    let kept = wrong.is_empty();
    let shown = *injected > 0 && (stats.accepted > 0 || !kept);
    // A control is broken by what was lost, not by whatever else is wrong.
    let broken = !kept && (!fault.must_fail || verdict.lost);
    let well = shown && broken == fault.must_fail;
    let word = match (!broken, fault.must_fail) {
        _ if !shown => "NOTHING SHOWN: no fault came to pass, or nobody bid".to_owned(), // not ours
        (true, false) => format!("kept: {}", fault.promise),
        (false, true) => format!("broken, as they must be: the judge sees it ({})", wrong.len()),
        (true, true) => "NOT BROKEN: the judge is blind to this fault".to_owned(),
        (false, false) => format!("BROKEN of {}", fault.promise),
    };
    println!(
        "{:18} {injected:>6} {:>8} {:>8} {unknown:>7} {:>7} {:>8}  {word}",
        fault.name,
        stats.tries,
        stats.events,
        stats.seen,
        back.as_millis()
    );
    if !well {
        wrong.iter().for_each(|line| println!("    {line}"));
    }
    well
}

/// What is large and tells nobody anything.
fn clear(dir: &Path, all: bool) {
    drop(std::fs::remove_file(dir.join("outer.img")));
    if all {
        drop(std::fs::remove_dir_all(dir));
    }
}
