//! Presets: named terms. Anything of a preset may be overridden; what it leaves open the creator
//! must give. A new type of auction is one more entry here.

use crate::money::{Amount, Currency};
use crate::slot;
use crate::terms::check::Problem;
use crate::terms::{
    Admission, Band, BuyNow, Certify, Clock, Close, Direction, Eligibility, Fees, Increment,
    Outage, Pricing, Promotion, Proxy, Reserve, Retraction, Schedule, Settlement, Terms,
    Visibility,
};
use serde::{Deserialize, Serialize};

/// The name of a preset, as `created` events keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// House sale: open, increment table, soft close. The default.
    English,
    /// As on the big online sites: proxy bids, hard close.
    Timed,
    /// Live flash sale: short, named bidders, ten seconds' soft close.
    Flash,
    /// Any higher bid, hard close.
    Classic,
    /// Beat your own last bid; one bid an interval is doubled by lot.
    Ladder,
    /// A falling clock: the first to accept buys.
    Dutch,
    /// Tender: hidden bids, the best pays what he bid.
    Sealed,
    /// Hidden bids, the best pays the second price.
    Vickrey,
    /// Procurement: the lowest wins.
    Reverse,
    /// Charity tables: fixed steps, no raise of one's own bid.
    Silent,
}

impl Preset {
    /// All presets, in the order in which they are documented.
    pub const ALL: [Self; 10] = [
        Self::English,
        Self::Timed,
        Self::Flash,
        Self::Classic,
        Self::Ladder,
        Self::Dutch,
        Self::Sealed,
        Self::Vickrey,
        Self::Reverse,
        Self::Silent,
    ];

    /// The name in requests and events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "english",
            Self::Timed => "timed",
            Self::Flash => "flash",
            Self::Classic => "classic",
            Self::Ladder => "ladder",
            Self::Dutch => "dutch",
            Self::Sealed => "sealed",
            Self::Vickrey => "vickrey",
            Self::Reverse => "reverse",
            Self::Silent => "silent",
        }
    }

    /// The preset with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// What the preset fixes; what it leaves `None` the creator must give.
    #[must_use]
    pub fn slots(self, currency: Currency) -> Slots {
        let base = Slots::neutral();
        let table = Some(default_table(currency));
        let late = Some(soft(120, 3600));
        let sealed = Slots {
            admission: Some(Admission::Revisable {}),
            own_raise: Some(true),
            visibility: Some(Visibility::Sealed),
            ..base.clone()
        };
        match self {
            Self::English => Slots { increment: table, close: late, ..base },
            Self::Timed => Slots {
                increment: table,
                proxy: Some(Proxy::Maximum),
                own_raise: Some(true),
                ..base
            },
            Self::Flash => Slots {
                visibility: Some(Visibility::Named),
                increment: table,
                starting_price: None,
                close: Some(soft(10, 600)),
                ..base
            },
            Self::Classic => Slots {
                visibility: Some(Visibility::Named),
                own_raise: Some(true),
                outage: Some(Outage::Ignore),
                ..base
            },
            Self::Ladder => Slots {
                visibility: Some(Visibility::Named),
                admission: Some(Admission::BeatOwnLatest {}),
                own_raise: Some(true),
                retraction: Some(Retraction::WhileOpen {}),
                promotion: Some(Promotion::Double { every_seconds: 3600, weights: Vec::new() }),
                ..base
            },
            Self::Dutch => Slots {
                admission: Some(Admission::AcceptClock {}),
                increment: Some(Increment::None {}),
                pricing: Some(Pricing::ClockPrice),
                starting_price: None,
                clock: None,
                ..base
            },
            Self::Sealed => sealed,
            Self::Vickrey => Slots { pricing: Some(Pricing::SecondPrice), ..sealed },
            Self::Reverse => Slots {
                direction: Some(Direction::Reverse),
                increment: Some(Increment::Percent { basis_points: 50 }),
                starting_price: None,
                close: late,
                ..base
            },
            Self::Silent => Slots { increment: None, starting_price: None, ..base },
        }
    }
}

/// A close that gives as much time as the window is long.
const fn soft(window_seconds: u32, max_total_seconds: u32) -> Close {
    Close::Soft { window_seconds, extend_to_seconds: window_seconds, max_total_seconds }
}

