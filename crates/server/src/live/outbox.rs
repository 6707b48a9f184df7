//! What waits to be sent on one socket: bounded. What must not be lost has a place in a queue; of
//! what an auction looks like only the newest counts, so whoever does not keep up gets that,
//! covering what he missed; whoever lets the queue fill is told that he lags, and goes. Knows no
//! transport.

use super::frame;
use super::packet::event_text;
use super::room::Room;
use bytes::Bytes;
use gavel_auction::ids::{AuctionId, Version};
use serde_json::json;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Frames that wait at most.
const FRAMES: usize = 256;

/// Bytes that wait at most.
const BYTES: usize = 256 * 1024;

/// From so many frames on only the newest state is kept, and what comes again soon is left out.
const CALM: usize = 16;

/// What waits to be sent on a socket.
pub(super) struct Outbox {
    inner: Mutex<Inner>,
    news: Notify,
    ending: Notify,
}

#[derive(Default)]
struct Inner {
    queue: Vec<Bytes>,
    bytes: usize,
    seats: Vec<Seat>,
    ended: bool,
    lagged: bool,
}

/// A place in a room.
struct Seat {
    room: Arc<Room>,
    /// Up to which version he was shown it, or will be by what waits.
    sent: Version,
    /// Nothing is shown before he was let in.
    held: bool,
    behind: bool,
}

/// What is to be sent next.
#[derive(Default)]
pub(super) struct Batch {
    /// In this order.
    pub(super) frames: Vec<Bytes>,
    /// Then how these rooms stand now, to one who has seen them up to there.
    pub(super) behind: Vec<(Arc<Room>, Version)>,
    /// And then nothing more.
    pub(super) ended: bool,
}

