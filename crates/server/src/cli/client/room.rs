//! The live room as a terminal attends it: Socket.IO over a WebSocket, texts only. Asks for the
//! time every few seconds, so that silence means something. Knows no auction: what is said there,
//! whoever attends makes sense of.

use super::{ANSWER, Silence, Visitor};
use crate::cli::output::Failure;
use crate::{chance, tasks};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::header::{CONNECTION, HOST, UPGRADE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::Full;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// How often the house is asked for the time.
const SYNC: Duration = Duration::from_secs(5);

/// How long an answer may take before nobody is there.
const LOST: Duration = Duration::from_secs(10);

/// A message longer than this is none of a house.
const LONGEST: usize = 4 * 1024 * 1024;

const PATH: &str = "/socket.io/?EIO=4&transport=websocket";
const KEY: &str = "sec-websocket-key";
const ACCEPT: &str = "sec-websocket-accept";

/// The number of the question that lets us in; later ones ask for the time.
const JOIN: u64 = 0;

/// A seat in the room of an auction.
pub struct Room {
    io: TokioIo<Upgraded>,
    read: BytesMut,
    syncs: tokio::time::Interval,
    questions: u64,
    /// When the question left that has no answer yet.
    asked: Option<Instant>,
}

/// What is said there.
pub struct Said {
    /// What it is; `sync` is the answer to a question of ours.
    pub event: String,
    /// What it says.
    pub about: Value,
    /// When the question left that this answers.
    pub asked: Option<Instant>,
}

impl Visitor {
    /// Takes a seat in the room of an auction, inside of a runtime.
    ///
    /// # Errors
    /// If the house cannot be reached, or does not let us in.
    pub async fn attend(&self, auction: i64) -> Result<Room, Failure> {
        let entered = timeout(ANSWER, self.enter(auction)).await;
        let entered = entered.unwrap_or_else(|_| Err(Silence::Lost("no answer".to_owned())));
        entered.map_err(|silence| self.unreachable(&silence))
    }

    async fn enter(&self, auction: i64) -> Result<Room, Silence> {
        let key = STANDARD.encode(chance::bytes::<16>());
        let request = Request::get(PATH)
            .header(HOST, &self.authority)
            .header(UPGRADE, "websocket")
            .header(CONNECTION, "Upgrade")
            .header("sec-websocket-version", "13")
            .header(KEY, &key)
            .body(Full::new(Bytes::new()))
            .map_err(|error| Silence::Unreachable(error.to_string()))?;
        let (mut sender, connection) = self.connect().await?;
        let connection = async move { drop(connection.with_upgrades().await) };
        drop(tasks::spawn("a connection, until it is a WebSocket", connection));
        let lost = |error: &dyn std::fmt::Display| Silence::Lost(error.to_string());
        let response = sender.send_request(request).await.map_err(|error| lost(&error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS
            || !accepts(response.headers(), &key)
        {
            return Err(lost(&"the live room is not open"));
        }
        let io = TokioIo::new(hyper::upgrade::on(response).await.map_err(|error| lost(&error))?);
        let mut syncs = interval(SYNC);
        syncs.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Nothing is asked before we are let in.
        let asked = Some(Instant::now());
        let mut room = Room { io, read: BytesMut::new(), syncs, questions: JOIN, asked };
        let auth = self.token.as_ref().map(|token| json!({ "token": token }).to_string());
        room.send(&format!("40{}", auth.unwrap_or_default())).await.ok_or_else(|| lost(&"gone"))?;
        while room.next().await.ok_or_else(|| lost(&"not let in"))?.event != "connected" {}
        room.asked = None;
        room.syncs.reset_immediately();
        let join = json!(["join_auction", { "auction_id": auction }]);
        room.send(&format!("42{JOIN}{join}")).await.ok_or_else(|| lost(&"gone"))?;
        Ok(room)
    }
}

/// Whether whoever answered has read our handshake.
fn accepts(headers: &HeaderMap, key: &str) -> bool {
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(key.as_bytes());
    digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = STANDARD.encode(digest.finish());
    headers.get(ACCEPT).is_some_and(|said| said.as_bytes() == accept.as_bytes())
}

impl Room {
    /// The next thing that is said; none once the house has gone, or does not want us here.
    pub async fn next(&mut self) -> Option<Said> {
        loop {
            while let Some((kind, body)) = frame(&mut self.read) {
                match kind {
                    0x1 => {
                        let text = String::from_utf8(body.to_vec()).ok()?;
                        if let Some(said) = self.hear(&text).await? {
                            return Some(said);
                        }
                    }
                    0x9 => self.write(0xA, &body).await?,
                    0x8 => return None,
                    _ => {} // not ours: a byte
                }
            }
            let silent = self.asked.is_some_and(|asked| asked.elapsed() > LOST);
            if silent || self.read.len() > LONGEST {
                return None;
            }
            tokio::select! {
                read = self.io.read_buf(&mut self.read) => {
                    read.ok().filter(|read| *read > 0)?;
                }
                _ = self.syncs.tick() => self.sync().await?,
            }
        }
    }

    async fn sync(&mut self) -> Option<()> {
        if self.asked.is_some() {
            return Some(());
        }
        self.questions += 1;
        self.asked = Some(Instant::now());
        self.send(&format!("42{}[\"sync\",{{}}]", self.questions)).await
    }

    /// What a packet says to whoever attends; none if that is the end.
    async fn hear(&mut self, text: &str) -> Option<Option<Said>> {
        let said = |text: &str| serde_json::from_str::<Vec<Value>>(text).unwrap_or_default();
        let start = text.find('[').unwrap_or(text.len());
        let (head, body) = text.split_at(start);
        match head.get(..2).unwrap_or(head) {
            "2" => self.send("3").await.map(|()| None),
            "42" => {
                let mut said = said(body).into_iter();
                let event = said.next()?.as_str()?.to_owned();
                let about = said.next().unwrap_or_default();
                Some(Some(Said { event, about, asked: None }))
            }
            "43" => {
                let answer = said(body).into_iter().next()?;
                let about = answer.get("body").cloned().unwrap_or_default();
                if head.get(2..) == Some("0") {
                    let let_in = answer.get("status").and_then(Value::as_u64) == Some(200);
                    return let_in.then_some(None);
                }
                let asked = self.asked.take();
                Some(Some(Said { event: "sync".to_owned(), about, asked }))
            }
            "44" | "41" | "1" => None,
            _ => Some(None), // not ours: a packet that is no event
        }
    }

    async fn send(&mut self, text: &str) -> Option<()> {
        self.write(0x1, text.as_bytes()).await
    }

    async fn write(&mut self, kind: u8, body: &[u8]) -> Option<()> {
        let mask = chance::bytes::<4>();
        let mut bytes = BytesMut::with_capacity(body.len() + 8);
        bytes.put_u8(0x80 | kind);
        match u8::try_from(body.len()) {
            Ok(length @ ..126) => bytes.put_u8(0x80 | length),
            Ok(_) | Err(_) => {
                bytes.put_u8(0x80 | 126);
                bytes.put_u16(u16::try_from(body.len()).ok()?);
            }
        }
        bytes.put_slice(&mask);
        bytes.extend(body.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        let sent = async {
            self.io.write_all(&bytes).await?;
            self.io.flush().await
        };
        timeout(LOST, sent).await.ok()?.ok()
    }
}

/// Takes a frame of the house's out of what has arrived, if it is whole: its kind and its body.
fn frame(from: &mut BytesMut) -> Option<(u8, Bytes)> {
    let [first, second, rest @ ..] = &from[..] else { return None };
    let (kind, short) = (first & 0x0F, usize::from(second & 0x7F));
    let (head, length) = match short {
        126 => (4, usize::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?),
        short => (2, short),
    };
    if from.len() < head || from.len() - head < length {
        return None;
    }
    from.advance(head);
    Some((kind, from.split_to(length).freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_once_they_are_whole() {
        let long = [&[0x81, 126, 0, 200][..], &[b'x'; 200]].concat();
        let longer = [&[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &[b'y'; 65_536]].concat();
        let mut bytes = BytesMut::from(&[0x81, 1, b'2', 0x88, 0][..]);
        bytes.extend_from_slice(&long);
        bytes.extend_from_slice(&longer[..longer.len() - 1]);
        assert_eq!(frame(&mut bytes), Some((1, Bytes::from_static(b"2"))));
        assert_eq!(frame(&mut bytes), Some((8, Bytes::new())));
        assert_eq!(frame(&mut bytes).map(|(_, body)| body.len()), Some(200));
        assert_eq!(frame(&mut bytes), None);
        bytes.put_u8(b'y');
        assert_eq!(frame(&mut bytes).map(|(_, body)| body.len()), Some(65_536));
        assert!(bytes.is_empty());
    }
}
