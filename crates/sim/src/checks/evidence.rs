//! Receipts against the log and the answers they came with; damage that was planted and must have
//! been reported.

use super::case::Case;
use super::{Check, Violation};
use crate::history::{Mark, Op, Res};
use gavel_auction::event::Digest;
use gavel_auction::ids::{AuctionId, Version};
use gavel_proof::chain::genesis;
use gavel_proof::verify_receipt;

impl Case<'_> {
    pub(super) fn check_evidence(&mut self) {
        let input = self.input;
        for receipt in &input.receipts {
            let index = usize::try_from(receipt.rec).unwrap_or(usize::MAX);
            let Some(rec) = input.history.get(index) else { continue };
            let auction = rec.op.auction();
            if let Some(prose) = self.unfit(index, &receipt.bytes) {
                self.object(Check::C13, auction, &[index], prose);
            }
        }
        for mark in &input.marks {
            if let Mark::Planted { auction, reported: false } = mark {
                let prose = "stored bytes were changed, and nobody said so";
                self.found.push(Violation::new(Check::C13, Some(*auction), Vec::new(), prose));
            }
        }
        for rec in &input.history {
            let index = usize::try_from(rec.id).unwrap_or(usize::MAX);
            if rec.res == Res::Quarantined {
                let prose = "closed off though nothing of it was damaged".to_owned();
                self.object(Check::C13, rec.op.auction(), &[index], prose);
            }
        }
    }

    /// What is wrong with a receipt.
    fn unfit(&self, index: usize, bytes: &[u8]) -> Option<String> {
        let rec = self.input.history.get(index)?;
        let Op::Command(asked) = &rec.op else { return None };
        let signed = match verify_receipt(bytes) {
            Ok(signed) => signed,
            Err(fault) => return Some(format!("its receipt does not hold: {fault}")),
        };
        if signed.command != asked.name() || signed.auction != asked.auction {
            return Some("its receipt is somebody else's".to_owned());
        }
        let hash = self.hash_at(signed.auction, signed.version);
        if hash != Some(signed.hash) {
            return Some(format!("its receipt names another hash at version {}", signed.version));
        }
        let (version, code) = match &rec.res {
            Res::Ok(told) => (told.version, None),
            // What is not found must look alike, whether it is there or not.
            Res::Refused(no) if no.code == "not_found" => (0, Some(no.code.as_str())),
            Res::Refused(no) => (no.version, Some(no.code.as_str())),
            Res::Value(_)
            | Res::Unknown
            | Res::NotApplied(_)
            | Res::KeyReused
            | Res::Quarantined
            | Res::NotFound
            | Res::NoReply => return None,
        };
        if (signed.version, signed.code.as_deref()) != (version, code) {
            let said = (signed.version, &signed.code);
            return Some(format!("its receipt says {said:?}, it was told {version} {code:?}"));
        }
        None
    }

    /// The chain's hash at a version.
    fn hash_at(&self, auction: AuctionId, version: Version) -> Option<Digest> {
        let Some(index) = version.checked_sub(1) else {
            return self.input.house.map(|house| genesis(house, auction));
        };
        let index = usize::try_from(index).ok()?;
        self.auctions.get(&auction)?.get(index).map(|entry| entry.logged.hash)
    }
}
