//! What the house's own people do with users: list, roles, bans.

use super::sessions::{self, Sessions};
use super::{OwnProfile, id_of, user, words};
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::body::Strict;
use crate::http::error::Problem;
use crate::http::idempotency::IdempotencyKey;
use crate::http::query::{Nothing, Query};
use crate::permissions::{Object, Verb};
use axum::Json;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gavel_auction::ids::UserId;
use gavel_engine::people::{People, UserChange, UserQuery};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(set_roles))
        .routes(routes!(ban, unban))
        .routes(routes!(profile))
        .routes(routes!(erase))
        .routes(routes!(list_sessions, end_sessions))
}

/// Which users.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Part of the username; or all of an address, a name, or a word of a name.
    q: Option<String>,
    /// bidder, seller, clerk or admin.
    role: Option<String>,
    /// 1 to 100; 20 if it is not said.
    limit: Option<u16>,
    /// Where to go on.
    cursor: Option<String>,
}

/// A page of users.
#[derive(Serialize, ToSchema)]
struct Users {
    items: Vec<OwnProfile>,
    next_cursor: Option<String>,
}

/// List and search users (administrators)
#[utoipa::path(
    get,
    path = "/v1/users",
    tag = "staff",
    params(Which),
    security(("bearer" = [])),
    responses((status = 200, body = Users))
)]
async fn list(
    State(house): State<House>,
    Query(which): Query<Which>,
) -> Result<Json<Users>, Problem> {
    let (query, limit) = query_of(which)?;
    let mut users = house.blocking(move |people| people.users(&query)).await?;
    let more = users.len() > limit;
    users.truncate(limit);
    let last = users.last().filter(|_| more).map(|user| user.id.to_string());
    let next_cursor = last.map(|last| URL_SAFE_NO_PAD.encode(format!("users {last}")));
    Ok(Json(Users { items: users.into_iter().map(OwnProfile::of).collect(), next_cursor }))
}

fn query_of(which: Which) -> Result<(UserQuery, usize), Problem> {
    let Which { q, role, limit, cursor } = which;
    let limit = usize::from(limit.unwrap_or(20));
    if !(1..=100).contains(&limit) {
        return Err(Problem::malformed("limit", "A page has 1 to 100 items."));
    }
    let known = |role: &String| ["bidder", "seller", "clerk", "admin"].contains(&role.as_str());
    if !role.as_ref().is_none_or(known) {
        return Err(Problem::malformed("role", "A role is bidder, seller, clerk or admin."));
    }
    if q.as_ref().is_some_and(|text| text.chars().count() > 100 || text.contains('\0')) {
        return Err(Problem::malformed("q", "A search has at most 100 characters."));
    }
    let after = match cursor {
        None => 0,
        Some(cursor) => read_cursor(&cursor)
            .ok_or_else(|| Problem::malformed("cursor", "This is no cursor of this list."))?,
    };
    Ok((UserQuery { text: q, role, after, limit: limit + 1 }, limit))
}

fn read_cursor(cursor: &str) -> Option<i64> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    super::super::extract::id(text.strip_prefix("users ")?)
}

/// The roles a user gets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRoles {
    #[schema(example = json!(["bidder", "seller"]))]
    roles: Vec<String>,
}

/// Set a user's roles (administrators)
#[utoipa::path(
    patch,
    path = "/v1/users/{id}/roles",
    tag = "staff",
    params(("id" = i64, Path)),
    security(("bearer" = [])),
    request_body = NewRoles,
    responses((status = 200, body = OwnProfile))
)]
async fn set_roles(
    State(house): State<House>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<NewRoles>,
) -> Result<Json<OwnProfile>, Problem> {
    let whom = user(&house, id_of(&id)?).await?;
    let roles = words::roles_of(&body.roles)?;
    signed_in.may(Verb::GiveRoles, Object::User(whom.id))?;
    changed(&house, whom.id, UserChange { roles: Some(roles), ..UserChange::default() }).await
}

/// Why somebody is shut out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Ban {
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Shut a user out (administrators)
#[utoipa::path(
    post,
    path = "/v1/users/{id}/ban",
    tag = "staff",
    params(("id" = i64, Path)),
    security(("bearer" = [])),
    request_body = Ban,
    responses((status = 200, body = OwnProfile))
)]
async fn ban(
    State(house): State<House>,
    signed_in: SignedIn,
    _: IdempotencyKey,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<Ban>,
) -> Result<Json<OwnProfile>, Problem> {
    let id = managed(&house, &signed_in, &id).await?;
    let reason = words::line("reason", Some(body.reason), 500)?;
    end_all(&house, id).await?;
    changed(&house, id, UserChange { banned: Some(reason), ..UserChange::default() }).await
}

