//! The naive house: the rules once more, as slowly and plainly as they can be said, from the page
//! that says what they are. It keeps every bid in one list and computes everything anew each time.
//! It shares nothing with the house's own rules but the words for events and terms; where the two
//! disagree, one of them is wrong.

mod judge;
mod price;
mod time;

use gavel_auction::event::{Digest, Event, Fact, Hidden};
use gavel_auction::ids::{AuctionId, Paddle, UserId, Version};
use gavel_auction::money::Currency;
use gavel_auction::outcome::Outcome;
use gavel_auction::terms::{Clock, Promotion, Reserve, Terms};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Why not: the code, and the number in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nay {
    /// The refusal's code.
    pub code: &'static str,
    /// What would be accepted, or the limit.
    pub hint: Option<i64>,
}

/// What a wish leads to.
pub type Verdict = Result<Vec<(Fact, Hidden)>, Nay>;

fn nay<T>(code: &'static str) -> Result<T, Nay> {
    Err(Nay { code, hint: None })
}

fn nay_with<T>(code: &'static str, hint: Option<i64>) -> Result<T, Nay> {
    Err(Nay { code, hint })
}

/// One auction in the naive house. Times are microseconds, amounts minor units.
#[derive(Clone, Debug)]
pub struct Naive {
    /// The auction.
    pub id: AuctionId,
    /// How many events it has had.
    pub version: Version,
    /// When the last was decided.
    pub last_at: i64,
    /// When the last before an opening was decided: an outage reaches back to that.
    before_opening: Option<i64>,
    lot: Option<Lot>,
}

#[derive(Clone, Debug)]
struct Lot {
    seller: UserId,
    currency: Currency,
    terms: Arc<Terms>,
    phase: Phase,
    announced: bool,
    opened: Option<i64>,
    base_end: Option<i64>,
    end: Option<i64>,
    /// How long it stood still: held, closed, lost.
    still: i64,
    /// Users by paddle, the first with paddle 1; and whether they may bid.
    users: Vec<(UserId, Option<bool>)>,
    bids: Vec<Bid>,
    bought: Option<i64>,
    buy_now_gone: bool,
    seed: Option<Digest>,
    epoch: u32,
    origin: i64,
    drawn: BTreeSet<(u32, i64)>,
    certified: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Draft,
    Scheduled,
    Open,
    Held(i64),
    Ended(i64, Outcome),
}

/// A bid, whether or not it stands.
#[derive(Clone, Copy, Debug)]
struct Bid {
    id: Version,
    paddle: i64,
    amount: i64,
    at: i64,
    clerk: Option<UserId>,
    standing: bool,
    promoted: bool,
    /// Since which version it holds its place among equals.
    place: Version,
    epoch: u32,
    interval: i64,
    early: bool,
    newcomer: bool,
}

/// What anybody may see of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The word for its state.
    pub state: &'static str,
    /// The end in force.
    pub end: Option<i64>,
    /// The price at the moment of looking.
    pub price: Option<i64>,
    /// The leader, or the winner.
    pub leader: Option<i64>,
    /// The next legal bid.
    pub next: Option<i64>,
    /// Whether the reserve is met.
    pub reserve_met: Option<bool>,
    /// How many bids stand.
    pub bids: u64,
    /// The hammer price.
    pub hammer: Option<i64>,
}

fn whole_terms(terms: &Arc<Terms>, hidden: &Hidden) -> Arc<Terms> {
    let Some(amount) = hidden.reserve else { return Arc::clone(terms) };
    let mut whole = Terms::clone(terms);
    whole.reserve = Reserve::Hidden { amount: Some(amount) };
    Arc::new(whole)
}

impl Naive {
    /// An auction to which nothing has happened.
    #[must_use]
    pub const fn new(id: AuctionId) -> Self {
        Self { id, version: 0, last_at: 0, before_opening: None, lot: None }
    }

    /// The end in force.
    #[must_use]
    pub fn end(&self) -> Option<i64> {
        self.lot.as_ref()?.end
    }

