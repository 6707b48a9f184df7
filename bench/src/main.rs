//! Load generator, peers, micro-benchmarks and the instruction gate of Gavel. Measures from the
//! outside, over the same API as everybody; bench/README.md says how.

mod bids;
mod checker;
mod client;
mod clock;
mod figures;
mod house;
mod load;
mod machine;
mod measure;
mod micro;
mod noop;
mod plot;
mod process;
mod replay;
mod report;
mod wire;

use machine::Machine;
use measure::Plan;
use report::Report;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: gavel-bench COMMAND

  all [--quick]      everything; writes bench/results
  bids ROUNDS        B1 on 64 connections, in short rounds, for tuning; writes nothing
  smoke              the same in seconds, for the checker alone; writes nothing
  soak --seconds N   one hot auction for a long time
  rules, shard       micro-benchmarks of the rules and of the shard (B8, B9)
  noop               the peer that does nothing, until it is killed
  peer               how fast generator and peer are together, without a house
  gate-rules, gate-shard   a fixed replay, to be counted by callgrind";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["all"] => all("full"),
        ["all", "--quick"] => all("quick"),
        ["smoke"] => smoke(),
        ["bids", rounds] => bids(rounds),
        ["soak", "--seconds", seconds] => soak(seconds),
        ["rules"] => show(&[micro::rules(), micro::evidence()]),
        ["shard"] => show(&[micro::shard()]),
        ["noop"] => noop::serve(),
        ["peer"] => measure::peer(),
        ["gate-rules"] => {
            micro::gate_rules();
            Ok(())
        }
        ["gate-shard"] => {
            micro::gate_shard();
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gavel-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn all(form: &'static str) -> io::Result<()> {
    let seconds = |quick, full| Duration::from_secs(if form == "quick" { quick } else { full });
    let (warm_up, measured) = (seconds(1, 3), seconds(3, 15));
    let plan = Plan { spread: 10_000, many: 100_000, rounds: 3, warm_up, measured };
    let data = data("measured")?;
    let machine = Machine::look(data.parent().unwrap_or(&data))?;
    let measured = measure::all(&plan, &data)?;
    let evidence = micro::evidence();
    let bid = measured.figures.iter().find(|figure| figure.name == "spread 64: cpu");
    let share = bid.map(|bid| micro::evidence_share(&evidence, bid));
    let micro = [micro::rules(), micro::shard(), evidence];
    let figures = measured.figures.into_iter().chain(share).chain(micro).collect();
    let report = Report {
        form,
        version: env!("CARGO_PKG_VERSION"),
        machine,
        bids_compared: measured.compared,
        live_subscriber: measured.live_subscriber,
        figures,
    };
    report.print();
    report.write(Path::new("bench/results"))
}

/// Every measurement once, too short to mean anything: whether the checker is content.
fn smoke() -> io::Result<()> {
    let (warm_up, measured) = (Duration::ZERO, Duration::from_millis(300));
    let plan = Plan { spread: 1_024, many: 1_000, rounds: 1, warm_up, measured };
    let measured = measure::all(&plan, &data("smoke")?)?;
    println!("checked: {} accepted bids, each in its auction's log", measured.compared);
    Ok(())
}

fn bids(rounds: &str) -> io::Result<()> {
    let rounds = rounds.parse().map_err(|_| io::Error::other("ROUNDS is a number"))?;
    let (warm_up, measured) = (Duration::from_millis(300), Duration::from_secs(1));
    let plan = Plan { spread: 10_000, many: 0, rounds, warm_up, measured };
    show(&measure::bids(&plan, &data("bids")?)?)
}

fn soak(seconds: &str) -> io::Result<()> {
    let seconds = seconds.parse().map_err(|_| io::Error::other("--seconds wants a number"))?;
    measure::soak(&data("soak")?, seconds)
}

fn show(figures: &[figures::Figure]) -> io::Result<()> {
    for figure in figures {
        let (name, unit) = (&figure.name, figure.unit);
        let numbers = [figure.min, figure.median, figure.max].map(report::short);
        println!(
            "{name}: {} {unit} ({} .. {}) {}",
            numbers[1], numbers[0], numbers[2], figure.verdict
        );
    }
    Ok(())
}

/// An empty folder for data, beside the binaries: on a disk, not in memory.
fn data(name: &str) -> io::Result<PathBuf> {
    // Only so many connections as there are descriptors.
    rlimit::increase_nofile_limit(20_000)?;
    let binary = std::env::current_exe()?;
    let target = binary.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    let folder = target.join("bench-data");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder.join(name))
}
