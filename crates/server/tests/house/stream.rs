//! A client of event streams, of few lines: reads one message after the other, and notices the end.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An event stream that is open.
pub struct Watch {
    reader: BufReader<TcpStream>,
    /// The head of the reply.
    pub head: String,
    chunks: Vec<u8>,
}

/// A message of a stream.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub id: Option<u64>,
    pub event: String,
    /// The data as it came.
    pub data: String,
}

impl Message {
    /// The data as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Watch {
    /// Asks for a stream, with these further header lines; none if the house is gone.
    pub fn open(house: SocketAddr, path: &str, headers: &str) -> Option<Self> {
        let mut stream = TcpStream::connect(house).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {house}\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).ok().filter(|read| *read > 0)?;
        }
        Some(Self { reader, head, chunks: Vec::new() })
    }

    /// The status of the reply.
    pub fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    /// Everything up to the next empty line; none at the end.
    fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.chunks.windows(2).position(|two| two == b"\n\n") {
                let rest = self.chunks.split_off(end + 2);
                let block = std::mem::replace(&mut self.chunks, rest);
                return String::from_utf8(block).ok();
            }
            let mut line = String::new();
            self.reader.read_line(&mut line).ok()?;
            let length =
                usize::from_str_radix(line.trim(), 16).ok().filter(|length| *length > 0)?;
            let mut chunk = vec![0; length + 2];
            self.reader.read_exact(&mut chunk).ok()?;
            self.chunks.extend_from_slice(&chunk[..length]);
        }
    }

    /// The next message; none at the end.
    pub fn next(&mut self) -> Option<Message> {
        loop {
            let block = self.block()?;
            let mut message = Message::default();
            for line in block.lines() {
                match line.split_once(": ") {
                    Some(("id", id)) => message.id = id.parse().ok(),
                    Some(("event", event)) => event.clone_into(&mut message.event),
                    Some(("data", data)) => message.data.push_str(data),
                    Some(("retry", _) | ("", _)) | None => {}
                    Some(other) => panic!("{other:?}"),
                }
            }
            if !message.data.is_empty() {
                return Some(message);
            }
        }
    }
}
