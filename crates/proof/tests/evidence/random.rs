//! Random histories of random compositions: whatever the rules let happen has a log and a
//! certificate that hold. Amounts are small, so that ties and bounds are met often.

use crate::house::{ADMIN, House, SELLER, START, amount, paddle, terms};
use gavel_auction::auction::Phase;
use gavel_auction::command::{Action, Amend, Offer, PlaceBid};
use gavel_auction::event::{Channel, Digest, Reason};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{
    Admission, BuyNow, Clock, Direction, Eligibility, Increment, Promotion, Proxy, Reserve,
    Retraction, Schedule, Terms, Weight, WeightKind,
};
use gavel_auction::time::Time;
use gavel_proof::verify::verify;
use std::ops::Range;
use std::sync::Arc;

/// Numbers that look random and are the same on every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    pub fn up_to(&mut self, most: i64) -> i64 {
        i64::try_from(self.below(most.unsigned_abs())).unwrap() + 1
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()].clone()
    }
}

fn reserve(dice: &mut Dice) -> Option<Reserve> {
    let limit = amount(dice.up_to(60));
    dice.pick(&[
        None,
        Some(Reserve::Hidden { amount: Some(limit) }),
        Some(Reserve::Hidden { amount: Some(limit) }),
        Some(Reserve::Disclosed { amount: limit }),
    ])
}

fn slots(preset: Preset, dice: &mut Dice) -> Slots {
    let step = Increment::Fixed { step: amount(dice.up_to(6)) };
    let until = amount(40 + dice.up_to(40));
    let retraction = Retraction::Window { not_in_last_seconds: 0, within_seconds: 100_000 };
    let mut slots = Slots {
        increment: dice.pick(&[Some(step), Some(Increment::AnyHigher {})]),
        retraction: dice.pick(&[None, Some(Retraction::WhileOpen {}), Some(retraction)]),
        eligibility: dice.pick(&[None, None, Some(Eligibility::Approved)]),
        starting_price: Some(amount(dice.up_to(9))),
        reserve: reserve(dice),
        buy_now: dice.pick(&[
            None,
            Some(BuyNow::UntilClose { amount: until }),
            Some(BuyNow::UntilFirstBid { amount: until }),
            Some(BuyNow::UntilReserveMet { amount: until }),
        ]),
        own_raise: dice.pick(&[None, Some(true)]),
        ..Slots::default()
    };
    match preset {
        Preset::Timed if dice.one_in(3) => {
            slots.direction = Some(Direction::Reverse);
            slots.starting_price = Some(amount(100));
        }
        Preset::Reverse => {
            slots.starting_price = Some(amount(100));
            slots.proxy = dice.pick(&[None, Some(Proxy::Maximum)]);
        }
        Preset::Sealed | Preset::Vickrey => {
            slots.admission = dice.pick(&[None, Some(Admission::OncePerBidder {})]);
            if dice.one_in(4) {
                slots.direction = Some(Direction::Reverse);
                slots.starting_price = Some(amount(100));
            }
        }
        Preset::Ladder => {
            let weight = Weight { factor: 3, kind: WeightKind::Underdog };
            let weights = dice.pick(&[Vec::new(), vec![weight]]);
            let double = Promotion::Double { every_seconds: 600, weights };
            slots.promotion = Some(double);
        }
        Preset::Dutch => {
            slots = Slots {
                clock: Some(Clock::Descending {
                    start: amount(100),
                    floor: amount(10),
                    step: amount(7),
                    every_seconds: 200,
                }),
                eligibility: slots.eligibility,
                ..Slots::default()
            };
        }
        Preset::English | Preset::Timed | Preset::Flash | Preset::Classic | Preset::Silent => {}
    }
    let no_buy_now = [Preset::Sealed, Preset::Vickrey, Preset::Reverse, Preset::Ladder];
    if no_buy_now.contains(&preset) || slots.direction.is_some() {
        slots.buy_now = None;
    }
    if slots.clock.is_none() {
        slots.schedule = Some(Schedule {
            starts_at: dice.pick(&[None, Some(Time((START + 50) * 1_000_000))]),
            duration_seconds: Some(3600),
            ends_at: None,
        });
    }
    slots
}

fn any_terms(preset: Preset, dice: &mut Dice) -> Terms {
    loop {
        let slots = slots(preset, dice);
        let schedule = slots.schedule.or_else(|| Some(Schedule::default()));
        let whole = Slots { schedule, ..slots.clone() };
        let currency = crate::house::eur();
        if whole.over(preset.slots(currency)).complete().is_ok() {
            return terms(preset, slots);
        }
    }
}

