//! What strangers hand in as evidence: certificates, receipts, heads, events. Whatever the bytes
//! are, nothing panics; what was written holds, what was changed is refused. Inputs that once
//! mattered are kept in `tests/corpus` and tried first; those that proptest finds, in `fuzz.txt`.

use crate::house::{HOUSE, House, signer};
use crate::random::play;
use crate::scenarios;
use gavel_auction::ids::AuctionId;
use gavel_auction::time::Time;
use gavel_proof::canonical::{canonicalize, check, normalize, parse};
use gavel_proof::codec::{decode, encode};
use gavel_proof::head::{Rolling, verify_head};
use gavel_proof::receipt::{Link, from_chain};
use gavel_proof::verify::{LogEntry, verify, verify_log};
use gavel_proof::{verify_receipt, verify_together};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Map, Number, Value};
use std::sync::LazyLock;

/// One change of a text, at a place that is taken modulo its length.
#[derive(Clone, Debug)]
pub enum Change {
    Flip(usize, u8),
    Put(usize, u8),
    Word(usize, usize),
    Drop(usize, usize),
    Double(usize, usize),
    Cut(usize),
    Swap(usize, usize, usize),
}

/// What parsers trip over.
const WORDS: [&str; 16] = [
    "null",
    "-1",
    "1.0",
    "1e999",
    "9007199254740993",
    "18446744073709551616",
    "\"\"",
    "\"\\ud800\"",
    "\\u0000",
    "{}",
    "[]",
    "{\"version\":1,\"version\":2}",
    ",",
    "\u{feff}",
    "true",
    "[[[[[[[[[[[[[[[[[[[[",
];

pub fn change() -> impl Strategy<Value = Change> {
    use Change::{Cut, Double, Drop, Flip, Put, Swap, Word};
    let (at, span) = (|| 0..1_000_000_usize, || 1..80_usize);
    prop_oneof![
        4 => (at(), 0..8_u8).prop_map(|(at, bit)| Flip(at, bit)),
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Put(at, byte)),
        3 => (at(), 0..WORDS.len()).prop_map(|(at, word)| Word(at, word)),
        2 => (at(), span()).prop_map(|(at, span)| Drop(at, span)),
        2 => (at(), span()).prop_map(|(at, span)| Double(at, span)),
        1 => at().prop_map(Cut),
        2 => (at(), at(), span()).prop_map(|(one, two, span)| Swap(one, two, span)),
    ]
}

