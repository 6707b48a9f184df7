//! What a house has beside its log, as little of it as it can live with: lists that remember their
//! rows, and nobody at all in the store of people.

use gavel_auction::event::Digest;
use gavel_auction::ids::{AuctionId, UserId, Version};
use gavel_auction::time::Time;
use gavel_engine::lists::{Lists, Page, Query, Row};
use gavel_engine::log::{LogError, Partition, Position};
use gavel_engine::people::{
    Addendum, Code, Listing, NewUser, Outside, People, PeopleError, Reserved, Session, User,
    UserChange, UserQuery,
};
use gavel_engine::traces::{Came, Link, Seen, Traces};
use gavel_engine::waiting::{Asked, Second, Waiting};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lists in memory.
#[derive(Default)]
pub struct Rows(Mutex<Listed>);

#[derive(Default)]
struct Listed {
    cursors: BTreeMap<Partition, Position>,
    rows: BTreeMap<AuctionId, Row>,
    damaged: bool,
}

impl Rows {
    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows get lost, and that shows.
    pub fn spoil(&self) {
        let mut listed = self.listed();
        listed.rows.clear();
        listed.damaged = true;
    }

    /// The row of an auction.
    #[must_use]
    pub fn row(&self, auction: AuctionId) -> Option<Row> {
        self.listed().rows.get(&auction).cloned()
    }
}

impl Lists for Rows {
    fn cursor(&self, partition: Partition) -> Result<Position, LogError> {
        Ok(self.listed().cursors.get(&partition).copied().unwrap_or(0))
    }

    fn put(&self, partition: Partition, upto: Position, rows: &[Row]) -> Result<(), LogError> {
        let mut listed = self.listed();
        listed.rows.extend(rows.iter().map(|row| (row.auction, row.clone())));
        listed.cursors.insert(partition, upto);
        Ok(())
    }

    fn page(&self, _: &Query) -> Result<Page, LogError> {
        Ok(Page::default())
    }

    fn bidding(&self, _: UserId, _: i64, _: usize) -> Result<Vec<AuctionId>, LogError> {
        Ok(Vec::new())
    }

    fn dealings(&self, _: UserId, _: usize) -> Result<Vec<(AuctionId, UserId)>, LogError> {
        Ok(Vec::new())
    }

    fn clear(&self) -> Result<(), LogError> {
        *self.listed() = Listed::default();
        Ok(())
    }

    fn erase(&self, auctions: &[AuctionId]) -> Result<(), LogError> {
        let mut listed = self.listed();
        auctions.iter().for_each(|auction| drop(listed.rows.remove(auction)));
        Ok(())
    }

    fn are_damaged(&self) -> bool {
        self.listed().damaged
    }

    fn examine(&self) -> Result<(), LogError> {
        Ok(())
    }
}

/// A store of people in which there is nobody.
pub struct Nobody;

fn none<T>() -> Result<T, PeopleError> {
    Err(PeopleError::Store("there is nobody here".into()))
}

impl Traces for Nobody {
    fn came(&self, _: UserId, _: &Came, _: Time) -> Result<(), PeopleError> {
        none()
    }

    fn links(&self, _: UserId, _: Option<&[UserId]>, _: usize) -> Result<Vec<Link>, PeopleError> {
        Ok(Vec::new())
    }

    fn seen(&self, _: UserId) -> Result<Vec<Seen>, PeopleError> {
        Ok(Vec::new())
    }
}

impl Waiting for Nobody {
    fn ask(&self, _: &Asked, _: Time, _: usize) -> Result<Second, PeopleError> {
        none()
    }

    fn waiting(&self, _: (Time, Digest), _: usize) -> Result<Vec<Asked>, PeopleError> {
        Ok(Vec::new())
    }

    fn withdraw(&self, _: UserId, _: [u8; 8]) -> Result<bool, PeopleError> {
        Ok(false)
    }
}

impl People for Nobody {
    fn tombstones(&self) -> Result<Vec<(UserId, String)>, PeopleError> {
        Ok(Vec::new())
    }

