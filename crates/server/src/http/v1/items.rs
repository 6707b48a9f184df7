//! Things for sale and their categories: what is sold, before anybody has decided how. Refuses to
//! know how anything is sold.

pub(crate) mod attributes;
pub(crate) mod pictures;

use super::extract::id as number;
use super::proposal::check_words;
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::body::Strict;
use crate::http::error::{Code, Problem};
use crate::http::idempotency::IdempotencyKey;
use crate::http::query::{Nothing, Query};
use attributes::{Attribute, Values};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use gavel_auction::ids::UserId;
use gavel_engine::people::Listing;
use gavel_engine::things::{Category, Item, Made, Picture};
use gavel_proof::canonical::canonicalize;
use gavel_proof::hash::sha256;
use http::StatusCode;
use http::header::LOCATION;
use pictures::PictureView;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .routes(routes!(categories, set_category))
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .merge(pictures::routes())
}

/// A kind of things, and what they say of themselves.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CategoryView {
    #[schema(min_length = 1, max_length = 100, example = "Cars")]
    name: String,
    attributes: Vec<Attribute>,
}

/// All categories.
#[derive(Serialize, ToSchema)]
struct Categories {
    items: Vec<CategoryView>,
}

/// A thing for sale.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Thing {
    #[schema(min_length = 1, max_length = 500)]
    pub(crate) title: String,
    #[schema(max_length = 10000)]
    pub(crate) description: Option<String>,
    /// The name of a category.
    pub(crate) category: String,
    /// By name, as the category has them.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) attributes: Values,
}

/// A thing for sale as the house keeps it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemView {
    pub(crate) id: i64,
    /// Whose it is.
    #[schema(value_type = i64)]
    pub(crate) seller: UserId,
    #[serde(flatten)]
    pub(crate) thing: Thing,
    /// Where one thing is looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pictures: Vec<PictureView>,
}

/// A page of things.
#[derive(Serialize, ToSchema)]
struct Items {
    items: Vec<ItemView>,
    next_cursor: Option<String>,
}

/// What of a thing is to be changed; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ItemChange {
    title: Option<String>,
    description: Option<String>,
    category: Option<String>,
    /// All of them.
    #[schema(value_type = Option<Object>)]
    attributes: Option<Values>,
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// 1 to 100; 20 if left out.
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// All categories
#[utoipa::path(get, path = "/v1/categories", tag = "items",
    responses((status = 200, body = Categories)))]
async fn categories(
    State(house): State<House>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Categories>, Problem> {
    let all = house.aside(|house| house.things.categories()).await??;
    let items = all.into_iter().map(|kept| read(&kept)).collect::<Result<_, _>>()?;
    Ok(Json(Categories { items }))
}

/// Put a category in place (the house's people); what is kept already stays as it is
#[utoipa::path(post, path = "/v1/categories", tag = "items", security(("bearer" = [])),
    request_body = CategoryView, responses((status = 201, body = CategoryView)))]
async fn set_category(
    State(house): State<House>,
    _: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<CategoryView>,
) -> Result<(StatusCode, Json<CategoryView>), Problem> {
    let category = Some(body.name.clone());
    check_words(&Listing { title: "-".to_owned(), category, ..Listing::default() })?;
    attributes::check_definitions(&body.attributes)?;
    let attributes = json!(body.attributes).to_string();
    let kept = Category { name: body.name.clone(), attributes };
    house.aside(move |house| house.things.set_category(&kept)).await??;
    Ok((StatusCode::CREATED, Json(body)))
}

/// Your things; all of them for the house's people
#[utoipa::path(get, path = "/v1/items", tag = "items", params(Which),
    security(("bearer" = [])), responses((status = 200, body = Items)))]
async fn list(
    State(house): State<House>,
    by: SignedIn,
    Query(which): Query<Which>,
) -> Result<Json<Items>, Problem> {
    let limit = usize::from(which.limit.unwrap_or(20));
    if !(1..=100).contains(&limit) {
        return Err(Problem::malformed("limit", "A page has 1 to 100 items."));
    }
    let wrong = || Problem::malformed("cursor", "Take the next_cursor of the page before.");
    let after = which.cursor.as_deref().map(|text| number(text).ok_or_else(wrong));
    let after = after.transpose()?.unwrap_or(0);
    let seller = Some(by.user).filter(|_| !by.roles.is_staff());
    let mut found = house.aside(move |h| h.things.items(seller, after, limit + 1)).await??;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|item| item.id.to_string());
    let items = found.into_iter().map(ItemView::of).collect::<Result<_, _>>()?;
    Ok(Json(Items { items, next_cursor }))
}

/// Describe a thing that is to be sold
#[utoipa::path(post, path = "/v1/items", tag = "items", security(("bearer" = [])),
    request_body = Thing,
    responses((status = 201, body = ItemView, headers(("Location" = String)))))]
async fn create(
    State(house): State<House>,
    by: SignedIn,
    key: IdempotencyKey,
    Query(Nothing {}): Query<Nothing>,
    Strict(thing): Strict<Thing>,
) -> Result<Response, Problem> {
    let made = house.aside(move |house| thing.keep(house, by.user, key.get())).await??;
    let at = [(LOCATION, format!("/v1/items/{}", made.id))];
    Ok((StatusCode::CREATED, at, Json(made)).into_response())
}

/// A thing of yours
#[utoipa::path(get, path = "/v1/items/{item}", tag = "items", params(("item" = i64, Path)),
    security(("bearer" = [])), responses((status = 200, body = ItemView)))]
