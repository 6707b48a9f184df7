//! Snapshots: one auction's state as of one event of the log, so that a start reads those and the
//! tail of the log instead of all of it. Derived and disposable: where one is missing, damaged,
//! of another form or of another house, the log is read. What a store of them must be able to do,
//! and nothing of how; who writes them is `keeper.rs`, who reads them `recover.rs`.

use crate::dedup::Accepted;
use crate::log::{EventRecord, LogError, Partition, Position};
use crate::panics::{Panicked, guarded};
use gavel_auction::auction::Auction;
use gavel_auction::event::{Digest, Event, HouseId};
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::mutant;
use gavel_proof::chain::{genesis, link};
use gavel_proof::codec::{Origin, decode};
use gavel_proof::keys::SealKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The form of what is written here. Another number for any change of what an auction's state
/// holds: a snapshot of another form is not read, and made anew from the log.
pub const FORM: u8 = 1;

/// One auction as its events up to one of them have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub(crate) auction: Auction,
    /// The chain's hash at the last event.
    pub(crate) chain: Digest,
    pub(crate) accepted: Accepted,
    /// Where its events stand, in order.
    pub(crate) positions: Vec<Position>,
}

/// What is wrong with a stored event.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("auction {auction}, version {version}, position {position}: {what}")]
pub struct Damage {
    /// The auction.
    pub auction: AuctionId,
    /// The version that is damaged, or should have come.
    pub version: Version,
    /// Where it stands in its partition.
    pub position: Position,
    /// What is wrong, with expected and actual values.
    pub what: String,
}

/// Why a snapshot is of no use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Useless {
    /// It has another form, or none.
    #[error("a snapshot of form {found}, not {FORM}")]
    Form {
        /// Its number.
        found: u8,
    },
    /// It is not what was written.
    #[error("a snapshot that cannot be read: {0}")]
    Unreadable(String),
    /// Another house, another key, or changed by somebody.
    #[error("a seal that is not this house's")]
    Seal,
    /// Marks and snapshots do not belong together.
    #[error("{0}")]
    Disagrees(String),
}

/// What is written of a snapshot, after its form.
#[derive(Serialize, Deserialize)]
struct Body<A> {
    auction: A,
    chain: [u8; 32],
    accepted: Vec<([u8; 16], u64, Version)>,
    /// Each as its distance from the one before.
    positions: Vec<Position>,
}

impl Snapshot {
    /// An auction to which nothing has happened yet.
    #[must_use]
    pub fn new(id: AuctionId, house: HouseId) -> Self {
        Self {
            auction: Auction::new(id),
            chain: genesis(house, id),
            accepted: Accepted::default(),
            positions: Vec::new(),
        }
    }

    /// Where the last of its events stands; 0 if it has none.
    #[must_use]
    pub fn position(&self) -> Position {
        self.positions.last().copied().unwrap_or(0)
    }

    /// The auction.
    #[must_use]
    pub const fn auction(&self) -> &Auction {
        &self.auction
    }

    /// Takes the auction's next event, after checking that it continues the chain.
    ///
    /// # Errors
    /// If it does not.
    pub fn follow(&mut self, record: &EventRecord, at: Position) -> Result<(), Damage> {
        let last = self.position();
        let (event, origin) = continues(&self.auction, &self.chain, last, record, at)?;
        applied(&mut self.auction, &event, at)?;
        self.chain = record.hash;
        self.positions.push(at);
        self.accepted.note(&origin, event.version);
        Ok(())
    }

    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut last = 0;
        let body = Body {
            auction: &self.auction,
            chain: self.chain.0,
            accepted: self.accepted.list(),
            positions: self
                .positions
                .iter()
                .map(|position| position - std::mem::replace(&mut last, *position))
                .collect(),
        };
        postcard::to_extend(&body, vec![FORM]).expect("all of it can be written")
    }

    /// From bytes that [`Snapshot::encode`] made.
    ///
    /// # Errors
    /// If it did not make them, or in another form.
    pub fn decode(bytes: &[u8]) -> Result<Self, Useless> {
        let (form, bytes) = bytes.split_first().ok_or(Useless::Form { found: 0 })?;
        if *form != FORM {
            return Err(Useless::Form { found: *form });
        }
        let (body, rest): (Body<Auction>, _) = postcard::take_from_bytes(bytes)
            .map_err(|error| Useless::Unreadable(error.to_string()))?;
        let versions = u64::try_from(body.positions.len()).unwrap_or(u64::MAX);
        if !rest.is_empty() || body.auction.version() != versions {
            return Err(Useless::Unreadable("its parts do not fit together".to_owned()));
        }
        let mut positions = body.positions;
        let mut last: Position = 0;
        for position in &mut positions {
            last = last.saturating_add(*position);
            *position = last;
        }
        Ok(Self {
            auction: body.auction,
            chain: Digest(body.chain),
            accepted: if mutant::on("keys_not_in_snapshots") {
                Accepted::default()
            } else {
                body.accepted.into_iter().collect()
            },
            positions,
        })
    }
}

