//! The one place that hashes. Knows nothing of what is hashed.
//!
//! # Framing
//! What goes into a hash is a sequence of fields. An outsider recomputes it so:
//!
//! - a *string or byte field* (tags, field names, JSON texts, hashes, salts, the house's 16 bytes)
//!   is its length in bytes as a 32-bit big-endian integer, followed by the bytes;
//! - an *integer field* (auction, version, partition, interval) is 8 bytes big-endian, 4 bytes
//!   where a `u32` is said, and carries no length.
//!
//! So SHA-256("gavel/genesis/1", house, auction) for house `00 01 .. 0f` and auction 5 is SHA-256
//! of `0000000f 676176656c2f67656e657369732f31 00000010 000102..0f 0000000000000005`.
//! HMAC-SHA256(key, fields) frames its message alike.
//!
//! # Why ring
//! On a processor without SHA instructions (our reference machine) `sha2` 0.11 needs 685, 1362 and
//! 2709 ns for 64, 200 and 450 bytes; `ring` 409, 774 and 1492; `aws-lc-rs` 395, 755 and 1483, but
//! its prepared HMAC key takes 1232 bytes an auction, ring's 176.
//!
//! # Why lanes
//! A block costs `ring` about 200 ns there (50 with SHA instructions). Messages that do not depend
//! on each other can share the processor's wide registers: 25 ns a block with sixteen side by side
//! (AVX-512), 60 with eight (AVX2). So evidence is made for a whole batch at once, see
//! [`Messages`]; `lanes.rs` hashes it where that is faster than `ring`.

use gavel_auction::event::Digest;
use lanes::{Job, START, State};
use ring::{digest, hmac};

mod lanes;

/// Fields one after the other, each in its frame: what is hashed.
pub(crate) struct Framed(Vec<u8>);

impl Framed {
    /// No field yet, and room for those of most messages.
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(512))
    }

    /// Begins with the tag of a domain.
    pub(crate) fn tagged(tag: &str) -> Self {
        let mut framed = Self::new();
        framed.field(tag.as_bytes());
        framed
    }

    /// A string or byte field: its length, then its bytes.
    pub(crate) fn field(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(&length_of(bytes));
        self.0.extend_from_slice(bytes);
        self
    }

    /// An integer of 8 bytes.
    pub(crate) fn integer(&mut self, integer: u64) -> &mut Self {
        self.0.extend_from_slice(&integer.to_be_bytes());
        self
    }

    /// An integer of 4 bytes.
    pub(crate) fn short(&mut self, integer: u32) -> &mut Self {
        self.0.extend_from_slice(&integer.to_be_bytes());
        self
    }

    /// The hash of all fields.
    pub(crate) fn hash(&self) -> Digest {
        sha256(&self.0)
    }
}

/// SHA-256 of bare bytes, without a frame.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    digest_of(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// A key prepared for HMAC-SHA256: the states after its two pads, so that a short message costs
/// one block for the message and one for the end.
#[derive(Clone)]
pub(crate) struct MacKey {
    key: hmac::Key,
    inner: State,
    outer: State,
}

impl MacKey {
    /// Prepares the key.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let padded = |pad: u8| {
            let mut block = [pad; 64];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            lanes::after(START, &block)
        };
        let (inner, outer) = (padded(0x36), padded(0x5c));
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), inner, outer }
    }

    /// The code of a message.
    pub(crate) fn sign(&self, message: &Framed) -> Digest {
        self.sign_bytes(&message.0)
    }

    fn sign_bytes(&self, message: &[u8]) -> Digest {
        digest_of(hmac::sign(&self.key, message).as_ref())
    }
}

/// Messages that do not depend on each other, to be hashed together.
pub(crate) struct Messages {
    framed: Framed,
    /// Where each message ends.
    ends: Vec<usize>,
}

impl Messages {
    /// None yet, with room for so many and so many bytes in all.
    pub(crate) fn with_room(count: usize, bytes: usize) -> Self {
        Self { framed: Framed(Vec::with_capacity(bytes)), ends: Vec::with_capacity(count) }
    }