impl Outbox {
    /// Nothing waits.
    pub(super) fn new() -> Self {
        Self { inner: Mutex::default(), news: Notify::new(), ending: Notify::new() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a text that must not be lost.
    pub(super) fn say(&self, text: &str) {
        self.push(frame::of_text(text));
    }

    /// Queues a text before everything else.
    pub(super) fn say_first(&self, text: &str) {
        let mut inner = self.inner();
        let frame = frame::of_text(text);
        inner.bytes += frame.len();
        inner.queue.insert(0, frame);
    }

    /// Queues what must not be lost; a full queue is the end.
    pub(super) fn push(&self, frame: Bytes) {
        let mut inner = self.inner();
        if inner.ended {
            return;
        }
        if inner.queue.len() >= FRAMES || inner.bytes + frame.len() > BYTES {
            inner.lag();
            drop(inner);
            self.ending.notify_waiters();
        } else {
            inner.put(frame);
            drop(inner);
        }
        self.news.notify_one();
    }

    /// Queues what comes again soon, if there is no crowd.
    pub(super) fn push_if_calm(&self, frame: &Bytes) {
        let mut inner = self.inner();
        if inner.ended || inner.queue.len() >= CALM {
            return;
        }
        inner.put(frame.clone());
        drop(inner);
        self.news.notify_one();
    }

    /// Shows how an auction stands, to one who has seen it up to `after`.
    pub(super) fn show(&self, auction: AuctionId, after: Version, version: Version, frame: &Bytes) {
        let mut inner = self.inner();
        let calm = inner.queue.len() < CALM && !inner.ended;
        let Some(seat) = inner.seats.iter_mut().find(|seat| seat.room.auction == auction) else {
            return;
        };
        if seat.sent >= version {
            return;
        }
        if !calm || seat.held || seat.behind || seat.sent < after {
            seat.behind = true;
        } else {
            seat.sent = version;
            inner.put(frame.clone());
        }
        drop(inner);
        self.news.notify_one();
    }

    /// He was shown an auction up to this version.
    pub(super) fn shown(&self, auction: AuctionId, version: Version) {
        let mut inner = self.inner();
        if let Some(seat) = inner.seats.iter_mut().find(|seat| seat.room.auction == auction) {
            seat.sent = seat.sent.max(version);
        }
    }

    /// Takes a place in a room, where nothing is shown yet; false if he has one already.
    pub(super) fn seat(&self, room: &Arc<Room>) -> bool {
        let mut inner = self.inner();
        if inner.ended || inner.seats.iter().any(|seat| seat.room.auction == room.auction) {
            return false;
        }
        let seat = Seat { room: Arc::clone(room), sent: 0, held: true, behind: false };
        inner.seats.push(seat);
        true
    }

    /// From here on he is shown what comes after this version.
    pub(super) fn let_in(&self, auction: AuctionId, version: Version) {
        let mut inner = self.inner();
        if let Some(seat) = inner.seats.iter_mut().find(|seat| seat.room.auction == auction) {
            (seat.held, seat.sent) = (false, version);
        }
        drop(inner);
        self.news.notify_one();
    }

    /// Gives a place up.
    pub(super) fn unseat(&self, auction: AuctionId) -> Option<Arc<Room>> {
        let mut inner = self.inner();
        let place = inner.seats.iter().position(|seat| seat.room.auction == auction)?;
        Some(inner.seats.swap_remove(place).room)
    }

    /// Gives all places up.
    pub(super) fn unseat_all(&self) -> Vec<Arc<Room>> {
        let seats = std::mem::take(&mut self.inner().seats);
        seats.into_iter().map(|seat| seat.room).collect()
    }

    /// Whether he has a place in a room.
    pub(super) fn is_seated(&self, auction: AuctionId) -> bool {
        self.inner().seats.iter().any(|seat| seat.room.auction == auction)
    }

    /// In how many rooms he is.
    pub(super) fn seats(&self) -> usize {
        self.inner().seats.len()
    }

    /// These are the last words; what waits goes out before them.
    pub(super) fn end(&self, last: &[String]) {
        let mut inner = self.inner();
        if !inner.ended {
            last.iter().for_each(|text| inner.put(frame::of_text(text)));
            inner.ended = true;
        }
        drop(inner);
        self.ending.notify_waiters();
        self.news.notify_one();
    }

    /// Whoever is this slow is told so, and goes.
    pub(super) fn lag(&self) {
        let mut inner = self.inner();
        if !inner.ended {
            inner.lag();
        }
        drop(inner);
        self.ending.notify_waiters();
        self.news.notify_one();
    }

    /// Whether it was said that these are the last words.
    pub(super) fn has_ended(&self) -> bool {
        self.inner().ended
    }

    /// Whether he was told that he lags.
    pub(super) fn has_lagged(&self) -> bool {
        self.inner().lagged
    }

    /// Waits until it has been said that these are the last words.
    pub(super) async fn ended(&self) {
        let ending = self.ending.notified();
        tokio::pin!(ending);
        ending.as_mut().enable();
        if !self.has_ended() {
            ending.await;
        }
    }

    /// Waits until there may be something to send.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// Has whoever waits look.
    pub(super) fn look(&self) {
        self.news.notify_one();
    }

    /// Takes what is to be sent next.
    pub(super) fn take(&self) -> Batch {
        let mut inner = self.inner();
        let frames = std::mem::take(&mut inner.queue);
        inner.bytes = 0;
        let ended = inner.ended;
        let waiting = inner.seats.iter_mut().filter(|seat| seat.behind && !seat.held && !ended);
        let behind = waiting.map(|seat| {
            seat.behind = false;
            (Arc::clone(&seat.room), seat.sent)
        });
        let behind = behind.collect();
        Batch { frames, behind, ended }
    }
}

impl Inner {
    fn put(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.queue.push(frame);
    }

    /// Nothing of what waits would come in time.
    fn lag(&mut self) {
        let about = json!({ "reason": "what was sent was not taken in time" });
        self.queue = vec![frame::of_text(&event_text("lagging", &about))];
        (self.bytes, self.ended, self.lagged) = (0, true, true);
    }
}
