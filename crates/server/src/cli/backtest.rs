//! `gavel backtest FILE.csv --preset NAME`: the pure rules over recorded bids with their own times,
//! compared with what the record says came of them. Refuses to know a server, a clock or a store.

mod record;
mod report;
mod trial;

use super::output::{Failure, Output};
use super::overrides;
use gavel_auction::money::Currency;
use gavel_auction::presets::Preset;
use record::Records;
use report::Tally;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;
use trial::Rules;

/// Run rules over recorded auctions and compare winners and prices with the record.
///
/// The file is CSV with the columns auction, days, open_cents, price_cents, seconds, bidder and
/// amount_cents (and, if you like, item), one row a bid, the rows of an auction one after another.
/// Amounts are in minor units of the currency, seconds count from the auction's start.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The recorded bids; - reads them from standard input
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// The rules to try, by name
    #[arg(long, default_value = "english", value_parser = overrides::preset)]
    preset: Preset,
    /// Change one rule of the preset, such as close=hard or close.window_seconds=60; repeatable
    #[arg(long = "set", value_name = "SLOT=VALUE")]
    settings: Vec<String>,
    /// The currency whose minor units the amounts are
    #[arg(long, default_value = "USD", value_parser = overrides::currency)]
    currency: Currency,
    /// How many differences to show [default: 20; with --json all]
    #[arg(long, value_name = "N")]
    differences: Option<usize>,
}

/// What was tried, for the report.
struct Question<'a> {
    file: String,
    preset: Preset,
    terms: &'a Map<String, Value>,
    currency: Currency,
}

/// Runs the command.
///
/// # Errors
/// If the rules make no sense, or the file does not, by line.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let terms = overrides::parse(&args.settings, args.preset, args.currency)?;
    let rules = Rules::new(args.preset, overrides::slots(&terms)?, args.currency);
    let (source, length): (Box<dyn Read>, u64) = if args.file.as_os_str() == "-" {
        (Box::new(std::io::stdin().lock()), 0)
    } else {
        let file = File::open(&args.file).map_err(|error| unreadable(args, &error))?;
        let length = file.metadata().map_err(|error| unreadable(args, &error))?.len();
        (Box::new(file), length)
    };
    let limit = args.differences.unwrap_or(if out.is_json() { usize::MAX } else { 20 });
    let bar = out.progress(length);
    let mut records = Records::new(BufReader::with_capacity(1 << 16, source))?;
    let mut tally = Tally::new(limit);
    while let Some(recorded) = records.next_auction()? {
        let verdict = rules.hold(&recorded)?;
        tally.count(&recorded, verdict);
        bar.set_position(records.bytes_read());
        bar.set_message(tally.progress());
    }
    bar.finish_and_clear();
    let file = args.file.display().to_string();
    let question = Question { file, preset: args.preset, terms: &terms, currency: args.currency };
    tally.report(&question, records.slips(), out)
}

fn unreadable(args: &Args, error: &std::io::Error) -> Failure {
    Failure::usage("file", format!("{}: {error}", args.file.display()))
        .accept("a CSV file of recorded bids, as docs/backtest.md describes it")
}
