//! One socket from its handshake to its end, whatever carries it: who it is, what waits to be sent
//! on it, whether it still lives. Knows no event.

use super::highest::Orders;
use super::outbox::Outbox;
use super::places::UserPlace;
use super::tongue::Tongue;
use crate::http::actor::Caller;
use crate::places::Place;
use gavel_auction::ids::UserId;
use gavel_auction::time::{SECOND, Time};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// How often a client is asked whether he is there.
pub(crate) const PING_EVERY: i64 = 25 * SECOND;

/// How long he has to say so.
pub(crate) const PONG_WITHIN: i64 = 20 * SECOND;

/// How long he has to say who he is.
pub(super) const CONNECT_WITHIN: i64 = 10 * SECOND;

/// What a client says in a second at most, before it is answered with nothing but 429.
const MESSAGES: u32 = 50;

/// What carries a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Polling = 0,
    /// Polling, and a WebSocket is about to take over.
    Changing = 1,
    WebSocket = 2,
}

/// One socket.
pub(super) struct Session {
    /// What names it between us and its client.
    pub(super) sid: String,
    /// Which one it is; spreads sockets over parts.
    pub(super) number: u64,
    pub(super) outbox: Outbox,
    pub(super) peer: IpAddr,
    pub(super) begun: Time,
    /// A token in the query, where that is allowed; until it was looked at.
    shown: Mutex<Option<String>>,
    /// Whether he speaks the dialect.
    flash: AtomicBool,
    who: OnceLock<Who>,
    /// Where his wishes go which highest bids to follow, once he has any.
    pub(super) orders: OnceLock<Orders>,
    carrier: AtomicU8,
    /// Whether a request for news is under way.
    pub(super) asking: AtomicBool,
    /// When he was last asked whether he is there; 0 once he has answered.
    asked_at: AtomicI64,
    /// When he is asked next.
    ask_at: AtomicI64,
    /// The second that is counted in, and how much was said in it.
    second: AtomicI64,
    said: AtomicU32,
    /// Held while he comes into a room or leaves one.
    moving: Mutex<()>,
    _place: Place,
}

/// Who is at the other end.
pub(super) struct Who {
    pub(super) caller: Caller,
    /// His place among his own sockets.
    pub(super) place: Option<UserPlace>,
    /// His place among those from his address.
    pub(super) _place: Place,
}

/// What a client's silence calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    Nothing,
    Ask,
    GiveUp,
}

impl Session {
    pub(super) fn new(
        (sid, number): (String, u64),
        carrier: Carrier,
        peer: IpAddr,
        shown: Option<String>,
        place: Place,
        now: Time,
    ) -> Self {
        // Those who come at once are not asked at once.
        let early = PING_EVERY / 2 + i64::try_from(number % 100).unwrap_or(0) * PING_EVERY / 200;
        Self {
            sid,
            number,
            outbox: Outbox::new(),
            peer,
            begun: now,
            shown: Mutex::new(shown),
            flash: AtomicBool::new(false),
            who: OnceLock::new(),
            orders: OnceLock::new(),
            carrier: AtomicU8::new(carrier as u8),
            asking: AtomicBool::new(false),
            asked_at: AtomicI64::new(0),
            ask_at: AtomicI64::new(now.0 + early),
            second: AtomicI64::new(0),
            said: AtomicU32::new(0),
            moving: Mutex::default(),
            _place: place,
        }
    }

    /// Who it is, once he was let in.
    pub(super) fn who(&self) -> Option<&Who> {
        self.who.get()
    }

    /// The caller, once he was let in.
    pub(super) fn caller(&self) -> Option<&Caller> {
        self.who.get().map(|who| &who.caller)
    }

    /// The user, if he showed a token.
    pub(super) fn user(&self) -> Option<UserId> {
        self.caller().and_then(|caller| caller.0.as_ref()).map(|by| by.user)
    }

    /// He is let in; false if he was before.
    pub(super) fn admit(&self, who: Who) -> bool {
        self.who.set(who).is_ok()
    }

    /// What he speaks.
    pub(super) fn tongue(&self) -> Tongue {
        if self.flash.load(Ordering::Acquire) { Tongue::Flash } else { Tongue::Native }
    }

    /// This is what he speaks.
    pub(super) fn hears(&self, tongue: Tongue) {
        self.flash.store(tongue == Tongue::Flash, Ordering::Release);
    }

