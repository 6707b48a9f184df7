//! Stand-ins for what a certificate keeps closed: values with which the rules make every public
//! byte, if the closed ones do. A closed maximum led and was never reached, so the furthest one
//! that fits does as well; a closed reserve was never needed but for being met or not.
//! Refuses to say that a closed value is right: the report lists it as taken on the house's word.

use crate::disclosure::terms_of;
use gavel_auction::event::{Event, Fact};
use gavel_auction::ids::{BidId, Paddle, Version};
use gavel_auction::money::{Amount, MAX_AMOUNT};
use gavel_auction::terms::{Admission, BuyNow, Direction, Eligibility, Terms};
use std::collections::{BTreeMap, BTreeSet};

/// Which hidden fields an event has, by its commitments, in the order of the events.
pub(crate) type Committed = Vec<BTreeSet<String>>;

/// Amounts turned so that the greater is the better bid, whichever way the price moves.
#[derive(Clone, Copy)]
struct Side(Direction);

impl Side {
    fn score(self, amount: Amount) -> i64 {
        match self.0 {
            Direction::Forward => amount.minor(),
            Direction::Reverse => -amount.minor(),
        }
    }

    fn amount(self, score: i64) -> Amount {
        let minor = match self.0 {
            Direction::Forward => score,
            Direction::Reverse => -score,
        };
        Amount::new(minor.clamp(1, MAX_AMOUNT)).expect("clamped to the range of amounts")
    }

    fn best(self) -> i64 {
        match self.0 {
            Direction::Forward => MAX_AMOUNT,
            Direction::Reverse => -1,
        }
    }
}

/// Puts stand-ins where a committed field is not open.
pub(crate) fn fill(events: &mut [Event], committed: &Committed) {
    let Some(terms) = terms_of(events).cloned() else { return };
    let side = Side(terms.direction);
    fill_reserves(events, committed, &terms, side);
    fill_sealed(events, committed, &terms, side);
    fill_maxima(events, committed, &terms, side);
}

fn has(committed: &Committed, index: usize, field: &str) -> bool {
    committed.get(index).is_some_and(|fields| fields.contains(field))
}

/// Superseded reserves stand at the start, which is always legal. The one in force stands at the
/// worst price that was said to meet it, else beyond every legal one.
fn fill_reserves(events: &mut [Event], committed: &Committed, terms: &Terms, side: Side) {
    let met = |event: &Event| {
        let shown = event.fact.now()?.shown.as_ref()?;
        shown.reserve_met.filter(|met| *met).and(shown.price).map(|price| side.score(price))
    };
    let worst_met = events.iter().filter_map(met).min();
    let buy_now = terms.buy_now.amount().map(|amount| side.score(amount));
    let in_force = [worst_met, buy_now].into_iter().flatten().fold(side.best(), i64::min);
    let mut last = true;
    for (index, event) in events.iter_mut().enumerate().rev() {
        let Some(own) = terms_of(std::slice::from_ref(event)) else { continue };
        if has(committed, index, "reserve") && event.hidden.reserve.is_none() {
            let reserve = if last { side.amount(in_force) } else { own.start() };
            event.hidden.reserve = Some(reserve);
        }
        last = false;
    }
}

/// Sealed bids: of a winner at the second price, as far as can be; of nobody, at the start, from
/// whichever paddle may bid.
fn fill_sealed(events: &mut [Event], committed: &Committed, terms: &Terms, side: Side) {
    if !terms.is_sealed() {
        return;
    }
    let mut paddles = Paddles::new(events, terms);
    for (index, event) in events.iter_mut().enumerate() {
        paddles.follow(event);
        let Fact::BidPlaced(placed) = &event.fact else { continue };
        let by_clerk = placed.channel.is_some();
        let open = event.hidden.paddle.is_some();
        if has(committed, index, "paddle") && !open {
            event.hidden.paddle = paddles.choose(event.version, by_clerk);
        }
        if has(committed, index, "amount") && event.hidden.amount.is_none() {
            let amount = if open { side.amount(side.best()) } else { terms.start() };
            event.hidden.amount = Some(amount);
        }
    }
}

/// Which paddle can have placed a bid whose paddle is closed.
struct Paddles {
    once: bool,
    approved_only: bool,
    /// How many there are so far.
    count: i64,
    /// Events that name the next new paddle in public: version and number.
    named: Vec<(Version, i64)>,
    /// When each paddle is declined.
    declined: Vec<(Version, Paddle)>,
    may_bid: BTreeSet<Paddle>,
    used: BTreeSet<Paddle>,
    bids: BTreeMap<BidId, Paddle>,
}

impl Paddles {
    fn new(events: &[Event], terms: &Terms) -> Self {
        let named = events.iter().filter_map(|event| {
            if let Fact::BidderRegistered { paddle } = &event.fact {
                Some((event.version, paddle.get()))
            } else {
                None
            }
        });
        let declined = events.iter().filter_map(|event| {
            if let Fact::BidderDeclined { paddle } = &event.fact {
                Some((event.version, *paddle))
            } else {
                None
            }
        });
        Self {
            once: matches!(terms.admission, Admission::OncePerBidder {}),
            approved_only: terms.eligibility == Eligibility::Approved,
            count: 0,
            named: named.collect(),
            declined: declined.collect(),
            may_bid: BTreeSet::new(),
            used: BTreeSet::new(),
            bids: BTreeMap::new(),
        }
    }

