//! Draws computed by hand: SHA-256 over the text of the rules, nothing of the crate under test.

use gavel_auction::event::Digest;
use sha2::{Digest as _, Sha256};

/// Which of the candidates with these weights the lot of an interval falls on.
pub fn by_hand(seed: &Digest, auction: i64, interval: u64, weights: &[u64]) -> usize {
    let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let fair = (1_u128 << 64) / sum * sum;
    let lot = (0_u32..).map(|j| lot(seed, auction, interval, j)).find(|lot| *lot < fair).unwrap();
    let mut left = lot % sum;
    for (index, weight) in weights.iter().enumerate() {
        if left < u128::from(*weight) {
            return index;
        }
        left -= u128::from(*weight);
    }
    unreachable!("what is left of a sum lies in one of its parts")
}

fn lot(seed: &Digest, auction: i64, interval: u64, j: u32) -> u128 {
    // "strings and fields carry their length", integers are big-endian (rules, section 9)
    let mut text = Vec::new();
    text.extend([0, 0, 0, 12]);
    text.extend(b"gavel/draw/1");
    text.extend([0, 0, 0, 32]);
    text.extend(seed.0);
    text.extend(auction.to_be_bytes());
    text.extend(interval.to_be_bytes());
    text.extend(j.to_be_bytes());
    let digest = Sha256::digest(&text);
    digest[..8].iter().fold(0, |lot, byte| lot << 8 | u128::from(*byte))
}
