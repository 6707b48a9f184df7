//! Running an auction: publish, hold, resume, cancel, close, reopen, certify. Names the command;
//! who may do what when is judged by `gavel_auction` alone.

use super::ask::{Done, Manner, Wish, note_is_short, put_with_note};
use super::bids::BareBody;
use super::extract::Of;
use super::reply::Stands;
use super::texts::{Place, put_along};
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::body::{Strict, StrictOrEmpty};
use crate::http::error::Problem;
use crate::http::idempotency::Operation;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use axum::extract::State;
use axum::response::Response;
use gavel_auction::command::Action;
use gavel_auction::event::{Digest, Fact, Reason};
use gavel_auction::ids::Version;
use gavel_auction::refusal::Refusal;
use gavel_auction::terms::Promotion;
use gavel_engine::answer::Answer;
use gavel_engine::history::HistoryEvent;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .routes(routes!(publish))
        .routes(routes!(hold))
        .routes(routes!(resume))
        .routes(routes!(cancel))
        .routes(routes!(close))
        .routes(routes!(reopen))
        .routes(routes!(certify))
}

/// How often a command that builds on the present version is built anew when another came first.
const TRIES: usize = 4;

/// Why an auction is held, called off or closed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReasonBody {
    /// A code of the closed list.
    #[schema(value_type = Option<String>, example = "on_request")]
    reason: Option<Reason>,
    /// Free text; kept beside the log, never in it.
    note: Option<String>,
    #[schema(value_type = Option<u64>)]
    expected_version: Option<Version>,
}

/// Why an auction goes on, and until when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReopenBody {
    /// A code of the closed list.
    #[schema(value_type = String, example = "technical_failure")]
    reason: Reason,
    ends_at: Stamp,
    /// Free text; kept beside the log, never in it.
    note: Option<String>,
    #[schema(value_type = Option<u64>)]
    expected_version: Option<Version>,
}

/// Announces a draft; it opens as soon as its start has come.
#[utoipa::path(post, path = "/v1/auctions/{auction}/publish", tag = "auctions",
    params(("auction" = i64, Path)),
    request_body(content = Option<BareBody>, description = "may be left out"),
    responses((status = 200, body = Stands)))]
pub(crate) async fn publish(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    StrictOrEmpty(body): StrictOrEmpty<BareBody>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&by, &manner, auction, body.expected_version);
    wish.take(house, Action::Publish, StatusCode::OK).await
}

/// Stops bidding for a while.
#[utoipa::path(post, path = "/v1/auctions/{auction}/hold", tag = "auctions",
    params(("auction" = i64, Path)),
    request_body(content = Option<ReasonBody>, description = "may be left out"),
    responses((status = 200, body = Stands)))]
pub(crate) async fn hold(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    StrictOrEmpty(body): StrictOrEmpty<ReasonBody>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&by, &manner, auction, body.expected_version);
    let reason = body.reason.unwrap_or(Reason::Other);
    put_with_note(house, wish, Action::Hold { reason }, body.note).await
}

/// Lets bidding go on after a hold.
#[utoipa::path(post, path = "/v1/auctions/{auction}/resume", tag = "auctions",
    params(("auction" = i64, Path)),
    request_body(content = Option<BareBody>, description = "may be left out"),
    responses((status = 200, body = Stands)))]
pub(crate) async fn resume(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    StrictOrEmpty(body): StrictOrEmpty<BareBody>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&by, &manner, auction, body.expected_version);
    wish.take(house, Action::Resume, StatusCode::OK).await
}

/// Calls it off.
#[utoipa::path(post, path = "/v1/auctions/{auction}/cancel", tag = "auctions",
    params(("auction" = i64, Path)),
    request_body(content = Option<ReasonBody>, description = "may be left out"),
    responses((status = 200, body = Stands)))]
pub(crate) async fn cancel(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    StrictOrEmpty(body): StrictOrEmpty<ReasonBody>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&by, &manner, auction, body.expected_version);
    let reason = body.reason.unwrap_or(Reason::Other);
    put_with_note(house, wish, Action::Cancel { reason }, body.note).await
}

/// Lets the hammer fall now.
#[utoipa::path(post, path = "/v1/auctions/{auction}/close", tag = "auctions",
    params(("auction" = i64, Path)),
    request_body(content = Option<ReasonBody>, description = "may be left out"),
    responses((status = 200, body = Stands)))]
