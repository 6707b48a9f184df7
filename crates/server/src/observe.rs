//! Every log line and every metric of the server, each a named function. Counts are plain atomics,
//! so that counting a bid costs a few nanoseconds. Knows no secret: codes and numbers only.

use crate::config::LogConfig;
use gavel_engine::Recovery;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tracing_subscriber::EnvFilter;

static ACCEPTED: AtomicU64 = AtomicU64::new(0);
static BIDS: AtomicU64 = AtomicU64::new(0);
static CONNECTIONS: AtomicI64 = AtomicI64::new(0);
static TURNED_AWAY: AtomicU64 = AtomicU64::new(0);
static PANICS: AtomicU64 = AtomicU64::new(0);
static RESPONSES: [AtomicU64; 6] = [const { AtomicU64::new(0) }; 6];
static BID_SECONDS: [AtomicU64; BOUNDS.len() + 1] = [const { AtomicU64::new(0) }; BOUNDS.len() + 1];
static BID_MICROS: AtomicU64 = AtomicU64::new(0);
static REFUSED: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

/// Upper bounds of the histogram of bids, in microseconds.
const BOUNDS: [u64; 12] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000];

/// Begins to write log lines to standard error.
///
/// # Errors
/// If the level is no filter.
pub fn begin(config: &LogConfig) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.level)
        .map_err(|error| format!("`log.level` cannot be `{}`: {error}", config.level))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // In one process of tests another one may have begun already.
    drop(if config.json { lines.json().try_init() } else { lines.try_init() });
    Ok(())
}

/// A command was accepted.
pub fn accepted() {
    ACCEPTED.fetch_add(1, Ordering::Relaxed);
}

