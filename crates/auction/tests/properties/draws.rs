//! N18, S1: draws are one an interval, recomputable from the events alone; a ladder's bids rise.

use crate::draw::by_hand;
use crate::world::World;
use gavel_auction::auction::{Auction, Phase};
use gavel_auction::book::Bid;
use gavel_auction::event::{CloseReason, Digest, Fact};
use gavel_auction::ids::BidId;
use gavel_auction::outcome::Outcome;
use gavel_auction::terms::{Admission, Direction, Promotion, Terms, WeightKind};
use gavel_auction::time::SECOND;
use std::collections::BTreeMap;

/// Which interval of the present opening each bid fell into, and whether into its first half.
#[derive(Default)]
struct Grid {
    origin: i64,
    of: BTreeMap<BidId, (i64, bool)>,
    drawn: Vec<i64>,
    seed: Option<Digest>,
}

/// Goes through the history again and draws every lot by hand.
pub fn one_each(world: &World) {
    let Some(terms) = world.auction.terms().cloned() else { return };
    let Promotion::Double { every_seconds, .. } = terms.promotion else { return };
    let every = i64::from(every_seconds) * SECOND;
    let mut auction = Auction::new(world.auction.id());
    let mut grid = Grid::default();
    for event in &world.events {
        grid.seed = event.hidden.seed.or(grid.seed);
        if let Fact::BidPromoted { bid, interval, .. } = &event.fact {
            let interval = i64::try_from(*interval).unwrap();
            let expected = drawn(&terms, &auction, &grid, interval);
            assert_eq!(expected, Some(*bid), "interval {interval}");
            assert!(!grid.drawn.contains(&interval), "one draw an interval");
            grid.drawn.push(interval);
        }
        if let Fact::Closed { reason, .. } = &event.fact
            && *reason != CloseReason::Bought
        {
            all_drawn(&auction, &grid);
        }
        auction.apply(event);
        let running = auction.head().unwrap().running;
        match &event.fact {
            Fact::BidPlaced(_) => {
                let open = running.open_time(event.at) - grid.origin;
                grid.of.insert(event.version, (open / every, open % every < every - open % every));
            }
            Fact::Reopened { .. } => {
                let origin = running.open_time(event.at);
                grid = Grid { origin, seed: grid.seed, ..Grid::default() };
            }
            _ => {}
        }
    }
}

fn drawn(terms: &Terms, auction: &Auction, grid: &Grid, interval: i64) -> Option<BidId> {
    let Promotion::Double { weights, .. } = &terms.promotion else { return None };
    let book = auction.book().unwrap();
    let mut first_bids = BTreeMap::new();
    for bid in book.bids() {
        first_bids.entry(bid.paddle).or_insert(bid.id);
    }
    let here = |bid: &&Bid| grid.of.get(&bid.id).is_some_and(|(at, _)| *at == interval);
    let candidates = book.bids().iter().filter(here).filter(|bid| bid.standing && !bid.promoted);
    let candidates: Vec<&Bid> = candidates.collect();
    let weight = |bid: &&Bid| {
        let applies = |kind: WeightKind| match kind {
            WeightKind::Newcomer => first_bids[&bid.paddle] == bid.id,
            WeightKind::Underdog => book.leader() != Some(bid.paddle),
            WeightKind::Early => grid.of[&bid.id].1,
        };
        let factors = weights.iter().filter(|weight| applies(weight.kind));
        factors.map(|weight| u64::from(weight.factor)).product::<u64>()
    };
    let weights: Vec<u64> = candidates.iter().map(weight).collect();
    let interval = u64::try_from(interval).unwrap();
    let index = by_hand(&grid.seed?, auction.id().get(), interval, &weights);
    Some(candidates[index].id)
}

/// At the hammer every interval with a bid that stands has had its draw; a purchase cuts its
/// interval without one.
fn all_drawn(auction: &Auction, grid: &Grid) {
    for bid in auction.book().unwrap().bids().iter().filter(|bid| bid.standing) {
        if let Some((interval, _)) = grid.of.get(&bid.id) {
            assert!(grid.drawn.contains(interval), "interval {interval} had no draw");
        }
    }
}

/// S1: every accepted bid is better than the same bidder's standing one before it.
pub fn rising_own_bids(world: &World) {
    let Some(terms) = world.auction.terms() else { return };
    if !matches!(terms.admission, Admission::BeatOwnLatest {}) {
        return;
    }
    let mut auction = Auction::new(world.auction.id());
    for event in &world.events {
        if let Fact::BidPlaced(bid) = &event.fact
            && let Some(before) = auction.book().unwrap().latest(bid.paddle.unwrap())
        {
            let amount = bid.amount.unwrap();
            let better = match terms.direction {
                Direction::Forward => amount > before.amount,
                Direction::Reverse => amount < before.amount,
            };
            assert!(better, "{amount:?} after {:?}", before.amount);
        }
        auction.apply(event);
    }
    if let Some(Phase::Ended { outcome: Outcome::Sold(sale), .. }) = auction.phase() {
        assert!(sale.house_pays < sale.hammer_price.minor());
    }
}
