//! `Engine`: the cheap handle through which everybody else speaks to the house. Submits commands,
//! reads committed heads and history. Decides nothing.

use crate::answer::{Accepted, Answer, Failure};
use crate::bell::Bell;
use crate::clock::Clock;
use crate::effect::Settled;
use crate::exposure::Exposure;
use crate::feed::Feed;
use crate::heads::Heads;
use crate::histogram::Commits;
use crate::history::{self, Chapter, HistoryEvent, Of, read_history};
use crate::inbox::{Ask, Inbox, Reply};
use crate::lists::Lists;
use crate::log::{LogError, LogReader, Partition, Position};
use crate::projection::{self, Touched};
use crate::residents::Residents;
use crate::scrub::Progress;
use crate::shard::Shard;
use crate::snapshot::{Damage, Seal, Snapshots};
use crate::views::Views;
use crate::words::Words;
use gavel_auction::auction::Auction;
use gavel_auction::event::{Fact, HouseId, KeyId};
use gavel_auction::ids::{AuctionId, Paddle, UserId, Version};
use gavel_auction::time::{SECOND, Time};
use gavel_auction::view::{Head, Mine};
use gavel_proof::head::Rolling;
use gavel_proof::keys::{AuctionKey, HouseKey, LogKey};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The handle on a running house. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

/// What the handle and the drive loop share.
pub(crate) struct Shared {
    pub(crate) house: HouseId,
    pub(crate) log_key: LogKey,
    /// What receipts are signed with.
    pub(crate) signer: Arc<HouseKey>,
    pub(crate) seal: Seal,
    pub(crate) clock: Clock,
    pub(crate) inboxes: Vec<Inbox>,
    /// Wakes the drive loop.
    pub(crate) bell: Bell,
    pub(crate) views: Views,
    pub(crate) exposure: Arc<Exposure>,
    pub(crate) reader: Arc<dyn LogReader>,
    pub(crate) lists: Arc<dyn Lists>,
    pub(crate) snapshots: Option<Arc<dyn Snapshots>>,
    pub(crate) touched: Vec<Touched>,
    /// How the log is being written.
    pub(crate) written: Commits,
    pub(crate) words: Words,
    pub(crate) residents: Vec<Residents>,
    pub(crate) scrub: Progress,
    /// Auctions that were closed off and that their shards do not know of yet.
    pub(crate) to_quarantine: Mutex<Vec<AuctionId>>,
    pub(crate) feed: Feed,
    pub(crate) heads: Heads,
    /// Up to which position of each partition everything is durable and was let out.
    pub(crate) released: Vec<AtomicU64>,
    /// Counts commits, so that readers can wait for one.
    pub(crate) progress: tokio::sync::watch::Sender<u64>,
    /// When the drive loop was last seen alive, in microseconds.
    pub(crate) alive: AtomicI64,
    /// The outage before this start, or the one that lasts, until what it gives back is durable: a
    /// commit that fails, or another crash, must not make the house forget it.
    pub(crate) away: Mutex<Option<(Time, Time)>>,
}

impl Shared {
    /// The outage, while what it gives back is not durable.
    pub(crate) fn away(&self) -> MutexGuard<'_, Option<(Time, Time)>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// If an outage that is over gives nothing back, nothing need be remembered of it.
    pub(crate) fn dealt_with_outage(&self, shards: &[Shard<Reply>]) {
        if shards.iter().all(|shard| shard.waiting() == 0) {
            *self.away() = None;
            self.note_alive(self.clock.now());
        }
    }

    /// The drive loop is alive; that is not said before an outage has been dealt with.
    pub(crate) fn note_alive(&self, now: Time) {
        if self.away().is_none() {
            self.alive.store(now.0, Ordering::Relaxed);
        }
    }

    /// Nobody could bid since then, and an outage before that goes on: as if the house had not been
    /// there, also for the next start.
    pub(crate) fn was_away(&self, since: Time, now: Time) {
        let mut away = self.away();
        if away.is_none() {
            let seconds = now.since(since) / SECOND;
            tracing::warn!(seconds, "nothing could be written: what ends meanwhile is compensated");
        }
        let from = away.map_or(since, |(from, _)| from);
        *away = Some((from, now));
        self.alive.store(from.0, Ordering::Relaxed);
    }

