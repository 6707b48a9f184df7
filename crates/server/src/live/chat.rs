//! What is said beside an auction: who may say it, and who hears it. No part of the auction's log.
//! Whoever speaks is known by his token, whatever else he claims.

use super::lines::CHAT;
use super::room::Room;
use super::tongue::Named;
use crate::house::House;
use crate::http::actor::{Caller, SignedIn};
use crate::http::body;
use crate::http::error::{Code, Problem};
use crate::http::idempotency::IdempotencyKey;
use crate::http::limits::{Pace, network};
use crate::http::time::{Stamp, print};
use crate::http::v1::ask::known;
use crate::http::v1::render::username;
use crate::permissions::{Object, Verb};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_engine::chat::{Kept, Message, Once};
use gavel_proof::command::command_id;
use gavel_proof::hash::sha256;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::net::IpAddr;
use utoipa::ToSchema;

/// Characters of a message at most.
pub(crate) const LONGEST: usize = 500;

/// How fast one may speak.
pub(crate) struct Desk {
    per_user: Pace,
    per_ip: Pace,
}

impl Default for Desk {
    fn default() -> Self {
        Self { per_user: Pace::new(1, 1, 5), per_ip: Pace::new(20, 1, 40) }
    }
}

/// A message, as everybody sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Said {
    id: i64,
    #[schema(value_type = i64)]
    auction_id: AuctionId,
    user: Speaker,
    message: String,
    at: Stamp,
}

/// Who said it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Speaker {
    #[schema(value_type = i64)]
    id: UserId,
    username: Option<String>,
}

impl Said {
    /// A message with its author's name. May block on the store.
    ///
    /// # Errors
    /// If the name cannot be read.
    pub(crate) fn of(house: &House, message: Message) -> Result<Self, Problem> {
        let Message { id, auction, author, at, text } = message;
        let user = Speaker { id: author, username: username(house, author)? };
        Ok(Self { id, auction_id: auction, user, message: text, at: Stamp(at) })
    }
}

/// What a client says on a socket. Who he says he is, is passed over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    auction_id: Named,
    message: String,
    /// Under which a repeat is known.
    key: Option<String>,
    #[serde(default, rename = "user_id")]
    _user_id: Option<Value>,
    #[serde(default, rename = "username")]
    _username: Option<Value>,
}

/// Somebody says something on a socket.
///
/// # Errors
/// Why nobody hears it.
pub(super) async fn say(
    house: &House,
    peer: IpAddr,
    caller: Caller,
    about: &str,
) -> Result<Value, Problem> {
    let Saying { auction_id, message, key, .. } = body::parse(about.as_bytes())?;
    let by = caller.0.ok_or_else(|| Problem::unauthenticated("Sign in first."))?;
    let key = key.map(|key| IdempotencyKey::of(&key)).transpose()?.unwrap_or_default();
    let said = speak(house, peer, &by, auction_id.auction(house)?, message, &key).await?;
    Ok(json!(said))
}

/// Somebody says something, on whatever way it came; what is repeated under its key is not heard
/// again.
///
/// # Errors
/// Why nobody hears it.
pub(crate) async fn speak(
    house: &House,
    peer: IpAddr,
    by: &SignedIn,
    auction: AuctionId,
    message: String,
    key: &IdempotencyKey,
) -> Result<Said, Problem> {
    by.may(Verb::Attend, Object::Anything)?;
    known(house, auction, &by.viewer()).await?;
    let message = worded(&message)?;
    let (now, desk) = (house.now(), &house.live.desk);
    desk.per_user.take(by.user, now).map_err(Problem::rate_limited)?;
    desk.per_ip.take(network(peer), now).map_err(Problem::rate_limited)?;
    let author = by.user;
    let once = key.get().map(|key| once(author, auction, key, &message));
    let message = Message { id: 0, auction, author, at: now, text: message };
    house.aside(move |house| heard(house, message, once)).await?
}

