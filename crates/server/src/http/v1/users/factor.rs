//! The second factor of one's account: asked for, confirmed, taken away. When it is asked at
//! signing in, it is judged here too; a code is good once.

use super::{confirm, store, user};
use crate::chance;
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::body::Strict;
use crate::http::error::{Code, Problem};
use crate::http::idempotency::IdempotencyKey;
use crate::http::query::{Nothing, Query};
use crate::second_factor::{RECOVERY_CODES, SecondFactor};
use axum::Json;
use axum::extract::State;
use gavel_auction::time::Time;
use gavel_engine::people::{User, UserChange};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(begin, end)).routes(routes!(finish))
}

/// The second factor that somebody has, confirmed or not.
pub(super) fn of(user: &User) -> Option<SecondFactor> {
    user.second_factor.as_deref().and_then(SecondFactor::from_bytes)
}

/// Judges the code that somebody brings, if he needs one, and uses it up.
///
/// # Errors
/// That one is needed, or that this one is not good, or that too many were tried.
pub(crate) async fn judge(house: &House, user: &User, code: Option<&str>) -> Result<(), Problem> {
    let Some(factor) = of(user).filter(|factor| factor.confirmed) else { return Ok(()) };
    let needed = || {
        let detail = "Send `code` too: one of your app, or a recovery code.";
        Problem::of(Code::SecondFactorNeeded, detail)
    };
    use_up(house, user, &factor, code.ok_or_else(needed)?).await
}

async fn use_up(
    house: &House,
    user: &User,
    factor: &SecondFactor,
    code: &str,
) -> Result<(), Problem> {
    let (id, now) = (user.id, house.now());
    let taken = house.limits.logins_per_account.take((id.get(), "factor"), now);
    taken.map_err(Problem::rate_limited)?;
    let wrong = || Problem::of(Code::Unauthenticated, "This code is not, or no longer, good.");
    let what = factor.good(code, now).ok_or_else(wrong)?;
    // Kept for good: a recovery code never comes back, and steps of time are few.
    let fresh = house.blocking(move |people| people.spend(id, &what, Time(i64::MAX))).await?;
    if fresh { Ok(()) } else { Err(wrong()) }
}

/// The password, once more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Begin {
    password: String,
}

/// What an authenticator app needs. It is shown this once.
#[derive(Serialize, ToSchema)]
struct Begun {
    /// To type in.
    secret: String,
    /// The same to show as a picture.
    uri: String,
}

/// Begin with a second factor
///
/// It counts once a code of it was sent to `/v1/users/me/second-factor/confirm`.
#[utoipa::path(
    post,
    path = "/v1/users/me/second-factor",
    tag = "users",
    security(("bearer" = [])),
    request_body = Begin,
    responses((status = 201, body = Begun))
)]
async fn begin(
    State(house): State<House>,
    signed_in: SignedIn,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<Begin>,
) -> Result<(StatusCode, Json<Begun>), Problem> {
    let user = user(&house, signed_in.user).await?;
    confirm(&house, &signed_in, &user, body.password).await?;
    if of(&user).is_some_and(|factor| factor.confirmed) {
        return Err(Problem::forbidden("You have a second factor: take it away first."));
    }
    let factor = SecondFactor::new(chance::bytes());
    keep(&house, &user, Some(&factor)).await?;
    let uri = factor.uri(&house.config.house.name, &user.username).to_string();
    Ok((StatusCode::CREATED, Json(Begun { secret: factor.secret().to_string(), uri })))
}

async fn keep(house: &House, user: &User, factor: Option<&SecondFactor>) -> Result<(), Problem> {
    let second_factor = Some(factor.map(SecondFactor::to_bytes));
    let change = UserChange { second_factor, ..UserChange::default() };
    store(house, user.id, change, false).await
}

/// A code of the app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OfApp {
    #[schema(example = "123456")]
    code: String,
}

/// What gets in when the app is lost. They are shown this once; each is good once.
#[derive(Serialize, ToSchema)]
struct Recovery {
    recovery_codes: Vec<String>,
}

/// Show that the app has the secret: from now on a code is asked for
#[utoipa::path(
    post,
    path = "/v1/users/me/second-factor/confirm",
    tag = "users",
    security(("bearer" = [])),
    request_body = OfApp,
    responses((status = 200, body = Recovery))
)]
async fn finish(
    State(house): State<House>,
    signed_in: SignedIn,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<OfApp>,
) -> Result<Json<Recovery>, Problem> {
    let user = user(&house, signed_in.user).await?;
    let begun = of(&user).filter(|factor| !factor.confirmed);
    let mut factor = begun.ok_or_else(|| Problem::malformed("code", "Nothing was begun."))?;
    use_up(&house, &user, &factor, &body.code).await?;
    let recovery_codes = factor.confirm(&[(); RECOVERY_CODES].map(|()| chance::bytes()));
    keep(&house, &user, Some(&factor)).await?;
    Ok(Json(Recovery { recovery_codes }))
}

/// The password and a code, once more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct End {
    password: String,
    /// Of the app, or a recovery code.
    code: Option<String>,
}

/// Take the second factor away
#[utoipa::path(
    delete,
    path = "/v1/users/me/second-factor",
    tag = "users",
    security(("bearer" = [])),
    request_body = End,
    responses((status = 204, description = "No code is asked for any more"))
)]
async fn end(
    State(house): State<House>,
    signed_in: SignedIn,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<End>,
) -> Result<StatusCode, Problem> {
    let user = user(&house, signed_in.user).await?;
    confirm(&house, &signed_in, &user, body.password).await?;
    judge(&house, &user, body.code.as_deref()).await?;
    keep(&house, &user, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
