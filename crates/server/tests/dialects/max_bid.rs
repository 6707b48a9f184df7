//! The highest bid of each auction: by a plain WebSocket, read by a client of few lines, and by
//! Socket.IO, read by the official client.
#![expect(clippy::unwrap_used, reason = "a test, all of it")]

use super::node::Node;
use super::served::Served;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

/// A client that masks with zeros, which is a mask.
struct Client(TcpStream);

impl Client {
    fn open(house: &Served, path: &str) -> Self {
        let mut stream = house.connect();
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            house.address
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        Self(stream)
    }

    fn say(&mut self, said: &Value) {
        let text = said.to_string();
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 126).unwrap();
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend(text.as_bytes());
        self.0.write_all(&frame).unwrap();
    }

    fn hear(&mut self) -> Value {
        let (opcode, text) = self.frame();
        assert_eq!(opcode, 0x81, "a text");
        serde_json::from_slice(&text).unwrap()
    }

    /// The next frame, whatever it is.
    fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        let length = match head[1] {
            126 => {
                let mut long = [0; 2];
                self.0.read_exact(&mut long).unwrap();
                u16::from_be_bytes(long)
            }
            short => u16::from(short),
        };
        let mut text = vec![0; usize::from(length)];
        self.0.read_exact(&mut text).unwrap();
        (head[0], text)
    }
}

/// Waits as long as a client may be silent: asked after 25 seconds, gone 20 later.
#[test]
fn a_silent_client_loses_its_place() {
    let house = Served::with(&["dialects.on=cars", "limits.sockets_per_ip=1"]);
    let clients = [(); 2].map(|()| Client::open(&house, "/live"));
    let patience = Some(std::time::Duration::from_secs(90));
    clients.iter().for_each(|client| client.0.set_read_timeout(patience).unwrap());
    assert_eq!(house.get("/live", None).status, 400, "no WebSocket");
    let upgrade = "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let comes_in = || house.send("GET", "/live", upgrade, b"").status;
    assert_eq!(comes_in(), 429, "both places are taken");
    let [mut there, mut silent] = clients;
    assert_eq!(there.frame(), (0x89, Vec::new()), "a ping");
    there.0.write_all(&[0x8A, 0x80, 0, 0, 0, 0]).unwrap();
    assert_eq!(silent.frame(), (0x89, Vec::new()), "a ping");
    assert_eq!(silent.frame().0, 0x88, "the end");
    assert_eq!(silent.0.read(&mut [0]).unwrap(), 0);
    // Its place is given back a moment after the last word.
    assert!((0..100).any(|_| comes_in() == 101));
    there.say(&json!({"subscribe": 4711}));
    assert_eq!(there.hear()["error"], "not_found", "who is there stays");
}

/// A car, auctions of it, and somebody who bids.
struct Sale<'a> {
    house: &'a Served,
    at: &'a str,
    now: i64,
    car: Value,
    anna: Value,
}

impl<'a> Sale<'a> {
    fn new(house: &'a Served, at: &'a str) -> Self {
        let time = house.get("/v1/time", None).json()["server_time"].as_str().unwrap().to_owned();
        let now = time.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let mut sale = Self { house, at, now, car: Value::Null, anna: Value::Null };
        sale.car = sale.say("/cars", &json!({"name": "Saab 900"}))["id"].clone();
        sale.anna = sale.say("/users", &json!({"username": "anna"}))["id"].clone();
        sale
    }

    fn say(&self, path: &str, body: &Value) -> Value {
        let reply = self.house.ask("POST", &format!("{}{path}", self.at), None, body);
        assert!(reply.status < 300, "{path}: {reply:?}");
        reply.json()
    }

    fn auction(&self, seconds: i64) -> Value {
        let body = json!({"car": self.car, "end_time": self.now + seconds * 1_000});
        self.say("/auctions", &body)["id"].clone()
    }

    fn bid(&self, auction: &Value, amount: i64) {
        self.say("/bids", &json!({"auction": auction, "user": self.anna, "amount": amount}));
    }
}