pub(crate) async fn close(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    StrictOrEmpty(body): StrictOrEmpty<ReasonBody>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&by, &manner, auction, body.expected_version);
    put_with_note(house, wish, Action::Close { reason: body.reason }, body.note).await
}

/// Lets a closed auction go on.
#[utoipa::path(post, path = "/v1/auctions/{auction}/reopen", tag = "auctions",
    params(("auction" = i64, Path)),
    request_body = ReopenBody,
    responses((status = 200, body = Stands)))]
pub(crate) async fn reopen(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<ReopenBody>,
) -> Result<Response, Problem> {
    let (reason, ends_at) = (body.reason, body.ends_at.0);
    let wish = Wish::of(&by, &manner, auction, body.expected_version);
    note_is_short(body.note.as_deref())?;
    let head = house.head(auction).await?;
    let promotes =
        head.is_some_and(|head| matches!(head.terms.promotion, Promotion::Double { .. }));
    let auction_key = house.engine.auction_key(auction);
    let build = move |before: &[HistoryEvent]| {
        let seed = promotes.then(|| auction_key.seed(openings(before)));
        Action::Reopen { reason, ends_at, seed }
    };
    let work = |wish: Wish, house: House| async move {
        let put = put_on_history(&house, wish, build);
        let done = put_along(&house, &wish, (body.note, Place::Note), put).await?;
        done.reply(&house, StatusCode::OK).await
    };
    wish.settle(house, work).await
}

/// Makes the result final, where that does not happen by itself.
#[utoipa::path(post, path = "/v1/auctions/{auction}/certify", tag = "auctions",
    params(("auction" = i64, Path)),
    request_body(content = Option<BareBody>, description = "may be left out"),
    responses((status = 200, body = Stands)))]
pub(crate) async fn certify(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    StrictOrEmpty(body): StrictOrEmpty<BareBody>,
) -> Result<Response, Problem> {
    let wish = Wish::of(&by, &manner, auction, body.expected_version);
    let build = move |before: &[HistoryEvent]| {
        let head = before.last().map_or(Digest([0; 32]), |last| last.hash);
        Action::Certify { head }
    };
    let work = |wish, house: House| async move {
        put_on_history(&house, wish, build).await?.reply(&house, StatusCode::OK).await
    };
    wish.settle(house, work).await
}

/// Which opening of the auction the next one is: the creation is 0, each reopening the next.
fn openings(before: &[HistoryEvent]) -> u32 {
    let reopened = |past: &&HistoryEvent| matches!(past.event.fact, Fact::Reopened { .. });
    u32::try_from(before.iter().filter(reopened).count() + 1).unwrap_or(u32::MAX)
}

/// Puts a command that is made from the auction's history: from that before it, should it have
/// been accepted already, so that a repeat is the same command. It holds only for that version.
async fn put_on_history(
    house: &House,
    wish: Wish,
    build: impl Fn(&[HistoryEvent]) -> Action,
) -> Result<Done, Problem> {
    let mut wish = wish;
    let asked = wish.expected_version;
    let mut tries = 0;
    loop {
        tries += 1;
        let before = history_before(house, &wish).await?;
        wish.expected_version = asked.or(before.last().map(|last| last.event.version));
        let answer = wish.answer(house, build(&before)).await;
        let moved = matches!(&answer, Ok(Answer::Refused(refused))
            if matches!(refused.refusal, Refusal::VersionMismatch { .. }));
        if asked.is_some() || !moved || tries == TRIES {
            return wish.done(house, answer).await;
        }
    }
}

/// All that had happened when this command first came. Only for administrators: nobody else gets
/// far enough for it to matter.
async fn history_before(house: &House, wish: &Wish) -> Result<Vec<HistoryEvent>, Problem> {
    if !wish.by.roles.admin {
        return Ok(Vec::new());
    }
    let Operation { auction, id } = wish.operation;
    let mut history =
        house.aside(move |house| house.engine.history(auction, 0, usize::MAX)).await??;
    let own = history.iter().position(|past| past.origin.command == id);
    history.truncate(own.unwrap_or(history.len()));
    Ok(history)
}
