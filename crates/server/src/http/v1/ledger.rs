//! The bids of one auction, gathered from its events, and whether each still stands. Kept for the
//! auctions that were asked for last, and brought up from the log at each question. Holds hidden
//! amounts: `history.rs` shows them to their bidders only.

use crate::house::House;
use crate::http::error::Problem;
use gavel_auction::event::{Channel, Digest, Event, Fact};
use gavel_auction::ids::{AuctionId, BidId, Paddle, Version};
use gavel_auction::money::Amount;
use gavel_auction::time::Time;
use gavel_auction::view::Head;
use gavel_engine::history::HistoryEvent;
use gavel_engine::hub::standing::{Happened, Standing};
use serde::Deserialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Ledgers that are kept.
const KEPT: usize = 64;
/// Events read at once.
const READ: usize = 1_000;

/// One bid.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) bid: BidId,
    pub(crate) paddle: Option<Paddle>,
    /// The public amount.
    pub(crate) amount: Option<Amount>,
    /// The amount of a sealed bid.
    pub(crate) sealed_amount: Option<Amount>,
    /// The maximum of a proxy bid.
    pub(crate) maximum: Option<Amount>,
    /// The public price after it.
    pub(crate) price: Option<Amount>,
    pub(crate) at: Time,
    pub(crate) channel: Option<Channel>,
    pub(crate) retracted: bool,
    pub(crate) voided: bool,
    pub(crate) promoted: bool,
}

impl Line {
    /// Whether nobody has taken it back.
    pub(crate) const fn stands(&self) -> bool {
        !self.retracted && !self.voided
    }
}

/// A bid that was drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    pub(crate) interval: u64,
    pub(crate) bid: BidId,
    /// The event that tells of it.
    pub(crate) version: Version,
    pub(crate) at: Time,
}

/// The bids of one auction up to a version.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    version: Version,
    lines: Vec<Line>,
    draws: Vec<Draw>,
    seed: Option<Digest>,
    standing: Standing,
    head: Option<Arc<Head>>,
}

impl Ledger {
    /// Up to which version it goes.
    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    /// The auction at that version; none if it has left memory, where nothing moves it any more.
    pub(crate) fn head(&self) -> Option<&Head> {
        self.head.as_deref()
    }

    /// The bids after this one, the oldest first.
    pub(crate) fn after(&self, bid: BidId) -> &[Line] {
        let from = self.lines.partition_point(|line| line.bid <= bid);
        self.lines.get(from..).unwrap_or_default()
    }

    /// The bids before this one, the oldest first.
    pub(crate) fn before(&self, bid: BidId) -> &[Line] {
        let upto = self.lines.partition_point(|line| line.bid < bid);
        self.lines.get(..upto).unwrap_or_default()
    }

    /// One bid.
    pub(crate) fn line(&self, bid: BidId) -> Option<&Line> {
        self.lines.get(self.lines.binary_search_by_key(&bid, |line| line.bid).ok()?)
    }

    /// The draws, the oldest first.
    pub(crate) fn draws(&self) -> &[Draw] {
        &self.draws
    }

    /// The bids that stand, as everybody may know them.
    pub(crate) const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// What the seed of the draws is bound to.
    pub(crate) const fn seed(&self) -> Option<Digest> {
        self.seed
    }

    fn take(&mut self, past: &HistoryEvent) {
        let event = &past.event;
        self.version = event.version;
        self.standing.take(event.version, &event.fact, &mut Happened::default());
        if event.hidden.seed.is_some() {
            self.seed = seed_in(&past.public);
        }
        match &event.fact {
            Fact::BidPlaced(placed) => self.lines.push(Line {
                bid: event.version,
                paddle: event.bidder(),
                amount: placed.amount,
                sealed_amount: event.hidden.amount,
                maximum: event.hidden.maximum,
                price: placed.now.shown.as_ref().and_then(|shown| shown.price),
                at: event.at,
                channel: placed.channel,
                retracted: false,
                voided: false,
                promoted: false,
            }),
            Fact::BidRetracted(undone) => self.mark(undone.bid, |line| line.retracted = true),
            Fact::BidVoided(undone) => self.mark(undone.bid, |line| line.voided = true),
            Fact::BidPromoted { bid, interval, .. } => {
                self.mark(*bid, |line| line.promoted = true);
                let Event { version, at, .. } = *event;
                self.draws.push(Draw { interval: *interval, bid: *bid, version, at });
            }
            Fact::Created(_)
            | Fact::Amended(_)
            | Fact::Addendum { .. }
            | Fact::Published {}
            | Fact::Opened { .. }
            | Fact::BidderRegistered { .. }
            | Fact::BidderApproved { .. }
            | Fact::BidderDeclined { .. }
            | Fact::BuyNowTaken { .. }
            | Fact::ClockAccepted { .. }
            | Fact::Held { .. }
            | Fact::Resumed { .. }
            | Fact::Extended { .. }
            | Fact::Closed { .. }
            | Fact::Reopened { .. }
            | Fact::Cancelled { .. }
            | Fact::Certified { .. } => {}
        }
    }

    fn mark(&mut self, bid: BidId, change: impl FnOnce(&mut Line)) {
        let place = self.lines.binary_search_by_key(&bid, |line| line.bid);
        if let Some(line) = place.ok().and_then(|place| self.lines.get_mut(place)) {
            change(line);
        }
    }

    /// Reads what was committed since, up to the head as it is now.
    fn catch_up(&mut self, house: &House, auction: AuctionId) -> Result<(), Problem> {
        self.head = house.engine.head(auction);
        let upto = self.head.as_ref().map_or(Version::MAX, |head| head.version);
        while self.version < upto {
            let most = usize::try_from(upto - self.version).unwrap_or(READ).min(READ);
            let past = house.engine.history(auction, self.version, most)?;
            past.iter().for_each(|past| self.take(past));
            if past.len() < most {
                break;
            }
        }
        Ok(())
    }
}

/// What the public part of an event binds its seed to.
fn seed_in(public: &[u8]) -> Option<Digest> {
    #[derive(Deserialize)]
    struct Public {
        commit: Commit,
    }
    #[derive(Deserialize)]
    struct Commit {
        seed: Option<Digest>,
    }
    serde_json::from_slice::<Public>(public).ok()?.commit.seed
}

/// A ledger that several may ask for at once.
type Shared = Arc<Mutex<Ledger>>;

/// The ledgers that were asked for last.
#[derive(Default)]
pub(crate) struct Ledgers(Mutex<VecDeque<(AuctionId, Shared)>>);

impl Ledgers {
    /// Looks into an auction's ledger as it is now. Blocks on the store.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(crate) fn read<T>(
        &self,
        house: &House,
        auction: AuctionId,
        look: impl FnOnce(&Ledger) -> T,
    ) -> Result<T, Problem> {
        let shared = self.shared(auction);
        let mut ledger = shared.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.catch_up(house, auction)?;
        Ok(look(&ledger))
    }

    fn shared(&self, auction: AuctionId) -> Shared {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(other, _)| *other == auction);
        let found = place.and_then(|place| kept.remove(place));
        let entry = found.unwrap_or_else(|| (auction, Shared::default()));
        let shared = Arc::clone(&entry.1);
        kept.push_front(entry);
        kept.truncate(KEPT);
        shared
    }
}
