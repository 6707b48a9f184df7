//! What bidders have committed themselves to in all auctions of this house together, and how far
//! they may go. One reservation for each bidder and currency, which every decision that changes
//! what he may have to pay changes in the same breath; so two bids in two auctions never both spend
//! what there is once. It is as far ahead of the log as the shards are, and is made anew from their
//! auctions at every start. Knows no rule: what an auction commits whom to, the auction says.
//!
//! Nothing is counted before the first limit is set.

use crate::shard::entry::Entry;
use foldhash::fast::RandomState;
use gavel_auction::ids::UserId;
use gavel_auction::money::Currency;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// All reservations, and the limits they are held against.
#[derive(Default)]
pub struct Exposure {
    on: AtomicBool,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    /// For everybody who has no limit of his own; 0 = none.
    default: i64,
    /// Limits of single bidders; 0 = none.
    limits: HashMap<UserId, i64, RandomState>,
    /// Sums of several amounts below 2^53, in the few currencies that one bids in.
    held: HashMap<UserId, Vec<(Currency, i128)>, RandomState>,
}

/// What a bidder has committed himself to in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// In which currency.
    pub currency: Currency,
    /// How much, in minor units.
    pub amount: i128,
    /// Whether that is more than his limit: a retraction or a draw may have lifted him above it.
    pub over: bool,
}

impl Exposure {
    /// Sets what holds for everybody who has no limit of his own; 0 = none.
    pub fn limit_everybody(&self, limit: i64) {
        self.books().default = limit;
        self.on.fetch_or(limit > 0, Ordering::AcqRel);
    }

    /// Sets the limit of one user, 0 = none; `None`: that of everybody holds for him.
    pub fn limit(&self, user: UserId, limit: Option<i64>) {
        let mut books = self.books();
        match limit {
            Some(limit) => books.limits.insert(user, limit),
            None => books.limits.remove(&user),
        };
        self.on.fetch_or(limit.is_some_and(|limit| limit > 0), Ordering::AcqRel);
    }

    /// Whether there has been a limit since the start, so that it is counted.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    /// A user's limit, if he has one.
    #[must_use]
    pub fn limit_of(&self, user: UserId) -> Option<i64> {
        self.books().limit_of(user)
    }

    /// What a user has committed himself to, by currency; nothing before the first limit is set.
    #[must_use]
    pub fn of(&self, user: UserId) -> Vec<Committed> {
        let books = self.books();
        let limit = books.limit_of(user).map(i128::from);
        let own = books.held.get(&user).into_iter().flatten();
        let mut all: Vec<Committed> = own
            .map(|(currency, amount)| {
                let over = limit.is_some_and(|limit| *amount > limit);
                Committed { currency: *currency, amount: *amount, over }
            })
            .collect();
        drop(books);
        all.sort_unstable_by_key(|committed| committed.currency.code().to_owned());
        all
    }

    /// How much a user may commit himself to where he has committed `here` already, which a bid
    /// would replace; none = as much as he likes.
    pub(crate) fn headroom(&self, user: UserId, currency: Currency, here: i64) -> Option<i64> {
        let books = self.books();
        let limit = books.limit_of(user)?;
        let own = books.held.get(&user).into_iter().flatten();
        let held = own.filter(|(of, _)| *of == currency).map(|(_, amount)| amount).sum::<i128>();
        let left = i128::from(limit) - (held - i128::from(here));
        Some(i64::try_from(left.max(0)).unwrap_or(i64::MAX))
    }

    /// Reserves more, or less.
    fn change(&self, user: UserId, currency: Currency, by: i64) {
        let mut books = self.books();
        let own = books.held.entry(user).or_default();
        match own.iter_mut().find(|(of, _)| *of == currency) {
            Some((_, held)) => *held += i128::from(by),
            None => own.push((currency, i128::from(by))),
        }
        own.retain(|(_, held)| *held != 0);
        if own.is_empty() {
            books.held.remove(&user);
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn limit_of(&self, user: UserId) -> Option<i64> {
        let own = self.limits.get(&user).copied();
        Some(own.unwrap_or(self.default)).filter(|limit| *limit > 0)
    }
}

impl Entry {
    /// Reserves what this auction commits these users to, and frees what it does not any more.
    pub(crate) fn reserve(&mut self, exposure: &Exposure, users: impl Iterator<Item = UserId>) {
        let Some(currency) = self.auction.currency() else { return };
        for user in users {
            let now = self.auction.commitment(user);
            let before = match now {
                0 => self.reserved.remove(&user),
                now => self.reserved.insert(user, now),
            };
            let by = now - before.unwrap_or(0);
            if by != 0 {
                exposure.change(user, currency, by);
            }
        }
    }

    /// Reserves all that this auction commits anybody to.
    pub(crate) fn reserve_all(&mut self, exposure: &Exposure) {
        let mut users: Vec<UserId> = self.reserved.keys().copied().collect();
        users.extend(self.auction.committed());
        self.one_reserved = self.auction.commits_one();
        self.reserve(exposure, users.into_iter());
    }

    /// After a decision that concerned these users.
    pub(crate) fn reserve_after(&mut self, exposure: &Exposure, concerned: &[UserId]) {
        // Of many only he is looked at who has just bid; unless there were many, or will be.
        if self.one_reserved || self.auction.commits_one() {
            self.reserve_all(exposure);
        } else {
            self.reserve(exposure, concerned.iter().copied());
        }
    }

    /// Frees whatever this auction has reserved: it is being forgotten.
    pub(crate) fn free(&mut self, exposure: &Exposure) {
        let Some(currency) = self.auction.currency() else { return };
        for (user, held) in std::mem::take(&mut self.reserved) {
            exposure.change(user, currency, -held);
        }
    }
}
