//! What a receipt shows, alone and beside a certificate. Believes the signature that it has
//! checked and nothing else. Refuses to know whose key it is: the caller compares the fingerprint.

use super::reading::{Receipt, read};
use super::{BATCH, BatchReceipt, CHAIN_RECEIPT, ChainReceipt};
use crate::certificate::commits_to;
use crate::chain::{genesis, link};
use crate::codec::reading::{fact_of, read_public};
use crate::codec::{REST, commitment};
use crate::command::CommandId;
use crate::keys::PublicKey;
use crate::merkle::root_of;
use crate::verify::{self, Fault, Verified};
use gavel_auction::event::{Digest, Event, Fact, HouseId};
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::money::{Amount, Currency, print_major};
use gavel_auction::time::Time;
use serde::Deserialize;
use thiserror::Error;

/// What the house has signed about one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// How it shows that.
    pub form: Form,
    /// The house that it names.
    pub house: HouseId,
    /// The auction.
    pub auction: AuctionId,
    /// The command's name.
    pub command: CommandId,
    /// An accepted command's last event; of a refused one, the version it was judged at.
    pub version: Version,
    /// The chain's hash at that version.
    pub hash: Digest,
    /// When it was decided.
    pub at: Time,
    /// Why it was refused; none if it was accepted.
    pub code: Option<String>,
    /// The amount it named, as far as the receipt says.
    pub amount: Option<Amount>,
    /// The end in force then, as far as the receipt says.
    pub end: Option<Time>,
    /// By which fingerprint people know the key that signed it.
    pub fingerprint: String,
}

/// The two forms of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Given with the answer: one leaf of so many under one signature.
    Batch {
        /// How many.
        size: u64,
    },
    /// Made from the log later.
    Chain,
}

/// A receipt and a certificate that say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// What the receipt says.
    pub receipt: Signed,
    /// What the certificate says.
    pub certificate: verify::Report,
    /// What was compared, a sentence each.
    pub compared: Vec<String>,
}

/// Why a receipt does not hold, or does not go with a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReceiptFault {
    /// The bytes are no receipt.
    #[error("the file is no receipt: {0}")]
    NotAReceipt(String),
    /// The path does not lead to the signed root.
    #[error("the leaf is not under the signed root")]
    NotUnderTheRoot,
    /// The event is not what its hash, its commitment or the command's name say.
    #[error("the receipt contradicts itself: {0}")]
    NotBound(&'static str),
    /// The signature is not of this key over this receipt.
    #[error("the signature does not fit the receipt")]
    Signature,
    /// The certificate itself does not hold.
    #[error("the certificate does not hold: {0}")]
    Certificate(#[from] Fault),
    /// Another house, another auction or another key.
    #[error("the receipt is of {what} {receipt}, the certificate of {certificate}")]
    Another {
        /// Of another what.
        what: &'static str,
        /// What the receipt names.
        receipt: String,
        /// What the certificate names.
        certificate: String,
    },
    /// What the receipt is about is not in the certificate any more.
    #[error(
        "the receipt says that version {version} had happened, the certificate ends with \
         version {last}: something was dropped"
    )]
    Dropped {
        /// What the receipt names.
        version: Version,
        /// The certificate's last version.
        last: Version,
    },
    /// The history that the receipt is about is not the one in the certificate.
    #[error(
        "at version {version} the receipt has the hash {receipt}, the certificate {certificate}: \
         an event up to there was dropped, added or rewritten"
    )]
    Rewritten {
        /// The version.
        version: Version,
        /// The chain's hash there, as the receipt has it.
        receipt: Digest,
        /// And as the certificate has it.
        certificate: Digest,
    },
    /// The event is there, but it is not what the receipt says.
    #[error("event {version} is not what the receipt says: {what}")]
    Otherwise {
        /// Which event.
        version: Version,
        /// What differs.
        what: &'static str,
    },
}

