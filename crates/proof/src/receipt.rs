//! Receipts: what the house signs for one command, so that its sender can hold it to that. Knows
//! how receipts are made and written; what one shows is `receipt/check.rs`'s to say.
//!
//! A *batch receipt* is given with the answer, to refusals too. Its leaf says what was decided; all
//! leaves of a batch stand in one tree (`merkle.rs`), whose root is signed once. In one line:
//!
//! `{"batch":{"house":HEX,"root":HEX,"size":N,"tag":"gavel/batch/1","time":MICROS},"index":N,
//! "key":HEX,"leaf":{"amount":N|null,"at":MICROS,"auction":N,"code":WORD|null,
//! "decision":"accepted"|"refused","end":MICROS|null,"hash":HEX,"operation":"N-HEX","salt":HEX,
//! "version":N},"path":[HEX],"signature":HEX,"tag":"gavel/batch-receipt/1"}`
//!
//! The signature is over the text of `batch`, under its tag; the leaf is the text of `leaf`.
//!
//! A *chain receipt* is made from the log at any later time, for accepted commands only. It holds
//! the event, what the chain binds it to, and the opening of its commitment `rest`, which names the
//! command. In one line:
//!
//! `{"event":PUBLIC PART,"hash":HEX,"house":HEX,"key":HEX,"operation":"N-HEX","previous":HEX,
//! "rest":{"salt":HEX,"value":{..}},"signature":HEX,"tag":"gavel/chain-receipt/1"}`
//!
//! The signature is over the same text without the member `signature`, under its tag. What `rest`
//! opens is the sender's own: his id and the digest of what he sent. The digest tells a good guess
//! of a hidden amount from a bad one, so a receipt is for those who may know the bid.

pub(crate) mod check;
pub(crate) mod reading;

use crate::canonical::{write_hex, write_integer, write_string};
use crate::certificate::commits_to;
use crate::chain::link;
use crate::codec::{Origin, REST, commitment, rest};
use crate::command::CommandId;
use crate::keys::{AuctionKey, HouseKey, LogKey};
use crate::merkle::Tree;
use gavel_auction::event::{Digest, Event, HouseId};
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::money::Amount;
use gavel_auction::time::Time;

/// The tag of a signed root, and of its signature.
pub const BATCH: &str = "gavel/batch/1";

/// The tag of a receipt that was given with the answer.
pub const BATCH_RECEIPT: &str = "gavel/batch-receipt/1";

/// The tag of a receipt that was made from the chain, and of its signature.
pub const CHAIN_RECEIPT: &str = "gavel/chain-receipt/1";

/// What a batch receipt says of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The auction.
    pub auction: AuctionId,
    /// The command's name.
    pub command: CommandId,
    /// The amount it named, if it named one.
    pub amount: Option<Amount>,
    /// When it was decided.
    pub at: Time,
    /// Why it was refused; none if it was accepted.
    pub code: Option<String>,
    /// The auction's end in force then.
    pub end: Option<Time>,
    /// An accepted command's last event; of a refused one, the version it was judged at.
    pub version: Version,
    /// The chain's hash at that version.
    pub hash: Digest,
}

impl Leaf {
    /// Its canonical text: what the tree hashes. The salt hides it from those who hold others of
    /// the same tree.
    pub(crate) fn text(&self, salt: &[u8; 16]) -> Vec<u8> {
        let mut out = Vec::with_capacity(384);
        out.extend_from_slice(b"{\"amount\":");
        write_or_null(&mut out, self.amount.map(Amount::minor));
        out.extend_from_slice(b",\"at\":");
        write_integer(&mut out, self.at.0);
        out.extend_from_slice(b",\"auction\":");
        write_integer(&mut out, self.auction.get());
        out.extend_from_slice(b",\"code\":");
        match &self.code {
            Some(code) => {
                write_string(&mut out, code);
                out.extend_from_slice(b",\"decision\":\"refused\",\"end\":");
            }
            None => out.extend_from_slice(b"null,\"decision\":\"accepted\",\"end\":"),
        }
        write_or_null(&mut out, self.end.map(|end| end.0));
        out.extend_from_slice(b",\"hash\":");
        write_hex(&mut out, &self.hash.0);
        out.extend_from_slice(b",\"operation\":");
        write_operation(&mut out, self.auction, self.command);
        out.extend_from_slice(b",\"salt\":");
        write_hex(&mut out, salt);
        out.extend_from_slice(b",\"version\":");
        write_integer(&mut out, self.version);
        out.push(b'}');
        out
    }
}

/// What is signed of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) house: HouseId,
    pub(crate) root: Digest,
    pub(crate) size: u64,
    pub(crate) time: Time,
}

impl Batch {
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(224);
        out.extend_from_slice(b"{\"house\":");
        write_hex(&mut out, &self.house.0);
        out.extend_from_slice(b",\"root\":");
        write_hex(&mut out, &self.root.0);
        out.extend_from_slice(b",\"size\":");
        write_integer(&mut out, self.size);
        out.extend_from_slice(b",\"tag\":");
        write_string(&mut out, BATCH);
        out.extend_from_slice(b",\"time\":");
        write_integer(&mut out, self.time.0);
        out.push(b'}');
        out
    }
}

/// A batch receipt, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BatchReceipt {
    pub(crate) batch: Batch,
    pub(crate) index: u64,
    pub(crate) key: [u8; 32],
    pub(crate) leaf: Leaf,
    pub(crate) path: Vec<Digest>,
    pub(crate) salt: [u8; 16],
    pub(crate) signature: [u8; 64],
}

