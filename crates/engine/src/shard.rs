//! `Shard`: one partition's auctions and their only writer. A plain struct: it never waits, reads
//! no clock, spawns nothing. What it needs comes in as arguments, what it wants goes out as values.
//!
//! It decides on a tentative state that is ahead of the log. Whatever it answers, refusals too,
//! rests on that state, so every answer is held until the batch it was decided in is durable. If a
//! commit fails, the tentative state is dropped and re-read from the log.

mod cold;
pub(crate) mod entry;
mod held;
#[cfg(feature = "mutants")]
mod planted;
mod reserving;
mod restoring;
mod shelf;
mod wanted;

use crate::answer::{Accepted, Answer, Failure, Refused};
use crate::dedup::{Known, Refusals};
use crate::effect::{Batch, Effects, Settled};
use crate::inbox::Ask;
use crate::limits;
use crate::log::{Partition, Position};
use crate::panics::{Panicked, guarded};
use crate::views::Change;
use cold::Cold;
use entry::{Entry, reindex};
use foldhash::fast::RandomState;
use gavel_auction::auction::Auction;
use gavel_auction::command::{Action, Command, Tick};
use gavel_auction::event::{Digest, HouseId};
use gavel_auction::ids::AuctionId;
use gavel_auction::mutant;
use gavel_auction::refusal::Refusal;
use gavel_auction::time::{SECOND, Time};
use gavel_proof::codec::{After, Origin, Written, encode_all};
use gavel_proof::command::{CommandId, command_digest};
use gavel_proof::keys::LogKey;
use held::{Decided, Held};
use reserving::Counting;
use shelf::Shelf;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use wanted::Asked;

/// One partition's auctions. `R` is where an answer goes: a channel, or a number in a simulation.
pub struct Shard<R> {
    partition: Partition,
    house: HouseId,
    log_key: LogKey,
    /// Apart from the table, which is half empty at times.
    auctions: HashMap<AuctionId, Box<Entry>, RandomState>,
    shelf: Shelf,
    deadlines: BTreeSet<(Time, AuctionId)>,
    refusals: Refusals,
    /// The last position given out, durable or not.
    position: Position,
    /// The last position known to be durable.
    durable: Position,
    open: Held<R>,
    in_flight: VecDeque<Held<R>>,
    cold: Cold<R>,
    /// Auctions whose rules panicked, since that was looked at.
    panicked: Vec<AuctionId>,
    counting: Counting,
    /// When the house could last not be reached for long. What came in meanwhile may be decided
    /// only now, and bring about an end that lies in it.
    pub(crate) outage: Option<(Time, Time)>,
    /// Auctions before what is not durable yet of them, for a planted bug.
    #[cfg(feature = "mutants")]
    certain: std::collections::BTreeMap<AuctionId, Auction>,
}

impl<R> Shard<R> {
    /// An empty partition.
    #[must_use]
    pub fn new(partition: Partition, house: HouseId, log_key: LogKey) -> Self {
        Self {
            partition,
            house,
            log_key,
            auctions: HashMap::default(),
            shelf: Shelf::default(),
            deadlines: BTreeSet::new(),
            refusals: Refusals::new(limits::REMEMBERED_REFUSALS),
            position: 0,
            durable: 0,
            open: Held::default(),
            in_flight: VecDeque::new(),
            cold: Cold::default(),
            panicked: Vec::new(),
            counting: Counting::default(),
            outage: None,
            #[cfg(feature = "mutants")]
            certain: std::collections::BTreeMap::new(),
        }
    }

    /// Decides a command that entered the queue at `entered`. The answer is held.
    pub fn submit(&mut self, ask: Ask, entered: Time, reply: R) {
        if self.cold.contains(ask.auction) {
            return self.park(ask, entered, reply);
        }
        let digest = command_digest(&ask.command);
        let asked = Asked::with(&ask);
        let settled = self.settle(ask, &digest, entered);
        if let Some(asked) = asked {
            self.want(&asked, &settled);
        }
        self.open.replies.push((reply, settled));
    }

    fn settle(&mut self, ask: Ask, digest: &[u8; 16], entered: Time) -> Settled {
        let id = ask.auction;
        let creates = matches!(ask.command.action, Action::Create(_));
        if creates && !self.auctions.contains_key(&id) {
            let entry = Entry::new(id, self.house);
            self.auctions.insert(id, Box::new(entry));
        }
        let settled = self.judge(ask, digest, entered);
        if creates
            && let Some(entry) = self.auctions.get(&id)
            && entry.auction.version() == 0
            && !entry.closed_off
        {
            // What was asked to be created, and refused, leaves no trace.
            self.auctions.remove(&id);
        }
        settled
    }

