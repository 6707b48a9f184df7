//! The page for people: what is being sold now, live; where to sign in, bid and speak. A few small
//! files, kept in the binary; the page asks the API like any other client, and follows auctions and
//! bids by the reference client of the live room (`web/live`). Pictures stand for categories.

use super::error::Problem;
use crate::house::House;
use axum::Router;
use axum::extract::Path;
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
        .route("/page/{name}", get(part))
        .route("/live/{name}", get(live))
        .route("/page.svg", get(|| file("image/svg+xml", include_str!("page/page.svg"))))
        .route("/pictures/{name}", get(picture))
        .route("/robots.txt", get(|| file("text/plain", "User-agent: *\nDisallow: /v1/\n")))
}

async fn file(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text).into_response()
}

macro_rules! parts {
    ($($name:literal),+) => {
        &[$(($name, include_str!(concat!("page/", $name)))),+]
    };
}

/// What the page's script is made of besides.
const PARTS: &[(&str, &str)] = parts!["desk.js", "show.js", "visitor.js"];

async fn part(Path(name): Path<String>) -> Result<Response, Problem> {
    let (_, text) = PARTS.iter().find(|(of, _)| *of == name).ok_or_else(Problem::not_found)?;
    Ok(file("text/javascript; charset=utf-8", text).await)
}

macro_rules! live {
    ($($name:literal),+) => {
        &[$(($name, include_str!(concat!("../../../../web/live/", $name)))),+]
    };
}

/// The reference client of the live room.
const LIVE: &[(&str, &str)] = live!["live.js", "bids.js", "clock.js", "room.js"];

/// The official client of Socket.IO as it is published (MIT); its version is part of its name.
const SOCKET_IO: (&str, &str) = ("socket.io-4.8.4.js", include_str!("page/socket.io-4.8.4.js"));

async fn live(Path(name): Path<String>) -> Result<Response, Problem> {
    let kind = "text/javascript; charset=utf-8";
    if name == SOCKET_IO.0 {
        let headers =
            [(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
        return Ok((headers, SOCKET_IO.1).into_response());
    }
    let (_, text) = LIVE.iter().find(|(of, _)| *of == name).ok_or_else(Problem::not_found)?;
    Ok(file(kind, text).await)
}

macro_rules! pictures {
    ($($name:literal),+) => {
        &[$(($name, include_str!(concat!("page/pictures/", $name, ".svg")))),+]
    };
}

/// A picture for each category that there is one for, by its name.
const PICTURES: &[(&str, &str)] = pictures![
    "bicycles",
    "books",
    "cameras",
    "ceramics",
    "clocks",
    "furniture",
    "instruments",
    "jewellery",
    "lamps",
    "maps",
    "other",
    "paintings",
    "services"
];

async fn picture(Path(name): Path<String>) -> Result<Response, Problem> {
    let category = name.strip_suffix(".svg").ok_or_else(Problem::not_found)?;
    let found = PICTURES.iter().find(|(of, _)| of.eq_ignore_ascii_case(category));
    let other = || PICTURES.iter().find(|(of, _)| *of == "other");
    let (_, picture) = found.or_else(other).ok_or_else(Problem::not_found)?;
    let headers = [(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, "public, max-age=3600")];
    Ok((headers, *picture).into_response())
}
