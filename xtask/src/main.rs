//! Chores of the repository: `cargo xtask tidy` checks the house rules. Knows no rule of an
//! auction, and nothing here ships.

mod finding;
mod source;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask tidy

  tidy   the house rules of CONTRIBUTING.md and the walls between the crates";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => tidy::run(),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
