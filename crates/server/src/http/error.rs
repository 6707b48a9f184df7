//! Everything that goes wrong, as a problem document (RFC 9457). Codes go out through here and
//! nowhere else: one table from a refusal to its status, one from the edge's own codes. Judges
//! nothing, and never tells what the refusal itself does not.

pub mod facts;

use crate::http::json;
use crate::http::time::print;
use crate::{chance, observe};
use axum::response::{IntoResponse, Response};
use gavel_auction::ids::AuctionId;
use gavel_auction::refusal::Refusal;
use gavel_engine::answer::{Failure, Refused};
use gavel_engine::log::LogError;
use gavel_engine::people::PeopleError;
use http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, StatusCode};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The edge's own reasons for no. The codes of refusals are in `gavel_auction::refusal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The request makes no sense.
    Malformed,
    /// Nobody is signed in, or not with this.
    Unauthenticated,
    /// Signed in, but not allowed.
    Forbidden,
    /// The password is right, and a second factor is asked for.
    SecondFactorNeeded,
    /// Shut out of the house.
    Banned,
    /// No such thing, or none the caller may know of.
    NotFound,
    /// The route has other methods.
    MethodNotAllowed,
    /// The client wants a form that is not to be had.
    NotAcceptable,
    /// The body came too slowly.
    TooSlow,
    /// A read wanted a version that did not come in time.
    NotYet,
    /// Somebody has that username.
    Taken,
    /// The body is too large.
    TooLarge,
    /// The path is too long.
    TargetTooLong,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// The request is for another host.
    WrongHost,
    /// The key was used for another command.
    KeyReused,
    /// Proposed terms do not go together.
    TermsInvalid,
    /// Too much from one person or address.
    RateLimited,
    /// The headers are too large or too many.
    HeadersTooLarge,
    /// Our own mistake.
    Internal,
    /// Too much from everybody together.
    Overloaded,
    /// It is not known whether it happened.
    OutcomeUnknown,
    /// This auction is closed off.
    Quarantined,
    /// No room to write.
    StorageFull,
}

