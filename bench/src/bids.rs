//! The bids that are sent: spread over many auctions, all on one, or each bidder against himself.
//! Keeps what was accepted, for the checker. Knows no rule beyond what replies say.

use crate::load::Script;
use crate::wire::{self, Reply};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;

/// A bid that was said to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Accepted {
    pub(crate) auction: i64,
    pub(crate) version: i64,
    pub(crate) amount: i64,
}

/// What was sent and is not answered yet.
#[derive(Clone, Copy)]
struct Sent {
    /// Index of the auction.
    auction: usize,
    amount: i64,
}

/// Which bid comes next.
pub(crate) enum Pattern {
    /// Each connection has auctions of its own and two bidders who outbid each other there.
    Spread,
    /// Everybody bids the smallest amount that anybody was told of last.
    Hot,
    /// Each bidder beats himself; after so many bids all go on to the next auction.
    Own { bids_per_auction: usize },
}

/// Bids on english or ladder auctions.
pub(crate) struct Bidding {
    pattern: Pattern,
    auctions: Vec<i64>,
    /// Headers that say who bids.
    bidders: Vec<String>,
    connections: usize,
    /// The next amount: by auction, or where everybody beats himself, by bidder.
    next: Vec<i64>,
    /// Whose turn it is of the two bidders of an auction, also from one run to the next: the
    /// other's once a bid was accepted.
    second: Vec<bool>,
    /// Bids sent so far, by connection.
    turns: Vec<usize>,
    sent: Vec<VecDeque<Sent>>,
    extra: &'static str,
    /// Bids still to send, where their number is fixed.
    left: usize,
    total: usize,
    keys: u64,
    pub(crate) accepted: Vec<Accepted>,
    /// Accepted bids whose answers held a receipt, where receipts were asked for.
    pub(crate) receipts: usize,
    pub(crate) refused: BTreeMap<String, u64>,
    path: String,
    body: String,
    head: String,
}

impl Bidding {
    pub(crate) fn new(
        pattern: Pattern,
        auctions: &[i64],
        tokens: &[String],
        connections: usize,
    ) -> Self {
        let counters = match pattern {
            Pattern::Own { .. } => tokens.len(),
            Pattern::Spread | Pattern::Hot => auctions.len(),
        };
        Self {
            pattern,
            auctions: auctions.to_vec(),
            bidders: tokens.to_vec(),
            connections,
            next: vec![1; counters],
            second: vec![false; auctions.len()],
            turns: vec![0; connections],
            sent: vec![VecDeque::new(); connections],
            extra: "",
            left: usize::MAX,
            total: 0,
            keys: 0,
            accepted: Vec::new(),
            receipts: 0,
            refused: BTreeMap::new(),
            path: String::new(),
            body: String::new(),
            head: String::new(),
        }
    }

    /// Sends so many bids and no more.
    pub(crate) fn at_most(&mut self, bids: usize) -> &mut Self {
        self.left = bids;
        self
    }

    /// Goes on with another number of connections; what was accepted is kept.
    pub(crate) fn with(&mut self, connections: usize, extra: &'static str) -> &mut Self {
        self.connections = connections;
        self.turns = vec![0; connections];
        self.sent = vec![VecDeque::new(); connections];
        self.extra = extra;
        self
    }

    /// Index of auction and bidder, and the amount, of a connection's next bid.
    fn choose(&mut self, connection: usize) -> (usize, usize, i64) {
        let turn = self.turns[connection];
        self.turns[connection] += 1;
        match self.pattern {
            Pattern::Spread => {
                let own = self.auctions.len() / self.connections;
                let auction = connection + self.connections * (turn % own);
                let second = usize::from(self.second[auction]);
                let bidder = (auction + second) % self.bidders.len();
                (auction, bidder, self.next[auction])
            }
            Pattern::Hot => (0, connection % self.bidders.len(), self.next[0]),
            Pattern::Own { bids_per_auction } => {
                let bidder = connection % self.bidders.len();
                let auction = (self.total / bids_per_auction).min(self.auctions.len() - 1);
                let amount = self.next[bidder];
                self.next[bidder] += 1;
                (auction, bidder, amount)
            }
        }
    }

    fn learn(&mut self, auction: usize, body: &[u8]) {
        if matches!(self.pattern, Pattern::Own { .. }) {
            return;
        }
        if let Some(next) = wire::number(body, "\"minimum_next\":") {
            self.next[auction] = next.max(self.next[auction]);
        }
    }
}

impl Script for Bidding {
    fn write(&mut self, connection: usize, out: &mut Vec<u8>) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let (auction, bidder, amount) = self.choose(connection);
        self.total += 1;
        self.keys += 1;
        let id = self.auctions[auction];
        for text in [&mut self.path, &mut self.body, &mut self.head] {
            text.clear();
        }
        let written = write!(self.path, "/v1/auctions/{id}/bids")
            .and_then(|()| write!(self.body, "{{\"amount\":{amount}}}"))
            .and_then(|()| {
                let (extra, key) = (self.extra, self.keys);
                write!(self.head, "{extra}idempotency-key: bid-{connection}-{key}\r\n")
            });
        debug_assert!(written.is_ok(), "a string takes all text");
        wire::post(out, &self.path, Some(&self.bidders[bidder]), &self.head, &self.body);
        self.sent[connection].push_back(Sent { auction, amount });
        true
    }

    fn read(&mut self, connection: usize, reply: &Reply<'_>) {
        let Some(Sent { auction, amount }) = self.sent[connection].pop_front() else { return };
        self.learn(auction, reply.body);
        match wire::number(reply.body, "\"version\":").filter(|_| reply.status == 201) {
            Some(version) => {
                if let Some(second) = self.second.get_mut(auction) {
                    *second = !*second;
                }
                if !self.extra.is_empty() && wire::holds(reply.body, "\"receipt\":{") {
                    self.receipts += 1;
                }
                let auction = self.auctions[auction];
                self.accepted.push(Accepted { auction, version, amount });
            }
            None => {
                let code = wire::text(reply.body, "\"code\":").unwrap_or_default();
                *self.refused.entry(format!("{} {code}", reply.status)).or_default() += 1;
            }
        }
    }
}
