//! `gavel serve`: opens the house and answers until it is told to stop. Without anything said it
//! makes a house in `./gavel-data` and listens on loopback.

use crate::audit::Audit;
use crate::cli::output::{Failure, Output};
use crate::cli::{failed, init, usage};
use crate::config::{Config, Source};
use crate::demo::{self, Place};
use crate::house::{House, Opening};
use crate::http::{Edge, dialects};
use crate::keys::HouseKeys;
use crate::listen::{self, tls::Tls};
use crate::live::wheel;
use crate::mail::Outbox;
use crate::notifier::{Board, Notifier};
use crate::outside::Outside;
use crate::passwords::Passwords;
use crate::redis_view::RedisView;
use crate::upkeep::{self, Upkeep};
use crate::{observe, tasks};
use anyhow::Context as _;
use gavel_engine::people::People;
use gavel_engine::{Parts, Started};
use gavel_store::pictures::Folder;
use gavel_store::sqlite::Stores;
use gavel_store::sqlite::lock::DirLock;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Bytes that the system is asked to keep of what one client has not taken yet.
const SEND_BUFFER: u32 = 256 * 1024;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// What `gavel serve` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory of the house; made if there is none [default: gavel-data; with --demo a
    /// scratch directory that is gone afterwards]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Show what a house is like: a dozen auctions, and house bidders who bid
    #[arg(long)]
    demo: bool,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one key of the configuration; may be given many times.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    /// Speak these dialects too: items, portal, cars, marketplace, flash, all; NAME=ADDR:PORT gives
    /// one an address of its own [docs/dialects.md]
    #[arg(long, value_name = "NAMES")]
    dialect: Vec<String>,
}

/// Runs `gavel serve`.
///
/// # Errors
/// Why the house does not open.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let mut config = Config::load(args.config.as_deref(), &args.set).map_err(usage)?;
    if !args.dialect.is_empty() {
        let on = args.dialect.join(",");
        config.set(&Source::CommandLine, "dialects.on", &on).map_err(usage)?;
    }
    let chosen = args.listen.is_some() || config.server.listen != Config::default().server.listen;
    if let Some(listen) = args.listen {
        config.server.listen = listen;
    }
    dialects::check(&config).map_err(usage)?;
    observe::begin(&config.log).map_err(usage)?;
    // With fewer descriptors there is room for fewer connections; the house works all the same.
    drop(rlimit::increase_nofile_limit(u64::MAX));
    let runtime = runtime(config.server.threads).map_err(failed)?;
    let place = args.demo.then(|| Place::of(args.data.as_deref())).transpose().map_err(failed)?;
    let chosen_data = || args.data.clone().unwrap_or_else(|| PathBuf::from("gavel-data"));
    let data = place.as_ref().map_or_else(chosen_data, |place| place.data.clone());
    if place.is_some() {
        config.house.name.push_str(" (demonstration)");
    }
    let opened = open(&data, Arc::new(config)).map_err(failed)?;
    let served = runtime.block_on(serve(&opened, chosen, args.demo, out));
    let Opened { house, started, notifier, redis, upkeep, lock, .. } = opened;
    drop(house);
    drop(redis);
    drop(notifier);
    started.stop();
    drop(upkeep);
    runtime.shutdown_timeout(Duration::from_secs(1));
    drop(lock);
    drop(place);
    served.map_err(failed)
}

fn runtime(threads: u16) -> anyhow::Result<Runtime> {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => usize::from(threads),
    };
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(64)
        .thread_name("edge")
        .enable_all()
        .build()
        .context("starting the runtime")
}

/// A house that is open, with what has to be closed after it.
struct Opened {
    house: House,
    started: Started,
    stop: watch::Sender<bool>,
    password: Option<String>,
    notifier: Notifier,
    redis: Option<RedisView>,
    upkeep: Upkeep,
    lock: Option<DirLock>,
}

