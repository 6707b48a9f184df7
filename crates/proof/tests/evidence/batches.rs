//! Evidence of a batch against evidence of one event after the other: the same bytes and hashes,
//! however the events of many auctions are mixed and wherever batches end.

use crate::house::HOUSE;
use crate::scenarios;
use gavel_auction::event::{Digest, Event};
use gavel_auction::ids::AuctionId;
use gavel_proof::chain::genesis;
use gavel_proof::codec::{After, Draft, Origin, Written, encode, encode_all};
use gavel_proof::keys::{AuctionKey, LogKey};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::LazyLock;

/// An auction of its own number and key, and its history, as yet unwritten.
struct Auction {
    key: AuctionKey,
    genesis: Digest,
    history: Vec<(Event, Origin)>,
}

/// One auction of every scenario, so of every kind of event.
static AUCTIONS: LazyLock<Vec<Auction>> = LazyLock::new(|| {
    let played = (1..).zip(scenarios::all());
    let auction = |(number, (_, house)): (i64, (_, crate::house::House))| {
        let id = AuctionId::new(number).unwrap();
        let events = house.log.into_iter().map(|(event, _)| Event { auction: id, ..event });
        Auction {
            key: LogKey::from_bytes([1; 32]).auction(HOUSE, id),
            genesis: genesis(HOUSE, id),
            history: events.zip(house.origins).collect(),
        }
    };
    played.map(auction).collect()
});

/// One after the other, each by itself.
fn one_by_one(auction: &Auction) -> Vec<Written> {
    let mut head = auction.genesis;
    let write = |(event, origin): &(Event, Origin)| {
        let written = encode(event, origin, &auction.key, &head);
        head = written.hash;
        written
    };
    auction.history.iter().map(write).collect()
}

/// How far an auction is written: how many events, its chain's last hash, and the place of its last
/// event in the batch under way.
#[derive(Clone, Copy)]
struct Front {
    events: usize,
    head: Digest,
    place: Option<usize>,
}

/// The next events of these auctions, in this order and in batches of these sizes.
fn in_batches(order: &[usize], sizes: &[usize]) -> Vec<Vec<Written>> {
    let front = |auction: &Auction| Front { events: 0, head: auction.genesis, place: None };
    let mut fronts: Vec<Front> = AUCTIONS.iter().map(front).collect();
    let mut written: Vec<Vec<Written>> = AUCTIONS.iter().map(|_| Vec::new()).collect();
    let mut order = order.iter().copied().peekable();
    for size in sizes.iter().cycle() {
        if order.peek().is_none() {
            break;
        }
        let mut drafts = Vec::new();
        let mut whose = Vec::new();
        for of in order.by_ref().take(*size) {
            let (auction, front) = (&AUCTIONS[of], &mut fronts[of]);
            let Some((event, origin)) = auction.history.get(front.events) else { continue };
            let after = front.place.map_or(After::Hash(front.head), After::Draft);
            *front = Front { events: front.events + 1, place: Some(drafts.len()), ..*front };
            drafts.push(Draft { event, origin, key: &auction.key, after });
            whose.push(of);
        }
        for (of, one) in whose.into_iter().zip(encode_all(&drafts)) {
            (fronts[of].head, fronts[of].place) = (one.hash, None);
            written[of].push(one);
        }
    }
    written
}

proptest! {
    #[test]
    fn a_batch_is_written_as_its_events_one_by_one(
        order in vec(0..AUCTIONS.len(), 1..400),
        sizes in vec(1..80_usize, 1..8),
    ) {
        for (auction, written) in AUCTIONS.iter().zip(in_batches(&order, &sizes)) {
            prop_assert_eq!(&one_by_one(auction)[..written.len()], &written[..]);
        }
    }

    #[test]
    fn a_long_chain_in_one_batch_is_too(
        of in 0..AUCTIONS.len(),
        others in vec(0..AUCTIONS.len(), 0..40),
    ) {
        let history = AUCTIONS[of].history.len();
        let order: Vec<usize> = std::iter::repeat_n(of, history).chain(others).collect();
        let written = in_batches(&order, &[order.len()]);
        prop_assert_eq!(&written[of], &one_by_one(&AUCTIONS[of]));
    }
}

#[test]
fn nothing_makes_nothing() {
    assert!(encode_all(&[]).is_empty());
}
