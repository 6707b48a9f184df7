//! Terms for simulated auctions: those of every preset, changed here and there, and any others that
//! are legal. Times are on the scale of the run. Knows nothing of what the terms lead to.

use crate::chance::Chance;
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{
    Admission, Band, BuyNow, Certify, Clock, Close, Direction, Eligibility, Fees, Increment,
    Outage, Pricing, Promotion, Proxy, Reserve, Retraction, Schedule, Terms, Visibility, Weight,
    WeightKind,
};
use gavel_auction::time::Time;

/// The scale of a run.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The house's time.
    pub now: Time,
    /// How long is left, in microseconds.
    pub left: i64,
}

/// Legal terms, and the preset they were composed from.
pub fn draw(chance: &mut Chance, wild: u64, currency: Currency, scale: Scale) -> (Preset, Terms) {
    loop {
        let preset = chance.pick(&Preset::ALL);
        let slots = if chance.percent(wild) {
            any(chance, currency, scale)
        } else {
            let mut slots = of_preset(chance, preset, currency, scale);
            if chance.percent(60) {
                let changes = 1 + chance.index(4);
                let other = any(chance, currency, scale);
                (0..changes).for_each(|_| change(chance, &mut slots, &other));
            }
            slots
        };
        if let Ok(terms) = slots.complete() {
            return (preset, terms);
        }
    }
}

fn amount(minor: i64) -> Amount {
    Amount::new(minor.max(1)).unwrap_or(Amount::MAX)
}

/// Around which all prices of an auction lie.
fn level(chance: &mut Chance) -> i64 {
    chance.pick(&[3, 40, 500, 12_750, 100_000, Amount::MAX.minor() / 4, Amount::MAX.minor() - 9])
}

fn schedule(chance: &mut Chance, scale: Scale) -> Schedule {
    let length = chance.within(scale.left / 20, scale.left.max(20));
    let later = chance.percent(30);
    let starts_at = later.then(|| scale.now.plus(chance.within(-1000, scale.left / 3)));
    let begins = starts_at.unwrap_or(scale.now).max(scale.now);
    if chance.percent(50) {
        let seconds = u32::try_from(length / 1_000_000).unwrap_or(1).max(1);
        return Schedule { duration_seconds: Some(seconds), ends_at: None, starts_at };
    }
    Schedule { duration_seconds: None, ends_at: Some(begins.plus(length)), starts_at }
}

/// Seconds up to about a part of what is left.
fn seconds(chance: &mut Chance, scale: Scale, part: i64) -> u32 {
    let most = (scale.left / 1_000_000 / part).max(1);
    u32::try_from(chance.within(1, most + 1)).unwrap_or(1)
}

fn soft(chance: &mut Chance, scale: Scale) -> Close {
    Close::Soft {
        window_seconds: seconds(chance, scale, 8),
        extend_to_seconds: seconds(chance, scale, 8),
        max_total_seconds: seconds(chance, scale, 3),
    }
}

fn falling(chance: &mut Chance, scale: Scale) -> Clock {
    let floor = level(chance) / 2 + 1;
    let drops = chance.within(1, 20);
    let step = chance.within(1, floor.min(1_000_000) + 2);
    let start = floor.saturating_add(step * drops - chance.within(0, step));
    let start = start.max(floor + 1);
    let every_seconds = seconds(chance, scale, drops * 2);
    let (start, floor, step) = (amount(start), amount(floor), amount(step));
    Clock::Descending { start, floor, step, every_seconds }
}

fn of_preset(chance: &mut Chance, preset: Preset, currency: Currency, scale: Scale) -> Slots {
    let clocked = preset == Preset::Dutch;
    let mut schedule = schedule(chance, scale);
    if clocked {
        schedule = Schedule { starts_at: schedule.starts_at, ..Schedule::default() };
    }
    let slots = preset.slots(currency);
    let close = match slots.close {
        Some(Close::Soft { .. }) => Some(soft(chance, scale)),
        other => other,
    };
    let promotion = match &slots.promotion {
        Some(Promotion::Double { .. }) => Some(doubling(chance, scale)),
        other => other.clone(),
    };
    let priced = !clocked && (slots.starting_price.is_none() || chance.percent(50));
    let stepped = slots.increment.is_none();
    Slots {
        clock: if clocked { Some(falling(chance, scale)) } else { slots.clock },
        starting_price: if priced { Some(amount(level(chance))) } else { slots.starting_price },
        increment: if stepped {
            Some(Increment::Fixed { step: amount(chance.within(1, 500)) })
        } else {
            slots.increment.clone()
        },
        close,
        promotion,
        schedule: Some(schedule),
        ..slots
    }
}

fn doubling(chance: &mut Chance, scale: Scale) -> Promotion {
    let kinds = [WeightKind::Newcomer, WeightKind::Underdog, WeightKind::Early];
    let weight = |chance: &mut Chance| {
        let kind = chance.pick(&kinds);
        Weight { factor: u32::try_from(chance.within(1, 101)).unwrap_or(1), kind }
    };
    let count = chance.index(4);
    let weights = (0..count).map(|_| weight(chance)).collect();
    Promotion::Double { every_seconds: seconds(chance, scale, 6), weights }
}

