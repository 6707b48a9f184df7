//! What waits for one who watches: bounded. What must not be lost has a place in a queue; of how an
//! auction stands only the newest counts, so whoever does not keep up gets that, covering what he
//! missed; whoever lets the queue fill is told that he lags, and goes. `F` is what is sent, `R` a
//! room. Wakes nobody and sends nothing.

use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::mutant;

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Frames.
    pub frames: usize,
    /// Bytes.
    pub bytes: usize,
    /// From so many frames on only the newest state is kept, and what comes again soon is left out.
    pub calm: usize,
}

/// What waits for one who watches.
#[derive(Debug)]
pub struct Waiting<F, R> {
    bounds: Bounds,
    queue: Vec<F>,
    bytes: usize,
    seats: Vec<Seat<R>>,
    ended: bool,
    lagged: bool,
}

/// A place in a room.
#[derive(Debug)]
struct Seat<R> {
    auction: AuctionId,
    room: R,
    /// Up to which version he was shown it, or will be by what waits.
    sent: Version,
    /// Nothing is shown before he was let in.
    held: bool,
    behind: bool,
}

/// What is to be sent next.
#[derive(Debug)]
pub struct Batch<F, R> {
    /// In this order.
    pub frames: Vec<F>,
    /// Then how these rooms stand now, to one who has seen them up to there.
    pub behind: Vec<(R, Version)>,
    /// And then nothing more.
    pub ended: bool,
}

impl<F, R: Clone> Waiting<F, R> {
    /// Nothing waits.
    #[must_use]
    pub const fn new(bounds: Bounds) -> Self {
        Self { bounds, queue: Vec::new(), bytes: 0, seats: Vec::new(), ended: false, lagged: false }
    }

    /// Queues what must not be lost; false if there is no room for it.
    #[must_use]
    pub fn push(&mut self, frame: F, bytes: usize) -> bool {
        if self.ended {
            return true;
        }
        let full = self.queue.len() >= self.bounds.frames || self.bytes + bytes > self.bounds.bytes;
        if full {
            return mutant::on("full_queue_drops");
        }
        self.put(frame, bytes);
        true
    }

    /// Queues what goes before everything else.
    pub fn push_first(&mut self, frame: F, bytes: usize) {
        self.bytes += bytes;
        self.queue.insert(0, frame);
    }

    /// Queues what comes again soon, if there is no crowd; whether it did.
    pub fn push_if_calm(&mut self, frame: F, bytes: usize) -> bool {
        let calm = self.is_calm();
        if calm {
            self.put(frame, bytes);
        }
        calm
    }

    /// Shows how an auction stands, to one who has seen it up to `after`. Whether he has to look.
    pub fn show(
        &mut self,
        auction: AuctionId,
        (after, version): (Version, Version),
        frame: impl FnOnce() -> (F, usize),
    ) -> bool {
        let calm = self.is_calm();
        let Some(seat) = self.seat_in(auction) else { return false };
        if seat.sent >= version {
            return false;
        }
        if !calm || seat.held || seat.behind || seat.sent < after {
            seat.behind = !mutant::on("who_is_behind_stays_behind");
        } else {
            seat.sent = version;
            let (frame, bytes) = frame();
            self.put(frame, bytes);
        }
        true
    }

    /// He was shown an auction up to this version.
    pub fn shown(&mut self, auction: AuctionId, version: Version) {
        if let Some(seat) = self.seat_in(auction) {
            seat.sent = seat.sent.max(version);
        }
    }

    /// Takes a place in a room, where nothing is shown yet; false if he has one already.
    pub fn seat(&mut self, auction: AuctionId, room: R) -> bool {
        if self.ended || self.is_seated(auction) {
            return false;
        }
        let held = !mutant::on("shown_before_let_in");
        self.seats.push(Seat { auction, room, sent: 0, held, behind: false });
        true
    }

    /// From here on he is shown what comes after this version.
    pub fn let_in(&mut self, auction: AuctionId, version: Version) {
        if let Some(seat) = self.seat_in(auction) {
            (seat.held, seat.sent) = (false, version);
        }
    }

    /// Gives a place up.
    pub fn unseat(&mut self, auction: AuctionId) -> Option<R> {
        let place = self.seats.iter().position(|seat| seat.auction == auction)?;
        Some(self.seats.swap_remove(place).room)
    }

    /// Gives all places up.
    pub fn unseat_all(&mut self) -> Vec<R> {
        std::mem::take(&mut self.seats).into_iter().map(|seat| seat.room).collect()
    }

    /// Whether he has a place in a room.
    #[must_use]
    pub fn is_seated(&self, auction: AuctionId) -> bool {
        self.seats.iter().any(|seat| seat.auction == auction)
    }

    /// Whether he was let into a room.
    #[must_use]
    pub fn is_let_in(&self, auction: AuctionId) -> bool {
        self.seats.iter().any(|seat| seat.auction == auction && seat.sent > 0)
    }

    /// In how many rooms he is.
    #[must_use]
    pub const fn seats(&self) -> usize {
        self.seats.len()
    }

    /// These are the last words; what waits goes out before them.
    pub fn end(&mut self, last: impl IntoIterator<Item = (F, usize)>) {
        if !self.ended {
            last.into_iter().for_each(|(frame, bytes)| self.put(frame, bytes));
            self.ended = true;
        }
    }

    /// Whoever is this slow is told so, and goes: nothing of what waits would come in time.
    pub fn lag(&mut self, last: F) {
        if !self.ended {
            self.queue = vec![last];
            (self.bytes, self.ended, self.lagged) = (0, true, true);
        }
    }

    /// Whether it was said that these are the last words.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether he was told that he lags.
    #[must_use]
    pub const fn has_lagged(&self) -> bool {
        self.lagged
    }

    /// How many frames wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none does.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether there is no crowd, and something may still come.
    #[must_use]
    pub const fn is_calm(&self) -> bool {
        !self.ended && self.queue.len() < self.bounds.calm
    }

    /// Whether most of the queue is free, or nothing more will come into it.
    #[must_use]
    pub const fn is_mostly_free(&self) -> bool {
        let Bounds { frames, bytes, .. } = self.bounds;
        self.ended || (self.queue.len() <= frames / 4 && self.bytes <= bytes / 4)
    }

    /// Takes what is to be sent next.
    pub fn take(&mut self) -> Batch<F, R> {
        let frames = std::mem::take(&mut self.queue);
        self.bytes = 0;
        let ended = self.ended;
        let waiting = self.seats.iter_mut().filter(|seat| seat.behind && !seat.held && !ended);
        let behind = waiting.map(|seat| {
            seat.behind = false;
            (seat.room.clone(), seat.sent)
        });
        let behind = behind.collect();
        Batch { frames, behind, ended }
    }

    fn seat_in(&mut self, auction: AuctionId) -> Option<&mut Seat<R>> {
        self.seats.iter_mut().find(|seat| seat.auction == auction)
    }

    fn put(&mut self, frame: F, bytes: usize) {
        self.bytes += bytes;
        self.queue.push(frame);
    }
}
