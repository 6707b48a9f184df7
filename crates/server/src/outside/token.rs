//! A JWT access token, taken apart strictly: one meaning or none. Says what it claims; whether that
//! is true, the key says.

use super::Algorithm;
use crate::http::body::parse;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gavel_auction::time::{SECOND, Time};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The longest token.
const LONGEST: usize = 8 * 1024;

/// Seconds that clocks may differ.
const LEEWAY: i64 = 5;

/// A token as it was sent.
pub struct Token<'a> {
    kid: String,
    /// How it says that it is signed; one of those that are allowed.
    pub algorithm: Algorithm,
    /// What it claims.
    pub claims: Claims,
    /// The bytes that are signed.
    pub signed: &'a [u8],
    /// The signature.
    pub signature: Vec<u8>,
}

/// The head. Fields that would bring a key along, or ask for more than we know, are refused.
#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: String,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
    jku: Option<IgnoredAny>,
    jwk: Option<IgnoredAny>,
    x5u: Option<IgnoredAny>,
    x5c: Option<IgnoredAny>,
    zip: Option<IgnoredAny>,
    enc: Option<IgnoredAny>,
}

/// What a token claims.
#[derive(Clone, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// Whom it means.
    pub sub: String,
    aud: Option<Audience>,
    client_id: Option<String>,
    token_use: Option<String>,
    typ: Option<String>,
    /// When it ends, in seconds.
    pub exp: i64,
    nbf: Option<i64>,
    /// When it was issued, in seconds.
    pub iat: i64,
    username: Option<String>,
    #[serde(rename = "cognito:username")]
    cognito_username: Option<String>,
    preferred_username: Option<String>,
    /// His address, if the issuer tells it.
    pub email: Option<String>,
    email_verified: Option<serde_json::Value>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl<'a> Token<'a> {
    /// Takes a token apart; none if it is none, or is signed in a way that is not allowed.
    #[must_use]
    pub fn read(bytes: &'a [u8], allowed: &[Algorithm]) -> Option<Self> {
        if bytes.len() > LONGEST {
            return None;
        }
        let last = bytes.iter().rposition(|byte| *byte == b'.')?;
        let (signed, signature) = (bytes.get(..last)?, bytes.get(last + 1..)?);
        let middle = signed.iter().position(|byte| *byte == b'.')?;
        let (head, claims) = (signed.get(..middle)?, signed.get(middle + 1..)?);
        let decode = |part: &[u8]| URL_SAFE_NO_PAD.decode(part).ok();
        let head: Head = parse(&decode(head)?).ok()?;
        let algorithm = Algorithm::parse(&head.alg).filter(|one| allowed.contains(one))?;
        head.is_plain().then_some(())?;
        let claims: Claims = parse(&decode(claims)?).ok()?;
        Some(Self { kid: head.kid, algorithm, claims, signed, signature: decode(signature)? })
    }

    /// The name of the key that is said to have signed it.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }
}

impl Head {
    fn is_plain(&self) -> bool {
        let types = ["jwt", "at+jwt", "application/at+jwt"];
        let known = |typ: &String| types.iter().any(|known| known.eq_ignore_ascii_case(typ));
        let brings = [&self.jku, &self.jwk, &self.x5u, &self.x5c];
        let asks = [&self.crit, &self.zip, &self.enc];
        self.typ.as_ref().is_none_or(known)
            && (1..=256).contains(&self.kid.len())
            && brings.iter().chain(&asks).all(|field| field.is_none())
    }
}

impl Claims {
    /// Whether an access token for this audience that claims this is good now.
    #[must_use]
    pub fn hold(&self, audience: &str, now: Time) -> bool {
        let second = now.0.div_euclid(SECOND);
        let for_us = match &self.aud {
            Some(Audience::One(one)) => one == audience,
            Some(Audience::Several(all)) => all.iter().any(|one| one == audience),
            // Cognito's access tokens have no `aud`.
            None => {
                self.client_id.as_deref() == Some(audience)
                    && self.token_use.as_deref() == Some("access")
            }
        };
        let access = self.token_use.as_deref().is_none_or(|used| used == "access")
            && self.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case("bearer"));
        let sane = 0..=i64::MAX / SECOND - LEEWAY;
        let times = [Some(self.exp), Some(self.iat), self.nbf];
        for_us
            && access
            && (1..=255).contains(&self.sub.len())
            && times.into_iter().flatten().all(|time| sane.contains(&time))
            && now < self.expires_at()
            && self.iat <= second + LEEWAY
            && self.nbf.is_none_or(|nbf| nbf <= second + LEEWAY)
    }

    /// What he is called elsewhere, if that says more than his number.
    #[must_use]
    pub fn called(&self) -> Option<&str> {
        let names = [&self.preferred_username, &self.username, &self.cognito_username];
        let mut names = names.into_iter().flatten().filter(|name| **name != self.sub);
        names.next().map(String::as_str)
    }

    /// Whether the issuer has seen that the address is his.
    #[must_use]
    pub fn email_verified(&self) -> bool {
        match &self.email_verified {
            Some(serde_json::Value::Bool(verified)) => *verified,
            // Cognito writes it as a text.
            Some(serde_json::Value::String(text)) => text == "true",
            _ => false, // not ours: JSON
        }
    }

    /// When it ends here, whose clock may be ahead of its issuer's.
    #[must_use]
    pub fn expires_at(&self) -> Time {
        Time(self.exp.saturating_add(LEEWAY).saturating_mul(SECOND))
    }

    /// When it was issued.
    #[must_use]
    pub fn issued_at(&self) -> Time {
        Time(self.iat * SECOND)
    }
}
