//! Tokens from outside: JWT access tokens of issuers that the configuration names (Cognito,
//! Keycloak, Auth0 and their like). Says whom a token means, or nothing. Believes no key but those
//! at the configured address, and nothing that the token says about its own key. Makes no user.
//!
//! The check is our own, over `ring`: libraries for this bring a second cryptography and defaults
//! that must be tightened one by one; what is needed is one page.

pub mod fetch;
pub mod keys;
pub mod token;

use crate::config::TokensConfig;
use crate::{observe, tasks};
use gavel_auction::event::Digest;
use gavel_auction::ids::UserId;
use gavel_auction::time::Time;
use keys::{Key, Keys};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use thiserror::Error;
use token::{Claims, Token};

/// Verified tokens remembered at most.
const KEPT: usize = 100_000;

/// Seconds between two tries to fetch an issuer's keys.
const PAUSE: i64 = 60;

/// How a token may be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA, PKCS #1 v1.5, SHA-256.
    Rs256,
    /// RSA, PSS, SHA-256.
    Ps256,
    /// ECDSA on P-256, SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All that can be allowed. There is none without a signature and none with a shared secret.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// Its name in tokens.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}

/// Whose tokens are believed.
pub struct Outside {
    issuers: Vec<Arc<Issuer>>,
    algorithms: Vec<Algorithm>,
    verified: RwLock<HashMap<Digest, Verified>>,
}

/// An issuer and what is known of its keys.
struct Issuer {
    name: String,
    audience: String,
    url: String,
    lasts: i64,
    keys: RwLock<Arc<Keys>>,
    /// When they were last tried to be fetched. Held while they are.
    tried: tokio::sync::Mutex<Option<Time>>,
}

/// A token that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whom it means.
    pub user: UserId,
    /// When it was issued.
    pub issued_at: Time,
    /// Until when it is good.
    pub expires_at: Time,
}

/// The configuration of issuers makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("`tokens.audiences` and `tokens.jwks` must have one entry for each of `tokens.issuers`")]
pub struct Uneven;

impl Outside {
    /// The issuers of a configuration.
    ///
    /// # Errors
    /// If its lists are not equally long.
    pub fn new(config: &TokensConfig) -> Result<Self, Uneven> {
        let count = config.issuers.len();
        if config.audiences.len() != count || config.jwks.len() != count {
            return Err(Uneven);
        }
        let each = config.issuers.iter().zip(&config.audiences).zip(&config.jwks);
        let issuer = |((name, audience), url): ((&String, &String), &String)| {
            Arc::new(Issuer {
                name: name.clone(),
                audience: audience.clone(),
                url: url.clone(),
                lasts: config.keys_seconds,
                keys: RwLock::default(),
                tried: tokio::sync::Mutex::default(),
            })
        };
        let issuers = each.map(issuer).collect();
        let algorithms = config.algorithms.clone();
        Ok(Self { issuers, algorithms, verified: RwLock::default() })
    }

    /// Whether any issuer is configured.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.issuers.is_empty()
    }

    /// Whom a token means, if it is good now; fetches the issuer's keys if need be.
    pub async fn check(&self, token: &[u8], now: Time) -> Option<Claims> {
        let token = Token::read(token, &self.algorithms)?;
        let issuer = self.issuers.iter().find(|issuer| issuer.name == token.claims.iss)?;
        token.claims.hold(&issuer.audience, now).then_some(())?;
        let key = issuer.key(token.kid(), now).await?;
        key.fits(&token).then(|| token.claims.clone())
    }

    /// Whether a token was verified before, and is not too old.
    #[must_use]
    pub fn known(&self, digest: &Digest, now: Time) -> Option<Verified> {
        let verified = self.verified.read().unwrap_or_else(PoisonError::into_inner);
        verified.get(digest).copied().filter(|known| now < known.expires_at)
    }

    /// Remembers a token that was verified.
    pub fn remember(&self, digest: Digest, known: Verified, now: Time) {
        let mut verified = self.verified.write().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= KEPT {
            verified.retain(|_, known| now < known.expires_at);
            if verified.len() >= KEPT {
                verified.clear();
            }
        }
        verified.insert(digest, known);
    }
}

impl Issuer {
    fn known(&self, kid: &str) -> (Option<Key>, Option<Time>) {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        (keys.get(kid), keys.fetched_at)
    }

    /// The key of that name. One that is not known is looked for at the issuer's, not too often;
    /// one that is known long enough is taken, and all are fetched anew meanwhile.
    async fn key(self: &Arc<Self>, kid: &str, now: Time) -> Option<Key> {
        let (key, fetched_at) = self.known(kid);
        let Some(key) = key else {
            self.fetch(kid, now).await;
            return self.known(kid).0;
        };
        if fetched_at.is_some_and(|at| now >= at.plus_seconds(self.lasts)) {
            let (issuer, nothing) = (Arc::clone(self), String::new());
            let fetching = async move { issuer.fetch(&nothing, now).await };
            drop(tasks::spawn("fetches an issuer's keys, for seconds", fetching));
        }
        Some(key)
    }

    /// Fetches the keys unless that was tried lately, or the one that is looked for is there now.
    async fn fetch(&self, kid: &str, now: Time) {
        let mut tried = self.tried.lock().await;
        let lately = tried.is_some_and(|at| now < at.plus_seconds(PAUSE));
        if lately || self.known(kid).0.is_some() {
            return;
        }
        *tried = Some(now);
        let fetched = fetch::get(&self.url).await;
        match fetched.and_then(|bytes| Keys::read(&bytes, now)) {
            Ok(keys) => {
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
            }
            Err(why) => observe::keys_not_fetched(&self.name, &why),
        }
    }
}
