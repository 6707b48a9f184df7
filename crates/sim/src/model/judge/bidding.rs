//! How the naive house judges bids, purchases, and what undoes them.

use super::*;

/// Bids.
impl Lot {
    pub(super) fn bid(&self, asking: &Asking, offer: &Offer) -> Verdict {
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
        if clerk.is_some() {
            self.meant(offer, legal)?;
            if self.within(asking, offer.amount).is_err() {
                return nay("over_limit");
            }
        } else {
            self.within(asking, offer.amount)?;
            self.meant(offer, legal)?;
        }
        Ok(vec![self.placed(asking, offer, paddle, newcomer, clerk)])
    }

    pub(super) fn within(&self, asking: &Asking, amount: i64) -> Result<(), Nay> {
        match asking.who.headroom {
            Some(headroom) if amount > headroom => nay_with("over_limit", Some(headroom)),
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn meant(&self, offer: &Offer, legal: i64) -> Result<(), Nay> {
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
    pub(super) fn for_whom(
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
    pub(super) fn admit(
        &self,
        paddle: i64,
        clerk: Option<UserId>,
        amount: i64,
    ) -> Result<i64, Nay> {
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

    pub(super) fn reach(&self, amount: i64, price: Option<i64>) -> Result<i64, Nay> {
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

    pub(super) fn placed(
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

    pub(super) fn accept(&self, asking: &Asking, price: i64) -> Verdict {
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

    pub(super) fn buy_now(&self, asking: &Asking) -> Verdict {
        let paddle = self.own_bidder(asking)?;
        asking.expected()?;
        self.open(asking.at)?;
        let Some(amount) = self.buy_now_amount() else { return nay("buy_now_gone") };
        self.within(asking, amount)?;
        Ok(self.bought(asking, paddle, amount, CloseReason::Bought))
    }

    pub(super) fn bought(
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

    pub(super) fn retract(&self, asking: &Asking, id: Version, reason: Reason) -> Verdict {
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

    pub(super) fn void(&self, asking: &Asking, id: Version, reason: Reason) -> Verdict {
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

    pub(super) fn undone(
        &self,
        asking: &Asking,
        id: Version,
    ) -> Result<gavel_auction::event::Now, Nay> {
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
