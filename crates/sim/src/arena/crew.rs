//! Those who use the house while it suffers: a seller who keeps lots on the floor, bidders who bid,
//! read, repeat themselves and never give up a key whose outcome they do not know, and watchers who
//! see each lot to its end. Everything is written down; nobody judges.

use super::lots::{self, Lot, Proposal};
use super::notes::{Made, Notes};
use super::wire::{Line, Request};
use super::words;
use crate::chance::Chance;
use crate::history::wish::{Asked, Who, Wish, key_text};
use crate::history::{Op, Res, SeenKind, Told, digest};
use gavel_auction::event::Reason;
use gavel_auction::ids::{AuctionId, UserId};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long he waits before he tries a house again that is not there.
const AGAIN: Duration = Duration::from_millis(15);
/// Lots that are on the floor at a time.
const LOTS: usize = 8;

/// Somebody with an account.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) process: u32,
    pub(crate) who: Who,
    pub(crate) token: String,
}

/// Where everybody meets.
pub(crate) struct Floor {
    pub(crate) notes: Notes,
    /// Where the house is, as far as anybody knows.
    pub(crate) house: RwLock<Option<SocketAddr>>,
    pub(crate) lots: RwLock<Vec<Arc<Lot>>>,
    /// Bidding and selling are over.
    pub(crate) enough: AtomicBool,
    /// Watching is hopeless: everybody goes home.
    pub(crate) home: AtomicBool,
    /// Commands whose outcome their senders do not know.
    pub(crate) open: Mutex<Vec<(Member, Arc<Asked>)>>,
    keys: AtomicU64,
    /// How long lots last, in seconds.
    pub(crate) last: (u64, u64),
}

impl Floor {
    pub(crate) fn new(last: (u64, u64)) -> Self {
        Self {
            notes: Notes::begin(),
            house: RwLock::default(),
            lots: RwLock::default(),
            enough: AtomicBool::new(false),
            home: AtomicBool::new(false),
            open: Mutex::default(),
            keys: AtomicU64::new(0),
            last,
        }
    }

