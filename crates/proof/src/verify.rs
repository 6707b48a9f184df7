//! Verification: believes nothing of a certificate but the rules of this build. Whatever cannot be
//! checked from the file is listed as taken on the house's word. Refuses to know whose key it is:
//! the caller compares the fingerprint.

mod report;

use crate::canonical::{self, NotCanonical};
use crate::certificate::{Openings, Parts, TAG, final_outcome};
use crate::chain::{genesis, link};
use crate::codec::reading::{fact_of, read_public};
use crate::codec::{FIELDS, REST, commitment, decode, field_text, public_part, seal};
use crate::disclosure::{Fields, fields_to_open};
use crate::keys::{AuctionKey, PublicKey};
use crate::replay::{Item, Knowledge, WrongEvent, replay};
use crate::stand_in::{Committed, fill};
use gavel_auction::auction::Auction;
use gavel_auction::event::{Digest, Event, Fact, Hidden, HouseId};
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::money::Currency;
use gavel_auction::outcome::Outcome;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// A certificate that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The auction.
    pub auction: AuctionId,
    /// The house that its chain begins with.
    pub house: HouseId,
    /// Its serial: auction and version.
    pub serial: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Of all its amounts.
    pub currency: Option<Currency>,
    /// How many events were replayed.
    pub events: usize,
    /// How many hidden values were opened and checked.
    pub openings: usize,
    /// The last version, and the chain's hash there: newest as far as this file knows.
    pub head: (Version, Digest),
    /// By which fingerprint people know the key that signed it.
    pub fingerprint: String,
    /// What was checked, a sentence each.
    pub checked: Vec<String>,
    /// What could not be, a sentence each.
    pub on_the_houses_word: Vec<String>,
}

