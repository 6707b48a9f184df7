//! The notifier: reads the log from a cursor of its own, behind everything else, and tells people
//! what they asked to be told of. How far it has read is kept with the last of what it tells, and
//! each notice once, so that nothing is told twice or left out, however the house ends. Decides
//! nothing.

use gavel_auction::event::{Event, Fact, Now};
use gavel_auction::ids::{AuctionId, UserId, Version};
use gavel_auction::outcome::Outcome;
use gavel_engine::engine::Engine;
use gavel_engine::history::HistoryEvent;
use gavel_engine::log::{LogError, Position};
use gavel_engine::notices::{Kept, Kind, Notice, Notices, Wishes, Wishing};
use gavel_engine::people::PeopleError;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::broadcast;

/// How long it rests between two looks at the log.
const REST: Duration = Duration::from_millis(100);

/// And after something has failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Events that are read at once. Of the prices that an auction had among them the last is told.
const PAGE: usize = 512;

/// Positions that nothing was to be told of and that may be read again after a crash.
const UNNOTED: u64 = 8192;

/// Events that are looked back at for the price before one.
const LOOK_BACK: u64 = 16;

/// Notices that are kept in one transaction: the store of people has others waiting for it.
const TOLD_AT_ONCE: usize = 256;

/// Notices on their way to those who are there now; whoever falls behind finds them in the store.
const LIVE: usize = 1024;

/// What the notifier and the rest of the house share.
pub struct Board {
    store: Arc<dyn Notices>,
    /// Whether somebody's wishes are others than when they were last read.
    changed: AtomicBool,
    told: broadcast::Sender<Kept>,
}

impl Board {
    /// A board over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Notices>) -> Self {
        Self { store, changed: AtomicBool::new(true), told: broadcast::channel(LIVE).0 }
    }

    /// What is kept. Blocking.
    #[must_use]
    pub fn store(&self) -> &dyn Notices {
        &*self.store
    }

    /// Sets what somebody wants to be told of, from now on. Blocks on the store.
    ///
    /// # Errors
    /// The store's own.
    pub fn wish(&self, engine: &Engine, user: UserId, to: Wishes) -> Result<(), PeopleError> {
        self.store.wish(user, to, engine.now(), &engine.released())?;
        self.changed.store(true, Ordering::Release);
        Ok(())
    }

    /// Every notice from now on, as soon as it is kept.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Kept> {
        self.told.subscribe()
    }
}

/// The notifier of a house that is open. Ends when dropped.
pub struct Notifier {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Notifier {
    /// Begins to tell.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn begin(engine: Engine, board: Arc<Board>) -> io::Result<Self> {
        let (stop, stopped) = sync_channel(1);
        let mut reader = Reader { engine, board, wishing: HashMap::new(), upto: Vec::new() };
        let work = move || {
            let (mut noted, mut late) = (Vec::new(), false);
            while stopped.recv_timeout(if late { AGAIN } else { REST })
                == Err(RecvTimeoutError::Timeout)
            {
                let was_late = std::mem::take(&mut late);
                let mut page = || {
                    reader.page(&mut noted).unwrap_or_else(|error| {
                        if !was_late {
                            tracing::warn!(%error, "notices are late");
                        }
                        late = true;
                        reader.board.changed.store(true, Ordering::Release);
                        false
                    })
                };
                // However far behind it is, it ends when it is told to.
                while page() && stopped.try_recv() == Err(TryRecvError::Empty) {}
            }
        };
        let thread = std::thread::Builder::new().name("notifier".to_owned()).spawn(work)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the notifier panicked");
        }
    }
}

/// Why nothing could be told.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    People(#[from] PeopleError),
}

struct Reader {
    engine: Engine,
    board: Arc<Board>,
    wishing: HashMap<UserId, Wishes>,
    /// Up to where everybody was told what there was to tell.
    upto: Vec<Position>,
}

impl Reader {
    /// Reads on and tells; whether there is more. `noted` is how far the store knows.
    fn page(&mut self, noted: &mut Vec<Position>) -> Result<bool, Failure> {
        if self.board.changed.swap(false, Ordering::AcqRel) {
            let Wishing { everybody, told } = self.board.store.wishing()?;
            self.wishing = everybody.into_iter().collect();
            let released = self.engine.released();
            // A log from a backup may be shorter than what people were told of.
            let first = |(at, released): (usize, &Position)| {
                told.get(at).map_or(*released, |told| *told.min(released))
            };
            *noted = released.iter().enumerate().map(first).collect();
            // It may have read on since that was noted, with nothing to tell.
            let known = self.upto.iter().copied().chain(std::iter::repeat(0));
            self.upto = noted.iter().zip(known).map(|(noted, known)| known.max(*noted)).collect();
        }
        if self.wishing.is_empty() {
            return Ok(false);
        }
        let chapter = self.engine.chapter(&self.upto, PAGE)?;
        if chapter.upto == self.upto {
            return Ok(false);
        }
        let notices = self.notices(&chapter.events)?;
        let behind = chapter.upto.iter().zip(&*noted).map(|(upto, noted)| upto - noted).max();
        if !notices.is_empty() || behind.is_some_and(|behind| behind > UNNOTED) {
            self.tell(noted, &chapter.upto, &notices)?;
            noted.clone_from(&chapter.upto);
        }
        self.upto = chapter.upto;
        Ok(true)
    }

