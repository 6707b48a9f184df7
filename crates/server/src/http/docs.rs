//! The description of the API, made from the code (OpenAPI 3.1), and pages that show it: nothing
//! is loaded from anywhere else.

use crate::house::House;
use crate::http::error::facts::ProblemDocument;
use crate::permissions::takes_two;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::Method;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use std::fmt::Write as _;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Required, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Gavel",
        description = "A real-time auction house. Money is integer minor units, time is RFC 3339 \
                       UTC with microseconds, ids are integers up to 2^53 - 1. Every problem is \
                       an application/problem+json document with a stable `code`.",
        license(name = "MIT", identifier = "MIT"),
    ),
    components(schemas(ProblemDocument)),
    modifiers(&Bearer),
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, description: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// A router that collects the description of its routes.
pub(super) fn described() -> OpenApiRouter<House> {
    OpenApiRouter::with_openapi(Description::openapi())
}

/// The description as JSON.
#[must_use]
pub fn openapi() -> String {
    let (_, description) = super::routes().split_for_parts();
    complete(description)
}

/// What many operations have in common, and what stands with the permissions: said once, here.
fn complete(mut description: OpenApi) -> String {
    let problem = ResponseBuilder::new()
        .description("What went wrong, with a stable code")
        .content(
            "application/problem+json",
            Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem")))),
        )
        .build();
    for (path, item) in &mut description.paths.paths {
        item.get.as_mut().filter(|operation| takes(operation, "at_least")).map(tell_of_tags);
        let commands = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in commands.into_iter().flatten() {
            if are_commands(path) {
                offer_to_answer_later(operation);
                tag_what_is_done(operation);
            }
            if are_commands(path) || path == "/v1/items" {
                name_the_key(operation);
            }
        }
        let methods = [
            (Method::POST, &mut item.post),
            (Method::PUT, &mut item.put),
            (Method::PATCH, &mut item.patch),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in methods {
            if let Some(operation) = operation.as_mut().filter(|_| takes_two(&method, path)) {
                tell_that_it_may_wait(operation);
            }
        }
        let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in all.into_iter().flatten() {
            let problem = RefOr::T(problem.clone());
            operation.responses.responses.insert("default".to_owned(), problem);
        }
    }
    description.to_pretty_json().expect("a description is made of texts")
}

/// Whether what changes something there is put to an auction: it has a name and an outcome.
fn are_commands(path: &str) -> bool {
    path.starts_with("/v1/auctions") && !path.contains("/chat")
}

/// A command can be named by a key, so that repeating it is harmless.
fn name_the_key(operation: &mut Operation) {
    const NAME: &str = "Idempotency-Key";
    if takes(operation, NAME) {
        return;
    }
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255))
        .build();
    let about = "Names the command: a repeat with the same key gets the same answer";
    let parameter = ParameterBuilder::new()
        .name(NAME)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(text))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
}

/// Whether an operation has a parameter of this name.
fn takes(operation: &Operation, name: &str) -> bool {
    let named = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) => parameter.name == name,
        RefOr::Ref(_) => false,
    };
    operation.parameters.iter().flatten().any(named)
}

/// Whoever has what is to be read is told so, and no more.
fn tell_of_tags(operation: &mut Operation) {
    let parameter = ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The ETag of what one has"))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
    tag_what_is_done(operation);
    let known = ResponseBuilder::new().description("Nothing but the time has changed").build();
    operation.responses.responses.insert("304".to_owned(), RefOr::T(known));
}

/// What is said of an auction has a tag.
fn tag_what_is_done(operation: &mut Operation) {
    for said in ["200", "201"] {
        if let Some(RefOr::T(said)) = operation.responses.responses.get_mut(said) {
            let text = ObjectBuilder::new().schema_type(Type::String).build();
            let tag = HeaderBuilder::new().schema(Some(text)).build();
            said.headers.insert("ETag".to_owned(), RefOr::T(tag));
        }
    }
}

