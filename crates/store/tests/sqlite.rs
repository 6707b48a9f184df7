//! What only the SQLite store does: locks, schemas, settings, a full disk, a killed process,
//! damaged files.
#![expect(clippy::unwrap_used, reason = "tests, with what they share")]

use gavel_auction::event::{Digest, HouseId};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::time::Time;
use gavel_engine::lists::{Lists, Row};
use gavel_engine::log::{AppendError, Entry, EventRecord, LogError, Position, Record};
use gavel_engine::people::{Listing, NewUser, PeopleError};
use gavel_store::sqlite::{self, OpenError, Options, Stores};
use gavel_store::vault::Keyring;
use rusqlite::Connection;
use std::fs;
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

const HOUSE: HouseId = HouseId([7; 16]);
const CHILD_DIR: &str = "GAVEL_STORE_TEST_DIR";

fn house() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    sqlite::init(dir.path(), HOUSE, 8, Time(1)).unwrap();
    dir
}

fn open(dir: &Path) -> Stores {
    sqlite::open(dir, &with_vault()).unwrap()
}

fn refusal(dir: &Path) -> OpenError {
    match sqlite::open(dir, &with_vault()) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

fn event(position: Position, size: usize) -> Record {
    let entry = Entry::Event(EventRecord {
        auction: AuctionId::new(8).unwrap(),
        version: position,
        previous: position - 1,
        hash: Digest([1; 32]),
        public: vec![b'p'; size],
        sealed: vec![b's'; 16],
    });
    Record { partition: 0, position, entry }
}

fn events(from: Position, count: u64, size: usize) -> Vec<Record> {
    (from..from + count).map(|position| event(position, size)).collect()
}

fn chance() -> [u8; 32] {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let mut bytes = [5; 32];
    bytes[..8].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

fn ring() -> Keyring {
    Keyring::new([7; 32], chance)
}

fn with_vault() -> Options {
    Options { vault: Some(ring()), ..Options::default() }
}

fn user(name: &str) -> NewUser {
    NewUser {
        username: name.to_owned(),
        email: Some(format!("{name}@example.org")),
        roles: gavel_auction::command::Roles::MEMBER,
        ..NewUser::default()
    }
}

#[test]
fn a_house_is_made_once() {
    let dir = house();
    let again = sqlite::init(dir.path(), HouseId([8; 16]), 4, Time(2));
    assert!(matches!(again, Err(OpenError::HouseExists { .. })));
    let meta = sqlite::meta(dir.path()).unwrap();
    assert_eq!((meta.house, meta.partitions, meta.created_at), (HOUSE, 8, Time(1)));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(refusal(empty.path()), OpenError::NoHouse { .. }));
    let none = sqlite::init(empty.path(), HOUSE, 0, Time(1));
    assert!(matches!(none, Err(OpenError::BadPartitions(0))));
}

#[test]
fn a_making_cut_short_is_done_again() {
    let dir = house();
    fs::remove_file(dir.path().join("log.db")).unwrap();
    fs::File::create(dir.path().join("log.db")).unwrap();
    let error = refusal(dir.path()).to_string();
    assert!(error.contains("log.db is not ours"), "{error}");
    sqlite::init(dir.path(), HouseId([8; 16]), 2, Time(2)).unwrap();
    let stores = open(dir.path());
    assert_eq!((stores.meta.house, stores.partitions), (HouseId([8; 16]), 2));
    stores.people.add_user(&user("anna"), Time(3)).unwrap();
    drop(stores);
    // Once somebody is in it, it is not taken over.
    fs::remove_file(dir.path().join("log.db")).unwrap();
    let again = sqlite::init(dir.path(), HOUSE, 8, Time(1));
    assert!(matches!(again, Err(OpenError::OtherHouse { .. })));
}

#[test]
fn settings_that_keep_what_was_acknowledged_are_read_back() {
    let dir = house();
    let _stores = open(dir.path());
    // The journal belongs to the file; `synchronous` to the connection, which `open` would have
    // refused (`NotDurable`).
    for file in ["log.db", "people.db", "lists.db"] {
        let connection = Connection::open(dir.path().join(file)).unwrap();
        let journal: String =
            connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(journal, "wal", "{file}");
    }
}

#[test]
fn nothing_in_the_log_is_updated_deleted_or_replaced() {
    let dir = house();
    let mut stores = open(dir.path());
    stores.log.append(&events(1, 3, 10)).unwrap();
    let connection = Connection::open(dir.path().join("log.db")).unwrap();
    connection.pragma_update(None, "recursive_triggers", true).unwrap();
    for sql in [
        "UPDATE event SET version = 9 WHERE id = 1",
        "DELETE FROM event WHERE id = 3",
        "DELETE FROM event",
        "REPLACE INTO event SELECT * FROM event WHERE id = 2",
        "UPDATE meta SET partitions = 4",
        "DELETE FROM meta",
    ] {
        assert!(connection.execute_batch(sql).is_err(), "{sql}");
    }
    assert_eq!(stores.reader.scan(0, 0, 9).unwrap(), events(1, 3, 10));
}

#[test]
fn a_hole_and_a_changed_row_are_reported_with_their_place() {
    let dir = house();
    let mut stores = open(dir.path());
    stores.log.append(&events(1, 9, 10)).unwrap();
    let connection = Connection::open(dir.path().join("log.db")).unwrap();
    connection.execute_batch("DROP TRIGGER event_is_not_deleted").unwrap();
    connection.execute_batch("DROP TRIGGER event_is_not_updated").unwrap();
    connection.execute_batch("DELETE FROM event WHERE id = 5").unwrap();
    connection.execute_batch("UPDATE event SET hash = x'00' WHERE id = 8").unwrap();
    let damaged = |result: Result<Vec<Record>, LogError>| match result {
        Err(LogError::Damaged { partition: 0, position, what }) => (position, what),
        other => panic!("{other:?}"),
    };
    let (position, what) = damaged(stores.reader.scan(0, 2, 100));
    assert_eq!((position, what.as_str()), (5, "a hole: expected position 5, found 6"));
    let (position, what) = damaged(stores.reader.scan(0, 6, 100));
    assert_eq!((position, what.as_str()), (8, "a hash of 1 bytes, not 32"));
    assert_eq!(stores.reader.scan(0, 0, 4).unwrap().len(), 4);
    assert_eq!(stores.reader.get(0, 5).unwrap(), None);
}

#[test]
fn a_newer_schema_is_refused_with_both_numbers() {
    for file in ["log.db", "people.db"] {
        let dir = house();
        let connection = Connection::open(dir.path().join(file)).unwrap();
        let newest: usize =
            connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        connection.pragma_update(None, "user_version", 77).unwrap();
        drop(connection);
        let error = refusal(dir.path());
        assert!(
            matches!(error, OpenError::Newer { found: 77, known, .. } if known == newest),
            "{error}"
        );
        let text = error.to_string();
        assert!(text.contains(file) && text.contains("77"), "{text}");
        assert!(text.contains(&newest.to_string()), "{text}");
    }
}

#[test]
fn a_foreign_or_damaged_file_is_refused_by_name() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 6] = [
        ("nonsense", |path| fs::write(path, b"this is not a database at all, is it").unwrap()),
        ("empty", |path| fs::write(path, b"").unwrap()),
        ("header", |path| overwrite(path, 0, b"SQLite format 9\0")),
        ("truncated", |path| {
            let half = fs::metadata(path).unwrap().len() / 2;
            fs::OpenOptions::new().write(true).open(path).unwrap().set_len(half).unwrap();
        }),
        ("schema", |path| overwrite(path, 100, &[0xff; 64])),
        ("foreign", |path| {
            fs::remove_file(path).unwrap();
            Connection::open(path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        }),
    ];
    for file in ["log.db", "people.db"] {
        for (name, harm) in harms {
            let dir = house();
            harm(&dir.path().join(file));
            let error = refusal(dir.path()).to_string();
            assert!(error.contains(file), "{name}: {error}");
            let findings = sqlite::doctor::integrity(dir.path());
            let found: Vec<bool> = findings.iter().map(sqlite::doctor::Finding::is_sound).collect();
            assert_eq!(found, [file != "log.db", file != "people.db", true, true], "{name}");
        }
    }
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn lists_that_cannot_be_used_are_made_anew() {
    let harms: [fn(&Path); 5] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, b"nonsense").unwrap(),
        |path| overwrite(path, 100, &[0xff; 64]),
        |path| Connection::open(path).unwrap().pragma_update(None, "user_version", 9).unwrap(),
        |path| {
            let sql = "UPDATE meta SET house = zeroblob(16)";
            Connection::open(path).unwrap().execute_batch(sql).unwrap();
        },
    ];
    for harm in harms {
        let dir = house();
        let stores = open(dir.path());
        assert!(!stores.lists_rebuilt);
        stores.lists.put(0, 5, &[]).unwrap();
        drop(stores);
        harm(&dir.path().join("lists.db"));
        let stores = open(dir.path());
        assert!(stores.lists_rebuilt);
        assert_eq!(stores.lists.cursor(0).unwrap(), 0);
        stores.lists.put(0, 5, &[]).unwrap();
    }
}

