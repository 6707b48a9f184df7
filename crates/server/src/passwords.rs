//! Passwords: hashed with Argon2id on a few threads of their own, so that signing in never takes a
//! processor away from bidding. Bounded: when too many wait, the answer is to come again. Knows no
//! user; whether there is one is not told by how long it takes.

use crate::chance;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// Hashings that may wait.
const QUEUED: usize = 64;

/// Too many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("too many people sign in or register at once")]
pub struct Busy;

/// Where passwords are hashed.
#[derive(Clone)]
pub struct Passwords {
    queue: SyncSender<Work>,
    done: Arc<AtomicU64>,
    stand_in: Arc<str>,
}

enum Work {
    Hash(Zeroizing<String>, oneshot::Sender<String>),
    Verify(Zeroizing<String>, String, oneshot::Sender<bool>),
}

impl Passwords {
    /// Starts the threads.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(threads: u16) -> io::Result<Self> {
        let (queue, work) = sync_channel(QUEUED);
        let work = Arc::new(Mutex::new(work));
        let done = Arc::new(AtomicU64::new(0));
        for number in 1..=threads.max(1) {
            let (work, done) = (Arc::clone(&work), Arc::clone(&done));
            std::thread::Builder::new()
                .name(format!("passwords-{number}"))
                .spawn(move || run(&work, &done))?;
        }
        Ok(Self { queue, done, stand_in: stand_in().into() })
    }

    /// The hash of a password in PHC form.
    ///
    /// # Errors
    /// If too many wait.
    pub async fn hash(&self, password: String) -> Result<String, Busy> {
        let (reply, waiting) = oneshot::channel();
        self.push(Work::Hash(Zeroizing::new(password), reply))?;
        waiting.await.map_err(|_| Busy)
    }

    /// Whether a password has this hash. Without a hash it takes as long and is false.
    ///
    /// # Errors
    /// If too many wait.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Busy> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.stand_in.to_string());
        let (reply, waiting) = oneshot::channel();
        self.push(Work::Verify(Zeroizing::new(password), hash, reply))?;
        waiting.await.map(|fits| fits && known).map_err(|_| Busy)
    }

    /// How many hashings were done; the same number whether a user exists or not.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn push(&self, work: Work) -> Result<(), Busy> {
        self.queue.try_send(work).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Busy,
        })
    }
}

fn run(work: &Mutex<Receiver<Work>>, done: &AtomicU64) {
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        done.fetch_add(1, Ordering::Relaxed);
        // Whoever has stopped waiting does not hear it.
        match next {
            Ok(Work::Hash(password, reply)) => drop(reply.send(hash(&password))),
            Ok(Work::Verify(password, hash, reply)) => drop(reply.send(fits(&password, &hash))),
            Err(_) => return,
        }
    }
}

/// Argon2id with 19 MiB and two passes.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("these are parameters of Argon2");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash of a password in PHC form, on this thread.
///
/// # Panics
/// If there is no memory for it.
#[must_use]
pub fn hash(password: &str) -> String {
    let salt = chance::bytes::<16>();
    let hash: PasswordHash = argon2()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .expect("a password of bounded length can be hashed");
    hash.to_string()
}

/// A hash that no password has, for those who do not exist. Made up rather than computed: a start
/// needs neither the time nor the memory.
fn stand_in() -> String {
    let (salt, hash) = (chance::bytes::<16>(), chance::bytes::<32>());
    let [salt, hash] = [STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash)];
    format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${hash}")
}

fn fits(password: &str, hash: &str) -> bool {
    argon2().verify_password(password.as_bytes(), hash).is_ok()
}

/// What is wrong with a password, if anything: too short, too long, or one that everybody tries.
#[must_use]
pub fn complaint(password: &str, username: &str, email: &str) -> Option<&'static str> {
    let length = password.chars().count();
    if length < 8 || password.len() > 1024 {
        return Some("A password has at least 8 characters and at most 1,024 bytes.");
    }
    let lower = password.to_lowercase();
    let added =
        |c: char| c.is_ascii_digit() || matches!(c, '!' | '?' | '.' | '_' | '-' | '#' | '$');
    let stem = lower.trim_matches(added);
    let own = [username.to_lowercase(), email.to_lowercase()];
    let one_character = lower.chars().all(|c| lower.starts_with(c));
    let common = COMMON
        .split_ascii_whitespace()
        .any(|known| known == lower || (!stem.is_empty() && known == stem));
    if one_character || common || own.contains(&lower) {
        return Some("Too many people try this password: choose another one.");
    }
    None
}

/// The most common ones, and the stems that people add digits to.
const COMMON: &str = include_str!("passwords/common.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_fit_their_password_only() {
        let one = hash("correct horse");
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert!(fits("correct horse", &one) && !fits("correct horsf", &one));
        assert!(!fits("correct horse", "nonsense"));
        assert_ne!(one, hash("correct horse"));
    }

    #[test]
    fn the_stand_in_costs_what_a_hash_costs_and_fits_nothing() {
        let (real, made_up) = (hash("correct horse"), stand_in());
        let shape = |phc: &str| {
            let phc = PasswordHash::new(phc).unwrap();
            let [salt, hash] = [phc.salt.unwrap().len(), phc.hash.unwrap().len()];
            (phc.algorithm, phc.version, Params::try_from(&phc).unwrap(), salt, hash)
        };
        assert_eq!(shape(&real), shape(&made_up));
        assert!(!fits("correct horse", &made_up));
        assert_ne!(made_up, stand_in());
    }

    #[test]
    fn what_everybody_tries_is_refused() {
        for password in [
            "short",
            "password",
            "Password123!",
            "12345678",
            "aaaaaaaaaa",
            "anna.bell",
            "!Sunshine2024",
            "qwerty_1234",
        ] {
            assert!(complaint(password, "anna.bell", "a@example.com").is_some(), "{password}");
        }
        assert!(complaint(&"x1".repeat(513), "a", "b").is_some());
        assert!(complaint(&"x1".repeat(512), "a", "b").is_none());
        assert!(complaint("a gavel falls twice", "anna", "a@example.com").is_none());
    }
}