/// A command can be answered at once, and its outcome asked for later.
fn offer_to_answer_later(operation: &mut Operation) {
    let about =
        "`respond-async`: 202 at once, the outcome at `Location`; `receipt`: with a receipt";
    let parameter = ParameterBuilder::new()
        .name("Prefer")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
    let later = ResponseBuilder::new()
        .description("Under way: `{\"status\": \"pending\", \"operation\": ...}`")
        .header("Location", HeaderBuilder::new().description(Some("/v1/operations/...")).build())
        .build();
    operation.responses.responses.insert("202".to_owned(), RefOr::T(later));
}

/// Where the house wants four eyes, what one asks for waits for another.
fn tell_that_it_may_wait(operation: &mut Operation) {
    let about = "With `house.four_eyes`, until another one asks for the same: \
                 `{\"status\": \"pending\", \"detail\": ...}`";
    if let Some(RefOr::T(later)) = operation.responses.responses.get_mut("202") {
        later.description = format!("{}. {about}", later.description);
        return;
    }
    let waits = ResponseBuilder::new().description(about).build();
    operation.responses.responses.insert("202".to_owned(), RefOr::T(waits));
}

/// The pages.
pub(super) fn routes(description: OpenApi) -> Router<House> {
    let json = Bytes::from(complete(description));
    let document = move || async move {
        let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")];
        (headers, json).into_response()
    };
    Router::new()
        .route("/openapi.json", get(document))
        .route("/problems", get(problems))
        .merge(SwaggerUi::new("/docs").config(Config::from("/openapi.json")))
}

async fn problems() -> Response {
    let mut page = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Problems - Gavel</title>\
         <link rel=stylesheet href=/page.css><main><h1>Problems</h1>\
         <p>Every problem document has one of these codes; they never change their meaning.<dl>",
    );
    for (code, about) in CODES {
        let _ = write!(page, "<dt id={code}><code>{code}</code><dd>{about}");
    }
    Html(page + "</dl></main></html>").into_response()
}

