//! Holds one recorded auction again, under other rules: made and opened at 0, each bid at its own
//! time, time's own deeds in between. All judging is the rules' own.

use super::record::{Recorded, RecordedBid};
use crate::cli::output::Failure;
use crate::cli::overrides;
use gavel_auction::auction::{Auction, Phase};
use gavel_auction::command::{
    Action, Actor, Command, Create, Offer, Person, PlaceBid, Roles, Tick,
};
use gavel_auction::event::{BidPlaced, Digest, Event, Fact, HouseId, KeyId};
use gavel_auction::ids::{AuctionId, MAX_EXACT, UserId};
use gavel_auction::money::Currency;
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::refusal::Refusal;
use gavel_auction::terms::{Admission, Clock, Direction, Eligibility, Schedule, Terms};
use gavel_auction::time::Time;
use std::sync::Arc;

/// The rules to try.
pub(super) struct Rules {
    preset: Preset,
    slots: Slots,
    currency: Currency,
}

/// What came of a recorded auction under the rules.
pub(super) struct Verdict {
    /// Who leads, or led when the hammer fell.
    pub(super) leader: Option<UserId>,
    /// Who led by the record.
    pub(super) recorded_leader: Option<UserId>,
    /// The hammer price, or where the price stood when it passed.
    pub(super) price: Option<i64>,
    pub(super) sold: bool,
    pub(super) extended: bool,
    /// Codes of the refused bids.
    pub(super) refused: Vec<&'static str>,
}

const HOUSE: HouseId = HouseId([0; 16]);
const LOG_KEY: KeyId = KeyId([0; 8]);
const NO_HASH: Digest = Digest([0; 32]);

impl Rules {
    /// A preset, and what is changed in it.
    pub(super) fn new(preset: Preset, changes: Slots, currency: Currency) -> Self {
        Self { preset, slots: changes.over(preset.slots(currency)), currency }
    }

    /// Holds the auction.
    pub(super) fn hold(&self, recorded: &Recorded) -> Result<Verdict, Failure> {
        let terms = self.terms(recorded)?;
        let mut trial = Trial { auction: open(self, &terms), extended: false };
        let mut refused = Vec::new();
        for bid in &recorded.bids {
            trial.pass(bid.at);
            if let Err(refusal) = trial.bid(&terms, bid) {
                refused.push(refusal.code());
            }
        }
        trial.finish();
        let Trial { auction, extended } = trial;
        let sale = match auction.phase() {
            Some(Phase::Ended { outcome, .. }) => outcome.sale().copied(),
            Some(Phase::Draft | Phase::Scheduled | Phase::Open | Phase::OnHold { .. }) | None => {
                None
            }
        };
        let book = auction.book();
        let paddle = sale.map(|sale| sale.winner).or_else(|| book.and_then(|book| book.leader()));
        let holder = paddle.and_then(|paddle| book.and_then(|book| book.bidder(paddle)));
        Ok(Verdict {
            leader: holder.map(|bidder| bidder.user),
            recorded_leader: recorded_leader(recorded, terms.direction),
            price: sale.map(|sale| sale.hammer_price.minor()).or_else(|| auction.price()),
            sold: sale.is_some(),
            extended,
            refused,
        })
    }

    fn terms(&self, recorded: &Recorded) -> Result<Arc<Terms>, Failure> {
        let mut slots = self.slots.clone();
        let has_clock = matches!(slots.clock, Some(Clock::Descending { .. }));
        let duration_seconds = (!has_clock).then_some(recorded.seconds);
        slots.schedule = Some(Schedule { duration_seconds, ..Schedule::default() });
        slots.starting_price = (!has_clock).then_some(recorded.open);
        slots.complete().map(Arc::new).map_err(|problems| {
            let mut failure = overrides::invalid(&problems);
            let (name, line) = (&recorded.name, recorded.line);
            failure.detail = format!("{} (auction {name}, line {line})", failure.detail);
            failure
        })
    }
}

/// The seller and the house's clerk are nobody who can be in the file.
fn seller() -> Actor {
    let user = UserId::new(MAX_EXACT).expect("the largest id is one");
    Actor::Person(Person::new(user, Roles { seller: true, clerk: true, ..Roles::default() }))
}

