//! Talks to a house over HTTP: where it is, who asks, and how often a command is repeated until its
//! outcome is known. A command's key is made before the first try, so that repeating is harmless.
//! Knows routes and bodies only as text and JSON; speaks no TLS.

pub mod messages;
pub mod room;

use super::output::Failure;
use super::session::{self, Kept};
use crate::{chance, tasks};
use bytes::Bytes;
use futures_util::future::join;
use gavel_auction::money::Currency;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use messages::Messages;
use serde_json::{Value, json};
use std::future::Future;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

/// Which house, and who asks.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "House")]
pub struct HouseArgs {
    /// Where the house is [default: where you logged in, else http://127.0.0.1:8080]
    #[arg(long, env = "GAVEL_URL", value_name = "URL")]
    url: Option<String>,
    /// Who asks: a token of the house [default: the one that `gavel login` kept for it]
    #[arg(long, env = "GAVEL_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
    /// Where the login is kept [default: .config/gavel/session.json in your home]
    #[arg(long, env = "GAVEL_SESSION", value_name = "FILE")]
    session: Option<PathBuf>,
}

const HERE: &str = "http://127.0.0.1:8080";
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(30);
/// How long to wait before each repeat of a command whose outcome is unknown.
const REPEATS: [u64; 5] = [200, 500, 1_000, 2_000, 4_000];
/// The longest `Retry-After` that is waited for.
const PATIENCE: u64 = 10;

impl HouseArgs {
    /// The file of the kept login.
    ///
    /// # Errors
    /// If there is neither a home directory nor `--session`.
    pub fn session_file(&self) -> Result<PathBuf, Failure> {
        self.session.clone().or_else(session::default_file).ok_or_else(|| {
            Failure::usage("session", "there is no home directory to keep a login in")
                .accept("--session FILE")
        })
    }

    /// A client of that house. A kept token goes to no house but the one that gave it.
    ///
    /// # Errors
    /// If the URL makes no sense, or the kept login cannot be read.
    pub fn client(&self) -> Result<Client, Failure> {
        let kept = match self.session.clone().or_else(session::default_file) {
            Some(file) => session::read(&file)?,
            None => None,
        };
        let at = kept.as_ref().map(|kept| kept.url.as_str());
        let url = plain(self.url.as_deref().or(at).unwrap_or(HERE));
        let own = kept.filter(|kept| kept.url == url).map(|Kept { token, .. }| token);
        Client::new(&url, self.token.clone().or(own))
    }
}

fn plain(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// A house to talk to, from a command.
pub struct Client {
    visitor: Visitor,
    runtime: Runtime,
}

/// Somebody who talks to a house.
pub struct Visitor {
    /// Where it is, without a slash at the end.
    pub url: String,
    address: (String, u16),
    authority: String,
    token: Option<String>,
}

/// What the house answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body, byte for byte.
    pub bytes: Bytes,
    retry_after: Option<u64>,
}

impl Reply {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn has_code(&self, code: &str) -> bool {
        self.json().get("code").and_then(Value::as_str) == Some(code)
    }
}

/// Why there is no answer.
enum Silence {
    /// Nothing was sent.
    Unreachable(String),
    /// Something was, and nobody knows what came of it.
    Lost(String),
}

