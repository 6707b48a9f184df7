//! Cars: the things that are sold. They are things of the house, in the category `car`.

use super::filter::{Filter, MOST};
use super::{Numbered, selling};
use crate::house::House;
use crate::http::actor::Caller;
use crate::http::body::Untyped;
use crate::http::dialects::desk::Desk;
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use crate::http::v1::ask::Manner;
use crate::http::v1::extract::id as number;
use crate::http::v1::items::{ItemView, Thing};
use axum::extract::State;
use axum::{Extension, Json};
use gavel_auction::ids::UserId;
use gavel_engine::things::{Category, Item};
use http::Uri;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const CATEGORY: &str = "car";

const FIELDS: [&str; 7] = ["id", "name", "description", "make", "model", "year", "mileage"];

/// A car as it is brought; what is left out of a change stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCar {
    name: Option<String>,
    description: Option<String>,
    make: Option<String>,
    model: Option<String>,
    year: Option<i64>,
    mileage: Option<i64>,
}

/// A car.
#[derive(Serialize)]
pub(super) struct Car {
    pub(super) id: Option<i64>,
    pub(super) name: String,
    description: Option<String>,
    make: Option<String>,
    model: Option<String>,
    year: Option<i64>,
    mileage: Option<i64>,
}

impl Car {
    /// A car with these attributes.
    pub(super) fn new(
        id: Option<i64>,
        name: String,
        description: Option<String>,
        attributes: &Value,
    ) -> Self {
        let text = |name| attributes[name].as_str().map(str::to_owned);
        Self {
            id,
            name,
            description,
            make: text("make"),
            model: text("model"),
            year: attributes["year"].as_i64(),
            mileage: attributes["mileage"].as_i64(),
        }
    }

    fn of(item: ItemView) -> Self {
        let Thing { title, description, attributes, .. } = item.thing;
        Self::new(Some(item.id), title, description, &json!(attributes))
    }

    /// The same as a thing of the house, with what is changed in it.
    fn with(self, change: NewCar) -> Result<Thing, Problem> {
        let name = change.name.or(Some(self.name).filter(|name| !name.is_empty()));
        let values = [
            ("make", change.make.or(self.make).map(Value::from)),
            ("model", change.model.or(self.model).map(Value::from)),
            ("year", change.year.or(self.year).map(Value::from)),
            ("mileage", change.mileage.or(self.mileage).map(Value::from)),
        ];
        let told = values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(Thing {
            title: name.ok_or_else(|| Problem::malformed("name", "A car has a name."))?,
            description: change.description.or(self.description),
            category: CATEGORY.to_owned(),
            attributes: told.collect(),
        })
    }
}

pub(super) async fn list(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Json<Vec<Car>>, Problem> {
    let filter = Filter::of(&uri, &FIELDS)?;
    let by = selling(&desk, &caller).await?.user;
    super::page(&desk, filter, move |desk, _| all(desk, by)).await
}

pub(super) async fn count(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Json<usize>, Problem> {
    let filter = Filter::of(&uri, &FIELDS)?;
    let by = selling(&desk, &caller).await?.user;
    super::count(&desk, filter, move |desk, _| all(desk, by)).await
}

pub(super) async fn create(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    manner: Manner,
    Query(Nothing {}): Query<Nothing>,
    Untyped(body): Untyped<NewCar>,
) -> Result<Json<Car>, Problem> {
    let by = selling(&desk, &caller).await?.user;
    let car = Car::new(None, String::new(), None, &Value::Null).with(body)?;
    let keep = move |house: &House| {
        make_category(house)?;
        car.keep(house, by, manner.key.get())
    };
    desk.house.aside(keep).await?.map(Car::of).map(Json)
}

pub(super) async fn show(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Numbered(id): Numbered,
) -> Result<Json<Car>, Problem> {
    let by = selling(&desk, &caller).await?.user;
    desk.house.aside(move |house| own(house, by, &id)).await?.map(Car::of).map(Json)
}

pub(super) async fn change(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Numbered(id): Numbered,
    Untyped(body): Untyped<NewCar>,
) -> Result<Json<Car>, Problem> {
    let by = selling(&desk, &caller).await?.user;
    let put = move |house: &House| {
        let item = own(house, by, &id)?;
        let id = item.id;
        Car::of(item).with(body)?.replace(house, id, by)
    };
    desk.house.aside(put).await?.map(Car::of).map(Json)
}

/// What was taken away; auctions made from it stay as they are.
pub(super) async fn remove(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Numbered(id): Numbered,
) -> Result<Json<Car>, Problem> {
    let by = selling(&desk, &caller).await?.user;
    let take = move |house: &House| {
        let item = kept(house, by, &id)?;
        house.take_away(&item)?;
        ItemView::of(item)
    };
    desk.house.aside(take).await?.map(Car::of).map(Json)
}

/// A car of this seller. Blocks on the store.
///
/// # Errors
/// `not_found`, whether there is none or it is another's.
pub(super) fn own(house: &House, by: UserId, id: &str) -> Result<ItemView, Problem> {
    ItemView::of(kept(house, by, id)?)
}

fn kept(house: &House, by: UserId, id: &str) -> Result<Item, Problem> {
    let id = number(id).ok_or_else(Problem::not_found)?;
    let item = house.things.item(id)?;
    let item = item.filter(|item| item.seller == by && item.category == CATEGORY);
    item.ok_or_else(Problem::not_found)
}

/// All cars of this seller. Blocks on the store.
fn all(desk: &Desk, by: UserId) -> Result<Vec<Car>, Problem> {
    let mut items = desk.house.things.items(Some(by), 0, MOST)?;
    items.retain(|item| item.category == CATEGORY);
    items.into_iter().map(|item| ItemView::of(item).map(Car::of)).collect()
}

/// The category of cars, if the house has none yet. Blocks on the store.
fn make_category(house: &House) -> Result<(), Problem> {
    if house.things.category(CATEGORY)?.is_some() {
        return Ok(());
    }
    let attributes = json!([
        {"name": "make", "type": "text"},
        {"name": "model", "type": "text"},
        {"name": "year", "type": "integer"},
        {"name": "mileage", "type": "integer"},
    ]);
    let category = Category { name: CATEGORY.to_owned(), attributes: attributes.to_string() };
    Ok(house.things.set_category(&category)?)
}
