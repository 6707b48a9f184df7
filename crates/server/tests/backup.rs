//! Backup under load and restore, with the real binary: what was acknowledged before the backup
//! began is in it, every chain is whole; a spoiled backup is refused by name and leaves nothing; a
//! backup that is behind what the house has signed is refused until that is accepted.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "house/wire.rs"]
mod wire;

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use wire::{Connection, Server};

const PASSWORD: &str = "correct horse battery staple";
const BIDDERS: usize = 4;

fn gavel(args: &[&str], paths: &[(&str, &Path)]) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    command.args(args).arg("--json").env_clear();
    for (flag, path) in paths {
        command.arg(flag).arg(path);
    }
    let done = command.output().unwrap();
    let text = if done.status.success() { done.stdout } else { done.stderr };
    let last = serde_json::from_slice(&text);
    let json = last.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)));
    (done.status.code().unwrap(), json)
}

fn sign_up(connection: &mut Connection, name: &str) -> String {
    let email = format!("{name}@example.org");
    let user = json!({"username": name, "email": email, "password": PASSWORD});
    assert_eq!(connection.post("/v1/users", None, None, &user).unwrap().0, 201);
    let login = json!({"username": name, "password": PASSWORD});
    let (_, session) = connection.post("/v1/session", None, None, &login).unwrap();
    session["token"].as_str().unwrap().to_owned()
}

/// A bid and the answer it got.
type Placed = (usize, String, u64, u64, Value);

struct Busy {
    tokens: Vec<String>,
    auctions: Vec<u64>,
}

impl Busy {
    fn open(server: &Server) -> Self {
        let mut connection = server.connect().unwrap();
        let seller = sign_up(&mut connection, "seller");
        let tokens = (0..BIDDERS).map(|n| sign_up(&mut connection, &format!("bidder{n}")));
        let tokens = tokens.collect();
        let auctions = (0..4).map(|n| {
            let body = json!({"title": format!("Lot {n}"), "currency": "EUR", "preset": "classic",
                "duration_seconds": 86_400});
            let (status, made) =
                connection.post("/v1/auctions", Some(&seller), None, &body).unwrap();
            assert_eq!(status, 201, "{made}");
            made["id"].as_u64().unwrap()
        });
        let auctions = auctions.collect();
        Self { tokens, auctions }
    }

    fn bid(&self, connection: &mut Connection, bidder: usize, amount: u64) -> Option<Placed> {
        let auction = self.auctions[amount as usize % self.auctions.len()];
        let key = format!("{bidder}-{amount}");
        let path = format!("/v1/auctions/{auction}/bids");
        let body = json!({"amount": amount});
        let (status, told) =
            connection.post(&path, Some(&self.tokens[bidder]), Some(&key), &body)?;
        (status == 201).then_some((bidder, key, auction, amount, told))
    }
}

#[test]
fn a_backup_under_load_holds_all_that_was_acknowledged_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let (data, first, second) =
        (dir.path().join("house"), dir.path().join("first"), dir.path().join("second"));
    let server = Server::start(&data);
    let busy = Busy::open(&server);
    let (placed, stop, amount) =
        (Mutex::new(Vec::new()), AtomicBool::new(false), AtomicU64::new(1_000));
    let before = std::thread::scope(|scope| {
        for bidder in 0..BIDDERS {
            let (server, busy, placed, stop, amount) = (&server, &busy, &placed, &stop, &amount);
            scope.spawn(move || {
                let mut connection = server.connect().unwrap();
                while !stop.load(Ordering::Acquire) {
                    let amount = amount.fetch_add(1, Ordering::Relaxed);
                    placed.lock().unwrap().extend(busy.bid(&mut connection, bidder, amount));
                }
            });
        }
        while placed.lock().unwrap().len() < 200 {
            std::thread::yield_now();
        }
        let before = placed.lock().unwrap().clone();
        let made = gavel(&["backup"], &[("--data", &data), ("--to", &first)]);
        let later = placed.lock().unwrap().len();
        while placed.lock().unwrap().len() < later + 50 {
            std::thread::yield_now();
        }
        let again = gavel(&["backup"], &[("--data", &data), ("--to", &second)]);
        stop.store(true, Ordering::Release);
        assert_eq!((made.0, again.0), (0, 0), "{made:?} {again:?}");
        assert!(made.1["records"].as_u64() < again.1["records"].as_u64());
        before
    });
    drop(server);
    behind_what_was_signed(dir.path(), &first);
    let restored = dir.path().join("restored");
    let (code, told) = gavel(&["restore"], &[("--from", &second), ("--data", &restored)]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(gavel(&["doctor"], &[("--data", &restored)]).0, 0, "every chain is whole");
    let server = Server::start(&restored);
    let mut connection = server.connect().unwrap();
    assert!(before.len() >= 200);
    for (bidder, _, _, amount, told) in &before {
        // Repeating it tells whether it is there: the same answer, or none like it.
        let again = busy.bid(&mut connection, *bidder, *amount).expect("it is in the backup");
        assert_eq!(again.4, *told);
    }
    let fresh = busy.bid(&mut connection, 0, 1_000_000).expect("the house goes on");
    assert!(fresh.4["version"].as_u64().is_some());
}

