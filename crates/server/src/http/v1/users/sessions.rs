//! One's own sessions: which there are, and ending them. A session is named by the beginning of its
//! token's digest, which nobody can sign in with.

use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::error::Problem;
use crate::http::idempotency::IdempotencyKey;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use axum::Json;
use axum::extract::{Path, State};
use gavel_auction::event::Digest;
use gavel_auction::ids::UserId;
use gavel_engine::people::UserChange;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(list, end_all)).routes(routes!(end))
}

/// A session.
#[derive(Serialize, ToSchema)]
struct Shown {
    /// Its name.
    id: String,
    created_at: Stamp,
    expires_at: Stamp,
    /// With what, and from where, it was begun.
    from: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
}

/// All sessions of a user.
#[derive(Serialize, ToSchema)]
pub(super) struct Sessions {
    items: Vec<Shown>,
}

fn name(token: &Digest) -> String {
    hex::encode(&token.0[..8])
}

/// All sessions of a user that run.
pub(super) async fn of(
    house: &House,
    user: UserId,
    current: Option<Digest>,
) -> Result<Sessions, Problem> {
    let now = house.now();
    let found = house.blocking(move |people| people.sessions(user, now)).await?;
    let show = |(token, session): (Digest, gavel_engine::people::Session)| Shown {
        id: name(&token),
        created_at: Stamp(session.created_at),
        expires_at: Stamp(session.expires_at),
        from: session.from,
        current: current == Some(token),
    };
    Ok(Sessions { items: found.into_iter().map(show).collect() })
}

/// List one's sessions
#[utoipa::path(
    get,
    path = "/v1/users/me/sessions",
    tag = "users",
    security(("bearer" = [])),
    responses((status = 200, body = Sessions))
)]
async fn list(
    State(house): State<House>,
    signed_in: SignedIn,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Sessions>, Problem> {
    of(&house, signed_in.user, Some(signed_in.token)).await.map(Json)
}

/// Sign out everywhere
///
/// Tokens of an issuer that were issued before are good here no more either.
#[utoipa::path(
    delete,
    path = "/v1/users/me/sessions",
    tag = "users",
    security(("bearer" = [])),
    responses((status = 204, description = "All sessions have ended"))
)]
async fn end_all(
    State(house): State<House>,
    signed_in: SignedIn,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    super::store(&house, signed_in.user, UserChange::default(), true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End one of one's sessions
#[utoipa::path(
    delete,
    path = "/v1/users/me/sessions/{session}",
    tag = "users",
    params(("session" = String, Path)),
    security(("bearer" = [])),
    responses((status = 204, description = "The session has ended"))
)]
async fn end(
    State(house): State<House>,
    signed_in: SignedIn,
    _: IdempotencyKey,
    Path(session): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let (user, now) = (signed_in.user, house.now());
    let found = house.blocking(move |people| people.sessions(user, now)).await?;
    let mut tokens = found.into_iter().map(|(token, _)| token);
    let token = tokens.find(|token| name(token) == session).ok_or_else(Problem::not_found)?;
    house.blocking(move |people| people.end_session(&token)).await?;
    house.sign_ins.forget(&token);
    Ok(StatusCode::NO_CONTENT)
}
