//! A client of the live room of few lines: Socket.IO over a WebSocket, blocking, with whatever
//! manners a test wants. For crowds, and for what the official client would never do.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A socket that is open.
pub struct Socket {
    reader: BufReader<TcpStream>,
    asked: u64,
}

impl Socket {
    /// Opens a WebSocket and says who comes; none if the house is not there.
    pub fn open(house: SocketAddr, token: Option<&str>) -> Option<Self> {
        let mut socket = Self::handshake(house)?;
        socket.send(&match token {
            Some(token) => format!("40{}", json!({ "token": token })),
            None => "40".to_owned(),
        });
        socket.wait("connected")?;
        Some(socket)
    }

    /// Opens a WebSocket, and says nothing yet.
    pub fn handshake(house: SocketAddr) -> Option<Self> {
        let mut stream = TcpStream::connect(house).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        stream.set_nodelay(true).ok()?;
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: {house}\r\n\
             upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut reader = BufReader::with_capacity(4096, stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).ok().filter(|read| *read > 0)?;
        }
        head.starts_with("HTTP/1.1 101").then_some(())?;
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "RFC 6455, 1.3: {head}");
        Some(Self { reader, asked: 0 })
    }

    /// Sends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> bool {
        self.reader.get_mut().write_all(bytes).is_ok()
    }

    /// Sends a text; false if nobody takes it.
    pub fn send(&mut self, text: &str) -> bool {
        self.bytes(&frame(0x81, text.as_bytes()))
    }

    /// The next text of the house's; none at the end, or if nothing is said for a minute.
    pub fn text(&mut self) -> Option<String> {
        for _quiet in 0..3 {
            let mut head = [0; 2];
            self.reader.read_exact(&mut head).ok()?;
            let length = match head[1] {
                126 => {
                    let mut length = [0; 2];
                    self.reader.read_exact(&mut length).ok()?;
                    usize::from(u16::from_be_bytes(length))
                }
                127 => {
                    let mut length = [0; 8];
                    self.reader.read_exact(&mut length).ok()?;
                    usize::try_from(u64::from_be_bytes(length)).ok()?
                }
                length => usize::from(length),
            };
            let mut body = vec![0; length];
            self.reader.read_exact(&mut body).ok()?;
            match head[0] {
                0x81 => match String::from_utf8(body).ok()?.as_str() {
                    "2" => {
                        self.send("3");
                    }
                    text => return Some(text.to_owned()),
                },
                0x88 => return None,
                _ => {} // not ours: another frame
            }
        }
        None
    }

    /// The next event, or answer (under the name `ack`); none at the end.
    pub fn next(&mut self) -> Option<(String, Value)> {
        loop {
            let text = self.text()?;
            let at = text.find('[');
            match (text.get(..2)?, at) {
                ("42", Some(at)) => {
                    let said: Value = serde_json::from_str(&text[at..]).expect("JSON");
                    return Some((said[0].as_str().expect("a name").to_owned(), said[1].clone()));
                }
                ("43", Some(at)) => {
                    let said: Value = serde_json::from_str(&text[at..]).expect("JSON");
                    return Some(("ack".to_owned(), said[0].clone()));
                }
                ("44", _) => return Some(("refused".to_owned(), text[2..].into())),
                ("41", _) => return None,
                _ => {} // not ours: a packet that is no event
            }
        }
    }

    /// The next such event; others are passed over. None at the end.
    pub fn wait(&mut self, event: &str) -> Option<Value> {
        loop {
            let (name, data) = self.next()?;
            if name == event {
                return Some(data);
            }
        }
    }

    /// Says something, without waiting for the answer.
    pub fn say(&mut self, name: &str, data: &Value) -> bool {
        self.asked += 1;
        self.send(&format!("42{}{}", self.asked, json!([name, data])))
    }

    /// Comes into the room of an auction: what was told there.
    pub fn join(&mut self, auction: u64) -> Option<Value> {
        self.say("join_auction", &json!({ "auction_id": auction }));
        self.wait("joined_auction")
    }
}

/// A frame of a client; the mask is no secret.
pub fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(body.len()) {
        Ok(length @ ..126) => frame.push(0x80 | length),
        Ok(_) | Err(_) => {
            frame.push(0x80 | 126);
            let length = u16::try_from(body.len()).expect("a short message");
            frame.extend_from_slice(&length.to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(body);
    frame
}
