//! A whole house inside of the test: real files in a scratch directory, the real engine, the real
//! routes, without a socket. It can be closed and opened again on the same files.
#![expect(dead_code, reason = "each test binary uses a part of it")]

#[path = "gate.rs"]
pub mod gate;

use axum::body::Body;
use gate::{Behind, Gate};
use gavel_auction::command::Roles;
use gavel_auction::ids::UserId;
use gavel_auction::time::Time;
use gavel_engine::people::{NewUser, People, Session};
use gavel_engine::{Parts, Started};
use gavel_proof::hash::sha256;
use gavel_server::audit::Audit;
use gavel_server::config::Config;
use gavel_server::house::{House, Opening};
use gavel_server::http::Edge;
use gavel_server::keys;
use gavel_server::mail::Outbox;
use gavel_server::notifier::{Board, Notifier};
use gavel_server::outside::Outside;
use gavel_server::passwords::Passwords;
use gavel_store::pictures::Folder;
use gavel_store::sqlite::{self, Options};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What everybody may do unless a test says otherwise.
pub const MEMBER: Roles = Roles::MEMBER;

/// Asynchronous threads of a house.
const WORKERS: usize = 2;

/// A house for tests.
pub struct Site {
    data: tempfile::TempDir,
    runtime: Runtime,
    open: Option<Open>,
    keys: AtomicU64,
    /// What its readers have to pass, where settled auctions leave memory at once.
    gate: Option<Arc<Gate>>,
    /// How it is set up.
    set: fn(&mut Config),
}

struct Open {
    edge: Edge,
    started: Started,
    people: Arc<dyn People>,
    notifier: Notifier,
    _stopping: watch::Sender<bool>,
    _lock: Option<sqlite::lock::DirLock>,
}

/// Somebody signed in.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: i64,
    pub token: String,
}

/// A reply.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of a reply that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// The facts of a problem that must have this status and code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!((self.status, body["code"].as_str()), (status, Some(code)), "{}", self.text);
        body
    }
}

impl Site {
    /// A new house.
    pub fn new() -> Self {
        Self::with(None, |_| {})
    }

    /// A new house that is set up so.
    pub fn configured(set: fn(&mut Config)) -> Self {
        Self::with(None, set)
    }

    /// A new house in which settled auctions leave memory at once, and readers of them pass here.
    pub fn behind(gate: &Arc<Gate>) -> Self {
        Self::with(Some(Arc::clone(gate)), |_| {})
    }

    /// A new house, behind a gate or not, that is set up so.
    pub fn with(gate: Option<Arc<Gate>>, set: fn(&mut Config)) -> Self {
        let data = tempfile::tempdir().expect("the house of the test works");
        let made = keys::make(data.path()).expect("the house of the test works");
        sqlite::init(data.path(), made.house, 4, Time(1)).expect("the house of the test works");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build();
        let mut site = Self {
            data,
            runtime: runtime.expect("the house of the test works"),
            open: None,
            keys: AtomicU64::new(0),
            gate,
            set,
        };
        site.open();
        site
    }

    fn open(&mut self) {
        let _entered = self.runtime.enter();
        self.open = Some(open(self.data.path(), self.gate.as_ref(), self.set));
    }

    /// Closes the house and opens it again on the same files.
    pub fn restart(&mut self) {
        if let Some(Open { edge, started, people, notifier, .. }) = self.open.take() {
            drop(edge);
            drop(notifier);
            started.stop();
            drop(people);
        }
        self.open();
    }

    fn inside(&self) -> &Open {
        self.open.as_ref().expect("it is open")
    }

