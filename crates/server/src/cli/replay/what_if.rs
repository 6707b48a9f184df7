//! `gavel replay FILE|ID --without PADDLE`: what would have been, in words and for machines. The
//! judgement is `gavel_proof`'s.

use super::{sum, words};
use crate::cli::output::{Failure, Output, count, facts, good, instant_of, strong, table};
use crate::cli::verify::does_not_hold;
use gavel_auction::ids::Paddle;
use gavel_proof::what_if::{NotThen, WhatIf, WhatIfError, what_if};
use serde_json::{Value, json};
use std::io::{self, Write};

pub(super) fn run(certificate: &[u8], without: Paddle, out: Output) -> Result<(), Failure> {
    let then = what_if(certificate, without).map_err(|error| match error {
        WhatIfError::Certificate(fault) => does_not_hold(&fault),
        WhatIfError::Event(wrong) => does_not_hold(&wrong.into()),
        WhatIfError::NoSuchPaddle { .. } => Failure::refused("not_found", error.to_string()),
        WhatIfError::StaysSealed => Failure::refused("sealed", error.to_string()),
    })?;
    out.result(&machine(&then), |out| tell(&then, out))
}

fn machine(then: &WhatIf) -> Value {
    let not_then = |one: &NotThen| {
        let NotThen { version, at, paddle, code, words } = one;
        let at = instant_of(*at);
        json!({"version": version, "at": at, "paddle": paddle, "code": code, "detail": words})
    };
    let refund = then.refund.map(|refund| {
        json!({
            "paid": refund.paid,
            "would_have_paid": refund.would_have_paid,
            "refund": refund.refund,
        })
    });
    json!({
        "auction": then.report.auction,
        "serial": then.report.serial,
        "without": then.without,
        "was": then.report.outcome,
        "would_have_been": then.outcome,
        "price": then.price,
        "left_out": then.left_out,
        "refused": then.refused.iter().map(not_then).collect::<Vec<_>>(),
        "refund": refund,
    })
}

fn tell(then: &WhatIf, out: &mut dyn Write) -> io::Result<()> {
    let currency = then.report.currency;
    let title = format!("Auction {} without paddle {}", then.report.auction, then.without);
    writeln!(out, "{}", strong(&title))?;
    let outcome = match &then.outcome {
        Some(outcome) => words::came_of_it(outcome, currency),
        None => "it would not have ended".to_owned(),
    };
    let left_out = count(then.left_out.len() as u64);
    let pairs = [
        ("left out", format!("{left_out} bids and other acts of paddle {}", then.without)),
        ("was", words::came_of_it(&then.report.outcome, currency)),
        ("would have been", outcome),
    ];
    facts(out, &pairs)?;
    if !then.refused.is_empty() {
        writeln!(out, "\n{}", strong("the rules would then have refused:"))?;
        let mut table = table(&["version", "time", "who", "why"], &["version"]);
        for NotThen { version, at, paddle, code, words } in &then.refused {
            let who = paddle.map(|paddle| format!("paddle {paddle}")).unwrap_or_default();
            let why = format!("{code}: {words}");
            table.add_row([version.to_string(), instant_of(*at), who, why]);
        }
        writeln!(out, "{table}")?;
    }
    writeln!(out, "\n{}", refund(then))?;
    writeln!(out, "Nobody's other choices are guessed: the same commands, at the same times.")
}

fn refund(then: &WhatIf) -> String {
    let currency = then.report.currency;
    let Some(refund) = then.refund else {
        return match then.report.outcome.sale() {
            None => "Nobody bought, so nothing comes back.".to_owned(),
            Some(_) => "The buyer himself is left out, so nothing comes back.".to_owned(),
        };
    };
    let sum = |minor| sum(minor, currency);
    let (paid, would) = (sum(refund.paid), sum(refund.would_have_paid));
    let back = good(&format!("Refund: {}", sum(refund.refund)));
    if refund.would_have_paid > refund.paid {
        return format!("{back}. {paid} was paid; it would have been more, {would}.");
    }
    if refund.would_have_paid == 0 {
        return format!(
            "{back}: all that was paid, against what was bought, for he would not \
                        have bought it."
        );
    }
    format!("{back}: {paid} was paid, it would have been {would}.")
}
