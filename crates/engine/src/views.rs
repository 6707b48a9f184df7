//! Committed heads, and what concerns each bidder: what readers see without entering the path of a
//! bid. Written only after a commit, by the drive loop; holds nothing that is not durable.

use crate::engine::partition_of;
use crate::log::{Partition, Position};
use crate::snapshot::Snapshot;
use gavel_auction::auction::Phase;
use gavel_auction::ids::{AuctionId, Paddle, UserId, Version};
use gavel_auction::view::{Head, Mine};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

/// All that readers see of the auctions in memory.
pub(crate) struct Views {
    partitions: Vec<RwLock<Part>>,
    /// Auctions that are closed off.
    quarantined: RwLock<BTreeSet<AuctionId>>,
}

#[derive(Default)]
struct Part {
    auctions: HashMap<AuctionId, Arc<Published>>,
    /// Settled auctions that the shard does not hold, with the place of their last event. Those
    /// that somebody reads are among `auctions` too, for a while.
    cold: BTreeMap<AuctionId, Position>,
}

/// What readers see of one auction.
struct Published {
    shown: RwLock<Shown>,
    /// Whether somebody has asked for it since that was looked at.
    asked: AtomicBool,
}

struct Shown {
    head: Arc<Head>,
    mine: HashMap<UserId, Mine>,
    paddles: Vec<UserId>,
    positions: Vec<Position>,
}

/// What a commit changes in what readers see of one auction.
#[derive(Clone, Debug)]
pub struct Change {
    /// The auction as it stands now.
    pub head: Arc<Head>,
    /// Bidders whom the batch concerned.
    pub mine: Vec<(UserId, Mine)>,
    /// Where its new events stand.
    pub positions: Vec<Position>,
}

impl Change {
    /// All that readers should see of an auction.
    pub(crate) fn whole(snapshot: Snapshot) -> Option<Self> {
        let Snapshot { auction, positions, .. } = snapshot;
        let head = Arc::new(auction.head()?);
        let bidders = auction.book().map(|book| book.bidders()).unwrap_or_default();
        let mine = |user| Some((user, auction.mine(user)?));
        let mine = bidders.iter().filter_map(|bidder| mine(bidder.user)).collect();
        Some(Self { head, mine, positions })
    }

    /// Whether nothing is left to do about the auction.
    pub(crate) fn is_settled(&self) -> bool {
        self.head.certified.is_some() && matches!(self.head.phase, Phase::Ended { .. })
    }
}

impl Views {
    pub(crate) fn new(partitions: usize) -> Self {
        Self {
            partitions: (0..partitions).map(|_| RwLock::default()).collect(),
            quarantined: RwLock::default(),
        }
    }

    /// Shows an auction as it was recovered or loaded, whatever was shown before: the shard has it.
    pub(crate) fn replace(&self, change: Change) {
        let auction = change.head.auction;
        if self.is_quarantined(auction) {
            return;
        }
        let mut part = self.write(auction);
        part.cold.remove(&auction);
        part.auctions.insert(auction, Published::of(change));
    }

    /// Shows an auction that has left memory to those who read it, unless it has come back.
    pub(crate) fn visit(&self, change: Change) {
        let auction = change.head.auction;
        let mut part = self.write(auction);
        if part.cold.get(&auction) == change.positions.last() {
            let published = part.auctions.entry(auction).or_insert_with(|| Published::of(change));
            // Somebody is about to read it: it does not leave again before it was looked at once.
            published.asked.store(true, Ordering::Relaxed);
        }
    }

    /// An auction leaves memory; its last event stands there.
    pub(crate) fn leave(&self, auction: AuctionId, position: Position) {
        let mut part = self.write(auction);
        part.auctions.remove(&auction);
        part.cold.insert(auction, position);
    }

    /// An auction that was only being read leaves memory again.
    pub(crate) fn leave_again(&self, auction: AuctionId) {
        let mut part = self.write(auction);
        if part.cold.contains_key(&auction) {
            part.auctions.remove(&auction);
        }
    }

