//! Watching an auction: its public log as it grows, as server-sent events (SSE). Each version once
//! and in order, or the stream says why it ends; whoever comes back goes on where he was. Carries
//! the same bytes to everybody, and nothing hidden to anybody.

use super::ask::known;
use super::extract::Of;
use crate::house::House;
use crate::http::Peer;
use crate::http::actor::{Caller, SignedIn};
use crate::http::error::Problem;
use crate::http::query::Query;
use crate::http::time::print;
use crate::places::Place;
use crate::{chance, observe};
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream::unfold;
use gavel_auction::ids::{AuctionId, MAX_EXACT, Version};
use gavel_auction::view::Head;
use gavel_engine::feed::{Ended, Live, Subscription};
use http::HeaderName;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, interval_at};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How often a quiet stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Bytes from which on events that are at hand wait for the next piece.
const PIECE: usize = 32 * 1024;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(stream))
}

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamQuery {
    /// Everything after this version, 0 for all; from now on if it is left out. `Last-Event-ID`
    /// goes before it.
    #[param(value_type = Option<u64>)]
    after: Option<Version>,
}

/// The last event that a client has seen, as it says when it comes back.
pub(crate) struct LastEventId(Option<Version>);

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let wrong = || Problem::malformed("Last-Event-ID", "A version: digits and nothing else.");
        let mut values = parts.headers.get_all("last-event-id").iter();
        let text = match (values.next(), values.next()) {
            (None, _) => return Ok(Self(None)),
            (Some(value), None) => value.to_str().map_err(|_| wrong())?.trim(),
            (Some(_), Some(_)) => return Err(wrong()),
        };
        if text.is_empty() {
            return Ok(Self(None));
        }
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let id = text.parse().ok().filter(|id| digits && *id <= MAX_EXACT.unsigned_abs());
        id.map(|id| Self(Some(id))).ok_or_else(wrong)
    }
}

/// Watches an auction.
///
/// Server-sent events. `id` is the version, `event` the kind, `data` an item of
/// `/v1/auctions/{auction}/events` without `open`; every version after the named one comes once and
/// in order. Two messages stand outside the versions: `reset` says that the named version is not
/// of this history (its `version` is where the stream goes on: look at the auction anew), and `end`
/// says why the stream ends: `lagged` (too slow), `stopping` (the house closes), `signed_out`,
/// `failed`. After each `end` a client may come back with `Last-Event-ID`. A comment comes every 15
/// seconds.
#[utoipa::path(get, path = "/v1/auctions/{auction}/stream", tag = "auctions",
    params(("auction" = i64, Path), StreamQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "the last version seen")),
    responses((status = 200, description = "the events, until either side ends it",
        body = String, content_type = "text/event-stream")))]
