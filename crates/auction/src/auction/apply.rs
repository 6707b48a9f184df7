//! What an event does to the state. Judges nothing: an event is a fact, whatever today's rules
//! would say. Price and end are taken from the event, so that old logs replay to what was shown.

use super::running::Running;
use super::{Auction, Draws, Lot, Pending, Phase};
use crate::book::{Approval, Bid, Book};
use crate::event::{BidPlaced, Created, Event, Fact, Hidden, Now};
use crate::ids::{BidId, Version};
use crate::mutant;
use crate::outcome::Outcome;
use crate::rules::score::Score;
use crate::terms::{Clock, Promotion, Reserve, Terms};
use crate::time::Time;
use std::sync::Arc;

impl Auction {
    /// Takes an event as fact. Events come in version order, the first one `created`.
    pub fn apply(&mut self, event: &Event) {
        debug_assert_eq!(event.version, self.version + 1, "events come without holes");
        debug_assert!(event.at >= self.last_at, "time runs forward");
        match (&mut self.lot, &event.fact) {
            (None, Fact::Created(created)) => self.lot = Some(Lot::new(created, &event.hidden)),
            (None, _) => debug_assert!(false, "the first event is `created`"), // not ours: no lot
            (Some(lot), fact) => lot.apply(fact, &event.hidden, event.version, event.at),
        }
        self.version = event.version;
        self.last_at = event.at;
    }
}

/// The terms as the seller fixed them: those shown in public with the hidden reserve put back.
fn with_reserve(terms: &Arc<Terms>, hidden: &Hidden) -> Arc<Terms> {
    if hidden.reserve.is_none() {
        return Arc::clone(terms);
    }
    let mut whole = Terms::clone(terms);
    whole.reserve = Reserve::Hidden { amount: hidden.reserve };
    Arc::new(whole)
}

impl Lot {
    fn new(created: &Created, hidden: &Hidden) -> Self {
        let draws = |seed| Box::new(Draws { seed, epoch: 0, origin: 0, pending: None });
        let terms = with_reserve(&created.terms, hidden);
        Self {
            seller: created.seller,
            currency: created.currency,
            preset: created.preset,
            running: announced(&terms),
            terms,
            phase: Phase::Draft,
            announced: false,
            book: Book::default(),
            price: None,
            buy_now_gone: false,
            draws: hidden.seed.map(draws),
            certified: None,
        }
    }

    fn apply(&mut self, fact: &Fact, hidden: &Hidden, version: Version, at: Time) {
        match fact {
            Fact::Created(_) => debug_assert!(false, "an auction is created once"),
            Fact::Amended(amended) => {
                self.terms = with_reserve(&amended.terms, hidden);
                self.running = announced(&self.terms);
                if let Some(seed) = hidden.seed {
                    let draws = Draws { seed, epoch: 0, origin: 0, pending: None };
                    self.draws = Some(Box::new(draws));
                }
                if matches!(self.terms.promotion, Promotion::None {}) {
                    self.draws = None;
                }
            }
            Fact::Addendum { .. } => {}
            Fact::Published {} => {
                self.phase = Phase::Scheduled;
                self.announced = true;
            }
            Fact::Opened { end } => self.open(at, *end),
            Fact::BidderRegistered { .. } => self.name(hidden),
            Fact::BidderApproved { paddle } => self.book.approve(*paddle, Approval::Approved),
            Fact::BidderDeclined { paddle } => self.book.approve(*paddle, Approval::Declined),
            Fact::BidPlaced(bid) => self.enter(bid, hidden, version, at),
            Fact::BuyNowTaken { amount, .. } | Fact::ClockAccepted { amount, .. } => {
                self.name(hidden);
                self.price = Some(self.terms.direction.score(amount.minor()));
            }
            Fact::BidRetracted(undone) | Fact::BidVoided(undone) => {
                self.strike(undone.bid);
                self.show(&undone.now);
            }
            Fact::BidPromoted { bid, now, .. } => {
                self.promote(*bid);
                self.show(now);
                self.buy_now_gone |= self.ends_buy_now(self.price);
            }
            Fact::Held { .. } => self.phase = Phase::OnHold { since: at },
            Fact::Resumed { end } => self.resumed(at, *end),
            Fact::Extended { end, from, to, .. } => self.outlasted(*end, *from, *to),
            Fact::Closed { outcome, .. } => self.end(*outcome, at),
            Fact::Reopened { end, .. } => self.reopened(*end, hidden, at),
            Fact::Cancelled { .. } => self.end(Outcome::Cancelled {}, at),
            Fact::Certified { .. } => self.certified = Some(version),
        }
    }

    fn open(&mut self, at: Time, end: Time) {
        self.phase = Phase::Open;
        self.running = Running {
            opened: Some(at),
            scheduled_end: Some(end),
            base_end: Some(end),
            end: Some(end),
            stood_still: 0,
        };
    }

    fn name(&mut self, hidden: &Hidden) {
        if let Some(user) = hidden.user {
            self.book.register(user);
        }
    }