    /// Whether the hammer has fallen.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.lot.as_ref().is_some_and(|lot| matches!(lot.phase, Phase::Ended(..)))
    }

    /// Whether it is open, or will open, and end, by itself.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.lot.as_ref().is_some_and(|lot| matches!(lot.phase, Phase::Open | Phase::Scheduled))
    }

    /// Whether its result is certified.
    #[must_use]
    pub fn is_certified(&self) -> bool {
        self.lot.as_ref().is_some_and(|lot| lot.certified)
    }

    /// Whether the house certifies it by itself.
    #[must_use]
    pub fn certifies_itself(&self) -> bool {
        use gavel_auction::terms::Certify;
        self.lot.as_ref().is_some_and(|lot| lot.terms.certify == Certify::Automatic)
    }

    /// Whether everybody may know of it.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        self.lot.as_ref().is_some_and(|lot| lot.announced)
    }

    /// Who sells.
    #[must_use]
    pub fn seller(&self) -> Option<UserId> {
        self.lot.as_ref().map(|lot| lot.seller)
    }

    /// A user's paddle and his latest standing amount.
    #[must_use]
    pub fn mine(&self, user: UserId) -> Option<(i64, Option<i64>)> {
        let lot = self.lot.as_ref()?;
        let paddle = lot.paddle_of(user)?;
        Some((paddle, lot.latest(paddle).map(|bid| bid.amount)))
    }

    /// What anybody may see of it at a moment.
    #[must_use]
    pub fn seen(&self, now: i64) -> Option<Seen> {
        self.lot.as_ref().map(|lot| lot.seen(now))
    }

    /// Takes an event as fact.
    pub fn apply(&mut self, event: &Event) {
        self.version = event.version;
        let opens = matches!(event.fact, Fact::Opened { .. });
        self.before_opening = opens.then_some(self.last_at);
        self.last_at = event.at.0;
        let at = event.at.0;
        if let Fact::Created(created) = &event.fact {
            let terms = whole_terms(&created.terms, &event.hidden);
            self.lot = Some(Lot::new(created.seller, created.currency, terms, event.hidden.seed));
        } else if let Some(lot) = &mut self.lot {
            lot.apply(event, at);
        }
    }
}

impl Lot {
    fn new(seller: UserId, currency: Currency, terms: Arc<Terms>, seed: Option<Digest>) -> Self {
        let mut lot = Self {
            seller,
            currency,
            terms,
            phase: Phase::Draft,
            announced: false,
            opened: None,
            base_end: None,
            end: None,
            still: 0,
            users: Vec::new(),
            bids: Vec::new(),
            bought: None,
            buy_now_gone: false,
            seed,
            epoch: 0,
            origin: 0,
            drawn: BTreeSet::new(),
            certified: false,
        };
        lot.announce_end();
        lot
    }

    /// The end that is known before the opening.
    fn announce_end(&mut self) {
        let clocked = matches!(self.terms.clock, Clock::Descending { .. });
        self.end = self.terms.schedule.ends_at.map(|end| end.0).filter(|_| !clocked);
        self.base_end = self.end;
    }

    fn paddle_of(&self, user: UserId) -> Option<i64> {
        let index = self.users.iter().position(|(known, _)| *known == user)?;
        i64::try_from(index + 1).ok()
    }

    fn bidder(&self, paddle: i64) -> Option<(UserId, Option<bool>)> {
        self.users.get(usize::try_from(paddle - 1).ok()?).copied()
    }

    /// The bidder's latest bid that stands.
    fn latest(&self, paddle: i64) -> Option<&Bid> {
        self.bids.iter().rev().find(|bid| bid.paddle == paddle && bid.standing)
    }

    fn promotes(&self) -> bool {
        matches!(self.terms.promotion, Promotion::Double { .. })
    }

    fn meet(&mut self, hidden: &Hidden) {
        if let Some(user) = hidden.user {
            self.users.push((user, None));
        }
    }

    fn approve(&mut self, paddle: Paddle, yes: bool) {
        let index = usize::try_from(paddle.get() - 1).unwrap_or(usize::MAX);
        if let Some(bidder) = self.users.get_mut(index) {
            bidder.1 = Some(yes);
        }
    }

