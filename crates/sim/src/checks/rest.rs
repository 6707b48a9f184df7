//! When the faults are over: everything is answered in time, everything comes to rest, and whoever
//! keeps the states of auctions has the same.

use super::case::Case;
use super::{Check, Violation};
use crate::history::{Mark, Nanos, Res};
use gavel_auction::ids::AuctionId;
use std::collections::BTreeMap;

/// How long an answer may take when nothing is wrong.
const IN_TIME: Nanos = 2_000_000_000;

impl Case<'_> {
    pub(super) fn check_rest(&mut self) {
        self.check_liveness();
        self.check_states();
    }

    fn check_liveness(&mut self) {
        let input = self.input;
        let healed = input.marks.iter().find_map(|mark| match mark {
            Mark::Heal { at_ns } => Some(*at_ns),
            Mark::Fault { .. } | Mark::Outage { .. } | Mark::Warp { .. } | Mark::Planted { .. } => {
                None
            }
        });
        let Some(healed) = healed else { return };
        for (index, rec) in input.history.iter().enumerate() {
            // What was sent just when all became well may still have met the last of it.
            if rec.inv_ns < healed + IN_TIME {
                continue;
            }
            let auction = rec.op.auction();
            let took = rec.ret_ns.map(|ret| ret.saturating_sub(rec.inv_ns));
            let unanswered = match &rec.res {
                Res::NoReply | Res::Unknown | Res::NotApplied(_) => true,
                Res::Ok(_)
                | Res::Refused(_)
                | Res::Value(_)
                | Res::KeyReused
                | Res::Quarantined
                | Res::NotFound => took.is_none_or(|took| took > IN_TIME),
            };
            if unanswered {
                let prose =
                    format!("nothing is wrong, and the answer is {:?} after {took:?} ns", rec.res);
                self.object(Check::C10, auction, &[index], prose);
            }
        }
        if !input.quiesced {
            let prose = "it never came to rest";
            self.found.push(Violation::new(Check::C10, None, Vec::new(), prose));
        }
    }

    fn check_states(&mut self) {
        let input = self.input;
        let mut known = BTreeMap::<AuctionId, (&str, u64, u64)>::new();
        for states in &input.states {
            for (auction, version, state) in &states.auctions {
                let logged = self.auctions.get(auction).map_or(0, Vec::len) as u64;
                let (whose, other, digest) =
                    *known.entry(*auction).or_insert((&states.of, *version, *state));
                if (other, digest) != (*version, *state) {
                    let prose = format!("{} and {whose} do not have the same state", states.of);
                    self.object(Check::C11, *auction, &[], prose);
                }
                if *version != logged {
                    let prose = format!("{} is at {version}, the log at {logged}", states.of);
                    self.object(Check::C11, *auction, &[], prose);
                }
            }
        }
        let Some(last) = input.states.last() else { return };
        let missing = |auction: &AuctionId| !last.auctions.iter().any(|(id, ..)| id == auction);
        let missing: Vec<AuctionId> = self.auctions.keys().copied().filter(missing).collect();
        for auction in missing {
            self.object(Check::C11, auction, &[], format!("{} does not know it", last.of));
        }
    }
}
