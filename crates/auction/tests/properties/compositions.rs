//! Random legal terms: a preset, and overrides of which each is kept only if the whole still makes
//! sense. Amounts are small, so that bids meet each other, the reserve and buy now often.

use crate::world::ZERO;
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{
    Admission, Band, BuyNow, Certify, Clock, Close, Direction, Eligibility, Fees, Increment,
    Outage, Pricing, Promotion, Proxy, Reserve, Retraction, Schedule, Terms, Visibility, Weight,
    WeightKind,
};
use proptest::prelude::*;

/// Terms that make sense, and where they come from.
#[derive(Clone, Debug)]
pub struct Composition {
    pub preset: Preset,
    pub terms: Terms,
}

pub fn eur() -> Currency {
    Currency::from_code("EUR").unwrap()
}

fn money(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

impl Composition {
    /// A preset with what it leaves to the creator, and short promotion intervals.
    pub fn plain(preset: Preset) -> Self {
        let whole = Self::whole(preset);
        let promotion = Promotion::Double { every_seconds: 100, weights: Vec::new() };
        let short = Slots { promotion: Some(promotion), ..Slots::default() };
        if preset == Preset::Ladder { whole.with(short).unwrap() } else { whole }
    }

    /// A preset with what it leaves to the creator.
    pub fn whole(preset: Preset) -> Self {
        let given = match preset {
            Preset::Dutch => Slots {
                clock: Some(Clock::Descending {
                    start: money(300),
                    floor: money(20),
                    step: money(25),
                    every_seconds: 60,
                }),
                ..Slots::default()
            },
            Preset::Silent => Slots {
                increment: Some(Increment::Fixed { step: money(7) }),
                starting_price: Some(money(10)),
                ..with_end()
            },
            Preset::Reverse => Slots { starting_price: Some(money(300)), ..with_end() },
            Preset::Flash => Slots { starting_price: Some(money(10)), ..with_end() },
            Preset::English
            | Preset::Timed
            | Preset::Classic
            | Preset::Ladder
            | Preset::Sealed
            | Preset::Vickrey => with_end(),
        };
        Self { preset, terms: given.over(preset.slots(eur())).complete().unwrap() }
    }

    fn with(&self, change: Slots) -> Option<Self> {
        let before: Slots = self.terms.clone().into();
        let terms = change.over(before).complete().ok()?;
        Some(Self { preset: self.preset, terms })
    }
}

fn with_end() -> Slots {
    let schedule = Schedule { ends_at: Some(ZERO.plus_seconds(700)), ..Schedule::default() };
    Slots { schedule: Some(schedule), ..Slots::default() }
}

/// One slot with a random value.
fn change() -> impl Strategy<Value = Slots> {
    let none = Slots::default;
    prop_oneof![
        (1_i64..200).prop_map(move |at| Slots { starting_price: Some(money(at)), ..none() }),
        increment().prop_map(move |to| Slots { increment: Some(to), ..none() }),
        reserve().prop_map(move |to| Slots { reserve: Some(to), ..none() }),
        buy_now().prop_map(move |to| Slots { buy_now: Some(to), ..none() }),
        close().prop_map(move |to| Slots { close: Some(to), ..none() }),
        retraction().prop_map(move |to| Slots { retraction: Some(to), ..none() }),
        promotion().prop_map(move |to| Slots { promotion: Some(to), ..none() }),
        fees().prop_map(move |to| Slots { fees: Some(to), ..none() }),
        kinds(),
    ]
}

/// Slots without parameters.
fn kinds() -> impl Strategy<Value = Slots> {
    let none = Slots::default();
    prop_oneof![
        prop::sample::select(vec![Direction::Forward, Direction::Reverse])
            .prop_map(|to| Slots { direction: Some(to), ..Slots::default() }),
        prop::sample::select(vec![Visibility::Paddle, Visibility::Named])
            .prop_map(|to| Slots { visibility: Some(to), ..Slots::default() }),
        prop::sample::select(vec![
            Admission::BeatLeader {},
            Admission::BeatOwnLatest {},
            Admission::OncePerBidder {},
            Admission::Revisable {},
        ])
        .prop_map(|to| Slots { admission: Some(to), ..Slots::default() }),
        prop::sample::select(vec![Pricing::PayBid, Pricing::SecondPrice])
            .prop_map(|to| Slots { pricing: Some(to), ..Slots::default() }),
        prop::sample::select(vec![Proxy::None, Proxy::Maximum])
            .prop_map(|to| Slots { proxy: Some(to), ..Slots::default() }),
        any::<bool>().prop_map(|to| Slots { own_raise: Some(to), ..Slots::default() }),
        Just(Slots { eligibility: Some(Eligibility::Approved), ..none.clone() }),
        Just(Slots { certify: Some(Certify::Manual), ..none.clone() }),
        Just(Slots { outage: Some(Outage::Ignore), ..none.clone() }),
        Just(Slots { confirm_factor: Some(3), ..none }),
    ]
}

fn increment() -> impl Strategy<Value = Increment> {
    prop_oneof![
        Just(Increment::AnyHigher {}),
        (1_i64..30).prop_map(|step| Increment::Fixed { step: money(step) }),
        (1_u32..3000).prop_map(|basis_points| Increment::Percent { basis_points }),
        (1_i64..5, 2_i64..50, 0_i64..20).prop_map(|(step, from, more)| Increment::Table {
            steps: vec![Band { from: 0, step }, Band { from, step: step + more }],
        }),
    ]
}

fn reserve() -> impl Strategy<Value = Reserve> {
    prop_oneof![
        (1_i64..300).prop_map(|amount| Reserve::Hidden { amount: Some(money(amount)) }),
        (1_i64..300).prop_map(|amount| Reserve::Disclosed { amount: money(amount) }),
    ]
}

fn buy_now() -> impl Strategy<Value = BuyNow> {
    (2_i64..500, 0..3).prop_map(|(amount, kind)| {
        let amount = money(amount);
        match kind {
            0 => BuyNow::UntilFirstBid { amount },
            1 => BuyNow::UntilReserveMet { amount },
            _ => BuyNow::UntilClose { amount },
        }
    })
}

fn close() -> impl Strategy<Value = Close> {
    (1_u32..200, 1_u32..200, 1_u32..400).prop_map(|(window, extend, most)| Close::Soft {
        window_seconds: window,
        extend_to_seconds: extend,
        max_total_seconds: most,
    })
}

fn retraction() -> impl Strategy<Value = Retraction> {
    prop_oneof![
        Just(Retraction::WhileOpen {}),
        (0_u32..300, 1_u32..300).prop_map(|(last, within)| Retraction::Window {
            not_in_last_seconds: last,
            within_seconds: within,
        }),
    ]
}

fn promotion() -> impl Strategy<Value = Promotion> {
    let kinds = vec![WeightKind::Newcomer, WeightKind::Underdog, WeightKind::Early];
    let weight = (1_u32..=100, prop::sample::select(kinds))
        .prop_map(|(factor, kind)| Weight { factor, kind });
    (1_u32..300, prop::collection::vec(weight, 0..4))
        .prop_map(|(every_seconds, weights)| Promotion::Double { every_seconds, weights })
}

fn fees() -> impl Strategy<Value = Fees> {
    (0_u32..=10_000, 0_u32..=10_000, 0_u32..=10_000).prop_map(|(premium, commission, tax)| Fees {
        buyer_premium_bp: premium,
        seller_commission_bp: commission,
        tax_bp: tax,
    })
}

/// A preset with overrides, as far as they go together.
pub fn legal() -> impl Strategy<Value = Composition> {
    let preset = prop::sample::select(Preset::ALL.to_vec());
    (preset, prop::collection::vec(change(), 0..10)).prop_map(|(preset, changes)| {
        let plain = Composition::plain(preset);
        let terms =
            changes.into_iter().fold(plain, |so_far, change| so_far.with(change).unwrap_or(so_far));
        assert!(terms.terms.check().is_empty());
        terms
    })
}