/// The older of two backups is behind the heads of the newer one.
fn behind_what_was_signed(dir: &Path, first: &Path) {
    let target = dir.join("old");
    let paths = [("--from", first), ("--data", &*target)];
    let (code, told) = gavel(&["restore"], &paths);
    assert_eq!((code, &told["code"]), (1, &json!("behind_head")), "{told}");
    assert!(told["accepted"].to_string().contains("--accept-loss"));
    assert!(!target.exists(), "nothing half done");
    let mut here = Command::new(env!("CARGO_BIN_EXE_gavel"));
    here.args(["restore", "--from", ".", "--json", "--data"]).arg(&target);
    let done = here.current_dir(first).env_clear().output().unwrap();
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(told.contains("behind_head"), "what stands beside it counts from inside, too: {told}");
    // The heads given by hand say the same where there are none beside it.
    let moved = dir.join("elsewhere").join("first");
    fs::create_dir(dir.join("elsewhere")).unwrap();
    copy(first, &moved);
    let heads = dir.join("second").join("heads.jsonl");
    let paths = [("--from", &*moved), ("--data", &*target), ("--head", &*heads)];
    assert_eq!(gavel(&["restore"], &paths).1["code"], "behind_head");
    let (code, told) = gavel(&["restore", "--accept-loss"], &paths);
    assert_eq!(code, 0, "{told}");
    let (code, told) = gavel(&["restore"], &paths[..2]);
    assert_eq!((code, &told["code"]), (1, &json!("not_empty")), "{told}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// What is done to a backup, and a word that the refusal must hold.
type Harm = (&'static str, fn(&Path), &'static str);

const HARMS: [Harm; 8] = [
    ("a byte of the log", |dir| flip(&dir.join("log.db"), 5_000), "log.db was changed"),
    ("a byte of the people", |dir| flip(&dir.join("people.db"), 5_000), "people.db was changed"),
    ("no people", |dir| fs::remove_file(dir.join("people.db")).unwrap(), "people.db"),
    ("no manifest", |dir| fs::remove_file(dir.join("manifest.json")).unwrap(), "manifest.json"),
    ("half a log", |dir| truncate(&dir.join("log.db")), "log.db has"),
    ("half a manifest", |dir| truncate(&dir.join("manifest.json")), "manifest.json is not one"),
    ("other heads", |dir| flip(&dir.join("heads.jsonl"), 20), "heads.jsonl was changed"),
    ("other keys", |dir| flip(&dir.join("house.keys"), 30), "house.keys was changed"),
];

fn truncate(path: &Path) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
}

#[test]
fn a_spoiled_backup_is_refused_by_name_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("house");
    let server = Server::start(&data);
    let busy = Busy::open(&server);
    let mut connection = server.connect().unwrap();
    (1_000..1_020).for_each(|amount| assert!(busy.bid(&mut connection, 0, amount).is_some()));
    drop(server);
    let good = dir.path().join("good");
    assert_eq!(gavel(&["backup"], &[("--data", &data), ("--to", &good)]).0, 0, "a stopped one");
    let target = dir.path().join("target");
    for (number, (name, harm, words)) in HARMS.into_iter().enumerate() {
        let bad = dir.path().join(format!("bad{number}"));
        copy(&good, &bad);
        harm(&bad);
        let (code, told) = gavel(&["restore"], &[("--from", &bad), ("--data", &target)]);
        assert_eq!((code, &told["code"]), (1, &json!("spoiled_backup")), "{name}: {told}");
        assert!(told["detail"].as_str().unwrap().contains(words), "{name}: {told}");
        let left: Vec<PathBuf> = entries(dir.path(), "target");
        assert!(left.is_empty(), "{name}: {left:?}");
    }
    let nowhere = dir.path().join("nowhere");
    let (code, told) = gavel(&["backup"], &[("--data", &nowhere), ("--to", &target)]);
    assert_eq!((code, &told["code"]), (2, &json!("no_house")));
    let (code, told) = gavel(&["backup"], &[("--data", &data), ("--to", &good)]);
    assert_eq!((code, &told["code"]), (1, &json!("not_empty")), "{told}");
    // The keys may be kept elsewhere.
    let bare = dir.path().join("bare");
    let paths = [("--data", &*data), ("--to", &*bare)];
    assert_eq!(gavel(&["backup", "--without-keys"], &paths).0, 0);
    assert!(!bare.join("house.keys").exists());
    let (code, told) = gavel(&["restore"], &[("--from", &bare), ("--data", &target)]);
    assert_eq!((code, &told["code"]), (2, &json!("no_keys")), "{told}");
    let keys = good.join("house.keys");
    let paths = [("--from", &*bare), ("--data", &*target), ("--keys", &*keys)];
    let (code, told) = gavel(&["restore"], &paths);
    assert_eq!(code, 0, "{told}");
}

