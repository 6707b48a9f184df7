//! The dialect `cars`: cars, users, auctions and bids, as REST of content types with filters, and
//! the highest bid of each auction by WebSocket. Times are milliseconds since 1970. Holds no rule:
//! what a legal bid is, `classic` says.

mod accounts;
mod auctions;
mod bids;
mod filter;
mod socket;
pub(crate) mod standing;
mod vehicles;

use super::Dialect;
use super::desk::{Behind, Desk};
use crate::house::House;
use crate::http::actor::Caller;
use crate::http::error::{Code, Problem};
use crate::live::door;
use crate::permissions::Verb;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::{Json, Router};
use filter::Filter;
use gavel_auction::command::Person;
use gavel_auction::ids::Paddle;
use gavel_auction::time::Time;
use gavel_auction::view::Head;
use http::request::Parts;
use serde::Serialize;
use serde_json::{Value, json};

const READ: (&str, Verb) = ("GET", Verb::SeeAuctions);

pub(super) const DIALECT: Dialect = Dialect {
    name: "cars",
    doors: &[
        ("/auctions", &[READ, ("POST", Verb::Sell)]),
        ("/auctions/count", &[READ]),
        ("/auctions/{id}", &[("DELETE", Verb::Sell), READ, ("PUT", Verb::Sell)]),
        ("/auth/local", &[("POST", Verb::SignIn)]),
        ("/auth/local/register", &[("POST", Verb::Register)]),
        ("/bids", &[READ, ("POST", Verb::Bid)]),
        ("/bids/count", &[READ]),
        ("/bids/{id}", &[("DELETE", Verb::Bid), READ, ("PUT", Verb::Bid)]),
        ("/cars", &[READ, ("POST", Verb::Sell)]),
        ("/cars/count", &[READ]),
        ("/cars/{id}", &[("DELETE", Verb::Sell), READ, ("PUT", Verb::Sell)]),
        ("/live", &[READ]),
        ("/socket.io/", &[("GET", Verb::SeeHouse), ("POST", Verb::SeeHouse)]),
        ("/users", &[("GET", Verb::SeePeople), ("POST", Verb::OwnAccount)]),
        ("/users/count", &[("GET", Verb::SeePeople)]),
        ("/users/me", &[("GET", Verb::OwnAccount)]),
        (
            "/users/{id}",
            &[("DELETE", Verb::OwnAccount), ("GET", Verb::SeePeople), ("PUT", Verb::OwnAccount)],
        ),
    ],
    on_their_word: &[Verb::Sell, Verb::Bid, Verb::OwnAccount],
    tokens: true,
    routes,
    wording: Some(wording),
};

fn routes() -> Router<Desk> {
    Router::new()
        .route("/auctions", get(auctions::list).post(auctions::create))
        .route("/auctions/count", get(auctions::count))
        .route(
            "/auctions/{id}",
            get(auctions::show).put(auctions::change).delete(auctions::call_off),
        )
        .route("/auth/local", post(accounts::sign_in))
        .route("/auth/local/register", post(accounts::register))
        .route("/bids", get(bids::list).post(bids::place))
        .route("/bids/count", get(bids::count))
        .route("/bids/{id}", get(bids::show).put(bids::keep).delete(bids::keep))
        .route("/cars", get(vehicles::list).post(vehicles::create))
        .route("/cars/count", get(vehicles::count))
        .route("/cars/{id}", get(vehicles::show).put(vehicles::change).delete(vehicles::remove))
        .route("/live", get(socket::listen))
        .route("/socket.io/", any(by_socket_io))
        .route("/users", get(accounts::list).post(accounts::create))
        .route("/users/count", get(accounts::count))
        .route("/users/me", get(accounts::me))
        .route("/users/{id}", get(accounts::show).put(accounts::keep).delete(accounts::remove))
}

/// The house's own live room: who follows highest bids there is known by what he says.
async fn by_socket_io(State(desk): State<Desk>, request: Request) -> Response {
    door::answer(&desk.house, request).await
}

/// What answers for this dialect elsewhere than on its routes.
pub(crate) fn desk(house: &House) -> Desk {
    Desk::new(house.clone(), &DIALECT, String::new())
}

/// How it says what is wrong. What would be accepted stands under `data`.
fn wording(problem: &Problem) -> Value {
    let status = problem.status();
    json!({
        "statusCode": status.as_u16(),
        "error": status.canonical_reason(),
        "message": problem.detail(),
        "data": { "code": problem.code(), "facts": problem.facts() },
    })
}

/// The number in a path, as it stands there.
struct Numbered(String);

impl<S: Send + Sync> FromRequestParts<S> for Numbered {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Self(id)).map_err(|_| Problem::not_found())
    }
}

/// A user, as others see him.
#[derive(Serialize)]
struct Who {
    /// None of somebody whose number is not known here.
    id: Option<i64>,
    username: String,
}

impl Who {
    /// Who is behind a paddle, if that is told. May block on the store.
    fn behind(desk: &Desk, head: &Head, paddle: Paddle) -> Result<Option<Self>, Problem> {
        let user =
            desk.house.engine.bidder(head.auction, paddle).map(gavel_auction::ids::UserId::get);
        Ok(match desk.behind(head, paddle)? {
            Behind::Own(username) => Some(Self { id: user, username }),
            Behind::Other(username) => Some(Self { id: None, username }),
            Behind::Hidden => None,
        })
    }
}

/// Milliseconds since 1970, as all times are said here.
fn millis(time: Time) -> i64 {
    time.0.div_euclid(1_000)
}

/// The time of so many milliseconds since 1970.
fn time(field: &'static str, millis: i64) -> Result<Time, Problem> {
    let micros = millis.checked_mul(1_000);
    micros.map(Time).ok_or_else(|| Problem::malformed(field, "Milliseconds since 1970."))
}

/// Who acts: whoever is signed in, or, if nobody is, the user of this dialect that is named.
async fn acting(desk: &Desk, caller: &Caller, named: Option<i64>) -> Result<Person, Problem> {
    let nobody = || Problem::malformed("user", "There is no such user here.");
    desk.speaker_in("user", caller, named).await?.ok_or_else(nobody)
}

/// Who sells: whoever is signed in, or the dialect's own seller.
async fn selling(desk: &Desk, caller: &Caller) -> Result<Person, Problem> {
    match &caller.0 {
        Some(by) => Ok(by.person()),
        None => desk.seller().await,
    }
}

/// A page of what `all` reads; read, held against the filter and sorted off the asynchronous
/// threads.
async fn page<T, A>(desk: &Desk, filter: Filter, all: A) -> Result<Json<Vec<T>>, Problem>
where
    T: Serialize + Send + 'static,
    A: FnOnce(&Desk, &Filter) -> Result<Vec<T>, Problem> + Send + 'static,
{
    let known = desk.clone();
    desk.house.aside(move |_| Ok(Json(filter.page(all(&known, &filter)?)))).await?
}

/// How many `all` reads that the filter takes, likewise.
async fn count<T, A>(desk: &Desk, filter: Filter, all: A) -> Result<Json<usize>, Problem>
where
    T: Serialize + Send + 'static,
    A: FnOnce(&Desk, &Filter) -> Result<Vec<T>, Problem> + Send + 'static,
{
    let known = desk.clone();
    desk.house.aside(move |_| Ok(Json(filter.count(&all(&known, &filter)?)))).await?
}

/// What stays as it is.
fn stays(why: &'static str) -> Problem {
    Problem::of(Code::Forbidden, why)
}
