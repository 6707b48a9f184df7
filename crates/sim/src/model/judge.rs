//! How the naive house judges a wish: the reasons for no in the order of the page, then what
//! happens.

use super::time::end_if_opened;
use super::{Lot, Naive, Nay, Phase, Verdict, nay, nay_with};
use crate::history::wish::{Creation, LISTING, Who, Wish};
use gavel_auction::event::{
    Amended, BidPlaced, BidUndone, Channel, CloseReason, Created, Digest, Fact, Hidden, Reason,
};
use gavel_auction::ids::{Paddle, UserId, Version};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::outcome::Outcome;
use gavel_auction::terms::{
    Admission, Clock, Direction, Eligibility, Promotion, Reserve, Retraction, Terms,
};
use gavel_auction::time::Time;
use std::sync::Arc;

const SECOND: i64 = 1_000_000;
const YEAR: i64 = 366 * 24 * 3600 * SECOND;

/// A bid as it is asked for.
struct Offer {
    amount: i64,
    maximum: bool,
    currency: Option<Currency>,
    confirm: bool,
    on_behalf_of: Option<(i64, Channel)>,
}

/// Who asks, when, and what he expects.
struct Asking {
    who: Who,
    at: i64,
    version: Version,
    expected: Option<Version>,
}

impl Asking {
    fn expected(&self) -> Result<(), Nay> {
        match self.expected {
            Some(expected) if expected != self.version => {
                nay_with("version_mismatch", i64::try_from(self.version).ok())
            }
            Some(_) | None => Ok(()),
        }
    }

    const fn is_staff(&self) -> bool {
        self.who.clerk || self.who.admin
    }
}

fn alone(fact: Fact) -> Verdict {
    Ok(vec![(fact, Hidden::default())])
}

fn public(terms: &Arc<Terms>) -> (Arc<Terms>, Option<Amount>) {
    let mut shown = Terms::clone(terms);
    let Reserve::Hidden { amount } = shown.reserve else { return (Arc::clone(terms), None) };
    shown.reserve = Reserve::Hidden { amount: None };
    (Arc::new(shown), amount)
}

fn check_terms(terms: &Terms, has_seed: bool, at: i64) -> Result<(), Nay> {
    let schedule = &terms.schedule;
    let promotes = matches!(terms.promotion, Promotion::Double { .. });
    let past = schedule.ends_at.is_some_and(|end| end.0 <= at);
    let far = schedule.starts_at.is_none() && schedule.ends_at.is_some_and(|e| e.0 > at + YEAR);
    let bad = !terms.check().is_empty() || past || far || (promotes && !has_seed);
    if bad { nay("terms_invalid") } else { Ok(()) }
}

fn published(terms: &Terms, at: i64) -> Vec<(Fact, Hidden)> {
    let mut facts = vec![(Fact::Published {}, Hidden::default())];
    if terms.schedule.starts_at.is_none_or(|start| start.0 <= at) {
        let end = Time(end_if_opened(terms, at));
        facts.push((Fact::Opened { end }, Hidden::default()));
    }
    facts
}

fn create(creation: &Creation, who: &Who, at: i64) -> Verdict {
    if who.banned {
        return nay("banned");
    }
    if !who.seller {
        return nay("forbidden");
    }
    let terms = &creation.terms;
    check_terms(terms, creation.seed.is_some(), at)?;
    let (shown, reserve) = public(terms);
    let promotes = matches!(terms.promotion, Promotion::Double { .. });
    let created = Created {
        currency: creation.currency,
        house: creation.house,
        listing_digest: creation.listing,
        log_key: creation.log_key,
        preset: creation.preset,
        rules_version: 1,
        seller: who.user,
        terms: shown,
    };
    let seed = creation.seed.filter(|_| promotes);
    let hidden = Hidden { reserve, seed, ..Hidden::default() };
    let mut facts = vec![(Fact::Created(Box::new(created)), hidden)];
    if creation.publish {
        facts.extend(published(terms, at));
    }
    Ok(facts)
}

