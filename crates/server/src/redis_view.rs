//! The Redis view of the dialect `flash`: for each auction a hash of how it stands, a sorted set of
//! its three best bids, and channels for what happens, for time and for the chat. Written from the
//! log, behind everything else; how far it has come stands in Redis itself, in the transaction that
//! wrote it. Whatever is lost there is written anew. Nothing is ever read from it but that, and
//! which auctions stand there when somebody is erased; so it may fail, be empty or be wrong, and no
//! bid is the worse for it.

mod keys;

use crate::house::House;
use crate::http::dialects::flash::state::State;
use crate::http::error::Problem;
use crate::observe;
use gavel_auction::event::Event;
use gavel_auction::ids::AuctionId;
use gavel_auction::time::{SECOND, Time};
use gavel_engine::lists::{Query, Sort};
use gavel_engine::log::Position;
use keys::{Keys, happened, moved_end};
use redis::{Connection, Pipeline, RedisError, TlsCertificates, pipe};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;

/// How long it rests between two looks at the log.
const REST: Duration = Duration::from_millis(50);
/// How long Redis has for anything.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long it is left alone after it has failed.
const AGAIN: Duration = Duration::from_secs(1);
/// Events, or auctions, that are written in one transaction.
const PAGE: usize = 256;
/// Messages of chats that may wait.
pub const CHATS: usize = 1024;
/// Before an end, each second is told.
const LAST: i64 = 60 * SECOND;

/// A message of a chat: its auction, and itself in JSON.
pub type Said = (AuctionId, String);

/// A place in the list: sort key and id.
type Place = (i64, i64);

/// The view of a house that is open. Ends when dropped.
pub struct RedisView {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RedisView {
    /// Begins to write, if a Redis is configured.
    ///
    /// # Errors
    /// If its address makes no sense, or the thread cannot be started.
    pub fn begin(house: House) -> io::Result<Option<Self>> {
        if house.config.redis_url.reveal().is_empty() {
            return Ok(None);
        }
        let client = client(house.config.redis_url.reveal(), &house.config.redis_ca)?;
        let (stop, stopped) = sync_channel(1);
        let chats = house.live.chats.subscribe();
        let writer = Writer::new(house, client, chats, stopped);
        let work = move || writer.work();
        let thread = std::thread::Builder::new().name("redis".to_owned()).spawn(work)?;
        Ok(Some(Self { stop: Some(stop), thread: Some(thread) }))
    }
}

/// The Redis at an address, by TLS if that says so. An address may hold a password, so nothing is
/// said of it but its key.
fn client(url: &str, ca: &str) -> io::Result<redis::Client> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what);
    if ca.is_empty() {
        return redis::Client::open(url).map_err(|_| wrong("redis.url is no address"));
    }
    let file = std::fs::read_to_string(ca).map_err(|error| wrong(&format!("redis.ca: {error}")))?;
    if !url.starts_with("rediss://") {
        return Err(wrong("redis.ca goes with a rediss:// address"));
    }
    redis::Client::open(url).map_err(|_| wrong("redis.url is no address"))?;
    let none = || wrong("redis.ca holds no certificate");
    if !file.contains("-----BEGIN CERTIFICATE-----") {
        return Err(none());
    }
    let believed = TlsCertificates { client_tls: None, root_cert: Some(file.into_bytes()) };
    redis::Client::build_with_tls(url, believed).map_err(|_| none())
}

impl Drop for RedisView {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer of the Redis view panicked");
        }
    }
}

/// Why nothing could be written.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    #[error("the log: {0}")]
    Log(#[from] gavel_engine::log::LogError),
    #[error("an auction cannot be shown: {0:?}")]
    Shown(Problem),
    #[error("the house closes")]
    Closing,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Shown(problem)
    }
}

struct Writer {
    house: House,
    client: redis::Client,
    connection: Option<Connection>,
    /// Where it is kept how far it has come.
    cursor: String,
    /// How far it has come; none until that has been read.
    upto: Option<Vec<Position>>,
    /// Auctions that are live, with their ends.
    live: BTreeMap<AuctionId, Time>,
    /// How many watched when that was written last.
    watched: BTreeMap<AuctionId, usize>,
    /// The second that was told last.
    second: i64,
    chats: Receiver<Said>,
    /// How many people had been erased when their names were last taken out.
    erased: u64,
    /// Whether it has failed, and that was said.
    down: bool,
    stopped: mpsc::Receiver<()>,
}

impl Writer {
    fn new(
        house: House,
        client: redis::Client,
        chats: Receiver<Said>,
        stopped: mpsc::Receiver<()>,
    ) -> Self {
        let cursor = format!("gavel:{}:told", house.engine.house());
        Self {
            house,
            client,
            connection: None,
            cursor,
            upto: None,
            live: BTreeMap::new(),
            watched: BTreeMap::new(),
            second: 0,
            chats,
            erased: 0,
            down: false,
            stopped,
        }
    }

