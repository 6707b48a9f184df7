//! Planted bugs that need more than a condition where they stand. Not there at all without the
//! feature `mutants`.

use super::Shard;
use gavel_auction::auction::Auction;
use gavel_auction::command::Command;
use gavel_auction::event::{Event, Fact};
use gavel_auction::ids::AuctionId;
use gavel_auction::mutant;
use gavel_auction::time::Time;

/// What a planted bug knows of an auction when something of it is decided.
pub(super) struct Planted {
    /// Whether a batch is under way.
    in_flight: bool,
    /// How the auction was before what is not durable yet.
    certain: Option<Auction>,
}

impl<R> Shard<R> {
    pub(super) fn planted(&mut self, id: AuctionId) -> Planted {
        if mutant::on("certified_from_durable")
            && let Some(entry) = self.auctions.get(&id)
            && !self.certain.contains_key(&id)
        {
            self.certain.insert(id, entry.auction.clone());
        }
        let certain = self.certain.get(&id).cloned();
        Planted { in_flight: !self.in_flight.is_empty(), certain }
    }

    /// A batch is durable: what of these auctions is not in a later one is certain.
    pub(super) fn is_certain(&mut self) {
        let Self { certain, open, in_flight, .. } = self;
        let uncertain = |id: &AuctionId| {
            open.touched.contains(id) || in_flight.iter().any(|held| held.touched.contains(id))
        };
        certain.retain(|id, _| uncertain(id));
    }
}

impl Planted {
    /// What is decided instead.
    pub(super) fn spoil(
        &self,
        mut events: Vec<Event>,
        auction: &Auction,
        command: &Command,
        at: Time,
    ) -> Vec<Event> {
        for event in &mut events {
            match &mut event.fact {
                Fact::BidPlaced(placed)
                    if self.in_flight && mutant::on("extension_lost_in_flight") =>
                {
                    placed.now.end = auction.effective_end().unwrap_or(placed.now.end);
                    placed.now.extended = false;
                }
                Fact::Closed { outcome, .. } => {
                    let stale =
                        self.certain.as_ref().and_then(|stale| stale.decide(command, at).ok());
                    let closed = stale.iter().flatten().find_map(|event| match &event.fact {
                        Fact::Closed { outcome, .. } => Some(outcome.clone()),
                        _ => None, // not ours: a planted bug looks for one kind
                    });
                    *outcome = closed.unwrap_or_else(|| outcome.clone());
                }
                _ => {} // not ours: a planted bug spoils two kinds
            }
        }
        events
    }
}
