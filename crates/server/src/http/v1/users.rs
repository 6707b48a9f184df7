//! Accounts: registering, one's own profile, others' public one.

pub(crate) mod export;
pub(crate) mod factor;
pub(crate) mod letters;
mod sessions;
mod spending;
mod staff;
pub mod words;

use crate::house::House;
use crate::http::Peer;
use crate::http::actor::{Caller, SignedIn};
use crate::http::body::Strict;
use crate::http::error::{Code, Problem};
use crate::http::idempotency::IdempotencyKey;
use crate::http::limits::network;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use crate::passwords::{self, Busy};
use crate::permissions::{Object, Verb};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use gavel_auction::ids::UserId;
use gavel_auction::time::SECOND;
use gavel_engine::people::{NewUser, People, Purpose, User, UserChange};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use words::{check_email, check_username, role_words};

/// How long a sign-in elsewhere counts as fresh.
const FRESH: i64 = 10 * 60 * SECOND;

/// The routes.
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .routes(routes!(register))
        .routes(routes!(own, change, erase))
        .routes(routes!(public))
        .merge(letters::routes())
        .merge(sessions::routes())
        .merge(factor::routes())
        .merge(export::routes())
        .merge(spending::routes())
        .merge(staff::routes())
}

/// What a new user brings.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    /// 3 to 100 letters, digits, `_`, `-` and `.`; begins with a letter or digit.
    #[schema(example = "anna", min_length = 3, max_length = 100)]
    pub(crate) username: String,
    #[schema(example = "anna@example.com", max_length = 254)]
    pub(crate) email: String,
    #[schema(min_length = 8, max_length = 1024)]
    pub(crate) password: String,
    #[schema(max_length = 200)]
    pub(crate) name: Option<String>,
    #[schema(max_length = 40)]
    pub(crate) phone: Option<String>,
}

/// A user as he sees himself, and as the staff sees him.
#[derive(Serialize, ToSchema)]
pub struct OwnProfile {
    id: i64,
    username: String,
    email: Option<String>,
    /// Whether the address was shown to be his.
    email_confirmed: bool,
    name: Option<String>,
    phone: Option<String>,
    address: Option<String>,
    /// Of bidder, seller, clerk, admin.
    roles: Vec<&'static str>,
    /// Whether the house shut him out.
    banned: bool,
    /// Whether signing in asks for a second factor.
    second_factor: bool,
    created_at: Stamp,
}

/// A user as everybody sees him.
#[derive(Serialize, ToSchema)]
struct PublicProfile {
    id: i64,
    username: String,
    created_at: Stamp,
}

impl OwnProfile {
    /// A user's profile, without his password's hash.
    #[must_use]
    pub fn of(user: User) -> Self {
        let second_factor = factor::of(&user).is_some_and(|factor| factor.confirmed);
        Self {
            id: user.id.get(),
            username: user.username,
            second_factor,
            email: user.email,
            email_confirmed: user.email_confirmed,
            name: user.name,
            phone: user.phone,
            address: user.address,
            roles: role_words(user.roles),
            banned: user.banned.is_some(),
            created_at: Stamp(user.created_at),
        }
    }
}

/// Too many passwords wait to be hashed.
pub(super) fn busy(Busy: Busy) -> Problem {
    Problem::of(Code::Overloaded, "Too many people sign in or register at once: try again.")
}

/// Register
#[utoipa::path(
    post,
    path = "/v1/users",
    tag = "users",
    request_body = Registration,
    responses((status = 201, body = OwnProfile))
)]
async fn register(
    State(house): State<House>,
    Extension(Peer(ip)): Extension<Peer>,
    caller: Caller,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<Registration>,
) -> Result<Response, Problem> {
    let user = join(&house, ip, &caller, body).await?;
    let location = format!("/v1/users/{}", user.id);
    let profile = Json(OwnProfile::of(user));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], profile).into_response())
}