/// Keeps what is said and has everybody hear it, whether or not its author still waits. What may
/// fail comes first: what is kept is heard, for its repeat is not.
fn heard(house: &House, message: Message, once: Option<Once>) -> Result<Said, Problem> {
    let mut said = Said::of(house, message)?;
    match keep(house, &said, once)? {
        Kept::New(id) => {
            said.id = id;
            spread(house, &said);
        }
        Kept::Again(id, at) => (said.id, said.at) = (id, Stamp(at)),
        Kept::KeyReused => {
            return Err(Problem::of(Code::KeyReused, "This key was used for other words."));
        }
        Kept::Gone => return Err(Problem::unauthenticated("This account is gone.")),
    }
    Ok(said)
}

/// What a repeat is known by.
fn once(author: UserId, auction: AuctionId, key: &str, message: &str) -> Once {
    let name = command_id(Some(author), auction, key);
    Once { name, words: sha256(format!("{key} {message}").as_bytes()) }
}

/// Keeps what is said, unless it was said before: then nobody asks whether he still may.
fn keep(house: &House, said: &Said, once: Option<Once>) -> Result<Kept, Problem> {
    let Said { auction_id: auction, user: Speaker { id: author, .. }, at, message, .. } = said;
    let before = once.map(|once| house.chats.said(*author, once)).transpose()?.flatten();
    if let Some(before) = before {
        return Ok(before);
    }
    may_speak(house, *auction, *author)?;
    Ok(house.chats.say(*auction, *author, message, at.0, once)?)
}

/// Everybody hears it.
fn spread(house: &House, said: &Said) {
    let text = json!(said).to_string();
    if let Some(room) = house.live.open_room(said.auction_id) {
        room.hear(said.id, said.user.id, &text);
    }
    if house.live.chats.receiver_count() > 0 {
        let words = super::tongue::said(json!(said)).to_string();
        // They may have gone just now.
        drop(house.live.chats.send((said.auction_id, words)));
    }
}

fn may_speak(house: &House, auction: AuctionId, user: UserId) -> Result<(), Problem> {
    if !house.chats.is_open(auction)? {
        return Err(Problem::forbidden("There is no chat beside this auction."));
    }
    match house.chats.muted(auction, user)? {
        Some(until) if house.now() < until => {
            let problem = Problem::of(Code::Forbidden, "The house does not let you speak here.");
            Err(problem.with("muted_until", json!(print(until))))
        }
        Some(_) | None => Ok(()),
    }
}

/// A message without blanks around it: plain text of so many characters.
fn worded(message: &str) -> Result<String, Problem> {
    let message = message.trim();
    let hidden = |c: char| {
        // What turns the direction of what stands beside it.
        let turns = matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        turns || (c.is_control() && c != '\n')
    };
    if message.is_empty() || message.chars().count() > LONGEST || message.contains(hidden) {
        let detail = "1 to 500 characters of plain text.";
        return Err(Problem::malformed("message", detail));
    }
    Ok(message.to_owned())
}

/// The latest messages, the oldest of them first. Blocks on the store.
///
/// # Errors
/// If they cannot be read.
pub(crate) fn latest(
    house: &House,
    auction: AuctionId,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<Said>, Problem> {
    let all = house.chats.latest(auction, before, limit)?;
    all.into_iter().map(|message| Said::of(house, message)).collect()
}

/// Has a room at hand what was said last.
pub(super) async fn load(room: &Room, house: &House) -> Result<(), Problem> {
    let auction = room.auction;
    let all = house.aside(move |house| latest(house, auction, None, CHAT)).await??;
    for said in all {
        room.remember(said.id, said.user.id, &json!(said).to_string());
    }
    Ok(())
}

/// A message is gone.
pub(crate) fn unsaid(house: &House, auction: AuctionId, id: i64) {
    if let Some(room) = house.live.open_room(auction) {
        room.unsay(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_plain_text_of_so_many_characters() {
        assert_eq!(worded(" hello\nyou ").unwrap(), "hello\nyou");
        assert!(worded(&"ä".repeat(LONGEST)).is_ok());
        let long = "ä".repeat(LONGEST + 1);
        for wrong in ["", "  ", "a\u{0}b", "a\u{1b}[2Jb", "a\u{202e}b", &long] {
            assert_eq!(worded(wrong).unwrap_err().code(), "malformed", "{wrong}");
        }
    }
}
