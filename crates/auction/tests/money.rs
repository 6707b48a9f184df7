//! What counts as an amount of money in text, input by input, and that printing is its inverse.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

use gavel_auction::money::{Amount, Currency, MAX_AMOUNT, parse_major, print_major};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

fn currency(code: &str) -> Currency {
    Currency::from_code(code).unwrap()
}

/// Currency, text, minor units if it is accepted.
const TABLE: [(&str, &str, Option<i64>); 62] = [
    ("EUR", "1", Some(100)),
    ("EUR", "130.00", Some(13_000)),
    ("EUR", "130.0", Some(13_000)),
    ("EUR", "130", Some(13_000)),
    ("EUR", "0.01", Some(1)),
    ("EUR", "0.10", Some(10)),
    ("EUR", "0.1", Some(10)),
    ("EUR", "007.50", Some(750)),
    ("EUR", "99999999.99", Some(9_999_999_999)),
    ("EUR", "90071992547409.91", Some(MAX_AMOUNT)),
    ("EUR", "90071992547409.92", None),
    ("EUR", "90071992547409.93", None),
    ("EUR", "9007199254740993", None),
    ("EUR", "9223372036854775807", None),
    ("EUR", "9223372036854775808", None),
    ("EUR", "92233720368547758.07", None),
    ("EUR", "18446744073709551616", None),
    ("EUR", "99999999999999999999999999999999999999", None),
    ("EUR", "0", None),
    ("EUR", "0.00", None),
    ("EUR", "0.001", None),
    ("EUR", "1.000", None),
    ("EUR", "1.234", None),
    ("EUR", "-0", None),
    ("EUR", "-1", None),
    ("EUR", "-0.01", None),
    ("EUR", "+1", None),
    ("EUR", "1e2", None),
    ("EUR", "1E2", None),
    ("EUR", "1e308", None),
    ("EUR", "NaN", None),
    ("EUR", "nan", None),
    ("EUR", "Infinity", None),
    ("EUR", "-inf", None),
    ("EUR", "10,00", None),
    ("EUR", "1,000.00", None),
    ("EUR", "1'000", None),
    ("EUR", "1_000", None),
    ("EUR", "1 000", None),
    ("EUR", "1\u{a0}000", None),
    ("EUR", " 1", None),
    ("EUR", "1 ", None),
    ("EUR", "1\n", None),
    ("EUR", "1\0", None),
    ("EUR", "", None),
    ("EUR", ".", None),
    ("EUR", ".5", None),
    ("EUR", "5.", None),
    ("EUR", "1.2.3", None),
    ("EUR", "1..2", None),
    ("EUR", "0x10", None),
    ("EUR", "€10", None),
    ("EUR", "10 EUR", None),
    ("EUR", "\u{661}\u{662}", None),
    ("EUR", "\u{ff11}\u{ff10}", None),
    ("EUR", "1\u{66b}5", None),
    ("EUR", "\u{2212}5", None),
    ("EUR", "one", None),
    ("JPY", "130", Some(130)),
    ("JPY", "130.0", None),
    ("KWD", "1.234", Some(1_234)),
    ("CLF", "1.2345", Some(12_345)),
];

#[test]
fn exactly_these_texts_are_amounts() {
    for (code, text, expected) in TABLE {
        let read = parse_major(text, currency(code)).map(Amount::minor);
        assert_eq!(read, expected, "{code} {text:?}");
    }
}

#[test]
fn amounts_lie_in_their_range() {
    assert_eq!(Amount::new(0), None);
    assert_eq!(Amount::new(-1), None);
    assert_eq!(Amount::new(MAX_AMOUNT), Some(Amount::MAX));
    assert_eq!(Amount::new(MAX_AMOUNT + 1), None);
    assert_eq!(Amount::new(i64::MAX), None);
    assert_eq!(Amount::new(i64::MIN), None);
    for text in ["0", "-1", "1.0", "1e2", "9007199254740992", "\"5\"", "null", "true", "[1]"] {
        assert!(serde_json::from_str::<Amount>(text).is_err(), "{text}");
    }
    assert_eq!(serde_json::from_str::<Amount>("9007199254740991").unwrap(), Amount::MAX);
}

