//! Live subscribers: event streams of auctions, read by one thread until they are told to stop.
//! They count versions, note when an auction was seen to close, and believe nothing they did not
//! see: a hole between two versions is a fault.

use crate::client::Client;
use crate::clock::{Moment, wall_micros};
use crate::load::wait;
use crate::wire;
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What one subscriber saw.
pub(crate) struct Watched {
    pub(crate) auction: i64,
    /// The last version seen.
    pub(crate) version: i64,
    /// When it was seen to close, by the calendar, in microseconds.
    pub(crate) closed: Option<i64>,
}

/// Some who watch. They end with this value.
pub(crate) struct Watchers {
    stop: Arc<AtomicBool>,
    /// How late events came while that was noted, in nanoseconds; none: it is not.
    late: Late,
    thread: Option<JoinHandle<io::Result<Vec<Watched>>>>,
}

type Late = Arc<Mutex<Option<Histogram<u64>>>>;

struct Stream {
    socket: TcpStream,
    input: Vec<u8>,
    saw: Watched,
    ended: bool,
}

impl Watchers {
    /// Subscribes to each of these auctions; the server must take all of them.
    pub(crate) fn attach(address: SocketAddr, auctions: &[i64]) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut client = Client::connect(address)?;
        let open = |(index, auction)| Stream::open(address, index, auction, &poll, &mut client);
        let streams = auctions.iter().copied().enumerate().map(open);
        let streams = streams.collect::<io::Result<Vec<_>>>()?;
        let (stop, late) = (Arc::new(AtomicBool::new(false)), Late::default());
        let (told, noted) = (Arc::clone(&stop), Arc::clone(&late));
        let watch = move || watch(poll, streams, &told, &noted);
        let thread = std::thread::Builder::new().name("watchers".into()).spawn(watch)?;
        Ok(Self { stop, late, thread: Some(thread) })
    }

    /// From now on it is noted how late events come.
    pub(crate) fn note(&self) -> io::Result<()> {
        let none = Histogram::new(3).map_err(io::Error::other)?;
        *self.late.lock().unwrap_or_else(PoisonError::into_inner) = Some(none);
        Ok(())
    }

    /// How late they came since; from now on it is noted no more.
    pub(crate) fn noted(&self) -> io::Result<Histogram<u64>> {
        let late = self.late.lock().unwrap_or_else(PoisonError::into_inner).take();
        late.ok_or_else(|| wire::odd("nothing was noted"))
    }

    /// What they saw, once nothing more comes.
    pub(crate) fn finish(mut self) -> io::Result<Vec<Watched>> {
        self.stop.store(true, Ordering::Release);
        let saw = self.thread.take().map(JoinHandle::join);
        saw.and_then(Result::ok).ok_or_else(|| wire::odd("the watchers panicked"))?
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // A run that failed has said why already.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

impl Stream {
    fn open(
        address: SocketAddr,
        index: usize,
        auction: i64,
        poll: &Poll,
        client: &mut Client,
    ) -> io::Result<Self> {
        let (_, body) = client.get(&format!("/v1/auctions/{auction}"), None)?;
        let version = wire::number(&body, "\"version\":");
        let from = version.ok_or_else(|| wire::odd("an auction without a version"))?;
        let mut socket = std::net::TcpStream::connect(address)?;
        let mut request = Vec::new();
        wire::get(&mut request, &format!("/v1/auctions/{auction}/stream?after={from}"), None);
        socket.write_all(&request)?;
        let mut status = [0; 12];
        socket.read_exact(&mut status)?;
        if !status.ends_with(b" 200") {
            return Err(wire::odd("the server took no live subscriber"));
        }
        socket.set_nonblocking(true)?;
        let mut socket = TcpStream::from_std(socket);
        poll.registry().register(&mut socket, Token(index), Interest::READABLE)?;
        let saw = Watched { auction, version: from, closed: None };
        Ok(Self { socket, input: Vec::new(), saw, ended: false })
    }

    /// Readiness is told once: reads until nothing is left.
    fn receive(&mut self, now: i64, late: &mut Option<Histogram<u64>>) -> io::Result<()> {
        let mut chunk = [0; 1 << 14];
        while !self.ended {
            match self.socket.read(&mut chunk) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    self.input.extend_from_slice(&chunk[..count]);
                    self.digest(now, late)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes whole lines. Those of HTTP, which frames the pieces, look like none of ours.
    fn digest(&mut self, now: i64, late: &mut Option<Histogram<u64>>) -> io::Result<()> {
        let mut taken = 0;
        while let Some(length) = memchr::memchr(b'\n', &self.input[taken..]) {
            let line = &self.input[taken..taken + length];
            if line.starts_with(b"id: ") {
                let version = wire::number(line, "id: ").unwrap_or_default();
                if version != self.saw.version + 1 {
                    let (auction, last) = (self.saw.auction, self.saw.version);
                    let what = format!("auction {auction}: {version} was seen after {last}");
                    return Err(io::Error::other(what));
                }
                self.saw.version = version;
            } else if let (true, Some(late)) = (line.starts_with(b"data: "), &mut *late) {
                let made = wire::number(line, "\"at\":").unwrap_or_default();
                let nanos = (wall_micros() - made).max(0).unsigned_abs() * 1_000;
                late.record(nanos).map_err(io::Error::other)?;
            } else if line == b"event: closed" {
                self.saw.closed = Some(now);
            } else if line == b"event: end" {
                self.ended = true;
            }
            taken += length + 1;
        }
        self.input.drain(..taken);
        Ok(())
    }
}

/// Reads whatever comes, until told to stop and nothing has come for a while.
fn watch(
    mut poll: Poll,
    mut streams: Vec<Stream>,
    stop: &AtomicBool,
    late: &Late,
) -> io::Result<Vec<Watched>> {
    let mut events = Events::with_capacity(1024);
    let mut heard = Moment::now();
    loop {
        wait(&mut poll, &mut events, Duration::from_millis(50))?;
        let now = wall_micros();
        let mut late = late.lock().unwrap_or_else(PoisonError::into_inner);
        for event in &events {
            streams[event.token().0].receive(now, &mut late)?;
        }
        drop(late);
        if !events.is_empty() {
            heard = Moment::now();
        }
        if stop.load(Ordering::Acquire) && heard.elapsed() > Duration::from_millis(300) {
            return Ok(streams.into_iter().map(|stream| stream.saw).collect());
        }
    }
}
