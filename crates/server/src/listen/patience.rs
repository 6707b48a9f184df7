//! How long a client may let us wait. A stream that knows whether a request is under way: between
//! requests, reading has a deadline; writing always has one. Deadlines are looked at only when
//! there is nothing to do, so that a busy connection pays for none. Knows nothing of HTTP but the
//! first three bytes of HTTP/2.

use crate::config::TimeoutsConfig;
use crate::http::body::TooSlow;
use bytes::{Buf, Bytes};
use futures_util::task::AtomicWaker;
use hyper::body::{Body, Frame, SizeHint};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// How long a client may let us wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    first_byte: Duration,
    pub(super) head: Duration,
    idle: Duration,
    /// For the body of a request, and for taking in a part of a reply.
    pub(super) body: Duration,
}

impl Patience {
    pub(super) fn of(config: &TimeoutsConfig) -> Self {
        Self {
            first_byte: Duration::from_secs(config.first_byte_seconds),
            head: Duration::from_secs(config.header_seconds),
            idle: Duration::from_secs(config.idle_seconds),
            body: Duration::from_secs(config.body_seconds),
        }
    }
}

/// How many requests of a connection have begun, and how many of them are under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow(Arc<Requests>);

#[derive(Debug, Default)]
struct Requests {
    begun: AtomicUsize,
    under_way: AtomicUsize,
    http1: AtomicBool,
    /// Whether it carries no requests any more.
    upgraded: AtomicBool,
    /// Bytes of streams that were handed over and not written yet.
    unsent: AtomicUsize,
    /// Who waits for them to be written.
    waiting: AtomicWaker,
}

/// Bytes of a stream that may wait to be written. HTTP/2 has bounds of its own; of HTTP/1 hyper
/// takes whatever there is once it gathers the replies of a pipeline.
const UNSENT: usize = 64 * 1024;

/// A request that is under way until this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Requests>);

impl Flow {
    pub(super) fn begin(&self) -> UnderWay {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(&self.0))
    }

    fn begun(&self) -> usize {
        self.0.begun.load(Ordering::Relaxed)
    }

    /// So many bytes were written.
    fn sent(&self, bytes: usize) {
        if self.0.unsent.load(Ordering::Relaxed) == 0 {
            return;
        }
        let less = |unsent: usize| Some(unsent.saturating_sub(bytes));
        let _before = self.0.unsent.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        self.0.waiting.wake();
    }

    fn rests(&self) -> bool {
        self.0.under_way.load(Ordering::Relaxed) == 0
    }

    fn is_upgraded(&self) -> bool {
        self.0.upgraded.load(Ordering::Relaxed)
    }
}

impl UnderWay {
    /// From here on the connection carries something else, which has deadlines of its own.
    pub(super) fn upgrade(self) {
        self.0.upgraded.store(true, Ordering::Relaxed);
    }

