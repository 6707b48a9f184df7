//! Everything that a house holds, as JSON lines in a directory: users without secrets, what they
//! watch, categories, items with their pictures, listings, auctions, events in their public part,
//! certificates, the chat, the audit trail. Reads the data; changes nothing. Holds each chain
//! against itself: an auction that is damaged is named and left out.

use crate::cli::backup::{Half, copy_pictures, copy_trail, must_be_free};
use crate::cli::failed;
use crate::cli::output::{Failure, Output, bad, count, good};
use crate::cli::positions::{PAGE, Positions};
use crate::http::time::{Stamp, print};
use crate::http::v1::items::ItemView;
use crate::http::v1::users::OwnProfile;
use crate::keys::{self, HouseKeys};
use gavel_auction::auction::Auction;
use gavel_auction::event::Event;
use gavel_auction::ids::{AuctionId, UserId};
use gavel_engine::chat::{Chats, Message};
use gavel_engine::log::{Entry, EventRecord, LogReader, Partition, Position};
use gavel_engine::people::{Addendum, Listing, People, UserQuery};
use gavel_engine::snapshot::{Damage, Snapshot};
use gavel_engine::things::{Pictures as _, Things};
use gavel_proof::certificate::{self, certify};
use gavel_proof::codec::decode;
use gavel_store::pictures::Folder;
use gavel_store::sqlite::{self, Options};
use serde::Serialize;
use serde_json::{json, value::RawValue};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes everything into a new directory.
pub(super) fn run(data: &Path, to: &Path, out: Output) -> Result<(), Failure> {
    let keys = keys::read(data).map_err(|error| {
        Failure::usage("no_house", error.to_string())
            .accept("--data DIR, a directory that `gavel init` or `gavel serve` made")
    })?;
    must_be_free(to, "--all")?;
    let options =
        Options { read_only: true, vault: Some(keys.vault.clone()), ..Options::default() };
    let stores = sqlite::open(data, &options).map_err(|error| failed(error.into()))?;
    let half = Half::begin(to)?;
    let mut lines = Lines::begin(&half.dir)?;
    users(&*stores.people, &mut lines).map_err(failed)?;
    categories(&*stores.things, &mut lines).map_err(failed)?;
    items(&*stores.things, &mut lines).map_err(failed)?;
    copy_pictures(&Folder::of(data), &Folder::of(&half.dir), Folder::of(data).names())?;
    copy_trail(data, &half.dir)?;
    let mut damages = Vec::new();
    for partition in 0..stores.partitions {
        let all =
            Positions::of(&*stores.reader, partition).map_err(|error| failed(error.into()))?;
        for (auction, positions) in all.0 {
            said(&*stores.chats, auction, &mut lines).map_err(failed)?;
            let one = Reading { reader: &*stores.reader, people: &*stores.people, keys: &keys };
            match one.history(partition, auction, &positions).map_err(failed)? {
                Ok(history) => one.write(&history, &mut lines).map_err(failed)?,
                Err(damage) => damages.push(damage.to_string()),
            }
        }
    }
    let counts = lines.end()?;
    half.finish(to)?;
    tell(to, &counts, &damages, out)
}

