//! `gavel shills`: who may be bidding for a seller, as the house counts it. Judges nobody.

use super::client::HouseArgs;
use super::output::{Failure, Output, table};
use super::query;
use serde_json::Value;
use std::io::{self, Write};

/// Find bidders who may be bidding for the seller (administrators).
///
/// Without --auction or --seller: who bids on what somebody sells with whom he shares an address, a
/// number, a browser, or a network within a day. With one of them: all its bidders, what they have
/// in common, and how they bid. It is counted, not judged.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// All bidders of this auction
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["seller", "cursor"])]
    auction: Option<i64>,
    /// All bidders of this user's newest hundred auctions
    #[arg(long, value_name = "USER", conflicts_with = "cursor")]
    seller: Option<i64>,
    /// Go on where a page ended
    #[arg(long)]
    cursor: Option<String>,
    #[command(flatten)]
    house: HouseArgs,
}

/// Runs the command.
///
/// # Errors
/// What the house says against it.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let client = args.house.client()?;
    let path = match (args.auction, args.seller) {
        (Some(auction), _) => format!("/v1/auctions/{auction}/shills"),
        (None, Some(seller)) => format!("/v1/users/{seller}/shills"),
        (None, None) => {
            let page = [("limit", Some("100")), ("cursor", args.cursor.as_deref())];
            query::path("/v1/shills", &page)
        }
    };
    let told = client.get(&path)?.json();
    out.result(&told, |out| match told.get("bidders") {
        Some(bidders) => tell_report(&told, bidders, out),
        None => tell_flags(&told, out),
    })
}

fn list(of: Option<&Value>) -> &[Value] {
    of.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn words(of: Option<&Value>) -> String {
    list(of).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn number(of: &Value, name: &str) -> String {
    of.get(name).map(Value::to_string).unwrap_or_default()
}

fn tell_flags(told: &Value, out: &mut dyn Write) -> io::Result<()> {
    let items = list(told.get("items"));
    if items.is_empty() {
        writeln!(out, "Nobody here bids on what is sold by somebody he is linked with.")?;
    } else {
        let columns = ["auction", "seller", "bidder", "paddle"];
        let mut table = table(&["auction", "seller", "bidder", "paddle", "by"], &columns);
        for item in items {
            let mut row: Vec<String> = columns.iter().map(|name| number(item, name)).collect();
            row.push(words(item.get("by")));
            table.add_row(row);
        }
        writeln!(out, "{table}")?;
    }
    match told.get("next_cursor").and_then(Value::as_str) {
        Some(cursor) => writeln!(out, "There are older auctions: --cursor {cursor}"),
        None => Ok(()),
    }
}

fn tell_report(told: &Value, bidders: &Value, out: &mut dyn Write) -> io::Result<()> {
    let bidders = list(Some(bidders));
    if bidders.is_empty() {
        return writeln!(out, "Nobody has a paddle.");
    }
    let columns = ["score", "user", "lots_of_seller", "lots", "sold", "won"];
    let headings = ["score", "user", "of seller", "lots", "sold", "won", "name", "flags", "links"];
    let mut table = table(&headings, &["score", "user", "of seller", "lots", "sold", "won"]);
    for bidder in bidders {
        let mut row: Vec<String> = columns.iter().map(|name| number(bidder, name)).collect();
        let name = bidder.get("username").and_then(Value::as_str);
        row.push(name.unwrap_or("gone").to_owned());
        row.push(words(bidder.get("flags")));
        let links = list(bidder.get("links")).iter().map(|link| {
            let by = link.get("by").and_then(Value::as_str).unwrap_or_default();
            format!("{} {by}", number(link, "user"))
        });
        row.push(links.collect::<Vec<_>>().join(", "));
        table.add_row(row);
    }
    writeln!(out, "{table}")?;
    match told.get("left_out").and_then(Value::as_u64) {
        Some(more) if more > 0 => writeln!(out, "{more} more were not looked at."),
        Some(_) | None => Ok(()),
    }
}
