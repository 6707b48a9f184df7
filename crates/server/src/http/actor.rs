//! Who is calling: from a bearer token to a person. Keeps what it read of a session for a few
//! seconds, so that a bid does not wait for the store. Judges nothing; a ban only travels along.

use crate::chance;
use crate::house::House;
use crate::http::error::Problem;
use axum::extract::FromRequestParts;
use gavel_auction::command::{Person, Roles};
use gavel_auction::event::Digest;
use gavel_auction::ids::UserId;
use gavel_auction::time::{SECOND, Time};
use gavel_auction::view::Viewer;
use gavel_engine::people::{PeopleError, Session};
use gavel_proof::hash::sha256;
use http::header::AUTHORIZATION;
use http::request::Parts;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// How long what was read of a session is believed.
const BELIEVED: i64 = 3 * SECOND;

/// Sessions kept at most; more begin from nothing.
const KEPT: usize = 100_000;

/// The length of our tokens: 32 bytes in base64url.
const TOKEN: usize = 43;

/// A person with a valid session.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: UserId,
    /// What he may be.
    pub roles: Roles,
    /// Whether the house shut him out.
    pub banned: bool,
    /// His public name.
    pub username: Arc<str>,
    /// The digest of his token.
    pub token: Digest,
}

impl SignedIn {
    /// Him, as commands name him.
    #[must_use]
    pub fn person(&self) -> Person {
        Person { user: self.user, roles: self.roles, banned: self.banned, headroom: None }
    }

    /// Him, as views are cut for him.
    #[must_use]
    pub fn viewer(&self) -> Viewer {
        Viewer { user: Some(self.user), roles: self.roles, banned: self.banned }
    }

    /// Only somebody of the house may go on.
    ///
    /// # Errors
    /// Forbidden to all others.
    pub fn staff(&self) -> Result<(), Problem> {
        if self.roles.is_staff() && !self.banned {
            return Ok(());
        }
        Err(Problem::forbidden("That is for the house's own people."))
    }

    /// Only an administrator may go on.
    ///
    /// # Errors
    /// Forbidden to all others.
    pub fn admin(&self) -> Result<(), Problem> {
        if self.roles.admin && !self.banned {
            return Ok(());
        }
        Err(Problem::forbidden("That is for administrators."))
    }
}

/// Anybody, signed in or not. A token that is sent must be good.
#[derive(Clone, Debug, Default)]
pub struct Caller(pub Option<SignedIn>);

impl Caller {
    /// The caller, as views are cut for him.
    #[must_use]
    pub fn viewer(&self) -> Viewer {
        self.0.as_ref().map(SignedIn::viewer).unwrap_or_default()
    }
}

impl FromRequestParts<House> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, house: &House) -> Result<Self, Problem> {
        let Caller(signed_in) = Caller::from_request_parts(parts, house).await?;
        signed_in.ok_or_else(|| Problem::unauthenticated("Sign in first."))
    }
}

impl FromRequestParts<House> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, house: &House) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let bad = || Problem::unauthenticated("This token is not, or no longer, good: sign in.");
        let value = match (values.next(), values.next()) {
            (None, _) => return Ok(Self(None)),
            (Some(value), None) => value.as_bytes(),
            (Some(_), Some(_)) => return Err(bad()),
        };
        let (scheme, token) = value.split_at_checked(7).ok_or_else(bad)?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") || token.len() != TOKEN {
            return Err(bad());
        }
        let digest = sha256(token);
        house.signed_in(&digest).await?.map(|signed_in| Self(Some(signed_in))).ok_or_else(bad)
    }
}

/// The sessions that were read lately.
#[derive(Default)]
pub struct SignIns {
    kept: RwLock<HashMap<Digest, Kept>>,
    changes: AtomicU64,
}

struct Kept {
    signed_in: SignedIn,
    expires_at: Time,
    read_at: Time,
}

impl SignIns {
    /// Forgets one session: it has ended.
    pub fn forget(&self, token: &Digest) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.kept.write().unwrap_or_else(PoisonError::into_inner).remove(token);
    }

    /// Forgets all sessions of a user: something about him has changed.
    pub fn forget_user(&self, user: UserId) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| kept.signed_in.user != user);
    }

    fn get(&self, token: &Digest, now: Time) -> Option<SignedIn> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(token)?;
        let fresh = now.since(found.read_at) < BELIEVED && now < found.expires_at;
        fresh.then(|| found.signed_in.clone())
    }

    /// Keeps what was read, unless something has changed since the reading began.
    fn keep(&self, kept: Kept, changes: u64) {
        let mut all = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if self.changes.load(Ordering::SeqCst) != changes {
            return;
        }
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert(kept.signed_in.token, kept);
    }
}

impl House {
    /// Whose session this is, if it is one that still runs.
    pub(crate) async fn signed_in(&self, token: &Digest) -> Result<Option<SignedIn>, Problem> {
        let now = self.now();
        if let Some(signed_in) = self.sign_ins.get(token, now) {
            return Ok(Some(signed_in));
        }
        let changes = self.sign_ins.changes.load(Ordering::SeqCst);
        let token = *token;
        let read = move |people: &dyn gavel_engine::people::People| {
            let Some(session) = people.session(&token)? else { return Ok(None) };
            let user = people.user(session.user)?;
            Ok::<_, PeopleError>(user.map(|user| (session, user)))
        };
        let Some((session, user)) = self.blocking(read).await? else { return Ok(None) };
        if now >= session.expires_at {
            return Ok(None);
        }
        let signed_in = SignedIn {
            user: user.id,
            roles: user.roles,
            banned: user.banned.is_some(),
            username: user.username.into(),
            token,
        };
        let expires_at = session.expires_at;
        let kept = Kept { signed_in: signed_in.clone(), expires_at, read_at: now };
        self.sign_ins.keep(kept, changes);
        Ok(Some(signed_in))
    }

    /// Begins a session: the token, which only the user gets to see, and until when it is good.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn begin_session(&self, user: UserId) -> Result<(String, Time), Problem> {
        let token = chance::token();
        let digest = sha256(token.as_bytes());
        let expires_at = self.now().plus_seconds(self.config.users.session_hours * 3600);
        let session = Session { user, expires_at };
        self.blocking(move |people| people.add_session(&digest, &session)).await?;
        Ok((token, expires_at))
    }
}
