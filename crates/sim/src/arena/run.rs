//! One run: a house of its own, a crew that uses it, a fault that goes on meanwhile; then all is
//! healed, every outcome is learnt, everything ends, and the history is checked against the log.

use super::crew::{Floor, Member};
use super::faults::{Fault, Place};
use super::house::{House, How};
use super::ledger;
use super::power::Cut;
use super::tools::{self, Disk, Mounted};
use super::wire::Request;
use super::words;
use crate::chance::Chance;
use crate::checks::{Stats, Violation, check};
use crate::history::{Input, Nanos, Res};
use anyhow::Context as _;
use gavel_auction::time::Time;
use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Where runs take place, and how large they are.
pub(crate) struct Yard {
    pub(crate) gavel: PathBuf,
    pub(crate) scratch: PathBuf,
    pub(crate) seed: u64,
    /// How long faults go on in one run.
    pub(crate) span: Duration,
    pub(crate) bidders: u32,
    pub(crate) watchers: u32,
}

/// How long after the faults everything may take to come to its end.
const QUIET: Duration = Duration::from_secs(40);

/// Things that are wrong and told one by one.
const TOLD: usize = 12;

/// One run.
pub(crate) struct Run<'a> {
    pub(crate) yard: &'a Yard,
    pub(crate) dir: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) floor: Arc<Floor>,
    seed: u64,
    /// When the fault began.
    began: Nanos,
    pub(crate) dice: Chance,
    pub(crate) seller: Option<Member>,
    pub(crate) house: Option<House>,
    /// Faults injected.
    pub(crate) injected: u64,
    pub(crate) cuts: Vec<Cut>,
    pub(crate) disk: Option<Disk>,
    /// The longest that a start took.
    pub(crate) back: Duration,
    _mounted: Option<Mounted>,
}

/// What came of a run.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) injected: u64,
    pub(crate) stats: Stats,
    pub(crate) unknown: usize,
    pub(crate) back: Duration,
    pub(crate) wrong: Vec<String>,
    /// Whether something that was accepted is not in the log.
    pub(crate) lost: bool,
}

impl<'a> Run<'a> {
    fn begin(yard: &'a Yard, fault: &Fault, seed: u64) -> anyhow::Result<Self> {
        let dir = yard.scratch.join(fault.name);
        fs::create_dir_all(&dir)?;
        let (mut disk, mut mounted) = (None, None);
        // Mebibytes that a crew on a fast machine fills while faults go on.
        let grown = 10 * u32::try_from(yard.span.as_secs())?;
        let data = match fault.place {
            Place::Plain => dir.join("data"),
            Place::Small => {
                mounted = Some(tools::tmpfs(&dir.join("small"), 192 + grown)?);
                dir.join("small/data")
            }
            Place::Disk => {
                let made = Disk::make(&dir, 768 + grown)?;
                let data = made.live.join("data");
                disk = Some(made);
                data
            }
        };
        Ok(Self {
            yard,
            dir,
            data,
            floor: Arc::new(Floor::new(fault.last)),
            seed,
            began: 0,
            dice: Chance::new(seed, 0),
            seller: None,
            house: None,
            injected: 0,
            cuts: Vec::new(),
            disk,
            back: Duration::ZERO,
            _mounted: mounted,
        })
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("house.log")
    }

    /// Opens the house; false if it ended before it was open.
    pub(crate) fn open(&mut self, how: &How) -> anyhow::Result<bool> {
        let from = self.floor.notes.now();
        self.house = House::start(&self.yard.gavel, &self.data, &self.log(), how)?;
        if how.wrap.is_empty() {
            self.back = self.back.max(self.floor.notes.since(from));
        }
        let address = self.house.as_ref().map(|house| house.address);
        *self.floor.house.write().unwrap_or_else(PoisonError::into_inner) = address;
        Ok(address.is_some())
    }

    /// Opens it as it should be; it must open.
    pub(crate) fn heal(&mut self) -> anyhow::Result<()> {
        let opened = self.open(&How::default())?;
        anyhow::ensure!(opened, "the house does not open:\n{}", self.last_words());
        Ok(())
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }

