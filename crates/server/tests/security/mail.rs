//! Letters by a real mail server (aiosmtpd), which the test starts and reads.

use super::served::Served;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PASSWORD: &str = "correct horse battery staple";

/// A mail server that prints what it gets.
struct MailServer {
    child: Child,
    port: u16,
    lines: Receiver<String>,
}

impl MailServer {
    fn start() -> Self {
        Self::speaking(&[])
    }

    /// A server with these options.
    fn speaking(options: &[&str]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut child = Command::new("/usr/bin/python3")
            .args(["-u", "-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{port}")])
            .args(options)
            .args(["-c", "aiosmtpd.handlers.Debugging", "stdout"])
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("aiosmtpd: scripts/setup.sh test installs it");
        let out = BufReader::new(child.stdout.take().unwrap());
        #[expect(clippy::disallowed_methods, reason = "a test reads as fast as the server writes")]
        let (sender, lines) = channel();
        let reading = move || {
            for line in out.lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().spawn(reading).unwrap();
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Self { child, port, lines };
            }
            assert!(child.try_wait().unwrap().is_none(), "aiosmtpd: scripts/setup.sh test");
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the mail server did not begin to listen");
    }

    /// The next letter, all of it.
    fn letter(&self) -> Mail {
        let mut text = String::new();
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(30)).expect("a letter");
            if line.contains("END MESSAGE") {
                // Long lines are broken softly on the way.
                return Mail(text.replace("=\n", ""));
            }
            text.push_str(&line);
            text.push('\n');
        }
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

struct Mail(String);

impl Mail {
    fn to(&self) -> &str {
        self.0.lines().find_map(|line| line.strip_prefix("To: ")).unwrap().trim()
    }

