//! Damage of every kind, planted in the files of a real house: `gavel doctor` names it, with
//! auction and version where there is one, and so does the house when it opens, or it does not
//! open. What is disposable is made anew. Nothing damaged is ever shown as if it were whole.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "house/served.rs"]
#[expect(dead_code, reason = "each test binary uses a part of it")]
mod served;

use rusqlite::Connection;
use serde_json::{Value, json};
use served::Served;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Numbers that look random and are the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn place(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap()
    }
}

const FILES: [&str; 4] = ["log.db", "people.db", "lists.db", "snapshots.db"];

/// A house with a history: three kinds of auctions, bids with and without maxima, one of them over.
fn history() -> TempDir {
    let mut house = Served::with(&["limits.bids_per_second_per_actor=0"]);
    let (_, seller) = house.user("seller");
    let bidders: Vec<String> = (0..3).map(|n| house.user(&format!("bidder{n}")).1).collect();
    for (preset, terms) in [
        ("classic", json!({"increment": "any_higher"})),
        ("timed", json!({"increment": "any_higher"})),
        ("sealed", json!({})),
        ("english", json!({})),
    ] {
        let lot = json!({"title": preset, "currency": "EUR", "preset": preset, "terms": terms,
            "duration_seconds": 86_400, "reserve": 500});
        let lot = match preset {
            "classic" => json!({"title": preset, "currency": "EUR", "preset": preset,
                "terms": terms, "duration_seconds": 86_400}),
            _ => lot, // not ours: a name
        };
        let made = house.ask("POST", "/v1/auctions", Some(&seller), &lot);
        assert_eq!(made.status, 201, "{made:?}");
    }
    for round in 1..=8_i64 {
        for auction in 1..=3 {
            let bidder = &bidders[usize::try_from(round).unwrap() % 3];
            let path = format!("/v1/auctions/{auction}/bids");
            let bid = json!({"amount": 1_000 * round + auction, "confirm": true});
            let reply = house.ask("POST", &path, Some(bidder), &bid);
            assert_eq!(reply.status, 201, "{reply:?}");
        }
    }
    house.terminate();
    assert!(house.wait(), "it stops well");
    copy(house.data.path())
}

fn copy(of: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(of).unwrap() {
        let from = entry.unwrap().path();
        let place = to.path().join(from.file_name().unwrap());
        if from.is_dir() {
            fs::create_dir(&place).unwrap();
            for key in fs::read_dir(&from).unwrap() {
                let key = key.unwrap().path();
                fs::copy(&key, place.join(key.file_name().unwrap())).unwrap();
            }
        } else {
            fs::copy(&from, place).unwrap();
        }
    }
    to
}

/// What `gavel doctor` says: whether all holds, and its report.
fn doctor(data: &Path) -> (bool, Value, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    let done = command.args(["doctor", "--json", "--data"]).arg(data).env_clear().output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let told = format!("{said}{}", String::from_utf8_lossy(&done.stderr));
    let report = serde_json::from_str(&said).unwrap_or(Value::Null);
    (done.status.success(), report, told)
}

/// A house that was opened on damaged files.
struct Opened {
    child: Child,
    address: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    log: PathBuf,
}

