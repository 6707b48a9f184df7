//! What would have been without somebody: known auctions, and properties of random ones.

use crate::house::{House, amount, paddle};
use crate::random::{Dice, play_as};
use gavel_auction::command::Action;
use gavel_auction::event::Fact;
use gavel_auction::outcome::{Outcome, Sale};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{Fees, Increment, Reserve};
use gavel_proof::verify::verify;
use gavel_proof::what_if::{Refund, WhatIf, WhatIfError, what_if};
use std::collections::BTreeSet;

fn without(house: &mut House, number: i64) -> WhatIf {
    house.at(1_000_000);
    what_if(&house.certificate().unwrap(), paddle(number)).unwrap()
}

fn sale(then: &WhatIf) -> Sale {
    *then.outcome.unwrap().sale().unwrap()
}

fn refund(then: &WhatIf) -> i64 {
    then.refund.unwrap().refund
}

fn stepwise() -> Option<Increment> {
    Some(Increment::Fixed { step: amount(500) })
}

#[test]
fn who_drove_a_proxy_up_made_the_price() {
    let fees = Fees { buyer_premium_bp: 1_000, seller_commission_bp: 0, tax_bp: 2_000 };
    let slots = Slots { increment: stepwise(), fees: Some(fees), ..Slots::default() };
    let mut house = House::open(Preset::Timed, slots);
    house.at(1).bid(11, 50_000).at(2).bid(12, 10_000).at(3).bid(13, 30_000);
    let then = without(&mut house, 3);
    assert_eq!((sale(&then).winner, sale(&then).hammer_price), (paddle(1), amount(10_500)));
    let (paid, would_have_paid) = (40_260, 13_860);
    let expected = Refund { paid, would_have_paid, refund: paid - would_have_paid };
    assert_eq!((then.refund, then.left_out.len()), (Some(expected), 1));
    assert!(then.refused.is_empty());
    let then = without(&mut house, 2);
    assert_eq!((then.outcome, refund(&then)), (Some(then.report.outcome), 0));
    let then = without(&mut house, 1);
    assert_eq!((sale(&then).winner, sale(&then).hammer_price), (paddle(3), amount(10_500)));
    assert_eq!(then.refund, None, "the buyer himself is left out");
}

#[test]
fn what_the_rules_would_then_have_refused_is_listed() {
    let mut house = House::open(Preset::English, Slots::default());
    house.at(1).bid(11, 10_000).at(2).bid(12, 12_750).at(3).bid(11, 13_000);
    let then = without(&mut house, 2);
    assert_eq!((sale(&then).hammer_price, refund(&then)), (amount(10_000), 3_000));
    let [only] = then.refused.as_slice() else { panic!("{then:?}") };
    assert_eq!((only.code, only.paddle, only.version), ("already_leading", Some(paddle(1)), 6));
}

#[test]
fn a_close_that_a_bid_put_off_comes_when_it_was_due() {
    let mut house = House::open(Preset::English, Slots::default());
    house.at(1).bid(11, 10_000).at(3590).bid(12, 12_750).at(3650).bid(13, 20_000);
    let then = without(&mut house, 2);
    assert_eq!((sale(&then).winner, sale(&then).hammer_price), (paddle(1), amount(10_000)));
    assert_eq!((then.refused.len(), then.refused[0].code), (1, "closed"));
    // The buyer would not have bought: all comes back, and so does the thing.
    assert_eq!(refund(&then), 20_000);
}

#[test]
fn sealed_prices_without_the_second() {
    let mut house = House::open(Preset::Vickrey, Slots::default());
    house.at(1).bid(11, 300).at(2).bid(12, 200).at(3).bid(13, 100);
    let then = without(&mut house, 2);
    assert_eq!((sale(&then).hammer_price, refund(&then)), (amount(100), 100));
    assert_eq!(refund(&without(&mut house, 3)), 0);
    assert_eq!(sale(&without(&mut house, 1)).winner, paddle(2));
    let reserve = Some(Reserve::Hidden { amount: Some(amount(9_000)) });
    let mut house = House::open(Preset::Sealed, Slots { reserve, ..Slots::default() });
    house.at(1).bid(11, 300).at(1_000_000);
    let file = house.certificate().unwrap();
    assert_eq!(what_if(&file, paddle(1)), Err(WhatIfError::StaysSealed));
}

#[test]
fn in_a_reverse_auction_whoever_asked_pays() {
    let slots = Slots { starting_price: Some(amount(50_000)), ..Slots::default() };
    let mut house = House::open(Preset::Reverse, slots);
    house.at(1).bid(11, 40_000).at(2).bid(12, 30_000);
    let then = without(&mut house, 2);
    assert_eq!((sale(&then).hammer_price, refund(&then)), (amount(40_000), 0));
    let then = without(&mut house, 1);
    assert_eq!((then.outcome, refund(&then)), (Some(then.report.outcome), 0));
}