impl Naive {
    /// What a wish leads to in this state, at this moment.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, wish: &Wish, who: Who, expected: Option<Version>, at: i64) -> Verdict {
        let at = at.max(self.last_at);
        let asking = Asking { who, at, version: self.version, expected };
        let Some(lot) = &self.lot else {
            return match wish {
                Wish::Create(creation) => create(creation, &who, at),
                _ => nay("not_found"), // not ours: whatever else is asked
            };
        };
        match wish {
            Wish::Create(_) => nay("terms_locked"),
            Wish::Publish => lot.publish(&asking),
            Wish::Amend { terms, seed } => lot.amend(&asking, terms, *seed),
            Wish::Addendum => {
                lot.seller(&asking)?;
                asking.expected()?;
                lot.not_ended(at)?;
                alone(Fact::Addendum { digest: LISTING })
            }
            Wish::Cancel { reason } => lot.cancel(&asking, *reason),
            Wish::Hold { reason } => {
                lot.clerk(&asking)?;
                asking.expected()?;
                lot.open(at)?;
                alone(Fact::Held { reason: *reason })
            }
            Wish::Resume => lot.resume(&asking),
            Wish::Close { reason } => {
                lot.clerk(&asking)?;
                asking.expected()?;
                lot.running(at)?;
                Ok(lot.hammer(self, CloseReason::Clerk, *reason))
            }
            Wish::Reopen { reason, ends_at, seed } => {
                lot.reopen(&asking, *reason, ends_at.0, *seed)
            }
            Wish::Register => lot.register(&asking),
            Wish::Approve { paddle, yes } => lot.allow(&asking, *paddle, *yes),
            Wish::Bid { amount, maximum, currency, confirm, on_behalf_of } => {
                let (amount, maximum, currency) = (*amount, *maximum, *currency);
                let (confirm, on_behalf_of) = (*confirm, *on_behalf_of);
                let offer = Offer { amount, maximum, currency, confirm, on_behalf_of };
                lot.bid(&asking, &offer)
            }
            Wish::Accept { price } => lot.accept(&asking, *price),
            Wish::BuyNow => lot.buy_now(&asking),
            Wish::Retract { bid, reason } => lot.retract(&asking, *bid, *reason),
            Wish::Void { bid, reason } => lot.void(&asking, *bid, *reason),
            Wish::Certify { head } => {
                lot.admin(&asking)?;
                asking.expected()?;
                match lot.phase {
                    Phase::Ended(..) if !lot.certified => alone(Fact::Certified { head: *head }),
                    Phase::Draft
                    | Phase::Scheduled
                    | Phase::Open
                    | Phase::Held(_)
                    | Phase::Ended(..) => nay("terms_locked"),
                }
            }
        }
    }
}

/// Who may.
impl Lot {
    fn known(&self, asking: &Asking) -> Result<(), Nay> {
        let knows = self.announced || asking.who.user == self.seller || asking.is_staff();
        if knows { Ok(()) } else { nay("not_found") }
    }

    fn person(&self, asking: &Asking) -> Result<(), Nay> {
        self.known(asking)?;
        if asking.who.banned { nay("banned") } else { Ok(()) }
    }

    fn only(&self, asking: &Asking, may: bool) -> Result<(), Nay> {
        self.person(asking)?;
        if may { Ok(()) } else { nay("forbidden") }
    }

    fn seller(&self, asking: &Asking) -> Result<(), Nay> {
        self.only(asking, asking.who.user == self.seller)
    }

    fn clerk(&self, asking: &Asking) -> Result<(), Nay> {
        self.only(asking, asking.is_staff())
    }

    fn admin(&self, asking: &Asking) -> Result<(), Nay> {
        self.only(asking, asking.who.admin)
    }

    fn not_the_seller(&self, asking: &Asking) -> Result<(), Nay> {
        self.person(asking)?;
        if asking.who.user == self.seller { nay("own_auction") } else { Ok(()) }
    }

    fn eligible(&self, paddle: Option<i64>) -> Result<(), Nay> {
        if self.terms.eligibility == Eligibility::Anyone {
            return Ok(());
        }
        match paddle.and_then(|paddle| self.bidder(paddle)) {
            None => nay("not_registered"),
            Some((_, Some(true))) => Ok(()),
            Some((_, None | Some(false))) => nay("not_approved"),
        }
    }

