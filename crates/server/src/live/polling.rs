//! A session carried by requests: one that waits for news, others that deliver. Knows no event.

use super::door::{Wrong, greeting};
use super::frame::{LARGEST, text_of};
use super::session::{Carrier, Session};
use super::talk::{self, Gone};
use crate::house::House;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Limited};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What stands between two packets.
const BETWEEN: u8 = 0x1E;

/// The packet that says nothing.
const NOTHING: Bytes = Bytes::from_static(b"6");

/// The packet that ends a session.
const CLOSE: Bytes = Bytes::from_static(b"1");

fn reply(text: impl Into<Bytes>) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=UTF-8")], Body::from(text.into())).into_response()
}

/// The first reply.
pub(super) fn open(session: &Session) -> Response {
    reply(greeting(session))
}

/// A request that is under way; there is one at a time.
struct Asking<'a>(&'a Session);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.asking.store(false, Ordering::Release);
    }
}

/// Waits until there is something to send.
pub(super) async fn news(house: &House, session: &Arc<Session>) -> Response {
    if session.carrier() == Carrier::WebSocket {
        return Wrong::Request.into_response();
    }
    if session.asking.swap(true, Ordering::AcqRel) {
        // Two at a time would share what is to be sent between them.
        house.live.remove(house, session);
        return Wrong::Request.into_response();
    }
    let _asking = Asking(session);
    loop {
        if session.carrier() != Carrier::Polling {
            return reply(NOTHING);
        }
        let batch = session.outbox.take();
        let mut packets: Vec<Bytes> = batch.frames.iter().map(text_of).collect();
        for frame in talk::caught_up(house, session, batch.behind).await {
            packets.push(text_of(&frame));
        }
        if batch.ended {
            packets.push(CLOSE);
            house.live.remove(house, session);
        }
        if !packets.is_empty() {
            return reply(joined(&packets));
        }
        session.outbox.news().await;
    }
}

fn joined(packets: &[Bytes]) -> Bytes {
    if let [only] = packets {
        return only.clone();
    }
    let mut all = BytesMut::new();
    for packet in packets {
        if !all.is_empty() {
            all.extend_from_slice(&[BETWEEN]);
        }
        all.extend_from_slice(packet);
    }
    all.freeze()
}

/// Takes what a client has to say.
pub(super) async fn delivery(house: &House, session: &Arc<Session>, body: Body) -> Response {
    if session.carrier() == Carrier::WebSocket {
        return Wrong::Request.into_response();
    }
    let Ok(body) = Limited::new(body, LARGEST).collect().await else {
        house.live.remove(house, session);
        return Wrong::Request.into_response();
    };
    let Ok(text) = String::from_utf8(body.to_bytes().to_vec()) else {
        house.live.remove(house, session);
        return Wrong::Request.into_response();
    };
    for packet in text.split(char::from(BETWEEN)) {
        session.outbox.mostly_free().await;
        if session.outbox.has_ended() {
            break;
        }
        match talk::hear(house, session, packet).await {
            Ok(()) => {}
            Err(Gone::Left) => {
                house.live.remove(house, session);
                break;
            }
            Err(Gone::Broken) => {
                house.live.remove(house, session);
                return Wrong::Request.into_response();
            }
        }
    }
    reply(Bytes::from_static(b"ok"))
}
