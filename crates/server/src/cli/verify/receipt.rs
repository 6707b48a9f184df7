//! `gavel verify --receipt R [CERTIFICATE]`: what a receipt shows by itself, and whether the
//! history in a certificate still holds what the receipt says.

use super::{does_not_hold, is_known, read, signed_by, tell_checked};
use crate::cli::output::{Failure, Output, facts, good, instant_of, money, strong};
use gavel_auction::money::Currency;
use gavel_auction::refusal::words_of;
use gavel_proof::canonical::normalize;
use gavel_proof::{Form, ReceiptFault, Signed, verify_receipt, verify_together};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;

/// What was found, for people and for machines.
struct Finding {
    signed: Signed,
    known: bool,
    checked: Vec<String>,
    not_shown: Vec<String>,
    /// The serial of the certificate that it was held against.
    beside: Option<String>,
    currency: Option<Currency>,
}

pub(super) fn run(
    receipt: &Path,
    certificate: Option<&Path>,
    known: Option<String>,
    out: Output,
) -> Result<(), Failure> {
    let text = receipt_in(&read(receipt, "a receipt")?)?;
    let signed = verify_receipt(&text).map_err(|fault| no_good(&fault))?;
    is_known(&signed.fingerprint, known.as_deref())?;
    let (mut checked, known) = (signed.checked(), known.is_some());
    let finding = match certificate {
        None => {
            let not_shown = signed.not_shown();
            Finding { signed, known, checked, not_shown, beside: None, currency: None }
        }
        Some(certificate) => {
            let certificate = read(certificate, "a certificate")?;
            let agreement =
                verify_together(&text, &certificate).map_err(|fault| no_good(&fault))?;
            let report = agreement.certificate;
            checked.push(format!("certificate {} holds", report.serial));
            checked.extend(agreement.compared);
            let not_shown = report.on_the_houses_word;
            let (beside, currency) = (Some(report.serial), report.currency);
            Finding { signed, known, checked, not_shown, beside, currency }
        }
    };
    out.result(&machine(&finding), |out| tell(&finding, out))
}

/// A receipt's own bytes, from its file or from a reply that holds it, however it is spaced.
fn receipt_in(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    #[derive(Deserialize)]
    struct Reply<'a> {
        #[serde(borrow)]
        receipt: &'a RawValue,
    }
    let reply = serde_json::from_slice::<Reply<'_>>(bytes).ok();
    let receipt = reply.map_or(bytes, |reply| reply.receipt.get().as_bytes());
    normalize(receipt).map_err(|why| no_good(&ReceiptFault::NotAReceipt(why.to_string())))
}

fn no_good(fault: &ReceiptFault) -> Failure {
    let (code, version) = match fault {
        ReceiptFault::Certificate(fault) => return does_not_hold(fault),
        ReceiptFault::NotAReceipt(_) => ("not_a_receipt", None),
        ReceiptFault::NotUnderTheRoot => ("not_under_the_root", None),
        ReceiptFault::NotBound(_) => ("contradicts_itself", None),
        ReceiptFault::Signature => ("wrong_signature", None),
        ReceiptFault::Another { what: "house", .. } => ("other_house", None),
        ReceiptFault::Another { what: "auction", .. } => ("other_auction", None),
        ReceiptFault::Another { .. } => ("other_key", None),
        ReceiptFault::Dropped { version, .. } => ("dropped", Some(*version)),
        ReceiptFault::Rewritten { version, .. } => ("rewritten", Some(*version)),
        ReceiptFault::Otherwise { version, .. } => ("otherwise", Some(*version)),
    };
    let broken = matches!(
        fault,
        ReceiptFault::Dropped { .. }
            | ReceiptFault::Rewritten { .. }
            | ReceiptFault::Otherwise { .. }
    );
    let (detail, accepted) = if broken {
        let detail = format!("the house did not keep to its receipt: {fault}");
        (detail, "keep both files: together they prove it")
    } else {
        (format!("the receipt proves nothing here: {fault}"), "the receipt as the house gave it")
    };
    let mut failure = Failure::refused(code, detail);
    failure.facts = Some(json!({"holds": false, "version": version}));
    failure.accept(accepted)
}

fn machine(finding: &Finding) -> Value {
    let Finding { signed, known, checked, not_shown, beside, currency: _ } = finding;
    let form = match signed.form {
        Form::Batch { .. } => "batch",
        Form::Chain => "chain",
    };
    json!({
        "holds": true,
        "form": form,
        "house": signed.house,
        "auction": signed.auction,
        "operation": format!("{}-{}", signed.auction, signed.command),
        "decision": if signed.code.is_some() { "refused" } else { "accepted" },
        "code": signed.code,
        "version": signed.version,
        "hash": signed.hash,
        "at": instant_of(signed.at),
        "amount": signed.amount,
        "effective_end": signed.end.map(instant_of),
        "signed_by": signed.fingerprint,
        "known": known,
        "certificate": beside,
        "checked": checked,
        "not_shown": not_shown,
    })
}

fn tell(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let Finding { signed, known, checked, not_shown, beside, currency } = finding;
    let title = match beside {
        None => "The receipt holds.".to_owned(),
        Some(serial) => format!("The receipt holds, and certificate {serial} agrees with it."),
    };
    writeln!(out, "{}", good(&title))?;
    let decision = match &signed.code {
        None => "accepted".to_owned(),
        Some(code) => match words_of(code) {
            Some(words) => format!("refused: {code}, {words}"),
            None => format!("refused: {code}"),
        },
    };
    let amount = signed.amount.map(|amount| match currency {
        Some(currency) => money(amount.minor(), *currency),
        None => format!("{} minor units", amount.minor()),
    });
    let mut pairs = vec![
        ("operation", format!("{}-{}", signed.auction, signed.command)),
        ("decision", decision),
        ("decided", instant_of(signed.at)),
        ("history", format!("version {}, {}", signed.version, signed.hash)),
        ("house", signed.house.to_string()),
        ("signed by", signed_by(&signed.fingerprint, *known)),
    ];
    pairs.extend(amount.map(|amount| ("amount", amount)));
    pairs.extend(signed.end.map(|end| ("end then", instant_of(end))));
    facts(out, &pairs)?;
    tell_checked(checked, out)?;
    let heading = match beside {
        None => "a receipt alone does not show:",
        Some(_) => "taken on the house's word:",
    };
    writeln!(out, "\n{}", strong(heading))?;
    not_shown.iter().try_for_each(|line| writeln!(out, "  · {line}"))
}
