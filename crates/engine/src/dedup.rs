//! Once per key. What was accepted is known for ever, from the log; what was refused is remembered
//! for a while, so that a repeat soon after gets the same answer.

use crate::answer::Refused;
use foldhash::fast::RandomState;
use gavel_auction::ids::Version;
use gavel_auction::mutant;
use gavel_auction::time::{SECOND, Time};
use gavel_proof::codec::Origin;
use gavel_proof::command::CommandId;
use std::collections::{HashMap, VecDeque};

/// How long a refusal is remembered at most.
const MEMORY: i64 = 60 * SECOND;

/// The commands that one auction has accepted. Most auctions have accepted few, so those take no
/// more room than they need; many are found by hash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accepted {
    few: Vec<One>,
    many: Option<Box<Many>>,
}

/// A command, half of its digest, and its last event.
type One = (CommandId, u64, Version);

type Many = HashMap<CommandId, (u64, Version), RandomState>;

/// How many commands are few.
const FEW: usize = 8;

/// What is known of a command's name.
pub(crate) enum Known {
    /// This very command was accepted; its last event is this one.
    Same(Version),
    /// Another command was accepted under that name.
    Other,
}

impl Accepted {
    pub(crate) fn insert(&mut self, id: CommandId, digest: &[u8; 16], version: Version) {
        self.enter((id, short(digest), version));
    }

    fn enter(&mut self, (id, digest, version): One) {
        if let Some(many) = &mut self.many {
            many.insert(id, (digest, version));
            return;
        }
        self.few.retain(|(known, ..)| *known != id);
        if self.few.len() == FEW {
            let few = std::mem::take(&mut self.few).into_iter();
            let all = few.chain([(id, digest, version)]);
            self.many = Some(Box::new(all.map(|(id, digest, at)| (id, (digest, at))).collect()));
            return;
        }
        if self.few.len() == self.few.capacity() {
            self.few.reserve_exact(self.few.len().max(1));
        }
        self.few.push((id, digest, version));
    }

    /// Notes the command an event came from, if it came from one: time has none.
    pub(crate) fn note(&mut self, origin: &Origin, version: Version) {
        if origin.command != CommandId([0; 16]) && !mutant::on("keys_not_rebuilt") {
            self.insert(origin.command, &origin.digest, version);
        }
    }

    /// All of them, in the order of their events.
    pub(crate) fn list(&self) -> Vec<([u8; 16], u64, Version)> {
        let few = self.few.iter().map(|(id, digest, version)| (id.0, *digest, *version));
        let many = self.many.iter().flat_map(|many| many.iter());
        let many = many.map(|(id, (digest, version))| (id.0, *digest, *version));
        let mut all: Vec<_> = few.chain(many).collect();
        all.sort_unstable_by_key(|(_, _, version)| *version);
        all
    }

    pub(crate) fn find(&self, id: &CommandId, digest: &[u8; 16]) -> Option<Known> {
        let (known, version) = match &self.many {
            Some(many) => *many.get(id)?,
            None => {
                let (_, known, version) = self.few.iter().find(|(few, ..)| few == id)?;
                (*known, *version)
            }
        };
        let same = known == short(digest) || mutant::on("body_ignored");
        Some(if same { Known::Same(version) } else { Known::Other })
    }
}

impl PartialEq for Accepted {
    fn eq(&self, other: &Self) -> bool {
        self.list() == other.list()
    }
}

impl Eq for Accepted {}

impl FromIterator<([u8; 16], u64, Version)> for Accepted {
    fn from_iter<I: IntoIterator<Item = ([u8; 16], u64, Version)>>(all: I) -> Self {
        let mut accepted = Self::default();
        all.into_iter().for_each(|(id, digest, at)| accepted.enter((CommandId(id), digest, at)));
        accepted
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
        let same = *known == short(digest) || mutant::on("refusals_by_key_only");
        (same && fresh).then_some(refused)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_commands_are_known_alike() {
        let mut accepted = Accepted::default();
        for count in 1..=3 * FEW {
            let n = u8::try_from(count).unwrap();
            let (id, digest) = (CommandId([n; 16]), [n; 16]);
            assert!(accepted.find(&id, &digest).is_none());
            accepted.insert(id, &digest, u64::from(n));
            for known in 1..=n {
                let found = accepted.find(&CommandId([known; 16]), &[known; 16]);
                assert!(matches!(found, Some(Known::Same(at)) if at == u64::from(known)));
                let other = accepted.find(&CommandId([known; 16]), &[0; 16]);
                assert!(matches!(other, Some(Known::Other)));
            }
            assert_eq!(accepted.list().len(), count);
            assert_eq!(accepted.list().into_iter().collect::<Accepted>(), accepted);
        }
    }

    #[test]
    fn a_command_of_several_events_is_one() {
        let mut accepted = Accepted::default();
        accepted.insert(CommandId([1; 16]), &[1; 16], 1);
        accepted.insert(CommandId([1; 16]), &[1; 16], 2);
        assert_eq!(accepted.list().len(), 1);
        let found = accepted.find(&CommandId([1; 16]), &[1; 16]);
        assert!(matches!(found, Some(Known::Same(2))));
    }
}
