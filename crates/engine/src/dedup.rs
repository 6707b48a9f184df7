//! Once per key. What was accepted is known for ever, from the log; what was refused is remembered
//! for a while, so that a repeat soon after gets the same answer.

use crate::answer::Refused;
use foldhash::fast::RandomState;
use gavel_auction::ids::Version;
use gavel_auction::time::{SECOND, Time};
use gavel_proof::codec::Origin;
use gavel_proof::command::CommandId;
use std::collections::{HashMap, VecDeque};

/// How long a refusal is remembered at most.
const MEMORY: i64 = 60 * SECOND;

/// The commands that one auction has accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted(HashMap<CommandId, (u64, Version), RandomState>);

/// What is known of a command's name.
pub(crate) enum Known {
    /// This very command was accepted; its last event is this one.
    Same(Version),
    /// Another command was accepted under that name.
    Other,
}

impl Accepted {
    pub(crate) fn insert(&mut self, id: CommandId, digest: &[u8; 16], version: Version) {
        self.0.insert(id, (short(digest), version));
    }

    /// Notes the command an event came from, if it came from one: time has none.
    pub(crate) fn note(&mut self, origin: &Origin, version: Version) {
        if origin.command != CommandId([0; 16]) {
            self.insert(origin.command, &origin.digest, version);
        }
    }

    /// All of them, in the order of their events.
    pub(crate) fn list(&self) -> Vec<([u8; 16], u64, Version)> {
        let mut all: Vec<_> =
            self.0.iter().map(|(id, (digest, version))| (id.0, *digest, *version)).collect();
        all.sort_unstable_by_key(|(_, _, version)| *version);
        all
    }

    pub(crate) fn find(&self, id: &CommandId, digest: &[u8; 16]) -> Option<Known> {
        let (known, version) = self.0.get(id)?;
        Some(if *known == short(digest) { Known::Same(*version) } else { Known::Other })
    }
}

impl FromIterator<([u8; 16], u64, Version)> for Accepted {
    fn from_iter<I: IntoIterator<Item = ([u8; 16], u64, Version)>>(all: I) -> Self {
        let entry = |(id, digest, version)| (CommandId(id), (digest, version));
        Self(all.into_iter().map(entry).collect())
    }
}

/// Half of a digest is enough to tell two commands under one key of one actor apart.
fn short(digest: &[u8; 16]) -> u64 {
    u64::from_be_bytes(*digest.first_chunk().expect("16 bytes have a first 8"))
}

/// The refusals of a partition, the newest of them.
pub(crate) struct Refusals {
    by_id: HashMap<CommandId, (u64, Refused), RandomState>,
    order: VecDeque<CommandId>,
    room: usize,
}

impl Refusals {
    pub(crate) fn new(room: usize) -> Self {
        Self { by_id: HashMap::default(), order: VecDeque::new(), room }
    }

    pub(crate) fn find(&self, id: &CommandId, digest: &[u8; 16], now: Time) -> Option<&Refused> {
        let (known, refused) = self.by_id.get(id)?;
        let fresh = now.since(refused.at) < MEMORY;
        (*known == short(digest) && fresh).then_some(refused)
    }

    pub(crate) fn insert(&mut self, id: CommandId, digest: &[u8; 16], refused: Refused) {
        if self.by_id.insert(id, (short(digest), refused)).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > self.room {
            if let Some(oldest) = self.order.pop_front() {
                self.by_id.remove(&oldest);
            }
        }
    }

    /// Forgets all: they were judged on a state that did not become durable.
    pub(crate) fn clear(&mut self) {
        self.by_id.clear();
        self.order.clear();
    }
}
