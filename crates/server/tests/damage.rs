//! One event of one auction is changed in the files of a house that is closed: it opens, says which
//! one, serves all others, and `gavel doctor` names it too.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "house/wire.rs"]
mod wire;

use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use wire::{Connection, Server};

const PASSWORD: &str = "correct horse battery staple";

fn gavel(args: &[&str], paths: &[(&str, &Path)]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    command.args(args).env_clear();
    for (flag, path) in paths {
        command.arg(flag).arg(path);
    }
    let done = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (done.status.code().unwrap(), text(&done.stdout), text(&done.stderr))
}

fn sign_in(connection: &mut Connection, name: &str) -> String {
    let email = format!("{name}@example.org");
    let user = json!({"username": name, "email": email, "password": PASSWORD});
    assert_eq!(connection.post("/v1/users", None, None, &user).unwrap().0, 201);
    let login = json!({"username": name, "password": PASSWORD});
    let (_, session) = connection.post("/v1/session", None, None, &login).unwrap();
    session["token"].as_str().unwrap().to_owned()
}

fn bid(connection: &mut Connection, token: &str, auction: u64, amount: u64) -> (u16, Value) {
    let path = format!("/v1/auctions/{auction}/bids");
    connection.post(&path, Some(token), None, &json!({"amount": amount})).unwrap()
}

/// Two auctions, a bid of 777,777 on the first; a copy of that house, closed.
fn copied(dir: &Path) -> String {
    let data = dir.join("house");
    let server = Server::start(&data);
    let mut connection = server.connect().unwrap();
    let seller = sign_in(&mut connection, "seller");
    let bidder = sign_in(&mut connection, "bidder");
    for title in ["First", "Second"] {
        let body = json!({"title": title, "currency": "EUR", "preset": "classic",
            "duration_seconds": 86_400});
        assert_eq!(connection.post("/v1/auctions", Some(&seller), None, &body).unwrap().0, 201);
    }
    for (auction, amount) in [(1, 777_777), (1, 888_888), (2, 555_555)] {
        assert_eq!(bid(&mut connection, &bidder, auction, amount).0, 201);
    }
    drop(server);
    let backup = dir.join("backup");
    assert_eq!(gavel(&["backup"], &[("--data", &data), ("--to", &backup)]).0, 0);
    let copy = dir.join("copy");
    assert_eq!(gavel(&["restore"], &[("--from", &backup), ("--data", &copy)]).0, 0);
    bidder
}

fn change(file: &Path, from: &[u8], to: &[u8]) {
    let mut bytes = fs::read(file).unwrap();
    let places: Vec<usize> =
        (0..bytes.len() - from.len()).filter(|place| bytes[*place..].starts_with(from)).collect();
    assert!(!places.is_empty());
    // SQLite may have left former copies of it about.
    places.iter().for_each(|place| bytes[*place..place + to.len()].copy_from_slice(to));
    fs::write(file, bytes).unwrap();
}

/// A server whose log lines go into a file, with where it listens and where its metrics are.
fn serve(data: &Path, log: &Path) -> (Child, SocketAddr, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--set", "admin.listen=127.0.0.1:0"]);
    command.args(["--set", "log.json=true", "--data"]).arg(data).env_clear();
    let mut child =
        command.stdout(Stdio::piped()).stderr(File::create(log).unwrap()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let addresses: Vec<SocketAddr> = lines
        .filter_map(|line| {
            let rest = line.split_once("http://")?.1.to_owned();
            rest.split('/').next()?.parse().ok()
        })
        .take(2)
        .collect();
    (child, addresses[0], addresses[1])
}

/// The page of metrics.
fn page(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn one_changed_byte_closes_off_one_auction() {
    let dir = tempfile::tempdir().unwrap();
    let bidder = copied(dir.path());
    let copy = dir.path().join("copy");
    change(&copy.join("log.db"), b"777777", b"777778");
    let (code, said, complained) = gavel(&["doctor"], &[("--data", &copy)]);
    assert_eq!(code, 1, "{said}\n{complained}");
    assert!(said.contains("auction 1, version 4"), "{said}");
    assert!(complained.contains("damaged"), "{complained}");
    let log = dir.path().join("log");
    let (mut child, address, metrics) = serve(&copy, &log);
    let mut connection = Connection::to(address).unwrap();
    let (status, problem) = connection.get("/v1/auctions/1").unwrap();
    assert_eq!((status, &problem["code"]), (503, &json!("quarantined")), "{problem}");
    let (status, problem) = bid(&mut connection, &bidder, 1, 999_999);
    assert_eq!((status, &problem["code"]), (503, &json!("quarantined")), "{problem}");
    assert_eq!(bid(&mut connection, &bidder, 2, 666_666).0, 201, "the other one serves");
    assert_eq!(connection.get("/v1/auctions").unwrap().0, 200);
    let page = page(metrics);
    assert!(page.contains("gavel_auctions_quarantined 1"), "{page}");
    let lines = fs::read_to_string(&log).unwrap();
    assert!(lines.contains("auction 1, version 4, position"), "{lines}");
    child.kill().unwrap();
    child.wait().unwrap();
}
