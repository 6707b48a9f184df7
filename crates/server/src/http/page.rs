//! The page for people: what this is, what is being sold now, where to go. Three small files, kept
//! in the binary; the page asks the API like any other client.

use crate::house::House;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

/// The routes of the page.
pub(super) fn routes() -> Router<House> {
    Router::new()
        .route("/", get(|| file("text/html; charset=utf-8", include_str!("page/page.html"))))
        .route("/page.css", get(|| file("text/css; charset=utf-8", include_str!("page/page.css"))))
        .route(
            "/page.js",
            get(|| file("text/javascript; charset=utf-8", include_str!("page/page.js"))),
        )
        .route("/page.svg", get(|| file("image/svg+xml", include_str!("page/page.svg"))))
        .route("/robots.txt", get(|| file("text/plain", "User-agent: *\nDisallow: /v1/\n")))
}

async fn file(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text).into_response()
}
