//! N19: work per command does not grow linearly with the auction's bids.
//!
//! Nothing here asserts how long anything takes. It compares the same commands on a book of 1,000
//! and of 64,000 bids: linear work would take 64 times as long, the bound is 12, the best of many
//! rounds counts, and a busy machine gets further tries.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "properties/compositions.rs"]
#[expect(dead_code, reason = "only the plain presets are used")]
mod compositions;
#[path = "shared/invariants.rs"]
mod invariants;
#[path = "shared/world.rs"]
#[expect(dead_code, reason = "time does not pass here")]
mod world;

use compositions::{Composition, eur};
use gavel_auction::command::{Action, Offer, Person, PlaceBid, Roles};
use gavel_auction::event::Reason;
use gavel_auction::ids::UserId;
use gavel_auction::money::Amount;
use gavel_auction::presets::Preset;
use gavel_auction::terms::{Promotion, Retraction};
use std::time::{Duration, Instant};
use world::{World, ZERO, by, create};

fn bidder(number: i64) -> Person {
    Person::new(UserId::new(10 + number).unwrap(), Roles::MEMBER)
}

fn bid(minor: i64) -> Action {
    Action::Bid(PlaceBid::of(Offer::Amount(Amount::new(minor).unwrap())))
}

/// An auction with this many bids, by half as many bidders.
fn filled(preset: Preset, bids: i64) -> World {
    let mut terms = Composition::plain(preset).terms;
    terms.retraction = Retraction::WhileOpen {};
    terms.increment = gavel_auction::terms::Increment::AnyHigher {};
    terms.promotion = Promotion::None {};
    terms.starting_price = Amount::new(100);
    let mut world = World::new(1);
    world.checks = false;
    let seller = Person::new(UserId::new(5).unwrap(), Roles::MEMBER);
    let wish = create(preset, eur(), terms, true);
    world.ask(seller, Action::Create(Box::new(wish)), ZERO).unwrap();
    for number in 0..bids {
        let person = bidder(number % (bids / 2));
        world.ask(person, bid(10_000 + number * 10), ZERO).unwrap();
    }
    world
}

/// One round of bidding, being refused, retracting and looking.
#[expect(clippy::disallowed_methods, reason = "compares how long, asserts no time")]
fn round(world: &mut World, number: i64) -> Duration {
    let last = world.auction.book().unwrap().bids().last().unwrap();
    let top = last.amount.minor();
    let (one, two) = (bidder(1_000_001), bidder(1_000_002));
    let start = Instant::now();
    for more in 1..=20 {
        let who = if more % 2 == 0 { one } else { two };
        let placed = world.ask(who, bid(top + more * 10), ZERO).unwrap();
        assert!(world.ask(who, bid(1), ZERO).is_err());
        let retract = Action::Retract { bid: placed[0].version, reason: Reason::Other };
        if more % 4 == 0 {
            world.ask(who, retract, ZERO).unwrap();
        } else {
            let _ = world.auction.decide(&by(who, None, retract), ZERO).unwrap();
        }
        let head = world.auction.head().unwrap();
        let mine = world.auction.mine(who.user);
        assert!(head.bid_count > 0 && mine.is_some() && number >= 0);
        let _ = world.auction.next_deadline();
    }
    start.elapsed()
}

fn best_round(world: &mut World) -> Duration {
    (0..40).map(|number| round(world, number)).min().unwrap()
}

#[test]
fn work_per_command_is_not_linear_in_the_bids() {
    for preset in [Preset::Classic, Preset::Timed, Preset::Ladder, Preset::Sealed] {
        let (mut few, mut many) = (filled(preset, 1_000), filled(preset, 64_000));
        let grew = |few: &mut World, many: &mut World| {
            best_round(many).as_nanos() / best_round(few).as_nanos().max(1)
        };
        let ratios: Vec<u128> = (0..5)
            .map(|_| grew(&mut few, &mut many))
            .scan(false, |done, ratio| {
                let before = *done;
                *done = ratio < 12;
                (!before).then_some(ratio)
            })
            .collect();
        assert!(ratios.iter().any(|ratio| *ratio < 12), "{preset:?}: {ratios:?} times the work");
    }
}
