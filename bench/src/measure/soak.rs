//! What is run beside the figures: one hot auction for a long time, and what generator and peer
//! reach without a house.

use super::closed::SHAPES;
use crate::bids::{Bidding, Pattern};
use crate::client::Client;
use crate::house::{BIDDERS, House};
use crate::load::Load;
use crate::machine::resident_mib;
use crate::process::Server;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How fast generator and peer are together: what any server here could reach at most.
pub(crate) fn peer() -> io::Result<()> {
    let noop = Server::noop()?;
    let ids: Vec<i64> = (1..=10_000).collect();
    let tokens: Vec<String> = (0..BIDDERS).map(|n| format!("token-{n:040}")).collect();
    for (connections, depth, shape) in SHAPES.into_iter().chain([(1, 1, "1")]) {
        let mut bidding = Bidding::new(Pattern::Spread, &ids, &tokens, connections);
        let (warm_up, measured) = (Duration::from_secs(1), Duration::from_secs(3));
        let (address, pid) = (noop.address, noop.pid());
        let run = Load { address, pid, connections, depth, warm_up, measured }.run(&mut bidding)?;
        println!(
            "{shape}: {:.0}/s, p50 {:.0} us, p99 {:.0} us; a request costs the peer {:.2} us and \
             the generator {:.2} us of processor",
            run.rate(201),
            run.micros(0.5),
            run.micros(0.99),
            run.cpu_micros(),
            run.own_cpu * 1e6 / run.answers().max(1) as f64,
        );
    }
    Ok(())
}

/// One hot auction for a long time; nothing may be missing, and memory is told.
pub(crate) fn hot(data: &Path, seconds: u64) -> io::Result<()> {
    let mut house = House::open(data)?;
    let ids = house.auctions("english", 1)?;
    let mut bidding = Bidding::new(Pattern::Hot, &ids, &house.tokens, BIDDERS);
    let (mut compared, mut left) = (0, seconds);
    while left > 0 {
        let slice = left.min(30);
        left -= slice;
        let load = house.load(BIDDERS, 1, Duration::ZERO, Duration::from_secs(slice));
        let run = load.run(bidding.with(BIDDERS, ""))?;
        compared += house.check(&ids, &mut bidding)?;
        println!(
            "{left} s left: {:.0} decisions/s, p99 {:.0} us, {compared} bids compared, memory \
             {:.0} MiB",
            run.rate_of_all(),
            run.micros(0.99),
            resident_mib(house.server.pid())?,
        );
    }
    let (status, _) = Client::connect(house.server.address)?.get("/health/ready", None)?;
    if status != 200 {
        return Err(io::Error::other(format!("not ready after the soak: {status}")));
    }
    Ok(())
}
