//! A crowd in the live room: thousands of Socket.IO clients over WebSockets, read by one thread.
//! They answer pings, count updates and note how late each came, by the time that stands in it.

use crate::clock::{Moment, wall_micros};
use crate::load::wait;
use crate::wire;
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a crowd heard while it was measured.
pub(crate) struct Heard {
    /// Updates, of all together.
    pub(crate) updates: u64,
    /// How late they came, in nanoseconds.
    pub(crate) late: Histogram<u64>,
    /// Updates of the one who got fewest, and of the one who got most.
    pub(crate) fewest: u64,
    pub(crate) most: u64,
}

/// Some who are in the live room. They end with this value.
pub(crate) struct Crowd {
    measuring: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    /// How many were told how the auction stands.
    inside: Arc<AtomicUsize>,
    count: usize,
    thread: Option<JoinHandle<io::Result<Heard>>>,
}

/// What a crowd and whoever leads it tell each other.
struct Signs {
    measuring: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    inside: Arc<AtomicUsize>,
}

struct Client {
    socket: TcpStream,
    input: Vec<u8>,
    updates: u64,
}

const HANDSHAKE: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: house\r\n\
    upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

impl Crowd {
    /// So many come in, and into one room by saying this; the server must take all of them.
    pub(crate) fn attach(address: SocketAddr, count: usize, join: &str) -> io::Result<Self> {
        let poll = Poll::new()?;
        let come = |index| Client::come(address, index, join, &poll);
        let clients = (0..count).map(come).collect::<io::Result<Vec<_>>>()?;
        let (measuring, stop, inside) = (Arc::default(), Arc::default(), Arc::default());
        let signs = Signs {
            measuring: Arc::clone(&measuring),
            stop: Arc::clone(&stop),
            inside: Arc::clone(&inside),
        };
        let listen = move || listen(poll, clients, &signs);
        let thread = std::thread::Builder::new().name("crowd".into()).spawn(listen)?;
        Ok(Self { measuring, stop, inside, count, thread: Some(thread) })
    }

    /// Waits until all have been told how the auction stands; false if that takes too long.
    pub(crate) fn is_inside(&self, longest: Duration) -> bool {
        let begin = Moment::now();
        while self.inside.load(Ordering::Acquire) < self.count {
            if begin.elapsed() > longest {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// From now on what they hear counts, or no more.
    pub(crate) fn measure(&self, whether: bool) {
        self.measuring.store(whether, Ordering::Release);
    }

    /// What they heard.
    pub(crate) fn finish(mut self) -> io::Result<Heard> {
        self.stop.store(true, Ordering::Release);
        let heard = self.thread.take().map(JoinHandle::join);
        heard.and_then(Result::ok).ok_or_else(|| wire::odd("the crowd panicked"))?
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // A run that failed has said why already.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

impl Client {
    fn come(address: SocketAddr, index: usize, join: &str, poll: &Poll) -> io::Result<Self> {
        let mut socket = std::net::TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(30)))?;
        socket.write_all(HANDSHAKE)?;
        let mut reader = BufReader::new(&socket);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 101") {
            return Err(io::Error::other(format!("no WebSocket was to be had: {line}")));
        }
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line)?;
        }
        let mut input = reader.buffer().to_vec();
        socket.write_all(&frame("40"))?;
        // Nobody is heard before he was let in.
        let mut chunk = [0; 1024];
        while memchr::memmem::find(&input, b"40{").is_none() {
            match socket.read(&mut chunk)? {
                0 => return Err(wire::odd("the live room did not let somebody in")),
                count => input.extend_from_slice(&chunk[..count]),
            }
        }
        socket.write_all(&frame(join))?;
        socket.set_nonblocking(true)?;
        let mut socket = TcpStream::from_std(socket);
        poll.registry().register(&mut socket, Token(index), Interest::READABLE)?;
        Ok(Self { socket, input, updates: 0 })
    }

    /// Reads until nothing is left. True if the server has hung up.
    fn receive(&mut self, chunk: &mut [u8], heard: &mut Heard, signs: &Signs) -> io::Result<bool> {
        loop {
            match self.socket.read(chunk) {
                Ok(0) => return Ok(true),
                Ok(count) => {
                    self.input.extend_from_slice(&chunk[..count]);
                    self.digest(heard, signs)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes whole frames.
    fn digest(&mut self, heard: &mut Heard, signs: &Signs) -> io::Result<()> {
        let counts = signs.measuring.load(Ordering::Acquire);
        let mut taken = 0;
        while let Some((head, length)) = head(&self.input[taken..]) {
            let Some(text) = self.input.get(taken + head..taken + head + length) else { break };
            if text == b"2" {
                self.socket.write_all(&frame("3"))?;
            } else if text.starts_with(b"42[\"joined_auction\"") {
                signs.inside.fetch_add(1, Ordering::AcqRel);
            } else if text.starts_with(b"42[\"bid_update\"") && counts {
                self.updates += 1;
                heard.updates += 1;
                let late = sent(text).map(|sent| (wall_micros() - sent).max(0).unsigned_abs());
                let late = late.ok_or_else(|| wire::odd("an update without a time"))?;
                heard.late.record(late * 1_000).map_err(io::Error::other)?;
            }
            taken += head + length;
        }
        self.input.drain(..taken);
        Ok(())
    }
}

/// When an update says that it was made, in microseconds.
fn sent(text: &[u8]) -> Option<i64> {
    let key = b"\"server_time\":\"";
    let from = memchr::memmem::find(text, key)? + key.len();
    let stamp = std::str::from_utf8(text.get(from..from + 27)?).ok()?;
    Some(stamp.parse::<jiff::Timestamp>().ok()?.as_microsecond())
}

/// The bytes of a frame's head, and of what follows it.
fn head(bytes: &[u8]) -> Option<(usize, usize)> {
    match bytes {
        [_, 126, a, b, ..] => Some((4, usize::from(u16::from_be_bytes([*a, *b])))),
        [_, 126 | 127, ..] | [] | [_] => None,
        [_, length, ..] => Some((2, usize::from(*length))),
    }
}

/// A short text as a client's frame.
fn frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

/// Reads whatever comes, until told to stop.
fn listen(mut poll: Poll, mut clients: Vec<Client>, signs: &Signs) -> io::Result<Heard> {
    let mut events = Events::with_capacity(4096);
    let mut chunk = [0; 1 << 14];
    let late = Histogram::new(3).map_err(io::Error::other)?;
    let mut heard = Heard { updates: 0, late, fewest: 0, most: 0 };
    while !signs.stop.load(Ordering::Acquire) {
        wait(&mut poll, &mut events, Duration::from_millis(50))?;
        for event in &events {
            if clients[event.token().0].receive(&mut chunk, &mut heard, signs)? {
                return Err(wire::odd("the live room let somebody go"));
            }
        }
    }
    heard.fewest = clients.iter().map(|client| client.updates).min().unwrap_or(0);
    heard.most = clients.iter().map(|client| client.updates).max().unwrap_or(0);
    Ok(heard)
}
