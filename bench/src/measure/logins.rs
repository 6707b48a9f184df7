//! Wrong passwords beside bids: a thousand a second are offered, none is right, and bids go on. The
//! house hashes passwords on threads of their own and turns away what would have to wait too long;
//! what this costs those who bid is the figure. Limits for addresses and accounts are off: they
//! would make it easy.

use super::{Bench, Lots, phase, said};
use crate::bids::Pattern;
use crate::figures::Aim;
use crate::house::House;
use crate::load::Script;
use crate::load::open::{AWAY, Open, Phase, Served, WELL, millis};
use crate::wire::{self, Reply};
use std::io;
use std::time::Duration;

/// Wrong logins offered in a second.
const LOGINS: f64 = 1_000.0;
/// Connections that they come by.
const CONNECTIONS: usize = 64;
/// Bids beside them, as a part of what the house takes at most.
const BESIDE: f64 = 0.25;
/// What a wrong password is answered with.
const WRONG: fn(u16) -> bool = |status| status == 401;

/// Somebody who tries passwords, of people that there are and of others.
#[derive(Default)]
struct Guesser {
    tries: usize,
    right: usize,
}

impl Script for Guesser {
    fn write(&mut self, _: usize, out: &mut Vec<u8>) -> bool {
        self.tries += 1;
        let n = self.tries;
        let body = format!(r#"{{"login":"bidder{}","password":"guess number {n}"}}"#, n % 128);
        wire::post(out, "/v1/session", None, "", &body);
        true
    }

    fn read(&mut self, _: usize, reply: &Reply<'_>) {
        self.right += usize::from(reply.status < 400);
    }
}

pub(super) fn beside(bench: &mut Bench<'_>) -> io::Result<()> {
    (0..bench.plan.long_rounds).try_for_each(|round| one(bench, round as u64))
}

fn one(bench: &mut Bench<'_>, round: u64) -> io::Result<()> {
    let mut house = House::open(&bench.fresh("logins")?)?;
    let mut lots = Lots::open(&house, "english", bench.plan.spread.min(1_000), Pattern::Spread)?;
    let peak = bench.peak_of(&mut house, &mut lots)?;
    let lasts = bench.plan.measured;
    let calm = [phase(peak, BESIDE, lasts)];
    let before = house.open_load(64, &calm, round).run(lots.bids.with(64, ""))?;
    let (address, pid) = (house.server.address, house.server.pid());
    let phases = vec![Phase { per_second: LOGINS, lasts }];
    let guessing = Open { address, pid, connections: CONNECTIONS, phases, seed: !round };
    let (during, guessed) = std::thread::scope(|scope| {
        let guesses = scope.spawn(|| {
            let mut guesser = Guesser::default();
            guessing.run(&mut guesser).map(|served| (served, guesser.right))
        });
        let during = house.open_load(64, &calm, round + 1).run(lots.bids.with(64, ""));
        let joined = guesses.join().map_err(|_| io::Error::other("the guesser broke"));
        (during, joined)
    });
    let (during, (guessed, right)) = (during?, guessed??);
    said(&mut lots.bids)?;
    bench.check(&mut house, &mut lots)?;
    if right > 0 {
        return Err(io::Error::other(format!("{right} wrong passwords were taken for right")));
    }
    tell(bench, peak, (&before, &during), &guessed)
}

fn tell(
    bench: &mut Bench<'_>,
    peak: f64,
    (before, during): (&Served, &Served),
    guessed: &Served,
) -> io::Result<()> {
    let all = Duration::ZERO..bench.plan.measured;
    let seconds = bench.plan.measured.as_secs_f64();
    let late = |served: &Served| Ok::<_, io::Error>(millis(&served.late(&all, WELL)?, 0.99));
    let (calm, p99) = (late(before)?, late(during)?);
    let rate = |which| guessed.came(&all, which) as f64 / seconds;
    let (wrong, away) = (rate(WRONG), rate(AWAY));
    eprintln!(
        "  {LOGINS:.0} wrong logins/s: {wrong:.0}/s were checked, {away:.0}/s turned away; {:.0} \
         bids/s beside them, p99 {p99:.1} ms ({calm:.1} ms without); server {:.0} % of a core",
        peak * BESIDE,
        during.server_share * 100.0,
    );
    let name = "S4 bids beside 1,000 wrong logins/s: p99";
    bench.push(name, "ms", Aim::AtMostGoal(50.0), p99);
    bench.tell("bids without them: p99", "ms", calm);
    bench.tell("wrong logins: checked", "1/s", wrong);
    bench.tell("wrong logins: turned away", "1/s", away);
    Ok(())
}