    fn apply(&mut self, event: &Event, at: i64) {
        match &event.fact {
            Fact::Created(_) | Fact::Addendum { .. } => {}
            Fact::Amended(amended) => {
                self.terms = whole_terms(&amended.terms, &event.hidden);
                self.announce_end();
                if let Some(seed) = event.hidden.seed {
                    self.seed = Some(seed);
                }
                if !self.promotes() {
                    self.seed = None;
                }
            }
            Fact::Published {} => {
                self.phase = Phase::Scheduled;
                self.announced = true;
            }
            Fact::Opened { end } => {
                self.phase = Phase::Open;
                self.opened = Some(at);
                self.end = Some(end.0);
                self.base_end = Some(end.0);
            }
            Fact::BidderRegistered { .. } => self.meet(&event.hidden),
            Fact::BidderApproved { paddle } => self.approve(*paddle, true),
            Fact::BidderDeclined { paddle } => self.approve(*paddle, false),
            Fact::BidPlaced(placed) => self.enter(event, placed, at),
            Fact::BuyNowTaken { amount, .. } | Fact::ClockAccepted { amount, .. } => {
                self.meet(&event.hidden);
                self.bought = Some(amount.minor());
            }
            Fact::BidRetracted(undone) | Fact::BidVoided(undone) => {
                let struck = self.bids.iter_mut().filter(|bid| bid.id == undone.bid);
                struck.for_each(|bid| bid.standing = false);
                self.end = Some(undone.now.end.0);
            }
            Fact::BidPromoted { bid, interval, now } => {
                let doubled = self.bids.iter_mut().filter(|other| other.id == *bid);
                doubled.for_each(|bid| bid.promoted = true);
                self.drawn.insert((self.epoch, i64::try_from(*interval).unwrap_or(i64::MAX)));
                self.end = Some(now.end.0);
                self.buy_now_gone |= self.ends_buy_now();
            }
            Fact::Held { .. } => self.phase = Phase::Held(at),
            Fact::Resumed { .. }
            | Fact::Extended { .. }
            | Fact::Closed { .. }
            | Fact::Reopened { .. }
            | Fact::Cancelled { .. } => self.turn(event, at),
            Fact::Certified { .. } => self.certified = true,
        }
    }

    /// What makes it run, stand still, or end.
    fn turn(&mut self, event: &Event, at: i64) {
        let since = match self.phase {
            Phase::Held(since) => Some(since),
            Phase::Draft | Phase::Scheduled | Phase::Open | Phase::Ended(..) => None,
        };
        match &event.fact {
            Fact::Resumed { end } => {
                let held = since.map_or(0, |since| at - since);
                self.still += held;
                self.base_end = self.base_end.map(|base| base + held);
                self.end = Some(end.0);
                self.phase = Phase::Open;
            }
            Fact::Extended { end, from, to, .. } => {
                if self.opened.is_some_and(|opened| opened < to.0) {
                    self.still += to.0 - from.0;
                }
                self.base_end = Some(end.0);
                self.end = Some(end.0);
            }
            Fact::Reopened { end, .. } => {
                if let Phase::Ended(closed, _) = self.phase {
                    self.still += at - closed;
                }
                self.phase = Phase::Open;
                self.base_end = Some(end.0);
                self.end = Some(end.0);
                self.certified = false;
                self.bought = None;
                if let Some(seed) = event.hidden.seed {
                    self.seed = Some(seed);
                    self.epoch += 1;
                    self.origin = self.open_time(at);
                }
            }
            fact => {
                self.still += since.map_or(0, |since| at - since);
                let outcome = match fact {
                    Fact::Closed { outcome, .. } => *outcome,
                    _ => Outcome::Cancelled {}, // not ours: the only other that ends it
                };
                self.phase = Phase::Ended(at, outcome);
            }
        }
    }

    fn enter(&mut self, event: &Event, placed: &gavel_auction::event::BidPlaced, at: i64) {
        self.meet(&event.hidden);
        let paddle = placed.paddle.or(event.hidden.paddle).map_or(0, Paddle::get);
        let amount = placed.amount.or(event.hidden.maximum).or(event.hidden.amount);
        let (interval, early) = self.interval_of(at);
        let bid = Bid {
            id: event.version,
            paddle,
            amount: amount.map_or(0, |amount| amount.minor()),
            at,
            clerk: event.hidden.clerk,
            standing: true,
            promoted: false,
            place: self.place_of(paddle, event.version),
            epoch: self.epoch,
            interval,
            early,
            newcomer: self.bids.iter().all(|bid| bid.paddle != paddle),
        };
        self.bids.push(bid);
        self.end = Some(placed.now.end.0);
        self.buy_now_gone |= self.ends_buy_now();
    }
}
