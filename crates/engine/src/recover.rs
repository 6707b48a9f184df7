//! Recovery: the state of a partition from its snapshots and the tail of its log, or from all of
//! its log, at start and after a failed commit. Checks every link that it reads. Damage of one
//! auction closes that auction off; what cannot be told of one auction stops the start. Never
//! papers anything over.

use crate::engine::Shared;
use crate::inbox::Reply;
use crate::limits;
use crate::log::{Entry, EventRecord, LogError, LogReader, Partition, Position, Record};
use crate::shard::Shard;
use crate::snapshot::{Damage, Mark, Seal, Snapshot, Snapshots, Tag, Useless, fold};
use gavel_auction::event::{Digest, HouseId};
use gavel_auction::ids::AuctionId;
use gavel_auction::mutant;
use gavel_proof::chain::{partition_genesis, partition_link};
use gavel_proof::codec::decode;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a start has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// How many records of the log.
    pub records: u64,
    /// How many auctions there are.
    pub auctions: u64,
    /// How many of them came from snapshots.
    pub snapshots: u64,
    /// Auctions that were closed off, with what is wrong.
    pub quarantined: Vec<Damage>,
}

impl Recovery {
    pub(crate) fn of(found: &Found) -> Self {
        let there = found.auctions.len() + found.cold.len() + found.broken.len();
        Self {
            records: found.records,
            auctions: there as u64,
            snapshots: found.from_snapshots,
            quarantined: found.broken.values().cloned().collect(),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.records += other.records;
        self.auctions += other.auctions;
        self.snapshots += other.snapshots;
        self.quarantined.extend(other.quarantined);
    }
}

/// Where a partition is recovered from.
pub(crate) struct Source<'a> {
    pub(crate) reader: &'a dyn LogReader,
    pub(crate) snapshots: Option<&'a dyn Snapshots>,
    pub(crate) seal: &'a Seal,
    pub(crate) house: HouseId,
    /// Up to where the lists are: whatever changed later is needed in memory.
    pub(crate) listed: Position,
    /// How many settled auctions are taken into memory, the latest ones.
    pub(crate) settled: usize,
}

/// A partition as it was found.
pub(crate) struct Found {
    pub(crate) partition: Partition,
    /// The last position.
    pub(crate) position: Position,
    /// The partition's rolling hash there.
    pub(crate) rolling: Digest,
    pub(crate) auctions: HashMap<AuctionId, Snapshot>,
    /// Settled auctions that stay in their snapshots until somebody asks.
    pub(crate) cold: BTreeMap<AuctionId, Position>,
    /// Auctions that changed after the lists were last brought up.
    pub(crate) stale: Vec<AuctionId>,
    pub(crate) broken: BTreeMap<AuctionId, Damage>,
    pub(crate) records: u64,
    pub(crate) from_snapshots: u64,
}

/// Recovers a partition: from snapshots if they hold together, else from the whole log.
pub(crate) fn recover(source: &Source<'_>, partition: Partition) -> Result<Found, LogError> {
    if let Some(snapshots) = source.snapshots {
        match source.resume(snapshots, partition) {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(why) => {
                tracing::warn!(partition, %why, "snapshots are made anew: reading the log");
                snapshots.clear(partition)?;
            }
        }
    }
    let mut found = Found::new(source.house, partition);
    source.follow(&mut found)?;
    Ok(found)
}

/// Why snapshots were not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Doubt {
    #[error(transparent)]
    Useless(#[from] Useless),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("{0}")]
    Damage(Damage),
}

impl Found {
    fn new(house: HouseId, partition: Partition) -> Self {
        Self {
            partition,
            position: 0,
            rolling: partition_genesis(house, partition),
            auctions: HashMap::new(),
            cold: BTreeMap::new(),
            stale: Vec::new(),
            broken: BTreeMap::new(),
            records: 0,
            from_snapshots: 0,
        }
    }

    /// Closes an auction off.
    fn close_off(&mut self, damage: Damage) {
        self.auctions.remove(&damage.auction);
        self.cold.remove(&damage.auction);
        self.broken.entry(damage.auction).or_insert(damage);
    }

