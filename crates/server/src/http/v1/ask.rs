//! The one way in which these routes put a command to the house: named, awaited, and every kind of
//! no turned into its problem document. Holds no rule.

use super::receipts::from_log;
use super::reply::{Reply, raw};
use super::texts::{Place, put_along};
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::error::{Code, Problem};
use crate::http::idempotency::{IdempotencyKey, Operation};
use crate::http::prefer::{self, Prefer};
use crate::operations::{Lane, Outcome};
use crate::{observe, tasks};
use axum::Json;
use axum::body::to_bytes;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use gavel_auction::command::{Action, Actor, Command, Person};
use gavel_auction::ids::{AuctionId, UserId, Version};
use gavel_auction::refusal::Refusal;
use gavel_auction::view::{Head, Viewer};
use gavel_engine::Ask;
use gavel_engine::answer::{Accepted, Answer, Failure, Refused};
use http::header::LOCATION;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde_json::json;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// How long a reader waits for a version that he asks for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes of a reply that is remembered, at most.
const LONGEST_REPLY: usize = 64 * 1024;

/// The longest note.
const NOTE: usize = 2_000;

/// How a command wants to be taken: under which name, and answered in which way.
pub(crate) struct Manner {
    pub(crate) key: IdempotencyKey,
    pub(crate) prefer: Prefer,
}

impl<S: Send + Sync> FromRequestParts<S> for Manner {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let key = IdempotencyKey::from_request_parts(parts, state).await?;
        Ok(Self { key, prefer: Prefer::of(&parts.headers) })
    }
}

/// Who wants something of which auction, under which name, and only at which version; and how he
/// wants to be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) prefer: Prefer,
    pub(crate) by: Person,
    pub(crate) operation: Operation,
    pub(crate) expected_version: Option<Version>,
}

/// A command that was accepted.
pub(crate) struct Done {
    /// Its last event and what stood then.
    pub(crate) accepted: Accepted,
    /// Its name.
    pub(crate) operation: Operation,
}

impl Wish {
    /// What somebody wants of an auction, named by his key.
    pub(crate) fn of(
        by: &SignedIn,
        manner: &Manner,
        auction: AuctionId,
        expected_version: Option<Version>,
    ) -> Self {
        Self::by(by.person(), manner, auction, expected_version)
    }

    /// The same of somebody who is not signed in: a dialect knows him otherwise.
    pub(crate) fn by(
        by: Person,
        manner: &Manner,
        auction: AuctionId,
        expected_version: Option<Version>,
    ) -> Self {
        let operation = manner.key.operation(by.user, auction);
        Self { by, operation, expected_version, prefer: manner.prefer }
    }

    /// The auction.
    pub(crate) const fn auction(&self) -> AuctionId {
        self.operation.auction
    }

    /// Puts the command to its auction and waits for the answer.
    ///
    /// # Errors
    /// Why no answer could be given.
    pub(crate) async fn answer(&self, house: &House, action: Action) -> Result<Answer, Failure> {
        let Self { by, operation, expected_version, prefer } = *self;
        let command = Command { actor: Actor::Person(by), expected_version, action };
        let (auction, id, receipt) = (operation.auction, operation.id, prefer.receipt);
        house.submit(Ask { auction, id, command, receipt }).await
    }

    /// Puts the command to its auction; whatever is not acceptance is a problem.
    ///
    /// # Errors
    /// The refusal, or why no answer could be given.
    pub(crate) async fn put(&self, house: &House, action: Action) -> Result<Done, Problem> {
        self.done(house, self.answer(house, action).await).await
    }

    /// Puts the command to its auction and answers with this status, now or later.
    ///
    /// # Errors
    /// The refusal, or why no answer could be given.
    pub(crate) async fn take(
        self,
        house: House,
        action: Action,
        status: StatusCode,
    ) -> Result<Response, Problem> {
        let lane = if action.is_bidding() { Lane::Bids } else { Lane::Auctions };
        let work = |wish: Self, house: House| async move {
            wish.put(&house, action).await?.reply(&house, status).await
        };
        self.settle_in(lane, house, work).await
    }

