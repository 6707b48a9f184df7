//! `Auction`: the state of one auction, what may be decided about it, and what an event does to
//! it. Start here.
//!
//! `decide` is a pure function of state, command and time; it changes nothing. `apply` takes an
//! event as fact; it judges nothing. Time passing is a command too (`Tick`), so that no timer can
//! race a bid: the shard ticks whatever is due before any later command.

mod apply;
mod bidding;
mod commitment;
mod lifecycle;
pub mod running;
mod ticking;

use crate::book::{Bid, Book};
use crate::command::{Action, Actor, Command, Person};
use crate::event::{Digest, Event, Fact, Hidden};
use crate::ids::{AuctionId, BidId, Paddle, UserId, Version};
use crate::money::{Amount, Currency};
use crate::mutant;
use crate::outcome::Outcome;
use crate::presets::Preset;
use crate::refusal::Refusal;
use crate::rules::score::Score;
use crate::snapshot::json;
use crate::terms::{Certify, Terms};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use running::Running;

/// One auction, as its events have made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auction {
    id: AuctionId,
    version: Version,
    last_at: Time,
    lot: Option<Lot>,
}

/// What an auction is once it has been created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lot {
    pub(crate) seller: UserId,
    pub(crate) currency: Currency,
    pub(crate) preset: Preset,
    #[serde(with = "json")]
    pub(crate) terms: Arc<Terms>,
    pub(crate) phase: Phase,
    /// Whether it was ever published: until then only its seller and the house know of it.
    pub(crate) announced: bool,
    pub(crate) running: Running,
    pub(crate) book: Book,
    /// The public price's score; none while there is none, or it is hidden.
    pub(crate) price: Option<Score>,
    pub(crate) buy_now_gone: bool,
    /// Apart, because few auctions have any.
    pub(crate) draws: Option<Box<Draws>>,
    pub(crate) certified: Option<Version>,
}

/// Where an auction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Only its seller knows of it.
    Draft,
    /// Announced, not open yet.
    Scheduled,
    /// Takes bids.
    Open,
    /// Takes none for a while.
    OnHold {
        /// Since when.
        since: Time,
    },
    /// The hammer fell, or it was called off.
    Ended {
        /// When.
        at: Time,
        /// What came of it.
        #[serde(with = "json")]
        outcome: Outcome,
    },
}

impl Phase {
    /// The word for it in requests and lists.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::OnHold { .. } => "on_hold",
            Self::Ended { outcome: Outcome::Sold(_), .. } => "sold",
            Self::Ended { outcome: Outcome::Passed { .. }, .. } => "passed",
            Self::Ended { outcome: Outcome::Cancelled {}, .. } => "cancelled",
        }
    }
}

/// The draws of a promotion: a grid of intervals in open time since the last opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draws {
    pub(crate) seed: Digest,
    /// How often the auction was opened before: each opening has its own seed.
    pub(crate) epoch: u32,
    /// The open time at which interval 0 began.
    pub(crate) origin: i64,
    /// The interval whose draw is still to come, with its first bid and how many can be drawn.
    pub(crate) pending: Option<Pending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) interval: u64,
    pub(crate) first: BidId,
    pub(crate) candidates: u64,
}

impl Auction {
    /// An auction to which nothing has happened yet: it can only be created.
    #[must_use]
    pub const fn new(id: AuctionId) -> Self {
        Self { id, version: 0, last_at: Time(0), lot: None }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> AuctionId {
        self.id
    }

    /// How many events it has had.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// When the last of them was decided.
    #[must_use]
    pub const fn last_at(&self) -> Time {
        self.last_at
    }

    /// What is decided about a command at a time: the events it makes, or why not.
    ///
    /// A time before the last event counts as that event's. A tick yields the one thing that is
    /// due first, or nothing.
    ///
    /// # Errors
    /// The first reason for no, in the order of `refusal.rs`.
    pub fn decide(&self, command: &Command, at: Time) -> Result<Vec<Event>, Refusal> {
        let at = if mutant::on("time_runs_back") { at } else { at.max(self.last_at) };
        let facts = match &self.lot {
            None => lifecycle::create(command, at)?,
            Some(lot) => lot.decide(self, command, at)?,
        };
        let numbered = (self.version + 1..).zip(facts);
        Ok(numbered
            .map(|(version, (fact, hidden))| Event { auction: self.id, version, at, fact, hidden })
            .collect())
    }

    /// When time will next do something by itself; none if it will not.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        self.lot.as_ref().and_then(|lot| lot.next_deadline(self.last_at))
    }