impl Visitor {
    /// Who has this token, at this house.
    ///
    /// # Errors
    /// If the URL makes no sense.
    pub fn new(url: &str, token: Option<String>) -> Result<Self, Failure> {
        let wrong = |detail: String| {
            Failure::usage("url", detail).accept("a URL such as http://127.0.0.1:8080")
        };
        let uri: Uri = url.parse().map_err(|_| wrong(format!("`{url}` is no URL")))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                let detail = format!("{url}: this build speaks http only, no TLS yet");
                return Err(wrong(detail).accept("from elsewhere: a tunnel, such as ssh -L"));
            }
            Some(_) | None => return Err(wrong(format!("`{url}` is no http URL"))),
        }
        let authority = uri.authority().ok_or_else(|| wrong(format!("`{url}` names no host")))?;
        if !uri.path().trim_matches('/').is_empty() || uri.query().is_some() {
            return Err(wrong(format!("`{url}` has a path: give the house's root")));
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let address = (host, authority.port_u16().unwrap_or(80));
        Ok(Self { url: plain(url), address, authority: authority.to_string(), token })
    }

    /// Reads something, inside of a runtime.
    ///
    /// # Errors
    /// What the house says against it, or that it cannot be reached.
    pub async fn read(&self, path: &str) -> Result<Reply, Failure> {
        let answered = self.send(&Method::GET, path, None, None).await;
        let reply = answered.map_err(|silence| self.unreachable(&silence))?;
        if reply.is_success() { Ok(reply) } else { Err(problem(&reply, None)) }
    }

    /// Has something done, once, inside of a runtime.
    ///
    /// # Errors
    /// What the house says against it, or that it cannot be reached.
    pub async fn put(&self, method: &Method, path: &str, body: &Value) -> Result<Reply, Failure> {
        let answered = self.send(method, path, Some(body), None).await;
        let reply = answered.map_err(|silence| self.unreachable(&silence))?;
        if reply.is_success() { Ok(reply) } else { Err(problem(&reply, None)) }
    }

    /// Opens a stream of events, inside of a runtime.
    ///
    /// # Errors
    /// What the house says against it, or that it cannot be reached.
    pub async fn open(&self, path: &str) -> Result<Messages, Failure> {
        let opened = timeout(ANSWER, self.begin(path)).await;
        let opened = opened.unwrap_or_else(|_| Err(Silence::Lost("no answer".to_owned())));
        let response = opened.map_err(|silence| self.unreachable(&silence))?;
        let (head, body) = response.into_parts();
        if head.status.is_success() {
            return Ok(Messages::of(body));
        }
        let bytes = body.collect().await.map(http_body_util::Collected::to_bytes);
        let (status, bytes) = (head.status.as_u16(), bytes.unwrap_or_default());
        Err(problem(&Reply { status, bytes, retry_after: None }, None))
    }

    async fn begin(&self, path: &str) -> Result<Response<Incoming>, Silence> {
        let request = self.request(&Method::GET, path, "text/event-stream", None, None)?;
        let (mut sender, connection) = self.connect().await?;
        // It ends with the body, and what went wrong with it, the body tells.
        let connection = async move { drop(connection.await) };
        drop(tasks::spawn("a connection, as long as its stream is read", connection));
        sender.send_request(request).await.map_err(|error| Silence::Lost(error.to_string()))
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        accept: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Request<Full<Bytes>>, Silence> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.authority)
            .header(ACCEPT, accept);
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request.body(Full::new(Bytes::from(text))).map_err(|error| unreachable(&error))
    }

    async fn connect(&self) -> Result<(Sender, Connection), Silence> {
        let (host, port) = &self.address;
        let connected = timeout(CONNECT, TcpStream::connect((host.as_str(), *port))).await;
        let stream = connected.map_err(|_| unreachable(&"no connection within 5 s"))?;
        let stream = TokioIo::new(stream.map_err(|error| unreachable(&error))?);
        let greeted = hyper::client::conn::http1::handshake(stream).await;
        greeted.map_err(|error| unreachable(&error))
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Reply, Silence> {
        let accept = "application/json, application/problem+json";
        let request = self.request(method, path, accept, body, key)?;
        let (mut sender, connection) = self.connect().await?;
        let exchange = async move {
            let response = sender.send_request(request).await?;
            let (head, body) = response.into_parts();
            Ok::<_, hyper::Error>((head, body.collect().await?.to_bytes()))
        };
        // The connection ends with the sender; what went wrong with it, the exchange tells.
        let answered = timeout(ANSWER, async { join(exchange, connection).await.0 }).await;
        let answered = answered.map_err(|_| Silence::Lost("no answer within 30 s".to_owned()))?;
        let (head, bytes) = answered.map_err(|error| Silence::Lost(error.to_string()))?;
        let retry_after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|seconds| seconds.parse().ok());
        Ok(Reply { status: head.status.as_u16(), bytes, retry_after })
    }

    fn unreachable(&self, silence: &Silence) -> Failure {
        let (Silence::Unreachable(what) | Silence::Lost(what)) = silence;
        Failure::refused("unreachable", format!("{}: {what}", self.url))
            .accept("start a house with `gavel serve`, or say where one is: --url, GAVEL_URL")
    }
}

