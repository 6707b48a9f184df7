//! `gavel key rotate`: gives the vault of people a new master key. Works on the data of a house
//! that is stopped. Knows no other keys: the signing key and the log key stay what they are.

use super::failed;
use super::output::{Failure, Output, count, good};
use crate::audit::Entry;
use crate::audit::trail::{FILE, Trail};
use crate::keys;
use gavel_auction::event::HouseId;
use gavel_engine::Clock;
use gavel_store::sqlite;
use serde_json::json;
use std::path::PathBuf;

/// Look after the keys of a house.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// Give the vault of people a new master key; the house must be stopped
    Rotate(RotateArgs),
}

#[derive(clap::Args, Debug)]
struct RotateArgs {
    /// The directory of the house
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// Why the keys are what they were.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    match &args.verb {
        Verb::Rotate(args) => rotate(args, out),
    }
}

/// First the new key is kept beside the old one, then everything is wrapped by it in one
/// transaction, then the old one is forgotten. Cut short, it is finished by doing it again.
fn rotate(args: &RotateArgs, out: Output) -> Result<(), Failure> {
    let keys = keys::read(&args.data).map_err(|error| {
        Failure::usage("no_house", error.to_string())
            .accept("--data DIR, a directory that `gavel init` or `gavel serve` made")
    })?;
    let in_file = !keys::vault_is_given();
    let both = if in_file { keys.vault.with_new() } else { keys.vault.clone() };
    if !in_file && both.size() < 2 {
        let what = "the vault's keys are in the environment, and there is one only";
        return Err(Failure::usage("one_key", what)
            .accept("GAVEL_VAULT__KEYS=NEW,OLD, and NEW alone afterwards"));
    }
    // A house that is open knows nothing of another key: it is refused before anything is written.
    drop(sqlite::lock::take(&args.data).map_err(|error| failed(error.into()))?);
    if in_file {
        keys::keep_vault(&args.data, &both).map_err(|error| failed(error.into()))?;
    }
    let people = sqlite::rotate_vault(&args.data, &both).map_err(|error| failed(error.into()))?;
    if in_file {
        keys::keep_vault(&args.data, &both.newest()).map_err(|error| failed(error.into()))?;
    }
    let noted = note(args, keys.house);
    noted.map_err(|error| Failure::file(&args.data.join(FILE), &error))?;
    out.result(&json!({"people": people}), |out| {
        let people = count(people as u64);
        writeln!(out, "{}", good("The vault has a new master key."))?;
        writeln!(
            out,
            "{people} people's keys are wrapped by it; the search index has a new one too."
        )?;
        match in_file {
            true => writeln!(out, "Backups made before need the key that is in them."),
            false => writeln!(out, "Take the old key out of GAVEL_VAULT__KEYS now."),
        }
    })
}

/// The house is stopped, so nobody else writes its trail.
fn note(args: &RotateArgs, house: HouseId) -> std::io::Result<()> {
    let entry = Entry {
        at: Clock::default().now(),
        by: None,
        verb: "rotate_keys",
        act: "gavel key rotate".to_owned(),
        outcome: "done".to_owned(),
    };
    Trail::open(&args.data, house)?.append(std::iter::once((&entry, 0)))
}