/// A bid was answered, after so many microseconds.
pub fn bid_answered(micros: i64) {
    let micros = u64::try_from(micros).unwrap_or(0);
    BIDS.fetch_add(1, Ordering::Relaxed);
    BID_MICROS.fetch_add(micros, Ordering::Relaxed);
    let bound = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
    if let Some(count) = BID_SECONDS.get(bound) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// A command was refused, or got no answer.
pub fn refused(code: &'static str) {
    *REFUSED.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += 1;
}

/// A reply went out.
pub fn responded(status: http::StatusCode) {
    if let Some(count) = RESPONSES.get(usize::from(status.as_u16() / 100)) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection was taken; how many there are now.
pub fn connected() {
    CONNECTIONS.fetch_add(1, Ordering::Relaxed);
}

/// A connection ended.
pub fn disconnected() {
    CONNECTIONS.fetch_sub(1, Ordering::Relaxed);
}

/// A connection was turned away: too many.
pub fn turned_away() {
    TURNED_AWAY.fetch_add(1, Ordering::Relaxed);
}

/// A handler panicked.
pub fn handler_panicked() {
    PANICS.fetch_add(1, Ordering::Relaxed);
    tracing::error!("a handler panicked; its caller got 500");
}

/// A reply says that the house failed.
pub fn answered_with_failure(code: &str, detail: &str, trace_id: &str) {
    tracing::warn!(code, detail, trace_id, "answered with a failure");
}

/// A store failed.
pub fn store_failed(which: &str, error: &(dyn std::error::Error + 'static)) {
    tracing::error!(which, error = %error, "a store failed");
}

/// A connection could not be taken.
pub fn accept_failed(error: &std::io::Error) {
    tracing::warn!(%error, "a connection could not be taken");
}

/// The house is open.
pub fn opened(recovery: &Recovery) {
    let Recovery { records, auctions, snapshots, quarantined } = recovery;
    let quarantined = quarantined.len();
    tracing::info!(records, auctions, snapshots, quarantined, "the log has been read");
}

/// The house is closing.
pub fn closing() {
    tracing::info!("closing: nothing new is taken, what is under way is answered");
}

/// Connections that were cut because they did not end in time.
pub fn cut(connections: usize) {
    tracing::warn!(connections, "cut what had not ended in time");
}

/// What only the engine knows, for the page of metrics.
#[derive(Clone, Copy, Debug)]
pub struct Gauges {
    /// Commands that wait to be decided.
    pub waiting: usize,
    /// Auctions in memory.
    pub resident: usize,
    /// Settled auctions that have left memory.
    pub cold: usize,
    /// Batches committed since the start.
    pub commits: u64,
    /// Auctions closed off because their history is damaged.
    pub quarantined: usize,
    /// How often the whole log has been read again since the start.
    pub scrubbed: u64,
    /// Damage found meanwhile that is not one auction's.
    pub damages: u64,
}

/// The page of metrics, in the text format of Prometheus.
#[must_use]
pub fn page(gauges: Gauges) -> String {
    let mut page = String::with_capacity(4096);
    let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let mut counter = |name: &str, about: &str, kind: &str, value: &str| {
        let _ = writeln!(page, "# HELP {name} {about}\n# TYPE {name} {kind}\n{name} {value}");
    };
    let accepted = get(&ACCEPTED).to_string();
    counter("gavel_commands_accepted_total", "Commands accepted.", "counter", &accepted);
    let connections = CONNECTIONS.load(Ordering::Relaxed).to_string();
    counter("gavel_connections", "Open connections.", "gauge", &connections);
    let away = get(&TURNED_AWAY).to_string();
    counter("gavel_connections_refused_total", "Connections turned away.", "counter", &away);
    let panics = get(&PANICS).to_string();
    counter("gavel_panics_total", "Handlers that panicked.", "counter", &panics);
    let waiting = gauges.waiting.to_string();
    counter("gavel_commands_waiting", "Commands not decided yet.", "gauge", &waiting);
    let resident = gauges.resident.to_string();
    counter("gavel_auctions_resident", "Auctions in memory.", "gauge", &resident);
    let cold = gauges.cold.to_string();
    counter("gavel_auctions_cold", "Settled auctions not in memory.", "gauge", &cold);
    let commits = gauges.commits.to_string();
    counter("gavel_commits_total", "Batches committed.", "counter", &commits);
    let quarantined = gauges.quarantined.to_string();
    let about = "Auctions closed off because their history is damaged.";
    counter("gavel_auctions_quarantined", about, "gauge", &quarantined);
    let scrubbed = gauges.scrubbed.to_string();
    let about = "How often the whole log was read again.";
    counter("gavel_scrub_rounds_total", about, "counter", &scrubbed);
    let damages = gauges.damages.to_string();
    let about = "Damage of the log that is not one auction's.";
    counter("gavel_log_damages_total", about, "counter", &damages);
    labelled(&mut page);
    histogram(&mut page);
    page
}

fn labelled(page: &mut String) {
    let name = "gavel_commands_refused_total";
    let _ =
        writeln!(page, "# HELP {name} Commands without effect, by code.\n# TYPE {name} counter");
    for (code, count) in &*REFUSED.lock().unwrap_or_else(PoisonError::into_inner) {
        let _ = writeln!(page, "{name}{{code=\"{code}\"}} {count}");
    }
    let name = "gavel_responses_total";
    let _ = writeln!(page, "# HELP {name} Replies by class of status.\n# TYPE {name} counter");
    for (class, count) in RESPONSES.iter().enumerate().skip(1) {
        let count = count.load(Ordering::Relaxed);
        let _ = writeln!(page, "{name}{{class=\"{class}xx\"}} {count}");
    }
}

fn histogram(page: &mut String) {
    let name = "gavel_bid_seconds";
    let _ = writeln!(page, "# HELP {name} From a bid to its answer.\n# TYPE {name} histogram");
    let seconds = |micros: u64| format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    let mut sum = 0;
    for (bound, count) in BOUNDS.iter().zip(&BID_SECONDS) {
        sum += count.load(Ordering::Relaxed);
        let _ = writeln!(page, "{name}_bucket{{le=\"{}\"}} {sum}", seconds(*bound));
    }
    let all = BIDS.load(Ordering::Relaxed);
    let _ = writeln!(page, "{name}_bucket{{le=\"+Inf\"}} {all}\n{name}_count {all}");
    let _ = writeln!(page, "{name}_sum {}", seconds(BID_MICROS.load(Ordering::Relaxed)));
}
