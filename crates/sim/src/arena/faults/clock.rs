//! What happens to clocks: the time of day jumps by an hour while the house is open, or is another
//! one each time it opens. The monotonic clock is never touched.

use super::ends::next_end;
use crate::arena::house::How;
use crate::arena::run::Run;
use crate::arena::tools::misled;
use std::fs;
use std::path::{Path, PathBuf};

/// Says how far the clock is off, all at once.
fn off_by(file: &Path, seconds: i64) -> anyhow::Result<()> {
    let fresh = file.with_extension("new");
    fs::write(&fresh, format!("{seconds:+}\n"))?;
    Ok(fs::rename(fresh, file)?)
}

fn begin(run: &Run<'_>) -> anyhow::Result<(PathBuf, How)> {
    let file = run.dir.join("off");
    off_by(&file, 0)?;
    let how = misled(&file)?;
    Ok((file, how))
}

/// Jumps around the ends of lots: they are never far.
pub(super) fn jumps(run: &mut Run<'_>) -> anyhow::Result<()> {
    let (file, how) = begin(run)?;
    run.kill()?;
    run.open(&how)?;
    while run.goes_on() {
        for seconds in [3_600, 0, -3_600, 0] {
            // Just before the next end, by the clock as it is now, if one is near.
            match next_end(run).filter(|left| *left < 3_000_000) {
                Some(left) => run.rest((left / 1_000).saturating_sub(50)),
                None => run.rest_between(400, 1_500),
            }
            run.fault(format!("the clock is {seconds:+} s off"));
            off_by(&file, seconds)?;
        }
        anyhow::ensure!(run.runs(), "it ended when the clock jumped");
    }
    Ok(())
}

/// Killed, and back within seconds by a clock that is a little off, forwards and backwards.
pub(super) fn another_at_each_start(run: &mut Run<'_>) -> anyhow::Result<()> {
    let (file, how) = begin(run)?;
    while run.goes_on() {
        for seconds in [4, -4, 1, 0, -1] {
            run.kill()?;
            run.fault(format!("opened by a clock {seconds:+} s off"));
            off_by(&file, seconds)?;
            run.open(&how)?;
            run.rest_between(200, 900);
        }
    }
    off_by(&file, 0)?;
    run.kill()?;
    run.heal()
}
