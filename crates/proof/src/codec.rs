//! An event as two byte strings: the public part, which is hashed and published as it is, and the
//! sealed part, which the public part binds by commitments. Made once, at decision; never made
//! again. Refuses to judge whether the event was right: that is `verify.rs`.

mod batch;
mod placed;
pub(crate) mod reading;

use crate::canonical::{canonicalize, write_hex, write_integer};
use crate::command::CommandId;
use crate::hash::Framed;
use crate::keys::AuctionKey;
use gavel_auction::event::{Digest, Event, Fact, Hidden};
use gavel_auction::ids::{AuctionId, Version};
use serde_json::Value;
use thiserror::Error;

/// Which command an event came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The command's name.
    pub command: CommandId,
    /// What it said.
    pub digest: [u8; 16],
}

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What everybody may see, byte for byte.
    pub public: Vec<u8>,
    /// What only some may see.
    pub sealed: Vec<u8>,
    /// The chain's hash at this event.
    pub hash: Digest,
}

/// Bytes that are no event.
#[derive(Debug, Error)]
pub enum CodecError {
    /// The public part cannot be read.
    #[error("the public part is no event: {0}")]
    Public(#[source] serde_json::Error),
    /// Its kind or data cannot be read.
    #[error("an event of kind {kind} cannot be read: {source}")]
    Fact {
        /// The kind it claims.
        kind: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The sealed part cannot be read.
    #[error("the sealed part cannot be read: {0}")]
    Sealed(#[source] serde_json::Error),
}

/// The hidden fields that have a commitment of their own, in the order of canonical JSON; `rest`
/// stands between `reserve` and `seed`.
pub const FIELDS: [&str; 5] = ["amount", "maximum", "paddle", "reserve", "seed"];

/// The field that binds the rest of a sealed part: the command, its digest, user and clerk.
pub const REST: &str = "rest";

/// An event that was decided and is yet to be written.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// What happened.
    pub event: &'a Event,
    /// Which command it came from.
    pub origin: &'a Origin,
    /// The key of its auction's commitments.
    pub key: &'a AuctionKey,
    /// What it continues.
    pub after: After,
}

/// The event that another one continues in the chain of their auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It is written and has this hash, or there is none and this is the genesis.
    Hash(Digest),
    /// It is the draft at this place, which comes before.
    Draft(usize),
}

/// The public part of an event, with its commitments.
pub(crate) fn public_part(event: &Event, origin: &Origin, key: &AuctionKey) -> Vec<u8> {
    // What it continues is no part of it.
    let draft = Draft { event, origin, key, after: After::Draft(0) };
    batch::publics(&[draft]).pop().expect("one draft makes one event")
}

/// Whether these parts are what this event and its origin are written as with this key, byte for
/// byte: the chain covers the public part only, and the commitments in that cover the rest.
#[must_use]
pub fn is_written_as(
    event: &Event,
    origin: &Origin,
    key: &AuctionKey,
    public: &[u8],
    sealed: &[u8],
) -> bool {
    seal(&event.hidden, origin) == sealed && public_part(event, origin, key) == public
}

/// Writes events as [`encode`] would one by one, in the same order. Hashes those together that do
/// not depend on each other, which is much faster.
#[must_use]
pub fn encode_all(drafts: &[Draft<'_>]) -> Vec<Written> {
    let publics = batch::publics(drafts);
    let hashes = batch::link_all(drafts, &publics);
    let all = drafts.iter().zip(publics).zip(hashes);
    let written = |((draft, public), hash): ((&Draft<'_>, _), _)| {
        let sealed = seal(&draft.event.hidden, draft.origin);
        Written { public, sealed, hash }
    };
    all.map(written).collect()
}

/// Writes an event as its two parts and links it to the chain.
#[must_use]
pub fn encode(event: &Event, origin: &Origin, key: &AuctionKey, previous: &Digest) -> Written {
    let draft = Draft { event, origin, key, after: After::Hash(*previous) };
    encode_all(&[draft]).pop().expect("one draft makes one event")
}

/// Reads an event, and where it came from, from its two parts.
///
/// # Errors
/// If one of them is not what [`encode`] writes.
pub fn decode(public: &[u8], sealed: &[u8]) -> Result<(Event, Origin), CodecError> {
    reading::decode(public, sealed)
}

/// SHA-256("gavel/commit/1", auction, version, field, salt, value), where value is canonical JSON.
#[must_use]
pub fn commitment(
    auction: AuctionId,
    version: Version,
    field: &str,
    salt: &Digest,
    value: &[u8],
) -> Digest {
    let mut framed = Framed::new();
    frame_commitment(&mut framed, (auction, version), field, salt, value);
    framed.hash()
}

/// What a commitment is made of.
fn frame_commitment(
    framed: &mut Framed,
    (auction, version): (AuctionId, Version),
    field: &str,
    salt: &Digest,
    value: &[u8],
) {
    framed.field(b"gavel/commit/1").integer(auction.get().unsigned_abs()).integer(version);
    framed.field(field.as_bytes()).field(&salt.0).field(value);
}

/// What shows the value behind a commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What the commitment was salted with.
    pub salt: Digest,
    /// The value's canonical JSON text.
    pub value: Vec<u8>,
}

/// Opens a hidden field of an event, if the event has it. Who may see it is the caller's to know.
#[must_use]
pub fn opening(event: &Event, field: &str, key: &AuctionKey) -> Option<Opening> {
    let value = field_text(&event.hidden, field)?;
    Some(Opening { salt: key.salt(event.version, field, &value), value })
}

/// Names each committed field of an event with its value, in the order of canonical JSON.
fn each_committed(hidden: &Hidden, origin: &Origin, mut commit: impl FnMut(&'static str, &[u8])) {
    let Hidden { amount, maximum, paddle, reserve, seed, .. } = hidden;
    let mut text = itoa::Buffer::new();
    if let Some(amount) = amount {
        commit("amount", text.format(amount.minor()).as_bytes());
    }
    if let Some(maximum) = maximum {
        commit("maximum", text.format(maximum.minor()).as_bytes());
    }
    if let Some(paddle) = paddle {
        commit("paddle", text.format(paddle.get()).as_bytes());
    }
    if let Some(reserve) = reserve {
        commit("reserve", text.format(reserve.minor()).as_bytes());
    }
    commit(REST, &rest(hidden, origin));
    if let Some(seed) = seed {
        commit("seed", &seed_text(seed));
    }
}

/// The canonical text of a hidden field that may be opened, if the event has it.
pub(crate) fn field_text(hidden: &Hidden, field: &str) -> Option<Vec<u8>> {
    let integer = |integer: i64| {
        let mut out = Vec::new();
        write_integer(&mut out, integer);
        out
    };
    match field {
        "amount" => hidden.amount.map(|amount| integer(amount.minor())),
        "maximum" => hidden.maximum.map(|amount| integer(amount.minor())),
        "paddle" => hidden.paddle.map(|paddle| integer(paddle.get())),
        "reserve" => hidden.reserve.map(|amount| integer(amount.minor())),
        "seed" => hidden.seed.as_ref().map(|seed| seed_text(seed).to_vec()),
        _ => None, // not ours: a name
    }
}

fn seed_text(seed: &Digest) -> [u8; 66] {
    let mut out = Vec::with_capacity(66);
    write_hex(&mut out, &seed.0);
    out.try_into().expect("64 digits between two quotes")
}

/// The public part of an event with these commitments: exactly its canonical JSON.
pub(crate) fn render(event: &Event, commit: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(384 + commit.len());
    out.extend_from_slice(b"{\"at\":");
    write_integer(&mut out, event.at.0);
    out.extend_from_slice(b",\"auction\":");
    write_integer(&mut out, event.auction.get());
    out.extend_from_slice(b",\"commit\":");
    out.extend_from_slice(commit);
    out.extend_from_slice(b",\"data\":");
    if let Fact::BidPlaced(placed) = &event.fact {
        placed::write(&mut out, placed);
        out.extend_from_slice(b",\"kind\":\"bid_placed\"");
    } else {
        write_fact(&mut out, &event.fact);
    }
    out.extend_from_slice(b",\"version\":");
    write_integer(&mut out, event.version);
    out.push(b'}');
    out
}

/// Data and kind of any fact, by way of its serde form.
fn write_fact(out: &mut Vec<u8>, fact: &Fact) {
    let value = serde_json::to_value(fact).expect("facts always serialize");
    let (Some(data), Some(kind)) = (value.get("data"), value.get("kind").and_then(Value::as_str))
    else {
        unreachable!("a fact is written as kind and data");
    };
    out.extend_from_slice(&canonicalize(data));
    out.extend_from_slice(b",\"kind\":");
    crate::canonical::write_string(out, kind);
}

/// The sealed part: hidden fields, command and digest, as canonical JSON.
pub(crate) fn seal(hidden: &Hidden, origin: &Origin) -> Vec<u8> {
    let mut members = Members::with_capacity(192);
    members.integer("amount", hidden.amount.map(i64::from));
    members.integer("clerk", hidden.clerk.map(i64::from));
    members.hex("command", Some(&origin.command.0));
    members.hex("digest", Some(&origin.digest));
    members.integer("maximum", hidden.maximum.map(i64::from));
    members.integer("paddle", hidden.paddle.map(i64::from));
    members.integer("reserve", hidden.reserve.map(i64::from));
    members.hex("seed", hidden.seed.as_ref().map(|seed| seed.0.as_slice()));
    members.integer("user", hidden.user.map(i64::from));
    members.finish()
}

/// What `rest` binds: all of the sealed part that is never opened.
pub(crate) fn rest(hidden: &Hidden, origin: &Origin) -> Vec<u8> {
    let mut members = Members::with_capacity(144);
    members.integer("clerk", hidden.clerk.map(i64::from));
    members.hex("command", Some(&origin.command.0));
    members.hex("digest", Some(&origin.digest));
    members.integer("user", hidden.user.map(i64::from));
    members.finish()
}

/// Writes an object whose members come in the order of their keys; absent ones are left out.
struct Members(Vec<u8>);

impl Members {
    fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    fn key(&mut self, key: &str) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn integer(&mut self, key: &str, integer: Option<i64>) {
        if let Some(integer) = integer {
            self.key(key);
            write_integer(&mut self.0, integer);
        }
    }

    fn hex(&mut self, key: &str, bytes: Option<&[u8]>) {
        if let Some(bytes) = bytes {
            self.key(key);
            write_hex(&mut self.0, bytes);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}

#[cfg(test)]
mod tests;
