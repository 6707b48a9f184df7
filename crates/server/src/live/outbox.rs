//! What waits to be sent on one socket, bounded by `gavel_engine::hub::waiting`: wakes whoever
//! sends it, and has the last words for those who lag. Knows no transport.

use super::frame;
use super::packet::event_text;
use super::room::Room;
use bytes::Bytes;
use gavel_auction::ids::{AuctionId, Version};
use gavel_engine::hub::waiting::{self, Bounds, Waiting};
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

type Inner = Waiting<Bytes, Arc<Room>>;

/// What is to be sent next.
pub(super) type Batch = waiting::Batch<Bytes, Arc<Room>>;

impl Outbox {
    /// Nothing waits.
    pub(super) fn new() -> Self {
        let inner = Mutex::new(Waiting::new(Bounds { frames: FRAMES, bytes: BYTES, calm: CALM }));
        Self { inner, news: Notify::new(), ending: Notify::new() }
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
        let frame = frame::of_text(text);
        let bytes = frame.len();
        self.inner().push_first(frame, bytes);
    }

    /// Queues what must not be lost; a full queue is the end.
    pub(super) fn push(&self, frame: Bytes) {
        let bytes = frame.len();
        if self.inner().push(frame, bytes) {
            self.news.notify_one();
        } else {
            self.lag();
        }
    }

    /// Whether there is no crowd; there is none any more when all is over.
    pub(super) fn is_calm(&self) -> bool {
        let inner = self.inner();
        inner.has_ended() || inner.is_calm()
    }

    /// Queues what comes again soon, if there is no crowd.
    pub(super) fn push_if_calm(&self, frame: &Bytes) {
        if self.inner().push_if_calm(frame.clone(), frame.len()) {
            self.news.notify_one();
        }
    }

    /// Shows how an auction stands, to one who has seen it up to `after`.
    pub(super) fn show(&self, auction: AuctionId, after: Version, version: Version, frame: &Bytes) {
        let frame = || (frame.clone(), frame.len());
        if self.inner().show(auction, (after, version), frame) {
            self.news.notify_one();
        }
    }

    /// He was shown an auction up to this version.
    pub(super) fn shown(&self, auction: AuctionId, version: Version) {
        self.inner().shown(auction, version);
    }

    /// Takes a place in a room, where nothing is shown yet; false if he has one already.
    pub(super) fn seat(&self, room: &Arc<Room>) -> bool {
        self.inner().seat(room.auction, Arc::clone(room))
    }

    /// From here on he is shown what comes after this version.
    pub(super) fn let_in(&self, auction: AuctionId, version: Version) {
        self.inner().let_in(auction, version);
        self.news.notify_one();
    }

    /// Gives a place up.
    pub(super) fn unseat(&self, auction: AuctionId) -> Option<Arc<Room>> {
        self.inner().unseat(auction)
    }

    /// Gives all places up.
    pub(super) fn unseat_all(&self) -> Vec<Arc<Room>> {
        self.inner().unseat_all()
    }

    /// Whether he has a place in a room.
    pub(super) fn is_seated(&self, auction: AuctionId) -> bool {
        self.inner().is_seated(auction)
    }

    /// In how many rooms he is.
    pub(super) fn seats(&self) -> usize {
        self.inner().seats()
    }

    /// These are the last words; what waits goes out before them.
    pub(super) fn end(&self, last: &[String]) {
        let frames = last.iter().map(|text| frame::of_text(text));
        self.inner().end(frames.map(|frame| (frame.clone(), frame.len())));
        self.ending.notify_waiters();
        self.news.notify_one();
    }

    /// Whoever is this slow is told so, and goes.
    pub(super) fn lag(&self) {
        let about = json!({ "reason": "what was sent was not taken in time" });
        self.inner().lag(frame::of_text(&event_text("lagging", &about)));
        self.ending.notify_waiters();
        self.news.notify_one();
    }

    /// Whether it was said that these are the last words.
    pub(super) fn has_ended(&self) -> bool {
        self.inner().has_ended()
    }

    /// Whether he was told that he lags.
    pub(super) fn has_lagged(&self) -> bool {
        self.inner().has_lagged()
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
        self.inner().take()
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
        assert_eq!(outbox.inner().len(), CALM, "neither a state nor what comes again");
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
