//! What simulated people want: commands near the edges of what is legal, drawn from what anybody
//! could know of an auction. Most are sensible; some are mistakes. Judges nothing.

pub mod terms;

use crate::chance::Chance;
use crate::history::wish::{Creation, LISTING, Who, Wish};
use crate::world::params::Params;
use gavel_auction::auction::Phase;
use gavel_auction::event::{Channel, Digest, HouseId, KeyId, Reason};
use gavel_auction::ids::{Paddle, UserId, Version};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::terms::{Admission, Certify, Clock, Eligibility, Promotion};
use gavel_auction::time::Time;
use gavel_auction::view::{Head, Mine};
use std::sync::Arc;
use terms::Scale;

/// What somebody knows of an auction when he makes up his mind.
pub struct Scene<'a> {
    /// What is shown of it.
    pub head: &'a Head,
    /// What concerns him.
    pub mine: Option<Mine>,
    /// The house's time, as far as he can tell.
    pub now: Time,
    /// How long the run goes on, in microseconds.
    pub left: i64,
    /// Bids that were accepted: their ids, whose, how much.
    pub bids: &'a [(Version, UserId, i64)],
    /// The chain's head, for who certifies by hand.
    pub chain: Digest,
}

/// The clerk's number.
const CLERK: i64 = 2;

fn user(id: i64) -> UserId {
    UserId::new(id).expect("people are numbered from 1")
}

/// A member of the house.
#[must_use]
pub fn member(number: usize) -> Who {
    let user = user(10 + i64::try_from(number).unwrap_or(0));
    let (bidder, seller, clerk, admin) = (true, true, false, false);
    Who { user, bidder, seller, clerk, admin, banned: false, headroom: None }
}

/// The clerk.
#[must_use]
pub fn clerk() -> Who {
    Who { user: user(CLERK), bidder: false, seller: false, clerk: true, ..member(0) }
}

/// The administrator.
#[must_use]
pub fn admin() -> Who {
    Who { user: user(1), admin: true, ..clerk() }
}

fn reason(chance: &mut Chance) -> Reason {
    chance.pick(&Reason::ALL).0
}

fn seed(chance: &mut Chance) -> Digest {
    let mut bytes = [0; 32];
    bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&chance.number().to_be_bytes()));
    Digest(bytes)
}

/// What a seller creates.
pub fn creation(
    chance: &mut Chance,
    params: &Params,
    house: HouseId,
    log_key: KeyId,
    scale: Scale,
) -> Creation {
    let code = chance.pick(&["EUR", "EUR", "JPY", "KWD"]);
    let currency = Currency::from_code(code).expect("a currency in use");
    let (preset, terms) = terms::draw(chance, params.wild, currency, scale);
    let promotes = matches!(terms.promotion, Promotion::Double { .. });
    let seed = (promotes || chance.percent(10)).then(|| seed(chance));
    let publish = chance.percent(85);
    Creation {
        house,
        log_key,
        currency,
        preset,
        terms: Arc::new(terms),
        seed,
        publish,
        listing: LISTING,
    }
}

/// Who does something, and what.
pub fn wish(chance: &mut Chance, params: &Params, scene: &Scene<'_>) -> (Who, Wish) {
    let mut who = member(chance.index(params.members));
    if chance.percent(2) {
        who.headroom = Some(chance.pick(&[1, 100, 20_000]));
    }
    if chance.percent(params.mistakes) {
        return mistake(chance, params, scene);
    }
    match scene.head.phase {
        Phase::Draft | Phase::Scheduled => before(chance, scene, who),
        Phase::Open => open(chance, scene, who),
        Phase::OnHold { .. } => on_hold(chance, scene, who),
        Phase::Ended { .. } => after(chance, scene, who),
    }
}

