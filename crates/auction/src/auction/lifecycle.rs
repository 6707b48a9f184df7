//! Creating, publishing, amending, holding, closing, reopening, cancelling, certifying.

use super::{Auction, Facts, Guard, Lot, Phase, open_fact};
use crate::command::{Action, Actor, Amend, Command, Create};
use crate::event::{Amended, CloseReason, Created, Digest, Fact, Hidden, RULES_VERSION, Reason};
use crate::mutant;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::terms::check::Problem;
use crate::terms::{Clock, LONGEST_SECONDS, Promotion, Schedule, Terms};
use crate::time::{SECOND, Time};
use std::sync::Arc;

/// The only thing that can happen to an auction that does not exist.
pub(super) fn create(command: &Command, at: Time) -> Result<Facts, Refusal> {
    let Action::Create(create) = &command.action else { return Err(Refusal::NotFound) };
    let Actor::Person(person) = command.actor else { return Err(Refusal::Forbidden) };
    if person.banned {
        return Err(Refusal::Banned);
    }
    if !person.roles.seller {
        return Err(Refusal::Forbidden);
    }
    check_terms(&create.terms, create.seed.is_some(), at)?;
    let Create { house, log_key, currency, preset, terms, listing_digest, seed, publish } =
        &**create;
    let created = Created {
        currency: *currency,
        house: *house,
        listing_digest: *listing_digest,
        log_key: *log_key,
        preset: *preset,
        rules_version: RULES_VERSION,
        seller: person.user,
        terms: Arc::new(terms.public()),
    };
    let seed = seed.filter(|_| promotes(terms));
    let hidden = Hidden { seed, ..hidden_reserve(terms) };
    let mut facts = vec![(Fact::Created(Box::new(created)), hidden)];
    if *publish {
        facts.extend(published(terms, at));
    }
    Ok(facts)
}

/// `Published`, and `Opened` with it if the start has come.
fn published(terms: &Terms, at: Time) -> Facts {
    let mut facts = vec![open_fact(Fact::Published {})];
    if terms.schedule.starts_at.is_none_or(|start| start <= at) {
        facts.push(open_fact(opened(terms, at).0));
    }
    facts
}

/// The opening, and the end that follows from it.
pub(super) fn opened(terms: &Terms, at: Time) -> (Fact, Time) {
    let Schedule { duration_seconds, ends_at, .. } = terms.schedule;
    let by_duration = duration_seconds.map(|seconds| at.plus(i64::from(seconds) * SECOND));
    let by_clock = terms.clock.length().map(|length| at.plus(length));
    let end = by_clock.or(ends_at).or(by_duration).expect("checked terms have an end");
    (Fact::Opened { end }, end)
}

fn hidden_reserve(terms: &Terms) -> Hidden {
    let reserve = match terms.reserve {
        crate::terms::Reserve::Hidden { amount } => amount,
        crate::terms::Reserve::None {} | crate::terms::Reserve::Disclosed { .. } => None,
    };
    Hidden { reserve, ..Hidden::default() }
}

fn check_terms(terms: &Terms, has_seed: bool, at: Time) -> Result<(), Refusal> {
    let mut problems = terms.check();
    if terms.schedule.ends_at.is_some_and(|end| end <= at) {
        problems.push(Problem::new("ends_at", "order", "the end lies in the future"));
    }
    let long = terms.schedule.starts_at.is_none()
        && terms
            .schedule
            .ends_at
            .is_some_and(|end| end > at.plus_seconds(i64::from(LONGEST_SECONDS)));
    if long {
        problems.push(Problem::new("ends_at", "too_long", "at most a year from now"));
    }
    if promotes(terms) && !has_seed {
        problems.push(Problem::new("terms.promotion", "conflict", "promotion needs a seed"));
    }
    if problems.is_empty() { Ok(()) } else { Err(Refusal::TermsInvalid { problems }) }
}

fn promotes(terms: &Terms) -> bool {
    matches!(terms.promotion, Promotion::Double { .. })
}

impl Lot {
    pub(super) fn publish(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
    ) -> Result<Facts, Refusal> {
        guard.seller()?;
        moved()?;
        match self.phase {
            Phase::Draft => {}
            Phase::Scheduled | Phase::Open | Phase::OnHold { .. } | Phase::Ended { .. } => {
                return Err(Refusal::TermsLocked);
            }
        }
        check_terms(&self.terms, self.draws.is_some(), guard.at)?;
        Ok(published(&self.terms, guard.at))
    }