    /// Whether nothing is left to do about it: it has ended and its result is certified.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let settled =
            |lot: &Lot| matches!(lot.phase, Phase::Ended { .. }) && lot.certified.is_some();
        self.lot.as_ref().is_some_and(settled)
    }

    /// The rules, once it has been created.
    #[must_use]
    pub fn terms(&self) -> Option<&Arc<Terms>> {
        self.lot.as_ref().map(|lot| &lot.terms)
    }

    /// Keeps its rules where others keep them: `same` gives equal ones.
    pub fn share_terms(&mut self, same: impl FnOnce(&Arc<Terms>) -> Arc<Terms>) {
        if let Some(lot) = &mut self.lot {
            let shared = same(&lot.terms);
            debug_assert_eq!(shared, lot.terms, "sharing changes nothing");
            lot.terms = shared;
        }
    }

    /// Who sells, once it has been created.
    #[must_use]
    pub fn seller(&self) -> Option<UserId> {
        self.lot.as_ref().map(|lot| lot.seller)
    }

    /// Where it stands, once it has been created.
    #[must_use]
    pub fn phase(&self) -> Option<&Phase> {
        self.lot.as_ref().map(|lot| &lot.phase)
    }

    /// Its bidders and bids, once it has been created.
    #[must_use]
    pub fn book(&self) -> Option<&Book> {
        self.lot.as_ref().map(|lot| &lot.book)
    }

    /// The public price in minor units: where it stands, or stood when the hammer fell.
    #[must_use]
    pub fn price(&self) -> Option<i64> {
        let lot = self.lot.as_ref()?;
        lot.price.map(|price| lot.terms.direction.score(price))
    }

    /// The end in force, once it is known.
    #[must_use]
    pub fn effective_end(&self) -> Option<Time> {
        self.lot.as_ref().and_then(|lot| lot.running.end)
    }

    /// Whether its rules give back what it lost if nobody could bid from `from` until `to`: the end
    /// that time finds or brings at `at` fell into that, so time must wait until it was over.
    #[must_use]
    pub fn lost_time(&self, from: Time, to: Time, at: Time) -> bool {
        self.lot.as_ref().is_some_and(|lot| lot.lost_time(from.max(self.last_at), to, at))
    }

    /// How many openings came before the present one; each has a seed of its own.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.lot.as_ref().and_then(|lot| lot.draws.as_ref()).map_or(0, |draws| draws.epoch)
    }

    /// What the house shows of it, before that is cut for an audience; none before it exists.
    #[must_use]
    pub fn head(&self) -> Option<crate::view::Head> {
        self.lot.as_ref().map(|lot| crate::view::Head::of(self, lot))
    }

    /// What concerns one user in it; none if he has no paddle.
    #[must_use]
    pub fn mine(&self, user: UserId) -> Option<crate::view::Mine> {
        self.lot.as_ref().and_then(|lot| crate::view::Mine::of(lot, user))
    }
}

/// What a decision consists of: facts, each with what it hides.
type Facts = Vec<(Fact, Hidden)>;

impl Lot {
    fn decide(&self, auction: &Auction, command: &Command, at: Time) -> Result<Facts, Refusal> {
        let expected = |version: Version| match command.expected_version {
            Some(expected) if expected != version && !mutant::on("expected_version_ignored") => {
                Err(Refusal::VersionMismatch { version })
            }
            Some(_) | None => Ok(()),
        };
        let guard = Guard { lot: self, actor: command.actor, at };
        let version = auction.version;
        let moved = || expected(version);
        match &command.action {
            Action::Create(_) => Err(Refusal::TermsLocked),
            Action::Publish => self.publish(&guard, moved),
            Action::Amend(amend) => self.amend(&guard, moved, amend),
            Action::Addendum { digest } => self.addendum(&guard, moved, *digest),
            Action::Cancel { reason } => self.cancel(&guard, moved, *reason),
            Action::Hold { reason } => self.hold(&guard, moved, *reason),
            Action::Resume => self.resume(&guard, moved),
            Action::Close { reason } => self.close_by_clerk(auction, &guard, moved, *reason),
            Action::Reopen { reason, ends_at, seed } => {
                self.reopen(&guard, moved, *reason, *ends_at, *seed)
            }
            Action::Register => self.register(&guard, moved),
            Action::Approve { paddle } => self.approve(&guard, moved, *paddle, true),
            Action::Decline { paddle } => self.approve(&guard, moved, *paddle, false),
            Action::Bid(bid) => self.bid(&guard, moved, bid, version + 1),
            Action::Accept { price } => self.accept(&guard, moved, *price),
            Action::BuyNow => self.buy_now(&guard, moved),
            Action::Retract { bid, reason } => self.retract(&guard, moved, *bid, *reason),
            Action::Void { bid, reason } => self.void(&guard, moved, *bid, *reason),
            Action::Certify { head } => self.certify(&guard, moved, *head),
            Action::Tick(tick) => self.tick(auction, &guard, tick),
        }
    }