fn mistake(chance: &mut Chance, params: &Params, scene: &Scene<'_>) -> (Who, Wish) {
    let mut who = match chance.index(4) {
        0 => clerk(),
        1 => admin(),
        _ => member(chance.index(params.members)),
    };
    match chance.index(8) {
        0 => who.banned = true,
        1 => who.bidder = !who.bidder,
        2 => who.user = scene.head.seller,
        3 => who.clerk = true,
        _ => {}
    }
    let wish = match chance.index(16) {
        0 => Wish::Publish,
        1 => Wish::Addendum,
        2 => Wish::Cancel { reason: reason(chance) },
        3 => Wish::Hold { reason: reason(chance) },
        4 => Wish::Resume,
        5 => Wish::Close { reason: None },
        6 => reopening(chance, scene),
        7 => Wish::Register,
        8 => approval(chance, scene),
        9 => Wish::Accept { price: chance.within(1, 1_000_000) },
        10 => Wish::BuyNow,
        11 => Wish::Retract { bid: chance.between(0, 40), reason: reason(chance) },
        12 => Wish::Void { bid: chance.between(0, 40), reason: reason(chance) },
        13 => Wish::Certify { head: scene.chain },
        14 => amendment(chance, scene),
        _ => bid(chance, scene),
    };
    (who, wish)
}

fn seller(scene: &Scene<'_>) -> Who {
    Who { user: scene.head.seller, ..member(0) }
}

fn before(chance: &mut Chance, scene: &Scene<'_>, who: Who) -> (Who, Wish) {
    let approved = scene.head.terms.eligibility == Eligibility::Approved;
    match chance.index(10) {
        0..4 if scene.head.phase == Phase::Draft => (seller(scene), Wish::Publish),
        0 => (seller(scene), amendment(chance, scene)),
        1 => (seller(scene), Wish::Addendum),
        2 if chance.percent(15) => (seller(scene), Wish::Cancel { reason: reason(chance) }),
        4 | 5 if approved => (who, Wish::Register),
        6 | 7 if approved => (clerk(), approval(chance, scene)),
        8 => (who, Wish::Register),
        _ => (who, bid(chance, scene)),
    }
}

fn open(chance: &mut Chance, scene: &Scene<'_>, who: Who) -> (Who, Wish) {
    let terms = &scene.head.terms;
    if terms.eligibility == Eligibility::Approved && chance.percent(30) {
        return match chance.index(3) {
            0 => (seller(scene), approval(chance, scene)),
            1 => (clerk(), approval(chance, scene)),
            _ => (who, Wish::Register),
        };
    }
    let own = scene.bids.iter().rev().find(|(_, user, _)| *user == who.user);
    match chance.index(100) {
        0 => (clerk(), Wish::Close { reason: Some(reason(chance)) }),
        1 | 2 => (clerk(), Wish::Hold { reason: reason(chance) }),
        3 if chance.percent(30) => (clerk(), Wish::Cancel { reason: reason(chance) }),
        4 => (seller(scene), Wish::Addendum),
        5 | 6 => match scene.bids.get(chance.index(scene.bids.len())) {
            Some((bid, ..)) => (admin(), Wish::Void { bid: *bid, reason: reason(chance) }),
            None => (who, bid(chance, scene)),
        },
        7..17 => match own {
            Some((bid, ..)) => (who, Wish::Retract { bid: *bid, reason: reason(chance) }),
            None => (who, bid(chance, scene)),
        },
        17..21 if terms.buy_now.amount().is_some() => (who, Wish::BuyNow),
        21..25 => {
            let mut wish = bid(chance, scene);
            if let Wish::Bid { on_behalf_of, .. } = &mut wish {
                let channel = chance.pick(&[Channel::Floor, Channel::Phone, Channel::Absentee]);
                *on_behalf_of = Some((chance.within(1, 4), channel));
            }
            (clerk(), wish)
        }
        25 => (who, Wish::Register),
        _ => (who, bid(chance, scene)),
    }
}

fn on_hold(chance: &mut Chance, scene: &Scene<'_>, who: Who) -> (Who, Wish) {
    match chance.index(10) {
        0..5 => (clerk(), Wish::Resume),
        5 => match scene.bids.get(chance.index(scene.bids.len())) {
            Some((bid, ..)) => (admin(), Wish::Void { bid: *bid, reason: reason(chance) }),
            None => (clerk(), Wish::Resume),
        },
        6 if chance.percent(30) => (clerk(), Wish::Close { reason: None }),
        _ => (who, bid(chance, scene)),
    }
}

