//! Committed heads, and what concerns each bidder: what readers see without entering the path of a
//! bid. Written only after a commit, by the drive loop; holds nothing that is not durable.

use crate::engine::partition_of;
use crate::log::Position;
use gavel_auction::ids::{AuctionId, Paddle, UserId, Version};
use gavel_auction::view::{Head, Mine};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// All that readers see of the auctions in memory.
pub(crate) struct Views {
    partitions: Vec<RwLock<HashMap<AuctionId, Arc<Published>>>>,
    /// Auctions that are closed off because their history is damaged.
    quarantined: RwLock<BTreeSet<AuctionId>>,
}

/// What readers see of one auction.
struct Published(RwLock<Shown>);

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

impl Views {
    pub(crate) fn new(partitions: usize) -> Self {
        Self {
            partitions: (0..partitions).map(|_| RwLock::default()).collect(),
            quarantined: RwLock::default(),
        }
    }

    /// Shows an auction no more: its history is damaged. Whether that is new.
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
        if let Some(published) = self.published(auction) {
            let mut shown = published.0.write().unwrap_or_else(PoisonError::into_inner);
            shown.head = change.head;
            shown.positions.extend(change.positions);
            for (user, mine) in change.mine {
                shown.learn(user, mine);
            }
            return;
        }
        let mut shown = Shown {
            head: change.head,
            mine: HashMap::new(),
            paddles: Vec::new(),
            positions: change.positions,
        };
        for (user, mine) in change.mine {
            shown.learn(user, mine);
        }
        // Closed off while this was being committed: it must not come back.
        if self.is_quarantined(auction) {
            return;
        }
        let mut auctions = self.of(auction).write().unwrap_or_else(PoisonError::into_inner);
        auctions.insert(auction, Arc::new(Published(RwLock::new(shown))));
    }

    pub(crate) fn forget(&self, auction: AuctionId) {
        self.of(auction).write().unwrap_or_else(PoisonError::into_inner).remove(&auction);
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

    pub(crate) fn len(&self) -> usize {
        let count = |auctions: &RwLock<HashMap<_, _>>| {
            auctions.read().unwrap_or_else(PoisonError::into_inner).len()
        };
        self.partitions.iter().map(count).sum()
    }

    fn of(&self, auction: AuctionId) -> &RwLock<HashMap<AuctionId, Arc<Published>>> {
        let partition = partition_of(auction, self.partitions.len());
        self.partitions.get(usize::from(partition)).expect("an id modulo their number")
    }

    fn published(&self, auction: AuctionId) -> Option<Arc<Published>> {
        let auctions = self.of(auction).read().unwrap_or_else(PoisonError::into_inner);
        auctions.get(&auction).cloned()
    }

    fn read<T>(&self, auction: AuctionId, look: impl FnOnce(&Shown) -> T) -> Option<T> {
        let published = self.published(auction)?;
        let shown = published.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(look(&shown))
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