    /// Writes until the house closes.
    fn work(mut self) {
        let mut rest = REST;
        while self.stopped.recv_timeout(rest) == Err(RecvTimeoutError::Timeout) {
            rest = match self.turn() {
                Ok(true) => Duration::ZERO,
                Ok(false) => REST,
                Err(Failure::Closing) => return,
                Err(failure) => {
                    self.failed(&failure);
                    AGAIN
                }
            };
        }
    }

    /// Goes on, page after page, unless the house closes.
    fn go_on(&self) -> Result<(), Failure> {
        match self.stopped.try_recv() {
            Err(TryRecvError::Empty) => Ok(()),
            Ok(()) | Err(TryRecvError::Disconnected) => Err(Failure::Closing),
        }
    }

    /// It is begun again from what Redis says.
    fn failed(&mut self, failure: &Failure) {
        (self.connection, self.upto) = (None, None);
        if !std::mem::replace(&mut self.down, true) {
            observe::redis_down(failure);
        }
    }

    /// Does what there is to do, a page of the log at most; whether there may be more.
    fn turn(&mut self) -> Result<bool, Failure> {
        if self.connection.is_none() {
            let connection = self.client.get_connection_with_timeout(PATIENCE)?;
            connection.set_read_timeout(Some(PATIENCE))?;
            connection.set_write_timeout(Some(PATIENCE))?;
            self.connection = Some(connection);
        }
        let second = self.house.now().0 / SECOND;
        let ticks = second != std::mem::replace(&mut self.second, second);
        if self.upto.is_none() || (ticks && self.has_lost()?) {
            self.begin()?;
        }
        let more = self.follow()?;
        self.say()?;
        if ticks {
            self.forget()?;
            self.tell_time()?;
        }
        if std::mem::take(&mut self.down) {
            observe::redis_back();
        }
        Ok(more)
    }

    fn send(&mut self, pipeline: &Pipeline) -> Result<(), RedisError> {
        let connection = self.connection.as_mut().expect("a turn begins with a connection");
        pipeline.query(connection)
    }

    /// How far Redis has been written; none if it does not know, or knows of another log.
    fn known(&mut self) -> Result<Option<Vec<Position>>, Failure> {
        let connection = self.connection.as_mut().expect("a turn begins with a connection");
        let text: Option<String> = redis::cmd("GET").arg(&self.cursor).query(connection)?;
        let upto: Option<Vec<Position>> =
            text.and_then(|text| text.split(',').map(|part| part.parse().ok()).collect());
        let released = self.house.engine.released();
        let fits = |upto: &Vec<Position>| {
            upto.len() == released.len() && upto.iter().zip(&released).all(|(a, b)| a <= b)
        };
        Ok(upto.filter(fits))
    }

    fn has_lost(&mut self) -> Result<bool, Failure> {
        Ok(self.known()? != self.upto)
    }

    /// Goes on where Redis is; writes everything anew where it has nothing.
    fn begin(&mut self) -> Result<(), Failure> {
        self.live.clear();
        self.watched.clear();
        let known = self.known()?;
        // The list may be behind: what it does not show yet is found in the log.
        let from = match &known {
            Some(known) => known.clone(),
            None => {
                let lists = self.house.engine.lists();
                let partitions = u16::try_from(self.house.engine.partitions()).unwrap_or(u16::MAX);
                (0..partitions)
                    .map(|partition| lists.cursor(partition))
                    .collect::<Result<_, _>>()?
            }
        };
        let mut after = None;
        loop {
            self.go_on()?;
            let (page, last) = self.live_after(after)?;
            let mut pipeline = pipe();
            for auction in page {
                if known.is_none() {
                    self.write(&mut pipeline, auction)?;
                } else {
                    self.note(auction);
                }
            }
            if !pipeline.is_empty() {
                self.send(&pipeline)?;
            }
            let Some(last) = last else { break };
            after = Some(last);
        }
        if known.is_none() {
            observe::redis_rebuilt(self.live.len());
            let mut pipeline = pipe();
            self.put_cursor(&mut pipeline, &from);
            self.send(&pipeline)?;
        }
        self.upto = Some(from);
        Ok(())
    }

    /// A page of live auctions, and its last one if there may be more.
    fn live_after(&self, after: Option<Place>) -> Result<(Vec<AuctionId>, Option<Place>), Failure> {
        let query = Query {
            states: vec!["open".to_owned(), "on_hold".to_owned()],
            drafts: false,
            category: None,
            seller: None,
            text: None,
            sort: Sort::Newest,
            after,
            limit: PAGE,
        };
        let rows = self.house.engine.lists().page(&query)?.rows;
        let last = rows.last().filter(|_| rows.len() == PAGE);
        let last = last.map(|(key, auction)| (*key, auction.get()));
        Ok((rows.into_iter().map(|(_, auction)| auction).collect(), last))
    }

