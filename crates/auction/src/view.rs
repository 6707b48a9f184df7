//! What the public, a bidder, the leader, the seller and the staff may see. Every output of the
//! house is cut here; nothing hidden leaves by another way.
//!
//! [`Head`] is all of an auction that is shown to anybody, at one version: small, so that it can be
//! swapped at each commit. [`Mine`] is what concerns one bidder. [`Head::view`] cuts both for an
//! audience at a time.

use crate::auction::running::Running;
use crate::auction::{Auction, Lot, Phase};
use crate::book::Approval;
use crate::command::Roles;
use crate::event::Next;
use crate::ids::{AuctionId, Paddle, UserId, Version};
use crate::money::{Amount, Currency};
use crate::mutant;
use crate::outcome::Outcome;
use crate::presets::Preset;
use crate::rules::score::Score;
use crate::terms::{Admission, Direction, Eligibility, Terms};
use crate::time::Time;
use std::sync::Arc;

/// An auction at one version, before it is cut for an audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The auction.
    pub auction: AuctionId,
    /// How many events it has had.
    pub version: Version,
    /// When the last of them was decided.
    pub at: Time,
    /// Where it stands.
    pub phase: Phase,
    /// Whether it was ever published.
    pub announced: bool,
    /// The rules, with the hidden reserve: never show them but through [`Head::view`].
    pub terms: Arc<Terms>,
    /// Of all its amounts.
    pub currency: Currency,
    /// What the terms were composed from.
    pub preset: Preset,
    /// Who sells.
    pub seller: UserId,
    /// Opening and end.
    pub running: Running,
    /// The public price; none while there is none, or it is hidden. A clock's is computed.
    pub price: Option<Amount>,
    /// The next legal bid of somebody who does not lead.
    pub next: Next,
    /// Who leads in public.
    pub leader: Option<Paddle>,
    /// Whether the reserve is met, where there is one and that is public.
    pub reserve_met: Option<bool>,
    /// How many bids stand.
    pub bid_count: u64,
    /// How many bidders have bid; hidden while sealed.
    pub bidder_count: u64,
    /// The buy-now amount, while it can be taken.
    pub buy_now: Option<Amount>,
    /// The user who won.
    pub winner: Option<UserId>,
    /// The version of its certificate.
    pub certified: Option<Version>,
}

/// What concerns one bidder in an auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mine {
    /// His number.
    pub paddle: Paddle,
    /// Whether he may bid where that needs approval.
    pub approval: Approval,
    /// His latest standing bid: the amount, or the maximum where bids are proxies.
    pub amount: Option<Amount>,
}

/// Who looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Viewer {
    /// Who, if he is signed in.
    pub user: Option<UserId>,
    /// What he may be.
    pub roles: Roles,
    /// Whether the house shut him out.
    pub banned: bool,
}

/// What somebody gets to see of an auction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The rules as this audience may see them.
    pub terms: Arc<Terms>,
    /// The word for its state.
    pub state: &'static str,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// The user who won; only for himself, the seller and the staff.
    pub winner_user: Option<UserId>,
    /// The price.
    pub price: Option<Amount>,
    /// The next legal bid of somebody who does not lead.
    pub next: Next,
    /// What the buyer would pay in all at this price.
    pub total_to_pay: Option<i64>,
    /// When the clock drops next.
    pub next_drop_at: Option<Time>,
    /// How many bids stand.
    pub bid_count: u64,
    /// How many bidders have bid.
    pub bidder_count: Option<u64>,
    /// Who leads.
    pub leader: Option<Paddle>,
    /// Whether the reserve is met, where there is one.
    pub reserve_met: Option<bool>,
    /// The buy-now amount, while it can be taken.
    pub buy_now: Option<Amount>,
    /// What concerns the one who looks, if he is signed in.
    pub you: Option<You>,
}

/// What concerns the one who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct You {
    /// His number, if he has one.
    pub paddle: Option<Paddle>,
    /// How his bid stands.
    pub standing: Option<Standing>,
    /// His latest standing bid's amount.
    pub amount: Option<Amount>,
    /// His maximum, where bids are proxies.
    pub maximum: Option<Amount>,
    /// Whether a legal bid of his would be accepted now.
    pub can_bid: bool,
    /// Why not.
    pub why_not: Option<&'static str>,
    /// The next legal bid for him.
    pub next: Option<Amount>,
}

/// How a bidder's bid stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It leads.
    Leading,
    /// Another one leads.
    Outbid,
    /// It stands among others that do not exclude it.
    Standing,
    /// Nobody is told.
    Sealed,
    /// It won.
    Won,
    /// It lost.
    Lost,
}

impl Standing {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Leading => "leading",
            Self::Outbid => "outbid",
            Self::Standing => "standing",
            Self::Sealed => "sealed",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    /// How a bid of `paddle` stands under `terms` when `leader` leads.
    #[must_use]
    pub fn of(terms: &Terms, paddle: Paddle, leader: Option<Paddle>) -> Self {
        if terms.is_sealed() {
            Self::Sealed
        } else if leader == Some(paddle) {
            Self::Leading
        } else {
            match terms.admission {
                Admission::BeatOwnLatest {} => Self::Standing,
                Admission::BeatLeader {}
                | Admission::OncePerBidder {}
                | Admission::Revisable {}
                | Admission::AcceptClock {} => Self::Outbid,
            }
        }
    }
}

