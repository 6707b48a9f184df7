//! What subscribers saw: versions in order, no hole unsaid, nothing that is not in the log as it
//! was shown, and everything once all is quiet.

use super::Check;
use super::case::Case;
use crate::history::{Seen, SeenKind, digest};
use gavel_auction::ids::{AuctionId, Version};
use std::collections::{BTreeMap, HashMap};

/// Where a subscriber is.
#[derive(Default)]
struct Place {
    /// What he has seen last; none before he begins.
    last: Option<Version>,
    /// The newest that he has ever seen.
    newest: Version,
    listening: bool,
    /// How many of the things that were said to all he has heard since he came.
    words: Version,
}

impl Case<'_> {
    pub(super) fn check_streams(&mut self) {
        let mut shown = HashMap::<(AuctionId, Version), u64>::new();
        let mut places = BTreeMap::<(u32, AuctionId), Place>::new();
        let input = self.input;
        for seen in &input.seen {
            let place = places.entry((seen.subscriber, seen.auction)).or_default();
            let wrong = follow(place, seen);
            let last = self.auctions.get(&seen.auction).map_or(0, Vec::len) as Version;
            let wrong = wrong.or_else(|| {
                let behind = seen.kind == SeenKind::Quiet && place.last != Some(last);
                behind.then(|| format!("all is quiet at version {last}, he has {:?}", place.last))
            });
            let unheard_of = seen.kind == SeenKind::State && seen.version > last;
            let never = || format!("was shown version {}, never in the log", seen.version);
            let wrong = wrong.or_else(|| unheard_of.then(never));
            let wrong = wrong.or_else(|| {
                if seen.kind != SeenKind::Event {
                    return None;
                }
                let expected = self.public(&mut shown, seen.auction, seen.version);
                match expected {
                    None => Some(format!("was shown version {}, never in the log", seen.version)),
                    Some(expected) if expected != seen.digest => {
                        Some(format!("was shown another version {} than the log's", seen.version))
                    }
                    Some(_) => None,
                }
            });
            if let Some(wrong) = wrong {
                let prose = format!("subscriber {} {wrong}", seen.subscriber);
                self.object(Check::C7, seen.auction, &[], prose);
            }
        }
    }

    /// A digest of the public part of an event.
    fn public(
        &self,
        known: &mut HashMap<(AuctionId, Version), u64>,
        auction: AuctionId,
        version: Version,
    ) -> Option<u64> {
        if let Some(known) = known.get(&(auction, version)) {
            return Some(*known);
        }
        let index = usize::try_from(version.checked_sub(1)?).ok()?;
        let entry = self.auctions.get(&auction)?.get(index)?;
        let made = digest(&entry.logged.public);
        known.insert((auction, version), made);
        Some(made)
    }
}

fn follow(place: &mut Place, seen: &Seen) -> Option<String> {
    match seen.kind {
        SeenKind::Begin => {
            let skips = seen.version > place.newest;
            (place.last, place.listening) = (Some(seen.version), true);
            // Whoever names a version that he has never seen skips on his own account.
            let newest = place.newest;
            place.newest = place.newest.max(seen.version);
            (skips && newest > 0)
                .then(|| format!("goes on after {}, having {newest}", seen.version))
        }
        SeenKind::Reset => {
            place.last = Some(seen.version);
            None
        }
        SeenKind::Event => {
            let expected = place.last.map(|last| last + 1);
            let unheard = !place.listening;
            (place.last, place.newest) = (Some(seen.version), place.newest.max(seen.version));
            if unheard {
                return Some(format!("sees {} though he does not listen", seen.version));
            }
            (expected != Some(seen.version))
                .then(|| format!("sees version {} instead of {expected:?}", seen.version))
        }
        SeenKind::State => {
            let (from, before) = (seen.digest, place.last);
            let unheard = !place.listening;
            (place.last, place.newest) = (Some(seen.version), place.newest.max(seen.version));
            if unheard {
                return Some(format!("sees {} though he does not listen", seen.version));
            }
            let joins = before.is_none_or(|last| from <= last + 1 && last <= seen.version);
            (!joins).then(|| format!("is shown {from} to {} after {before:?}", seen.version))
        }
        SeenKind::Word => {
            let expected = place.words + 1;
            place.words = seen.version;
            (seen.version != expected)
                .then(|| format!("hears the {}th thing said, not the {expected}th", seen.version))
        }
        SeenKind::Gap | SeenKind::Closed => {
            (place.listening, place.words) = (false, 0);
            None
        }
        SeenKind::Quiet => None,
    }
}
