//! Who watches an auction: each user once, however many sockets he has; whoever comes back within
//! a few seconds was never away. Knows no socket.

use gavel_auction::ids::UserId;
use gavel_auction::time::{SECOND, Time};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// How long somebody may be away without having left.
const GRACE: i64 = 10 * SECOND;

/// Names that are told at most.
const NAMES: usize = 50;

/// Who watches one auction.
#[derive(Default)]
pub(super) struct Presence {
    users: HashMap<UserId, Here>,
    /// Sockets without a user.
    others: usize,
    /// Until when those of them who have gone count.
    ghosts: VecDeque<Time>,
    /// What was told last.
    told: usize,
}

struct Here {
    name: Arc<str>,
    sockets: usize,
    /// Until when he counts though he has no socket.
    until: Option<Time>,
}

impl Presence {
    /// A socket comes, of a user or of nobody in particular.
    pub(super) fn come(&mut self, user: Option<(UserId, Arc<str>)>) {
        match user {
            Some((user, name)) => {
                let new = Here { name, sockets: 0, until: None };
                let here = self.users.entry(user).or_insert(new);
                here.sockets += 1;
                here.until = None;
            }
            None => {
                self.others += 1;
                // Most likely the one who has just gone.
                self.ghosts.pop_front();
            }
        }
    }

    /// A socket goes: because its user said so, or he may be back at once.
    pub(super) fn go(&mut self, user: Option<UserId>, for_good: bool, now: Time) {
        let until = now.plus(if for_good { 0 } else { GRACE });
        match user.map(|user| self.users.get_mut(&user)) {
            Some(Some(here)) => {
                here.sockets = here.sockets.saturating_sub(1);
                here.until = (here.sockets == 0).then_some(until);
            }
            Some(None) => {}
            None => {
                self.others = self.others.saturating_sub(1);
                if !for_good {
                    self.ghosts.push_back(until);
                }
            }
        }
    }

    /// Somebody is here no more, whatever sockets he has: he was erased.
    pub(super) fn forget(&mut self, user: UserId) {
        self.users.remove(&user);
    }

    /// How many are here.
    pub(super) fn count(&mut self, now: Time) -> usize {
        self.users.retain(|_, here| here.until.is_none_or(|until| now < until));
        while self.ghosts.front().is_some_and(|until| *until <= now) {
            self.ghosts.pop_front();
        }
        self.users.len() + self.others + self.ghosts.len()
    }

    /// How many are here, if that was not told yet.
    pub(super) fn news(&mut self, now: Time) -> Option<usize> {
        let count = self.count(now);
        (std::mem::replace(&mut self.told, count) != count).then_some(count)
    }

    /// The names of some of those who are here, in their order.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        let names: BTreeSet<&Arc<str>> = self.users.values().map(|here| &here.name).collect();
        names.into_iter().take(NAMES).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_tabs_are_one_and_whoever_is_back_soon_was_never_away() {
        let mut presence = Presence::default();
        let anna = UserId::new(1).unwrap();
        let come = |presence: &mut Presence| presence.come(Some((anna, "anna".into())));
        let at = |seconds| Time(seconds * SECOND);
        come(&mut presence);
        come(&mut presence);
        presence.come(None);
        assert_eq!(presence.news(at(0)), Some(2));
        presence.go(Some(anna), false, at(0));
        assert_eq!(presence.news(at(60)), None, "the other tab");
        presence.go(Some(anna), false, at(60));
        assert_eq!(presence.news(at(69)), None, "within the grace");
        come(&mut presence);
        assert_eq!(presence.news(at(200)), None, "back");
        presence.go(Some(anna), true, at(200));
        presence.go(None, false, at(200));
        assert_eq!(presence.news(at(200)), Some(1), "she said so; the other may be back");
        presence.come(None);
        assert_eq!((presence.news(at(205)), presence.names().len()), (None, 0));
        presence.go(None, false, at(205));
        assert_eq!(presence.news(at(215)), Some(0));
    }
}
