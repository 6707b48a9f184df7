//! The vault: what is known of people, encrypted, and found again by what cannot be read back.
//!
//! Each row has a data key of its own (AES-256-GCM), wrapped by a master key that is never in the
//! database. What a value belongs to (user and field) is authenticated with it, so that no value
//! opens in another's place. Equal values are found by HMAC-SHA256 under a key of the house
//! (blind indexes), which is wrapped likewise.
//!
//! By `ring`, which the evidence uses already: one library of ciphers is enough. Knows no SQL.

use gavel_auction::ids::UserId;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::{digest, hmac};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// The name of a master key: the beginning of its digest.
pub(crate) type KeyName = [u8; 8];

/// Where random bytes come from.
pub type Chance = fn() -> [u8; 32];

/// The master keys of a house: the first wraps what is new, the others only open what is old.
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<Zeroizing<[u8; 32]>>,
    chance: Chance,
}

/// Something sealed could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VaultError {
    /// The house was opened without its vault's key.
    #[error("the house was opened without the key of its vault")]
    NoKey,
    /// The master key that wraps it is not there.
    #[error("this needs a master key of the vault that is not there")]
    MissingKey,
    /// It was changed, or is another's.
    #[error("what is sealed here was changed, or belongs elsewhere")]
    Damaged,
}

impl Keyring {
    /// A ring of one key, and where random bytes come from.
    #[must_use]
    pub fn new(key: [u8; 32], chance: Chance) -> Self {
        Self { keys: vec![Zeroizing::new(key)], chance }
    }

    /// The same ring with a new key in front, which wraps from now on.
    #[must_use]
    pub fn with_new(&self) -> Self {
        let mut keys = vec![Zeroizing::new((self.chance)())];
        keys.extend(self.keys.iter().cloned());
        Self { keys, chance: self.chance }
    }

    /// The same ring without the keys that only open what is old.
    #[must_use]
    pub fn newest(&self) -> Self {
        Self { keys: self.keys.iter().take(1).cloned().collect(), chance: self.chance }
    }

    /// How many keys there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.keys.len()
    }

    /// Reads keys, each 64 hexadecimal digits, separated by commas or white space.
    #[must_use]
    pub fn parse(text: &str, chance: Chance) -> Option<Self> {
        let words = text.split(|c: char| c == ',' || c.is_ascii_whitespace());
        let mut keys = Vec::new();
        for word in words.filter(|word| !word.is_empty()) {
            let mut key = Zeroizing::new([0; 32]);
            hex::decode_to_slice(word, &mut key[..]).ok()?;
            keys.push(key);
        }
        (!keys.is_empty()).then_some(Self { keys, chance })
    }

    /// The keys as [`Keyring::parse`] reads them, one on a line.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let lines = self.keys.iter().map(|key| hex::encode(&key[..]) + "\n");
        Zeroizing::new(lines.collect())
    }

    pub(crate) fn current(&self) -> KeyName {
        self.keys.first().map(|key| name(key)).expect("a ring has a key")
    }

    fn key(&self, called: &[u8]) -> Result<LessSafeKey, VaultError> {
        let found = self.keys.iter().find(|key| name(key) == called);
        found.map(|key| cipher(key)).ok_or(VaultError::MissingKey)
    }

    fn nonce(&self) -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&(self.chance)()[..NONCE_LEN]);
        nonce
    }

    /// Wraps 32 bytes under the current key.
    fn wrap(&self, key: &[u8; 32], about: &[u8]) -> Vec<u8> {
        let current = self.keys.first().expect("a ring has a key");
        seal(&cipher(current), self.nonce(), about, key)
    }

    fn unwrap(
        &self,
        by: &[u8],
        wrapped: &[u8],
        about: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let bytes = open(&self.key(by)?, about, wrapped)?;
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| VaultError::Damaged)?;
        Ok(Zeroizing::new(key))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring of {}", self.keys.len())
    }
}

