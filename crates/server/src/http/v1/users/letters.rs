//! What the house writes to people, and the codes in it: that an address is theirs, another one, a
//! forgotten password, and that something of their account has changed. Tells nobody but the
//! address itself whether it is known.

use super::{store, user, words};
use crate::chance;
use crate::house::House;
use crate::http::Peer;
use crate::http::actor::SignedIn;
use crate::http::body::Strict;
use crate::http::error::Problem;
use crate::http::idempotency::IdempotencyKey;
use crate::http::limits::network;
use crate::http::query::{Nothing, Query};
use crate::mail::Letter;
use crate::tasks;
use axum::extract::{Extension, State};
use gavel_auction::ids::UserId;
use gavel_auction::time::SECOND;
use gavel_engine::people::{Code, People, PeopleError, Purpose, User, UserChange};
use gavel_proof::hash::sha256;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Seconds that a code that confirms an address is good.
const DAY: i64 = 24 * 3600;

/// Seconds that a code that resets a password is good.
const SOON: i64 = 10 * 60;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(confirm_email)).routes(routes!(ask_again))
}

/// A code that came in a letter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FromLetter {
    #[schema(max_length = 100)]
    code: String,
}

/// Confirm an address by the code that was sent there
#[utoipa::path(
    post,
    path = "/v1/users/confirm",
    tag = "users",
    request_body = FromLetter,
    responses((status = 204, description = "The address is yours"))
)]
async fn confirm_email(
    State(house): State<House>,
    Extension(Peer(ip)): Extension<Peer>,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<FromLetter>,
) -> Result<StatusCode, Problem> {
    let taken = house.limits.logins_per_ip.take(network(ip), house.now());
    taken.map_err(Problem::rate_limited)?;
    let code = taken_code(&house, &body.code).await?;
    let before = user(&house, code.user).await?;
    let changes = code.purpose == Purpose::ChangeEmail;
    let same = before.email.as_deref() == Some(code.email.as_str());
    if code.purpose == Purpose::ResetPassword || !(same || changes) {
        return Err(no_code());
    }
    let change = UserChange { email: Some((code.email, true)), ..UserChange::default() };
    store(&house, code.user, change, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask for the code that confirms one's address once more
#[utoipa::path(
    post,
    path = "/v1/users/me/confirmation",
    tag = "users",
    security(("bearer" = [])),
    responses((status = 202, description = "It is on its way, unless the address is confirmed"))
)]
async fn ask_again(
    State(house): State<House>,
    signed_in: SignedIn,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let key = (signed_in.user.get(), "confirmation");
    let taken = house.limits.logins_per_account.take(key, house.now());
    taken.map_err(Problem::rate_limited)?;
    let user = user(&house, signed_in.user).await?;
    if !user.email_confirmed {
        greet(&house, &user);
    }
    Ok(StatusCode::ACCEPTED)
}

/// Takes a code that somebody brings; it is good once.
pub(crate) async fn taken_code(house: &House, code: &str) -> Result<Code, Problem> {
    let (digest, now) = (sha256(code.trim().as_bytes()), house.now());
    let code = house.blocking(move |people| people.take_code(&digest, now)).await?;
    code.ok_or_else(no_code)
}

/// One answer for every code that is not good.
pub(crate) fn no_code() -> Problem {
    Problem::malformed("code", "This code is not, or no longer, good: ask for another one.")
}

/// Writes to somebody new, or who asks again. Whether the address is known shows in no answer, and
/// not in how long it takes: it is looked for afterwards.
pub(super) fn greet(house: &House, to: &User) {
    let (house, to) = (house.clone(), to.clone());
    let Some(email) = to.email.clone() else { return };
    let writing = async move {
        if let Some(holder) = holder(&house, &email, to.id).await {
            let text = "Somebody made an account with this address, which is yours already. If it \
                        was you: sign in, or ask for a new password. If not, all is well.";
            return send(&house, holder.id, email, "address_known", "You have an account", text);
        }
        let code = code(&house, to.id, Purpose::ConfirmEmail, email.clone(), DAY).await;
        let Ok(code) = code else { return };
        let text = format!(
            "Welcome, {}. This code confirms that this address is yours; it is good for a day.\n\n\
             {code}\n\nIf you made no account, nothing is to be done.",
            to.username
        );
        send(&house, to.id, email, "confirm_email", "Confirm your address", &text);
    };
    drop(tasks::spawn("writes to somebody new, for milliseconds", writing));
}