    /// Closes an auction off: its history is damaged.
    pub(crate) fn quarantine(&self, damage: &Damage) {
        if self.views.quarantine(damage.auction) {
            tracing::error!(%damage, "quarantined: the history of this auction is damaged");
            self.newly_quarantined().push(damage.auction);
        }
    }

    /// Closes an auction off that this shard is reading, and whose history is damaged.
    pub(crate) fn close_off<R>(&self, shard: &mut Shard<R>, damage: &Damage) {
        self.quarantine(damage);
        shard.quarantine(damage.auction);
    }

    /// Shows no more of the auctions whose rules have panicked.
    pub(crate) fn close_off_panicked<R>(&self, shard: &mut Shard<R>) {
        for auction in shard.panicked() {
            self.views.quarantine(auction);
        }
    }

    /// Auctions that were closed off and that their shards do not know of yet.
    pub(crate) fn newly_quarantined(&self) -> MutexGuard<'_, Vec<AuctionId>> {
        self.to_quarantine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a partition is durable, and let out, up to a position.
    pub(crate) fn release(&self, partition: usize, upto: Position) {
        if let Some(released) = self.released.get(partition) {
            released.store(upto, Ordering::Release);
        }
    }

    /// How many commands wait to be decided.
    pub(crate) fn waiting(&self) -> usize {
        self.inboxes.iter().map(Inbox::len).sum()
    }
}

impl Engine {
    /// Puts a command to its auction and waits for the answer, which is given only once all that
    /// it rests on is durable. Reads the log for one that was given before.
    ///
    /// # Errors
    /// Why no answer could be given.
    pub async fn submit(&self, ask: Ask) -> Result<Answer, Failure> {
        match self.put(ask).await? {
            Settled::Answer(answer) => Ok(answer),
            Settled::Recall { auction, version } => {
                self.recall(auction, version).map(Answer::Accepted)
            }
            Settled::Failed(failure) => Err(failure),
        }
    }

    /// The same, and reads no store: of a command that was accepted before, it says where its
    /// answer stands, for [`Engine::recall`].
    ///
    /// # Errors
    /// If it has no place in the queue, or nobody knows what came of it.
    pub async fn put(&self, ask: Ask) -> Result<Settled, Failure> {
        if self.is_quarantined(ask.auction) {
            return Err(Failure::Quarantined);
        }
        let waiting = self.inbox(ask.auction).push(ask, &self.shared.clock)?;
        self.shared.bell.ring();
        waiting.await.map_err(|_| Failure::OutcomeUnknown)
    }

