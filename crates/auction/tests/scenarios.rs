//! Runs every file below `tests/scenarios`: one behaviour each, as given / when / then in plain
//! text. How they are written is said in `tests/scenarios/README.md`. Arguments that are no flags
//! select files by a part of their name.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "shared/invariants.rs"]
mod invariants;
#[path = "scenario/play.rs"]
mod scenario;
#[path = "shared/world.rs"]
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder of scenarios") {
        let path = entry.expect("its entries").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            found.push(path);
        }
    }
}

/// The arguments that are neither flags nor the value of one: parts of names.
fn wanted(arguments: &[String]) -> Vec<&String> {
    let mut wanted = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--format" || argument == "--test-threads" {
            arguments.next();
        } else if !argument.starts_with('-') {
            wanted.push(argument);
        }
    }
    wanted
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut found = Vec::new();
    files(&root, &mut found);
    found.sort();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let (listing, exact) = (asked("--list"), asked("--exact"));
    let wanted = wanted(&arguments);
    let is_wanted = |name: &str, part: &str| if exact { name == part } else { name.contains(part) };
    if asked("--ignored") {
        return ExitCode::SUCCESS;
    }
    let (mut run, mut failed) = (0, 0);
    for path in found {
        let name = path.strip_prefix(&root).expect("below the root").with_extension("");
        let name = name.display().to_string();
        if !wanted.is_empty() && !wanted.iter().any(|part| is_wanted(&name, part)) {
            continue;
        }
        if listing {
            println!("{name}: test");
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let played = std::panic::catch_unwind(|| scenario::play(&text));
        let complaint = match played {
            Ok(Ok(())) => None,
            Ok(Err(complaint)) => Some(complaint),
            Err(_) => Some("an invariant broke: see the panic above".to_owned()),
        };
        run += 1;
        println!("test {name} ... {}", if complaint.is_some() { "FAILED" } else { "ok" });
        if let Some(complaint) = complaint {
            failed += 1;
            println!("  tests/scenarios/{name}.txt: {complaint}");
        }
    }
    if !listing {
        println!("\n{run} scenarios, {failed} failed");
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
