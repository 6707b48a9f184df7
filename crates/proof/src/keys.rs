//! Keys: what the house keeps secret so that others can believe it. Knows no files; the server
//! keeps the bytes.

use crate::hash::{Framed, MacKey, length_of, sha256};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use gavel_auction::event::{Digest, HouseId, KeyId};
use gavel_auction::ids::{AuctionId, Version};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroize;

/// The secret behind all salts and seeds of a house. Old ones are kept for the old auctions.
#[derive(Clone)]
pub struct LogKey([u8; 32]);

impl LogKey {
    /// A key from its 32 secret bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret bytes, to keep them somewhere safe.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Which key it is, without the key: the first 8 bytes of SHA-256("gavel/log-key/1", key).
    #[must_use]
    pub fn id(&self) -> KeyId {
        let mut framed = Framed::tagged("gavel/log-key/1");
        framed.field(&self.0);
        let digest = framed.hash();
        KeyId(*digest.0.first_chunk().expect("a digest has more than 8 bytes"))
    }

    /// A key of its own for each auction:
    /// HMAC-SHA256(log key, "gavel/salt/1", house, auction).
    #[must_use]
    pub fn auction(&self, house: HouseId, auction: AuctionId) -> AuctionKey {
        let mut framed = Framed::tagged("gavel/salt/1");
        framed.field(&house.0).integer(auction.get().unsigned_abs());
        let mut key = MacKey::new(&self.0).sign(&framed);
        let prepared = AuctionKey(MacKey::new(&key.0));
        key.0.zeroize();
        prepared
    }

    /// The key that the house seals its own snapshots with:
    /// HMAC-SHA256(log key, "gavel/snapshot/1", house).
    #[must_use]
    pub fn seal(&self, house: HouseId) -> SealKey {
        let mut framed = Framed::tagged("gavel/snapshot/1");
        framed.field(&house.0);
        let mut key = MacKey::new(&self.0).sign(&framed);
        let prepared = SealKey(MacKey::new(&key.0));
        key.0.zeroize();
        prepared
    }

    /// What hides a receipt from its siblings: the first 16 bytes of
    /// HMAC-SHA256(log key, "gavel/receipt/1", operation).
    #[must_use]
    pub fn receipt_salt(&self, operation: &[u8; 16]) -> [u8; 16] {
        let mut framed = Framed::tagged("gavel/receipt/1");
        framed.field(operation);
        *MacKey::new(&self.0)
            .sign(&framed)
            .0
            .first_chunk()
            .expect("a digest has more than 16 bytes")
    }
}

impl Drop for LogKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({})", self.id())
    }
}

/// The secret behind one auction's salts and seeds, prepared for use (240 bytes).
#[derive(Clone)]
pub struct AuctionKey(pub(crate) MacKey);

impl AuctionKey {
    /// What hides a value in its commitment: HMAC-SHA256(auction key, version, field, value), where
    /// value is the canonical JSON text. Other values never share a salt, even in a forked log.
    #[must_use]
    pub fn salt(&self, version: Version, field: &str, value: &[u8]) -> Digest {
        let mut framed = Framed::new();
        frame_salt(&mut framed, version, field, value);
        self.0.sign(&framed)
    }

    /// The seed of the draws: HMAC-SHA256(auction key, "seed", epoch as u32). Epoch 0 is the
    /// creation, each reopening is the next.
    #[must_use]
    pub fn seed(&self, epoch: u32) -> Digest {
        let mut framed = Framed::tagged("seed");
        framed.short(epoch);
        self.0.sign(&framed)
    }
}

/// What a salt is made of, besides the key.
pub(crate) fn frame_salt(framed: &mut Framed, version: Version, field: &str, value: &[u8]) {
    framed.integer(version).field(field.as_bytes()).field(value);
}

impl fmt::Debug for AuctionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuctionKey")
    }
}

/// What tells the house's own derived files from others: only who has the log key can seal.
#[derive(Clone)]
pub struct SealKey(MacKey);