impl BatchReceipt {
    pub(crate) fn text(&self) -> Vec<u8> {
        batch_receipt(
            &self.batch.text(),
            self.index,
            &self.key,
            &self.leaf.text(&self.salt),
            &self.path,
            &self.signature,
        )
    }
}

fn batch_receipt(
    batch: &[u8],
    index: u64,
    key: &[u8; 32],
    leaf: &[u8],
    path: &[Digest],
    signature: &[u8; 64],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(batch.len() + leaf.len() + 67 * path.len() + 384);
    out.extend_from_slice(b"{\"batch\":");
    out.extend_from_slice(batch);
    out.extend_from_slice(b",\"index\":");
    write_integer(&mut out, index);
    out.extend_from_slice(b",\"key\":");
    write_hex(&mut out, key);
    out.extend_from_slice(b",\"leaf\":");
    out.extend_from_slice(leaf);
    out.extend_from_slice(b",\"path\":[");
    for (place, hash) in path.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_hex(&mut out, &hash.0);
    }
    out.extend_from_slice(b"],\"signature\":");
    write_hex(&mut out, signature);
    out.extend_from_slice(b",\"tag\":");
    write_string(&mut out, BATCH_RECEIPT);
    out.push(b'}');
    out
}

/// The receipts of a batch, one for each leaf in their order, under one signature.
#[must_use]
pub fn issue(
    leaves: &[Leaf],
    house: HouseId,
    time: Time,
    log_key: &LogKey,
    signer: &HouseKey,
) -> Vec<Vec<u8>> {
    let text = |leaf: &Leaf| leaf.text(&log_key.receipt_salt(&leaf.command.0));
    let texts: Vec<Vec<u8>> = leaves.iter().map(text).collect();
    let tree = Tree::of(&texts);
    let batch = Batch { house, root: tree.root(), size: texts.len() as u64, time }.text();
    let signature = signer.sign(BATCH, &batch);
    let key = signer.public().to_bytes();
    let receipt = |(index, leaf): (usize, &Vec<u8>)| {
        batch_receipt(&batch, index as u64, &key, leaf, &tree.path(index), &signature)
    };
    texts.iter().enumerate().map(receipt).collect()
}

/// A chain receipt, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChainReceipt<'a> {
    pub(crate) auction: AuctionId,
    pub(crate) command: CommandId,
    pub(crate) event: &'a [u8],
    pub(crate) hash: Digest,
    pub(crate) house: HouseId,
    pub(crate) key: [u8; 32],
    pub(crate) previous: Digest,
    pub(crate) salt: Digest,
    pub(crate) rest: Vec<u8>,
}

impl ChainReceipt<'_> {
    /// Its text, with the signature or, to be signed, without.
    pub(crate) fn text(&self, signature: Option<&[u8; 64]>) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.event.len() + self.rest.len() + 768);
        out.extend_from_slice(b"{\"event\":");
        out.extend_from_slice(self.event);
        out.extend_from_slice(b",\"hash\":");
        write_hex(&mut out, &self.hash.0);
        out.extend_from_slice(b",\"house\":");
        write_hex(&mut out, &self.house.0);
        out.extend_from_slice(b",\"key\":");
        write_hex(&mut out, &self.key);
        out.extend_from_slice(b",\"operation\":");
        write_operation(&mut out, self.auction, self.command);
        out.extend_from_slice(b",\"previous\":");
        write_hex(&mut out, &self.previous.0);
        out.extend_from_slice(b",\"rest\":{\"salt\":");
        write_hex(&mut out, &self.salt.0);
        out.extend_from_slice(b",\"value\":");
        out.extend_from_slice(&self.rest);
        out.push(b'}');
        if let Some(signature) = signature {
            out.extend_from_slice(b",\"signature\":");
            write_hex(&mut out, signature);
        }
        out.extend_from_slice(b",\"tag\":");
        write_string(&mut out, CHAIN_RECEIPT);
        out.push(b'}');
        out
    }
}

/// An event as the log holds it, with what stands before it in the chain.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// As it was decoded.
    pub event: &'a Event,
    /// The command it came from.
    pub origin: &'a Origin,
    /// Its public part, byte for byte.
    pub public: &'a [u8],
    /// The chain's hash before it.
    pub previous: Digest,
}

/// The receipt of an accepted command from the event that it made last. None if the event was not
/// written with this key.
#[must_use]
pub fn from_chain(
    link_of: &Link<'_>,
    house: HouseId,
    key: &AuctionKey,
    signer: &HouseKey,
) -> Option<Vec<u8>> {
    let Link { event, origin, public, previous } = *link_of;
    let rest = rest(&event.hidden, origin);
    let salt = key.salt(event.version, REST, &rest);
    let bound = commitment(event.auction, event.version, REST, &salt, &rest);
    if !commits_to(public, REST, &bound) {
        return None;
    }
    let receipt = ChainReceipt {
        auction: event.auction,
        command: origin.command,
        event: public,
        hash: link(&previous, public),
        house,
        key: signer.public().to_bytes(),
        previous,
        salt,
        rest,
    };
    let signature = signer.sign(CHAIN_RECEIPT, &receipt.text(None));
    Some(receipt.text(Some(&signature)))
}

fn write_or_null(out: &mut Vec<u8>, integer: Option<i64>) {
    match integer {
        Some(integer) => write_integer(out, integer),
        None => out.extend_from_slice(b"null"),
    }
}

fn write_operation(out: &mut Vec<u8>, auction: AuctionId, command: CommandId) {
    out.push(b'"');
    write_integer(out, auction.get());
    out.push(b'-');
    out.extend_from_slice(command.to_string().as_bytes());
    out.push(b'"');
}
