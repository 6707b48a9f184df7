//! The live room in its world: `gavel_engine::hub`, which the server drives by sockets, driven by
//! guests who read as fast or as slowly as they like, lag, hang up, and come again where they were,
//! from the beginning, or from a version that nobody has seen yet. What they see is recorded.

use super::clients::shown;
use super::params::{MILLI, SECOND};
use super::{Act, World};
use crate::chance::{Chance, mix};
use crate::history::{Op, Rec, Res, Seen, SeenKind, Told};
use crate::workload;
use gavel_auction::command::Roles;
use gavel_auction::ids::{AuctionId, UserId, Version};
use gavel_auction::view::Viewer;
use gavel_engine::engine::Engine;
use gavel_engine::hub::following::{Following, Lost, Stands};
use gavel_engine::hub::following::{covers_from, is_ahead, is_winning, own};
use gavel_engine::hub::waiting::Waiting;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

type Reading = Pin<Box<dyn Future<Output = (Result<Option<Stands>, Lost>, Following)>>>;

/// An auction that guests watch.
pub(super) struct Hall {
    auction: AuctionId,
    /// None while it is to be followed anew.
    reading: Option<Reading>,
    /// How it stands, as those who are in were told last.
    latest: Arc<Stands>,
    following: bool,
}

/// Somebody in the live room.
pub(super) struct Guest {
    lot: usize,
    viewer: Viewer,
    /// Up to which version he has seen it.
    after: Version,
    /// Whether he takes his time.
    lazy: bool,
    waiting: Option<Waiting<Frame, usize>>,
    /// How many things were said since he came.
    said: u64,
    taking: bool,
}

/// What a guest is sent.
#[derive(Debug)]
enum Frame {
    /// He is in: how it stands, and which of the versions he named is not there yet.
    Joined(Box<State>, Option<Version>),
    State(Box<State>),
    /// The so manieth thing that was said since he came.
    Words(u64),
    Lagging,
}

/// How it stands, as one guest is shown it.
#[derive(Debug)]
struct State {
    from: Version,
    told: Told,
    /// What is his own, and the version it is of.
    own: Option<(Version, Told)>,
}

fn read(mut following: Following, engine: Engine) -> Reading {
    Box::pin(async move { (following.next(&engine).await, following) })
}

impl World {
    /// Somebody comes to watch some auction.
    pub(super) fn attend(&mut self, seed: u64) {
        let mut chance = Chance::new(seed, 41);
        let lot = chance.index(self.lots.len());
        let user = chance.percent(70).then(|| workload::member(chance.index(self.params.members)));
        let lazy = chance.percent(self.params.lazy);
        // Some name a version that nobody can have seen.
        let after = if chance.percent(10) { 1 + chance.between(0, 200) } else { 0 };
        self.add_guest(lot, user.map(|who| who.user), lazy, after);
    }

    fn add_guest(&mut self, lot: usize, user: Option<UserId>, lazy: bool, after: Version) {
        let viewer = Viewer { user, roles: Roles::MEMBER, banned: false };
        self.guests.push(Guest { lot, viewer, after, lazy, waiting: None, said: 0, taking: false });
        self.take_seat(self.guests.len() - 1);
    }

    /// A guest takes his seat, where nothing is shown yet.
    pub(super) fn take_seat(&mut self, number: usize) {
        let (Some(house), Some(guest)) = (&self.house, self.guests.get_mut(number)) else {
            return;
        };
        let (lot, auction) = (guest.lot, self.lots[guest.lot].id);
        if guest.waiting.is_some() {
            return;
        }
        let known = house.engine.head(auction).is_some_and(|head| head.is_known_to(&guest.viewer));
        if !known || !self.open_hall(lot) {
            if !self.healed {
                let delay = self.chance.between(200 * MILLI, SECOND);
                self.after(delay, Act::Seat(number));
            }
            return;
        }
        let mut waiting = Waiting::new(self.params.waiting);
        let seated = waiting.seat(auction, lot);
        debug_assert!(seated, "he has no other seat");
        (self.guests[number].waiting, self.guests[number].said) = (Some(waiting), 0);
        let delay = self.chance.between(1_000, 50 * MILLI);
        self.after(delay, Act::LetIn(self.life, number));
    }

