//! Reads receipts. Takes nothing for granted: what was read is written again, and must give the
//! same bytes. Whether a receipt holds is not asked here.

use super::{BATCH, BATCH_RECEIPT, Batch, BatchReceipt, CHAIN_RECEIPT, ChainReceipt, Leaf};
use crate::command::CommandId;
use gavel_auction::event::{Digest, HouseId};
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::money::Amount;
use gavel_auction::time::Time;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A receipt of either form.
pub(crate) enum Receipt<'a> {
    Batch(BatchReceipt),
    Chain(ChainReceipt<'a>, [u8; 64]),
}

#[derive(Deserialize)]
struct Tagged<'a> {
    #[serde(borrow)]
    tag: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchFile<'a> {
    #[serde(borrow)]
    batch: BatchPart<'a>,
    index: u64,
    key: Digest,
    #[serde(borrow)]
    leaf: LeafPart<'a>,
    path: Vec<Digest>,
    #[serde(borrow)]
    signature: &'a str,
    #[serde(borrow, rename = "tag")]
    _tag: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchPart<'a> {
    house: HouseId,
    root: Digest,
    size: u64,
    #[serde(borrow)]
    tag: &'a str,
    time: Time,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeafPart<'a> {
    amount: Option<Amount>,
    at: Time,
    auction: AuctionId,
    code: Option<String>,
    #[serde(borrow, rename = "decision")]
    _decision: &'a str,
    end: Option<Time>,
    hash: Digest,
    #[serde(borrow)]
    operation: &'a str,
    #[serde(borrow)]
    salt: &'a str,
    version: Version,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChainFile<'a> {
    #[serde(borrow)]
    event: &'a RawValue,
    hash: Digest,
    house: HouseId,
    key: Digest,
    #[serde(borrow)]
    operation: &'a str,
    previous: Digest,
    #[serde(borrow)]
    rest: RestPart<'a>,
    #[serde(borrow)]
    signature: &'a str,
    #[serde(borrow, rename = "tag")]
    _tag: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RestPart<'a> {
    salt: Digest,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// Reads a receipt; the error says why the bytes are none.
pub(crate) fn read(bytes: &[u8]) -> Result<Receipt<'_>, String> {
    let wrong = |error: serde_json::Error| error.to_string();
    let tagged: Tagged<'_> = serde_json::from_slice(bytes).map_err(wrong)?;
    let (receipt, text) = match tagged.tag {
        BATCH_RECEIPT => {
            let receipt = batch(serde_json::from_slice(bytes).map_err(wrong)?)?;
            let text = receipt.text();
            (Receipt::Batch(receipt), text)
        }
        CHAIN_RECEIPT => {
            let (receipt, signature) = chain(serde_json::from_slice(bytes).map_err(wrong)?)?;
            let text = receipt.text(Some(&signature));
            (Receipt::Chain(receipt, signature), text)
        }
        other => return Err(format!("its tag is {other}")), // not ours: a text
    };
    if text == bytes {
        return Ok(receipt);
    }
    let same = text.iter().zip(bytes).take_while(|(ours, theirs)| ours == theirs).count();
    Err(format!("it is not written as receipts are, from byte {same} on"))
}

fn batch(file: BatchFile<'_>) -> Result<BatchReceipt, String> {
    let BatchPart { house, root, size, tag, time } = file.batch;
    if tag != BATCH {
        return Err(format!("the tag of its root is {tag}"));
    }
    let LeafPart { amount, at, auction, code, end, hash, version, .. } = file.leaf;
    let command = command_of(file.leaf.operation, auction)?;
    let salt = fixed(file.leaf.salt).ok_or("its salt is not 32 hexadecimal digits")?;
    let leaf = Leaf { auction, command, amount, at, code, end, version, hash };
    Ok(BatchReceipt {
        batch: Batch { house, root, size, time },
        index: file.index,
        key: file.key.0,
        leaf,
        path: file.path,
        salt,
        signature: signature(file.signature)?,
    })
}

fn chain(file: ChainFile<'_>) -> Result<(ChainReceipt<'_>, [u8; 64]), String> {
    let (auction, _) = file.operation.split_once('-').ok_or("it names no operation")?;
    let auction = auction.parse().ok().and_then(AuctionId::new).ok_or("it names no auction")?;
    let receipt = ChainReceipt {
        auction,
        command: command_of(file.operation, auction)?,
        event: file.event.get().as_bytes(),
        hash: file.hash,
        house: file.house,
        key: file.key.0,
        previous: file.previous,
        salt: file.rest.salt,
        rest: file.rest.value.get().as_bytes().to_vec(),
    };
    Ok((receipt, signature(file.signature)?))
}

fn command_of(operation: &str, auction: AuctionId) -> Result<CommandId, String> {
    let named = operation.strip_prefix(&format!("{auction}-"));
    let command = named.and_then(|command| command.parse().ok());
    command.ok_or_else(|| format!("{operation} is no operation of auction {auction}"))
}

fn signature(text: &str) -> Result<[u8; 64], String> {
    fixed(text).ok_or_else(|| "its signature is not 128 hexadecimal digits".to_owned())
}

fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}
