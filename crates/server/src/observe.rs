//! Every log line and every metric of the server, each a named function. Counts are plain atomics,
//! so that counting a bid costs a few nanoseconds. Knows no secret: codes and numbers only.

use crate::config::LogConfig;
use gavel_engine::Recovery;
use gavel_engine::histogram::{Commits, Histogram};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tracing_subscriber::EnvFilter;

static ACCEPTED: AtomicU64 = AtomicU64::new(0);
static CONNECTIONS: AtomicI64 = AtomicI64::new(0);
static STREAMS: AtomicI64 = AtomicI64::new(0);
static STREAMS_LAGGED: AtomicU64 = AtomicU64::new(0);
static SOCKETS: AtomicI64 = AtomicI64::new(0);
static SOCKETS_LAGGED: AtomicU64 = AtomicU64::new(0);
static TURNED_AWAY: AtomicU64 = AtomicU64::new(0);
static PANICS: AtomicU64 = AtomicU64::new(0);
static RESPONSES: [AtomicU64; 6] = [const { AtomicU64::new(0) }; 6];
/// Microseconds from a bid to its answer.
static BID_MICROS: Histogram<12> = Histogram::new([
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
]);
static REFUSED: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

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
    BID_MICROS.count(u64::try_from(micros).unwrap_or(0));
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

/// So many more connections.
pub fn connections(change: i64) {
    CONNECTIONS.fetch_add(change, Ordering::Relaxed);
}

/// So many more event streams.
pub fn streams(change: i64) {
    STREAMS.fetch_add(change, Ordering::Relaxed);
}

/// So many more live sockets.
pub fn sockets(change: i64) {
    SOCKETS.fetch_add(change, Ordering::Relaxed);
}

/// A live socket was cut off: its client was too slow.
pub fn socket_lagged() {
    SOCKETS_LAGGED.fetch_add(1, Ordering::Relaxed);
}

/// A live room cannot show how its auction stands.
pub fn room_blind() {
    tracing::warn!("a live room cannot show how its auction stands, and says so");
}