pub(crate) async fn stream(
    State(house): State<House>,
    Of(auction): Of,
    caller: Caller,
    peer: Peer,
    LastEventId(last): LastEventId,
    Query(query): Query<StreamQuery>,
) -> Result<Response, Problem> {
    let head = known(&house, auction, &caller.viewer()).await?;
    let place = house.streams.take(peer.0).ok_or_else(|| Problem::rate_limited(5))?;
    let watching = Watching::begin(house, &head, caller.0, last.or(query.after), place);
    let pieces = unfold(watching, |watching| async {
        watching.piece().await.map(|(piece, watching)| (Ok::<_, Infallible>(piece), watching))
    });
    let buffered = HeaderName::from_static("x-accel-buffering");
    let headers = [(CONTENT_TYPE, "text/event-stream"), (buffered, "no")];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// Somebody who watches an auction.
struct Watching {
    house: House,
    auction: AuctionId,
    feed: Subscription,
    /// What goes out before everything else.
    greeting: Option<Bytes>,
    /// Who it is, while not everybody may watch.
    only_for: Option<SignedIn>,
    /// Who it is, if he came with a token: the stream ends with it.
    by: Option<SignedIn>,
    stopping: watch::Receiver<bool>,
    /// Turns when somebody's session ends, or he is shut out.
    sign_ins: watch::Receiver<u64>,
    heart: Interval,
    ended: bool,
    _place: Place,
}

impl Watching {
    fn begin(
        house: House,
        head: &Head,
        caller: Option<SignedIn>,
        after: Option<Version>,
        place: Place,
    ) -> Self {
        let auction = head.auction;
        // Everybody comes back at a moment of his own.
        let retry = 1_000 + u16::from_be_bytes(chance::bytes()) % 2_000;
        let mut greeting = format!("retry: {retry}\n\n");
        let known = after.unwrap_or(head.version);
        let from = known.min(head.version);
        if known > from {
            let about = json!({ "reason": "not_yet", "named": known, "version": from });
            greeting += &message(&house, "reset", Some(from), about);
        }
        Self {
            feed: house.engine.subscribe(auction, from),
            auction,
            greeting: Some(Bytes::from(greeting)),
            only_for: caller.clone().filter(|_| !head.announced),
            by: caller,
            sign_ins: house.sign_ins.watch(),
            stopping: house.stopping.clone(),
            heart: interval_at(Instant::now() + HEARTBEAT, HEARTBEAT),
            ended: false,
            _place: place,
            house,
        }
    }

    /// The next piece of the stream; none after the last.
    async fn piece(mut self) -> Option<(Bytes, Self)> {
        if let Some(greeting) = self.greeting.take() {
            return Some((greeting, self));
        }
        if self.ended {
            return None;
        }
        let next = loop {
            let next = tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stopping| *stopping) => Some(Err("stopping")),
                _ = self.sign_ins.changed(), if self.by.is_some() => None,
                next = self.feed.next() => Some(next.map(Some).map_err(|ended| reason(&ended))),
                _ = self.heart.tick() => Some(Ok(None)),
            };
            match next {
                Some(next) => break next,
                None if self.is_signed_in().await => {}
                None => break Err("signed_out"),
            }
        };
        let beat = matches!(next, Ok(None));
        let gone = beat && !self.is_signed_in().await;
        let next = if self.may_watch().await && !gone { next } else { Err("signed_out") };
        let piece = match next {
            Ok(Some(live)) => self.events(&live),
            Ok(None) => Bytes::from(format!(": {}\n\n", print(self.house.now()))),
            Err(reason) => {
                self.ended = true;
                let about = self.about_end(reason).await;
                Bytes::from(message(&self.house, "end", None, about))
            }
        };
        Some((piece, self))
    }

    /// This event and those that are at hand.
    fn events(&mut self, first: &Arc<Live>) -> Bytes {
        let mut piece = first.form(frame);
        let mut several = BytesMut::new();
        while piece.len() + several.len() < PIECE
            && let Some(live) = self.feed.at_hand()
        {
            several.extend_from_slice(&piece);
            piece = live.form(frame);
        }
        if several.is_empty() {
            return piece;
        }
        several.extend_from_slice(&piece);
        several.freeze()
    }

    /// Whether whoever came with a token still has one that is good.
    async fn is_signed_in(&self) -> bool {
        let Some(by) = &self.by else { return true };
        let still = self.house.signed_in(&by.token).await;
        // A store that does not answer has said nothing against him.
        still.map_or(true, |still| still.is_some_and(|still| !still.banned))
    }

    /// Drafts are watched by those who may know of them, while they are signed in.
    async fn may_watch(&mut self) -> bool {
        let Some(by) = &self.only_for else { return true };
        let Ok(Some(head)) = self.house.head(self.auction).await else { return true };
        if head.announced {
            self.only_for = None;
            return true;
        }
        let still = self.house.signed_in(&by.token).await.ok().flatten();
        let viewer = still.map(|by| by.viewer()).unwrap_or_default();
        head.is_known_to(&viewer)
    }

    async fn about_end(&self, reason: &str) -> Value {
        let head = self.house.head(self.auction).await.ok().flatten();
        let end = head.and_then(|head| head.effective_end()).map(print);
        json!({ "reason": reason, "effective_end": end })
    }
}

fn reason(ended: &Ended) -> &'static str {
    match ended {
        Ended::Lagged => {
            observe::stream_lagged();
            "lagged"
        }
        Ended::Stopping => "stopping",
        Ended::Unreadable(error) => {
            observe::store_failed("log", error);
            "failed"
        }
    }
}

/// A message that stands outside the versions.
fn message(house: &House, event: &str, id: Option<Version>, mut about: Value) -> String {
    about["server_time"] = json!(print(house.now()));
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {event}\ndata: {about}\n\n")
}

/// An event as it goes out. Its public part is canonical JSON and so has no line ends.
fn frame(live: &Live) -> Bytes {
    #[derive(Deserialize)]
    struct Named<'a> {
        kind: &'a str,
    }
    let kind =
        serde_json::from_slice::<Named<'_>>(&live.public).map_or("event", |named| named.kind);
    let mut frame = Vec::with_capacity(live.public.len() + 160);
    frame.extend_from_slice(format!("id: {}\nevent: {kind}\ndata: ", live.version).as_bytes());
    frame.extend_from_slice(b"{\"event\":");
    frame.extend_from_slice(&live.public);
    frame.extend_from_slice(format!(",\"hash\":\"{}\"}}\n\n", live.hash).as_bytes());
    Bytes::from(frame)
}