impl SealKey {
    /// The seal of a sequence of fields.
    #[must_use]
    pub fn seal(&self, fields: &[&[u8]]) -> Digest {
        let mut framed = Framed::new();
        for field in fields {
            framed.field(field);
        }
        self.0.sign(&framed)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey")
    }
}

/// The key that a house signs with: Ed25519.
pub struct HouseKey(SigningKey);

impl HouseKey {
    /// A key from its 32 secret bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// The secret bytes, to keep them somewhere safe.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// What others check its signatures with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs a message of one domain. What is signed is the tag and SHA-256 of the message, each as
    /// a framed field (see `hash.rs`).
    #[must_use]
    pub fn sign(&self, tag: &str, message: &[u8]) -> [u8; 64] {
        self.0.sign(&signed_bytes(tag, message)).to_bytes()
    }
}

impl fmt::Debug for HouseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HouseKey({})", self.public().fingerprint())
    }
}

/// The public half of a house's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// A public key from its 32 bytes.
    ///
    /// # Errors
    /// If the bytes are no key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, BadSignature> {
        VerifyingKey::from_bytes(bytes).map(Self).map_err(|_| BadSignature)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// What people compare: the first 16 bytes of SHA-256 of the key, in hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(&sha256(self.0.as_bytes()).0[..16])
    }

    /// Checks a signature, strictly: no weak keys, no second form of a signature.
    ///
    /// # Errors
    /// If this key did not sign that message in that domain.
    pub fn verify(
        &self,
        tag: &str,
        message: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), BadSignature> {
        let signature = Signature::from_bytes(signature);
        self.0.verify_strict(&signed_bytes(tag, message), &signature).map_err(|_| BadSignature)
    }
}

/// A signature, or a key, that is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature does not fit")]
pub struct BadSignature;

fn signed_bytes(tag: &str, message: &[u8]) -> Vec<u8> {
    let hash = sha256(message);
    let mut bytes = Vec::with_capacity(8 + tag.len() + hash.0.len());
    for field in [tag.as_bytes(), &hash.0] {
        bytes.extend_from_slice(&length_of(field));
        bytes.extend_from_slice(field);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_hold_for_their_tag_and_message_only() {
        let key = HouseKey::from_bytes(&[3; 32]);
        let signature = key.sign("gavel/head/1", b"hello");
        let public = PublicKey::from_bytes(&key.public().to_bytes()).unwrap();
        assert_eq!(public.verify("gavel/head/1", b"hello", &signature), Ok(()));
        assert_eq!(public.verify("gavel/batch/1", b"hello", &signature), Err(BadSignature));
        assert_eq!(public.verify("gavel/head/1", b"hellp", &signature), Err(BadSignature));
        let other = HouseKey::from_bytes(&[4; 32]).public();
        assert_eq!(other.verify("gavel/head/1", b"hello", &signature), Err(BadSignature));
        assert_ne!(other.fingerprint(), public.fingerprint());
    }

    #[test]
    fn salts_and_seeds_differ_in_everything_they_depend_on() {
        let log = LogKey::from_bytes([1; 32]);
        let auction = |id| AuctionId::new(id).unwrap();
        let key = log.auction(HouseId([2; 16]), auction(5));
        let mut all = vec![
            key.salt(1, "amount", b"5"),
            key.salt(2, "amount", b"5"),
            key.salt(1, "paddle", b"5"),
            key.salt(1, "amount", b"6"),
            key.seed(0),
            key.seed(1),
            log.auction(HouseId([2; 16]), auction(6)).seed(0),
            log.auction(HouseId([3; 16]), auction(5)).seed(0),
            LogKey::from_bytes([2; 32]).auction(HouseId([2; 16]), auction(5)).seed(0),
        ];
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 9);
    }

    #[test]
    fn secrets_do_not_print() {
        let log = LogKey::from_bytes([0xab; 32]);
        assert_eq!(format!("{log:?}"), format!("LogKey({})", log.id()));
        assert!(!format!("{:?}", HouseKey::from_bytes(&[0xab; 32])).contains("abab"));
    }
}
