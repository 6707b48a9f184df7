//! Write-ahead files with damage in every place: what was made durable is never dropped in silence,
//! and a write that was cut short is.
#![expect(clippy::unwrap_used, reason = "tests, with what they share")]

use gavel_auction::event::{Digest, HouseId};
use gavel_auction::ids::AuctionId;
use gavel_auction::time::Time;
use gavel_engine::log::{Entry, EventRecord, Position, Record};
use gavel_store::sqlite::doctor::integrity;
use gavel_store::sqlite::{self, OpenError, Options};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const HEADER: usize = 32;

/// Bytes of a frame: its header and a page, whose size the file's header tells.
fn frame_of(wal: &[u8]) -> usize {
    24 + u32::from_be_bytes(*wal[8..].first_chunk().unwrap()) as usize
}

fn event(position: Position) -> Record {
    let entry = Entry::Event(EventRecord {
        auction: AuctionId::new(8).unwrap(),
        version: position,
        previous: position - 1,
        hash: Digest([1; 32]),
        public: vec![b'p'; 300],
        sealed: vec![b's'; 16],
    });
    Record { partition: 0, position, entry }
}

/// The files of a house that was killed after so many commits of one event each.
fn killed(commits: Position) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    sqlite::init(dir.path(), HouseId([7; 16]), 1, Time(1)).unwrap();
    let mut stores = sqlite::open(dir.path(), &Options::default()).unwrap();
    for position in 1..=commits {
        stores.log.append(&[event(position)]).unwrap();
    }
    let copy = tempfile::tempdir().unwrap();
    for name in ["log.db", "log.db-wal", "people.db", "people.db-wal"] {
        drop(fs::copy(dir.path().join(name), copy.path().join(name)));
    }
    let mut used = wal(&copy);
    let end = used.iter().rposition(|byte| *byte != 0).unwrap();
    used.truncate(HEADER + (end + 1 - HEADER).next_multiple_of(frame_of(&used)));
    fs::write(copy.path().join("log.db-wal"), used).unwrap();
    copy
}

/// A copy of these files with another write-ahead file.
fn with(files: &TempDir, wal: &[u8]) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["log.db", "people.db", "people.db-wal"] {
        drop(fs::copy(files.path().join(name), copy.path().join(name)));
    }
    fs::write(copy.path().join("log.db-wal"), wal).unwrap();
    copy
}

fn wal(files: &TempDir) -> Vec<u8> {
    fs::read(files.path().join("log.db-wal")).unwrap()
}

/// The last position if it opens, or what it says.
fn opened(dir: &Path) -> Result<Position, String> {
    match sqlite::open(dir, &Options::default()) {
        Ok(stores) => Ok(stores.reader.last_position(0).unwrap()),
        Err(error @ OpenError::Damaged { .. }) => Err(error.to_string()),
        Err(error) => panic!("{error}"),
    }
}

/// Where frames begin, and whether each ends a transaction.
fn frames(wal: &[u8]) -> Vec<(usize, bool)> {
    let places = (HEADER..wal.len()).step_by(frame_of(wal));
    places.map(|at| (at, wal[at + 4..at + 8] != [0; 4])).collect()
}

#[test]
fn a_changed_bit_of_what_was_made_durable_is_told() {
    let files = killed(12);
    let whole = wal(&files);
    let size = frame_of(&whole);
    assert_eq!(opened(with(&files, &whole).path()), Ok(12), "it was killed well");
    let frames = frames(&whole);
    assert!(frames.len() >= 12, "the commits are in the file");
    // The last two transactions may look like a write that was cut short.
    let ends: Vec<usize> = frames.iter().filter(|(_, ends)| *ends).map(|(at, _)| *at).collect();
    let safe = ends[ends.len() - 3] + size;
    let mut told = 0;
    for at in (0..safe).step_by(size / 40).chain([0, 8, 16, 20, 24, 28]) {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        let dir = with(&files, &changed);
        let findings = integrity(dir.path());
        assert!(!findings[0].is_sound(), "byte {at}: the doctor says nothing");
        let said = opened(dir.path()).expect_err(&format!("byte {at} is not missed"));
        assert!(said.contains("log.db-wal"), "{said}");
        told += 1;
    }
    assert!(told > 100, "{told} places");
}

#[test]
fn frames_that_are_gone_swapped_or_doubled_are_told() {
    let files = killed(12);
    let whole = wal(&files);
    let size = frame_of(&whole);
    let frames = frames(&whole);
    let frame = |number: usize| whole[frames[number].0..frames[number].0 + size].to_vec();
    for (number, (at, _)) in frames.iter().enumerate().take(frames.len() - 5) {
        let at = *at;
        let mut gone = whole.clone();
        gone.drain(at..at + size);
        let mut swapped = whole.clone();
        swapped[at..at + size].copy_from_slice(&frame(number + 1));
        swapped[at + size..at + 2 * size].copy_from_slice(&frame(number));
        let mut doubled = whole.clone();
        doubled.splice(at..at, frame(number));
        let mut blank = whole.clone();
        blank[at..at + size].fill(0);
        for changed in [gone, swapped, doubled, blank] {
            assert!(opened(with(&files, &changed).path()).is_err(), "frame {number}");
        }
    }
}

#[test]
fn a_header_that_is_gone_is_told() {
    let files = killed(3);
    let mut changed = wal(&files);
    changed[..HEADER].fill(0);
    let said = opened(with(&files, &changed).path()).unwrap_err();
    assert!(said.contains("header is gone"), "{said}");
    changed.fill(0);
    assert_eq!(opened(with(&files, &changed).path()), Ok(0), "room made beforehand is well");
}

#[test]
fn a_write_that_was_cut_short_is_dropped_and_nothing_before_it() {
    let files = killed(6);
    let whole = wal(&files);
    let size = frame_of(&whole);
    let ends: Vec<usize> =
        frames(&whole).iter().filter(|(_, ends)| *ends).map(|(at, _)| at + size).collect();
    let (last, before) = (ends[ends.len() - 1], ends[ends.len() - 2]);
    for cut in (before + 1..last).step_by(size / 60) {
        assert_eq!(opened(with(&files, &whole[..cut]).path()), Ok(5), "cut at {cut}");
        // Cut short, and the rest of the file was there before: of other bytes.
        let mut torn = whole.clone();
        torn[cut..].fill(0x5a);
        assert_eq!(opened(with(&files, &torn).path()), Ok(5), "torn at {cut}");
    }
    assert_eq!(opened(with(&files, &[]).path()), Ok(0), "an empty one is none");
}

/// What is left of the generation before, behind the present one, is no damage.
#[test]
fn a_file_that_began_anew_is_well() {
    let dir = tempfile::tempdir().unwrap();
    sqlite::init(dir.path(), HouseId([7; 16]), 1, Time(1)).unwrap();
    let mut stores = sqlite::open(dir.path(), &Options::default()).unwrap();
    for position in 1..=30 {
        stores.log.append(&[event(position)]).unwrap();
    }
    // Moved, so that the next append begins at the front.
    stores.checkpointer.as_ref().unwrap().checkpoint_if_large(1).unwrap();
    for position in 31..=34 {
        stores.log.append(&[event(position)]).unwrap();
        let copy = tempfile::tempdir().unwrap();
        for name in ["log.db", "log.db-wal", "people.db"] {
            fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
        }
        assert!(integrity(copy.path())[0].is_sound());
        assert_eq!(opened(copy.path()), Ok(position));
    }
}