/// An event stream was cut off: its reader was too slow.
pub fn stream_lagged() {
    STREAMS_LAGGED.fetch_add(1, Ordering::Relaxed);
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

/// It could not be kept where somebody signed in.
pub fn trace_lost() {
    tracing::error!("it is not kept where somebody signed in; he came in all the same");
}

/// A line of the audit trail could not be written.
pub fn audit_lost() {
    tracing::error!("what somebody did is not in the audit trail: it could not be written");
}

/// The audit trail was changed by somebody else.
pub fn audit_broken(line: u64) {
    tracing::error!(line, "the audit trail does not hold: this line does not fit the one before");
}

/// A letter left the house, or would have if there were a way. No word of it is told.
pub fn letter_left(user: i64, kind: &'static str, nowhere: bool) {
    if nowhere {
        tracing::info!(user, kind, "a letter was not sent: neither mail.host nor mail.outbox");
    } else {
        tracing::debug!(user, kind, "a letter left");
    }
}

/// A letter was lost.
pub fn letter_lost(user: i64, kind: &'static str, why: &str) {
    tracing::warn!(user, kind, why, "a letter was lost");
}

/// The keys of an issuer of tokens could not be fetched; those known stay.
pub fn keys_not_fetched(issuer: &str, why: &str) {
    tracing::warn!(issuer, why, "the keys of an issuer could not be fetched");
}

/// A certificate was read anew, or could not be and the one before it stays.
pub fn certificate_changed(why_not: Option<&str>) {
    match why_not {
        None => tracing::info!("the certificate was read anew"),
        Some(why) => tracing::error!(why, "a changed certificate was not taken; the old one stays"),
    }
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

/// The Redis view cannot be written.
pub fn redis_down(why: &dyn std::fmt::Display) {
    tracing::warn!(%why, "the Redis view cannot be written; it is tried again each second");
}

/// The Redis view is written again.
pub fn redis_back() {
    tracing::info!("the Redis view is written again");
}

/// The Redis view was written anew: Redis had nothing of it.
pub fn redis_rebuilt(live: usize) {
    tracing::info!(live, "the Redis view was written anew");
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
pub struct Gauges<'a> {
    /// Commands that wait to be decided.
    pub waiting: usize,
    /// Auctions in memory.
    pub resident: usize,
    /// Settled auctions that have left memory.
    pub cold: usize,
    /// Records that snapshots do not cover yet.
    pub uncovered: u64,
    /// Batches committed since the start.
    pub commits: u64,
    /// How the log is being written.
    pub written: &'a Commits,
    /// Auctions closed off: their history is damaged, or their rules failed.
    pub quarantined: usize,
    /// How often the whole log has been read again since the start.
    pub scrubbed: u64,
    /// Damage found meanwhile that is not one auction's.
    pub damages: u64,
}

/// The page of metrics, in the text format of Prometheus.
#[must_use]
pub fn page(gauges: Gauges<'_>) -> String {
    let mut page = String::with_capacity(4096);
    let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let mut counter = |name: &str, about: &str, kind: &str, value: &str| {
        let _ = writeln!(page, "# HELP {name} {about}\n# TYPE {name} {kind}\n{name} {value}");
    };
    let accepted = get(&ACCEPTED).to_string();
    counter("gavel_commands_accepted_total", "Commands accepted.", "counter", &accepted);
    let connections = CONNECTIONS.load(Ordering::Relaxed).to_string();
    counter("gavel_connections", "Open connections.", "gauge", &connections);
    let streams = STREAMS.load(Ordering::Relaxed).to_string();
    counter("gavel_streams", "Open event streams.", "gauge", &streams);
    let lagged = get(&STREAMS_LAGGED).to_string();
    counter("gavel_streams_lagged_total", "Streams cut off as too slow.", "counter", &lagged);
    let sockets = SOCKETS.load(Ordering::Relaxed).to_string();
    counter("gavel_sockets", "Live sockets.", "gauge", &sockets);
    let lagged = get(&SOCKETS_LAGGED).to_string();
    counter("gavel_sockets_lagged_total", "Live sockets cut off as too slow.", "counter", &lagged);
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
    let uncovered = gauges.uncovered.to_string();
    let about = "Records a start would read besides the snapshots.";
    counter("gavel_snapshots_behind", about, "gauge", &uncovered);
    let commits = gauges.commits.to_string();
    counter("gavel_commits_total", "Batches committed.", "counter", &commits);
    let quarantined = gauges.quarantined.to_string();
    let about = "Auctions closed off: their history is damaged, or their rules failed.";
    counter("gavel_auctions_quarantined", about, "gauge", &quarantined);
    let scrubbed = gauges.scrubbed.to_string();
    let about = "How often the whole log was read again.";
    counter("gavel_scrub_rounds_total", about, "counter", &scrubbed);
    let damages = gauges.damages.to_string();
    let about = "Damage of the log that is not one auction's.";
    counter("gavel_log_damages_total", about, "counter", &damages);
    labelled(&mut page);
    let (plain, seconds) = (|count: u64| count.to_string(), in_seconds);
    let written = gauges.written;
    histogram(&mut page, "gavel_bid_seconds", "From a bid to its answer.", &BID_MICROS, seconds);
    histogram(&mut page, "gavel_commit_records", "Records of a commit.", &written.records, plain);
    let about = "How long a commit took.";
    histogram(&mut page, "gavel_commit_seconds", about, &written.micros, seconds);
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

fn in_seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn histogram<const BOUNDS: usize>(
    page: &mut String,
    name: &str,
    about: &str,
    histogram: &Histogram<BOUNDS>,
    print: impl Fn(u64) -> String,
) {
    let _ = writeln!(page, "# HELP {name} {about}\n# TYPE {name} histogram");
    for (bound, count) in histogram.up_to() {
        let _ = writeln!(page, "{name}_bucket{{le=\"{}\"}} {count}", print(bound));
    }
    let (count, sum) = histogram.total();
    let _ = writeln!(page, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_count {count}");
    let _ = writeln!(page, "{name}_sum {}", print(sum));
}
