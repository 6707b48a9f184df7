//! Versions against real time. Every answer names the version it rests on, so that an order need
//! not be searched for: it only has to agree with who had heard what before whom.

use super::Check;
use super::case::Case;
use crate::history::{Nanos, Op, Res, SeenKind};
use gavel_auction::ids::{AuctionId, Version};
use gavel_proof::command::CommandId;
use std::collections::{BTreeMap, HashMap};

/// Somebody who knew of a version at a time.
#[derive(Clone, Copy)]
struct Witness {
    inv: Nanos,
    ret: Nanos,
    version: Version,
    writes: bool,
    rec: usize,
}

#[derive(Default)]
struct OfAuction {
    witnesses: Vec<Witness>,
    /// When somebody was shown a version.
    shown: Vec<(Nanos, Version)>,
    /// For each version that a command made, when that was first sent.
    sent: BTreeMap<Version, Nanos>,
}

impl Case<'_> {
    pub(super) fn check_order(&mut self) {
        let mut auctions = BTreeMap::<AuctionId, OfAuction>::new();
        let made = self.made(&mut auctions);
        let input = self.input;
        let mut written = HashMap::<CommandId, Witness>::new();
        for (index, rec) in input.history.iter().enumerate() {
            let (Some(version), Some(ret)) = (Self::witness(&rec.res), rec.ret_ns) else {
                continue;
            };
            let name = self.names.get(index).copied().flatten();
            let first = name.and_then(|name| self.commands.get(&name)).map(|tries| tries.first);
            let inv = first.unwrap_or(rec.inv_ns);
            let witness = Witness { inv, ret, version, writes: false, rec: index };
            match (&rec.op, &rec.res) {
                (Op::Read { strong: false, .. }, _) => {}
                (Op::Command(_), Res::Ok(_)) => {
                    let Some(name) = name.filter(|name| made.contains_key(name)) else { continue };
                    let witness = Witness { writes: true, ..witness };
                    let known = written.entry(name).or_insert(witness);
                    known.ret = known.ret.min(ret);
                }
                (Op::Command(_) | Op::Read { .. }, _) => {
                    auctions.entry(rec.op.auction()).or_default().witnesses.push(witness);
                }
            }
        }
        for (name, witness) in written {
            let Some((auction, first, _)) = made.get(&name) else { continue };
            let witness = Witness { version: witness.version.max(*first), ..witness };
            auctions.entry(*auction).or_default().witnesses.push(witness);
        }
        for seen in &input.seen {
            if seen.kind == SeenKind::Event {
                let of = auctions.entry(seen.auction).or_default();
                of.shown.push((seen.at_ns, seen.version));
            }
        }
        for (auction, of) in auctions {
            self.check_forward(auction, &of);
            self.check_backward(auction, &of);
        }
    }

    /// What each command has made: its auction, first and last version.
    fn made(
        &self,
        auctions: &mut BTreeMap<AuctionId, OfAuction>,
    ) -> HashMap<CommandId, (AuctionId, Version, Version)> {
        let mut made = HashMap::new();
        for (auction, entries) in &self.auctions {
            for entry in entries {
                let (name, version) = (entry.origin.command, entry.logged.version);
                let Some(tries) = self.commands.get(&name) else { continue };
                let of = auctions.entry(*auction).or_default();
                of.sent.insert(version, tries.first);
                made.entry(name).or_insert((*auction, version, version)).2 = version;
            }
        }
        made
    }

    /// Whoever is sent after somebody has heard of a version is judged at that version or later.
    fn check_forward(&mut self, auction: AuctionId, of: &OfAuction) {
        let mut heard: Vec<(Nanos, Version)> =
            of.witnesses.iter().map(|witness| (witness.ret, witness.version)).collect();
        heard.extend(&of.shown);
        heard.sort_unstable();
        let mut sent: Vec<&Witness> = of.witnesses.iter().collect();
        sent.sort_unstable_by_key(|witness| (witness.inv, witness.rec));
        let (mut next, mut newest) = (0, 0);
        for witness in sent {
            while let Some((at, version)) = heard.get(next).filter(|(at, _)| *at < witness.inv) {
                debug_assert!(*at < witness.inv, "only what was heard before");
                newest = newest.max(*version);
                next += 1;
            }
            let stale = witness.version < newest || (witness.writes && witness.version == newest);
            if stale {
                let version = witness.version;
                let prose =
                    format!("rests on version {version}; {newest} had been heard of before");
                self.object(Check::C3, auction, &[witness.rec], prose);
            }
        }
    }

    /// Nobody hears of a version before the command that made it, or one before, was sent.
    fn check_backward(&mut self, auction: AuctionId, of: &OfAuction) {
        let mut latest = 0;
        let mut since: Vec<(Version, Nanos)> = Vec::with_capacity(of.sent.len());
        for (version, sent) in &of.sent {
            latest = latest.max(*sent);
            since.push((*version, latest));
        }
        let sent_by = |version: Version| {
            let upto = since.partition_point(|(made, _)| *made <= version);
            upto.checked_sub(1).and_then(|at| since.get(at)).map_or(0, |(_, sent)| *sent)
        };
        for witness in &of.witnesses {
            if witness.ret < sent_by(witness.version) {
                let prose = format!("version {} was told before it was asked for", witness.version);
                self.object(Check::C3, auction, &[witness.rec], prose);
            }
        }
        for (at, version) in &of.shown {
            if *at < sent_by(*version) {
                let prose = format!("version {version} was shown before it was asked for");
                self.object(Check::C3, auction, &[], prose);
            }
        }
    }
}
