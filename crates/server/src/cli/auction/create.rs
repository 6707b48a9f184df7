//! `gavel auction create`: a preset and what is changed in it, as the body of one request.

use crate::cli::bid::amount;
use crate::cli::client::{HouseArgs, Order};
use crate::cli::output::{Failure, Output};
use crate::cli::overrides;
use gavel_auction::money::Currency;
use gavel_auction::presets::Preset;
use http::Method;
use serde_json::{Map, Value, json};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// What is sold
    title: String,
    /// More about it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Of what kind it is
    #[arg(long)]
    category: Option<String>,
    /// The currency of all its amounts
    #[arg(long, default_value = "EUR", value_parser = overrides::currency)]
    currency: Currency,
    /// The rules, by name
    #[arg(long, default_value = "english", value_parser = overrides::preset)]
    preset: Preset,
    /// Change one rule of the preset, such as close=hard or close.window_seconds=60; repeatable
    #[arg(long = "set", value_name = "SLOT=VALUE")]
    settings: Vec<String>,
    /// What the first bid may equal, in major units
    #[arg(long, value_name = "AMOUNT")]
    starting_price: Option<String>,
    /// Do not sell below this, and do not show it, in major units
    #[arg(long, value_name = "AMOUNT")]
    reserve: Option<String>,
    /// Sell at once at this amount, in major units
    #[arg(long, value_name = "AMOUNT")]
    buy_now: Option<String>,
    /// When it opens, such as 2026-12-01T18:00:00Z [default: once it is published]
    #[arg(long, value_name = "TIME")]
    starts_at: Option<String>,
    /// When it ends, such as 2026-12-08T18:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "duration")]
    ends_at: Option<String>,
    /// How long it lasts from its opening, such as 7d, 2h, 90m or 45s
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    duration: Option<u32>,
    /// Keep it a draft; `gavel auction publish` announces it
    #[arg(long)]
    draft: bool,
    /// The key of a creation whose outcome is unknown, to try that very one again
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    house: HouseArgs,
}

pub(super) fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let client = args.house.client()?;
    let order = Order::new(Some(body(args)?)).again(args.key.clone()).told_in(args.currency);
    let created = client.command(&Method::POST, "/v1/auctions", &order)?.json();
    out.result(&created, |out| {
        let id = created.get("id").and_then(Value::as_i64).unwrap_or_default();
        super::tell_state(&created, id, out)?;
        if args.draft {
            return writeln!(out, "Announce it: gavel auction publish {id}");
        }
        writeln!(out, "Look at it: gavel auction show {id}")
    })
}

fn body(args: &Args) -> Result<Value, Failure> {
    let terms = overrides::parse(&args.settings, args.preset, args.currency)?;
    let mut body = Map::from_iter([
        ("title".to_owned(), json!(args.title)),
        ("currency".to_owned(), json!(args.currency.code())),
        ("preset".to_owned(), json!(args.preset.name())),
        ("publish".to_owned(), json!(!args.draft)),
    ]);
    if !terms.is_empty() {
        body.insert("terms".to_owned(), Value::Object(terms));
    }
    let texts = [
        ("description", &args.description),
        ("category", &args.category),
        ("starts_at", &args.starts_at),
        ("ends_at", &args.ends_at),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            body.insert(name.to_owned(), json!(text));
        }
    }
    let amounts = [
        ("starting_price", &args.starting_price),
        ("reserve", &args.reserve),
        ("buy_now", &args.buy_now),
    ];
    for (name, text) in amounts {
        if let Some(text) = text {
            body.insert(name.to_owned(), json!(amount(text, args.currency)?.minor()));
        }
    }
    if let Some(seconds) = args.duration {
        body.insert("duration_seconds".to_owned(), json!(seconds));
    }
    Ok(Value::Object(body))
}

/// A length of time such as `7d`, `2h`, `90m`, `45s`.
fn length(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.char_indices().next_back() {
        Some((last, 'd')) => (text.get(..last), 86_400),
        Some((last, 'h')) => (text.get(..last), 3_600),
        Some((last, 'm')) => (text.get(..last), 60),
        Some((last, 's')) => (text.get(..last), 1),
        Some(_) | None => (None, 1),
    };
    let plain = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let number = plain.and_then(|digits| digits.parse::<u32>().ok());
    let seconds = number.and_then(|number| number.checked_mul(unit)).filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| "a length is a number and d, h, m or s, such as 7d or 90m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::length;

    #[test]
    fn lengths() {
        assert_eq!(length("7d"), Ok(604_800));
        assert_eq!(length("90m"), Ok(5_400));
        for wrong in ["", "d", "0s", "7", "1.5h", "-1s", "7 d", "99999999d", "5ü"] {
            assert!(length(wrong).is_err(), "{wrong}");
        }
    }
}
