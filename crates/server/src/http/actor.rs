//! Who is calling: from a bearer token, the house's own or an issuer's, to a person. Keeps what it
//! read of him for a few seconds, so that a bid does not wait for the store. Judges nothing; a ban
//! only travels along.

mod arrival;

use crate::chance;
use crate::house::House;
use crate::http::Peer;
use crate::http::cookie;
use crate::http::error::Problem;
use crate::http::limits::network;
use crate::observe;
use crate::outside::Verified;
use axum::extract::FromRequestParts;
use gavel_auction::command::{Person, Roles};
use gavel_auction::event::Digest;
use gavel_auction::ids::UserId;
use gavel_auction::time::{SECOND, Time};
use gavel_auction::view::Viewer;
use gavel_engine::people::{People, PeopleError, Session, User};
use gavel_engine::traces::Came;
use gavel_proof::hash::sha256;
use http::header::AUTHORIZATION;
use http::request::Parts;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::watch;

/// How long what was read of a session is believed.
const BELIEVED: i64 = 3 * SECOND;

/// Sessions kept at most; more begin from nothing.
const KEPT: usize = 100_000;

/// Changes whose subject is remembered.
const REMEMBERED: usize = 1_000;

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
    /// Until when it is good.
    pub until: Time,
    /// If an issuer gave it: what was verified of it.
    pub outside: Option<Verified>,
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

    /// Whether one of these changes was about him.
    pub(crate) fn is_among(&self, about: &[About]) -> bool {
        about.contains(&About::User(self.user)) || about.contains(&About::Token(self.token))
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
        // The gate has recognised him already.
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let bad = || Problem::unauthenticated("This token is not, or no longer, good: sign in.");
        let value = match (values.next(), values.next()) {
            (None, _) => return by_cookie(parts, house).await,
            (Some(value), None) => value.as_bytes(),
            (Some(_), Some(_)) => return Err(bad()),
        };
        let (scheme, token) = value.split_at_checked(7).ok_or_else(bad)?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return Err(bad());
        }
        let from = Some(Peer::of(parts).0);
        house.by_token(token, from).await?.map(|signed_in| Self(Some(signed_in))).ok_or_else(bad)
    }
}

/// By the cookie of the web app. One that is no longer good is as none, because no script can take
/// it away; one that changes something must come from a page of this house.
async fn by_cookie(parts: &Parts, house: &House) -> Result<Caller, Problem> {
    let token = cookie::token(&parts.headers).filter(|token| token.len() == TOKEN);
    let Some(token) = token else { return Ok(Caller(None)) };
    let Some(signed_in) = house.signed_in(&sha256(token.as_bytes())).await? else {
        return Ok(Caller(None));
    };
    if !parts.method.is_safe() && !cookie::is_own_page(house, &parts.headers, &parts.uri) {
        return Err(Problem::forbidden(FOREIGN_PAGE));
    }
    Ok(Caller(Some(signed_in)))
}

/// What a page that is not ours is told.
pub(crate) const FOREIGN_PAGE: &str =
    "A cookie is taken from pages of this house only (`Origin`, `house.url`); send a token.";

/// The sessions that were read lately.
pub struct SignIns {
    kept: RwLock<HashMap<Digest, Kept>>,
    /// The last of those whom changes were about, each with the count after it.
    about: Mutex<VecDeque<(u64, About)>>,
    /// Counts what made readings worthless. Long replies look at it.
    changes: watch::Sender<u64>,
}

impl Default for SignIns {
    fn default() -> Self {
        let (kept, about) = (RwLock::default(), Mutex::default());
        Self { kept, about, changes: watch::Sender::new(0) }
    }
}

/// Whom a change was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// One session.
    Token(Digest),
    /// All of a user's.
    User(UserId),
}

struct Kept {
    signed_in: SignedIn,
    expires_at: Time,
    read_at: Time,
}