fn changed(text: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for change in changes {
        let length = bytes.len().max(1);
        let span = |at: usize, span: usize| at % length..(at % length + span).min(bytes.len());
        match *change {
            Change::Flip(at, bit) => {
                if let Some(byte) = bytes.get_mut(at % length) {
                    *byte ^= 1 << bit;
                }
            }
            Change::Put(at, byte) => bytes.insert(at % length, byte),
            Change::Word(at, word) => {
                let at = at % length;
                bytes.splice(at..at, WORDS[word].bytes());
            }
            Change::Drop(at, many) => drop(bytes.drain(span(at, many))),
            Change::Double(at, many) => {
                let copy = bytes[span(at, many)].to_vec();
                let at = at % length;
                bytes.splice(at..at, copy);
            }
            Change::Cut(at) => bytes.truncate(at % length),
            Change::Swap(one, two, many) => {
                let (one, two) = (span(one, many), span(two, many));
                for (one, two) in one.zip(two) {
                    bytes.swap(one, two);
                }
            }
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 1..6)
}

fn receipt(house: &House, version: u64) -> Vec<u8> {
    let last = usize::try_from(version).unwrap() - 1;
    let previous = match last.checked_sub(1) {
        Some(before) => house.log[before].1.hash,
        None => gavel_proof::chain::genesis(HOUSE, house.auction.id()),
    };
    let (event, written) = &house.log[last];
    let origin = &house.origins[last];
    let link = Link { event, origin, public: &written.public, previous };
    from_chain(&link, HOUSE, &house.key, &signer()).unwrap()
}

/// Evidence of each kind that holds, made once.
struct Seeds {
    houses: Vec<House>,
    certificates: Vec<Vec<u8>>,
    receipts: Vec<Vec<u8>>,
    head: Vec<u8>,
}

static SEEDS: LazyLock<Seeds> = LazyLock::new(|| {
    let mut houses: Vec<House> = scenarios::all().into_iter().map(|(_, house)| house).collect();
    houses.extend((0..20).map(play));
    let certificates = houses.iter().map(|house| house.certificate().unwrap()).collect();
    let receipts = houses.iter().map(|house| receipt(house, 1 + house.version() / 2)).collect();
    let head = Rolling::new(HOUSE, 3).sign(HOUSE, Time(1_700_000_000_000_000), &signer());
    Seeds { houses, certificates, receipts, head }
});

/// Gives the bytes to everything that reads evidence: whether anything took them for good.
fn believed(bytes: &[u8]) -> bool {
    let halves = bytes.split_at(bytes.len() / 2);
    let _ = (check(bytes), normalize(bytes), parse(bytes));
    let as_event = decode(bytes, halves.1).is_ok() || decode(halves.0, bytes).is_ok();
    let file = &SEEDS.certificates[0];
    let _ = (verify_together(bytes, file), verify_together(&SEEDS.receipts[0], bytes));
    let named = format!("{}-", bytes.len());
    let _ = named.parse::<gavel_proof::command::CommandId>();
    as_event || verify(bytes).is_ok() || verify_receipt(bytes).is_ok() || verify_head(bytes).is_ok()
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| Value::Number(number.into())),
        any::<u64>().prop_map(|number| Value::Number(Number::from(number))),
        "\\PC{0,12}".prop_map(Value::String),
        "[\\x00-\\x7f\"\\\\]{0,8}".prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::vec(("\\PC{0,6}", inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Whoever finds an input that fails adds it there by running the tests.
fn kept(cases: u32) -> ProptestConfig {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/evidence/fuzz.txt");
    let failure_persistence = Some(Box::new(FileFailurePersistence::Direct(file)) as _);
    ProptestConfig { cases, failure_persistence, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(kept(1_000))]

    #[test]
    fn no_bytes_break_a_reader_and_none_are_believed(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        text in "[\\[\\]{}:,\"a-z0-9\\\\ .-]{0,300}",
    ) {
        prop_assert!(!believed(&bytes));
        prop_assert!(!believed(text.as_bytes()));
    }

    #[test]
    fn every_value_has_one_text(value in json()) {
        let text = canonicalize(&value);
        prop_assert_eq!(&parse(&text).unwrap(), &value);
        let pretty = serde_json::to_vec_pretty(&value).unwrap();
        prop_assert_eq!(normalize(&pretty).unwrap(), &*text);
        prop_assert!(check(&pretty).is_err() || pretty == text);
    }

    #[test]
    fn a_changed_certificate_is_refused(which in 0..1_000_usize, changes in changes()) {
        let file = &SEEDS.certificates[which % SEEDS.certificates.len()];
        let bytes = changed(file, &changes);
        prop_assume!(&bytes != file);
        let told = verify(&bytes);
        let other = |report: gavel_proof::verify::Report| {
            report.fingerprint != signer().public().fingerprint()
        };
        prop_assert!(told.is_err() || told.is_ok_and(other));
        let receipt = &SEEDS.receipts[which % SEEDS.receipts.len()];
        prop_assert!(verify_together(receipt, &bytes).is_err());
    }

    #[test]
    fn a_changed_receipt_or_head_is_refused(which in 0..1_000_usize, changes in changes()) {
        let file = &SEEDS.receipts[which % SEEDS.receipts.len()];
        let bytes = changed(file, &changes);
        if &bytes != file {
            prop_assert!(verify_receipt(&bytes).is_err());
            let certificate = &SEEDS.certificates[which % SEEDS.certificates.len()];
            prop_assert!(verify_together(&bytes, certificate).is_err());
        }
        let bytes = changed(&SEEDS.head, &changes);
        prop_assert!(bytes == SEEDS.head || verify_head(&bytes).is_err());
    }

    /// What was written reads as it was; what was changed is found when the log is checked.
    #[test]
    fn a_changed_event_of_the_log_is_found(
        which in 0..1_000_usize,
        event in 0..1_000_usize,
        sealed in any::<bool>(),
        changes in changes(),
    ) {
        let house = &SEEDS.houses[which % SEEDS.houses.len()];
        let place = event % house.log.len();
        let (event, written) = &house.log[place];
        let origin = house.origins[place];
        let (read, from) = decode(&written.public, &written.sealed).unwrap();
        prop_assert_eq!((&read, from), (event, origin));
        let previous = gavel_auction::event::Digest([0; 32]);
        let again = encode(&read, &from, &house.key, &previous);
        prop_assert_eq!((&again.public, &again.sealed), (&written.public, &written.sealed));
        let mut other = written.clone();
        let part = if sealed { &mut other.sealed } else { &mut other.public };
        *part = changed(part, &changes);
        prop_assume!(&other != written);
        let _ = decode(&other.public, &other.sealed);
        let entries: Vec<LogEntry<'_>> = house.log.iter().enumerate().map(|(at, (_, kept))| {
            let kept = if at == place { &other } else { kept };
            LogEntry { public: &kept.public, sealed: &kept.sealed, hash: kept.hash }
        }).collect();
        let id: AuctionId = house.auction.id();
        prop_assert!(verify_log(id, &entries, &house.key).is_err());
    }
}

#[test]
fn the_kept_corpus_is_read_without_harm_and_not_believed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "the corpus is there");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!believed(&bytes), "{}", file.display());
    }
}
