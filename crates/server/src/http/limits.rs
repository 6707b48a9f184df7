//! How much one person or one address may do: token buckets (GCRA), each one number in a bounded
//! table. Knows nothing of what is done.

use crate::config::LimitsConfig;
use crate::house::House;
use crate::http::Peer;
use crate::http::actor::SignedIn;
use crate::http::error::Problem;
use crate::permissions::{Object, Verb};
use axum::extract::FromRequestParts;
use gavel_auction::time::{SECOND, Time};
use http::request::Parts;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

const TABLES: usize = 16;

/// Keys of one of the tables of a bucket; full tables first forget who has rested, then all.
const KEYS: usize = 8192;

/// One kind of limit: so many in a period, and so many at once.
pub struct Pace {
    /// Microseconds between two; 0 = no limit.
    interval: i64,
    /// Microseconds that one may be ahead.
    ahead: i64,
    hasher: RandomState,
    tables: Vec<Mutex<HashMap<u64, i64>>>,
}

impl Pace {
    /// `count` in each period of `seconds`, and `burst` at once; no limit if either is 0.
    #[must_use]
    pub fn new(count: u32, seconds: i64, burst: u32) -> Self {
        let count = if burst == 0 { 0 } else { count };
        let interval = (seconds * SECOND).checked_div(i64::from(count)).unwrap_or(0);
        let ahead = interval.saturating_mul(i64::from(burst) - 1);
        let tables = (0..TABLES).map(|_| Mutex::default()).collect();
        Self { interval, ahead, hasher: RandomState::new(), tables }
    }

    /// Takes one for `key`.
    ///
    /// # Errors
    /// The seconds to wait, rounded up, if there is none to take.
    pub fn take(&self, key: impl Hash, now: Time) -> Result<(), u64> {
        if self.interval == 0 {
            return Ok(());
        }
        let hash = self.hasher.hash_one(key);
        let index = usize::try_from(hash % TABLES as u64).expect("less than the tables");
        let table = self.tables.get(index).expect("an index below their number");
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        let due = table.get(&hash).copied().unwrap_or(now.0).max(now.0);
        let early = due - now.0 - self.ahead;
        if early > 0 {
            return Err(u64::try_from((early + SECOND - 1) / SECOND).unwrap_or(1).max(1));
        }
        if table.len() >= KEYS && !table.contains_key(&hash) {
            table.retain(|_, due| *due > now.0);
            if table.len() >= KEYS {
                table.clear();
            }
        }
        table.insert(hash, due + self.interval);
        Ok(())
    }
}

/// All limits of a house.
pub struct Limits {
    /// Bids of a person.
    pub bids_per_actor: Pace,
    /// Bids from an address.
    pub bids_per_ip: Pace,
    /// Requests from an address.
    pub requests_per_ip: Pace,
    /// Attempts to sign in to an account from an address.
    pub logins_per_account: Pace,
    /// Attempts to sign in from an address.
    pub logins_per_ip: Pace,
    /// New users from an address.
    pub registrations_per_ip: Pace,
    /// New users of dialects from an address.
    pub dialect_users_per_ip: Pace,
}

impl Limits {
    /// The limits of a configuration.
    #[must_use]
    pub fn new(config: &LimitsConfig) -> Self {
        let per_second = |count: u32| Pace::new(count, 1, count);
        let per_hour = |count: u32| Pace::new(count, 3600, count);
        Self {
            bids_per_actor: Pace::new(
                config.bids_per_second_per_actor,
                1,
                config.bid_burst_per_actor,
            ),
            bids_per_ip: per_second(config.bids_per_second_per_ip),
            requests_per_ip: per_second(config.requests_per_second_per_ip),
            logins_per_account: Pace::new(
                config.logins_per_minute_per_account,
                60,
                config.logins_per_minute_per_account,
            ),
            logins_per_ip: per_hour(config.logins_per_hour_per_ip),
            registrations_per_ip: per_hour(config.registrations_per_hour_per_ip),
            dialect_users_per_ip: per_hour(config.dialect_users_per_hour_per_ip),
        }
    }

    /// Takes a bid for a person and his address.
    ///
    /// # Errors
    /// The problem document that says when to come again.
    pub fn bid(&self, actor: i64, ip: IpAddr, now: Time) -> Result<(), Problem> {
        self.bids_per_actor.take(actor, now).map_err(Problem::rate_limited)?;
        self.bids_per_ip.take(network(ip), now).map_err(Problem::rate_limited)
    }
}

/// What counts as one address: an IPv6 customer has a whole /64.
#[must_use]
pub fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) & !u128::from(u64::MAX)).into()),
        IpAddr::V4(ip) => IpAddr::V4(ip),
    }
}

/// Somebody signed in who bids no faster than he may. For the routes that bid.
pub struct Bidder(pub SignedIn);

impl FromRequestParts<House> for Bidder {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, house: &House) -> Result<Self, Problem> {
        Self::of(SignedIn::from_request_parts(parts, house).await?, parts, house)
    }
}

impl Bidder {
    /// Him who is signed in, if he may bid now.
    ///
    /// # Errors
    /// Why not.
    pub fn of(signed_in: SignedIn, parts: &Parts, house: &House) -> Result<Self, Problem> {
        let Peer(ip) = Peer::of(parts);
        signed_in.may(Verb::Bid, Object::Anything)?;
        house.limits.bid(signed_in.user.get(), ip, house.now())?;
        Ok(Self(signed_in))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_pace() {
        let pace = Pace::new(10, 1, 20);
        let now = Time(1_000 * SECOND);
        assert!((0..20).all(|_| pace.take(1, now).is_ok()));
        assert_eq!(pace.take(1, now), Err(1));
        assert_eq!(pace.take(2, now), Ok(()));
        assert_eq!(pace.take(1, now.plus(SECOND / 10)), Ok(()));
        assert_eq!(pace.take(1, now.plus(SECOND / 10)), Err(1));
    }

    #[test]
    fn zero_is_no_limit_and_memory_is_bounded() {
        for (count, burst) in [(0, 0), (0, 20), (10, 0)] {
            let free = Pace::new(count, 1, burst);
            assert!((0..1_000).all(|_| free.take(1, Time(0)).is_ok()), "{count} and {burst}");
        }
        let pace = Pace::new(1, 60, 1);
        for key in 0..(TABLES * KEYS * 2) {
            assert!(pace.take(key, Time(0)).is_ok());
        }
        let kept: usize = pace.tables.iter().map(|table| table.lock().unwrap().len()).sum();
        assert!(kept <= TABLES * KEYS);
    }
}