    /// Adds a message.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut Framed)) {
        write(&mut self.framed);
        self.ends.push(self.framed.0.len());
    }

    /// Forgets all of them, but not the room they took.
    pub(crate) fn clear(&mut self) {
        self.framed.0.clear();
        self.ends.clear();
    }

    /// The hash of each.
    pub(crate) fn hash(&self) -> Vec<Digest> {
        if !lanes::pay(self.ends.len()) {
            return self.texts().map(sha256).collect();
        }
        let jobs = self.texts().map(|rest| Job { state: START, before: 0, rest });
        lanes::hash(&jobs.collect::<Vec<_>>())
    }

    /// The code of each under its own key.
    pub(crate) fn sign(&self, keys: &[&MacKey]) -> Vec<Digest> {
        debug_assert_eq!(keys.len(), self.ends.len(), "a key for each message");
        let both = keys.iter().zip(self.texts());
        if !lanes::pay(self.ends.len()) {
            return both.map(|(key, text)| key.sign_bytes(text)).collect();
        }
        let jobs = both.map(|(key, rest)| Job { state: key.inner, before: 1, rest });
        let inner = lanes::hash(&jobs.collect::<Vec<_>>());
        let both = keys.iter().zip(&inner);
        let jobs = both.map(|(key, inner)| Job { state: key.outer, before: 1, rest: &inner.0 });
        lanes::hash(&jobs.collect::<Vec<_>>())
    }

    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.framed.0[start..*end])
    }
}

/// The length that stands before a field.
pub(crate) fn length_of(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).expect("no field of evidence has 4 GiB").to_be_bytes()
}

fn digest_of(bytes: &[u8]) -> Digest {
    Digest(bytes.try_into().expect("SHA-256 gives 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Digest as _;

    fn by_hand(bytes: &[u8]) -> Digest {
        Digest(sha2::Sha256::digest(bytes).into())
    }

    #[test]
    fn agrees_with_another_implementation_and_the_standard() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b"").to_string(), empty);
        for length in 0..300 {
            let bytes = vec![7; length];
            assert_eq!(sha256(&bytes), by_hand(&bytes));
        }
    }

    #[test]
    fn frames_as_documented() {
        let house: Vec<u8> = (0..16).collect();
        let mut framed = Framed::tagged("gavel/genesis/1");
        framed.field(&house).integer(5);
        let mut plain = vec![0, 0, 0, 15];
        plain.extend_from_slice(b"gavel/genesis/1");
        plain.extend_from_slice(&[0, 0, 0, 16]);
        plain.extend_from_slice(&house);
        plain.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 5]);
        assert_eq!(framed.hash(), by_hand(&plain));
    }

    #[test]
    fn mac_is_hmac_over_the_framed_message() {
        let key = [9; 32];
        let mut framed = Framed::new();
        framed.integer(1).field(b"ab").short(2);
        let message = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, b'a', b'b', 0, 0, 0, 2];
        let pad = |with: u8| {
            let mut block = [with; 64];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            block.to_vec()
        };
        let inner = by_hand(&[pad(0x36), message.to_vec()].concat());
        let code = by_hand(&[pad(0x5c), inner.0.to_vec()].concat());
        assert_eq!(MacKey::new(&key).sign(&framed), code);
    }

    #[test]
    fn together_gives_what_one_by_one_does() {
        for count in [0, 1, 2, 3, 7, 8, 9, 16, 17, 40] {
            let mut messages = Messages::with_room(0, 0);
            let mut keys = Vec::new();
            for n in 0..count {
                messages.add(|message| {
                    message.field(&vec![n; usize::from(n) * 7]).short(3);
                });
                keys.push(MacKey::new(&[n; 32]));
            }
            let hashes: Vec<_> = messages.texts().map(by_hand).collect();
            assert_eq!(messages.hash(), hashes);
            let both = keys.iter().zip(messages.texts());
            let codes: Vec<_> = both.map(|(key, text)| key.sign_bytes(text)).collect();
            assert_eq!(messages.sign(&keys.iter().collect::<Vec<_>>()), codes);
        }
    }
}