impl SignIns {
    /// Forgets one session: it has ended.
    pub fn forget(&self, token: &Digest) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.remove(token);
        // Before the lock is let go: whoever read before it must not keep what he read.
        self.changed(About::Token(*token));
    }

    /// Tells of every session that ended and every user that changed.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn changed(&self, whom: About) {
        let mut about = self.about.lock().unwrap_or_else(PoisonError::into_inner);
        about.push_back((self.changes() + 1, whom));
        if about.len() > REMEMBERED {
            about.pop_front();
        }
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Whom the changes after this count were about; none if that is not remembered.
    pub(crate) fn about(&self, after: u64) -> Option<Vec<About>> {
        let about = self.about.lock().unwrap_or_else(PoisonError::into_inner);
        let first = about.front().map_or(self.changes() + 1, |(count, _)| *count);
        let later = about.iter().filter(|(count, _)| *count > after);
        (first <= after + 1).then(|| later.map(|(_, whom)| *whom).collect())
    }

    /// How often something has changed.
    pub(crate) fn changes(&self) -> u64 {
        *self.changes.borrow()
    }

    /// Forgets all sessions of a user: something about him has changed.
    pub fn forget_user(&self, user: UserId) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| kept.signed_in.user != user);
        // Before the lock is let go: whoever read before it must not keep what he read.
        self.changed(About::User(user));
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
        if self.changes() != changes {
            return;
        }
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert(kept.signed_in.token, kept);
    }
}

impl House {
    /// Whose token this is, the house's own or an issuer's, and where he asks from.
    ///
    /// # Errors
    /// If that cannot be looked up.
    pub(crate) async fn by_token(
        &self,
        token: &[u8],
        from: Option<IpAddr>,
    ) -> Result<Option<SignedIn>, Problem> {
        match token.len() {
            TOKEN => self.signed_in(&sha256(token)).await,
            // In a box: keys may have to be fetched, which would make every request larger.
            _ if self.outside.is_open() => Box::pin(self.arrived(token, from)).await,
            _ => Ok(None), // not ours: a length
        }
    }

    /// Whose token this is, by its digest, if it is a session that still runs or one of an issuer
    /// that was verified before.
    pub(crate) async fn signed_in(&self, token: &Digest) -> Result<Option<SignedIn>, Problem> {
        let now = self.now();
        if let Some(signed_in) = self.sign_ins.get(token, now) {
            return Ok(Some(signed_in));
        }
        let changes = self.sign_ins.changes();
        let (token, verified) = (*token, self.outside.known(token, now));
        let read = move |people: &dyn People| match verified {
            Some(verified) => read_outside(people, &token, verified),
            None => read_session(people, &token),
        };
        let Some((expires_at, user)) = self.blocking(read).await? else { return Ok(None) };
        if now >= expires_at {
            return Ok(None);
        }
        // Whoever comes from an issuer is vouched for there.
        let unconfirmed = !user.email_confirmed && verified.is_none();
        let waits = self.config.users.confirm_email && unconfirmed;
        let signed_in = SignedIn {
            user: user.id,
            roles: if waits && !user.roles.is_staff() { Roles::default() } else { user.roles },
            banned: user.banned.is_some(),
            username: user.username.into(),
            token,
            until: expires_at,
            outside: verified,
        };
        let kept = Kept { signed_in: signed_in.clone(), expires_at, read_at: now };
        self.sign_ins.keep(kept, changes);
        Ok(Some(signed_in))
    }

    /// Notes where somebody came from when he signed in. Nobody is turned away because that cannot
    /// be kept.
    pub(crate) async fn came(&self, user: UserId, device: Option<String>, from: IpAddr) {
        if from.is_unspecified() {
            return;
        }
        let (from, now) = (Came { device, network: network(from).to_string() }, self.now());
        if self.blocking(move |people| people.came(user, &from, now)).await.is_err() {
            observe::trace_lost();
        }
    }

    /// Begins a session: the token, which only the user gets to see, and until when it is good.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub async fn begin_session(
        &self,
        user: UserId,
        from: Option<String>,
    ) -> Result<(String, Time), Problem> {
        let token = chance::token();
        let digest = sha256(token.as_bytes());
        let created_at = self.now();
        let expires_at = created_at.plus_seconds(self.config.users.session_hours * 3600);
        let session = Session { user, created_at, expires_at, from };
        self.blocking(move |people| people.add_session(&digest, &session)).await?;
        Ok((token, expires_at))
    }
}

type Found = Option<(Time, User)>;

fn read_session(people: &dyn People, token: &Digest) -> Result<Found, PeopleError> {
    let Some(session) = people.session(token)? else { return Ok(None) };
    Ok(people.user(session.user)?.map(|user| (session.expires_at, user)))
}

/// Also a token of an issuer can be signed out here, alone or with all that came before.
fn read_outside(
    people: &dyn People,
    token: &Digest,
    verified: Verified,
) -> Result<Found, PeopleError> {
    let Some(user) = people.user(verified.user)? else { return Ok(None) };
    let over = verified.issued_at <= user.signed_out_at || people.is_spent(user.id, token)?;
    Ok((!over).then_some((verified.expires_at, user)))
}
