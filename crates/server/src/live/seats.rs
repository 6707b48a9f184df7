//! Places of sockets in rooms. A socket makes one move at a time, whichever thread makes it for
//! him: so whoever has a seat is among those who are told, and nobody else is. Tells nobody
//! anything.

use super::places::UserPlace;
use super::room::Room;
use super::session::Session;
use crate::house::House;
use crate::http::error::{Code, Problem};
use gavel_auction::ids::AuctionId;
use gavel_auction::time::Time;
use std::sync::Arc;

/// Rooms of one socket at once.
const ROOMS: usize = 20;

/// Takes a place in a room, where nothing is shown yet; whoever has one keeps it.
///
/// # Errors
/// If he is in too many.
pub(super) fn take(house: &House, session: &Arc<Session>, room: &Arc<Room>) -> Result<(), Problem> {
    come(session, room, || room.enter(house, session))
}

fn come(session: &Session, room: &Arc<Room>, enter: impl FnOnce()) -> Result<(), Problem> {
    let full = |where_: &str| {
        let detail = format!("Leave an auction first: there are too many on {where_}.");
        Err(Problem::of(Code::RateLimited, detail))
    };
    let _moving = session.moving();
    let outbox = &session.outbox;
    if outbox.is_seated(room.auction) {
        return Ok(());
    }
    if outbox.seats() >= ROOMS {
        return full("this socket");
    }
    let own = place(session);
    if own.is_some_and(|own| !own.take_room()) {
        return full("your sockets");
    }
    if outbox.seat(room) {
        enter();
    } else if let Some(own) = own {
        // His socket has ended.
        own.leave_rooms(1);
    }
    Ok(())
}

/// Gives a place up, because he said so.
pub(super) fn give_up(house: &House, session: &Session, auction: AuctionId) {
    let _moving = session.moving();
    let Some(room) = session.outbox.unseat(auction) else { return };
    if let Some(own) = place(session) {
        own.leave_rooms(1);
    }
    room.exit(session, true, house.now());
}

/// Gives all places up: his socket has ended.
pub(super) fn give_up_all(session: &Session, now: Time) {
    let _moving = session.moving();
    let rooms = session.outbox.unseat_all();
    if let Some(own) = place(session) {
        own.leave_rooms(u32::try_from(rooms.len()).unwrap_or(u32::MAX));
    }
    rooms.iter().for_each(|room| room.exit(session, false, now));
}

fn place(session: &Session) -> Option<&UserPlace> {
    session.who().and_then(|who| who.place.as_ref())
}

#[cfg(test)]
mod tests {
    use super::super::session::{Carrier, Who};
    use super::*;
    use crate::http::actor::Caller;
    use crate::places::Counts;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    #[test]
    fn whoever_goes_while_he_comes_in_is_out() {
        let places = Counts::new(0, 0, |_| {});
        let (peer, name) = (Ipv4Addr::LOCALHOST.into(), ("sid".to_owned(), 0));
        let place = || places.take(peer).unwrap();
        let session = Session::new(name, Carrier::Polling, peer, None, place(), Time(0));
        let who = Who { caller: Caller::default(), place: None, _place: place() };
        assert!(session.admit(who));
        let session = Arc::new(session);
        let room = Room::new(AuctionId::new(7).unwrap(), Time(0));
        std::thread::scope(|scope| {
            let came = come(&session, &room, || {
                scope.spawn(|| give_up_all(&session, Time(0)));
                // Long enough for somebody who does not wait.
                std::thread::sleep(Duration::from_millis(100));
                room.add(&session, |_| false);
            });
            assert!(came.is_ok());
        });
        assert!(!session.outbox.is_seated(room.auction));
        assert!(room.is_empty_since(Time(1)), "nobody is in who could not be put out again");
    }
}
