//! The live feed: what happens in an auction, for whoever listens, each version once and in order,
//! nothing that is not durable. What has just happened is kept for a while in one ring an auction,
//! shared by all who listen to it; who is behind that at the beginning reads the log until he has
//! caught up; who falls out of it later is told so and comes again. Costs nothing where nobody
//! listens. Knows no protocol, and public parts of events only.

use crate::engine::{Engine, Shared};
use crate::limits;
use crate::log::{Entry, EventRecord, LogError, Record};
use bytes::Bytes;
use gavel_auction::event::Digest;
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::mutant;
use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::thread::Thread;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{Notify, oneshot};

/// How long the carrier sleeps at most, should it ever miss that it was woken.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);

/// One event as everybody may see it. One copy for all who listen.
#[derive(Debug)]
pub struct Live {
    /// The auction.
    pub auction: AuctionId,
    /// Its place in the auction.
    pub version: Version,
    /// The chain's hash at it.
    pub hash: Digest,
    /// The public part, byte for byte.
    pub public: Vec<u8>,
    form: OnceLock<Bytes>,
}

impl Live {
    fn new(auction: AuctionId, version: Version, hash: Digest, public: Vec<u8>) -> Arc<Self> {
        Arc::new(Self { auction, version, hash, public, form: OnceLock::new() })
    }

    /// The form it goes out in: made by the first who needs it, shared by all others.
    pub fn form(&self, make: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.form.get_or_init(|| make(self)).clone()
    }
}

/// Why a subscription ends.
#[derive(Debug, Error)]
pub enum Ended {
    /// The reader was too slow: what comes next is no longer kept here, only in the log.
    #[error("the reader has fallen behind")]
    Lagged,
    /// The log cannot be read.
    #[error(transparent)]
    Unreadable(#[from] LogError),
    /// The house is closing.
    #[error("the house is closing")]
    Stopping,
}

/// Everything that happens in one auction after a version.
pub struct Subscription {
    shared: Arc<Shared>,
    channel: Arc<Channel>,
    after: Version,
    /// Whether it has once caught up.
    live: bool,
    fetched: VecDeque<Arc<Live>>,
}

/// What is kept of one auction that somebody listens to.
struct Channel {
    auction: AuctionId,
    ring: Mutex<Ring>,
    news: Notify,
    /// Whether the carrier knows that there are news.
    announced: AtomicBool,
}

/// The latest events, without holes.
#[derive(Default)]
struct Ring {
    events: VecDeque<Arc<Live>>,
    bytes: usize,
    /// What comes next, if nothing can have happened that was not put in here.
    next: Option<Version>,
    /// The newest that there was no room for any more.
    dropped: Version,
}

/// Where a reader's next event is.
enum Place {
    Here(Arc<Live>),
    InTheLog,
    Gone,
    ToCome,
}

impl Ring {
    fn push(&mut self, live: Arc<Live>, room: usize) {
        if self.next.is_some_and(|next| next != live.version) {
            self.forget();
        }
        self.next = Some(live.version + 1);
        self.bytes += live.public.len();
        self.events.push_back(live);
        while self.bytes > room
            && self.events.len() > 1
            && let Some(oldest) = self.events.pop_front()
        {
            self.bytes -= oldest.public.len();
            self.dropped = oldest.version;
        }
    }

    fn forget(&mut self) {
        let dropped = self.dropped;
        *self = Self { dropped, ..Self::default() };
    }