    fn judge(&mut self, ask: Ask, digest: &[u8; 16], entered: Time) -> Settled {
        let Ask { auction: id, id: name, mut command, receipt: _ } = ask;
        let Some(entry) = self.auctions.get(&id) else {
            let refusal = gavel_auction::refusal::Refusal::NotFound;
            let refused = Refused::new(refusal, 0, entered, None);
            return Settled::Answer(Answer::Refused(refused));
        };
        match entry.accepted.find(&name, digest) {
            Some(Known::Same(version)) => return Settled::Recall { auction: id, version },
            Some(Known::Other) => return Settled::Failed(Failure::KeyReused),
            None => {}
        }
        if let Some(refused) = self.refusals.find(&name, digest, entered) {
            return Settled::Answer(Answer::Refused(refused.clone()));
        }
        let last = if mutant::on("time_runs_back") { entered } else { entry.auction.last_at() };
        let at = entered.max(last);
        if self.tick_auction(id, at).is_err() {
            return Settled::Failed(Failure::Quarantined);
        }
        self.limit(id, &mut command);
        let origin = Origin { command: name, digest: *digest };
        match self.decide(id, &command, &origin, at) {
            Ok(Ok(accepted)) => Settled::Answer(Answer::Accepted(accepted)),
            Ok(Err(refused)) => {
                self.refusals.insert(name, digest, refused.clone());
                Settled::Answer(Answer::Refused(refused))
            }
            Err(Panicked) => Settled::Failed(Failure::Quarantined),
        }
    }

    /// Lets time do what is due up to `until`: openings, draws, closes, certifications.
    pub fn tick(&mut self, until: Time) {
        let until = until.plus(-lateness());
        for _ in 0..limits::TICKED_AT_ONCE {
            let Some((due, id)) = self.deadlines.first().copied().filter(|(due, _)| *due <= until)
            else {
                return;
            };
            let before = self.auctions.get(&id).map(|entry| entry.auction.version());
            let ticked = self.tick_auction(id, until);
            let after = self.auctions.get(&id).map(|entry| entry.auction.version());
            if ticked.is_err() || before == after {
                // Nothing came of it, so nothing would come of asking again.
                self.deadlines.remove(&(due, id));
            }
        }
    }

    /// The first tick after the house could not be reached from `from` until `to`: what its rules
    /// give back is given back before anything closes. Where they give nothing back nothing is
    /// decided: bids that came before an end may still be waiting.
    pub fn outlasted(&mut self, from: Time, to: Time) {
        self.outage = Some((from, to));
        let due = self.deadlines.iter().take_while(|(due, _)| *due <= to);
        let due: Vec<AuctionId> = due.map(|(_, id)| *id).collect();
        for id in due {
            let Some(entry) = self.auctions.get(&id) else { continue };
            if let Ok(false) = guarded(id, || entry.auction.lost_time(from, to, to)) {
                continue;
            }
            // One whose rules panic is closed off, and the others get theirs.
            self.tick_auction(id, to).ok();
        }
    }

    /// Decides whatever is due in one auction at `at`, one thing after the other: what an outage
    /// gives time back for, once it was over.
    fn tick_auction(&mut self, id: AuctionId, at: Time) -> Result<(), Panicked> {
        loop {
            if self.is_closed_off(id) {
                return Err(Panicked);
            }
            let Some(entry) = self.auctions.get(&id) else { return Ok(()) };
            let late = i64::from(mutant::on("end_inclusive"));
            let due = entry.auction.next_deadline().is_some_and(|due| due.plus(late) <= at);
            if !due {
                return Ok(());
            }
            let given_back = |(from, to): &(Time, Time)| {
                // One whose rules panic here does so where that closes it off.
                guarded(id, || entry.auction.lost_time(*from, *to, at)).unwrap_or(false)
            };
            let outage = self.outage.filter(given_back);
            let at = outage.map_or(at, |(_, to)| at.max(to));
            let (version, last) = (entry.auction.version(), entry.last);
            let tick = Tick { head: self.head(id, last), outage };
            let command = Command::by_house(Action::Tick(tick));
            let origin = Origin { command: CommandId([0; 16]), digest: [0; 16] };
            self.decide(id, &command, &origin, at)?.ok();
            let entry = self.auctions.get(&id);
            let still = entry.is_none_or(|entry| entry.auction.version() == version);
            if still {
                return Ok(());
            }
        }
    }

    /// The chain's hash at an auction's last event, which is written now if it was not yet.
    fn head(&mut self, id: AuctionId, last: After) -> Digest {
        if let After::Draft(_) = last {
            write(std::slice::from_mut(self));
        }
        match self.auctions.get(&id).map_or(last, |entry| entry.last) {
            After::Hash(hash) => hash,
            After::Draft(_) => unreachable!("everything decided has been written"),
        }
    }

