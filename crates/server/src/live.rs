//! The live room: everybody who watches an auction sees the same, at once, and knows when not.
//! Socket.IO (protocol 5 over Engine.IO 4), by WebSocket, by polling, or by polling until a
//! WebSocket takes over.
//!
//! One hub in a process: each auction that somebody watches has a [`room`]. Its states are made
//! from the auction's feed by `gavel_engine::hub`, which the simulator drives too, and rendered
//! once for all who get the same. What waits on a socket is bounded ([`outbox`]): who is behind
//! gets the newest state, who stays behind goes. One wheel ([`wheel`]) tells the time, who is
//! there, and looks after all sockets.
//!
//! In reading order: [`door`], [`websocket`] and [`polling`], [`packet`], [`connect`], [`talk`],
//! [`seats`], [`room`], [`text`], [`outbox`], [`wheel`]. Holds no rule of an auction: a bid ends in
//! the same call as one by HTTP.

pub(crate) mod chat;
mod connect;
pub(crate) mod door;
pub(crate) mod frame;
mod highest;
mod lines;
pub(crate) mod notices;
mod outbox;
mod packet;
mod places;
mod polling;
mod presence;
mod room;
mod seats;
pub(crate) mod session;
mod talk;
mod text;
pub(crate) mod tickets;
mod timers;
pub(crate) mod tongue;
pub(crate) mod websocket;
pub mod wheel;

use crate::config::LimitsConfig;
use crate::house::House;
use crate::http::error::Problem;
use crate::http::v1::shown::Shown;
use crate::observe;
use crate::places::Counts;
use crate::redis_view::{CHATS, Said};
use chat::Desk;
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::time::Time;
use places::Users;
use room::Room;
use session::Session;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tickets::Tickets;
use tokio::sync::broadcast;

/// How many of those who were erased are remembered.
const GONE: usize = 256;

/// All that is live in a house.
pub struct Live {
    sessions: Mutex<HashMap<String, Arc<Session>>>,
    rooms: Mutex<HashMap<AuctionId, Arc<Room>>>,
    numbers: AtomicU64,
    /// Sockets that have begun, let in or not.
    pub(crate) begun: Counts,
    /// Sockets that were let in.
    sockets: Counts,
    users: Users,
    pub(crate) tickets: Tickets,
    pub(crate) desk: Desk,
    /// How many people were erased since the house opened.
    pub(crate) erased: AtomicU64,
    /// The last of them: their sockets may still come into a room.
    gone: Mutex<VecDeque<UserId>>,
    /// What is said in any chat.
    pub(crate) chats: broadcast::Sender<Said>,
    views: Shown,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    /// Nobody is there yet.
    #[must_use]
    pub fn new(limits: &LimitsConfig) -> Self {
        let per_ip = limits.sockets_per_ip;
        Self {
            sessions: Mutex::default(),
            rooms: Mutex::default(),
            numbers: AtomicU64::new(0),
            // Whoever is one too many is told so, and twice as many are not even listened to.
            begun: Counts::new(limits.connections, per_ip.saturating_mul(2), |_| {}),
            sockets: Counts::new(limits.connections, per_ip, observe::sockets),
            users: Users::default(),
            tickets: Tickets::default(),
            desk: Desk::default(),
            erased: AtomicU64::new(0),
            gone: Mutex::default(),
            chats: broadcast::channel(CHATS).0,
            views: Shown::default(),
        }
    }

    fn add(&self, session: &Arc<Session>) {
        lock(&self.sessions).insert(session.sid.clone(), Arc::clone(session));
    }

    fn session(&self, sid: &str) -> Option<Arc<Session>> {
        lock(&self.sessions).get(sid).cloned()
    }

    fn all(&self) -> Vec<Arc<Session>> {
        lock(&self.sessions).values().cloned().collect()
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// A session is over: nothing of it stays but that it may be back at once.
    fn remove(&self, house: &House, session: &Session) {
        if lock(&self.sessions).remove(&session.sid).is_none() {
            return;
        }
        session.outbox.end(&[]);
        if session.outbox.has_lagged() {
            observe::socket_lagged();
        }
        seats::give_up_all(session, house.now());
    }

    /// The room of an auction, made ready if nobody was in it.
    async fn room(&self, house: &House, auction: AuctionId) -> Result<Arc<Room>, Problem> {
        let room = {
            let mut rooms = lock(&self.rooms);
            Arc::clone(rooms.entry(auction).or_insert_with(|| Room::new(auction, house.now())))
        };
        room.make(house).await?;
        Ok(room)
    }

    /// The room of an auction, if somebody is in it.
    fn open_room(&self, auction: AuctionId) -> Option<Arc<Room>> {
        lock(&self.rooms).get(&auction).cloned()
    }

    /// How many watch an auction.
    pub(crate) fn participants(&self, auction: AuctionId, now: Time) -> usize {
        self.open_room(auction).map_or(0, |room| room.participants(now))
    }

    /// How many watch each auction that somebody watches.
    pub(crate) fn watched(&self, now: Time) -> Vec<(AuctionId, usize)> {
        self.rooms().iter().map(|room| (room.auction, room.participants(now))).collect()
    }

    fn rooms(&self) -> Vec<Arc<Room>> {
        lock(&self.rooms).values().cloned().collect()
    }

    /// Whether somebody was erased lately: he is not named.
    fn is_gone(&self, user: UserId) -> bool {
        lock(&self.gone).contains(&user)
    }

    /// What somebody has written, and his name, is shown no more: he was erased. May block on the
    /// store.
    pub(crate) fn forget_user(&self, house: &House, user: UserId) {
        let mut gone = lock(&self.gone);
        gone.truncate(GONE - 1);
        gone.push_front(user);
        drop(gone);
        self.erased.fetch_add(1, Ordering::AcqRel);
        self.rooms().iter().for_each(|room| room.forget_user(house, user));
    }
}
