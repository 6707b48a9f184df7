//! Auctions of cars. Only live ones are listed, unless a `status` is asked for.

use super::filter::{Filter, MOST};
use super::vehicles::{Car, own};
use super::{Who, millis, selling, time};
use crate::http::actor::Caller;
use crate::http::body::Untyped;
use crate::http::dialects::desk::Desk;
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use crate::http::v1::amend::AmendBody;
use crate::http::v1::ask::{Manner, Wish};
use crate::http::v1::extract::Of;
use crate::http::v1::items::Thing;
use crate::http::v1::listing::Creation;
use axum::extract::State;
use axum::{Extension, Json};
use gavel_auction::command::Action;
use gavel_auction::event::Reason;
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::Schedule;
use gavel_auction::view::{Head, Viewer};
use gavel_engine::lists::{Query as ListQuery, Sort};
use gavel_engine::people::Listing;
use http::Uri;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const FIELDS: [&str; 12] = [
    "id",
    "car",
    "start_time",
    "end_time",
    "status",
    "currency",
    "starting_price",
    "max_bid",
    "bid_count",
    "winner",
    "winning_bid",
    "version",
];

/// A new auction. Without a start it begins at once.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAuction {
    car: i64,
    start_time: Option<i64>,
    end_time: i64,
    starting_price: Option<Amount>,
}

/// What may be changed before an auction begins.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    start_time: Option<i64>,
    end_time: Option<i64>,
    starting_price: Option<Amount>,
}

/// An auction.
#[derive(Serialize)]
pub(super) struct Auction {
    id: AuctionId,
    car: Car,
    start_time: Option<i64>,
    end_time: Option<i64>,
    status: &'static str,
    currency: Currency,
    starting_price: Option<Amount>,
    max_bid: Option<Amount>,
    bid_count: u64,
    /// Once it is sold: who has won it, and for how much.
    winner: Option<Who>,
    winning_bid: Option<Amount>,
    version: Version,
}

impl Auction {
    /// Blocks on the store.
    pub(super) fn of(desk: &Desk, head: &Head) -> Result<Self, Problem> {
        let view = desk.view(head);
        let listing = desk.house.engine.words().listing(head.auction)?;
        let Listing { title, description, item, .. } = &*listing;
        let told = item.as_ref().and_then(|(_, told)| serde_json::from_str(told).ok());
        let id = item.as_ref().map(|(item, _)| *item);
        let sale = view.outcome.as_ref().and_then(|outcome| outcome.sale());
        let winner = sale.map(|sale| Who::behind(desk, head, sale.winner)).transpose()?;
        let Schedule { starts_at, ends_at, .. } = head.terms.schedule;
        Ok(Self {
            id: head.auction,
            car: Car::new(id, title.clone(), description.clone(), &told.unwrap_or(Value::Null)),
            start_time: head.running.opened.or(starts_at).map(millis),
            end_time: head.effective_end().or(ends_at).map(millis),
            status: status(desk, head),
            currency: head.currency,
            starting_price: head.terms.starting_price,
            max_bid: view.price,
            bid_count: view.bid_count,
            winner: winner.flatten(),
            winning_bid: sale.map(|sale| sale.hammer_price),
            version: head.version,
        })
    }
}

/// The words that there are here. What has reached its end is closed, also before the hammer.
pub(super) fn status(desk: &Desk, head: &Head) -> &'static str {
    let over = head.effective_end().is_some_and(|end| desk.house.now() >= end);
    match desk.view(head).state {
        "scheduled" => "scheduled",
        "open" | "on_hold" if !over => "live",
        _ => "closed", // not ours: words; of these, sold, passed and cancelled
    }
}

pub(super) async fn list(
    State(desk): State<Desk>,
    uri: Uri,
) -> Result<Json<Vec<Auction>>, Problem> {
    let filter = Filter::of(&uri, &FIELDS)?;
    super::page(&desk, filter, all).await
}

pub(super) async fn count(State(desk): State<Desk>, uri: Uri) -> Result<Json<usize>, Problem> {
    let filter = Filter::of(&uri, &FIELDS)?;
    super::count(&desk, filter, all).await
}

