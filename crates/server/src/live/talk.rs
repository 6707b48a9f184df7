//! What a client may say on a socket, and what he is answered: exactly as by HTTP, because it ends
//! in the same calls. Holds no rule.

use super::chat;
use super::connect::connect;
use super::highest;
use super::packet::{Packet, ack_text, event_text, refusal_text};
use super::room::Room;
use super::seats;
use super::session::Session;
use super::tongue::{self, Named, Tongue};
use crate::house::House;
use crate::http::Peer;
use crate::http::actor::{Caller, SignedIn};
use crate::http::body;
use crate::http::dialects;
use crate::http::error::{Code, Problem};
use crate::http::time::print;
use crate::http::v1::ask::known;
use crate::http::v1::bids::place_bid;
use crate::http::v1::reply::raw;
use axum::body::{Body, to_bytes};
use axum::response::IntoResponse;
use bytes::Bytes;
use gavel_auction::ids::{AuctionId, MAX_EXACT, Version};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Bytes of an answer at most.
const ANSWER: usize = 1024 * 1024;

/// Beyond so many times the pace that is allowed, nobody is listened to any more.
const DEAF: u32 = 4;

/// Why nothing more is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// He said that he goes.
    Left,
    /// What he said makes no sense.
    Broken,
}

/// An answer, as HTTP would give it.
#[derive(Serialize)]
struct Answer {
    status: u16,
    body: Box<RawValue>,
}

impl Answer {
    fn of(result: Result<Value, Problem>) -> Self {
        match result {
            Ok(body) => Self { status: 200, body: raw(body.to_string()) },
            Err(problem) => {
                let status = problem.status().as_u16();
                Self { status, body: raw(problem.document().to_string()) }
            }
        }
    }
}

impl Answer {
    /// The same as somebody speaks who is no native.
    fn in_words_of(self, tongue: Tongue) -> Self {
        if tongue == Tongue::Native {
            return self;
        }
        let body = serde_json::from_str(self.body.get()).map(tongue::said).unwrap_or_default();
        Self { body: raw(body.to_string()), ..self }
    }
}

/// Deals with a packet of Engine.IO.
///
/// # Errors
/// If nothing more is to be heard of this client.
pub(super) async fn hear(house: &House, session: &Arc<Session>, packet: &str) -> Result<(), Gone> {
    match packet.as_bytes().first() {
        Some(b'1') => Err(Gone::Left),
        Some(b'3') => {
            session.heard();
            Ok(())
        }
        Some(b'4') => speak(house, session, packet.get(1..).unwrap_or_default()).await,
        Some(b'6') => Ok(()),
        _ => Err(Gone::Broken), // not ours: a byte
    }
}

async fn speak(house: &House, session: &Arc<Session>, text: &str) -> Result<(), Gone> {
    match Packet::parse(text).map_err(|_| Gone::Broken)? {
        Packet::Connect(auth) => connect(house, session, auth).await,
        Packet::Elsewhere(namespace) => {
            let about = json!({ "message": "Invalid namespace" });
            session.outbox.say(&refusal_text(namespace, &about));
            Ok(())
        }
        Packet::Disconnect => Err(Gone::Left),
        Packet::Ack => Ok(()),
        Packet::Event(number, name, about) => {
            // Nobody is heard before he was let in.
            let Some(who) = session.who() else { return Err(Gone::Broken) };
            let loud = session.too_loud(house.now());
            if loud > DEAF {
                return Err(Gone::Broken);
            }
            let caller = who.caller.clone();
            let answer = if loud > 0 {
                Answer::of(Err(Problem::rate_limited(1)))
            } else {
                answer(house, session, caller, &name, about.map(RawValue::get)).await
            };
            let answer = answer.in_words_of(session.tongue());
            if let Some(number) = number {
                session.outbox.say(&ack_text(number, &answer));
            }
            Ok(())
        }
    }
}

async fn answer(
    house: &House,
    session: &Arc<Session>,
    caller: Caller,
    name: &str,
    about: Option<&str>,
) -> Answer {
    let follows = || dialects::speaks(&house.config, "cars");
    let given = about;
    let about = about.unwrap_or("{}");
    let caller = match fresh(house, caller).await {
        Ok(caller) => caller,
        Err(problem) => return Answer::of(Err(problem)),
    };
    match name {
        "bid" => bid(house, session, caller, about).await,
        "join_auction" => Answer::of(join(house, session, &caller, about).await),
        "leave_auction" => Answer::of(leave(house, session, about)),
        "chat_message" => Answer::of(chat::say(house, session.peer, caller, about).await),
        "subscribe" | "unsubscribe" if follows() => {
            Answer::of(highest::order(house, session, name == "subscribe", given))
        }
        "sync" => Answer::of(Ok(json!({ "server_time": print(house.now()) }))),
        _ => Answer::of(Err(Problem::not_found().with("event", json!(name)))), // not ours: a text
    }
}

