//! The facts that go with a refusal, and the shape of a problem document for the description of
//! the API. Adds nothing that the refusal does not say.

use crate::http::time::print;
use gavel_auction::outcome::Outcome;
use gavel_auction::refusal::Refusal;
use gavel_auction::terms::check::Problem as TermsProblem;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// What went wrong (RFC 9457). Facts of the code stand beside these members.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Where the code is explained.
    pub r#type: String,
    /// The code in words.
    pub title: String,
    /// The status, again.
    pub status: u16,
    /// What happened and what would be accepted.
    pub detail: String,
    /// The stable code.
    #[schema(example = "below_minimum")]
    pub code: String,
    /// Names this reply in the house's logs.
    pub trace_id: String,
    /// Which part of the request, for `malformed`.
    pub field: Option<String>,
    /// Names the command, for refused commands.
    pub operation: Option<String>,
    /// The auction, for refused commands.
    pub auction: Option<i64>,
    /// The version it was judged at, for refused commands.
    pub version: Option<u64>,
    /// When it was judged, for refused commands.
    pub server_time: Option<String>,
    /// The end in force, for refused commands.
    pub effective_end: Option<String>,
    /// The smallest legal bid, for `below_minimum` and `below_start`.
    pub minimum_next: Option<i64>,
    /// After how many seconds it is worth trying again.
    pub retry_after_seconds: Option<u64>,
}

/// Adds the facts of one refusal. No `_` arm: a new refusal says here what it tells.
pub(super) fn add(all: &mut Map<String, Value>, refusal: &Refusal) {
    let (name, fact) = match refusal {
        Refusal::Malformed { field, detail: _ } => ("field", json!(field)),
        Refusal::TermsInvalid { problems: found } => ("problems", problems(found)),
        Refusal::VersionMismatch { version } => ("version", json!(version)),
        Refusal::NotOpenYet { starts_at } => ("starts_at", json!(starts_at.map(print))),
        Refusal::Closed { outcome: came } => ("outcome", json!(came.as_ref().map(outcome))),
        Refusal::ClockMoved { price } => ("price", json!(price.minor())),
        Refusal::BelowStart { minimum_next } | Refusal::BelowMinimum { minimum_next } => {
            ("minimum_next", json!(minimum_next.map(|amount| amount.minor())))
        }
        Refusal::AboveMaximum { maximum_next } => {
            ("maximum_next", json!(maximum_next.map(|amount| amount.minor())))
        }
        Refusal::NotAboveOwn { above } => ("above", json!(above.map(|amount| amount.minor()))),
        Refusal::OverLimit { headroom } => ("headroom", json!(headroom)),
        Refusal::ConfirmNeeded { confirm_above } => ("confirm_above", json!(confirm_above.minor())),
        Refusal::NotFound
        | Refusal::Banned
        | Refusal::OwnAuction
        | Refusal::NotRegistered
        | Refusal::NotApproved
        | Refusal::Forbidden
        | Refusal::OnHold
        | Refusal::TermsLocked
        | Refusal::BidGone
        | Refusal::BuyNowGone
        | Refusal::WrongCurrency
        | Refusal::MaximumNotAllowed
        | Refusal::AlreadyLeading
        | Refusal::AlreadyBid
        | Refusal::AboveBuyNow => return,
    };
    all.insert(name.to_owned(), fact);
}

/// What came of an auction, for everybody.
#[must_use]
pub fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Sold(sale) => json!({
            "result": "sold",
            "winner": sale.winner.get(),
            "hammer_price": sale.hammer_price.minor(),
            "buyer_pays": sale.buyer_pays,
            "house_pays": sale.house_pays,
        }),
        Outcome::Passed { reason } => json!({ "result": "passed", "reason": reason }),
        Outcome::Cancelled {} => json!({ "result": "cancelled" }),
    }
}

pub(super) fn problems(problems: &[TermsProblem]) -> Value {
    problems.iter().map(problem).collect()
}

fn problem(problem: &TermsProblem) -> Value {
    let TermsProblem { field, code, detail } = problem;
    json!({ "field": field, "code": code, "detail": detail })
}