    /// Somebody who bids for himself; his paddle, if he has one.
    fn own_bidder(&self, asking: &Asking) -> Result<Option<i64>, Nay> {
        self.not_the_seller(asking)?;
        let paddle = self.paddle_of(asking.who.user);
        self.eligible(paddle)?;
        if asking.who.bidder { Ok(paddle) } else { nay("forbidden") }
    }

    fn open(&self, at: i64) -> Result<(), Nay> {
        match self.phase {
            Phase::Draft | Phase::Scheduled => {
                nay_with("not_open_yet", self.terms.schedule.starts_at.map(|start| start.0))
            }
            Phase::Held(_) => nay("on_hold"),
            Phase::Ended(..) => nay("closed"),
            Phase::Open if self.end.is_some_and(|end| at >= end) => nay("closed"),
            Phase::Open => Ok(()),
        }
    }

    fn running(&self, at: i64) -> Result<(), Nay> {
        if let Phase::Held(_) = self.phase { Ok(()) } else { self.open(at) }
    }

    fn not_ended(&self, at: i64) -> Result<(), Nay> {
        match self.phase {
            Phase::Draft | Phase::Scheduled | Phase::Held(_) => Ok(()),
            Phase::Open | Phase::Ended(..) => self.open(at),
        }
    }
}

/// The life of an auction.
impl Lot {
    fn publish(&self, asking: &Asking) -> Verdict {
        self.seller(asking)?;
        asking.expected()?;
        if self.phase != Phase::Draft {
            return nay("terms_locked");
        }
        check_terms(&self.terms, self.seed.is_some(), asking.at)?;
        Ok(published(&self.terms, asking.at))
    }

    fn amend(&self, asking: &Asking, terms: &Arc<Terms>, seed: Option<Digest>) -> Verdict {
        self.seller(asking)?;
        asking.expected()?;
        if !matches!(self.phase, Phase::Draft | Phase::Scheduled) {
            return nay("terms_locked");
        }
        let promotes = matches!(terms.promotion, Promotion::Double { .. });
        let seed = seed.filter(|_| promotes && self.seed.is_none());
        check_terms(terms, self.seed.is_some() || seed.is_some(), asking.at)?;
        let (terms, reserve) = public(terms);
        let fact = Fact::Amended(Box::new(Amended { listing_digest: LISTING, terms }));
        Ok(vec![(fact, Hidden { reserve, seed, ..Hidden::default() })])
    }

    fn cancel(&self, asking: &Asking, reason: Reason) -> Verdict {
        self.only(asking, asking.who.user == self.seller || asking.is_staff())?;
        if !asking.is_staff() && !self.bids.is_empty() {
            return nay("forbidden");
        }
        asking.expected()?;
        self.not_ended(asking.at)?;
        alone(Fact::Cancelled { reason })
    }

    fn resume(&self, asking: &Asking) -> Verdict {
        self.clerk(asking)?;
        asking.expected()?;
        match self.phase {
            Phase::Held(since) => {
                let end = self.end.unwrap_or(0) + (asking.at - since);
                alone(Fact::Resumed { end: Time(end) })
            }
            Phase::Open => nay("terms_locked"),
            Phase::Draft | Phase::Scheduled | Phase::Ended(..) => {
                self.open(asking.at)?;
                nay("terms_locked")
            }
        }
    }

    fn reopen(
        &self,
        asking: &Asking,
        reason: Reason,
        ends_at: i64,
        seed: Option<Digest>,
    ) -> Verdict {
        self.admin(asking)?;
        asking.expected()?;
        let Phase::Ended(_, Outcome::Sold(_) | Outcome::Passed { .. }) = self.phase else {
            return nay("terms_locked");
        };
        let opened_up = self.certified && (self.is_sealed() || self.has_proxy());
        if opened_up || matches!(self.terms.clock, Clock::Descending { .. }) {
            return nay("terms_locked");
        }
        if ends_at <= asking.at || self.end.is_some_and(|end| ends_at < end) {
            return nay("malformed");
        }
        let seed = seed.filter(|_| self.seed.is_some());
        if self.seed.is_some() && seed.is_none() {
            return nay("malformed");
        }
        let fact = Fact::Reopened { end: Time(ends_at), reason };
        Ok(vec![(fact, Hidden { seed, ..Hidden::default() })])
    }

