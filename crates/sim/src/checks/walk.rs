//! The walk through each auction's log with the naive house beside it: every event must be what
//! that house would have decided, every refusal and every read what it would have said, at the
//! version that they name.

mod times;

use super::Check;
use super::case::Case;
use crate::history::{Mark, No, Op, Res, Told};
use crate::model::{Naive, Nay, Seen, Verdict};
use gavel_auction::event::{Digest, Event, Fact, Hidden};
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::time::Time;
use gavel_proof::chain::genesis;
use gavel_proof::command::CommandId;
use std::collections::HashMap;

/// Who names a version of an auction: indices into the history, in the order of versions.
type Witnesses = HashMap<AuctionId, Vec<(Version, usize)>>;

/// What is being walked.
struct Walk<'a> {
    auction: AuctionId,
    naive: Naive,
    chain: Digest,
    outages: &'a [Outage],
    /// The refusals at this version or before: their times, and indices into the history.
    said: Vec<(i64, usize)>,
    /// The latest of those times.
    latest: i64,
}

/// From when to when, and whether it may have been forgotten.
type Outage = ((i64, i64), bool);

impl Case<'_> {
    pub(super) fn walk(&mut self) {
        let mut witnesses = self.witnesses();
        let outages: Vec<Outage> = self.outages().collect();
        let auctions: Vec<AuctionId> = self.auctions.keys().copied().collect();
        for auction in auctions {
            if self.planted.contains(&auction) {
                witnesses.remove(&auction);
                continue;
            }
            let seen = witnesses.remove(&auction).unwrap_or_default();
            self.walk_one(auction, &outages, &seen);
        }
        // Auctions of which nothing is in the log.
        let mut rest: Vec<_> = witnesses.into_iter().collect();
        rest.sort_unstable_by_key(|(auction, _)| *auction);
        for (auction, seen) in rest {
            let house = self.input.house.unwrap_or(gavel_auction::event::HouseId([0; 16]));
            let walk = Walk::new(auction, genesis(house, auction), &outages);
            self.check_witnesses(&walk, &seen);
            for (version, index) in seen.iter().filter(|(version, _)| *version > 0) {
                let prose = format!("version {version} was never there");
                self.object(Check::C2, auction, &[*index], prose);
            }
        }
    }

    fn outages(&self) -> impl Iterator<Item = Outage> {
        self.input.marks.iter().filter_map(outage)
    }

    fn witnesses(&self) -> Witnesses {
        let mut witnesses = Witnesses::new();
        for (index, rec) in self.input.history.iter().enumerate() {
            let version = match &rec.res {
                Res::Refused(no) => no.version,
                Res::Value(told) => told.version,
                Res::Ok(_)
                | Res::Unknown
                | Res::NotApplied(_)
                | Res::KeyReused
                | Res::Quarantined
                | Res::NotFound
                | Res::NoReply => continue,
            };
            witnesses.entry(rec.op.auction()).or_default().push((version, index));
        }
        witnesses.values_mut().for_each(|seen| seen.sort_unstable());
        witnesses
    }

    fn walk_one(&mut self, auction: AuctionId, outages: &[Outage], seen: &[(Version, usize)]) {
        let entries = self.auctions.remove(&auction).unwrap_or_default();
        let house = entries.first().and_then(|first| match &first.event.fact {
            Fact::Created(created) => Some(created.house),
            _ => None, // not ours: the first event is no `created`
        });
        let house = self.input.house.or(house);
        let house = house.unwrap_or(gavel_auction::event::HouseId([0; 16]));
        let mut walk = Walk::new(auction, genesis(house, auction), outages);
        let (mut at, mut upto) = (0, 0);
        while at <= entries.len() {
            let version = walk.naive.version;
            let from = upto;
            while seen.get(upto).is_some_and(|(named, _)| *named <= version) {
                upto += 1;
            }
            self.check_witnesses(&walk, seen.get(from..upto).unwrap_or_default());
            walk.hear(self.refusals(seen.get(from..upto).unwrap_or_default()));
            let rest = entries.get(at..).unwrap_or_default();
            let Some(first) = rest.first() else { break };
            let together =
                rest.iter().take_while(|entry| entry.origin.command == first.origin.command);
            let events: Vec<&Event> = together.map(|entry| &entry.event).collect();
            let expected =
                match self.expected(&walk, first.origin.command, &first.origin.digest, &events) {
                    Ok(expected) => expected,
                    Err((check, prose)) => {
                        let prose = format!("version {}: {prose}", first.event.version);
                        let recs = self.recs_of(first.origin.command);
                        self.object(check, auction, &recs, prose);
                        // From here on nothing can be said of it.
                        break;
                    }
                };
            for entry in rest.iter().take(expected) {
                walk.naive.apply(&entry.event);
                walk.chain = entry.logged.hash;
            }
            at += expected;
        }
        for (version, index) in seen.get(upto..).unwrap_or_default() {
            let last = walk.naive.version;
            if at >= entries.len() {
                let prose = format!("version {version} was named, but the log ends at {last}");
                self.object(Check::C2, auction, &[*index], prose);
            }
        }
        if at >= entries.len() {
            self.check_end(&walk);
        }
        self.auctions.insert(auction, entries);
    }

    fn recs_of(&self, name: CommandId) -> Vec<usize> {
        let tries = self.commands.get(&name);
        tries.map(|tries| tries.recs.iter().map(|(index, _)| *index).collect()).unwrap_or_default()
    }

    /// The times of the refusals among these.
    fn refusals(&self, seen: &[(Version, usize)]) -> Vec<(i64, usize)> {
        let at = |(_, index): &(Version, usize)| match &self.input.history.get(*index)?.res {
            Res::Refused(no) => Some((no.at.0, *index)),
            _ => None, // not ours: anything else that was told
        };
        seen.iter().filter_map(at).collect()
    }

    /// How many of these events the naive house would have made of this in one decision.
    fn expected(
        &mut self,
        walk: &Walk<'_>,
        name: CommandId,
        digest: &[u8; 16],
        events: &[&Event],
    ) -> Result<usize, (Check, String)> {
        let Some(first) = events.first() else { return Ok(0) };
        let at = first.at.0;
        if at < walk.naive.last_at {
            return Err((Check::C1, "time runs back".to_owned()));
        }
        if let Some(index) = self.overtaken(walk, name, first) {
            let prose = format!("dated {at}, but record {index} was refused later without it");
            return Err((Check::C5, prose));
        }
        if name == CommandId([0; 16]) {
            let expected = walk.by_time(events)?;
            return self.in_time(walk, first).map_or(Ok(expected), |prose| Err((Check::C6, prose)));
        }
        if let Some(due) = walk.naive.due(at, walk.chain) {
            return Err((Check::C5, format!("{:?} was due first", due.first())));
        }
        let Some(tries) = self.commands.get_mut(&name) else {
            return Err((Check::C2, "nobody asked for this".to_owned()));
        };
        let Some(asked) = tries.saying(digest).and_then(|which| tries.asked.get(which)) else {
            return Err((Check::C2, "that is not what was asked under this key".to_owned()));
        };
        let asked = asked.0;
        let verdict = walk.naive.judge(&asked.wish, asked.actor, asked.expected, at);
        match verdict {
            Err(Nay { code, .. }) => {
                let check = if code == "closed" { Check::C5 } else { Check::C1 };
                Err((check, format!("should have been refused as {code}")))
            }
            Ok(facts) => compare(&facts, events),
        }
    }

    /// Refusals and reads that name the version which the naive house is at.
    fn check_witnesses(&mut self, walk: &Walk<'_>, seen: &[(Version, usize)]) {
        let input = self.input;
        for (version, index) in seen {
            let Some(rec) = input.history.get(*index) else { continue };
            if *version != walk.naive.version {
                continue;
            }
            let wrong = match (&rec.op, &rec.res) {
                (Op::Command(asked), Res::Refused(no)) => {
                    self.stats.refused += 1;
                    let (wish, who, expected) = (&asked.wish, asked.actor, asked.expected);
                    let verdict = walk.naive.judge(wish, who, expected, no.at.0);
                    walk.unjust(no, &verdict)
                }
                (Op::Read { viewer, .. }, Res::Value(told)) => {
                    self.stats.reads += 1;
                    let now = told.at.unwrap_or(Time(walk.naive.last_at)).0;
                    let mine = viewer.map(|user| walk.naive.mine(user));
                    let naive = walk.naive.seen(now);
                    naive
                        .map_or(Some("nothing is there yet".to_owned()), |naive| {
                            differs(told, &naive)
                                .or_else(|| differs_mine(told, mine))
                                .or_else(|| differs_winning(told, &naive, mine))
                                .or_else(|| walk.naive.not_best(told.top.as_ref()?))
                        })
                        .map(|prose| (Check::C3, prose))
                }
                (Op::Command(_) | Op::Read { .. }, _) => None, // not ours: says no version
            };
            if let Some((check, prose)) = wrong {
                let at = walk.naive.version;
                self.object(check, walk.auction, &[*index], format!("at version {at}: {prose}"));
            }
        }
    }

    /// When all is quiet, time has nothing left to do.
    fn check_end(&mut self, walk: &Walk<'_>) {
        if !self.input.quiesced {
            return;
        }
        let naive = &walk.naive;
        if naive.runs() && naive.end().is_some_and(|end| end <= self.input.now.0) {
            self.object(Check::C6, walk.auction, &[], "its end has passed, and it is open".into());
        }
        if naive.is_ended() && naive.certifies_itself() && !naive.is_certified() {
            self.object(Check::C6, walk.auction, &[], "its result was never certified".into());
        }
    }
}

