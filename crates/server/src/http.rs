//! The table of contents of all routes, and what every request passes on its way: a limit for its
//! address, the checks of its head, a net under the handler, and the headers of every reply. One
//! plain function instead of a stack of layers, so that a bid pays for nothing it does not need;
//! a bid goes from here to its handler directly, beside the router.

pub mod actor;
pub mod body;
pub(crate) mod cookie;
mod cors;
pub mod dialects;
pub mod docs;
pub mod error;
pub mod four_eyes;
mod gate;
pub mod health;
pub mod idempotency;
pub(crate) mod json;
pub mod limits;
pub mod page;
pub mod prefer;
pub mod query;
pub mod time;
pub mod v1;

use crate::house::House;
use crate::live::door;
use crate::observe;
use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use cors::Crossing;
use error::{Code, Problem};
use futures_util::FutureExt;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, StatusCode, Uri, Version};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::AssertUnwindSafe;
use tower::Service;
use utoipa_axum::router::OpenApiRouter;

/// Headers of a request at most.
pub const HEADERS: usize = 64;

/// Bytes of the headers of a request at most.
pub const HEADER_BYTES: usize = 16 * 1024;

/// Bytes of a request's path and query at most.
pub const TARGET: usize = 8 * 1024 - 20;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// Where this request comes from.
    #[must_use]
    pub fn of(parts: &Parts) -> Self {
        parts.extensions.get().copied().unwrap_or(Self(Ipv4Addr::UNSPECIFIED.into()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// All routes of the house, with their description.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    docs::described().merge(v1::routes()).merge(health::routes())
}

/// The whole site: the API, its description, the page.
pub fn site(house: House) -> Router {
    let (router, description) = routes().split_for_parts();
    let described = house.config.server.docs.then(|| docs::routes(description));
    let site = router
        .route_layer(axum::middleware::from_fn_with_state(house.clone(), gate::pass))
        .merge(described.unwrap_or_default())
        .merge(page::routes())
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(house.clone());
    dialects::beside(site, &house)
}

async fn unknown() -> Problem {
    Problem::not_found()
}

async fn wrong_method(method: Method) -> Problem {
    Problem::of(Code::MethodNotAllowed, format!("This route does not know {method}."))
}

/// What answers requests: the site and the house behind it. Cheap to clone.
#[derive(Clone)]
pub struct Edge {
    house: House,
    site: Router,
    /// The dialect that alone is here; none: the API itself.
    only: Option<&'static str>,
}

impl Edge {
    /// The edge of a house.
    #[must_use]
    pub fn new(house: House) -> Self {
        Self { site: site(house.clone()), house, only: None }
    }

    /// Where the dialects of a house answer that have addresses of their own.
    #[must_use]
    pub fn elsewhere(house: &House) -> Vec<(SocketAddr, &'static str, Self)> {
        let edge = |(address, name, site)| {
            (address, name, Self { site, house: house.clone(), only: Some(name) })
        };
        dialects::elsewhere(house).into_iter().map(edge).collect()
    }

    /// The house behind it.
    #[must_use]
    pub fn house(&self) -> &House {
        &self.house
    }

    /// Answers a request from an address; never fails and never panics.
    pub async fn answer(&self, address: IpAddr, mut request: Request<Body>) -> Response {
        let path = Kind::of(request.uri());
        let config = &self.house.config;
        let crossing = Crossing::of(&config.server.origins, &request);
        let spoken = dialects::spoken(&self.house, self.only, request.uri());
        let mut response = match self.admit(address, &request) {
            Err(problem) => problem.into_response(),
            Ok(_) if crossing.is_preflight() => StatusCode::NO_CONTENT.into_response(),
            Ok(peer) => {
                request.extensions_mut().insert(peer);
                caught(self.handle(request)).await
            }
        };
        if let Some(dialect) = spoken {
            response = dialects::worded(dialect, response);
        }
        observe::responded(response.status());
        protect(path, response.headers_mut());
        crossing.tell(response.headers_mut());
        if !config.tls.certificate.is_empty() {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        }
        response
    }

    /// The one hot route directly, the live room by its own door, all others by the router.
    async fn handle(&self, request: Request<Body>) -> Response {
        if self.only.is_none()
            && let Some(auction) = v1::bids::is_bid(&request)
        {
            let placed = v1::bids::place_bid(&self.house, auction, request).await;
            return placed.unwrap_or_else(IntoResponse::into_response);
        }
        if self.only.is_none() && door::is_live(request.uri()) {
            // In a box, so that a bid's state stays small.
            return Box::pin(door::answer(&self.house, request)).await;
        }
        let Ok(response) = self.site.clone().call(request).await;
        as_problem(response)
    }

    fn admit(&self, address: IpAddr, request: &Request<Body>) -> Result<Peer, Problem> {
        let headers = request.headers();
        let ip = self.client(address, headers);
        let network = limits::network(ip);
        let health = request.uri().path().starts_with("/health/");
        if !health {
            let taken = self.house.limits.requests_per_ip.take(network, self.house.now());
            taken.map_err(Problem::rate_limited)?;
        }
        if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > TARGET) {
            return Err(Problem::of(Code::TargetTooLong, "A path with its query is too long."));
        }
        let bytes: usize =
            headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if headers.len() > HEADERS || bytes > HEADER_BYTES {
            return Err(Problem::of(Code::HeadersTooLarge, "At most 64 headers of 16 KiB."));
        }
        let named = headers.get_all(header::HOST).iter().count();
        if named > 1 || (named == 0 && request.version() == Version::HTTP_11) {
            return Err(Problem::malformed("Host", "A request names one host (RFC 9112)."));
        }
        if !self.is_ours(request) {
            return Err(Problem::of(Code::WrongHost, "This house answers to other names."));
        }
        if Kind::of(request.uri()) == Kind::Api && !takes_json(headers) {
            return Err(Problem::of(Code::NotAcceptable, "There is application/json to be had."));
        }
        Ok(Peer(ip))
    }

    /// The client behind proxies that are believed; nobody in particular, where they name none that
    /// can be read.
    fn client(&self, address: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = &self.house.config.server.trusted_proxies;
        let believed = |ip: &IpAddr| trusted.contains(&ip.to_canonical());
        let told = headers.get_all("x-forwarded-for");
        if trusted.is_empty() || !believed(&address) || told.iter().next().is_none() {
            return address;
        }
        let values = told.iter().rev();
        let hops = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        let read = |hop: &[u8]| std::str::from_utf8(hop).ok()?.trim().parse::<IpAddr>().ok();
        let client = hops.map_while(read).find(|ip| !believed(ip));
        client.unwrap_or(Ipv4Addr::UNSPECIFIED.into())
    }

    fn is_ours(&self, request: &Request<Body>) -> bool {
        let hosts = &self.house.config.server.hosts;
        if hosts.is_empty() {
            return true;
        }
        let Some(name) = host_of(request.uri(), request.headers()) else { return false };
        hosts.iter().any(|known| known.eq_ignore_ascii_case(name)) || is_here(name)
    }
}

/// The net under a handler: what panics is a problem document, and the connection goes on.
pub(crate) fn caught(handling: impl Future<Output = Response>) -> impl Future<Output = Response> {
    AssertUnwindSafe(handling).catch_unwind().map(|ended| {
        ended.unwrap_or_else(|_| {
            observe::handler_panicked();
            let detail = "Something broke here; it was logged.";
            Problem::of(Code::Internal, detail).into_response()
        })
    })
}

/// The host that a request is for, without its port; none if that is not clear.
fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut named = headers.get_all(header::HOST).iter();
    let header = named.next().and_then(|host| host.to_str().ok());
    if named.next().is_some() {
        return None;
    }
    let host = uri.authority().map(http::uri::Authority::as_str).or(header)?;
    Some(match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        Some(_) | None => host,
    })
}

