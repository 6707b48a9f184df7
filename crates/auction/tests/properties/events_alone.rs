//! N11 and N16: who leads, was outbid or has won is read off the events, and what is certified
//! stays. A naive reading that asks no rule.

use crate::acts::{House, member};
use crate::world::World;
use gavel_auction::auction::Auction;
use gavel_auction::event::{Event, Fact};
use gavel_auction::ids::{BidId, Paddle, UserId};
use gavel_auction::outcome::Outcome;
use gavel_auction::terms::Admission;
use std::collections::BTreeMap;

/// What the events say so far.
#[derive(Default)]
struct Told {
    paddles: BTreeMap<UserId, Paddle>,
    /// Bids that nobody has taken back.
    bids: BTreeMap<BidId, Paddle>,
    leader: Option<Paddle>,
    outcome: Option<Outcome>,
}

impl Told {
    fn by(events: &[Event]) -> Self {
        let mut told = Self::default();
        for event in events {
            let named = event.hidden.user.zip(event.bidder());
            told.paddles.extend(named);
            if let Some(shown) = event.fact.now().and_then(|now| now.shown.as_ref()) {
                told.leader = shown.leader;
            }
            match &event.fact {
                Fact::BidPlaced(_) => {
                    told.bids.extend(event.bidder().map(|by| (event.version, by)))
                }
                Fact::BidRetracted(undone) | Fact::BidVoided(undone) => {
                    told.bids.remove(&undone.bid);
                }
                Fact::Closed { outcome, .. } => told.outcome = Some(*outcome),
                Fact::Cancelled { .. } => told.outcome = Some(Outcome::Cancelled {}),
                Fact::Reopened { .. } => told.outcome = None,
                _ => {} // not ours: what moves nobody's standing
            }
        }
        told
    }

    fn standing(&self, paddle: Paddle, sealed: bool, own_latest: bool) -> Option<&'static str> {
        let has_bid = self.bids.values().any(|by| *by == paddle);
        let word = match self.outcome {
            Some(Outcome::Sold(sale)) if sale.winner == paddle => return Some("won"),
            Some(_) => "lost",
            None if sealed => "sealed",
            None if self.leader == Some(paddle) => "leading",
            None if own_latest => "standing",
            None => "outbid",
        };
        has_bid.then_some(word)
    }
}

/// What each is told of himself is what the events say.
pub fn tell_who_leads(house: &House) {
    let world = &house.world;
    let told = Told::by(&world.events);
    let terms = world.auction.terms().unwrap();
    let own_latest = matches!(terms.admission, Admission::BeatOwnLatest {});
    for who in 0..5 {
        let person = member(who);
        let mine = world.auction.mine(person.user);
        let paddle = told.paddles.get(&person.user).copied();
        assert_eq!(mine.map(|mine| mine.paddle), paddle, "N11: whose paddle it is");
        let expected = paddle.and_then(|own| told.standing(own, terms.is_sealed(), own_latest));
        let you = house.view(person).you.unwrap();
        let seen = you.standing.map(gavel_auction::view::Standing::word);
        assert_eq!(seen, expected, "N11: bidder {who}: {you:?}");
        let has_bid = paddle.is_some_and(|own| told.bids.values().any(|by| *by == own));
        assert_eq!(you.amount.is_some(), has_bid, "N11: bidder {who}: {you:?}");
    }
}

/// Nothing that comes after a certificate changes what it says, but a reopening, which is public.
pub fn keep_what_is_certified(world: &World) {
    let mut auction = Auction::new(world.auction.id());
    let mut said = None;
    for event in &world.events {
        auction.apply(event);
        let head = auction.head().unwrap();
        match &event.fact {
            Fact::Certified { .. } => said = Some((head.outcome().copied(), head.winner)),
            Fact::Reopened { .. } => said = None,
            _ => {} // not ours: what may come after
        }
        if let Some(said) = said {
            assert_eq!(said, (head.outcome().copied(), head.winner), "N16: {event:?}");
        }
    }
}