    fn put_cursor(&self, pipeline: &mut Pipeline, upto: &[Position]) {
        let text: Vec<String> = upto.iter().map(ToString::to_string).collect();
        pipeline.cmd("SET").arg(&self.cursor).arg(text.join(",")).ignore();
    }

    /// Writes what has happened since; whether there may be more.
    fn follow(&mut self) -> Result<bool, Failure> {
        let Some(upto) = &self.upto else { return Ok(false) };
        let chapter = self.house.engine.chapter(upto, PAGE)?;
        if chapter.upto == *upto {
            return Ok(false);
        }
        let mut pipeline = pipe();
        pipeline.atomic();
        let touched: BTreeSet<AuctionId> =
            chapter.events.iter().map(|past| past.event.auction).collect();
        for auction in touched {
            self.write(&mut pipeline, auction)?;
        }
        for past in &chapter.events {
            self.publish(&mut pipeline, &past.event)?;
        }
        self.put_cursor(&mut pipeline, &chapter.upto);
        self.send(&pipeline)?;
        self.upto = Some(chapter.upto);
        Ok(true)
    }

    /// Notes whether an auction is live; none if it was never announced.
    fn note(&mut self, auction: AuctionId) -> Option<std::sync::Arc<gavel_auction::view::Head>> {
        let head = self.house.engine.head(auction).filter(|head| head.announced);
        let end = head.as_ref().filter(|head| head.outcome().is_none());
        match end.and_then(|head| head.effective_end()) {
            Some(end) => drop(self.live.insert(auction, end)),
            None => drop(self.live.remove(&auction)),
        }
        head
    }

    /// Writes how an auction stands.
    fn write(&mut self, pipeline: &mut Pipeline, auction: AuctionId) -> Result<(), Failure> {
        let Some(head) = self.note(auction) else { return Ok(()) };
        let state = State::read(&self.house, &head)?;
        Keys::of(auction).put(pipeline, &state);
        self.watched.insert(auction, state.participant_count);
        Ok(())
    }

    /// Says what has happened on the auction's channels.
    fn publish(&self, pipeline: &mut Pipeline, event: &Event) -> Result<(), Failure> {
        let head = self.house.engine.head(event.auction).filter(|head| head.announced);
        let Some(head) = head else { return Ok(()) };
        let keys = Keys::of(event.auction);
        let about = happened(&self.house, &head, event)?;
        pipeline.cmd("PUBLISH").arg(&keys.events).arg(about.to_string()).ignore();
        if let Some(about) = moved_end(event, self.house.now()) {
            pipeline.cmd("PUBLISH").arg(&keys.timer).arg(about.to_string()).ignore();
        }
        Ok(())
    }

    /// Takes the names of those who were erased out of all that stands there.
    fn forget(&mut self) -> Result<(), Failure> {
        let erased = self.house.live.erased.load(Ordering::Acquire);
        let mut place: u64 = 0;
        while erased != self.erased {
            self.go_on()?;
            let connection = self.connection.as_mut().expect("a turn begins with a connection");
            let mut scan = redis::cmd("SCAN");
            scan.arg(place).arg("MATCH").arg("auction:*:state").arg("COUNT").arg(PAGE);
            let (next, found): (u64, Vec<String>) = scan.query(connection)?;
            let mut pipeline = pipe();
            for auction in found.iter().filter_map(|key| keys::auction_of(key)) {
                self.write(&mut pipeline, auction)?;
            }
            if !pipeline.is_empty() {
                self.send(&pipeline)?;
            }
            place = next;
            if place == 0 {
                self.erased = erased;
            }
        }
        Ok(())
    }

    /// Says what was said in chats.
    fn say(&mut self) -> Result<(), Failure> {
        let mut pipeline = pipe();
        while let Ok((auction, text)) = self.chats.try_recv() {
            pipeline.cmd("PUBLISH").arg(&Keys::of(auction).chat).arg(text).ignore();
        }
        if pipeline.is_empty() { Ok(()) } else { Ok(self.send(&pipeline)?) }
    }

    /// Tells the last minute of each auction, and who watches.
    fn tell_time(&mut self) -> Result<(), Failure> {
        let now = self.house.now();
        let mut pipeline = pipe();
        for (auction, end) in self.live.iter().filter(|(_, end)| end.since(now) <= LAST) {
            let about = keys::timer("timer_update", *auction, *end, now);
            pipeline.cmd("PUBLISH").arg(&Keys::of(*auction).timer).arg(about.to_string()).ignore();
        }
        for (auction, watch) in self.house.live.watched(now) {
            let written = self.live.contains_key(&auction);
            if written && self.watched.insert(auction, watch) != Some(watch) {
                let state = Keys::of(auction).state;
                pipeline.cmd("HSET").arg(state).arg("participant_count").arg(watch).ignore();
            }
        }
        if pipeline.is_empty() { Ok(()) } else { Ok(self.send(&pipeline)?) }
    }
}