pub(super) async fn show(
    State(desk): State<Desk>,
    Of(auction): Of,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Auction>, Problem> {
    let head = desk.head(auction).await?;
    let house = desk.house.clone();
    house.aside(move |_| Auction::of(&desk, &head)).await?.map(Json)
}

pub(super) async fn create(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Untyped(body): Untyped<NewAuction>,
) -> Result<Json<Auction>, Problem> {
    let by = selling(&desk, &caller).await?;
    let NewAuction { car, start_time, end_time, starting_price } = body;
    let starts_at = start_time.map(|start| time("start_time", start)).transpose()?;
    let ends_at = Some(time("end_time", end_time)?);
    let schedule = Schedule { starts_at, ends_at, duration_seconds: None };
    let slots = Slots { starting_price, schedule: Some(schedule), ..Slots::default() };
    let found = desk.house.aside(move |house| own(house, by.user, &car.to_string())).await?;
    let gone = |_| Problem::malformed("car", "There is no such car.");
    let Thing { title, description, category, .. } = found.map_err(gone)?.thing;
    let item = Some((car, String::new()));
    let category = Some(category);
    let listing = Listing { title, description, category, item, ..Listing::default() };
    let creation = Creation::of(listing, desk.currency(), Preset::Classic, slots)?;
    let wish = creation.wish(&desk.house, by, &manner).await?;
    creation.put(&desk.house, &wish).await?;
    as_it_stands(desk, wish.auction()).await
}

/// Before it begins; later that is refused.
pub(super) async fn change(
    State(desk): State<Desk>,
    Of(auction): Of,
    Extension(caller): Extension<Caller>,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Untyped(body): Untyped<Change>,
) -> Result<Json<Auction>, Problem> {
    desk.head(auction).await?;
    let by = selling(&desk, &caller).await?;
    let stamp = |field, millis: Option<i64>| {
        millis.map(|millis| time(field, millis).map(Stamp)).transpose()
    };
    let amend = AmendBody {
        starting_price: body.starting_price,
        starts_at: stamp("start_time", body.start_time)?.map(Some),
        ends_at: stamp("end_time", body.end_time)?,
        ..AmendBody::default()
    };
    amend.put(&desk.house, Wish::by(by, &manner, auction, None)).await?;
    as_it_stands(desk, auction).await
}

/// One without bids is called off; one with bids stays.
pub(super) async fn call_off(
    State(desk): State<Desk>,
    Of(auction): Of,
    Extension(caller): Extension<Caller>,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Auction>, Problem> {
    desk.head(auction).await?;
    let by = selling(&desk, &caller).await?;
    let wish = Wish::by(by, &manner, auction, None);
    wish.put(&desk.house, Action::Cancel { reason: Reason::Withdrawn }).await?;
    as_it_stands(desk, auction).await
}

async fn as_it_stands(desk: Desk, auction: AuctionId) -> Result<Json<Auction>, Problem> {
    show(State(desk), Of(auction), Query(Nothing {})).await
}

/// All auctions of the status that is asked for. Blocks on the store.
fn all(desk: &Desk, filter: &Filter) -> Result<Vec<Auction>, Problem> {
    let heads = heads(desk, filter.only("status"), MOST)?;
    heads.iter().map(|head| Auction::of(desk, head)).collect()
}

/// Auctions of this status, or the live ones, the next to end first. Blocks on the store.
///
/// # Errors
/// If lists cannot be read.
pub(super) fn heads(
    desk: &Desk,
    wanted: Option<&str>,
    most: usize,
) -> Result<Vec<std::sync::Arc<Head>>, Problem> {
    let wanted = wanted.unwrap_or("live");
    let states: &[&str] = match wanted {
        "scheduled" => &["scheduled"],
        "closed" => &["open", "on_hold", "sold", "passed", "cancelled"],
        _ => &["scheduled", "open", "on_hold"], // not ours: a word of the caller's
    };
    let query = ListQuery {
        states: states.iter().map(|state| (*state).to_owned()).collect(),
        drafts: false,
        category: None,
        seller: None,
        text: None,
        sort: Sort::Ending,
        after: None,
        limit: most,
    };
    let engine = &desk.house.engine;
    let rows = engine.lists().page(&query)?.rows;
    let known = rows.into_iter().filter_map(|(_, auction)| engine.head(auction));
    let public = Viewer::default();
    let fits =
        |head: &std::sync::Arc<Head>| head.is_known_to(&public) && status(desk, head) == wanted;
    Ok(known.filter(fits).collect())
}
