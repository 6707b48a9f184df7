//! Non-interference: the same life of a house is lived twice, with other sealed amounts, maxima,
//! reserves, e-mails, passwords and keys. Whoever may not know these gets the same bytes twice:
//! replies and their headers, refusals, event streams, explanations, the names of metrics. Only
//! times and digests are masked, each by as many characters. And the secrets of the second life
//! stand nowhere in anything that anybody got who may not know them, nor in the values of metrics
//! and the house's own log lines, which are searched for them and not compared.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "house/served.rs"]
#[expect(dead_code, reason = "each test binary uses a part of it")]
mod served;
#[path = "house/stream.rs"]
#[expect(dead_code, reason = "each test binary uses a part of it")]
mod stream;

use serde_json::{Value, json};
use served::{Reply, Served};
use std::time::Duration;
use stream::Watch;

/// What differs between the two lives.
struct Secrets {
    /// Sealed bids, each one person's.
    sealed: [i64; 3],
    /// A leader's maximum, never reached.
    maximum: i64,
    /// A reserve that nobody meets.
    reserve: i64,
    /// Where people get their mail, how they sign in, how they name their commands.
    mail: &'static str,
    password: &'static str,
    key: &'static str,
    phone: &'static str,
}

const ONE: Secrets = Secrets {
    sealed: [701, 9_002, 55_003],
    maximum: 45_000,
    reserve: 70_001,
    mail: "one.example.org",
    password: "correct horse battery staple",
    key: "k",
    phone: "+4930111",
};

const OTHER: Secrets = Secrets {
    sealed: [73_900_019, 8_310_023, 6_270_031],
    maximum: 987_650_017,
    reserve: 876_540_013,
    mail: "canary-mail-4711.example.net",
    password: "canary-password-4711 is another one",
    key: "canary-key-4711-",
    phone: "+499118114711",
};

impl Secrets {
    /// How each of these would look if it stood somewhere.
    fn canaries(&self) -> Vec<String> {
        let mut all: Vec<String> = self.sealed.iter().map(ToString::to_string).collect();
        all.extend([self.maximum.to_string(), self.reserve.to_string()]);
        all.extend([self.mail, "canary-password", "canary-key", self.phone].map(str::to_owned));
        all
    }
}

/// One life of a house, and what everybody got who may not know its secrets.
struct Life<'a> {
    house: Served,
    secrets: &'a Secrets,
    /// Who, where, what.
    got: Vec<(String, String)>,
    sent: u32,
    /// What it says of itself, as much as it can be made to say.
    log: tempfile::NamedTempFile,
}

/// A person by name, with his token.
type Person<'a> = (&'a str, &'a str);

/// Bytes with times and digests masked, each by as many characters.
fn masked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    // RFC 3339: 2026-11-21T14:34:39.374583Z
    for (at, window) in bytes.windows(27).enumerate() {
        let fits = window
            .iter()
            .zip(b"0000-00-00T00:00:00.000000Z")
            .all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form });
        if fits {
            out[at..at + 27].fill(b't');
        }
    }
    // Digests and times in microseconds: 16 digits and more.
    let mut start = 0;
    for at in 0..=bytes.len() {
        if at == bytes.len() || !bytes[at].is_ascii_hexdigit() {
            if at - start >= 16 {
                out[start..at].fill(b'#');
            }
            start = at + 1;
        }
    }
    String::from_utf8(out).unwrap()
}

fn told(reply: &Reply) -> String {
    // The date of the reply, and the name of the request, which is drawn.
    let drawn = |line: &&str| !line.starts_with("date:") && !line.starts_with("x-request-id:");
    let head: Vec<&str> = reply.head.lines().filter(drawn).collect();
    masked(&format!("{}\n{}", head.join("\n"), reply.body))
}

impl<'a> Life<'a> {
    fn new(secrets: &'a Secrets) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        let house = Served::logging(log.path(), &["log.level=trace", "log.json=true"]);
        Self { house, secrets, got: Vec::new(), sent: 0, log }
    }

    fn person(&self, name: &str) -> String {
        let Secrets { mail, password, phone, .. } = self.secrets;
        let body = json!({"username": name, "email": format!("{name}@{mail}"),
            "password": password, "phone": phone, "name": format!("{name} {mail}")});
        let made = self.house.ask("POST", "/v1/users", None, &body);
        assert_eq!(made.status, 201, "{made:?}");
        self.house.sign_in(name, password)
    }

