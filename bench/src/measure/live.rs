//! B13: one hot auction that thousands watch in the live room: updates that a second of the
//! server's processor time brings to them, how late they come, what one more socket takes; beside
//! bare `socketioxide` that sends as much. B14: beside the reference server on Node.

mod storm;

use super::Bench;
use crate::client::Client;
use crate::clock::Moment;
use crate::crowd::{Crowd, Heard, Way};
use crate::figures::Aim;
use crate::house::House;
use crate::load::open::millis;
use crate::machine::{cpu_seconds, resident_mib};
use crate::process::Server;
use crate::watchers::Watchers;
use crate::wire;
use hdrhistogram::Histogram;
use std::io;
use std::time::Duration;

/// How often there is something new.
const EVERY: Duration = Duration::from_millis(100);
/// How many come in at a time, where nobody hurries.
const AT_ONCE: usize = 32;
/// How long all may take for that.
const PATIENCE: Duration = Duration::from_secs(180);

/// What a crowd cost and heard.
struct Cost {
    updates_per_cpu: f64,
    late: Histogram<u64>,
    kib: f64,
}

/// The same with event streams beside.
struct Beside {
    sockets: Histogram<u64>,
    streams: Histogram<u64>,
}

pub(super) fn crowd(bench: &mut Bench<'_>) -> io::Result<()> {
    for _ in 0..bench.plan.long_rounds {
        let data = bench.fresh("live")?;
        let house = House::open(&data)?;
        let auction = house.auctions("ladder", 1)?[0];
        let (own, beside) = gavel(bench, &house, auction)?;
        storm::after_a_kill(bench, house, &data, auction)?;
        let peer = Server::rooms(EVERY, bench.plan.watching)?;
        let bare = peer_of(bench, &peer)?;
        let p99 = (millis(&own.late, 0.99), millis(&bare.late, 0.99));
        eprintln!(
            "  {:.0} updates a second of processor, p99 {:.1} ms, {:.1} KiB a socket; bare: \
             {:.0}, {:.1} ms, {:.1} KiB",
            own.updates_per_cpu, p99.0, own.kib, bare.updates_per_cpu, p99.1, bare.kib,
        );
        let count = bench.plan.watching;
        let share = own.updates_per_cpu / bare.updates_per_cpu;
        let name = format!("B13 {count} sockets: updates per processor second");
        bench.push(&name, "of bare", Aim::AtLeast { goal: 0.9, floor: 0.75 }, share);
        let name = format!("B13 {count} sockets: delivery p99");
        bench.push(&name, "of bare", Aim::AtMost { goal: 1.2, floor: 2.0 }, p99.0 / p99.1);
        let more = own.kib - bare.kib;
        let name = "B13 memory of a socket, over bare";
        bench.push(name, "KiB", Aim::AtMost { goal: 4.0, floor: 16.0 }, more);
        bench.tell("live: updates per processor second", "1/s", own.updates_per_cpu);
        bench.tell("live: delivery p99", "ms", p99.0);
        bench.tell("live: memory of a socket", "KiB", own.kib);
        let streams = bench.plan.streams;
        let name = format!("live: {streams} event streams beside: sockets, p99");
        bench.tell(&name, "ms", millis(&beside.sockets, 0.99));
        let name = format!("live: {streams} event streams beside: they themselves, p99");
        bench.tell(&name, "ms", millis(&beside.streams, 0.99));
    }
    Ok(())
}

/// B14: the same beside the reference server, where that is installed (`make bench-peers`).
pub(super) fn beside_node(bench: &mut Bench<'_>) -> io::Result<()> {
    for _ in 0..bench.plan.long_rounds {
        let Some(peer) = Server::node_rooms(EVERY, bench.plan.watching)? else {
            eprintln!("  left out: `make bench-peers` installs the reference server");
            return Ok(());
        };
        let node = peer_of(bench, &peer)?;
        drop(peer);
        let house = House::open(&bench.fresh("live")?)?;
        let auction = house.auctions("ladder", 1)?[0];
        let mut news = bids(&house, auction)?;
        let own = Hall::fill(bench, &house.server, auction, &mut news)?;
        let own = own.cost(bench, &mut news)?;
        eprintln!(
            "  {:.0} updates a second of processor, p99 {:.1} ms; Node: {:.0}, {:.1} ms",
            own.updates_per_cpu,
            millis(&own.late, 0.99),
            node.updates_per_cpu,
            millis(&node.late, 0.99),
        );
        let share = own.updates_per_cpu / node.updates_per_cpu;
        let name = format!("B14 {} sockets: updates per processor second", bench.plan.watching);
        bench.push(&name, "of Node", Aim::AtLeast { goal: 2.0, floor: 1.4 }, share);
    }
    Ok(())
}

fn join(auction: i64) -> String {
    format!("42[\"join_auction\",{{\"auction_id\":{auction}}}]")
}

