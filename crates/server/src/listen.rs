//! Our accept loop. Whoever connects has so many seconds for his first byte, for the head of a
//! request, for its body, between two requests, and for taking in what he is sent. So many
//! connections from one address, so many in all. At the end, what is under way is answered.
//! Knows no route.

mod patience;
pub mod tls;

use crate::config::Config;
use crate::http::Edge;
use crate::places::{Counts, Place};
use crate::{observe, tasks};
use axum::body::Body;
use http::{Request, StatusCode};
use hyper::body::Body as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use patience::{Busy, Patience, Patient, TimedBody, UnderWay};
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tls::Tls;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Bytes of a head beyond which a connection is closed without a word; from half of it on, there is
/// a problem document (see `http.rs`).
const HEAD: usize = 32 * 1024;

/// Requests of one HTTP/2 connection at once.
const STREAMS: u32 = 128;

/// Serves until `stopping` turns true and everything under way has been answered, or its time has
/// run out.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    edge: Edge,
    mut stopping: watch::Receiver<bool>,
) {
    let config = Arc::clone(&edge.house().config);
    let builder = Arc::new(builder(&config));
    let (most, most_per_ip) = (config.limits.connections, config.limits.connections_per_ip);
    let counts = Counts::new(most, most_per_ip, observe::connections);
    let patience = Patience::of(&config.timeouts);
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok((stream, address)) => (stream, address.ip().to_canonical()),
            Err(error) => {
                observe::accept_failed(&error);
                tokio::time::sleep(pause_after(&error)).await;
                continue;
            }
        };
        let Some(place) = counts.take(address) else {
            turn_away(&stream);
            continue;
        };
        // A connection that cannot be set so is slower, and still works.
        drop(stream.set_nodelay(true));
        let line = Line {
            builder: Arc::clone(&builder),
            edge: edge.clone(),
            address,
            patience,
            watcher: graceful.watcher(),
        };
        let tls = tls.clone();
        let connection = async move {
            let _place: Place = place;
            match tls {
                None => line.serve(stream).await,
                Some(tls) => Box::pin(line.serve_by(tls, stream)).await,
            }
        };
        drop(tasks::spawn("a connection lives as long as its client", connection));
    }
    drop(listener);
    let limit = Duration::from_secs(config.timeouts.stop_seconds);
    let under_way = graceful.count();
    if tokio::time::timeout(limit, graceful.shutdown()).await.is_err() {
        observe::cut(under_way);
    }
}

/// What one connection needs.
struct Line {
    builder: Arc<Builder<TokioExecutor>>,
    edge: Edge,
    address: IpAddr,
    patience: Patience,
    watcher: Watcher,
}

impl Line {
    async fn serve_by(self, tls: Tls, stream: TcpStream) {
        // Whoever does not come to terms in time has no request to be told about.
        if let Some(stream) = tls.accept(stream, self.patience.head).await {
            self.serve(stream).await;
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        let Self { builder, edge, address, patience, watcher } = self;
        let (stream, flow) = Patient::new(stream, patience);
        let service = service_fn(move |request| {
            answer(edge.clone(), address, patience, flow.begin(), request)
        });
        let serving =
            builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        // How a connection ended is its client's business.
        drop(watcher.watch(serving).await);
    }
}

fn builder(config: &Config) -> Builder<TokioExecutor> {
    let idle = Duration::from_secs(config.timeouts.idle_seconds);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(HEAD)
        .pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(idle)
        .keep_alive_timeout(Duration::from_secs(config.timeouts.header_seconds))
        .max_header_list_size(u32::try_from(HEAD).expect("a small number"))
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(20)
        .max_send_buf_size(256 * 1024);
    builder
}

async fn answer(
    edge: Edge,
    address: IpAddr,
    patience: Patience,
    under_way: UnderWay,
    request: Request<Incoming>,
) -> Result<http::Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = if body.is_end_stream() {
        Body::empty()
    } else {
        Body::new(TimedBody::new(body, patience.body))
    };
    let response = edge.answer(address, Request::from_parts(parts, body)).await;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        under_way.upgrade();
        return Ok(response);
    }
    // A whole body goes out at once; a stream keeps its connection busy until it ends.
    if response.body().size_hint().exact().is_some() {
        return Ok(response);
    }
    Ok(response.map(|body| Body::new(Busy::new(body, under_way))))
}

/// When descriptors have run out, trying again at once would only burn the processor.
fn pause_after(error: &io::Error) -> Duration {
    match error.kind() {
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset => Duration::ZERO,
        _ => Duration::from_millis(50),
    }
}

/// Says why in one line, if that can be said without waiting.
fn turn_away(stream: &TcpStream) {
    const SORRY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n\
        content-length: 0\r\nconnection: close\r\n\r\n";
    observe::turned_away();
    drop(stream.try_write(SORRY));
}
