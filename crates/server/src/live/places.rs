//! How many sockets and rooms one user has at once. Given back when dropped. Knows no socket.

use gavel_auction::ids::UserId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Rooms of a user at once, on all his sockets.
const ROOMS: u32 = 200;

/// The counts of all users.
#[derive(Clone, Default)]
pub(super) struct Users(Arc<Mutex<HashMap<UserId, Own>>>);

#[derive(Default)]
struct Own {
    sockets: u32,
    rooms: u32,
}

/// The place of one socket among its user's.
pub(super) struct UserPlace {
    users: Users,
    user: UserId,
}

impl Users {
    /// A place for one more socket; 0 = no limit.
    pub(super) fn take(&self, user: UserId, most: u32) -> Option<UserPlace> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = all.entry(user).or_default();
        if most != 0 && own.sockets >= most {
            return None;
        }
        own.sockets += 1;
        Some(UserPlace { users: self.clone(), user })
    }
}

impl UserPlace {
    /// One room more; false if he is in so many already.
    pub(super) fn take_room(&self) -> bool {
        let mut all = self.users.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = all.entry(self.user).or_default();
        let room = own.rooms < ROOMS;
        own.rooms += u32::from(room);
        room
    }

    /// So many rooms fewer.
    pub(super) fn leave_rooms(&self, rooms: u32) {
        let mut all = self.users.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get_mut(&self.user) {
            own.rooms = own.rooms.saturating_sub(rooms);
        }
    }
}

impl Drop for UserPlace {
    fn drop(&mut self) {
        let mut all = self.users.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get_mut(&self.user) {
            own.sockets -= 1;
            if own.sockets == 0 {
                all.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_so_many_sockets_and_rooms_and_gets_them_back() {
        let (users, anna, bert) = (Users::default(), UserId::new(1), UserId::new(2));
        let take = |user: Option<UserId>| users.take(user.unwrap(), 2);
        let (one, two) = (take(anna).unwrap(), take(anna).unwrap());
        assert!(take(anna).is_none() && take(bert).is_some());
        let rooms =
            (0..ROOMS).filter(|n| if n % 2 == 0 { one.take_room() } else { two.take_room() });
        assert_eq!(rooms.count(), ROOMS as usize);
        assert!(!one.take_room() && !two.take_room());
        assert!(take(bert).unwrap().take_room());
        two.leave_rooms(1);
        assert!(one.take_room() && !one.take_room());
        drop(two);
        assert!(take(anna).is_some());
    }
}
