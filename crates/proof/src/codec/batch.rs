//! Evidence of many events at once: salts, then commitments, then links of the chains, each
//! hashed side by side. Knows nothing of how a part is rendered.

use super::{After, Draft, each_committed, frame_commitment, render};
use crate::canonical::write_hex;
use crate::chain::frame_link;
use crate::hash::Messages;
use crate::keys::frame_salt;
use gavel_auction::event::Digest;
use std::ops::Range;

/// A hidden field of a draft.
struct Committed<'a> {
    draft: &'a Draft<'a>,
    field: &'static str,
    /// Where its value stands among those of all fields.
    value: Range<usize>,
}

/// The public part of each draft.
pub(super) fn publics(drafts: &[Draft<'_>]) -> Vec<Vec<u8>> {
    let mut values = Vec::with_capacity(128 * drafts.len());
    let mut fields = Vec::with_capacity(drafts.len());
    // How many of the fields belong to each draft.
    let mut counts = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let before = fields.len();
        each_committed(&draft.event.hidden, draft.origin, |field, value| {
            let start = values.len();
            values.extend_from_slice(value);
            fields.push(Committed { draft, field, value: start..values.len() });
        });
        counts.push(fields.len() - before);
    }
    let commitments = commit_all(&fields, &values);
    let mut each = fields.iter().zip(&commitments);
    let mut text = Vec::with_capacity(256);
    let public = |(draft, count): (&Draft<'_>, usize)| {
        text.clear();
        for (Committed { field, .. }, commitment) in each.by_ref().take(count) {
            text.extend_from_slice(if text.is_empty() { b"{\"" } else { b",\"" });
            text.extend_from_slice(field.as_bytes());
            text.extend_from_slice(b"\":");
            write_hex(&mut text, &commitment.0);
        }
        text.push(b'}');
        render(draft.event, &text)
    };
    drafts.iter().zip(counts).map(public).collect()
}

fn commit_all(fields: &[Committed<'_>], values: &[u8]) -> Vec<Digest> {
    // The longer of the two frames takes 86 bytes and the field's name.
    let mut messages = Messages::with_room(fields.len(), values.len() + 96 * fields.len());
    for Committed { draft, field, value } in fields {
        let value = &values[value.clone()];
        messages.add(|message| frame_salt(message, draft.event.version, field, value));
    }
    let keys: Vec<_> = fields.iter().map(|field| &field.draft.key.0).collect();
    let salts = messages.sign(&keys);
    messages.clear();
    for (Committed { draft, field, value }, salt) in fields.iter().zip(&salts) {
        let (event, value) = (draft.event, &values[value.clone()]);
        let place = (event.auction, event.version);
        messages.add(|message| frame_commitment(message, place, field, salt, value));
    }
    messages.hash()
}

/// The hash of each draft. Links of one chain wait for each other, those of others do not: first
/// all that continue what is written, then all that continue those, and so on.
pub(super) fn link_all(drafts: &[Draft<'_>], publics: &[Vec<u8>]) -> Vec<Digest> {
    let mut depths: Vec<usize> = Vec::with_capacity(drafts.len());
    for draft in drafts {
        depths.push(match draft.after {
            After::Hash(_) => 0,
            After::Draft(before) => depths[before] + 1,
        });
    }
    let mut order: Vec<usize> = (0..drafts.len()).collect();
    order.sort_by_key(|place| depths[*place]);
    let mut hashes = vec![Digest([0; 32]); drafts.len()];
    let bytes = publics.iter().map(|public| public.len() + 64).sum();
    let mut messages = Messages::with_room(drafts.len(), bytes);
    for wave in order.chunk_by(|a, b| depths[*a] == depths[*b]) {
        messages.clear();
        for place in wave {
            let previous = match drafts[*place].after {
                After::Hash(hash) => hash,
                After::Draft(before) => hashes[before],
            };
            messages.add(|message| frame_link(message, &previous, &publics[*place]));
        }
        for (place, hash) in wave.iter().zip(messages.hash()) {
            hashes[*place] = hash;
        }
    }
    hashes
}
