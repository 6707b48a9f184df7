//! Micro-benchmarks over the library crates (B8, and B9's chain part), and the fixed scenarios
//! whose instructions the gate counts. No socket, no disk.

use crate::clock::Moment;
use crate::figures::{Aim, Figure};
use crate::replay::{self, HOUSE, auction_id, entered, log_key};
use gavel_auction::auction::Auction;
use gavel_auction::command::{Action, Command};
use gavel_auction::event::{Digest, Event};
use gavel_engine::log::Log;
use gavel_engine::shard::Shard;
use gavel_engine::{Ask, MemoryLog};
use gavel_proof::chain::link;
use gavel_proof::codec::{Origin, REST, Written, commitment, encode};
use gavel_proof::command::{CommandId, command_id};
use std::hint::black_box;

/// As in the server, whose parts are measured here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bids on one auction of a stream.
const BIDS: usize = 50_000;
/// Auctions that the shard's stream is spread over.
const AUCTIONS: usize = 100;
/// Commands decided between two commits.
const BATCH: usize = 64;
const ROUNDS: usize = 9;

/// Decides and applies a whole stream; the auction as it is afterwards.
fn run_rules(stream: &[Command]) -> Auction {
    let mut auction = replay::open(1);
    for (n, command) in stream.iter().enumerate() {
        let events = auction.decide(command, entered(n)).expect("each bid was taken before");
        for event in &events {
            auction.apply(event);
        }
    }
    auction
}

/// A shard's commands: the same stream of bids for each of many auctions, one after the other.
fn asks() -> Vec<Ask> {
    let bids = replay::stream(BIDS / AUCTIONS);
    let create = (1..).take(AUCTIONS).map(|id| ask(id, 0, replay::create()));
    let bid = |(n, bid): (usize, &Command)| {
        let bid = bid.clone();
        (1..).take(AUCTIONS).map(move |id| ask(id, n + 1, bid.clone()))
    };
    create.chain(bids.iter().enumerate().flat_map(bid)).collect()
}

fn ask(id: i64, n: usize, command: Command) -> Ask {
    let auction = auction_id(id);
    Ask { auction, id: command_id(None, auction, &n.to_string()), command, receipt: false }
}

/// A shard and its log as they are after a stream of commands, and how many were answered. No
/// house ever tears them down, so that is not measured either.
type Ran = (usize, Shard<u32>, MemoryLog);

/// Puts all commands through a shard whose log is in memory.
fn run_shard(asks: Vec<Ask>) -> Ran {
    let mut shard = Shard::new(1, HOUSE, log_key());
    let mut log = MemoryLog::default();
    let mut answered = 0;
    let mut commit = |shard: &mut Shard<u32>| {
        let Some(batch) = shard.take_batch() else { return };
        log.append(&batch.records).expect("memory takes records in order");
        answered += black_box(shard.committed()).replies.len();
    };
    for (n, ask) in asks.into_iter().enumerate() {
        shard.submit(ask, entered(n), 0);
        if n % BATCH == BATCH - 1 {
            commit(&mut shard);
        }
    }
    commit(&mut shard);
    (answered, shard, log)
}

/// B8, the rules: decisions applied per second and core.
pub(crate) fn rules() -> Figure {
    let stream = replay::stream(BIDS);
    let rates = (0..ROUNDS).map(|_| {
        let start = Moment::now();
        black_box(run_rules(&stream));
        rate(stream.len(), start)
    });
    let aim = Aim::AtLeast { goal: 5e6, floor: 2e6 };
    Figure::new("B8 rules: decide + apply, english, one core", "bids/s", aim, rates.collect())
}

/// B8, the shard: commands per second through a shard with a log in memory.
pub(crate) fn shard() -> Figure {
    let asks = asks();
    let rates = (0..ROUNDS).map(|_| {
        let asks = asks.clone();
        let count = asks.len();
        let start = Moment::now();
        let (answered, ..) = &run_shard(asks);
        let rate = rate(count, start);
        assert_eq!(*answered, count, "every command is answered");
        rate
    });
    let aim = Aim::AtLeast { goal: 1e6, floor: 0.4e6 };
    Figure::new("B8 shard with a log in memory, one core", "bids/s", aim, rates.collect())
}

/// B9: what one bid's evidence costs in nanoseconds: its commitment with the salt, and its link of
/// the chain. The bytes of the event, and the names that keep commands from counting twice, would
/// be there without evidence, too.
pub(crate) fn evidence() -> Figure {
    let key = log_key().auction(HOUSE, auction_id(1));
    let events = events(&replay::stream(BIDS));
    let origin = Origin { command: CommandId([3; 16]), digest: [4; 16] };
    let mut chain = Digest([0; 32]);
    let write = |event: &Event| {
        let written = encode(event, &origin, &key, &chain);
        chain = written.hash;
        written
    };
    let written: Vec<_> = events.iter().map(write).collect();
    let costs = (0..ROUNDS).map(|_| {
        let start = Moment::now();
        let mut chain = Digest([0; 32]);
        for (event, Written { public, sealed, .. }) in events.iter().zip(&written) {
            let salt = key.salt(event.version, REST, sealed);
            black_box(commitment(event.auction, event.version, REST, &salt, sealed));
            chain = black_box(link(&chain, public));
        }
        start.elapsed().as_secs_f64() * 1e9 / events.len() as f64
    });
    Figure::new("B9 commitment and chain of one bid", "ns", Aim::Told, costs.collect())
}

/// B9: evidence as a share of what a bid costs the server in all, given in microseconds.
pub(crate) fn evidence_share(evidence: &Figure, bid: &Figure) -> Figure {
    let share = |nanos: &f64| nanos / 10.0 / bid.median;
    let rounds = evidence.rounds.iter().map(share).collect();
    let aim = Aim::AtMost { goal: 6.0, floor: 12.0 };
    Figure::new("B9 commitment and chain, of a bid's processor time", "%", aim, rounds)
}

fn events(stream: &[Command]) -> Vec<Event> {
    let mut auction = replay::open(1);
    let mut all = Vec::with_capacity(stream.len());
    for (n, command) in stream.iter().enumerate() {
        debug_assert!(matches!(command.action, Action::Bid(_)));
        let events = auction.decide(command, entered(n)).expect("each bid was taken before");
        events.iter().for_each(|event| auction.apply(event));
        all.extend(events);
    }
    all
}

fn rate(count: usize, start: Moment) -> f64 {
    count as f64 / start.elapsed().as_secs_f64()
}

/// The gate's first scenario.
pub(crate) fn gate_rules() {
    println!("bids {}", black_box(replay::stream(BIDS)).len());
}

/// The gate's second scenario.
pub(crate) fn gate_shard() {
    println!("answered {}", run_shard(asks()).0);
}