    /// Kills it, if it runs.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        *self.floor.house.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.house.take().map_or(Ok(()), |house| house.kill().map(drop))
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.house.as_mut().is_some_and(House::runs)
    }

    pub(crate) fn rest(&self, milliseconds: u64) {
        std::thread::sleep(Duration::from_millis(milliseconds));
    }

    /// Rests for a while that is drawn.
    pub(crate) fn rest_between(&mut self, from: u64, to: u64) {
        let milliseconds = self.dice.between(from, to);
        self.rest(milliseconds);
    }

    pub(crate) fn fault(&mut self, what: impl Into<String>) {
        self.injected += 1;
        self.floor.notes.fault(what);
    }

    /// Whether faults go on.
    pub(crate) fn goes_on(&self) -> bool {
        self.floor.notes.since(self.began) < self.yard.span
    }

    fn members(&mut self) -> anyhow::Result<Vec<Member>> {
        self.seller = Some(self.floor.join(1, "seller")?);
        let bidders = 10..10 + self.yard.bidders;
        bidders.map(|number| self.floor.join(number, &format!("bidder{number}"))).collect()
    }

    /// Asks until every outcome is known, and asks again for some that is known.
    fn resolve(&self) -> usize {
        let mut open = self.floor.open.lock().unwrap_or_else(PoisonError::into_inner).split_off(0);
        let unknown = open.len();
        let mut line = None;
        for _ in 0..200 {
            open.retain(|(by, asked)| {
                line = line.take().or_else(|| self.floor.connect());
                let Some(open) = &mut line else { return true };
                let (res, alive) = self.floor.ask(open, by, asked);
                if !alive {
                    line = None;
                }
                matches!(res, Res::Unknown | Res::NoReply | Res::NotApplied(_))
            });
            if open.is_empty() {
                return unknown;
            }
            self.rest(50);
        }
        let what = format!("{} outcomes cannot be learnt: {:?}", open.len(), open.first());
        self.floor.notes.surprise(what);
        unknown
    }

    /// Looks at all lots until they are over; false if that never comes.
    fn ended(&self) -> bool {
        let from = self.floor.notes.now();
        let mut line = None;
        let mut waiting = self.floor.lots();
        while self.floor.notes.since(from) < QUIET {
            waiting.retain(|lot| {
                line = line.take().or_else(|| self.floor.connect());
                let Some(open) = &mut line else { return true };
                if !self.floor.read(open, None, lot) {
                    line = None;
                }
                !lot.is_over()
            });
            if waiting.is_empty() {
                return true;
            }
            self.rest(100);
        }
        let late: Vec<_> = waiting.iter().map(|lot| lot.auction).collect();
        let what = format!("not over {} s after all was well: {late:?}", QUIET.as_secs());
        self.floor.notes.surprise(what);
        false
    }

    /// The house's time.
    pub(crate) fn time(&self) -> Option<Time> {
        let request = Request { method: "GET", path: "/v1/time", ..Request::default() };
        let reply = self.floor.connect()?.ask(&request).ok()?;
        words::time(&words::json(&reply).ok()?["server_time"])
    }

    /// The history as far as it was written down, and the log that goes with it.
    pub(crate) fn input(&self, data: &Path) -> anyhow::Result<Input> {
        let log = ledger::read(data)?;
        let book = self.floor.notes.book();
        let mut history = book.history.clone();
        let made = |made| ledger::creation(self.floor.notes.next(), made, &log);
        history.extend(book.created.iter().filter_map(made));
        let (seen, marks) = (book.seen.clone(), book.marks.clone());
        Ok(Input { history, log, seen, marks, ..Input::default() })
    }

    /// Keeps a history for whoever wants to know more.
    pub(crate) fn keep(&self, input: &Input, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.dir.join(format!("{name}.jsonl"));
        input.write(&mut BufWriter::new(fs::File::create(&path)?))?;
        Ok(path)
    }
}

/// Plays a fault, and judges what came of it.
pub(crate) fn play(yard: &Yard, fault: &Fault, seed: u64) -> anyhow::Result<Verdict> {
    let mut run = Run::begin(yard, fault, seed)?;
    run.heal()?;
    let bidders = run.members()?;
    let (played, unknown, quiesced) = with_crew(&mut run, fault, bidders);
    played.with_context(|| format!("the fault itself:\n{}", run.last_words()))?;
    let now = run.time().unwrap_or(Time(0));
    let mut verdict = Verdict { injected: run.injected, unknown, ..Verdict::default() };
    if let Some(house) = run.house.take()
        && let Err(error) = house.stop()
    {
        verdict.wrong.push(format!("{error:#}"));
    }
    verdict.back = run.back;
    let surprises = std::mem::take(&mut run.floor.notes.book().surprises);
    verdict.wrong.extend(surprises.into_iter().take(TOLD));
    if run.cuts.is_empty() {
        let input = Input { quiesced, now, ..run.input(&run.data)? };
        let kept = run.keep(&input, "history")?;
        judge(&input, &kept, &mut verdict);
    }
    for cut in std::mem::take(&mut run.cuts) {
        super::power::judge(&mut run, &cut, &mut verdict)?;
    }
    Ok(verdict)
}

