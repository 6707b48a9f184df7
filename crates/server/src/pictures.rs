//! Pictures of things: what is taken for one, how many there may be, and that their bytes go when
//! they go. Refuses to know who may hang them.

pub mod clean;
pub mod look;

use crate::house::House;
use crate::http::error::{Code, Problem};
use crate::observe;
use gavel_auction::ids::UserId;
use gavel_engine::people::PeopleError;
use gavel_engine::things::{Hung, Item, Picture, Pictures};
use gavel_proof::hash::sha256;
use look::Look;
use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Sellers whose pictures may be arriving at once, one of each: a picture is held in memory until
/// it hangs.
const ARRIVING: usize = 8;

/// Where the pictures hang.
pub struct Gallery {
    files: Arc<dyn Pictures>,
    arriving: Arc<Mutex<HashSet<UserId>>>,
    /// Held wherever files and what is known of them change: no file is taken for forgotten while
    /// it is being hung.
    one: Mutex<()>,
}

impl Gallery {
    /// A gallery with these files.
    #[must_use]
    pub fn new(files: Arc<dyn Pictures>) -> Self {
        Self { files, arriving: Arc::default(), one: Mutex::default() }
    }

    /// A place for a picture of somebody that arrives.
    ///
    /// # Errors
    /// If another one of his arrives, or there is no place.
    pub fn arrive(&self, seller: UserId) -> Result<Arriving, Problem> {
        let mut all = self.arriving.lock().unwrap_or_else(PoisonError::into_inner);
        if all.contains(&seller) {
            return Err(Problem::rate_limited(1));
        }
        if all.len() >= ARRIVING {
            return Err(Problem::of(Code::Overloaded, "Too many pictures arrive at once."));
        }
        all.insert(seller);
        Ok(Arriving { seller, all: Arc::clone(&self.arriving) })
    }

    /// The bytes of a picture.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, Problem> {
        self.files.get(name).map_err(|error| failed(&error))
    }
}

/// The place of a picture that arrives.
pub struct Arriving {
    seller: UserId,
    all: Arc<Mutex<HashSet<UserId>>>,
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.seller);
    }
}

impl House {
    /// Hangs a picture of an item; the same one twice hangs once. Blocks on the store.
    ///
    /// # Errors
    /// Why not: it is no picture, or one too many, or the thing is gone.
    pub fn hang(&self, item: &Item, bytes: &[u8]) -> Result<Picture, Problem> {
        let Look { kind, width, height } = look::at(bytes)?;
        let bytes = &clean::clean(kind, bytes)?;
        let mut named = item.id.to_be_bytes().to_vec();
        named.extend_from_slice(bytes);
        let name = hex::encode(&sha256(&named).0[..16]);
        let (kind, size) = (kind.to_owned(), bytes.len() as u64);
        let picture = Picture { name, kind, width, height, bytes: size };
        let most = self.config.limits.pictures_per_item;
        let _one = self.gallery.one.lock().unwrap_or_else(PoisonError::into_inner);
        self.gallery.files.put(&picture.name, bytes).map_err(|error| failed(&error))?;
        let hung = self.things.add_picture(item.id, &picture, at_most(most));
        // Where it failed, the file may be of what hangs already; if not, a sweep finds it.
        if matches!(hung, Ok(Hung::NoItem | Hung::Full)) {
            self.gallery.files.remove(&picture.name).map_err(|error| failed(&error))?;
        }
        match hung? {
            Hung::There => Ok(picture),
            Hung::NoItem => Err(Problem::not_found()),
            Hung::Full => {
                let detail = format!("A thing has {most} pictures at most: take one away first.");
                Err(Problem::malformed("pictures", detail))
            }
        }
    }

    /// Takes a picture of an item down. Blocks on the store.
    ///
    /// # Errors
    /// Not found, if it does not hang there; or the store's.
    pub fn take_down(&self, item: &Item, name: &str) -> Result<(), Problem> {
        let _one = self.gallery.one.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.things.remove_picture(item.id, name)? {
            return Err(Problem::not_found());
        }
        self.gallery.files.remove(name).map_err(|error| failed(&error))?;
        self.others_see(item.id)?;
        Ok(())
    }

    /// Takes an item away, with its pictures. Blocks on the store.
    ///
    /// # Errors
    /// The store's.
    pub fn take_away(&self, item: &Item) -> Result<(), Problem> {
        let _one = self.gallery.one.lock().unwrap_or_else(PoisonError::into_inner);
        let hanging = self.things.pictures(item.id)?;
        self.things.remove_item(item.id)?;
        for picture in hanging {
            self.gallery.files.remove(&picture.name).map_err(|error| failed(&error))?;
        }
        self.others_see(item.id)?;
        Ok(())
    }

    /// Takes away all that somebody offers, with its pictures. Blocks on the store.
    ///
    /// # Errors
    /// The store's.
    pub fn take_all_away(&self, seller: UserId) -> Result<(), Problem> {
        loop {
            let items = self.things.items(Some(seller), 0, 100)?;
            if items.is_empty() {
                return Ok(());
            }
            items.iter().try_for_each(|item| self.take_away(item))?;
        }
    }

    /// Removes files that belong to nothing: of what was cut short by the end of the process.
    /// Blocks on the store.
    ///
    /// # Errors
    /// The store's.
    pub fn sweep_pictures(&self) -> Result<(), Problem> {
        let _one = self.gallery.one.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = self.things.picture_names()?;
        known.sort_unstable();
        for name in self.gallery.files.names().map_err(|error| failed(&error))? {
            if known.binary_search(&name).is_err() {
                self.gallery.files.remove(&name).map_err(|error| failed(&error))?;
            }
        }
        Ok(())
    }

    /// Views of auctions that were made from an item are made anew.
    fn others_see(&self, item: i64) -> Result<(), PeopleError> {
        let words = self.engine.words();
        self.things.auctions_of(item)?.into_iter().for_each(|auction| words.changed(auction));
        Ok(())
    }
}

/// What a limit says, 0 being none.
fn at_most(limit: u32) -> usize {
    if limit == 0 { usize::MAX } else { limit as usize }
}

fn failed(error: &io::Error) -> Problem {
    observe::store_failed("pictures", error);
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Problem::of(Code::StorageFull, "There is no room for pictures.")
        }
        _ => Problem::of(Code::Overloaded, "Pictures cannot be read or written now; repeat this."),
    }
}
