//! The official client of Socket.IO, in a process of its own, driven by lines of JSON.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// How long anything may take at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// One client.
pub struct Node {
    child: Child,
    commands: ChildStdin,
    lines: Receiver<Value>,
    /// What came before what was waited for.
    seen: VecDeque<(String, Value)>,
}

impl Node {
    /// A client that connects with these options.
    pub fn connect(house: SocketAddr, options: &Value) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/live/test");
        let mut command = Command::new("node");
        command.arg("client.js").current_dir(folder);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("node 20, and `scripts/setup.sh test`");
        let commands = child.stdin.take().expect("its input");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, lines) = sync_channel(10_000);
        let read = move || {
            for line in out.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).expect("a line of JSON");
                if sender.send(line).is_err() {
                    break;
                }
            }
        };
        drop(std::thread::Builder::new().spawn(read).expect("a thread"));
        let mut node = Self { child, commands, lines, seen: VecDeque::new() };
        let url = format!("http://{house}");
        node.order(&json!({ "op": "connect", "url": url, "options": options }));
        node
    }

    /// One that is in, by WebSocket, with this token.
    pub fn with(house: SocketAddr, token: &str) -> Self {
        let options = json!({ "transports": ["websocket"], "auth": { "token": token } });
        let mut node = Self::connect(house, &options);
        node.wait("connected");
        node
    }

    fn order(&mut self, order: &Value) {
        writeln!(self.commands, "{order}").expect("the client listens");
    }

    /// Says something, and waits for the answer.
    pub fn ask(&mut self, name: &str, data: Value) -> Value {
        self.order(&json!({ "op": "emit", "name": name, "data": data }));
        self.wait("!ack")
    }

    /// Comes into the room of an auction: what was told there, and the answer.
    pub fn join(&mut self, data: Value) -> Value {
        let answer = self.ask("join_auction", data);
        assert_eq!(answer["status"], 200, "{answer}");
        self.wait("joined_auction")
    }

    /// Does something that is not said.
    pub fn act(&mut self, op: &str) {
        self.order(&json!({ "op": op }));
    }

    /// Sends a packet as it is.
    pub fn raw(&mut self, text: &str) {
        self.order(&json!({ "op": "raw", "text": text }));
    }

    /// The next such event; others are kept.
    pub fn wait(&mut self, event: &str) -> Value {
        self.wait_until(event, |_| true)
    }

    /// The next such event that is so; others of its name are dropped, the rest is kept.
    pub fn wait_until(&mut self, event: &str, so: impl Fn(&Value) -> bool) -> Value {
        while let Some(at) = self.seen.iter().position(|(name, _)| name == event) {
            let (_, data) = self.seen.remove(at).expect("it was there");
            if so(&data) {
                return data;
            }
        }
        loop {
            let line = match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no {event}; there was {:?}", self.seen)
                }
            };
            let (name, data) = (line["event"].as_str().expect("a name"), line["data"].clone());
            if name != event {
                self.seen.push_back((name.to_owned(), data));
            } else if so(&data) {
                return data;
            }
        }
    }

    /// All events of this name that have come so far.
    pub fn so_far(&mut self, event: &str) -> Vec<Value> {
        while let Ok(line) = self.lines.try_recv() {
            let name = line["event"].as_str().expect("a name").to_owned();
            self.seen.push_back((name, line["data"].clone()));
        }
        let all = self.seen.iter().filter(|(name, _)| name == event);
        all.map(|(_, data)| data.clone()).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
