//! Chance: the one place of the server that asks the operating system for random bytes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Random bytes nobody can guess.
///
/// # Panics
/// If the operating system has none to give: then nothing that is secret can be made.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one home of chance")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("an operating system has randomness");
    bytes
}

/// A text nobody can guess: 32 random bytes in base64url, 43 characters.
#[must_use]
pub fn token() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>())
}