impl Head {
    pub(crate) fn of(auction: &Auction, lot: &Lot) -> Self {
        let outcome = match lot.phase {
            Phase::Ended { outcome, .. } => Some(outcome),
            Phase::Draft | Phase::Scheduled | Phase::Open | Phase::OnHold { .. } => None,
        };
        let sale = outcome.as_ref().and_then(Outcome::sale);
        let sealed = lot.terms.is_sealed() && !mutant::on("sealed_shows_leader");
        let won = sale.map(|sale| sale.winner);
        let leading = lot.book.leader().filter(|_| !sealed && sale.is_none());
        let shown = lot.open_next();
        let met = lot.price.is_some_and(|price| lot.terms.meets_reserve(price));
        Self {
            auction: auction.id(),
            version: auction.version(),
            at: auction.last_at(),
            phase: lot.phase,
            announced: lot.announced,
            terms: Arc::clone(&lot.terms),
            currency: lot.currency,
            preset: lot.preset,
            seller: lot.seller,
            running: lot.running,
            price: lot.price.and_then(|price| lot.terms.direction.amount(price)),
            next: shown,
            leader: won.or(leading),
            reserve_met: (lot.terms.has_reserve() && (!sealed || sale.is_some())).then_some(met),
            bid_count: lot.book.standing(),
            bidder_count: lot.book.bidders_with_bids(),
            buy_now: lot.buy_now_amount(),
            winner: won.and_then(|won| lot.book.bidder(won)).map(|bidder| bidder.user),
            certified: lot.certified,
        }
    }

    /// Whether this viewer may know that the auction exists.
    #[must_use]
    pub fn is_known_to(&self, viewer: &Viewer) -> bool {
        let own = viewer.user == Some(self.seller);
        own || viewer.roles.is_staff() || self.announced
    }

    /// Whether it is still hidden who made its bids. A sealed auction that has ended may be
    /// reopened until it is certified, unless it was cancelled.
    #[must_use]
    pub fn is_under_seal(&self) -> bool {
        let cancelled = matches!(self.outcome(), Some(Outcome::Cancelled {}));
        self.terms.is_sealed() && self.certified.is_none() && !cancelled
    }

    /// The end in force, or the moment it ended.
    #[must_use]
    pub const fn effective_end(&self) -> Option<Time> {
        self.running.end
    }

    /// What came of it.
    #[must_use]
    pub const fn outcome(&self) -> Option<&Outcome> {
        match &self.phase {
            Phase::Ended { outcome, .. } => Some(outcome),
            Phase::Draft | Phase::Scheduled | Phase::Open | Phase::OnHold { .. } => None,
        }
    }

    /// Until when open time runs: now, or when it stopped.
    fn until(&self, now: Time) -> Time {
        match self.phase {
            Phase::OnHold { since } => since,
            Phase::Ended { at, .. } => at,
            Phase::Draft | Phase::Scheduled | Phase::Open => now,
        }
    }

    /// The price at `now`: a clock's moves by itself.
    #[must_use]
    pub fn price_at(&self, now: Time) -> Option<Amount> {
        let opened = self.running.opened.is_some();
        let clock = || self.terms.clock.price(self.running.open_time(self.until(now)));
        self.price.or_else(|| if opened { clock() } else { None })
    }

    /// The view for an audience at a time.
    #[must_use]
    pub fn view(&self, viewer: &Viewer, mine: Option<&Mine>, now: Time) -> View {
        let own = viewer.user == Some(self.seller);
        let whole = own || viewer.roles.admin;
        let terms = if whole { Arc::clone(&self.terms) } else { Arc::new(self.terms.public()) };
        let won = viewer.user.is_some() && viewer.user == self.winner;
        let knows_winner = won || own || viewer.roles.is_staff();
        let ended = self.outcome().is_some();
        let price = self.price_at(now);
        let forward = self.terms.direction == Direction::Forward;
        let next_drop = self.terms.clock.next_drop(self.running.open_time(self.until(now)));
        let drops = self.phase == Phase::Open;
        View {
            terms,
            state: self.phase.word(),
            outcome: self.outcome().copied(),
            winner_user: self.winner.filter(|_| knows_winner),
            price,
            next: self.next,
            total_to_pay: price.filter(|_| forward).map(|price| self.terms.fees.total(price)),
            next_drop_at: next_drop
                .filter(|_| drops)
                .and_then(|open| self.running.instant_of(open)),
            bid_count: self.bid_count,
            bidder_count: (ended || !self.terms.is_sealed()).then_some(self.bidder_count),
            leader: self.leader,
            reserve_met: self.reserve_met,
            buy_now: self.buy_now.filter(|_| !ended),
            you: viewer.user.map(|user| self.you(user, viewer, mine, now)),
        }
    }

