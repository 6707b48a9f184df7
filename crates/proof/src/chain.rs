//! The chain: each event's hash holds the hash before it. Anybody can recompute it from the public
//! parts alone; nothing sealed enters except through its commitments.

use crate::hash::Framed;
use gavel_auction::event::{Digest, HouseId};
use gavel_auction::ids::AuctionId;

/// What stands before an auction's first event: SHA-256("gavel/genesis/1", house, auction).
#[must_use]
pub fn genesis(house: HouseId, auction: AuctionId) -> Digest {
    let mut framed = Framed::tagged("gavel/genesis/1");
    framed.field(&house.0).integer(auction.get().unsigned_abs());
    framed.hash()
}

/// An event's hash: SHA-256("gavel/chain/1", previous hash, public part).
#[must_use]
pub fn link(previous: &Digest, public: &[u8]) -> Digest {
    let mut framed = Framed::new();
    frame_link(&mut framed, previous, public);
    framed.hash()
}

/// What an event's hash is made of.
pub(crate) fn frame_link(framed: &mut Framed, previous: &Digest, public: &[u8]) {
    framed.field(b"gavel/chain/1").field(&previous.0).field(public);
}

/// What stands before a partition's first event:
/// SHA-256("gavel/partition-genesis/1", house, partition).
#[must_use]
pub fn partition_genesis(house: HouseId, partition: u16) -> Digest {
    let mut framed = Framed::tagged("gavel/partition-genesis/1");
    framed.field(&house.0).integer(u64::from(partition));
    framed.hash()
}

/// A partition's rolling hash: SHA-256("gavel/partition/1", previous, event hash), by position.
#[must_use]
pub fn partition_link(previous: &Digest, event: &Digest) -> Digest {
    let mut framed = Framed::tagged("gavel/partition/1");
    framed.field(&previous.0).field(&event.0);
    framed.hash()
}