    /// A command under a secret key.
    fn command(&mut self, token: &str, path: &str, body: &Value) -> Reply {
        self.sent += 1;
        let headers = format!(
            "content-type: application/json\r\nauthorization: Bearer {token}\r\n\
             idempotency-key: {}{}\r\n",
            self.secrets.key, self.sent
        );
        self.house.send("POST", path, &headers, body.to_string().as_bytes())
    }

    fn lot(&mut self, token: &str, body: &Value) -> i64 {
        let made = self.command(token, "/v1/auctions", body);
        assert_eq!(made.status, 201, "{made:?}");
        made.json()["id"].as_i64().unwrap()
    }

    fn bid(&mut self, (name, token): Person<'_>, auction: i64, body: &Value) -> Reply {
        let reply = self.command(token, &format!("/v1/auctions/{auction}/bids"), body);
        // He hears of his own standing, which is nobody else's business; but how large the reply is
        // and what it says besides must not depend on what others hide.
        assert!(reply.status == 201 || reply.status == 422, "{name}: {reply:?}");
        reply
    }

    fn keep(&mut self, who: &str, what: &str, text: String) {
        self.got.push((format!("{who}: {what}"), text));
    }

    /// Everything that these may look at, of these auctions.
    fn look(&mut self, people: &[(&str, Option<&str>)], auctions: &[i64]) {
        self.lists_follow(&[1, 2, 3, 4]);
        for (name, token) in people {
            let mut paths: Vec<String> =
                ["/v1/auctions", "/v1/auctions?sort=price", "/v1/me/bids", "/v1/me/auctions"]
                    .map(str::to_owned)
                    .to_vec();
            for auction in auctions {
                let at = |rest: &str| format!("/v1/auctions/{auction}{rest}");
                paths
                    .extend(["", "/bids", "/bids/mine", "/events?after=0", "/certificate"].map(at));
                paths.extend((1..12).map(|bid| at(&format!("/bids/{bid}/explanation"))));
                paths.push(format!("/v1/operations/{auction}-00000000000000000000000000000000"));
                paths.push(format!("/v1/receipts/{auction}-00000000000000000000000000000000"));
            }
            paths.extend((1..8).map(|user| format!("/v1/users/{user}")));
            for path in paths {
                let reply = self.house.get(&path, *token);
                assert!(reply.status < 500, "{path}: {reply:?}");
                self.keep(name, &path, told(&reply));
            }
        }
    }