    /// Does what a command takes and answers; or, if that is preferred, answers at once and leaves
    /// the outcome to be asked for.
    ///
    /// # Errors
    /// The refusal, or why no answer could be given.
    pub(crate) async fn settle<W, F>(self, house: House, work: W) -> Result<Response, Problem>
    where
        W: FnOnce(Self, House) -> F,
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        self.settle_in(Lane::Auctions, house, work).await
    }

    /// The same, among the commands of a lane.
    ///
    /// # Errors
    /// The refusal, or why no answer could be given.
    pub(crate) async fn settle_in<W, F>(
        self,
        lane: Lane,
        house: House,
        work: W,
    ) -> Result<Response, Problem>
    where
        W: FnOnce(Self, House) -> F,
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        if !self.prefer.respond_async {
            return work(self, house).await;
        }
        let mut work = Box::pin(work(self, house.clone()));
        let full = || Problem::failed(&self.operation.to_string(), &Failure::Overloaded);
        let later = Later::begin(house, &self, lane).ok_or_else(full)?;
        // Its place in the queue is taken before the 202, so that what comes afterwards comes
        // behind it; and where there is no place, that is said now.
        match poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
            Poll::Ready(Err(problem)) if problem.code() == "overloaded" => return Err(problem),
            Poll::Ready(reply) => later.settled(reply).await,
            Poll::Pending => {
                let settling = async move { later.settled(work.await).await };
                drop(tasks::spawn("a command goes on after its 202", settling));
            }
        }
        Ok(self.accepted_for_later())
    }

    fn accepted_for_later(&self) -> Response {
        let operation = self.operation.to_string();
        let location = HeaderValue::try_from(format!("/v1/operations/{operation}"));
        let headers = [
            (LOCATION, location.expect("digits are a header value")),
            (prefer::APPLIED, HeaderValue::from_static("respond-async")),
        ];
        let body = Json(json!({ "status": "pending", "operation": operation }));
        (StatusCode::ACCEPTED, headers, body).into_response()
    }

    /// The acceptance, or the problem that stands for the refusal or failure.
    ///
    /// # Errors
    /// The refusal, or why no answer could be given.
    pub(crate) async fn done(
        &self,
        house: &House,
        answer: Result<Answer, Failure>,
    ) -> Result<Done, Problem> {
        let operation = self.operation;
        match answer {
            Ok(Answer::Accepted(mut accepted)) => {
                if self.prefer.receipt && accepted.receipt.is_none() {
                    // It was accepted before: its receipt comes from the log now.
                    let (auction, version) = (self.auction(), accepted.event.version);
                    let made = house.aside(move |house| from_log(house, auction, version)).await;
                    accepted.receipt = made.and_then(|made| made).ok();
                }
                Ok(Done { accepted, operation })
            }
            Ok(Answer::Refused(refused)) => {
                let mut refused = untelling(refused);
                observe::refused(refused.refusal.code());
                let receipt = refused.receipt.take();
                let outcome = Outcome::Refused(refused.clone());
                house.operations.remember(operation, self.by.user, outcome);
                let problem = Problem::refused(self.auction(), &operation.to_string(), &refused);
                Err(match receipt {
                    Some(receipt) => problem
                        .with("receipt", json!(raw(receipt)))
                        .header(prefer::APPLIED, HeaderValue::from_static("receipt")),
                    None => problem,
                })
            }
            Err(failure) => Err(Problem::failed(&operation.to_string(), &failure)),
        }
    }
}

/// A command that was answered with 202: noted as under way until this is dropped.
struct Later {
    house: House,
    operation: Operation,
    actor: UserId,
    /// Whether it is the first under its name, and not a repeat beside it.
    first: bool,
}

impl Later {
    fn begin(house: House, wish: &Wish, lane: Lane) -> Option<Self> {
        let (operation, actor) = (wish.operation, wish.by.user);
        let first = house.operations.begin(operation, actor, lane)?;
        Some(Self { house, operation, actor, first })
    }