#[test]
fn lists_damaged_while_they_are_used_are_cleared_by_making_them_anew() {
    let dir = house();
    let stores = open(dir.path());
    stores.lists.put(0, 5, &[]).unwrap();
    assert_eq!(stores.lists.cursor(0).unwrap(), 5);
    let path = dir.path().join("lists.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("DROP TABLE auction; DROP TABLE cursor").unwrap();
    drop(connection);
    assert!(stores.lists.put(0, 6, &[]).is_err());
    stores.lists.clear().unwrap();
    assert_eq!(stores.lists.cursor(0).unwrap(), 0);
    stores.lists.put(0, 6, &[]).unwrap();
    assert_eq!(stores.lists.cursor(0).unwrap(), 6);
}

fn row(auction: i64) -> Row {
    Row {
        auction: AuctionId::new(auction).unwrap(),
        state: "open",
        seller: UserId::new(1).unwrap(),
        title: format!("Clock {auction}"),
        category: None,
        price: 100,
        ends_at: None,
        bidders: Vec::new(),
    }
}

#[test]
fn lists_whose_pages_are_out_of_order_are_found_by_reading_them() {
    let rows: Vec<Row> = (1..=200).map(row).collect();
    type Look = fn(&dyn Lists) -> Result<(), LogError>;
    let looks: [Look; 2] = [|lists| lists.examine(), |lists| lists.put(0, 8, &[row(201)])];
    for look in looks {
        let dir = house();
        let stores = open(dir.path());
        stores.lists.put(0, 7, &rows).unwrap();
        drop(stores);
        let path = dir.path().join("lists.db");
        let connection = Connection::open(&path).unwrap();
        let sql = "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size
            WHERE name = 'auction'";
        let at = |row: &rusqlite::Row<'_>| Ok((row.get::<_, u64>(0)? - 1) * row.get::<_, u64>(1)?);
        let root = connection.query_row(sql, [], at).unwrap();
        drop(connection);
        overwrite(&path, root, &[0xff; 512]);
        let stores = open(dir.path());
        assert!(!stores.lists.are_damaged(), "nobody has looked");
        assert!(look(&*stores.lists).is_err());
        assert!(stores.lists.are_damaged());
        stores.lists.clear().unwrap();
        assert!(!stores.lists.are_damaged());
        assert_eq!(stores.lists.cursor(0).unwrap(), 0);
        stores.lists.put(0, 7, &rows).unwrap();
        stores.lists.examine().unwrap();
        assert!(!stores.lists.are_damaged());
    }
}

#[test]
fn files_of_two_houses_are_not_mixed() {
    let (dir, other) = (house(), tempfile::tempdir().unwrap());
    sqlite::init(other.path(), HouseId([9; 16]), 8, Time(1)).unwrap();
    fs::copy(other.path().join("people.db"), dir.path().join("people.db")).unwrap();
    let error = refusal(dir.path());
    assert!(matches!(error, OpenError::OtherHouse { .. }), "{error}");
    fs::remove_file(dir.path().join("people.db")).unwrap();
    assert!(matches!(refusal(dir.path()), OpenError::Missing { .. }));
}

#[test]
fn reading_only_writes_nothing_and_needs_no_lock() {
    let dir = house();
    let mut stores = open(dir.path());
    stores.log.append(&events(1, 3, 10)).unwrap();
    let options = Options { read_only: true, ..with_vault() };
    let mut reading = sqlite::open(dir.path(), &options).unwrap();
    assert_eq!(reading.reader.last_position(0).unwrap(), 3);
    assert!(matches!(reading.log.append(&events(4, 1, 10)), Err(AppendError::Rejected(_))));
    let added = reading.people.add_user(&user("anna"), Time(1));
    assert!(matches!(added, Err(PeopleError::Store(_))));
    assert!(reading.lists.put(0, 1, &[]).is_err());
    drop(reading);
    stores.log.append(&events(4, 1, 10)).unwrap();
    drop(stores);
    // Nobody else has it open: the write-ahead file is read all the same.
    let reading = sqlite::open(dir.path(), &options).unwrap();
    assert_eq!(reading.reader.last_position(0).unwrap(), 4);
    fs::remove_file(dir.path().join("lists.db")).unwrap();
    let reading = sqlite::open(dir.path(), &options).unwrap();
    assert!(reading.lists_rebuilt);
    assert!(!dir.path().join("lists.db").exists());
}

#[test]
fn a_backup_is_a_house() {
    let (dir, target) = (house(), tempfile::tempdir().unwrap());
    let mut stores = open(dir.path());
    stores.log.append(&events(1, 500, 100)).unwrap();
    stores.people.add_user(&user("anna"), Time(1)).unwrap();
    let to = target.path().join("copy");
    sqlite::backup::backup(dir.path(), &to).unwrap();
    assert!(sqlite::backup::backup(dir.path(), &to).is_err(), "nothing is written over");
    stores.log.append(&events(501, 1, 100)).unwrap();
    let copy = open(&to);
    assert!(copy.lists_rebuilt);
    assert_eq!(copy.reader.scan(0, 0, 1000).unwrap(), events(1, 500, 100));
    assert!(copy.people.user_by_login("anna").unwrap().is_some());
}

#[test]
fn what_was_erased_is_in_no_file() {
    let dir = house();
    let stores = open(dir.path());
    let mut canary = user("canary-4711");
    canary.name = Some("Canary 4711 Müller".to_owned());
    canary.phone = Some("4711-4711-4711".to_owned());
    let id = stores.people.add_user(&canary, Time(1)).unwrap().id;
    let holds = || {
        ["people.db", "people.db-wal"].map(|file| {
            let bytes = fs::read(dir.path().join(file)).unwrap_or_default();
            bytes.windows(4).any(|window| window == b"4711")
        })
    };
    // Reading the database's own file in this process would let go of its locks; here nobody else
    // has it open, and nothing is being written.
    assert!(holds().contains(&true), "the test sees what it looks for");
    assert!(stores.people.erase_user(id, "gone").unwrap());
    assert_eq!(holds(), [false, false]);
}

#[test]
fn a_full_log_says_so_and_goes_on_when_there_is_room() {
    let dir = house();
    let options = Options { log_pages: Some(60), ..with_vault() };
    let mut stores = sqlite::open(dir.path(), &options).unwrap();
    let mut next = 1;
    let full = loop {
        match stores.log.append(&events(next, 10, 1000)) {
            Ok(()) => next += 10,
            Err(error) => break error,
        }
        assert!(next < 10_000);
    };
    assert!(matches!(full, AppendError::Full), "{full:?}");
    assert_eq!(stores.reader.last_position(0).unwrap(), next - 1);
    // A small one may still fit, on the same connection.
    assert!(!matches!(stores.log.append(&[event(next, 1)]), Err(AppendError::Unknown(_))));
    drop(stores);
    let mut stores = open(dir.path());
    let last = stores.reader.last_position(0).unwrap();
    stores.log.append(&events(last + 1, 10, 1000)).unwrap();
    assert_eq!(stores.reader.scan(0, 0, 100_000).unwrap().len() as u64, last + 10);
}

/// A file system of its own that is taken away at the end.
struct Tmpfs(TempDir);

impl Tmpfs {
    /// None where this may not be done here.
    fn mounted(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={size}");
        let args = ["-t", "tmpfs", "-o", &size, "tmpfs"];
        let mount = Command::new("mount").args(args).arg(dir.path()).output().ok()?;
        mount.status.success().then_some(Self(dir))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_says_so_and_goes_on_when_there_is_room() {
    let Some(disk) = Tmpfs::mounted("16m") else {
        println!("skipped: may not mount a file system here");
        return;
    };
    let dir = disk.0.path().join("house");
    sqlite::init(&dir, HOUSE, 8, Time(1)).unwrap();
    let mut stores = open(&dir);
    let ballast = disk.0.path().join("ballast");
    fs::write(&ballast, vec![0; 9 << 20]).unwrap();
    let mut next = 1;
    // Here it is COMMIT that finds no room.
    for size in [3000, 300] {
        let full = loop {
            match stores.log.append(&events(next, 10, size)) {
                Ok(()) => next += 10,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, AppendError::Full), "{full:?}");
        assert_eq!(stores.reader.last_position(0).unwrap(), next - 1);
    }
    // So do people, and both go on without a restart.
    fs::OpenOptions::new().append(true).open(&ballast).unwrap().write_all(&[0; 4096]).ok();
    let mut number = 0;
    let full = loop {
        number += 1;
        let mut new = user(&format!("user{number}"));
        new.name = Some("x".repeat(5000));
        match stores.people.add_user(&new, Time(1)) {
            Ok(_) => assert!(number < 10_000),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, PeopleError::Full), "{full:?}");
    assert!(stores.people.user(UserId::new(1).unwrap()).is_ok(), "reads go on");
    fs::remove_file(&ballast).unwrap();
    stores.log.append(&events(next, 10, 3000)).unwrap();
    stores.people.add_user(&user(&format!("user{number}")), Time(1)).unwrap();
    drop(stores);
    assert_eq!(open(&dir).reader.last_position(0).unwrap(), next + 9);
    assert!(sqlite::doctor::integrity(&dir).iter().all(sqlite::doctor::Finding::is_sound));
}

#[test]
fn the_write_ahead_file_begins_anew_under_steady_writes() {
    let dir = house();
    let mut stores = open(dir.path());
    let checkpointer = stores.checkpointer.clone().unwrap();
    let threshold = 256 << 10;
    std::thread::scope(|scope| {
        let (stop, stopped) = std::sync::mpsc::sync_channel::<()>(1);
        scope.spawn(move || {
            while stopped.recv_timeout(Duration::from_millis(1))
                == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                checkpointer.checkpoint_if_large(threshold).unwrap();
            }
        });
        for batch in 0..400 {
            stores.log.append(&events(batch * 50 + 1, 50, 300)).unwrap();
        }
        drop(stop);
    });
    // 8 MB went through it. The file itself is as long as it was made ready, and no longer. On a
    // slow disk the last round may not have come to its end before the last batch.
    let checkpointer = stores.checkpointer.clone().unwrap();
    checkpointer.checkpoint_if_large(threshold).unwrap();
    stores.log.append(&events(400 * 50 + 1, 50, 300)).unwrap();
    let written = checkpointer.checkpoint_if_large(u64::MAX).unwrap().written;
    assert!(written < 4 << 20, "{written}");
    let wal = fs::metadata(dir.path().join("log.db-wal")).unwrap().len();
    assert_eq!(wal, 32 << 20);
    let backlog = stores.checkpointer.as_ref().unwrap().truncate().unwrap();
    assert_eq!(backlog.waiting, 0);
    assert_eq!(fs::metadata(dir.path().join("log.db-wal")).unwrap().len(), 0);
    stores.log.reopen().unwrap();
    assert_eq!(stores.reader.scan(0, 0, 100_000).unwrap().len(), 20_050);
}

// With a process of its own

/// Runs the test of this name in another process, on this directory.
fn child(test: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture"])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "run by other tests in a process of its own"]
#[expect(clippy::disallowed_methods, reason = "how one test process tells the other")]
fn child_writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let mut stores = open(Path::new(&dir));
    let mut next = stores.reader.last_position(0).unwrap() + 1;
    loop {
        stores.log.append(&events(next, next % 7 + 1, 200)).unwrap();
        next += next % 7 + 1;
        let listing = Listing { title: next.to_string(), ..Listing::default() };
        let actor = UserId::new(1).unwrap();
        let id = stores.people.reserve_auction(actor, None, &Digest([0; 32]), &listing).unwrap();
        println!("acknowledged {} {id:?}", next - 1);
    }
}

#[test]
fn a_second_process_is_kept_out_and_a_killed_one_loses_nothing() {
    let dir = house();
    let (mut last, mut kept) = (0, 0);
    for round in 0..3_u64 {
        let mut writer = child("child_writes_until_it_is_killed", dir.path());
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let lines = lines.map(Result::unwrap).filter(|line| line.contains("acknowledged"));
        let mut count = 0;
        for line in lines {
            count += 1;
            if count == 1 {
                let error = refusal(dir.path());
                assert!(matches!(error, OpenError::Locked { .. }), "{error}");
                assert!(error.to_string().contains(&writer.id().to_string()), "{error}");
            }
            if count == 100 + round * 37 {
                writer.kill().unwrap();
            }
            // A line may be cut by the kill; a number cut short is a smaller one.
            let number = line.split(' ').nth(1).and_then(|word| word.parse().ok());
            last = number.unwrap_or(0).max(last);
            kept = count;
        }
        writer.wait().unwrap();
        let stores = open(dir.path());
        let found = stores.reader.last_position(0).unwrap();
        assert!(found >= last, "acknowledged {last}, found {found}");
        let all = stores.reader.scan(0, 0, usize::MAX).unwrap();
        assert_eq!(all.len() as u64, found);
        assert!(stores.people.listing(AuctionId::new(kept as i64).unwrap()).unwrap().is_some());
        drop(stores);
        assert!(
            sqlite::doctor::integrity(dir.path()).iter().all(sqlite::doctor::Finding::is_sound)
        );
    }
}

#[test]
#[ignore = "run by another test in a process of its own"]
#[expect(clippy::disallowed_methods, reason = "how one test process tells the other")]
fn child_settles_what_it_does_not_know() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let mut stores = open(Path::new(&dir));
    let mut next = stores.reader.last_position(0).unwrap() + 1;
    for _ in 0..60 {
        match stores.log.append(&[event(next, 200)]) {
            Ok(()) => println!("acknowledged {next}"),
            Err(AppendError::Unknown(_)) => {
                println!("unknown {next}");
                while stores.log.reopen().is_err() {
                    println!("not opened");
                }
                next = stores.reader.last_position(0).unwrap() + 1;
                let barrier = Record { partition: 0, position: next, entry: Entry::Barrier };
                if stores.log.append(&[barrier]).is_err() {
                    panic!("two faults in a row were not asked for");
                }
                println!("settled {next}");
            }
            Err(error) => panic!("{error}"),
        }
        next += 1;
    }
    println!("done");
}

#[test]
fn a_failed_sync_is_unknown_and_a_barrier_settles_it() {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: there is no strace here");
        return;
    }
    let dir = house();
    let writer = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null"])
        .args(["-e", "inject=fdatasync,fsync:error=EIO:when=11+6"])
        .arg(std::env::current_exe().unwrap())
        .args(["child_settles_what_it_does_not_know", "--exact", "--ignored", "--nocapture"])
        .env(CHILD_DIR, dir.path())
        .output()
        .unwrap();
    let told = String::from_utf8(writer.stdout).unwrap();
    assert!(told.contains("done"), "{told}");
    assert!(told.matches("unknown").count() > 3, "{told}");
    let records = open(dir.path()).reader.scan(0, 0, usize::MAX).unwrap();
    let numbers = |word: &str| {
        let line = move |line: &str| line.strip_prefix(word).map(str::to_owned);
        let lines = told.lines().filter_map(line).collect::<Vec<_>>();
        lines.into_iter().map(|number| number.trim().parse::<usize>().unwrap())
    };
    for position in numbers("acknowledged") {
        assert!(matches!(records[position - 1].entry, Entry::Event(_)), "{position} is lost");
    }
    for position in numbers("settled") {
        assert_eq!(records[position - 1].entry, Entry::Barrier, "{position}");
    }
}