    /// An event that does not fit where it stands. If it says that it is another auction's, that
    /// one has lost it.
    fn misfit(&mut self, damage: Damage, record: &EventRecord) {
        if let Ok((event, _)) = decode(&record.public, &record.sealed)
            && event.auction != record.auction
        {
            let what = format!("it stands among those of auction {}", record.auction);
            let Damage { position, .. } = damage;
            let (auction, version) = (event.auction, event.version);
            self.close_off(Damage { auction, version, position, what });
        }
        self.close_off(damage);
    }
}

impl Source<'_> {
    /// From the mark on; none if there is no mark.
    fn resume(
        &self,
        snapshots: &dyn Snapshots,
        partition: Partition,
    ) -> Result<Option<Found>, Doubt> {
        let Some(mark) = snapshots.mark(partition)? else { return Ok(None) };
        self.check(&mark)?;
        let tags = snapshots.tags(partition)?;
        agree(&mark, &tags)?;
        let mut found = Found::new(self.house, partition);
        (found.position, found.rolling) = (mark.position, mark.rolling);
        let (mut cold, mut warm): (Vec<Tag>, Vec<Tag>) =
            tags.into_iter().partition(|tag| tag.settled && tag.position <= self.listed);
        cold.sort_unstable_by_key(|tag| tag.position);
        warm.extend(cold.split_off(cold.len().saturating_sub(self.settled)));
        warm.sort_unstable_by_key(|tag| tag.auction);
        found.cold = cold.iter().map(|tag| (tag.auction, tag.position)).collect();
        for tags in warm.chunks(limits::SNAPSHOTS_AT_ONCE) {
            self.load(snapshots, tags, &mut found)?;
        }
        found.from_snapshots = found.auctions.len() as u64;
        self.follow_from(snapshots, &mut found)?;
        if let Some((_, damage)) = found.broken.pop_first() {
            return Err(Doubt::Damage(damage));
        }
        Ok(Some(found))
    }

    /// A mark is of use if this house made it, of this very log.
    fn check(&self, mark: &Mark) -> Result<(), Doubt> {
        if !self.seal.is_ours(mark) {
            return Err(Useless::Seal.into());
        }
        let last = self.reader.last_position(mark.partition)?;
        if mark.position > last {
            let missing = mark.position - last;
            tracing::error!(
                partition = mark.partition,
                last,
                missing,
                "this log ends before what the house has written: is it an older copy?"
            );
            let (position, partition) = (mark.position, mark.partition);
            let what = format!("they know position {position} of partition {partition}");
            return Err(Useless::Disagrees(what).into());
        }
        Ok(())
    }

    fn load(
        &self,
        snapshots: &dyn Snapshots,
        tags: &[Tag],
        found: &mut Found,
    ) -> Result<(), Doubt> {
        let ids: Vec<AuctionId> = tags.iter().map(|tag| tag.auction).collect();
        let kept = snapshots.load(&ids)?;
        if kept.len() != tags.len() {
            return Err(Useless::Disagrees("some of them are gone".to_owned()).into());
        }
        for (tag, kept) in tags.iter().zip(kept) {
            if kept.tag != *tag {
                return Err(Useless::Disagrees("they changed while being read".to_owned()).into());
            }
            let snapshot = self.seal.open(&kept)?;
            found.auctions.insert(tag.auction, snapshot);
        }
        Ok(())
    }

    /// The tail: an auction that wakes up in it is fetched from its snapshot first.
    fn follow_from(&self, snapshots: &dyn Snapshots, found: &mut Found) -> Result<(), Doubt> {
        loop {
            let records = self.next(found)?;
            if records.is_empty() {
                break;
            }
            for record in &records {
                if let Entry::Event(event) = &record.entry
                    && found.cold.remove(&event.auction).is_some()
                {
                    let kept = snapshots.load(&[event.auction])?.pop();
                    let kept = kept.ok_or_else(|| Useless::Disagrees("one is gone".to_owned()))?;
                    found.auctions.insert(event.auction, self.seal.open(&kept)?);
                }
                self.take(found, record);
            }
        }
        self.note_stale(found);
        Ok(())
    }

    /// Everything after what was found so far.
    fn follow(&self, found: &mut Found) -> Result<(), LogError> {
        loop {
            let records = self.next(found)?;
            if records.is_empty() {
                break;
            }
            records.iter().for_each(|record| self.take(found, record));
        }
        self.note_stale(found);
        Ok(())
    }

    fn next(&self, found: &Found) -> Result<Vec<Record>, LogError> {
        self.reader.scan(found.partition, found.position, limits::READ_AT_ONCE)
    }

    fn take(&self, found: &mut Found, record: &Record) {
        found.position = record.position;
        found.records += 1;
        let Entry::Event(event) = &record.entry else { return };
        found.rolling = partition_link(&found.rolling, &event.hash);
        if found.broken.contains_key(&event.auction) {
            return;
        }
        let new = || Snapshot::new(event.auction, self.house);
        let snapshot = found.auctions.entry(event.auction).or_insert_with(new);
        if let Err(damage) = snapshot.follow(event, record.position) {
            found.misfit(damage, event);
        }
    }

    fn note_stale(&self, found: &mut Found) {
        let stale = |(id, snapshot): (&AuctionId, &Snapshot)| {
            (snapshot.position() > self.listed).then_some(*id)
        };
        found.stale = found.auctions.iter().filter_map(stale).collect();
    }
}

