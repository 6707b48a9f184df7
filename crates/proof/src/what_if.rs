//! What if: the price and the winner that would have been without one bidder's bids. The commands
//! that a certificate shows are decided again by the same rules at the same times, his left out.
//! Refuses to guess what people would have done: whoever bid, bids the same again, or is refused.

use crate::replay::{Decided, Item, Knowledge, WrongEvent, replay_each};
use crate::verify::{Fault, Report, Verified, verified};
use gavel_auction::auction::{Auction, Phase};
use gavel_auction::command::{Action, Actor, Command, Tick};
use gavel_auction::event::{Digest, Event, Fact, Hidden};
use gavel_auction::ids::{BidId, Paddle, Version};
use gavel_auction::money::Amount;
use gavel_auction::outcome::Outcome;
use gavel_auction::terms::Direction;
use gavel_auction::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// What would have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// What the certificate says.
    pub report: Report,
    /// Without whom.
    pub without: Paddle,
    /// What would have come of it; none if it would not have ended.
    pub outcome: Option<Outcome>,
    /// The price that would have been shown last.
    pub price: Option<Amount>,
    /// His bids, purchases and retractions, which were left out, by version.
    pub left_out: Vec<Version>,
    /// What others did that the rules would then have refused.
    pub refused: Vec<NotThen>,
    /// What would come back to the one who paid; none if nobody paid, or he himself was left out.
    pub refund: Option<Refund>,
}

/// A command that was accepted, and would not have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotThen {
    /// Its event in the certificate.
    pub version: Version,
    /// When.
    pub at: Time,
    /// Who bid, if it was a bid or a purchase.
    pub paddle: Option<Paddle>,
    /// Why it would have been refused.
    pub code: &'static str,
    /// The same in words.
    pub words: String,
}

/// What comes back: never less than nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refund {
    /// What was paid in all.
    pub paid: i64,
    /// What the same payer would have paid; 0 if he would not have bought.
    pub would_have_paid: i64,
    /// The difference, or 0 if he would have paid more.
    pub refund: i64,
}

