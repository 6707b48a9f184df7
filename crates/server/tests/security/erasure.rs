//! Erasing somebody: nothing of him is in any file, log or reply afterwards; what was sold stays
//! sold, and every signature holds.

use super::served::Served;
use super::site::Site;
use gavel_auction::command::Roles;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const CANARY: &str = "canary4711";
const PASSWORD: &str = "correct horse battery staple";

/// Every file below a directory that holds the canary in any spelling.
fn holding(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap().to_ascii_lowercase();
        if bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn gavel(args: &[&str]) -> (bool, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_gavel")).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    (done.status.success(), text.into_owned())
}

/// Somebody with the canary in every field, who bids and wins; his auction's number.
fn life(house: &Served) -> (i64, String, Value) {
    let body = json!({"username": CANARY, "email": format!("{CANARY}@example.com"),
        "password": PASSWORD, "name": format!("Anna {CANARY}"), "phone": format!("+49 {CANARY}")});
    let made = house.ask("POST", "/v1/users", None, &body);
    assert_eq!(made.status, 201, "{made:?}");
    let sign_in = json!({"login": CANARY, "password": PASSWORD}).to_string();
    let headers = format!("content-type: application/json\r\nuser-agent: {CANARY}\r\n");
    let session = house.send("POST", "/v1/session", &headers, sign_in.as_bytes()).json();
    let token = session["token"].as_str().unwrap().to_owned();
    let address = json!({"address": format!("1 {CANARY} Street")});
    assert_eq!(house.ask("PATCH", "/v1/users/me", Some(&token), &address).status, 200);
    let forgotten = json!({"login": CANARY});
    assert_eq!(house.ask("POST", "/v1/password/forgotten", None, &forgotten).status, 202);
    let seller = house.user("seller").1;
    let auction = json!({"title": "A kettle", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 600});
    let auction = house.ask("POST", "/v1/auctions", Some(&seller), &auction).json()["id"].clone();
    let bids = format!("/v1/auctions/{auction}/bids");
    let bid = house.ask("POST", &bids, Some(&token), &json!({"amount": 1000}));
    assert_eq!(bid.status, 201, "{bid:?}");
    let close = format!("/v1/auctions/{auction}/close");
    let closed = house.ask("POST", &close, Some(&house.admin()), &json!({"reason": "on_request"}));
    assert_eq!(closed.status, 200, "{closed:?}");
    (made.json()["id"].as_i64().unwrap(), token, auction)
}

/// An auction of his own that says it everywhere, in the lists too.
fn sells(house: &Served, token: &str) -> Value {
    let auction = json!({"title": format!("A pot of {CANARY}"), "currency": "EUR",
        "preset": "english", "duration_seconds": 600, "category": format!("of {CANARY}"),
        "description": format!("Call {CANARY} before."), "publish": false});
    let made = house.ask("POST", "/v1/auctions", Some(token), &auction);
    assert_eq!(made.status, 201, "{made:?}");
    let auction = made.json()["id"].clone();
    let path = format!("/v1/auctions/{auction}");
    let renamed = json!({"title": format!("A jug of {CANARY}")});
    assert_eq!(house.ask("PATCH", &path, Some(token), &renamed).status, 200);
    assert_eq!(house.ask("POST", &format!("{path}/publish"), Some(token), &json!({})).status, 200);
    let more = json!({"text": format!("So {CANARY}")});
    let added = house.ask("POST", &format!("{path}/addenda"), Some(token), &more);
    assert_eq!(added.status, 201, "{added:?}");
    let found = house.get(&format!("/v1/auctions?q={CANARY}&in_sync=true"), None).json();
    assert_eq!(found["items"][0]["id"], auction, "{found}");
    auction
}

/// The certificate, once there is one.
fn certificate(house: &Served, auction: &Value) -> String {
    let path = format!("/v1/auctions/{auction}/certificate");
    for _ in 0..500 {
        let reply = house.get(&path, None);
        if reply.status == 200 {
            return reply.body;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("there is no certificate");
}

#[test]
fn sec_s34_whoever_is_erased_is_in_no_file_and_what_was_sold_stays_sold() {
    let outbox = tempfile::tempdir().unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let letters = format!("mail.outbox={}", outbox.path().display());
    let mut house = Served::logging(log.path(), &[&letters, "log.level=debug"]);
    let (id, token, auction) = life(&house);
    let his = sells(&house, &token);
    let before = certificate(&house, &auction);
    let by_name = house.get(&format!("/v1/users?q={CANARY}"), Some(&house.admin())).json();
    assert_eq!(by_name["items"][0]["id"], id);
    // Letters leave on a thread of their own.
    let seen = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        !holding(outbox.path()).is_empty()
    });
    assert!(seen, "the test sees what it looks for");
    let export = house.get("/v1/users/me/export", Some(&token));
    assert!(export.body.matches(CANARY).count() >= 5, "{}", export.body);

    let erased = house.ask("DELETE", "/v1/users/me", Some(&token), &json!({"password": PASSWORD}));
    assert_eq!(erased.status, 204, "{erased:?}");
    assert_eq!(house.get("/v1/users/me", Some(&token)).status, 401);
    let admin = house.admin();
    let shown = [
        format!("/v1/users/{id}"),
        format!("/v1/users/{id}/profile"),
        format!("/v1/users?q={CANARY}"),
        format!("/v1/auctions/{auction}"),
        format!("/v1/auctions/{auction}/events"),
        format!("/v1/auctions/{auction}/bids"),
        format!("/v1/auctions/{his}"),
        format!("/v1/auctions/{his}/events"),
        "/v1/auctions?in_sync=true".to_owned(),
    ];
    for path in &shown {
        let reply = house.get(path, Some(&admin));
        let said = reply.body.replace(&format!("q={CANARY}"), "");
        assert!(!said.contains(CANARY), "{path}: {said}");
    }
    let query = format!("/v1/auctions?q={CANARY}");
    assert_eq!(house.get(&query, None).json()["items"], json!([]));
    let his = house.get(&shown[6], None).json();
    let left = json!([his["title"], his["description"], his["addenda"][0]["text"]]);
    assert_eq!(left, json!(["(erased)", null, "(erased)"]));
    let tombstone = house.get(&shown[1], Some(&admin)).json()["tombstone"].clone();
    let (said, signature) = tombstone.as_str().unwrap().rsplit_once(' ').unwrap();
    assert!(said.contains(&format!("\"user\":{id}")) && signature.len() == 128, "{said}");
    assert_eq!(certificate(&house, &auction), before, "not a byte of it has changed");

    let data = house.data.path().to_owned();
    assert_eq!(holding(&data), Vec::<String>::new(), "while the house is open");
    assert_eq!(holding(outbox.path()), Vec::<String>::new());
    let copy = outbox.path().join("backup");
    let (done, text) =
        gavel(&["backup", "--data", data.to_str().unwrap(), "--to", copy.to_str().unwrap()]);
    assert!(done, "{text}");
    assert_eq!(holding(&copy), Vec::<String>::new());
    house.terminate();
    assert!(house.wait());
    assert_eq!(holding(&data), Vec::<String>::new(), "after it has closed");
    let said = std::fs::read_to_string(log.path()).unwrap();
    assert!(said.contains("a letter left") && !said.contains(CANARY), "{said}");
    let file = outbox.path().join("certificate.json");
    std::fs::write(&file, &before).unwrap();
    let (holds, text) = gavel(&["verify", file.to_str().unwrap()]);
    assert!(holds, "{text}");
    let (sound, text) = gavel(&["doctor", "--data", data.to_str().unwrap()]);
    assert!(sound, "{text}");
}

/// A new item of a seller with a picture that says something: the picture's name.
fn hang(house: &Served, by: &str, own: &str) -> String {
    let item = json!({"title": format!("A pot {own}"), "category": "Pots"});
    let item = house.ask("POST", "/v1/items", Some(by), &item).json()["id"].clone();
    let headers = format!("authorization: Bearer {by}\r\ncontent-type: image/gif\r\n");
    let size = [u8::try_from(own.len()).unwrap()];
    let before = b"GIF89a\x01\0\x01\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02";
    let bytes = [&before[..], &size, own.as_bytes(), b"\0\x3b"].concat();
    let hung = house.send("POST", &format!("/v1/items/{item}/pictures"), &headers, &bytes);
    assert_eq!(hung.status, 201, "{hung:?}");
    hung.json()["name"].as_str().unwrap().to_owned()
}

#[test]
fn sec_s34_a_restored_backup_brings_nobody_back_who_was_erased_since() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name).display().to_string();
    let run = |args: &[&str]| {
        let (done, text) = gavel(args);
        assert!(done, "{text}");
        text
    };
    let mut house = Served::new();
    let (id, token, _) = life(&house);
    let kind = json!({"name": "Pots", "attributes": []});
    assert_eq!(house.ask("POST", "/v1/categories", Some(&house.admin()), &kind).status, 201);
    let seller = house.sign_in("seller", "correct horse battery staple");
    let (hers, his) = (hang(&house, &token, CANARY), hang(&house, &seller, "of the seller"));
    let data = house.data.path().display().to_string();
    run(&["backup", "--data", &data, "--to", &path("backups/first")]);
    assert!(!holding(&scratch.path().join("backups/first/pictures")).is_empty(), "it is in there");
    let export = run(&["export", "--all", &path("everything"), "--data", &data]);
    assert!(export.contains("items.jsonl"), "{export}");
    assert!(scratch.path().join("everything/pictures").join(&hers).exists());
    let erased = house.ask("DELETE", "/v1/users/me", Some(&token), &json!({"password": PASSWORD}));
    assert_eq!(erased.status, 204, "{erased:?}");
    assert_eq!(house.get(&format!("/v1/pictures/{hers}"), None).status, 404);
    assert_eq!(holding(house.data.path()), Vec::<String>::new(), "nor is its file there");
    let tombstones = run(&["user", "tombstones", "--data", &data]);
    std::fs::write(path("tombstones"), &tombstones).unwrap();
    run(&["backup", "--data", &data, "--to", &path("backups/second")]);
    house.terminate();
    assert!(house.wait());

    // Without the second backup beside it: by the tombstones that were kept elsewhere.
    std::fs::create_dir(path("elsewhere")).unwrap();
    let copied =
        Command::new("cp").args(["-r", &path("backups/first"), &path("elsewhere")]).status();
    assert!(copied.unwrap().success());
    let from = |from: &str, to: &str, more: &[&str]| {
        let (from, to) = (path(from), path(to));
        let args = [&["restore", "--from", &from, "--data", &to, "--accept-loss"], more].concat();
        run(&args);
        std::path::PathBuf::from(to)
    };
    let back = from("elsewhere/first", "back", &[]);
    assert!(!holding(&back).is_empty(), "nobody has told that one");
    let told = from("elsewhere/first", "told", &["--tombstones", &path("tombstones")]);
    assert_eq!(holding(&told), Vec::<String>::new());
    let beside = from("backups/first", "beside", &[]);
    assert_eq!(holding(&beside), Vec::<String>::new());
    assert!(beside.join("pictures").join(&his).exists(), "what is others' is there");
    let kept = run(&["user", "tombstones", "--data", &beside.display().to_string()]);
    assert!(kept == tombstones && kept.contains(&format!("\"user\":{id}")), "{kept}");
    let forged = tombstones.replace(&format!("\"user\":{id}"), "\"user\":1");
    std::fs::write(path("forged"), forged).unwrap();
    let (done, said) = gavel(&[
        "restore",
        "--from",
        &path("elsewhere/first"),
        "--data",
        &path("never"),
        "--tombstones",
        &path("forged"),
    ]);
    assert!(!done && said.contains("no tombstone that this house has signed"), "{said}");
}

