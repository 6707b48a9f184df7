//! B15: how soon a house with a long log is ready again: from its snapshots, and without them from
//! all of its log. The house is made once and kept in the build folder.

use super::{Bench, Lots, said};
use crate::bids::Pattern;
use crate::figures::Aim;
use crate::house::{AS_LONG_AS_IT_TAKES, House};
use crate::load::{Load, Script};
use crate::process::Server;
use crate::wire::{self, Reply};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The auctions outlast the folder they are kept in.
const A_YEAR: &str = r#""duration_seconds":31536000"#;
/// The file that is disposable, and what SQLite puts beside it.
const SNAPSHOTS: [&str; 3] = ["snapshots.db", "snapshots.db-wal", "snapshots.db-shm"];

/// What the kept house holds.
#[derive(Serialize, Deserialize)]
struct Held {
    ids: Vec<i64>,
    events: i64,
}

pub(super) fn ready(bench: &mut Bench<'_>) -> io::Result<()> {
    let kept = bench.folder.with_file_name("bench-kept");
    let data = kept.join(format!("events-{}", bench.plan.events));
    let held = match fs::read(data.join("held.json")) {
        Ok(held) => serde_json::from_slice(&held)?,
        Err(_) => make(bench, &data)?,
    };
    with_snapshots(bench, &data, &held)?;
    for _ in 0..bench.plan.rounds {
        let server = Server::gavel(&data)?;
        let (tail, snapshots) = (server.logged("records")?, server.logged("snapshots")?);
        whole(&server, &held)?;
        let seconds = server.ready_after.as_secs_f64();
        eprintln!("  ready after {seconds:.2} s with {snapshots} snapshots and {tail} events");
        server.stop()?;
        let aim = Aim::AtMost { goal: 3.0, floor: 10.0 };
        bench.push(&named(&held, "from snapshots"), "s", aim, seconds);

        let aside = Aside::put(&data)?;
        let server = Server::gavel(&data)?;
        let (records, snapshots) = (server.logged("records")?, server.logged("snapshots")?);
        whole(&server, &held)?;
        let seconds = server.ready_after.as_secs_f64();
        eprintln!("  ready after {seconds:.2} s with {snapshots} snapshots and {records} events");
        // It would make new snapshots.
        drop(server);
        aside.back()?;
        let all = u64::try_from(held.events).unwrap_or(0);
        if snapshots > 0 || records < all {
            return Err(io::Error::other("that was no replay of the whole log"));
        }
        let aim = Aim::AtMost { goal: 10.0, floor: 10.0 };
        bench.push(&named(&held, "by replay"), "s", aim, seconds);
    }
    Ok(())
}

fn named(held: &Held, how: &str) -> String {
    format!("B15 ready after restart {how}, {} events", held.events)
}

/// Makes a house with a long log.
fn make(bench: &mut Bench<'_>, data: &Path) -> io::Result<Held> {
    if data.exists() {
        fs::remove_dir_all(data)?;
    }
    fs::create_dir_all(data.parent().unwrap_or(data))?;
    let mut house = House::open(data)?;
    let ids = house.auctions_until("english", bench.plan.spread, A_YEAR)?;
    let load = house.load(64, 1, Duration::ZERO, AS_LONG_AS_IT_TAKES);
    let events = events(&load, &ids)?;
    let more = bench.plan.events.saturating_sub(usize::try_from(events).unwrap_or(0));
    eprintln!("  making a house with {} events, to be kept", bench.plan.events);
    let mut lots = Lots::of(&house, ids, Pattern::Spread);
    load.run(lots.bids.with(64, "").at_most(more))?;
    said(&mut lots.bids)?;
    bench.check(&mut house, &mut lots)?;
    let Lots { ids, .. } = lots;
    let held = Held { events: self::events(&load, &ids)?, ids };
    house.server.settle(bench.plan.settling)?;
    house.server.stop()?;
    fs::write(data.join("held.json"), serde_json::to_vec(&held)?)?;
    Ok(held)
}

/// Has the snapshots made, if they are not there or of another form.
fn with_snapshots(bench: &Bench<'_>, data: &Path, held: &Held) -> io::Result<()> {
    for _ in 0..2 {
        let server = Server::gavel(data)
            .map_err(|error| io::Error::other(format!("{error}; delete {}", data.display())))?;
        let snapshots = server.logged("snapshots")?;
        if usize::try_from(snapshots).is_ok_and(|snapshots| snapshots >= held.ids.len()) {
            return server.stop();
        }
        server.settle(bench.plan.settling.max(Duration::from_secs(60)))?;
        server.stop()?;
    }
    Err(io::Error::other("the house does not make snapshots of all its auctions"))
}

/// Nothing of the log is missing.
fn whole(server: &Server, held: &Held) -> io::Result<()> {
    let (address, pid) = (server.address, server.pid());
    let (warm_up, measured) = (Duration::ZERO, AS_LONG_AS_IT_TAKES);
    let load = Load { address, pid, connections: 16, depth: 1, warm_up, measured };
    let there = events(&load, &held.ids)?;
    if there == held.events {
        return Ok(());
    }
    Err(io::Error::other(format!("of {} events, {there} were there again", held.events)))
}

/// How many events these auctions have.
fn events(load: &Load, ids: &[i64]) -> io::Result<i64> {
    let mut versions = Versions { left: ids.iter(), sum: 0 };
    load.run(&mut versions)?;
    Ok(versions.sum)
}

struct Versions<'a> {
    left: std::slice::Iter<'a, i64>,
    sum: i64,
}

impl Script for Versions<'_> {
    fn write(&mut self, _: usize, out: &mut Vec<u8>) -> bool {
        let Some(id) = self.left.next() else { return false };
        wire::get(out, &format!("/v1/auctions/{id}"), None);
        true
    }

    fn read(&mut self, _: usize, reply: &Reply<'_>) {
        self.sum += wire::number(reply.body, "\"version\":").unwrap_or(0);
    }
}

/// The snapshots, where the house does not find them.
struct Aside {
    data: PathBuf,
    aside: PathBuf,
}

impl Aside {
    fn put(data: &Path) -> io::Result<Self> {
        let aside = data.with_extension("aside");
        fs::create_dir_all(&aside)?;
        shift(data, &aside)?;
        Ok(Self { data: data.to_owned(), aside })
    }

    fn back(self) -> io::Result<()> {
        for name in SNAPSHOTS {
            if self.data.join(name).exists() {
                fs::remove_file(self.data.join(name))?;
            }
        }
        shift(&self.aside, &self.data)
    }
}

fn shift(from: &Path, to: &Path) -> io::Result<()> {
    for name in SNAPSHOTS {
        if from.join(name).exists() {
            fs::rename(from.join(name), to.join(name))?;
        }
    }
    Ok(())
}