    fn watch(&self, _: UserId, _: AuctionId, _: usize) -> Result<bool, PeopleError> {
        Ok(false)
    }

    fn unwatch(&self, _: UserId, _: AuctionId) -> Result<(), PeopleError> {
        Ok(())
    }

    fn watched(&self, _: UserId, _: i64, _: usize) -> Result<Vec<AuctionId>, PeopleError> {
        Ok(Vec::new())
    }

    fn set_spend_limit(&self, _: UserId, _: Option<i64>) -> Result<bool, PeopleError> {
        none()
    }

    fn spend_limits(&self) -> Result<Vec<(UserId, i64)>, PeopleError> {
        Ok(Vec::new())
    }

    fn add_user(&self, _: &NewUser, _: Time) -> Result<User, PeopleError> {
        none()
    }

    fn user(&self, _: UserId) -> Result<Option<User>, PeopleError> {
        Ok(None)
    }

    fn user_by_login(&self, _: &str) -> Result<Option<User>, PeopleError> {
        Ok(None)
    }

    fn name_is_free(&self, _: &str) -> Result<bool, PeopleError> {
        Ok(true)
    }

    fn users(&self, _: &UserQuery) -> Result<Vec<User>, PeopleError> {
        Ok(Vec::new())
    }

    fn change_user(&self, _: UserId, _: &UserChange) -> Result<bool, PeopleError> {
        none()
    }

    fn erase_user(&self, _: UserId, _: &str) -> Result<bool, PeopleError> {
        none()
    }

    fn tombstone(&self, _: UserId) -> Result<Option<String>, PeopleError> {
        Ok(None)
    }

    fn user_from(&self, _: &Outside) -> Result<Option<User>, PeopleError> {
        Ok(None)
    }

    fn outside_of(&self, _: UserId) -> Result<Option<Outside>, PeopleError> {
        Ok(None)
    }

    fn sessions(&self, _: UserId, _: Time) -> Result<Vec<(Digest, Session)>, PeopleError> {
        Ok(Vec::new())
    }

    fn add_code(&self, _: &Digest, _: &Code) -> Result<(), PeopleError> {
        none()
    }

    fn take_code(&self, _: &Digest, _: Time) -> Result<Option<Code>, PeopleError> {
        Ok(None)
    }

    fn spend(&self, _: UserId, _: &Digest, _: Time) -> Result<bool, PeopleError> {
        none()
    }

    fn is_spent(&self, _: UserId, _: &Digest) -> Result<bool, PeopleError> {
        Ok(false)
    }

    fn add_session(&self, _: &Digest, _: &Session) -> Result<(), PeopleError> {
        none()
    }

    fn session(&self, _: &Digest) -> Result<Option<Session>, PeopleError> {
        Ok(None)
    }

    fn end_session(&self, _: &Digest) -> Result<(), PeopleError> {
        none()
    }

    fn end_sessions(&self, _: Option<UserId>, _: Time) -> Result<(), PeopleError> {
        none()
    }

    fn reserve_auction(
        &self,
        _: UserId,
        _: Option<&str>,
        _: &Digest,
        _: &Listing,
    ) -> Result<Reserved, PeopleError> {
        none()
    }

    fn release_auction(&self, _: AuctionId) -> Result<(), PeopleError> {
        none()
    }

    fn reserved(&self, _: UserId, _: &str) -> Result<Option<(AuctionId, Digest)>, PeopleError> {
        Ok(None)
    }

    fn listing(&self, _: AuctionId) -> Result<Option<Listing>, PeopleError> {
        Ok(None)
    }

    fn listings_of(&self, _: UserId) -> Result<Vec<AuctionId>, PeopleError> {
        Ok(Vec::new())
    }

    fn change_listing(&self, _: AuctionId, _: &Listing) -> Result<(), PeopleError> {
        none()
    }

    fn add_addendum(&self, _: AuctionId, _: &Addendum) -> Result<(), PeopleError> {
        none()
    }

    fn add_note(&self, _: AuctionId, _: Version, _: &str) -> Result<(), PeopleError> {
        none()
    }
}
