//! The invariants N1 to N10, N12 and N14 of the rules, as far as one event shows them, checked
//! against a naive reading of the whole book. Slow and simple on purpose.

use gavel_auction::auction::{Auction, Phase};
use gavel_auction::book::Bid;
use gavel_auction::event::{Event, Fact, Hidden, Now};
use gavel_auction::ids::Paddle;
use gavel_auction::outcome::Outcome;
use gavel_auction::terms::{Admission, Close, Direction, Increment, Pricing, Terms};
use gavel_auction::time::SECOND;

/// Panics if an event broke an invariant.
pub fn hold(before: &Auction, event: &Event, after: &Auction) {
    written_and_read(event);
    let Some(terms) = after.terms() else { return };
    assert_eq!(event.version, before.version() + 1, "versions have no holes");
    assert!(event.at >= before.last_at(), "time runs forward");
    leader_is_best(terms, event, after);
    price_moves_one_way(terms, before, event, after);
    bid_in_time(before, event);
    ends(terms, before, after);
    sold_only_if_met(terms, event, after);
    seal_stays_broken(before, after);
    shown_is_true(event, after);
    if terms.has_proxy() {
        proxy_price(terms, before, event, after);
    }
}

fn score(terms: &Terms, minor: i64) -> i64 {
    match terms.direction {
        Direction::Forward => minor,
        Direction::Reverse => -minor,
    }
}

/// The step at a price, read off the rules.
pub fn step(increment: &Increment, price: i64) -> i64 {
    match increment {
        Increment::None {} | Increment::AnyHigher {} => 1,
        Increment::Fixed { step } => step.minor(),
        Increment::Percent { basis_points } => {
            let exact = i128::from(price) * i128::from(*basis_points);
            i64::try_from((exact + 9_999).div_euclid(10_000)).unwrap().max(1)
        }
        Increment::Table { steps } => {
            steps.iter().rfind(|band| band.from <= price).map_or(1, |band| band.step)
        }
    }
}

/// Facts survive being written as JSON and read again.
fn written_and_read(event: &Event) {
    let text = serde_json::to_string(&event.fact).unwrap();
    let read: Fact = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(read, event.fact, "written as {text}");
    let text = serde_json::to_string(&event.hidden).unwrap();
    assert_eq!(serde_json::from_str::<Hidden>(&text).unwrap(), event.hidden);
}

/// Each bidder's counting bid: the best one, or the latest where bids are revised.
fn counting(terms: &Terms, auction: &Auction) -> Vec<Bid> {
    let bids = auction.book().unwrap().bids();
    let latest_counts = terms.is_sealed();
    let mut best: Vec<Bid> = Vec::new();
    for bid in bids.iter().filter(|bid| bid.standing) {
        let value = |bid: &Bid| score(terms, bid.counts_for());
        match best.iter_mut().find(|other| other.paddle == bid.paddle) {
            None => best.push(bid.clone()),
            Some(other) if latest_counts || value(bid) > value(other) => *other = bid.clone(),
            Some(_) => {}
        }
    }
    best.sort_by_key(|bid| (-score(terms, bid.counts_for()), bid.id));
    best
}

/// N1, N5: the leader is the best bidder, among equals the earlier one.
fn leader_is_best(terms: &Terms, event: &Event, after: &Auction) {
    let book = after.book().unwrap();
    let ranked = counting(terms, after);
    assert_eq!(book.leader(), ranked.first().map(|bid| bid.paddle), "who leads");
    assert_eq!(book.standing(), book.bids().iter().filter(|bid| bid.standing).count() as u64);
    let mut paddles: Vec<Paddle> = book.bids().iter().map(|bid| bid.paddle).collect();
    paddles.sort_unstable();
    paddles.dedup();
    assert_eq!(book.bidders_with_bids(), paddles.len() as u64, "bidders with bids");
    let bought = matches!(event.fact, Fact::BuyNowTaken { .. } | Fact::ClockAccepted { .. });
    let running = !bought && matches!(after.phase().unwrap(), Phase::Open | Phase::OnHold { .. });
    if running && !terms.is_sealed() && !terms.has_proxy() {
        let best = ranked.first().map(Bid::counts_for);
        assert_eq!(after.price(), best, "without proxies the price is the best bid");
    }
    if running && terms.is_sealed() {
        assert_eq!(after.price(), None, "sealed until the close");
    }
}

/// N2, N14.
fn price_moves_one_way(terms: &Terms, before: &Auction, event: &Event, after: &Auction) {
    let undone =
        matches!(event.fact, Fact::BidRetracted(_) | Fact::BidVoided(_) | Fact::Reopened { .. });
    if let Some(price) = after.price() {
        assert!((1..1 << 53).contains(&price), "price {price} in range");
    }
    match (before.price(), after.price()) {
        (Some(old), Some(new)) if undone => {
            assert!(score(terms, new) <= score(terms, old), "an undone bid never lifts the price");
        }
        (Some(old), Some(new)) => assert!(score(terms, new) >= score(terms, old), "{old} {new}"),
        (Some(_), None) => assert!(undone, "a price does not vanish"),
        (None, _) => {}
    }
}