    /// The hall of an auction is open: whoever comes first has its history read.
    fn open_hall(&mut self, lot: usize) -> bool {
        let (Some(house), auction) = (&self.house, self.lots[lot].id) else { return false };
        if self.halls.contains_key(&lot) {
            return true;
        }
        let Ok((following, stands)) = Following::begin(&house.engine, auction) else {
            self.reach("nobody is let in, for the log cannot be read");
            return false;
        };
        let reading = Some(read(following, house.engine.clone()));
        let hall = Hall { auction, reading, latest: Arc::new(stands), following: false };
        self.halls.insert(lot, hall);
        self.wake_hall(lot);
        true
    }

    /// He is let in, once the hall is at the version that he may have heard of.
    pub(super) fn let_in(&mut self, number: usize) {
        let (Some(house), Some(guest)) = (&self.house, self.guests.get(number)) else { return };
        let Some(hall) = self.halls.get(&guest.lot) else { return };
        // He may have hung up, and come again, and be in already.
        if guest.waiting.as_ref().is_none_or(|waiting| waiting.is_let_in(hall.auction)) {
            return;
        }
        let (auction, after) = (hall.auction, guest.after);
        let Some(head) = house.engine.head(auction) else { return };
        let version = hall.latest.head.version;
        if version < head.version {
            let lot = guest.lot;
            self.wake_hall(lot);
            return self.after(3 * MILLI, Act::LetIn(self.life, number));
        }
        let named = is_ahead(after, version).then_some(after);
        let from = after.min(version) + 1;
        let state = self.state(number, from);
        self.tell(|| format!("guest {number} is let in at {version}, having {after}"));
        let Some(waiting) = self.guests[number].waiting.as_mut() else { return };
        if !waiting.push(Frame::Joined(Box::new(state), named), 100) {
            waiting.lag(Frame::Lagging);
        }
        waiting.let_in(auction, version);
        self.wake_guest(number);
    }

    /// How his auction stands, to one who has seen what comes before `from`.
    fn state(&self, number: usize, from: Version) -> State {
        let guest = &self.guests[number];
        let stands = &self.halls[&guest.lot].latest;
        let now = self.time();
        let mut told = shown(&stands.head, &Viewer::default(), None, now);
        let top = stands.top.iter().map(|top| (top.paddle.get(), top.amount, top.bid));
        told.top = Some(top.collect());
        let Some(house) = &self.house else { return State { from, told, own: None } };
        let you = own(&house.engine, &stands.head, &guest.viewer, now);
        if guest.viewer.user.is_some() && !house.engine.has_left(stands.head.auction) {
            told.winning = Some(you.as_ref().is_some_and(is_winning));
        }
        // What he has bid is shown as it is now, which may be newer than the state.
        let version = house.engine.head_in_memory(stands.head.auction).map(|head| head.version);
        let own = version.zip(you.as_ref()).and_then(|(version, you)| {
            let mine = Some((you.paddle?.get(), you.amount.map(|amount| amount.minor())));
            Some((version, Told { version, mine: Some(mine), ..Told::default() }))
        });
        State { from, told, own }
    }

    /// There may be news for those in a hall.
    pub(super) fn wake_hall(&mut self, lot: usize) {
        let Some(hall) = self.halls.get_mut(&lot) else { return };
        if !std::mem::replace(&mut hall.following, true) {
            let slow = self.chance.percent(self.params.lazy / 2);
            let most = if slow { 3 * SECOND } else { MILLI };
            let delay = self.chance.between(1_000, most);
            self.after(delay, Act::Follow(self.life, lot));
        }
    }

    pub(super) fn wake_halls(&mut self) {
        let open: Vec<usize> = self.halls.keys().copied().collect();
        open.into_iter().for_each(|lot| self.wake_hall(lot));
    }

