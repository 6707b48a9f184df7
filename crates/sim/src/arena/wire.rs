//! One connection to the house, one request at a time, over plain sockets: JSON requests, and event
//! streams. Tells a request that cannot have arrived from one that may have; knows no auction.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection that is kept.
pub(crate) struct Line {
    reader: BufReader<TcpStream>,
}

/// What to send.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
    pub(crate) body: &'a str,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

fn broken(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}

impl Line {
    /// Connects; nobody waits longer than `patience` for anything on it.
    pub(crate) fn to(house: SocketAddr, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&house, patience)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// Sends a request and reads its reply. After an error the connection is of no more use, and
    /// the request may or may not have arrived.
    pub(crate) fn ask(&mut self, request: &Request<'_>) -> io::Result<Reply> {
        self.send(request, "")?;
        let (status, length) = self.head()?;
        let length = length.ok_or_else(|| broken("a reply without length"))?;
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        Ok(Reply { status, body })
    }

    fn send(&mut self, request: &Request<'_>, more: &str) -> io::Result<()> {
        let Request { method, path, token, key, body } = request;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: house\r\n{more}");
        if let Some(token) = token {
            head += &format!("authorization: Bearer {token}\r\n");
        }
        if let Some(key) = key {
            head += &format!("idempotency-key: {key}\r\n");
        }
        if !body.is_empty() {
            head += "content-type: application/json\r\n";
        }
        head += &format!("content-length: {}\r\n\r\n{body}", body.len());
        self.reader.get_mut().write_all(head.as_bytes())
    }

    /// Status and length of a reply.
    fn head(&mut self) -> io::Result<(u16, Option<usize>)> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| broken("no status"))?;
        let mut length = None;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok((status, length));
            }
            let (name, value) = line.split_once(':').ok_or_else(|| broken("no header"))?;
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(broken("the house hung up"));
        }
        Ok(line.trim_end().to_owned())
    }

    /// Turns the connection into an event stream after a version; none if it was refused.
    pub(crate) fn watch(mut self, path: &str, after: u64) -> io::Result<Option<Stream>> {
        let request = Request { method: "GET", path, ..Request::default() };
        self.send(&request, &format!("last-event-id: {after}\r\n"))?;
        let (status, _) = self.head()?;
        Ok((status == 200).then(|| Stream { line: self, text: Vec::new() }))
    }
}

/// An event stream.
pub(crate) struct Stream {
    line: Line,
    text: Vec<u8>,
}

/// One message of it.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) id: Option<u64>,
    pub(crate) event: String,
    pub(crate) data: String,
}

impl Stream {
    /// The next message; an error when the stream ends, or nothing comes for too long.
    pub(crate) fn next(&mut self) -> io::Result<Message> {
        loop {
            if let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                let rest = self.text.split_off(end + 2);
                let block = std::mem::replace(&mut self.text, rest);
                if let Some(message) = read(&block) {
                    return Ok(message);
                }
                continue;
            }
            let length = usize::from_str_radix(&self.line.line()?, 16);
            let length = length.ok().filter(|length| *length > 0);
            let length = length.ok_or_else(|| broken("the stream ended"))?;
            let mut chunk = vec![0; length + 2];
            self.line.reader.read_exact(&mut chunk)?;
            self.text.extend_from_slice(&chunk[..length]);
        }
    }
}

/// A message of lines; none if it is only a comment.
fn read(block: &[u8]) -> Option<Message> {
    let mut message = Message::default();
    for line in std::str::from_utf8(block).ok()?.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => message.id = id.parse().ok(),
            Some(("event", event)) => event.clone_into(&mut message.event),
            Some(("data", data)) => message.data.push_str(data),
            Some(_) | None => {}
        }
    }
    (!message.data.is_empty()).then_some(message)
}
