//! An open loop: requests are due at moments drawn by chance, whether or not the ones before were
//! answered, and every latency counts from the moment that was meant. So a server that stalls
//! cannot make the generator ask less. One thread; a request goes to a connection that waits for
//! nothing, else it stands in line for one.

use super::{Connection, LONGEST, Script, wait};
use crate::chance::Chance;
use crate::clock::{Moment, wall_micros};
use crate::machine::cpu_seconds;
use crate::wire;
use hdrhistogram::Histogram;
use mio::{Events, Poll};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

/// How long a request stands in line at most: then whoever wanted it has gone.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest the generator sleeps between two arrivals.
const NAP: Duration = Duration::from_micros(100);

/// So many requests a second, for so long.
#[derive(Clone, Copy)]
pub(crate) struct Phase {
    pub(crate) per_second: f64,
    pub(crate) lasts: Duration,
}

/// A load with arrivals of its own.
pub(crate) struct Open {
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
    pub(crate) connections: usize,
    pub(crate) phases: Vec<Phase>,
    pub(crate) seed: u64,
}

/// One answer.
struct Answer {
    /// When its request was due, and how much later it came.
    due: Duration,
    late: Duration,
    /// How long it took from when the request was sent.
    took: Duration,
    status: u16,
}

/// What came of an open loop. Moments count from its beginning.
pub(crate) struct Served {
    answers: Vec<Answer>,
    /// When those were due who stood in line in vain.
    gone: Vec<Duration>,
    /// The beginning, by the calendar, in microseconds.
    pub(crate) began: i64,
    pub(crate) own_share: f64,
    pub(crate) server_share: f64,
}

/// Which answers are meant.
pub(crate) type Which = fn(u16) -> bool;

/// What did what it should.
pub(crate) const WELL: Which = |status| status < 300;
/// Turned away for want of room.
pub(crate) const AWAY: Which = |status| matches!(status, 429 | 503);

impl Served {
    /// How late those answers came whose requests were due then.
    pub(crate) fn late(&self, due: &Range<Duration>, which: Which) -> io::Result<Histogram<u64>> {
        self.histogram(due, which, |answer| answer.late)
    }

    /// How long those answers took since their requests, which were due then, were sent.
    pub(crate) fn took(&self, due: &Range<Duration>, which: Which) -> io::Result<Histogram<u64>> {
        self.histogram(due, which, |answer| answer.took)
    }

    fn histogram(
        &self,
        due: &Range<Duration>,
        which: Which,
        of: fn(&Answer) -> Duration,
    ) -> io::Result<Histogram<u64>> {
        let mut all = Histogram::new_with_max(LONGEST, 3).map_err(io::Error::other)?;
        let meant = |answer: &&Answer| due.contains(&answer.due) && which(answer.status);
        for answer in self.answers.iter().filter(meant) {
            all.saturating_record(u64::try_from(of(answer).as_nanos()).unwrap_or(u64::MAX));
        }
        Ok(all)
    }

    /// How many answers came in that time, whenever their requests were due.
    pub(crate) fn came(&self, when: &Range<Duration>, which: Which) -> usize {
        let meant =
            |answer: &&Answer| when.contains(&(answer.due + answer.late)) && which(answer.status);
        self.answers.iter().filter(meant).count()
    }

    /// How many stood in line in vain.
    pub(crate) fn gone(&self, due: &Range<Duration>) -> usize {
        self.gone.iter().filter(|gone| due.contains(gone)).count()
    }
}

/// A quantile in milliseconds.
pub(crate) fn millis(late: &Histogram<u64>, quantile: f64) -> f64 {
    late.value_at_quantile(quantile) as f64 / 1e6
}

/// When requests are due.
struct Arrivals {
    chance: Chance,
    phases: VecDeque<Phase>,
    at: Duration,
    /// When the first of the phases ends.
    end: Duration,
}

impl Arrivals {
    fn new(seed: u64, phases: &[Phase]) -> Self {
        let end = phases.first().map_or(Duration::ZERO, |phase| phase.lasts);
        let phases = phases.iter().copied().collect();
        Self { chance: Chance::new(seed), phases, at: Duration::ZERO, end }
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        loop {
            let phase = self.phases.front()?;
            let next = self.at + self.chance.gap(phase.per_second);
            if next < self.end {
                self.at = next;
                return Some(next);
            }
            // The next phase begins where this one ends: nothing is remembered of what was due.
            self.at = self.end;
            self.phases.pop_front();
            self.end += self.phases.front()?.lasts;
        }
    }
}

