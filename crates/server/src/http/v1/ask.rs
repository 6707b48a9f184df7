//! The one way in which these routes put a command to the house: named, awaited, and every kind of
//! no turned into its problem document. Holds no rule.

use super::reply::Reply;
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::error::{Code, Problem};
use crate::http::idempotency::{IdempotencyKey, Operation};
use axum::response::Response;
use gavel_auction::command::{Action, Actor, Command, Person};
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::refusal::Refusal;
use gavel_auction::view::{Head, Viewer};
use gavel_engine::Ask;
use gavel_engine::answer::{Accepted, Answer, Failure, Refused};
use http::StatusCode;
use std::sync::Arc;
use std::time::Duration;

/// How long a reader waits for a version that he asks for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest note.
const NOTE: usize = 2_000;

/// Who wants something of which auction, under which name, and only at which version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
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
        key: &IdempotencyKey,
        auction: AuctionId,
        expected_version: Option<Version>,
    ) -> Self {
        Self { by: by.person(), operation: key.operation(by.user, auction), expected_version }
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
        let Self { by, operation, expected_version } = *self;
        let command = Command { actor: Actor::Person(by), expected_version, action };
        house.submit(Ask { auction: operation.auction, id: operation.id, command }).await
    }

    /// Puts the command to its auction; whatever is not acceptance is a problem.
    ///
    /// # Errors
    /// The refusal, or why no answer could be given.
    pub(crate) async fn put(&self, house: &House, action: Action) -> Result<Done, Problem> {
        self.done(self.answer(house, action).await)
    }

    /// The acceptance, or the problem that stands for the refusal or failure.
    ///
    /// # Errors
    /// The refusal, or why no answer could be given.
    pub(crate) fn done(&self, answer: Result<Answer, Failure>) -> Result<Done, Problem> {
        let operation = self.operation;
        match answer {
            Ok(Answer::Accepted(accepted)) => Ok(Done { accepted, operation }),
            Ok(Answer::Refused(refused)) => {
                let refused = untelling(refused);
                Err(Problem::refused(self.auction(), &operation.to_string(), &refused))
            }
            Err(failure) => Err(Problem::failed(&operation.to_string(), &failure)),
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
    pub(crate) fn reply(&self, house: &House, status: StatusCode) -> Result<Response, Problem> {
        let head = house.engine.head(self.operation.auction).ok_or_else(Problem::not_found)?;
        let operation = self.operation.to_string();
        Ok(Reply::to(&self.accepted, &head.terms, operation).with(status))
    }

    /// Keeps the free text that belongs to it beside the log. A repeat keeps it again.
    ///
    /// # Errors
    /// If it cannot be kept; the command stays accepted, and repeating it keeps the text.
    pub(crate) async fn keep_note(
        self,
        house: &House,
        note: Option<String>,
    ) -> Result<Self, Problem> {
        if let Some(note) = note.filter(|note| !note.is_empty()) {
            let (auction, version) = (self.operation.auction, self.accepted.event.version);
            house.blocking(move |people| people.add_note(auction, version, &note)).await?;
        }
        Ok(self)
    }
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
pub(crate) fn known(
    house: &House,
    auction: AuctionId,
    viewer: &Viewer,
) -> Result<Arc<Head>, Problem> {
    let head = house.engine.head(auction).filter(|head| head.is_known_to(viewer));
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
    let Some(version) = version else { return known(house, auction, viewer) };
    let reached = async {
        loop {
            let seen = house.engine.commits();
            let head = known(house, auction, viewer)?;
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