fn name(key: &[u8; 32]) -> KeyName {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"gavel vault key");
    context.update(key);
    let digest = context.finish();
    let mut name = KeyName::default();
    name.copy_from_slice(&digest.as_ref()[..8]);
    name
}

fn cipher(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of 32 bytes"))
}

fn seal(key: &LessSafeKey, nonce: [u8; NONCE_LEN], about: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut text = Zeroizing::new(plain.to_vec());
    let given = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(given, Aad::from(about), &mut text);
    let tag = tag.expect("a text of bounded length can be sealed");
    [&nonce[..], text.as_slice(), tag.as_ref()].concat()
}

fn open(key: &LessSafeKey, about: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(VaultError::Damaged)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Damaged)?;
    let mut text = Zeroizing::new(text.to_vec());
    let opened = key.open_in_place(nonce, Aad::from(about), &mut text);
    let length = opened.map_err(|_| VaultError::Damaged)?.len();
    text.truncate(length);
    Ok(text)
}

/// A field of a row, as its seal names it. Never renumbered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field {
    Email = 1,
    Name = 2,
    Phone = 3,
    Address = 4,
    Banned = 5,
    PasswordHash = 6,
    SecondFactor = 7,
    SeenFrom = 8,
    CodeEmail = 9,
    DataKey = 10,
    Outside = 11,
    Chat = 12,
    Trace = 13,
    Waiting = 14,
}

fn about(user: UserId, field: Field) -> [u8; 9] {
    let mut about = [field as u8; 9];
    about[1..].copy_from_slice(&user.get().to_be_bytes());
    about
}

/// What all seals and indexes of a house are made with.
pub(crate) struct Vault {
    ring: Keyring,
    index: hmac::Key,
}

/// What seals and opens one user's row.
pub(crate) struct RowKey {
    user: UserId,
    key: LessSafeKey,
    chance: Chance,
}

/// What a blind index is over. Never renumbered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Index {
    Email = 1,
    Word = 2,
    Subject = 3,
    Trace = 4,
}

const INDEX_KEY: &[u8] = b"gavel vault index key";

impl Vault {
    /// A vault that is new: it, and what is kept of it.
    pub(crate) fn make(ring: Keyring) -> (Self, KeyName, Vec<u8>) {
        let key = Zeroizing::new((ring.chance)());
        let (by, wrapped) = (ring.current(), ring.wrap(&key, INDEX_KEY));
        let index = hmac::Key::new(hmac::HMAC_SHA256, &key[..]);
        (Self { ring, index }, by, wrapped)
    }

    /// A vault of which this is kept.
    pub(crate) fn open(ring: Keyring, by: &[u8], wrapped: &[u8]) -> Result<Self, VaultError> {
        let key = ring.unwrap(by, wrapped, INDEX_KEY)?;
        Ok(Self { index: hmac::Key::new(hmac::HMAC_SHA256, &key[..]), ring })
    }

    /// A fresh data key for a user's row: it, and what is kept of it.
    pub(crate) fn row(&self, user: UserId) -> (RowKey, KeyName, Vec<u8>) {
        let key = Zeroizing::new((self.ring.chance)());
        let wrapped = self.ring.wrap(&key, &about(user, Field::DataKey));
        let row = RowKey { user, key: cipher(&key), chance: self.ring.chance };
        (row, self.ring.current(), wrapped)
    }

    /// The data key of a user's row.
    pub(crate) fn row_of(
        &self,
        user: UserId,
        by: &[u8],
        wrapped: &[u8],
    ) -> Result<RowKey, VaultError> {
        let key = self.ring.unwrap(by, wrapped, &about(user, Field::DataKey))?;
        Ok(RowKey { user, key: cipher(&key), chance: self.ring.chance })
    }

