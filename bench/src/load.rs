//! The load generator: many keep-alive connections on one thread, each with a fixed number of
//! requests under way (a closed loop); `open` sends at moments of its own. What is sent and what an
//! answer means is a [`Script`]'s.

mod connection;
pub(crate) mod open;

use crate::clock::Moment;
use crate::machine::cpu_seconds;
use crate::wire::{self, Reply};
use connection::Connection;
use hdrhistogram::Histogram;
use mio::{Events, Poll};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// The longest latency that is told apart from longer ones: a minute in nanoseconds.
const LONGEST: u64 = 60_000_000_000;

/// What to send, and what to make of the answers. Answers come in the order of the requests.
pub(crate) trait Script {
    /// Appends the next request of a connection; false if it has none any more.
    fn write(&mut self, connection: usize, out: &mut Vec<u8>) -> bool;
    /// Takes an answer.
    fn read(&mut self, connection: usize, reply: &Reply<'_>);
}

/// How hard to push.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    /// The process whose processor time is counted.
    pub(crate) pid: u32,
    pub(crate) connections: usize,
    /// Requests under way on each connection.
    pub(crate) depth: usize,
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// What came of it, in the measured time only.
pub(crate) struct Run {
    pub(crate) seconds: f64,
    /// Answers by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Nanoseconds from sending to the answer.
    pub(crate) latencies: Histogram<u64>,
    /// Processor seconds of the server.
    pub(crate) server_cpu: f64,
    /// Processor seconds of the generator.
    pub(crate) own_cpu: f64,
}

impl Run {
    pub(crate) fn answers(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// Answers with this status per second.
    pub(crate) fn rate(&self, status: u16) -> f64 {
        *self.statuses.get(&status).unwrap_or(&0) as f64 / self.seconds
    }

    /// Answers of any status per second.
    pub(crate) fn rate_of_all(&self) -> f64 {
        self.answers() as f64 / self.seconds
    }

    /// Server processor microseconds per answer.
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.server_cpu * 1e6 / self.answers().max(1) as f64
    }

    /// A quantile of the latency in microseconds.
    pub(crate) fn micros(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1e3
    }
}

impl Load {
    /// Runs a script until the time is over or it has no more to send, then waits for what is
    /// still under way.
    pub(crate) fn run(&self, script: &mut impl Script) -> io::Result<Run> {
        let mut poll = Poll::new()?;
        let mut connections = Connection::open(self.address, self.connections, &poll)?;
        let begin = Moment::now().plus(self.warm_up);
        let end = begin.plus(self.measured);
        let mut meter = Meter::new(self.pid, begin, end)?;
        for connection in &mut connections {
            for _ in 0..self.depth {
                connection.ask(script, Moment::now());
            }
            connection.flush()?;
        }
        let mut events = Events::with_capacity(1024);
        let mut pending: usize = connections.iter().map(Connection::pending).sum();
        while pending > 0 {
            if !wait(&mut poll, &mut events, Duration::from_secs(30))? {
                continue;
            }
            if events.is_empty() {
                return Err(wire::odd("no answer for thirty seconds"));
            }
            let now = Moment::now();
            meter.tick(now)?;
            for event in &events {
                let connection = &mut connections[event.token().0];
                let before = connection.pending();
                if event.is_readable() {
                    let count = |reply: &Reply<'_>, sent| {
                        meter.count(reply.status, now, now.since(sent));
                    };
                    let answers = connection.receive(script, count)?;
                    let more = if now < end { answers } else { 0 };
                    for _ in 0..more {
                        if !connection.ask(script, Moment::now()) {
                            break;
                        }
                    }
                }
                connection.flush()?;
                pending = pending + connection.pending() - before;
            }
        }
        meter.finish()
    }
}

/// Waits for answers; false if a signal came first.
pub(crate) fn wait(poll: &mut Poll, events: &mut Events, longest: Duration) -> io::Result<bool> {
    match poll.poll(events, Some(longest)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            events.clear();
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Counts what falls into the measured time.
struct Meter {
    pid: u32,
    begin: Moment,
    end: Moment,
    statuses: BTreeMap<u16, u64>,
    latencies: Histogram<u64>,
    /// Moment and processor seconds of server and generator at the first and the last look.
    first: Option<(Moment, f64, f64)>,
    last: Option<(Moment, f64, f64)>,
}

impl Meter {
    fn new(pid: u32, begin: Moment, end: Moment) -> io::Result<Self> {
        let latencies = Histogram::new_with_max(LONGEST, 3).map_err(io::Error::other)?;
        let statuses = BTreeMap::new();
        Ok(Self { pid, begin, end, statuses, latencies, first: None, last: None })
    }

    fn look(&self, now: Moment) -> io::Result<(Moment, f64, f64)> {
        Ok((now, cpu_seconds(self.pid)?, cpu_seconds(std::process::id())?))
    }

    fn tick(&mut self, now: Moment) -> io::Result<()> {
        if now >= self.begin && self.first.is_none() {
            self.first = Some(self.look(now)?);
        }
        if now >= self.end && self.last.is_none() {
            self.last = Some(self.look(now)?);
        }
        Ok(())
    }

    fn count(&mut self, status: u16, now: Moment, latency: Duration) {
        if now >= self.begin && now < self.end {
            *self.statuses.entry(status).or_default() += 1;
            let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
            self.latencies.saturating_record(nanos);
        }
    }

    fn finish(self) -> io::Result<Run> {
        let now = self.look(Moment::now())?;
        let (first, last) = (self.first.unwrap_or(now), self.last.unwrap_or(now));
        Ok(Run {
            seconds: last.0.since(first.0).as_secs_f64().max(1e-9),
            statuses: self.statuses,
            latencies: self.latencies,
            server_cpu: last.1 - first.1,
            own_cpu: last.2 - first.2,
        })
    }
}