    fn register(&self, asking: &Asking) -> Verdict {
        self.not_the_seller(asking)?;
        if !asking.who.bidder {
            return nay("forbidden");
        }
        asking.expected()?;
        self.not_ended(asking.at)?;
        let user = asking.who.user;
        if self.paddle_of(user).is_some() {
            return nay("malformed");
        }
        let hidden = Hidden { user: Some(user), ..Hidden::default() };
        Ok(vec![(Fact::BidderRegistered { paddle: self.next_paddle() }, hidden)])
    }

    fn allow(&self, asking: &Asking, paddle: i64, yes: bool) -> Verdict {
        self.known(asking)?;
        let Some((_, stands)) = self.bidder(paddle) else { return nay("not_found") };
        self.only(asking, asking.who.user == self.seller || asking.is_staff())?;
        asking.expected()?;
        self.not_ended(asking.at)?;
        if stands == Some(yes) {
            return nay("malformed");
        }
        let Some(paddle) = Paddle::new(paddle) else { return nay("not_found") };
        alone(if yes { Fact::BidderApproved { paddle } } else { Fact::BidderDeclined { paddle } })
    }

    fn next_paddle(&self) -> Paddle {
        let next = i64::try_from(self.users.len() + 1).unwrap_or(1);
        Paddle::new(next).expect("few bidders")
    }
}

/// Bids.
impl Lot {
    fn bid(&self, asking: &Asking, offer: &Offer) -> Verdict {
        self.known(asking)?;
        if matches!(self.terms.admission, Admission::AcceptClock {})
            || offer.amount > self.largest()
        {
            return nay("malformed");
        }
        let (paddle, newcomer, clerk) = self.for_whom(asking, offer)?;
        asking.expected()?;
        self.open(asking.at)?;
        if offer.currency.is_some_and(|currency| currency != self.currency) {
            return nay("wrong_currency");
        }
        if offer.maximum && !self.has_proxy() {
            return nay("maximum_not_allowed");
        }
        let legal = self.admit(paddle.get(), clerk, offer.amount)?;
        if self.buy_now_amount().is_some_and(|amount| offer.amount >= amount) {
            return nay("above_buy_now");
        }
        self.within(asking, offer.amount)?;
        self.meant(offer, legal)?;
        Ok(vec![self.placed(asking, offer, paddle, newcomer, clerk)])
    }

    fn within(&self, asking: &Asking, amount: i64) -> Result<(), Nay> {
        match asking.who.headroom {
            Some(headroom) if amount > headroom => nay_with("over_limit", Some(headroom)),
            Some(_) | None => Ok(()),
        }
    }

    fn meant(&self, offer: &Offer, legal: i64) -> Result<(), Nay> {
        let factor = i64::from(self.terms.confirm_factor);
        if factor == 0 || offer.confirm {
            return Ok(());
        }
        let beyond = match self.terms.direction {
            Direction::Forward => legal.saturating_mul(factor),
            Direction::Reverse => legal / factor + i64::from(legal % factor != 0),
        };
        let is_amount = Amount::new(beyond).is_some();
        if is_amount && self.worth(offer.amount) > self.worth(beyond) {
            return nay_with("confirm_needed", Some(beyond));
        }
        Ok(())
    }

