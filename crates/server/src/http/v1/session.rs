//! Signing in and out. Tells nobody whether an account exists.

use crate::audit::kept::Whom;
use crate::chance;
use crate::house::House;
use crate::http::Peer;
use crate::http::actor::{FOREIGN_PAGE, SignedIn};
use crate::http::body::Strict;
use crate::http::cookie;
use crate::http::error::{Code, Problem};
use crate::http::limits::network;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use crate::http::v1::users::{OwnProfile, busy, factor};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use gavel_auction::time::{SECOND, Time};
use gavel_engine::people::{People, User};
use http::header::{SET_COOKIE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(sign_in, sign_out))
}

/// Who signs in.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// Username or e-mail address; the names `username` and `email` are taken too.
    #[schema(example = "anna")]
    #[serde(alias = "username", alias = "email")]
    pub(crate) login: String,
    pub(crate) password: String,
    /// Of the second factor, if there is one: a code of the app, or a recovery code.
    #[schema(max_length = 20)]
    pub(crate) code: Option<String>,
    /// For pages of this house: the token comes in a cookie that no script can read, and is not
    /// in the reply.
    #[serde(default)]
    pub(crate) cookie: bool,
}

/// A session that began.
#[derive(Serialize, ToSchema)]
struct Session {
    /// Send it as `Authorization: Bearer TOKEN`. It is shown this once; not if it is in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    expires_at: Stamp,
    user: OwnProfile,
}

/// Sign in
#[utoipa::path(
    post,
    path = "/v1/session",
    tag = "users",
    request_body = SignIn,
    responses((status = 201, body = Session))
)]
async fn sign_in(
    State(house): State<House>,
    mut arrival: Arrival,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<SignIn>,
) -> Result<(StatusCode, HeaderMap, Json<Session>), Problem> {
    let by_cookie = body.cookie;
    // Nobody's page may sign a visitor in to an account that is not his.
    if by_cookie && !arrival.by_own_page {
        return Err(Problem::forbidden(FOREIGN_PAGE));
    }
    let device = by_cookie.then(|| arrival.device.get_or_insert_with(chance::token).clone());
    let (user, token, expires_at) = begin(&house, arrival, body).await?;
    let mut told = HeaderMap::new();
    if let Some(device) = device {
        let seconds = expires_at.since(house.now()) / SECOND;
        told.insert(SET_COOKIE, cookie::keep(&token, seconds));
        told.append(SET_COOKIE, cookie::name_device(&device));
    }
    let (token, expires_at) = (Some(token).filter(|_| !by_cookie), Stamp(expires_at));
    let session = Session { token, expires_at, user: OwnProfile::of(user) };
    Ok((StatusCode::CREATED, told, Json(session)))
}

/// Begins a session of whoever says the right password: who he is, his token, until when.
///
/// # Errors
/// `unauthenticated`; `rate_limited`; `second_factor_needed`.
pub(crate) async fn begin(
    house: &House,
    arrival: Arrival,
    body: SignIn,
) -> Result<(User, String, Time), Problem> {
    let user = recognise(house, &arrival, body).await?;
    house.came(user.id, arrival.device, arrival.peer.0).await;
    let (token, expires_at) = house.begin_session(user.id, Some(arrival.from)).await?;
    Ok((user, token, expires_at))
}

/// Who it is, if the password fits. The same work, and the same words, whether he exists or not.
async fn recognise(house: &House, arrival: &Arrival, body: SignIn) -> Result<User, Problem> {
    let SignIn { login, password, code, cookie: _ } = body;
    let login = login.trim().to_owned();
    if login.is_empty() || login.len() > 300 || password.len() > 1024 {
        return Err(unknown());
    }
    let (now, from) = (house.now(), network(arrival.peer.0));
    let limits = &house.limits;
    limits.logins_per_ip.take(from, now).map_err(Problem::rate_limited)?;
    let account = (login.to_lowercase(), from);
    limits.logins_per_account.take(account, now).map_err(Problem::rate_limited)?;
    let user = house.blocking(move |people| people.user_by_login(&login)).await?;
    if let Some(user) = &user {
        arrival.whom.is(user.id.get());
    }
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let fits = house.passwords.verify(password, hash).await.map_err(busy)?;
    let user = user.filter(|_| fits).ok_or_else(unknown)?;
    factor::judge(house, &user, code.as_deref()).await?;
    Ok(user)
}

/// Who comes, as far as that can be told before he says so.
pub(crate) struct Arrival {
    peer: Peer,
    /// With what, and from where, in words.
    from: String,
    /// What his browser calls itself.
    device: Option<String>,
    by_own_page: bool,
    whom: Whom,
}

impl FromRequestParts<House> for Arrival {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, house: &House) -> Result<Self, Infallible> {
        let peer = Peer::of(parts);
        let from = from(peer, &parts.headers);
        let by_own_page = cookie::is_own_page(house, &parts.headers, &parts.uri);
        let Ok(whom) = Whom::from_request_parts(parts, house).await;
        let device = cookie::device(&parts.headers).map(str::to_owned);
        Ok(Self { peer, from, device, by_own_page, whom })
    }
}

/// With what, and from where, somebody signs in: for his own list of sessions.
fn from(Peer(ip): Peer, headers: &HeaderMap) -> String {
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("unknown");
    let agent: String = agent.chars().filter(|c| !c.is_control()).take(200).collect();
    format!("{agent}, {}", ip.to_canonical())
}

fn unknown() -> Problem {
    Problem::of(Code::Unauthenticated, "No account has this name and this password.")
}

/// Sign out
#[utoipa::path(
    delete,
    path = "/v1/session",
    tag = "users",
    security(("bearer" = [])),
    responses((status = 204, description = "The session has ended"))
)]
async fn sign_out(
    State(house): State<House>,
    signed_in: SignedIn,
    headers: HeaderMap,
    Query(Nothing {}): Query<Nothing>,
) -> Result<(StatusCode, HeaderMap), Problem> {
    let SignedIn { user, token, outside, .. } = signed_in;
    let end = move |people: &dyn People| match outside {
        None => people.end_session(&token),
        // Its issuer would still take it; this house does not.
        Some(verified) => people.spend(user, &token, verified.expires_at).map(drop),
    };
    house.blocking(end).await?;
    house.sign_ins.forget(&token);
    let mut told = HeaderMap::new();
    if cookie::token(&headers).is_some() {
        told.insert(SET_COOKIE, cookie::FORGET);
    }
    Ok((StatusCode::NO_CONTENT, told))
}
