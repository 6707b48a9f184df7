//! A fixed stream of bids on english auctions, the same in every run, for measuring the rules and
//! the shard without a disk or a socket. Knows nothing of HTTP.

use gavel_auction::auction::Auction;
use gavel_auction::command::{Action, Actor, Command, Create, Offer, Person, PlaceBid, Roles};
use gavel_auction::event::{Digest, Event, Fact, HouseId};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::Schedule;
use gavel_auction::time::{SECOND, Time};
use gavel_proof::keys::LogKey;
use std::sync::Arc;

/// When the auctions open.
pub(crate) const START: Time = Time(1_800_000_000 * SECOND);
/// The house that is measured.
pub(crate) const HOUSE: HouseId = HouseId([7; 16]);
/// How many people bid.
const BIDDERS: i64 = 100;
/// How long an auction runs: longer than any stream.
const YEAR: u32 = 365 * 86_400;

pub(crate) fn log_key() -> LogKey {
    LogKey::from_bytes([9; 32])
}

pub(crate) fn auction_id(id: i64) -> AuctionId {
    AuctionId::new(id).expect("a small positive number")
}

fn person(id: i64) -> Person {
    Person::new(UserId::new(id).expect("a small positive number"), Roles::MEMBER)
}

pub(crate) fn by(id: i64, action: Action) -> Command {
    Command { actor: Actor::Person(person(id)), expected_version: None, action }
}

/// What makes an english auction that opens at once and runs for a year.
pub(crate) fn create() -> Command {
    let currency = Currency::from_code("EUR").expect("a currency");
    let schedule = Schedule { duration_seconds: Some(YEAR), ..Schedule::default() };
    let own = Slots { schedule: Some(schedule), ..Slots::default() };
    let terms = own.over(Preset::English.slots(currency)).complete().expect("terms that fit");
    let create = Create {
        house: HOUSE,
        log_key: log_key().id(),
        currency,
        preset: Preset::English,
        terms: Arc::new(terms),
        listing_digest: Digest([0; 32]),
        seed: None,
        publish: true,
    };
    by(1_000, Action::Create(Box::new(create)))
}

/// An open auction.
pub(crate) fn open(id: i64) -> Auction {
    let mut auction = Auction::new(auction_id(id));
    for event in auction.decide(&create(), START).expect("terms that fit") {
        auction.apply(&event);
    }
    auction
}

/// The `n`th command of an auction's stream: one of a hundred bidders bids the smallest amount that
/// the auction takes.
pub(crate) fn bid(n: usize, amount: Amount) -> Command {
    let bidder = i64::try_from(n).unwrap_or(0) % BIDDERS + 1;
    by(bidder, Action::Bid(PlaceBid::of(Offer::Amount(amount))))
}

/// When the `n`th command of an auction enters.
pub(crate) fn entered(n: usize) -> Time {
    Time(START.0 + 1_000 * i64::try_from(n).unwrap_or(0))
}

/// The first `count` bids of an auction's stream, each accepted in its turn. Costs a decision and
/// its application each, and nothing else worth counting.
pub(crate) fn stream(count: usize) -> Vec<Command> {
    let mut auction = open(1);
    let mut bids = Vec::with_capacity(count);
    let mut least = Amount::ONE;
    for n in 0..count {
        let bid = bid(n, least);
        for event in auction.decide(&bid, entered(n)).expect("the smallest amount is taken") {
            auction.apply(&event);
            least = next(&event).expect("an open forward auction says what it takes");
        }
        bids.push(bid);
    }
    bids
}

/// The smallest amount that is taken after a bid.
fn next(event: &Event) -> Option<Amount> {
    match &event.fact {
        Fact::BidPlaced(placed) => placed.now.shown.as_ref()?.next.amount(),
        _ => None,
    }
}