#[test]
fn s2_13_subscribers_get_the_highest_bid_of_each_auction() {
    let house = Served::with(&["dialects.on=cars"]);
    let sale = Sale::new(&house, "");
    let now = sale.now;
    let make = |seconds| sale.auction(seconds);
    let bid = |auction: &Value, amount| sale.bid(auction, amount);
    let (short, long) = (make(3), make(600));
    let mut client = Client::open(&house, "/live");
    client.say(&json!({"subscribe": [short, 4711]}));
    let heard = [client.hear(), client.hear()];
    let stands = |max_bid: Value, bids: u64, status: &str| {
        json!({"auction": short, "max_bid": max_bid, "bid_count": bids,
            "end_time": now + 3_000, "status": status})
    };
    assert_eq!(heard[0], stands(Value::Null, 0, "live"));
    assert_eq!(heard[1], json!({"auction": 4711, "error": "not_found"}));
    // Of the other one nothing is told, as long as nobody asks.
    bid(&long, 7);
    bid(&short, 5);
    assert_eq!(client.hear(), stands(json!(5), 1, "live"));
    client.say(&json!({"subscribe": long}));
    assert_eq!(client.hear()["max_bid"], 7);
    client.say(&json!({"bid": 5}));
    assert!(client.hear()["error"].is_string());
    client.say(&json!({"unsubscribe": "all"}));
    client.say(&json!({"subscribe": "all"}));
    let heard = [client.hear(), client.hear()].map(|told| told["max_bid"].clone());
    assert_eq!(heard, [json!(5), json!(7)]);
    // The end comes by itself.
    assert_eq!(client.hear(), stands(json!(5), 1, "closed"));
    let reply = house.get("/live", None);
    assert_eq!((reply.status, reply.json()["statusCode"].clone()), (400, json!(400)));
}

#[test]
fn s2_13_the_official_client_of_socket_io_gets_them_too() {
    let house = Served::with(&["dialects.on=cars,items"]);
    let sale = Sale::new(&house, "/dialects/cars");
    let (short, long) = (sale.auction(3), sale.auction(600));
    // At the house's own address, and at the dialect's.
    let native = json!({"transports": ["websocket"]});
    let own = json!({"path": "/dialects/cars/socket.io/"});
    for options in [&native, &own] {
        let mut client = Node::connect(house.address, options);
        client.wait("connected");
        let answer = client.ask("subscribe", json!([short, 4711]));
        assert_eq!(answer, json!({"status": 200, "body": {}}));
        let stands = client.wait_until("max_bid", |told| told["auction"] == short);
        assert_eq!((&stands["bid_count"], &stands["status"]), (&json!(0), &json!("live")));
        let gone = client.wait_until("max_bid", |told| told["auction"] == 4711);
        assert_eq!(gone["error"], "not_found");
        client.act("close");
    }
    let mut client = Node::connect(house.address, &native);
    client.wait("connected");
    client.ask("subscribe", json!(short));
    client.wait("max_bid");
    // Of the other one nothing is told, as long as nobody asks.
    sale.bid(&long, 7);
    sale.bid(&short, 5);
    let told = client.wait("max_bid");
    let stands = |status: &str| {
        json!({"auction": short, "max_bid": 5, "bid_count": 1, "end_time": sale.now + 3_000,
            "status": status})
    };
    assert_eq!(told, stands("live"));
    for wrong in [json!({"auction": short}), json!("some"), json!(-1), json!([short, "x"])] {
        let answer = client.ask("subscribe", wrong);
        assert_eq!(
            (&answer["status"], &answer["body"]["code"]),
            (&json!(400), &json!("malformed"))
        );
    }
    client.ask("unsubscribe", json!("all"));
    client.ask("subscribe", json!("all"));
    let told = [client.wait("max_bid"), client.wait("max_bid")].map(|told| told["max_bid"].clone());
    assert_eq!(told, [json!(5), json!(7)]);
    assert_eq!(client.wait("max_bid"), stands("closed"), "the end comes by itself");
    assert!(client.so_far("max_bid").is_empty());
    // Where nobody speaks this dialect, nobody knows the word.
    let other = Served::with(&["dialects.on=items"]);
    let mut client = Node::connect(other.address, &native);
    client.wait("connected");
    assert_eq!(client.ask("subscribe", json!("all"))["status"], 404);
}