    /// Somebody with these roles.
    pub fn person(&self, name: &str, roles: Roles) -> Person {
        let people = &self.inside().people;
        let user = NewUser {
            username: name.to_owned(),
            email: Some(format!("{name}@example.com")),
            roles,
            ..NewUser::default()
        };
        let user = people.add_user(&user, Time(1)).expect("the house of the test works");
        let token = format!("{name:x<43}");
        let digest = sha256(token.as_bytes());
        let (created_at, expires_at) = (Time(1), Time(i64::MAX));
        let session = Session { user: user.id, created_at, expires_at, from: None };
        people.add_session(&digest, &session).expect("the house of the test works");
        Person { id: user.id.get(), token }
    }

    /// A member of the house.
    pub fn member(&self, name: &str) -> Person {
        self.person(name, MEMBER)
    }

    /// Any request.
    pub fn send(&self, mut request: Request<Body>) -> Reply {
        request.headers_mut().entry("host").or_insert(HeaderValue::from_static("house"));
        let edge = self.inside().edge.clone();
        self.runtime.block_on(async move {
            let reply = edge.answer(IpAddr::V4(Ipv4Addr::LOCALHOST), request).await;
            let (head, body) = reply.into_parts();
            let bytes = body.collect().await.expect("the house of the test works").to_bytes();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert!(head.status.as_u16() < 500 || text.contains("\"code\""), "{text}");
            Reply { status: head.status.as_u16(), headers: head.headers, text }
        })
    }

    /// A request whose client hangs up if it is not answered by then.
    pub fn hang_up(&self, mut request: Request<Body>, patience: Duration) {
        request.headers_mut().entry("host").or_insert(HeaderValue::from_static("house"));
        let edge = self.inside().edge.clone();
        self.runtime.block_on(async move {
            let answer = edge.answer(IpAddr::V4(Ipv4Addr::LOCALHOST), request);
            drop(tokio::time::timeout(patience, answer).await);
        });
    }

    /// A request with this text as its body, under this key.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        by: Option<&Person>,
        key: Option<&str>,
        body: &str,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("host", "house");
        if let Some(by) = by {
            request = request.header("authorization", format!("Bearer {}", by.token));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        self.send(request.body(Body::from(body.to_owned())).expect("the house of the test works"))
    }

    /// A request with these bytes as its body.
    pub fn send_bytes(
        &self,
        method: &str,
        path: &str,
        by: &Person,
        kind: &str,
        bytes: Vec<u8>,
    ) -> Reply {
        let request = Request::builder().method(method).uri(path).header("host", "house");
        let request = request.header("authorization", format!("Bearer {}", by.token));
        let request = request.header("content-type", kind).body(Body::from(bytes));
        self.send(request.expect("the house of the test works"))
    }

    /// Does this while nothing else gets its turn on the house's asynchronous threads.
    pub fn alone<T>(&self, work: impl Future<Output = T>) -> T {
        let (held, over) =
            (Arc::new(Barrier::new(WORKERS + 1)), Arc::new(Barrier::new(WORKERS + 1)));
        for _worker in 0..WORKERS {
            let (held, over) = (Arc::clone(&held), Arc::clone(&over));
            drop(self.runtime.spawn(async move {
                held.wait();
                over.wait();
            }));
        }
        held.wait();
        let done = self.runtime.block_on(work);
        over.wait();
        done
    }

    /// Where the house keeps its data.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// GET.
    pub fn get(&self, path: &str, by: Option<&Person>) -> Reply {
        self.ask("GET", path, by, None, "")
    }

    /// POST under a key of its own.
    pub fn post(&self, path: &str, by: &Person, body: &Value) -> Reply {
        let key = format!("own-{}", self.keys.fetch_add(1, Ordering::Relaxed));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask("POST", path, Some(by), Some(&key), &body)
    }

    /// Creates an auction: its path.
    #[track_caller]
    pub fn auction(&self, seller: &Person, mut body: Value) -> String {
        let all = body.as_object_mut().expect("the house of the test works");
        all.entry("title").or_insert(json!("A thing"));
        all.entry("currency").or_insert(json!("EUR"));
        let made = self.post("/v1/auctions", seller, &body).expect(201);
        format!("/v1/auctions/{}", made["id"])
    }