    /// Whether a stream may hand over more; else it is woken when it may.
    fn has_room(&self, context: &Context<'_>) -> bool {
        let full = || self.0.unsent.load(Ordering::Acquire) >= UNSENT;
        if !full() || !self.0.http1.load(Ordering::Relaxed) {
            return true;
        }
        self.0.waiting.register(context.waker());
        !full()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is waited for on a connection that rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Await {
    First,
    Head,
    Next,
}

/// A deadline that costs nothing until somebody waits for it.
#[derive(Default)]
struct Deadline {
    at: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    fn clear(&mut self) {
        self.at = None;
    }

    /// Whether it has passed; begins to run at the first call after it was cleared.
    fn passed(&mut self, within: Duration, context: &mut Context<'_>) -> bool {
        let at = *self.at.get_or_insert_with(|| after(within));
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        while sleep.as_mut().poll(context).is_ready() {
            if sleep.deadline() >= at {
                return true;
            }
            sleep.as_mut().reset(at);
        }
        false
    }
}

/// The moment so long from now, as the runtime counts.
fn after(within: Duration) -> Instant {
    sleep(within).deadline()
}

/// A stream with deadlines.
pub(super) struct Patient<S> {
    stream: S,
    patience: Patience,
    flow: Flow,
    awaited: Await,
    /// Requests that had begun when this was looked at last.
    begun: usize,
    seen: u8,
    http2: bool,
    reading: Deadline,
    writing: Deadline,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, patience: Patience) -> (Self, Flow) {
        let flow = Flow::default();
        let patient = Self {
            stream,
            patience,
            flow: flow.clone(),
            awaited: Await::First,
            begun: 0,
            seen: 0,
            http2: true,
            reading: Deadline::default(),
            writing: Deadline::default(),
        };
        (patient, flow)
    }

    /// Whether nothing is under way. What began since the last look has met its deadline.
    fn rests(&mut self) -> bool {
        let (begun, rests) = (self.flow.begun(), self.flow.rests());
        if begun != self.begun || !rests {
            self.begun = begun;
            self.awaited = Await::Next;
            self.reading.clear();
        }
        rests
    }

    /// Something arrived: what is awaited next?
    fn arrived(&mut self, bytes: &[u8]) {
        const HTTP2: &[u8; 3] = b"PRI";
        for byte in bytes.iter().take(HTTP2.len().saturating_sub(self.seen.into())) {
            self.http2 &= HTTP2.get(usize::from(self.seen)) == Some(byte);
            self.seen += 1;
        }
        self.flow.0.http1.store(!self.http2, Ordering::Relaxed);
        // Frames of HTTP/2 need not belong to a request: there only a request stops the clock.
        let next = match self.awaited {
            Await::First => Await::Head,
            Await::Next if !self.http2 => Await::Head,
            Await::Head | Await::Next => return,
        };
        self.awaited = next;
        self.reading.clear();
    }

    /// Nothing has arrived: has the patience run out?
    fn waited_too_long(&mut self, context: &mut Context<'_>) -> bool {
        if self.flow.is_upgraded() {
            return false;
        }
        if !self.rests() {
            // Nobody may read again when the request ends: so look again by then.
            let _looked: bool = self.reading.passed(self.patience.idle, context);
            return false;
        }
        let within = match self.awaited {
            Await::First => self.patience.first_byte,
            Await::Head => self.patience.head,
            Await::Next => self.patience.idle,
        };
        self.reading.passed(within, context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = &mut *self;
        let before = buffer.filled().len();
        match Pin::new(&mut me.stream).poll_read(context, buffer) {
            Poll::Ready(result) => {
                if me.rests() {
                    me.arrived(buffer.filled().get(before..).unwrap_or_default());
                }
                Poll::Ready(result)
            }
            Poll::Pending if me.waited_too_long(context) => {
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S> Patient<S> {
    fn written(
        &mut self,
        result: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = result {
            self.writing.clear();
            self.flow.sent(*result.as_ref().unwrap_or(&0));
            return Poll::Ready(result);
        }
        if self.writing.passed(self.patience.body, context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(result, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(result, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// The body of a request, which has to be whole in time.
pub(super) struct TimedBody<B> {
    body: B,
    within: Duration,
    deadline: Deadline,
}

impl<B> TimedBody<B> {
    pub(super) fn new(body: B, within: Duration) -> Self {
        Self { body, within, deadline: Deadline::default() }
    }
}

impl<B> Body for TimedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let me = &mut *self;
        match Pin::new(&mut me.body).poll_frame(context) {
            Poll::Ready(frame) => Poll::Ready(frame.map(|frame| frame.map_err(Into::into))),
            Poll::Pending if me.deadline.passed(me.within, context) => {
                Poll::Ready(Some(Err(Box::new(TooSlow))))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a reply that keeps its connection busy until it ends, and hands over no more than
/// its client takes.
pub(super) struct Busy<B> {
    body: B,
    under_way: UnderWay,
}

impl<B> Busy<B> {
    pub(super) fn new(body: B, under_way: UnderWay) -> Self {
        Self { body, under_way }
    }
}

impl<B: Body + Unpin> Body for Busy<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        if !self.under_way.has_room(context) {
            return Poll::Pending;
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, Buf::remaining);
            self.under_way.0.unsent.fetch_add(bytes, Ordering::AcqRel);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
