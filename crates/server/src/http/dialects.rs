//! Dialects: other auction systems' APIs, spoken so that their own clients work unchanged. One file
//! each, off unless configured. A dialect translates into the commands and views that everybody
//! uses; it holds no rule. Which there are, where they answer, and who gets in.

pub(crate) mod cars;
pub(crate) mod desk;
pub(crate) mod flash;
mod items;
mod marketplace;
mod portal;

use crate::audit::kept::Watched;
use crate::config::Config;
use crate::house::House;
use crate::http::actor::Caller;
use crate::http::cookie::is_own_page;
use crate::http::error::{Code, Problem};
use crate::http::{Peer, host_of, is_here, json, unknown, wrong_method};
use crate::permissions::{Door, Verb, verb_in};
use axum::Router;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use desk::Desk;
use http::Uri;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ORIGIN};
use http::request::Parts;
use serde_json::Value;
use std::fmt;
use std::net::SocketAddr;

/// All of them.
pub const DIALECTS: &[Dialect] =
    &[items::DIALECT, portal::DIALECT, cars::DIALECT, marketplace::DIALECT, flash::DIALECT];

/// Another API.
pub struct Dialect {
    /// What configuration calls it.
    pub name: &'static str,
    /// Its routes and which verb each is, sorted by path. What is not there is closed.
    pub doors: &'static [Door],
    /// What its callers may do on their mere word: they say who they are, and are believed to be a
    /// user of this dialect, never one with an account.
    pub on_their_word: &'static [Verb],
    /// Whether it takes the house's tokens.
    pub tokens: bool,
    /// What its handlers are.
    pub(crate) routes: fn() -> Router<Desk>,
    /// How it says what is wrong; none: as a problem document.
    pub(crate) wording: Option<fn(&Problem) -> Value>,
}

impl Dialect {
    /// Whether callers are believed who they say they are.
    fn believes(&self, config: &Config) -> bool {
        config.dialects.public && !self.on_their_word.is_empty()
    }
}

/// Where a dialect answers.
#[derive(Clone, Copy)]
pub struct Mount {
    dialect: &'static Dialect,
    /// An address of its own; none: beside the API.
    at: Option<SocketAddr>,
}

impl Mount {
    /// Reads `NAME`, `NAME=ADDR:PORT` or `all`.
    #[must_use]
    pub fn read(text: &str) -> Option<Vec<Self>> {
        if text == "all" {
            return Some(DIALECTS.iter().map(|dialect| Self { dialect, at: None }).collect());
        }
        let (name, at) = match text.split_once('=') {
            Some((name, at)) => (name, Some(at.trim().parse().ok()?)),
            None => (text, None),
        };
        let dialect = DIALECTS.iter().find(|dialect| dialect.name == name.trim())?;
        Some(vec![Self { dialect, at }])
    }
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            None => f.write_str(self.dialect.name),
            Some(at) => write!(f, "{}={at}", self.dialect.name),
        }
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mount({self})")
    }
}

impl PartialEq for Mount {
    fn eq(&self, other: &Self) -> bool {
        (self.dialect.name, self.at) == (other.dialect.name, other.at)
    }
}

impl Eq for Mount {}

/// The names of the dialects that are spoken, each once.
#[must_use]
pub fn names(on: &[Mount]) -> Vec<&'static str> {
    let spoken = |dialect: &&Dialect| on.iter().any(|mount| mount.dialect.name == dialect.name);
    DIALECTS.iter().filter(spoken).map(|dialect| dialect.name).collect()
}

/// Whether a house speaks a dialect.
#[must_use]
pub fn speaks(config: &Config, name: &str) -> bool {
    config.dialects.on.iter().any(|mount| mount.dialect.name == name)
}

/// Sees to it that nobody gets in by accident: who believes whoever calls listens on
/// loopback, unless told otherwise.
///
/// # Errors
/// Which dialect would listen where, and what to do about it.
pub fn check(config: &Config) -> Result<(), String> {
    let believes = |mount: &&Mount| mount.dialect.believes(config);
    for mount in config.dialects.on.iter().filter(believes) {
        let at = mount.at.unwrap_or(config.server.listen);
        if !at.ip().is_loopback() && !config.dialects.open {
            let name = mount.dialect.name;
            return Err(format!(
                "the dialect {name} believes whoever calls, and {at} is no loopback address: give \
                 it one (--dialect {name}=127.0.0.1:8090), or say that you want it so \
                 (dialects.open=true)"
            ));
        }
    }
    Ok(())
}

/// Adds the dialects that answer beside the API: each at `/dialects/NAME`, and one that is alone
/// there also at the root.
pub(super) fn beside(mut site: Router, house: &House) -> Router {
    let on = &house.config.dialects.on;
    let here = on.iter().filter(|mount| mount.at.is_none()).map(|mount| mount.dialect.name);
    let here: Vec<&'static Dialect> =
        DIALECTS.iter().filter(|dialect| here.clone().any(|name| name == dialect.name)).collect();
    for dialect in &here {
        let at = format!("/dialects/{}", dialect.name);
        site = site.nest(&at, whole(house, dialect, &at));
    }
    match here[..] {
        [alone] => {
            let (desk, doors) = doors_of(house, alone, "");
            let words = from_fn_with_state(desk.clone(), word);
            let site = site.merge(doors.layer(words).with_state(desk));
            site.fallback(move |uri: Uri| async move { nowhere(alone, &uri) })
        }
        _ => site, // not ours: a slice
    }
}

