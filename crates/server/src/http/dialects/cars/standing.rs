//! What a client follows, and what he was told of it: for each auction its highest bid. What he is
//! told is a state, made when there is time for it, so that nothing piles up for a slow client.
//! Knows no socket and no event.

use super::auctions::{heads, status};
use super::millis;
use crate::house::House;
use crate::http::dialects::desk::Desk;
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::money::Amount;
use gavel_auction::time::Time;
use gavel_auction::view::Head;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Auctions that one client follows at most.
const MOST: usize = 1_000;

/// How long lies between two looks at least.
const REST: Duration = Duration::from_millis(50);

/// Which auctions are meant.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Which {
    Of(Vec<AuctionId>),
    One(AuctionId),
    Word(All),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum All {
    All,
}

/// How long an auction that could not be looked at is left alone.
const AGAIN: Duration = Duration::from_secs(1);

/// How long nobody looks at most.
const LONGEST: Duration = Duration::from_secs(3_600);

/// How an auction stands.
#[derive(PartialEq, Eq, Serialize)]
struct Stands {
    auction: AuctionId,
    max_bid: Option<Amount>,
    bid_count: u64,
    end_time: Option<i64>,
    status: &'static str,
}

/// What was told last of an auction.
struct Told {
    stands: Stands,
    version: Version,
    /// When it changes by itself, if it does.
    until: Option<Time>,
    is_settled: bool,
}

/// What a client follows, and was told last of each.
#[derive(Default)]
pub(crate) struct Followed {
    all: BTreeMap<AuctionId, Option<Told>>,
    /// Where the look at all of them goes on, if it was interrupted.
    rest: Option<AuctionId>,
    /// Whether one could not be looked at.
    busy: bool,
}

impl Followed {
    /// He wants to follow these auctions, or those that are live now.
    pub(crate) async fn begin(&mut self, desk: &Desk, which: Which) {
        let auctions = match which {
            Which::Of(auctions) => auctions,
            Which::One(auction) => vec![auction],
            Which::Word(All::All) => live(desk.clone()).await,
        };
        for auction in auctions {
            if self.all.len() < MOST {
                self.all.entry(auction).or_default();
            }
        }
        self.rest = None;
    }

    /// He wants to hear of these, or of all, no more.
    pub(crate) fn end(&mut self, which: &Which) {
        match which {
            Which::Of(auctions) => {
                for auction in auctions {
                    self.all.remove(auction);
                }
            }
            Which::One(auction) => drop(self.all.remove(auction)),
            Which::Word(All::All) => self.all.clear(),
        }
    }

    /// What he has not been told yet, of so many auctions at most.
    pub(crate) async fn news(&mut self, desk: &Desk, most: usize) -> Vec<Value> {
        let mut news = Vec::new();
        let from = self.rest.take();
        self.busy &= from.is_some();
        let followed = self.all.keys().filter(|auction| from.is_none_or(|from| **auction >= from));
        for auction in followed.copied().collect::<Vec<_>>() {
            if news.len() >= most {
                self.rest = Some(auction);
                break;
            }
            if self.is_as_told(desk, auction) {
                continue;
            }
            match desk.head(auction).await {
                Ok(head) => news.extend(self.look(desk, &head)),
                Err(problem) if problem.status() == StatusCode::NOT_FOUND => {
                    self.all.remove(&auction);
                    news.push(json!({ "auction": auction, "error": "not_found" }));
                }
                Err(_) => self.busy = true,
            }
        }
        news
    }

    /// Whether there are some at which it was not looked for lack of room.
    pub(crate) const fn is_amid(&self) -> bool {
        self.rest.is_some()
    }

    /// Whether he was told of an auction all there is, as can be said without its head: one that
    /// was settled and is not in memory has not changed.
    fn is_as_told(&self, desk: &Desk, auction: AuctionId) -> bool {
        let (engine, now) = (&desk.house.engine, desk.house.now());
        let Some(Some(told)) = self.all.get(&auction) else { return false };
        match engine.head_in_memory(auction) {
            Some(head) => told.version == head.version && told.until.is_none_or(|it| now < it),
            None => told.is_settled && engine.has_left(auction),
        }
    }

    /// What is new about an auction.
    fn look(&mut self, desk: &Desk, head: &Head) -> Option<Value> {
        let (auction, now) = (head.auction, desk.house.now());
        let told = self.all.get_mut(&auction)?;
        let view = desk.view(head);
        let (max_bid, bid_count) = (view.price, view.bid_count);
        let end_time = head.effective_end().map(millis);
        let stands = Stands { auction, max_bid, bid_count, end_time, status: status(desk, head) };
        let news = told.as_ref().is_none_or(|told| told.stands != stands).then(|| json!(stands));
        let end = head.effective_end().filter(|end| now < *end);
        let until = view.next_drop_at.into_iter().chain(end).min();
        let (version, is_settled) = (head.version, head.certified.is_some());
        *told = Some(Told { stands, version, until, is_settled });
        news
    }

    /// Waits until there may be something new: because something has been committed, because it is
    /// time, or because one could not be looked at; and a moment longer.
    pub(crate) async fn ripens(&self, house: &House, seen: u64) {
        let until = self.all.values().flatten().filter_map(|told| told.until).min();
        let left = until.map(|until| u64::try_from(until.since(house.now())).unwrap_or(0));
        let wait = match (self.busy, left) {
            (true, _) => AGAIN,
            (false, Some(left)) => Duration::from_micros(left).min(LONGEST),
            (false, None) => LONGEST,
        };
        // Whatever it was, it is looked.
        drop(timeout(wait, house.engine.committed_since(seen)).await);
        sleep(REST).await;
    }
}

/// The auctions that are live now.
async fn live(desk: Desk) -> Vec<AuctionId> {
    let house = desk.house.clone();
    let found = house.aside(move |_| heads(&desk, None, MOST)).await;
    let found = found.and_then(|found| found).unwrap_or_default();
    found.iter().map(|head| head.auction).collect()
}