fn any_action(house: &House, preset: Preset, dice: &mut Dice) -> (i64, Action) {
    let reason = dice.pick(&[Reason::Mistake, Reason::Other]);
    let bidder = 10 + dice.up_to(4);
    let known = paddle(dice.up_to(4));
    let bid = house.version().saturating_sub(dice.below(6)).max(1);
    let offer = Offer::Amount(amount(dice.up_to(99)));
    match dice.below(40) {
        0 => (ADMIN, Action::Hold { reason }),
        1..=3 => (ADMIN, Action::Resume),
        4 => (ADMIN, Action::Close { reason: dice.pick(&[None, Some(reason)]) }),
        5 if dice.one_in(3) => (ADMIN, Action::Cancel { reason }),
        6 => (SELLER, Action::Addendum { digest: Digest([9; 32]) }),
        7 | 8 => (ADMIN, Action::Void { bid, reason }),
        9..=11 => (bidder, Action::Retract { bid, reason }),
        12..=14 => (bidder, Action::Register),
        15..=18 => (ADMIN, Action::Approve { paddle: known }),
        19 => (ADMIN, Action::Decline { paddle: known }),
        20 => (bidder, Action::BuyNow),
        21 => (bidder, Action::Accept { price: amount(dice.up_to(99)) }),
        22 | 23 => {
            let on_behalf_of = Some((known, dice.pick(&[Channel::Floor, Channel::Phone])));
            (ADMIN, Action::Bid(PlaceBid { on_behalf_of, ..PlaceBid::of(offer) }))
        }
        24 => {
            let amend = Amend {
                terms: Arc::new(any_terms(preset, dice)),
                listing_digest: Digest([4; 32]),
                seed: Some(house.key.seed(0)),
            };
            (SELLER, Action::Amend(Box::new(amend)))
        }
        _ => (bidder, Action::Bid(PlaceBid::of(offer))),
    }
}

/// Plays one history to its certification.
pub fn play(seed: u64) -> House {
    let mut dice = Dice(seed);
    let preset = dice.pick(&Preset::ALL);
    play_as(preset, &mut dice, false)
}

/// Plays one history of a preset to its certification. A punctual house does all that is due
/// before it looks at anything else, as the engine does.
pub fn play_as(preset: Preset, dice: &mut Dice, punctual: bool) -> House {
    let mut house = House::new();
    let publish = dice.one_in(2);
    house.create(preset, any_terms(preset, dice), publish);
    let mut seconds = 0;
    for _ in 0..dice.up_to(60) {
        let (who, action) = any_action(&house, preset, dice);
        let _ = house.try_by(who, action);
        if !publish && dice.one_in(4) {
            let _ = house.try_by(SELLER, Action::Publish);
        }
        if punctual {
            house.at(seconds);
        }
        if house.auction.phase().is_some_and(|phase| matches!(phase, Phase::Ended { .. })) {
            let ends_at = Time((START + seconds + 4000) * 1_000_000);
            let seed = Some(house.key.seed(house.auction.epoch() + 1));
            if dice.one_in(2) {
                let reopen = Action::Reopen { reason: Reason::Mistake, ends_at, seed };
                let _ = house.try_by(ADMIN, reopen);
            }
        }
        seconds += i64::try_from(dice.below(200)).unwrap();
        if punctual {
            house.at(seconds);
            continue;
        }
        // Certification would forbid reopening, so the clock stands still once it is over.
        if !house.auction.phase().is_some_and(|phase| matches!(phase, Phase::Ended { .. })) {
            house.now_at(seconds);
            let due = house.auction.next_deadline();
            if due.is_some_and(|due| due.0 <= (START + seconds) * 1_000_000) {
                house.tick(None);
            }
        }
    }
    let _ = house.try_by(SELLER, Action::Publish);
    let _ = house.try_by(ADMIN, Action::Resume);
    house.at(1_000_000).at(2_000_000);
    house
}

#[test]
fn whatever_happens_can_be_proven() {
    prove(0..300);
}

#[test]
#[ignore = "takes minutes: for changes of the rules or of what is opened"]
fn whatever_happens_can_be_proven_at_length() {
    prove(300..40_000);
}

fn prove(seeds: Range<u64>) {
    let (mut opened, mut on_word) = (0, 0);
    for seed in seeds {
        let house = play(seed);
        let describe = || -> String {
            let publics = house.log.iter().map(|(event, written)| {
                let public = String::from_utf8_lossy(&written.public).into_owned();
                format!("{public}\n    {:?}\n", event.hidden)
            });
            publics.collect()
        };
        let replayed = house.check_log();
        let replayed = replayed.unwrap_or_else(|fault| panic!("{}\n{seed}: {fault}", describe()));
        assert_eq!(replayed, house.auction, "{seed}");
        let file = house.certificate();
        let file = file.unwrap_or_else(|error| panic!("{}\n{seed}: {error}", describe()));
        let report = verify(&file);
        let report = report.unwrap_or_else(|fault| panic!("{}\n{seed}: {fault}", describe()));
        opened += report.openings;
        on_word += report.on_the_houses_word.len();
    }
    assert!(opened > 100 && on_word > 100, "{opened} {on_word}");
}
