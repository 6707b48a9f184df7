//! `gavel bid`: one bid, done exactly once. Asks back before an amount that looks like a slip.

use super::client::{Client, HouseArgs, Order};
use super::output::{Failure, Output, bad, facts, good, instant, money, strong};
use gavel_auction::money::{Amount, Currency, parse_major};
use http::Method;
use serde_json::{Map, Value, json};
use std::io::{self, IsTerminal, Write};

/// Bid in an auction.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The auction's number
    auction: i64,
    /// How much, in major units of the auction's currency, such as 130 or 130.50
    amount: String,
    /// Let the house bid for you up to that amount, where bids are proxies
    #[arg(long)]
    max: bool,
    /// Mean it, even if it is far above the smallest legal bid
    #[arg(long)]
    confirm: bool,
    /// Only if the auction is still at this version
    #[arg(long, value_name = "VERSION")]
    expected_version: Option<u64>,
    /// Bid for this paddle (clerks)
    #[arg(long, value_name = "PADDLE")]
    on_behalf_of: Option<i64>,
    /// The key of a bid whose outcome is unknown, to try that very bid again
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    house: HouseArgs,
}

/// So many times the smallest legal bid looks like a slip.
const SLIP: i64 = 10;

/// Runs the command.
///
/// # Errors
/// Why the bid was refused, or that nobody knows whether it was placed.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let client = args.house.client()?;
    let auction = client.get(&format!("/v1/auctions/{}", args.auction))?.json();
    let currency = currency_of(&auction)?;
    let amount = amount(&args.amount, currency)?;
    let confirm = args.confirm || is_no_slip(&auction, amount, currency, out)?;
    let mut body = Map::new();
    let offer = if args.max { "maximum" } else { "amount" };
    body.insert(offer.to_owned(), json!(amount.minor()));
    body.insert("currency".to_owned(), json!(currency.code()));
    if confirm {
        body.insert("confirm".to_owned(), json!(true));
    }
    if let Some(version) = args.expected_version {
        body.insert("expected_version".to_owned(), json!(version));
    }
    if let Some(paddle) = args.on_behalf_of {
        body.insert("on_behalf_of".to_owned(), json!(paddle));
    }
    place(&client, args, Value::Object(body), currency, out)
}

fn place(
    client: &Client,
    args: &Args,
    body: Value,
    currency: Currency,
    out: Output,
) -> Result<(), Failure> {
    let order = Order::new(Some(body)).again(args.key.clone()).told_in(currency);
    let path = format!("/v1/auctions/{}/bids", args.auction);
    let placed = client.command(&Method::POST, &path, &order)?.json();
    out.result(&placed, |out| tell(&placed, currency, out))
}

fn tell(placed: &Value, currency: Currency, out: &mut dyn Write) -> io::Result<()> {
    let text = |name: &str| placed.get(name).and_then(Value::as_str);
    let told = |name: &str| placed.get(name).and_then(Value::as_i64).map(|m| money(m, currency));
    let standing = match text("standing") {
        Some("leading") => good("You lead."),
        Some("outbid") => bad("You were outbid at once."),
        Some("sealed") => strong("Your sealed bid is in."),
        Some(_) | None => strong("Your bid stands."),
    };
    writeln!(out, "{standing}")?;
    let mut pairs = Vec::new();
    if let Some(price) = told("price") {
        pairs.push(("price", price));
    }
    if let Some(next) = told("minimum_next") {
        pairs.push(("next bid", format!("{next} or more")));
    }
    if let Some(next) = told("maximum_next") {
        pairs.push(("next bid", format!("{next} or less")));
    }
    if let Some(end) = text("effective_end") {
        let extended = placed.get("extended").and_then(Value::as_bool) == Some(true);
        let moved = if extended { ", moved by your bid" } else { "" };
        pairs.push(("ends", format!("{}{moved}", instant(end, text("server_time")))));
    }
    if let Some(operation) = text("operation") {
        pairs.push(("operation", operation.to_owned()));
    }
    facts(out, &pairs)
}

/// Whether an amount is to be confirmed: asks a person, and refuses to guess for a script.
fn is_no_slip(
    auction: &Value,
    amount: Amount,
    currency: Currency,
    out: Output,
) -> Result<bool, Failure> {
    let Some(least) = auction.get("minimum_next").and_then(Value::as_i64) else { return Ok(false) };
    if amount.minor() <= least.saturating_mul(SLIP) {
        return Ok(false);
    }
    let (told, least) = (money(amount.minor(), currency), money(least, currency));
    let times = format!("{told} is more than {SLIP} times the smallest legal bid, {least}");
    let refusal = Failure::refused("confirm_needed", times.clone()).accept("--confirm to mean it");
    if out.is_json() || !io::stdin().is_terminal() {
        return Err(refusal);
    }
    let mut err = io::stderr().lock();
    write!(err, "{times}. Do you mean it? [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(true) } else { Err(refusal) }
}

/// The currency that an auction is in.
pub(super) fn currency_of(auction: &Value) -> Result<Currency, Failure> {
    let code = auction.get("currency").and_then(Value::as_str);
    code.and_then(Currency::from_code)
        .ok_or_else(|| Failure::refused("not_gavel", "the answer names no currency"))
}

/// An amount in major units.
pub(super) fn amount(text: &str, currency: Currency) -> Result<Amount, Failure> {
    parse_major(text, currency).ok_or_else(|| {
        let digits = currency.exponent();
        let most = match digits {
            0 => "no decimals".to_owned(),
            digits => format!("at most {digits} decimals"),
        };
        Failure::usage("malformed", format!("`{text}` is no amount of {currency}"))
            .accept(format!("digits with {most}, such as {}", example(currency)))
    })
}

fn example(currency: Currency) -> String {
    super::output::major(130 * 10_i128.pow(currency.exponent()), currency)
}