/// What a record says, if it continues the auction's chain.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn continues(
    auction: &Auction,
    chain: &Digest,
    last: Position,
    record: &EventRecord,
    at: Position,
) -> Result<(Event, Origin), Damage> {
    let expected = auction.version() + 1;
    let damage = |what: String| Damage {
        auction: record.auction,
        version: record.version,
        position: at,
        what,
    };
    if record.version != expected {
        return Err(damage(format!("version {expected} should stand here")));
    }
    if record.previous != last {
        let named = record.previous;
        return Err(damage(format!("names {named} as its predecessor, which is {last}")));
    }
    let hash = link(chain, &record.public);
    if hash != record.hash && !mutant::on("chain_not_checked") {
        let stored = record.hash;
        return Err(damage(format!("its hash is {hash}, but {stored} was written")));
    }
    let (event, origin) = decode(&record.public, &record.sealed)
        .map_err(|error| damage(format!("it cannot be read: {error}")))?;
    if event.version != record.version || event.auction != record.auction {
        return Err(damage("its public part names another event".to_owned()));
    }
    Ok((event, origin))
}

/// Has an auction take an event of the log. What its rules cannot take closes it off.
///
/// # Errors
/// If they panic; then the auction is not to be used any more.
pub(crate) fn applied(auction: &mut Auction, event: &Event, at: Position) -> Result<(), Damage> {
    guarded(event.auction, || auction.apply(event)).map_err(|Panicked| Damage {
        auction: event.auction,
        version: event.version,
        position: at,
        what: "the rules cannot take it".to_owned(),
    })
}

/// Up to where all auctions of a partition are in snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The partition.
    pub partition: Partition,
    /// The last position that is covered.
    pub position: Position,
    /// The partition's rolling hash there.
    pub rolling: Digest,
    /// How many snapshots there are.
    pub count: u64,
    /// The seals of all of them, exclusive-or.
    pub seals: Digest,
    /// The house's seal on all this.
    pub seal: Digest,
}

/// A snapshot as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What is known of it without its bytes.
    pub tag: Tag,
    /// [`Snapshot::encode`].
    pub bytes: Vec<u8>,
}

/// What is known of a stored snapshot without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The auction.
    pub auction: AuctionId,
    /// Where its last event stands.
    pub position: Position,
    /// Whether nothing is left to do about the auction.
    pub settled: bool,
    /// The house's seal on the snapshot.
    pub seal: Digest,
}

/// Seals marks and snapshots, and knows its own again.
#[derive(Clone, Debug)]
pub(crate) struct Seal(pub(crate) SealKey);

impl Seal {
    pub(crate) fn keep(&self, snapshot: &Snapshot) -> Kept {
        let bytes = snapshot.encode();
        let (auction, position) = (snapshot.auction.id(), snapshot.position());
        let mut tag = Tag {
            auction,
            position,
            settled: snapshot.auction.is_settled(),
            seal: Digest([0; 32]),
        };
        tag.seal = self.of(&tag, &bytes);
        Kept { tag, bytes }
    }

    /// Reads a snapshot back.
    pub(crate) fn open(&self, kept: &Kept) -> Result<Snapshot, Useless> {
        if self.of(&kept.tag, &kept.bytes) != kept.tag.seal && !mutant::on("torn_snapshots") {
            return Err(Useless::Seal);
        }
        Snapshot::decode(&kept.bytes)
    }

    /// Puts the house's seal on a mark.
    pub(crate) fn mark(&self, mut mark: Mark) -> Mark {
        mark.seal = self.of_mark(&mark);
        mark
    }

    pub(crate) fn is_ours(&self, mark: &Mark) -> bool {
        self.of_mark(mark) == mark.seal
    }

    fn of(&self, tag: &Tag, bytes: &[u8]) -> Digest {
        let id = tag.auction.get().to_be_bytes();
        let place = tag.position.to_be_bytes();
        self.0.seal(&[b"snapshot", &id, &place, &[u8::from(tag.settled)], bytes])
    }

    fn of_mark(&self, mark: &Mark) -> Digest {
        let partition = mark.partition.to_be_bytes();
        let [position, count] = [mark.position, mark.count].map(u64::to_be_bytes);
        let (rolling, seals) = (&mark.rolling.0, &mark.seals.0);
        self.0.seal(&[b"mark", &[FORM], &partition, &position, &count, rolling, seals])
    }
}

/// Adds a seal to the sum of seals, or takes it away again.
pub(crate) fn fold(sum: &mut Digest, seal: &Digest) {
    sum.0.iter_mut().zip(seal.0).for_each(|(sum, byte)| *sum ^= byte);
}

/// Keeps snapshots.
pub trait Snapshots: Send + Sync {
    /// Up to where a partition is covered; none if it is not.
    ///
    /// # Errors
    /// If the store fails.
    fn mark(&self, partition: Partition) -> Result<Option<Mark>, LogError>;
    /// All snapshots of a partition without their bytes, in the order of their auctions.
    ///
    /// # Errors
    /// If the store fails.
    fn tags(&self, partition: Partition) -> Result<Vec<Tag>, LogError>;
    /// The snapshots of these auctions; those that are not there are left out.
    ///
    /// # Errors
    /// If the store fails.
    fn load(&self, auctions: &[AuctionId]) -> Result<Vec<Kept>, LogError>;
    /// Puts these in place and moves the mark, in one transaction.
    ///
    /// # Errors
    /// If the store fails.
    fn put(&self, mark: &Mark, kept: &[Kept]) -> Result<(), LogError>;
    /// Forgets a partition.
    ///
    /// # Errors
    /// If the store fails.
    fn clear(&self, partition: Partition) -> Result<(), LogError>;
}