/// Checks a receipt by itself: form, what it is bound to, signature.
///
/// # Errors
/// The first thing that does not hold.
pub fn verify_receipt(bytes: &[u8]) -> Result<Signed, ReceiptFault> {
    match read(bytes).map_err(ReceiptFault::NotAReceipt)? {
        Receipt::Batch(receipt) => batch(&receipt),
        Receipt::Chain(receipt, signature) => chain(&receipt, &signature),
    }
}

fn batch(receipt: &BatchReceipt) -> Result<Signed, ReceiptFault> {
    let BatchReceipt { batch, index, key, leaf, path, salt, signature } = receipt;
    let key = signed_by(key, BATCH, &batch.text(), signature)?;
    if root_of(&leaf.text(salt), *index, batch.size, path) != Some(batch.root) {
        return Err(ReceiptFault::NotUnderTheRoot);
    }
    if leaf.version == 0 && (leaf.code.is_none() || leaf.hash != genesis(batch.house, leaf.auction))
    {
        return Err(ReceiptFault::NotBound("nothing had happened, and yet something had"));
    }
    Ok(Signed {
        form: Form::Batch { size: batch.size },
        house: batch.house,
        auction: leaf.auction,
        command: leaf.command,
        version: leaf.version,
        hash: leaf.hash,
        at: leaf.at,
        code: leaf.code.clone(),
        amount: leaf.amount,
        end: leaf.end,
        fingerprint: key.fingerprint(),
    })
}

fn chain(receipt: &ChainReceipt<'_>, signature: &[u8; 64]) -> Result<Signed, ReceiptFault> {
    #[derive(Deserialize)]
    struct Rest<'a> {
        command: &'a str,
    }
    let ChainReceipt { auction, command, event, hash, house, key, previous, salt, rest } = receipt;
    let key = signed_by(key, CHAIN_RECEIPT, &receipt.text(None), signature)?;
    if link(previous, event) != *hash {
        return Err(ReceiptFault::NotBound("the hash is not the event's"));
    }
    let part = read_public(event).map_err(|e| ReceiptFault::NotAReceipt(e.to_string()))?;
    if part.auction != *auction {
        return Err(ReceiptFault::NotBound("the event is another auction's"));
    }
    let bound = commitment(*auction, part.version, REST, salt, rest);
    if !commits_to(event, REST, &bound) {
        return Err(ReceiptFault::NotBound("the event does not commit to what is opened"));
    }
    let rest: Rest<'_> = serde_json::from_slice(rest)
        .map_err(|_| ReceiptFault::NotBound("what is opened names no command"))?;
    if rest.command.parse() != Ok(*command) {
        return Err(ReceiptFault::NotBound("the event is of another command"));
    }
    let fact = fact_of(&part).map_err(|e| ReceiptFault::NotAReceipt(e.to_string()))?;
    Ok(Signed {
        form: Form::Chain,
        house: *house,
        auction: *auction,
        command: *command,
        version: part.version,
        hash: *hash,
        at: part.at,
        code: None,
        amount: public_amount(&fact),
        end: end_of(&fact),
        fingerprint: key.fingerprint(),
    })
}

fn signed_by(
    key: &[u8; 32],
    tag: &str,
    text: &[u8],
    signature: &[u8; 64],
) -> Result<PublicKey, ReceiptFault> {
    let key = PublicKey::from_bytes(key).map_err(|_| ReceiptFault::Signature)?;
    key.verify(tag, text, signature).map_err(|_| ReceiptFault::Signature)?;
    Ok(key)
}

