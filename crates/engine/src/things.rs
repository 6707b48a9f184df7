//! Things for sale, their categories and pictures: what a store must be able to do. Attributes are
//! texts here and pictures bytes; what they may be is the edge's business.

use crate::people::PeopleError;
use gavel_auction::event::Digest;
use gavel_auction::ids::{AuctionId, UserId};
use std::io;

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

/// A picture of a thing, without its bytes: those are with [`Pictures`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its name: of this thing and these bytes, and of no others.
    pub name: String,
    /// What it is, in the edge's own form.
    pub kind: String,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// How many bytes it has.
    pub bytes: u64,
}

/// What came of hanging a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hung {
    /// It hangs, since now or before.
    There,
    /// The thing has as many as it may.
    Full,
    /// There is no such thing.
    NoItem,
}

/// Keeps the bytes of pictures by their names. Every call is short and blocking.
pub trait Pictures: Send + Sync {
    /// Keeps a picture, durable; one that is there already stays.
    ///
    /// # Errors
    /// If it cannot be written.
    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// A picture, if it is there.
    ///
    /// # Errors
    /// If it cannot be read.
    fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>>;
    /// Takes a picture away, if it is there.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// The names of all.
    ///
    /// # Errors
    /// If they cannot be read.
    fn names(&self) -> io::Result<Vec<String>>;
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
    /// Takes an item away, and its pictures with it; auctions that were made from it stay as they
    /// are.
    ///
    /// # Errors
    /// The store's own.
    fn remove_item(&self, id: i64) -> Result<(), PeopleError>;
    /// The auctions that were made from an item.
    ///
    /// # Errors
    /// The store's own.
    fn auctions_of(&self, item: i64) -> Result<Vec<AuctionId>, PeopleError>;

    /// Hangs a picture beside the others of an item, of which there may be so many.
    ///
    /// # Errors
    /// The store's own.
    fn add_picture(&self, item: i64, picture: &Picture, most: usize) -> Result<Hung, PeopleError>;
    /// The pictures of an item, in the order in which they came.
    ///
    /// # Errors
    /// The store's own.
    fn pictures(&self, item: i64) -> Result<Vec<Picture>, PeopleError>;
    /// The picture of this name.
    ///
    /// # Errors
    /// The store's own.
    fn picture(&self, name: &str) -> Result<Option<Picture>, PeopleError>;
    /// Takes a picture of an item away; false if there is none.
    ///
    /// # Errors
    /// The store's own.
    fn remove_picture(&self, item: i64, name: &str) -> Result<bool, PeopleError>;
    /// The names of all pictures.
    ///
    /// # Errors
    /// The store's own.
    fn picture_names(&self) -> Result<Vec<String>, PeopleError>;
}