    fn enter(&mut self, placed: &BidPlaced, hidden: &Hidden, version: Version, at: Time) {
        self.name(hidden);
        let paddle = placed.paddle.or(hidden.paddle);
        let amount = placed.amount.or(hidden.maximum).or(hidden.amount);
        let (Some(paddle), Some(amount)) = (paddle, amount) else {
            debug_assert!(false, "a bid has a paddle and an amount, shown or hidden");
            return;
        };
        let top = self.book.top().filter(|top| top.leader.paddle == paddle);
        let keeps = top.filter(|_| self.terms.has_proxy());
        let last = if mutant::on("tie_goes_to_the_later") { u64::MAX - version } else { version };
        let (interval, early) = self.interval_of(at);
        let newcomer = self.book.bidder(paddle).is_some_and(|bidder| bidder.placed == 0);
        let bid = Bid {
            id: version,
            paddle,
            amount,
            at,
            channel: placed.channel,
            clerk: hidden.clerk,
            promoted: false,
            standing: true,
            place: keeps.map_or(last, |top| top.leader.place.0),
            interval,
            early,
            newcomer,
        };
        let score: Score = self.score(&bid);
        self.book.place(bid, score);
        self.await_draw(version, interval);
        self.show(&placed.now);
        self.buy_now_gone |= self.ends_buy_now(self.price);
    }

    /// A bid joins those that its interval's draw can fall on.
    fn await_draw(&mut self, version: BidId, interval: u64) {
        let Some(draws) = &mut self.draws else { return };
        match &mut draws.pending {
            Some(pending) if pending.interval == interval => pending.candidates += 1,
            pending => *pending = Some(Pending { interval, first: version, candidates: 1 }),
        }
    }

    fn strike(&mut self, id: BidId) {
        let Some(bid) = self.book.bid(id) else { return };
        let (interval, promoted) = (bid.interval, bid.promoted);
        if let Some(pending) = self.draws.as_mut().and_then(|draws| draws.pending.as_mut())
            && pending.interval == interval
            && id >= pending.first
            && !promoted
        {
            pending.candidates = pending.candidates.saturating_sub(1);
        }
        let direction = self.terms.direction;
        self.book.remove(id, |bid| direction.score(bid.counts_for()));
    }

    fn promote(&mut self, id: BidId) {
        if let Some(draws) = &mut self.draws {
            draws.pending = None;
        }
        let direction = self.terms.direction;
        self.book.promote(id, |bid| direction.score(bid.counts_for()));
    }

    fn show(&mut self, now: &Now) {
        if let Some(shown) = &now.shown {
            let direction = self.terms.direction;
            self.price = shown.price.map(|price| direction.score(price.minor()));
            debug_assert_eq!(self.book.leader(), shown.leader, "the book and the event agree");
        }
        self.running.end = Some(now.end);
    }

    fn resumed(&mut self, at: Time, end: Time) {
        let since = match self.phase {
            Phase::OnHold { since } => since,
            Phase::Draft | Phase::Scheduled | Phase::Open | Phase::Ended { .. } => at,
        };
        self.phase = Phase::Open;
        let held = at.since(since);
        self.running.stood_still += if mutant::on("hold_counts_as_open") { 0 } else { held };
        self.running.base_end = self.running.base_end.map(|base| base.plus(held));
        self.running.end = Some(end);
    }

    /// The house was gone from `from` to `to` across the end, which moved to `end`. What opened
    /// only afterwards has lost no open time.
    fn outlasted(&mut self, end: Time, from: Time, to: Time) {
        if self.running.opened.is_some_and(|opened| opened < to) {
            self.running.stood_still += to.since(from);
        }
        self.running.base_end = Some(end);
        self.running.end = Some(end);
    }

    fn end(&mut self, outcome: Outcome, at: Time) {
        if let Phase::OnHold { since } = self.phase {
            self.running.stood_still += at.since(since);
        }
        self.phase = Phase::Ended { at, outcome };
        if let (Some(sale), true) = (outcome.sale(), self.terms.is_sealed()) {
            self.price = Some(self.terms.direction.score(sale.hammer_price.minor()));
        }
    }

    fn reopened(&mut self, end: Time, hidden: &Hidden, at: Time) {
        let closed = match self.phase {
            Phase::Ended { at, .. } => at,
            Phase::Draft | Phase::Scheduled | Phase::Open | Phase::OnHold { .. } => at,
        };
        self.phase = Phase::Open;
        self.running.stood_still += at.since(closed);
        self.running.base_end = Some(end);
        self.running.end = Some(end);
        if !mutant::on("reopening_keeps_the_certificate") {
            self.certified = None;
        }
        let top = self.book.top().filter(|_| !self.terms.is_sealed());
        self.price = top.map(|top| self.terms.price_of(top.contest()));
        let origin = self.running.open_time(at);
        if let Some(seed) = hidden.seed {
            let epoch = self.draws.as_ref().map_or(0, |draws| draws.epoch + 1);
            self.draws = Some(Box::new(Draws { seed, epoch, origin, pending: None }));
        }
    }
}

/// The times that are known before the opening.
fn announced(terms: &Terms) -> Running {
    let fixed = match terms.clock {
        Clock::None {} => terms.schedule.ends_at,
        Clock::Descending { .. } => None,
    };
    Running { scheduled_end: fixed, base_end: fixed, end: fixed, ..Running::default() }
}