    /// Openings come by themselves, and lists follow the log in the background: waits for both.
    fn lists_follow(&self, auctions: &[i64]) {
        let view = |id: &i64| self.house.get(&format!("/v1/auctions/{id}"), None).json();
        for _ in 0..600 {
            let views: Vec<Value> = auctions.iter().map(view).collect();
            let all: u64 = views.iter().filter_map(|view| view["version"].as_u64()).sum();
            let open = views.iter().all(|view| view["state"] == "open");
            if open && self.house.get("/v1/auctions", None).json()["as_of"] == json!([all]) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let lists = self.house.get("/v1/auctions", None);
        panic!("the lists never have all of the log: {auctions:?} {lists:?}");
    }

    /// The whole stream of an auction up to a version, as a stranger gets it.
    fn stream(&mut self, auction: i64, upto: u64) {
        let path = format!("/v1/auctions/{auction}/stream?after=0");
        let mut watch = Watch::open(self.house.address, &path, "").unwrap();
        loop {
            let message = watch.next().unwrap();
            let text = format!("{:?} {} {}", message.id, message.event, message.data);
            self.keep("stranger", &path, masked(&text));
            if message.id == Some(upto) {
                return;
            }
        }
    }

    /// What an operator sees: counts, not amounts.
    fn metrics(&mut self) {
        let request = format!("GET /metrics HTTP/1.1\r\nhost: {}\r\n\r\n", self.house.metrics);
        let mut stream = std::net::TcpStream::connect(self.house.metrics).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let page = served::read_reply(&mut std::io::BufReader::new(stream)).unwrap();
        assert_eq!(page.status, 200);
        // Which metrics there are, and their labels; values are counts and times.
        let names =
            page.body.lines().filter_map(|line| line.rsplit_once(' ').map(|(name, _)| name));
        let names: Vec<&str> = names.collect();
        self.keep("operator", "metrics", names.join("\n"));
        self.keep("operator", "whole page", format!("only canaries\0{}", page.body));
    }
}

/// Lives one life; everybody looks at everything at each turn.
fn live(secrets: &Secrets) -> Vec<(String, String)> {
    let mut life = Life::new(secrets);
    let seller = life.person("seller");
    let names = ["anna", "bert", "cleo"];
    let tokens: Vec<String> = names.iter().map(|name| life.person(name)).collect();
    let (looker, other) = (life.person("dora"), life.person("emil"));
    let sealed = json!({"title": "Sealed", "currency": "EUR", "preset": "sealed",
        "duration_seconds": 86_400, "terms": {"confirm_factor": 0}});
    let sealed = life.lot(&seller, &sealed);
    let vickrey = json!({"title": "Vickrey", "currency": "EUR", "preset": "vickrey",
        "duration_seconds": 86_400, "reserve": secrets.reserve, "terms": {"confirm_factor": 0}});
    let vickrey = life.lot(&seller, &vickrey);
    let proxy = json!({"title": "Proxy", "currency": "EUR", "preset": "timed",
        "duration_seconds": 86_400, "terms": {"confirm_factor": 0}});
    let proxy = life.lot(&seller, &proxy);
    let reserved = json!({"title": "Reserved", "currency": "EUR", "preset": "english",
        "duration_seconds": 86_400, "reserve": secrets.reserve});
    let reserved = life.lot(&seller, &reserved);
    let all = [sealed, vickrey, proxy, reserved];
    let people = [("stranger", None), ("dora", Some(looker.as_str()))];
    life.look(&people, &all);
    for ((name, token), amount) in names.iter().zip(&tokens).zip(secrets.sealed) {
        for auction in [sealed, vickrey] {
            let reply = life.bid((name, token), auction, &json!({"amount": amount}));
            assert_eq!(reply.status, 201, "{reply:?}");
        }
        life.look(&people, &all);
    }
    // Anna's maximum is never reached; what the others are told must not depend on it.
    let (anna, emil) = (("anna", tokens[0].as_str()), ("emil", other.as_str()));
    let reply = life.bid(anna, proxy, &json!({"maximum": secrets.maximum}));
    assert_eq!(reply.status, 201, "{reply:?}");
    for amount in [150, 150, 900, 900, 12_000] {
        let reply = life.bid(emil, proxy, &json!({"amount": amount}));
        let told = told(&reply);
        life.keep("emil", "his answer beside a hidden maximum", told);
        let reply = life.bid(emil, reserved, &json!({"amount": amount, "confirm": true}));
        let told = self::told(&reply);
        life.keep("emil", "his answer beside a hidden reserve", told);
        life.look(&people, &all);
    }
    life.look(&[("emil", Some(other.as_str()))], &all);
    // Mistakes of others are answered alike, and so is what is not there.
    for auction in all {
        for body in [json!({"amount": 0}), json!({"amount": "1"}), json!({"maximum": 5})] {
            let reply = life.bid_of_anyone(&looker, auction, &body);
            life.keep("dora", "her mistake", reply);
        }
    }
    life.stream(sealed, 6);
    life.stream(proxy, 6);
    life.stream(reserved, 4);
    life.metrics();
    life.said();
    life.got
}

impl Life<'_> {
    /// The house's log lines, at their most talkative, after a stop that says what it does.
    fn said(&mut self) {
        self.house.terminate();
        assert!(self.house.wait(), "it stops well");
        let said = std::fs::read_to_string(self.log.path()).unwrap();
        assert!(said.contains("closing"), "it says nothing: {said}");
        self.keep("operator", "log lines", format!("only canaries\0{said}"));
    }

    /// A bid that may not be one; what it is answered.
    fn bid_of_anyone(&mut self, token: &str, auction: i64, body: &Value) -> String {
        let path = format!("/v1/auctions/{auction}/bids");
        told(&self.house.ask("POST", &path, Some(token), body))
    }
}

#[test]
fn whoever_may_not_know_gets_the_same_bytes() {
    let (one, other) = (live(&ONE), live(&OTHER));
    assert_eq!(one.len(), other.len(), "the same answers are there");
    assert!(one.len() > 500, "{} answers", one.len());
    for ((what, first), (_, second)) in one.iter().zip(&other) {
        if !first.starts_with("only canaries") {
            assert_eq!(first, second, "{what}");
        }
    }
    for (what, text) in &other {
        for canary in OTHER.canaries() {
            assert!(!text.contains(&canary), "{what} holds {canary}: {text}");
        }
    }
}
