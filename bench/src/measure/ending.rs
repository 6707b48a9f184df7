//! B12: many auctions end in the same instant. How late that was seen by those who watched, and how
//! late bids on other auctions were answered meanwhile.

use super::{Bench, Lots, phase, said};
use crate::bids::Pattern;
use crate::client::Client;
use crate::clock::wall_micros;
use crate::figures::Aim;
use crate::house::{AS_LONG_AS_IT_TAKES, House};
use crate::load::open::{WELL, millis};
use crate::watchers::{Watched, Watchers};
use hdrhistogram::Histogram;
use std::io;
use std::time::Duration;

/// Auctions that go on, for bids meanwhile.
const OTHERS: usize = 1_000;
/// How many of those that end are watched.
const WATCHED: usize = 1_000;
/// Bids meanwhile, as a part of what the house takes at most.
const MEANWHILE: f64 = 0.25;
/// Bids count as meanwhile if they were due from the end on for so long.
const WHILE: Duration = Duration::from_secs(1);

pub(super) fn together(bench: &mut Bench<'_>) -> io::Result<()> {
    (0..bench.plan.long_rounds).try_for_each(|round| one(bench, round as u64))
}

fn one(bench: &mut Bench<'_>, round: u64) -> io::Result<()> {
    let mut house = House::open(&bench.fresh("ending")?)?;
    let mut others = Lots::open(&house, "english", OTHERS, Pattern::Spread)?;
    let peak = bench.peak_of(&mut house, &mut others)?;
    // Their end is hard: a late bid moves nothing.
    let end = wall_micros() + i64::try_from(bench.plan.before_end.as_micros()).unwrap_or(0);
    let ids = house.auctions_until("classic", bench.plan.ending, &ends_at(end))?;
    let mut ending = Lots::of(&house, ids, Pattern::Spread);
    let load = house.load(64, 1, Duration::ZERO, AS_LONG_AS_IT_TAKES);
    load.run(ending.bids.with(64, "").at_most(bench.plan.ending))?;
    said(&mut ending.bids)?;
    let step = ending.ids.len().div_ceil(WATCHED);
    let watched: Vec<i64> = ending.ids.iter().copied().step_by(step).collect();
    let watchers = Watchers::attach(house.server.address, &watched)?;
    let ahead = Duration::from_micros(u64::try_from(end - wall_micros()).unwrap_or(0));
    if ahead < bench.plan.before_end / 20 {
        return Err(io::Error::other("the end came before everything was ready for it"));
    }
    let phases = [phase(peak, MEANWHILE, ahead + WHILE + WHILE)];
    let served = house.open_load(64, &phases, round).run(others.bids.with(64, ""))?;
    said(&mut others.bids)?;
    bench.check(&mut house, &mut others)?;
    bench.check(&mut house, &mut ending)?;
    let seen = late(&watchers.finish()?, &house, end)?;
    let decided = decided(&house, &watched, end)?;
    let begin = Duration::from_micros(u64::try_from(end - served.began).unwrap_or(0));
    let meanwhile = served.late(&(begin..begin + WHILE), WELL)?;
    eprintln!(
        "  {} ended: seen p50 {:.0} ms, p99.9 {:.0} ms late; decided at most {decided:.0} ms late; \
         {:.0} bids/s meanwhile, p99 {:.1} ms",
        ending.ids.len(),
        millis(&seen, 0.5),
        millis(&seen, 0.999),
        peak * MEANWHILE,
        millis(&meanwhile, 0.99),
    );
    let count = ending.ids.len();
    let name = format!("B12 {count} end at once: seen closed late, p99.9");
    let aim = Aim::AtMost { goal: 250.0, floor: 1_000.0 };
    bench.push(&name, "ms", aim, millis(&seen, 0.999));
    let name = "B12 bids elsewhere meanwhile: p99";
    bench.push(name, "ms", Aim::AtMostGoal(50.0), millis(&meanwhile, 0.99));
    bench.tell("closing at once: decided late, at most", "ms", decided);
    Ok(())
}

/// The end, as the API takes it.
fn ends_at(micros: i64) -> String {
    let stamp = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX);
    format!(r#""ends_at":"{stamp}""#)
}

/// How late each was seen to close. All must have been, and everything else too.
fn late(saw: &[Watched], house: &House, end: i64) -> io::Result<Histogram<u64>> {
    let mut late = Histogram::new(3).map_err(io::Error::other)?;
    for watched in saw {
        let (auction, there) = (watched.auction, house.checked(watched.auction));
        match watched.closed {
            Some(closed) if watched.version == there => {
                let nanos = u64::try_from((closed - end).max(0)).unwrap_or(0) * 1_000;
                late.record(nanos).map_err(io::Error::other)?;
            }
            Some(_) | None => {
                let what = format!(
                    "auction {auction} was followed to version {} of {there}, closed: {:?}",
                    watched.version, watched.closed
                );
                return Err(io::Error::other(what));
            }
        }
    }
    Ok(late)
}

/// By how many milliseconds the latest of these was decided late, by the log.
fn decided(house: &House, ids: &[i64], end: i64) -> io::Result<f64> {
    let mut client = Client::connect(house.server.address)?;
    let mut most = 0;
    for id in ids {
        let (_, body) = client.get(&format!("/v1/auctions/{id}/events"), None)?;
        let body = String::from_utf8_lossy(&body);
        let page: serde_json::Value = serde_json::from_str(&body)?;
        let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let closed = items.iter().find(|item| item["event"]["kind"] == "closed");
        let at = closed.and_then(|item| item["event"]["at"].as_i64());
        let at = at.ok_or_else(|| io::Error::other(format!("auction {id} has not closed")))?;
        if at < end {
            return Err(io::Error::other(format!("auction {id} was closed before its end")));
        }
        most = most.max(at - end);
    }
    Ok(most as f64 / 1e3)
}
