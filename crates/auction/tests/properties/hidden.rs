//! N15: two histories that differ only in what is hidden look the same to whoever may not know it,
//! event by event and refusal by refusal, until the close opens it.

use crate::acts::{Act, House, HowMuch, What, act, member};
use crate::compositions::{Composition, legal};
use gavel_auction::book::Bid;
use gavel_auction::command::{Action, Offer, PlaceBid};
use gavel_auction::event::Fact;
use gavel_auction::explain::{Asked, Why, explain};
use gavel_auction::money::Amount;
use gavel_auction::refusal::Refusal;
use gavel_auction::terms::{
    BuyNow, Direction, Eligibility, Promotion, Proxy, Reserve, Terms, Visibility,
};
use gavel_auction::view::{View, Viewer};
use proptest::prelude::*;
use std::sync::Arc;

/// All that the public and a stranger see of a history so far.
fn seen(house: &House) -> (Vec<Fact>, View, View) {
    let facts = house.world.events.iter().map(|event| event.fact.clone()).collect();
    let head = house.world.auction.head().unwrap();
    let public = head.view(&Viewer::default(), None, house.now);
    (facts, public, house.view(member(4)))
}

/// Why each bid of these bidders stands as it does, as they are told.
fn explained(house: &House, bidders: &[i64]) -> Vec<(Why, String, Option<Amount>)> {
    let book = house.world.auction.book().unwrap();
    let paddles = bidders.iter().filter_map(|who| book.paddle_of(member(*who).user));
    let paddles: Vec<_> = paddles.collect();
    let told = |bid: &Bid| {
        let own = book.bids().iter().filter(|other| other.paddle == bid.paddle);
        let own = own.map(|own| (own.id, own.amount)).collect();
        let asked = Asked { bid: bid.id, paddle: bid.paddle, own: &own };
        let facts = house.world.events.iter().map(|event| (event.version, &event.fact));
        let told = explain(&asked, facts).unwrap();
        (told.why, told.text, told.price)
    };
    book.bids().iter().filter(|bid| paddles.contains(&bid.paddle)).map(told).collect()
}

fn closed(house: &House) -> bool {
    house.world.events.iter().any(|event| matches!(event.fact, Fact::Closed { .. }))
}

/// A bid of bidder 1 to 3 by amount; what he hears of it.
fn bid(house: &mut House, who: i64, wait: i64, amount: i64) -> Result<(), Refusal> {
    house.now = house.now.plus(wait);
    house.world.pass(house.now);
    let amount = Amount::new(amount).unwrap();
    let bid = PlaceBid { confirm: true, ..PlaceBid::of(Offer::Amount(amount)) };
    house.world.ask(member(who), Action::Bid(bid), house.now).map(|_| ())
}

fn with_reserve(composition: &Composition, amount: i64) -> Option<Composition> {
    let mut terms = composition.terms.clone();
    terms.reserve = Reserve::Hidden { amount: Amount::new(amount) };
    terms.check().is_empty().then_some(Composition { terms, ..composition.clone() })
}