/// N3, N4.
fn proxy_price(terms: &Terms, before: &Auction, event: &Event, after: &Auction) {
    if matches!(event.fact, Fact::BuyNowTaken { .. } | Fact::Closed { .. })
        || !matches!(after.phase().unwrap(), Phase::Open | Phase::OnHold { .. })
    {
        return;
    }
    let ranked = counting(terms, after);
    let Some(price) = after.price() else { return assert!(ranked.is_empty()) };
    let turned = |minor: i64| score(terms, minor);
    let best = turned(ranked[0].amount.minor());
    assert!(turned(price) <= best, "price {price} beyond the leader's maximum");
    let start = turned(terms.start().minor());
    assert!(turned(price) >= start, "price {price} before the start");
    let pushed = ranked.get(1).map_or(start, |second| {
        let second = second.amount.minor();
        assert!(turned(price) >= turned(second), "price {price} behind a loser's {second}");
        (turned(second) + step(&terms.increment, second)).min(best)
    });
    let reserve = terms.reserve.amount().map(|reserve| turned(reserve.minor()));
    let lifted = reserve.filter(|reserve| best >= *reserve);
    let most = pushed.max(start).max(lifted.unwrap_or(start));
    assert_eq!(turned(price), most, "the price is a function of the maxima");
    if let (Fact::BidPlaced(bid), Some(old)) = (&event.fact, before.price())
        && before.book().unwrap().leader() == bid.paddle
    {
        let held = before.book().unwrap().latest(bid.paddle.unwrap()).unwrap().amount;
        let met = lifted.map_or(turned(old), |reserve| reserve.max(turned(old)));
        if turned(old) < turned(held.minor()) {
            assert_eq!(turned(price), met, "a leader's raise moves no price that others made");
        }
    }
}

/// N6.
fn bid_in_time(before: &Auction, event: &Event) {
    let bids = matches!(
        event.fact,
        Fact::BidPlaced(_) | Fact::BuyNowTaken { .. } | Fact::ClockAccepted { .. }
    );
    if bids {
        assert_eq!(before.phase(), Some(&Phase::Open), "bids only while open");
        assert!(event.at < before.effective_end().unwrap(), "bids only before the end");
        assert_ne!(event.hidden.user, before.seller(), "never the seller");
    }
}

/// N7.
fn ends(terms: &Terms, before: &Auction, after: &Auction) {
    let (old, new) = (before.head().map(|head| head.running), after.head().unwrap().running);
    let Some(old) = old.filter(|old| old.opened.is_some()) else { return };
    assert_eq!(old.scheduled_end, new.scheduled_end, "scheduled_end is constant");
    assert!(new.end >= old.end, "the end never comes earlier");
    let added = new.end.unwrap().since(new.base_end.unwrap());
    match terms.close {
        Close::Hard {} => assert_eq!(added, 0, "a hard close adds nothing"),
        Close::Soft { max_total_seconds, .. } => {
            assert!((0..=i64::from(max_total_seconds) * SECOND).contains(&added), "{added}");
        }
    }
}

/// N10.
fn sold_only_if_met(terms: &Terms, event: &Event, after: &Auction) {
    let Fact::Closed { outcome: Outcome::Sold(sale), .. } = &event.fact else { return };
    if let Some(reserve) = terms.reserve.amount() {
        let reserve = score(terms, reserve.minor());
        assert!(score(terms, sale.hammer_price.minor()) >= reserve, "sold below the reserve");
    }
    assert!(sale.buyer_pays > 0 && sale.house_pays >= 0 && sale.commission >= 0);
    let base = sale.hammer_price.minor() - sale.house_pays;
    assert_eq!(sale.buyer_pays, base + sale.premium + sale.tax, "the sum is the sum");
    if terms.pricing == Pricing::PayBid && after.book().unwrap().leader() == Some(sale.winner) {
        assert_eq!(after.price(), Some(sale.hammer_price.minor()), "pays the price");
    }
}

/// P14: who made sealed bids is told only when it cannot be taken back.
fn seal_stays_broken(before: &Auction, after: &Auction) {
    let (Some(old), new) = (before.head(), after.head().unwrap()) else { return };
    if old.announced && old.terms.is_sealed() && !old.is_under_seal() {
        assert!(!new.is_under_seal(), "what was told is under seal again");
        assert!(matches!(new.phase, Phase::Ended { .. }), "and bids come in again");
    }
}

/// What an event says is what the house shows after it.
fn shown_is_true(event: &Event, after: &Auction) {
    let now: &Now = match &event.fact {
        Fact::BidPlaced(bid) => &bid.now,
        Fact::BidRetracted(undone) | Fact::BidVoided(undone) => &undone.now,
        Fact::BidPromoted { now, .. } => now,
        Fact::Opened { end } | Fact::Resumed { end } | Fact::Extended { end, .. } => {
            return assert_eq!(Some(*end), after.effective_end());
        }
        _ => return,
    };
    let head = after.head().unwrap();
    assert_eq!(Some(now.end), head.effective_end(), "the end");
    match &now.shown {
        None => {
            assert!(head.terms.is_sealed(), "only sealed auctions show nothing");
            assert_eq!((head.price, head.leader), (None, None));
            assert!(matches!(
                head.terms.admission,
                Admission::OncePerBidder {} | Admission::Revisable {}
            ));
        }
        Some(shown) => {
            let seen = (head.price, head.leader, head.next, head.reserve_met);
            assert_eq!((shown.price, shown.leader, shown.next, shown.reserve_met), seen);
        }
    }
}