    /// The paddle it is for, the user if he has none yet, the clerk if there is one.
    fn for_whom(
        &self,
        asking: &Asking,
        offer: &Offer,
    ) -> Result<(Paddle, Option<UserId>, Option<UserId>), Nay> {
        let Some((paddle, _)) = offer.on_behalf_of else {
            let paddle = self.own_bidder(asking)?.and_then(Paddle::new);
            let newcomer = paddle.is_none().then_some(asking.who.user);
            return Ok((paddle.unwrap_or_else(|| self.next_paddle()), newcomer, None));
        };
        if self.bidder(paddle).is_none() {
            return nay("not_found");
        }
        self.not_the_seller(asking)?;
        self.eligible(Some(paddle))?;
        self.clerk(asking)?;
        let Some(paddle) = Paddle::new(paddle) else { return nay("not_found") };
        Ok((paddle, None, Some(asking.who.user)))
    }

    /// Whether the amount is enough; the smallest that is, as far as the caller may know.
    fn admit(&self, paddle: i64, clerk: Option<UserId>, amount: i64) -> Result<i64, Nay> {
        let leads = self.leader() == Some(paddle);
        let own = self.latest(paddle);
        let may_know = clerk.is_none() || own.is_none_or(|own| own.clerk == clerk);
        let above = own.map(|own| own.amount).filter(|_| may_know);
        let enough = |needed: Option<i64>| match needed {
            Some(needed) if self.worth(amount) >= self.worth(needed) => Ok(needed),
            Some(_) | None => nay_with("not_above_own", above),
        };
        let ladder = matches!(self.terms.admission, Admission::BeatOwnLatest {});
        let leader = matches!(self.terms.admission, Admission::BeatLeader {});
        let legal = match own {
            Some(own) if leader && leads && self.has_proxy() => {
                let one = self.worth(1);
                enough(Some(own.amount + one))?
            }
            Some(own) if ladder => enough(self.stepped(own.amount))?,
            Some(_) | None => self.reach(amount, self.price().filter(|_| leader))?,
        };
        if leads && !self.terms.own_raise && !self.is_sealed() {
            return nay("already_leading");
        }
        if own.is_some() && matches!(self.terms.admission, Admission::OncePerBidder {}) {
            return nay("already_bid");
        }
        let public = self.next_at(self.price()).filter(|_| !may_know);
        Ok(public.unwrap_or(legal))
    }

    fn reach(&self, amount: i64, price: Option<i64>) -> Result<i64, Nay> {
        let next = self.next_at(price);
        if let Some(next) = next
            && self.worth(amount) >= self.worth(next)
        {
            return Ok(next);
        }
        let hint = self.next_below(price, self.buy_now_amount());
        match (self.terms.direction, price) {
            (Direction::Reverse, _) => nay_with("above_maximum", hint),
            (Direction::Forward, None) => nay_with("below_start", hint),
            (Direction::Forward, Some(_)) => nay_with("below_minimum", hint),
        }
    }

    fn placed(
        &self,
        asking: &Asking,
        offer: &Offer,
        paddle: Paddle,
        newcomer: Option<UserId>,
        clerk: Option<UserId>,
    ) -> (Fact, Hidden) {
        let channel = offer.on_behalf_of.map(|(_, channel)| channel);
        let amount = Self::amount(offer.amount);
        let mut hidden = Hidden { user: newcomer, clerk, ..Hidden::default() };
        let before = self.end.unwrap_or(0);
        if self.is_sealed() {
            hidden.amount = Some(amount);
            hidden.paddle = Some(paddle);
            let now = self.now_after(before, before);
            let placed = BidPlaced { amount: None, channel, paddle: None, now };
            return (Fact::BidPlaced(placed), hidden);
        }
        let shown = if self.has_proxy() {
            hidden.maximum = Some(amount);
            None
        } else {
            Some(amount)
        };
        // The state as it will be, with the end still where it was.
        let mut after = self.clone();
        let now = self.now_after(before, before);
        let placed = BidPlaced { amount: shown, channel, paddle: Some(paddle), now };
        let event = gavel_auction::event::Event {
            auction: gavel_auction::ids::AuctionId::new(1).expect("one is an id"),
            version: asking.version + 1,
            at: Time(asking.at),
            fact: Fact::BidPlaced(placed.clone()),
            hidden: hidden.clone(),
        };
        after.apply(&event, asking.at);
        let led = self.leader() == Some(paddle.get());
        let changed = self.price() != after.price() || self.leader() != after.leader();
        let end = if changed && !led { self.softened(asking.at) } else { before };
        after.buy_now_gone = self.buy_now_gone;
        let now = after.now_after(before, end);
        (Fact::BidPlaced(BidPlaced { now, ..placed }), hidden)
    }

