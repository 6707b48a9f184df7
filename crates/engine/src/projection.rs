//! Projection: keeps the lists up with the log, in the background, in their own transactions. What
//! it shows is derived from committed heads; it judges nothing and may lag.

use crate::engine::{Shared, partition_of};
use crate::lists::Row;
use crate::log::{LogError, Partition, Position};
use gavel_auction::ids::AuctionId;
use gavel_auction::mutant;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the projector rests at least between two passes.
const REST: Duration = Duration::from_millis(50);
/// A pass may take up to this part of the time: the rest belongs to bids.
const SHARE: u32 = 3;
/// And up to this one where much is going on. Who rests longer has less to do, because an auction
/// has one row, however often it has changed.
const BUSY_SHARE: u32 = 24;
/// Changed auctions of one pass from which on much is going on.
const BUSY: usize = 1000;
/// Rows that are put in place in one transaction.
const ROWS: usize = 2000;

/// The auctions of a partition that have changed since the lists were last brought up.
#[derive(Default)]
pub(crate) struct Touched {
    changed: Mutex<Changed>,
    /// Up to where the lists are, as far as this process has brought them.
    listed: AtomicU64,
    /// Whether the last pass failed.
    lagging: AtomicBool,
}

#[derive(Default)]
struct Changed {
    upto: Position,
    auctions: BTreeSet<AuctionId>,
}

impl Touched {
    /// Notes that these auctions have changed, and that the log is durable up to here.
    pub(crate) fn note(&self, upto: Position, auctions: impl Iterator<Item = AuctionId>) {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        changed.upto = changed.upto.max(upto);
        changed.auctions.extend(auctions);
    }

    fn take(&self) -> Changed {
        std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Lists of which not even the beginning can be read are thrown away before they are relied on.
pub(crate) fn begin(shared: &Shared) -> Result<(), LogError> {
    for (partition, _) in (0..).zip(&shared.touched) {
        match shared.lists.cursor(partition) {
            Err(_) if shared.lists.are_damaged() => return shared.lists.clear(),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

/// Runs until told to stop.
pub(crate) fn run(shared: &Shared, stopping: &AtomicBool) {
    while !stopping.load(Ordering::Acquire) {
        let began = shared.clock.now();
        let changed = bring_up(shared);
        let took = u64::try_from(shared.clock.now().since(began)).unwrap_or(0);
        let share = if changed >= BUSY { BUSY_SHARE } else { SHARE };
        std::thread::sleep(REST.max(Duration::from_micros(took) * (share - 1)));
    }
}

/// Brings the lists up with what has changed: so many auctions.
pub(crate) fn bring_up(shared: &Shared) -> usize {
    if shared.lists.are_damaged() {
        begin_anew(shared);
    }
    let mut changed = 0;
    for (partition, touched) in (0..).zip(&shared.touched) {
        let Changed { upto, auctions } = touched.take();
        // What changed without an event is at no position of its own.
        let upto = upto.max(touched.listed.load(Ordering::Relaxed));
        // A barrier moves the log on, and nothing else.
        if auctions.is_empty() && upto <= touched.listed.load(Ordering::Relaxed) {
            continue;
        }
        changed += auctions.len();
        let projected = project(shared, partition, upto, &auctions);
        let lagged = touched.lagging.swap(projected.is_err(), Ordering::Relaxed);
        match projected {
            Ok(()) => touched.listed.store(upto, Ordering::Relaxed),
            Err(error) => {
                if !lagged {
                    tracing::warn!(%error, "lists lag behind the log");
                }
                touched.note(upto, auctions.into_iter());
            }
        }
    }
    changed
}

/// Throws the lists away: all auctions are to be put in place again.
fn begin_anew(shared: &Shared) {
    tracing::warn!("the lists are damaged; they are made anew");
    if let Err(error) = shared.lists.clear() {
        return tracing::error!(%error, "the lists cannot be made anew");
    }
    for (partition, touched) in (0..).zip(&shared.touched) {
        let upto = touched.listed.swap(0, Ordering::Relaxed);
        if !mutant::on("damaged_lists_stay_empty") {
            touched.note(upto, shared.views.of_partition(partition).into_iter());
        }
    }
}

/// What these auctions are about was erased: it goes from the lists, and they are listed again.
pub(crate) fn reword(shared: &Shared, auctions: &[AuctionId]) -> Result<(), LogError> {
    auctions.iter().for_each(|auction| shared.words.changed(*auction));
    shared.lists.erase(auctions)?;
    for auction in auctions {
        let partition = partition_of(*auction, shared.touched.len());
        if let Some(touched) = shared.touched.get(usize::from(partition)) {
            touched.note(0, std::iter::once(*auction));
        }
    }
    Ok(())
}

fn project(
    shared: &Shared,
    partition: Partition,
    upto: Position,
    auctions: &BTreeSet<AuctionId>,
) -> Result<(), LogError> {
    let rows = auctions.iter().filter_map(|id| row(shared, *id).transpose());
    let rows = rows.collect::<Result<Vec<Row>, LogError>>()?;
    if rows.is_empty() {
        return shared.lists.put(partition, upto, &[]);
    }
    let mut pages = rows.chunks(ROWS).peekable();
    while let Some(page) = pages.next() {
        let last = pages.peek().is_none();
        let cursor = if last { upto } else { shared.lists.cursor(partition)? };
        shared.lists.put(partition, cursor, page)?;
    }
    Ok(())
}

fn row(shared: &Shared, id: AuctionId) -> Result<Option<Row>, LogError> {
    let Some(head) = shared.head(id)? else { return Ok(None) };
    let listing = shared.words.listing(id).unwrap_or_else(|error| {
        tracing::warn!(%error, auction = id.get(), "a listing could not be read");
        Arc::default()
    });
    Ok(Some(Row {
        auction: id,
        // What was never published is listed as a draft, for its seller alone, also if cancelled.
        state: if head.announced { head.phase.word() } else { "draft" },
        seller: head.seller,
        title: listing.title.clone(),
        category: listing.category.clone(),
        price: head.price.unwrap_or_else(|| head.terms.start()).minor(),
        ends_at: head.effective_end(),
        bidders: shared.views.bidders(id),
    }))
}
