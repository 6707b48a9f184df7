//! What a verification found, in words: what was checked, and what nobody can check from the file.

use super::Report;
use crate::certificate::Parts;
use crate::disclosure::terms_of;
use crate::keys::PublicKey;
use crate::stand_in::Committed;
use gavel_auction::auction::Auction;
use gavel_auction::event::{CloseReason, Event, Fact};
use gavel_auction::ids::Paddle;
use gavel_auction::terms::{Direction, Eligibility, Terms};

pub(super) fn report(
    auction: &Auction,
    events: &[Event],
    committed: &Committed,
    parts: &Parts<'_>,
    key: &PublicKey,
) -> Report {
    let openings = parts.openings.values().map(|fields| fields.len()).sum();
    let currency = events.first().and_then(|event| {
        if let Fact::Created(created) = &event.fact { Some(created.currency) } else { None }
    });
    let fingerprint = key.fingerprint();
    Report {
        auction: parts.auction,
        house: parts.house,
        serial: format!("{}-{}", parts.auction, parts.head.1),
        outcome: parts.outcome,
        currency,
        events: events.len(),
        openings,
        head: (parts.head.1, parts.head.0),
        checked: vec![
            "the file is canonical JSON".to_owned(),
            format!("it is signed by {fingerprint}"),
            format!("the chain of {} events ends in {}", events.len(), parts.head.0),
            format!("each of {openings} openings fits its commitment, and none is missing"),
            "the rules, run again, give every event byte for byte".to_owned(),
        ],
        fingerprint,
        on_the_houses_word: Words { auction, events, parts, committed }.all(),
    }
}

struct Words<'a> {
    auction: &'a Auction,
    events: &'a [Event],
    parts: &'a Parts<'a>,
    committed: &'a Committed,
}

impl Words<'_> {
    fn all(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(terms) = terms_of(self.events) {
            self.amounts(terms, &mut words);
            self.reserves(terms, &mut words);
            self.people(terms, &mut words);
        }
        if self.events.iter().any(|event| event.hidden.seed.is_some()) {
            words.push(
                "that nobody who knew the house's key used it to foresee the draws".to_owned(),
            );
        }
        words.push("when each command arrived, and which were refused".to_owned());
        words
    }

    fn is_closed(&self, event: &Event, field: &str) -> bool {
        let index = usize::try_from(event.version - 1).unwrap_or(usize::MAX);
        let committed = self.committed.get(index).is_some_and(|fields| fields.contains(field));
        let opened = self.parts.openings.get(&event.version.to_string());
        committed && !opened.is_some_and(|fields| fields.contains_key(field))
    }

    fn amounts(&self, terms: &Terms, words: &mut Vec<String>) {
        let (bound, step) = match terms.direction {
            Direction::Forward => ("at least", 1),
            Direction::Reverse => ("at most", -1),
        };
        let sale = self.parts.outcome.sale();
        let mut sealed = 0;
        for event in self.events {
            let id = event.version;
            if self.is_closed(event, "paddle") {
                sealed += 1;
                continue;
            }
            let field = ["maximum", "amount"].into_iter().find(|f| self.is_closed(event, f));
            let Some(field) = field else { continue };
            match sale {
                Some(sale) => words.push(format!(
                    "the winner's {field} in bid {id} is {bound} {}",
                    sale.hammer_price.minor() + step
                )),
                None => {
                    let price = self.highest_while_leading(event, terms).unwrap_or_default();
                    words.push(format!("the {field} of bid {id} is {bound} {}", price + step));
                }
            }
        }
        if sealed > 0 {
            words.push(format!(
                "the amounts and bidders of {sealed} sealed bids, and that they sell nothing"
            ));
        }
    }

    /// The best price that was shown while this bid was its leader's latest.
    fn highest_while_leading(&self, event: &Event, terms: &Terms) -> Option<i64> {
        let Fact::BidPlaced(placed) = &event.fact else { return None };
        let mut best = placed.now.shown.as_ref()?.price?.minor();
        let after = self.events.iter().filter(|later| later.version > event.version);
        for later in after {
            let Fact::BidPlaced(other) = &later.fact else { continue };
            let Some(shown) = other.now.shown.as_ref() else { continue };
            if shown.leader != placed.paddle || other.paddle == placed.paddle {
                break;
            }
            let price = shown.price.map_or(best, |price| price.minor());
            best = match terms.direction {
                Direction::Forward => best.max(price),
                Direction::Reverse => best.min(price),
            };
        }
        Some(best)
    }

    fn reserves(&self, terms: &Terms, words: &mut Vec<String>) {
        let mut closed = self.events.iter().filter(|event| self.is_closed(event, "reserve"));
        let in_force = |event: &Event| {
            let later = self.events.iter().skip_while(|later| later.version <= event.version);
            !later.into_iter().any(|later| matches!(later.fact, Fact::Amended(_)))
        };
        if closed.any(in_force) {
            let side = match terms.direction {
                Direction::Forward => "above",
                Direction::Reverse => "below",
            };
            words.push(match self.auction.price() {
                Some(price) => format!("the reserve was {side} {price}"),
                None => "the reserve, which no bid is said to have met".to_owned(),
            });
        }
        let superseded = self.events.iter().filter(|event| self.is_closed(event, "reserve"));
        let superseded = superseded.filter(|event| !in_force(event)).count();
        if superseded > 0 {
            words.push(format!("{superseded} reserves that the seller changed before the opening"));
        }
    }

    fn people(&self, terms: &Terms, words: &mut Vec<String>) {
        let bidders = self.auction.book().map_or(0, |book| book.bidders().len());
        if bidders > 0 {
            words.push(format!(
                "that {bidders} paddles are as many people, none of them the seller"
            ));
            words.push("that no bidder exceeded his spending limit, or was shut out".to_owned());
        }
        if terms.eligibility == Eligibility::Approved {
            words.push("that seller or clerk approved the bidders".to_owned());
        }
        let count =
            |what: fn(&Fact) -> bool| self.events.iter().filter(|event| what(&event.fact)).count();
        let retracted = count(|fact| matches!(fact, Fact::BidRetracted(_)));
        if retracted > 0 {
            words.push(format!("that {retracted} bids were retracted by their own bidders"));
        }
        let for_paddles = self.events.iter().filter(
            |event| matches!(&event.fact, Fact::BidPlaced(placed) if placed.channel.is_some()),
        );
        let for_paddles = for_paddles.count();
        if for_paddles > 0 {
            words.push(format!("that a clerk placed {for_paddles} bids as bidders told him"));
        }
        let outages = count(|fact| matches!(fact, Fact::Extended { .. }));
        if outages > 0 {
            words.push(format!("that the house could not be reached, {outages} times"));
        }
        let acts = count(|fact| {
            let by_clerk = matches!(fact, Fact::Closed { reason: CloseReason::Clerk, .. });
            let act = matches!(
                fact,
                Fact::Held { .. }
                    | Fact::Resumed { .. }
                    | Fact::Reopened { .. }
                    | Fact::Cancelled { .. }
                    | Fact::BidVoided(_)
            );
            act || by_clerk
        });
        if acts > 0 {
            words.push(format!("that {acts} acts of its staff had the reasons that they give"));
        }
        let winner: Option<Paddle> = self.parts.outcome.sale().map(|sale| sale.winner);
        if let Some(winner) = winner {
            words.push(format!("who holds paddle {winner}, which won"));
        }
    }
}