/// The increment table of the house, in major units of any currency, rounded up to a minor unit.
#[must_use]
pub fn default_table(currency: Currency) -> Increment {
    const HUNDREDTHS: [(i64, i64); 10] = [
        (0, 5),
        (100, 25),
        (500, 50),
        (2_500, 100),
        (10_000, 250),
        (25_000, 500),
        (50_000, 1_000),
        (100_000, 2_500),
        (250_000, 5_000),
        (500_000, 10_000),
    ];
    let unit = 10_i64.pow(currency.exponent());
    let minor = |hundredths: i64| (hundredths * unit + 99) / 100;
    let band = |(from, step)| Band { from: minor(from), step: minor(step) };
    Increment::Table { steps: HUNDREDTHS.into_iter().map(band).collect() }
}

/// Terms of which some slots may still be open: a preset, what a request overrides, or an
/// amendment. Its JSON is the `terms` object of a request; the schedule stands beside that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the fields are those of Terms")]
pub struct Slots {
    #[serde(deserialize_with = "slot::optional")]
    pub admission: Option<Admission>,
    #[serde(deserialize_with = "slot::optional")]
    pub buy_now: Option<BuyNow>,
    #[serde(deserialize_with = "slot::optional_word")]
    pub certify: Option<Certify>,
    #[serde(deserialize_with = "slot::optional")]
    pub clock: Option<Clock>,
    #[serde(deserialize_with = "slot::optional")]
    pub close: Option<Close>,
    pub confirm_factor: Option<u32>,
    #[serde(deserialize_with = "slot::optional_word")]
    pub direction: Option<Direction>,
    #[serde(deserialize_with = "slot::optional_word")]
    pub eligibility: Option<Eligibility>,
    pub fees: Option<Fees>,
    #[serde(deserialize_with = "slot::optional")]
    pub increment: Option<Increment>,
    #[serde(deserialize_with = "slot::optional_word")]
    pub outage: Option<Outage>,
    pub own_raise: Option<bool>,
    #[serde(deserialize_with = "slot::optional_word")]
    pub pricing: Option<Pricing>,
    #[serde(deserialize_with = "slot::optional")]
    pub promotion: Option<Promotion>,
    #[serde(deserialize_with = "slot::optional_word")]
    pub proxy: Option<Proxy>,
    #[serde(deserialize_with = "slot::optional")]
    pub reserve: Option<Reserve>,
    #[serde(deserialize_with = "slot::optional")]
    pub retraction: Option<Retraction>,
    #[serde(skip)]
    pub schedule: Option<Schedule>,
    pub settlement: Option<Settlement>,
    pub starting_price: Option<Amount>,
    #[serde(deserialize_with = "slot::optional_word")]
    pub visibility: Option<Visibility>,
}

impl Slots {
    /// What most presets have; each says where it differs.
    fn neutral() -> Self {
        Self {
            admission: Some(Admission::BeatLeader {}),
            buy_now: Some(BuyNow::None {}),
            certify: Some(Certify::Automatic),
            clock: Some(Clock::None {}),
            close: Some(Close::Hard {}),
            confirm_factor: Some(0),
            direction: Some(Direction::Forward),
            eligibility: Some(Eligibility::Anyone),
            fees: Some(Fees::default()),
            increment: Some(Increment::AnyHigher {}),
            outage: Some(Outage::Extend),
            own_raise: Some(false),
            pricing: Some(Pricing::PayBid),
            promotion: Some(Promotion::None {}),
            proxy: Some(Proxy::None),
            reserve: Some(Reserve::None {}),
            retraction: Some(Retraction::Never {}),
            schedule: Some(Schedule::default()),
            settlement: Some(Settlement::default()),
            starting_price: Some(Amount::ONE),
            visibility: Some(Visibility::Paddle),
        }
    }

