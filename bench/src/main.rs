//! Load generator, peers, micro-benchmarks and the instruction gate of Gavel. Measures from the
//! outside, over the same API as everybody; bench/README.md says how.

mod bids;
mod chance;
mod checker;
mod client;
mod clock;
mod crowd;
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
mod rooms;
mod watchers;
mod wire;

use machine::Machine;
use measure::Plan;
use report::Report;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: gavel-bench COMMAND

  all [--quick] [--only B6,B12]   everything, written to bench/results; or only what is named,
                     written nowhere
  smoke [--only B6,B12]   the same in seconds, for the checker alone; written nowhere
  bids ROUNDS        B1, B2 and B9 in short rounds, for tuning; written nowhere
  live SOCKETS       B13 with so many, once, for profiles; written nowhere
  logins             bids beside a thousand wrong logins a second (S4); written nowhere
  soak --seconds N   one hot auction for a long time
  rules, shard       micro-benchmarks of the rules and of the shard (B8, B9)
  noop LENGTH        the peer that does nothing, until it is killed
  rooms MILLISECONDS SOCKETS   the peer of the live room, an update that often once so many are
                     in, until it is killed
  peer               how fast generator and peer are together, without a house
  gate-rules, gate-shard   a fixed replay, to be counted by callgrind";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["all"] => all("full", Plan::FULL),
        ["all", "--quick"] => all("quick", Plan::QUICK),
        ["all", "--only", names] => some(&Plan::FULL, names),
        ["all", "--quick", "--only", names] => some(&Plan::QUICK, names),
        ["smoke"] => smoke(""),
        ["smoke", "--only", names] => smoke(names),
        ["bids", rounds] => bids(rounds),
        ["live", sockets] => live(sockets),
        ["logins"] => some(&Plan::QUICK, "S4"),
        ["soak", "--seconds", seconds] => soak(seconds),
        ["rules"] => show(&[micro::rules(), micro::evidence()]),
        ["shard"] => show(&[micro::shard()]),
        ["noop", length] => noop(length),
        ["rooms", every, awaited] => rooms(every, awaited),
        ["peer"] => measure::soak::peer(),
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

fn all(form: &'static str, plan: Plan) -> io::Result<()> {
    let folder = folder()?;
    let machine = Machine::look(&folder)?;
    let measured = measure::all(&plan, &folder, &[])?;
    let evidence = micro::evidence();
    let bid = measured.figures.iter().find(|figure| figure.name == "spread 64: cpu");
    let share = bid.map(|bid| micro::evidence_share(&evidence, bid));
    let micro = [micro::rules(), micro::shard(), evidence];
    let figures = measured.figures.into_iter().chain(share).chain(micro).collect();
    let (version, bids_compared) = (env!("CARGO_PKG_VERSION"), measured.compared);
    let report = Report { form, version, machine, bids_compared, figures };
    report.print();
    report.write(Path::new("bench/results"))
}

/// What is named, and nothing else.
fn some(plan: &Plan, names: &str) -> io::Result<()> {
    let only = only(names)?;
    let measured = measure::all(plan, &folder()?, &only)?;
    report::table(&measured.figures, measured.compared);
    Ok(())
}

fn only(names: &str) -> io::Result<Vec<String>> {
    let names: Vec<String> =
        names.split(',').filter(|name| !name.is_empty()).map(str::to_uppercase).collect();
    match names.iter().find(|name| measure::names().all(|known| known != *name)) {
        Some(unknown) => Err(io::Error::other(format!("there is no figure {unknown} here"))),
        None => Ok(names),
    }
}

/// Every measurement once, too short to mean anything: whether the checker is content.
fn smoke(names: &str) -> io::Result<()> {
    let measured = measure::all(&Plan::SMOKE, &folder()?, &only(names)?)?;
    println!("checked: {} accepted bids, each in its auction's log", measured.compared);
    Ok(())
}

fn bids(rounds: &str) -> io::Result<()> {
    let rounds = rounds.parse().map_err(|_| io::Error::other("ROUNDS is a number"))?;
    let (warm_up, measured) = (Duration::from_millis(300), Duration::from_secs(1));
    some(&Plan { rounds, warm_up, measured, ..Plan::QUICK }, "B1")
}

fn live(sockets: &str) -> io::Result<()> {
    let watching = sockets.parse().map_err(|_| io::Error::other("SOCKETS is a number"))?;
    let (long_rounds, streams) = (1, watching / 5);
    some(&Plan { watching, streams, long_rounds, ..Plan::FULL }, "B13")
}

fn noop(length: &str) -> io::Result<()> {
    noop::serve(length.parse().map_err(|_| io::Error::other("LENGTH is a number"))?)
}

fn rooms(every: &str, awaited: &str) -> io::Result<()> {
    let every = every.parse().map_err(|_| io::Error::other("MILLISECONDS is a number"))?;
    let awaited = awaited.parse().map_err(|_| io::Error::other("SOCKETS is a number"))?;
    rooms::serve(Duration::from_millis(every), awaited)
}

fn soak(seconds: &str) -> io::Result<()> {
    let seconds = seconds.parse().map_err(|_| io::Error::other("--seconds wants a number"))?;
    measure::soak::hot(&folder()?.join("soak"), seconds)
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
fn folder() -> io::Result<PathBuf> {
    // Only so many connections as there are descriptors.
    rlimit::increase_nofile_limit(20_000)?;
    let binary = std::env::current_exe()?;
    let target = binary.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    let folder = target.join("bench-data");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
