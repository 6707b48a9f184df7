//! Loss of power: copies of the disk at an instant, and what is found on them when it is back. What
//! was answered before the copy began must be there; what was not answered by then may be.

use super::house::{House, How};
use super::run::{Run, Verdict, judge as check};
use super::tools;
use crate::history::{Input, Mark, Nanos, Res};
use std::fs;
use std::path::PathBuf;

/// An instant at which the power failed.
pub(crate) struct Cut {
    image: PathBuf,
    /// Everything answered before this is promised.
    before: Nanos,
    /// Nothing asked after this can be there.
    after: Nanos,
}

/// Cuts the power, as far as a copy of the disk can tell.
pub(crate) fn cut(run: &mut Run<'_>) -> anyhow::Result<()> {
    let Some(disk) = &run.disk else { return Ok(()) };
    let before = run.floor.notes.now();
    let image = disk.cut(run.cuts.len())?;
    let after = run.floor.notes.now();
    run.cuts.push(Cut { image, before, after });
    run.fault("power cut");
    Ok(())
}

/// Opens a house from what a cut has left, and holds it against what was told before.
pub(crate) fn judge(run: &mut Run<'_>, cut: &Cut, verdict: &mut Verdict) -> anyhow::Result<()> {
    let at = run.dir.join("after");
    let mounted = tools::after(&cut.image, &at)?;
    let data = at.join("data");
    let from = run.floor.notes.now();
    let house = House::start(&run.yard.gavel, &data, &run.log(), &How::default())?;
    verdict.back = verdict.back.max(run.floor.notes.since(from));
    let Some(house) = house else {
        let words = run.last_words();
        verdict.wrong.push(format!("after a power cut the house does not open:\n{words}"));
        return Ok(());
    };
    house.stop()?;
    let input = told_before(run.input(&data)?, cut);
    let name = cut.image.file_stem().map_or_else(String::new, |name| name.display().to_string());
    let kept = run.keep(&input, &name)?;
    let wrong = verdict.wrong.len();
    check(&input, &kept, verdict);
    if verdict.wrong.len() == wrong {
        // There are many cuts, and each has a copy of all that was before it.
        fs::remove_file(kept)?;
        drop(mounted);
        fs::remove_file(&cut.image)?;
    }
    Ok(())
}

/// The history as it was when the power failed.
fn told_before(mut input: Input, cut: &Cut) -> Input {
    input.history.retain(|rec| rec.inv_ns < cut.after);
    for rec in &mut input.history {
        if rec.ret_ns.is_none_or(|told| told > cut.before) {
            (rec.ret_ns, rec.res) = (None, Res::NoReply);
        }
    }
    input.seen.retain(|seen| seen.at_ns < cut.before);
    // Nothing was healed then, and what was due meanwhile came when the power was back.
    input.marks = vec![Mark::Fault { at_ns: cut.after, what: "power cut".to_owned() }];
    input
}