/// Makes an account for whoever asks from there, if he may have one, and greets him.
///
/// # Errors
/// `forbidden`; `rate_limited`; what is wrong with what he brings.
pub(crate) async fn join(
    house: &House,
    ip: IpAddr,
    caller: &Caller,
    body: Registration,
) -> Result<User, Problem> {
    let by_staff = house.may(caller, Verb::ManagePeople, Object::Anything).is_ok();
    if !by_staff && !house.config.users.open_registration {
        return Err(Problem::forbidden("Only the house's own people make accounts here."));
    }
    if !by_staff {
        let limit = &house.limits.registrations_per_ip;
        limit.take(network(ip), house.now()).map_err(Problem::rate_limited)?;
    }
    let user = add(house, body).await?;
    if !by_staff {
        house.came(user.id, None, ip).await;
    }
    letters::greet(house, &user);
    Ok(user)
}

async fn add(house: &House, body: Registration) -> Result<User, Problem> {
    let Registration { username, email, password, name, phone } = body;
    let username = gavel_store::composed(&username);
    check_username(&username).map_err(|wrong| Problem::malformed("username", wrong))?;
    check_email(&email).map_err(|wrong| Problem::malformed("email", wrong))?;
    let name = words::line("name", name, 200)?;
    let phone = words::line("phone", phone, 40)?;
    if let Some(wrong) = passwords::complaint(&password, &username, &email) {
        return Err(Problem::malformed("password", wrong));
    }
    let password_hash = Some(house.passwords.hash(password).await.map_err(busy)?);
    let (email, roles, now) = (Some(email), house.config.users.default_roles, house.now());
    // Another one may have this address: whoever tries addresses out must not learn that. It is
    // only claimed until it is confirmed.
    let user = NewUser { username, email, name, phone, roles, password_hash, ..NewUser::default() };
    house.blocking(move |people| people.add_user(&user, now)).await
}

pub(super) async fn user(house: &House, id: UserId) -> Result<User, Problem> {
    house.blocking(move |people| people.user(id)).await?.ok_or_else(Problem::not_found)
}

pub(crate) fn id_of(text: &str) -> Result<UserId, Problem> {
    super::extract::id(text).and_then(UserId::new).ok_or_else(Problem::not_found)
}

/// One's own profile
#[utoipa::path(
    get,
    path = "/v1/users/me",
    tag = "users",
    security(("bearer" = [])),
    responses((status = 200, body = OwnProfile))
)]
async fn own(
    State(house): State<House>,
    signed_in: SignedIn,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<OwnProfile>, Problem> {
    user(&house, signed_in.user).await.map(OwnProfile::of).map(Json)
}

/// What one changes of oneself. `null` takes name, phone or address away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    #[serde(default, deserialize_with = "words::present")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "words::present")]
    #[schema(value_type = Option<String>)]
    phone: Option<Option<String>>,
    #[serde(default, deserialize_with = "words::present")]
    #[schema(value_type = Option<String>)]
    address: Option<Option<String>>,
    /// Needs `current_password`; counts once it was confirmed by the code sent there.
    email: Option<String>,
    /// Needs `current_password`; ends all sessions.
    password: Option<String>,
    current_password: Option<String>,
}

/// Change one's own profile
#[utoipa::path(
    patch,
    path = "/v1/users/me",
    tag = "users",
    security(("bearer" = [])),
    request_body = Change,
    responses((status = 200, body = OwnProfile))
)]
async fn change(
    State(house): State<House>,
    signed_in: SignedIn,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<Change>,
) -> Result<Json<OwnProfile>, Problem> {
    let before = user(&house, signed_in.user).await?;
    if body.email.is_some() || body.password.is_some() {
        let password = body.current_password.clone().ok_or_else(|| {
            Problem::malformed("current_password", "Say your password to change that.")
        })?;
        confirm(&house, &signed_in, &before, password).await?;
    }
    let (email, new_password) = (body.email.clone(), body.password.is_some());
    let change = checked(&house, &before, body).await?;
    store(&house, signed_in.user, change, new_password).await?;
    if new_password {
        letters::password_changed(&house, &before);
    }
    if let Some(email) = email {
        letters::change_email(&house, &before, email).await?;
    }
    user(&house, signed_in.user).await.map(OwnProfile::of).map(Json)
}