fn open(data: &Path, config: Arc<Config>) -> anyhow::Result<Opened> {
    let outside = Outside::new(&config.tokens).context("reading the configuration")?;
    let outbox = Outbox::open(&config.mail)?;
    if config.users.confirm_email && !outbox.delivers() {
        anyhow::bail!(
            "with `users.confirm_email` nobody could bid: no letter leaves (`mail.host`, or \
             `mail.outbox` = a directory)"
        );
    }
    let (stores, keys) =
        init::open_or_make(data, config.house.partitions, config.vault_keys.reveal())?;
    let board = Arc::new(Board::new(Arc::clone(&stores.notices)));
    let (things, chats) = (Arc::clone(&stores.things), Arc::clone(&stores.chats));
    let pictures = Arc::new(Folder::of(data));
    let password = init::first_admin(&*stores.people)?;
    let Awake { started, people, upkeep, lock } =
        wake(data, stores, &keys, config.memory.settled_auctions)?;
    let (stop, stopping) = watch::channel(false);
    let passwords = Passwords::start(config.users.hashing_threads).context("starting a thread")?;
    let (engine, keys) = (started.engine.clone(), Arc::new(keys));
    let audit = Audit::open(data, keys.house).context("opening the audit trail")?;
    let opening = Opening {
        engine,
        people,
        things,
        board: Arc::clone(&board),
        pictures,
        chats,
        config,
        keys,
        passwords,
        outbox,
        outside,
        audit,
        stopping,
    };
    let house = House::open(opening);
    // What is left over is removed at the next start.
    drop(house.sweep_pictures());
    drop(house.sweep_letters());
    drop(house.sweep_texts());
    let notifier = Notifier::begin(started.engine.clone(), board).context("starting a thread")?;
    let redis = RedisView::begin(house.clone()).context("beginning the Redis view")?;
    Ok(Opened { house, started, stop, password, notifier, redis, upkeep, lock })
}

/// A house whose engine runs, for whatever is to be done in it.
pub(super) struct Awake {
    pub(super) started: Started,
    pub(super) people: Arc<dyn People>,
    pub(super) upkeep: Upkeep,
    pub(super) lock: Option<DirLock>,
}

/// Recovers a house and starts its engine and its upkeep.
pub(super) fn wake(
    data: &Path,
    stores: Stores,
    keys: &HouseKeys,
    settled_in_memory: usize,
) -> anyhow::Result<Awake> {
    let people = Arc::clone(&stores.people);
    if let Some(lost) = upkeep::lost_end(data, &*stores.reader)? {
        let alive = data.join("alive");
        let way = format!("restore a backup; or delete {}, to go on without", alive.display());
        anyhow::bail!("{lost}; {way}");
    }
    let started = gavel_engine::start(Parts {
        house: keys.house,
        log_key: keys.log.clone(),
        signer: Arc::clone(&keys.signing),
        partitions: stores.partitions,
        log: stores.log,
        reader: stores.reader,
        lists: stores.lists,
        people: Arc::clone(&people),
        snapshots: stores.snapshots,
        settled_in_memory,
        last_alive: upkeep::last_alive(data),
    })?;
    observe::opened(&started.recovery);
    let upkeep = Upkeep::begin(data, started.engine.clone(), stores.checkpointer)
        .context("beginning the upkeep")?;
    Ok(Awake { started, people, upkeep, lock: stores.lock })
}

