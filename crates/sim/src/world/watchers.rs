//! Simulated subscribers: each listens to one auction, reads as fast or as slowly as he likes, goes
//! away and comes again where he left off. What he saw is recorded.

use super::params::{MILLI, SECOND};
use super::{Act, World};
use crate::chance::{Chance, mix};
use crate::history::{Seen, SeenKind, digest};
use gavel_auction::ids::{AuctionId, Version};
use gavel_engine::feed::{Ended, Live, Subscription};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

type Reading = Pin<Box<dyn Future<Output = (Result<Arc<Live>, Ended>, Subscription)>>>;

/// A subscriber.
pub(super) struct Watcher {
    auction: AuctionId,
    after: Version,
    /// Whether he takes his time.
    lazy: bool,
    reading: Option<Reading>,
    polling: bool,
    comings: u64,
}

fn read(mut subscription: Subscription) -> Reading {
    Box::pin(async move { (subscription.next().await, subscription) })
}

impl World {
    /// Somebody subscribes to some auction.
    pub(super) fn watch(&mut self, seed: u64) {
        let mut chance = Chance::new(seed, 21);
        let Some(lot) = self.lots.get(chance.index(self.lots.len())) else { return };
        let auction = lot.id;
        let lazy = chance.percent(self.params.lazy);
        self.add_watcher(auction, lazy);
    }

    pub(super) fn add_watcher(&mut self, auction: AuctionId, lazy: bool) -> usize {
        let (reading, polling) = (None, false);
        let watcher = Watcher { auction, after: 0, lazy, reading, polling, comings: 0 };
        self.watchers.push(watcher);
        self.join(self.watchers.len() - 1);
        self.watchers.len() - 1
    }

    /// He comes, or comes again.
    pub(super) fn join(&mut self, number: usize) {
        let (Some(house), Some(watcher)) = (&self.house, self.watchers.get_mut(number)) else {
            return;
        };
        if watcher.reading.is_some() {
            return;
        }
        watcher.comings += 1;
        watcher.reading = Some(read(house.engine.subscribe(watcher.auction, watcher.after)));
        let (after, comings) = (watcher.after, watcher.comings);
        self.see(number, after, 0, SeenKind::Begin);
        if comings > 1 && after > 0 {
            self.reach("a subscriber goes on where he left off");
        }
        self.poll(number);
        // Somebody may have to read the log for him.
        let delay = self.chance.between(1_000, 100_000);
        self.after(delay, Act::Carry(self.life));
    }

    fn see(&mut self, number: usize, version: Version, digest: u64, kind: SeenKind) {
        let Some(watcher) = self.watchers.get(number) else { return };
        let subscriber = u32::try_from(number).unwrap_or(u32::MAX);
        let (auction, at_ns) = (watcher.auction, self.now);
        self.trace = mix(self.trace, digest ^ version);
        self.input.seen.push(Seen { subscriber, auction, version, at_ns, digest, kind });
    }

    /// There may be news for him.
    pub(super) fn wake_watcher(&mut self, number: usize) {
        let mut chance = Chance::new(self.now, number as u64);
        let Some(watcher) = self.watchers.get_mut(number) else { return };
        if watcher.polling || watcher.reading.is_none() {
            return;
        }
        watcher.polling = true;
        let delay = if watcher.lazy {
            chance.between(10 * MILLI, 2 * SECOND)
        } else {
            chance.between(1_000, MILLI)
        };
        self.after(delay, Act::Poll(number));
    }

    /// He reads what there is.
    pub(super) fn poll(&mut self, number: usize) {
        let mut context = Context::from_waker(Waker::noop());
        if let Some(watcher) = self.watchers.get_mut(number) {
            watcher.polling = false;
        }
        loop {
            let Some(watcher) = self.watchers.get_mut(number) else { return };
            let Some(reading) = &mut watcher.reading else { return };
            let Poll::Ready((live, subscription)) = reading.as_mut().poll(&mut context) else {
                return;
            };
            match live {
                Ok(live) => {
                    watcher.after = live.version;
                    watcher.reading = Some(read(subscription));
                    let digest = digest(&live.public);
                    self.see(number, live.version, digest, SeenKind::Event);
                }
                Err(ended) => {
                    watcher.reading = None;
                    let after = watcher.after;
                    self.reach(match ended {
                        Ended::Lagged => "a subscriber lags",
                        Ended::Unreadable(_) => "a subscription ends for an unreadable log",
                        Ended::Stopping => "a subscription ends with the house",
                    });
                    self.see(number, after, 0, SeenKind::Gap);
                    return self.after(20 * MILLI, Act::Join(number));
                }
            }
        }
    }

    /// Some subscriber goes away, and comes again.
    pub(super) fn drop_watcher(&mut self, seed: u64) {
        let mut chance = Chance::new(seed, 22);
        let number = chance.index(self.watchers.len());
        let Some(watcher) = self.watchers.get_mut(number) else { return };
        if watcher.reading.take().is_none() {
            return;
        }
        if chance.percent(20) {
            // He has forgotten where he was.
            watcher.after = 0;
        }
        let after = watcher.after;
        self.see(number, after, 0, SeenKind::Closed);
        self.after(chance.between(1_000, 2 * SECOND), Act::Join(number));
    }

    /// The house is gone, and every subscription with it.
    pub(super) fn cut_off_watchers(&mut self) {
        for number in 0..self.watchers.len() {
            let Some(watcher) = self.watchers.get_mut(number) else { continue };
            let after = watcher.after;
            if watcher.reading.take().is_some() {
                self.see(number, after, 0, SeenKind::Closed);
            }
        }
    }

    /// All is quiet: he has read what there is.
    pub(super) fn rest_watcher(&mut self, number: usize) {
        let Some(watcher) = self.watchers.get(number) else { return };
        let (after, listens) = (watcher.after, watcher.reading.is_some());
        if listens {
            self.see(number, after, 0, SeenKind::Quiet);
        }
    }
}
