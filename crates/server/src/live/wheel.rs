//! The one wheel that turns while the house is open: it tells rooms the time and who is there, asks
//! sockets whether they live, and lets those go whose tokens are no longer good. What it costs
//! grows with rooms and sockets, not with what they watch.

use super::packet::event_text;
use super::room::Room;
use super::session::{Session, Silence};
use crate::chance;
use crate::house::House;
use crate::http::actor::SignIns;
use gavel_auction::time::{SECOND, Time};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How often it turns.
const TURN: Duration = Duration::from_millis(200);

/// So many turns make a second.
const TURNS: u64 = 5;

/// How long a room stays that nobody is in.
const LINGER: i64 = 60 * SECOND;

/// Looks after all that is live, until the house closes.
pub async fn keep(house: House) {
    let mut turns = tokio::time::interval(TURN);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stopping = house.stopping.clone();
    let mut seen = house.sign_ins.changes();
    let mut turn: u64 = 0;
    loop {
        let closes = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => true,
            _ = turns.tick() => false,
        };
        if closes {
            return close(&house);
        }
        turn += 1;
        let now = house.now();
        for room in house.live.rooms() {
            tell(&house, &room, now, turn.is_multiple_of(TURNS)).await;
        }
        seen = look_at_tokens(&house, seen).await;
        if turn.is_multiple_of(TURNS) {
            house.live.all().iter().for_each(|session| look_after(&house, session, now));
            sweep(&house, now);
        }
    }
}

/// Tells a room what is due.
async fn tell(house: &House, room: &Arc<Room>, now: Time, second: bool) {
    let due = room.timers.due(now);
    if (due.time || due.drop)
        && let Some(shown) = room.latest()
    {
        room.timers.set(&shown, now);
        if due.drop {
            // What a clock says is looked at anew by each who hears it: so nobody misses it.
            room.mention(&event_text("clock", &shown.clock(now))).await;
        }
        if due.time {
            room.mention(&event_text("timer_update", &shown.timer(now))).await;
        }
    }
    if second && let Some(text) = room.presence_news(house.now()) {
        room.mention(&text).await;
    }
}

/// Asks a client whether he is there, or gives him up.
fn look_after(house: &House, session: &Arc<Session>, now: Time) {
    match session.silence(now) {
        Silence::Nothing => {}
        Silence::Ask => session.outbox.say("2"),
        Silence::GiveUp => house.live.remove(house, session),
    }
    let over =
        session.caller().and_then(|caller| caller.0.as_ref()).is_some_and(|by| by.until <= now);
    if over {
        part(session, "expired");
    }
}

/// Lets those go who are signed in no more, as far as something has changed about them.
async fn look_at_tokens(house: &House, seen: u64) -> u64 {
    let sign_ins: &SignIns = &house.sign_ins;
    let changes = sign_ins.changes();
    if changes == seen {
        return seen;
    }
    let about = sign_ins.about(seen);
    let mut unclear = false;
    for session in house.live.all() {
        let Some(by) = session.caller().and_then(|caller| caller.0.as_ref()) else { continue };
        if about.as_ref().is_some_and(|about| !by.is_among(about)) {
            continue;
        }
        match house.signed_in(&by.token).await {
            Ok(Some(still)) if still.banned => part(&session, "banned"),
            Ok(None) => part(&session, "signed_out"),
            Ok(Some(_)) => {}
            // A store that does not answer is asked again.
            Err(_) => unclear = true,
        }
    }
    if unclear { seen } else { changes }
}

/// Ends a session whose client may be here no more.
fn part(session: &Session, reason: &str) {
    let last = event_text("unauthorized", &json!({ "reason": reason }));
    session.outbox.end(&[last, "41".to_owned()]);
}

/// Takes away what nobody needs any more.
fn sweep(house: &House, now: Time) {
    let before = now.plus(-LINGER);
    let mut rooms = super::lock(&house.live.rooms);
    rooms.retain(|_, room| {
        // Whoever is about to come in holds it, too.
        let over = room.is_empty_since(before) && Arc::strong_count(room) <= 2;
        if over {
            room.end();
        }
        !over
    });
    drop(rooms);
    house.live.tickets.sweep(now);
}

/// The house closes: everybody comes back at a moment of his own.
fn close(house: &House) {
    for session in house.live.all() {
        let after = 1_000 + u16::from_be_bytes(chance::bytes()) % 4_000;
        let about = json!({ "reason": "stopping", "retry_after_ms": after });
        session.outbox.end(&[event_text("stopping", &about)]);
    }
    house.live.rooms().iter().for_each(|room| room.end());
}