    /// Where the last event of an auction stands that has left memory.
    pub(crate) fn cold_at(&self, auction: AuctionId) -> Option<Position> {
        let part = self.of(auction).read().unwrap_or_else(PoisonError::into_inner);
        part.cold.get(&auction).copied()
    }

    /// Where the last event of an auction stands that has left memory and that nobody is reading.
    pub(crate) fn left_at(&self, auction: AuctionId) -> Option<Position> {
        let part = self.of(auction).read().unwrap_or_else(PoisonError::into_inner);
        let position = part.cold.get(&auction).copied()?;
        (!part.auctions.contains_key(&auction)).then_some(position)
    }

    /// Whether an auction has left memory, be it that somebody is reading it just now.
    pub(crate) fn has_left(&self, auction: AuctionId) -> bool {
        let part = self.of(auction).read().unwrap_or_else(PoisonError::into_inner);
        part.cold.contains_key(&auction)
    }

    /// Whether somebody has asked for an auction since this was asked last.
    pub(crate) fn was_asked(&self, auction: AuctionId) -> bool {
        let published = self.published(auction);
        published.is_some_and(|published| published.asked.swap(false, Ordering::Relaxed))
    }

    /// How many auctions have left memory.
    pub(crate) fn cold(&self) -> usize {
        let count =
            |part: &RwLock<Part>| part.read().unwrap_or_else(PoisonError::into_inner).cold.len();
        self.partitions.iter().map(count).sum()
    }

    /// Shows an auction no more. Whether that is new.
    pub(crate) fn quarantine(&self, auction: AuctionId) -> bool {
        self.forget(auction);
        self.quarantined.write().unwrap_or_else(PoisonError::into_inner).insert(auction)
    }

    pub(crate) fn is_quarantined(&self, auction: AuctionId) -> bool {
        self.quarantined.read().unwrap_or_else(PoisonError::into_inner).contains(&auction)
    }

    /// How many auctions are closed off.
    pub(crate) fn quarantined(&self) -> usize {
        self.quarantined.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Shows what a commit has changed.
    pub(crate) fn publish(&self, change: Change) {
        let auction = change.head.auction;
        let Some(published) = self.published(auction) else {
            // Closed off while this was being committed, it does not come back.
            return self.replace(change);
        };
        let mut shown = published.shown.write().unwrap_or_else(PoisonError::into_inner);
        shown.head = change.head;
        shown.positions.extend(change.positions);
        for (user, mine) in change.mine {
            shown.learn(user, mine);
        }
    }

    pub(crate) fn forget(&self, auction: AuctionId) {
        let mut part = self.write(auction);
        part.auctions.remove(&auction);
        part.cold.remove(&auction);
    }

    pub(crate) fn head(&self, auction: AuctionId) -> Option<Arc<Head>> {
        self.read(auction, |shown| Arc::clone(&shown.head))
    }

    pub(crate) fn mine(&self, auction: AuctionId, user: UserId) -> Option<Mine> {
        self.read(auction, |shown| shown.mine.get(&user).copied()).flatten()
    }

    pub(crate) fn bidder(&self, auction: AuctionId, paddle: Paddle) -> Option<UserId> {
        let index = usize::try_from(paddle.get() - 1).ok()?;
        self.read(auction, |shown| shown.paddles.get(index).copied()).flatten()
    }

    /// Everybody who has a paddle, by its number.
    pub(crate) fn bidders(&self, auction: AuctionId) -> Vec<UserId> {
        self.read(auction, |shown| shown.paddles.clone()).unwrap_or_default()
    }

    /// Where up to `limit` events after version `after` stand.
    pub(crate) fn positions(
        &self,
        auction: AuctionId,
        after: Version,
        limit: usize,
    ) -> Vec<Position> {
        let from = usize::try_from(after).unwrap_or(usize::MAX);
        let page = |shown: &Shown| {
            let known = shown.positions.get(from..).unwrap_or_default();
            known.iter().take(limit).copied().collect()
        };
        self.read(auction, page).unwrap_or_default()
    }

    /// All auctions of a partition that are not closed off.
    pub(crate) fn of_partition(&self, partition: Partition) -> BTreeSet<AuctionId> {
        let Some(part) = self.partitions.get(usize::from(partition)) else {
            return BTreeSet::new();
        };
        let part = part.read().unwrap_or_else(PoisonError::into_inner);
        part.auctions.keys().chain(part.cold.keys()).copied().collect()
    }

    pub(crate) fn len(&self) -> usize {
        let count = |part: &RwLock<Part>| {
            part.read().unwrap_or_else(PoisonError::into_inner).auctions.len()
        };
        self.partitions.iter().map(count).sum()
    }

    fn of(&self, auction: AuctionId) -> &RwLock<Part> {
        let partition = partition_of(auction, self.partitions.len());
        self.partitions.get(usize::from(partition)).expect("an id modulo their number")
    }

    fn write(&self, auction: AuctionId) -> RwLockWriteGuard<'_, Part> {
        self.of(auction).write().unwrap_or_else(PoisonError::into_inner)
    }

