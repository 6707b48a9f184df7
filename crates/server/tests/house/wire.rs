//! A real `gavel serve` as a child process, and a client of few lines that speaks HTTP to it and
//! notices when it dies.
#![expect(dead_code, reason = "each test binary uses a part of it")]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts `gavel serve` on a free port with its data in `dir`, without limits.
    pub fn start(dir: &Path) -> Self {
        let off = [
            "bids_per_second_per_actor",
            "bids_per_second_per_ip",
            "requests_per_second_per_ip",
            "logins_per_minute_per_account",
            "logins_per_hour_per_ip",
            "registrations_per_hour_per_ip",
            "connections_per_ip",
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
        command.arg("serve").arg("--data").arg(dir).args(["--listen", "127.0.0.1:0"]);
        for key in off {
            command.arg("--set").arg(format!("limits.{key}=0"));
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.find_map(|line| {
            let line = line.unwrap();
            let at = line.find("open at http://")?;
            Some(line[at + "open at http://".len()..].trim().to_owned())
        });
        // Whatever it says later is read and dropped, so that it never blocks on a full pipe.
        drop(std::thread::Builder::new().spawn(move || lines.for_each(drop)).unwrap());
        let address = said.expect("it says where it listens").parse().unwrap();
        Self { child, address }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub fn wait(&mut self) {
        self.child.wait().unwrap();
    }

    /// A connection, if the server is there.
    pub fn connect(&self) -> Option<Connection> {
        Connection::to(self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Kills a process as the power of a machine would: at once.
pub fn kill(pid: u32) {
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    assert!(killed.success());
}

/// A keep-alive connection.
pub struct Connection {
    reader: BufReader<TcpStream>,
    address: SocketAddr,
}

impl Connection {
    /// A connection to that address, if somebody is there.
    pub fn to(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        Some(Self { reader: BufReader::new(stream), address })
    }

    /// GET: status and body; none if the server is gone.
    pub fn get(&mut self, path: &str) -> Option<(u16, Value)> {
        self.send("GET", path, None, None, "")
    }

    /// POST with a JSON body: status and body; none if the server is gone.
    pub fn post(
        &mut self,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: &Value,
    ) -> Option<(u16, Value)> {
        self.send("POST", path, token, key, &body.to_string())
    }

    /// Any request: status and body; none if the server is gone.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: &str,
    ) -> Option<(u16, Value)> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        if let Some(token) = token {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        if let Some(key) = key {
            head += &format!("Idempotency-Key: {key}\r\n");
        }
        if !body.is_empty() {
            head += "Content-Type: application/json\r\n";
        }
        head += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.reader.get_mut().write_all(head.as_bytes()).ok()?;
        self.receive()
    }

    /// Any request whose answer need not be waited for: its status.
    pub fn prefer_async(
        &mut self,
        method: &str,
        path: &str,
        token: &str,
        body: &str,
    ) -> Option<u16> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nPrefer: \
             respond-async\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.reader.get_mut().write_all(head.as_bytes()).ok()?;
        self.receive().map(|(status, _)| status)
    }

    fn receive(&mut self) -> Option<(u16, Value)> {
        let mut line = String::new();
        self.reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut length = 0;
        loop {
            line.clear();
            self.reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            if line == "\r\n" {
                break;
            }
            let (name, value) = line.split_once(':')?;
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).ok()?;
        let json =
            if body.is_empty() { Some(Value::Null) } else { serde_json::from_slice(&body).ok() };
        Some((status, json?))
    }
}
