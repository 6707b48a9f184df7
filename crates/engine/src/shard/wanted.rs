//! Receipts that were asked for: what each will say, and where its hash comes from once the batch
//! is written. Signs nothing.

use super::Shard;
use crate::answer::Answer;
use crate::effect::Settled;
use crate::inbox::Ask;
use crate::log::{Entry, Position, Record};
use gavel_auction::command::Action;
use gavel_auction::event::Digest;
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::money::Amount;
use gavel_auction::mutant;
use gavel_auction::refusal::Refusal;
use gavel_proof::chain::genesis;
use gavel_proof::codec::After;
use gavel_proof::command::CommandId;
use gavel_proof::receipt::Leaf;

/// A receipt that was asked for with a command.
pub(super) struct Asked {
    auction: AuctionId,
    command: CommandId,
    amount: Option<Amount>,
}

/// What a receipt will say.
pub(super) struct Wanted {
    /// Which reply of the batch gets it.
    pub(super) reply: usize,
    leaf: Leaf,
    /// The event of this batch whose hash it names; none if the leaf has it.
    written: Option<Position>,
}

impl Asked {
    /// None if nobody asked.
    pub(super) fn with(ask: &Ask) -> Option<Self> {
        let amount = || match &ask.command.action {
            Action::Bid(bid) => Some(bid.offer.amount()),
            Action::Accept { price } => Some(*price),
            Action::Create(_)
            | Action::Publish
            | Action::Amend(_)
            | Action::Addendum { .. }
            | Action::Cancel { .. }
            | Action::Hold { .. }
            | Action::Resume
            | Action::Close { .. }
            | Action::Reopen { .. }
            | Action::Register
            | Action::Approve { .. }
            | Action::Decline { .. }
            | Action::BuyNow
            | Action::Retract { .. }
            | Action::Void { .. }
            | Action::Certify { .. }
            | Action::Tick(_) => None,
        };
        let (auction, command) = (ask.auction, ask.id);
        ask.receipt.then(|| Self { auction, command, amount: amount() })
    }
}

impl<R> Shard<R> {
    /// Notes that the next reply wants a receipt. Only a decision has one; of one that is told
    /// again, the accepted has its event, and the refused only while nothing else has happened.
    pub(super) fn want(&mut self, asked: &Asked, settled: &Settled) {
        let Settled::Answer(answer) = settled else { return };
        let (version, at, code, end) = match answer {
            Answer::Accepted(accepted) => {
                (accepted.event.version, accepted.event.at, None, accepted.end)
            }
            // What is not found must not be told apart from what one may not know of.
            Answer::Refused(refused) if refused.refusal == Refusal::NotFound => {
                (0, refused.at, Some(refused.refusal.code()), None)
            }
            Answer::Refused(refused) => {
                (refused.version, refused.at, Some(refused.refusal.code()), refused.end)
            }
        };
        let Some((hash, written)) = self.hash_at(asked.auction, version) else { return };
        let Asked { auction, command, amount } = *asked;
        let code = code.map(str::to_owned);
        let leaf = Leaf { auction, command, amount, at, code, end, version, hash };
        self.open.wanted.push(Wanted { reply: self.open.replies.len(), leaf, written });
    }

    /// The chain's hash at this version, or where the event stands that will have it; none if that
    /// is not the latest version.
    fn hash_at(&self, id: AuctionId, version: Version) -> Option<(Digest, Option<Position>)> {
        if version == 0 {
            return Some((genesis(self.house, id), None));
        }
        let entry = self.auctions.get(&id).filter(|entry| entry.auction.version() == version)?;
        Some(match entry.last {
            After::Hash(hash) => (hash, None),
            After::Draft(_) => (Digest([0; 32]), Some(entry.position)),
        })
    }
}

impl Wanted {
    /// The leaf, now that its batch is written.
    pub(super) fn leaf(&self, records: &[Record]) -> Leaf {
        let mut leaf = self.leaf.clone();
        if let Some(position) = self.written {
            let at = records.binary_search_by_key(&position, |record| record.position);
            let record = at.ok().and_then(|index| records.get(index));
            let Some(Entry::Event(event)) = record.map(|record| &record.entry) else {
                unreachable!("what was decided in a batch is written in it");
            };
            if !mutant::on("receipt_without_hash") {
                leaf.hash = event.hash;
            }
        }
        leaf
    }
}
