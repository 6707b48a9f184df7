//! Reads events back from their two parts. Trusts nothing about the order of their members, but
//! does not check that the bytes are canonical: whoever doubts them renders the event again.

use super::{CodecError, Origin, placed};
use crate::command::{CommandId, sixteen_bytes};
use gavel_auction::event::{Digest, Event, Fact, Hidden};
use gavel_auction::ids::{AuctionId, Paddle, UserId, Version};
use gavel_auction::money::Amount;
use gavel_auction::time::Time;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The public part before its data is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublicPart<'a> {
    pub(crate) at: Time,
    pub(crate) auction: AuctionId,
    #[serde(borrow)]
    pub(crate) commit: &'a RawValue,
    #[serde(borrow)]
    pub(crate) data: &'a RawValue,
    #[serde(borrow)]
    pub(crate) kind: &'a str,
    pub(crate) version: Version,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedPart {
    #[serde(default)]
    amount: Option<Amount>,
    #[serde(default)]
    clerk: Option<UserId>,
    #[serde(deserialize_with = "hex16")]
    command: [u8; 16],
    #[serde(deserialize_with = "hex16")]
    digest: [u8; 16],
    #[serde(default)]
    maximum: Option<Amount>,
    #[serde(default)]
    paddle: Option<Paddle>,
    #[serde(default)]
    reserve: Option<Amount>,
    #[serde(default)]
    seed: Option<Digest>,
    #[serde(default)]
    user: Option<UserId>,
}

fn hex16<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 16], D::Error> {
    let text = <&str>::deserialize(deserializer)?;
    sixteen_bytes(text).ok_or_else(|| D::Error::custom("32 lower-case hex digits"))
}

/// Reads an event and where it came from.
pub(super) fn decode(public: &[u8], sealed: &[u8]) -> Result<(Event, Origin), CodecError> {
    let part = read_public(public)?;
    let fact = fact_of(&part)?;
    let sealed: SealedPart = serde_json::from_slice(sealed).map_err(CodecError::Sealed)?;
    let hidden = Hidden {
        amount: sealed.amount,
        clerk: sealed.clerk,
        maximum: sealed.maximum,
        paddle: sealed.paddle,
        reserve: sealed.reserve,
        seed: sealed.seed,
        user: sealed.user,
    };
    let origin = Origin { command: CommandId(sealed.command), digest: sealed.digest };
    let PublicPart { at, auction, version, .. } = part;
    Ok((Event { auction, version, at, fact, hidden }, origin))
}

/// Reads the frame of a public part.
pub(crate) fn read_public(public: &[u8]) -> Result<PublicPart<'_>, CodecError> {
    serde_json::from_slice(public).map_err(CodecError::Public)
}

/// Reads kind and data of a public part.
pub(crate) fn fact_of(part: &PublicPart<'_>) -> Result<Fact, CodecError> {
    let data = part.data.get();
    let fact = if part.kind == "bid_placed" {
        placed::read(data).map(Fact::BidPlaced)
    } else {
        // With the kind before the data, serde reads the data straight into its type.
        let kind = serde_json::to_string(part.kind).map_err(CodecError::Public)?;
        serde_json::from_str(&format!("{{\"kind\":{kind},\"data\":{data}}}"))
    };
    fact.map_err(|source| CodecError::Fact { kind: part.kind.to_owned(), source })
}
