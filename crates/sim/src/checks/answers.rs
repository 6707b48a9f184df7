//! What clients were told, against the log: what was accepted is there as it was told, what was
//! refused is not, each key has had at most one effect, and every repeat got the same answer.

use super::case::{Case, Entry, Tries};
use super::{Check, LOST};
use crate::history::{Nanos, Res, Told, kind_of};
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::money::Amount;
use gavel_proof::command::CommandId;
use std::collections::HashMap;

/// What a command has done: its first and last event.
struct Effect<'a> {
    auction: AuctionId,
    first: Version,
    last: &'a Entry<'a>,
    again: Option<Version>,
}

impl Case<'_> {
    pub(super) fn check_answers(&mut self) {
        let auctions = std::mem::take(&mut self.auctions);
        let effects = effects(&auctions);
        for (name, effect) in &effects {
            if let Some(again) = effect.again {
                let prose = format!("a key had two effects, at {} and {again}", effect.first);
                let recs = self.commands.get(name).map(recs).unwrap_or_default();
                self.object(Check::C9, effect.auction, &recs, prose);
            }
        }
        let names: Vec<CommandId> = self.commands.keys().copied().collect();
        let mut names = names;
        names.sort_unstable();
        for name in names {
            let Some(mut tries) = self.commands.remove(&name) else { continue };
            self.check_tries(&mut tries, effects.get(&name));
            self.commands.insert(name, tries);
        }
        self.auctions = auctions;
    }

    fn check_tries(&mut self, tries: &mut Tries<'_>, effect: Option<&Effect<'_>>) {
        let input = self.input;
        let done = effect.and_then(|effect| tries.saying(&effect.last.origin.digest));
        let mut first_told: Option<(usize, &Told)> = None;
        for (index, which) in tries.recs.clone() {
            let Some(rec) = input.history.get(index) else { continue };
            let auction = rec.op.auction();
            let asked_this = done == Some(which);
            let wrong = match &rec.res {
                Res::Ok(told) => {
                    self.stats.accepted += 1;
                    let same = first_told.is_none_or(|(_, first)| alike(first, told));
                    first_told = first_told.or(Some((index, told)));
                    let unequal = (Check::C9, "repeats got different answers".to_owned());
                    match effect {
                        None => Some((Check::C2, LOST.to_owned())),
                        Some(_) if !asked_this => {
                            Some((Check::C9, "another command under its key was told yes".into()))
                        }
                        Some(effect) => {
                            differs(told, effect.last).or_else(|| (!same).then_some(unequal))
                        }
                    }
                }
                Res::Refused(no) => effect
                    .filter(|effect| effect.first <= no.version)
                    .map(|_| (Check::C2, format!("refused as {}, and in the log before", no.code))),
                Res::KeyReused => match effect {
                    None => Some((Check::C9, "the key was never used".to_owned())),
                    Some(_) if asked_this => {
                        Some((Check::C9, "it was this command that used the key".to_owned()))
                    }
                    Some(_) => None,
                },
                Res::NotApplied(why) => {
                    let known = effect.map_or(Nanos::MAX, |it| self.known_at(it.auction, it.first));
                    let other = |(other, _): &(usize, usize)| {
                        input.history.get(*other).is_some_and(|other| may_have_done(other, known))
                    };
                    let explained = !asked_this || tries.recs.iter().any(other);
                    (!explained).then(|| (Check::C2, format!("{why}, and in the log all the same")))
                }
                Res::Value(_) | Res::Unknown | Res::Quarantined | Res::NotFound | Res::NoReply => {
                    None
                }
            };
            if let Some((check, prose)) = wrong {
                self.object(check, auction, &[index], prose);
            }
        }
    }
}

/// Whether this try may have had an effect that somebody knew of by then.
fn may_have_done(rec: &crate::history::Rec, known: Nanos) -> bool {
    if rec.inv_ns >= known {
        return false;
    }
    match &rec.res {
        Res::Ok(_) | Res::Unknown | Res::NoReply => true,
        Res::Refused(_)
        | Res::Value(_)
        | Res::NotApplied(_)
        | Res::KeyReused
        | Res::Quarantined
        | Res::NotFound => false,
    }
}

fn recs(tries: &Tries<'_>) -> Vec<usize> {
    tries.recs.iter().map(|(index, _)| *index).collect()
}

fn effects<'a>(
    auctions: &'a std::collections::BTreeMap<AuctionId, Vec<Entry<'a>>>,
) -> HashMap<CommandId, Effect<'a>> {
    let mut effects = HashMap::<CommandId, Effect<'a>>::new();
    for (auction, entries) in auctions {
        let mut before = CommandId([0; 16]);
        for entry in entries {
            let name = entry.origin.command;
            if name != CommandId([0; 16]) {
                let first = entry.logged.version;
                let new = || Effect { auction: *auction, first, last: entry, again: None };
                let effect = effects.entry(name).or_insert_with(new);
                if before == name || effect.first == first {
                    effect.last = entry;
                } else {
                    effect.again = Some(first);
                }
            }
            before = name;
        }
    }
    effects
}

/// Whether two acceptances say the same.
fn alike(a: &Told, b: &Told) -> bool {
    let without = |told: &Told| Told { event: None, ..told.clone() };
    without(a) == without(b)
}

/// What an acceptance says otherwise than the event it speaks of.
fn differs(told: &Told, entry: &Entry<'_>) -> Option<(Check, String)> {
    let event = &entry.event;
    let wrong =
        |what: &str| Some((Check::C2, format!("told another {what} than the log has: {told:?}")));
    if told.version != event.version {
        return wrong("version");
    }
    if told.at.is_some_and(|at| at != event.at) {
        return wrong("time");
    }
    if told.kind.as_deref().is_some_and(|kind| kind != kind_of(&event.fact)) {
        return wrong("kind");
    }
    if told.event.as_deref().is_some_and(|said| said != event) {
        return wrong("event");
    }
    let now = event.fact.now()?;
    if told.end.is_some_and(|end| end != Some(now.end)) {
        return wrong("end");
    }
    let Some(shown) = &now.shown else { return None };
    let minor = |amount: Option<Amount>| amount.map(Amount::minor);
    if told.price.is_some_and(|price| price != minor(shown.price)) {
        return wrong("price");
    }
    if told.leader.is_some_and(|leader| leader != shown.leader.map(|paddle| paddle.get())) {
        return wrong("leader");
    }
    if told.next.is_some_and(|next| next != minor(shown.next.amount())) {
        return wrong("next bid");
    }
    None
}
