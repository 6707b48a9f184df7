//! `gavel certify` and `gavel certify-item`: makes results final that wait for it, in one pass, as
//! a scheduled job does. Idempotent: what is final already is passed over.

use super::client::{Client, HouseArgs, Order};
use super::output::{Failure, Output, bad, good, table};
use super::query;
use super::verify::verified;
use http::Method;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Make the results of ended auctions final that wait for it (administrators).
///
/// Goes once over all ended auctions whose rules say certify=manual and that are not certified.
/// What others certify meanwhile is passed over, so that it can run as often as you like. With
/// --certificates, every certificate that is not in that directory yet is checked and put there.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Only these auctions
    auctions: Vec<i64>,
    /// Check the certificates of final results, and keep them in this directory
    #[arg(long, value_name = "DIR")]
    certificates: Option<PathBuf>,
    #[command(flatten)]
    house: HouseArgs,
}

/// Something that is done about an auction that has ended. Whether it has been done already it
/// finds out itself, so that doing it twice changes nothing.
struct Step {
    /// Under which name its auctions are told.
    name: &'static str,
    /// Does it; false if there was nothing to do.
    take: fn(&Pass<'_>, i64) -> Result<bool, Failure>,
}

/// What is done after an auction has ended, in this order; what comes after a step that failed
/// waits for the next pass.
const STEPS: &[Step] =
    &[Step { name: "certified", take: certify }, Step { name: "kept", take: keep }];

/// One pass over what has ended.
struct Pass<'a> {
    client: &'a Client,
    certificates: Option<&'a Path>,
}

impl Pass<'_> {
    /// The place of an auction's certificate, if it is to be kept and is not yet.
    fn place(&self, auction: i64) -> Option<PathBuf> {
        let place = self.certificates?.join(format!("{auction}.json"));
        Some(place).filter(|place| !place.exists())
    }

    /// Whether there may be something to do about an auction that has ended.
    fn concerns(&self, auction: i64, certified: bool) -> bool {
        !certified || self.place(auction).is_some()
    }
}

/// What came of a step.
struct Done {
    auction: i64,
    step: &'static str,
    failure: Option<Failure>,
}

/// Runs the command.
///
/// # Errors
/// If the list cannot be read, or a step failed.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let client = args.house.client()?;
    let pass = Pass { client: &client, certificates: args.certificates.as_deref() };
    if let Some(directory) = pass.certificates {
        fs::create_dir_all(directory).map_err(|error| Failure::file(directory, &error))?;
    }
    let candidates = match args.auctions.is_empty() {
        true => ended(&pass)?,
        false => args.auctions.clone(),
    };
    let bar = out.progress(candidates.len() as u64);
    let mut done = Vec::new();
    for auction in candidates {
        bar.inc(1);
        for Step { name: step, take } in STEPS {
            match take(&pass, auction) {
                Ok(false) => {}
                Ok(true) => done.push(Done { auction, step, failure: None }),
                Err(failure) => {
                    done.push(Done { auction, step, failure: Some(failure) });
                    break;
                }
            }
        }
    }
    bar.finish_and_clear();
    report(&done, out)
}

/// Puts its certificate, if it has one and that holds, into the directory. Whole or not at all.
fn keep(pass: &Pass<'_>, auction: i64) -> Result<bool, Failure> {
    let Some(place) = pass.place(auction) else { return Ok(false) };
    let view = pass.client.get(&format!("/v1/auctions/{auction}"))?.json();
    if view.get("certified").and_then(Value::as_bool) != Some(true) {
        return Ok(false);
    }
    let bytes = pass.client.get(&format!("/v1/auctions/{auction}/certificate"))?.bytes;
    verified(&bytes)?;
    let part = place.with_extension(format!("{}.part", std::process::id()));
    let put = fs::write(&part, &bytes).and_then(|()| fs::rename(&part, &place));
    put.map_err(|error| Failure::file(&place, &error))?;
    Ok(true)
}

/// Whether it was made final now; not if it is already, or does so by itself.
fn certify(Pass { client, .. }: &Pass<'_>, auction: i64) -> Result<bool, Failure> {
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

/// All auctions that have ended and about which there may be something to do.
fn ended(pass: &Pass<'_>) -> Result<Vec<i64>, Failure> {
    let mut auctions = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        // What has ended by now is in the list before its first page is cut.
        let in_sync = cursor.is_none().then_some("true");
        let page = [
            ("status", Some("ended")),
            ("limit", Some("100")),
            ("cursor", cursor.as_deref()),
            ("in_sync", in_sync),
        ];
        let page = pass.client.get(&query::path("/v1/auctions", &page))?.json();
        for item in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            let certified = item.get("certified").and_then(Value::as_bool) == Some(true);
            let id = item.get("id").and_then(Value::as_i64);
            auctions.extend(id.filter(|id| pass.concerns(*id, certified)));
        }
        cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            return Ok(auctions);
        }
    }
}

fn report(done: &[Done], out: Output) -> Result<(), Failure> {
    let failures: Vec<_> = done.iter().filter_map(|done| done.failure.as_ref()).collect();
    let told = done.iter().filter_map(|done| {
        let failure = done.failure.as_ref()?;
        Some(json!({"auction": done.auction, "step": done.step, "code": failure.code,
            "detail": failure.detail}))
    });
    let mut all = json!({"failed": told.collect::<Vec<_>>()});
    for Step { name, .. } in STEPS {
        let of = done.iter().filter(|done| done.step == *name && done.failure.is_none());
        all[*name] = of.map(|done| done.auction).collect();
    }
    out.result(&all, |out| {
        if done.is_empty() {
            return writeln!(out, "Nothing waits to be done.");
        }
        let mut table = table(&["auction", "result"], &["auction"]);
        for Done { auction, step, failure } in done {
            let result = match failure {
                None => good(step),
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
