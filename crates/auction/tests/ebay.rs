//! 479 real auctions, replayed under the `timed` preset: who led and what he paid must come out as
//! recorded (see `data/README.md`). In auctions 9, 169 and 459 the last bid is a raise of a leader
//! whose own maximum had held the price; it then went up to the full step over the runner-up.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "shared/invariants.rs"]
mod invariants;
#[path = "shared/world.rs"]
mod world;

use gavel_auction::auction::Phase;
use gavel_auction::command::{Action, Offer, Person, PlaceBid, Roles};
use gavel_auction::ids::UserId;
use gavel_auction::money::{Amount, Currency};
use gavel_auction::outcome::Outcome;
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{Band, Increment, Schedule};
use std::collections::BTreeMap;
use world::{World, ZERO};

struct Row {
    days: i64,
    open: i64,
    price: i64,
    micros: i64,
    bidder: i64,
    amount: i64,
}

/// `12.345678` seconds as microseconds, read without a float.
fn micros(text: &str) -> i64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let part = format!("{part:0<6}");
    whole.parse::<i64>().unwrap() * 1_000_000 + part[..6].parse::<i64>().unwrap()
}

fn recorded() -> BTreeMap<i64, Vec<Row>> {
    let mut auctions: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    for line in include_str!("data/ebay.csv").lines().skip(1) {
        let field: Vec<&str> = line.split(',').collect();
        let number = |at: usize| field[at].parse::<i64>().unwrap();
        auctions.entry(number(0)).or_default().push(Row {
            days: number(2),
            open: number(3),
            price: number(4),
            micros: micros(field[5]),
            bidder: number(6),
            amount: number(7),
        });
    }
    auctions
}

fn table_of_2003() -> Increment {
    let bands = [
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
    Increment::Table { steps: bands.map(|(from, step)| Band { from, step }).to_vec() }
}

fn opened(id: i64, first: &Row) -> World {
    let usd = Currency::from_code("USD").unwrap();
    let slots = Slots {
        increment: Some(table_of_2003()),
        starting_price: Amount::new(first.open),
        schedule: Some(Schedule {
            ends_at: Some(ZERO.plus_seconds(first.days * 86_400)),
            ..Schedule::default()
        }),
        ..Slots::default()
    };
    let terms = slots.over(Preset::Timed.slots(usd)).complete().unwrap();
    let create = world::create(Preset::Timed, usd, terms, true);
    let mut world = World::new(id);
    let seller = Person::new(UserId::new(1_000_000).unwrap(), Roles::MEMBER);
    world.ask(seller, Action::Create(Box::new(create)), ZERO).unwrap();
    world
}

#[derive(Debug, Default, PartialEq)]
struct Tally {
    leaders: u32,
    prices: u32,
    refused: BTreeMap<&'static str, u32>,
}

fn replay(id: i64, rows: &[Row], tally: &mut Tally) {
    let mut world = opened(id, &rows[0]);
    for row in rows {
        let bidder = Person::new(UserId::new(row.bidder).unwrap(), Roles::MEMBER);
        let bid = PlaceBid::of(Offer::Maximum(Amount::new(row.amount).unwrap()));
        if let Err(refusal) = world.ask(bidder, Action::Bid(bid), ZERO.plus(row.micros)) {
            *tally.refused.entry(refusal.code()).or_default() += 1;
        }
    }
    world.pass(ZERO.plus_seconds(100 * 86_400));
    let Some(Phase::Ended { outcome: Outcome::Sold(sale), .. }) = world.auction.phase() else {
        panic!("auction {id} was sold");
    };
    let winner = world.auction.book().unwrap().bidder(sale.winner).unwrap().user;
    let best = rows.iter().map(|row| row.amount).max().unwrap();
    let highest = rows.iter().find(|row| row.amount == best).unwrap();
    tally.leaders += u32::from(winner.get() == highest.bidder);
    tally.prices += u32::from(sale.hammer_price.minor() == highest.price);
    assert_eq!(world.replayed(), world.auction);
}

#[test]
fn recorded_leaders_and_prices_come_out() {
    let auctions = recorded();
    assert_eq!(auctions.len(), 479);
    assert_eq!(auctions.values().map(Vec::len).sum::<usize>(), 7_870);
    let mut tally = Tally::default();
    for (id, rows) in &auctions {
        replay(*id, rows, &mut tally);
    }
    let refused = BTreeMap::from([("below_minimum", 4), ("not_above_own", 26)]);
    assert_eq!(tally, Tally { leaders: 479, prices: 448, refused });
}