    /// The answer that an accepted command got, from its last event. Blocks on the store.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn recall(&self, auction: AuctionId, version: Version) -> Result<Accepted, Failure> {
        let one = self.history(auction, version.saturating_sub(1), 1);
        let last = one.ok().and_then(|mut one| one.pop()).ok_or(Failure::OutcomeUnknown)?;
        let event = Arc::new(last.event);
        if let Fact::BidPlaced(placed) = &event.fact {
            let end = Some(placed.now.end);
            return Ok(Accepted { event, state: "open", end, receipt: None });
        }
        let upto = usize::try_from(version).unwrap_or(usize::MAX);
        let history = self.history(auction, 0, upto).map_err(|_| Failure::OutcomeUnknown)?;
        let mut then = Auction::new(auction);
        history.iter().for_each(|past| then.apply(&past.event));
        let state = then.phase().map_or("draft", |phase| phase.word());
        Ok(Accepted { event, state, end: then.effective_end(), receipt: None })
    }

    /// Waits until something more has been committed than when `seen` was read from
    /// [`Engine::commits`].
    pub async fn committed_since(&self, seen: u64) {
        let mut progress = self.shared.progress.subscribe();
        // The sender lives as long as this handle, so waiting cannot fail.
        drop(progress.wait_for(|commits| *commits > seen).await);
    }

    /// How many batches have been committed since the start.
    #[must_use]
    pub fn commits(&self) -> u64 {
        *self.shared.progress.borrow()
    }

    /// How the log is being written.
    #[must_use]
    pub fn written(&self) -> &Commits {
        &self.shared.written
    }

    /// When the drive loop was last seen alive; before the outage, as long as what that gives back
    /// is not durable.
    #[must_use]
    pub fn last_alive(&self) -> Time {
        Time(self.shared.alive.load(Ordering::Relaxed))
    }

    /// The house's time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.shared.clock.now()
    }

    /// The 16 bytes that name the house.
    #[must_use]
    pub fn house(&self) -> HouseId {
        self.shared.house
    }

    /// Which log key new auctions are committed with.
    #[must_use]
    pub fn log_key(&self) -> KeyId {
        self.shared.log_key.id()
    }

    /// The key of one auction's commitments.
    #[must_use]
    pub fn auction_key(&self, auction: AuctionId) -> AuctionKey {
        self.shared.log_key.auction(self.shared.house, auction)
    }

    /// How many partitions the house has; it was fixed when the house was made.
    #[must_use]
    pub fn partitions(&self) -> usize {
        self.shared.inboxes.len()
    }

    /// The committed head of an auction. Whoever got an answer reads its effect here. Blocks on the
    /// store if the auction has left memory; none if that cannot be read ([`Engine::has_left`]).
    #[must_use]
    pub fn head(&self, auction: AuctionId) -> Option<Arc<Head>> {
        self.shared.head(auction).ok().flatten()
    }

    /// The same, of an auction that is in memory.
    #[must_use]
    pub fn head_in_memory(&self, auction: AuctionId) -> Option<Arc<Head>> {
        self.shared.views.head(auction)
    }

    /// Whether an auction has left memory, so that looking at it may block on the store.
    #[must_use]
    pub fn has_left(&self, auction: AuctionId) -> bool {
        self.shared.views.has_left(auction)
    }

    /// What concerns one user in an auction. Blocks on the store if the auction has left memory.
    #[must_use]
    pub fn mine(&self, auction: AuctionId, user: UserId) -> Option<Mine> {
        self.shared.bring_back(auction).ok()?;
        self.shared.views.mine(auction, user)
    }

    /// The user behind a paddle. Blocks on the store if the auction has left memory.
    #[must_use]
    pub fn bidder(&self, auction: AuctionId, paddle: Paddle) -> Option<UserId> {
        self.shared.bring_back(auction).ok()?;
        self.shared.views.bidder(auction, paddle)
    }

    /// Everybody who has a paddle in an auction, by its number.
    #[must_use]
    pub fn bidders(&self, auction: AuctionId) -> Vec<UserId> {
        match self.shared.bring_back(auction) {
            Ok(()) => self.shared.views.bidders(auction),
            Err(_) => Vec::new(),
        }
    }

    /// Up to `limit` events of an auction after `after`, in order. Blocks on the store.
    ///
    /// # Errors
    /// If the store cannot be read or what it holds is damaged.
    pub fn history(
        &self,
        auction: AuctionId,
        after: Version,
        limit: usize,
    ) -> Result<Vec<HistoryEvent>, LogError> {
        self.shared.bring_back(auction)?;
        // With the event before, which the first of them must continue.
        let one = u64::from(after > 0);
        let most = limit.saturating_add(usize::from(after > 0));
        let positions = self.shared.views.positions(auction, after - one, most);
        if positions.is_empty() {
            return Ok(Vec::new());
        }
        let of = Of { house: self.shared.house, partition: self.partition(auction), auction };
        match read_history(&*self.shared.reader, of, after - one, &positions)? {
            Ok(mut history) => {
                history.drain(..history.len().min(usize::from(after > 0)));
                Ok(history)
            }
            Err(damage) => {
                self.shared.quarantine(&damage);
                let Damage { position, .. } = damage;
                let (partition, what) = (of.partition, damage.to_string());
                Err(LogError::Damaged { partition, position, what })
            }
        }
    }

    /// Up to `limit` events of all auctions after these positions, one for each partition. An
    /// auction of which an event cannot be read is closed off, and that event left out: the others
    /// go on. Blocks on the store.
    ///
    /// # Errors
    /// If the store cannot be read, or has a hole.
    pub fn chapter(&self, after: &[Position], limit: usize) -> Result<Chapter, LogError> {
        let reader = &*self.shared.reader;
        let (chapter, damages) = history::read_on(reader, after, &self.released(), limit)?;
        damages.iter().for_each(|damage| self.shared.quarantine(damage));
        Ok(chapter)
    }

    /// For each partition, up to which position everything is durable and was let out.
    #[must_use]
    pub fn released(&self) -> Vec<Position> {
        let all = self.shared.released.iter();
        all.map(|released| released.load(Ordering::Acquire)).collect()
    }

    /// Each partition's rolling hash over all that is durable. Blocks on the store, the longer the
    /// more has happened since it was last asked for.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn heads(&self) -> Result<Vec<Rolling>, LogError> {
        self.shared.heads.at(&*self.shared.reader, &self.released())
    }

    /// What bidders have committed themselves to, and how far they may go. It is as far ahead of
    /// the log as decisions are.
    #[must_use]
    pub fn exposure(&self) -> &Exposure {
        &self.shared.exposure
    }

    /// Lists of auctions, for browsing and search.
    #[must_use]
    pub fn lists(&self) -> &dyn Lists {
        &*self.shared.lists
    }

    /// What auctions are about and what people are called. Whoever changes that says so there.
    #[must_use]
    pub fn words(&self) -> &Words {
        &self.shared.words
    }

    /// What these auctions are about was erased among people: it goes from memory and lists, too.
    ///
    /// # Errors
    /// The lists' own; it may be repeated.
    pub fn forget_listings(&self, auctions: &[AuctionId]) -> Result<(), LogError> {
        projection::reword(&self.shared, auctions)
    }

    /// How many records snapshots do not cover yet: a start has to read them.
    #[must_use]
    pub fn uncovered(&self) -> u64 {
        let covered = self.shared.residents.iter().map(Residents::covered);
        self.released().into_iter().zip(covered).map(|(upto, from)| upto.saturating_sub(from)).sum()
    }

    /// How many settled auctions have left memory.
    #[must_use]
    pub fn cold(&self) -> usize {
        self.shared.views.cold()
    }

    /// How many auctions are resident.
    #[must_use]
    pub fn resident(&self) -> usize {
        self.shared.views.len()
    }

    /// Whether an auction is closed off: its history is damaged, or its rules have panicked.
    #[must_use]
    pub fn is_quarantined(&self, auction: AuctionId) -> bool {
        self.shared.views.is_quarantined(auction)
    }

    /// How many auctions are closed off.
    #[must_use]
    pub fn quarantined(&self) -> usize {
        self.shared.views.quarantined()
    }

    /// How often the scrub has read the whole log.
    #[must_use]
    pub fn scrubbed(&self) -> u64 {
        self.shared.scrub.rounds.load(Ordering::Relaxed)
    }

    /// How often the scrub found damage that is not one auction's.
    #[must_use]
    pub fn damages(&self) -> u64 {
        self.shared.scrub.damages.load(Ordering::Relaxed)
    }

    /// How many commands wait to be decided.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.waiting()
    }

    fn partition(&self, auction: AuctionId) -> Partition {
        partition_of(auction, self.shared.inboxes.len())
    }

    fn inbox(&self, auction: AuctionId) -> &Inbox {
        self.shared
            .inboxes
            .get(usize::from(self.partition(auction)))
            .expect("a partition is an id modulo the number of inboxes")
    }
}

/// The partition an auction lives in, for ever.
#[must_use]
pub fn partition_of(auction: AuctionId, partitions: usize) -> Partition {
    let count = i64::try_from(partitions.max(1)).expect("at most 65,536 partitions");
    Partition::try_from(auction.get() % count).expect("at most 65,536 partitions")
}
