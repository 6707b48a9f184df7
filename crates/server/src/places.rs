//! How many connections or streams there are, from one address and in all. A place is given back
//! when it is dropped.

use crate::http::limits::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The count of what is held.
#[derive(Clone)]
pub struct Counts(Arc<Inner>);

struct Inner {
    most: u32,
    most_per_ip: u32,
    /// Told of each change.
    observe: fn(i64),
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    all: u32,
    by_network: HashMap<IpAddr, u32>,
}

/// The place of one of them.
pub struct Place {
    counts: Counts,
    network: IpAddr,
}

impl Counts {
    /// At most so many; 0 = no limit.
    #[must_use]
    pub fn new(most: u32, most_per_ip: u32, observe: fn(i64)) -> Self {
        let unlimited = |limit: u32| if limit == 0 { u32::MAX } else { limit };
        let (most, most_per_ip) = (unlimited(most), unlimited(most_per_ip));
        Self(Arc::new(Inner { most, most_per_ip, observe, held: Mutex::default() }))
    }

    /// A place for one more from this address, if there is any.
    #[must_use]
    pub fn take(&self, address: IpAddr) -> Option<Place> {
        let network = network(address);
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.by_network.get(&network).copied().unwrap_or(0);
        if held.all >= self.0.most || own >= self.0.most_per_ip {
            return None;
        }
        held.all += 1;
        held.by_network.insert(network, own + 1);
        drop(held);
        (self.0.observe)(1);
        Some(Place { counts: self.clone(), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.counts.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.all -= 1;
        if let Some(own) = held.by_network.get_mut(&self.network) {
            *own -= 1;
            if *own == 0 {
                held.by_network.remove(&self.network);
            }
        }
        drop(held);
        (self.counts.0.observe)(-1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let counts = Counts::new(3, 2, |_| {});
        let ip = |last: u8| IpAddr::from([10, 0, 0, last]);
        let (one, two) = (counts.take(ip(1)), counts.take(ip(1)));
        assert!(one.is_some() && two.is_some() && counts.take(ip(1)).is_none());
        let three = counts.take(ip(2));
        assert!(three.is_some() && counts.take(ip(3)).is_none());
        drop(one);
        assert!(counts.take(ip(3)).is_some());
        drop((two, three));
        assert!(counts.0.held.lock().unwrap().by_network.is_empty());
    }
}