#[test]
fn sec_s34_the_master_key_may_be_kept_apart_from_the_data() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("house");
    let password = dir.path().join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let run = |args: &[&str], keys: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
        command.args(args).arg("--data").arg(&data);
        if !keys.is_empty() {
            command.env("GAVEL_VAULT__KEYS", keys);
        }
        let done = command.output().unwrap();
        let text = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
        (done.status.success(), text.into_owned())
    };
    let (old, new) = ("ab".repeat(32), "cd".repeat(32));
    let init = ["init", "--admin", "erika", "--password-file", password.to_str().unwrap()];
    assert!(run(&init, &old).0);
    assert!(!data.join("keys/vault.key").exists(), "it is in the environment alone");
    assert!(run(&["doctor"], &old).0);
    let (opens, told) = run(&["doctor"], &new);
    assert!(!opens && told.contains("a master key of the vault that is not there"), "{told}");
    let (done, told) = run(&["key", "rotate"], &old);
    assert!(!done && told.contains("GAVEL_VAULT__KEYS=NEW,OLD"), "{told}");
    let (done, told) = run(&["key", "rotate"], &format!("{new},{old}"));
    assert!(done && told.contains("new master key"), "{told}");
    assert!(run(&["doctor"], &new).0 && !run(&["doctor"], &old).0);
    let (opens, told) = run(&["doctor"], "nonsense");
    assert!(!opens && !told.contains("nonsense"), "{told}");
}