/// The first thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The file is not canonical JSON.
    #[error("the file is not canonical JSON: {0}")]
    NotCanonical(#[from] NotCanonical),
    /// It is, but it is no certificate.
    #[error("the file is no certificate: {0}")]
    NotACertificate(String),
    /// An event is not what the rules make of those before it.
    #[error(transparent)]
    Event(#[from] WrongEvent),
    /// An opening does not fit its commitment, is missing, or should not be there.
    #[error("event {version}: the opening of {field} {what}")]
    Opening {
        /// Of which event.
        version: Version,
        /// Of which field.
        field: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The chain does not end where the file says.
    #[error("the chain ends in {computed}, the file says {said}")]
    Head {
        /// What the events give.
        computed: Digest,
        /// What the file says.
        said: Digest,
    },
    /// The signature is not of this key over this file.
    #[error("the signature does not fit the file")]
    Signature,
    /// A record of the log does not hold the hash that the chain gives.
    #[error("event {version}: the chain is broken")]
    Chain {
        /// The first such event.
        version: Version,
    },
    /// A record of the log cannot be read.
    #[error("event {version} cannot be read: {what}")]
    Unreadable {
        /// The first such event.
        version: Version,
        /// Why.
        what: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    auction: AuctionId,
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    head: Head,
    house: HouseId,
    key: Digest,
    #[serde(borrow)]
    openings: BTreeMap<String, BTreeMap<String, Opening<'a>>>,
    #[serde(borrow, rename = "outcome")]
    _outcome: &'a RawValue,
    #[serde(borrow, rename = "serial")]
    _serial: &'a str,
    #[serde(borrow)]
    signature: &'a str,
    #[serde(borrow)]
    tag: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    hash: Digest,
    version: Version,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening<'a> {
    salt: Digest,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// The events of a file, with what is opened of them.
pub(crate) struct History<'a> {
    pub(crate) events: Vec<Event>,
    pub(crate) publics: Vec<&'a [u8]>,
    committed: Committed,
    opened: Fields,
}

/// A certificate that holds, and what it was read as.
pub(crate) struct Verified<'a> {
    pub(crate) report: Report,
    /// What the file says.
    pub(crate) history: History<'a>,
}

/// Checks a certificate: form, every opening, every event by the rules, the chain, the signature.
///
/// # Errors
/// The first thing that does not hold.
pub fn verify(bytes: &[u8]) -> Result<Report, Fault> {
    verified(bytes).map(|verified| verified.report)
}

/// The same, for those who go on to ask more of it.
pub(crate) fn verified(bytes: &[u8]) -> Result<Verified<'_>, Fault> {
    canonical::check(bytes)?;
    let not = |what: &str| Fault::NotACertificate(what.to_owned());
    let file: File<'_> = serde_json::from_slice(bytes).map_err(|e| not(&e.to_string()))?;
    if file.tag != TAG {
        return Err(not("another tag"));
    }
    let history = read(&file)?;
    let mut events = history.events.clone();
    fill(&mut events, &history.committed);
    let items: Vec<Item<'_>> = events
        .iter()
        .zip(&history.publics)
        .map(|(event, public)| Item { event: event.clone(), public })
        .collect();
    let replayed = replay(file.auction, &items, Knowledge::Committed)?;
    check_disclosed(&history.opened, &fields_to_open(&events))?;
    let computed = replayed.head;
    if computed != file.head.hash {
        return Err(Fault::Head { computed, said: file.head.hash });
    }
    if file.head.version != replayed.auction.version() {
        return Err(not("its head is not at its last event"));
    }
    let outcome = final_outcome(&events).ok_or_else(|| {
        not("it does not end with the close, or the call-off, and its certification")
    })?;
    let mut openings = Openings::new();
    for (version, fields) in &file.openings {
        let texts = fields.iter().map(|(field, opening)| {
            (field.clone(), (opening.salt, opening.value.get().as_bytes().to_vec()))
        });
        openings.insert(version.clone(), texts.collect());
    }
    let parts = Parts {
        auction: file.auction,
        events: history.publics.clone(),
        head: (computed, replayed.auction.version()),
        house: file.house,
        key: file.key.0,
        openings,
        outcome,
    };
    let (key, signature) = check_signature(&file, &parts)?;
    if parts.text(Some(&signature)) != bytes {
        return Err(not("head, house, outcome or serial are not those of its events"));
    }
    let report = report::report(&replayed.auction, &events, &history.committed, &parts, &key);
    Ok(Verified { report, history })
}

fn check_signature(file: &File<'_>, parts: &Parts<'_>) -> Result<(PublicKey, [u8; 64]), Fault> {
    let mut signature = [0; 64];
    let read = hex::decode_to_slice(file.signature, &mut signature);
    read.map_err(|_| Fault::Signature)?;
    let key = PublicKey::from_bytes(&file.key.0).map_err(|_| Fault::Signature)?;
    key.verify(TAG, &parts.text(None), &signature).map_err(|_| Fault::Signature)?;
    Ok((key, signature))
}

fn read<'a>(file: &File<'a>) -> Result<History<'a>, Fault> {
    let mut history = History {
        events: Vec::with_capacity(file.events.len()),
        publics: Vec::with_capacity(file.events.len()),
        committed: Vec::with_capacity(file.events.len()),
        opened: Fields::new(),
    };
    let mut left: BTreeSet<&str> = file.openings.keys().map(String::as_str).collect();
    for (version, raw) in (1..).zip(&file.events) {
        let wrong = |what: String| Fault::Event(WrongEvent { version, what });
        let public = raw.get().as_bytes();
        let part = read_public(public).map_err(|e| wrong(e.to_string()))?;
        if part.version != version || part.auction != file.auction {
            return Err(wrong("it is another auction's, or out of its place".to_owned()));
        }
        let fact = fact_of(&part).map_err(|e| wrong(e.to_string()))?;
        if version == 1
            && let Fact::Created(created) = &fact
            && created.house != file.house
        {
            return Err(wrong("it is another house's".to_owned()));
        }
        let commit: BTreeMap<String, Digest> = serde_json::from_str(part.commit.get())
            .map_err(|e| wrong(format!("its commitments cannot be read: {e}")))?;
        let mut event =
            Event { auction: part.auction, version, at: part.at, fact, hidden: Hidden::default() };
        let name = version.to_string();
        left.remove(name.as_str());
        for (field, opening) in file.openings.get(&name).into_iter().flatten() {
            let field = open(&mut event, &commit, field, opening)?;
            history.opened.insert((version, field));
        }
        check_committed(&event, &commit)?;
        history.committed.push(commit.into_keys().collect());
        history.events.push(event);
        history.publics.push(public);
    }
    match left.first() {
        None => Ok(history),
        Some(name) => Err(Fault::NotACertificate(format!("it opens an event {name}"))),
    }
}

