//! Ends: the house is killed just before one, and two thousand come in one second.

use crate::arena::lots;
use crate::arena::run::Run;
use crate::arena::wire::Request;
use crate::arena::words;
use gavel_auction::time::{SECOND, Time};
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};

/// Microseconds until the next end on the floor, by the house's own clock.
pub(super) fn next_end(run: &Run<'_>) -> Option<u64> {
    let mut line = run.floor.connect()?;
    let open = run.floor.lots().into_iter().filter(|lot| !lot.is_over());
    let left = open.filter_map(|lot| {
        let path = format!("/v1/auctions/{}", lot.auction);
        let request = Request { method: "GET", path: &path, ..Request::default() };
        let view = words::json(&line.ask(&request).ok()?).ok()?;
        let left = words::time(&view["effective_end"])?.since(words::time(&view["server_time"])?);
        u64::try_from(left).ok().filter(|left| *left > 60_000)
    });
    left.min()
}

pub(super) fn restart(run: &mut Run<'_>) -> anyhow::Result<()> {
    while run.goes_on() {
        let Some(left) = next_end(run) else {
            run.rest(20);
            continue;
        };
        run.rest((left / 1_000).saturating_sub(50).min(3_000));
        run.fault("kill -9 just before an end");
        run.kill()?;
        run.heal()?;
        run.rest_between(100, 500);
    }
    Ok(())
}

/// How many ends, if the machine can make as many lots in time.
const ENDS: u64 = 2_000;
/// How long making them may take, in seconds.
const MAKING: i64 = 18;

/// Two thousand lots end in the same second, while the crew goes on.
pub(super) fn many(run: &mut Run<'_>) -> anyhow::Result<()> {
    let seller = run.seller.clone().expect("there is a seller");
    let now = run.time().unwrap_or(Time(0));
    let ends_at = Time(now.0 + (MAKING + 2) * SECOND);
    let text = jiff::Timestamp::from_microsecond(ends_at.0)?.to_string();
    let (floor, made, began) = (&run.floor, AtomicU64::new(0), run.floor.notes.now());
    let in_time = || floor.notes.since(began).as_secs() < MAKING.unsigned_abs();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while made.fetch_add(1, Ordering::Relaxed) < ENDS && in_time() {
                    let mut plain = lots::plain(1);
                    let body = plain.body.as_object_mut().expect("a proposal is an object");
                    body.remove("duration_seconds");
                    body.insert("ends_at".to_owned(), json!(text));
                    floor.put(&seller, &plain);
                }
            });
        }
    });
    let ends = made.into_inner().min(ENDS);
    anyhow::ensure!(ends == ENDS, "only {ends} lots of {ENDS} could be made in {MAKING} s");
    run.fault(format!("{ends} ends in one second"));
    run.injected = ends;
    let left = run.time().map_or(0, |now| ends_at.since(now) / 1_000);
    run.rest(u64::try_from(left).unwrap_or(0) + 1_000);
    Ok(())
}