/// An outage, and whether it may have been forgotten.
fn outage(mark: &Mark) -> Option<Outage> {
    match mark {
        Mark::Outage { from, to, lapsed } => Some(((from.0, to.0), *lapsed)),
        Mark::Fault { .. } | Mark::Heal { .. } | Mark::Warp { .. } | Mark::Planted { .. } => None,
    }
}

impl<'a> Walk<'a> {
    fn new(auction: AuctionId, chain: Digest, outages: &'a [Outage]) -> Self {
        Self { auction, naive: Naive::new(auction), chain, outages, said: Vec::new(), latest: 0 }
    }

    /// Somebody was refused.
    fn hear(&mut self, refused: Vec<(i64, usize)>) {
        self.latest = refused.iter().map(|(at, _)| *at).fold(self.latest, i64::max);
        self.said.extend(refused);
    }

    /// What time alone has brought.
    fn by_time(&self, events: &[&Event]) -> Result<usize, (Check, String)> {
        let Some(first) = events.first() else { return Ok(0) };
        let at = first.at.0;
        if let Fact::Extended { end, from, to, .. } = &first.fact {
            let right =
                |outage: &&Outage| self.naive.is_outage_right(from.0, to.0, end.0, outage.0);
            if first.at < *to || self.outages.iter().find(right).is_none() {
                let prose = format!(
                    "no outage moves the end {:?} like this: {:?}; {:?}",
                    self.naive.end(),
                    first.fact,
                    self.outages
                );
                return Err((Check::C5, prose));
            }
            return Ok(1);
        }
        let Some(due) = self.naive.due(at, self.chain) else {
            let closes = matches!(first.fact, Fact::Closed { .. } | Fact::BidPromoted { .. });
            let check = if closes { Check::C5 } else { Check::C1 };
            return Err((check, format!("{} was not due", crate::history::kind_of(&first.fact))));
        };
        if let Some((from, to)) = self.ignored_outage(&first.fact, at) {
            let prose = format!("closed by time though the house was away from {from} to {to}");
            return Err((Check::C5, prose));
        }
        let facts: Vec<_> = due.into_iter().map(|fact| (fact, Hidden::default())).collect();
        compare(&facts, events)
    }