    fn published(&self, auction: AuctionId) -> Option<Arc<Published>> {
        let part = self.of(auction).read().unwrap_or_else(PoisonError::into_inner);
        part.auctions.get(&auction).cloned()
    }

    fn read<T>(&self, auction: AuctionId, look: impl FnOnce(&Shown) -> T) -> Option<T> {
        let published = self.published(auction)?;
        if !published.asked.load(Ordering::Relaxed) {
            published.asked.store(true, Ordering::Relaxed);
        }
        let shown = published.shown.read().unwrap_or_else(PoisonError::into_inner);
        Some(look(&shown))
    }
}

impl Published {
    fn of(change: Change) -> Arc<Self> {
        let mut shown = Shown {
            head: change.head,
            mine: HashMap::new(),
            paddles: Vec::new(),
            positions: change.positions,
        };
        for (user, mine) in change.mine {
            shown.learn(user, mine);
        }
        Arc::new(Self { shown: RwLock::new(shown), asked: AtomicBool::new(false) })
    }
}

impl Shown {
    fn learn(&mut self, user: UserId, mine: Mine) {
        let index = usize::try_from(mine.paddle.get() - 1).unwrap_or(usize::MAX);
        if index == self.paddles.len() {
            self.paddles.push(user);
        }
        self.mine.insert(user, mine);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_auction::auction::Auction;
    use gavel_auction::command::{Action, Actor, Command, Create, Person, Roles};
    use gavel_auction::event::{Digest, HouseId, KeyId};
    use gavel_auction::money::Currency;
    use gavel_auction::presets::{Preset, Slots};
    use gavel_auction::terms::Schedule;
    use gavel_auction::time::Time;

    fn change() -> Change {
        let currency = Currency::from_code("EUR").expect("a currency");
        let schedule = Schedule { duration_seconds: Some(60), ..Schedule::default() };
        let own = Slots { schedule: Some(schedule), ..Slots::default() };
        let terms = own.over(Preset::English.slots(currency)).complete().expect("whole terms");
        let create = Create {
            house: HouseId([1; 16]),
            log_key: KeyId([1; 8]),
            currency,
            preset: Preset::English,
            terms: Arc::new(terms),
            listing_digest: Digest([0; 32]),
            seed: None,
            publish: true,
        };
        let seller = Person::new(UserId::new(1).expect("positive"), Roles::MEMBER);
        let action = Action::Create(Box::new(create));
        let command = Command { actor: Actor::Person(seller), expected_version: None, action };
        let mut auction = Auction::new(AuctionId::new(1).expect("positive"));
        let events = auction.decide(&command, Time(1)).expect("it is created");
        events.iter().for_each(|event| auction.apply(event));
        let head = Arc::new(auction.head().expect("it was created"));
        Change { head, mine: Vec::new(), positions: vec![7] }
    }

    #[test]
    fn what_was_brought_back_to_be_read_stays_until_it_can_be() {
        let (views, change) = (Views::new(1), change());
        let id = change.head.auction;
        views.leave(id, 7);
        assert!(views.left_at(id).is_some() && views.head(id).is_none());
        views.visit(change);
        assert!(views.was_asked(id), "so it does not leave the next time that this is looked at");
        assert!(!views.was_asked(id), "but then");
        assert!(views.head(id).is_some() && views.has_left(id));
    }
}
