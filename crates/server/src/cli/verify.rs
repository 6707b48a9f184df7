//! `gavel verify FILE`: checks a certificate, a receipt, or one beside the other, and believes none
//! of them. Needs no house, no network.

mod receipt;

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
    /// The certificate; may be left out beside a receipt
    #[arg(required_unless_present = "receipt")]
    file: Option<PathBuf>,
    /// A receipt, or a reply with one in it: shows what the house signed, and beside a certificate
    /// whether that history still holds it
    #[arg(long, value_name = "RECEIPT")]
    receipt: Option<PathBuf>,
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
    let file = match (&args.file, &args.receipt) {
        (file, Some(receipt)) => return receipt::run(receipt, file.as_deref(), known, out),
        (None, None) => return Err(super::usage("give a certificate, or --receipt")),
        (Some(file), None) => file,
    };
    let report = verified(&read(file, "a certificate")?)?;
    is_known(&report.fingerprint, known.as_deref())?;
    out.result(&machine(&report, known.is_some()), |out| tell(&report, known.is_some(), out))
}

/// Whether it was signed by the key that is known, if one is.
fn is_known(signer: &str, known: Option<&str>) -> Result<(), Failure> {
    match known.filter(|known| *known != signer) {
        None => Ok(()),
        Some(known) => {
            let detail = format!("signed by {signer}, not by {known}");
            let failure = Failure::refused("other_key", detail);
            Err(failure.accept("what is signed by the key you know"))
        }
    }
}

/// What a certificate says, if it holds.
///
/// # Errors
/// The first thing that does not hold.
pub(super) fn verified(bytes: &[u8]) -> Result<Report, Failure> {
    verify(bytes).map_err(|fault| does_not_hold(&fault))
}

pub(super) fn read(file: &Path, what: &str) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| {
        Failure::usage("file", format!("{}: {error}", file.display())).accept(what)
    })
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

pub(super) fn does_not_hold(fault: &Fault) -> Failure {
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
    let signed = signed_by(&report.fingerprint, known);
    let (version, hash) = &report.head;
    let pairs = [
        ("auction", report.auction.to_string()),
        ("house", report.house.to_string()),
        ("outcome", outcome),
        ("signed by", signed),
        ("head", format!("version {version}, {hash}, newest as far as this file knows")),
    ];
    facts(out, &pairs)?;
    tell_checked(&report.checked, out)?;
    writeln!(out, "\n{}", strong("taken on the house's word:"))?;
    for line in &report.on_the_houses_word {
        writeln!(out, "  · {line}")?;
    }
    if report.on_the_houses_word.is_empty() {
        writeln!(out, "  nothing")?;
    }
    Ok(())
}

fn signed_by(fingerprint: &str, known: bool) -> String {
    match known {
        true => format!("{fingerprint}, the key you know"),
        false => format!("{fingerprint}, {}", bad("not known to you")),
    }
}

fn tell_checked(checked: &[String], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{}", strong("checked:"))?;
    checked.iter().try_for_each(|line| writeln!(out, "  {} {line}", good("✓")))
}