    /// Judges a command, and makes what it caused part of the open batch.
    fn decide(
        &mut self,
        id: AuctionId,
        command: &Command,
        origin: &Origin,
        at: Time,
    ) -> Result<Result<Accepted, Refused>, Panicked> {
        #[cfg(feature = "mutants")]
        let planted = self.planted(id);
        let entry = self.auctions.get_mut(&id).filter(|entry| !entry.closed_off);
        let entry = entry.ok_or(Panicked)?;
        let auction = &mut entry.auction;
        let judged = guarded(id, || {
            let events = auction.decide(command, at)?;
            #[cfg(feature = "mutants")]
            let events = planted.spoil(events, auction, command, at);
            events.iter().for_each(|event| auction.apply(event));
            Ok(events)
        });
        let events = match judged {
            Err(Panicked) => {
                self.spoiled(id);
                return Err(Panicked);
            }
            Ok(Err(refusal)) => return Ok(Err(refused(auction, refusal, at))),
            Ok(Ok(events)) => events,
        };
        if !entry.touched {
            entry.touched = true;
            self.open.touched.push(id);
        }
        if matches!(command.action, Action::Create(_)) {
            entry.auction.share_terms(|terms| self.shelf.same(terms));
        }
        let key = entry.key(&self.log_key, self.house);
        let mut last = None;
        let concerned = entry.concerns_so_far();
        let first = events.first().map(|event| event.version);
        for event in events {
            self.position += 1;
            let event = Arc::new(event);
            let decided = Decided {
                event: Arc::clone(&event),
                origin: *origin,
                key: Arc::clone(&key),
                after: entry.last,
                previous: entry.position,
                position: self.position,
            };
            entry.note(&event, After::Draft(self.open.decided.len()), self.position);
            self.open.decided.push(decided);
            last = Some(event);
        }
        if let Some(last) = &last
            && origin.command != CommandId([0; 16])
        {
            let first = first.filter(|_| mutant::on("first_event_recalled"));
            let version = first.unwrap_or(last.version);
            entry.accepted.insert(origin.command, &origin.digest, version);
        }
        self.counting.follow(entry, concerned);
        reindex(&mut self.deadlines, entry);
        let state = entry.auction.phase().map_or("draft", |phase| phase.word());
        let end = entry.auction.effective_end();
        Ok(match last {
            Some(event) => Ok(Accepted { event, state, end, receipt: None }),
            None => Err(Refused::new(Refusal::TermsLocked, entry.auction.version(), at, end)),
        })
    }

