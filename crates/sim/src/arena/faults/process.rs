//! What happens to processes: they are killed at any instant or at an exact call, and frozen.

use crate::arena::run::Run;
use crate::arena::tools::{Need, traced};

pub(super) fn kill(run: &mut Run<'_>) -> anyhow::Result<()> {
    while run.goes_on() {
        run.rest_between(40, 700);
        run.fault("kill -9");
        run.kill()?;
        run.heal()?;
    }
    Ok(())
}

/// The calls by which a house speaks to its disk and to its clients.
const CALLS: [&str; 6] = ["fdatasync", "pwrite64", "fdatasync", "sendto", "write", "writev"];

/// At the Nth such call of a thread, that call not made any more.
pub(super) fn kill_at_call(run: &mut Run<'_>) -> anyhow::Result<()> {
    let mut round = run.dice.between(0, 6);
    while run.goes_on() {
        let call = CALLS[usize::try_from(round % 6).unwrap_or(0)];
        let at = run.dice.between(1, if round.is_multiple_of(2) { 12 } else { 150 });
        round += 1;
        run.kill()?;
        run.fault(format!("SIGKILL at {call} {at}"));
        if run.open(&traced(&format!("{call}:signal=SIGKILL:when={at}")))? {
            for _ in 0..30 {
                run.rest(20);
                if !run.runs() {
                    break;
                }
            }
        }
        run.kill()?;
        // Every second time it opens once as it should, so that work goes on.
        if round.is_multiple_of(2) {
            run.heal()?;
            run.rest_between(50, 300);
        }
    }
    Ok(())
}

pub(super) fn freeze(run: &mut Run<'_>) -> anyhow::Result<()> {
    while run.goes_on() {
        run.rest_between(100, 600);
        run.fault("SIGSTOP");
        if let Some(house) = &run.house {
            house.signal("-STOP");
        }
        run.rest_between(100, 1_800);
        if let Some(house) = &run.house {
            house.signal("-CONT");
        }
        // One that dies just when it wakes, with a second's work in its sockets.
        if run.dice.percent(30) {
            run.fault("kill -9");
            run.kill()?;
            run.heal()?;
        }
    }
    Ok(())
}

/// Whatever this machine can do to a process, one after the other, in any order.
pub(super) fn everything(run: &mut Run<'_>) -> anyhow::Result<()> {
    let traced_too = Need::Strace.lacking(&run.dir).is_none();
    while run.goes_on() {
        run.rest_between(100, 500);
        let calls = ["fdatasync,fsync", "pwrite64"];
        let errors = ["EIO", "ENOSPC"];
        let (call, error) = (run.dice.pick(&calls), run.dice.pick(&errors));
        let inject = match run.dice.between(0, if traced_too { 4 } else { 1 }) {
            0 => None,
            1 => Some(format!("{call}:error={error}:when={}", run.dice.between(3, 60))),
            2 => Some(format!("{call}:error={error}:when={}+37", run.dice.between(3, 60))),
            _ => Some("fdatasync,fsync:delay_enter=40000".to_owned()), // not ours: a number
        };
        run.fault(format!("kill -9, then {}", inject.as_deref().unwrap_or("nothing")));
        run.kill()?;
        match inject {
            None => run.heal()?,
            Some(inject) => drop(run.open(&traced(&inject))?),
        }
    }
    run.kill()?;
    run.heal()
}
