//! Heads: how long each partition of a house's log was at a time, and the hash over all of it,
//! signed for keeping elsewhere. Whoever keeps one can tell later that the log was cut off or
//! changed before it; what came after the newest head kept is shown by receipts only.
//!
//! In one line: `{"hash":HEX,"house":HEX,"key":HEX,"partition":N,"position":N,"signature":HEX,
//! "tag":"gavel/head/1","time":MICROS}`. The signature is over the same text without the member
//! `signature`, under its tag.

use crate::canonical::{write_hex, write_integer, write_string};
use crate::chain::{partition_genesis, partition_link};
use crate::keys::{HouseKey, PublicKey};
use gavel_auction::event::{Digest, HouseId};
use gavel_auction::time::Time;
use serde::Deserialize;
use thiserror::Error;

/// The tag of heads and of their signatures.
pub const TAG: &str = "gavel/head/1";

/// A partition's rolling hash, and up to where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rolling {
    /// Which partition.
    pub partition: u16,
    /// The last position that it goes up to; 0 before the first.
    pub position: u64,
    /// The hash over all events up to there, in their order.
    pub hash: Digest,
}

impl Rolling {
    /// Before anything is in the partition.
    #[must_use]
    pub fn new(house: HouseId, partition: u16) -> Self {
        Self { partition, position: 0, hash: partition_genesis(house, partition) }
    }

    /// Goes on over the record at the next position: an event, by its hash in its auction's chain,
    /// or a barrier, which counts as a place and adds nothing.
    pub fn follow(&mut self, event: Option<&Digest>) {
        self.position += 1;
        if let Some(event) = event {
            self.hash = partition_link(&self.hash, event);
        }
    }

    /// Signs it, as it stood at a time.
    #[must_use]
    pub fn sign(&self, house: HouseId, time: Time, signer: &HouseKey) -> Vec<u8> {
        let key = signer.public();
        let head = Head { rolling: *self, house, time, key };
        let signature = signer.sign(TAG, &head.text(None));
        head.text(Some(&signature))
    }
}

/// What a signed head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Where the partition stood.
    pub rolling: Rolling,
    /// The house.
    pub house: HouseId,
    /// When.
    pub time: Time,
    /// The key that signed it.
    pub key: PublicKey,
}

/// Why a line is no head.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeadFault {
    /// The bytes are no head.
    #[error("this is no signed head: {0}")]
    NotAHead(String),
    /// The signature is not of this key over this head.
    #[error("the signature does not fit the head")]
    Signature,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    hash: Digest,
    house: HouseId,
    key: Digest,
    partition: u16,
    position: u64,
    #[serde(borrow)]
    signature: &'a str,
    #[serde(borrow)]
    tag: &'a str,
    time: Time,
}

impl Head {
    fn text(&self, signature: Option<&[u8; 64]>) -> Vec<u8> {
        let Self { rolling: Rolling { partition, position, hash }, house, time, key } = self;
        let mut out = Vec::with_capacity(448);
        out.extend_from_slice(b"{\"hash\":");
        write_hex(&mut out, &hash.0);
        out.extend_from_slice(b",\"house\":");
        write_hex(&mut out, &house.0);
        out.extend_from_slice(b",\"key\":");
        write_hex(&mut out, &key.to_bytes());
        out.extend_from_slice(b",\"partition\":");
        write_integer(&mut out, *partition);
        out.extend_from_slice(b",\"position\":");
        write_integer(&mut out, *position);
        if let Some(signature) = signature {
            out.extend_from_slice(b",\"signature\":");
            write_hex(&mut out, signature);
        }
        out.extend_from_slice(b",\"tag\":");
        write_string(&mut out, TAG);
        out.extend_from_slice(b",\"time\":");
        write_integer(&mut out, time.0);
        out.push(b'}');
        out
    }
}

/// Checks a signed head. Whether the log still leads to it, whoever has the log can tell: by
/// [`Rolling::follow`] up to its position.
///
/// # Errors
/// If it is no head, or its signature does not fit.
pub fn verify_head(bytes: &[u8]) -> Result<Head, HeadFault> {
    let not = |what: &str| HeadFault::NotAHead(what.to_owned());
    let line: Line<'_> = serde_json::from_slice(bytes).map_err(|e| not(&e.to_string()))?;
    if line.tag != TAG {
        return Err(not("another tag"));
    }
    let Line { hash, house, key, partition, position, time, .. } = line;
    let key = PublicKey::from_bytes(&key.0).map_err(|_| HeadFault::Signature)?;
    let head = Head { rolling: Rolling { partition, position, hash }, house, time, key };
    let mut signature = [0; 64];
    let read = hex::decode_to_slice(line.signature, &mut signature);
    read.map_err(|_| HeadFault::Signature)?;
    key.verify(TAG, &head.text(None), &signature).map_err(|_| HeadFault::Signature)?;
    if head.text(Some(&signature)) == bytes {
        return Ok(head);
    }
    Err(not("it is not written as heads are"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUSE: HouseId = HouseId([7; 16]);

    fn rolled(events: &[Option<Digest>]) -> Rolling {
        let mut rolling = Rolling::new(HOUSE, 3);
        events.iter().for_each(|event| rolling.follow(event.as_ref()));
        rolling
    }

    #[test]
    fn a_head_binds_every_event_before_it_and_their_order() {
        let [one, two] = [Some(Digest([1; 32])), Some(Digest([2; 32]))];
        let all = [
            rolled(&[]),
            rolled(&[one]),
            rolled(&[two]),
            rolled(&[one, two]),
            rolled(&[two, one]),
            rolled(&[one, one]),
        ];
        for (place, head) in all.iter().enumerate() {
            assert!(!all[..place].iter().any(|other| other.hash == head.hash), "{place}");
        }
        let held = rolled(&[one, None, two]);
        assert_eq!((held.position, held.hash), (3, rolled(&[one, two]).hash));
    }

    #[test]
    fn signed_heads_hold_and_no_changed_byte_goes_unseen() {
        let signer = HouseKey::from_bytes(&[5; 32]);
        let rolling = rolled(&[Some(Digest([1; 32])), None]);
        let line = rolling.sign(HOUSE, Time(1_700_000_000_000_000), &signer);
        let head = verify_head(&line).unwrap();
        assert_eq!((head.rolling, head.house), (rolling, HOUSE));
        assert_eq!(head.key, signer.public());
        for place in 0..line.len() {
            for bit in 0..8 {
                let mut changed = line.clone();
                changed[place] ^= 1 << bit;
                assert!(verify_head(&changed).is_err(), "{place}");
            }
            let mut shorter = line.clone();
            shorter.remove(place);
            assert!(verify_head(&shorter).is_err(), "{place}");
        }
    }
}