/// The dialects that have addresses of their own.
pub(super) fn elsewhere(house: &House) -> Vec<(SocketAddr, &'static str, Router)> {
    let own = house.config.dialects.on.iter().filter_map(|mount| Some((mount.dialect, mount.at?)));
    own.map(|(dialect, at)| (at, dialect.name, whole(house, dialect, ""))).collect()
}

/// A dialect where nothing else is.
fn whole(house: &House, dialect: &'static Dialect, at: &str) -> Router {
    let (desk, doors) = doors_of(house, dialect, at);
    doors.fallback(unknown).with_state(desk)
}

/// The dialect that is spoken where a request goes, if nothing else is there.
pub(super) fn spoken(house: &House, only: Option<&str>, uri: &Uri) -> Option<&'static Dialect> {
    let below = || uri.path().strip_prefix("/dialects/")?.split('/').next();
    let name = only.or_else(below)?;
    DIALECTS.iter().find(|dialect| dialect.name == name && speaks(&house.config, name))
}

fn doors_of(house: &House, dialect: &'static Dialect, at: &str) -> (Desk, Router<Desk>) {
    let desk = Desk::new(house.clone(), dialect, at.to_owned());
    let doors = (dialect.routes)()
        .method_not_allowed_fallback(wrong_method)
        .route_layer(from_fn_with_state(desk.clone(), pass));
    (desk, doors)
}

/// Lets a request through to its route, or answers it: as the gate of the API does it, by the
/// dialect's own table of doors.
async fn pass(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut watched = None;
    let admitted = admit(&desk, &mut parts, &mut watched).await;
    let answering = async move {
        match admitted {
            Ok(()) => next.run(Request::from_parts(parts, body)).await,
            Err(problem) => problem.into_response(),
        }
    };
    match watched {
        None => answering.await,
        Some(watched) => watched.over(&desk.house, answering).await,
    }
}

async fn admit(
    desk: &Desk,
    parts: &mut Parts,
    watched: &mut Option<Watched>,
) -> Result<(), Problem> {
    let Desk { house, dialect, .. } = desk;
    let path = parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str);
    let route = path.and_then(|path| path.strip_prefix(&*desk.at)).unwrap_or_default();
    let Some(verb) = verb_in(dialect.doors, &parts.method, route) else {
        let detail = format!("This route does not know {}.", parts.method);
        return Err(Problem::of(Code::MethodNotAllowed, detail));
    };
    if dialect.believes(&house.config) {
        is_near(house, parts)?;
    }
    let caller = match dialect.tokens {
        true => Caller::from_request_parts(parts, house).await?,
        false => Caller::default(),
    };
    *watched = Watched::of(verb, Some(&caller), parts);
    desk.may(&caller, verb)?;
    parts.extensions.insert(caller);
    Ok(())
}

/// What a request carries that somebody else has passed on.
const PASSED_ON: [&str; 5] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// Whoever is believed on his word is on this machine, and no page of another site makes a browser
/// there speak for him.
fn is_near(house: &House, parts: &Parts) -> Result<(), Problem> {
    let Parts { headers, uri, .. } = parts;
    let known = |origin: &http::HeaderValue| {
        house.config.server.origins.iter().any(|known| origin.as_bytes() == known.as_bytes())
    };
    let foreign = headers.get(ORIGIN).is_some_and(|origin| !known(origin));
    if foreign && !is_own_page(house, headers, uri) {
        return Err(Problem::forbidden("A page of another site asks (`server.origins`)."));
    }
    let Peer(ip) = Peer::of(parts);
    let passed_on = PASSED_ON.iter().any(|name| headers.contains_key(*name));
    let here = ip.is_loopback() && !passed_on && host_of(uri, headers).is_some_and(is_here);
    if here || house.config.dialects.open {
        return Ok(());
    }
    Err(Problem::forbidden("Here whoever calls is believed, on this machine (`dialects.open`)."))
}

/// What a dialect that is alone at the root says of a path that nobody knows: what is not of the
/// API is its own.
fn nowhere(alone: &Dialect, uri: &Uri) -> Response {
    let response = Problem::not_found().into_response();
    if uri.path().starts_with("/v1/") { response } else { worded(alone, response) }
}

/// Says what is wrong as the dialect says it.
async fn word(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    worded(desk.dialect, next.run(request).await)
}

/// What is wrong, in the words of a dialect that has any.
pub(super) fn worded(dialect: &Dialect, mut response: Response) -> Response {
    let problem = response.extensions_mut().remove::<Problem>();
    let (Some(problem), Some(wording)) = (problem, dialect.wording) else { return response };
    let (mut head, _) = response.into_parts();
    head.headers.remove(CONTENT_TYPE);
    head.headers.remove(CONTENT_LENGTH);
    let mut said = json::reply(problem.status(), "application/json", &wording(&problem));
    said.headers_mut().extend(head.headers);
    said
}