fn after(chance: &mut Chance, scene: &Scene<'_>, who: Who) -> (Who, Wish) {
    match chance.index(10) {
        0 | 1 => (admin(), reopening(chance, scene)),
        2 if scene.head.terms.certify == Certify::Manual => {
            (admin(), Wish::Certify { head: scene.chain })
        }
        _ => (who, bid(chance, scene)),
    }
}

fn approval(chance: &mut Chance, scene: &Scene<'_>) -> Wish {
    let most = i64::try_from(scene.bids.len()).unwrap_or(0).max(3);
    Wish::Approve { paddle: chance.within(1, most + 2), yes: chance.percent(75) }
}

fn reopening(chance: &mut Chance, scene: &Scene<'_>) -> Wish {
    let from = scene.head.effective_end().unwrap_or(scene.now).max(scene.now);
    let ends_at = from.plus(chance.within(-1000, scene.left.max(2_000_000)));
    let promotes = matches!(scene.head.terms.promotion, Promotion::Double { .. });
    let seed = (promotes || chance.percent(20)).then(|| seed(chance));
    Wish::Reopen { reason: reason(chance), ends_at, seed }
}

fn amendment(chance: &mut Chance, scene: &Scene<'_>) -> Wish {
    let scale = Scale { now: scene.now, left: scene.left.max(2_000_000) };
    let (_, terms) = terms::draw(chance, 50, scene.head.currency, scale);
    let promotes = matches!(terms.promotion, Promotion::Double { .. });
    let seed = (promotes && chance.percent(90)).then(|| seed(chance));
    Wish::Amend { terms: Arc::new(terms), seed }
}

/// A bid near what is legal, or the acceptance of a clock near where that stands.
fn bid(chance: &mut Chance, scene: &Scene<'_>) -> Wish {
    let head = scene.head;
    let terms = &head.terms;
    if matches!(terms.clock, Clock::Descending { .. }) && chance.percent(95) {
        let stands = head.price_at(scene.now).unwrap_or(Amount::ONE).minor();
        let off = chance.pick(&[0, 0, -1, 1, 50]);
        // Few accept: the first one ends it.
        let wanted = if chance.percent(25) { stands + off } else { stands / 2 };
        return Wish::Accept { price: wanted.clamp(1, Amount::MAX.minor()) };
    }
    let own = scene.mine.and_then(|mine| mine.amount).map(Amount::minor);
    let next = head.next.amount().map_or_else(|| terms.start().minor(), Amount::minor);
    let base = match (terms.admission, own) {
        (Admission::BeatOwnLatest {}, Some(own)) => own + 1,
        (Admission::BeatLeader {}, Some(own)) if terms.has_proxy() && chance.percent(40) => own,
        _ => next,
    };
    let away = base / 20 + 3;
    let better = if terms.direction == gavel_auction::terms::Direction::Forward { 1 } else { -1 };
    let equal = scene.bids.get(chance.index(scene.bids.len())).map(|(.., amount)| *amount);
    let amount = match chance.index(13) {
        // As much as somebody else has bid.
        12 => equal.unwrap_or(base),
        0 | 1 => base,
        2 => base - better,
        3 => base + better,
        4 => base.saturating_mul(11),
        5 => base / 11,
        6 => chance.pick(&[1, Amount::MAX.minor(), Amount::MAX.minor() / 2, 4_503_599_627_370_496]),
        7 => head.price.map_or(base, Amount::minor),
        // Round numbers meet: 1, 2, 5, 10, 20, 50 and so on.
        8 | 9 => {
            let unit = 10_i64.pow(base.max(1).ilog10());
            [unit * 2, unit * 5, unit * 10].into_iter().find(|round| *round > base).unwrap_or(base)
        }
        _ => base.saturating_add(better * chance.within(0, away)),
    };
    let proxy = terms.has_proxy();
    let named = chance.percent(20);
    let currency =
        if chance.percent(2) { Currency::from_code("USD") } else { named.then_some(head.currency) };
    Wish::Bid {
        amount: amount.clamp(1, Amount::MAX.minor()),
        maximum: if proxy { chance.percent(50) } else { chance.percent(2) },
        currency,
        confirm: chance.percent(40),
        on_behalf_of: None,
    }
}

/// A paddle's number.
#[must_use]
pub fn paddle(number: i64) -> Option<Paddle> {
    Paddle::new(number)
}