fn bidder(user: UserId) -> Actor {
    Actor::Person(Person::new(user, Roles { bidder: true, ..Roles::default() }))
}

/// An auction of these terms, open since 0. Its seed is fixed, so that a trial can be repeated.
fn open(rules: &Rules, terms: &Arc<Terms>) -> Auction {
    let mut auction = Auction::new(AuctionId::new(1).expect("1 is an id"));
    let create = Action::Create(Box::new(Create {
        house: HOUSE,
        log_key: LOG_KEY,
        currency: rules.currency,
        preset: rules.preset,
        terms: Arc::clone(terms),
        listing_digest: NO_HASH,
        seed: Some(NO_HASH),
        publish: true,
    }));
    let command = Command { actor: seller(), expected_version: None, action: create };
    let events = auction.decide(&command, Time(0)).expect("checked terms make an auction");
    for event in &events {
        auction.apply(event);
    }
    auction
}

struct Trial {
    auction: Auction,
    extended: bool,
}

impl Trial {
    /// Lets time do all that is due until `at`.
    fn pass(&mut self, at: Time) {
        while let Some(due) = self.auction.next_deadline().filter(|due| *due <= at) {
            let over = matches!(self.auction.phase(), Some(Phase::Ended { .. }) | None);
            if over || !self.tick(due) {
                break;
            }
        }
    }

    /// Lets time run until the hammer has fallen.
    fn finish(&mut self) {
        self.pass(Time(i64::MAX));
    }

    fn tick(&mut self, at: Time) -> bool {
        let tick = Action::Tick(Tick { head: NO_HASH, outage: None });
        let events = self.auction.decide(&Command::by_house(tick), at).unwrap_or_default();
        self.apply(&events);
        !events.is_empty()
    }

    fn bid(&mut self, terms: &Terms, bid: &RecordedBid) -> Result<(), Refusal> {
        if terms.eligibility == Eligibility::Approved {
            self.admit(bid);
        }
        let action = if terms.admission == (Admission::AcceptClock {}) {
            Action::Accept { price: bid.amount }
        } else {
            let of = if terms.has_proxy() { Offer::Maximum } else { Offer::Amount };
            Action::Bid(PlaceBid { confirm: true, ..PlaceBid::of(of(bid.amount)) })
        };
        self.ask(bidder(bid.bidder), action, bid.at)
    }

    /// Who bid in the record is known to the house.
    fn admit(&mut self, bid: &RecordedBid) {
        let paddle = |auction: &Auction| auction.book().and_then(|b| b.paddle_of(bid.bidder));
        if paddle(&self.auction).is_some() {
            return;
        }
        // A refusal here shows again in the bid itself, and is counted there.
        if self.ask(bidder(bid.bidder), Action::Register, bid.at).is_ok()
            && let Some(paddle) = paddle(&self.auction)
        {
            self.ask(seller(), Action::Approve { paddle }, bid.at).unwrap_or_default();
        }
    }

    fn ask(&mut self, actor: Actor, action: Action, at: Time) -> Result<(), Refusal> {
        let command = Command { actor, expected_version: None, action };
        let events = self.auction.decide(&command, at)?;
        self.apply(&events);
        Ok(())
    }

    fn apply(&mut self, events: &[Event]) {
        for event in events {
            if let Fact::BidPlaced(BidPlaced { now, .. }) = &event.fact {
                self.extended |= now.extended;
            }
            self.auction.apply(event);
        }
    }
}

/// By the record the best amount won, the earliest of equal ones.
fn recorded_leader(recorded: &Recorded, direction: Direction) -> Option<UserId> {
    let better = |bid: &RecordedBid, best: &RecordedBid| match direction {
        Direction::Forward => bid.amount > best.amount,
        Direction::Reverse => bid.amount < best.amount,
    };
    let best = recorded.bids.iter().copied();
    best.reduce(|best, bid| if better(&bid, &best) { bid } else { best }).map(|bid| bid.bidder)
}