/// The mark's sum over all snapshots holds: none is gone, none is older than the others.
fn agree(mark: &Mark, tags: &[Tag]) -> Result<(), Useless> {
    let mut seals = Digest([0; 32]);
    tags.iter().for_each(|tag| fold(&mut seals, &tag.seal));
    let whole = tags.len() as u64 == mark.count && seals == mark.seals;
    if !whole && !mutant::on("snapshots_mixed") {
        return Err(Useless::Disagrees("they are not those that the mark was made of".to_owned()));
    }
    Ok(())
}

/// After a failed commit: re-reads the auctions that were forgotten, and whatever of the failed
/// batch turned out to be durable after all. May be repeated if it fails.
pub(crate) fn reread(
    shared: &Shared,
    shard: &mut Shard<Reply>,
    partition: Partition,
    durable: Position,
    lost: &[AuctionId],
) -> Result<(), LogError> {
    let mut landed = landed(&*shared.reader, partition, durable)?;
    if mutant::on("landed_batch_ignored") {
        landed.retain(|record| record.entry == Entry::Barrier);
    }
    for id in lost {
        shard.forget(*id);
        for (version, position) in (1..).zip(shared.views.positions(*id, 0, usize::MAX)) {
            let event = event_at(&*shared.reader, partition, position)?;
            let gone = || {
                let what = "an event that was durable is gone".to_owned();
                Damage { auction: *id, version, position, what }
            };
            let restored = event.ok_or_else(gone);
            let restored = restored.and_then(|event| shard.restore_event(&event, position));
            if let Err(damage) = restored {
                shared.close_off(shard, &damage);
                break;
            }
        }
    }
    for record in &landed {
        if let Err(damage) = shard.restore(record) {
            shared.close_off(shard, &damage);
        }
    }
    for id in lost {
        // What was durable before is shown all the while.
        match shard.restored(*id) {
            Some(change) => shared.views.replace(change),
            None => shared.views.forget(*id),
        }
    }
    note(shared, shard, partition, &landed);
    Ok(())
}

/// What landed is news to the lists, and to those who let settled auctions leave memory.
fn note(shared: &Shared, shard: &Shard<Reply>, partition: Partition, landed: &[Record]) {
    let changed: BTreeSet<AuctionId> = landed
        .iter()
        .filter_map(|record| match &record.entry {
            Entry::Event(event) => Some(event.auction),
            Entry::Barrier => None,
        })
        .collect();
    let index = usize::from(partition);
    if let Some(residents) = shared.residents.get(index) {
        changed.iter().filter(|id| shard.is_settled(**id)).for_each(|id| residents.note(*id));
    }
    if let Some(lists) = shared.touched.get(index) {
        lists.note(shard.durable(), changed.into_iter());
    }
}

fn event_at(
    reader: &dyn LogReader,
    partition: Partition,
    position: Position,
) -> Result<Option<EventRecord>, LogError> {
    Ok(match reader.get(partition, position)?.map(|record| record.entry) {
        Some(Entry::Event(event)) => Some(event),
        Some(Entry::Barrier) | None => None,
    })
}

fn landed(
    reader: &dyn LogReader,
    partition: Partition,
    after: Position,
) -> Result<Vec<Record>, LogError> {
    let mut landed = Vec::new();
    let mut after = after;
    loop {
        let records = reader.scan(partition, after, limits::READ_AT_ONCE)?;
        let Some(last) = records.last() else { return Ok(landed) };
        after = last.position;
        landed.extend(records);
    }
}
