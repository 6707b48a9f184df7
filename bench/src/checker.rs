//! Fast and wrong is worth nothing: reads every auction's public log and compares it with what was
//! answered. Every accepted bid stands there with its version and amount, none twice; versions
//! have no holes; no bid stands there that nobody was told of.

use crate::bids::Accepted;
use crate::load::{Load, Script};
use crate::wire::{self, Reply};
use serde::Deserialize;
use std::collections::HashMap;
use std::io;

const PAGE: usize = 100;
/// Connections that read at once.
const READERS: usize = 16;
/// Faults that are told one by one.
const TOLD: usize = 5;

/// Remembers how far each auction was compared, so that nothing is read twice.
#[derive(Default)]
pub(crate) struct Checker {
    compared: HashMap<i64, i64>,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    event: Told,
}

#[derive(Deserialize)]
struct Told {
    kind: String,
    version: i64,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    amount: Option<i64>,
}

impl Checker {
    /// Compares what was accepted since the last comparison of these auctions; how many bids that
    /// were.
    pub(crate) fn compare(
        &mut self,
        load: &Load,
        auctions: &[i64],
        accepted: &mut Vec<Accepted>,
    ) -> io::Result<usize> {
        accepted.sort_unstable();
        let mut reading = Reading {
            queue: auctions.iter().rev().copied().collect(),
            lanes: vec![None; READERS],
            compared: &mut self.compared,
            told: Vec::with_capacity(accepted.len()),
            faults: Vec::new(),
        };
        Load { connections: READERS, depth: 1, ..*load }.run(&mut reading)?;
        let (mut told, mut faults) = (reading.told, reading.faults);
        told.sort_unstable();
        faults.extend(differences(accepted, &told));
        if faults.is_empty() {
            accepted.clear();
            return Ok(told.len());
        }
        let few = faults.iter().take(TOLD).cloned().collect::<Vec<_>>().join("\n  ");
        Err(io::Error::other(format!("the checker found {} faults:\n  {few}", faults.len())))
    }

    /// The last version of an auction that was compared.
    pub(crate) fn version(&self, auction: i64) -> i64 {
        self.compared.get(&auction).copied().unwrap_or(0)
    }
}

/// What differs between the answers and the log, both sorted.
fn differences(accepted: &[Accepted], log: &[Accepted]) -> Vec<String> {
    let place = |bid: &Accepted| (bid.auction, bid.version);
    let twice = accepted.windows(2).filter(|pair| place(&pair[0]) == place(&pair[1]));
    let mut faults: Vec<String> =
        twice.map(|pair| format!("two answers for one event: {pair:?}")).collect();
    let lost = accepted.iter().filter(|bid| log.binary_search(bid).is_err());
    faults.extend(lost.map(|bid| format!("accepted, but not in the log: {bid:?}")));
    let untold = log.iter().filter(|bid| accepted.binary_search(bid).is_err());
    faults.extend(untold.map(|bid| format!("in the log, but never accepted: {bid:?}")));
    faults
}

struct Reading<'a> {
    queue: Vec<i64>,
    /// The auction that each connection reads.
    lanes: Vec<Option<i64>>,
    compared: &'a mut HashMap<i64, i64>,
    told: Vec<Accepted>,
    faults: Vec<String>,
}

impl Reading<'_> {
    /// Takes a page; whether there may be more.
    fn take(&mut self, auction: i64, reply: &Reply<'_>) -> Result<bool, String> {
        let body = String::from_utf8_lossy(reply.body);
        if reply.status != 200 {
            return Err(format!("the log of auction {auction}: {} {body}", reply.status));
        }
        let page: Page = serde_json::from_str(&body)
            .map_err(|error| format!("the log of auction {auction}: {error}"))?;
        let last = self.compared.entry(auction).or_default();
        for Item { event } in &page.items {
            *last += 1;
            if event.version != *last {
                return Err(format!("auction {auction}: a hole before version {}", event.version));
            }
            if event.kind == "bid_placed" {
                let amount = event.data.amount.unwrap_or_default();
                self.told.push(Accepted { auction, version: event.version, amount });
            }
        }
        Ok(page.items.len() == PAGE)
    }
}

impl Script for Reading<'_> {
    fn write(&mut self, connection: usize, out: &mut Vec<u8>) -> bool {
        let lane = &mut self.lanes[connection];
        let Some(auction) = lane.or_else(|| self.queue.pop()) else { return false };
        *lane = Some(auction);
        let after = self.compared.get(&auction).copied().unwrap_or(0);
        wire::get(out, &format!("/v1/auctions/{auction}/events?after={after}&limit={PAGE}"), None);
        true
    }

    fn read(&mut self, connection: usize, reply: &Reply<'_>) {
        let Some(auction) = self.lanes[connection] else { return };
        let more = self.take(auction, reply);
        if !matches!(more, Ok(true)) {
            self.lanes[connection] = None;
        }
        self.faults.extend(more.err());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bid(version: i64, amount: i64) -> Accepted {
        Accepted { auction: 1, version, amount }
    }

    #[test]
    fn equal_histories_have_no_differences() {
        assert!(differences(&[bid(1, 5), bid(2, 6)], &[bid(1, 5), bid(2, 6)]).is_empty());
    }

    #[test]
    fn each_kind_of_lie_is_found() {
        let log = [bid(1, 5), bid(2, 6)];
        let lost = differences(&[bid(1, 5), bid(2, 6), bid(3, 7)], &log);
        assert!(lost[0].contains("not in the log"));
        let twice = differences(&[bid(1, 5), bid(1, 5), bid(2, 6)], &log);
        assert!(twice[0].contains("two answers"));
        let changed = differences(&[bid(1, 5), bid(2, 9)], &log);
        assert_eq!(changed.len(), 2);
        let untold = differences(&[bid(1, 5)], &log);
        assert!(untold[0].contains("never accepted"));
    }
}