#[test]
fn currencies_are_those_of_iso_4217() {
    for (code, digits) in [("EUR", 2), ("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("UYW", 4)] {
        assert_eq!(currency(code).exponent(), digits, "{code}");
        assert_eq!(currency(code).code(), code);
    }
    for code in ["", "E", "EU", "EURO", "eur", "Eur", "XXX", "XTS", "XAU", "BTC", "ЕUR", "EU\0"] {
        assert_eq!(Currency::from_code(code), None, "{code}");
        assert!(serde_json::from_value::<Currency>(code.into()).is_err(), "{code}");
    }
}

/// What a text means, by the definition and with numbers that are large enough.
fn defined(text: &str, decimals: u32) -> Option<i64> {
    let mut parts = text.split('.');
    let (whole, part, more) = (parts.next()?, parts.next(), parts.next());
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = part.is_none_or(|part| digits(part) && part.len() <= decimals as usize);
    if !digits(whole) || !fits || more.is_some() {
        return None;
    }
    let part = part.unwrap_or("");
    let minor: i128 =
        format!("{whole}{part}{}", "0".repeat(decimals as usize - part.len())).parse().ok()?;
    i64::try_from(minor).ok().filter(|minor| (1..=MAX_AMOUNT).contains(minor))
}

/// So many cases, whatever the environment says; what fails is kept beside this file.
fn kept(cases: u32) -> ProptestConfig {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/money.txt");
    let failure_persistence = Some(Box::new(FileFailurePersistence::Direct(file)) as _);
    ProptestConfig { cases, failure_persistence, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(kept(2_000))]

    #[test]
    fn what_is_printed_reads_the_same(
        minor in 1..=MAX_AMOUNT,
        code in prop::sample::select(vec!["EUR", "JPY", "KWD", "CLF"]),
    ) {
        let amount = Amount::new(minor).unwrap();
        let text = print_major(amount, currency(code));
        prop_assert_eq!(parse_major(&text, currency(code)), Some(amount));
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    }

    #[test]
    fn no_text_breaks_it(text in "\\PC{0,30}") {
        let _ = parse_major(&text, currency("EUR"));
        let _ = parse_major(&text, currency("JPY"));
    }

    /// Against the definition in words: ASCII digits, at most one point with digits on both sides,
    /// no more decimals than the currency has, 1 ..= 2^53 - 1 minor units.
    #[test]
    fn near_numbers_are_read_as_defined(
        text in "[0-9]{0,20}(\\.[0-9]{0,6})?[-+.,eE_ ]?[0-9]{0,3}",
        code in prop::sample::select(vec!["EUR", "JPY", "KWD", "CLF"]),
    ) {
        let read = parse_major(&text, currency(code)).map(Amount::minor);
        prop_assert_eq!(read, defined(&text, currency(code).exponent()));
    }

    /// In JSON an amount is an integer and nothing else that looks like one.
    #[test]
    fn json_amounts_are_integers(text in "-?[0-9]{1,20}(\\.[0-9]{1,3})?([eE][-+]?[0-9]{1,3})?") {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = plain && (!text.starts_with('0') || text == "0");
        let expected = text.parse::<i128>().ok().filter(|minor| {
            plain && (1..=i128::from(MAX_AMOUNT)).contains(minor)
        });
        let read = serde_json::from_str::<Amount>(&text).ok();
        prop_assert_eq!(read.map(|amount| i128::from(amount.minor())), expected);
    }

    #[test]
    fn digits_are_never_lost(whole in 0_i64..90_000_000_000_000, part in 0_i64..100) {
        let text = format!("{whole}.{part:02}");
        let read = parse_major(&text, currency("EUR")).map(Amount::minor);
        prop_assert_eq!(read, Some(whole * 100 + part).filter(|minor| *minor > 0));
    }
}
