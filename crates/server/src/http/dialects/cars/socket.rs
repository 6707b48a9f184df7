//! The highest bid of each auction, pushed by WebSocket: a client says which auctions
//! (`{"subscribe": [1, 2]}`, or `"all"` that are live), and is told how each stands now and
//! whenever that has changed, one JSON object a message. What it is told is a state, made when
//! there is time for it, so that nothing piles up for a slow client. Knows no event.

use super::auctions::{heads, status};
use super::millis;
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
use gavel_auction::ids::AuctionId;
use gavel_auction::money::Amount;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

/// Auctions that one client follows at most.
const MOST: usize = 1_000;

/// How long lies between two looks at least.
const REST: Duration = Duration::from_millis(50);

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

#[derive(Deserialize)]
#[serde(untagged)]
enum Which {
    Of(Vec<AuctionId>),
    One(AuctionId),
    Word(All),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum All {
    All,
}

/// How an auction stands.
#[derive(Clone, PartialEq, Eq, Serialize)]
struct Stands {
    auction: AuctionId,
    max_bid: Option<Amount>,
    bid_count: u64,
    end_time: Option<i64>,
    status: &'static str,
}

/// Whom to tell what.
struct Line {
    desk: Desk,
    io: TokioIo<Upgraded>,
    reader: Reader,
    arrived: BytesMut,
    /// What was told last of each auction that is followed.
    told: BTreeMap<AuctionId, Option<Stands>>,
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
            let (arrived, told) = (BytesMut::new(), BTreeMap::new());
            Line { desk, io, reader, arrived, told }.serve().await;
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
            let engine = self.desk.house.engine.clone();
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
                () = news(&engine, seen) => {
                    seen = engine.commits();
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
        let (begins, which) = match said {
            Said::Subscribe(which) => (true, which),
            Said::Unsubscribe(which) => (false, which),
        };
        let auctions = match which {
            Which::Of(auctions) => auctions,
            Which::One(auction) => vec![auction],
            Which::Word(All::All) if begins => live(self.desk.clone()).await,
            Which::Word(All::All) => self.told.keys().copied().collect(),
        };
        for auction in auctions {
            if !begins {
                self.told.remove(&auction);
            } else if self.told.len() < MOST {
                self.told.entry(auction).or_default();
            }
        }
        Ok(())
    }

    /// Tells of what has changed.
    async fn tell(&mut self) -> Result<(), Over> {
        let mut frames = Vec::new();
        let followed: Vec<AuctionId> = self.told.keys().copied().collect();
        for auction in followed {
            let Ok(head) = self.desk.head(auction).await else {
                self.told.remove(&auction);
                let gone = serde_json::json!({ "auction": auction, "error": "not_found" });
                frames.extend_from_slice(&frame::of_text(&gone.to_string()));
                continue;
            };
            let view = self.desk.view(&head);
            let stands = Stands {
                auction,
                max_bid: view.price,
                bid_count: view.bid_count,
                end_time: head.effective_end().map(millis),
                status: status(&self.desk, &head),
            };
            let told = self.told.entry(auction).or_default();
            if told.as_ref() != Some(&stands) {
                let text = serde_json::to_string(&stands).expect("a standing is JSON");
                frames.extend_from_slice(&frame::of_text(&text));
                *told = Some(stands);
            }
        }
        if frames.is_empty() { Ok(()) } else { self.send(&frames).await }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let sending = async {
            self.io.write_all(bytes).await?;
            self.io.flush().await
        };
        timeout(SLOW, sending).await.map_err(|_| Over)?.map_err(|_| Over)
    }
}

/// Waits until something has been committed, and a moment longer.
async fn news(engine: &gavel_engine::engine::Engine, seen: u64) {
    engine.committed_since(seen).await;
    sleep(REST).await;
}

/// The auctions that are live now.
async fn live(desk: Desk) -> Vec<AuctionId> {
    let house = desk.house.clone();
    let found = house.aside(move |_| heads(&desk, None, MOST)).await;
    let found = found.and_then(|found| found).unwrap_or_default();
    found.iter().map(|head| head.auction).collect()
}
