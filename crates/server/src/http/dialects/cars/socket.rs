//! The highest bid of each auction, pushed by a plain WebSocket: a client says which auctions
//! (`{"subscribe": [1, 2]}`, or `"all"` that are live), and is told how each stands now and
//! whenever that has changed, one JSON object a message. Knows no event.

use super::standing::{Followed, Which};
use crate::http::Peer;
use crate::http::dialects::desk::Desk;
use crate::http::error::Problem;
use crate::live::frame::{self, Heard, Reader};
use crate::live::session::{PING_EVERY, PONG_WITHIN};
use crate::live::websocket::Key;
use crate::tasks;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

/// How long a client may take for what it is sent.
const SLOW: Duration = Duration::from_secs(5);

/// How long a client may be silent before it is asked whether it is there.
const SILENT: Duration = Duration::from_micros(PING_EVERY.unsigned_abs());

/// How long it may be silent after that.
const ASKED: Duration = Duration::from_micros(PONG_WITHIN.unsigned_abs());

/// What a client says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Said {
    Subscribe(Which),
    Unsubscribe(Which),
}

/// Whom to tell what.
struct Line {
    desk: Desk,
    io: TokioIo<Upgraded>,
    reader: Reader,
    arrived: BytesMut,
    followed: Followed,
}

/// There is nothing more to do.
struct Over;

pub(super) async fn listen(State(desk): State<Desk>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Some(key) = Key::of(&parts) else {
        return Problem::malformed("Upgrade", "WebSockets come in here.").into_response();
    };
    let Peer(from) = Peer::of(&parts);
    let Some(place) = desk.house.live.begun.take(from) else {
        return Problem::rate_limited(5).into_response();
    };
    let serving = async move {
        let _place = place;
        if let Ok(upgraded) = hyper::upgrade::on(Request::from_parts(parts, ())).await {
            let (io, reader) = (TokioIo::new(upgraded), Reader::default());
            let (arrived, followed) = (BytesMut::new(), Followed::default());
            Line { desk, io, reader, arrived, followed }.serve().await;
        }
    };
    drop(tasks::spawn("a WebSocket lives as long as its client", serving));
    key.reply()
}

impl Line {
    /// Reads and tells until either side ends it, or the client is silent for too long.
    async fn serve(mut self) {
        let mut stopping = self.desk.house.stopping.clone();
        let mut seen = self.desk.house.engine.commits();
        let (mut silence, mut asked) = (Box::pin(sleep(SILENT)), false);
        loop {
            let house = self.desk.house.clone();
            let turn = tokio::select! {
                biased;
                () = async { drop(stopping.wait_for(|stopping| *stopping).await) } => break,
                read = self.io.read_buf(&mut self.arrived) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {
                        silence.set(sleep(SILENT));
                        asked = false;
                        self.hear().await
                    }
                },
                () = &mut silence => {
                    if asked {
                        break;
                    }
                    silence.set(sleep(ASKED));
                    asked = true;
                    self.send(&frame::ping()).await
                }
                () = self.followed.ripens(&house, seen) => {
                    seen = house.engine.commits();
                    self.tell().await
                }
            };
            if turn.is_err() {
                break;
            }
        }
        let _taken = timeout(SLOW, self.io.write_all(&frame::close(1000))).await;
    }

    /// Deals with what has arrived.
    async fn hear(&mut self) -> Result<(), Over> {
        loop {
            match self.reader.next(&mut self.arrived).map_err(|_| Over)? {
                None => return self.tell().await,
                Some(Heard::Close) => return Err(Over),
                Some(Heard::Pong) => {}
                Some(Heard::Ping(pong)) => self.send(&pong).await?,
                Some(Heard::Text(text)) => self.follow(&text).await?,
            }
        }
    }

    async fn follow(&mut self, text: &str) -> Result<(), Over> {
        let Ok(said) = crate::http::body::parse::<Said>(text.as_bytes()) else {
            let wanted = r#"{"error":"{\"subscribe\": [1, 2]}, or \"all\"; or unsubscribe"}"#;
            return self.send(&frame::of_text(wanted)).await;
        };
        match said {
            Said::Subscribe(which) => self.followed.begin(&self.desk, which).await,
            Said::Unsubscribe(which) => self.followed.end(&which),
        }
        Ok(())
    }

    /// Tells of what has changed.
    async fn tell(&mut self) -> Result<(), Over> {
        let news = self.followed.news(&self.desk, usize::MAX).await;
        if news.is_empty() {
            return Ok(());
        }
        let frames: Vec<_> =
            news.iter().map(|stands| frame::of_text(&stands.to_string())).collect();
        self.send(&frames.concat()).await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let sending = async {
            self.io.write_all(bytes).await?;
            self.io.flush().await
        };
        timeout(SLOW, sending).await.map_err(|_| Over)?.map_err(|_| Over)
    }
}