/// Every code there is, in words.
const CODES: &[(&str, &str)] = &[
    ("malformed", "The request makes no sense; <code>field</code> says where."),
    ("unauthenticated", "Sign in, or sign in again."),
    ("second_factor_needed", "The password is right: send a code of the second factor too."),
    ("forbidden", "That is not yours to do."),
    ("banned", "The house shut this person out."),
    ("own_auction", "A seller cannot bid on his own auction."),
    ("not_registered", "Register for this auction first."),
    ("not_approved", "The registration is not approved."),
    ("not_found", "There is no such thing, or none you may know of."),
    ("method_not_allowed", "The route has other methods."),
    ("not_acceptable", "There is only application/json to be had."),
    ("too_slow", "The body took too long to arrive."),
    ("too_large", "The body is larger than 65,536 bytes."),
    ("target_too_long", "The path with its query is too long."),
    ("unsupported_media_type", "The body must be application/json."),
    ("wrong_host", "The house answers to other names."),
    ("headers_too_large", "At most 64 headers of 16 KiB."),
    ("version_mismatch", "Another event came first; <code>version</code> is where it is."),
    ("not_yet", "The version asked for did not come in time."),
    ("taken", "Somebody has that username."),
    ("not_open_yet", "The auction opens at <code>starts_at</code>."),
    ("on_hold", "Bidding is stopped for a while."),
    ("closed", "The auction has closed; <code>outcome</code> says how."),
    ("terms_locked", "The terms, or the state, do not allow that any more."),
    ("bid_gone", "That bid no longer stands."),
    ("buy_now_gone", "Buy now is not to be had, or not any more."),
    ("clock_moved", "The clock stands at <code>price</code>."),
    ("key_reused", "The idempotency key was used for another command."),
    ("terms_invalid", "The terms do not go together; <code>problems</code> names all."),
    ("wrong_currency", "The auction is in another currency."),
    ("maximum_not_allowed", "Bids are no proxies here: send an amount."),
    ("below_start", "Below the starting price; <code>minimum_next</code> would do."),
    ("below_minimum", "Below the smallest legal bid; <code>minimum_next</code> would do."),
    ("above_maximum", "Above the largest legal bid; <code>maximum_next</code> would do."),
    ("not_above_own", "Not above your own bid."),
    ("already_leading", "You are leading already."),
    ("already_bid", "One bid is all, and you have made it."),
    ("above_buy_now", "The bid reaches the buy-now amount: use buy now."),
    ("over_limit", "Over your limit; <code>headroom</code> is left."),
    ("confirm_needed", "Far above the smallest legal bid: send <code>confirm</code>."),
    ("rate_limited", "Too much at once; wait <code>retry_after_seconds</code>."),
    ("overloaded", "Too much from everybody together; nothing was done."),
    ("outcome_unknown", "Repeat with the same key to learn what happened."),
    (
        "storage_full",
        "There is no room left to write; nothing was done, or <code>detail</code> says what.",
    ),
    ("quarantined", "This auction is closed off: its history is damaged, or its rules failed."),
    ("internal", "A mistake of the house; it was logged."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_openapi_3_1_and_every_operation_names_the_problem() {
        let text = openapi();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(json["openapi"].as_str().unwrap().starts_with("3.1"));
        assert!(json["components"]["schemas"]["Problem"].is_object());
        for (path, item) in json["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let default = &operation["responses"]["default"];
                assert!(default.is_object(), "{method} {path}");
                assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            }
        }
    }

    #[test]
    fn what_takes_two_may_wait() {
        let json: serde_json::Value = serde_json::from_str(&openapi()).unwrap();
        let mut two = 0;
        for (path, item) in json["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let known = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let told = operation["responses"]["202"]["description"].as_str();
                let told = told.is_some_and(|told| told.contains("house.four_eyes"));
                assert_eq!(told, takes_two(&known, path), "{method} {path}");
                two += usize::from(told);
            }
        }
        assert_eq!(two, 4);
    }

    #[test]
    fn what_is_said_of_an_auction_has_a_tag() {
        let json: serde_json::Value = serde_json::from_str(&openapi()).unwrap();
        let get = |path: &str| &json["paths"][format!("/v1/auctions/{{auction}}{path}")]["get"];
        let reads = ["/bids", "/bids/mine", "/bids/{bid}/explanation", "/certificate", "/chat"];
        for path in ["", "/events", "/promotion"].iter().chain(&reads) {
            let said = &get(path)["responses"];
            assert!(said["200"]["headers"]["ETag"].is_object(), "{path}: {said}");
            assert!(said["304"].is_object(), "{path}: {said}");
        }
        assert!(get("/stream")["responses"]["304"].is_null());
        let bid = &json["paths"]["/v1/auctions/{auction}/bids"]["post"]["responses"]["201"];
        assert!(bid["headers"]["ETag"].is_object(), "{bid}");
    }

    #[test]
    fn a_key_is_offered_where_a_repeat_gets_the_same_answer_and_nowhere_else() {
        let json: serde_json::Value = serde_json::from_str(&openapi()).unwrap();
        let takes = |method: &str, path: &str, name: &str| {
            let parameters = json["paths"][path][method]["parameters"].as_array();
            assert!(json["paths"][path][method].is_object(), "{method} {path}");
            let named = |parameter: &&serde_json::Value| parameter["name"] == name;
            parameters.map_or(0, |all| all.iter().filter(named).count())
        };
        for (method, path, key, prefer) in [
            ("post", "/v1/auctions", 1, 1),
            ("patch", "/v1/auctions/{auction}", 1, 1),
            ("post", "/v1/auctions/{auction}/bids", 1, 1),
            ("delete", "/v1/auctions/{auction}/bids/{bid}", 1, 1),
            ("put", "/v1/auctions/{auction}/promotion", 1, 1),
            ("post", "/v1/items", 1, 0),
            ("get", "/v1/auctions", 0, 0),
            ("post", "/v1/auctions/{auction}/chat", 0, 0),
            ("delete", "/v1/items/{item}", 0, 0),
            ("post", "/v1/users", 0, 0),
            ("post", "/v1/session", 0, 0),
            ("post", "/v1/users/me/second-factor", 0, 0),
        ] {
            assert_eq!(takes(method, path, "Idempotency-Key"), key, "{method} {path}");
            assert_eq!(takes(method, path, "Prefer"), prefer, "{method} {path}");
        }
    }
}
