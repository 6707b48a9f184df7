//! An issuer's keys (JWKS, RFC 7517), each of one type, by name. Knows no network.

use super::Algorithm;
use super::token::Token;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gavel_auction::time::Time;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use std::collections::HashMap;

/// Keys of one issuer at most; the others are not looked at.
const MOST: usize = 100;

/// All keys of an issuer.
#[derive(Default)]
pub struct Keys {
    by_name: HashMap<String, Key>,
    /// Since when they are known; none if they never were.
    pub fetched_at: Option<Time>,
}

/// A key. Its type says how it can have signed; the token does not.
#[derive(Clone)]
pub struct Key {
    kind: Kind,
    /// If the issuer says so, it signs in this way only.
    only: Option<Algorithm>,
}

#[derive(Clone)]
enum Kind {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Reads a set of keys; those of kinds that we do not know are left out.
    ///
    /// # Errors
    /// If it is no set of keys, or none of them is of use.
    pub fn read(bytes: &[u8], now: Time) -> Result<Self, String> {
        let set: Set = serde_json::from_slice(bytes).map_err(|_| "this is no set of keys")?;
        let mut by_name = HashMap::new();
        for key in set.keys.into_iter().take(MOST) {
            let Ok(written) = serde_json::from_value::<Written>(key) else { continue };
            let name = written.kid.clone();
            if let Some(key) = Key::of(&written) {
                by_name.entry(name).or_insert(key);
            }
        }
        if by_name.is_empty() {
            return Err("there is no key of use in it".to_owned());
        }
        Ok(Self { by_name, fetched_at: Some(now) })
    }

    /// The key of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Key> {
        self.by_name.get(name).cloned()
    }
}

impl Key {
    fn of(written: &Written) -> Option<Self> {
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?.as_bytes()).ok();
        let kind = match (written.kty.as_str(), written.crv.as_deref()) {
            ("RSA", _) => Kind::Rsa { n: bytes(&written.n)?, e: bytes(&written.e)? },
            ("EC", Some("P-256")) => {
                let point = [vec![4], bytes(&written.x)?, bytes(&written.y)?].concat();
                Kind::P256(Some(point).filter(|point| point.len() == 65)?)
            }
            ("OKP", Some("Ed25519")) => {
                Kind::Ed25519(bytes(&written.x).filter(|key| key.len() == 32)?)
            }
            _ => return None, // not ours: a text
        };
        let signs = written.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
        let only = written.alg.as_deref().map(Algorithm::parse);
        match only {
            Some(None) => None,
            only => signs.then_some(Self { kind, only: only.flatten() }),
        }
    }

    /// Whether this key has signed the token, in the way that the token says.
    #[must_use]
    pub fn fits(&self, token: &Token<'_>) -> bool {
        if self.only.is_some_and(|only| only != token.algorithm) {
            return false;
        }
        let (message, signature) = (token.signed, token.signature.as_slice());
        let checked = match (&self.kind, token.algorithm) {
            (Kind::Rsa { n, e }, Algorithm::Rs256) => RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
            (Kind::Rsa { n, e }, Algorithm::Ps256) => RsaPublicKeyComponents { n, e }.verify(
                &RSA_PSS_2048_8192_SHA256,
                message,
                signature,
            ),
            (Kind::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Kind::Ed25519(key), Algorithm::EdDsa) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature)
            }
            (Kind::Rsa { .. }, Algorithm::Es256 | Algorithm::EdDsa)
            | (Kind::P256(_), Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::EdDsa)
            | (Kind::Ed25519(_), Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256) => {
                return false;
            }
        };
        checked.is_ok()
    }
}
