//! The times of events against the times of answers, and against when they were due. What the
//! house's clock did is known only from what was told at some moment, so that any fault, pause or
//! jump between two such moments lets both times be right.

use super::super::case::Case;
use super::{Outage, Walk};
use crate::history::{Mark, Nanos, Res};
use gavel_auction::event::{Event, Fact};
use gavel_proof::command::CommandId;

/// How much earlier than a refusal before it an event may be dated: two queues are taken in turn.
const TAKEN_IN_TURN: i64 = 1_000_000;

/// How long after it was due an end may come when nothing is wrong, in microseconds.
const AFTER_AN_END: i64 = 5_000_000;

/// How long a fault lasts at most.
const LASTING: Nanos = 450_000_000_000;

/// How long after all was healed something may still be wrong.
const SETTLING: Nanos = 10_000_000_000;

impl Case<'_> {
    /// A refusal that an event of this time should have come before: none whose own time, or the
    /// event's, may be wrong because the clock jumped, or everything stood still, between them.
    pub(super) fn overtaken(
        &self,
        walk: &Walk<'_>,
        name: CommandId,
        event: &Event,
    ) -> Option<usize> {
        let at = event.at.0.saturating_add(TAKEN_IN_TURN);
        if at >= walk.latest {
            return None;
        }
        let sent = self.commands.get(&name).map_or(0, |tries| tries.first);
        let known = self.known_at(walk.auction, event.version);
        let warps: Vec<Nanos> = self.input.marks.iter().filter_map(warp).collect();
        let faults: Vec<Nanos> = self.input.marks.iter().filter_map(fault).collect();
        let wrong = |(_, index): &&(i64, usize)| {
            let Some(rec) = self.input.history.get(*index) else { return false };
            let from = self.first_sent(*index).min(sent);
            let to = known.max(rec.ret_ns.unwrap_or(Nanos::MAX));
            let meanwhile = |at: &Nanos| (from..=to).contains(at);
            // A house that runs goes on from its latest time after its clock ran back; the next
            // start does not know that.
            let restarted = faults.iter().any(meanwhile);
            !warps.iter().any(|warp| meanwhile(warp) || restarted && *warp <= to)
        };
        let later = walk.said.iter().filter(|(said, _)| at < *said);
        later.filter(wrong).map(|(_, index)| *index).next()
    }

    /// When what this record asks was first sent: repeats are told what that was.
    fn first_sent(&self, index: usize) -> Nanos {
        let name = self.names.get(index).copied().flatten();
        let tries = name.and_then(|name| self.commands.get(&name));
        tries.map_or(0, |tries| tries.first)
    }

    /// An end that time should have brought long before, though nothing was in its way.
    pub(super) fn in_time(&self, walk: &Walk<'_>, event: &Event) -> Option<String> {
        let ends = match event.fact {
            Fact::Closed { .. } | Fact::BidPromoted { .. } | Fact::Certified { .. } => true,
            _ => false, // not ours: opens, or gives time back
        };
        let (at, due) = (event.at.0, walk.naive.due_since()?);
        let away = |((from, to), _): &Outage| *from <= at && due <= *to;
        if !ends || at - due <= AFTER_AN_END || self.outages().any(|outage| away(&outage)) {
            return None;
        }
        // It was due after this, for the house's clock was not yet there; and it came before that.
        let earlier = |version, told: i64| version < event.version && told <= due;
        let before = self.input.history.iter().enumerate().filter(|(_, rec)| match &rec.res {
            Res::Refused(no) => earlier(no.version, no.at.0),
            Res::Ok(told) => told.at.is_some_and(|at| earlier(told.version, at.0)),
            _ => false, // not ours: says nothing of when it was decided
        });
        let before = before.filter(|(_, rec)| rec.op.auction() == walk.auction);
        let from = before.map(|(index, _)| self.first_sent(index)).max().unwrap_or(0);
        let to = self.known_at(walk.auction, event.version);
        (!self.is_troubled(from, to)).then(|| {
            let kind = crate::history::kind_of(&event.fact);
            format!("{kind} came {} us after it was due, and nothing was wrong", at - due)
        })
    }

    /// Whether something may have been wrong at some time between these.
    fn is_troubled(&self, from: Nanos, to: Nanos) -> bool {
        let healed = self.input.marks.iter().find_map(|mark| match mark {
            Mark::Heal { at_ns } => Some(*at_ns),
            _ => None, // not ours: goes wrong
        });
        let over = healed.filter(|healed| healed + SETTLING <= from);
        let wrong = |mark: &Mark| match mark {
            Mark::Fault { at_ns, .. } | Mark::Warp { at_ns } => {
                let lasted = at_ns.saturating_add(LASTING) >= from && over.is_none();
                *at_ns <= to && (*at_ns >= from || lasted)
            }
            Mark::Outage { .. } | Mark::Heal { .. } | Mark::Planted { .. } => false,
        };
        self.input.marks.iter().any(wrong)
    }
}

/// When the clock jumped, or everything stood still.
fn warp(mark: &Mark) -> Option<Nanos> {
    match mark {
        Mark::Warp { at_ns } => Some(*at_ns),
        Mark::Outage { .. } | Mark::Fault { .. } | Mark::Heal { .. } | Mark::Planted { .. } => None,
    }
}

fn fault(mark: &Mark) -> Option<Nanos> {
    match mark {
        Mark::Fault { at_ns, .. } => Some(*at_ns),
        Mark::Outage { .. } | Mark::Warp { .. } | Mark::Heal { .. } | Mark::Planted { .. } => None,
    }
}
