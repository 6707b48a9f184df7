//! What a certificate opens: of a sale, everything but how much further the winner would have gone;
//! of a passed or cancelled auction, only what the public prices depend on. Decided from the events
//! alone, so that a verifier can demand exactly this set.

use gavel_auction::event::{Event, Fact, Now};
use gavel_auction::ids::{BidId, Paddle, Version};
use gavel_auction::money::Amount;
use gavel_auction::outcome::{Outcome, Sale};
use gavel_auction::terms::{Direction, Pricing, Terms};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Hidden fields, each by the version of its event and its name.
pub(crate) type Fields = BTreeSet<(Version, &'static str)>;

/// A bid as far as it matters here.
struct Placed {
    paddle: Paddle,
    amount: Amount,
    standing: bool,
}

/// What is open so far, and the bids that make it so.
struct Disclosure {
    terms: Arc<Terms>,
    bids: BTreeMap<BidId, Placed>,
    stacks: BTreeMap<Paddle, Vec<BidId>>,
    leader: Option<Paddle>,
    /// Bids that public prices depend on.
    needed: BTreeSet<BidId>,
    reserve: Option<Version>,
    met: bool,
    outcome: Option<Outcome>,
    /// The latest sale, even if the auction was reopened after it.
    sale: Option<Sale>,
    seeds: Vec<Version>,
}

/// The rules in force: those of the last `created` or `amended`.
pub(crate) fn terms_of(events: &[Event]) -> Option<&Arc<Terms>> {
    events.iter().rev().find_map(|event| {
        if let Fact::Created(created) = &event.fact {
            Some(&created.terms)
        } else if let Fact::Amended(amended) = &event.fact {
            Some(&amended.terms)
        } else {
            None
        }
    })
}

/// The fields that the certificate of these events opens.
pub(crate) fn fields_to_open(events: &[Event]) -> Fields {
    let Some(terms) = terms_of(events) else { return Fields::new() };
    let mut disclosure = Disclosure {
        terms: Arc::clone(terms),
        bids: BTreeMap::new(),
        stacks: BTreeMap::new(),
        leader: None,
        needed: BTreeSet::new(),
        reserve: None,
        met: false,
        outcome: None,
        sale: None,
        seeds: Vec::new(),
    };
    for event in events {
        disclosure.follow(event);
    }
    disclosure.fields()
}

impl Disclosure {
    fn follow(&mut self, event: &Event) {
        if event.hidden.seed.is_some() {
            self.seeds.push(event.version);
        }
        match &event.fact {
            Fact::Created(_) | Fact::Amended(_) => {
                self.reserve = event.hidden.reserve.map(|_| event.version);
            }
            Fact::BidPlaced(placed) => {
                let hidden = &event.hidden;
                let amount = placed.amount.or(hidden.maximum).or(hidden.amount);
                if let (Some(paddle), Some(amount)) = (placed.paddle.or(hidden.paddle), amount) {
                    self.bids.insert(event.version, Placed { paddle, amount, standing: true });
                    self.stacks.entry(paddle).or_default().push(event.version);
                    self.show(&placed.now, Some(paddle));
                }
            }
            Fact::BidRetracted(undone) | Fact::BidVoided(undone) => {
                let bid = self.bids.get_mut(&undone.bid);
                let paddle = bid.map(|bid| {
                    bid.standing = false;
                    bid.paddle
                });
                self.show(&undone.now, paddle);
            }
            Fact::BidPromoted { now, .. } => self.show(now, None),
            Fact::Closed { outcome, .. } => self.close(outcome),
            Fact::Cancelled { .. } => self.outcome = Some(Outcome::Cancelled {}),
            Fact::Reopened { .. } => self.outcome = None,
            Fact::Addendum { .. }
            | Fact::Published {}
            | Fact::Opened { .. }
            | Fact::BidderRegistered { .. }
            | Fact::BidderApproved { .. }
            | Fact::BidderDeclined { .. }
            | Fact::BuyNowTaken { .. }
            | Fact::ClockAccepted { .. }
            | Fact::Held { .. }
            | Fact::Resumed { .. }
            | Fact::Extended { .. }
            | Fact::Certified { .. } => {}
        }
    }

    /// The bidder's latest standing bid: with proxies his best, in sealed auctions the one that
    /// counts.
    fn counted(&mut self, paddle: Paddle) -> Option<BidId> {
        let (bids, stack) = (&self.bids, self.stacks.get_mut(&paddle)?);
        while stack.last().is_some_and(|id| bids.get(id).is_none_or(|bid| !bid.standing)) {
            stack.pop();
        }
        stack.last().copied()
    }

    /// With proxies the price depends on the best bids of those who do not lead, and on the
    /// leader's where it stands at his very maximum.
    fn show(&mut self, now: &Now, moved: Option<Paddle>) {
        let Some(shown) = &now.shown else { return };
        self.met |= shown.reserve_met == Some(true);
        let before = std::mem::replace(&mut self.leader, shown.leader);
        for paddle in [moved, before].into_iter().flatten() {
            if shown.leader != Some(paddle) {
                let counted = self.counted(paddle);
                self.needed.extend(counted);
            }
        }
        let leading = shown.leader.and_then(|leader| self.counted(leader));
        let at_maximum = |id: &BidId| self.bids.get(id).map(|bid| bid.amount) == shown.price;
        self.needed.extend(leading.filter(at_maximum));
    }

    /// What came of sealed bids depends on all that counted but how far the winner went.
    fn close(&mut self, outcome: &Outcome) {
        self.outcome = Some(*outcome);
        let sale = outcome.sale().copied();
        self.sale = sale.or(self.sale);
        if !self.terms.is_sealed() {
            return;
        }
        let paddles: Vec<Paddle> = self.stacks.keys().copied().collect();
        for paddle in paddles {
            let Some(id) = self.counted(paddle) else { continue };
            let amount = self.bids.get(&id).map(|bid| bid.amount);
            let hammer = sale.filter(|sale| sale.winner == paddle).map(|sale| sale.hammer_price);
            if hammer.is_none() || hammer == amount {
                self.needed.insert(id);
            }
        }
    }

    /// Whether a bid tells how much further the winner of this sale would have gone.
    fn is_beyond(&self, sale: &Sale, id: BidId) -> bool {
        self.bids.get(&id).is_some_and(|bid| {
            let further = match self.terms.direction {
                Direction::Forward => bid.amount > sale.hammer_price,
                Direction::Reverse => bid.amount < sale.hammer_price,
            };
            further && bid.paddle == sale.winner && !self.needed.contains(&id)
        })
    }

    fn fields(self) -> Fields {
        let mut fields: Fields = self.seeds.iter().map(|version| (*version, "seed")).collect();
        let priced = self.sale.is_some() || (self.terms.has_proxy() && self.met);
        if let Some(version) = self.reserve.filter(|_| priced) {
            fields.insert((version, "reserve"));
        }
        let sold = self.outcome.as_ref().and_then(Outcome::sale);
        for id in self.bids.keys().copied() {
            if self.terms.has_proxy() {
                let open = sold.is_some_and(|sale| !self.is_beyond(sale, id));
                if open || self.needed.contains(&id) {
                    fields.insert((id, "maximum"));
                }
            }
            if let Some(sale) = self.sale.filter(|_| self.terms.is_sealed()) {
                fields.insert((id, "paddle"));
                let second = self.terms.pricing == Pricing::SecondPrice;
                if !(second && self.is_beyond(&sale, id)) {
                    fields.insert((id, "amount"));
                }
            }
        }
        fields
    }
}