/// Every event commits to its `rest`, to nothing unknown, and its seed, if it has one, is open.
fn check_committed(event: &Event, commit: &BTreeMap<String, Digest>) -> Result<(), Fault> {
    let known = |field: &String| field == REST || FIELDS.contains(&field.as_str());
    if !commit.contains_key(REST) || !commit.keys().all(known) {
        let what = "its commitments are not those of an event".to_owned();
        return Err(WrongEvent { version: event.version, what }.into());
    }
    if commit.contains_key("seed") && event.hidden.seed.is_none() {
        let field = "seed".to_owned();
        return Err(Fault::Opening { version: event.version, field, what: "is missing" });
    }
    Ok(())
}

/// Takes an opened value into the event, if it fits its commitment.
fn open(
    event: &mut Event,
    commit: &BTreeMap<String, Digest>,
    name: &str,
    opening: &Opening<'_>,
) -> Result<&'static str, Fault> {
    let version = event.version;
    let fault = |what| Fault::Opening { version, field: name.to_owned(), what };
    let field = FIELDS.into_iter().find(|field| *field == name);
    let field = field.ok_or_else(|| fault("is of no field that can be opened"))?;
    let text = opening.value.get();
    let digest = commitment(event.auction, version, field, &opening.salt, text.as_bytes());
    if commit.get(field) != Some(&digest) {
        return Err(fault("does not fit its commitment"));
    }
    let mut of_one = serde_json::Map::new();
    let value = serde_json::from_str(text).map_err(|_| fault("is no value"))?;
    of_one.insert(field.to_owned(), value);
    let opened: Hidden =
        serde_json::from_value(of_one.into()).map_err(|_| fault("is no value of its kind"))?;
    if field_text(&opened, field).as_deref() != Some(text.as_bytes()) {
        return Err(fault("is no value of its kind"));
    }
    let hidden = &mut event.hidden;
    hidden.amount = hidden.amount.or(opened.amount);
    hidden.maximum = hidden.maximum.or(opened.maximum);
    hidden.paddle = hidden.paddle.or(opened.paddle);
    hidden.reserve = hidden.reserve.or(opened.reserve);
    hidden.seed = hidden.seed.or(opened.seed);
    Ok(field)
}

/// Exactly what must be open is open.
fn check_disclosed(opened: &Fields, expected: &Fields) -> Result<(), Fault> {
    let fault = |(version, field): &(Version, &'static str), what| {
        Err(Fault::Opening { version: *version, field: (*field).to_owned(), what })
    };
    if let Some(missing) = expected.difference(opened).next() {
        return fault(missing, "is missing");
    }
    match opened.difference(expected).next() {
        Some(extra) => fault(extra, "should not be there"),
        None => Ok(()),
    }
}

/// A record of the log.
#[derive(Clone, Copy, Debug)]
pub struct LogEntry<'a> {
    /// The public part.
    pub public: &'a [u8],
    /// The sealed part.
    pub sealed: &'a [u8],
    /// The chain's hash at this event.
    pub hash: Digest,
}

/// Checks one auction's whole log with all it hides: both parts byte for byte, every commitment,
/// the chain, every event by the rules. Gives the auction as its events have made it.
///
/// # Errors
/// The first thing that does not hold.
pub fn verify_log(
    auction: AuctionId,
    entries: &[LogEntry<'_>],
    key: &AuctionKey,
) -> Result<Auction, Fault> {
    let mut items = Vec::with_capacity(entries.len());
    let mut previous = None;
    for (version, entry) in (1..).zip(entries) {
        let unreadable = |what: String| Fault::Unreadable { version, what };
        let (event, origin) =
            decode(entry.public, entry.sealed).map_err(|e| unreadable(e.to_string()))?;
        if event.version != version || event.auction != auction {
            return Err(unreadable("it is another auction's, or out of its place".to_owned()));
        }
        let before = match (&previous, &event.fact) {
            (Some(previous), _) => *previous,
            (None, Fact::Created(created)) => genesis(created.house, auction),
            (None, _) => return Err(unreadable("it is not `created`".to_owned())),
        };
        if link(&before, entry.public) != entry.hash {
            return Err(Fault::Chain { version });
        }
        previous = Some(entry.hash);
        if public_part(&event, &origin, key) != entry.public {
            return Err(unreadable("the public part does not bind the sealed part".to_owned()));
        }
        if seal(&event.hidden, &origin) != entry.sealed {
            return Err(unreadable("the sealed part is not canonical".to_owned()));
        }
        items.push(Item { event, public: entry.public });
    }
    Ok(replay(auction, &items, Knowledge::Whole)?.auction)
}
