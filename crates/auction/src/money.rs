//! Money: integers of minor units, and the currencies that say how many make a major unit.
//! No float comes near it, and no arithmetic here can wrap.

use crate::ids::MAX_EXACT;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroI64;

/// The largest amount: 2^53 - 1 minor units, which every JSON reader keeps exactly.
pub const MAX_AMOUNT: i64 = MAX_EXACT;

/// A sum of money in minor units of its auction's currency, 1 ..= 2^53 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Amount(NonZeroI64);

impl Amount {
    /// The largest amount there is.
    pub const MAX: Self = Self::new(MAX_AMOUNT).expect("the largest amount is an amount");
    /// One minor unit, the smallest amount there is.
    pub const ONE: Self = Self(NonZeroI64::new(1).expect("one is not zero"));

    /// The amount, if `minor` lies in 1 ..= 2^53 - 1.
    #[must_use]
    pub const fn new(minor: i64) -> Option<Self> {
        match NonZeroI64::new(minor) {
            Some(amount) if minor >= 1 && minor <= MAX_AMOUNT => Some(Self(amount)),
            Some(_) | None => None,
        }
    }

    /// Minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0.get()
    }
}

impl TryFrom<i64> for Amount {
    type Error = &'static str;
    fn try_from(minor: i64) -> Result<Self, Self::Error> {
        Self::new(minor).ok_or("an amount is an integer from 1 to 2^53 - 1 minor units")
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> i64 {
        amount.minor()
    }
}

/// A currency of ISO 4217, kept as its three letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency with this code, if ISO 4217 has it in use.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let letters: [u8; 3] = code.as_bytes().try_into().ok()?;
        exponent_of(&letters).map(|_| Self(letters))
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only codes of ISO 4217 are ever kept, all ASCII")
    }

    /// How many decimal digits the minor unit has: 2 for EUR, 0 for JPY, 3 for KWD.
    #[must_use]
    pub fn exponent(&self) -> u32 {
        exponent_of(&self.0).expect("only known codes are ever kept")
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl TryFrom<String> for Currency {
    type Error = &'static str;
    fn try_from(code: String) -> Result<Self, Self::Error> {
        Self::from_code(&code).ok_or("a currency is a code of ISO 4217 in use, such as EUR")
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

/// Codes whose minor unit is not a hundredth; every other code of [`CODES`] has two digits.
const ODD: [(&str, u32); 3] = [
    ("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", 0),
    ("BHD IQD JOD KWD LYD OMR TND", 3),
    ("CLF UYW", 4),
];

/// The codes of ISO 4217 that people can pay with (funds and metals without a minor unit left out).
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV \
    BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP \
    DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD \
    IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA \
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP \
    PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL \
    THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF \
    XCD XCG XOF XPF YER ZAR ZMW ZWG";

fn exponent_of(code: &[u8; 3]) -> Option<u32> {
    let code = std::str::from_utf8(code).ok()?;
    let listed = |codes: &str| codes.split_ascii_whitespace().any(|known| known == code);
    if !listed(CODES) {
        return None;
    }
    Some(ODD.iter().find(|(codes, _)| listed(codes)).map_or(2, |(_, digits)| *digits))
}

/// Reads a decimal number of major units, such as `130.00`, as minor units.
///
/// Accepts ASCII digits with at most as many decimals as the currency has. Refuses signs,
/// exponents, separators of thousands, a comma, spaces, other scripts' digits, empty parts, and
/// whatever does not lie in 1 ..= 2^53 - 1 minor units.
#[must_use]
pub fn parse_major(text: &str, currency: Currency) -> Option<Amount> {
    let digits = currency.exponent();
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (text, ""),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let short = digits.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let joined = format!("{whole}{fraction}");
    let minor = joined.parse::<i64>().ok()?.checked_mul(10_i64.checked_pow(short)?)?;
    Amount::new(minor)
}

/// Writes minor units as major units, such as `130.00`. The inverse of [`parse_major`].
#[must_use]
pub fn print_major(amount: Amount, currency: Currency) -> String {
    let digits = currency.exponent();
    if digits == 0 {
        return amount.minor().to_string();
    }
    let unit = 10_i64.pow(digits);
    let (whole, fraction) = (amount.minor() / unit, amount.minor() % unit);
    let width = digits as usize;
    format!("{whole}.{fraction:0width$}")
}
