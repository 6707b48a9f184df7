//! How fast the SQLite store is. Checks nothing; prints figures:
//! `cargo test --release -p gavel-store --test rates -- --ignored --nocapture`.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "measures time")]

use gavel_auction::event::{Digest, HouseId};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::time::Time;
use gavel_engine::log::{Entry, EventRecord, Position, Record};
use gavel_engine::people::{Listing, People};
use gavel_store::sqlite::checkpoint::Checkpointer;
use gavel_store::sqlite::{self, Options, Stores};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

fn fresh(dir: &Path) -> Stores {
    sqlite::init(dir, HouseId([7; 16]), 8, Time(1)).unwrap();
    sqlite::open(dir, &Options::default()).unwrap()
}

fn event(partition: u16, position: Position) -> Record {
    let entry = Entry::Event(EventRecord {
        auction: AuctionId::new(8).unwrap(),
        version: position,
        previous: position - 1,
        hash: Digest([1; 32]),
        public: vec![b'p'; 200],
        sealed: vec![b's'; 60],
    });
    Record { partition, position, entry }
}

/// Batches whose records go to so many partitions, in the order of the partitions.
fn batches(commits: u64, batch: u64, partitions: u16) -> Vec<Vec<Record>> {
    let mut next = vec![0; usize::from(partitions)];
    let mut turn = 0;
    let mut make = |_| {
        let mut records: Vec<Record> = (0..batch)
            .map(|_| {
                let partition = turn % partitions;
                turn = partition + 1;
                next[usize::from(partition)] += 1;
                event(partition, next[usize::from(partition)])
            })
            .collect();
        records.sort_by_key(|record| (record.partition, record.position));
        records
    };
    (0..commits).map(&mut make).collect()
}

fn checkpoints(checkpointer: &Checkpointer, stopped: &Receiver<()>) {
    while stopped.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
        checkpointer.checkpoint_if_large(16 << 20).unwrap();
    }
}

#[test]
#[ignore = "prints figures"]
fn appends() {
    for (batch, commits) in [(1, 3000), (64, 1000), (512, 400)] {
        for partitions in [1, 8] {
            let dir = tempfile::tempdir().unwrap();
            let mut stores = fresh(dir.path());
            let checkpointer = Arc::clone(stores.checkpointer.as_ref().unwrap());
            let mut times = Vec::new();
            let batches = batches(commits, batch, partitions);
            let begin = Instant::now();
            std::thread::scope(|scope| {
                let (stop, stopped) = sync_channel(1);
                scope.spawn(move || checkpoints(&checkpointer, &stopped));
                for records in &batches {
                    let begin = Instant::now();
                    stores.log.append(records).unwrap();
                    times.push(begin.elapsed());
                }
                drop(stop);
            });
            let rate = (batch * commits) as f64 / begin.elapsed().as_secs_f64();
            times.sort_unstable();
            let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
            let size = std::fs::metadata(dir.path().join("log.db")).unwrap().len() >> 20;
            println!("batch {batch:3}, partitions {partitions}: {rate:8.0} rows/s");
            println!("    commit p50 {p50:?}, p99 {p99:?}; file {size} MiB");
        }
    }
}

fn reserve(people: &dyn People, actor: UserId, count: usize) {
    for number in 0..count {
        let listing = Listing { title: "thing".into(), ..Listing::default() };
        let key = number.to_string();
        people.reserve_auction(actor, Some(&key), &Digest([0; 32]), &listing).unwrap();
    }
}

#[test]
#[ignore = "prints figures"]
fn reservations() {
    for threads in [1, 16, 64] {
        let dir = tempfile::tempdir().unwrap();
        let stores = fresh(dir.path());
        let each = 6400 / threads;
        let begin = Instant::now();
        std::thread::scope(|scope| {
            for thread in 1..=threads {
                let (people, actor) = (&*stores.people, UserId::new(thread as i64).unwrap());
                scope.spawn(move || reserve(people, actor, each));
            }
        });
        let rate = (each * threads) as f64 / begin.elapsed().as_secs_f64();
        println!("reserve_auction, {threads:2} threads: {rate:6.0}/s");
    }
}
