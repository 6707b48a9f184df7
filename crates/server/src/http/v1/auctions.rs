//! Looking at auctions: one of them, or a list. Everybody sees the view that is cut for him.

use super::about::{ReadQuery, Unless};
use super::ask::at_least;
use super::cursor::Cursor;
use super::events::limit;
use super::extract::{Of, id};
use super::render::AuctionView;
use super::shown::Shown;
use crate::house::House;
use crate::http::actor::Caller;
use crate::http::error::Problem;
use crate::http::query::Query;
use axum::extract::State;
use axum::response::Response;
use axum::{Extension, Json};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::view::Viewer;
use gavel_engine::lists::{Query as ListQuery, Sort};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The words for states, and the groups of them.
const STATES: [&str; 7] = ["draft", "scheduled", "open", "on_hold", "sold", "passed", "cancelled"];
const ACTIVE: [&str; 3] = ["scheduled", "open", "on_hold"];
const ENDED: [&str; 3] = ["sold", "passed", "cancelled"];

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(show))
        .layer(Extension(Arc::<Shown>::default()))
}

/// Which auctions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuctionsQuery {
    /// One or more states with commas between, or the groups `active` and `ended`.
    #[param(example = "active")]
    status: Option<String>,
    /// Only in this category.
    category: Option<String>,
    /// Only of this seller.
    seller: Option<String>,
    /// Words of the title; the last letters of each may be left out.
    q: Option<String>,
    /// ending (default), newest, price.
    sort: Option<SortWord>,
    /// 1 to 100; 20 if left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Waits up to two seconds for the list to hold all that was durable when it was asked for;
    /// `as_of` says how far it got.
    #[serde(default)]
    in_sync: bool,
}

/// In which order.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SortWord {
    Ending,
    Newest,
    Price,
}

/// A page of auctions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuctionsPage {
    pub(super) items: Vec<AuctionView>,
    pub(super) next_cursor: Option<String>,
    /// Up to which position of each partition of the log the list is.
    pub(super) as_of: Vec<u64>,
}

/// One auction
#[utoipa::path(get, path = "/v1/auctions/{auction}", tag = "auctions",
    params(("auction" = i64, Path), ReadQuery), responses((status = 200, body = AuctionView)))]
pub(crate) async fn show(
    State(house): State<House>,
    Extension(shown): Extension<Arc<Shown>>,
    Of(auction): Of,
    caller: Caller,
    Query(query): Query<ReadQuery>,
    unless: Unless,
) -> Result<Response, Problem> {
    let viewer = caller.viewer();
    let head = at_least(&house, auction, &viewer, query.at_least).await?;
    let view = shown.view(&house, head, viewer).await?;
    Ok(unless.send(view.tag.clone(), || view.whole()))
}

/// How often, and how many times, it is looked whether the lists have caught up.
const PASS: Duration = Duration::from_millis(25);
const PASSES: u32 = 80;

/// Auctions
#[utoipa::path(get, path = "/v1/auctions", tag = "auctions", params(AuctionsQuery),
    responses((status = 200, body = AuctionsPage)))]
pub(crate) async fn list(
    State(house): State<House>,
    caller: Caller,
    Query(query): Query<AuctionsQuery>,
) -> Result<Json<AuctionsPage>, Problem> {
    let viewer = caller.viewer();
    let question = query.question(&viewer)?;
    let mut asked = query.asked(&viewer)?;
    let after =
        query.cursor.as_deref().map(|cursor| Cursor::read(cursor, &question)).transpose()?;
    asked.after = after.map(|cursor| (cursor.key, cursor.id));
    if query.in_sync {
        catch_up(&house).await?;
    }
    house.aside(move |house| page(house, asked, &question, &viewer)).await?.map(Json)
}

/// A page of views. Blocks on the store.
pub(super) fn page(
    house: &House,
    asked: ListQuery,
    question: &str,
    viewer: &Viewer,
) -> Result<AuctionsPage, Problem> {
    let (as_of, limit) = (as_of(house)?, asked.limit);
    let rows = house.engine.lists().page(&ListQuery { limit: limit + 1, ..asked })?.rows;
    let cursor =
        |(key, auction): &(i64, AuctionId)| Cursor { key: *key, id: auction.get() }.print(question);
    let next_cursor = rows.get(limit).and(rows.get(limit - 1)).map(cursor);
    let mut items = Vec::with_capacity(limit);
    for (_, auction) in rows.iter().take(limit) {
        let head = house.engine.head(*auction).filter(|head| head.is_known_to(viewer));
        if let Some(head) = head {
            items.push(AuctionView::now(house, &head, viewer)?);
        }
    }
    Ok(AuctionsPage { items, next_cursor, as_of })
}

/// Waits for the lists to hold what is durable now, but not for ever: whether they do.
pub(crate) async fn catch_up(house: &House) -> Result<bool, Problem> {
    let durable = house.engine.released();
    for _ in 0..PASSES {
        let reached = house.aside(as_of).await??;
        if reached.iter().zip(&durable).all(|(reached, durable)| reached >= durable) {
            return Ok(true);
        }
        tokio::time::sleep(PASS).await;
    }
    Ok(false)
}

/// Up to where the lists are.
pub(super) fn as_of(house: &House) -> Result<Vec<u64>, Problem> {
    let partitions = u16::try_from(house.engine.partitions()).unwrap_or(u16::MAX);
    let lists = house.engine.lists();
    Ok((0..partitions).map(|partition| lists.cursor(partition)).collect::<Result<_, _>>()?)
}

impl AuctionsQuery {
    /// What the page is of, so that a cursor fits no other question.
    fn question(&self, viewer: &Viewer) -> Result<String, Problem> {
        let asked = self.asked(viewer)?;
        let ListQuery { states, drafts, category, seller, text, sort, .. } = asked;
        Ok(format!("auctions {states:?} {drafts} {category:?} {seller:?} {text:?} {sort:?}"))
    }

    fn asked(&self, viewer: &Viewer) -> Result<ListQuery, Problem> {
        let seller = self.seller.as_deref().map(|text| {
            let seller = id(text).and_then(UserId::new);
            seller.ok_or_else(|| Problem::malformed("seller", "The id of a user."))
        });
        let seller = seller.transpose()?;
        let own = seller.is_some() && seller == viewer.user;
        if self.q.as_ref().is_some_and(|text| text.chars().count() > 200) {
            return Err(Problem::malformed("q", "At most 200 characters."));
        }
        let sort = match self.sort.unwrap_or(SortWord::Ending) {
            SortWord::Ending => Sort::Ending,
            SortWord::Newest => Sort::Newest,
            SortWord::Price => Sort::Price,
        };
        Ok(ListQuery {
            states: self.states()?,
            drafts: own || viewer.roles.is_staff(),
            category: self.category.clone(),
            seller,
            text: self.q.clone(),
            sort,
            after: None,
            limit: limit(self.limit, 20)?,
        })
    }

    fn states(&self) -> Result<Vec<String>, Problem> {
        let mut states: Vec<&str> = Vec::new();
        for word in self.status.as_deref().map(|status| status.split(',')).into_iter().flatten() {
            match word {
                "active" => states.extend(ACTIVE),
                "ended" => states.extend(ENDED),
                word if STATES.contains(&word) => states.push(word),
                _ => {
                    let detail = "active, ended, or states with commas between: draft, scheduled, \
                        open, on_hold, sold, passed, cancelled.";
                    return Err(Problem::malformed("status", detail));
                }
            }
        }
        states.sort_unstable();
        states.dedup();
        Ok(states.into_iter().map(str::to_owned).collect())
    }
}
