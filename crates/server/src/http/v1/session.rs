//! Signing in and out. Tells nobody whether an account exists.

use crate::house::House;
use crate::http::Peer;
use crate::http::actor::SignedIn;
use crate::http::body::Strict;
use crate::http::error::{Code, Problem};
use crate::http::limits::network;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use crate::http::v1::users::{OwnProfile, busy};
use axum::Json;
use axum::extract::{Extension, State};
use gavel_engine::people::User;
use http::StatusCode;
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
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<SignIn>,
) -> Result<(StatusCode, Json<Session>), Problem> {
    let user = recognise(&house, peer, body).await?;
    let (token, expires_at) = house.begin_session(user.id).await?;
    let user = OwnProfile::of(user);
    Ok((StatusCode::CREATED, Json(Session { token, expires_at: Stamp(expires_at), user })))
}

/// Who it is, if the password fits. The same work, and the same words, whether he exists or not.
async fn recognise(house: &House, Peer(ip): Peer, body: SignIn) -> Result<User, Problem> {
    let SignIn { login, password } = body;
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
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let fits = house.passwords.verify(password, hash).await.map_err(busy)?;
    user.filter(|_| fits).ok_or_else(unknown)
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
    let token = signed_in.token;
    house.blocking(move |people| people.end_session(&token)).await?;
    house.sign_ins.forget(&token);
    Ok(StatusCode::NO_CONTENT)
}
