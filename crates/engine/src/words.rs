//! What auctions are about and what people are called, kept at hand: what is read often does not
//! wait for the store. Whoever changes words says so here. Bounded; a full shelf is emptied.

use crate::people::{Listing, People, PeopleError};
use gavel_auction::ids::{AuctionId, UserId};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Bytes of listings, and of names, that are kept.
const KEPT: usize = 16 * 1024 * 1024;

/// What one entry takes besides its words.
const ENTRY: usize = 256;

/// Words that are kept at hand.
pub struct Words {
    people: Arc<dyn People>,
    listings: RwLock<Shelf<AuctionId, Arc<Listing>>>,
    names: RwLock<Shelf<UserId, Arc<str>>>,
    changes: AtomicU64,
}

struct Shelf<K, V> {
    kept: HashMap<K, V>,
    bytes: usize,
}

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self { kept: HashMap::new(), bytes: 0 }
    }
}

impl<K: Eq + Hash, V> Shelf<K, V> {
    fn keep(&mut self, key: K, value: V, bytes: usize) {
        if self.bytes + bytes > KEPT {
            *self = Self::default();
        }
        self.bytes += bytes;
        self.kept.insert(key, value);
    }
}

impl Words {
    pub(crate) fn new(people: Arc<dyn People>) -> Self {
        let (listings, names) = (RwLock::default(), RwLock::default());
        Self { people, listings, names, changes: AtomicU64::new(0) }
    }

    /// Counts changes: what was made of words at the same count is still right.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// What an auction is about, if that is at hand.
    #[must_use]
    pub fn listing_at_hand(&self, auction: AuctionId) -> Option<Arc<Listing>> {
        let listings = self.listings.read().unwrap_or_else(PoisonError::into_inner);
        listings.kept.get(&auction).cloned()
    }

    /// What an auction is about. May block on the store.
    ///
    /// # Errors
    /// The store's own.
    pub fn listing(&self, auction: AuctionId) -> Result<Arc<Listing>, PeopleError> {
        if let Some(listing) = self.listing_at_hand(auction) {
            return Ok(listing);
        }
        let changes = self.changes();
        let Some(listing) = self.people.listing(auction)? else { return Ok(Arc::default()) };
        let addenda: usize = listing.addenda.iter().map(|note| note.text.len() + ENTRY).sum();
        let description = listing.description.as_ref().map_or(0, String::len);
        let bytes = ENTRY + listing.title.len() + description + addenda;
        let listing = Arc::new(listing);
        let mut listings = self.listings.write().unwrap_or_else(PoisonError::into_inner);
        // What was read before a change may be what it was before it.
        if self.changes() == changes {
            listings.keep(auction, Arc::clone(&listing), bytes);
        }
        Ok(listing)
    }

    /// The public name of a user, if that is at hand.
    #[must_use]
    pub fn name_at_hand(&self, user: UserId) -> Option<Arc<str>> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.kept.get(&user).cloned()
    }

    /// The public name of a user; none once the account was erased. May block on the store.
    ///
    /// # Errors
    /// The store's own.
    pub fn name(&self, user: UserId) -> Result<Option<Arc<str>>, PeopleError> {
        if let Some(name) = self.name_at_hand(user) {
            return Ok(Some(name));
        }
        let changes = self.changes();
        let Some(found) = self.people.user(user)? else { return Ok(None) };
        let name: Arc<str> = found.username.into();
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        if self.changes() == changes {
            names.keep(user, Arc::clone(&name), ENTRY);
        }
        Ok(Some(name))
    }

    /// An auction is about something else now.
    pub fn changed(&self, auction: AuctionId) {
        let mut listings = self.listings.write().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::AcqRel);
        listings.kept.remove(&auction);
    }

    /// A user is called otherwise, or not at all, now.
    pub fn renamed(&self, user: UserId) {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::AcqRel);
        names.kept.remove(&user);
    }
}
