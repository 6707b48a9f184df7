//! A history laid open for the checks: the log's events by auction, the tries by command.

use super::{Check, LOST, Stats, Violation};
use crate::history::wish::Asked;
use crate::history::{Input, LoggedEvent, Mark, Nanos, Op, Res, SeenKind};
use gavel_auction::event::Event;
use gavel_auction::ids::{AuctionId, Version};
use gavel_proof::codec::Origin;
use gavel_proof::command::{CommandId, command_digest};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A history laid open.
pub(super) struct Case<'a> {
    pub(super) input: &'a Input,
    /// Each auction's events, in the log's order, as far as they can be read.
    pub(super) auctions: BTreeMap<AuctionId, Vec<Entry<'a>>>,
    /// All tries of each command.
    pub(super) commands: HashMap<CommandId, Tries<'a>>,
    /// The name of each record's command, for those that have one.
    pub(super) names: Vec<Option<CommandId>>,
    /// Auctions whose stored bytes were damaged on purpose: only that is checked of them.
    pub(super) planted: BTreeSet<AuctionId>,
    pub(super) found: Vec<Violation>,
    pub(super) stats: Stats,
}

/// An event of the log.
pub(super) struct Entry<'a> {
    pub(super) position: u64,
    pub(super) logged: &'a LoggedEvent,
    pub(super) event: Event,
    pub(super) origin: Origin,
}

/// All tries under one name.
pub(super) struct Tries<'a> {
    /// What was asked: usually one thing, more if the key was used again for something else.
    pub(super) asked: Vec<(&'a Arc<Asked>, Option<[u8; 16]>)>,
    /// Records, as indices into the history, each with which of those it asked.
    pub(super) recs: Vec<(usize, usize)>,
    /// When the first was sent.
    pub(super) first: Nanos,
}

impl<'a> Case<'a> {
    pub(super) fn open(input: &'a Input) -> Self {
        let planted = input.marks.iter().filter_map(|mark| match mark {
            Mark::Planted { auction, .. } => Some(*auction),
            Mark::Fault { .. } | Mark::Outage { .. } | Mark::Heal { .. } | Mark::Warp { .. } => {
                None
            }
        });
        let mut case = Self {
            input,
            auctions: BTreeMap::new(),
            commands: HashMap::new(),
            names: Vec::with_capacity(input.history.len()),
            planted: planted.collect(),
            found: Vec::new(),
            stats: Stats::default(),
        };
        case.stats.tries = input.history.len() as u64;
        case.stats.seen = input.seen.len() as u64;
        case.sort_tries();
        case
    }

    fn sort_tries(&mut self) {
        // Tries of one errand share what they ask: its name is computed once.
        let mut known: HashMap<*const Asked, CommandId> = HashMap::new();
        for (index, rec) in self.input.history.iter().enumerate() {
            let Op::Command(asked) = &rec.op else {
                self.names.push(None);
                continue;
            };
            let name = *known.entry(Arc::as_ptr(asked)).or_insert_with(|| asked.name());
            self.names.push(Some(name));
            let new = || Tries { asked: Vec::new(), recs: Vec::new(), first: rec.inv_ns };
            let tries = self.commands.entry(name).or_insert_with(new);
            let same = |(other, _): &(&Arc<Asked>, _)| Arc::ptr_eq(other, asked) || *other == asked;
            let which = tries.asked.iter().position(same).unwrap_or(tries.asked.len());
            if which == tries.asked.len() {
                tries.asked.push((asked, None));
            }
            tries.recs.push((index, which));
            tries.first = tries.first.min(rec.inv_ns);
        }
    }

    pub(super) fn object(
        &mut self,
        check: Check,
        auction: AuctionId,
        records: &[usize],
        prose: String,
    ) {
        // One history can break in a thousand places for one reason; what is lost is said still.
        let most = if prose == LOST { 60 } else { 50 };
        if self.found.len() >= most || self.planted.contains(&auction) {
            return;
        }
        let records = records.iter().filter_map(|index| self.input.history.get(*index));
        let records = records.map(|rec| rec.id).collect();
        self.found.push(Violation::new(check, Some(auction), records, prose));
    }

    /// When somebody was first told of this version of an auction, or of a later one.
    pub(super) fn known_at(&self, auction: AuctionId, version: Version) -> Nanos {
        let input = self.input;
        let told = input.history.iter().filter_map(|rec| {
            let named = Self::witness(&rec.res).filter(|named| *named >= version)?;
            rec.ret_ns.filter(|_| named > 0 && rec.op.auction() == auction)
        });
        let seen = input.seen.iter().filter(|seen| {
            matches!(seen.kind, SeenKind::Event | SeenKind::State)
                && (seen.auction, true) == (auction, seen.version >= version)
        });
        told.chain(seen.map(|seen| seen.at_ns)).min().unwrap_or(Nanos::MAX)
    }

    /// The version that an answer names, if it names one.
    pub(super) fn witness(res: &Res) -> Option<Version> {
        match res {
            Res::Ok(told) | Res::Value(told) => Some(told.version),
            Res::Refused(no) => Some(no.version),
            Res::Unknown
            | Res::NotApplied(_)
            | Res::KeyReused
            | Res::Quarantined
            | Res::NotFound
            | Res::NoReply => None,
        }
    }
}

impl Tries<'_> {
    /// Which of the things asked under this name says this.
    pub(super) fn saying(&mut self, digest: &[u8; 16]) -> Option<usize> {
        self.asked.iter_mut().position(|(asked, known)| {
            let said = known.get_or_insert_with(|| {
                asked.command().map_or([0; 16], |command| command_digest(&command))
            });
            said == digest
        })
    }
}
