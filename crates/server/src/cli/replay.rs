//! `gavel replay FILE|ID`: the history of a certificate in plain words, with the price after each
//! event, or what would have been without somebody. Tells only what holds: the certificate, from a
//! file or from the house, is verified first.

mod what_if;
mod words;

use super::client::HouseArgs;
use super::output::{Failure, Output, instant_of, money, strong, table};
use super::verify::{read, verified};
use gavel_auction::event::Fact;
use gavel_auction::ids::{AuctionId, Paddle, Version};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::time::Time;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Tell the history of a certificate in plain words, or what would have been without somebody.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The certificate, or the number of an auction whose certificate the house gives
    #[arg(value_name = "FILE|ID")]
    what: PathBuf,
    /// What would have been without this paddle's bids: the same commands, decided again by the
    /// same rules at the same times
    #[arg(long, value_name = "PADDLE", value_parser = paddle)]
    without: Option<Paddle>,
    #[command(flatten)]
    house: HouseArgs,
}

fn paddle(text: &str) -> Result<Paddle, &'static str> {
    text.parse().ok().and_then(Paddle::new).ok_or("a paddle is a number from 1 on")
}

/// As much of a certificate as is told.
#[derive(Deserialize)]
struct Certificate {
    auction: i64,
    events: Vec<EventPart>,
    openings: BTreeMap<String, BTreeMap<String, Opening>>,
}

#[derive(Deserialize)]
struct EventPart {
    at: Time,
    version: Version,
    #[serde(flatten)]
    fact: Fact,
}

#[derive(Deserialize)]
struct Opening {
    value: Value,
}

/// What an event hid that the certificate opens.
struct Opened<'a>(Option<&'a BTreeMap<String, Opening>>);

impl Opened<'_> {
    fn number(&self, field: &str) -> Option<i64> {
        self.0?.get(field)?.value.as_i64()
    }
}

/// One line of the history.
struct Line {
    version: Version,
    at: Time,
    words: String,
    price: Option<Amount>,
    leader: Option<i64>,
}

/// Runs the command.
///
/// # Errors
/// If the file is no certificate, or one that does not hold.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let bytes = certificate(args)?;
    if let Some(without) = args.without {
        return what_if::run(&bytes, without, out);
    }
    let report = verified(&bytes)?;
    let certificate: Certificate = serde_json::from_slice(&bytes).map_err(|error| {
        Failure::refused("not_a_certificate", format!("its events cannot be told: {error}"))
    })?;
    let currency = report.currency;
    let lines = history(&certificate, currency);
    out.result(&machine(&certificate, &lines), |out| {
        let title = format!("Auction {}, {} events", certificate.auction, lines.len());
        writeln!(out, "{}", strong(&title))?;
        let headings = ["version", "time", "what happened", "price", "leader"];
        let mut table = table(&headings, &["version", "price"]);
        for line in &lines {
            let price = line.price.map(|price| sum(price.minor(), currency));
            table.add_row([
                line.version.to_string(),
                instant_of(line.at),
                line.words.clone(),
                price.unwrap_or_default(),
                line.leader.map(|paddle| format!("paddle {paddle}")).unwrap_or_default(),
            ]);
        }
        writeln!(out, "{table}")
    })
}

/// The certificate's bytes. A file of that name goes before an auction of that number.
fn certificate(args: &Args) -> Result<Vec<u8>, Failure> {
    let id = args.what.to_str().and_then(|text| text.parse().ok()).and_then(AuctionId::new);
    match id.filter(|_| !args.what.exists()) {
        None => read(&args.what, "a certificate, or the number of an auction"),
        Some(id) => {
            let path = format!("/v1/auctions/{id}/certificate");
            Ok(args.house.client()?.get(&path)?.bytes.to_vec())
        }
    }
}

fn machine(certificate: &Certificate, lines: &[Line]) -> Value {
    let told = |line: &Line| {
        json!({
            "version": line.version,
            "at": instant_of(line.at),
            "words": line.words,
            "price": line.price,
            "leader": line.leader,
        })
    };
    let history: Vec<_> = lines.iter().map(told).collect();
    json!({"auction": certificate.auction, "history": history})
}

fn history(certificate: &Certificate, currency: Option<Currency>) -> Vec<Line> {
    let mut lines = Vec::with_capacity(certificate.events.len());
    let (mut price, mut leader) = (None, None);
    for EventPart { at, version, fact } in &certificate.events {
        if let Some(shown) = fact.now().and_then(|now| now.shown.as_ref()) {
            price = shown.price;
            leader = shown.leader.map(i64::from);
        }
        if let Fact::Closed { outcome, .. } = fact
            && let Some(sale) = outcome.sale()
        {
            price = Some(sale.hammer_price);
            leader = Some(sale.winner.get());
        }
        let opened = Opened(certificate.openings.get(&version.to_string()));
        let words = words::of(fact, &opened, currency);
        lines.push(Line { version: *version, at: *at, words, price, leader });
    }
    lines
}

fn sum(minor: i64, currency: Option<Currency>) -> String {
    match currency {
        Some(currency) => money(minor, currency),
        None => format!("{minor} minor units"),
    }
}
