//! How the naive house judges a wish: the reasons for no in the order of the page, then what
//! happens.

mod bidding;

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