    /// An outage whose lost time was never given back, if this is a close by time.
    fn ignored_outage(&self, fact: &Fact, at: i64) -> Option<(i64, i64)> {
        use gavel_auction::event::CloseReason;
        let by_time =
            matches!(fact, Fact::Closed { reason: CloseReason::Time | CloseReason::Clock, .. });
        let of_it = |outage: &&Outage| {
            let ((from, to), lapsed) = **outage;
            let since = from.max(self.naive.last_at);
            !lapsed && to <= at && since < to && self.naive.lost_time(since, to)
        };
        let ignored = self.outages.iter().find(of_it).filter(|_| by_time);
        ignored.map(|(outage, _)| *outage)
    }

    /// Whether a refusal was wrong.
    fn unjust(&self, no: &No, verdict: &Verdict) -> Option<(Check, String)> {
        if let Some(due) = self.naive.due(no.at.0.max(self.naive.last_at), self.chain) {
            return Some((Check::C5, format!("refused though {:?} was due first", due.first())));
        }
        match verdict {
            Ok(_) => Some((Check::C4, format!("refused as {}, but it was legal", no.code))),
            Err(nay) if nay.code != no.code => {
                Some((Check::C4, format!("refused as {}, not as {}", no.code, nay.code)))
            }
            Err(nay) if no.hint.is_some_and(|hint| hint != nay.hint) => {
                let (said, right) = (no.hint, nay.hint);
                Some((Check::C4, format!("{} says {said:?}, not {right:?}", no.code)))
            }
            Err(_) => {
                let end = self.naive.end().map(Time);
                no.end
                    .filter(|said| *said != end)
                    .map(|said| (Check::C4, format!("names the end {said:?}, not {end:?}")))
            }
        }
    }
}

