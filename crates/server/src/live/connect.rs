//! Who wants in: by a token, by a ticket that is good once, or by nothing where everybody may look.
//! Whoever is refused is told why. A cookie alone never lets anybody in, since browsers send it
//! whoever asks them to.

use super::packet::{event_text, refusal_text};
use super::session::{Session, Who};
use super::talk::Gone;
use super::tongue::{self, Tongue};
use crate::chance;
use crate::house::House;
use crate::http::actor::{Caller, SignedIn};
use crate::http::body;
use crate::http::error::{Code, Problem};
use crate::http::time::print;
use crate::permissions::{Object, Verb};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How often one is looked up while too many are.
const TRIES: u32 = 25;

/// What a client shows.
#[derive(Default, Deserialize)]
struct Shown {
    token: Option<String>,
    ticket: Option<String>,
}

/// Lets somebody in, or tells him why not.
///
/// # Errors
/// If he is in already.
pub(super) async fn connect(
    house: &House,
    session: &Arc<Session>,
    auth: Option<&str>,
) -> Result<(), Gone> {
    if session.who().is_some() {
        return Err(Gone::Broken);
    }
    let changes = house.sign_ins.changes();
    let (who, user) = match admitted(house, session, auth).await {
        Ok(admitted) => admitted,
        Err(problem) => {
            refuse(session, &problem);
            return Ok(());
        }
    };
    if !session.admit(who) {
        return Err(Gone::Broken);
    }
    // Until here, the wheel has passed over him.
    if let Some(by) = &user
        && let Err(problem) = still_good(house, by, changes).await
    {
        refuse(session, &problem);
        return Ok(());
    }
    // Nobody is known to others by what names his session to us.
    let name = URL_SAFE_NO_PAD.encode(chance::bytes::<15>());
    session.outbox.say(&format!("40{}", json!({ "sid": name })));
    let user = user.map(|by| json!({ "id": by.user.get(), "username": &*by.username }));
    let about = json!({ "user": user, "server_time": print(house.now()) });
    let about = if session.tongue() == Tongue::Flash { tongue::said(about) } else { about };
    session.outbox.say(&event_text("connected", &about));
    Ok(())
}

fn refuse(session: &Session, problem: &Problem) {
    let about = json!({ "message": problem.code(), "data": problem.document() });
    session.outbox.end(&[refusal_text("/", &about)]);
}

fn bad() -> Problem {
    Problem::unauthenticated("This token is not, or no longer, good: sign in.")
}

fn is_welcome(by: &SignedIn) -> Result<(), Problem> {
    let out = || Problem::of(Code::Banned, "The house has shut you out.");
    if by.banned { Err(out()) } else { Ok(()) }
}

/// Looks once more at somebody about whom something may have changed since.
async fn still_good(house: &House, by: &SignedIn, since: u64) -> Result<(), Problem> {
    let about = house.sign_ins.about(since);
    if about.is_some_and(|about| !by.is_among(&about)) {
        return Ok(());
    }
    is_welcome(&house.signed_in(&by.token).await?.ok_or_else(bad)?)
}

/// Who it is, with his places.
async fn admitted(
    house: &House,
    session: &Session,
    auth: Option<&str>,
) -> Result<(Who, Option<SignedIn>), Problem> {
    let place = house.live.sockets.take(session.peer).ok_or_else(|| too_many("your address"))?;
    let shown = match auth {
        Some(auth) => body::parse::<Shown>(auth.as_bytes())?,
        None => Shown::default(),
    };
    let token = shown.token.or_else(|| session.take_shown());
    let by = match (token, shown.ticket) {
        (Some(token), _) => Some(recognised(house, &token, session.peer).await?.ok_or_else(bad)?),
        (None, Some(ticket)) => {
            let token = house.live.tickets.take(&ticket, house.now()).ok_or_else(bad)?;
            Some(house.signed_in(&token).await?.ok_or_else(bad)?)
        }
        (None, None) => None,
    };
    let caller = Caller(by.clone());
    house.may(&caller, Verb::SeeAuctions, Object::Anything)?;
    by.as_ref().map_or(Ok(()), is_welcome)?;
    let most = house.config.limits.sockets_per_user;
    let own = by.as_ref().map(|by| house.live.users.take(by.user, most));
    let own = own.map(|own| own.ok_or_else(|| too_many("you"))).transpose()?;
    Ok((Who { caller, place: own, _place: place }, by))
}

/// Whose token this is. When thousands come back at once, not all can be looked up at once: whoever
/// is one too many waits a little, because a client that is refused does not come again.
async fn recognised(house: &House, token: &str, from: IpAddr) -> Result<Option<SignedIn>, Problem> {
    for _try in 0..TRIES {
        match house.by_token(token.as_bytes(), Some(from)).await {
            Err(problem) if problem.code() == "overloaded" => {
                let wait = 50 + u64::from(chance::bytes::<1>()[0]);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            known => return known,
        }
    }
    house.by_token(token.as_bytes(), Some(from)).await
}

fn too_many(whose: &str) -> Problem {
    let detail = format!("There are as many sockets from {whose} as there may be.");
    Problem::of(Code::RateLimited, detail).with("retry_after_seconds", json!(5))
}