impl Opened {
    fn on(data: &Path) -> Self {
        let log = data.join("said");
        let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--set", "admin.listen=127.0.0.1:0"]);
        command.arg("--data").arg(data).env_clear();
        let errors = fs::File::create(&log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut found = lines.filter_map(|line| {
            let rest = line.split_once("http://")?.1.to_owned();
            rest.split('/').next()?.parse().ok()
        });
        let (address, metrics) = (found.next(), found.next());
        Self { child, address, metrics, log }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn get(address: SocketAddr, path: &str) -> String {
        Self::try_get(address, path).unwrap()
    }

    fn try_get(address: SocketAddr, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        let end = "HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        write!(stream, "GET {path} {end}")?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        Ok(page)
    }

    /// Whether it has closed off an auction, or not opened at all; waits for the scrub.
    fn noticed(&mut self) -> bool {
        let Some(metrics) = self.metrics else { return true };
        for _ in 0..400 {
            // It may end for what it finds, in the middle of this too.
            let page = Self::try_get(metrics, "/metrics").unwrap_or_default();
            let told = ["gavel_auctions_quarantined 0\n", "gavel_log_damages_total 0\n"];
            if !page.is_empty() && told.iter().any(|well| !page.contains(well)) {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The place of an event: row, auction, version.
type Row = (i64, i64, i64);

/// Changes rows as somebody would who has the files: past the triggers, and these put back.
fn tamper(data: &Path, change: impl FnOnce(&Connection)) {
    let log = Connection::open(data.join("log.db")).unwrap();
    let mut statement =
        log.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").unwrap();
    let triggers: Vec<(String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    drop(statement);
    for (name, _) in &triggers {
        log.execute_batch(&["DROP TRIGGER ", name].concat()).unwrap();
    }
    change(&log);
    triggers.iter().for_each(|(_, sql)| log.execute_batch(sql).unwrap());
    log.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
}

/// The places of all events.
fn rows(data: &Path) -> Vec<Row> {
    let log = Connection::open(data.join("log.db")).unwrap();
    let mut statement = log
        .prepare("SELECT id, auction, version FROM event WHERE auction > 0 ORDER BY id")
        .unwrap();
    let all = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    all.unwrap().map(Result::unwrap).collect()
}

/// A kind of damage: its name, and the statement that does it to row `?1`, with a number to use.
const KINDS: [(&str, &str); 13] = [
    (
        "a bit of the public part",
        "UPDATE event SET public = CAST(substr(CAST(public AS TEXT), 1, ?2) || '!' || \
         substr(CAST(public AS TEXT), ?2 + 2) AS BLOB) WHERE id = ?1",
    ),
    (
        "a bit of the sealed part",
        "UPDATE event SET sealed = CAST(substr(CAST(sealed AS TEXT), 1, ?2 % \
         length(sealed)) || '!' || substr(CAST(sealed AS TEXT), ?2 % length(sealed) + 2) AS \
         BLOB) WHERE id = ?1",
    ),
    ("the hash", "UPDATE event SET hash = zeroblob(32) WHERE id = ?1"),
    ("the version", "UPDATE event SET version = version + 1 WHERE id = ?1"),
    ("the auction", "UPDATE event SET auction = auction % 3 + 1 WHERE id = ?1"),
    ("the predecessor", "UPDATE event SET previous = previous + 1 WHERE id = ?1"),
    ("an empty event", "UPDATE event SET public = x'', sealed = x'' WHERE id = ?1"),
    (
        "a barrier for an event",
        "UPDATE event SET auction = 0, version = 0, previous = 0, hash = x'', public = x'', \
         sealed = x'' WHERE id = ?1",
    ),
    (
        "another event's bytes",
        "UPDATE event SET (hash, public, sealed) = (SELECT hash, public, sealed FROM event \
         WHERE id = ?1 - 1 - ?2 % 2) WHERE id = ?1",
    ),
    (
        "another event's row",
        "UPDATE event SET (auction, version, previous, hash, public, sealed) = (SELECT \
         auction, version, previous, hash, public, sealed FROM event WHERE id = ?1 - 1 - ?2 \
         % 2) WHERE id = ?1",
    ),
    (
        "another's sealed part",
        "UPDATE event SET sealed = (SELECT sealed FROM event WHERE id = ?1 - 1 - ?2 % 2) \
         WHERE id = ?1",
    ),
    (
        "an amount in the clear",
        "UPDATE event SET public = CAST(replace(CAST(public AS TEXT), '\"price\":', \
         '\"price\":9') AS BLOB), sealed = CAST(replace(CAST(sealed AS TEXT), \
         '\"command\":\"', '\"command\":\"0') AS BLOB) WHERE id = ?1",
    ),
    ("a hole", "DELETE FROM event WHERE id = ?1"),
];

/// Whether these words stand in a text, and the number at their end as a whole.
fn says(text: &str, words: &str) -> bool {
    text.split(words).skip(1).any(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
}

/// Whether a text names this auction at this version.
fn names(text: &str, (_, auction, version): Row) -> bool {
    says(text, &format!("auction {auction}, version {version}"))
        || text.contains(&format!("\"auction\":{auction},\"version\":{version},"))
}

/// Whether a line names an event by its place, or its want, and the version after it.
fn misses(line: &str, (id, auction, version): Row) -> bool {
    let wanted = format!("version {version} should stand here");
    let place = says(line, &format!("position {id}"));
    names(line, (id, auction, version + 1)) && (place || line.contains(&wanted))
}

#[test]
fn every_kind_of_damage_of_an_event_is_named_by_the_doctor_and_at_the_start() {
    let base = history();
    let rows = rows(base.path());
    assert!(rows.len() > 30, "{} events", rows.len());
    assert!(doctor(base.path()).0, "whole before it is damaged");
    let mut dice = Dice(7);
    for (round, (kind, statement)) in KINDS.iter().cycle().take(26).enumerate() {
        let data = copy(base.path());
        // Not the first ones: what goes before them is another's.
        let row = rows[3 + dice.place(rows.len() - 3)];
        let number = 10 + i64::try_from(dice.below(40)).unwrap();
        tamper(data.path(), |log| {
            let changed = if statement.contains("?2") {
                log.execute(statement, [row.0, number])
            } else {
                log.execute(statement, [row.0])
            };
            assert_eq!(changed.unwrap(), 1, "{kind}");
        });
        // Half of them are read from the log alone.
        if round % 2 == 0 {
            fs::remove_file(data.path().join("snapshots.db")).unwrap();
        }
        let (sound, report, told) = doctor(data.path());
        let what = format!("{kind} of auction {}, version {}, row {}", row.1, row.2, row.0);
        assert!(!sound, "{what}: the doctor says nothing\n{told}");
        let damages = report["damages"].as_array().cloned().unwrap_or_default();
        assert!(damages.iter().any(|one| names(&one.to_string(), row)), "{what}\n{told}");
        let mut house = Opened::on(data.path());
        assert!(house.noticed(), "{what}: the house says nothing\n{}", house.said());
        let said = house.said();
        let named = match *kind {
            // Whose it was is not asked at a start: the doctor has said it.
            "a hole" => says(&said, &format!("position {}", row.0)),
            _ => said.lines().any(|line| names(line, row) || misses(line, row)), // not ours: a name
        };
        assert!(named, "{what}\n{said}");
    }
}

#[test]
fn a_log_that_lost_its_end_is_told() {
    let base = history();
    let last = rows(base.path()).pop().unwrap().0;
    for many in [1, 2, 7] {
        let data = copy(base.path());
        tamper(data.path(), |log| {
            let gone = log.execute("DELETE FROM event WHERE id > ?1", [last - many]);
            assert_eq!(gone.unwrap(), usize::try_from(many).unwrap());
        });
        for snapshots in [true, false] {
            if !snapshots {
                fs::remove_file(data.path().join("snapshots.db")).unwrap();
            }
            let (sound, _, told) = doctor(data.path());
            assert!(!sound && told.contains(&format!("position {last}")), "{many}: {told}");
            let house = Opened::on(data.path());
            assert_eq!(house.address, None, "it does not open");
            let said = house.said();
            assert!(said.contains(&format!("position {last}")), "{said}");
        }
        // Whoever knows what he does takes the mark away, and goes on without the end.
        fs::remove_file(data.path().join("alive")).unwrap();
        assert!(Opened::on(data.path()).address.is_some());
    }
}

/// Everything that can be read of a file, table by table.
fn contents(file: &Path) -> Option<String> {
    let done = Command::new("sqlite3").arg(file).arg(".dump").output().unwrap();
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned())
}

/// Does something to the bytes of a file: its name.
fn spoil(bytes: &mut Vec<u8>, dice: &mut Dice) -> String {
    const PAGE: usize = 4096;
    let pages = bytes.len() / PAGE;
    let (one, two) = (dice.place(pages), dice.place(pages));
    match dice.below(6) {
        0 | 1 => {
            let (at, bit) = (dice.place(bytes.len()), dice.below(8));
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at}")
        }
        2 => {
            bytes[one * PAGE..(one + 1) * PAGE].fill(0);
            format!("page {one} blank")
        }
        3 => {
            bytes.copy_within(one * PAGE..(one + 1) * PAGE, two * PAGE);
            format!("page {one} over page {two}")
        }
        4 => {
            bytes.truncate(dice.place(bytes.len()));
            format!("cut to {} bytes", bytes.len())
        }
        _ => {
            let other = bytes[two * PAGE..(two + 1) * PAGE].to_vec();
            bytes.copy_within(one * PAGE..(one + 1) * PAGE, two * PAGE);
            bytes[one * PAGE..(one + 1) * PAGE].copy_from_slice(&other);
            format!("pages {one} and {two} swapped")
        } // not ours: a number
    }
}

/// The state of every auction as the house shows it, without the time.
fn shown(address: SocketAddr) -> Vec<Value> {
    let of = |auction: i64| {
        let page = Opened::get(address, &format!("/v1/auctions/{auction}"));
        let mut view: Value = serde_json::from_str(page.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        view.as_object_mut().unwrap().remove("server_time");
        view
    };
    (1..=4).map(of).collect()
}

/// The numbers of the auctions in the list, if that can be read.
fn listed(address: SocketAddr) -> Option<Vec<i64>> {
    let page = Opened::get(address, "/v1/auctions");
    let page: Value = serde_json::from_str(page.split("\r\n\r\n").nth(1)?).ok()?;
    page["items"].as_array()?.iter().map(|item| item["id"].as_i64()).collect()
}

#[test]
fn whatever_happens_to_the_bytes_of_the_log_nothing_changed_is_taken_for_whole() {
    let base = history();
    let whole = contents(&base.path().join("log.db")).unwrap();
    let before = shown(Opened::on(copy(base.path()).path()).address.unwrap());
    let (mut dice, mut told) = (Dice(11), 0);
    for _ in 0..40 {
        let data = copy(base.path());
        let file = data.path().join("log.db");
        let mut bytes = fs::read(&file).unwrap();
        let what = spoil(&mut bytes, &mut dice);
        fs::write(&file, bytes).unwrap();
        let (sound, _, said) = doctor(data.path());
        let contents = contents(&file);
        let mut house = Opened::on(data.path());
        if sound {
            // Bytes that nobody reads: what is left of former pages, and free space.
            assert_eq!(contents.as_ref(), Some(&whole), "{what}: {said}");
            assert!(house.address.is_some(), "{what}: {}", house.said());
        } else {
            told += 1;
            assert!(house.noticed(), "{what}: {said}\nthe house says nothing\n{}", house.said());
            let named =
                ["log.db", "position", "auction"].iter().any(|it| house.said().contains(it));
            assert!(named, "{what}: {}", house.said());
        }
        for (now, then) in house.address.map(shown).unwrap_or_default().iter().zip(&before) {
            let closed_off = !sound && now["code"] == "quarantined";
            assert!(closed_off || now == then, "{what}: {now} and not {then}");
        }
    }
    assert!(told >= 15, "only {told} of 40 changed anything");
}

#[test]
fn damage_of_what_is_disposable_is_mended_from_the_log() {
    let base = history();
    let house = Opened::on(copy(base.path()).path());
    let (before, lists) = (shown(house.address.unwrap()), listed(house.address.unwrap()).unwrap());
    let mut dice = Dice(13);
    for round in 0..12 {
        let data = copy(base.path());
        let file = data.path().join(FILES[2 + round % 2]);
        let mut bytes = fs::read(&file).unwrap();
        let what = spoil(&mut bytes, &mut dice);
        fs::write(&file, bytes).unwrap();
        let house = Opened::on(data.path());
        let address = house.address.unwrap_or_else(|| panic!("{what}: {}", house.said()));
        assert_eq!(shown(address), before, "{}: {what}", file.display());
        let mended = (0..400).any(|_| {
            std::thread::sleep(Duration::from_millis(25));
            listed(address).as_ref() == Some(&lists)
        });
        assert!(mended, "{}: {what}", file.display());
    }
}

#[test]
fn people_whose_pages_are_gone_are_missed() {
    let base = history();
    for damage in ["cut", "blank"] {
        let data = copy(base.path());
        let file = data.path().join("people.db");
        let mut bytes = fs::read(&file).unwrap();
        match damage {
            "cut" => bytes.truncate(3 * 4096 + 100),
            _ => bytes[4096..3 * 4096].fill(0), // not ours: a name
        }
        fs::write(&file, bytes).unwrap();
        let (sound, _, said) = doctor(data.path());
        assert!(!sound && said.contains("people.db"), "{damage}: {said}");
    }
}