    fn follow(&mut self, event: &Event) {
        if let Fact::BidderRegistered { paddle } = &event.fact {
            self.count = self.count.max(paddle.get());
            if !self.approved_only {
                self.may_bid.insert(*paddle);
            }
        } else if let Fact::BidderApproved { paddle } = &event.fact {
            self.may_bid.insert(*paddle);
        } else if let Fact::BidderDeclined { paddle } = &event.fact {
            if self.approved_only {
                self.may_bid.remove(paddle);
            }
        } else if let Fact::BidRetracted(undone) | Fact::BidVoided(undone) = &event.fact {
            if let Some(paddle) = self.bids.get(&undone.bid) {
                self.used.remove(paddle);
            }
        } else if let Some(paddle) = event.hidden.paddle {
            self.count = self.count.max(paddle.get());
            self.used.insert(paddle);
        }
    }

    fn choose(&mut self, at: Version, by_clerk: bool) -> Option<Paddle> {
        let next = self.named.iter().find(|(version, _)| *version > at);
        let room = next.is_none_or(|(_, number)| self.count + 1 < *number);
        let paddle = if !self.approved_only && !by_clerk && room {
            self.count += 1;
            Paddle::new(self.count)
        } else {
            // Who is declined soonest has the fewest bids left to be his.
            let until = |paddle: &&Paddle| {
                let declined = self.declined.iter();
                let mut later = declined.filter(|(version, who)| *version > at && who == *paddle);
                later.next().map_or(Version::MAX, |(version, _)| *version)
            };
            let free = |paddle: &&Paddle| !(self.once && self.used.contains(*paddle));
            self.may_bid.iter().filter(free).min_by_key(until).copied()
        };
        self.may_bid.extend(paddle);
        self.used.extend(paddle);
        self.bids.extend(paddle.map(|paddle| (at, paddle)));
        paddle
    }
}

/// A proxy bid whose maximum may be closed.
struct Proxy {
    index: usize,
    id: BidId,
    paddle: Paddle,
    /// The best score it can have by what was shown with it.
    cap: i64,
    undone: BidId,
}

/// Closed maxima: the furthest that fit, each bidder's bids rising by a minor unit.
fn fill_maxima(events: &mut [Event], committed: &Committed, terms: &Terms, side: Side) {
    if !terms.has_proxy() {
        return;
    }
    let mut later: BTreeMap<Paddle, Vec<(BidId, i64)>> = BTreeMap::new();
    for proxy in proxies(events, committed, terms, side).iter().rev() {
        let Some(event) = events.get_mut(proxy.index) else { continue };
        let raises = later.entry(proxy.paddle).or_default();
        let while_standing = raises.iter().filter(|(id, _)| *id < proxy.undone);
        let bound = while_standing.map(|(_, score)| score - 1).min();
        let best = bound.map_or(proxy.cap, |bound| bound.min(proxy.cap));
        let maximum = *event.hidden.maximum.get_or_insert_with(|| side.amount(best));
        raises.push((proxy.id, side.score(maximum)));
    }
}

fn proxies(events: &[Event], committed: &Committed, terms: &Terms, side: Side) -> Vec<Proxy> {
    let fixed = events.iter().rev().find(|event| terms_of(std::slice::from_ref(event)).is_some());
    let reserve = fixed.and_then(|event| event.hidden.reserve).or(terms.reserve.amount());
    let reserve = reserve.map(|reserve| side.score(reserve));
    let undone: BTreeMap<BidId, Version> = events
        .iter()
        .filter_map(|event| {
            if let Fact::BidRetracted(undone) | Fact::BidVoided(undone) = &event.fact {
                Some((undone.bid, event.version))
            } else {
                None
            }
        })
        .collect();
    let (mut any, mut met_once) = (false, false);
    let mut all = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let Fact::BidPlaced(placed) = &event.fact else { continue };
        let met = placed.now.shown.as_ref().and_then(|shown| shown.reserve_met);
        let buy_now = match terms.buy_now {
            BuyNow::UntilClose { amount } => Some(amount),
            BuyNow::UntilFirstBid { amount } => Some(amount).filter(|_| !any),
            BuyNow::UntilReserveMet { amount } => Some(amount).filter(|_| !met_once),
            BuyNow::None {} => None,
        };
        let below_buy_now = buy_now.map(|amount| side.score(amount) - 1);
        let below_reserve = reserve.filter(|_| met == Some(false)).map(|reserve| reserve - 1);
        let caps = [below_buy_now, below_reserve].into_iter().flatten();
        let cap = caps.fold(side.best(), i64::min);
        any = true;
        met_once |= met == Some(true);
        if let Some(paddle) = placed.paddle.filter(|_| has(committed, index, "maximum")) {
            let id = event.version;
            let undone = undone.get(&id).copied().unwrap_or(Version::MAX);
            all.push(Proxy { index, id, paddle, cap, undone });
        }
    }
    all
}