impl Open {
    /// Runs a script through all phases, then waits for what is still under way.
    pub(crate) fn run(&self, script: &mut impl Script) -> io::Result<Served> {
        let mut poll = Poll::new()?;
        let mut lines = Lines {
            connections: Connection::open(self.address, self.connections, &poll)?,
            sent: vec![Moment::now(); self.connections],
            free: (0..self.connections).collect(),
            line: VecDeque::new(),
            busy: 0,
            begin: Moment::now(),
            answers: Vec::new(),
            gone: Vec::new(),
        };
        let began = wall_micros();
        let cpu = (cpu_seconds(self.pid)?, cpu_seconds(std::process::id())?);
        let mut arrivals = Arrivals::new(self.seed, &self.phases).peekable();
        let mut events = Events::with_capacity(1024);
        let mut heard = lines.begin;
        loop {
            let now = Moment::now();
            while let Some(due) = arrivals.next_if(|due| lines.begin.plus(*due) <= now) {
                lines.line.push_back(lines.begin.plus(due));
            }
            lines.send(script, now)?;
            let next = arrivals.peek().map(|due| lines.begin.plus(*due));
            if next.is_none() && lines.line.is_empty() && lines.busy == 0 {
                break;
            }
            wait(&mut poll, &mut events, lines.rest(next, now))?;
            let now = Moment::now();
            if !events.is_empty() || lines.busy == 0 {
                heard = now;
            } else if now.since(heard) > Duration::from_secs(30) {
                return Err(wire::odd("no answer for thirty seconds"));
            }
            for event in &events {
                lines.take(event.token().0, event.is_readable(), script, now)?;
            }
        }
        let seconds = lines.begin.elapsed().as_secs_f64().max(1e-9);
        let share = |pid, before| Ok::<_, io::Error>((cpu_seconds(pid)? - before) / seconds);
        let own_share = share(std::process::id(), cpu.1)?;
        let server_share = share(self.pid, cpu.0)?;
        let Lines { answers, gone, .. } = lines;
        Ok(Served { answers, gone, began, own_share, server_share })
    }
}

/// The connections, and who waits for one.
struct Lines {
    connections: Vec<Connection>,
    /// When each of them sent last.
    sent: Vec<Moment>,
    free: VecDeque<usize>,
    /// When the requests in line were due.
    line: VecDeque<Moment>,
    busy: usize,
    begin: Moment,
    answers: Vec<Answer>,
    gone: Vec<Duration>,
}

impl Lines {
    /// Sends what is due, as far as there are connections for it.
    fn send(&mut self, script: &mut impl Script, now: Moment) -> io::Result<()> {
        while let Some(due) = self.line.pop_front() {
            if now.since(due) > PATIENCE {
                self.gone.push(due.since(self.begin));
                continue;
            }
            let Some(index) = self.free.pop_front() else {
                self.line.push_front(due);
                return Ok(());
            };
            if !self.connections[index].ask(script, due) {
                return Err(wire::odd("the script ended before the load"));
            }
            self.connections[index].flush()?;
            self.sent[index] = Moment::now();
            self.busy += 1;
        }
        Ok(())
    }

    /// How long to wait for answers. The system counts milliseconds there, so short waits are slept
    /// through first; meanwhile answers may come, and look later than they were.
    fn rest(&self, next: Option<Moment>, now: Moment) -> Duration {
        let gap = next.map_or(Duration::from_millis(100), |next| next.since(now));
        if !self.line.is_empty() || gap > Duration::from_millis(2) {
            let coarse = Duration::from_millis(1)..=Duration::from_millis(100);
            return gap.saturating_sub(*coarse.start()).clamp(*coarse.start(), *coarse.end());
        }
        std::thread::sleep(gap.min(NAP));
        Duration::ZERO
    }

    fn take(
        &mut self,
        index: usize,
        readable: bool,
        script: &mut impl Script,
        now: Moment,
    ) -> io::Result<()> {
        let Self { connections, answers, begin, sent, .. } = self;
        let connection = &mut connections[index];
        let took = now.since(sent[index]);
        let mut answered = 0;
        if readable {
            answered = connection.receive(script, |reply, due| {
                let (late, due) = (now.since(due), due.since(*begin));
                answers.push(Answer { due, late, took, status: reply.status });
            })?;
        }
        connection.flush()?;
        for _ in 0..answered {
            self.free.push_back(index);
            self.busy -= 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_keep_to_the_rate_of_each_phase() {
        let seconds = Duration::from_secs;
        let phases = [(1_000.0, 10), (5_000.0, 4), (100.0, 6)]
            .map(|(per_second, lasts)| Phase { per_second, lasts: seconds(lasts) });
        let all: Vec<Duration> = Arrivals::new(3, &phases).collect();
        assert!(all.is_sorted());
        let within = |from, to| all.iter().filter(|at| (from..to).contains(&at.as_secs())).count();
        assert!((9_500..10_500).contains(&within(0, 10)));
        assert!((19_500..20_500).contains(&within(10, 14)));
        assert!((520..680).contains(&within(14, 20)));
        assert!(all.iter().all(|at| *at < seconds(20)));
    }

    #[test]
    fn answers_are_sorted_by_when_they_were_due_and_when_they_came() {
        let ms = Duration::from_millis;
        let answer =
            |due, late, status| Answer { due: ms(due), late: ms(late), took: ms(1), status };
        let served = Served {
            answers: vec![answer(1, 2, 201), answer(1, 20, 201), answer(2, 1, 503)],
            gone: vec![ms(3)],
            began: 0,
            own_share: 0.0,
            server_share: 0.0,
        };
        let early = ms(0)..ms(10);
        assert_eq!(served.late(&early, WELL).unwrap().len(), 2);
        assert_eq!(served.late(&early, AWAY).unwrap().len(), 1);
        assert_eq!((served.came(&early, WELL), served.came(&early, AWAY)), (1, 1));
        assert_eq!((served.gone(&early), served.gone(&(ms(4)..ms(9)))), (1, 0));
        assert!((0.9..1.1).contains(&millis(&served.took(&early, WELL).unwrap(), 0.999)));
        let worst = millis(&served.late(&early, WELL).unwrap(), 0.999);
        assert!((19.9..20.1).contains(&worst), "{worst}");
    }
}
