//! `gavel auction`: making auctions, looking at them, running them. Names routes and bodies; what
//! is legal, the house says.

mod create;
mod show;

use super::client::{HouseArgs, Order};
use super::output::{Failure, Output, instant, strong};
use http::Method;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Make auctions, look at them, run them.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// Make an auction of a preset, with what you change in it
    Create(create::Args),
    /// List auctions
    List(show::ListArgs),
    /// Show one auction as you may see it
    Show(show::ShowArgs),
    /// Announce a draft; it opens as soon as its start has come
    Publish(BareArgs),
    /// Let the hammer fall now (clerks)
    Close(ReasonArgs),
    /// Call an auction off
    Cancel(ReasonArgs),
    /// Stop bidding for a while (clerks)
    Hold(ReasonArgs),
    /// Go on after a hold (clerks)
    Resume(BareArgs),
}

#[derive(clap::Args, Debug)]
struct BareArgs {
    /// The auction's number
    auction: i64,
    /// Only if the auction is still at this version
    #[arg(long, value_name = "VERSION")]
    expected_version: Option<u64>,
    /// The key of a command whose outcome is unknown, to try that very command again
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    house: HouseArgs,
}

#[derive(clap::Args, Debug)]
struct ReasonArgs {
    #[command(flatten)]
    bare: BareArgs,
    /// Why: mistake, withdrawn, misdescribed, damaged, non_payment, suspected_fraud,
    /// technical_failure, on_request or other
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// A free note, kept beside the log and never in it
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What the house says against it.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    match &args.verb {
        Verb::Create(args) => create::run(args, out),
        Verb::List(args) => show::list(args, out),
        Verb::Show(args) => show::show(args, out),
        Verb::Publish(args) => operate(args, "publish", Map::new(), out),
        Verb::Resume(args) => operate(args, "resume", Map::new(), out),
        Verb::Close(args) => with_reason(args, "close", out),
        Verb::Cancel(args) => with_reason(args, "cancel", out),
        Verb::Hold(args) => with_reason(args, "hold", out),
    }
}

fn with_reason(args: &ReasonArgs, verb: &str, out: Output) -> Result<(), Failure> {
    let mut body = Map::new();
    if let Some(reason) = &args.reason {
        body.insert("reason".to_owned(), json!(reason));
    }
    if let Some(note) = &args.note {
        body.insert("note".to_owned(), json!(note));
    }
    operate(&args.bare, verb, body, out)
}

fn operate(
    args: &BareArgs,
    verb: &str,
    mut body: Map<String, Value>,
    out: Output,
) -> Result<(), Failure> {
    if let Some(version) = args.expected_version {
        body.insert("expected_version".to_owned(), json!(version));
    }
    let path = format!("/v1/auctions/{}/{verb}", args.auction);
    let order = Order::new(Some(Value::Object(body))).again(args.key.clone());
    let stands = args.house.client()?.command(&Method::POST, &path, &order)?.json();
    out.result(&stands, |out| tell_state(&stands, args.auction, out))
}

/// Where an auction stands after a command.
fn tell_state(stands: &Value, auction: i64, out: &mut dyn Write) -> io::Result<()> {
    let text = |name: &str| stands.get(name).and_then(Value::as_str);
    let state = text("state").unwrap_or("done").replace('_', " ");
    write!(out, "{}", strong(&format!("Auction {auction} is {state}")))?;
    let ended = matches!(state.as_str(), "sold" | "passed" | "cancelled");
    match text("effective_end") {
        Some(end) if !ended => writeln!(out, ", ends {}.", instant(end, text("server_time"))),
        Some(_) | None => writeln!(out, "."),
    }
}
