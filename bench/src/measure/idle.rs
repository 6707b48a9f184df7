//! B17: what a house without anything to do takes, and how soon it is there.

use super::Bench;
use crate::figures::Aim;
use crate::machine::resident_mib;
use crate::process::{Server, binary};
use std::io;

const MIB: f64 = 1024.0 * 1024.0;

pub(super) fn house(bench: &mut Bench<'_>) -> io::Result<()> {
    let data = bench.fresh("idle")?;
    // The first start makes the house.
    drop(Server::gavel(&data)?);
    for _ in 0..bench.plan.rounds {
        let server = Server::gavel(&data)?;
        let ready = server.ready_after.as_secs_f64() * 1e3;
        std::thread::sleep(bench.plan.measured);
        let memory = resident_mib(server.pid())?;
        eprintln!("  ready after {ready:.0} ms, {memory:.1} MiB");
        let at_most = |goal, floor| Aim::AtMost { goal, floor };
        bench.push("B17 idle: memory", "MiB", at_most(20.0, 40.0), memory);
        bench.push("B17 start to ready", "ms", at_most(100.0, 500.0), ready);
        server.stop()?;
    }
    let size = std::fs::metadata(binary()?)?.len() as f64 / MIB;
    bench.push("B17 the binary", "MiB", Aim::AtMostGoal(30.0), size);
    Ok(())
}
