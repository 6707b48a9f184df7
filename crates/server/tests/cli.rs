//! The commands that talk to a house, run as the real binary against a real house: what they say,
//! what they keep, and how they end.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "house/served.rs"]
#[expect(dead_code, reason = "each test binary uses a part of it")]
mod served;

use serde_json::Value;
use served::Served;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";

/// A house, and people with a shell each.
struct World {
    house: Served,
    home: TempDir,
}

/// How a command ended.
struct Done {
    code: i32,
    out: String,
    err: String,
}

impl Done {
    fn json(&self) -> Value {
        let text = if self.code == 0 { &self.out } else { &self.err };
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}{}", self.err))
    }

    #[track_caller]
    fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }

    /// It was refused with this code.
    #[track_caller]
    fn refused(&self, exit: i32, code: &str) {
        assert_eq!(self.code, exit, "{}{}", self.out, self.err);
        assert_eq!(self.json()["code"], code);
    }
}

fn run(session: &Path, args: &[&str]) -> Done {
    let done = Command::new(env!("CARGO_BIN_EXE_gavel"))
        .args(args)
        .env_clear()
        .env("GAVEL_SESSION", session)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

/// Whoever closes the output early, as `head` does, has seen enough.
#[test]
fn a_closed_output_ends_a_command_quietly() {
    let world = World::new();
    for args in [&["user", "list", "--json"][..], &["user", "list"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let done = Command::new(env!("CARGO_BIN_EXE_gavel"))
            .args(args)
            .env_clear()
            .env("GAVEL_SESSION", world.session("admin"))
            .stdin(Stdio::null())
            .stdout(writer)
            .output()
            .unwrap();
        assert_eq!((done.status.code(), &*done.stderr), (Some(0), &b""[..]), "{args:?}");
    }
}

impl World {
    fn new() -> Self {
        let world = Self { house: Served::new(), home: tempfile::tempdir().unwrap() };
        std::fs::write(world.home.path().join("password"), PASSWORD).unwrap();
        std::fs::write(world.home.path().join("admin"), &world.house.password).unwrap();
        world.sign_in("admin", "admin");
        world
    }

    fn url(&self) -> String {
        format!("http://{}", self.house.address)
    }

    fn session(&self, who: &str) -> PathBuf {
        self.home.path().join(format!("{who}.json"))
    }

    fn sign_in(&self, who: &str, password: &str) {
        let file = self.home.path().join(password);
        let (url, file) = (self.url(), file.to_str().unwrap().to_owned());
        run(&self.session(who), &["login", who, "--password-file", &file, "--url", &url]).ok();
    }

    /// A new user, signed in.
    fn user(&self, who: &str) {
        let (mail, file) = (format!("{who}@example.com"), self.home.path().join("password"));
        let file = file.to_str().unwrap();
        self.by("admin", &["user", "create", who, "--email", &mail, "--password-file", file]).ok();
        self.sign_in(who, "password");
    }

    fn by(&self, who: &str, args: &[&str]) -> Done {
        run(&self.session(who), args)
    }

    fn json(&self, who: &str, args: &[&str]) -> Value {
        self.by(who, &[args, &["--json"]].concat()).ok().json()
    }
}

#[test]
fn a_login_is_kept_for_its_owner_and_its_house_only() {
    let world = World::new();
    let file = world.session("admin");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let users = world.json("admin", &["user", "list"]);
    assert_eq!(users["items"][0]["username"], "admin");
    let other = Served::new();
    let elsewhere = format!("http://{}", other.address);
    let asked = world.by("admin", &["user", "list", "--url", &elsewhere, "--json"]);
    asked.refused(1, "unauthenticated");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    world.by("admin", &["user", "list", "--json"]).refused(1, "session");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let gone = world.json("admin", &["login", "--forget"]);
    assert_eq!(gone["signed_out"], true);
    assert!(!file.exists());
}

#[test]
fn users_get_roles_and_leave() {
    let world = World::new();
    world.user("anna");
    let found = world.json("admin", &["user", "list", "--search", "anna"]);
    let id = found["items"][0]["id"].to_string();
    let anna = world.json("admin", &["user", "role", &id, "bidder", "clerk"]);
    assert_eq!(anna["roles"], serde_json::json!(["bidder", "clerk"]));
    world.by("anna", &["user", "role", &id, "admin", "--json"]).refused(1, "forbidden");
    let file = world.home.path().join("password");
    let file = file.to_str().unwrap();
    world.by("anna", &["user", "delete", "--password-file", file]).ok();
    world.by("anna", &["user", "list", "--json"]).refused(1, "unauthenticated");
}

#[test]
fn an_auction_from_draft_to_certificate() {
    let world = World::new();
    for who in ["anna", "bert", "carl"] {
        world.user(who);
    }
    let made = ["auction", "create", "A clock", "--preset", "timed", "--starting-price", "100"];
    let made = [&made[..], &["--duration", "1h", "--draft", "--set", "certify=manual"]].concat();
    let created = world.json("anna", &made);
    assert_eq!((created["id"].as_i64(), created["state"].as_str()), (Some(1), Some("draft")));
    assert_eq!(world.json("anna", &["auction", "publish", "1"])["state"], "open");
    let bid = world.json("bert", &["bid", "1", "150", "--max"]);
    assert_eq!((&bid["standing"], &bid["price"]), (&"leading".into(), &10_000.into()));
    let low = world.by("carl", &["bid", "1", "101", "--json"]);
    low.refused(1, "below_minimum");
    assert_eq!(low.json()["accepted"][0], "at least 102.50 EUR");
    world.by("carl", &["bid", "1", "1.005", "--json"]).refused(2, "malformed");
    world.by("carl", &["bid", "1", "9000", "--json"]).refused(1, "confirm_needed");
    world.by("anna", &["bid", "1", "200", "--json"]).refused(1, "own_auction");
    let bid = world.json("carl", &["bid", "1", "120", "--key", "again"]);
    assert_eq!(bid["standing"], "outbid");
    assert_eq!(world.json("carl", &["bid", "1", "120", "--key", "again"])["bid"], bid["bid"]);
    await_listed(&world, "open");
    assert!(world.by("carl", &["auction", "list"]).ok().out.contains("122.50 EUR"));
    let why = ["--reason", "on_request", "--json"];
    world.by("bert", &[&["auction", "hold", "1"], &why[..]].concat()).refused(1, "forbidden");
    world.by("admin", &[&["auction", "hold", "1"], &why[..]].concat()).ok();
    world.by("bert", &["bid", "1", "300", "--json"]).refused(1, "on_hold");
    world.by("admin", &["auction", "resume", "1"]).ok();
    assert_eq!(world.json("admin", &["auction", "close", "1"])["state"], "sold");
    let shown = world.by("bert", &["auction", "show", "1"]).ok().out;
    assert!(shown.contains("sold to paddle 1 for 122.50 EUR"), "{shown}");
    certificate(&world);
}

/// The lists, which `certify` goes by, too, follow the log at their own pace.
fn await_listed(world: &World, status: &str) {
    for _ in 0..400 {
        let listed = world.json("admin", &["auction", "list", "--status", status]);
        if listed["items"].as_array().is_some_and(|listed| !listed.is_empty()) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    panic!("what is {status} is never listed");
}

/// Certifies auction 1 by hand, and checks what comes of it.
fn certificate(world: &World) {
    let early = ["export", "--auction", "1", "--certificate", "--json"];
    assert_eq!(world.by("bert", &early).code, 1);
    await_listed(world, "sold");
    assert_eq!(world.json("admin", &["certify"])["certified"], serde_json::json!([1]));
    assert_eq!(world.json("admin", &["certify-item"])["certified"], serde_json::json!([]));
    let file = world.home.path().join("certificate.json");
    let path = file.to_str().unwrap();
    let written = ["export", "--auction", "1", "--certificate", "--out", path];
    world.by("bert", &written).ok();
    let report = world.json("bert", &["verify", path]);
    assert_eq!((&report["holds"], &report["known"]), (&true.into(), &false.into()));
    let key = report["signed_by"].as_str().unwrap();
    assert_eq!(world.json("bert", &["verify", path, "--key", key])["known"], true);
    let other = "0".repeat(32);
    world.by("bert", &["verify", path, "--key", &other, "--json"]).refused(1, "other_key");
    let told = world.by("bert", &["verify", path]).ok().out;
    assert!(told.contains("taken on the house's word:") && told.contains("not known to you"));
    let history = world.json("bert", &["replay", path]);
    let prices: Vec<_> =
        history["history"].as_array().unwrap().iter().map(|line| line["price"].as_i64()).collect();
    assert_eq!(prices[..5], [None, None, None, Some(10_000), Some(12_250)]);
    for certificate in [path, "1"] {
        let then = world.json("bert", &["replay", certificate, "--without", "2"]);
        assert_eq!(then["would_have_been"]["hammer_price"], 10_000);
        assert_eq!((&then["left_out"], &then["refund"]["refund"]), (&[5].into(), &2_250.into()));
    }
    let told = world.by("bert", &["replay", path, "--without", "2"]).ok().out;
    let refund = "Refund: 22.50 EUR: 122.50 EUR was paid, it would have been 100.00 EUR.";
    assert!(told.contains(refund), "{told}");
    let told = world.by("bert", &["replay", "1", "--without", "1"]).ok().out;
    assert!(told.contains("sold to paddle 2 for 100.00 EUR"), "{told}");
    assert!(told.contains("The buyer himself is left out"), "{told}");
    world.by("bert", &["replay", path, "--without", "3", "--json"]).refused(1, "not_found");
    world.by("bert", &["replay", "99", "--json"]).refused(1, "not_found");
    assert_eq!(world.by("bert", &["replay", path, "--without", "x"]).code, 2);
    let spoiled = std::fs::read_to_string(&file).unwrap().replace("\"timed\"", "\"flash\"");
    std::fs::write(&file, spoiled).unwrap();
    assert_eq!(world.by("bert", &["verify", path]).code, 1);
    let log = world.by("bert", &["export", "--auction", "1", "--events"]).ok().out;
    let versions = log.lines().map(|line| {
        serde_json::from_str::<Value>(line).unwrap()["event"]["version"].as_u64().unwrap()
    });
    assert_eq!(versions.collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
    let data = world.house.data.path().to_str().unwrap();
    let health = world.json("admin", &["doctor", "--data", data]);
    assert_eq!((&health["sound"], &health["auctions"]), (&true.into(), &1.into()));
    let ruin = world.home.path().join("ruin");
    std::fs::create_dir(&ruin).unwrap();
    std::fs::write(ruin.join("log.db"), [7; 8_192]).unwrap();
    let ruined = world.by("admin", &["doctor", "--data", ruin.to_str().unwrap(), "--json"]);
    ruined.refused(1, "damaged");
}

#[test]
fn what_cannot_be_reached_is_refused_and_a_lost_answer_is_unknown() {
    let home = tempfile::tempdir().unwrap();
    let session = home.path().join("none.json");
    let with =
        |url: &str, args: &[&str]| run(&session, &[args, &["--url", url, "--json"]].concat());
    with("http://127.0.0.1:1", &["auction", "show", "1"]).refused(1, "unreachable");
    with("https://example.com", &["auction", "show", "1"]).refused(2, "url");
    with("nonsense", &["auction", "show", "1"]).refused(2, "url");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answering = std::thread::Builder::new().name("house".to_owned());
    let answering = answering.spawn(move || {
        let mut keys = Vec::new();
        for stream in listener.incoming().take(6) {
            let mut stream = stream.unwrap();
            let mut request = vec![0; 4_096];
            let length = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..length]).to_ascii_lowercase();
            let key = request.lines().find(|line| line.starts_with("idempotency-key:"));
            keys.push(key.unwrap_or_default().to_owned());
            // The first answers are lost; the last says that nobody knows.
            if keys.len() == 6 {
                let body = r#"{"code":"outcome_unknown","operation":"1-00"}"#;
                let head = "HTTP/1.1 503 x\r\ncontent-type: application/problem+json\r\n";
                let head = format!("{head}content-length: {}\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
        }
        keys
    });
    let answering = answering.unwrap();
    let done = with(&url, &["auction", "resume", "1"]);
    done.refused(3, "outcome_unknown");
    let keys = answering.join().unwrap();
    assert!(keys[0].len() > "idempotency-key: ".len() && keys.iter().all(|key| *key == keys[0]));
    assert!(keys[0].ends_with(done.json()["key"].as_str().unwrap()));
}
