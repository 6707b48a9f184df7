//! What a client follows, and what he was told of it: for each auction its highest bid. What he is
//! told is a state, made when there is time for it, so that nothing piles up for a slow client.
//! Knows no socket and no event.

use super::auctions::{heads, status};
use super::millis;
use crate::http::dialects::desk::Desk;
use gavel_auction::ids::AuctionId;
use gavel_auction::money::Amount;
use gavel_engine::engine::Engine;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

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

/// How an auction stands.
#[derive(Clone, PartialEq, Eq, Serialize)]
struct Stands {
    auction: AuctionId,
    max_bid: Option<Amount>,
    bid_count: u64,
    end_time: Option<i64>,
    status: &'static str,
}

/// What a client follows, and was told last of each.
#[derive(Default)]
pub(crate) struct Followed(BTreeMap<AuctionId, Option<Stands>>);

impl Followed {
    /// He wants to follow these auctions, or those that are live now.
    pub(crate) async fn begin(&mut self, desk: &Desk, which: Which) {
        let auctions = match which {
            Which::Of(auctions) => auctions,
            Which::One(auction) => vec![auction],
            Which::Word(All::All) => live(desk.clone()).await,
        };
        for auction in auctions {
            if self.0.len() < MOST {
                self.0.entry(auction).or_default();
            }
        }
    }

    /// He wants to hear of these, or of all, no more.
    pub(crate) fn end(&mut self, which: &Which) {
        match which {
            Which::Of(auctions) => {
                for auction in auctions {
                    self.0.remove(auction);
                }
            }
            Which::One(auction) => drop(self.0.remove(auction)),
            Which::Word(All::All) => self.0.clear(),
        }
    }

    /// What he has not been told yet.
    pub(crate) async fn news(&mut self, desk: &Desk) -> Vec<Value> {
        let mut news = Vec::new();
        let followed: Vec<AuctionId> = self.0.keys().copied().collect();
        for auction in followed {
            let Ok(head) = desk.head(auction).await else {
                self.0.remove(&auction);
                news.push(json!({ "auction": auction, "error": "not_found" }));
                continue;
            };
            let view = desk.view(&head);
            let stands = Stands {
                auction,
                max_bid: view.price,
                bid_count: view.bid_count,
                end_time: head.effective_end().map(millis),
                status: status(desk, &head),
            };
            let told = self.0.entry(auction).or_default();
            if told.as_ref() != Some(&stands) {
                news.push(json!(stands));
                *told = Some(stands);
            }
        }
        news
    }
}

/// Waits until something has been committed, and a moment longer.
pub(crate) async fn committed(engine: &Engine, seen: u64) {
    engine.committed_since(seen).await;
    sleep(REST).await;
}

/// The auctions that are live now.
async fn live(desk: Desk) -> Vec<AuctionId> {
    let house = desk.house.clone();
    let found = house.aside(move |_| heads(&desk, None, MOST)).await;
    let found = found.and_then(|found| found).unwrap_or_default();
    found.iter().map(|head| head.auction).collect()
}