/// Somebody who bids, one bid each time he is asked.
fn bids(house: &House, auction: i64) -> io::Result<impl FnMut() -> io::Result<()> + use<>> {
    let mut client = Client::connect(house.server.address)?;
    let (path, token) = (format!("/v1/auctions/{auction}/bids"), house.tokens[0].clone());
    let mut amount = 0;
    Ok(move || {
        amount += 10_000;
        let body = format!(r#"{{"amount":{amount},"confirm":true}}"#);
        client.create(&path, Some(&token), &body).map(drop)
    })
}

/// The house, first with sockets alone, then with event streams of the same auction beside them.
fn gavel(bench: &Bench<'_>, house: &House, auction: i64) -> io::Result<(Cost, Beside)> {
    let mut news = bids(house, auction)?;
    let hall = Hall::fill(bench, &house.server, auction, &mut news)?;
    let used = hall.measure(bench, 1, &mut news)?;
    let same = vec![auction; bench.plan.streams];
    let watchers = Watchers::attach(house.server.address, &same)?;
    hall.go_on(bench.plan.warm_up, &mut news)?;
    watchers.note()?;
    hall.measure(bench, 2, &mut news)?;
    let streams = watchers.noted()?;
    let (_, view) =
        Client::connect(house.server.address)?.get(&format!("/v1/auctions/{auction}"), None)?;
    let version = wire::number(&view, "\"version\":");
    if watchers.finish()?.iter().any(|saw| Some(saw.version) != version) {
        return Err(wire::odd("an event stream did not come to the last version"));
    }
    let kib = hall.kib;
    let [alone, beside] = hall.heard()?;
    let updates_per_cpu = alone.updates as f64 / used;
    let cost = Cost { updates_per_cpu, late: alone.late, kib };
    Ok((cost, Beside { sockets: beside.late, streams }))
}

/// A peer, which makes its news itself.
fn peer_of(bench: &Bench<'_>, peer: &Server) -> io::Result<Cost> {
    let mut news = || Ok(());
    Hall::fill(bench, peer, 1, &mut news)?.cost(bench, &mut news)
}

/// A crowd in a room, and what a place there takes.
struct Hall {
    crowd: Crowd,
    pid: u32,
    kib: f64,
}

impl Hall {
    /// All come in.
    fn fill(
        bench: &Bench<'_>,
        server: &Server,
        auction: i64,
        news: &mut impl FnMut() -> io::Result<()>,
    ) -> io::Result<Self> {
        let (count, pid) = (bench.plan.watching, server.pid());
        news()?;
        let before = resident_mib(pid)?;
        let (address, join) = (server.address, join(auction));
        let (tokens, within) = (Vec::new(), Duration::ZERO);
        let way = Way { address, count, tokens, join, at_once: AT_ONCE, within };
        let crowd = Crowd::come(way)?;
        if !crowd.wait(count, PATIENCE, || crowd.inside()) {
            crowd.finish()?;
            return Err(wire::odd("not all came into the live room"));
        }
        std::thread::sleep(bench.plan.warm_up);
        let kib = (resident_mib(pid)? - before) * 1024.0 / count as f64;
        let hall = Self { crowd, pid, kib };
        hall.go_on(bench.plan.warm_up, news)?;
        Ok(hall)
    }

    /// There is news for so long.
    fn go_on(&self, lasts: Duration, news: &mut impl FnMut() -> io::Result<()>) -> io::Result<()> {
        let begin = Moment::now();
        let mut next = begin;
        while begin.elapsed() < lasts {
            news()?;
            next = next.plus(EVERY);
            std::thread::sleep(next.since(Moment::now()));
        }
        Ok(())
    }

    /// The same, measured; the server's processor seconds.
    fn measure(
        &self,
        bench: &Bench<'_>,
        part: usize,
        news: &mut impl FnMut() -> io::Result<()>,
    ) -> io::Result<f64> {
        self.crowd.measure(part);
        let before = cpu_seconds(self.pid)?;
        self.go_on(bench.plan.measured, news)?;
        self.crowd.measure(0);
        Ok((cpu_seconds(self.pid)? - before).max(0.01))
    }

    /// What they heard, each of them something.
    fn heard(self) -> io::Result<[Heard; crate::crowd::PARTS]> {
        let heard = self.crowd.finish()?;
        for part in heard.iter().filter(|part| part.updates > 0) {
            let Heard { updates, fewest, most, .. } = part;
            eprintln!("  the sockets heard {updates} updates, each {fewest} to {most}");
            if *fewest == 0 {
                return Err(wire::odd("somebody in the live room heard nothing"));
            }
        }
        Ok(heard)
    }

    fn cost(
        self,
        bench: &Bench<'_>,
        news: &mut impl FnMut() -> io::Result<()>,
    ) -> io::Result<Cost> {
        let (used, kib) = (self.measure(bench, 1, news)?, self.kib);
        let [heard, _] = self.heard()?;
        Ok(Cost { updates_per_cpu: heard.updates as f64 / used, late: heard.late, kib })
    }
}
