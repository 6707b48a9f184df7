//! One of a crowd, from its first packet on. Never waits: it goes on when something has come.

use super::{Heard, PARTS, Way};
use crate::clock::wall_micros;
use crate::wire;
use memchr::memmem::find;
use mio::net::TcpStream;
use mio::{Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};

/// How far one has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Upgrading,
    /// He may say something.
    There,
}

/// What came of looking.
pub(super) enum Happened {
    News,
    /// The server has hung up.
    Over,
}

/// One of a crowd.
pub(super) struct Member {
    socket: TcpStream,
    stage: Stage,
    index: usize,
    input: Vec<u8>,
    pub(super) tries: u32,
    /// Whether he was told how the auction stands.
    pub(super) is_in: bool,
    /// The version and price that he was shown last.
    pub(super) shown: Option<(i64, i64)>,
    /// How many updates he got, by part of the run.
    pub(super) updates: [u64; PARTS],
}

const HANDSHAKE: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: house\r\n\
    upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

impl Member {
    pub(super) fn begin(way: &Way, index: usize, poll: &Poll, tries: u32) -> io::Result<Self> {
        let mut socket = TcpStream::connect(way.address)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut socket, Token(index), interest)?;
        Ok(Self {
            socket,
            stage: Stage::Connecting,
            index,
            input: Vec::new(),
            tries,
            is_in: false,
            shown: None,
            updates: [0; PARTS],
        })
    }

    /// Readiness is told once: reads until nothing is left.
    pub(super) fn receive(
        &mut self,
        chunk: &mut [u8],
        way: &Way,
        mut heard: Option<(usize, &mut Heard)>,
    ) -> io::Result<Happened> {
        if self.stage == Stage::Connecting {
            if let Some(error) = self.socket.take_error()? {
                return Err(error);
            }
            if self.socket.peer_addr().is_err() {
                return Ok(Happened::News);
            }
            self.socket.set_nodelay(true)?;
            self.socket.write_all(HANDSHAKE)?;
            self.stage = Stage::Upgrading;
        }
        loop {
            match self.socket.read(chunk) {
                Ok(0) => return Ok(Happened::Over),
                Ok(count) => {
                    self.input.extend_from_slice(&chunk[..count]);
                    self.digest(way, &mut heard)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Happened::News),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes the reply to the handshake, then whole frames.
    fn digest(&mut self, way: &Way, heard: &mut Option<(usize, &mut Heard)>) -> io::Result<()> {
        let mut taken = 0;
        if self.stage == Stage::Upgrading {
            let Some(end) = find(&self.input, b"\r\n\r\n") else { return Ok(()) };
            if !self.input.starts_with(b"HTTP/1.1 101") {
                let said = String::from_utf8_lossy(&self.input).into_owned();
                return Err(io::Error::other(format!("no WebSocket was to be had: {said}")));
            }
            taken = end + 4;
            self.stage = Stage::There;
            let token = way.tokens.get(self.index % way.tokens.len().max(1));
            let shows = token.map(|token| format!("{{\"token\":\"{token}\"}}"));
            self.say(&format!("40{}", shows.unwrap_or_default()))?;
        }
        while let Some((head, length)) = head(&self.input[taken..]) {
            let body = taken + head..taken + head + length;
            let Some(text) = self.input.get(body.clone()) else { break };
            let answer = match text {
                b"2" => Some("3"),
                _ if text.starts_with(b"42[\"connected\"") => Some(&*way.join),
                _ if text.starts_with(b"44") => return Err(wire::odd("somebody was refused")),
                _ => {
                    self.take(body, heard)?;
                    None
                }
            };
            if let Some(answer) = answer {
                self.say(answer)?;
            }
            taken += head + length;
        }
        self.input.drain(..taken);
        Ok(())
    }

    /// Takes what is said of the auction.
    fn take(
        &mut self,
        body: std::ops::Range<usize>,
        heard: &mut Option<(usize, &mut Heard)>,
    ) -> io::Result<()> {
        let text = &self.input[body];
        let joins = text.starts_with(b"42[\"joined_auction\"");
        if !joins && !text.starts_with(b"42[\"bid_update\"") {
            return Ok(());
        }
        self.is_in |= joins;
        let price = if joins { "\"price\":" } else { "\"high_bid\":" };
        self.shown = wire::number(text, "\"version\":").zip(wire::number(text, price));
        if let (false, Some((part, heard))) = (joins, heard) {
            self.updates[*part] += 1;
            heard.updates += 1;
            let late = sent(text).map(|sent| (wall_micros() - sent).max(0).unsigned_abs());
            let late = late.ok_or_else(|| wire::odd("an update without a time"))?;
            heard.late.record(late * 1_000).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.socket.write_all(&frame(text))
    }
}

/// When an update says that it was made, in microseconds.
fn sent(text: &[u8]) -> Option<i64> {
    let key = b"\"server_time\":\"";
    let from = find(text, key)? + key.len();
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