    /// What has happened in an auction is told to all who watch it.
    pub(super) fn follow(&mut self, lot: usize) {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let (Some(house), Some(hall)) = (&self.house, self.halls.get_mut(&lot)) else { return };
            hall.following = false;
            let engine = house.engine.clone();
            let stands = match &mut hall.reading {
                None => Err(Lost::Missed),
                Some(reading) => {
                    let Poll::Ready((stands, following)) = reading.as_mut().poll(&mut context)
                    else {
                        if house.is_asked() {
                            let delay = self.chance.between(1_000, MILLI);
                            self.after(delay, Act::Carry(self.life));
                        }
                        return;
                    };
                    hall.reading = Some(read(following, engine.clone()));
                    stands
                }
            };
            let stands = match stands {
                Ok(stands) => stands,
                Err(Lost::Stopping) => return,
                Err(Lost::Missed) => {
                    hall.reading = None;
                    let after = hall.latest.head.version;
                    let begun = Following::begin_again(&engine, hall.auction, after);
                    let Ok((following, stands)) = begun else {
                        self.reach("a hall cannot see what it has missed");
                        // One that is closed off stays so.
                        if !self.healed {
                            self.after(SECOND, Act::Follow(self.life, lot));
                        }
                        return;
                    };
                    hall.reading = Some(read(following, engine));
                    self.reach("a hall begins again");
                    Some(stands)
                }
            };
            if let Some(stands) = stands {
                self.show(lot, stands);
            }
        }
    }

    fn show(&mut self, lot: usize, stands: Stands) {
        let (after, version) = (stands.after, stands.head.version);
        if version > after + 1 {
            self.reach("a state covers several versions");
        }
        let Some(hall) = self.halls.get_mut(&lot) else { return };
        let auction = hall.auction;
        hall.latest = Arc::new(stands);
        for number in 0..self.guests.len() {
            if self.guests[number].lot != lot || self.guests[number].waiting.is_none() {
                continue;
            }
            let state = self.state(number, covers_from(after, version));
            let Some(waiting) = self.guests[number].waiting.as_mut() else { continue };
            let waited = waiting.len();
            let frame = || (Frame::State(Box::new(state)), 100);
            let looks = waiting.show(auction, (after, version), frame);
            if looks && waiting.len() == waited {
                self.reach("a guest is behind");
            }
            self.wake_guest(number);
        }
    }

    /// Somebody says something to all in a hall, again and again.
    pub(super) fn chatter(&mut self, seed: u64) {
        let mut chance = Chance::new(seed, 42);
        let lot = chance.index(self.lots.len());
        let times = chance.between(1, 6);
        for number in 0..self.guests.len() {
            let guest = &mut self.guests[number];
            let Some(waiting) = guest.waiting.as_mut().filter(|_| guest.lot == lot) else {
                continue;
            };
            let first = guest.said + 1;
            guest.said += times;
            let room = (first..=guest.said).all(|said| waiting.push(Frame::Words(said), 40));
            if !room {
                waiting.lag(Frame::Lagging);
            }
            self.wake_guest(number);
        }
    }

    fn wake_guest(&mut self, number: usize) {
        let Some(guest) = self.guests.get_mut(number) else { return };
        if !std::mem::replace(&mut guest.taking, true) {
            let most = if guest.lazy { 2 * SECOND } else { MILLI };
            let delay = self.chance.between(1_000, most);
            self.after(delay, Act::Take(number));
        }
    }

    /// A guest takes what waits for him, and then how it stands where he is behind.
    pub(super) fn take(&mut self, number: usize) {
        let Some(guest) = self.guests.get_mut(number) else { return };
        guest.taking = false;
        let Some(waiting) = guest.waiting.as_mut() else { return };
        let batch = waiting.take();
        for frame in batch.frames {
            match frame {
                Frame::Joined(state, named) => self.entered(number, *state, named),
                Frame::State(state) => self.note(number, *state),
                Frame::Words(said) => self.see_guest(number, said, 0, SeenKind::Word),
                Frame::Lagging => self.reach("a guest lags, and is sent away"),
            }
        }
        for (lot, after) in batch.behind {
            let Some(hall) = self.halls.get(&lot) else { continue };
            let (auction, version) = (hall.auction, hall.latest.head.version);
            if version > after {
                let state = self.state(number, covers_from(after, version));
                if let Some(waiting) = self.guests[number].waiting.as_mut() {
                    waiting.shown(auction, version);
                }
                self.note(number, state);
                self.reach("a guest is caught up with the newest state");
            }
        }
        if batch.ended {
            self.leave_seat(number);
            let delay = self.chance.between(1_000, 200 * MILLI);
            self.after(delay, Act::Seat(number));
        }
    }

    fn entered(&mut self, number: usize, state: State, named: Option<Version>) {
        let after = self.guests[number].after;
        self.see_guest(number, after, 0, SeenKind::Begin);
        if after > 0 && named.is_none() {
            self.reach("a guest goes on where he left off");
        }
        if named.is_some() {
            let version = state.told.version;
            self.guests[number].after = version;
            self.reach("a guest named a version that is not there yet");
            self.see_guest(number, version, 0, SeenKind::Reset);
        } else {
            self.note(number, state);
        }
    }

    /// He was shown how it stands.
    fn note(&mut self, number: usize, state: State) {
        let State { from, told, own } = state;
        let version = told.version;
        self.see_guest(number, version, from, SeenKind::State);
        let guest = &mut self.guests[number];
        guest.after = guest.after.max(version);
        let (user, auction) = (guest.viewer.user, self.lots[guest.lot].id);
        let own = own.filter(|(own, _)| *own >= version).map(|(_, told)| told);
        for told in [Some(told), own].into_iter().flatten() {
            let rec = Rec {
                id: self.input.history.len() as u64,
                process: 2_000 + u32::try_from(number).unwrap_or(0),
                op: Op::Read { auction, viewer: user, strong: false },
                inv_ns: self.now,
                ret_ns: Some(self.now),
                res: Res::Value(Box::new(told)),
            };
            self.input.history.push(rec);
        }
    }

    fn see_guest(&mut self, number: usize, version: Version, digest: u64, kind: SeenKind) {
        let Some(guest) = self.guests.get(number) else { return };
        let subscriber = 2_000 + u32::try_from(number).unwrap_or(0);
        let (auction, at_ns) = (self.lots[guest.lot].id, self.now);
        self.trace = mix(self.trace, digest ^ version);
        self.input.seen.push(Seen { subscriber, auction, version, at_ns, digest, kind });
    }

    fn leave_seat(&mut self, number: usize) {
        let Some(guest) = self.guests.get_mut(number) else { return };
        if guest.waiting.take().is_some() {
            let after = guest.after;
            self.see_guest(number, after, 0, SeenKind::Closed);
        }
    }

    /// Some guest hangs up, and comes again.
    pub(super) fn hang_up(&mut self, seed: u64) {
        let mut chance = Chance::new(seed, 43);
        let number = chance.index(self.guests.len());
        let Some(guest) = self.guests.get_mut(number) else { return };
        if chance.percent(20) {
            // He has forgotten where he was.
            guest.after = 0;
        }
        self.leave_seat(number);
        self.after(chance.between(1_000, 2 * SECOND), Act::Seat(number));
    }

    /// The house is gone, and with it every hall.
    pub(super) fn close_halls(&mut self) {
        self.halls.clear();
        (0..self.guests.len()).for_each(|number| self.leave_seat(number));
    }

    /// All is quiet: everybody is in who may be, somebody new in each hall, and has read all.
    pub(super) fn last_guests(&mut self) {
        for lot in 0..self.lots.len() {
            self.add_guest(lot, Some(workload::member(0).user), false, 0);
        }
        for _ in 0..64 {
            if let Some(house) = &mut self.house {
                house.carry();
            }
            (0..self.lots.len()).for_each(|lot| self.follow(lot));
            for number in 0..self.guests.len() {
                if self.guests[number].waiting.as_ref().is_some_and(Waiting::has_ended) {
                    self.take(number);
                }
                self.take_seat(number);
                self.let_in(number);
                self.take(number);
            }
        }
        for number in 0..self.guests.len() {
            let Some(guest) = self.guests.get(number) else { continue };
            let (after, listens) = (guest.after, guest.waiting.is_some());
            if listens {
                self.see_guest(number, after, 0, SeenKind::Quiet);
            }
        }
    }
}