    fn key(&self) -> u64 {
        self.keys.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn over(&self) -> bool {
        self.enough.load(Ordering::Acquire)
    }

    pub(crate) fn connect(&self) -> Option<Line> {
        let house = *self.house.read().unwrap_or_else(PoisonError::into_inner);
        let line = house.and_then(|house| Line::to(house, PATIENCE).ok());
        if line.is_none() {
            std::thread::sleep(AGAIN);
        }
        line
    }

    pub(crate) fn lots(&self) -> Vec<Arc<Lot>> {
        self.lots.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One of the lots that are not over.
    pub(crate) fn any(&self, dice: &mut Chance) -> Option<Arc<Lot>> {
        let mut open = self.on_the_floor();
        let place = dice.index(open.len());
        (!open.is_empty()).then(|| open.swap_remove(place))
    }

    fn on_the_floor(&self) -> Vec<Arc<Lot>> {
        self.lots().into_iter().filter(|lot| !lot.is_over()).collect()
    }

    fn lot(&self, auction: AuctionId) -> Option<Arc<Lot>> {
        let lots = self.lots.read().unwrap_or_else(PoisonError::into_inner);
        lots.iter().find(|lot| lot.auction == auction).cloned()
    }

    /// Makes an account. The house must be well.
    pub(crate) fn join(&self, process: u32, name: &str) -> anyhow::Result<Member> {
        let mut line = self.connect().ok_or_else(|| anyhow::anyhow!("nobody is there"))?;
        let password = "correct horse battery staple";
        let user = json!({"username": name, "email": format!("{name}@example.org"),
            "password": password});
        let login = json!({"login": name, "password": password});
        let mut post = |path: &str, body: &Value| -> anyhow::Result<Value> {
            let body = &*body.to_string();
            let request = Request { method: "POST", path, body, ..Request::default() };
            words::json(&line.ask(&request)?).map_err(anyhow::Error::msg)
        };
        let user = post("/v1/users", &user)?;
        let session = post("/v1/session", &login)?;
        let id = user["id"].as_i64().and_then(UserId::new);
        let id = id.ok_or_else(|| anyhow::anyhow!("no account: {user}"))?;
        let token = session["token"].as_str().unwrap_or("").to_owned();
        let who = Who {
            user: id,
            bidder: true,
            seller: true,
            clerk: false,
            admin: false,
            banned: false,
            headroom: None,
        };
        Ok(Member { process, who, token })
    }

    /// Sends a command, and writes down what came of it. False if the connection is of no more use.
    pub(crate) fn ask(&self, line: &mut Line, by: &Member, asked: &Arc<Asked>) -> (Res, bool) {
        let request = lots::request(asked.auction, &asked.wish, asked.expected);
        let (method, path, body) = request.expect("the crew sends what it can say");
        let key = key_text(asked.key);
        let request =
            Request { method, path: &path, token: Some(&by.token), key: Some(&key), body: &body };
        let from = self.notes.now();
        let reply = line.ask(&request);
        let alive = reply.is_ok();
        let res = match reply.map(|reply| words::of_command(&reply)) {
            Ok(Ok(res)) => res,
            Ok(Err(what)) => {
                self.notes.surprise(format!("{method} {path} {body}: {what}"));
                Res::NoReply
            }
            Err(_) => Res::NoReply,
        };
        self.notes.tried(by.process, Op::Command(Arc::clone(asked)), from, res.clone());
        if let Some(lot) = self.lot(asked.auction) {
            match &res {
                Res::Ok(told) => lot.heard(told),
                Res::Refused(no) => lot.refused(no),
                _ => {} // not ours: nothing to learn from it
            }
        }
        (res, alive)
    }

    pub(crate) fn read(&self, line: &mut Line, by: Option<&Member>, lot: &Lot) -> bool {
        let path = format!("/v1/auctions/{}", lot.auction);
        let token = by.map(|by| &*by.token);
        let request = Request { method: "GET", path: &path, token, ..Request::default() };
        let viewer = by.map(|by| by.who.user);
        let op = Op::Read { auction: lot.auction, viewer, strong: true };
        let from = self.notes.now();
        let Ok(reply) = line.ask(&request) else { return false };
        match words::of_read(&reply) {
            Ok(res) => {
                if let Res::Value(told) = &res {
                    lot.heard(told);
                }
                let process = by.map_or(0, |by| by.process);
                self.notes.tried(process, op, from, res);
            }
            Err(what) => self.notes.surprise(format!("{path}: {what}")),
        }
        true
    }

    /// Puts a lot on the floor, and tries until it stands there: false if it was given up.
    pub(crate) fn put(&self, seller: &Member, proposal: &Proposal) -> bool {
        let (key, from) = (self.key(), self.notes.now());
        let (text, body) = (key_text(key), proposal.body.to_string());
        let request = Request {
            method: "POST",
            path: "/v1/auctions",
            token: Some(&seller.token),
            key: Some(&text),
            body: &body,
        };
        while !self.home.load(Ordering::Acquire) {
            let Some(mut line) = self.connect() else { continue };
            let Ok(reply) = line.ask(&request) else { continue };
            let value = match (reply.status, words::json(&reply)) {
                (201, Ok(value)) => value,
                (503 | 429, _) => {
                    std::thread::sleep(AGAIN);
                    continue;
                }
                (status, value) => {
                    self.notes.surprise(format!("creating {body}: {status} {value:?}"));
                    return false;
                }
            };
            let Some(auction) = value["id"].as_i64().and_then(AuctionId::new) else { return false };
            let told = match words::of_command(&reply) {
                Ok(Res::Ok(told)) => *told,
                _ => Told::default(), // not ours: 201 was looked at above
            };
            let (process, by, to) = (seller.process, seller.who, self.notes.now());
            let made = Made { process, auction, key, by, from, to, told };
            self.notes.book().created.push(made);
            let lot = Arc::new(Lot::of(proposal, auction));
            self.lots.write().unwrap_or_else(PoisonError::into_inner).push(lot);
            return true;
        }
        false
    }

    /// Sells until it is enough.
    pub(crate) fn sell(&self, seller: &Member, dice: &mut Chance) {
        let mut line = None;
        while !self.over() {
            if self.on_the_floor().len() < LOTS {
                let seconds = dice.between(self.last.0, self.last.1 + 1);
                self.put(seller, &lots::propose(dice, seconds));
                continue;
            }
            std::thread::sleep(AGAIN);
            line = line.or_else(|| self.connect());
            let Some(open) = &mut line else { continue };
            let Some(lot) = self.any(dice) else { continue };
            let alive = if dice.percent(2) {
                let wish = Wish::Cancel { reason: Reason::Mistake };
                let asked = self.asked(seller, &lot, wish, dice);
                let (res, alive) = self.ask(open, seller, &asked);
                self.keep(seller, &asked, &res);
                alive
            } else {
                self.read(open, Some(seller), &lot)
            };
            if !alive {
                line = None;
            }
        }
    }

    fn asked(&self, by: &Member, lot: &Lot, wish: Wish, dice: &mut Chance) -> Arc<Asked> {
        let expected = dice.percent(3).then(|| lot.version.load(Ordering::Relaxed));
        let key = self.key();
        Arc::new(Asked { auction: lot.auction, actor: by.who, key, expected, wish })
    }

    /// Keeps what is to be asked again.
    fn keep(&self, by: &Member, asked: &Arc<Asked>, res: &Res) {
        if matches!(res, Res::Unknown | Res::NoReply) {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.push((by.clone(), Arc::clone(asked)));
        }
    }

    /// Bids until it is enough.
    pub(crate) fn bid(&self, bidder: &Member, dice: &mut Chance) {
        let (mut line, mut unknown, mut known) = (None, Vec::new(), Vec::new());
        while !self.over() {
            line = line.or_else(|| self.connect());
            let Some(open) = &mut line else { continue };
            let Some(lot) = self.any(dice) else {
                std::thread::sleep(AGAIN);
                continue;
            };
            if dice.percent(10) {
                let by = dice.percent(50).then_some(bidder);
                if !self.read(open, by, &lot) {
                    line = None;
                }
                continue;
            }
            let asked = self.next(bidder, &lot, (&mut unknown, &known), dice);
            let (res, alive) = self.ask(open, bidder, &asked);
            match res {
                Res::Unknown | Res::NoReply => unknown.push(asked),
                Res::Ok(_) if known.len() < 200 => known.push(asked),
                _ => {} // not ours: over and done with
            }
            if !alive {
                line = None;
            }
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.extend(unknown.into_iter().map(|asked| (bidder.clone(), asked)));
    }

    /// What to send: something new, or what he does not know the end of, or what he knows well.
    fn next(
        &self,
        bidder: &Member,
        lot: &Lot,
        (unknown, known): (&mut Vec<Arc<Asked>>, &[Arc<Asked>]),
        dice: &mut Chance,
    ) -> Arc<Asked> {
        if dice.percent(40)
            && let Some(asked) = unknown.pop()
        {
            return asked;
        }
        if dice.percent(4)
            && let Some(asked) = known.get(dice.index(known.len()))
        {
            return Arc::clone(asked);
        }
        let wish = lot.wish(dice);
        // The key of another command of his in the same auction.
        if dice.percent(1)
            && let Some(used) = known.iter().find(|used| used.auction == lot.auction)
            && used.wish != wish
        {
            return Arc::new(Asked { wish, ..Asked::clone(used) });
        }
        self.asked(bidder, lot, wish, dice)
    }

    /// Watches one lot after the other to its end.
    pub(crate) fn watch(&self, process: u32, dice: &mut Chance) {
        while !self.over() {
            let Some(lot) = self.any(dice) else {
                std::thread::sleep(AGAIN);
                continue;
            };
            self.follow(process, lot.auction, dice);
        }
    }

    fn follow(&self, process: u32, auction: AuctionId, dice: &mut Chance) {
        let path = format!("/v1/auctions/{auction}/stream");
        let mut last = 0;
        while !self.home.load(Ordering::Acquire) {
            let Some(line) = self.connect() else { continue };
            self.notes.saw(process, auction, last, (SeenKind::Begin, 0));
            let Ok(Some(mut stream)) = line.watch(&path, last) else {
                self.notes.saw(process, auction, last, (SeenKind::Closed, 0));
                std::thread::sleep(AGAIN);
                continue;
            };
            while let Ok(message) = stream.next() {
                match (message.id, &*message.event) {
                    (_, "reset") => {
                        let value: Value = serde_json::from_str(&message.data).unwrap_or_default();
                        last = value["version"].as_u64().unwrap_or(0);
                        self.notes.saw(process, auction, last, (SeenKind::Reset, 0));
                    }
                    (_, "end") => break,
                    (Some(version), kind) => {
                        let what = digest(&public_part(&message.data));
                        last = version;
                        self.notes.saw(process, auction, version, (SeenKind::Event, what));
                        if kind == "certified" || kind == "cancelled" {
                            self.notes.saw(process, auction, last, (SeenKind::Closed, 0));
                            return;
                        }
                    }
                    (None, _) => {}
                }
                // Some hang up by themselves and come again.
                if dice.percent(1) {
                    break;
                }
            }
            self.notes.saw(process, auction, last, (SeenKind::Closed, 0));
        }
    }
}

/// The public part of an event in a message, byte for byte.
fn public_part(data: &str) -> Vec<u8> {
    #[derive(serde::Deserialize)]
    struct Item<'a> {
        #[serde(borrow)]
        event: &'a RawValue,
    }
    let item: Result<Item<'_>, _> = serde_json::from_str(data);
    item.map(|item| item.event.get().as_bytes().to_vec()).unwrap_or_default()
}
