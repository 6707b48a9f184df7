//! A certificate: the public history of one auction, the openings that its result needs, and the
//! house's signature, in one file of canonical JSON. Decides nothing; what is opened is said in
//! `disclosure.rs`.
//!
//! `{"auction":5,"events":[PUBLIC PARTS],"head":{"hash":HEX,"version":N},"house":HEX,"key":HEX,
//! "openings":{"VERSION":{FIELD:{"salt":HEX,"value":VALUE}}},"outcome":{..},"serial":"5-N",
//! "signature":HEX,"tag":"gavel/certificate/1"}` in one line without its end. The signature is
//! Ed25519 over the tag and SHA-256 of the file without the member `signature`, both framed as
//! `hash.rs` says: `00000013 "gavel/certificate/1" 00000020 SHA-256`.

use crate::canonical::{canonicalize, write_hex, write_integer, write_string};
use crate::chain::{genesis, link};
use crate::codec::{Opening, commitment, opening};
use crate::disclosure::fields_to_open;
use crate::keys::{AuctionKey, HouseKey};
use gavel_auction::event::{Digest, Event, Fact, HouseId};
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::outcome::Outcome;
use std::collections::BTreeMap;
use thiserror::Error;

/// The tag of certificates and of their signatures.
pub const TAG: &str = "gavel/certificate/1";

/// An event with all it hides, and its public part as it was written.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// As it was decoded.
    pub event: &'a Event,
    /// Byte for byte.
    pub public: &'a [u8],
}

/// Why there is no certificate of a history.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// The history does not begin with `created`, has a hole, or mixes auctions.
    #[error("this is not the whole history of one auction")]
    NotAHistory,
    /// The last event is not `certified`.
    #[error("the auction is not certified, or goes on since")]
    NotCertified,
    /// The key or the bytes are not those that the events were written with.
    #[error("event {version} was written with another key, or has been changed")]
    OtherKey {
        /// The first event that does not fit.
        version: Version,
    },
}

/// All that a certificate says, before it is signed.
pub(crate) struct Parts<'a> {
    pub(crate) auction: AuctionId,
    pub(crate) events: Vec<&'a [u8]>,
    pub(crate) head: (Digest, Version),
    pub(crate) house: HouseId,
    pub(crate) key: [u8; 32],
    pub(crate) openings: Openings,
    pub(crate) outcome: Outcome,
}

/// By version (as text, since keys are sorted as text) and field: salt, and the value's text.
pub(crate) type Openings = BTreeMap<String, BTreeMap<String, (Digest, Vec<u8>)>>;

impl Parts<'_> {
    /// Its text, with the signature or, to be signed, without.
    pub(crate) fn text(&self, signature: Option<&[u8; 64]>) -> Vec<u8> {
        let length: usize = self.events.iter().map(|event| event.len() + 1).sum();
        let mut out = Vec::with_capacity(length + 1024);
        out.extend_from_slice(b"{\"auction\":");
        write_integer(&mut out, self.auction.get());
        out.extend_from_slice(b",\"events\":[");
        for (place, event) in self.events.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(event);
        }
        out.extend_from_slice(b"],\"head\":{\"hash\":");
        write_hex(&mut out, &self.head.0.0);
        out.extend_from_slice(b",\"version\":");
        write_integer(&mut out, self.head.1);
        out.extend_from_slice(b"},\"house\":");
        write_hex(&mut out, &self.house.0);
        out.extend_from_slice(b",\"key\":");
        write_hex(&mut out, &self.key);
        out.extend_from_slice(b",\"openings\":");
        write_openings(&mut out, &self.openings);
        out.extend_from_slice(b",\"outcome\":");
        let outcome = serde_json::to_value(self.outcome).expect("outcomes always serialize");
        out.extend_from_slice(&canonicalize(&outcome));
        out.extend_from_slice(b",\"serial\":");
        write_string(&mut out, &format!("{}-{}", self.auction, self.head.1));
        if let Some(signature) = signature {
            out.extend_from_slice(b",\"signature\":");
            write_hex(&mut out, signature);
        }
        out.extend_from_slice(b",\"tag\":");
        write_string(&mut out, TAG);
        out.push(b'}');
        out
    }
}