    fn code(&self) -> Option<String> {
        let is_code = |line: &&str| {
            line.len() == 43
                && line.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        self.0.lines().map(str::trim).find(is_code).map(str::to_owned)
    }
}

fn house(mail: &MailServer) -> Served {
    let port = format!("mail.port={}", mail.port);
    Served::with(&[
        "mail.host=127.0.0.1",
        &port,
        "mail.tls=none",
        "mail.from=Gavel <house@example.com>",
        "house.url=https://auctions.example.com",
    ])
}

fn register(house: &Served, name: &str, email: &str) {
    let body = json!({"username": name, "email": email, "password": PASSWORD});
    assert_eq!(house.ask("POST", "/v1/users", None, &body).status, 201);
}

fn confirm(house: &Served, code: &str) -> u16 {
    house.ask("POST", "/v1/users/confirm", None, &json!({"code": code})).status
}

fn me(house: &Served, token: &str) -> Value {
    house.get("/v1/users/me", Some(token)).json()
}

#[test]
fn sec_s6_addresses_are_confirmed_and_changed_by_letters() {
    let mail = MailServer::start();
    let house = house(&mail);
    register(&house, "anna", "anna@example.com");
    let letter = mail.letter();
    assert_eq!(letter.to(), "anna@example.com");
    assert!(letter.0.contains("https://auctions.example.com"), "{}", letter.0);
    let token = house.sign_in("anna", PASSWORD);
    assert_eq!(me(&house, &token)["email_confirmed"], false);
    let code = letter.code().unwrap();
    assert_eq!(confirm(&house, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), 400);
    assert_eq!(confirm(&house, &code), 204);
    assert_eq!(confirm(&house, &code), 400, "a code is good once");
    assert_eq!(me(&house, &token)["email_confirmed"], true);
    // Whoever tries her address out learns nothing; she learns of it.
    register(&house, "bert", "ANNA@example.com");
    let letter = mail.letter();
    assert!(letter.to().eq_ignore_ascii_case("anna@example.com"));
    assert!(letter.0.contains("You have an account") && letter.code().is_none(), "{}", letter.0);
    // Another address: the old one is told, the new one must confirm.
    let change = json!({"email": "bell@example.com", "current_password": PASSWORD});
    let changed = house.ask("PATCH", "/v1/users/me", Some(&token), &change);
    assert_eq!((changed.status, &changed.json()["email"]), (200, &json!("anna@example.com")));
    let (told, asked) = (mail.letter(), mail.letter());
    assert_eq!((told.to(), told.code()), ("anna@example.com", None));
    assert_eq!(asked.to(), "bell@example.com");
    assert_eq!(me(&house, &token)["email"], "anna@example.com");
    assert_eq!(confirm(&house, &asked.code().unwrap()), 204);
    assert_eq!(me(&house, &token)["email"], "bell@example.com");
    assert_eq!(me(&house, &token)["email_confirmed"], true);
}

#[test]
fn sec_s6_a_forgotten_password_is_reset_once_soon_and_ends_sessions() {
    let mail = MailServer::start();
    let house = house(&mail);
    register(&house, "anna", "anna@example.com");
    let confirmation = mail.letter().code().unwrap();
    let token = house.sign_in("anna", PASSWORD);
    let forgotten = |login: &str| {
        let body = json!({"login": login});
        assert_eq!(house.ask("POST", "/v1/password/forgotten", None, &body).status, 202);
    };
    forgotten("nobody@example.com");
    forgotten("anna");
    let first = mail.letter();
    assert!(first.0.contains("ten minutes"), "{}", first.0);
    let first = first.code().unwrap();
    forgotten("anna@example.com");
    let second = mail.letter().code().unwrap();
    let new = "another horse entirely";
    let reset = |code: &str, password: &str| {
        let body = json!({"code": code, "password": password});
        house.ask("POST", "/v1/password/reset", None, &body).status
    };
    assert_eq!(reset(&first, new), 400, "another one was asked for");
    assert_eq!(reset(&confirmation, new), 400, "that code is for something else");
    assert_eq!(reset(&second, "password"), 400, "everybody tries that");
    assert_eq!(reset(&second, new), 204, "a refused password does not use the code up");
    assert_eq!(reset(&second, new), 400, "a code is good once");
    assert_eq!(house.get("/v1/users/me", Some(&token)).status, 401, "old sessions have ended");
    let old = json!({"login": "anna", "password": PASSWORD});
    assert_eq!(house.ask("POST", "/v1/session", None, &old).status, 401);
    house.sign_in("anna", new);
    let notice = mail.letter();
    assert!(notice.0.contains("was changed") && notice.code().is_none(), "{}", notice.0);
}

#[test]
fn only_who_confirmed_his_address_bids_where_that_is_asked() {
    let mail = MailServer::start();
    let port = format!("mail.port={}", mail.port);
    let house =
        Served::with(&["mail.host=127.0.0.1", &port, "mail.tls=none", "users.confirm_email=true"]);
    register(&house, "anna", "anna@example.com");
    let token = house.sign_in("anna", PASSWORD);
    let body = json!({"title": "A kettle", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 600});
    let sell = || house.ask("POST", "/v1/auctions", Some(&token), &body).status;
    assert_eq!(sell(), 403);
    let lost = mail.letter().code().unwrap();
    let again = house.ask("POST", "/v1/users/me/confirmation", Some(&token), &Value::Null);
    assert_eq!(again.status, 202);
    let code = mail.letter().code().unwrap();
    assert_eq!(confirm(&house, &lost), 400, "a newer one was asked for");
    assert_eq!(confirm(&house, &code), 204);
    assert_eq!(sell(), 201);
}

#[test]
fn sec_s31_a_letter_leads_to_the_house_whatever_host_was_asked() {
    let mail = MailServer::start();
    let house = house(&mail);
    register(&house, "anna", "anna@example.com");
    mail.letter();
    let body = r#"{"login":"anna"}"#;
    let head = format!(
        "POST /v1/password/forgotten HTTP/1.1\r\nhost: evil.example\r\nx-forwarded-host: \
         evil.example\r\nforwarded: host=evil.example\r\norigin: https://evil.example\r\n\
         referer: https://evil.example/\r\nx-forwarded-proto: http\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(house.raw(head.as_bytes()).status, 202);
    let letter = mail.letter();
    assert!(letter.code().is_some(), "{}", letter.0);
    assert!(letter.0.contains("https://auctions.example.com"), "{}", letter.0);
    assert!(!letter.0.contains("evil"), "{}", letter.0);
}

/// A certificate for this name that signs itself, in two files of the directory.
fn certificate(dir: &Path, file: &str, name: &str) -> (String, String) {
    let (key, cert) = (format!("{file}.key"), format!("{file}.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", &format!("/CN={name}")])
        .args(["-addext", &format!("subjectAltName=DNS:{name}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &key, "-out", &cert])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let whole = |file: &str| dir.join(file).display().to_string();
    (whole(&key), whole(&cert))
}

#[test]
fn sec_s38_letters_go_by_tls_to_the_server_that_is_meant_and_to_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (key, cert) = certificate(dir.path(), "own", "localhost");
    let (_, other) = certificate(dir.path(), "other", "other.example.com");
    let (wrong_key, wrong) = certificate(dir.path(), "wrong", "mail.example.com");
    let starttls = |key, cert| MailServer::speaking(&["--tlscert", cert, "--tlskey", key]);
    let always = |key, cert| MailServer::speaking(&["--smtpscert", cert, "--smtpskey", key]);
    let greeted = |mail: &MailServer, tls: &str, ca: &str, name: &str, log: &Path| {
        let (port, tls) = (format!("mail.port={}", mail.port), format!("mail.tls={tls}"));
        let ca = format!("mail.ca={ca}");
        let house = Served::logging(log, &["mail.host=localhost", &port, &tls, &ca]);
        register(&house, name, &format!("{name}@example.com"));
        house
    };
    let log = dir.path().join("log");
    for (mail, tls) in [(starttls(&key, &cert), "starttls"), (always(&key, &cert), "always")] {
        let house = greeted(&mail, tls, &cert, "anna", &log);
        let letter = mail.letter();
        assert_eq!((letter.to(), letter.code().is_some()), ("anna@example.com", true), "{tls}");
        drop(house);
    }
    // Signed by nobody who is believed; for another name; by a server that speaks no TLS.
    let refused = [
        (starttls(&key, &cert), "starttls", other.as_str()),
        (always(&key, &cert), "always", other.as_str()),
        (starttls(&wrong_key, &wrong), "starttls", wrong.as_str()),
        (always(&wrong_key, &wrong), "always", wrong.as_str()),
        (MailServer::start(), "starttls", cert.as_str()),
    ];
    // All at once: each is tried again and again before it is given up.
    let logs: Vec<_> = (0..refused.len()).map(|n| dir.path().join(format!("log{n}"))).collect();
    let begun = refused.iter().zip(&logs);
    let houses: Vec<_> =
        begun.map(|((mail, tls, ca), log)| greeted(mail, tls, ca, "bert", log)).collect();
    for ((mail, tls, _), log) in refused.iter().zip(&logs) {
        let said = until_lost(log);
        assert!(!said.contains("bert@example.com"), "{said}");
        assert!(mail.lines.try_recv().is_err(), "{tls}: nothing was handed over");
    }
    for (log, what) in logs.iter().zip(["UnknownIssuer", "UnknownIssuer", "NotValidForName"]) {
        let said = std::fs::read_to_string(log).unwrap();
        assert!(said.contains(what), "{what}: {said}");
    }
    drop(houses);
}

/// The log, once it says that a letter was lost.
fn until_lost(log: &Path) -> String {
    for _ in 0..1_500 {
        let said = std::fs::read_to_string(log).unwrap();
        if said.contains("lost") {
            return said;
        }
        std::thread::sleep(Duration::from_millis(40));
    }
    panic!("no letter was lost: {}", std::fs::read_to_string(log).unwrap());
}

#[test]
fn a_house_that_asks_for_confirmation_must_be_able_to_write() {
    let data = tempfile::tempdir().unwrap();
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_gavel"))
        .args(["serve", "--listen", "127.0.0.1:0", "--set", "users.confirm_email=true"])
        .args(["--set", "admin.listen=off", "--data"])
        .arg(data.path().join("house"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success() && said.contains("no letter leaves"), "{said}");
}