    /// The token of the query, once.
    pub(super) fn take_shown(&self) -> Option<String> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// While this is held, nobody else brings him into a room or out of one.
    pub(super) fn moving(&self) -> MutexGuard<'_, ()> {
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn carrier(&self) -> Carrier {
        match self.carrier.load(Ordering::Acquire) {
            0 => Carrier::Polling,
            1 => Carrier::Changing,
            _ => Carrier::WebSocket, // not ours: a byte that only `change` writes
        }
    }

    /// Goes from one carrier to another; false if it was not on the first.
    pub(super) fn change(&self, from: Carrier, to: Carrier) -> bool {
        let order = Ordering::AcqRel;
        let changed =
            self.carrier.compare_exchange(from as u8, to as u8, order, Ordering::Acquire).is_ok();
        self.outbox.look();
        changed
    }

    /// He is there.
    pub(super) fn heard(&self) {
        self.asked_at.store(0, Ordering::Release);
    }

    /// What his silence calls for now.
    pub(super) fn silence(&self, now: Time) -> Silence {
        let asked = self.asked_at.load(Ordering::Acquire);
        if asked != 0 {
            return if now.0 - asked > PONG_WITHIN { Silence::GiveUp } else { Silence::Nothing };
        }
        if self.who().is_none() && now.since(self.begun) > CONNECT_WITHIN {
            return Silence::GiveUp;
        }
        // While the carrier changes, nothing is said.
        if now.0 < self.ask_at.load(Ordering::Acquire) || self.carrier() == Carrier::Changing {
            return Silence::Nothing;
        }
        self.asked_at.store(now.0, Ordering::Release);
        self.ask_at.store(now.0 + PING_EVERY, Ordering::Release);
        Silence::Ask
    }

    /// How many times more than he may he has spoken in this second: 0 is well.
    pub(super) fn too_loud(&self, now: Time) -> u32 {
        let second = now.0 / SECOND;
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.said.store(0, Ordering::Relaxed);
        }
        self.said.fetch_add(1, Ordering::Relaxed) / MESSAGES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::Counts;
    use std::net::Ipv4Addr;

    fn session(let_in: bool) -> Session {
        let places = Counts::new(0, 0, |_| {});
        let place = || places.take(Ipv4Addr::LOCALHOST.into()).unwrap();
        let (name, peer) = (("sid".to_owned(), 0), Ipv4Addr::LOCALHOST.into());
        let session = Session::new(name, Carrier::WebSocket, peer, None, place(), Time(0));
        let who = Who { caller: Caller::default(), place: None, _place: place() };
        assert!(!let_in || session.admit(who));
        session
    }

    fn at(seconds: i64) -> Time {
        Time(seconds * SECOND)
    }

    #[test]
    fn whoever_does_not_answer_is_given_up() {
        let there = session(true);
        assert_eq!(there.silence(at(5)), Silence::Nothing);
        assert_eq!(there.silence(at(20)), Silence::Ask);
        assert_eq!(there.silence(at(40)), Silence::Nothing, "he has twenty seconds");
        there.heard();
        assert_eq!(there.silence(at(44)), Silence::Nothing);
        assert_eq!(there.silence(at(45)), Silence::Ask);
        assert_eq!(there.silence(at(66)), Silence::GiveUp);
    }

    #[test]
    fn whoever_does_not_say_who_he_is_is_given_up() {
        let silent = session(false);
        assert_eq!(silent.silence(at(10)), Silence::Nothing);
        assert_eq!(silent.silence(at(11)), Silence::GiveUp);
    }

    #[test]
    fn nothing_is_said_while_the_carrier_changes() {
        let session = session(true);
        assert!(!session.change(Carrier::Polling, Carrier::Changing));
        assert!(session.change(Carrier::WebSocket, Carrier::Changing));
        assert_eq!(session.silence(at(30)), Silence::Nothing);
        assert!(session.change(Carrier::Changing, Carrier::WebSocket));
        assert_eq!(session.silence(at(30)), Silence::Ask);
    }

    #[test]
    fn so_much_may_be_said_in_a_second() {
        let session = session(true);
        let loud: Vec<u32> = (0..MESSAGES + 1).map(|_| session.too_loud(at(1))).collect();
        assert!(loud[..50].iter().all(|loud| *loud == 0) && loud[50] == 1);
        assert_eq!(session.too_loud(at(2)), 0);
    }
}