async fn serve(opened: &Opened, chosen: bool, demo: bool, out: Output) -> anyhow::Result<()> {
    let config = &opened.house.config;
    let tls = Tls::open(&config.tls).context("reading the configuration")?;
    let listener = bind(config.server.listen, chosen).await?;
    let address = listener.local_addr().context("asking for the address")?;
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate()).context("listening for signals")?,
        signal(SignalKind::interrupt()).context("listening for signals")?,
    );
    let stopping = opened.stop.subscribe();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let mut lines = vec![format!("Gavel is open at {scheme}://{address}")];
    if let Some(admin) = config.admin.listen {
        let default = Config::default().admin.listen == Some(admin);
        let listener = bind_admin(admin, default).await?;
        let address = listener.local_addr().context("asking for the address")?;
        lines.push(format!("Metrics at http://{address}/metrics"));
        let page = metrics(opened.house.clone());
        let mut stopping = stopping.clone();
        let serving = async move {
            let ends = async move { drop(stopping.wait_for(|stopping| *stopping).await) };
            drop(axum::serve(listener, page).with_graceful_shutdown(ends).await);
        };
        drop(tasks::spawn("the page of metrics, as long as the house", serving));
    }
    if let Some(password) = &opened.password {
        lines.push(format!("Administrator `admin`, password `{password}` (shown this once)"));
    }
    if demo {
        let visitor = demo::begin(&opened.house, &format!("http://{address}")).await?;
        lines.push("A demonstration: all that is sold here is made up.".to_owned());
        let bid = |password| format!("Bid along: `gavel login visitor`, password `{password}`");
        lines.extend(visitor.map(bid));
    }
    let dialects = bind_dialects(&opened.house, scheme, &mut lines).await?;
    opened.house.ready.store(true, Ordering::Release);
    let edge = Edge::new(opened.house.clone());
    if let Some(tls) = &tls {
        drop(tasks::spawn("reads certificates anew as long as the house", tls.clone().follow()));
    }
    let mut serving = Vec::new();
    for (listener, edge) in dialects.into_iter().chain([(listener, edge)]) {
        let serve = listen::serve(listener, tls.clone(), edge, stopping.clone());
        serving.push(tasks::spawn("the house, at one of its addresses", serve));
    }
    let told = json!({ "url": format!("{scheme}://{address}"), "lines": lines });
    // Whoever closed our standard output does not want to hear it.
    drop(out.result(&told, |out| lines.iter().try_for_each(|line| writeln!(out, "{line}"))));
    let live = wheel::keep(opened.house.clone());
    drop(tasks::spawn("looks after the live room as long as the house", live));
    let notices = crate::live::notices::carry(opened.house.clone());
    drop(tasks::spawn("carries notices as long as the house", notices));
    drop(tasks::spawn("ends old sessions as long as the house", forget(opened.house.clone())));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    observe::closing();
    opened.house.ready.store(false, Ordering::Release);
    opened.stop.send_replace(true);
    for serving in serving {
        serving.await.context("answering")?;
    }
    Ok(())
}

/// Takes the addresses of the dialects that have their own, and says which they are.
async fn bind_dialects(
    house: &House,
    scheme: &str,
    lines: &mut Vec<String>,
) -> anyhow::Result<Vec<(TcpListener, Edge)>> {
    let mut bound = Vec::new();
    for (address, name, edge) in Edge::elsewhere(house) {
        let listener = bind(address, true).await?;
        let address = listener.local_addr().context("asking for the address")?;
        lines.push(format!("Dialect {name} at {scheme}://{address}"));
        bound.push((listener, edge));
    }
    Ok(bound)
}

/// Forgets, once an hour, the sessions that have run out.
async fn forget(house: House) {
    let mut hours = tokio::time::interval(Duration::from_secs(3600));
    loop {
        hours.tick().await;
        let now = house.now();
        // A store that fails is logged where it failed; an hour later it is tried again.
        drop(house.blocking(move |people| people.end_sessions(None, now)).await);
    }
}

/// The chosen address; if nobody chose it and it is taken, the next one that is not.
async fn bind(address: SocketAddr, chosen: bool) -> anyhow::Result<TcpListener> {
    let last = if chosen { address.port() } else { address.port().saturating_add(20) };
    let mut failed = None;
    for port in address.port()..=last {
        match listen_on(SocketAddr::new(address.ip(), port)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = Some(error),
        }
    }
    let error = failed.expect("at least one port was tried");
    Err(error).with_context(|| format!("listening on {address}"))
}

/// Listens. What the system keeps of a reply for a slow client is bounded: by itself it would grow
/// to megabytes for each.
fn listen_on(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The default address gives way to any free port.
async fn bind_admin(address: SocketAddr, default: bool) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(_) if default => bind(SocketAddr::new(address.ip(), 0), true).await,
        other => other.with_context(|| format!("listening on {address}")),
    }
}

fn metrics(house: House) -> axum::Router {
    use axum::routing::get;
    let page = move || async move {
        let gauges = observe::Gauges {
            waiting: house.engine.waiting(),
            resident: house.engine.resident(),
            cold: house.engine.cold(),
            uncovered: house.engine.uncovered(),
            commits: house.engine.commits(),
            written: house.engine.written(),
            quarantined: house.engine.quarantined(),
            scrubbed: house.engine.scrubbed(),
            damages: house.engine.damages(),
        };
        ([(http::header::CONTENT_TYPE, "text/plain; version=0.0.4")], observe::page(gauges))
    };
    axum::Router::new().route("/metrics", get(page))
}