/// Another one who has confirmed this address.
async fn holder(house: &House, email: &str, but: UserId) -> Option<User> {
    let login = email.to_owned();
    let found = house.blocking(move |people| people.user_by_login(&login)).await.ok().flatten();
    found.filter(|user| user.email_confirmed && user.id != but)
}

/// Somebody wants another address: the new one gets a code, the old one is told.
pub(super) async fn change_email(house: &House, of: &User, email: String) -> Result<(), Problem> {
    if !house.outbox.delivers() {
        // Nobody can get a code, so nobody can confirm: the address counts as claimed.
        let change = UserChange { email: Some((email, false)), ..UserChange::default() };
        return store(house, of.id, change, false).await;
    }
    if let Some(old) = of.email.clone() {
        let text = "Somebody who knows your password asked for another address for your account. \
                    It will be written to once it was confirmed there. If it was not you, change \
                    your password now.";
        send(house, of.id, old, "email_changes", "Your address is about to change", text);
    }
    if let Some(holder) = holder(house, &email, of.id).await {
        let text = "Somebody wanted this address, which is yours, for another account. Nothing \
                    has changed.";
        send(house, holder.id, email, "address_known", "Somebody named your address", text);
        return Ok(());
    }
    let code = code(house, of.id, Purpose::ChangeEmail, email.clone(), DAY).await?;
    let text = format!("This code makes this address yours; it is good for a day.\n\n{code}");
    send(house, of.id, email, "change_email", "Confirm your new address", &text);
    Ok(())
}

/// Somebody forgot a password. Looked for afterwards, as in [`greet`].
pub(crate) fn forgotten(house: &House, login: String) {
    let house = house.clone();
    let writing = async move {
        let found = house.blocking(move |people| people.user_by_login(&login)).await;
        let Ok(Some(user)) = found else { return };
        // Whoever signs in elsewhere has his password there.
        let (Some(email), Some(_)) = (user.email.clone(), &user.password_hash) else { return };
        let code = code(&house, user.id, Purpose::ResetPassword, email.clone(), SOON).await;
        let Ok(code) = code else { return };
        let text = format!(
            "Somebody asked for a new password for {}. This code is good for ten minutes, once.\n\n\
             {code}\n\nIf it was not you, nothing is to be done.",
            user.username
        );
        send(&house, user.id, email, "reset_password", "A new password", &text);
    };
    drop(tasks::spawn("writes to who forgot a password, for milliseconds", writing));
}

/// Tells somebody that his password is another one now.
pub(crate) fn password_changed(house: &House, of: &User) {
    let Some(email) = of.email.clone() else { return };
    let text = "Your password was changed, and all your sessions have ended. If it was not you, \
                ask for a new password now.";
    send(house, of.id, email, "password_changed", "Your password was changed", text);
}

/// A fresh code for somebody.
async fn code(
    house: &House,
    user: UserId,
    purpose: Purpose,
    email: String,
    seconds: i64,
) -> Result<String, Problem> {
    let code = chance::token();
    let digest = sha256(code.as_bytes());
    let expires_at = house.now().plus(seconds * SECOND);
    let kept = Code { user, purpose, email, expires_at };
    let keep =
        move |people: &dyn People| -> Result<(), PeopleError> { people.add_code(&digest, &kept) };
    house.blocking(keep).await?;
    Ok(code)
}

fn send(house: &House, to: UserId, email: String, kind: &'static str, about: &str, text: &str) {
    if words::check_email(&email).is_err() || email.ends_with(".invalid") {
        return;
    }
    let (name, url) = (&house.config.house.name, &house.config.house.url);
    let text = format!("{text}\n\n-- \n{name}\n{url}\n");
    let subject = format!("{name}: {about}");
    house.outbox.send(Letter { user: to.get(), to: email, kind, subject, text });
}
