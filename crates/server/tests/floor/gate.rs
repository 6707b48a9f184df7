//! A gate before the store: while it is closed, whoever reads waits, and while it is barred, he is
//! turned away. So a test sees who it is that waits, and whether anything else goes on meanwhile.

use gavel_auction::ids::AuctionId;
use gavel_engine::log::{LogError, LogReader, Partition, Position, Record};
use gavel_engine::snapshot::{Kept, Mark, Snapshots, Tag};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// How long somebody waits before he says that nobody opens.
const LONG: Duration = Duration::from_secs(10);

/// The gate.
#[derive(Default)]
pub struct Gate {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    barred: bool,
    waiting: u64,
    /// How often those who waited were let in.
    opened: u64,
    /// Whether somebody waited in vain.
    in_vain: bool,
}

impl Gate {
    /// From now on readers wait.
    pub fn close(&self) {
        *self.state() = State { closed: true, ..State::default() };
    }

    /// How many wait.
    pub fn waiting(&self) -> u64 {
        self.state().waiting
    }

    /// Lets those in who wait now; whoever comes later waits again.
    pub fn let_in(&self) {
        self.state().opened += 1;
        self.moved.notify_all();
    }

    /// From now on nobody can read, or everybody again.
    pub fn bar(&self, barred: bool) {
        self.state().barred = barred;
    }

    /// Nobody waits any more: whether somebody has waited in vain.
    pub fn open(&self) -> bool {
        let mut state = self.state();
        state.closed = false;
        self.moved.notify_all();
        state.in_vain
    }

    fn pass(&self) -> Result<(), LogError> {
        let mut state = self.state();
        let opened = state.opened;
        state.waiting += 1;
        let shut = |state: &mut State| state.closed && state.opened == opened;
        let waited = self.moved.wait_timeout_while(state, LONG, shut);
        let (mut state, timeout) = waited.expect("no reader panics");
        state.waiting -= 1;
        state.in_vain |= timeout.timed_out();
        if state.barred { Err(LogError::Unreadable("barred".into())) } else { Ok(()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no reader panics")
    }
}

/// A store behind the gate.
pub struct Behind<T: ?Sized>(pub Arc<Gate>, pub Arc<T>);

impl LogReader for Behind<dyn LogReader> {
    fn last_position(&self, partition: Partition) -> Result<Position, LogError> {
        self.1.last_position(partition)
    }

    fn scan(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Record>, LogError> {
        self.1.scan(partition, after, limit)
    }

    fn get(&self, partition: Partition, position: Position) -> Result<Option<Record>, LogError> {
        self.0.pass()?;
        self.1.get(partition, position)
    }
}

impl Snapshots for Behind<dyn Snapshots> {
    fn mark(&self, partition: Partition) -> Result<Option<Mark>, LogError> {
        self.1.mark(partition)
    }

    fn tags(&self, partition: Partition) -> Result<Vec<Tag>, LogError> {
        self.1.tags(partition)
    }

    fn load(&self, auctions: &[AuctionId]) -> Result<Vec<Kept>, LogError> {
        self.0.pass()?;
        self.1.load(auctions)
    }

    fn put(&self, mark: &Mark, kept: &[Kept]) -> Result<(), LogError> {
        self.1.put(mark, kept)
    }

    fn clear(&self, partition: Partition) -> Result<(), LogError> {
        self.1.clear(partition)
    }
}