/// Whether a host's name means this machine to whoever asks.
fn is_here(name: &str) -> bool {
    let loopback = name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    loopback || name.eq_ignore_ascii_case("localhost") || name == "[::1]"
}

/// A failure that the framework words in its own way, as a problem document.
fn as_problem(response: Response) -> Response {
    let status = response.status();
    let text = response.headers().get(header::CONTENT_TYPE);
    let own = text.is_some_and(|kind| !kind.as_bytes().starts_with(b"text/plain"));
    if own || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    match status {
        StatusCode::NOT_FOUND => Problem::not_found(),
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::of(Code::MethodNotAllowed, "This route has other methods.")
        }
        status if status.is_client_error() => {
            Problem::malformed("path", "The path or the query makes no sense.")
        }
        _ => Problem::of(Code::Internal, "Something broke here; it was logged."),
    }
    .into_response()
}

/// What kind of place a path leads to; says which headers its reply gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Api,
    Picture,
    Docs,
    Page,
}

impl Kind {
    fn of(uri: &Uri) -> Self {
        match uri.path() {
            path if path.starts_with("/v1/pictures/") => Self::Picture,
            path if path.starts_with("/v1/") || path.starts_with("/dialects/") => Self::Api,
            path if path.starts_with("/docs") => Self::Docs,
            _ => Self::Page,
        }
    }
}

/// Whether the client takes what there is.
fn takes_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return true;
    }
    let known = [
        "*/*",
        "application/*",
        "application/json",
        "application/problem+json",
        "text/event-stream",
    ];
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|one| {
        let kind = one.split(';').next().unwrap_or(one).trim();
        known.iter().any(|known| known.eq_ignore_ascii_case(kind))
    })
}

const API: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// Whatever somebody made of it, it runs nothing and belongs to nothing.
const PICTURE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'");
const DOCS: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Whoever came by TLS once comes by TLS only, for two years.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Whose reply it is hangs on these.
pub(crate) const VARIES: HeaderValue = HeaderValue::from_static("authorization, cookie");

/// The headers that every reply has.
const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Puts the headers in place that keep a reply from being misused. Unless a handler said that its
/// reply may be kept, nobody keeps it.
fn protect(kind: Kind, headers: &mut HeaderMap) {
    headers.extend(ALWAYS);
    let policy = match kind {
        Kind::Api => API,
        Kind::Picture => PICTURE,
        Kind::Docs => DOCS,
        Kind::Page => PAGE,
    };
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if matches!(kind, Kind::Api | Kind::Picture) {
        headers.entry(header::VARY).or_insert(VARIES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_s36_a_handler_that_panics_is_answered_without_a_word_of_why() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let why = "canary4711";
        let reply = runtime.block_on(async {
            let response = caught(async move { panic!("{why}") }).await;
            let status = response.status();
            let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
            (status, String::from_utf8(body.to_vec()).unwrap())
        });
        assert_eq!(reply.0, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(reply.1.contains("\"internal\"") && !reply.1.contains(why), "{}", reply.1);
    }
}