/// The caller as he is now: a token that has run out is good for nothing, also in the middle.
async fn fresh(house: &House, caller: Caller) -> Result<Caller, Problem> {
    let Some(by) = &caller.0 else { return Ok(caller) };
    let now: Option<SignedIn> = house.signed_in(&by.token).await?;
    let over = || Problem::unauthenticated("This token is no longer good: sign in.");
    Ok(Caller(Some(now.ok_or_else(over)?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Join {
    auction_id: Named,
    after_version: Option<Version>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Leave {
    auction_id: Named,
}

/// The auction that is meant.
///
/// # Errors
/// `not_found`.
pub(super) fn auction_of(id: i64) -> Result<AuctionId, Problem> {
    AuctionId::new(id).filter(|_| id <= MAX_EXACT).ok_or_else(Problem::not_found)
}

/// Somebody comes into a room.
async fn join(
    house: &House,
    session: &Arc<Session>,
    caller: &Caller,
    about: &str,
) -> Result<Value, Problem> {
    let Join { auction_id, after_version } = body::parse(about.as_bytes())?;
    let auction = auction_id.auction(house)?;
    session.hears(auction_id.tongue());
    let viewer = caller.viewer();
    known(house, auction, &viewer).await?;
    let room = house.live.room(house, auction).await?;
    seats::take(house, session, &room)?;
    // From here on nothing is missed, whatever is shown now.
    let joined = joined(house, &room, session, caller, after_version).await;
    let (version, text) = match joined {
        Ok(joined) => joined,
        Err(problem) => {
            seats::give_up(house, session, auction);
            return Err(problem);
        }
    };
    session.outbox.say(&text);
    session.outbox.let_in(auction, version);
    let now = print(house.now());
    Ok(json!({ "auction_id": auction.get(), "version": version, "server_time": now }))
}

/// What somebody is told who comes into a room; and up to which version that shows it.
async fn joined(
    house: &House,
    room: &Room,
    session: &Session,
    caller: &Caller,
    after: Option<Version>,
) -> Result<(Version, String), Problem> {
    let viewer = caller.viewer();
    let head = known(house, room.auction, &viewer).await?;
    // Whoever got an answer sees its effect; and he is shown one version, whatever comes next.
    let latest = room.latest_at(head.version).await.ok_or_else(Problem::quarantined)?;
    let (head, version) = (Arc::clone(&latest.head), latest.head.version);
    if session.tongue() == Tongue::Flash {
        let own = latest.own_aside(Tongue::Flash, house, &viewer).await?.unwrap_or_default();
        return Ok((version, tongue::joined(&latest, &own, &room.chat_text())));
    }
    let view = house.live.views.view(house, head, viewer).await?;
    let own = latest.own_aside(Tongue::Native, house, &viewer).await?;
    let mut about = Map::new();
    about.insert("auction_id".to_owned(), json!(room.auction.get()));
    about.insert("version".to_owned(), json!(version));
    about.insert("from_version".to_owned(), json!(after.map(|after| after.min(version) + 1)));
    if let Some(named) = after.filter(|after| *after > version) {
        about.insert("reset".to_owned(), json!({ "reason": "not_yet", "named": named }));
    }
    about.insert("top_bids".to_owned(), json!(latest.top));
    about.insert("participants".to_owned(), json!(room.participants(house.now())));
    about.insert("server_time".to_owned(), json!(print(house.now())));
    let mut text = event_text("joined_auction", &about);
    // What is rendered already goes in as it is.
    text.truncate(text.len() - "}]".len());
    let state = view.whole();
    let state = std::str::from_utf8(&state).expect("JSON is UTF-8");
    let own = own.as_deref().unwrap_or(r#""you_are_winning":false"#);
    let chat = room.chat_text();
    text += &format!(",{own},\"chat\":{chat},\"state\":{state}}}]");
    Ok((version, text))
}

fn leave(house: &House, session: &Arc<Session>, about: &str) -> Result<Value, Problem> {
    let Leave { auction_id } = body::parse(about.as_bytes())?;
    let auction = auction_id.auction(house)?;
    seats::give_up(house, session, auction);
    Ok(json!({ "auction_id": auction.get() }))
}

/// A bid: the same command, under the same key, as one by HTTP.
async fn bid(house: &House, session: &Session, caller: Caller, about: &str) -> Answer {
    let request = match bid_request(session, caller, about) {
        Ok(request) => request,
        Err(problem) => return Answer::of(Err(problem)),
    };
    let (auction, request) = request;
    let placed = place_bid(house, auction, request).await;
    let response = placed.unwrap_or_else(IntoResponse::into_response);
    let status = response.status().as_u16();
    match to_bytes(response.into_body(), ANSWER).await {
        Ok(body) => Answer { status, body: raw(body.to_vec()) },
        Err(_) => Answer::of(Err(Problem::of(Code::Internal, "The answer cannot be carried."))),
    }
}

fn bid_request(
    session: &Session,
    caller: Caller,
    about: &str,
) -> Result<(AuctionId, Request<Body>), Problem> {
    let mut fields: Map<String, Value> = body::parse(about.as_bytes())?;
    let id = fields.remove("auction_id").and_then(|id| id.as_i64());
    let id = id.ok_or_else(|| Problem::malformed("auction_id", "Which auction: an integer."))?;
    let missing = || Problem::malformed("key", "A bid on a socket needs a key: a text.");
    let key = match fields.remove("key") {
        Some(Value::String(key)) => key,
        Some(_) | None => return Err(missing()),
    };
    let key = HeaderValue::try_from(key).map_err(|_| missing())?;
    let mut request = Request::new(Body::from(Value::Object(fields).to_string()));
    let headers = request.headers_mut();
    headers.insert("idempotency-key", key);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let extensions = request.extensions_mut();
    extensions.insert(Peer(session.peer));
    extensions.insert(caller);
    Ok((auction_of(id)?, request))
}

/// How the rooms stand in which somebody is behind.
pub(super) async fn caught_up(
    house: &House,
    session: &Session,
    behind: Vec<(Arc<Room>, Version)>,
) -> Vec<Bytes> {
    let viewer = session.caller().map(Caller::viewer).unwrap_or_default();
    let mut all = Vec::new();
    for (room, after) in behind {
        if let Some((version, frame)) = room.since(house, &viewer, session.tongue(), after).await {
            session.outbox.shown(room.auction, version);
            all.push(frame);
        }
    }
    all
}
