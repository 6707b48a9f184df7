//! A real `gavel serve` on a scratch directory and a free port, stopped when dropped; and a client
//! that sends exactly the bytes it is given. For tests that look at the edge itself.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running house.
pub struct Served {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its page of metrics is.
    pub metrics: SocketAddr,
    /// The password of `admin`.
    pub password: String,
    /// Its data.
    pub data: tempfile::TempDir,
}

/// A reply.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The code of a problem document, which this must be.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let json = self.json();
        for member in ["type", "title", "detail", "trace_id"] {
            assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        }
        assert_eq!(json["status"], self.status);
        json["code"].as_str().expect("a code").to_owned()
    }
}

impl Served {
    /// Opens a house with the limits that would disturb tests off, and then these settings.
    pub fn with(sets: &[&str]) -> Self {
        Self::on(tempfile::tempdir().expect("a scratch directory"), sets)
    }

    /// The same, on this data.
    pub fn on(data: tempfile::TempDir, sets: &[&str]) -> Self {
        Self::begin(data, sets, Stdio::inherit())
    }

    /// The same, with its log lines in a file.
    pub fn logging(log: &std::path::Path, sets: &[&str]) -> Self {
        let file = std::fs::File::create(log).expect("a file for its log");
        Self::begin(tempfile::tempdir().expect("a scratch directory"), sets, file.into())
    }

    fn begin(data: tempfile::TempDir, sets: &[&str], log: Stdio) -> Self {
        let (child, mut lines) = spawn(data.path(), sets, log);
        let (address, metrics) = addresses(&mut lines);
        let line = lines.next().expect("its password");
        let password = line.split('`').nth(3).expect("a password").to_owned();
        pass_over(lines);
        Self { child, address, metrics, password, data }
    }

    /// Sends SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("it was there");
        self.wait();
    }

    /// Opens the house again that was here.
    pub fn again(&mut self, sets: &[&str]) {
        let (child, mut lines) = spawn(self.data.path(), sets, Stdio::inherit());
        self.child = child;
        (self.address, self.metrics) = addresses(&mut lines);
        pass_over(lines);
    }

    /// Bytes of memory that it has at present.
    pub fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/statm", self.child.id());
        let text = std::fs::read_to_string(path).expect("it is there");
        let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
        pages.expect("a number of pages") * 4096
    }

    /// Opens a house.
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// A fresh connection.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the house listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        stream
    }

    /// Sends these bytes on a fresh connection and reads one reply.
    pub fn raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect();
        stream.write_all(bytes).expect("the house reads");
        read_reply(&mut BufReader::new(stream)).expect("a reply")
    }

    /// A request with these further header lines, each ending in `\r\n`.
    pub fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
        let mut bytes = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}\
             content-length: {}\r\n\r\n",
            self.address,
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        self.raw(&bytes)
    }

    /// A request with a JSON body, from whoever has this token.
    pub fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> Reply {
        let mut headers = "content-type: application/json\r\n".to_owned();
        if let Some(token) = token {
            headers += &format!("authorization: Bearer {token}\r\n");
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &headers, body.as_bytes())
    }

    /// A GET, from whoever has this token.
    pub fn get(&self, path: &str, token: Option<&str>) -> Reply {
        self.ask("GET", path, token, &Value::Null)
    }

    /// Makes a user and signs him in: his id and his token.
    pub fn user(&self, name: &str) -> (i64, String) {
        let password = "correct horse battery staple";
        let email = format!("{name}@example.com");
        let body = json!({ "username": name, "email": email, "password": password });
        let made = self.ask("POST", "/v1/users", None, &body);
        assert_eq!(made.status, 201, "{made:?}");
        (made.json()["id"].as_i64().expect("an id"), self.sign_in(name, password))
    }

    /// Signs in.
    pub fn sign_in(&self, login: &str, password: &str) -> String {
        let body = json!({ "login": login, "password": password });
        let reply = self.ask("POST", "/v1/session", None, &body);
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()["token"].as_str().expect("a token").to_owned()
    }

    /// The administrator's token.
    pub fn admin(&self) -> String {
        self.sign_in("admin", &self.password)
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
    }

    /// Waits for the end of the process: whether it ended well.
    pub fn wait(&mut self) -> bool {
        self.child.wait().expect("it can be waited for").success()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Creates an auction with these terms: its number.
pub fn auction(house: &Served, seller: &str, body: Value) -> u64 {
    let mut all = json!({"title": "Lot", "currency": "EUR", "duration_seconds": 3600});
    let terms = body.as_object().expect("terms");
    all.as_object_mut().expect("an object").extend(terms.clone());
    let made = house.ask("POST", "/v1/auctions", Some(seller), &all);
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["id"].as_u64().expect("a number")
}

/// Places a bid that must be taken: the reply.
pub fn bid(house: &Served, auction: u64, token: &str, body: &Value) -> Value {
    let placed = house.ask("POST", &format!("/v1/auctions/{auction}/bids"), Some(token), body);
    assert_eq!(placed.status, 201, "{placed:?}");
    placed.json()
}

/// The lines of a house.
type Lines = Box<dyn Iterator<Item = String> + Send>;

fn spawn(data: &std::path::Path, sets: &[&str], log: Stdio) -> (Child, Lines) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    let calm = [
        "admin.listen=127.0.0.1:0",
        "limits.requests_per_second_per_ip=0",
        "limits.logins_per_minute_per_account=0",
        "limits.logins_per_hour_per_ip=0",
        "limits.registrations_per_hour_per_ip=0",
    ];
    for set in calm.iter().chain(sets) {
        command.args(["--set", set]);
    }
    let spawned = command.stdout(Stdio::piped()).stderr(log).spawn();
    let mut child = spawned.expect("the house must start");
    let out = child.stdout.take().expect("its standard output");
    (child, Box::new(BufReader::new(out).lines().map(|line| line.expect("a line"))))
}

/// Where it listens, and where its page of metrics is.
fn addresses(lines: &mut Lines) -> (SocketAddr, SocketAddr) {
    let address = after(&lines.next().expect("its address"), "://");
    let metrics = after(&lines.next().expect("its metrics"), "Metrics at http://");
    let metrics = metrics.trim_end_matches("/metrics").parse().expect("an address");
    (address.parse().expect("an address"), metrics)
}

fn pass_over(lines: Lines) {
    drop(std::thread::Builder::new().spawn(move || lines.for_each(drop)).expect("a thread"));
}

fn after(line: &str, words: &str) -> String {
    line.split_once(words).unwrap_or_else(|| panic!("{line}")).1.trim().to_owned()
}

/// Reads one reply; none if the connection ended.
pub fn read_reply(reader: &mut impl BufRead) -> Option<Reply> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        if &head[before..] == "\r\n" {
            break;
        }
    }
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut reply = Reply { status, head, body: String::new() };
    let length = reply.header("content-length").and_then(|length| length.parse().ok());
    let mut body = Vec::new();
    match length {
        Some(length) => {
            body.resize(length, 0);
            reader.read_exact(&mut body).ok()?;
        }
        None if reply.header("transfer-encoding") == Some("chunked") => chunks(reader, &mut body)?,
        None => {}
    }
    reply.body = String::from_utf8(body).ok()?;
    Some(reply)
}

fn chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk).ok()?;
        if length == 0 {
            return Some(());
        }
        body.extend_from_slice(&chunk[..length]);
    }
}
