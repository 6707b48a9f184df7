//! B13: one hot auction that thousands watch in the live room: updates that a second of the
//! server's processor time brings to them, how late they come, what one more socket takes; beside
//! bare `socketioxide` that sends as much. B14: beside the reference server on Node.

use super::Bench;
use crate::client::Client;
use crate::clock::Moment;
use crate::crowd::Crowd;
use crate::figures::Aim;
use crate::house::House;
use crate::load::open::millis;
use crate::machine::{cpu_seconds, resident_mib};
use crate::process::Server;
use hdrhistogram::Histogram;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How often there is something new.
const EVERY: Duration = Duration::from_millis(100);

/// What a crowd cost and heard.
struct Cost {
    updates_per_cpu: f64,
    late: Histogram<u64>,
    kib: f64,
}

pub(super) fn crowd(bench: &mut Bench<'_>) -> io::Result<()> {
    for _ in 0..bench.plan.long_rounds {
        let data = bench.fresh("live")?;
        let house = House::open(&data)?;
        let auction = house.auctions("ladder", 1)?[0];
        let own = gavel(bench, &house, auction)?;
        // It is killed.
        drop(house);
        let back = back(bench, &data, auction)?;
        bench.push("live: all back after a kill", "s", Aim::AtMostGoal(10.0), back);
        let peer = Server::rooms(EVERY)?;
        let bare = one(bench, &peer, 1, || Ok(()))?;
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
    }
    Ok(())
}

/// B14: the same beside the reference server, where that is installed (`make bench-peers`).
pub(super) fn beside_node(bench: &mut Bench<'_>) -> io::Result<()> {
    for _ in 0..bench.plan.long_rounds {
        let Some(peer) = Server::node_rooms(EVERY)? else {
            eprintln!("  left out: `make bench-peers` installs the reference server");
            return Ok(());
        };
        let node = one(bench, &peer, 1, || Ok(()))?;
        drop(peer);
        let house = House::open(&bench.fresh("live")?)?;
        let auction = house.auctions("ladder", 1)?[0];
        let own = gavel(bench, &house, auction)?;
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

/// How many seconds it takes from the start of a house that was killed until all who watched are in
/// again, one after the other, and know how the auction stands.
fn back(bench: &Bench<'_>, data: &Path, auction: i64) -> io::Result<f64> {
    let begin = Moment::now();
    let server = Server::gavel(data)?;
    let crowd = Crowd::attach(server.address, bench.plan.watching, &join(auction))?;
    if !crowd.is_inside(Duration::from_secs(30)) {
        return Err(io::Error::other("not all came back within half a minute"));
    }
    let seconds = begin.elapsed().as_secs_f64();
    crowd.finish()?;
    Ok(seconds)
}

fn join(auction: i64) -> String {
    format!("42[\"join_auction\",{{\"auction_id\":{auction}}}]")
}

/// The house, with somebody who bids.
fn gavel(bench: &Bench<'_>, house: &House, auction: i64) -> io::Result<Cost> {
    let mut client = Client::connect(house.server.address)?;
    let (path, token) = (format!("/v1/auctions/{auction}/bids"), &house.tokens[0]);
    let mut amount = 0;
    let bid = || {
        amount += 10_000;
        let body = format!(r#"{{"amount":{amount},"confirm":true}}"#);
        client.create(&path, Some(token), &body).map(drop)
    };
    one(bench, &house.server, auction, bid)
}

/// One crowd, and one who makes news.
fn one(
    bench: &Bench<'_>,
    server: &Server,
    auction: i64,
    mut news: impl FnMut() -> io::Result<()>,
) -> io::Result<Cost> {
    let (count, pid) = (bench.plan.watching, server.pid());
    news()?;
    let before = resident_mib(pid)?;
    let crowd = Crowd::attach(server.address, count, &join(auction))?;
    std::thread::sleep(bench.plan.warm_up);
    let kib = (resident_mib(pid)? - before) * 1024.0 / count as f64;
    let mut for_so_long = |lasts: Duration| -> io::Result<()> {
        let begin = Moment::now();
        let mut next = begin;
        while begin.elapsed() < lasts {
            news()?;
            next = next.plus(EVERY);
            std::thread::sleep(next.since(Moment::now()));
        }
        Ok(())
    };
    for_so_long(bench.plan.warm_up)?;
    crowd.measure(true);
    let used = cpu_seconds(pid)?;
    for_so_long(bench.plan.measured)?;
    crowd.measure(false);
    let used = (cpu_seconds(pid)? - used).max(0.01);
    let heard = crowd.finish()?;
    let (fewest, most) = (heard.fewest, heard.most);
    eprintln!("  {count} sockets heard {} updates, each {fewest} to {most}", heard.updates);
    Ok(Cost { updates_per_cpu: heard.updates as f64 / used, late: heard.late, kib })
}
