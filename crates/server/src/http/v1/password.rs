//! A forgotten password: asking for a code, and a new password for it. Tells nobody whether an
//! account exists.

use super::users::{busy, letters, reset};
use crate::house::House;
use crate::http::Peer;
use crate::http::body::Strict;
use crate::http::error::Problem;
use crate::http::idempotency::IdempotencyKey;
use crate::http::limits::network;
use crate::http::query::{Nothing, Query};
use crate::passwords;
use axum::extract::{Extension, State};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(forgotten)).routes(routes!(new_password))
}

/// Whose password is forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Forgotten {
    /// Username or e-mail address.
    login: String,
}

/// Ask for a new password
///
/// The same answer for everybody. If there is such an account, a code goes to its address; it is
/// good for ten minutes, once.
#[utoipa::path(
    post,
    path = "/v1/password/forgotten",
    tag = "users",
    request_body = Forgotten,
    responses((status = 202, description = "A code is on its way, if there is such an account"))
)]
async fn forgotten(
    State(house): State<House>,
    Extension(Peer(ip)): Extension<Peer>,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<Forgotten>,
) -> Result<StatusCode, Problem> {
    let (now, from, limits) = (house.now(), network(ip), &house.limits);
    limits.logins_per_ip.take(from, now).map_err(Problem::rate_limited)?;
    let login = body.login.trim().to_lowercase();
    let account = (login.clone(), from, "forgotten");
    limits.logins_per_account.take(account, now).map_err(Problem::rate_limited)?;
    if (1..=300).contains(&login.len()) {
        letters::forgotten(&house, login);
    }
    Ok(StatusCode::ACCEPTED)
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// From the letter.
    #[schema(max_length = 100)]
    code: String,
    #[schema(min_length = 8, max_length = 1024)]
    password: String,
}

/// Set a new password by a code
///
/// Ends all sessions.
#[utoipa::path(
    post,
    path = "/v1/password/reset",
    tag = "users",
    request_body = NewPassword,
    responses((status = 204, description = "Sign in with the new password"))
)]
async fn new_password(
    State(house): State<House>,
    Extension(Peer(ip)): Extension<Peer>,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<NewPassword>,
) -> Result<StatusCode, Problem> {
    let taken = house.limits.logins_per_ip.take(network(ip), house.now());
    taken.map_err(Problem::rate_limited)?;
    if let Some(wrong) = passwords::complaint(&body.password, "", "") {
        return Err(Problem::malformed("password", wrong));
    }
    let hash = house.passwords.hash(body.password).await.map_err(busy)?;
    reset(&house, &body.code, hash).await?;
    Ok(StatusCode::NO_CONTENT)
}
