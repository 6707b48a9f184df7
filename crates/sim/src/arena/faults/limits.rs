//! What a machine has too little of: memory, descriptors.

use crate::arena::house::How;
use crate::arena::run::Run;
use crate::arena::tools::{Group, resident};
use std::net::TcpStream;

/// So little memory that the system ends it sooner or later.
pub(super) fn memory(run: &mut Run<'_>) -> anyhow::Result<()> {
    let group = Group::make("memory")?;
    while run.goes_on() {
        run.rest_between(200, 500);
        let Some(house) = &run.house else { break };
        let room = resident(house.id())?.saturating_sub(1 << 20);
        group.hold(house.id(), room)?;
        run.fault("a mebibyte less memory than it has");
        for _ in 0..60 {
            run.rest(20);
            if !run.runs() {
                break;
            }
        }
        run.kill()?;
        run.heal()?;
    }
    Ok(())
}

/// Fewer descriptors than people who come: who is there is served, and when others have gone, new
/// ones are.
pub(super) fn descriptors(run: &mut Run<'_>) -> anyhow::Result<()> {
    run.kill()?;
    let wrap = ["prlimit", "--nofile=80:80"].map(str::to_owned).to_vec();
    run.open(&How { wrap, ..How::default() })?;
    while run.goes_on() {
        run.rest_between(200, 500);
        let Some(address) = run.house.as_ref().map(|house| house.address) else { break };
        run.fault("120 idle connections, 80 descriptors");
        let idle: Vec<_> = (0..120).filter_map(|_| TcpStream::connect(address).ok()).collect();
        run.rest_between(300, 900);
        drop(idle);
        anyhow::ensure!(run.runs(), "it ended for want of descriptors");
    }
    run.kill()?;
    run.heal()
}
