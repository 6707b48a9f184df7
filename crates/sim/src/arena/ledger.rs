//! The log of a house that is closed, as it stands in its file. Read by the `sqlite3` program, so
//! that neither the house's store nor any SQL library has a say in what is checked.

use super::notes::Made;
use crate::history::wish::{Asked, Creation, Wish};
use crate::history::{Logged, LoggedEvent, Op, Rec, Res};
use anyhow::{Context as _, bail};
use gavel_auction::event::{Digest, Fact};
use gavel_auction::ids::AuctionId;
use gavel_auction::terms::Reserve;
use gavel_proof::codec::decode;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const ALL: &str = "SELECT id >> 48, id & 0xffffffffffff, auction, version, previous, \
                   lower(hex(hash)), CAST(public AS TEXT), CAST(sealed AS TEXT) \
                   FROM event ORDER BY id";

/// Every record of the log in this data directory.
pub(crate) fn read(data: &Path) -> anyhow::Result<Vec<Logged>> {
    let file = data.join("log.db");
    let done = Command::new("sqlite3")
        .args(["-batch", "-bail", "-separator", "\t"])
        .arg(&file)
        .arg(ALL)
        .output()
        .context("running sqlite3")?;
    if !done.status.success() {
        bail!("{}: {}", file.display(), String::from_utf8_lossy(&done.stderr));
    }
    let text = String::from_utf8(done.stdout).context("the log is text")?;
    text.lines().map(record).collect()
}

fn record(line: &str) -> anyhow::Result<Logged> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [partition, position, auction, version, previous, hash, public, sealed] = fields[..] else {
        bail!("no record: {line}");
    };
    let (partition, position) = (partition.parse()?, position.parse()?);
    let Some(auction) = AuctionId::new(auction.parse()?) else {
        return Ok(Logged { partition, position, event: None });
    };
    let event = LoggedEvent {
        auction,
        version: version.parse()?,
        previous: previous.parse()?,
        hash: Digest::try_from(hash.to_owned()).map_err(anyhow::Error::msg)?,
        public: public.as_bytes().to_vec(),
        sealed: sealed.as_bytes().to_vec(),
    };
    Ok(Logged { partition, position, event: Some(event) })
}

/// The creation of an auction as its seller meant it: what it was made of is read in the log.
pub(crate) fn creation(id: u64, made: &Made, log: &[Logged]) -> Option<Rec> {
    let mut events = log.iter().filter_map(|logged| logged.event.as_ref());
    let first = events.find(|event| event.auction == made.auction && event.version == 1)?;
    let (event, _) = decode(&first.public, &first.sealed).ok()?;
    let Fact::Created(created) = event.fact else { return None };
    let mut terms = Arc::unwrap_or_clone(created.terms);
    if let Reserve::Hidden { amount } = &mut terms.reserve {
        *amount = event.hidden.reserve;
    }
    let creation = Creation {
        house: created.house,
        log_key: created.log_key,
        currency: created.currency,
        preset: created.preset,
        terms: Arc::new(terms),
        seed: event.hidden.seed,
        publish: true,
        listing: created.listing_digest,
    };
    let (auction, actor, key) = (made.auction, made.by, made.key);
    let wish = Wish::Create(Box::new(creation));
    let asked = Asked { auction, actor, key, expected: None, wish };
    Some(Rec {
        id,
        process: made.process,
        op: Op::Command(Arc::new(asked)),
        inv_ns: made.from,
        ret_ns: Some(made.to),
        res: Res::Ok(Box::new(made.told.clone())),
    })
}