/// Let a user in again (administrators)
#[utoipa::path(
    delete,
    path = "/v1/users/{id}/ban",
    tag = "staff",
    params(("id" = i64, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = OwnProfile))
)]
async fn unban(
    State(house): State<House>,
    signed_in: SignedIn,
    _: IdempotencyKey,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<OwnProfile>, Problem> {
    let id = managed(&house, &signed_in, &id).await?;
    changed(&house, id, UserChange { banned: Some(None), ..UserChange::default() }).await
}

/// Whom an administrator may do something with: anybody but himself.
async fn managed(house: &House, by: &SignedIn, id: &str) -> Result<UserId, Problem> {
    let whom = user(house, id_of(id)?).await?;
    by.may(Verb::ManagePeople, Object::User(whom.id))?;
    Ok(whom.id)
}

async fn changed(
    house: &House,
    id: UserId,
    change: UserChange,
) -> Result<Json<OwnProfile>, Problem> {
    let known = house.blocking(move |people| people.change_user(id, &change)).await?;
    house.sign_ins.forget_user(id);
    if !known {
        return Err(Problem::not_found());
    }
    user(house, id).await.map(OwnProfile::of).map(Json)
}

/// Ends all that was begun for somebody: sessions here, tokens of issuers so far.
async fn end_all(house: &House, id: UserId) -> Result<(), Problem> {
    let change = UserChange { signed_out_at: Some(house.now()), ..UserChange::default() };
    super::store(house, id, change, true).await
}

/// What the house knows of somebody; or that he was erased, in the words that it signed.
#[derive(Serialize, ToSchema)]
struct Known {
    user: Option<OwnProfile>,
    /// Why he is shut out, if he is.
    banned_because: Option<String>,
    /// If he was erased.
    tombstone: Option<String>,
}

/// What the house knows of somebody (administrators)
#[utoipa::path(
    get,
    path = "/v1/users/{id}/profile",
    tag = "staff",
    params(("id" = i64, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = Known))
)]
async fn profile(
    State(house): State<House>,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Known>, Problem> {
    let id = id_of(&id)?;
    let read = move |people: &dyn People| Ok((people.user(id)?, people.tombstone(id)?));
    let (user, tombstone) = house.blocking(read).await?;
    if user.is_none() && tombstone.is_none() {
        return Err(Problem::not_found());
    }
    let banned_because = user.as_ref().and_then(|user| user.banned.clone());
    Ok(Json(Known { user: user.map(OwnProfile::of), banned_because, tombstone }))
}

/// Erase a user and all that is known of him (administrators)
#[utoipa::path(
    delete,
    path = "/v1/users/{id}",
    tag = "staff",
    params(("id" = i64, Path)),
    security(("bearer" = [])),
    responses((status = 204, description = "The account is erased"))
)]
async fn erase(
    State(house): State<House>,
    signed_in: SignedIn,
    _: IdempotencyKey,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let id = to_erase(&house, &signed_in, &id).await?;
    super::export::erase(&house, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whom an administrator erases: also somebody who is gone, of whom traces may be left.
async fn to_erase(house: &House, by: &SignedIn, id: &str) -> Result<UserId, Problem> {
    let gone = id_of(id)?;
    if house.blocking(move |people| people.tombstone(gone)).await?.is_none() {
        return managed(house, by, id).await;
    }
    by.may(Verb::ManagePeople, Object::User(gone))?;
    Ok(gone)
}

/// List a user's sessions (administrators)
#[utoipa::path(
    get,
    path = "/v1/users/{id}/sessions",
    tag = "staff",
    params(("id" = i64, Path)),
    security(("bearer" = [])),
    responses((status = 200, body = Sessions))
)]
async fn list_sessions(
    State(house): State<House>,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Sessions>, Problem> {
    let whom = user(&house, id_of(&id)?).await?;
    sessions::of(&house, whom.id, None).await.map(Json)
}

/// End all sessions of a user (administrators)
#[utoipa::path(
    delete,
    path = "/v1/users/{id}/sessions",
    tag = "staff",
    params(("id" = i64, Path)),
    security(("bearer" = [])),
    responses((status = 204, description = "All sessions have ended"))
)]
async fn end_sessions(
    State(house): State<House>,
    _: IdempotencyKey,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let whom = user(&house, id_of(&id)?).await?;
    end_all(&house, whom.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
