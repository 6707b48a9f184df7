//! Server-sent events as a client reads them: one message after the other, and a sign of life where
//! the house sends nothing but a comment. Knows no auction.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;
use tokio::time::timeout;

/// A house that says nothing for so long is gone: it sends a comment every 15 seconds.
const SILENCE: Duration = Duration::from_secs(40);

/// A message longer than this is none of a house.
const LONGEST: usize = 4 * 1024 * 1024;

/// A stream of messages.
pub struct Messages {
    body: Incoming,
    read: Vec<u8>,
}

/// A message; a mere sign of life has no event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The version that it brings.
    pub id: Option<u64>,
    /// What it is.
    pub event: String,
    /// What it says.
    pub data: String,
}

impl Messages {
    pub(super) const fn of(body: Incoming) -> Self {
        Self { body, read: Vec::new() }
    }

    /// The next message; none if the stream has ended or the house has gone. May be dropped while
    /// it waits; nothing is lost by that.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(end) = self.read.windows(2).position(|two| two == b"\n\n") {
                let rest = self.read.split_off(end + 2);
                let block = std::mem::replace(&mut self.read, rest);
                return Some(read(&String::from_utf8_lossy(&block)));
            }
            let more = self.more().await.filter(|_| self.read.len() < LONGEST)?;
            self.read.extend_from_slice(&more);
        }
    }

    async fn more(&mut self) -> Option<Bytes> {
        let frame = timeout(SILENCE, self.body.frame()).await.ok()??;
        Some(frame.ok()?.into_data().unwrap_or_default())
    }
}

fn read(block: &str) -> Message {
    let mut message = Message::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => message.id = id.parse().ok(),
            Some(("event", event)) => event.clone_into(&mut message.event),
            Some(("data", data)) => message.data.push_str(data),
            Some(_) | None => {}
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_and_comments_are_signs_of_life() {
        let (event, data) = ("bid_placed".to_owned(), "{\"a\": 1}".to_owned());
        let block = "id: 5\nevent: bid_placed\ndata: {\"a\": 1}\n\n";
        assert_eq!(read(block), Message { id: Some(5), event, data });
        assert_eq!(read(": 2026-01-01T00:00:00Z\n\n"), Message::default());
        assert_eq!(read("retry: 1000\n\n"), Message::default());
    }
}
