//! The file of the audit trail: lines of JSON, chained by SHA-256. Knows how they are written, read
//! and checked; not what is worth a line.

use super::Entry;
use crate::http::time::print;
use crate::observe;
use gavel_auction::event::HouseId;
use gavel_proof::hash::sha256;
use gavel_proof::keys::{HouseKey, PublicKey};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Its name in the data directory.
pub const FILE: &str = "audit.jsonl";

/// Every so many lines it is known where one begins.
const STRIDE: u64 = 128;

/// The longest text of a line that comes from outside.
const LONGEST: usize = 300;

#[derive(Serialize)]
struct Line<'a> {
    number: u64,
    at: String,
    by: Option<i64>,
    verb: &'a str,
    act: &'a str,
    outcome: &'a str,
    /// Refusals since the line before that have no line of their own.
    #[serde(skip_serializing_if = "is_none")]
    left_out: u64,
    before: &'a str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(number: &u64) -> bool {
    *number == 0
}

/// What a head of the trail is signed as.
const HEAD: &str = "gavel/audit-head/1";

/// A head, `NUMBER:HASH`, with the house's signature behind it.
#[must_use]
pub fn signed(head: &str, house: HouseId, key: &HouseKey) -> String {
    let signature = key.sign(HEAD, format!("{house} {head}").as_bytes());
    format!("{head}:{}", hex::encode(signature))
}

/// Whether this house has signed a head.
#[must_use]
pub fn is_signed(head: &str, signature: &str, house: HouseId, key: &PublicKey) -> bool {
    let mut bytes = [0; 64];
    hex::decode_to_slice(signature, &mut bytes).is_ok()
        && key.verify(HEAD, format!("{house} {head}").as_bytes(), &bytes).is_ok()
}

/// Where lines begin, and how far they go.
#[derive(Clone, Debug)]
pub struct Index {
    path: Arc<Path>,
    /// Where each [`STRIDE`]th line begins.
    marks: Arc<Vec<u64>>,
    /// Bytes of whole lines.
    length: u64,
    /// How many lines there are.
    pub number: u64,
    /// The hash of the last one.
    pub head: String,
}

/// Some lines, byte for byte, and how far the trail goes.
#[derive(Debug)]
pub struct Page {
    /// The lines.
    pub lines: Vec<String>,
    /// How many lines there are in all.
    pub number: u64,
    /// The hash of the last one.
    pub head: String,
}

/// What a look at the whole file found.
#[derive(Debug)]
pub struct Checked {
    /// Where lines begin, and how far they go.
    pub index: Index,
    /// The number of the first line that does not fit what is before it.
    pub broken: Option<u64>,
    /// Bytes after the last whole line: a write that was cut short.
    pub torn: u64,
}

/// Reads the whole file and checks each line against the one before.
///
/// # Errors
/// If it cannot be read.
pub fn check(path: &Path, house: HouseId, mut each: impl FnMut(u64, &str)) -> io::Result<Checked> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut marks, mut length, mut number) = (Vec::new(), 0_u64, 0_u64);
    let (mut head, mut broken, mut torn) = (first(house), None, 0);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes)? as u64;
        if read == 0 || bytes.last() != Some(&b'\n') {
            torn = read.max(torn);
            break;
        }
        if number.is_multiple_of(STRIDE) {
            marks.push(length);
        }
        number += 1;
        length += read;
        let line = String::from_utf8_lossy(bytes.get(..bytes.len() - 1).unwrap_or_default());
        let fits = hash_of(&line, number, &head);
        if fits.is_none() {
            broken.get_or_insert(number);
        }
        head = fits.unwrap_or_else(|| hex::encode(sha256(line.as_bytes()).0));
        each(number, &line);
    }
    let (path, marks) = (Arc::from(path), Arc::new(marks));
    Ok(Checked { index: Index { path, marks, length, number, head }, broken, torn })
}

/// What the first line names as the hash before it: no trail of another house begins so.
fn first(house: HouseId) -> String {
    hex::encode(sha256(format!("gavel/audit/1 {house}").as_bytes()).0)
}