#[test]
fn sec_s34_letters_that_a_house_left_behind_are_gone_when_it_opens_again() {
    let outbox = tempfile::tempdir().unwrap();
    let letters = format!("mail.outbox={}", outbox.path().display());
    let mut house = Served::with(&[&letters]);
    let [(gone, token), (stays, _)] = ["gone", "stays"].map(|name| house.user(name));
    let erased = house.ask("DELETE", "/v1/users/me", Some(&token), &json!({"password": PASSWORD}));
    assert_eq!(erased.status, 204, "{erased:?}");
    house.kill();
    for id in [gone, stays] {
        std::fs::write(outbox.path().join(format!("{id}-{CANARY}.eml")), "Hello").unwrap();
    }
    house.again(&[&letters]);
    let left = |id: i64| outbox.path().join(format!("{id}-{CANARY}.eml")).exists();
    assert_eq!((left(gone), left(stays)), (false, true));
}

#[test]
fn sec_s34_an_erasure_that_was_cut_short_is_finished() {
    let site = Site::configured(|config| {
        config.mail.outbox = tempfile::tempdir().unwrap().keep().display().to_string();
    });
    let house = site.house();
    let outbox = std::path::PathBuf::from(&house.config.mail.outbox);
    let anna = site.member("anna");
    let admin = site.person("ada", Roles { admin: true, ..Roles::default() });
    let letter = outbox.join(format!("{}-1.eml", anna.id));
    std::fs::write(&letter, "Hello").unwrap();
    assert_eq!(site.get("/v1/users/me", Some(&anna)).status, 200);
    let file = site.data().join("people.db");
    let ahead = || std::fs::metadata(site.data().join("people.db-wal")).unwrap().len();
    let reader = rusqlite::Connection::open(&file).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM user;").unwrap();
    let path = format!("/v1/users/{}", anna.id);
    site.ask("DELETE", &path, Some(&admin), None, "").refused(503, "outcome_unknown");
    assert!(ahead() > 0);
    // What does not hang on that file is done all the same.
    assert_eq!(site.get("/v1/users/me", Some(&anna)).status, 401);
    assert!(!letter.exists());
    reader.execute_batch("COMMIT").unwrap();
    site.until(|| ahead() == 0);
    assert_eq!(site.ask("DELETE", &path, Some(&admin), None, "").status, 204);
    assert_eq!(site.ask("DELETE", "/v1/users/999", Some(&admin), None, "").status, 404);
    let lines = site.get("/v1/audit", Some(&admin)).expect(200);
    let came_of: Vec<_> =
        lines["items"].as_array().unwrap().iter().map(|line| &line["outcome"]).collect();
    assert_eq!(came_of, ["unknown", "done"]);
    std::fs::remove_dir_all(outbox).unwrap();
}
