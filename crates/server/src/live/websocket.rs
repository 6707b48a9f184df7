//! A session carried by a WebSocket: one task for each, that writes what waits and reads what is
//! said, one message after the other. Whoever does not take what he is sent is cut off. Knows no
//! event.

use super::door::{Wrong, greeting};
use super::frame::{self, Heard, Reader};
use super::session::{Carrier, Session};
use super::talk::{self, Gone};
use crate::house::House;
use crate::tasks;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{HeaderName, Request, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const KEY: HeaderName = HeaderName::from_static("sec-websocket-key");
const VERSION: HeaderName = HeaderName::from_static("sec-websocket-version");
const ACCEPT: HeaderName = HeaderName::from_static("sec-websocket-accept");

/// How long a client may take for what he is sent before he is too slow; after the same time again
/// he is cut off.
const SLOW: Duration = Duration::from_secs(5);

/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long it may take until a WebSocket has taken over.
const TAKE_OVER: Duration = Duration::from_secs(10);

/// Bytes that are read at once at first.
const READ: usize = 512;

type Io = TokioIo<Upgraded>;

/// What a client's handshake is answered with.
pub(crate) struct Key(HeaderValue);

impl Key {
    /// The key of a handshake, if the request is one.
    pub(crate) fn of(parts: &Parts) -> Option<Self> {
        let says = |name: &HeaderName, word: &str| says(&parts.headers, name, word);
        let key = parts.headers.get(KEY).filter(|_| {
            says(&UPGRADE, "websocket") && says(&CONNECTION, "upgrade") && says(&VERSION, "13")
        })?;
        let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        digest.update(key.as_bytes());
        digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        let accept = STANDARD.encode(digest.finish());
        parts.extensions.get::<OnUpgrade>()?;
        Some(Self(HeaderValue::try_from(accept).expect("base64 is a header value")))
    }

    /// The reply that ends the handshake.
    pub(crate) fn reply(&self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(ACCEPT, self.0.clone());
        response
    }
}

/// Whether a header lists a word.
fn says(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(word))
}

/// A session that is a WebSocket from its beginning.
pub(super) fn open(house: House, session: Arc<Session>, parts: Parts, key: &Key) -> Response {
    let serving = async move {
        let upgraded = hyper::upgrade::on(Request::from_parts(parts, ())).await;
        if let Ok(upgraded) = upgraded {
            session.outbox.say_first(&greeting(&session));
            Wire::new(&house, &session, upgraded).pump().await;
        }
        house.live.remove(&house, &session);
    };
    drop(tasks::spawn("a WebSocket lives as long as its client", serving));
    key.reply()
}

/// A WebSocket takes a session over that was carried by requests.
pub(super) fn take_over(house: House, session: Arc<Session>, parts: Parts) -> Response {
    let Some(key) = Key::of(&parts) else { return Wrong::Request.into_response() };
    if session.carrier() != Carrier::Polling {
        return Wrong::Request.into_response();
    }
    let serving = async move {
        let upgraded = hyper::upgrade::on(Request::from_parts(parts, ())).await;
        let Ok(upgraded) = upgraded else { return };
        let mut wire = Wire::new(&house, &session, upgraded);
        if timeout(TAKE_OVER, wire.take_over()).await.is_ok_and(|taken| taken.is_some()) {
            wire.pump().await;
            house.live.remove(&house, &session);
        } else {
            session.change(Carrier::Changing, Carrier::Polling);
        }
    };
    drop(tasks::spawn("a WebSocket lives as long as its client", serving));
    key.reply()
}

/// Something a client has said that is being dealt with.
type Work<'a> = Pin<Box<dyn Future<Output = Result<(), Gone>> + Send + 'a>>;

/// A WebSocket and its session.
struct Wire<'a> {
    house: &'a House,
    session: &'a Arc<Session>,
    io: Io,
    reader: Reader,
    arrived: BytesMut,
}

/// Why there is nothing more to do.
struct Over;

impl<'a> Wire<'a> {
    fn new(house: &'a House, session: &'a Arc<Session>, upgraded: Upgraded) -> Self {
        let (io, reader, arrived) = (TokioIo::new(upgraded), Reader::default(), BytesMut::new());
        Self { house, session, io, reader, arrived }
    }

    /// Asks and answers whether there is a way through, and takes over.
    async fn take_over(&mut self) -> Option<()> {
        if self.text().await? != "2probe" {
            return None;
        }
        // Whoever waits for news is let go, so that nothing is sent by two ways.
        if !self.session.change(Carrier::Polling, Carrier::Changing) {
            return None;
        }
        self.io.write_all(&frame::of_text("3probe")).await.ok()?;
        self.io.flush().await.ok()?;
        let taken = self.text().await? == "5";
        (taken && self.session.change(Carrier::Changing, Carrier::WebSocket)).then_some(())
    }

