//! The second factor: one-time passwords by time (TOTP, RFC 6238: HMAC-SHA1, six digits, thirty
//! seconds, as every authenticator app has it) and recovery codes. Knows no user and no clock; that
//! a code is good once, its owner's account remembers.

use gavel_auction::event::Digest;
use gavel_auction::time::{SECOND, Time};
use gavel_proof::hash::sha256;
use ring::hmac;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// Seconds that a code stands.
const STEP: i64 = 30;

/// How many recovery codes there are.
pub const RECOVERY_CODES: usize = 10;

/// Letters of secrets and recovery codes (RFC 4648).
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The form in which it is kept.
const FORM: u8 = 1;

/// Somebody's second factor.
#[derive(Clone, PartialEq, Eq)]
pub struct SecondFactor {
    secret: [u8; 20],
    /// Whether he has shown that his app has the secret. Before that it is not asked for.
    pub confirmed: bool,
    recovery: Vec<Digest>,
}

impl Drop for SecondFactor {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl SecondFactor {
    /// One with this secret, which nobody has confirmed yet.
    #[must_use]
    pub const fn new(secret: [u8; 20]) -> Self {
        Self { secret, confirmed: false, recovery: Vec::new() }
    }

    /// The secret as people type it into an app.
    #[must_use]
    pub fn secret(&self) -> Zeroizing<String> {
        Zeroizing::new(base32(&self.secret))
    }

    /// The same as a URI that apps read from a picture.
    #[must_use]
    pub fn uri(&self, house: &str, username: &str) -> Zeroizing<String> {
        let plain = |text: &str| -> String {
            let byte = |byte: u8| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                    char::from(byte).to_string()
                }
                other => format!("%{other:02X}"),
            };
            text.bytes().map(byte).collect()
        };
        let (issuer, name, secret) = (plain(house), plain(username), self.secret());
        Zeroizing::new(format!("otpauth://totp/{issuer}:{name}?secret={}&issuer={issuer}", *secret))
    }

    /// Confirms it, with recovery codes made of these bytes; the codes, which are shown this once.
    pub fn confirm(&mut self, random: &[[u8; 10]; RECOVERY_CODES]) -> Vec<String> {
        self.confirmed = true;
        let codes: Vec<String> = random.iter().map(recovery_code).collect();
        self.recovery = codes.iter().map(|code| self.digest(code)).collect();
        codes
    }

    /// What a code uses up, if it is good now: a step of time, or itself. A step before and one
    /// after count too, because clocks differ.
    #[must_use]
    pub fn good(&self, code: &str, now: Time) -> Option<Digest> {
        let plain: String =
            code.chars().filter(|c| !matches!(c, ' ' | '-')).collect::<String>().to_uppercase();
        let step = now.0.div_euclid(SECOND).div_euclid(STEP);
        let mut found = None;
        // All are looked at, whichever fits.
        for step in step - 1..=step + 1 {
            if bool::from(totp(&self.secret, step).as_bytes().ct_eq(plain.as_bytes())) {
                found = Some(sha256(format!("step {step}").as_bytes()));
            }
        }
        let digest = self.digest(&plain);
        for known in &self.recovery {
            if bool::from(known.0.ct_eq(&digest.0)) {
                found = Some(digest);
            }
        }
        found
    }

    /// The form in which it is kept, in the vault.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORM, u8::from(self.confirmed)];
        bytes.extend_from_slice(&self.secret);
        bytes.extend(self.recovery.iter().flat_map(|digest| digest.0));
        bytes
    }

    /// Reads what [`SecondFactor::to_bytes`] wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(2)?;
        let (secret, rest) = rest.split_at_checked(20)?;
        let recovery = rest.chunks(32).map(|chunk| chunk.try_into().ok().map(Digest));
        Some(Self {
            secret: secret.try_into().ok()?,
            confirmed: *head.get(1)? == 1,
            recovery: recovery.collect::<Option<_>>()?,
        })
        .filter(|_| head.first() == Some(&FORM))
    }

    fn digest(&self, code: &str) -> Digest {
        let plain: String = code.chars().filter(|c| *c != '-').collect();
        sha256(&[&self.secret[..], plain.as_bytes()].concat())
    }
}

/// The code of a step (RFC 4226, with the step as its counter).
fn totp(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let at = usize::from(bytes.last().copied().unwrap_or(0) & 15);
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).unwrap_or([0; 4]);
    let number = u32::from_be_bytes(four) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

fn base32(bytes: &[u8]) -> String {
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let letter = |from: usize| {
        let index = (from..from + 5).fold(0, |index, at| index << 1 | usize::from(bit(at)));
        char::from(LETTERS.get(index).copied().unwrap_or(b'A'))
    };
    (0..bytes.len() * 8).step_by(5).map(letter).collect()
}

/// Two times five letters: fifty bits.
fn recovery_code(random: &[u8; 10]) -> String {
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    let (first, second) = random.split_at(5);
    format!(
        "{}-{}",
        first.iter().map(letter).collect::<String>(),
        second.iter().map(letter).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, of whose eight digits we take six.
    #[test]
    fn codes_of_the_standard() {
        let secret = b"12345678901234567890";
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(totp(secret, seconds / STEP), code);
        }
        assert_eq!(base32(b"12345678901234567890"), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn a_code_is_good_around_its_time_and_names_what_it_uses_up() {
        let factor = SecondFactor::new(*b"12345678901234567890");
        let at = |seconds: i64| Time(seconds * SECOND);
        assert!(factor.good("287082", at(59)).is_some());
        assert!(factor.good("287 082", at(89)).is_some());
        assert_eq!(factor.good("287082", at(59)), factor.good("287082", at(89)));
        for (code, seconds) in [("287082", 120), ("287082", 5_000), ("", 59), ("28708", 59)] {
            assert_eq!(factor.good(code, at(seconds)), None, "{code} at {seconds}");
        }
    }

    #[test]
    fn recovery_codes_are_good_in_any_writing() {
        let mut factor = SecondFactor::new([3; 20]);
        let mut random = [[0; 10]; RECOVERY_CODES];
        for (number, bytes) in random.iter_mut().enumerate() {
            bytes[9] = number as u8;
        }
        let codes = factor.confirm(&random);
        assert_eq!(codes.len(), RECOVERY_CODES);
        assert_eq!(codes[1], "AAAAA-AAAAB");
        let kept = SecondFactor::from_bytes(&factor.to_bytes()).unwrap();
        assert!(kept == factor && kept.confirmed);
        assert!(kept.good("aaaaa aaaab", Time(0)).is_some());
        assert!(kept.good("AAAAA-AAAAZ", Time(0)).is_none());
        assert!(SecondFactor::from_bytes(&[1, 1, 0]).is_none());
    }
}