    /// How good a bid is, promotion counted.
    pub(crate) fn score(&self, bid: &Bid) -> Score {
        self.terms.direction.score(bid.counts_for())
    }

    /// The buy-now amount, while it can be taken.
    pub(crate) fn buy_now_amount(&self) -> Option<Amount> {
        self.terms.buy_now.amount().filter(|_| !self.buy_now_gone)
    }

    pub(crate) fn certifies_itself(&self) -> bool {
        self.terms.certify == Certify::Automatic
    }
}

/// The straight column of checks that a command passes, in the order of `refusal.rs`.
pub(crate) struct Guard<'a> {
    lot: &'a Lot,
    actor: Actor,
    at: Time,
}

impl Guard<'_> {
    /// A draft is unknown to all but its seller and the house. Comes before whatever else could
    /// tell that it exists.
    fn known(&self) -> Result<Person, Refusal> {
        let Actor::Person(person) = self.actor else { return Err(Refusal::Forbidden) };
        let knows = person.user == self.lot.seller || person.roles.is_staff();
        if !self.lot.announced && !knows {
            return Err(Refusal::NotFound);
        }
        Ok(person)
    }

    /// The person who asks, not banned.
    fn person(&self) -> Result<Person, Refusal> {
        let person = self.known()?;
        let banned = person.banned && !mutant::on("banned_may_act");
        if banned { Err(Refusal::Banned) } else { Ok(person) }
    }

    fn seller(&self) -> Result<Person, Refusal> {
        let person = self.person()?;
        if person.user == self.lot.seller { Ok(person) } else { Err(Refusal::Forbidden) }
    }

    fn clerk(&self) -> Result<Person, Refusal> {
        let person = self.person()?;
        if person.roles.is_staff() { Ok(person) } else { Err(Refusal::Forbidden) }
    }

    fn seller_or_clerk(&self) -> Result<Person, Refusal> {
        let person = self.person()?;
        let may = person.user == self.lot.seller || person.roles.is_staff();
        if may { Ok(person) } else { Err(Refusal::Forbidden) }
    }

    fn admin(&self) -> Result<Person, Refusal> {
        let person = self.person()?;
        if person.roles.admin { Ok(person) } else { Err(Refusal::Forbidden) }
    }

    /// Anybody but the seller, who never bids, be it for another's paddle.
    fn not_the_seller(&self) -> Result<Person, Refusal> {
        let person = self.person()?;
        let seller = person.user == self.lot.seller && !mutant::on("seller_may_bid");
        if seller { Err(Refusal::OwnAuction) } else { Ok(person) }
    }

    /// Who buys or bids for himself: not the seller, approved where that is asked, a bidder.
    fn bidder(&self) -> Result<(Person, Option<Paddle>), Refusal> {
        let person = self.not_the_seller()?;
        let paddle = self.lot.book.paddle_of(person.user);
        self.lot.eligible(paddle)?;
        if person.roles.bidder { Ok((person, paddle)) } else { Err(Refusal::Forbidden) }
    }

    /// Bids are taken at this very time.
    fn open(&self) -> Result<(), Refusal> {
        match self.lot.phase {
            Phase::Draft | Phase::Scheduled => {
                Err(Refusal::NotOpenYet { starts_at: self.lot.terms.schedule.starts_at })
            }
            Phase::OnHold { .. } => Err(Refusal::OnHold),
            Phase::Ended { outcome, .. } => Err(Refusal::Closed { outcome: Some(outcome) }),
            Phase::Open => {
                let over = self.lot.running.end.is_some_and(|end| {
                    if mutant::on("end_inclusive") { self.at > end } else { self.at >= end }
                });
                if over { Err(Refusal::Closed { outcome: None }) } else { Ok(()) }
            }
        }
    }

    /// Open or on hold.
    fn running(&self) -> Result<(), Refusal> {
        match self.lot.phase {
            Phase::OnHold { .. } => Ok(()),
            Phase::Draft | Phase::Scheduled | Phase::Open | Phase::Ended { .. } => self.open(),
        }
    }

    /// The hammer has not fallen, and is not due to fall: a due close goes first.
    fn not_ended(&self) -> Result<(), Refusal> {
        match self.lot.phase {
            Phase::Open | Phase::Ended { .. } => self.open(),
            Phase::Draft | Phase::Scheduled | Phase::OnHold { .. } => Ok(()),
        }
    }
}

/// A fact that hides nothing.
fn open_fact(fact: Fact) -> (Fact, Hidden) {
    (fact, Hidden::default())
}