    /// The next text.
    async fn text(&mut self) -> Option<String> {
        loop {
            match self.reader.next(&mut self.arrived).ok()? {
                Some(Heard::Text(text)) => return Some(text),
                Some(Heard::Close) => return None,
                Some(Heard::Ping(_) | Heard::Pong) => {}
                None => {
                    let read = self.io.read_buf(&mut self.arrived).await.ok()?;
                    if read == 0 {
                        return None;
                    }
                }
            }
        }
    }

    /// Writes and reads until either side ends it.
    async fn pump(mut self) {
        let mut work: Option<Work<'_>> = None;
        if self.write().await.is_err() {
            return;
        }
        loop {
            if work.is_none() {
                match self.reader.next(&mut self.arrived) {
                    Ok(Some(Heard::Text(text))) => work = self.begin(text),
                    Ok(Some(Heard::Ping(pong))) => self.session.outbox.push(pong),
                    Ok(Some(Heard::Pong)) => {}
                    Ok(Some(Heard::Close)) => return self.part(1000).await,
                    Ok(None) => {
                        if self.wait(&mut None).await.is_err() {
                            return;
                        }
                    }
                    Err(frame::Broken) => return self.part(1002).await,
                }
                continue;
            }
            if self.wait(&mut work).await.is_err() {
                return;
            }
        }
    }

    /// Begins to deal with what was said; what needs no dealing with is done at once.
    fn begin(&self, text: String) -> Option<Work<'a>> {
        if text == "3" {
            self.session.heard();
            return None;
        }
        let (house, session) = (self.house, self.session);
        Some(Box::pin(async move { talk::hear(house, session, &text).await }))
    }

    /// Does the next thing that can be done.
    async fn wait(&mut self, work: &mut Option<Work<'_>>) -> Result<(), Over> {
        enum Next {
            Write,
            Done(Result<(), Gone>),
            Read(std::io::Result<usize>),
        }
        self.arrived.reserve(READ);
        let reads = work.is_none();
        let next = tokio::select! {
            biased;
            () = self.session.outbox.news() => Next::Write,
            done = deal(work) => Next::Done(done),
            read = self.io.read_buf(&mut self.arrived), if reads => Next::Read(read),
        };
        match next {
            Next::Write => self.write().await,
            Next::Done(done) => {
                *work = None;
                match done {
                    Ok(()) => Ok(()),
                    Err(Gone::Left) => {
                        self.part(1000).await;
                        Err(Over)
                    }
                    Err(Gone::Broken) => {
                        self.part(1002).await;
                        Err(Over)
                    }
                }
            }
            Next::Read(Ok(0) | Err(_)) => Err(Over),
            Next::Read(Ok(_)) => Ok(()),
        }
    }

    /// Writes what waits.
    async fn write(&mut self) -> Result<(), Over> {
        let mut batch = self.session.outbox.take();
        let behind = std::mem::take(&mut batch.behind);
        batch.frames.extend(talk::caught_up(self.house, self.session, behind).await);
        if batch.ended {
            batch.frames.push(frame::close(1000));
            self.end(batch.frames).await;
            return Err(Over);
        }
        if batch.frames.is_empty() {
            return Ok(());
        }
        let outbox = &self.session.outbox;
        let sending = send(&mut self.io, batch.frames);
        tokio::pin!(sending);
        let sent = tokio::select! {
            biased;
            sent = timeout(SLOW, &mut sending) => sent,
            () = outbox.ended() => Ok(timeout(LAST_WORDS, &mut sending).await.map_err(|_| Over)?),
        };
        match sent {
            Ok(sent) => sent.map_err(|_| Over),
            Err(_) => {
                outbox.lag();
                timeout(SLOW, sending).await.map_err(|_| Over)?.map_err(|_| Over)
            }
        }
    }

    /// Goes, with this word.
    async fn part(&mut self, code: u16) {
        self.end(vec![frame::close(code)]).await;
    }

    /// Says the last words; whoever does not take them goes without them.
    async fn end(&mut self, last: Vec<Bytes>) {
        let io = &mut self.io;
        let taken = timeout(LAST_WORDS, async {
            send(io, last).await?;
            io.shutdown().await
        });
        if !matches!(taken.await, Ok(Ok(()))) {
            return;
        }
        // A connection that is dropped with something unread is reset, and its last words are lost.
        let mut unread = [0; 1024];
        let heard_out = async { while matches!(io.read(&mut unread).await, Ok(1..)) {} };
        let _late = timeout(LAST_WORDS, heard_out).await;
    }
}

/// Waits for what is being dealt with.
async fn deal(work: &mut Option<Work<'_>>) -> Result<(), Gone> {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

async fn send(io: &mut Io, mut frames: Vec<Bytes>) -> std::io::Result<()> {
    if let [only] = &mut frames[..] {
        io.write_all(only).await?;
    } else {
        io.write_all(&frames.concat()).await?;
    }
    io.flush().await
}
