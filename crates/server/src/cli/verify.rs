//! `gavel verify FILE`: checks a certificate and believes none of it. Needs no house, no network.

use super::output::{Failure, Output, bad, facts, good, money, strong};
use gavel_auction::outcome::Outcome;
use gavel_proof::verify::{Fault, Report, verify};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Check a certificate: replay the rules, compare every byte, check hashes and signature.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The certificate
    file: PathBuf,
    /// The fingerprint of the house's key that you know; another key is refused
    #[arg(long, value_name = "FINGERPRINT")]
    key: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// The first thing that does not hold.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let known = args.key.as_deref().map(fingerprint).transpose()?;
    let (report, _) = read_verified(&args.file)?;
    if let Some(known) = known.as_ref().filter(|known| **known != report.fingerprint) {
        let detail = format!("signed by {}, not by {known}", report.fingerprint);
        return Err(Failure::refused("other_key", detail)
            .accept("a certificate that is signed by the key you know"));
    }
    out.result(&machine(&report, known.is_some()), |out| tell(&report, known.is_some(), out))
}

/// A certificate that holds, and its bytes.
///
/// # Errors
/// If it cannot be read; or the first thing that does not hold.
pub(super) fn read_verified(file: &Path) -> Result<(Report, Vec<u8>), Failure> {
    let bytes = fs::read(file).map_err(|error| {
        Failure::usage("file", format!("{}: {error}", file.display())).accept("a certificate")
    })?;
    let report = verify(&bytes).map_err(|fault| does_not_hold(&fault))?;
    Ok((report, bytes))
}

/// 32 hexadecimal digits; people may write them in groups.
fn fingerprint(text: &str) -> Result<String, Failure> {
    let plain: String = text.chars().filter(|sign| !matches!(sign, ':' | ' ' | '-')).collect();
    let plain = plain.to_ascii_lowercase();
    if plain.len() == 32 && plain.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(plain);
    }
    Err(Failure::usage("malformed", format!("--key {text}: this is no fingerprint"))
        .accept("32 hexadecimal digits, as the house's /v1/meta shows them"))
}

fn does_not_hold(fault: &Fault) -> Failure {
    let (code, version) = match fault {
        Fault::NotCanonical(_) => ("not_canonical", None),
        Fault::NotACertificate(_) => ("not_a_certificate", None),
        Fault::Event(wrong) => ("wrong_event", Some(wrong.version)),
        Fault::Opening { version, .. } => ("wrong_opening", Some(*version)),
        Fault::Head { .. } => ("wrong_head", None),
        Fault::Signature => ("wrong_signature", None),
        Fault::Chain { version } => ("broken_chain", Some(*version)),
        Fault::Unreadable { version, .. } => ("unreadable", Some(*version)),
    };
    let mut failure = Failure::refused(code, format!("the certificate does not hold: {fault}"));
    failure.facts = Some(json!({"holds": false, "version": version}));
    failure.accept("the file as the house exported it")
}

fn machine(report: &Report, known: bool) -> Value {
    json!({
        "holds": true,
        "auction": report.auction,
        "house": report.house,
        "serial": report.serial,
        "outcome": report.outcome,
        "currency": report.currency,
        "events": report.events,
        "openings": report.openings,
        "head": {"version": report.head.0, "hash": report.head.1},
        "signed_by": report.fingerprint,
        "known": known,
        "checked": report.checked,
        "on_the_houses_word": report.on_the_houses_word,
    })
}

fn tell(report: &Report, known: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", good(&format!("Certificate {} holds.", report.serial)))?;
    let sum = |minor: i64| match report.currency {
        Some(currency) => money(minor, currency),
        None => format!("{minor} minor units"),
    };
    let outcome = match &report.outcome {
        Outcome::Sold(sale) => {
            let hammer = sum(sale.hammer_price.minor());
            format!("sold to paddle {} for {hammer}, {} to pay", sale.winner, sum(sale.buyer_pays))
        }
        Outcome::Passed { .. } => "passed: nobody bought".to_owned(),
        Outcome::Cancelled {} => "cancelled".to_owned(),
    };
    let fingerprint = &report.fingerprint;
    let signed = match known {
        true => format!("{fingerprint}, the key you know"),
        false => format!("{fingerprint}, {}", bad("not known to you")),
    };
    let (version, hash) = &report.head;
    let pairs = [
        ("auction", report.auction.to_string()),
        ("house", report.house.to_string()),
        ("outcome", outcome),
        ("signed by", signed),
        ("head", format!("version {version}, {hash}, newest as far as this file knows")),
    ];
    facts(out, &pairs)?;
    writeln!(out, "\n{}", strong("checked:"))?;
    for line in &report.checked {
        writeln!(out, "  {} {line}", good("✓"))?;
    }
    writeln!(out, "\n{}", strong("taken on the house's word:"))?;
    for line in &report.on_the_houses_word {
        writeln!(out, "  · {line}")?;
    }
    if report.on_the_houses_word.is_empty() {
        writeln!(out, "  nothing")?;
    }
    Ok(())
}