    fn get(&self, version: Version) -> Option<Arc<Live>> {
        let first = self.events.front()?.version;
        let index = usize::try_from(version.checked_sub(first)?).ok()?;
        self.events.get(index).cloned()
    }
}

impl Channel {
    fn new(auction: AuctionId) -> Self {
        let (ring, news) = (Mutex::default(), Notify::new());
        Self { auction, ring, news, announced: AtomicBool::new(false) }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The channels of the auctions that somebody listens to, and how many do.
type Channels = HashMap<AuctionId, (Arc<Channel>, usize)>;

/// The feed of a house. What is published here is carried on by a thread of its own, so that
/// waking ten thousand readers delays no bid.
pub(crate) struct Feed {
    /// Bytes that are kept for the listeners of one auction.
    room: usize,
    channels: RwLock<Channels>,
    work: Mutex<Work>,
    carrier: OnceLock<Thread>,
}

#[derive(Default)]
struct Work {
    news: Vec<Arc<Channel>>,
    reads: VecDeque<Read>,
    closed: bool,
}

/// Somebody wants to read on from the log.
struct Read {
    auction: AuctionId,
    after: Version,
    reply: oneshot::Sender<Page>,
}

/// A part of an auction's past.
type Page = Result<VecDeque<Arc<Live>>, LogError>;

impl Feed {
    /// Nobody listens yet.
    pub(crate) fn new(room: usize) -> Self {
        let (channels, work, carrier) = (RwLock::default(), Mutex::default(), OnceLock::new());
        Self { room, channels, work, carrier }
    }

    /// Shows a batch that is durable, after its heads were swapped in.
    pub(crate) fn publish(&self, records: Vec<Record>) {
        // Whoever is not found here subscribes after the heads were swapped, and sees them.
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        if channels.is_empty() {
            return;
        }
        let mut news = Vec::new();
        for record in records {
            let Entry::Event(event) = record.entry else { continue };
            let Some((channel, _)) = channels.get(&event.auction) else { continue };
            let EventRecord { auction, version, hash, public, .. } = event;
            channel.ring().push(Live::new(auction, version, hash, public), self.room);
            news.push(channel);
        }
        self.announce(news.into_iter());
    }

    /// Something has happened in these auctions that was not published: it is in the log.
    pub(crate) fn missed(&self, auctions: &[AuctionId]) {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        let listened = auctions.iter().filter_map(|id| channels.get(id));
        let news = listened.map(|(channel, _)| channel);
        let forget = |channel: &&Arc<Channel>| {
            if !mutant::on("feed_not_told") {
                channel.ring().forget();
            }
        };
        self.announce(news.inspect(forget));
    }

    /// How many listen.
    pub(crate) fn listeners(&self) -> usize {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        channels.values().map(|(_, readers)| readers).sum()
    }

    /// Whether somebody waits for the log to be read.
    pub(crate) fn is_asked(&self) -> bool {
        !self.work().reads.is_empty()
    }

    fn announce<'a>(&self, channels: impl Iterator<Item = &'a Arc<Channel>>) {
        let fresh: Vec<Arc<Channel>> = channels
            .filter(|channel| !channel.announced.swap(true, Ordering::AcqRel))
            .map(Arc::clone)
            .collect();
        if !fresh.is_empty() {
            self.work().news.extend(fresh);
            self.wake();
        }
    }

    fn join(&self, auction: AuctionId) -> Arc<Channel> {
        let mut channels = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        let new = || (Arc::new(Channel::new(auction)), 0);
        let (channel, readers) = channels.entry(auction).or_insert_with(new);
        *readers += 1;
        Arc::clone(channel)
    }

    fn leave(&self, auction: AuctionId) {
        let mut channels = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, readers)) = channels.get_mut(&auction) {
            *readers -= 1;
            if *readers == 0 {
                channels.remove(&auction);
            }
        }
    }

    /// Has the carrier read on from the log.
    fn ask(&self, auction: AuctionId, after: Version) -> Result<oneshot::Receiver<Page>, Ended> {
        let (reply, answer) = oneshot::channel();
        let mut work = self.work();
        if work.closed {
            return Err(Ended::Stopping);
        }
        work.reads.push_back(Read { auction, after, reply });
        drop(work);
        self.wake();
        Ok(answer)
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        if let Some(carrier) = self.carrier.get() {
            carrier.unpark();
        }
    }
}

/// Wakes readers, and reads the log for those who have to catch up, until told to stop.
pub(crate) fn carry(shared: &Arc<Shared>, stopping: &AtomicBool) {
    let engine = Engine { shared: Arc::clone(shared) };
    let feed = &shared.feed;
    // There is only one carrier.
    drop(feed.carrier.set(std::thread::current()));
    loop {
        if carry_on(&engine) {
            continue;
        }
        if stopping.load(Ordering::Acquire) {
            break;
        }
        std::thread::park_timeout(LONGEST_SLEEP);
    }
    let mut work = feed.work();
    work.closed = true;
    work.reads.clear();
}

/// Wakes those for whom there are news, and reads the log for one who has to catch up; false if
/// there was nothing to do.
pub(crate) fn carry_on(engine: &Engine) -> bool {
    let mut work = engine.shared.feed.work();
    let (news, read) = (std::mem::take(&mut work.news), work.reads.pop_front());
    drop(work);
    for channel in &news {
        channel.announced.store(false, Ordering::Release);
        channel.news.notify_waiters();
    }
    let did = !news.is_empty() || read.is_some();
    if let Some(read) = read {
        // Who has stopped waiting does not hear it.
        drop(read.reply.send(read_on(engine, read.auction, read.after)));
    }
    did
}