fn write_openings(out: &mut Vec<u8>, openings: &Openings) {
    out.push(b'{');
    for (place, (version, fields)) in openings.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_string(out, version);
        out.extend_from_slice(b":{");
        for (place, (field, (salt, value))) in fields.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            write_string(out, field);
            out.extend_from_slice(b":{\"salt\":");
            write_hex(out, &salt.0);
            out.extend_from_slice(b",\"value\":");
            out.extend_from_slice(value);
            out.push(b'}');
        }
        out.push(b'}');
    }
    out.push(b'}');
}

/// Makes and signs the certificate of a whole history whose last event is `certified`.
///
/// # Errors
/// If it is not such a history, or not one that was written with this key.
pub fn certify(
    entries: &[Entry<'_>],
    key: &AuctionKey,
    signer: &HouseKey,
) -> Result<Vec<u8>, CertificateError> {
    let first = entries.first().ok_or(CertificateError::NotAHistory)?;
    let Fact::Created(created) = &first.event.fact else {
        return Err(CertificateError::NotAHistory);
    };
    let (auction, house) = (first.event.auction, created.house);
    let mut head = genesis(house, auction);
    for (version, entry) in (1..).zip(entries) {
        if entry.event.version != version || entry.event.auction != auction {
            return Err(CertificateError::NotAHistory);
        }
        if let Fact::Certified { head: said } = &entry.event.fact
            && *said != head
        {
            return Err(CertificateError::OtherKey { version });
        }
        head = link(&head, entry.public);
    }
    let events: Vec<Event> = entries.iter().map(|entry| entry.event.clone()).collect();
    let parts = Parts {
        auction,
        events: entries.iter().map(|entry| entry.public).collect(),
        head: (head, events.last().map_or(0, |last| last.version)),
        house,
        key: signer.public().to_bytes(),
        openings: openings(entries, &events, key)?,
        outcome: final_outcome(&events).ok_or(CertificateError::NotCertified)?,
    };
    let signature = signer.sign(TAG, &parts.text(None));
    Ok(parts.text(Some(&signature)))
}

/// What came of it, if the last event makes that final.
pub(crate) fn final_outcome(events: &[Event]) -> Option<Outcome> {
    let (last, before) = events.split_last()?;
    let Fact::Certified { .. } = &last.fact else { return None };
    let before = &before.last()?.fact;
    if let Fact::Closed { outcome, .. } = before {
        Some(*outcome)
    } else if let Fact::Cancelled { .. } = before {
        Some(Outcome::Cancelled {})
    } else {
        None
    }
}

fn openings(
    entries: &[Entry<'_>],
    events: &[Event],
    key: &AuctionKey,
) -> Result<Openings, CertificateError> {
    let mut openings = Openings::new();
    for (version, field) in fields_to_open(events) {
        let place = usize::try_from(version.saturating_sub(1)).unwrap_or(usize::MAX);
        let entry = entries.get(place).ok_or(CertificateError::NotAHistory)?;
        let Some(Opening { salt, value }) = opening(entry.event, field, key) else { continue };
        let digest = commitment(entry.event.auction, version, field, &salt, &value);
        if !commits_to(entry.public, field, &digest) {
            return Err(CertificateError::OtherKey { version });
        }
        let of_event = openings.entry(version.to_string()).or_default();
        of_event.insert(field.to_owned(), (salt, value));
    }
    Ok(openings)
}

pub(crate) fn commits_to(public: &[u8], field: &str, digest: &Digest) -> bool {
    let Ok(part) = crate::codec::reading::read_public(public) else { return false };
    let commit: Result<BTreeMap<String, Digest>, _> = serde_json::from_str(part.commit.get());
    commit.is_ok_and(|commit| commit.get(field) == Some(digest))
}
