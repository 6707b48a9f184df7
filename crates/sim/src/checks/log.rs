//! The log as bytes: positions and versions without holes, every link of every chain, every part
//! readable. What it finds readable is what the other checks go on.

use super::Check;
use super::case::{Case, Entry};
use crate::history::LoggedEvent;
use gavel_auction::event::Fact;
use gavel_proof::chain::{genesis, link};
use gavel_proof::codec::decode;
use std::collections::BTreeMap;

impl<'a> Case<'a> {
    pub(super) fn check_log(&mut self) {
        let mut ends = BTreeMap::<u16, u64>::new();
        let input = self.input;
        for logged in &input.log {
            let end = ends.entry(logged.partition).or_default();
            *end += 1;
            let (expected, position) = (*end, logged.position);
            let Some(event) = &logged.event else { continue };
            if position != expected {
                let partition = logged.partition;
                let prose = format!("position {position} of partition {partition} is {expected}th");
                self.object(Check::C13, event.auction, &[], prose);
            }
            self.stats.events += 1;
            self.check_event(position, event);
        }
    }

    fn check_event(&mut self, position: u64, logged: &'a LoggedEvent) {
        let auction = logged.auction;
        let (event, origin) = match decode(&logged.public, &logged.sealed) {
            Ok(read) => read,
            Err(error) => {
                let prose = format!("version {} cannot be read: {error}", logged.version);
                return self.object(Check::C13, auction, &[], prose);
            }
        };
        let before = self.auctions.get(&auction).and_then(|entries| entries.last());
        let version = before.map_or(1, |before| before.logged.version + 1);
        let previous = before.map_or(0, |before| before.position);
        let hash = match (before, &event.fact) {
            (Some(before), _) => Some(before.logged.hash),
            (None, Fact::Created(created)) => {
                Some(genesis(self.input.house.unwrap_or(created.house), auction))
            }
            (None, _) => None, // not ours: the first event is no `created`, which C1 says
        };
        let mut wrong = Vec::new();
        if (event.auction, event.version) != (auction, logged.version) {
            let named = (event.auction, event.version);
            wrong.push((Check::C13, format!("its public part names {named:?}")));
        } else if logged.version != version {
            let named = logged.version;
            wrong.push((Check::C1, format!("version {version} should come, not {named}")));
        }
        if logged.previous != previous {
            let named = logged.previous;
            wrong.push((Check::C13, format!("names {named} as its predecessor, not {previous}")));
        }
        if hash.is_some_and(|hash| link(&hash, &logged.public) != logged.hash) {
            wrong.push((Check::C13, format!("the chain breaks at version {}", logged.version)));
        }
        for (check, prose) in wrong {
            self.object(check, auction, &[], prose);
        }
        let entry = Entry { position, logged, event, origin };
        self.auctions.entry(auction).or_default().push(entry);
    }
}
