//! The drive loop: one thread that pumps all shards of the process. Takes what waits, has it
//! decided, has it committed, lets the effects out. Knows threads and the clock; knows no rule.

use crate::answer::Failure;
use crate::committer::{Commit, Committed};
use crate::effect::{Effects, Settled};
use crate::engine::{Shared, partition_of};
use crate::inbox::{Envelope, Reply};
use crate::limits;
use crate::log::{LogError, Position, Record};
use crate::recover;
use crate::residents::{Loaded, Loader, Residents};
use crate::shard::Shard;
use gavel_auction::mutant;
use gavel_auction::time::{SECOND, Time};
use gavel_proof::receipt::{Leaf, issue};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long the loop sleeps at most when nothing is due.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);

/// How long it sleeps at least: what is due may have to wait for a commit under way.
const SHORTEST_SLEEP: Duration = Duration::from_micros(50);

/// How long the loop waits for a commit before it looks at time again.
const LONGEST_COMMIT: Duration = Duration::from_millis(50);

/// After so many microseconds a commit under way may be one that never ends.
const LATE_COMMIT: i64 = SECOND;

/// How often a log that cannot be read is tried again once the house is to stop.
const LAST_TRIES: usize = 4;

/// How often settled auctions leave memory, in microseconds.
const THIN_OUT_EVERY: i64 = 100_000;

/// The loop and what it owns.
pub(crate) struct Drive<C> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) shards: Vec<Shard<Reply>>,
    pub(crate) committer: C,
    pub(crate) stopping: Arc<AtomicBool>,
    /// When the batch under way was handed over, if there is one.
    pub(crate) committing: Option<Time>,
    /// Since when nothing that was handed over could be written; none if the last could, or the
    /// store has been opened again.
    pub(crate) dark: Option<Time>,
    /// Whether the log could not be re-read before the house was to stop: nothing more is decided.
    pub(crate) gave_up: bool,
    /// How the batch under way has ended, if that was awaited.
    pub(crate) ended: Option<Committed>,
    /// What has become durable and is still to be let out.
    pub(crate) durable: Option<Durable>,
    /// The receipts of the batch under way, in the order of its leaves.
    pub(crate) receipts: std::vec::IntoIter<Vec<u8>>,
    pub(crate) loader: Loader,
    /// When settled auctions were last looked at.
    pub(crate) thinned: Time,
    pub(crate) scratch: Vec<Envelope>,
}

/// A batch that has become durable, before anybody hears of it.
pub(crate) struct Durable {
    /// Of each shard.
    effects: Vec<Effects<Reply>>,
    /// The receipts of its leaves.
    receipts: std::vec::IntoIter<Vec<u8>>,
    /// For those who listen.
    records: Vec<Record>,
}

/// What one turn of the loop has done.
pub(crate) struct Turn {
    /// Whether a batch was settled.
    pub(crate) ended: bool,
    /// Whether there was no room for it.
    pub(crate) full: bool,
    /// How many commands were decided.
    pub(crate) took: usize,
    /// Whether a batch was handed over.
    pub(crate) sent: bool,
}

