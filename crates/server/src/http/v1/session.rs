//! Signing in and out. Tells nobody whether an account exists.

use crate::house::House;
use crate::http::Peer;
use crate::http::actor::SignedIn;
use crate::http::body::Strict;
use crate::http::error::{Code, Problem};
use crate::http::limits::network;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use crate::http::v1::users::{OwnProfile, busy, factor};
use axum::Json;
use axum::extract::{Extension, State};
use gavel_engine::people::{People, User};
use http::header::USER_AGENT;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(sign_in, sign_out))
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    /// Username or e-mail address; the names `username` and `email` are taken too.
    #[schema(example = "anna")]
    #[serde(alias = "username", alias = "email")]
    login: String,
    password: String,
    /// Of the second factor, if there is one: a code of the app, or a recovery code.
    #[schema(max_length = 20)]
    code: Option<String>,
}

/// A session that began.
#[derive(Serialize, ToSchema)]
struct Session {
    /// Send it as `Authorization: Bearer TOKEN`. It is shown this once.
    token: String,
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
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<SignIn>,
) -> Result<(StatusCode, Json<Session>), Problem> {
    let user = recognise(&house, peer, body).await?;
    let (token, expires_at) = house.begin_session(user.id, Some(from(peer, &headers))).await?;
    let user = OwnProfile::of(user);
    Ok((StatusCode::CREATED, Json(Session { token, expires_at: Stamp(expires_at), user })))
}

/// Who it is, if the password fits. The same work, and the same words, whether he exists or not.
async fn recognise(house: &House, Peer(ip): Peer, body: SignIn) -> Result<User, Problem> {
    let SignIn { login, password, code } = body;
    let login = login.trim().to_owned();
    if login.is_empty() || login.len() > 300 || password.len() > 1024 {
        return Err(unknown());
    }
    let (now, from) = (house.now(), network(ip));
    let limits = &house.limits;
    limits.logins_per_ip.take(from, now).map_err(Problem::rate_limited)?;
    let account = (login.to_lowercase(), from);
    limits.logins_per_account.take(account, now).map_err(Problem::rate_limited)?;
    let user = house.blocking(move |people| people.user_by_login(&login)).await?;
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let fits = house.passwords.verify(password, hash).await.map_err(busy)?;
    let user = user.filter(|_| fits).ok_or_else(unknown)?;
    factor::judge(house, &user, code.as_deref()).await?;
    Ok(user)
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
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let SignedIn { user, token, outside, .. } = signed_in;
    let end = move |people: &dyn People| match outside {
        None => people.end_session(&token),
        // Its issuer would still take it; this house does not.
        Some(verified) => people.spend(user, &token, verified.expires_at).map(drop),
    };
    house.blocking(end).await?;
    house.sign_ins.forget(&token);
    Ok(StatusCode::NO_CONTENT)
}
