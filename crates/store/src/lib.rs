//! Databases behind the engine's storage traits. The only crate that knows SQL; it keeps bytes and
//! refuses to know what an event means.
//!
//! A house is a directory with four SQLite files ([`sqlite`]):
//!
//! | File | Holds | Written by |
//! |---|---|---|
//! | `log.db` | the events: the truth | the committer alone, append-only |
//! | `people.db` | users, sessions, listings, keys: all that may be erased | everybody, grouped |
//! | `lists.db` | lists and search | the projection; may be deleted at any time |
//! | `snapshots.db` | auctions as of a place in the log | the keeper; may be deleted at any time |
//!
//! and a folder with the bytes of pictures ([`pictures`]).

mod names;
pub mod pictures;
pub mod sqlite;
pub mod vault;

pub use names::{composed, folded, looks_like};
