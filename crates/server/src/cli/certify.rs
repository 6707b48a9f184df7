//! `gavel certify` and `gavel certify-item`: makes results final that wait for it, in one pass, as
//! a scheduled job does. Idempotent: what is final already is passed over.

use super::client::{Client, HouseArgs, Order};
use super::output::{Failure, Output, bad, good, table};
use super::query;
use http::Method;
use serde_json::{Value, json};

/// Make the results of ended auctions final that wait for it (administrators).
///
/// Goes once over all ended auctions whose rules say certify=manual and that are not certified.
/// What others certify meanwhile is passed over, so that it can run as often as you like.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Only these auctions
    auctions: Vec<i64>,
    #[command(flatten)]
    house: HouseArgs,
}

/// What came of one auction.
struct Done {
    auction: i64,
    failure: Option<Failure>,
}

/// Runs the command.
///
/// # Errors
/// If the list cannot be read, or a result could not be made final.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let client = args.house.client()?;
    let candidates = match args.auctions.is_empty() {
        true => ended(&client)?,
        false => args.auctions.clone(),
    };
    let bar = out.progress(candidates.len() as u64);
    let mut done = Vec::new();
    for auction in candidates {
        bar.inc(1);
        match certify(&client, auction) {
            Ok(false) => {}
            Ok(true) => done.push(Done { auction, failure: None }),
            Err(failure) => done.push(Done { auction, failure: Some(failure) }),
        }
    }
    bar.finish_and_clear();
    report(&done, out)
}

/// Whether it was made final now; not if it is already, or does so by itself.
fn certify(client: &Client, auction: i64) -> Result<bool, Failure> {
    let path = format!("/v1/auctions/{auction}");
    let view = client.get(&path)?.json();
    let manual = view.pointer("/terms/certify").and_then(Value::as_str) == Some("manual");
    let certified = view.get("certified").and_then(Value::as_bool) == Some(true);
    if certified || !manual {
        return Ok(false);
    }
    let order = Order::new(None);
    match client.command(&Method::POST, &format!("{path}/certify"), &order) {
        Ok(_) => Ok(true),
        Err(failure) => {
            // Somebody else may have been faster.
            let view = client.get(&path)?.json();
            let certified = view.get("certified").and_then(Value::as_bool) == Some(true);
            if certified { Ok(false) } else { Err(failure) }
        }
    }
}

/// All auctions that have ended and are not certified.
fn ended(client: &Client) -> Result<Vec<i64>, Failure> {
    let mut auctions = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page =
            [("status", Some("ended")), ("limit", Some("100")), ("cursor", cursor.as_deref())];
        let page = client.get(&query::path("/v1/auctions", &page))?.json();
        for item in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            let certified = item.get("certified").and_then(Value::as_bool) == Some(true);
            auctions.extend(item.get("id").and_then(Value::as_i64).filter(|_| !certified));
        }
        cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            return Ok(auctions);
        }
    }
}

fn report(done: &[Done], out: Output) -> Result<(), Failure> {
    let failures: Vec<_> = done.iter().filter_map(|done| done.failure.as_ref()).collect();
    let certified: Vec<_> =
        done.iter().filter(|done| done.failure.is_none()).map(|done| done.auction).collect();
    let told = done.iter().filter_map(|done| {
        let failure = done.failure.as_ref()?;
        Some(json!({"auction": done.auction, "code": failure.code, "detail": failure.detail}))
    });
    let told: Vec<_> = told.collect();
    out.result(&json!({"certified": certified, "failed": told}), |out| {
        if done.is_empty() {
            return writeln!(out, "No result waits to be made final.");
        }
        let mut table = table(&["auction", "result"], &["auction"]);
        for Done { auction, failure } in done {
            let result = match failure {
                None => good("certified"),
                Some(failure) => format!("{} {}", bad(&failure.code), failure.detail),
            };
            table.add_row([auction.to_string(), result]);
        }
        writeln!(out, "{table}")
    })?;
    match failures.iter().max_by_key(|failure| failure.exit as u8) {
        None => Ok(()),
        Some(worst) => {
            let mut failure = (*worst).clone();
            failure.detail =
                format!("{} of {} failed: {}", failures.len(), done.len(), worst.detail);
            Err(failure)
        }
    }
}
