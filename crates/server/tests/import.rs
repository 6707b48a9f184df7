//! `gavel import` with files that are not as they should be: every fault by its line, and nothing
//! done; with rows that are there already; beside a house that is running.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "house/wire.rs"]
mod wire;

use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use wire::Server;

const USERS: &str = "username,email,password\nanna,anna@example.com,correct horse battery\n";
const LOTS: &str = "key,seller,title,currency,duration_seconds\nlot-1,anna,A desk,EUR,3600\n";

fn gavel(dir: &Path, args: &[&str]) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    let done = command.args(args).arg("--json").current_dir(dir).env_clear().output().unwrap();
    let text = if done.status.success() { done.stdout } else { done.stderr };
    let json = serde_json::from_slice(&text);
    let json = json.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&text)));
    (done.status.code().unwrap(), json)
}

fn house() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("password"), "a password of mine\n").unwrap();
    let init = ["init", "--data", "house", "--admin", "admin", "--password-file", "password"];
    assert_eq!(gavel(dir.path(), &init).0, 0);
    dir
}

fn import(dir: &Path, files: &[(&str, &str)], flags: &[&str]) -> (i32, Value) {
    let mut args = vec!["import", "--data", "house"];
    for (name, text) in files {
        fs::write(dir.join(name), text).unwrap();
        args.push(name);
    }
    args.extend(flags);
    gavel(dir, &args)
}

