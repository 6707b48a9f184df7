//! Histories that no rules would have made, written with the house's own keys: chained and bound as
//! they should be, and yet the rules cannot go on from them. What a bug in a rule would leave.

use gavel_auction::event::{BidPlaced, Created, Digest, Event, Fact, Hidden, HouseId, Now};
use gavel_auction::ids::{AuctionId, Paddle, UserId};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{Clock, Schedule, Terms};
use gavel_auction::time::Time;
use gavel_engine::log::{Entry, EventRecord, Partition, Position, Record};
use gavel_proof::chain::genesis;
use gavel_proof::codec::{Origin, encode};
use gavel_proof::command::CommandId;
use gavel_proof::keys::LogKey;
use std::sync::Arc;

/// Where the rules stumble.
#[derive(Clone, Copy, Debug)]
pub enum Planted {
    /// At the opening, which is due: there is no end to open it to.
    NoEnd,
    /// When somebody accepts the clock: it drops every zero seconds.
    StillClock,
    /// When the history is read: somebody bids who was never given a paddle.
    Stranger,
}

/// Who writes, and where.
pub struct Place {
    pub house: HouseId,
    pub log_key: LogKey,
    pub auction: AuctionId,
    pub partition: Partition,
    /// The last position before it.
    pub after: Position,
}

impl Planted {
    fn terms(self, currency: Currency) -> Terms {
        let schedule = Schedule { duration_seconds: Some(3_600), ..Schedule::default() };
        let slots = Slots { schedule: Some(schedule), ..Slots::default() };
        let mut terms = slots.over(Preset::Classic.slots(currency)).complete().unwrap();
        let amount = |minor| Amount::new(minor).unwrap();
        match self {
            Self::NoEnd => terms.schedule.duration_seconds = None,
            Self::StillClock => {
                let (start, floor, step) = (amount(1_000), amount(100), amount(100));
                terms.clock = Clock::Descending { start, floor, step, every_seconds: 0 };
            }
            Self::Stranger => {}
        }
        terms
    }

    fn facts(self, place: &Place) -> Vec<Fact> {
        let currency = Currency::from_code("EUR").unwrap();
        let created = Fact::Created(Box::new(Created {
            currency,
            house: place.house,
            listing_digest: Digest([0; 32]),
            log_key: place.log_key.id(),
            preset: Preset::Classic,
            rules_version: 1,
            seller: UserId::new(100).unwrap(),
            terms: Arc::new(self.terms(currency)),
        }));
        let end = Time(i64::MAX / 2);
        let opened = Fact::Opened { end };
        let bid = Fact::BidPlaced(BidPlaced {
            amount: Amount::new(500),
            channel: None,
            paddle: Paddle::new(9),
            now: Now { end, extended: false, shown: None },
        });
        let mut facts = vec![created, Fact::Published {}];
        match self {
            Self::NoEnd => {}
            Self::StillClock => facts.push(opened),
            Self::Stranger => facts.extend([opened, bid]),
        }
        facts
    }

    /// As it stands in the log.
    pub fn records(self, place: &Place) -> Vec<Record> {
        let Place { house, log_key, auction, partition, after } = place;
        let key = log_key.auction(*house, *auction);
        let origin = Origin { command: CommandId([1; 16]), digest: [1; 16] };
        let (mut last, mut previous, mut position) = (genesis(*house, *auction), 0, *after);
        let mut records = Vec::new();
        for (version, fact) in (1..).zip(self.facts(place)) {
            let hidden = Hidden::default();
            let event = Event { auction: *auction, version, at: Time(1), fact, hidden };
            let written = encode(&event, &origin, &key, &last);
            position += 1;
            let entry = Entry::Event(EventRecord {
                auction: *auction,
                version,
                previous,
                hash: written.hash,
                public: written.public,
                sealed: written.sealed,
            });
            records.push(Record { partition: *partition, position, entry });
            (last, previous) = (written.hash, position);
        }
        records
    }
}
