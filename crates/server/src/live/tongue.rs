//! How things are said to a client of the dialect `flash`: the same events, with UUIDs, decimals
//! and names as it has them. Knows no room and no socket.

use super::packet::event_text;
use super::text::Shown;
use crate::house::House;
use crate::http::dialects;
use crate::http::dialects::flash::state::State;
use crate::http::dialects::flash::wire;
use crate::http::error::Problem;
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::view::Head;
use gavel_engine::hub::standing::TopBid;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Characters of a UUID.
const UUID: usize = 36;

/// What a client speaks: what he was let in with, or what he was first heard to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tongue {
    /// Numbers for ids, minor units for money.
    Native,
    /// The dialect.
    Flash,
}

/// An auction, as either tongue names it.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Named {
    Number(i64),
    Uuid(String),
}

impl Named {
    pub(super) const fn tongue(&self) -> Tongue {
        match self {
            Self::Number(_) => Tongue::Native,
            Self::Uuid(_) => Tongue::Flash,
        }
    }

    /// The auction that is meant.
    ///
    /// # Errors
    /// `not_found`; `malformed`, where the house does not speak so.
    pub(super) fn auction(&self, house: &House) -> Result<AuctionId, Problem> {
        match self {
            Self::Number(id) => super::talk::auction_of(*id),
            Self::Uuid(text) if dialects::speaks(&house.config, "flash") && text.len() == UUID => {
                wire::auction(text).ok_or_else(Problem::not_found)
            }
            Self::Uuid(_) => Err(Problem::malformed("auction_id", "Which auction: an integer.")),
        }
    }
}

/// How an auction stands: members of an object, without its braces. May block on the store.
pub(super) fn common(
    house: &House,
    head: &Head,
    top: &[TopBid],
    participants: usize,
) -> Result<String, Problem> {
    let state = State::of(house, head, top, participants)?;
    let text = serde_json::to_string(&state).expect("what we say is always JSON");
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    Ok(inner.expect("an object has braces").to_owned())
}

/// What somebody is told who comes into a room.
pub(super) fn joined(shown: &Shown, own: &str, chat: &str) -> String {
    let chat: Vec<Value> = serde_json::from_str(chat).unwrap_or_default();
    let chat = Value::from(chat.into_iter().map(said).collect::<Vec<_>>());
    let common = shown.flash.as_deref().unwrap_or_default();
    format!("42[\"joined_auction\",{{{common},{own},\"chat\":{chat}}}]")
}

/// A packet of an event in the words of the dialect; none if it has none for it.
pub(super) fn translated(text: &str) -> Option<String> {
    let (name, about): (String, Value) = serde_json::from_str(text.strip_prefix("42")?).ok()?;
    match &*name {
        // Prices that fall by themselves are not known there.
        "clock" => None,
        _ => Some(event_text(&name, &said(about))), // not ours: a text
    }
}

/// An object in the words of the dialect.
pub(super) fn said(about: Value) -> Value {
    let Value::Object(about) = about else { return about };
    let mut said = Map::new();
    for (name, value) in about {
        let auction = value.as_i64().and_then(AuctionId::new).map(wire::of_auction);
        match (&*name, auction) {
            ("auction_id", Some(uuid)) => drop(said.insert(name, json!(uuid))),
            ("user", _) => speaker(&value, &mut said),
            ("at", _) => drop(said.insert("timestamp".to_owned(), value)),
            _ => drop(said.insert(name, value)), // not ours: a name
        }
    }
    Value::Object(said)
}

/// Who it is, beside everything else.
fn speaker(user: &Value, said: &mut Map<String, Value>) {
    let id = user["id"].as_i64().and_then(UserId::new).map(wire::of_user);
    said.insert("user_id".to_owned(), json!(id));
    said.insert("username".to_owned(), user["username"].clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s4_21_s4_23_events_are_said_with_uuids() {
        let timer = r#"42["timer_update",{"auction_id":5,"time_remaining_seconds":9}]"#;
        let expected = concat!(
            r#"42["timer_update",{"auction_id":"67617665-0001-8000-8000-000000000005","#,
            r#""time_remaining_seconds":9}]"#
        );
        assert_eq!(translated(timer).as_deref(), Some(expected));
        let chat = concat!(
            r#"42["chat_message",{"id":1,"auction_id":5,"user":{"id":7,"username":"anna"},"#,
            r#""message":"5","at":"T"}]"#
        );
        let expected = concat!(
            r#"42["chat_message",{"auction_id":"67617665-0001-8000-8000-000000000005","id":1,"#,
            r#""message":"5","timestamp":"T","user_id":"67617665-0002-8000-8000-000000000007","#,
            r#""username":"anna"}]"#
        );
        assert_eq!(translated(chat).as_deref(), Some(expected));
        assert_eq!(translated("42[\"clock\",{}]"), None);
        assert_eq!(translated("2"), None);
    }
}
