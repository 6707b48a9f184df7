//! Promotion: which bid of an interval the house doubles. The lot is drawn from a committed seed,
//! so that anybody can draw it again when the seed is opened.

use crate::event::Digest;
use crate::ids::{AuctionId, Version};
use crate::mutant;
use crate::terms::{Weight, WeightKind};
use sha2::{Digest as _, Sha256};

/// A bid that can be drawn, as the interval's end finds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) bid: Version,
    pub(crate) newcomer: bool,
    pub(crate) underdog: bool,
    pub(crate) early: bool,
}

impl Candidate {
    fn weight(&self, weights: &[Weight]) -> u64 {
        let applies = |weight: &&Weight| match weight.kind {
            WeightKind::Newcomer => self.newcomer,
            WeightKind::Underdog => self.underdog,
            WeightKind::Early => self.early,
        };
        let weights = if mutant::on("draw_ignores_weights") { &[] } else { weights };
        let factors = weights.iter().filter(applies).map(|weight| u64::from(weight.factor));
        factors.fold(1, u64::saturating_mul)
    }
}

/// The bid that is drawn among `candidates`, given in version order; none if there are none.
pub(crate) fn draw(
    seed: &Digest,
    auction: AuctionId,
    interval: u64,
    weights: &[Weight],
    candidates: &[Candidate],
) -> Option<Version> {
    let of = |candidate: &Candidate| candidate.weight(weights);
    let sum = candidates.iter().map(of).fold(0, u64::saturating_add);
    if sum == 0 {
        return None;
    }
    // Numbers from here on would favour the first bids: 2^64 is no multiple of the sum.
    let fair = u64::MAX - (u64::MAX % sum + 1) % sum;
    let lots = (0_u32..).map(|j| lot(seed, auction, interval, j));
    let mut left = lots.into_iter().find(|lot| *lot <= fair)? % sum;
    for candidate in candidates {
        let weight = of(candidate);
        if left < weight {
            return Some(candidate.bid);
        }
        left -= weight;
    }
    None
}

/// u_j: the first 8 bytes of SHA-256("gavel/draw/1", seed, auction, interval, j).
fn lot(seed: &Digest, auction: AuctionId, interval: u64, j: u32) -> u64 {
    const TAG: &[u8] = b"gavel/draw/1";
    let mut hash = Sha256::new();
    hash.update((TAG.len() as u32).to_be_bytes());
    hash.update(TAG);
    hash.update((seed.0.len() as u32).to_be_bytes());
    hash.update(seed.0);
    hash.update(auction.get().to_be_bytes());
    hash.update(interval.to_be_bytes());
    hash.update(j.to_be_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}