/// Why nobody can say what would have been.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WhatIfError {
    /// The certificate does not hold.
    #[error("the certificate does not hold: {0}")]
    Certificate(#[from] Fault),
    /// Its events are not those of the rules, which its verification says first.
    #[error(transparent)]
    Event(#[from] WrongEvent),
    /// Nobody had that paddle.
    #[error("nobody had paddle {paddle}: there are {paddles}")]
    NoSuchPaddle {
        /// The paddle.
        paddle: Paddle,
        /// How many there are.
        paddles: usize,
    },
    /// Sealed bids of an auction that was not sold are never opened.
    #[error("these bids stay sealed, so nobody can tell which were whose")]
    StaysSealed,
}

/// What would have been without this bidder's bids.
///
/// # Errors
/// If the certificate does not hold, or does not tell his bids from others'.
pub fn what_if(certificate: &[u8], without: Paddle) -> Result<WhatIf, WhatIfError> {
    let Verified { report, history, supposed } = verified(certificate)?;
    let is_bid = |event: &&Event| matches!(event.fact, Fact::BidPlaced(_));
    if history.events.iter().filter(is_bid).any(|bid| bid.bidder().is_none()) {
        return Err(WhatIfError::StaysSealed);
    }
    let events = supposed.into_iter().zip(&history.publics);
    let items: Vec<Item<'_>> = events.map(|(event, public)| Item { event, public }).collect();
    let mut shadow = Shadow::new(Auction::new(report.auction), without);
    let replayed = replay_each(report.auction, &items, Knowledge::Committed, |decided| {
        shadow.follow(&decided);
    })?;
    let paddles = replayed.auction.book().map_or(0, |book| book.bidders().len());
    if usize::try_from(without.get()).map_or(true, |paddle| paddle > paddles) {
        return Err(WhatIfError::NoSuchPaddle { paddle: without, paddles });
    }
    shadow.finish();
    let outcome = shadow.outcome();
    let price = shadow.auction.price().and_then(Amount::new);
    let direction = shadow.auction.terms().map_or(Direction::Forward, |terms| terms.direction);
    let refund = refund(direction, without, &report.outcome, outcome.as_ref());
    let Shadow { left_out, refused, .. } = shadow;
    Ok(WhatIf { report, without, outcome, price, left_out, refused, refund })
}

/// Who pays is the winner; in a reverse auction it is whoever asked for offers.
fn refund(
    direction: Direction,
    without: Paddle,
    was: &Outcome,
    then: Option<&Outcome>,
) -> Option<Refund> {
    let sale = was.sale()?;
    let then = then.and_then(Outcome::sale);
    let same = match direction {
        Direction::Forward if sale.winner == without => return None,
        Direction::Forward => then.filter(|then| then.winner == sale.winner),
        Direction::Reverse => then,
    };
    let (paid, would_have_paid) = (sale.buyer_pays, same.map_or(0, |then| then.buyer_pays));
    Some(Refund { paid, would_have_paid, refund: (paid - would_have_paid).max(0) })
}

/// The auction as it would have gone.
struct Shadow {
    auction: Auction,
    without: Paddle,
    /// His bids, by their ids in the certificate.
    his: BTreeSet<BidId>,
    /// Others' bids: what their ids in the certificate are here.
    bids: BTreeMap<BidId, BidId>,
    left_out: Vec<Version>,
    refused: Vec<NotThen>,
}

impl Shadow {
    fn new(auction: Auction, without: Paddle) -> Self {
        let (his, bids) = (BTreeSet::new(), BTreeMap::new());
        Self { auction, without, his, bids, left_out: Vec::new(), refused: Vec::new() }
    }

    /// Goes along with what was decided.
    fn follow(&mut self, decided: &Decided) {
        let Decided { command, at, events } = decided;
        let Some(first) = events.first() else { return };
        match (&command.action, command.actor) {
            (Action::Tick(tick), _) => self.tick(tick, *at),
            (_, Actor::House) => {}
            (_, Actor::Person(_)) if self.is_his(first) => {
                self.left_out.push(first.version);
                if matches!(first.fact, Fact::BidPlaced(_)) {
                    self.his.insert(first.version);
                }
            }
            (_, Actor::Person(_)) => self.repeat(command, *at, first),
        }
        events.iter().for_each(|event| self.seat(event, *at));
    }

    fn is_his(&self, event: &Event) -> bool {
        if let Fact::BidRetracted(undone) | Fact::BidVoided(undone) = &event.fact {
            return self.his.contains(&undone.bid);
        }
        // He may register: that moves nothing, and paddles stay in their order.
        let registers = matches!(event.fact, Fact::BidderRegistered { .. });
        !registers && event.bidder() == Some(self.without)
    }

    /// Time passes as the house noticed it.
    fn tick(&mut self, tick: &Tick, at: Time) {
        match tick.outage {
            // What was due before the house was gone had been decided by then.
            Some((from, _)) => {
                self.pass(from);
                self.decide_tick(tick.outage, at);
            }
            None => self.decide_all(|_, _| at, at),
        }
    }

    /// All that is due up to `until`, each thing at its own time.
    fn pass(&mut self, until: Time) {
        self.decide_all(Time::max, until);
    }

    fn decide_all(&mut self, when: impl Fn(Time, Time) -> Time, until: Time) {
        while let Some(due) = self.auction.next_deadline().filter(|due| *due <= until) {
            if !self.decide_tick(None, when(due, self.auction.last_at())) {
                return;
            }
        }
    }

    /// Whether anything came of it.
    fn decide_tick(&mut self, outage: Option<(Time, Time)>, at: Time) -> bool {
        let tick = Command::by_house(Action::Tick(Tick { head: Digest([0; 32]), outage }));
        let events = self.auction.decide(&tick, at).unwrap_or_default();
        events.iter().for_each(|event| self.auction.apply(event));
        !events.is_empty()
    }

    /// Somebody else asks the same again.
    fn repeat(&mut self, command: &Command, at: Time, was: &Event) {
        self.pass(at);
        let not_then = |code, words| {
            let (version, paddle) = (was.version, was.bidder());
            NotThen { version, at, paddle, code, words }
        };
        let Some(command) = self.translated(command) else {
            let words = "the bid that it takes back would not have been there".to_owned();
            return self.refused.push(not_then("bid_gone", words));
        };
        match self.auction.decide(&command, at) {
            Err(refusal) => self.refused.push(not_then(refusal.code(), refusal.to_string())),
            Ok(events) => {
                for event in events {
                    if matches!(event.fact, Fact::BidPlaced(_)) {
                        self.bids.insert(was.version, event.version);
                    }
                    self.auction.apply(&event);
                }
            }
        }
    }

    /// The command with the ids that bids have here.
    fn translated(&self, command: &Command) -> Option<Command> {
        let mut command = command.clone();
        if let Action::Retract { bid, .. } | Action::Void { bid, .. } = &mut command.action {
            *bid = *self.bids.get(bid)?;
        }
        Some(command)
    }

    /// Paddles stay those of the certificate: whoever got one there gets it here, even if what he
    /// did with it was left out or refused.
    fn seat(&mut self, event: &Event, at: Time) {
        let (Some(paddle), Some(user)) = (event.bidder(), event.hidden.user) else { return };
        let seated = self.auction.book().is_some_and(|book| book.paddle_of(user).is_some());
        if seated {
            return;
        }
        let fact = Fact::BidderRegistered { paddle };
        let (auction, version) = (self.auction.id(), self.auction.version() + 1);
        let at = at.max(self.auction.last_at());
        let hidden = Hidden { user: Some(user), ..Hidden::default() };
        self.auction.apply(&Event { auction, version, at, fact, hidden });
    }

    /// Time goes on until nothing more is due.
    fn finish(&mut self) {
        self.pass(Time(i64::MAX));
    }

    fn outcome(&self) -> Option<Outcome> {
        match self.auction.phase()? {
            Phase::Ended { outcome, .. } => Some(*outcome),
            Phase::Draft | Phase::Scheduled | Phase::Open | Phase::OnHold { .. } => None,
        }
    }
}