    /// How many records and answers wait to be taken as a batch.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let events = self.open.records.len() + self.open.decided.len();
        events.max(self.open.replies.len())
    }

    /// What is to be made durable next; none if nothing waits, not even an answer. Batches must be
    /// settled in the order in which they were taken.
    pub fn take_batch(&mut self) -> Option<Batch> {
        if self.waiting() == 0 {
            return None;
        }
        write(std::slice::from_mut(self));
        let mut held = std::mem::take(&mut self.open);
        // The next batch will be about as large.
        self.open.decided = std::mem::take(&mut held.decided);
        self.open.replies.reserve(held.replies.len());
        self.open.touched.reserve(held.touched.len());
        held.last = self.position;
        held.changes.reserve(held.touched.len());
        for id in &held.touched {
            let Some(entry) = self.auctions.get_mut(id) else { continue };
            entry.touched = false;
            match guarded(*id, || entry.change()) {
                Ok(change) => held.changes.extend(change),
                Err(Panicked) => self.spoiled(*id),
            }
        }
        let records = std::mem::take(&mut held.records);
        let leaves = held.wanted.iter().map(|wanted| wanted.leaf(&records)).collect();
        self.in_flight.push_back(held);
        Some(Batch { records, leaves })
    }

    /// Takes the evidence of what it has decided, in that order.
    fn keep(&mut self, written: &mut impl Iterator<Item = Written>) {
        self.open.records.reserve(self.open.decided.len());
        for (decided, written) in self.open.decided.drain(..).zip(written) {
            if let Some(entry) = self.auctions.get_mut(&decided.event.auction) {
                entry.last = After::Hash(written.hash);
            }
            self.open.records.push(decided.record(self.partition, written));
        }
    }

    /// The oldest batch taken is durable: what it lets out.
    pub fn committed(&mut self) -> Effects<R> {
        let Some(held) = self.in_flight.pop_front() else { return Effects::default() };
        self.durable = held.last;
        #[cfg(feature = "mutants")]
        self.is_certain();
        let receipts = held.wanted.iter().map(|wanted| wanted.reply).collect();
        Effects { changes: held.changes, replies: held.replies, receipts }
    }

    /// A planted bug: refusals of the batch that was just taken, before it is durable.
    #[cfg(feature = "mutants")]
    pub(crate) fn refused_too_early(&mut self) -> Vec<(R, Settled)> {
        let Some(held) = self.in_flight.back_mut().filter(|held| held.wanted.is_empty()) else {
            return Vec::new();
        };
        let refused = |settled: &Settled| matches!(settled, Settled::Answer(Answer::Refused(_)));
        held.replies.extract_if(.., |(_, settled)| refused(settled)).collect()
    }

    /// A commit failed: everybody who waits is told `failure`, and the auctions that were touched
    /// since the log was last known are forgotten, to be re-read.
    pub fn failed(&mut self, failure: &Failure) -> (Effects<R>, Vec<AuctionId>) {
        let mut lost = BTreeSet::new();
        let mut replies = Vec::new();
        let open = std::mem::take(&mut self.open);
        for held in self.in_flight.drain(..).chain([open]) {
            lost.extend(held.touched);
            let told = |(reply, _)| (reply, Settled::Failed(failure.clone()));
            replies.extend(held.replies.into_iter().map(told));
        }
        lost.retain(|id| !self.is_closed_off(*id));
        lost.iter().for_each(|id| self.forget(*id));
        if !mutant::on("failed_refusals_remembered") {
            self.refusals.clear();
        }
        self.position = self.durable;
        (Effects { replies, ..Effects::default() }, lost.into_iter().collect())
    }

    /// Forgets an auction, to read it again.
    pub(crate) fn forget(&mut self, id: AuctionId) {
        let Some(mut entry) = self.auctions.remove(&id) else { return };
        self.counting.free(&mut entry);
        if let Some(deadline) = entry.deadline {
            self.deadlines.remove(&(deadline, id));
        }
    }

    /// Closes an auction off: nothing more is decided about it.
    pub(crate) fn quarantine(&mut self, id: AuctionId) {
        self.keep_reserved(id);
        self.forget(id);
        self.cold.forget(id);
        let mut entry = Entry::new(id, self.house);
        entry.closed_off = true;
        self.auctions.insert(id, Box::new(entry));
    }

    fn is_closed_off(&self, id: AuctionId) -> bool {
        self.auctions.get(&id).is_some_and(|entry| entry.closed_off)
    }

    /// Closes an auction off whose rules panicked. Its history holds: a restart brings it back.
    fn spoiled(&mut self, id: AuctionId) {
        self.quarantine(id);
        self.panicked.push(id);
    }

    /// The auctions whose rules have panicked since this was asked last: readers are to be shown
    /// nothing of them.
    pub fn panicked(&mut self) -> Vec<AuctionId> {
        std::mem::take(&mut self.panicked)
    }

    /// What readers should see of an auction that was restored; none if it is not here.
    pub(crate) fn restored(&mut self, id: AuctionId) -> Option<Change> {
        let entry = self.auctions.get_mut(&id)?;
        guarded(id, || entry.whole_change()).unwrap_or_else(|Panicked| {
            self.spoiled(id);
            None
        })
    }

    /// The auctions of this partition.
    pub fn auctions(&self) -> impl Iterator<Item = &Auction> {
        self.auctions.values().map(|entry| &entry.auction)
    }

    /// Whether an auction is here and nothing is left to do about it.
    pub(crate) fn is_settled(&self, id: AuctionId) -> bool {
        self.auctions.get(&id).is_some_and(|entry| entry.auction.is_settled())
    }

    /// The last position known to be durable.
    #[must_use]
    pub const fn durable(&self) -> Position {
        self.durable
    }

    /// When time will next do something by itself.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|(due, _)| due.plus(lateness()))
    }
}

/// Writes all that these shards have decided. A batch that is taken is written anyway; those of
/// several shards cost less together.
pub fn write<R>(shards: &mut [Shard<R>]) {
    let mut drafts = Vec::new();
    for shard in &*shards {
        let first = drafts.len();
        drafts.extend(shard.open.decided.iter().map(|decided| decided.draft(first)));
    }
    let mut written = encode_all(&drafts).into_iter();
    shards.iter_mut().for_each(|shard| shard.keep(&mut written));
}

/// A planted bug: how much later than it is due time is looked at, in microseconds.
fn lateness() -> i64 {
    if mutant::on("closes_late") { 20 * SECOND } else { 0 }
}

/// What is told of a command that is refused as things stand.
fn refused(auction: &Auction, refusal: Refusal, at: Time) -> Refused {
    let (version, end) = (auction.version(), auction.effective_end());
    Refused::new(refusal, version, at.max(auction.last_at()), end)
}

/// A head ready to be swapped in.
fn shown(auction: &Auction) -> Option<Arc<gavel_auction::view::Head>> {
    auction.head().map(Arc::new)
}