    pub(super) fn amend(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
        amend: &Amend,
    ) -> Result<Facts, Refusal> {
        guard.seller()?;
        moved()?;
        match self.phase {
            Phase::Draft | Phase::Scheduled => {}
            Phase::Open | Phase::OnHold { .. } | Phase::Ended { .. } => {
                return Err(Refusal::TermsLocked);
            }
        }
        let seed = amend.seed.filter(|_| promotes(&amend.terms) && self.draws.is_none());
        check_terms(&amend.terms, self.draws.is_some() || seed.is_some(), guard.at)?;
        let amended =
            Amended { listing_digest: amend.listing_digest, terms: Arc::new(amend.terms.public()) };
        let hidden = Hidden { seed, ..hidden_reserve(&amend.terms) };
        Ok(vec![(Fact::Amended(Box::new(amended)), hidden)])
    }

    pub(super) fn addendum(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
        digest: Digest,
    ) -> Result<Facts, Refusal> {
        guard.seller()?;
        moved()?;
        guard.not_ended()?;
        Ok(vec![open_fact(Fact::Addendum { digest })])
    }

    pub(super) fn cancel(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
        reason: Reason,
    ) -> Result<Facts, Refusal> {
        let person = guard.seller_or_clerk()?;
        if !person.roles.is_staff() && !self.book.bids().is_empty() {
            return Err(Refusal::Forbidden);
        }
        moved()?;
        guard.not_ended()?;
        Ok(vec![open_fact(Fact::Cancelled { reason })])
    }

    pub(super) fn hold(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
        reason: Reason,
    ) -> Result<Facts, Refusal> {
        guard.clerk()?;
        moved()?;
        guard.open()?;
        Ok(vec![open_fact(Fact::Held { reason })])
    }

    pub(super) fn resume(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
    ) -> Result<Facts, Refusal> {
        guard.clerk()?;
        moved()?;
        let since = match self.phase {
            Phase::OnHold { since } => since,
            Phase::Open => return Err(Refusal::TermsLocked),
            Phase::Draft | Phase::Scheduled | Phase::Ended { .. } => {
                guard.open()?;
                return Err(Refusal::TermsLocked);
            }
        };
        let end = self.running.end.expect("what was opened has an end");
        let held = if mutant::on("hold_keeps_the_end") { 0 } else { guard.at.since(since) };
        Ok(vec![open_fact(Fact::Resumed { end: end.plus(held) })])
    }

    pub(super) fn close_by_clerk(
        &self,
        auction: &Auction,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
        why: Option<Reason>,
    ) -> Result<Facts, Refusal> {
        guard.clerk()?;
        moved()?;
        guard.running()?;
        Ok(self.hammer(auction, CloseReason::Clerk, why))
    }

    pub(super) fn reopen(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
        reason: Reason,
        ends_at: Time,
        seed: Option<Digest>,
    ) -> Result<Facts, Refusal> {
        let early = self.running.end.is_some_and(|end| ends_at < end) || ends_at <= guard.at;
        guard.admin()?;
        moved()?;
        match self.phase {
            Phase::Ended { outcome: Outcome::Sold(_) | Outcome::Passed { .. }, .. } => {}
            Phase::Draft | Phase::Scheduled | Phase::Open | Phase::OnHold { .. } => {
                return Err(Refusal::TermsLocked);
            }
            Phase::Ended { outcome: Outcome::Cancelled {}, .. } => {
                return Err(Refusal::TermsLocked);
            }
        }
        let opened_up =
            self.certified.is_some() && (self.terms.is_sealed() || self.terms.has_proxy());
        let clocked = matches!(self.terms.clock, Clock::Descending { .. });
        if opened_up || clocked {
            return Err(Refusal::TermsLocked);
        }
        if early {
            let detail = "the new end lies in the future and not before the old one";
            return Err(Refusal::Malformed { field: "ends_at", detail });
        }
        let seed = seed.filter(|_| self.draws.is_some());
        if self.draws.is_some() && seed.is_none() {
            return Err(Refusal::Malformed { field: "seed", detail: "promotion needs a seed" });
        }
        let fact = Fact::Reopened { end: ends_at, reason };
        Ok(vec![(fact, Hidden { seed, ..Hidden::default() })])
    }

    pub(super) fn certify(
        &self,
        guard: &Guard<'_>,
        moved: impl Fn() -> Result<(), Refusal>,
        head: Digest,
    ) -> Result<Facts, Refusal> {
        match guard.actor {
            Actor::House => {}
            Actor::Person(_) => {
                guard.admin()?;
            }
        }
        moved()?;
        match self.phase {
            Phase::Ended { .. } if self.certified.is_none() => {
                Ok(vec![open_fact(Fact::Certified { head })])
            }
            Phase::Draft
            | Phase::Scheduled
            | Phase::Open
            | Phase::OnHold { .. }
            | Phase::Ended { .. } => Err(Refusal::TermsLocked),
        }
    }
}
