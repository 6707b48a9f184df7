//! Users. Whoever is made here is a user of this dialect only, without a password; whoever
//! registers has an account of the house, and signs in.

use super::filter::{Filter, MOST};
use super::{Numbered, millis, stays};
use crate::http::Peer;
use crate::http::actor::{Caller, SignedIn};
use crate::http::body::Untyped;
use crate::http::dialects::desk::Desk;
use crate::http::error::{Code, Problem};
use crate::http::query::{Nothing, Query};
use crate::http::v1::extract::id as number;
use crate::http::v1::session::{Arrival, SignIn, begin};
use crate::http::v1::users::{Registration, export, join};
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::{Extension, Json};
use gavel_engine::people::{User, UserQuery};
use http::Uri;
use serde::{Deserialize, Serialize};

const FIELDS: [&str; 4] = ["id", "username", "blocked", "created_at"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    username: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    identifier: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Newcomer {
    username: String,
    email: String,
    password: String,
}

/// A user, as everybody sees him.
#[derive(Serialize)]
pub(super) struct Account {
    id: i64,
    username: String,
    blocked: bool,
    created_at: i64,
}

/// A user, as he sees himself.
#[derive(Serialize)]
pub(super) struct Own {
    #[serde(flatten)]
    account: Account,
    email: Option<String>,
    confirmed: bool,
}

/// A session that began: `Authorization: Bearer JWT` from now on.
#[derive(Serialize)]
pub(super) struct Session {
    jwt: String,
    user: Own,
}

impl Account {
    fn of(desk: &Desk, user: &User) -> Self {
        Self {
            id: user.id.get(),
            username: desk.own_name(user).to_owned(),
            blocked: user.banned.is_some(),
            created_at: millis(user.created_at),
        }
    }
}

impl Own {
    fn of(desk: &Desk, user: User) -> Self {
        let (account, confirmed) = (Account::of(desk, &user), user.email_confirmed);
        Self { account, email: user.email, confirmed }
    }
}

pub(super) async fn sign_in(
    State(desk): State<Desk>,
    request: Request,
) -> Result<Json<Session>, Problem> {
    let (mut parts, body) = request.into_parts();
    let Ok(arrival) = Arrival::from_request_parts(&mut parts, &desk.house).await;
    let Untyped(Credentials { identifier: login, password }) =
        Untyped::from_request(Request::from_parts(parts, body), &()).await?;
    let body = SignIn { login, password, ..SignIn::default() };
    let (user, jwt, _) = begin(&desk.house, arrival, body).await?;
    Ok(Json(Session { jwt, user: Own::of(&desk, user) }))
}

pub(super) async fn register(
    State(desk): State<Desk>,
    Peer(from): Peer,
    Extension(caller): Extension<Caller>,
    Query(Nothing {}): Query<Nothing>,
    Untyped(body): Untyped<Newcomer>,
) -> Result<Json<Session>, Problem> {
    let Newcomer { username, email, password } = body;
    let body = Registration { username, email, password, name: None, phone: None };
    let user = join(&desk.house, from, &caller, body).await?;
    let (jwt, _) = desk.house.begin_session(user.id, None).await?;
    Ok(Json(Session { jwt, user: Own::of(&desk, user) }))
}

pub(super) async fn me(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Own>, Problem> {
    let SignedIn { user, .. } =
        caller.0.ok_or_else(|| Problem::unauthenticated("Sign in first."))?;
    let found = desk.house.blocking(move |people| people.user(user)).await?;
    found.map(|user| Json(Own::of(&desk, user))).ok_or_else(Problem::not_found)
}

pub(super) async fn list(
    State(desk): State<Desk>,
    uri: Uri,
) -> Result<Json<Vec<Account>>, Problem> {
    let filter = Filter::of(&uri, &FIELDS)?;
    super::page(&desk, filter, all).await
}

pub(super) async fn count(State(desk): State<Desk>, uri: Uri) -> Result<Json<usize>, Problem> {
    let filter = Filter::of(&uri, &FIELDS)?;
    super::count(&desk, filter, all).await
}

pub(super) async fn show(
    State(desk): State<Desk>,
    Numbered(id): Numbered,
) -> Result<Json<Account>, Problem> {
    let user = user(&desk, &id).await?;
    Ok(Json(Account::of(&desk, &user)))
}

/// A user of this dialect: he has no password, and nobody signs in as him.
pub(super) async fn create(
    State(desk): State<Desk>,
    Peer(from): Peer,
    Query(Nothing {}): Query<Nothing>,
    Untyped(body): Untyped<NewUser>,
) -> Result<Json<Account>, Problem> {
    let (person, new) = desk.person_or_new(&body.username, from).await?;
    if !new {
        return Err(Problem::of(Code::Taken, "Somebody has that username."));
    }
    let user = user(&desk, &person.user.to_string()).await?;
    Ok(Json(Account::of(&desk, &user)))
}

/// A user keeps his name.
pub(super) async fn keep() -> Problem {
    stays("A user keeps his name: bids have been made under it, or may be.")
}

pub(super) async fn remove(
    State(desk): State<Desk>,
    Numbered(id): Numbered,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Account>, Problem> {
    let user = user(&desk, &id).await?;
    if caller.0.is_some() {
        return Err(stays("Who is signed in erases nobody here; his own account he does by /v1."));
    }
    export::erase(&desk.house, user.id).await?;
    Ok(Json(Account::of(&desk, &user)))
}

/// A user of this dialect; nobody with an account is found here.
async fn user(desk: &Desk, id: &str) -> Result<User, Problem> {
    let id = number(id).ok_or_else(Problem::not_found)?;
    let known = desk.clone();
    let found = desk.house.aside(move |_| known.by_number(id)).await??;
    found.ok_or_else(Problem::not_found)
}

/// All users of this dialect. Blocks on the store.
fn all(desk: &Desk, _: &Filter) -> Result<Vec<Account>, Problem> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let text = Some(format!("{}:", desk.dialect.name));
        let query = UserQuery { text, after, limit: 1_000, ..UserQuery::default() };
        let users = desk.house.people.users(&query)?;
        let own = users.iter().filter(|user| desk.is_own(user));
        all.extend(own.map(|user| Account::of(desk, user)));
        match users.last() {
            Some(last) if all.len() < MOST => after = last.id.get(),
            Some(_) | None => return Ok(all),
        }
    }
}