/// Compositions of one kind.
fn only(kind: fn(&Terms) -> bool) -> impl Strategy<Value = Composition> {
    legal().prop_filter("of that kind", move |composition| kind(&composition.terms))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Two reserves that nobody reaches look alike.
    #[test]
    fn an_unmet_reserve_shows_nothing(
        composition in legal(),
        bids in prop::collection::vec((1_i64..4, 0_i64..20_000_000, 1_i64..400), 1..30),
        other in 1_i64..100_000,
    ) {
        let forward = composition.terms.direction == Direction::Forward;
        let (one, two) = if forward { (5_000, 5_000 + other) } else { (1, 2) };
        let clamp = |amount: i64| if forward { amount } else { amount + 2 };
        let mut open = composition.clone();
        open.terms.buy_now = BuyNow::None {};
        let Some(first) = with_reserve(&open, one) else { return Ok(()) };
        let Some(second) = with_reserve(&open, two) else { return Ok(()) };
        let (mut first, mut second) = (House::open(&first, false), House::open(&second, false));
        let doubles = matches!(composition.terms.promotion, Promotion::Double { .. });
        prop_assume!(!doubles || forward);
        for (who, wait, amount) in bids {
            let heard = bid(&mut first, who, wait, clamp(amount));
            prop_assert_eq!(heard, bid(&mut second, who, wait, clamp(amount)));
            prop_assert_eq!(seen(&first), seen(&second));
        }
        for house in [&mut first, &mut second] {
            house.world.pass(house.now.plus(400 * 86_400 * 1_000_000));
        }
        prop_assert_eq!(explained(&first, &[1, 2, 3]), explained(&second, &[1, 2, 3]));
    }

    /// Sealed amounts look alike, whatever they are.
    #[test]
    fn sealed_amounts_show_nothing(
        composition in only(|terms| terms.visibility == Visibility::Sealed),
        acts in prop::collection::vec((act(), 0_i64..50), 1..30),
    ) {
        let (mut first, mut second) =
            (House::open(&composition, false), House::open(&composition, false));
        for (act, more) in acts {
            let start = composition.terms.start().minor();
            let alike = |more: i64| {
                let what = match act.what {
                    What::Bid { by_clerk, .. } => {
                        // any legal amount: at the start, or better by something
                        let forward = composition.terms.direction == Direction::Forward;
                        let amount = if forward { start + more } else { (start - more).max(1) };
                        What::Bid { how_much: HowMuch::Just(amount), by_clerk }
                    }
                    other => other,
                };
                // bidder 4 only looks on
                Act { what, who: act.who.min(3), ..act }
            };
            // Without confirmation amounts are told apart by design: `confirm_needed`.
            if composition.terms.confirm_factor > 0 {
                return Ok(());
            }
            let heard = first.act(&alike(0)).map(|_| ());
            let heard_too = second.act(&alike(more)).map(|_| ());
            if closed(&first) {
                break;
            }
            prop_assert_eq!(heard, heard_too);
            prop_assert_eq!(seen(&first), seen(&second));
            prop_assert_eq!(explained(&first, &[1, 2, 3]), explained(&second, &[1, 2, 3]));
        }
    }

    /// A leader's maximum that nobody exhausts looks like any other.
    #[test]
    fn an_unexhausted_maximum_shows_nothing(
        composition in only(|terms| terms.proxy == Proxy::Maximum),
        bids in prop::collection::vec((2_i64..4, 0_i64..20_000_000, 1_i64..400), 1..30),
        other in 1_i64..100_000,
    ) {
        let mut composition = composition;
        composition.terms.buy_now = BuyNow::None {};
        composition.terms.reserve = Reserve::None {};
        composition.terms.eligibility = Eligibility::Anyone;
        let forward = composition.terms.direction == Direction::Forward;
        let (one, two) = if forward { (5_000, 5_000 + other) } else { (2, 1) };
        if !forward {
            composition.terms.starting_price = Amount::new(450); // all limits lie below it
        }
        // Nobody comes within a step of the smaller one.
        let far = |amount: i64| if forward { amount } else { amount + 100 };
        let (mut first, mut second) =
            (House::open(&composition, false), House::open(&composition, false));
        prop_assert_eq!(bid(&mut first, 1, 0, one), bid(&mut second, 1, 0, two));
        for (who, wait, amount) in bids {
            let heard = bid(&mut first, who, wait, far(amount));
            prop_assert_eq!(heard, bid(&mut second, who, wait, far(amount)));
            prop_assert_eq!(seen(&first), seen(&second));
        }
        prop_assert_eq!(explained(&first, &[2, 3]), explained(&second, &[2, 3]));
    }
}

/// The terms shown to strangers never hold the reserve, whoever asks.
#[test]
fn public_terms_hold_no_reserve() {
    let plain = Composition::plain(gavel_auction::presets::Preset::English);
    let composition = with_reserve(&plain, 500).unwrap();
    let house = House::open(&composition, false);
    for who in 1..5 {
        assert_eq!(house.view(member(who)).terms.reserve, Reserve::Hidden { amount: None });
    }
    let own = house.view(member(0)).terms;
    assert_eq!(own.reserve.amount(), Amount::new(500));
    assert!(Arc::strong_count(&own) > 1, "the seller shares the whole terms");
}