#[test]
fn bad_rows_are_named_and_nothing_is_done() {
    let dir = house();
    let user = r#"{"kind":"user","username":"bert","email":"bert@example.com"}"#;
    let cases = [
        ("a.csv", "key,seller,title\nlot-1,anna".to_owned(), "line 2: row: 3 cells"),
        ("cut.csv", LOTS.replace("3600\n", "36"), "line 2: row: the file does not end"),
        ("quoted.csv", "key,seller,title\nlot-1,anna,\"A\n".to_owned(), "line 2: row: the file"),
        ("b.csv", format!("{LOTS}lot-1,anna,Other,EUR,60\n"), "line 3: key"),
        ("c.csv", LOTS.replace("EUR", "XXX"), "line 2: currency"),
        ("d.csv", LOTS.replace("3600", "1h"), "line 2: duration_seconds: a whole number"),
        ("e.csv", LOTS.replace("3600", ""), "line 2: ends_at"),
        ("f.csv", LOTS.replace("anna", "nobody"), "line 2: seller"),
        ("g.csv", LOTS.replace("A desk", ""), "line 2: title"),
        ("h.csv", USERS.replace("correct horse battery", "short"), "line 2: password"),
        ("i.csv", "username,email\nx,x@example.com\n".to_owned(), "line 2: username"),
        ("j.csv", "username,email\nadmin,x@example.com\n".to_owned(), "line 2: username"),
        ("jj.csv", "username,email\nadrnin,x@example.com\n".to_owned(), "line 2: username"),
        ("jk.csv", "username,email\nb0b,x@b.co\nbob,y@b.co\n".to_owned(), "line 3: username"),
        ("k.csv", "username,email\nkarl,not an address\n".to_owned(), "line 2: email"),
        ("l.jsonl", format!("{user}\n\n{}", &user[..30]), "line 3: body"),
        ("m.jsonl", format!("{user}\n{user}\n"), "line 2: username"),
        ("n.jsonl", r#"{"kind":"bid"}"#.to_owned(), "line 1: kind"),
        ("o.jsonl", user.replace("email", "emial"), "line 1: emial"),
        ("p.jsonl", user.replace("bert@", "\u{0}@"), "line 1"),
    ];
    for (name, text, words) in cases {
        let (code, told) = import(dir.path(), &[("users.csv", USERS), (name, &text)], &[]);
        assert_eq!((code, &told["code"]), (2, &json!("bad_rows")), "{text}: {told}");
        let fault = told["accepted"][0].as_str().unwrap();
        assert!(fault.contains(words) && fault.contains(name), "{words}: {told}");
        let (_, told) = import(dir.path(), &[("users.csv", USERS)], &["--dry-run"]);
        assert_eq!(told["created"], 1, "nothing was done: {told}");
    }
    for heading in ["username,email", "title\n", "username,key\n", "username,email,colour\n", ""] {
        let (code, told) = import(dir.path(), &[("q.csv", heading)], &[]);
        assert_eq!((code, &told["code"]), (2, &json!("usage")), "{told}");
        assert!(told["detail"].as_str().unwrap().contains("line 1"), "{told}");
    }
    let (code, told) = gavel(dir.path(), &["import", "--data", "house", "nowhere.csv"]);
    assert_eq!((code, &told["code"]), (2, &json!("file")));
}

#[test]
fn what_is_there_is_left_alone() {
    let dir = house();
    let files = [("users.csv", USERS), ("lots.csv", LOTS)];
    let rows = |told: &Value| (told["created"].as_u64(), told["existing"].as_u64());
    let (code, told) = import(dir.path(), &files, &[]);
    assert_eq!((code, rows(&told)), (0, (Some(2), Some(0))), "{told}");
    let (_, told) = import(dir.path(), &files, &[]);
    assert_eq!(rows(&told), (Some(0), Some(2)));
    let (_, told) =
        import(dir.path(), &[("lots.csv", &format!("{LOTS}lot-2,anna,B,EUR,60\n"))], &[]);
    assert_eq!(rows(&told), (Some(1), Some(1)));
    let (code, told) = import(dir.path(), &[("lots.csv", &LOTS.replace("desk", "table"))], &[]);
    assert_eq!((code, &told["code"]), (2, &json!("bad_rows")));
    assert!(told["accepted"][0].as_str().unwrap().contains("line 2: key: what it was"), "{told}");
    // Beside a house that is running: only a dry run.
    let server = Server::start(&dir.path().join("house"));
    let (code, told) = import(dir.path(), &files, &["--dry-run"]);
    assert_eq!((code, rows(&told)), (0, (Some(0), Some(2))));
    let (code, told) = import(dir.path(), &files, &[]);
    assert_eq!(code, 1);
    assert!(told["detail"].as_str().unwrap().contains("in use by process"), "{told}");
    let mut connection = server.connect().unwrap();
    let login = json!({"username": "anna", "password": "correct horse battery"});
    assert_eq!(connection.post("/v1/session", None, None, &login).unwrap().0, 201);
    let (_, shown) = connection.get("/v1/auctions/1").unwrap();
    assert_eq!((&shown["title"], &shown["state"]), (&json!("A desk"), &json!("open")));
}

#[test]
fn an_import_that_is_killed_is_finished_by_repeating_it() {
    const ROWS: usize = 400;
    let dir = house();
    let lots = (1..=ROWS).map(|lot| format!("lot-{lot},anna,Lot {lot},EUR,3600\n"));
    let lots = LOTS.lines().take(1).map(|heading| format!("{heading}\n")).chain(lots);
    fs::write(dir.path().join("users.csv"), USERS).unwrap();
    fs::write(dir.path().join("lots.csv"), lots.collect::<String>()).unwrap();
    let args = ["import", "--data", "house", "users.csv", "lots.csv"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    let mut child = command.args(args).current_dir(dir.path()).env_clear().spawn().unwrap();
    let log = rusqlite::Connection::open(dir.path().join("house/log.db")).unwrap();
    let events = || -> rusqlite::Result<i64> {
        log.query_row("SELECT count(*) FROM event", [], |row| row.get(0))
    };
    while events().is_ok_and(|events| events < 60) {
        assert!(child.try_wait().unwrap().is_none(), "it is under way");
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it was cut short");
    drop(log);
    let rows = |told: &Value| ["created", "existing"].map(|which| told[which].as_u64().unwrap());
    let (code, told) = gavel(dir.path(), &args);
    let [created, existing] = rows(&told);
    assert!(code == 0 && created > 0 && existing > 10, "{told}");
    assert_eq!(created + existing, ROWS as u64 + 1);
    assert_eq!(rows(&gavel(dir.path(), &args).1), [0, ROWS as u64 + 1]);
    assert_eq!(gavel(dir.path(), &["export", "--all", "all", "--data", "house"]).0, 0);
    let lines = |name: &str, member: &str| -> Vec<String> {
        let text = fs::read_to_string(dir.path().join("all").join(name)).unwrap();
        let json = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        json.map(|line| line[member].to_string()).collect()
    };
    assert_eq!(lines("auctions.jsonl", "id").len(), ROWS);
    let titles = lines("listings.jsonl", "title");
    let once: std::collections::BTreeSet<_> = titles.iter().collect();
    assert_eq!((titles.len(), once.len()), (ROWS, ROWS), "every row once");
}

#[test]
fn an_export_has_what_was_said_watched_and_done() {
    let dir = house();
    assert_eq!(import(dir.path(), &[("users.csv", USERS), ("lots.csv", LOTS)], &[]).0, 0);
    let server = Server::start(&dir.path().join("house"));
    let mut connection = server.connect().unwrap();
    let mut sign_in = |name: &str, password: &str| {
        let login = json!({"username": name, "password": password});
        let (_, session) = connection.post("/v1/session", None, None, &login).unwrap();
        session["token"].as_str().unwrap().to_owned()
    };
    let anna = sign_in("anna", "correct horse battery");
    let admin = sign_in("admin", "a password of mine");
    let category = json!({"name": "Desks", "attributes": []});
    let (status, told) = connection.post("/v1/categories", Some(&admin), None, &category).unwrap();
    assert_eq!(status, 201, "{told}");
    let (status, told) =
        connection.send("PUT", "/v1/me/watchlist/1", Some(&anna), None, "").unwrap();
    assert!(status < 300, "{told}");
    for message in 0..3 {
        let said = json!({"message": format!("words {message}")});
        let (status, told) =
            connection.post("/v1/auctions/1/chat", Some(&anna), None, &said).unwrap();
        assert_eq!(status, 201, "{told}");
    }
    let (code, told) = gavel(dir.path(), &["export", "--all", "all", "--data", "house"]);
    assert_eq!(code, 0, "{told}");
    let lines = |name: &str| -> Vec<Value> {
        let text = fs::read_to_string(dir.path().join("all").join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let said: Vec<_> = lines("chat.jsonl").iter().map(|line| line["message"].clone()).collect();
    assert_eq!(said, ["words 2", "words 1", "words 0"]);
    assert_eq!(lines("watchlists.jsonl"), [json!({"user": 2, "auction": 1})]);
    assert_eq!(lines("categories.jsonl"), [category]);
    let trail = fs::read(dir.path().join("house/audit.jsonl")).unwrap();
    assert!(!trail.is_empty());
    assert_eq!(fs::read(dir.path().join("all/audit.jsonl")).unwrap(), trail);
}