/// The hash of a line, if it has that number, names that hash before it, and is what it was.
fn hash_of(line: &str, number: u64, before: &str) -> Option<String> {
    let (told, rest) = line.rsplit_once(r#","hash":""#)?;
    let hash = rest.strip_suffix(r#""}"#)?;
    let numbered = told.starts_with(&format!(r#"{{"number":{number},"#));
    let chained = told.ends_with(&format!(r#","before":"{before}""#));
    let own = hex::encode(sha256(told.as_bytes()).0) == hash;
    (numbered && chained && own).then(|| hash.to_owned())
}

/// The trail, open for writing. One at a time.
pub struct Trail {
    file: File,
    index: Index,
}

impl Trail {
    /// Opens the trail of a house, or begins it. What a write that was cut short has left at its
    /// end goes; what does not fit is told and stays.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn open(data: &Path, house: HouseId) -> io::Result<Self> {
        let path: PathBuf = data.join(FILE);
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(&path)?;
        let Checked { index, broken, torn } = check(&path, house, |_, _| {})?;
        if torn > 0 {
            file.set_len(index.length)?;
        }
        if let Some(line) = broken {
            observe::audit_broken(line);
        }
        Ok(Self { file, index })
    }

    /// How far it goes.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Writes lines, all durable or none there.
    ///
    /// # Errors
    /// If they could not be written; the trail then is as it was.
    pub fn append<'a>(
        &mut self,
        entries: impl Iterator<Item = (&'a Entry, u64)>,
    ) -> io::Result<()> {
        // Of a write that failed.
        if self.file.metadata()?.len() != self.index.length {
            self.file.set_len(self.index.length)?;
        }
        let mut next = self.index.clone();
        let mut text = String::new();
        for (entry, left_out) in entries {
            if next.number.is_multiple_of(STRIDE) {
                Arc::make_mut(&mut next.marks).push(next.length + text.len() as u64);
            }
            next.number += 1;
            let told = line(entry, left_out, &next);
            next.head = hex::encode(sha256(told.as_bytes()).0);
            text.extend([&*told, r#","hash":""#, &next.head, "\"}\n"]);
        }
        next.length += text.len() as u64;
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()?;
        self.index = next;
        Ok(())
    }
}

/// A line without its hash.
fn line(entry: &Entry, left_out: u64, index: &Index) -> String {
    let Entry { at, by, verb, act, outcome } = entry;
    let act: String = act.chars().take(LONGEST).collect();
    let line = Line {
        number: index.number,
        at: print(*at),
        by: *by,
        verb,
        act: &act,
        outcome,
        left_out,
        before: &index.head,
    };
    let mut text = serde_json::to_string(&line).expect("texts and numbers are JSON");
    text.pop();
    text
}

impl Index {
    /// Lines after this number.
    pub(super) fn page(&self, after: u64, limit: usize) -> io::Result<Page> {
        let mark = usize::try_from(after / STRIDE).unwrap_or(usize::MAX);
        let mut lines = Vec::new();
        if let Some(begin) = self.marks.get(mark) {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(*begin))?;
            let whole = BufReader::new(file.take(self.length.saturating_sub(*begin))).lines();
            let skipped = usize::try_from(after % STRIDE).expect("less than a stride");
            lines = whole.skip(skipped).take(limit).collect::<io::Result<_>>()?;
        }
        Ok(Page { lines, number: self.number, head: self.head.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_auction::time::Time;

    fn entry(act: &str) -> Entry {
        let (by, outcome) = (Some(7), "done".to_owned());
        Entry { at: Time(1), by, verb: "undo", act: act.to_owned(), outcome }
    }

    fn write(trail: &mut Trail, acts: &[&str]) {
        let entries: Vec<Entry> = acts.iter().map(|act| entry(act)).collect();
        trail.append(entries.iter().map(|entry| (entry, 0))).unwrap();
    }

    const HOUSE: HouseId = HouseId([7; 16]);

    #[test]
    fn any_change_of_any_line_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let mut trail = Trail::open(dir.path(), HOUSE).unwrap();
        write(&mut trail, &["one", "t\nwo\u{1b}[2J\u{2028}"]);
        write(&mut trail, &["three"]);
        let whole = std::fs::read_to_string(&path).unwrap();
        assert_eq!(whole.lines().count(), 3, "a line each, whatever is in it: {whole}");
        let broken = |text: &str, house| {
            std::fs::write(&path, text).unwrap();
            check(&path, house, |_, _| {}).unwrap().broken
        };
        assert_eq!(broken(&whole, HOUSE), None);
        assert_eq!(broken(&whole, HouseId([8; 16])), Some(1));
        let lines: Vec<&str> = whole.lines().collect();
        let text =
            |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        assert_eq!(broken(&text(&lines[1..]), HOUSE), Some(1));
        assert_eq!(broken(&text(&[lines[0], lines[2]]), HOUSE), Some(2));
        assert_eq!(broken(&text(&[lines[1], lines[0], lines[2]]), HOUSE), Some(1));
        assert_eq!(broken(&text(&[lines[0], lines[0], lines[1], lines[2]]), HOUSE), Some(2));
        for at in 0..whole.len() {
            let mut bytes = whole.clone().into_bytes();
            bytes[at] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let checked = check(&path, HOUSE, |_, _| {}).unwrap();
            assert!(checked.broken.is_some() || checked.torn > 0, "byte {at}");
        }
    }

    #[test]
    fn a_write_cut_short_goes_and_the_chain_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let acts: Vec<String> = (0..300).map(|number| format!("act {number}")).collect();
        let acts: Vec<&str> = acts.iter().map(String::as_str).collect();
        write(&mut Trail::open(dir.path(), HOUSE).unwrap(), &acts);
        let mut text = std::fs::read(&path).unwrap();
        text.extend_from_slice(br#"{"number":301,"at":"#);
        std::fs::write(&path, &text).unwrap();
        let mut trail = Trail::open(dir.path(), HOUSE).unwrap();
        write(&mut trail, &["after"]);
        let checked = check(&path, HOUSE, |_, _| {}).unwrap();
        assert_eq!((checked.broken, checked.torn, checked.index.number), (None, 0, 301));
        for index in [trail.index(), &checked.index] {
            for after in [0, 1, 127, 128, 129, 255, 256, 299, 300] {
                let page = index.page(after, 2).unwrap();
                let first = format!(r#"{{"number":{},"#, after + 1);
                assert!(page.lines[0].starts_with(&first), "{after}: {:?}", page.lines);
            }
            assert!(index.page(301, 9).unwrap().lines.is_empty());
            assert!(index.page(u64::MAX, 9).unwrap().lines.is_empty());
        }
    }
}