impl Code {
    const fn word_and_status(self) -> (&'static str, StatusCode) {
        match self {
            Self::Malformed => ("malformed", StatusCode::BAD_REQUEST),
            Self::Unauthenticated => ("unauthenticated", StatusCode::UNAUTHORIZED),
            Self::SecondFactorNeeded => ("second_factor_needed", StatusCode::UNAUTHORIZED),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN),
            Self::Banned => ("banned", StatusCode::FORBIDDEN),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED),
            Self::NotAcceptable => ("not_acceptable", StatusCode::NOT_ACCEPTABLE),
            Self::TooSlow => ("too_slow", StatusCode::REQUEST_TIMEOUT),
            Self::NotYet => ("not_yet", StatusCode::CONFLICT),
            Self::Taken => ("taken", StatusCode::CONFLICT),
            Self::TooLarge => ("too_large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::TargetTooLong => ("target_too_long", StatusCode::URI_TOO_LONG),
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::WrongHost => ("wrong_host", StatusCode::MISDIRECTED_REQUEST),
            Self::KeyReused => ("key_reused", StatusCode::UNPROCESSABLE_ENTITY),
            Self::TermsInvalid => ("terms_invalid", StatusCode::UNPROCESSABLE_ENTITY),
            Self::RateLimited => ("rate_limited", StatusCode::TOO_MANY_REQUESTS),
            Self::HeadersTooLarge => {
                ("headers_too_large", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
            }
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
            Self::Overloaded => ("overloaded", StatusCode::SERVICE_UNAVAILABLE),
            Self::OutcomeUnknown => ("outcome_unknown", StatusCode::SERVICE_UNAVAILABLE),
            Self::Quarantined => ("quarantined", StatusCode::SERVICE_UNAVAILABLE),
            Self::StorageFull => ("storage_full", StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// The one table from a refusal to its status. No `_` arm: a new refusal is placed here.
const fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Malformed { .. } => StatusCode::BAD_REQUEST,
        Refusal::NotFound => StatusCode::NOT_FOUND,
        Refusal::Banned
        | Refusal::OwnAuction
        | Refusal::NotRegistered
        | Refusal::NotApproved
        | Refusal::Forbidden => StatusCode::FORBIDDEN,
        Refusal::VersionMismatch { .. }
        | Refusal::NotOpenYet { .. }
        | Refusal::OnHold
        | Refusal::Closed { .. }
        | Refusal::TermsLocked
        | Refusal::BidGone
        | Refusal::BuyNowGone
        | Refusal::ClockMoved { .. } => StatusCode::CONFLICT,
        Refusal::TermsInvalid { .. }
        | Refusal::WrongCurrency
        | Refusal::MaximumNotAllowed
        | Refusal::BelowStart { .. }
        | Refusal::BelowMinimum { .. }
        | Refusal::AboveMaximum { .. }
        | Refusal::NotAboveOwn { .. }
        | Refusal::AlreadyLeading
        | Refusal::AlreadyBid
        | Refusal::AboveBuyNow
        | Refusal::OverLimit { .. }
        | Refusal::ConfirmNeeded { .. } => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// A problem on its way out.
#[derive(Clone, Debug)]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    facts: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of the edge's own.
    #[must_use]
    pub fn of(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        let (word, status) = code.word_and_status();
        let problem = Self::new(status, word, detail.into());
        match code {
            Code::Unauthenticated => {
                problem.header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            Code::Overloaded | Code::OutcomeUnknown => problem.retry_after(1),
            Code::StorageFull | Code::Quarantined => problem.retry_after(30),
            _ => problem,
        }
    }

    fn new(status: StatusCode, code: &'static str, detail: Cow<'static, str>) -> Self {
        let (facts, headers) = (Map::new(), Vec::new());
        Self(Box::new(Parts { status, code, detail, facts, headers }))
    }

    /// 400: this field, or this part of the request, makes no sense.
    #[must_use]
    pub fn malformed(field: &str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(Code::Malformed, detail).with("field", json!(field))
    }

    /// 404, saying no more than that.
    #[must_use]
    pub fn not_found() -> Self {
        Self::of(Code::NotFound, "There is no such thing here, or none you may know of.")
    }

    /// 401.
    #[must_use]
    pub fn unauthenticated(detail: &'static str) -> Self {
        Self::of(Code::Unauthenticated, detail)
    }

    /// 403.
    #[must_use]
    pub fn forbidden(detail: &'static str) -> Self {
        Self::of(Code::Forbidden, detail)
    }

    /// 429, with the seconds after which it is worth trying again.
    #[must_use]
    pub fn rate_limited(seconds: u64) -> Self {
        let detail = format!("That was too much at once: try again in {seconds} s.");
        Self::of(Code::RateLimited, detail)
            .with("retry_after_seconds", json!(seconds))
            .retry_after(seconds)
    }

    /// 422 with everything that is wrong with proposed terms, at once.
    #[must_use]
    pub fn terms(problems: &[gavel_auction::terms::check::Problem]) -> Self {
        let detail = "The terms do not go together: see problems.";
        Self::of(Code::TermsInvalid, detail).with("problems", facts::problems(problems))
    }

    /// A command that had no effect, with the facts that say what would be accepted.
    #[must_use]
    pub fn refused(auction: AuctionId, operation: &str, refused: &Refused) -> Self {
        let refusal = &refused.refusal;
        let detail = sentence(&refusal.to_string());
        let mut problem = Self::new(status_of(refusal), refusal.code(), detail.into());
        let all = &mut problem.0.facts;
        all.insert("operation".to_owned(), json!(operation));
        all.insert("auction".to_owned(), json!(auction.get()));
        all.insert("version".to_owned(), json!(refused.version));
        all.insert("server_time".to_owned(), json!(print(refused.at)));
        all.insert("effective_end".to_owned(), json!(refused.end.map(print)));
        facts::add(all, refusal);
        problem
    }

    /// A command that got no answer.
    #[must_use]
    pub fn failed(operation: &str, failure: &Failure) -> Self {
        let code = match failure {
            Failure::KeyReused => Code::KeyReused,
            Failure::Overloaded | Failure::Stopping => Code::Overloaded,
            Failure::OutcomeUnknown => Code::OutcomeUnknown,
            Failure::StorageFull => Code::StorageFull,
            Failure::Quarantined => Code::Quarantined,
        };
        let problem = Self::of(code, sentence(&failure.to_string()));
        observe::refused(problem.0.code);
        problem.with("operation", json!(operation))
    }

    /// An auction that is closed off.
    #[must_use]
    pub fn quarantined() -> Self {
        Self::of(Code::Quarantined, "This auction is closed off; nothing of it is shown.")
    }

    /// What is asked for is there, and cannot be read at present.
    #[must_use]
    pub fn unreachable() -> Self {
        Self::of(Code::Overloaded, "The house cannot reach its files at the moment.")
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: &str, fact: Value) -> Self {
        self.0.facts.insert(name.to_owned(), fact);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The stable word for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The status it goes out with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What is wrong, in words.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What would be accepted, and the like.
    #[must_use]
    pub fn facts(&self) -> &Map<String, Value> {
        &self.0.facts
    }

    /// The document, for those who carry it in something else than an HTTP reply.
    #[must_use]
    pub fn document(&self) -> Value {
        self.document_named(&trace_id())
    }

    fn document_named(&self, trace_id: &str) -> Value {
        let Parts { status, code, detail, facts, .. } = &*self.0;
        let mut document = facts.clone();
        document.insert("type".to_owned(), json!(format!("/problems#{code}")));
        document.insert("title".to_owned(), json!(sentence(&code.replace('_', " "))));
        document.insert("status".to_owned(), json!(status.as_u16()));
        document.insert("detail".to_owned(), json!(detail));
        document.insert("code".to_owned(), json!(code));
        document.insert("trace_id".to_owned(), json!(trace_id));
        Value::Object(document)
    }

    fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let trace_id = trace_id();
        if self.0.status.is_server_error() {
            observe::answered_with_failure(self.0.code, &self.0.detail, &trace_id);
        }
        let document = self.document_named(&trace_id);
        let mut response = json::reply(self.0.status, "application/problem+json", &document);
        let headers = response.headers_mut();
        if let Ok(trace_id) = HeaderValue::from_str(&trace_id) {
            headers.insert("x-request-id", trace_id);
        }
        headers.extend(self.0.headers.clone());
        // A dialect says it in its own words.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<PeopleError> for Problem {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::UsernameTaken => Self::of(Code::Taken, "Somebody has that username."),
            PeopleError::EmailTaken => Self::of(Code::Taken, "Somebody has that address."),
            PeopleError::Full => Self::of(Code::StorageFull, "There is no room left to write."),
            PeopleError::Store(error) => {
                observe::store_failed("people", &*error);
                Self::of(Code::Overloaded, "The house cannot reach its files at the moment.")
            }
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        observe::store_failed("log", &error);
        match error {
            LogError::Unreadable(_) => Self::unreachable(),
            LogError::Damaged { .. } => Self::quarantined(),
        }
    }
}

/// Names one reply, so that its log line can be found.
fn trace_id() -> String {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| u64::from_be_bytes(chance::bytes()));
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:016x}{count:016x}", *PROCESS)
}

/// A text with a capital at its beginning and a stop at its end.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first: String = rest.next().into_iter().flat_map(char::to_uppercase).collect();
    let stop = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{stop}", rest.as_str())
}
