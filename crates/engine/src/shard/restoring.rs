//! What a shard takes in again: records that the log holds, auctions that were recovered or loaded.
//! Judges nothing: what was decided stays as it was.

use super::entry::Entry;
use super::{Shard, reindex};
use crate::log::{Entry as LogEntry, EventRecord, Position, Record};
use crate::snapshot::{Damage, Snapshot};
use crate::views::Change;
use gavel_auction::mutant;

impl<R> Shard<R> {
    /// Takes in a record that the log holds, in position order: at start, and after a failed
    /// commit.
    ///
    /// # Errors
    /// If it does not continue what came before.
    pub fn restore(&mut self, record: &Record) -> Result<(), Damage> {
        self.position = record.position;
        self.durable = record.position;
        let LogEntry::Event(event) = &record.entry else { return Ok(()) };
        self.restore_event(event, record.position)
    }

    /// Takes in one auction's event again, after it was forgotten.
    ///
    /// # Errors
    /// If it does not continue what came before.
    pub fn restore_event(&mut self, event: &EventRecord, at: Position) -> Result<(), Damage> {
        let house = self.house;
        let id = event.auction;
        let entry = self.auctions.entry(id).or_insert_with(|| Box::new(Entry::new(id, house)));
        if entry.closed_off {
            return Ok(());
        }
        let concerned = entry.concerns_so_far();
        entry.restore(event, at)?;
        self.counting.follow(entry, concerned);
        if mutant::on("deadline_lost") {
            return Ok(());
        }
        reindex(&mut self.deadlines, entry);
        Ok(())
    }

    /// Takes in what recovery found: everything up to this position is known.
    pub(crate) fn recovered(&mut self, position: Position) {
        self.position = position;
        self.durable = position;
    }

    /// Takes in an auction as it was recovered; returns what readers should see of it.
    pub(crate) fn admit(&mut self, snapshot: Snapshot) -> Option<Change> {
        let mut entry = Entry::recovered(snapshot);
        entry.auction.share_terms(|terms| self.shelf.same(terms));
        let id = entry.auction.id();
        let entry = self.auctions.entry(id).insert_entry(Box::new(entry)).into_mut();
        self.counting.begin(entry);
        reindex(&mut self.deadlines, entry);
        self.restored(id)
    }
}
