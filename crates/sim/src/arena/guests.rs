//! Those who sit in the live room: each follows one lot after the other by Socket.IO, and writes
//! down which versions he was shown and how the lot stood at each. Nobody judges.

use super::crew::Floor;
use super::words;
use crate::chance::Chance;
use crate::history::{Op, Res, SeenKind};
use gavel_auction::ids::AuctionId;
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long nothing may come; the house asks more often whether somebody is there.
const SILENCE: Duration = Duration::from_secs(30);
/// How long one waits before he tries again.
const AGAIN: Duration = Duration::from_millis(15);

/// A socket in the live room.
struct Seat(BufReader<TcpStream>);

fn broken(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}

impl Seat {
    /// Comes in and into the room of an auction, of which one has seen so much.
    fn take(house: SocketAddr, auction: AuctionId, after: u64) -> io::Result<Self> {
        let mut stream = TcpStream::connect_timeout(&house, Duration::from_secs(3))?;
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_nodelay(true)?;
        stream.write_all(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: house\r\n\
            upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )?;
        let mut seat = Self(BufReader::new(stream));
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if seat.0.read_line(&mut line)? == 0 {
                return Err(broken("the house hung up"));
            }
        }
        seat.say("40")?;
        while seat.next()?.0 != "connected" {}
        let mut about = json!({ "auction_id": auction.get() });
        if after > 0 {
            about["after_version"] = json!(after);
        }
        seat.say(&format!("421{}", json!(["join_auction", about])))?;
        Ok(seat)
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 126);
        let length = length.ok_or_else(|| broken("too long to say"))?;
        let frame = [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat();
        self.0.get_mut().write_all(&frame)
    }

    /// The next event; an answer is one without a name.
    fn next(&mut self) -> io::Result<(String, Value)> {
        loop {
            let mut head = [0; 2];
            self.0.read_exact(&mut head)?;
            let length = match head[1] {
                126 => {
                    let mut length = [0; 2];
                    self.0.read_exact(&mut length)?;
                    usize::from(u16::from_be_bytes(length))
                }
                127 => return Err(broken("more than anybody says at once")),
                length => usize::from(length),
            };
            let mut body = vec![0; length];
            self.0.read_exact(&mut body)?;
            let text = String::from_utf8(body).map_err(io::Error::other)?;
            match (head[0], text.get(..2)) {
                (0x88, _) => return Err(broken("the house closed the socket")),
                (_, Some("42")) => {
                    let said: Value = serde_json::from_str(&text[2..])?;
                    let name = said[0].as_str().unwrap_or("").to_owned();
                    return Ok((name, said[1].clone()));
                }
                (_, Some("43")) => {
                    let said: Value = serde_json::from_str(text.get(3..).unwrap_or(""))?;
                    return Ok((String::new(), said[0].clone()));
                }
                _ if text == "2" => self.say("3")?,
                _ => {} // not ours: a packet that tells nothing
            }
        }
    }
}

impl Floor {
    /// Sits in the live room, lot after lot, each to its end.
    pub(crate) fn attend(&self, process: u32, dice: &mut Chance) {
        while !self.over() {
            match self.any(dice) {
                Some(lot) => self.sit(process, lot.auction, dice),
                None => std::thread::sleep(AGAIN),
            }
        }
    }

    fn sit(&self, process: u32, auction: AuctionId, dice: &mut Chance) {
        let mut last = 0;
        while !self.home.load(Ordering::Acquire) {
            let house = *self.house.read().unwrap_or_else(PoisonError::into_inner);
            let seat = house.map(|house| Seat::take(house, auction, last));
            let Some(Ok(mut seat)) = seat else {
                std::thread::sleep(AGAIN);
                continue;
            };
            self.notes.saw(process, auction, last, (SeenKind::Begin, 0));
            let ended = self.listen(process, auction, &mut seat, &mut last, dice);
            self.notes.saw(process, auction, last, (SeenKind::Closed, 0));
            if ended {
                return;
            }
        }
    }

    /// Listens until the lot is over, or the socket: true for the lot.
    fn listen(
        &self,
        process: u32,
        auction: AuctionId,
        seat: &mut Seat,
        last: &mut u64,
        dice: &mut Chance,
    ) -> bool {
        // Some hang up by themselves and come again.
        while !dice.percent(1) {
            let Ok((name, about)) = seat.next() else { return false };
            let (from, mut state) = match &*name {
                "joined_auction" => {
                    if !about["reset"].is_null() {
                        *last = about["version"].as_u64().unwrap_or(0);
                        self.notes.saw(process, auction, *last, (SeenKind::Reset, 0));
                        continue;
                    }
                    (about["from_version"].as_u64().unwrap_or(1), about["state"].clone())
                }
                "bid_update" | "auction_updated" | "auction_ended" => {
                    (about["from_version"].as_u64().unwrap_or(0), about)
                }
                "" if about["status"] != 200 => {
                    std::thread::sleep(AGAIN);
                    return false;
                }
                _ => continue, // not ours: nothing about versions
            };
            let version = state["version"].as_u64().unwrap_or(0);
            self.notes.saw(process, auction, version, (SeenKind::State, from));
            *last = (*last).max(version);
            if let Some(price) = state.get("high_bid").cloned() {
                state["price"] = price;
            }
            self.note_state(process, auction, &state);
            if matches!(state["state"].as_str(), Some("sold" | "passed" | "cancelled")) {
                return true;
            }
        }
        false
    }

    fn note_state(&self, process: u32, auction: AuctionId, state: &Value) {
        let from = self.notes.now();
        let op = Op::Read { auction, viewer: None, strong: false };
        let res = Res::Value(Box::new(words::of_state(state)));
        self.notes.tried(process, op, from, res);
    }
}
