//! What the house's own people do with users: list, roles, bans.

use super::{OwnProfile, id_of, user, words};
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::body::Strict;
use crate::http::error::Problem;
use crate::http::idempotency::IdempotencyKey;
use crate::http::query::{Nothing, Query};
use axum::Json;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gavel_auction::ids::UserId;
use gavel_engine::people::{UserChange, UserQuery};
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
}

/// Which users.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Part of the username or the address.
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

/// List and search users (staff)
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
    signed_in: SignedIn,
    Query(which): Query<Which>,
) -> Result<Json<Users>, Problem> {
    signed_in.staff()?;
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
    signed_in.admin()?;
    let id = id_of(&id)?;
    let roles = words::roles_of(&body.roles)?;
    if id == signed_in.user && !roles.admin {
        return Err(Problem::forbidden("Another administrator must take that from you."));
    }
    changed(&house, id, UserChange { roles: Some(roles), ..UserChange::default() }).await
}

/// Why somebody is shut out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Ban {
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Shut a user out (staff)
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
    let id = may_shut_out(&house, &signed_in, &id).await?;
    let reason = words::line("reason", Some(body.reason), 500)?;
    changed(&house, id, UserChange { banned: Some(reason), ..UserChange::default() }).await
}

/// Let a user in again (staff)
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
    let id = may_shut_out(&house, &signed_in, &id).await?;
    changed(&house, id, UserChange { banned: Some(None), ..UserChange::default() }).await
}

/// Clerks shut out users, administrators also staff, nobody himself.
async fn may_shut_out(house: &House, by: &SignedIn, id: &str) -> Result<UserId, Problem> {
    by.staff()?;
    let whom = user(house, id_of(id)?).await?;
    if whom.id == by.user {
        return Err(Problem::forbidden("Nobody shuts himself out."));
    }
    if whom.roles.is_staff() {
        by.admin()?;
    }
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
