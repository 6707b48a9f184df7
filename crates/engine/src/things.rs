//! Things for sale and their categories: what a store must be able to do. Attributes are texts
//! here; what they may be is the edge's business.

use crate::people::PeopleError;
use gavel_auction::event::Digest;
use gavel_auction::ids::UserId;

/// A kind of things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// Its name, unique.
    pub name: String,
    /// Which attributes such a thing has, in the edge's own form.
    pub attributes: String,
}

/// A thing for sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its number; of no meaning where it is being made.
    pub id: i64,
    /// Whose it is.
    pub seller: UserId,
    /// The headline.
    pub title: String,
    /// The long text.
    pub description: Option<String>,
    /// The category's name.
    pub category: String,
    /// Its attributes, in the edge's own form.
    pub attributes: String,
}

/// What came of making an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// Its number, given now or by an earlier try.
    Id(i64),
    /// The key was used with another body.
    KeyReused,
}

/// Keeps things. Shared by all handlers; every call is short and blocking.
pub trait Things: Send + Sync {
    /// All categories, by name.
    ///
    /// # Errors
    /// The store's own.
    fn categories(&self) -> Result<Vec<Category>, PeopleError>;
    /// The category of this name.
    ///
    /// # Errors
    /// The store's own.
    fn category(&self, name: &str) -> Result<Option<Category>, PeopleError>;
    /// Puts a category in place of the one of its name.
    ///
    /// # Errors
    /// The store's own.
    fn set_category(&self, category: &Category) -> Result<(), PeopleError>;
    /// Makes an item; for the same key always the same one.
    ///
    /// # Errors
    /// The store's own.
    fn add_item(&self, item: &Item, key: Option<&str>, body: &Digest) -> Result<Made, PeopleError>;
    /// The item with this number.
    ///
    /// # Errors
    /// The store's own.
    fn item(&self, id: i64) -> Result<Option<Item>, PeopleError>;
    /// Items with numbers above `after`, of one seller or of all.
    ///
    /// # Errors
    /// The store's own.
    fn items(
        &self,
        seller: Option<UserId>,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Item>, PeopleError>;
    /// Changes an item; false if it is gone.
    ///
    /// # Errors
    /// The store's own.
    fn change_item(&self, item: &Item) -> Result<bool, PeopleError>;
    /// Takes an item away; auctions that were made from it stay as they are.
    ///
    /// # Errors
    /// The store's own.
    fn remove_item(&self, id: i64) -> Result<(), PeopleError>;
}