async fn show(
    State(house): State<House>,
    by: SignedIn,
    Path(item): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<ItemView>, Problem> {
    let read = move |house: &House| -> Result<ItemView, Problem> {
        let item = owned(house, &by, &item)?;
        let pictures = house.things.pictures(item.id)?;
        Ok(ItemView::of(item)?.with(&pictures))
    };
    house.aside(read).await?.map(Json)
}

/// Change a thing; auctions that were made from it stay as they are
#[utoipa::path(patch, path = "/v1/items/{item}", tag = "items", params(("item" = i64, Path)),
    security(("bearer" = [])), request_body = ItemChange,
    responses((status = 200, body = ItemView)))]
async fn change(
    State(house): State<House>,
    by: SignedIn,
    Path(item): Path<String>,
    Query(Nothing {}): Query<Nothing>,
    Strict(body): Strict<ItemChange>,
) -> Result<Json<ItemView>, Problem> {
    let put = move |house: &House| body.put(house, owned(house, &by, &item)?);
    house.aside(put).await?.map(Json)
}

/// Take a thing away, with its pictures; auctions that were made from it stay as they are
#[utoipa::path(delete, path = "/v1/items/{item}", tag = "items", params(("item" = i64, Path)),
    security(("bearer" = [])), responses((status = 204, description = "It is gone")))]
async fn remove(
    State(house): State<House>,
    by: SignedIn,
    _: IdempotencyKey,
    Path(item): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let take = move |house: &House| house.take_away(&owned(house, &by, &item)?);
    house.aside(take).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// An item, if it is the caller's or he is of the house. Blocks on the store.
///
/// # Errors
/// Not found, whether there is none or it is another's.
fn owned(house: &House, by: &SignedIn, item: &str) -> Result<Item, Problem> {
    let id = number(item).ok_or_else(Problem::not_found)?;
    let found = house.things.item(id)?;
    let his = |item: &Item| item.seller == by.user || by.roles.is_staff();
    found.filter(his).ok_or_else(Problem::not_found)
}

/// What an auction made from an item says and shows of it. Blocks on the store.
///
/// # Errors
/// Malformed, if the caller has no such item.
pub(crate) fn shown_of(
    house: &House,
    by: UserId,
    item: i64,
) -> Result<(String, Vec<Picture>), Problem> {
    let found = house.things.item(item)?.filter(|found| found.seller == by);
    let found = found.ok_or_else(|| Problem::malformed("item", "You have no such item."))?;
    Ok((found.attributes, house.things.pictures(item)?))
}

fn read(kept: &Category) -> Result<CategoryView, Problem> {
    let attributes = serde_json::from_str(&kept.attributes).map_err(|_| broken())?;
    Ok(CategoryView { name: kept.name.clone(), attributes })
}

fn broken() -> Problem {
    Problem::of(Code::Internal, "What is kept cannot be read; it was logged.")
}

impl Thing {
    /// Puts it in the place of the one of this number. Blocks on the store.
    ///
    /// # Errors
    /// What is wrong with it; not found.
    pub(crate) fn replace(self, house: &House, id: i64, by: UserId) -> Result<ItemView, Problem> {
        self.check(house)?;
        let item = self.item(id, by);
        let there = house.things.change_item(&item)?;
        if there { ItemView::of(item) } else { Err(Problem::not_found()) }
    }

    fn check(&self, house: &House) -> Result<(), Problem> {
        let Self { title, description, category, attributes: _ } = self.clone();
        let category = Some(category);
        check_words(&Listing { title, description, category, ..Listing::default() })?;
        let unknown = || Problem::malformed("category", "There is no such category.");
        let category = house.things.category(&self.category)?.ok_or_else(unknown)?;
        attributes::check(&self.attributes, &read(&category)?.attributes)
    }

    /// Keeps it as this seller's; for the same key always the same one. Blocks on the store.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn keep(
        self,
        house: &House,
        by: UserId,
        key: Option<&str>,
    ) -> Result<ItemView, Problem> {
        self.check(house)?;
        let body = sha256(&canonicalize(&json!(self)));
        let item = self.item(0, by);
        match house.things.add_item(&item, key, &body)? {
            Made::Id(id) => house.things.item(id)?.map_or_else(|| Err(broken()), ItemView::of),
            Made::KeyReused => {
                Err(Problem::of(Code::KeyReused, "This key was used for another item."))
            }
        }
    }

    fn item(self, id: i64, seller: UserId) -> Item {
        let attributes = json!(self.attributes).to_string();
        let Self { title, description, category, .. } = self;
        Item { id, seller, title, description, category, attributes }
    }
}

impl ItemView {
    /// A thing as it is kept.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn of(item: Item) -> Result<Self, Problem> {
        let attributes = serde_json::from_str(&item.attributes).map_err(|_| broken())?;
        let Item { id, seller, title, description, category, .. } = item;
        let thing = Thing { title, description, category, attributes };
        Ok(Self { id, seller, thing, pictures: Vec::new() })
    }

    /// Together with its pictures.
    pub(crate) fn with(mut self, pictures: &[Picture]) -> Self {
        self.pictures = pictures.iter().map(PictureView::of).collect();
        self
    }
}

impl ItemChange {
    fn put(self, house: &House, item: Item) -> Result<ItemView, Problem> {
        let ItemView { id, seller, thing, .. } = ItemView::of(item)?;
        let thing = Thing {
            title: self.title.unwrap_or(thing.title),
            description: self.description.or(thing.description),
            category: self.category.unwrap_or(thing.category),
            attributes: self.attributes.unwrap_or(thing.attributes),
        };
        thing.replace(house, id, seller)
    }
}
