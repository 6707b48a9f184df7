//! `gavel audit`: checks the audit trail of a house and shows it. Reads the data directory; may run
//! beside the house. Signs how far the trail goes, where it has the house's key.

use super::output::{Failure, Output, bad, count, good, instant, table};
use crate::audit::trail::{self, FILE};
use crate::keys;
use gavel_auction::event::HouseId;
use gavel_proof::keys::HouseKey;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::PathBuf;

/// Check the audit trail, and show its last lines.
///
/// Each line holds the hash of the one before: one that was changed, taken out or put in between is
/// named. That its end was cut off shows only beside a head that was kept elsewhere (--head).
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Where the house keeps its data
    #[arg(long, value_name = "DIR", default_value = "gavel-data")]
    data: PathBuf,
    /// How many lines to show
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    last: u16,
    /// A head that was kept elsewhere, as this command and `GET /v1/audit` show it; what is signed
    /// must be signed by this house
    #[arg(long, value_name = "NUMBER:HASH[:SIGNATURE]")]
    head: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// If the trail does not hold, or there is none.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let house = keys::house(&args.data).map_err(|error| {
        Failure::usage("no_house", error.to_string())
            .accept("--data DIR, a directory that `gavel init` or `gavel serve` made")
    })?;
    let signing = keys::signing(&args.data).ok();
    let head = args.head.as_deref().map(|head| parse(head, house, signing.as_ref())).transpose()?;
    let path = args.data.join(FILE);
    let (mut last, mut seen) = (VecDeque::new(), None);
    let each = |number: u64, line: &str| {
        last.push_back(line.to_owned());
        if last.len() > usize::from(args.last) {
            last.pop_front();
        }
        if let Some((_, hash)) = head.filter(|(at, _)| *at == number) {
            seen = Some(line.ends_with(&format!(r#","hash":"{hash}"}}"#)));
        }
    };
    let checked = trail::check(&path, house, each).map_err(|error| Failure::file(&path, &error))?;
    let (number, hash) = (checked.index.number, checked.index.head);
    if let Some(line) = checked.broken {
        let what = format!("line {line} of {} does not fit what is before it", path.display());
        return Err(Failure::refused("broken_trail", format!("{} {what}", bad("✗"))));
    }
    if let Some((at, _)) = head.filter(|_| seen != Some(true)) {
        let what = format!("this trail does not lead to that head: line {at} is another, or gone");
        return Err(Failure::refused("other_history", format!("{} {what}", bad("✗"))));
    }
    let items: Vec<Value> =
        last.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let head = format!("{number}:{hash}");
    let head = signing.map_or(head.clone(), |key| trail::signed(&head, house, &key));
    let told = json!({"items": items, "number": number, "head": head});
    out.result(&told, |out| {
        let mut table = table(&["", "when", "who", "what", "outcome"], &[""]);
        for item in &items {
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            let by = item["by"].as_i64().map_or("-".to_owned(), |by| by.to_string());
            let when = instant(&text("at"), None);
            table.add_row([item["number"].to_string(), when, by, text("act"), text("outcome")]);
        }
        writeln!(out, "{table}")?;
        writeln!(out, "{} {} lines, each fits the one before", good("✓"), count(number))?;
        writeln!(out, "Keep this head elsewhere: {head}")
    })
}

fn parse<'a>(
    text: &'a str,
    house: HouseId,
    signing: Option<&HouseKey>,
) -> Result<(u64, &'a str), Failure> {
    let (head, signature) = match text.match_indices(':').nth(1) {
        Some((at, _)) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let holds = |signature| {
        signing.is_some_and(|key| trail::is_signed(head, signature, house, &key.public()))
    };
    if !signature.is_none_or(holds) {
        return Err(Failure::refused("bad_head", "this house has not signed that head")
            .accept("--head as this house has given it"));
    }
    let parsed = head.split_once(':').and_then(|(number, hash)| {
        Some((number.parse().ok()?, Some(hash).filter(|hash| hash.len() == 64)?))
    });
    parsed.ok_or_else(|| {
        Failure::usage("bad_head", format!("`{text}` is no head of an audit trail"))
            .accept("--head NUMBER:HASH, with 64 hexadecimal digits, or what the house has signed")
    })
}