fn tell(
    to: &Path,
    counts: &[(&'static str, u64)],
    damages: &[String],
    out: Output,
) -> Result<(), Failure> {
    let all: BTreeMap<_, _> = counts.iter().copied().collect();
    let told = json!({"to": to.display().to_string(), "lines": all, "damaged": damages});
    out.result(&told, |out| {
        for (name, lines) in counts {
            writeln!(out, "{} {}: {}", good("✓"), to.join(name).display(), count(*lines))?;
        }
        damages.iter().try_for_each(|damage| writeln!(out, "{} left out: {damage}", bad("✗")))
    })?;
    if damages.is_empty() {
        return Ok(());
    }
    let what = format!("{} auctions are damaged and left out", damages.len());
    Err(Failure::refused("damaged", what).accept("`gavel doctor` tells more"))
}

/// The files under way.
struct Lines {
    files: Vec<(&'static str, BufWriter<File>, u64)>,
}

const USERS: &str = "users.jsonl";
const WATCHLISTS: &str = "watchlists.jsonl";
const CATEGORIES: &str = "categories.jsonl";
const ITEMS: &str = "items.jsonl";
const LISTINGS: &str = "listings.jsonl";
const AUCTIONS: &str = "auctions.jsonl";
const EVENTS: &str = "events.jsonl";
const CERTIFICATES: &str = "certificates.jsonl";
const CHAT: &str = "chat.jsonl";

/// The files, in the order in which they are told.
const FILES: [&str; 9] =
    [USERS, WATCHLISTS, CATEGORIES, ITEMS, LISTINGS, AUCTIONS, EVENTS, CERTIFICATES, CHAT];

impl Lines {
    fn begin(dir: &Path) -> Result<Self, Failure> {
        let file = |name: &'static str| {
            let path = dir.join(name);
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            let file = file.map_err(|error| Failure::file(&path, &error))?;
            Ok((name, BufWriter::new(file), 0))
        };
        Ok(Self { files: FILES.into_iter().map(file).collect::<Result<_, Failure>>()? })
    }

    fn bytes(&mut self, name: &'static str, line: &[u8]) -> io::Result<()> {
        for (_, file, count) in self.files.iter_mut().filter(|(known, ..)| *known == name) {
            *count += 1;
            file.write_all(line)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    }

    fn json(&mut self, name: &'static str, line: &impl Serialize) -> io::Result<()> {
        let line = serde_json::to_vec(line)?;
        self.bytes(name, &line)
    }

    fn end(self) -> Result<Vec<(&'static str, u64)>, Failure> {
        let end = |(name, mut file, count): (&'static str, BufWriter<File>, u64)| {
            file.flush()?;
            file.get_ref().sync_all()?;
            Ok((name, count))
        };
        self.files.into_iter().map(end).collect::<io::Result<_>>().map_err(Failure::from)
    }
}

fn users(people: &dyn People, lines: &mut Lines) -> anyhow::Result<()> {
    let mut query = UserQuery { limit: PAGE, ..UserQuery::default() };
    loop {
        let page = people.users(&query)?;
        let Some(last) = page.last() else { return Ok(()) };
        query.after = last.id.get();
        for user in page {
            watched(people, user.id, lines)?;
            lines.json(USERS, &OwnProfile::of(user))?;
        }
    }
}

fn watched(people: &dyn People, user: UserId, lines: &mut Lines) -> anyhow::Result<()> {
    let mut before = i64::MAX;
    loop {
        let page = people.watched(user, before, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        before = last.get();
        for auction in page {
            lines.json(WATCHLISTS, &json!({"user": user, "auction": auction}))?;
        }
    }
}

fn categories(things: &dyn Things, lines: &mut Lines) -> anyhow::Result<()> {
    for category in things.categories()? {
        let attributes: &RawValue = serde_json::from_str(&category.attributes)?;
        lines.json(CATEGORIES, &json!({"name": category.name, "attributes": attributes}))?;
    }
    Ok(())
}

/// What was said beside an auction, the newest first.
fn said(chats: &dyn Chats, auction: AuctionId, lines: &mut Lines) -> anyhow::Result<()> {
    let mut before = None;
    loop {
        let page = chats.latest(auction, before, PAGE)?;
        let Some(first) = page.first() else { return Ok(()) };
        before = Some(first.id);
        for Message { id, author, at, text, .. } in page.into_iter().rev() {
            let said = json!({"id": id, "auction": auction, "user": author, "at": Stamp(at),
                "message": text});
            lines.json(CHAT, &said)?;
        }
    }
}

fn items(things: &dyn Things, lines: &mut Lines) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let page = things.items(None, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        for item in page {
            let pictures = things.pictures(item.id)?;
            let item = ItemView::of(item).map_err(|problem| anyhow::anyhow!(problem.code()))?;
            lines.json(ITEMS, &item.with(&pictures))?;
        }
    }
}

/// One auction's events and what they come to.
struct History {
    events: Vec<(EventRecord, Event)>,
    state: Auction,
}

struct Reading<'a> {
    reader: &'a dyn LogReader,
    people: &'a dyn People,
    keys: &'a HouseKeys,
}

impl Reading<'_> {
    fn history(
        &self,
        partition: Partition,
        auction: AuctionId,
        positions: &[Position],
    ) -> anyhow::Result<Result<History, Damage>> {
        let mut state = Snapshot::new(auction, self.keys.house);
        let mut events = Vec::with_capacity(positions.len());
        for position in positions {
            let record = self.reader.get(partition, *position)?.map(|record| record.entry);
            let Some(Entry::Event(record)) = record else { continue };
            if let Err(damage) = state.follow(&record, *position) {
                return Ok(Err(damage));
            }
            let (event, _) = decode(&record.public, &record.sealed)?;
            events.push((record, event));
        }
        Ok(Ok(History { events, state: state.auction().clone() }))
    }

    fn write(&self, history: &History, lines: &mut Lines) -> anyhow::Result<()> {
        let Some(head) = history.state.head() else { return Ok(()) };
        let id = head.auction;
        lines.json(
            AUCTIONS,
            &json!({
                "id": id,
                "seller": head.seller,
                "currency": head.currency,
                "preset": head.preset,
                "state": head.phase.word(),
                "version": head.version,
                "price": head.price,
                "effective_end": head.effective_end().map(print),
                "outcome": head.outcome(),
                "certified": head.certified,
            }),
        )?;
        let listing = self.people.listing(id)?.unwrap_or_default();
        lines.json(LISTINGS, &words(id, &listing))?;
        for (record, _) in &history.events {
            let event: &RawValue = serde_json::from_slice(&record.public)?;
            lines.json(EVENTS, &Line { event, hash: record.hash.to_string() })?;
        }
        let Some(certified) = head.certified else { return Ok(()) };
        let prefix = history.events.iter().take(usize::try_from(certified)?);
        let entries: Vec<_> = prefix
            .map(|(record, event)| certificate::Entry { event, public: &record.public })
            .collect();
        let key = self.keys.log.auction(self.keys.house, id);
        lines.bytes(CERTIFICATES, certify(&entries, &key, &self.keys.signing)?.trim_ascii_end())?;
        Ok(())
    }
}

/// An event, byte for byte.
#[derive(Serialize)]
struct Line<'a> {
    event: &'a RawValue,
    hash: String,
}

fn words(auction: AuctionId, listing: &Listing) -> serde_json::Value {
    let note = |note: &Addendum| json!({"at": Stamp(note.at), "text": note.text});
    json!({
        "auction": auction,
        "title": listing.title,
        "description": listing.description,
        "category": listing.category,
        "addenda": listing.addenda.iter().map(note).collect::<Vec<_>>(),
    })
}