    /// Remembers the reply. One that says the outcome is unknown is none: the log tells later.
    async fn settled(self, reply: Result<Response, Problem>) {
        let unknown = matches!(&reply, Err(problem) if problem.code() == "outcome_unknown");
        let (head, body) = reply.into_response().into_parts();
        let body = to_bytes(body, LONGEST_REPLY).await;
        if let Ok(body) = body
            && self.first
            && !unknown
        {
            let outcome = Outcome::Answered(head.status, body);
            self.house.operations.remember(self.operation, self.actor, outcome);
        }
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        if self.first {
            self.house.operations.end(&self.operation);
        }
    }
}

/// What is not found must not be told apart from what the caller may not know of.
fn untelling(refused: Refused) -> Refused {
    if refused.refusal == Refusal::NotFound {
        return Refused { version: 0, end: None, ..refused };
    }
    refused
}

impl Done {
    /// What the caller gets back.
    ///
    /// # Errors
    /// If the auction cannot be found, which never happens after an acceptance.
    pub(crate) async fn reply(
        &self,
        house: &House,
        status: StatusCode,
    ) -> Result<Response, Problem> {
        let head = house.head(self.operation.auction).await?.ok_or_else(Problem::not_found)?;
        let operation = self.operation.to_string();
        let reply = Reply::to(&self.accepted, &head.terms, operation);
        Ok(match &self.accepted.receipt {
            None => reply.with(status),
            Some(receipt) => reply.with_receipt(status, receipt.clone()),
        })
    }
}

/// Puts a command to its auction, and keeps the free text that came with it.
///
/// # Errors
/// The refusal, or why no answer could be given.
pub(crate) async fn put_with_note(
    house: House,
    wish: Wish,
    action: Action,
    note: Option<String>,
) -> Result<Response, Problem> {
    note_is_short(note.as_deref())?;
    let work = |wish: Wish, house: House| async move {
        let put = wish.put(&house, action);
        put_along(&house, &wish, (note, Place::Note), put)
            .await?
            .reply(&house, StatusCode::OK)
            .await
    };
    wish.settle(house, work).await
}

/// A note has at most so many characters.
///
/// # Errors
/// `malformed`.
pub(crate) fn note_is_short(note: Option<&str>) -> Result<(), Problem> {
    let long = note.is_some_and(|note| note.chars().count() > NOTE);
    if long { Err(Problem::malformed("note", "At most 2,000 characters.")) } else { Ok(()) }
}

/// The committed head of an auction that this viewer may know of.
///
/// # Errors
/// `not_found`; `quarantined`.
pub(crate) async fn known(
    house: &House,
    auction: AuctionId,
    viewer: &Viewer,
) -> Result<Arc<Head>, Problem> {
    may_know(house.head(auction).await?, house, auction, viewer)
}

/// What a viewer may know of this head of an auction.
///
/// # Errors
/// `not_found`; `quarantined`; `overloaded`, if it has left memory and cannot be read.
pub(crate) fn may_know(
    head: Option<Arc<Head>>,
    house: &House,
    auction: AuctionId,
    viewer: &Viewer,
) -> Result<Arc<Head>, Problem> {
    if head.is_none() && house.engine.has_left(auction) {
        return Err(Problem::unreachable());
    }
    let head = head.filter(|head| head.is_known_to(viewer));
    head.ok_or_else(|| match house.engine.is_quarantined(auction) {
        true => Problem::quarantined(),
        false => Problem::not_found(),
    })
}

/// The head, once it is at least at the version asked for.
///
/// # Errors
/// `not_found`; `not_yet` if it does not get there soon.
pub(crate) async fn at_least(
    house: &House,
    auction: AuctionId,
    viewer: &Viewer,
    version: Option<Version>,
) -> Result<Arc<Head>, Problem> {
    let Some(version) = version else { return known(house, auction, viewer).await };
    let reached = async {
        loop {
            let seen = house.engine.commits();
            let head = known(house, auction, viewer).await?;
            if head.version >= version {
                return Ok(head);
            }
            house.engine.committed_since(seen).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, reached).await;
    waited.unwrap_or_else(|_| Err(not_yet("The auction is not at that version yet.")))
}

/// 409: it may come.
pub(crate) fn not_yet(detail: &'static str) -> Problem {
    Problem::of(Code::NotYet, detail)
}