    /// Places a bid of an amount.
    pub fn bid(&self, auction: &str, by: &Person, amount: i64) -> Reply {
        self.post(&format!("{auction}/bids"), by, &json!({ "amount": amount }))
    }

    /// Bans somebody.
    pub fn ban(&self, person: &Person) {
        let change = gavel_engine::people::UserChange {
            banned: Some(Some("for the test".to_owned())),
            ..Default::default()
        };
        let user = UserId::new(person.id).expect("the house of the test works");
        self.inside().people.change_user(user, &change).expect("the house of the test works");
        self.inside().edge.house().sign_ins.forget_user(user);
    }

    /// Waits for something inside of the house.
    pub fn run<F: Future>(&self, what: F) -> F::Output {
        self.runtime.block_on(what)
    }

    /// What requests are put to.
    pub fn edge(&self) -> Edge {
        self.inside().edge.clone()
    }

    /// The house's fingerprint key and engine, for checks of evidence.
    pub fn house(&self) -> House {
        self.inside().edge.house().clone()
    }

    /// Waits until the lists show what `wanted` says, at most five seconds.
    #[track_caller]
    pub fn until(&self, mut wanted: impl FnMut() -> bool) {
        for _ in 0..500 {
            if wanted() {
                return;
            }
            let rest = Duration::from_millis(10);
            self.runtime.block_on(async move { tokio::time::sleep(rest).await });
        }
        panic!("that did not come within five seconds");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(Open { edge, started, notifier, .. }) = self.open.take() {
            drop(edge);
            drop(notifier);
            started.stop();
        }
    }
}

fn open(data: &Path, gate: Option<&Arc<Gate>>, set: fn(&mut Config)) -> Open {
    let made = keys::read(data).expect("the house of the test works");
    let vault = Some(made.vault.clone());
    let stores = sqlite::open(data, &Options { vault, ..Options::default() })
        .expect("the house of the test works");
    let started = gavel_engine::start(Parts {
        house: made.house,
        log_key: made.log.clone(),
        signer: Arc::clone(&made.signing),
        partitions: stores.partitions,
        log: stores.log,
        reader: match gate {
            Some(gate) => Arc::new(Behind(Arc::clone(gate), stores.reader)),
            None => stores.reader,
        },
        lists: stores.lists,
        people: Arc::clone(&stores.people),
        snapshots: match gate {
            Some(gate) => Some(Arc::new(Behind(Arc::clone(gate), stores.snapshots.expect("kept")))),
            None => stores.snapshots,
        },
        settled_in_memory: if gate.is_some() { 0 } else { usize::MAX },
        last_alive: None,
    });
    let started = started.expect("the house of the test works");
    let mut config = Config::default();
    config.limits.requests_per_second_per_ip = 0;
    config.limits.bids_per_second_per_actor = 0;
    config.limits.bids_per_second_per_ip = 0;
    set(&mut config);
    let audit = Audit::open(data, made.house).expect("the house of the test works");
    let board = Arc::new(Board::new(Arc::clone(&stores.notices)));
    let notifier = Notifier::begin(started.engine.clone(), Arc::clone(&board))
        .expect("the house of the test works");
    let (stops, stopping) = watch::channel(false);
    let house = House::open(Opening {
        board,
        audit,
        engine: started.engine.clone(),
        things: Arc::clone(&stores.things),
        pictures: Arc::new(Folder::of(data)),
        chats: Arc::clone(&stores.chats),
        people: Arc::clone(&stores.people),
        config: Arc::new(config.clone()),
        keys: Arc::new(made),
        passwords: Passwords::start(1).expect("the house of the test works"),
        outbox: Outbox::open(&config.mail).expect("the house of the test works"),
        outside: Outside::new(&config.tokens).expect("the house of the test works"),
        stopping,
    });
    let (edge, people) = (Edge::new(house), stores.people);
    Open { edge, started, people, notifier, _stopping: stops, _lock: stores.lock }
}