#[test]
fn a_directory_is_made_by_its_name_whatever_ends_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let data = made(dir.path(), "house");
    let [backup, all, again] = ["backup/", "all/", "again/"].map(|name| dir.path().join(name));
    let (code, told) = gavel(&["backup"], &[("--data", &data), ("--to", &backup)]);
    assert_eq!(code, 0, "{told}");
    let (code, told) = gavel(&["export"], &[("--data", &data), ("--all", &all)]);
    assert_eq!(code, 0, "{told}");
    let (code, told) = gavel(&["restore"], &[("--from", &backup), ("--data", &again)]);
    assert_eq!(code, 0, "{told}");
    let nameless = dir.path().join("house/..");
    let (code, told) = gavel(&["backup"], &[("--data", &data), ("--to", &nameless)]);
    assert_eq!((code, &told["code"]), (2, &json!("no_name")), "{told}");
}

#[test]
fn backups_of_two_houses_stand_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let [one, other] = ["one", "other"].map(|name| made(dir.path(), name));
    let back_up =
        |data: &Path, to: &str| gavel(&["backup"], &[("--data", data), ("--to", &at(to))]);
    assert_eq!(back_up(&one, "first").0, 0);
    let erased = format!(
        "{} {}",
        json!({"at": "2026-01-01T00:00:00Z",
        "house": "00000000-0000-0000-0000-000000000000", "user": 7}),
        "0".repeat(128)
    );
    fs::write(at("tombstones.txt"), format!("{erased}\n")).unwrap();
    assert_eq!(back_up(&other, "second").0, 0);
    let heads = fs::read_to_string(at("heads.jsonl")).unwrap();
    for house in ["first", "second"] {
        let own = fs::read_to_string(at(house).join("heads.jsonl")).unwrap();
        assert!(!own.is_empty() && own.lines().all(|line| heads.contains(line)), "{house}");
    }
    assert!(fs::read_to_string(at("tombstones.txt")).unwrap().contains(&erased));
    for house in ["first", "second"] {
        let paths = [("--from", &*at(house)), ("--data", &*at(&format!("{house} again")))];
        let (code, told) = gavel(&["restore"], &paths);
        assert_eq!(code, 0, "{told}");
    }
    // A reply to `GET /v1/heads` is taken as it came, all of it.
    let server = Server::start(&one);
    let (_, reply) = server.connect().unwrap().get("/v1/heads").unwrap();
    drop(server);
    assert!(reply["items"].as_array().is_some_and(|heads| !heads.is_empty()), "{reply}");
    let reply = reply.to_string();
    fs::write(at("reply"), &reply).unwrap();
    fs::write(at("spoiled"), reply.replace("\"position\":0", "\"position\":7")).unwrap();
    let given = |from, file: &str| {
        let paths = [("--from", &*at(from)), ("--data", &*at("by reply")), ("--head", &*at(file))];
        gavel(&["restore"], &paths)
    };
    assert_eq!(given("second", "reply").1["code"], "bad_head", "another house's");
    assert_eq!(given("first", "spoiled").1["code"], "bad_head", "changed");
    let (code, told) = given("first", "reply");
    assert_eq!(code, 0, "{told}");
    // Given by hand they must be the house's own.
    let (tombstones, heads) = (at("erased"), at("signed"));
    fs::copy(at("tombstones.txt"), &tombstones).unwrap();
    fs::copy(at("heads.jsonl"), &heads).unwrap();
    let (first, third) = (at("first"), at("third"));
    let given =
        |flag, file| gavel(&["restore"], &[("--from", &first), ("--data", &third), (flag, file)]);
    assert_eq!(given("--tombstones", &*tombstones).1["code"], "bad_tombstone");
    assert_eq!(given("--head", &*heads).1["code"], "bad_head");
    // What cannot be read is not taken for empty.
    fs::remove_file(at("heads.jsonl")).unwrap();
    fs::create_dir(at("heads.jsonl")).unwrap();
    let (code, told) = back_up(&one, "fourth");
    assert!(code != 0 && told["detail"].as_str().unwrap().contains("heads.jsonl"), "{told}");
}

/// A house in which nothing has happened.
fn made(dir: &Path, name: &str) -> PathBuf {
    let (data, password) = (dir.join(name), dir.join("password"));
    fs::write(&password, PASSWORD).unwrap();
    let paths = [("--data", &*data), ("--password-file", &*password)];
    let (code, told) = gavel(&["init", "--admin", "admin"], &paths);
    assert_eq!(code, 0, "{told}");
    data
}

fn entries(dir: &Path, beginning: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let ours = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(beginning);
    all.filter(ours).collect()
}