    /// The same data key, wrapped by the current master key.
    pub(crate) fn wrap_again(
        &self,
        user: UserId,
        by: &[u8],
        wrapped: &[u8],
    ) -> Result<(KeyName, Vec<u8>), VaultError> {
        let key = self.ring.unwrap(by, wrapped, &about(user, Field::DataKey))?;
        Ok((self.ring.current(), self.ring.wrap(&key, &about(user, Field::DataKey))))
    }

    /// What a value is found by.
    pub(crate) fn index(&self, of: Index, parts: &[&str]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.index);
        context.update(&[of as u8]);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut index = [0; 32];
        index.copy_from_slice(context.sign().as_ref());
        index
    }
}

impl RowKey {
    pub(crate) fn seal(&self, field: Field, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&(self.chance)()[..NONCE_LEN]);
        seal(&self.key, nonce, &about(self.user, field), plain)
    }

    pub(crate) fn open(
        &self,
        field: Field,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        open(&self.key, &about(self.user, field), sealed)
    }

    pub(crate) fn text(&self, field: Field, sealed: &[u8]) -> Result<String, VaultError> {
        let bytes = self.open(field, sealed)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| VaultError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn chance() -> [u8; 32] {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        bytes
    }

    fn user(id: i64) -> UserId {
        UserId::new(id).unwrap()
    }

    #[test]
    fn a_value_opens_in_its_place_only() {
        let (vault, ..) = Vault::make(Keyring::new([1; 32], chance));
        let (row, by, wrapped) = vault.row(user(1));
        let sealed = row.seal(Field::Email, b"anna@example.com");
        assert!(!sealed.windows(4).any(|window| window == b"anna"));
        assert_eq!(row.text(Field::Email, &sealed).unwrap(), "anna@example.com");
        assert_eq!(row.text(Field::Name, &sealed), Err(VaultError::Damaged));
        assert!(vault.row_of(user(2), &by, &wrapped).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(row.text(Field::Email, &changed), Err(VaultError::Damaged));
        }
        assert_ne!(sealed, row.seal(Field::Email, b"anna@example.com"));
    }

    #[test]
    fn keys_rotate_and_old_ones_are_needed_no_more() {
        let old = Keyring::new([1; 32], chance);
        let (vault, by, kept) = Vault::make(old.clone());
        let (row, row_by, wrapped) = vault.row(user(1));
        let sealed = row.seal(Field::Name, b"Anna");
        let both = old.with_new();
        assert_eq!(both.size(), 2);
        let vault = Vault::open(both.clone(), &by, &kept).unwrap();
        let (new_by, new_wrapped) = vault.wrap_again(user(1), &row_by, &wrapped).unwrap();
        assert_ne!(new_by, row_by);
        let (vault, ..) = Vault::make(both.newest());
        let row = vault.row_of(user(1), &new_by, &new_wrapped).unwrap();
        assert_eq!(row.text(Field::Name, &sealed).unwrap(), "Anna");
        assert!(matches!(vault.row_of(user(1), &row_by, &wrapped), Err(VaultError::MissingKey)));
        let read = Keyring::parse(&both.text(), chance).unwrap();
        assert_eq!(read.text(), both.text());
        assert!(Keyring::parse("", chance).is_none() && Keyring::parse("00", chance).is_none());
    }

    #[test]
    fn indexes_are_the_same_for_the_same_and_say_nothing_else() {
        let (vault, ..) = Vault::make(Keyring::new([1; 32], chance));
        let index = |of, parts: &[&str]| vault.index(of, parts);
        assert_eq!(index(Index::Email, &["a"]), index(Index::Email, &["a"]));
        assert_ne!(index(Index::Email, &["a"]), index(Index::Word, &["a"]));
        assert_ne!(index(Index::Subject, &["a", "bc"]), index(Index::Subject, &["ab", "c"]));
        let (other, ..) = Vault::make(Keyring::new([1; 32], chance));
        assert_ne!(index(Index::Email, &["a"]), other.index(Index::Email, &["a"]));
    }
}