/// Checks a history.
pub(crate) fn judge(input: &Input, kept: &Path, verdict: &mut Verdict) {
    match check(input) {
        Ok(stats) => verdict.stats = verdict.stats.and(stats),
        Err(violations) => {
            verdict.lost |= violations.iter().any(Violation::is_loss);
            verdict.wrong.extend(violations.iter().take(TOLD).map(ToString::to_string));
            verdict.wrong.push(format!("the history is in {}", kept.display()));
        }
    }
}

impl Stats {
    fn and(self, other: Self) -> Self {
        Self {
            tries: self.tries + other.tries,
            events: self.events + other.events,
            accepted: self.accepted + other.accepted,
            refused: self.refused + other.refused,
            reads: self.reads + other.reads,
            seen: self.seen + other.seen,
        }
    }
}

/// The threads of those who use the house.
#[derive(Default)]
struct Crew {
    working: Vec<JoinHandle<()>>,
    watching: Vec<JoinHandle<()>>,
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let spawned = Builder::new().name(name.to_owned()).spawn(work);
    spawned.expect("the machine has room for a few threads")
}

impl Crew {
    fn at_work(run: &Run<'_>, bidders: Vec<Member>) -> Self {
        let mut crew = Self::default();
        for bidder in bidders {
            let (floor, mut dice) =
                (Arc::clone(&run.floor), Chance::new(run.seed, u64::from(bidder.process)));
            crew.working.push(spawn("bidder", move || floor.bid(&bidder, &mut dice)));
        }
        if let Some(seller) = run.seller.clone() {
            let (floor, mut dice) = (Arc::clone(&run.floor), Chance::new(run.seed, 1));
            crew.working.push(spawn("seller", move || floor.sell(&seller, &mut dice)));
        }
        for number in 1_000..1_000 + run.yard.watchers {
            let (floor, mut dice) =
                (Arc::clone(&run.floor), Chance::new(run.seed, u64::from(number)));
            crew.watching.push(spawn("watcher", move || floor.watch(number, &mut dice)));
        }
        for number in 2_000..2_000 + run.yard.watchers / 2 {
            let (floor, mut dice) =
                (Arc::clone(&run.floor), Chance::new(run.seed, u64::from(number)));
            crew.watching.push(spawn("guest", move || floor.attend(number, &mut dice)));
        }
        crew
    }

    fn join(threads: Vec<JoinHandle<()>>) {
        threads.into_iter().for_each(|thread| thread.join().expect("nobody of the crew panics"));
    }

    /// Waits until all watchers have seen the ends of their lots.
    fn has_seen_all(&self, run: &Run<'_>) {
        let from = run.floor.notes.now();
        while self.watching.iter().any(|thread| !thread.is_finished()) {
            if run.floor.notes.since(from) > QUIET {
                let what = "a watcher never saw the end of his lot".to_owned();
                return run.floor.notes.surprise(what);
            }
            run.rest(20);
        }
    }
}

/// Lets the crew work while the fault plays; then heals, and lets everything come to its end.
fn with_crew(
    run: &mut Run<'_>,
    fault: &Fault,
    bidders: Vec<Member>,
) -> (anyhow::Result<()>, usize, bool) {
    let floor = Arc::clone(&run.floor);
    let mut crew = Crew::at_work(run, bidders);
    run.began = floor.notes.now();
    let mut played = (fault.play)(run);
    if played.is_ok() && !run.runs() {
        played = run.heal();
    }
    floor.notes.healed();
    floor.enough.store(true, Ordering::Release);
    let (mut unknown, mut quiesced) = (0, false);
    if played.is_ok() {
        Crew::join(std::mem::take(&mut crew.working));
        (unknown, quiesced) = (run.resolve(), run.ended());
        crew.has_seen_all(run);
    }
    floor.home.store(true, Ordering::Release);
    Crew::join(crew.working);
    Crew::join(crew.watching);
    (played, unknown, quiesced)
}
