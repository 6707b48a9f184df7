//! `gavel doctor`: reads everything a house has kept, and names what is damaged. Repairs nothing,
//! writes nothing; may run beside the house.

mod chains;

use super::output::{Failure, Output, bad, count, good, strong, table};
use crate::config::table::{KEYS, Key};
use crate::keys;
use crate::upkeep;
use chains::{Damage, Found};
use gavel_store::sqlite::doctor::{Finding, integrity};
use gavel_store::sqlite::{self, OpenError, Options};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

/// Read all that a house has kept, and name what is damaged.
///
/// Checks the database files, the positions of the log, and of each auction the chain, the
/// commitments, and every decision by the rules. Repairs nothing; may run beside the house.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Where the house keeps its data
    #[arg(long, value_name = "DIR", default_value = "gavel-data")]
    data: PathBuf,
    /// Instead, describe every key of the configuration
    #[arg(long)]
    config: bool,
}

/// Runs the command.
///
/// # Errors
/// If anything is damaged, or there is nothing to read.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    if args.config { describe_keys(out) } else { examine(args, out) }
}

fn describe_keys(out: Output) -> Result<(), Failure> {
    let told = |key: &Key| {
        json!({
            "key": key.name,
            "about": key.about,
            "allowed": key.allowed,
            "default": key.default,
        })
    };
    let keys: Vec<_> = KEYS.iter().map(told).collect();
    out.result(&json!({"keys": keys}), |out| {
        writeln!(out, "section.key in the file (TOML), GAVEL_SECTION__KEY in the environment,")?;
        writeln!(out, "--set section.key=value on the command line; later ones win.\n")?;
        let mut table = table(&["key", "default", "allowed", "what it is"], &[]);
        for key in KEYS {
            table.add_row([key.name, key.default, key.allowed, key.about]);
        }
        writeln!(out, "{table}")
    })
}

fn examine(args: &Args, out: Output) -> Result<(), Failure> {
    let data = args.data.display();
    let no_house = |what: String| {
        Failure::usage("no_house", format!("{data}: {what}"))
            .accept("--data DIR, a directory that `gavel init` or `gavel serve` made")
    };
    let meta = sqlite::meta(&args.data).map_err(|error| match error {
        OpenError::NoHouse { .. } => no_house(error.to_string()),
        error => Failure::refused("damaged", format!("{data}: {error}")).accept("a backup"),
    })?;
    let keys = keys::read(&args.data).map_err(|error| no_house(error.to_string()))?;
    let files = integrity(&args.data);
    // The vault's key is tried too: without it nobody in the house can be read.
    let vault = Some(keys.vault.clone());
    let options = Options { read_only: true, vault, ..Options::default() };
    let stores = sqlite::open(&args.data, &options);
    let stores = stores.map_err(|error| no_house(error.to_string()))?;
    let mut found = chains::examine(&*stores.reader, meta.partitions, &keys, out);
    let lost = upkeep::lost_end(&args.data, &*stores.reader).unwrap_or(None);
    if let Some(lost) = lost {
        let what = lost.to_string();
        found.damages.push(Damage { auction: None, version: None, what });
    }
    if meta.house != keys.house {
        let what = format!("the keys are of house {}, the data of {}", keys.house, meta.house);
        found.damages.push(Damage { auction: None, version: None, what });
    }
    let sound = found.damages.is_empty() && files.iter().all(Finding::is_sound);
    out.result(&machine(sound, &files, &found), |out| tell(sound, &files, &found, out))?;
    if sound {
        return Ok(());
    }
    let faults = files.iter().map(|file| file.faults.len()).sum::<usize>() + found.damages.len();
    Err(Failure::refused("damaged", format!("{data}: {faults} things are damaged"))
        .accept("a backup; what is disposable is made anew from the log"))
}

fn machine(sound: bool, files: &[Finding], found: &Found) -> Value {
    let file = |finding: &Finding| {
        json!({
            "file": finding.file,
            "faults": finding.faults,
            "disposable": finding.disposable,
        })
    };
    let damage = |damage: &Damage| {
        let Damage { auction, version, what } = damage;
        json!({"auction": auction, "version": version, "what": what})
    };
    json!({
        "sound": sound,
        "files": files.iter().map(file).collect::<Vec<_>>(),
        "partitions": found.partitions,
        "records": found.records,
        "auctions": found.auctions,
        "damages": found.damages.iter().map(damage).collect::<Vec<_>>(),
    })
}

fn tell(sound: bool, files: &[Finding], found: &Found, out: &mut dyn Write) -> io::Result<()> {
    for finding in files {
        if finding.is_sound() {
            writeln!(out, "{} {}", good("✓"), finding.file)?;
        }
        for fault in &finding.faults {
            let note = if finding.disposable { " (disposable)" } else { "" };
            writeln!(out, "{} {}{note}: {fault}", bad("✗"), finding.file)?;
        }
    }
    let [records, auctions] = [found.records, found.auctions].map(count);
    let read =
        format!("{records} records of {auctions} auctions in {} partitions", found.partitions);
    if found.damages.is_empty() {
        writeln!(out, "{} {read}: positions, chains, commitments, decisions", good("✓"))?;
    } else {
        writeln!(out, "{} {read}", bad("✗"))?;
    }
    for damage in &found.damages {
        let place = match (damage.auction, damage.version) {
            (Some(auction), Some(version)) => format!("auction {auction}, version {version}: "),
            (Some(auction), None) => format!("auction {auction}: "),
            (None, _) => String::new(),
        };
        writeln!(out, "  {place}{}", damage.what)?;
    }
    let end = if sound { good("All of it holds.") } else { bad("There is damage.") };
    writeln!(out, "{}", strong(&end))
}