fn read_on(engine: &Engine, auction: AuctionId, after: Version) -> Page {
    let past = engine.history(auction, after, limits::CAUGHT_UP_AT_ONCE)?;
    let live =
        past.into_iter().map(|past| Live::new(auction, past.event.version, past.hash, past.public));
    Ok(live.collect())
}

impl Engine {
    /// Everything that happens in an auction after a version: first from the log, then as it
    /// becomes durable.
    #[must_use]
    pub fn subscribe(&self, auction: AuctionId, after: Version) -> Subscription {
        let channel = self.shared.feed.join(auction);
        let shared = Arc::clone(&self.shared);
        Subscription { shared, channel, after, live: false, fetched: VecDeque::new() }
    }

    /// How many subscriptions there are.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.shared.feed.listeners()
    }
}

impl Subscription {
    /// The next event. May be dropped while it waits; nothing is lost by that.
    ///
    /// # Errors
    /// Why there is none: the subscription has ended.
    pub async fn next(&mut self) -> Result<Arc<Live>, Ended> {
        loop {
            let channel = Arc::clone(&self.channel);
            let mut news = pin!(channel.news.notified());
            // From here on no news are missed, whatever is looked at afterwards.
            news.as_mut().enable();
            match self.place() {
                Place::Here(live) => return Ok(self.took(live)),
                Place::Gone => return Err(Ended::Lagged),
                Place::InTheLog => self.fetched = self.read_on().await?,
                Place::ToCome => news.await,
            }
        }
    }

    /// The next event, if there is one at hand.
    pub fn at_hand(&mut self) -> Option<Arc<Live>> {
        match self.place() {
            Place::Here(live) => Some(self.took(live)),
            Place::Gone | Place::InTheLog | Place::ToCome => None,
        }
    }

    fn took(&mut self, live: Arc<Live>) -> Arc<Live> {
        self.after = live.version;
        live
    }

    fn place(&mut self) -> Place {
        let wanted = self.after + 1;
        while let Some(fetched) = self.fetched.pop_front() {
            if fetched.version == wanted {
                return Place::Here(fetched);
            }
        }
        let ring = self.channel.ring();
        if let Some(live) = ring.get(wanted) {
            self.live = true;
            return Place::Here(live);
        }
        if self.live && self.after < ring.dropped {
            if mutant::on("lag_unsaid") {
                self.after = ring.dropped;
                return Place::ToCome;
            }
            return Place::Gone;
        }
        let known = ring.next == Some(wanted);
        drop(ring);
        let views = &self.shared.views;
        let auction = self.channel.auction;
        let up_to_date = match views.head(auction) {
            Some(head) => head.version <= self.after,
            // One that has left memory has a past, which reading the log brings back.
            None => !views.has_left(auction) || mutant::on("cold_subscriber_waits"),
        };
        if known || up_to_date {
            self.live = true;
            return Place::ToCome;
        }
        Place::InTheLog
    }

    async fn read_on(&self) -> Result<VecDeque<Arc<Live>>, Ended> {
        let answer = self.shared.feed.ask(self.channel.auction, self.after)?;
        Ok(answer.await.map_err(|_| Ended::Stopping)??)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.feed.leave(self.channel.auction);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = limits::FEED_BYTES;

    fn live(version: Version, bytes: usize) -> Arc<Live> {
        let auction = AuctionId::new(1).expect("a positive number");
        Live::new(auction, version, Digest([0; 32]), vec![0; bytes])
    }

    #[test]
    fn a_ring_forgets_the_oldest_and_says_so() {
        let mut ring = Ring::default();
        (1..=4).for_each(|version| ring.push(live(version, ROOM / 3), ROOM));
        assert_eq!((ring.dropped, ring.next), (1, Some(5)));
        assert!(ring.get(1).is_none() && ring.get(5).is_none());
        assert_eq!(ring.get(2).map(|live| live.version), Some(2));
        ring.push(live(5, 10 * ROOM), ROOM);
        assert_eq!((ring.dropped, ring.events.len()), (4, 1));
    }

    #[test]
    fn a_ring_has_no_holes() {
        let mut ring = Ring::default();
        [1, 2, 5].into_iter().for_each(|version| ring.push(live(version, 1), ROOM));
        assert!(ring.get(2).is_none() && ring.get(3).is_none() && ring.get(5).is_some());
        assert_eq!((ring.dropped, ring.bytes), (0, 1));
        ring.forget();
        assert_eq!((ring.next, ring.bytes), (None, 0));
    }
}
