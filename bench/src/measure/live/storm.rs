//! All come back at once: the house was killed with everybody in its live room, and is started
//! again. How long until they show what the log says, and how late bids are answered meanwhile.

use super::Bench;
use crate::client::Client;
use crate::clock::Moment;
use crate::crowd::{Crowd, Way};
use crate::figures::Aim;
use crate::house::House;
use crate::load::open::millis;
use crate::process::Server;
use crate::wire;
use hdrhistogram::Histogram;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Clients come back by chance within so long.
const WITHIN: Duration = Duration::from_secs(1);
/// Bids meanwhile, one so often and at least so many.
const EVERY: Duration = Duration::from_millis(100);
const BIDS: u64 = 50;
/// How long it may take at most.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn after_a_kill(
    bench: &mut Bench<'_>,
    house: House,
    data: &Path,
    auction: i64,
) -> io::Result<()> {
    let House { server, tokens, .. } = house;
    let (before, _) = standing(&mut Client::connect(server.address)?, auction)?;
    // It is killed.
    drop(server);
    let begin = Moment::now();
    let server = Server::gavel(data)?;
    let count = bench.plan.watching;
    let most = count - count / 100;
    let join =
        format!("42[\"join_auction\",{{\"auction_id\":{auction},\"after_version\":{before}}}]");
    let (address, bidder) = (server.address, tokens[0].clone());
    let way = Way { address, count, tokens, join, at_once: usize::MAX, within: WITHIN };
    let crowd = Crowd::come(way)?;
    let (late, back) = bids(&server, &crowd, (auction, &bidder), most, begin)?;
    let last = standing(&mut Client::connect(address)?, auction)?;
    if !crowd.wait(most, PATIENCE, || crowd.showing(last)) {
        return over(crowd, "not all show what the log says");
    }
    let equal = begin.elapsed().as_secs_f64();
    if !crowd.wait(count, PATIENCE, || crowd.showing(last)) {
        return over(crowd, "somebody does not show what the log says");
    }
    crowd.finish()?;
    let p99 = millis(&late, 0.99);
    eprintln!(
        "  after a kill 99 % were back in {back:.1} s and equal to the log in {equal:.1} s; {} \
         bids meanwhile, p99 {p99:.1} ms",
        late.len(),
    );
    let name = format!("live: 99 % of {count} back after a kill");
    bench.push(&name, "s", Aim::AtMostGoal(10.0), back);
    let name = "live: 99 % equal to the log after a kill and bids meanwhile";
    bench.push(name, "s", Aim::AtMostGoal(10.0), equal);
    bench.push("live: bids while all come back, p99", "ms", Aim::AtMostGoal(500.0), p99);
    Ok(())
}

fn over(crowd: Crowd, what: &str) -> io::Result<()> {
    crowd.finish()?;
    Err(wire::odd(what))
}

/// Version and price of the auction.
fn standing(client: &mut Client, auction: i64) -> io::Result<(i64, i64)> {
    let (_, view) = client.get(&format!("/v1/auctions/{auction}"), None)?;
    let found = wire::number(&view, "\"version\":").zip(wire::number(&view, "\"price\":"));
    found.ok_or_else(|| wire::odd("an auction without a price"))
}

/// Bids until so many are back: how late each was answered, counted from when it was meant to be
/// sent; and after how many seconds that was.
fn bids(
    server: &Server,
    crowd: &Crowd,
    (auction, token): (i64, &str),
    most: usize,
    begin: Moment,
) -> io::Result<(Histogram<u64>, f64)> {
    let mut client = Client::connect(server.address)?;
    let (_, mut amount) = standing(&mut client, auction)?;
    let path = format!("/v1/auctions/{auction}/bids");
    let mut late: Histogram<u64> = Histogram::new(3).map_err(io::Error::other)?;
    let (mut due, mut back) = (Moment::now(), None);
    while back.is_none() || late.len() < BIDS {
        amount += 10_000;
        let body = format!(r#"{{"amount":{amount},"confirm":true}}"#);
        client.create(&path, Some(token), &body)?;
        let nanos = u64::try_from(due.elapsed().as_nanos()).unwrap_or(u64::MAX);
        late.record(nanos).map_err(io::Error::other)?;
        due = due.plus(EVERY);
        std::thread::sleep(due.since(Moment::now()));
        if back.is_none() && crowd.inside() >= most {
            back = Some(begin.elapsed().as_secs_f64());
        }
        if crowd.is_over() || begin.elapsed() > PATIENCE {
            return Err(wire::odd("not all came back"));
        }
    }
    Ok((late, back.unwrap_or_default()))
}