    fn accept(&self, asking: &Asking, price: i64) -> Verdict {
        self.known(asking)?;
        if matches!(self.terms.clock, Clock::None {}) {
            return nay("malformed");
        }
        let paddle = self.own_bidder(asking)?;
        asking.expected()?;
        self.open(asking.at)?;
        let stands = self.clock_price(asking.at).unwrap_or(0);
        if stands > price {
            return nay_with("clock_moved", Some(stands));
        }
        self.within(asking, stands)?;
        Ok(self.bought(asking, paddle, stands, CloseReason::Clock))
    }

    fn buy_now(&self, asking: &Asking) -> Verdict {
        let paddle = self.own_bidder(asking)?;
        asking.expected()?;
        self.open(asking.at)?;
        let Some(amount) = self.buy_now_amount() else { return nay("buy_now_gone") };
        self.within(asking, amount)?;
        Ok(self.bought(asking, paddle, amount, CloseReason::Bought))
    }

    fn bought(
        &self,
        asking: &Asking,
        known: Option<i64>,
        minor: i64,
        reason: CloseReason,
    ) -> Vec<(Fact, Hidden)> {
        let paddle = known.and_then(Paddle::new).unwrap_or_else(|| self.next_paddle());
        let amount = Self::amount(minor);
        let fact = if reason == CloseReason::Clock {
            Fact::ClockAccepted { amount, paddle }
        } else {
            Fact::BuyNowTaken { amount, paddle }
        };
        let user = known.is_none().then_some(asking.who.user);
        let outcome = self.sale(paddle.get(), minor, 0);
        let closed = Fact::Closed { outcome, reason, why: None };
        vec![(fact, Hidden { user, ..Hidden::default() }), (closed, Hidden::default())]
    }

    fn retract(&self, asking: &Asking, id: Version, reason: Reason) -> Verdict {
        self.known(asking)?;
        let Some(bid) = self.bids.iter().find(|bid| bid.id == id) else {
            return nay("not_found");
        };
        self.person(asking)?;
        if self.paddle_of(asking.who.user) != Some(bid.paddle) {
            return nay("forbidden");
        }
        let end = self.end.unwrap_or(asking.at);
        let too_late = match self.terms.retraction {
            Retraction::Never {} => return nay("forbidden"),
            Retraction::WhileOpen {} => false,
            Retraction::Window { not_in_last_seconds, within_seconds } => {
                end - asking.at <= i64::from(not_in_last_seconds) * SECOND
                    || asking.at - bid.at > i64::from(within_seconds) * SECOND
            }
        };
        asking.expected()?;
        self.open(asking.at)?;
        if too_late {
            return nay("terms_locked");
        }
        let now = self.undone(asking, id)?;
        alone(Fact::BidRetracted(BidUndone { bid: id, reason, now }))
    }

    fn void(&self, asking: &Asking, id: Version, reason: Reason) -> Verdict {
        self.known(asking)?;
        if !self.bids.iter().any(|bid| bid.id == id) {
            return nay("not_found");
        }
        self.admin(asking)?;
        asking.expected()?;
        self.running(asking.at)?;
        let now = self.undone(asking, id)?;
        alone(Fact::BidVoided(BidUndone { bid: id, reason, now }))
    }

    fn undone(&self, asking: &Asking, id: Version) -> Result<gavel_auction::event::Now, Nay> {
        let mut after = self.clone();
        let struck = after.bids.iter_mut().find(|bid| bid.id == id && bid.standing);
        let Some(struck) = struck else { return nay("bid_gone") };
        struck.standing = false;
        let before = self.end.unwrap_or(0);
        let changed = self.price() != after.price() || self.leader() != after.leader();
        let late = changed && self.phase == Phase::Open && !self.is_sealed();
        let end = if late { self.softened(asking.at) } else { before };
        Ok(after.now_after(before, end))
    }
}
