//! How an auction stands, for all who watch it: from its events as they become durable, each time
//! together with the head of the same version. Whoever missed something begins again from the log,
//! so a state is always whole. Decides nothing.

use super::standing::{Happened, Standing, TopBid};
use crate::engine::Engine;
use crate::feed::{Ended, Subscription};
use crate::log::LogError;
use gavel_auction::ids::{AuctionId, UserId, Version};
use gavel_auction::money::Amount;
use gavel_auction::mutant;
use gavel_auction::time::Time;
use gavel_auction::view::{Head, Standing as Place, Viewer, You};
use std::sync::Arc;
use thiserror::Error;

/// Events read at once.
const READ: usize = 1_000;

/// How an auction stands at one version.
#[derive(Clone, Debug)]
pub struct Stands {
    /// All that may be shown of it.
    pub head: Arc<Head>,
    /// The best bids.
    pub top: Vec<TopBid>,
    /// What has happened since the state before.
    pub happened: Happened,
    /// The version of that.
    pub after: Version,
}

/// The first version that a state at `version` covers, for one who has seen it up to `after`.
#[must_use]
pub fn covers_from(after: Version, version: Version) -> Version {
    if mutant::on("state_covers_itself_only") {
        return version;
    }
    after.min(version.saturating_sub(1)) + 1
}

/// Whether somebody names a version that an auction has not come to.
#[must_use]
pub fn is_ahead(named: Version, version: Version) -> bool {
    named > version && !mutant::on("future_position_believed")
}

/// What concerns one bidder, beside how the auction stands; none for whoever has no paddle. What he
/// has bid may be newer than the head, never older. May block on the store.
#[must_use]
pub fn own(engine: &Engine, head: &Head, viewer: &Viewer, now: Time) -> Option<You> {
    let user: UserId = viewer.user?;
    let mine = engine.mine(head.auction, user)?;
    Some(head.you(user, viewer, Some(&mine), now))
}

/// Whether he leads, or has won.
#[must_use]
pub fn is_winning(you: &You) -> bool {
    matches!(you.standing, Some(Place::Leading | Place::Won))
}

/// Why an auction's history cannot be shown.
#[derive(Debug, Error)]
pub enum Blind {
    /// There is no such auction, or it is closed off.
    #[error("there is no such auction to be shown")]
    NoHead,
    /// Its history ends before its head: it was closed off meanwhile.
    #[error("its history is not whole")]
    NotWhole,
    /// Its history cannot be read.
    #[error(transparent)]
    Unreadable(#[from] LogError),
}

/// Why there is no next state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Something was missed: it is to be followed anew.
    Missed,
    /// The house is closing.
    Stopping,
}

/// One auction that is followed.
pub struct Following {
    auction: AuctionId,
    standing: Standing,
    feed: Subscription,
}

impl Following {
    /// Reads an auction's history up to its head, and follows it from there. Blocks on the store.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn begin(engine: &Engine, auction: AuctionId) -> Result<(Self, Stands), Blind> {
        let head = engine.head(auction).ok_or(Blind::NoHead)?;
        let mut standing = Standing::default();
        while standing.version() < head.version {
            let missing = head.version - standing.version();
            let most = usize::try_from(missing).map_or(READ, |missing| missing.min(READ));
            let past = engine.history(auction, standing.version(), most)?;
            if past.is_empty() {
                return Err(Blind::NotWhole);
            }
            for past in past {
                let mut ignored = Happened::default();
                standing.take(past.event.version, &past.event.fact, &mut ignored);
            }
        }
        let feed = engine.subscribe(auction, standing.version());
        let following = Self { auction, standing, feed };
        let stands = following.at(head, Happened::default(), 0);
        Ok((following, stands))
    }

    /// The same after something was missed, whatever that was, by those who were shown the auction
    /// up to `after`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn begin_again(
        engine: &Engine,
        auction: AuctionId,
        after: Version,
    ) -> Result<(Self, Stands), Blind> {
        let (mut following, mut stands) = Self::begin(engine, auction)?;
        let ended = stands.head.outcome().is_some();
        stands.happened = Happened { bids: true, ended, extended: false };
        stands.after = after;
        if mutant::on("missed_bids_stay_missed") {
            following.standing = Standing::default();
            stands.top.clear();
        }
        Ok((following, stands))
    }

    /// Up to which version it goes.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.standing.version()
    }

    /// Takes what has happened, up to the head as it is now, and no further. None if the auction is
    /// closed off: nothing of it is shown.
    ///
    /// # Errors
    /// Why there is no next state.
    pub async fn next(&mut self, engine: &Engine) -> Result<Option<Stands>, Lost> {
        let (after, mut happened) = (self.version(), Happened::default());
        self.take(&mut happened).await?;
        let head = engine.head_in_memory(self.auction);
        if head.is_none() && engine.has_left(self.auction) && !mutant::on("last_state_forgotten") {
            // Its head has to be read, as whatever has happened since.
            return Err(Lost::Missed);
        }
        let Some(head) = head else { return Ok(None) };
        while self.version() < head.version && !mutant::on("state_ahead_of_its_bids") {
            self.take(&mut happened).await?;
        }
        Ok(Some(self.at(head, happened, after)))
    }

    async fn take(&mut self, happened: &mut Happened) -> Result<(), Lost> {
        let live = self.feed.next().await.map_err(|ended| match ended {
            Ended::Lagged | Ended::Unreadable(_) => Lost::Missed,
            Ended::Stopping => Lost::Stopping,
        })?;
        self.standing.take_live(&live, happened);
        Ok(())
    }

    fn at(&self, head: Arc<Head>, happened: Happened, after: Version) -> Stands {
        let top = self.standing.top(head.leader, head.price.map(Amount::minor));
        Stands { head, top, happened, after }
    }
}
