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
use std::time::Duration;
use tokio::sync::Notify;

/// Frames that wait at most.
const FRAMES: usize = 256;

/// Bytes that wait at most.
const BYTES: usize = 256 * 1024;

/// From so many frames on only the newest state is kept, and what comes again soon is left out.
const CALM: usize = 16;

/// How often, and how far apart, it is looked whether what waits was taken.
const LOOKS: u32 = 250;
const LOOK: Duration = Duration::from_millis(20);

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

    /// Whether there is no crowd; there is none any more when all is over.
    pub(super) fn is_calm(&self) -> bool {
        let inner = self.inner();
        inner.ended || inner.queue.len() < CALM
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

    /// Waits until most of the queue is free, so that whoever asks for much at once can take what
    /// he is answered; if he does not, he lags.
    pub(super) async fn mostly_free(&self) {
        for _look in 0..LOOKS {
            if self.inner().is_mostly_free() {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        self.lag();
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
    const fn is_mostly_free(&self) -> bool {
        self.ended || (self.queue.len() <= FRAMES / 4 && self.bytes <= BYTES / 4)
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_auction::time::Time;

    fn auction() -> AuctionId {
        AuctionId::new(7).unwrap()
    }

    /// One who was let in at version 1.
    fn seated() -> Outbox {
        let outbox = Outbox::new();
        assert!(outbox.seat(&Room::new(auction(), Time(0))));
        outbox.let_in(auction(), 1);
        outbox
    }

    fn state(version: Version) -> Bytes {
        frame::of_text(&format!("state {version}"))
    }

    /// What goes out: frames, and after which version whoever is behind is caught up.
    fn out(outbox: &Outbox) -> (Vec<String>, Vec<Version>) {
        let batch = outbox.take();
        let text = |frame: &Bytes| String::from_utf8(frame::text_of(frame).to_vec()).unwrap();
        let behind = batch.behind.iter().map(|(_, after)| *after).collect();
        (batch.frames.iter().map(text).collect(), behind)
    }

    #[test]
    fn who_keeps_up_gets_each_state_and_no_other_auction() {
        let outbox = seated();
        outbox.show(auction(), 1, 2, &state(2));
        outbox.show(AuctionId::new(8).unwrap(), 0, 1, &state(1));
        outbox.show(auction(), 2, 4, &state(4));
        outbox.show(auction(), 2, 4, &state(4));
        assert_eq!(out(&outbox), (vec!["state 2".to_owned(), "state 4".to_owned()], vec![]));
        assert_eq!(out(&outbox), (vec![], vec![]));
    }

    #[test]
    fn who_is_behind_gets_the_newest_over_what_he_missed() {
        let outbox = seated();
        (0..CALM).for_each(|_| outbox.say("x"));
        outbox.show(auction(), 1, 2, &state(2));
        outbox.push_if_calm(&state(0));
        assert_eq!(outbox.inner().queue.len(), CALM, "neither a state nor what comes again");
        let (frames, behind) = out(&outbox);
        assert_eq!((frames.len(), behind), (CALM, vec![1]));
        outbox.shown(auction(), 5);
        outbox.show(auction(), 4, 5, &state(5));
        assert_eq!(out(&outbox), (vec![], vec![]), "he has seen that");
        // One that he was left out of: the next covers it.
        outbox.show(auction(), 6, 7, &state(7));
        assert_eq!(out(&outbox), (vec![], vec![5]));
    }

    #[test]
    fn nothing_is_shown_before_one_was_let_in() {
        let outbox = Outbox::new();
        let room = Room::new(auction(), Time(0));
        assert!(outbox.seat(&room) && !outbox.seat(&room));
        outbox.show(auction(), 3, 4, &state(4));
        assert_eq!(out(&outbox), (vec![], vec![]));
        outbox.let_in(auction(), 3);
        assert_eq!(out(&outbox), (vec![], vec![3]));
    }

    #[test]
    fn a_full_queue_is_the_end() {
        let outbox = seated();
        (0..=FRAMES).for_each(|_| outbox.say("x"));
        assert!(outbox.has_lagged() && outbox.has_ended());
        outbox.say("too late");
        let batch = outbox.take();
        assert_eq!((batch.frames.len(), batch.ended), (1, true));
        assert!(frame::text_of(&batch.frames[0]).starts_with(b"42[\"lagging\""));
        let large = seated();
        large.say(&"x".repeat(BYTES));
        assert!(large.has_lagged());
    }
}