/// Checks a receipt beside the certificate of its auction: the same house, the same history up to
/// the version that the receipt names, and the accepted command's event in it.
///
/// # Errors
/// The first thing that does not hold, of the receipt, of the certificate, or between them.
pub fn verify_together(receipt: &[u8], certificate: &[u8]) -> Result<Agreement, ReceiptFault> {
    let signed = verify_receipt(receipt)?;
    let Verified { report, history, .. } = verify::verified(certificate)?;
    let names = [
        ("house", signed.house.to_string(), report.house.to_string()),
        ("auction", signed.auction.to_string(), report.auction.to_string()),
        ("key", signed.fingerprint.clone(), report.fingerprint.clone()),
    ];
    for (what, receipt, certificate) in names {
        if receipt != certificate {
            return Err(ReceiptFault::Another { what, receipt, certificate });
        }
    }
    let (version, last) = (signed.version, report.head.0);
    if version > last {
        return Err(ReceiptFault::Dropped { version, last });
    }
    let upto = history.publics.iter().take(usize::try_from(version).unwrap_or(usize::MAX));
    let first = genesis(report.house, report.auction);
    let hash = upto.fold(first, |before, public| link(&before, public));
    if hash != signed.hash {
        let (receipt, certificate) = (signed.hash, hash);
        return Err(ReceiptFault::Rewritten { version, receipt, certificate });
    }
    let mut compared = vec![
        format!("both are of house {} and signed by {}", signed.house, signed.fingerprint),
        format!("both have the hash {hash} at version {version}: nothing up to there was changed"),
    ];
    let event = history.events.iter().find(|event| event.version == version);
    match (&signed.code, event) {
        (None, Some(event)) => compared.push(same_event(&signed, event, report.currency)?),
        (None, None) => return Err(ReceiptFault::Dropped { version, last }),
        (Some(_), _) => compared.push(format!(
            "refused commands are no events: the certificate shows what it was judged by, up to \
             version {version}"
        )),
    }
    Ok(Agreement { receipt: signed, certificate: report, compared })
}

/// Whether an accepted command's event says what its receipt says.
fn same_event(
    signed: &Signed,
    event: &Event,
    currency: Option<Currency>,
) -> Result<String, ReceiptFault> {
    let version = event.version;
    let otherwise = |what| Err(ReceiptFault::Otherwise { version, what });
    if event.at != signed.at {
        return otherwise("its time is another");
    }
    let bid = matches!(event.fact, Fact::BidPlaced(_));
    let placed = public_amount(&event.fact).or(event.hidden.maximum).or(event.hidden.amount);
    if let (true, Some(said), Some(placed)) = (bid, signed.amount, placed)
        && said != placed
    {
        return otherwise("its amount is another");
    }
    if end_of(&event.fact).is_some_and(|end| signed.end.is_some_and(|said| said != end)) {
        return otherwise("it leaves another end");
    }
    let amount = signed.amount.filter(|_| bid).map(|amount| match currency {
        Some(currency) => format!(" of {} {currency}", print_major(amount, currency)),
        None => format!(" of {} minor units", amount.minor()),
    });
    let what = if bid { "bid" } else { "command" };
    Ok(format!("the accepted {what}{} is there, as event {version}", amount.unwrap_or_default()))
}

fn public_amount(fact: &Fact) -> Option<Amount> {
    if let Fact::BidPlaced(placed) = fact { placed.amount } else { None }
}

fn end_of(fact: &Fact) -> Option<Time> {
    if let Fact::BidPlaced(placed) = fact { Some(placed.now.end) } else { None }
}

impl Signed {
    /// What a check of the receipt alone has shown, a sentence each.
    #[must_use]
    pub fn checked(&self) -> Vec<String> {
        let mut all = vec![
            "the file is written as receipts are, to the byte".to_owned(),
            format!("it is signed by {}", self.fingerprint),
        ];
        match self.form {
            Form::Batch { size } => {
                all.push(format!("its leaf is one of {size} under the signed root"));
            }
            Form::Chain => all.extend([
                "its event and the hash before it give the hash it names".to_owned(),
                "its event commits to this operation".to_owned(),
            ]),
        }
        all
    }

    /// What a receipt alone cannot show, a sentence each.
    #[must_use]
    pub fn not_shown(&self) -> Vec<String> {
        let mut all = vec![
            "that the house still keeps to it: compare it with the certificate".to_owned(),
            "who sent the command, and what else it said".to_owned(),
        ];
        all.push(
            match &self.code {
                Some(_) => {
                    "that the refusal was right: the certificate shows what it was judged by"
                }
                None => "what came of it afterwards",
            }
            .to_owned(),
        );
        all
    }
}
