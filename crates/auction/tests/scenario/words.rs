//! Times and amounts as scenarios write them: `1.5s`, `2h`, `3,000`, `127.50`.

use crate::world::ZERO;
use gavel_auction::money::{Amount, Currency, parse_major, print_major};
use gavel_auction::time::Time;

/// A length of time in microseconds.
pub fn length(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        's' => 1_000_000,
        'm' => 60_000_000,
        'h' => 3_600_000_000,
        'd' => 86_400_000_000,
        _ => return None,
    };
    let number = &text[..text.len() - 1];
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let whole: i64 = whole.parse().ok()?;
    let digits = u32::try_from(part.len()).ok()?;
    let part: i64 = part.parse().ok()?;
    Some(whole * unit + part * unit / 10_i64.pow(digits))
}

/// Whole seconds.
pub fn seconds(text: &str) -> Option<u32> {
    u32::try_from(length(text)? / 1_000_000).ok()
}

/// An instant, counted from the scenario's 0s.
pub fn instant(text: &str) -> Option<Time> {
    Some(ZERO.plus(length(text)?))
}

pub fn print_instant(at: Time) -> String {
    let micros = at.since(ZERO);
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}

/// An amount in major units; thousands may be set off.
pub fn amount(text: &str, currency: Currency) -> Option<Amount> {
    parse_major(&text.replace(',', ""), currency)
}

/// Major units, without idle zeros.
pub fn print_amount(amount: Amount, currency: Currency) -> String {
    let text = print_major(amount, currency);
    match text.split_once('.') {
        Some((whole, part)) if part.bytes().all(|digit| digit == b'0') => whole.to_owned(),
        _ => text,
    }
}

/// Each word in the form in which facts are printed.
pub fn normal(text: &str, currency: Currency) -> String {
    let word = |word: &str| {
        let time = instant(word).map(print_instant);
        let money = || amount(word, currency).map(|amount| print_amount(amount, currency));
        time.or_else(money).unwrap_or_else(|| word.to_owned())
    };
    text.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}