    /// Keeps notices, some at a time. That it has come up to there is noted with the last of them:
    /// what was kept before is known again by the store, should the house end in between.
    fn tell(
        &self,
        from: &[Position],
        upto: &[Position],
        notices: &[Notice],
    ) -> Result<(), PeopleError> {
        let before_last = notices.len().saturating_sub(1) / TOLD_AT_ONCE * TOLD_AT_ONCE;
        let (most, last) = notices.split_at(before_last);
        let parts = most.chunks(TOLD_AT_ONCE).map(|part| (from, part));
        for (upto, part) in parts.chain([(upto, last)]) {
            for kept in self.board.store.tell(upto, part)? {
                // Nobody may be listening.
                drop(self.board.told.send(kept));
            }
        }
        Ok(())
    }

    fn wishes(&self, user: UserId, kind: Kind) -> bool {
        self.wishing.get(&user).is_some_and(|wishes| wishes.has(kind))
    }

    /// What there is to tell of these events, in their order.
    fn notices(&self, events: &[HistoryEvent]) -> Result<Vec<Notice>, LogError> {
        let mut notices = Vec::new();
        let mut prices: BTreeMap<AuctionId, Prices<'_>> = BTreeMap::new();
        for HistoryEvent { event, .. } in events {
            let own = match &event.fact {
                Fact::Closed { outcome: Outcome::Sold(sale), .. } => {
                    let winner = self.engine.bidder(event.auction, sale.winner);
                    winner.map(|user| (user, Kind::Won, sale.hammer_price.minor()))
                }
                Fact::BidPromoted { bid, .. } => self.doubled(event.auction, *bid)?,
                _ => None, // not ours to list: nothing else happens to one bidder alone
            };
            let own = own.filter(|(user, kind, _)| self.wishes(*user, *kind));
            notices.extend(own.map(|(user, kind, amount)| notice(user, kind, event, amount)));
            if let Some(price) = event.fact.now().and_then(price) {
                let moved =
                    prices.entry(event.auction).or_insert(Prices { first: event, last: None });
                moved.last = Some((event, price));
            }
        }
        for moved in prices.values() {
            if let Some((event, price)) = moved.last {
                self.maximum(moved.first, event, price, &mut notices)?;
            }
        }
        notices.sort_by_key(|notice| (notice.at, notice.auction, notice.version));
        Ok(notices)
    }

    /// Tells everybody in the auction of its new price, but for him who made it.
    fn maximum(
        &self,
        first: &Event,
        event: &Event,
        price: i64,
        notices: &mut Vec<Notice>,
    ) -> Result<(), LogError> {
        let bidders = self.engine.bidders(event.auction);
        let by = match &event.fact {
            Fact::BidPlaced(placed) => placed.paddle,
            _ => None, // not ours to list: nothing else is a bid
        };
        let by = by.and_then(|paddle| self.engine.bidder(event.auction, paddle));
        let wanted = |user: &UserId| Some(*user) != by && self.wishes(*user, Kind::Maximum);
        let mut told = bidders.into_iter().filter(wanted).peekable();
        if told.peek().is_none() || self.price_before(first)? == Some(price) {
            return Ok(());
        }
        notices.extend(told.map(|user| notice(user, Kind::Maximum, event, price)));
        Ok(())
    }

    /// The price that stood before an event, if it was shown shortly before.
    fn price_before(&self, event: &Event) -> Result<Option<i64>, LogError> {
        let after = event.version.saturating_sub(LOOK_BACK + 1);
        let most = usize::try_from(event.version - 1 - after).unwrap_or(0);
        let before = self.past(event.auction, after, most)?;
        Ok(before.iter().rev().find_map(|past| past.event.fact.now()).and_then(price))
    }

    /// The history of an auction; of one that is closed off there is none to be told of.
    fn past(
        &self,
        auction: AuctionId,
        after: Version,
        most: usize,
    ) -> Result<Vec<HistoryEvent>, LogError> {
        match self.engine.history(auction, after, most) {
            Err(LogError::Damaged { .. }) => Ok(Vec::new()),
            other => other,
        }
    }

    /// Whose bid was doubled, and how much it was.
    fn doubled(
        &self,
        auction: AuctionId,
        bid: Version,
    ) -> Result<Option<(UserId, Kind, i64)>, LogError> {
        let history = self.past(auction, bid - 1, 1)?;
        let placed = history.first().and_then(|past| match &past.event.fact {
            Fact::BidPlaced(placed) => placed.paddle.zip(placed.amount),
            _ => None, // not ours to list: only bids are doubled
        });
        let whose = placed.and_then(|(paddle, amount)| {
            Some((self.engine.bidder(auction, paddle)?, Kind::Doubled, amount.minor()))
        });
        Ok(whose)
    }
}

/// What one auction's price did in a page: the first event that showed one, and the last.
struct Prices<'a> {
    first: &'a Event,
    last: Option<(&'a Event, i64)>,
}

const fn notice(user: UserId, kind: Kind, event: &Event, amount: i64) -> Notice {
    let Event { auction, version, at, .. } = *event;
    Notice { user, kind, auction, version, at, amount }
}

/// The price it shows; none while it is hidden or there is none.
fn price(now: &Now) -> Option<i64> {
    now.shown.as_ref()?.price.map(gavel_auction::money::Amount::minor)
}
