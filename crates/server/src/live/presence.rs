//! Who watches an auction: each user once, however many sockets he has; whoever comes back within
//! a few seconds was never away. Knows no socket.

use gavel_auction::ids::UserId;
use gavel_auction::time::{SECOND, Time};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
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
    /// Who has come and gone since, by name.
    came: BTreeMap<UserId, Arc<str>>,
    went: BTreeMap<UserId, Arc<str>>,
}

/// What is new about who is here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub(super) count: usize,
    /// The names of some of those who have come and gone.
    pub(super) joined: Vec<Arc<str>>,
    pub(super) left: Vec<Arc<str>>,
}

struct Here {
    /// None where he is not to be named any more.
    name: Option<Arc<str>>,
    sockets: usize,
    /// Until when he counts though he has no socket.
    until: Option<Time>,
}

impl Presence {
    /// A socket comes, of a user, by name if he may be named, or of nobody in particular.
    pub(super) fn come(&mut self, user: Option<(UserId, Option<Arc<str>>)>) {
        match user {
            Some((user, name)) => {
                let new = || {
                    if self.went.remove(&user).is_none()
                        && let Some(name) = &name
                    {
                        self.came.insert(user, Arc::clone(name));
                    }
                    Here { name, sockets: 0, until: None }
                };
                let here = self.users.entry(user).or_insert_with(new);
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

    /// Somebody is here no more, whatever sockets he has, and never was: he was erased.
    pub(super) fn forget(&mut self, user: UserId) {
        self.users.remove(&user);
        self.came.remove(&user);
        self.went.remove(&user);
    }

    /// How many are here.
    pub(super) fn count(&mut self, now: Time) -> usize {
        let (came, went) = (&mut self.came, &mut self.went);
        self.users.retain(|user, here| {
            let stays = here.until.is_none_or(|until| now < until);
            if !stays
                && came.remove(user).is_none()
                && let Some(name) = &here.name
            {
                went.insert(*user, Arc::clone(name));
            }
            stays
        });
        while self.ghosts.front().is_some_and(|until| *until <= now) {
            self.ghosts.pop_front();
        }
        self.users.len() + self.others + self.ghosts.len()
    }

    /// What is new, if that was not told yet. Where nobody is named, only how many are here is.
    pub(super) fn news(&mut self, named: bool, now: Time) -> Option<News> {
        let count = self.count(now);
        let some = |all: BTreeMap<UserId, Arc<str>>| match named {
            true => all.into_values().take(NAMES).collect(),
            false => Vec::new(),
        };
        let joined = some(std::mem::take(&mut self.came));
        let left = some(std::mem::take(&mut self.went));
        let other = std::mem::replace(&mut self.told, count) != count;
        let new = other || !joined.is_empty() || !left.is_empty();
        new.then_some(News { count, joined, left })
    }

    /// The names of some of those who are here, in their order.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        let names: BTreeSet<&Arc<str>> =
            self.users.values().filter_map(|here| here.name.as_ref()).collect();
        names.into_iter().take(NAMES).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time(seconds * SECOND)
    }

    #[test]
    fn several_tabs_are_one_and_whoever_is_back_soon_was_never_away() {
        let mut presence = Presence::default();
        let anna = UserId::new(1).unwrap();
        let come = |presence: &mut Presence| presence.come(Some((anna, Some("anna".into()))));
        let count = |presence: &mut Presence, seconds| {
            presence.news(false, at(seconds)).map(|news| news.count)
        };
        come(&mut presence);
        come(&mut presence);
        presence.come(None);
        assert_eq!(count(&mut presence, 0), Some(2));
        presence.go(Some(anna), false, at(0));
        assert_eq!(count(&mut presence, 60), None, "the other tab");
        presence.go(Some(anna), false, at(60));
        assert_eq!(count(&mut presence, 69), None, "within the grace");
        come(&mut presence);
        assert_eq!(count(&mut presence, 200), None, "back");
        presence.go(Some(anna), true, at(200));
        presence.go(None, false, at(200));
        assert_eq!(count(&mut presence, 200), Some(1), "she said so; the other may be back");
        presence.come(None);
        assert_eq!((count(&mut presence, 205), presence.names().len()), (None, 0));
        presence.go(None, false, at(205));
        assert_eq!(count(&mut presence, 215), Some(0));
    }

    #[test]
    fn who_came_and_went_is_told_by_name_where_people_are_named() {
        let mut presence = Presence::default();
        let user = |number: i64, name: &str| (UserId::new(number).unwrap(), Some(Arc::from(name)));
        let news = |count, joined: &[&str], left: &[&str]| {
            let names = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect();
            Some(News { count, joined: names(joined), left: names(left) })
        };
        presence.come(Some(user(1, "anna")));
        assert_eq!(presence.news(true, at(0)), news(1, &["anna"], &[]));
        // As many as before, and not the same.
        presence.come(Some(user(2, "bert")));
        presence.go(Some(user(1, "").0), true, at(1));
        assert_eq!(presence.news(true, at(1)), news(1, &["bert"], &["anna"]));
        presence.come(Some(user(1, "anna")));
        presence.go(Some(user(1, "").0), true, at(2));
        assert_eq!(presence.news(true, at(2)), None, "nobody saw her");
        presence.go(Some(user(2, "").0), true, at(3));
        assert_eq!(presence.count(at(3)), 0);
        presence.come(Some(user(2, "bert")));
        assert_eq!(presence.news(true, at(3)), None, "nobody missed him");
        presence.come(Some(user(1, "anna")));
        assert_eq!(presence.news(false, at(4)), news(2, &[], &[]), "where nobody is named");
        assert_eq!(presence.news(true, at(4)), None);
    }

    #[test]
    fn whoever_is_erased_is_not_named_among_those_who_came_or_went() {
        let mut presence = Presence::default();
        let [anna, bert] = [1, 2].map(|number| UserId::new(number).unwrap());
        presence.come(Some((anna, Some("anna".into()))));
        assert_eq!(presence.news(true, at(0)).map(|news| news.joined.len()), Some(1));
        presence.come(Some((bert, Some("bert".into()))));
        presence.go(Some(anna), true, at(0));
        assert_eq!(presence.count(at(0)), 1);
        presence.forget(anna);
        presence.forget(bert);
        assert_eq!(presence.news(true, at(0)), Some(News::default()));
        presence.go(Some(bert), true, at(1));
        assert_eq!((presence.news(true, at(1)), presence.names().len()), (None, 0));
        // One of his sockets comes in after that.
        presence.come(Some((bert, None)));
        let unnamed = |count| Some(News { count, ..News::default() });
        assert_eq!((presence.news(true, at(2)), presence.names().len()), (unnamed(1), 0));
        presence.go(Some(bert), true, at(3));
        assert_eq!(presence.news(true, at(3)), unnamed(0));
    }
}