async fn checked(house: &House, before: &User, body: Change) -> Result<UserChange, Problem> {
    let mut change = UserChange::default();
    if let Some(name) = body.name {
        change.name = Some(words::line("name", name, 200)?);
    }
    if let Some(phone) = body.phone {
        change.phone = Some(words::line("phone", phone, 40)?);
    }
    if let Some(address) = body.address {
        change.address = Some(words::line("address", address, 500)?);
    }
    if let Some(email) = body.email {
        check_email(&email).map_err(|wrong| Problem::malformed("email", wrong))?;
    }
    if let Some(password) = body.password {
        let email = before.email.as_deref().unwrap_or_default();
        if let Some(wrong) = passwords::complaint(&password, &before.username, email) {
            return Err(Problem::malformed("password", wrong));
        }
        change.password_hash = Some(house.passwords.hash(password).await.map_err(busy)?);
    }
    Ok(change)
}

/// Keeps a change; a new password ends whatever was begun with the old one.
pub(super) async fn store(
    house: &House,
    id: UserId,
    mut change: UserChange,
    new_password: bool,
) -> Result<(), Problem> {
    let now = house.now();
    if new_password {
        change.signed_out_at = Some(now);
    }
    let keep = move |people: &dyn People| {
        people.change_user(id, &change)?;
        if new_password { people.end_sessions(Some(id), now) } else { Ok(()) }
    };
    house.blocking(keep).await?;
    house.sign_ins.forget_user(id);
    Ok(())
}

/// Whoever holds only a session must still know the password for this; whoever signs in elsewhere
/// must have done so a moment ago.
pub(super) async fn confirm(
    house: &House,
    by: &SignedIn,
    user: &User,
    password: String,
) -> Result<(), Problem> {
    let taken = house.limits.logins_per_account.take((user.id.get(), "confirm"), house.now());
    taken.map_err(Problem::rate_limited)?;
    if let (None, Some(verified)) = (&user.password_hash, by.outside) {
        let fresh = house.now().since(verified.issued_at) <= FRESH;
        let why = "Sign in again where you signed in: that must be fresh for this.";
        return if fresh { Ok(()) } else { Err(Problem::forbidden(why)) };
    }
    if password.len() > 1024 {
        return Err(Problem::forbidden("That is not your password."));
    }
    let hash = user.password_hash.clone();
    match house.passwords.verify(password, hash).await.map_err(busy)? {
        true => Ok(()),
        false => Err(Problem::forbidden("That is not your password.")),
    }
}

/// The password, once more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    password: String,
}

/// Erase one's account and all that is known of one
#[utoipa::path(
    delete,
    path = "/v1/users/me",
    tag = "users",
    security(("bearer" = [])),
    request_body = Confirmation,
    responses((status = 204, description = "The account is erased"))
)]
async fn erase(
    State(house): State<House>,
    signed_in: SignedIn,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<Confirmation>,
) -> Result<StatusCode, Problem> {
    let id = signed_in.user;
    confirm(&house, &signed_in, &user(&house, id).await?, body.password).await?;
    export::erase(&house, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody's public profile
#[utoipa::path(
    get,
    path = "/v1/users/{id}",
    tag = "users",
    params(("id" = i64, Path)),
    responses((status = 200, body = PublicProfile))
)]
async fn public(
    State(house): State<House>,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<PublicProfile>, Problem> {
    let user = user(&house, id_of(&id)?).await?;
    let (id, created_at) = (user.id.get(), Stamp(user.created_at));
    Ok(Json(PublicProfile { id, username: user.username, created_at }))
}

/// Sets a new password by a code from a letter, and ends whatever was begun with the old one.
pub(super) async fn reset(house: &House, code: &str, hash: String) -> Result<(), Problem> {
    let code = letters::taken_code(house, code).await?;
    if code.purpose != Purpose::ResetPassword {
        return Err(letters::no_code());
    }
    let change = UserChange { password_hash: Some(hash), ..UserChange::default() };
    store(house, code.user, change, true).await?;
    letters::password_changed(house, &user(house, code.user).await?);
    Ok(())
}
