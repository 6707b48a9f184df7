//! `gavel auction list` and `gavel auction show`: what the house shows to the one who asks.

use crate::cli::bid::currency_of;
use crate::cli::client::HouseArgs;
use crate::cli::output::{Failure, Output, facts, good, instant, money, strong, table};
use crate::cli::query;
use serde_json::Value;
use std::io::{self, Write};

#[derive(clap::Args, Debug)]
pub(super) struct ListArgs {
    /// Only in this state: draft, scheduled, open, on_hold, sold, passed, cancelled; or active,
    /// ended; repeatable
    #[arg(long, value_name = "STATE")]
    status: Vec<String>,
    /// Only of this category
    #[arg(long)]
    category: Option<String>,
    /// Only of the seller with this number
    #[arg(long, value_name = "USER")]
    seller: Option<i64>,
    /// Only with these words
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// In this order: ending, newest or price
    #[arg(long, value_name = "ORDER")]
    sort: Option<String>,
    /// How many on a page, 1 to 100
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
    limit: u8,
    /// Go on where a page ended
    #[arg(long)]
    cursor: Option<String>,
    #[command(flatten)]
    house: HouseArgs,
}

#[derive(clap::Args, Debug)]
pub(super) struct ShowArgs {
    /// The auction's number
    auction: i64,
    #[command(flatten)]
    house: HouseArgs,
}

pub(super) fn list(args: &ListArgs, out: Output) -> Result<(), Failure> {
    let (seller, limit) = (args.seller.map(|id| id.to_string()), args.limit.to_string());
    let status = (!args.status.is_empty()).then(|| args.status.join(","));
    let path = query::path(
        "/v1/auctions",
        &[
            ("status", status.as_deref()),
            ("category", args.category.as_deref()),
            ("seller", seller.as_deref()),
            ("q", args.search.as_deref()),
            ("sort", args.sort.as_deref()),
            ("limit", Some(&limit)),
            ("cursor", args.cursor.as_deref()),
            // Whoever has just created one looks for it.
            ("in_sync", Some("true")),
        ],
    );
    let page = args.house.client()?.get(&path)?.json();
    out.result(&page, |out| tell_page(&page, out))
}

fn tell_page(page: &Value, out: &mut dyn Write) -> io::Result<()> {
    let items = page.get("items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if items.is_empty() {
        return writeln!(out, "There are no such auctions.");
    }
    let mut table = table(
        &["auction", "title", "state", "price", "bids", "ends"],
        &["auction", "price", "bids"],
    );
    for item in items {
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        let number = |name: &str| item.get(name).and_then(Value::as_i64);
        let now = text("server_time").or_else(|| page.get("server_time").and_then(Value::as_str));
        table.add_row([
            number("id").map(|id| id.to_string()).unwrap_or_default(),
            text("title").unwrap_or_default().to_owned(),
            text("state").unwrap_or_default().replace('_', " "),
            told(item, "price").unwrap_or_else(|| "-".to_owned()),
            number("bid_count").map(|bids| bids.to_string()).unwrap_or_default(),
            text("effective_end").map(|end| instant(end, now)).unwrap_or_default(),
        ]);
    }
    writeln!(out, "{table}")?;
    match page.get("next_cursor").and_then(Value::as_str) {
        Some(cursor) => writeln!(out, "There are more: --cursor {cursor}"),
        None => Ok(()),
    }
}

fn told(item: &Value, name: &str) -> Option<String> {
    let minor = item.get(name).and_then(Value::as_i64)?;
    Some(money(minor, currency_of(item).ok()?))
}

pub(super) fn show(args: &ShowArgs, out: Output) -> Result<(), Failure> {
    let view = args.house.client()?.get(&format!("/v1/auctions/{}", args.auction))?.json();
    out.result(&view, |out| tell(&view, out))
}

fn tell(view: &Value, out: &mut dyn Write) -> io::Result<()> {
    let text = |pointer: &str| view.pointer(pointer).and_then(Value::as_str);
    let number = |pointer: &str| view.pointer(pointer).and_then(Value::as_i64);
    let now = text("/server_time");
    let title = text("/title").unwrap_or_default();
    writeln!(out, "{}", strong(&format!("{} {title}", number("/id").unwrap_or_default())))?;
    let mut pairs = Vec::new();
    let mut tell = |name, value: Option<String>| {
        if let Some(value) = value {
            pairs.push((name, value));
        }
    };
    tell("state", text("/state").map(|state| state.replace('_', " ")));
    tell("outcome", outcome(view));
    tell("rules", text("/preset").map(str::to_owned));
    tell("seller", text("/seller/username").map(str::to_owned));
    tell("price", told(view, "price"));
    tell("next bid", told(view, "minimum_next").map(|next| format!("{next} or more")));
    tell("next bid", told(view, "maximum_next").map(|next| format!("{next} or less")));
    tell("buy now", told(view, "buy_now"));
    tell("total to pay", told(view, "total_to_pay"));
    let met = view.get("reserve_met").and_then(Value::as_bool);
    tell("reserve", met.map(|met| if met { "met" } else { "not met" }.to_owned()));
    tell("bids", number("/bid_count").map(|bids| bids.to_string()));
    tell("leader", number("/leader").map(|paddle| leader(view, paddle)));
    tell("opens", text("/starts_at").map(|at| instant(at, now)));
    tell("ends", text("/effective_end").map(|at| instant(at, now)));
    tell("you", text("/you/standing").map(str::to_owned));
    let certified = view.get("certified").and_then(Value::as_bool) == Some(true);
    tell("certified", certified.then(|| good("yes")));
    tell("version", number("/version").map(|version| version.to_string()));
    facts(out, &pairs)?;
    text("/description").map_or(Ok(()), |description| writeln!(out, "\n{description}"))
}

fn leader(view: &Value, paddle: i64) -> String {
    let name = view.pointer(&format!("/paddles/{paddle}")).and_then(Value::as_str);
    name.map_or_else(|| format!("paddle {paddle}"), |name| format!("{name} (paddle {paddle})"))
}

fn outcome(view: &Value) -> Option<String> {
    let outcome = view.get("outcome")?;
    let currency = currency_of(view).ok()?;
    let reason = outcome.get("reason").and_then(Value::as_str);
    let told = |name: &str| outcome.get(name).and_then(Value::as_i64).map(|m| money(m, currency));
    match (outcome.get("winner").and_then(Value::as_i64), told("hammer_price")) {
        (Some(paddle), Some(hammer)) => {
            let pays = told("buyer_pays").map(|pays| format!(", {pays} to pay"));
            let winner = leader(view, paddle);
            Some(format!("sold to {winner} for {hammer}{}", pays.unwrap_or_default()))
        }
        _ => {
            let result = outcome.get("result").and_then(Value::as_str)?;
            let why = reason.map(|reason| format!(": {}", reason.replace('_', " ")));
            Some(format!("{result}{}", why.unwrap_or_default()))
        }
    }
}