    /// What concerns one who looks.
    #[must_use]
    pub fn you(&self, user: UserId, viewer: &Viewer, mine: Option<&Mine>, now: Time) -> You {
        let why_not = self.why_not(user, viewer, mine, now);
        let amount = mine.and_then(|mine| mine.amount);
        let paddle = mine.map(|mine| mine.paddle);
        // Who leads has bid, also where what is his is newer than this head and that bid is gone.
        let leads = |paddle: &Paddle| Some(*paddle) == self.leader;
        let placed = paddle.filter(|paddle| amount.is_some() || leads(paddle));
        let standing = placed.map(|paddle| match self.outcome() {
            None => Standing::of(&self.terms, paddle, self.leader),
            Some(Outcome::Sold(sale)) if sale.winner == paddle => Standing::Won,
            Some(Outcome::Sold(_) | Outcome::Passed { .. } | Outcome::Cancelled {}) => {
                Standing::Lost
            }
        });
        let bought = mine.filter(|mine| Some(mine.paddle) == self.leader && self.winner.is_some());
        You {
            paddle,
            standing: standing.or(bought.map(|_| Standing::Won)),
            amount,
            maximum: amount.filter(|_| self.terms.has_proxy()),
            can_bid: why_not.is_none(),
            why_not,
            next: self.own_next(paddle, amount),
        }
    }

    /// The next legal amount for a bidder with this standing bid.
    fn own_next(&self, paddle: Option<Paddle>, amount: Option<Amount>) -> Option<Amount> {
        let direction = self.terms.direction;
        let own = amount.map(|amount| direction.score(amount.minor()));
        let leads = paddle.is_some() && paddle == self.leader;
        let better = |next: Option<Score>| {
            let reaches = |next: Score| {
                self.buy_now.is_some_and(|amount| next >= direction.score(amount.minor()))
            };
            let legal = next.filter(|next| self.outcome().is_none() && !reaches(*next));
            let legal = legal.filter(|next| *next <= direction.best(self.terms.largest_amount()));
            legal.and_then(|next| direction.amount(next))
        };
        match (self.terms.admission, own) {
            (Admission::BeatLeader {}, Some(own)) if leads && self.terms.has_proxy() => {
                better(own.checked_add(1))
            }
            (Admission::BeatOwnLatest {}, Some(own)) => better(self.terms.one_step_better(own)),
            (
                Admission::BeatLeader {}
                | Admission::BeatOwnLatest {}
                | Admission::OncePerBidder {}
                | Admission::Revisable {}
                | Admission::AcceptClock {},
                _,
            ) => self.next.amount(),
        }
    }

    /// The code of the refusal that a legal bid of this user would meet now.
    fn why_not(
        &self,
        user: UserId,
        viewer: &Viewer,
        mine: Option<&Mine>,
        now: Time,
    ) -> Option<&'static str> {
        if viewer.banned {
            return Some("banned");
        }
        if user == self.seller {
            return Some("own_auction");
        }
        if self.terms.eligibility == Eligibility::Approved {
            match mine.map(|mine| mine.approval) {
                None => return Some("not_registered"),
                Some(Approval::Pending | Approval::Declined) => return Some("not_approved"),
                Some(Approval::Approved) => {}
            }
        }
        if !viewer.roles.bidder {
            return Some("forbidden");
        }
        match self.phase {
            Phase::Draft | Phase::Scheduled => return Some("not_open_yet"),
            Phase::OnHold { .. } => return Some("on_hold"),
            Phase::Ended { .. } => return Some("closed"),
            Phase::Open if self.running.end.is_some_and(|end| now >= end) => {
                return Some("closed");
            }
            Phase::Open => {}
        }
        let leads = mine.is_some_and(|mine| Some(mine.paddle) == self.leader);
        let placed = mine.is_some_and(|mine| mine.amount.is_some());
        if leads && !self.terms.own_raise && !self.terms.is_sealed() {
            return Some("already_leading");
        }
        let once = matches!(self.terms.admission, Admission::OncePerBidder {});
        (placed && once).then_some("already_bid")
    }
}

impl Mine {
    pub(crate) fn of(lot: &Lot, user: UserId) -> Option<Self> {
        let paddle = lot.book.paddle_of(user)?;
        let bidder = lot.book.bidder(paddle)?;
        let amount = lot.book.latest(paddle).map(|bid| bid.amount);
        Some(Self { paddle, approval: bidder.approval, amount })
    }
}

impl Lot {
    /// The next legal bid of somebody who does not lead, at the price in force.
    fn open_next(&self) -> Next {
        let ended = matches!(self.phase, Phase::Ended { .. });
        let next = self.terms.next_score(self.price, self.buy_now_amount()).filter(|_| !ended);
        let amount = next.and_then(|next| self.terms.direction.amount(next));
        match self.terms.direction {
            Direction::Forward => Next::Minimum(amount),
            Direction::Reverse => Next::Maximum(amount),
        }
    }
}
