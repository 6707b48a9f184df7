//! Time as text: RFC 3339 in UTC with microseconds out, any offset in. Reads no clock.

use gavel_auction::time::Time;
use jiff::Timestamp;
use jiff::tz::Offset;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// An instant in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00.000000Z")]
pub struct Stamp(pub Time);

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(as_str(&letters(self.0)))
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let wanted = "a time is RFC 3339 with an offset and at most six decimals, before \
                      9999-12-30T22:00:00Z, such as 2026-01-31T12:00:00Z";
        parse(&text).map(Self).ok_or_else(|| D::Error::custom(wanted))
    }
}

/// An instant as RFC 3339 in UTC with microseconds. What lies outside of the years 1 to 9999 is
/// shown as the nearest that does not.
#[must_use]
pub fn print(time: Time) -> String {
    as_str(&letters(time)).to_owned()
}

fn as_str(letters: &[u8; 27]) -> &str {
    std::str::from_utf8(letters).expect("digits and signs are ASCII")
}

fn letters(time: Time) -> [u8; 27] {
    const FIRST: i64 = -62_135_596_800_000_000;
    const LAST: i64 = 253_402_207_200_000_000;
    let micros = time.0.clamp(FIRST, LAST);
    let stamp = Timestamp::from_microsecond(micros).expect("clamped to the years there are");
    let at = Offset::UTC.to_datetime(stamp);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let mut put = |from: usize, digits: usize, value: i64| {
        let mut rest = value.unsigned_abs();
        for place in text.iter_mut().skip(from).take(digits).rev() {
            *place = b'0' + u8::try_from(rest % 10).expect("a digit");
            rest /= 10;
        }
    };
    put(0, 4, i64::from(at.year()));
    put(5, 2, i64::from(at.month()));
    put(8, 2, i64::from(at.day()));
    put(11, 2, i64::from(at.hour()));
    put(14, 2, i64::from(at.minute()));
    put(17, 2, i64::from(at.second()));
    put(20, 6, i64::from(at.subsec_nanosecond() / 1000));
    text
}

/// Reads `YYYY-MM-DDTHH:MM:SS`, up to six decimals, and `Z` or an offset `+HH:MM`. Nothing else.
#[must_use]
pub fn parse(text: &str) -> Option<Time> {
    let bytes = text.as_bytes();
    let (head, tail) = bytes.split_at_checked(19)?;
    if !fits(head, b"0000-00-00T00:00:00") || head[17..] == *b"60" {
        return None;
    }
    let decimals = match tail.split_first() {
        Some((b'.', rest)) => rest.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        Some(_) | None => 0,
    };
    let zone = match tail.first()? {
        b'.' if (1..=6).contains(&decimals) => &tail[1 + decimals..],
        b'.' => return None,
        _ => tail,
    };
    if zone != b"Z" && !fits(zone, b"+00:00") && !fits(zone, b"-00:00") {
        return None;
    }
    Some(Time(text.parse::<Timestamp>().ok()?.as_microsecond()))
}

/// Whether a text has a digit where the shape has one, and the same character everywhere else.
fn fits(text: &[u8], shape: &[u8]) -> bool {
    let same = |(byte, wanted): (&u8, &u8)| match wanted {
        b'0' => byte.is_ascii_digit(),
        other => byte == other,
    };
    text.len() == shape.len() && text.iter().zip(shape).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_back() {
        let time = Time(1_769_860_800_000_001);
        assert_eq!(print(time), "2026-01-31T12:00:00.000001Z");
        assert_eq!(parse(&print(time)), Some(time));
        assert_eq!(parse("2026-01-31T13:00:00.000001+01:00"), Some(time));
        assert_eq!(print(Time(0)), "1970-01-01T00:00:00.000000Z");
        assert_eq!(print(Time(i64::MAX)).len(), 27);
        assert_eq!(print(Time(i64::MIN)).len(), 27);
    }

    #[test]
    fn refuses_all_that_is_not_exactly_it() {
        for text in [
            "",
            "2026-01-31",
            "2026-01-31T12:00:00",
            "2026-01-31 12:00:00Z",
            "2026-02-30T12:00:00Z",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00.1234567Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:00:60Z",
            "2026-01-31T12:00:00z",
            "2026-01-31T12:00:00+0100",
            "2026-01-31T12:00:00Z[UTC]",
            "+002026-01-31T12:00:00Z",
            "2026-01-31T12:00:00Z ",
            "２026-01-31T12:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