    /// These slots, and `base`'s where these are open.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        Self {
            admission: self.admission.or(base.admission),
            buy_now: self.buy_now.or(base.buy_now),
            certify: self.certify.or(base.certify),
            clock: self.clock.or(base.clock),
            close: self.close.or(base.close),
            confirm_factor: self.confirm_factor.or(base.confirm_factor),
            direction: self.direction.or(base.direction),
            eligibility: self.eligibility.or(base.eligibility),
            fees: self.fees.or(base.fees),
            increment: self.increment.or(base.increment),
            outage: self.outage.or(base.outage),
            own_raise: self.own_raise.or(base.own_raise),
            pricing: self.pricing.or(base.pricing),
            promotion: self.promotion.or(base.promotion),
            proxy: self.proxy.or(base.proxy),
            reserve: self.reserve.or(base.reserve),
            retraction: self.retraction.or(base.retraction),
            schedule: self.schedule.or(base.schedule),
            settlement: self.settlement.or(base.settlement),
            starting_price: self.starting_price.or(base.starting_price),
            visibility: self.visibility.or(base.visibility),
        }
    }

    /// Whole terms, checked; or every problem at once.
    ///
    /// # Errors
    /// All that is missing or does not go together.
    pub fn complete(self) -> Result<Terms, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut slots = self;
        // What is missing is filled in for the moment, so that all the rest is checked as well;
        // a missing start or end is found there.
        if slots.clock.is_none() {
            let detail = "a dutch auction needs its clock";
            problems.push(Problem::new("terms.clock", "required", detail));
            slots.clock = Some(Clock::Descending {
                start: Amount::MAX,
                floor: Amount::ONE,
                step: Amount::MAX,
                every_seconds: 1,
            });
        }
        if slots.increment.is_none() {
            let detail = "give the step between bids";
            problems.push(Problem::new("terms.increment", "required", detail));
            slots.increment = Some(Increment::AnyHigher {});
        }
        let schedule = slots.schedule.unwrap_or_default();
        let rest = Self { schedule: Some(schedule), starting_price: None, ..Self::neutral() };
        let slots = slots.over(rest);
        let terms = Terms {
            admission: slots.admission.unwrap_or(Admission::BeatLeader {}),
            buy_now: slots.buy_now.unwrap_or(BuyNow::None {}),
            certify: slots.certify.unwrap_or(Certify::Automatic),
            clock: slots.clock.unwrap_or(Clock::None {}),
            close: slots.close.unwrap_or(Close::Hard {}),
            confirm_factor: slots.confirm_factor.unwrap_or(0),
            direction: slots.direction.unwrap_or(Direction::Forward),
            eligibility: slots.eligibility.unwrap_or(Eligibility::Anyone),
            fees: slots.fees.unwrap_or_default(),
            increment: slots.increment.unwrap_or(Increment::AnyHigher {}),
            outage: slots.outage.unwrap_or(Outage::Extend),
            own_raise: slots.own_raise.unwrap_or(false),
            pricing: slots.pricing.unwrap_or(Pricing::PayBid),
            promotion: slots.promotion.unwrap_or(Promotion::None {}),
            proxy: slots.proxy.unwrap_or(Proxy::None),
            reserve: slots.reserve.unwrap_or(Reserve::None {}),
            retraction: slots.retraction.unwrap_or(Retraction::Never {}),
            schedule,
            settlement: slots.settlement.unwrap_or_default(),
            starting_price: slots.starting_price,
            visibility: slots.visibility.unwrap_or(Visibility::Paddle),
        };
        problems.extend(terms.check());
        if problems.is_empty() { Ok(terms) } else { Err(problems) }
    }
}

impl From<Terms> for Slots {
    fn from(terms: Terms) -> Self {
        Self {
            admission: Some(terms.admission),
            buy_now: Some(terms.buy_now),
            certify: Some(terms.certify),
            clock: Some(terms.clock),
            close: Some(terms.close),
            confirm_factor: Some(terms.confirm_factor),
            direction: Some(terms.direction),
            eligibility: Some(terms.eligibility),
            fees: Some(terms.fees),
            increment: Some(terms.increment),
            outage: Some(terms.outage),
            own_raise: Some(terms.own_raise),
            pricing: Some(terms.pricing),
            promotion: Some(terms.promotion),
            proxy: Some(terms.proxy),
            reserve: Some(terms.reserve),
            retraction: Some(terms.retraction),
            schedule: Some(terms.schedule),
            settlement: Some(terms.settlement),
            starting_price: terms.starting_price,
            visibility: Some(terms.visibility),
        }
    }
}
