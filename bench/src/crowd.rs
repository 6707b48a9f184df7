//! A crowd in the live room: thousands of Socket.IO clients over WebSockets, kept by one thread.
//! They come in a few at a time or all at once, answer pings, count updates, note how late each
//! came by the time that stands in it, and remember what they were shown last.

mod member;

use crate::clock::Moment;
use crate::load::wait;
use crate::wire;
use hdrhistogram::Histogram;
use member::{Happened, Member};
use mio::{Events, Poll};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Parts of a run that are measured by themselves.
pub(crate) const PARTS: usize = 2;

/// How often somebody who was turned away comes again.
const TRIES: u32 = 20;

/// How a crowd comes in.
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    pub(crate) count: usize,
    /// What they show, by turns; nothing, if there is none.
    pub(crate) tokens: Vec<String>,
    /// What each says to come into a room.
    pub(crate) join: String,
    /// At most so many at a time, and evenly over so long.
    pub(crate) at_once: usize,
    pub(crate) within: Duration,
}

/// What a crowd heard in a part of a run.
pub(crate) struct Heard {
    /// Updates, of all together.
    pub(crate) updates: u64,
    /// How late they came, in nanoseconds.
    pub(crate) late: Histogram<u64>,
    /// Updates of the one who got fewest, and of the one who got most.
    pub(crate) fewest: u64,
    pub(crate) most: u64,
}

/// Some who are in the live room. They end with this value.
pub(crate) struct Crowd {
    signs: Arc<Signs>,
    thread: Option<JoinHandle<io::Result<[Heard; PARTS]>>>,
}

/// What a crowd and whoever leads it tell each other.
#[derive(Default)]
struct Signs {
    /// Which part is measured, from 1; none: 0.
    part: AtomicUsize,
    stop: AtomicBool,
    /// How many were told how the auction stands.
    inside: AtomicUsize,
    /// What the log says, and how many were shown that last.
    last: Mutex<Option<(i64, i64)>>,
    showing: AtomicUsize,
}

impl Crowd {
    /// They begin to come.
    pub(crate) fn come(way: Way) -> io::Result<Self> {
        let signs = Arc::new(Signs::default());
        let told = Arc::clone(&signs);
        let poll = Poll::new()?;
        let heard = [Heard::nothing()?, Heard::nothing()?];
        let members = Vec::with_capacity(way.count);
        let hall = Hall { poll, way, members, coming: 0, begin: Moment::now(), heard };
        let keep = move || hall.keep(&told);
        let thread = std::thread::Builder::new().name("crowd".into()).spawn(keep)?;
        Ok(Self { signs, thread: Some(thread) })
    }

    /// How many have been told how the auction stands.
    pub(crate) fn inside(&self) -> usize {
        self.signs.inside.load(Ordering::Acquire)
    }

    /// How many show this version and price.
    pub(crate) fn showing(&self, last: (i64, i64)) -> usize {
        let before = self.signs.last.lock().unwrap_or_else(PoisonError::into_inner).replace(last);
        if before != Some(last) {
            self.signs.showing.store(0, Ordering::Release);
        }
        self.signs.showing.load(Ordering::Acquire)
    }

    /// Whether it has ended by itself, which `finish` explains.
    pub(crate) fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits until so many are so far; false if that takes too long.
    pub(crate) fn wait(&self, count: usize, longest: Duration, so_far: impl Fn() -> usize) -> bool {
        let begin = Moment::now();
        while so_far() < count {
            if begin.elapsed() > longest || self.is_over() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// From now on what they hear counts for this part, from 1; for 0, no more.
    pub(crate) fn measure(&self, part: usize) {
        self.signs.part.store(part, Ordering::Release);
    }

    /// What they heard.
    pub(crate) fn finish(mut self) -> io::Result<[Heard; PARTS]> {
        self.signs.stop.store(true, Ordering::Release);
        let heard = self.thread.take().map(JoinHandle::join);
        heard.and_then(Result::ok).ok_or_else(|| wire::odd("the crowd panicked"))?
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.signs.stop.store(true, Ordering::Release);
        // A run that failed has said why already.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

impl Heard {
    fn nothing() -> io::Result<Self> {
        let late = Histogram::new(3).map_err(io::Error::other)?;
        Ok(Self { updates: 0, late, fewest: 0, most: 0 })
    }
}

/// All who are in, or on their way.
struct Hall {
    poll: Poll,
    way: Way,
    members: Vec<Member>,
    /// How many have begun to come and are not in.
    coming: usize,
    begin: Moment,
    heard: [Heard; PARTS],
}

impl Hall {
    /// Reads whatever comes, until told to stop.
    fn keep(mut self, signs: &Signs) -> io::Result<[Heard; PARTS]> {
        let mut events = Events::with_capacity(4096);
        let mut chunk = [0; 1 << 14];
        while !signs.stop.load(Ordering::Acquire) {
            self.admit()?;
            let all = self.members.len() == self.way.count;
            let longest = if all { 20 } else { 1 };
            wait(&mut self.poll, &mut events, Duration::from_millis(longest))?;
            let part = signs.part.load(Ordering::Acquire);
            for event in &events {
                self.attend(event.token().0, part, &mut chunk, signs)?;
            }
            if let Some(last) = *signs.last.lock().unwrap_or_else(PoisonError::into_inner) {
                let same = |member: &&Member| member.shown == Some(last);
                signs.showing.store(self.members.iter().filter(same).count(), Ordering::Release);
            }
        }
        for (part, heard) in self.heard.iter_mut().enumerate() {
            let each = || self.members.iter().map(|member| member.updates[part]);
            heard.fewest = each().min().unwrap_or(0);
            heard.most = each().max().unwrap_or(0);
        }
        Ok(self.heard)
    }

    /// Lets those begin to come whose turn it is.
    fn admit(&mut self) -> io::Result<()> {
        let Way { count, within, at_once, .. } = self.way;
        let part = self.begin.elapsed().as_secs_f64() / within.as_secs_f64().max(1e-9);
        let due = count.min((part * count as f64) as usize);
        while self.members.len() < due && self.coming < at_once {
            let index = self.members.len();
            self.members.push(Member::begin(&self.way, index, &self.poll, 0)?);
            self.coming += 1;
        }
        Ok(())
    }

    /// Hears what one is told.
    fn attend(
        &mut self,
        index: usize,
        part: usize,
        chunk: &mut [u8],
        signs: &Signs,
    ) -> io::Result<()> {
        let member = &mut self.members[index];
        let was_in = member.is_in;
        let heard = part.checked_sub(1).map(|part| (part, &mut self.heard[part]));
        match member.receive(chunk, &self.way, heard) {
            Ok(Happened::News) => {}
            // Whoever finds the house too busy to listen comes again, as long as he was not in.
            Ok(Happened::Over) | Err(_) if !was_in && member.tries < TRIES => {
                let tries = member.tries + 1;
                self.members[index] = Member::begin(&self.way, index, &self.poll, tries)?;
            }
            Ok(Happened::Over) => return Err(wire::odd("the live room let somebody go")),
            Err(error) => return Err(error),
        }
        if self.members[index].is_in && !was_in {
            self.coming -= 1;
            signs.inside.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }
}