fn increment(chance: &mut Chance, currency: Currency) -> Increment {
    match chance.index(5) {
        0 => Increment::AnyHigher {},
        1 => Increment::Fixed { step: amount(chance.within(1, 900)) },
        2 => Increment::Percent { basis_points: chance.pick(&[1, 50, 333, 10_000]) },
        3 => gavel_auction::presets::default_table(currency),
        _ => Increment::Table {
            steps: vec![
                Band { from: 0, step: 1 },
                Band { from: chance.within(1, 50), step: chance.within(1, 9) },
                Band { from: chance.within(50, 20_000), step: chance.within(9, 200) },
            ],
        },
    }
}

/// Any value for every slot; seldom legal as a whole.
fn any(chance: &mut Chance, currency: Currency, scale: Scale) -> Slots {
    let level = level(chance);
    let start = amount(level);
    let above = amount(level.saturating_add(chance.within(0, level.min(100_000) + 2)));
    let below = amount(level - chance.within(0, level.min(100_000)));
    let direction = chance.pick(&[Direction::Forward, Direction::Forward, Direction::Reverse]);
    let beyond = if direction == Direction::Forward { above } else { below };
    let reserve = match chance.index(4) {
        0 => Reserve::Hidden { amount: Some(beyond) },
        1 => Reserve::Disclosed { amount: beyond },
        _ => Reserve::None {},
    };
    let bought = amount(above.minor().saturating_add(chance.within(1, 5000)));
    let buy_now = match chance.index(6) {
        0 => BuyNow::UntilFirstBid { amount: bought },
        1 => BuyNow::UntilReserveMet { amount: bought },
        2 => BuyNow::UntilClose { amount: bought },
        _ => BuyNow::None {},
    };
    let style = chance.index(8);
    let sealed = style == 0;
    let clocked = style == 1;
    let ladder = style == 2 || style == 3;
    let admission = match style {
        0 if chance.percent(50) => Admission::OncePerBidder {},
        0 => Admission::Revisable {},
        1 => Admission::AcceptClock {},
        2 | 3 => Admission::BeatOwnLatest {},
        _ => Admission::BeatLeader {},
    };
    let visibility = chance.pick(&[Visibility::Paddle, Visibility::Named]);
    let fees = fees(chance);
    let times = schedule(chance, scale);
    let started = Schedule { starts_at: times.starts_at, ..Schedule::default() };
    let priced = if sealed { Pricing::SecondPrice } else { Pricing::PayBid };
    Slots {
        admission: Some(admission),
        buy_now: Some(if clocked || sealed { BuyNow::None {} } else { buy_now }),
        certify: Some(if chance.percent(20) { Certify::Manual } else { Certify::Automatic }),
        clock: Some(if clocked { falling(chance, scale) } else { Clock::None {} }),
        close: Some(if chance.percent(60) && !clocked && !sealed {
            soft(chance, scale)
        } else {
            Close::Hard {}
        }),
        confirm_factor: Some(chance.pick(&[0, 0, 2, 10])),
        direction: Some(if clocked || ladder { Direction::Forward } else { direction }),
        eligibility: Some(if chance.percent(20) {
            Eligibility::Approved
        } else {
            Eligibility::Anyone
        }),
        fees: Some(if direction == Direction::Reverse { Fees::default() } else { fees }),
        increment: Some(if clocked { Increment::None {} } else { increment(chance, currency) }),
        outage: Some(if chance.percent(20) { Outage::Ignore } else { Outage::Extend }),
        own_raise: Some(chance.percent(50)),
        pricing: Some(match clocked {
            true => Pricing::ClockPrice,
            false => chance.pick(&[priced, Pricing::PayBid]),
        }),
        promotion: Some(if ladder { doubling(chance, scale) } else { Promotion::None {} }),
        proxy: Some(if style >= 4 && chance.percent(60) { Proxy::Maximum } else { Proxy::None }),
        reserve: Some(if clocked { Reserve::None {} } else { reserve }),
        retraction: Some(retraction(chance, scale)),
        schedule: Some(if clocked { started } else { times }),
        settlement: None,
        starting_price: (!clocked).then_some(start),
        visibility: Some(if sealed { Visibility::Sealed } else { visibility }),
    }
}

fn fees(chance: &mut Chance) -> Fees {
    Fees {
        buyer_premium_bp: chance.pick(&[0, 1000, 2500]),
        seller_commission_bp: chance.pick(&[0, 333]),
        tax_bp: chance.pick(&[0, 2000, 10_000]),
    }
}

fn retraction(chance: &mut Chance, scale: Scale) -> Retraction {
    match chance.index(3) {
        0 => Retraction::Never {},
        1 => Retraction::WhileOpen {},
        _ => Retraction::Window {
            not_in_last_seconds: seconds(chance, scale, 8),
            within_seconds: seconds(chance, scale, 4),
        },
    }
}

/// Takes one slot from other terms.
fn change(chance: &mut Chance, slots: &mut Slots, other: &Slots) {
    let other = other.clone();
    match chance.index(12) {
        0 => slots.buy_now = other.buy_now,
        1 => slots.certify = other.certify,
        2 => slots.close = other.close,
        3 => slots.confirm_factor = other.confirm_factor,
        4 => slots.eligibility = other.eligibility,
        5 => slots.fees = other.fees,
        6 => slots.increment = other.increment,
        7 => slots.outage = other.outage,
        8 => slots.own_raise = other.own_raise,
        9 => (slots.reserve, slots.starting_price) = (other.reserve, other.starting_price),
        10 => slots.retraction = other.retraction,
        _ => slots.promotion = other.promotion,
    }
}
