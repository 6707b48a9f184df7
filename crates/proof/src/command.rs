//! Names and digests of commands: what makes repeating one harmless. A command's name comes from
//! who sent it and his key; its digest from what it says, never from bytes of a protocol.

use crate::hash::sha256;
use gavel_auction::command::{Action, Amend, Command, Create, Offer, PlaceBid, Tick};
use gavel_auction::event::Channel;
use gavel_auction::ids::{AuctionId, UserId};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// The name of a command, the same for the same sender, auction and key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub [u8; 16]);

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 32];
        hex::encode_to_slice(self.0, &mut text).expect("32 digits for 16 bytes");
        f.write_str(std::str::from_utf8(&text).expect("hex digits are ASCII"))
    }
}

impl fmt::Debug for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CommandId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        sixteen_bytes(text).map(Self).ok_or(BadId)
    }
}

/// A text that is no command id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an operation is named by 32 lower-case hex digits")]
pub struct BadId;

/// Reads 16 bytes written as lower-case hex digits.
pub(crate) fn sixteen_bytes(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let lower = !text.bytes().any(|digit| digit.is_ascii_uppercase());
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

/// Who is behind a command's key: a person, or (none) the house itself.
pub type Sender = Option<UserId>;

/// The name of a command: the first 16 bytes of SHA-256(sender, auction, key), the first two as
/// 8 bytes big-endian (the house is 0), the key as it is, to the end.
#[must_use]
pub fn command_id(sender: Sender, auction: AuctionId, key: &str) -> CommandId {
    let mut bytes = Vec::with_capacity(16 + key.len());
    bytes.extend_from_slice(&sender.map_or(0, UserId::get).to_be_bytes());
    bytes.extend_from_slice(&auction.get().to_be_bytes());
    bytes.extend_from_slice(key.as_bytes());
    CommandId(*sha256(&bytes).0.first_chunk().expect("a digest has more than 16 bytes"))
}

/// What a command says, in 16 bytes: the first half of SHA-256 over its kind and parsed fields.
/// Who sends it is in the id already. What he may do, his limit, and what the house itself puts in
/// (its keys' names, seeds, the chain's head) may change between two tries, and do not count.
#[must_use]
pub fn command_digest(command: &Command) -> [u8; 16] {
    let mut form = Form(Vec::with_capacity(64));
    form.option(command.expected_version, Form::integer);
    form.action(&command.action);
    *sha256(&form.0).0.first_chunk().expect("a digest has more than 16 bytes")
}

/// A command's compact form: a byte for each kind and for each presence, integers of 8 bytes,
/// texts after their length. Reads back in one way only.
struct Form(Vec<u8>);

impl Form {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn integer(&mut self, integer: u64) {
        self.0.extend_from_slice(&integer.to_be_bytes());
    }

    fn signed(&mut self, integer: i64) {
        self.0.extend_from_slice(&integer.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&crate::hash::length_of(bytes));
        self.0.extend_from_slice(bytes);
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.byte(0),
            Some(value) => {
                self.byte(1);
                write(self, value);
            }
        }
    }

    /// A part of the durable vocabulary, by its canonical JSON.
    fn vocabulary(&mut self, value: &impl Serialize) {
        let value = serde_json::to_value(value).expect("the vocabulary always serializes");
        self.bytes(&crate::canonical::canonicalize(&value));
    }

    fn action(&mut self, action: &Action) {
        match action {
            Action::Create(create) => self.create(create),
            Action::Publish => self.byte(2),
            Action::Amend(amend) => self.amend(amend),
            Action::Addendum { digest } => {
                self.byte(4);
                self.bytes(&digest.0);
            }
            Action::Cancel { reason } => self.kind_and(5, reason),
            Action::Hold { reason } => self.kind_and(6, reason),
            Action::Resume => self.byte(7),
            Action::Close { reason } => {
                self.byte(8);
                self.option(*reason, |form, reason| form.vocabulary(&reason));
            }
            Action::Reopen { reason, ends_at, seed: _ } => {
                self.kind_and(9, reason);
                self.signed(ends_at.0);
            }
            Action::Register => self.byte(10),
            Action::Approve { paddle } => self.kind_and(11, paddle),
            Action::Decline { paddle } => self.kind_and(12, paddle),
            Action::Bid(bid) => self.bid(bid),
            Action::Accept { price } => {
                self.byte(14);
                self.signed(price.minor());
            }
            Action::BuyNow => self.byte(15),
            Action::Retract { bid, reason } => {
                self.kind_and(16, reason);
                self.integer(*bid);
            }
            Action::Void { bid, reason } => {
                self.kind_and(17, reason);
                self.integer(*bid);
            }
            Action::Certify { head: _ } => self.byte(18),
            Action::Tick(tick) => self.tick(tick),
        }
    }

    fn kind_and(&mut self, kind: u8, value: &impl Serialize) {
        self.byte(kind);
        self.vocabulary(value);
    }

    fn create(&mut self, create: &Create) {
        self.byte(1);
        self.bytes(create.currency.code().as_bytes());
        self.vocabulary(&create.preset);
        self.vocabulary(&*create.terms);
        self.bytes(&create.listing_digest.0);
        self.byte(u8::from(create.publish));
    }

    fn amend(&mut self, amend: &Amend) {
        self.byte(3);
        self.vocabulary(&*amend.terms);
        self.bytes(&amend.listing_digest.0);
    }

    fn bid(&mut self, bid: &PlaceBid) {
        self.byte(13);
        let (kind, amount) = match bid.offer {
            Offer::Amount(amount) => (0, amount),
            Offer::Maximum(amount) => (1, amount),
        };
        self.byte(kind);
        self.signed(amount.minor());
        self.option(bid.currency, |form, currency| form.bytes(currency.code().as_bytes()));
        self.byte(u8::from(bid.confirm));
        self.option(bid.on_behalf_of, |form, (paddle, channel)| {
            form.signed(paddle.get());
            form.byte(match channel {
                Channel::Floor => 0,
                Channel::Phone => 1,
                Channel::Absentee => 2,
            });
        });
    }

    fn tick(&mut self, tick: &Tick) {
        self.byte(19);
        self.option(tick.outage, |form, (from, to)| {
            form.signed(from.0);
            form.signed(to.0);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_auction::command::{Actor, Person, Roles};
    use gavel_auction::event::{Digest, Reason};
    use gavel_auction::ids::Paddle;
    use gavel_auction::money::{Amount, Currency};
    use gavel_auction::time::Time;

    fn amount(minor: i64) -> Amount {
        Amount::new(minor).unwrap()
    }

    #[test]
    fn ids_read_back_and_depend_on_all_three() {
        let auction = |id| AuctionId::new(id).unwrap();
        let id = command_id(UserId::new(1), auction(2), "k");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse::<CommandId>(), Err(BadId));
        assert_eq!("00".parse::<CommandId>(), Err(BadId));
        let others = [
            command_id(UserId::new(2), auction(2), "k"),
            command_id(UserId::new(1), auction(3), "k"),
            command_id(UserId::new(1), auction(2), "l"),
            command_id(None, auction(2), "k"),
        ];
        assert!(!others.contains(&id));
    }

    #[test]
    fn digests_tell_all_commands_apart() {
        let bid = PlaceBid::of(Offer::Amount(amount(5)));
        let paddle = Paddle::new(1).unwrap();
        let (reason, digest, price) = (Reason::Other, Digest([1; 32]), amount(5));
        let actions = [
            Action::Publish,
            Action::Addendum { digest },
            Action::Cancel { reason },
            Action::Hold { reason },
            Action::Resume,
            Action::Close { reason: None },
            Action::Close { reason: Some(reason) },
            Action::Reopen { reason, ends_at: Time(1), seed: None },
            Action::Reopen { reason, ends_at: Time(2), seed: None },
            Action::Register,
            Action::Approve { paddle },
            Action::Decline { paddle },
            Action::Bid(bid),
            Action::Bid(PlaceBid { offer: Offer::Maximum(amount(5)), ..bid }),
            Action::Bid(PlaceBid { confirm: true, ..bid }),
            Action::Bid(PlaceBid { currency: Currency::from_code("EUR"), ..bid }),
            Action::Bid(PlaceBid { on_behalf_of: Some((paddle, Channel::Floor)), ..bid }),
            Action::Bid(PlaceBid { on_behalf_of: Some((paddle, Channel::Phone)), ..bid }),
            Action::Accept { price },
            Action::BuyNow,
            Action::Retract { bid: 1, reason },
            Action::Void { bid: 1, reason },
            Action::Certify { head: digest },
            Action::Tick(Tick { head: digest, outage: None }),
            Action::Tick(Tick { head: digest, outage: Some((Time(1), Time(2))) }),
        ];
        let mut digests: Vec<_> = actions
            .iter()
            .flat_map(|action| {
                [None, Some(3)].map(|expected_version| {
                    let actor = Actor::House;
                    command_digest(&Command { actor, expected_version, action: action.clone() })
                })
            })
            .collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), 2 * actions.len());
    }

    #[test]
    fn a_changed_limit_or_role_is_still_the_same_command() {
        let user = UserId::new(7).unwrap();
        let mut person = Person::new(user, Roles::MEMBER);
        let mut command = Command::by_house(Action::Publish);
        command.actor = Actor::Person(person);
        let before = command_digest(&command);
        person.headroom = Some(1);
        person.roles = Roles::ADMIN;
        command.actor = Actor::Person(person);
        assert_eq!(command_digest(&command), before);
        let reason = Reason::Other;
        let reopen = |seed| {
            let action = Action::Reopen { reason, ends_at: Time(1), seed };
            command_digest(&Command { action, ..command.clone() })
        };
        assert_eq!(reopen(None), reopen(Some(Digest([1; 32]))));
    }
}