#[test]
fn without_the_only_bidder_nothing_is_sold() {
    let mut house = House::open(Preset::English, Slots::default());
    house.at(1).bid(11, 10_000);
    let then = without(&mut house, 1);
    assert!(matches!(then.outcome, Some(Outcome::Passed { .. })), "{then:?}");
    assert_eq!(then.refund, None);
    let file = house.certificate().unwrap();
    let none = WhatIfError::NoSuchPaddle { paddle: paddle(2), paddles: 1 };
    assert_eq!(what_if(&file, paddle(2)), Err(none));
    assert!(matches!(what_if(b"{}", paddle(1)), Err(WhatIfError::Certificate(_))));
}

/// Paddles without a bid that was ever accepted, and the others.
fn idle_and_active(house: &House) -> (Vec<i64>, Vec<i64>) {
    let paddle_of = |(event, _): &(gavel_auction::event::Event, _)| match &event.fact {
        Fact::BidderRegistered { .. } => None,
        _ => event.bidder(),
    };
    let active: BTreeSet<i64> = house.log.iter().filter_map(paddle_of).map(i64::from).collect();
    let all = house.auction.book().map_or(0, |book| book.bidders().len());
    let all = 1..=i64::try_from(all).unwrap();
    all.partition(|paddle| !active.contains(paddle))
}

/// Whoever cannot have mattered, by the nature of the auction: of sealed bids at the bidder's own
/// price and of bids over one's own latest, all but the best; at the second price, all but two.
fn cannot_matter(house: &House, preset: Preset) -> Vec<i64> {
    let Some(book) = house.auction.book() else { return Vec::new() };
    let reopened = house.log.iter().any(|(event, _)| matches!(event.fact, Fact::Reopened { .. }));
    let many = match preset {
        Preset::Sealed => 1,
        Preset::Vickrey => 2,
        _ => return Vec::new(),
    };
    let forward =
        house.auction.terms().unwrap().direction == gavel_auction::terms::Direction::Forward;
    let mut best: Vec<(i64, u64, i64)> = (1..=book.bidders().len() as i64)
        .filter_map(|number| {
            let latest = book.latest(paddle(number))?;
            let minor = latest.amount.minor();
            Some((if forward { -minor } else { minor }, latest.id, number))
        })
        .collect();
    best.sort_unstable();
    let others = best.into_iter().skip(if reopened { usize::MAX } else { many });
    others.map(|(_, _, number)| number).collect()
}

#[test]
fn who_never_mattered_changes_nothing_and_no_refund_is_negative() {
    let (mut idle_ones, mut of_no_weight, mut changed) = (0, 0, 0);
    for seed in 0..400 {
        let mut dice = Dice(10_000 + seed);
        let preset = Preset::ALL[usize::try_from(seed).unwrap() % Preset::ALL.len()];
        let house = play_as(preset, &mut dice, true);
        let Ok(file) = house.certificate() else { continue };
        let was = verify(&file).unwrap().outcome;
        let (idle, active) = idle_and_active(&house);
        let told = |number: i64| what_if(&file, paddle(number));
        for number in idle {
            match told(number) {
                Ok(then) => {
                    assert_eq!(then.outcome, Some(was), "{seed} without {number}");
                    assert!(then.left_out.is_empty() && then.refused.is_empty(), "{seed} {then:?}");
                    assert_eq!(then.refund.map_or(0, |refund| refund.refund), 0, "{seed}");
                    idle_ones += 1;
                }
                Err(error) => assert_eq!(error, WhatIfError::StaysSealed, "{seed}"),
            }
        }
        let weightless = cannot_matter(&house, preset);
        for number in active {
            let then = match told(number) {
                Ok(then) => then,
                Err(error) => {
                    assert_eq!(error, WhatIfError::StaysSealed, "{seed}");
                    continue;
                }
            };
            assert!(!then.left_out.is_empty(), "{seed} without {number}");
            assert!(then.refund.is_none_or(|refund| refund.refund >= 0), "{seed} {then:?}");
            let winner = then.outcome.and_then(|then| then.sale().map(|sale| sale.winner));
            assert_ne!(winner, Some(paddle(number)), "{seed}: he would not have won");
            if weightless.contains(&number) {
                assert_eq!(then.outcome, Some(was), "{seed} without {number}");
                of_no_weight += 1;
            }
            changed += usize::from(then.outcome != Some(was));
        }
    }
    assert!(idle_ones > 20 && of_no_weight > 20, "{idle_ones} {of_no_weight} {changed}");
    assert!(changed > 50, "{changed}");
}

#[test]
fn paddles_keep_their_numbers() {
    let mut house = House::open(Preset::English, Slots::default());
    house.at(1).bid(11, 10_000).at(2).bid(12, 12_750).at(3).by(13, Action::Register);
    house.at(4).bid(13, 20_000);
    let then = without(&mut house, 1);
    assert_eq!((sale(&then).winner, sale(&then).hammer_price), (paddle(3), amount(20_000)));
}