impl Client {
    fn new(url: &str, token: Option<String>) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { visitor: Visitor::new(url, token)?, runtime })
    }

    /// Reads something.
    ///
    /// # Errors
    /// What the house says against it, or that it cannot be reached.
    pub fn get(&self, path: &str) -> Result<Reply, Failure> {
        let answered = self.runtime.block_on(self.send(&Method::GET, path, None, None));
        let reply = answered.map_err(|silence| self.unreachable(&silence))?;
        if reply.is_success() { Ok(reply) } else { Err(problem(&reply, None)) }
    }

    /// Asks for something once, without a key: nothing is changed that a repeat would double.
    ///
    /// # Errors
    /// What the house says against it, or that it cannot be reached.
    pub fn ask(&self, method: &Method, path: &str, body: &Value) -> Result<Reply, Failure> {
        let answered = self.runtime.block_on(self.send(method, path, Some(body), None));
        let reply = answered.map_err(|silence| self.unreachable(&silence))?;
        if reply.is_success() { Ok(reply) } else { Err(problem(&reply, None)) }
    }

    /// Has something done, exactly once: repeats it under the same key until its outcome is known.
    ///
    /// # Errors
    /// What the house says against it; that it cannot be reached; or that nobody knows.
    pub fn command(&self, method: &Method, path: &str, order: &Order) -> Result<Reply, Failure> {
        self.runtime.block_on(async {
            let mut unknown = None;
            let mut waits = REPEATS.into_iter();
            loop {
                let answered = self.send(method, path, order.body.as_ref(), Some(&order.key)).await;
                let mut wait = waits.next().map(Duration::from_millis);
                let failure = match answered {
                    Ok(reply) if reply.is_success() => return Ok(reply),
                    Ok(reply) if reply.has_code("outcome_unknown") => {
                        unknown = Some("the house does not know whether it was done".to_owned());
                        None
                    }
                    Ok(reply) => {
                        let busy = reply.retry_after.filter(|seconds| *seconds <= PATIENCE);
                        let busy = busy.filter(|_| matches!(reply.status, 429 | 503));
                        let Some(seconds) = busy else {
                            return Err(problem(&reply, order.currency));
                        };
                        wait = wait.map(|_| Duration::from_secs(seconds));
                        Some(problem(&reply, order.currency))
                    }
                    Err(Silence::Lost(what)) => {
                        unknown = Some(what);
                        None
                    }
                    Err(silence @ Silence::Unreachable(_)) if unknown.is_none() => {
                        return Err(self.unreachable(&silence));
                    }
                    Err(Silence::Unreachable(_)) => None,
                };
                match (wait, &unknown, failure) {
                    (Some(wait), _, _) => sleep(wait).await,
                    (None, None, Some(failure)) => return Err(failure),
                    (None, what, _) => return Err(nobody_knows(what.as_deref(), &order.key)),
                }
            }
        })
    }

    /// Does something on the client's own runtime.
    pub fn run<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }
}

impl Deref for Client {
    type Target = Visitor;

    fn deref(&self) -> &Visitor {
        &self.visitor
    }
}

type Sender = hyper::client::conn::http1::SendRequest<Full<Bytes>>;
type Connection = hyper::client::conn::http1::Connection<TokioIo<TcpStream>, Full<Bytes>>;

fn unreachable(error: &dyn std::fmt::Display) -> Silence {
    Silence::Unreachable(error.to_string())
}

/// What is to be done, and under which key.
pub struct Order {
    key: String,
    body: Option<Value>,
    currency: Option<Currency>,
}

impl Order {
    /// Something new to do; its key is made now, before the first try.
    #[must_use]
    pub fn new(body: Option<Value>) -> Self {
        Self { key: hex::encode(chance::bytes::<16>()), body, currency: None }
    }

    /// Something that was tried before under this key.
    #[must_use]
    pub fn again(mut self, key: Option<String>) -> Self {
        self.key = key.unwrap_or(self.key);
        self
    }

    /// Tells amounts of a refusal in this currency.
    #[must_use]
    pub const fn told_in(mut self, currency: Currency) -> Self {
        self.currency = Some(currency);
        self
    }
}

fn nobody_knows(what: Option<&str>, key: &str) -> Failure {
    let what = what.unwrap_or("the outcome stayed unknown");
    let mut failure = Failure::unknown(format!("{what}; it was repeated under the key {key}"))
        .accept(format!("the same command again with --key {key}: it is done at most once"));
    failure.facts = Some(json!({"key": key}));
    failure
}

/// A problem document as a failure.
fn problem(reply: &Reply, currency: Option<Currency>) -> Failure {
    let body = reply.json();
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let Some(code) = text("code") else {
        let detail = format!("the answer was {}, and no problem document", reply.status);
        return Failure::refused("not_gavel", detail).accept("the URL of a Gavel house");
    };
    let detail = text("detail").or_else(|| text("title")).unwrap_or("it was refused");
    let mut failure = match code {
        "outcome_unknown" => Failure::unknown(detail),
        _ => Failure::refused(code, detail),
    };
    failure.accepted = super::refusal::accepted(&body, code, currency);
    failure.facts = Some(body);
    failure
}