/// Whether these events begin with just these facts, made at once.
fn compare(facts: &[(Fact, Hidden)], events: &[&Event]) -> Result<usize, (Check, String)> {
    for (place, (fact, hidden)) in facts.iter().enumerate() {
        let Some(event) = events.get(place) else {
            let kind = crate::history::kind_of(fact);
            return Err((Check::C1, format!("{kind} should have come with it")));
        };
        if event.fact != *fact {
            let check = concerns(&event.fact, fact);
            return Err((check, format!("{:?} instead of {fact:?}", event.fact)));
        }
        if event.hidden != *hidden {
            let prose = format!("hides {:?} instead of {hidden:?}", event.hidden);
            return Err((Check::C1, prose));
        }
        if events.first().is_some_and(|first| first.at != event.at) {
            return Err((Check::C1, "one decision at two times".to_owned()));
        }
    }
    Ok(facts.len())
}

/// Which check a difference between two facts belongs to.
fn concerns(fact: &Fact, right: &Fact) -> Check {
    match (fact, right) {
        (Fact::BidPlaced(is), Fact::BidPlaced(should)) if is.now.end != should.now.end => Check::C5,
        (
            Fact::BidRetracted(is) | Fact::BidVoided(is),
            Fact::BidRetracted(should) | Fact::BidVoided(should),
        ) if is.now.end != should.now.end => Check::C5,
        (
            Fact::Opened { .. } | Fact::Resumed { .. },
            Fact::Opened { .. } | Fact::Resumed { .. },
        ) => Check::C5,
        (Fact::Closed { .. }, Fact::Closed { .. })
        | (Fact::Certified { .. }, Fact::Certified { .. }) => Check::C6,
        _ => Check::C1, // not ours: pairs
    }
}

/// The first thing that a read shows otherwise.
fn differs(told: &Told, naive: &Seen) -> Option<String> {
    let end = naive.end.map(Time);
    let pairs = [
        ("state", told.state.as_deref().is_some_and(|state| state != naive.state)),
        ("end", told.end.is_some_and(|said| said != end)),
        ("price", told.price.is_some_and(|said| said != naive.price)),
        ("leader", told.leader.is_some_and(|said| said != naive.leader)),
        ("next", told.next.is_some_and(|said| said != naive.next)),
        ("reserve_met", told.reserve_met.is_some_and(|said| said != naive.reserve_met)),
        ("bids", told.bids.is_some_and(|said| said != naive.bids)),
        ("hammer", told.hammer.is_some_and(|said| said != naive.hammer)),
    ];
    let (what, _) = pairs.into_iter().find(|(_, differs)| *differs)?;
    Some(format!("a read shows another {what}: {told:?}, not {naive:?}"))
}

fn differs_mine(told: &Told, mine: Option<Option<(i64, Option<i64>)>>) -> Option<String> {
    let (said, right) = (told.mine?, mine?);
    (said != right).then(|| format!("his own bid is shown as {said:?}, not {right:?}"))
}

/// Whether somebody is told wrongly that he leads, or that he does not.
fn differs_winning(
    told: &Told,
    naive: &Seen,
    mine: Option<Option<(i64, Option<i64>)>>,
) -> Option<String> {
    let (said, paddle) = (told.winning?, mine?.map(|(paddle, _)| paddle));
    let lost = matches!(naive.state, "passed" | "cancelled");
    let right = paddle.is_some() && paddle == naive.leader && !lost;
    (said != right).then(|| format!("is told that he wins: {said}; leader {:?}", naive.leader))
}