impl<C: Commit> Drive<C> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        shards: Vec<Shard<Reply>>,
        committer: C,
        loader: Loader,
        stopping: Arc<AtomicBool>,
    ) -> Self {
        Self {
            shared,
            shards,
            committer,
            stopping,
            committing: None,
            dark: None,
            gave_up: false,
            ended: None,
            durable: None,
            receipts: Vec::new().into_iter(),
            loader,
            thinned: Time(0),
            scratch: Vec::new(),
        }
    }

    /// Settles what has ended, decides what waits, hands over what was decided.
    pub(crate) fn turn(&mut self) -> Turn {
        self.ended = self.ended.take().or_else(|| self.committer.ended());
        let full = matches!(self.ended, Some(Committed::Full));
        let ended = self.settle();
        if self.gave_up {
            return Turn { ended, full, took: 0, sent: false };
        }
        let took = self.decide();
        let sent = self.commit();
        // Last, so that the disk already works for the next batch.
        self.let_out();
        let turn = Turn { ended, full, took, sent };
        if !self.awaits_the_disk(&turn) {
            self.note_alive();
        }
        turn
    }

    /// The house is alive, unless it may be that no bid gets through at present.
    fn note_alive(&self) {
        let now = self.shared.clock.now();
        let late = |since: Option<Time>| since.map_or(0, |since| now.since(since));
        // Whether it lasts is known after a minute: then that is an outage, or nobody has tried.
        let failing = self.dark.is_some() && late(self.dark) <= limits::OUTAGE_SECONDS * SECOND;
        if !failing && late(self.committing) <= LATE_COMMIT {
            self.shared.note_alive(now);
        }
    }

    /// Whether nothing is left to do before the commit under way has ended.
    fn awaits_the_disk(&self, turn: &Turn) -> bool {
        self.committing.is_some() && !turn.sent && turn.took == 0
    }

    /// Runs until it is told to stop and everything that waited has been answered. What time has
    /// made due waits for the next start where there is no room for it.
    pub(crate) fn run(mut self) {
        loop {
            let stopping = self.stopping.load(Ordering::Acquire);
            let turn = self.turn();
            let answered = turn.took == 0 && self.shared.waiting() == 0;
            let gave_up = self.gave_up || self.committer.gave_up();
            if stopping && (gave_up || turn.full && answered) {
                return self.turn_away();
            }
            if turn.full && answered {
                // What time has made due is tried again, but not all the time.
                self.shared.bell.rest(LONGEST_COMMIT, || self.shared.waiting() == 0);
            }
            if self.awaits_the_disk(&turn) {
                // What arrives now cannot become durable before this commit has ended, so being
                // woken for each arrival would only cost; the end of the commit wakes.
                self.ended = self.committer.await_end(LONGEST_COMMIT);
                continue;
            }
            if turn.took == 0 && !turn.ended && !turn.sent {
                let parked = self.shards.iter().any(|shard| shard.parked() > 0);
                let idle = self.committing.is_none() && !parked && self.shared.waiting() == 0;
                if stopping && idle {
                    return;
                }
                let idle = || {
                    let loaded = self.shared.residents.iter().any(Residents::has_loaded);
                    let stopping = self.stopping.load(Ordering::Acquire);
                    self.shared.waiting() == 0 && !loaded && !stopping
                };
                self.shared.bell.rest(self.sleep(), idle);
            }
        }
    }

    /// The house stops though not everything was answered: of what nobody has looked at yet nothing
    /// was done.
    fn turn_away(self) {
        for inbox in &self.shared.inboxes {
            for envelope in inbox.take(usize::MAX, &self.shared.clock, Vec::new()).envelopes {
                tell(envelope.reply, Settled::Failed(Failure::Stopping));
            }
        }
    }

    /// Has a share of what waits decided, then whatever time has made due.
    fn decide(&mut self) -> usize {
        self.close_off();
        let mut took = self.take_in();
        for (partition, inbox) in self.shared.inboxes.iter().enumerate() {
            let room = limits::DECIDED_AT_ONCE.saturating_sub(self.shards[partition].waiting());
            let scratch = std::mem::take(&mut self.scratch);
            let mut taken = inbox.take(room, &self.shared.clock, scratch);
            if self.shared.exposure.is_on() {
                // After the taking: whoever got a limit before he bid is held to it.
                self.shards.iter_mut().for_each(Shard::count);
            }
            let shard = &mut self.shards[partition];
            took += taken.envelopes.len();
            for Envelope { ask, entered, reply } in taken.envelopes.drain(..) {
                shard.submit(ask, entered, reply);
            }
            for id in shard.wanted() {
                if !self.loader.want(id) {
                    shard.want_again(id);
                }
            }
            shard.tick(taken.until);
            self.shared.close_off_panicked(shard);
            self.scratch = taken.envelopes;
        }
        took
    }

    /// Tells the shards of auctions whose history was found to be damaged.
    fn close_off(&mut self) {
        for id in self.shared.newly_quarantined().drain(..) {
            let partition = usize::from(partition_of(id, self.shards.len()));
            if let Some(shard) = self.shards.get_mut(partition) {
                shard.quarantine(id);
            }
        }
    }

    /// Takes in auctions that were loaded.
    fn take_in(&mut self) -> usize {
        let mut took = 0;
        for (residents, shard) in self.shared.residents.iter().zip(&mut self.shards) {
            for (id, loaded) in residents.loaded() {
                took += 1;
                match loaded {
                    Loaded::Whole(snapshot) => {
                        if let Some(change) = shard.loaded(*snapshot) {
                            self.shared.views.replace(change);
                            residents.note(id);
                        }
                    }
                    Loaded::Damaged => shard.not_loaded(id),
                    Loaded::Unread => shard.turn_away(id),
                }
                shard.unpark(id);
            }
        }
        took
    }

    /// Lets settled auctions leave memory, now and then.
    fn thin_out(&mut self) {
        let now = self.shared.clock.now();
        if now.since(self.thinned) >= THIN_OUT_EVERY {
            self.thinned = now;
            for (residents, shard) in self.shared.residents.iter().zip(&mut self.shards) {
                residents.thin_out(&self.shared, shard);
            }
        }
    }

    /// Hands what was decided to the committer, if that is free.
    fn commit(&mut self) -> bool {
        if self.committing.is_some() || self.shards.iter().all(|shard| shard.waiting() == 0) {
            return false;
        }
        let mut records: Vec<Record> = Vec::new();
        let mut leaves: Vec<Leaf> = Vec::new();
        for shard in &mut self.shards {
            // A batch is taken of every shard, so that all are settled together.
            if let Some(batch) = shard.take_batch() {
                records.extend(batch.records);
                leaves.extend(batch.leaves);
            }
            self.shared.close_off_panicked(shard);
        }
        if records.is_empty() {
            // Answers only: they may tell of what is durable but not let out yet.
            self.let_out();
            self.sign(&leaves);
            self.conclude(records);
        } else {
            self.committing = Some(self.shared.clock.now());
            self.shared.written.records.count(records.len() as u64);
            #[cfg(feature = "mutants")]
            let records = self.spoil(records);
            self.committer.commit(records);
            // While the disk works: nobody waits longer for his receipt than for his answer.
            self.sign(&leaves);
        }
        true
    }

    /// Planted bugs: something gets out of a batch that is only being handed over.
    #[cfg(feature = "mutants")]
    fn spoil(&mut self, records: Vec<Record>) -> Vec<Record> {
        if mutant::on("publish_before_durable") {
            self.shared.feed.publish(records.clone());
        }
        if mutant::on("ack_before_commit") {
            self.conclude(Vec::new());
            self.let_out();
        }
        if mutant::on("refusals_not_held") {
            for shard in &mut self.shards {
                for (reply, settled) in shard.refused_too_early() {
                    tell(reply, settled);
                }
            }
        }
        records
    }

    /// Makes the receipts of a batch, all under one signature; nothing where nobody asked.
    fn sign(&mut self, leaves: &[Leaf]) {
        let receipts = if leaves.is_empty() {
            Vec::new()
        } else {
            let Shared { house, clock, log_key, signer, .. } = &*self.shared;
            issue(leaves, *house, clock.now(), log_key, signer)
        };
        self.receipts = receipts.into_iter();
    }

    /// Sees to the batch under way, if that has ended.
    fn settle(&mut self) -> bool {
        let Some(committed) = self.ended.take() else { return false };
        let begun = self.committing.take();
        if let Some(begun) = begun {
            let took = self.shared.clock.now().since(begun);
            self.shared.written.micros.count(u64::try_from(took).unwrap_or(0));
        }
        match &committed {
            Committed::Durable(_) => {
                self.dark = None;
                // The oldest batch after an outage holds what that gives back, if anything.
                *self.shared.away() = None;
            }
            Committed::Full | Committed::Settled => self.dark = self.dark.or(begun),
        }
        match committed {
            Committed::Durable(_) if mutant::on("ack_before_commit") => {}
            Committed::Durable(records) => self.conclude(records),
            Committed::Settled if mutant::on("commit_error_is_refusal") => {
                self.reread(&Failure::StorageFull);
            }
            Committed::Full => self.reread(&Failure::StorageFull),
            Committed::Settled => {
                self.reread(&Failure::OutcomeUnknown);
                // The store has been opened again and holds a barrier: it can be written.
                self.dark = None;
                self.shared.dealt_with_outage(&self.shards);
            }
        }
        true
    }

    /// The oldest batch is durable: it may be let out.
    fn conclude(&mut self, records: Vec<Record>) {
        let effects = self.shards.iter_mut().map(Shard::committed).collect();
        let receipts = std::mem::take(&mut self.receipts);
        self.durable = Some(Durable { effects, receipts, records });
    }

    /// Lets out what has become durable.
    fn let_out(&mut self) {
        if let Some(Durable { effects, mut receipts, records }) = self.durable.take() {
            for (partition, effects) in effects.into_iter().enumerate() {
                let durable = self.shards.get(partition).map_or(0, Shard::durable);
                self.speak(effects, &mut receipts, partition, durable);
            }
            self.shared.progress.send_modify(|commits| *commits += 1);
            self.shared.feed.publish(records);
        }
        self.thin_out();
    }

    /// Heads first, then the answers.
    fn speak(
        &self,
        mut effects: Effects<Reply>,
        receipts: &mut std::vec::IntoIter<Vec<u8>>,
        partition: usize,
        durable: Position,
    ) {
        let mut touched = Vec::with_capacity(effects.changes.len());
        for change in effects.changes {
            touched.push(change.head.auction);
            if change.is_settled()
                && let Some(residents) = self.shared.residents.get(partition)
            {
                residents.note(change.head.auction);
            }
            self.shared.views.publish(change);
        }
        if let Some(lists) = self.shared.touched.get(partition) {
            lists.note(durable, touched.into_iter());
        }
        // Before the answers: whoever got one may ask for all that is let out.
        self.shared.release(partition, durable);
        if mutant::on("receipt_of_the_neighbour") && effects.receipts.len() > 1 {
            effects.receipts.rotate_left(1);
        }
        for (reply, receipt) in effects.receipts.into_iter().zip(receipts) {
            if let Some((_, Settled::Answer(answer))) = effects.replies.get_mut(reply) {
                answer.give(receipt.into());
            }
        }
        for (reply, settled) in effects.replies {
            tell(reply, settled);
        }
    }

    /// Drops the tentative state, tells everybody who waits, and re-reads what is durable.
    fn reread(&mut self, failure: &Failure) {
        let failed = self.shards.iter_mut().map(|shard| shard.failed(failure));
        let (effects, lost): (Vec<_>, Vec<_>) = failed.unzip();
        for (reply, settled) in effects.into_iter().flat_map(|effects| effects.replies) {
            tell(reply, settled);
        }
        let mut tries = 0;
        for ((partition, shard), lost) in (0..).zip(&mut self.shards).zip(lost) {
            let durable = shard.durable();
            while let Err(error) = recover::reread(&self.shared, shard, partition, durable, &lost) {
                tracing::error!(%error, "the log cannot be re-read");
                if matches!(error, LogError::Damaged { .. }) {
                    break;
                }
                tries += usize::from(self.stopping.load(Ordering::Acquire));
                if tries == LAST_TRIES {
                    self.gave_up = true;
                    return;
                }
                self.committer.pause(LONGEST_SLEEP);
            }
            self.shared.release(usize::from(partition), shard.durable());
            self.shared.feed.missed(&lost);
        }
        self.note_outage();
        let mut away = *self.shared.away();
        if mutant::on("outage_lost_with_its_commit") {
            away = None;
            self.shards.iter_mut().for_each(|shard| shard.outage = None);
        }
        if let Some((from, to)) = away {
            // What the outage gives back was among what is lost.
            self.shards.iter_mut().for_each(|shard| shard.outlasted(from, to));
        }
        self.shared.progress.send_modify(|commits| *commits += 1);
    }

    /// If nothing could be written for more than a minute, nobody could bid: that is an outage as
    /// if the house had not been there, from the first batch that failed until now.
    fn note_outage(&self) {
        let now = self.shared.clock.now();
        let long = |since: &Time| now.since(*since) > limits::OUTAGE_SECONDS * SECOND;
        let Some(since) = self.dark.filter(long) else { return };
        if !mutant::on("outage_while_open_ignored") {
            self.shared.was_away(since, now);
        }
    }

    fn sleep(&self) -> Duration {
        let due = self.shards.iter().filter_map(Shard::next_deadline).min();
        let now = self.shared.clock.now();
        let until = |due: Time| {
            let micros = u64::try_from(due.since(now)).unwrap_or(0);
            Duration::from_micros(micros).max(SHORTEST_SLEEP)
        };
        due.map_or(LONGEST_SLEEP, until).min(LONGEST_SLEEP)
    }
}

/// Who has stopped waiting does not hear it; he can ask again by the same key.
fn tell(reply: Reply, settled: Settled) {
    drop(reply.send(settled));
}
