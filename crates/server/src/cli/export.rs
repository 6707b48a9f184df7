//! `gavel export`: an auction's certificate, or its public log, byte for byte as the house gives
//! it; or everything that a directory of data holds. Judges nothing: that is `gavel verify`.

mod everything;

use super::client::{Client, HouseArgs};
use super::output::{Failure, Output, good};
use super::query;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

/// Export an auction's certificate or its public log, or everything.
#[derive(clap::Args, Debug)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["certificate", "events", "all"])))]
pub struct Args {
    /// The auction's number
    #[arg(long, required_unless_present = "all")]
    auction: Option<i64>,
    /// Everything, as JSON lines in this new directory; reads the data, not the server
    #[arg(long, value_name = "DIR", conflicts_with_all = ["auction", "out"])]
    all: Option<PathBuf>,
    /// Where the house keeps its data, for --all
    #[arg(long, value_name = "DIR", default_value = "gavel-data")]
    data: PathBuf,
    /// The signed certificate, byte for byte; `gavel verify` checks it
    #[arg(long)]
    certificate: bool,
    /// The public log, one event a line
    #[arg(long)]
    events: bool,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    house: HouseArgs,
}

/// Runs the command.
///
/// # Errors
/// If the house does not give it, or it cannot be written.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    if let Some(to) = &args.all {
        return everything::run(&args.data, to, out);
    }
    let client = args.house.client()?;
    let auction = args.auction.unwrap_or_default();
    let bytes = match args.certificate {
        true => client.get(&format!("/v1/auctions/{auction}/certificate"))?.bytes.to_vec(),
        false => events(&client, auction)?,
    };
    let Some(file) = &args.out else {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&bytes)?;
        return Ok(stdout.flush()?);
    };
    fs::write(file, &bytes).map_err(|error| Failure::file(file, &error))?;
    let told = json!({"file": file.display().to_string(), "bytes": bytes.len()});
    out.result(&told, |out| {
        writeln!(out, "{} {} bytes", good(&file.display().to_string()), bytes.len())
    })
}

/// The whole public log, read in pages.
fn events(client: &Client, auction: i64) -> Result<Vec<u8>, Failure> {
    let mut lines = Vec::new();
    let mut after = 0_u64;
    loop {
        let from = after.to_string();
        let page = [("after", Some(from.as_str())), ("limit", Some("100"))];
        let path = query::path(&format!("/v1/auctions/{auction}/events"), &page);
        let reply = client.get(&path)?;
        let page: Page<'_> = serde_json::from_slice(&reply.bytes).map_err(|error| {
            Failure::refused("not_gavel", format!("no page of events: {error}"))
        })?;
        let before = after;
        for item in page.items {
            let value: Value = serde_json::from_str(item.get()).unwrap_or_default();
            let version = value.pointer("/event/version").and_then(Value::as_u64);
            after = version.unwrap_or(after).max(after);
            lines.extend_from_slice(item.get().as_bytes());
            lines.push(b'\n');
        }
        if after == before {
            return Ok(lines);
        }
    }
}

/// The items stay as they are, byte for byte: they are evidence.
#[derive(serde::Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    items: Vec<&'a serde_json::value::RawValue>,
}
