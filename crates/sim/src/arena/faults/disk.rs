//! What happens to disks: calls that fail, that take long, no room, no power.

use crate::arena::house::How;
use crate::arena::power;
use crate::arena::run::Run;
use crate::arena::tools::traced;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// What a call can come back with.
const ERRORS: [&str; 2] = ["EIO", "ENOSPC"];

/// A sweep: the first, the second, ... such call of each thread fails, then all go well again.
fn sweep(run: &mut Run<'_>, calls: &str, step: u64) -> anyhow::Result<()> {
    let mut at = 1 + run.dice.between(0, 3);
    while run.goes_on() {
        for error in ERRORS {
            run.kill()?;
            run.fault(format!("{calls}: {error} at {at}"));
            // It may well not open when its first call fails; then it does the next time.
            if run.open(&traced(&format!("{calls}:error={error}:when={at}")))? {
                run.rest_between(300, 700);
            }
        }
        at += 1 + run.dice.between(0, step);
        if at.is_multiple_of(3) {
            run.kill()?;
            run.heal()?;
            run.rest(100);
        }
    }
    run.kill()?;
    run.heal()
}

pub(super) fn sync_errors(run: &mut Run<'_>) -> anyhow::Result<()> {
    sweep(run, "fdatasync,fsync", 6)
}

pub(super) fn write_errors(run: &mut Run<'_>) -> anyhow::Result<()> {
    sweep(run, "pwrite64", 40)
}

/// Each sync takes a tenth of a second longer.
pub(super) fn slow_sync(run: &mut Run<'_>) -> anyhow::Result<()> {
    run.kill()?;
    run.open(&traced("fdatasync,fsync:delay_enter=100000"))?;
    while run.goes_on() {
        run.fault("each sync takes 100 ms longer");
        run.rest(1_000);
    }
    run.kill()?;
    run.heal()
}

/// Takes all room there is.
fn fill(file: &Path) -> std::io::Result<()> {
    let mut file = File::create(file)?;
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
    Ok(())
}

/// The disk runs full, has room again, and so on; the house is never restarted.
pub(super) fn full(run: &mut Run<'_>) -> anyhow::Result<()> {
    let ballast = run.dir.join("small/ballast");
    while run.goes_on() {
        run.rest_between(300, 700);
        run.fault("no room");
        fill(&ballast)?;
        run.rest_between(400, 1_500);
        fs::remove_file(&ballast)?;
        anyhow::ensure!(run.runs(), "it ended when the disk was full");
    }
    Ok(())
}

/// Copies of the disk at random instants.
pub(super) fn power_cut(run: &mut Run<'_>) -> anyhow::Result<()> {
    // Each cut is judged whole, so in a long run they are further apart.
    let slower = 1 + run.yard.span.as_secs() / 50;
    while run.goes_on() {
        run.rest_between(150 * slower, 900 * slower);
        power::cut(run)?;
    }
    Ok(())
}

/// The same, but no sync ever reaches the disk: what a house would be that does not sync.
pub(super) fn power_cut_without_sync(run: &mut Run<'_>) -> anyhow::Result<()> {
    run.kill()?;
    if let Some(disk) = &run.disk {
        disk.settle()?;
    }
    let How { wrap, .. } = traced("fdatasync,fsync:retval=0");
    run.open(&How { wrap, ..How::default() })?;
    run.rest(1_500);
    for _ in 0..3 {
        power::cut(run)?;
        run.rest(300);
    }
    run.kill()?;
    run.heal()
}
