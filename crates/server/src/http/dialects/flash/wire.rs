//! How the dialect `flash` writes ids and money: UUIDs that are made of our numbers and nothing
//! else, and decimals with two places. No float comes near either.

use gavel_auction::ids::{AuctionId, MAX_EXACT, UserId};
use gavel_auction::money::{Amount, Currency, parse_major, print_major};
use serde_json::value::RawValue;

/// What a UUID of ours names.
#[derive(Clone, Copy)]
enum Named {
    Auction = 1,
    User = 2,
}

/// A UUID (version 8) that says what it names, and its number.
fn uuid(named: Named, id: i64) -> String {
    let id = id.unsigned_abs();
    let (high, low) = (0x8000 | id >> 48, id & 0xffff_ffff_ffff);
    format!("67617665-{:04x}-8000-{high:04x}-{low:012x}", named as u16)
}

/// The number in a UUID of ours.
fn number(named: Named, text: &str) -> Option<i64> {
    let (_, tail) = text.rsplit_once('-')?;
    let (head, _) = text.rsplit_once('-')?;
    let (_, high) = head.rsplit_once('-')?;
    let high = u64::from_str_radix(high, 16).ok()?.checked_sub(0x8000)?;
    let low = u64::from_str_radix(tail, 16).ok()?;
    let id = i64::try_from(high.checked_mul(1 << 48)? | low).ok()?;
    // There is one way to write it, but for the case of its letters.
    (id <= MAX_EXACT && uuid(named, id).eq_ignore_ascii_case(text)).then_some(id)
}

/// An auction's UUID.
pub(crate) fn of_auction(auction: AuctionId) -> String {
    uuid(Named::Auction, auction.get())
}

/// A user's UUID.
pub(crate) fn of_user(user: UserId) -> String {
    uuid(Named::User, user.get())
}

/// The auction that a UUID names.
pub(crate) fn auction(text: &str) -> Option<AuctionId> {
    number(Named::Auction, text).and_then(AuctionId::new)
}

/// An amount as a text with at least two places.
pub(crate) fn text(amount: Amount, currency: Currency) -> String {
    match currency.exponent() {
        0 => format!("{}.00", amount.minor()),
        1 => format!("{}0", print_major(amount, currency)),
        _ => print_major(amount, currency), // not ours: a number of digits
    }
}

/// An amount as a number in JSON, with its places.
pub(crate) fn decimal(amount: Amount, currency: Currency) -> Box<RawValue> {
    RawValue::from_string(text(amount, currency)).expect("digits are JSON")
}

/// Digits before the point at most: the column of the reference is `DECIMAL(10,2)`.
const DIGITS: usize = 8;

/// The amount that a number in JSON says, which has no more digits than its column, and no more
/// places than the currency, but for zeros.
pub(crate) fn amount(said: &RawValue, currency: Currency) -> Option<Amount> {
    let text = said.get();
    if text.split('.').next()?.len() > DIGITS {
        return None;
    }
    let Some((whole, places)) = text.split_once('.') else { return parse_major(text, currency) };
    let kept = usize::try_from(currency.exponent()).ok()?.min(places.len());
    let (places, rest) = places.split_at_checked(kept)?;
    if !rest.bytes().all(|digit| digit == b'0') {
        return None;
    }
    match places {
        "" => parse_major(whole, currency),
        places => parse_major(&format!("{whole}.{places}"), currency),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::from_code(code).unwrap()
    }

    #[test]
    fn s4_18_ids_are_uuids_there_and_back() {
        for id in [1, 5, 1 << 48, MAX_EXACT] {
            let auction_id = AuctionId::new(id).unwrap();
            let text = of_auction(auction_id);
            assert_eq!((text.len(), auction(&text)), (36, Some(auction_id)));
            assert_eq!(auction(&text.to_uppercase()), Some(auction_id));
            assert_eq!(auction(&of_user(UserId::new(id).unwrap())), None);
        }
        let five = "67617665-0001-8000-8000-000000000005";
        assert_eq!(of_auction(AuctionId::new(5).unwrap()), five);
        for other in [
            "",
            "5",
            "123e4567-e89b-12d3-a456-426614174000",
            "67617665-0001-8000-8000-000000000000",
            "67617665-0001-8000-8020-000000000000",
            "67617665-0001-8000-8000-00000000005",
            "67617665-0001-8000-8000-+00000000005",
            "67617665-0001-8000-7000-000000000005",
        ] {
            assert_eq!(auction(other), None, "{other}");
        }
    }

    #[test]
    fn s4_14_money_is_decimals_with_two_places() {
        let read = |text: &str, code| {
            let said = RawValue::from_string(text.to_owned()).unwrap();
            amount(&said, currency(code)).map(Amount::minor)
        };
        for (text, code, minor) in [
            ("15000.00", "USD", Some(1_500_000)),
            ("15000", "USD", Some(1_500_000)),
            ("15000.5", "USD", Some(1_500_050)),
            ("0.01", "USD", Some(1)),
            ("0.010", "USD", Some(1)),
            ("0.011", "USD", None),
            ("0.001", "USD", None),
            ("99999999.99", "USD", Some(9_999_999_999)),
            ("100000000", "USD", None),
            ("100000000.00", "USD", None),
            ("123456789.00", "USD", None),
            ("0.00", "USD", None),
            ("-1.00", "USD", None),
            ("1.5e3", "USD", None),
            ("\"15.00\"", "USD", None),
            ("500.00", "JPY", Some(500)),
            ("500.50", "JPY", None),
            ("1.234", "KWD", Some(1234)),
        ] {
            assert_eq!(read(text, code), minor, "{text} {code}");
        }
        let print = |minor, code| text(Amount::new(minor).unwrap(), currency(code));
        assert_eq!(print(1_500_000, "USD"), "15000.00");
        assert_eq!(print(5, "USD"), "0.05");
        assert_eq!(print(500, "JPY"), "500.00");
        assert_eq!(print(1234, "KWD"), "1.234");
    }
}
