//! A house made ready for load over its own API: people signed in, auctions open, one live
//! subscriber attached.

use crate::client::Client;
use crate::load::{Load, Script};
use crate::process::Server;
use crate::wire::{self, Reply};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// People who bid.
pub(crate) const BIDDERS: usize = 64;
const PASSWORD: &str = "correct-horse-battery-9-staple";

pub(crate) struct House {
    pub(crate) server: Server,
    /// Of the bidders.
    pub(crate) tokens: Vec<String>,
    seller: String,
}

impl House {
    pub(crate) fn open(data: &std::path::Path) -> io::Result<Self> {
        let server = Server::gavel(data)?;
        let mut client = Client::connect(server.address)?;
        let seller = member(&mut client, "seller")?;
        let bidder = |n| member(&mut client, &format!("bidder{n}"));
        let tokens = (0..BIDDERS).map(bidder).collect::<io::Result<_>>()?;
        Ok(Self { server, tokens, seller })
    }

    /// Opens so many auctions of a preset; their ids.
    pub(crate) fn auctions(&self, preset: &str, count: usize) -> io::Result<Vec<i64>> {
        let mut script =
            Creating { house: self, preset, count, sent: 0, ids: Vec::new(), odd: None };
        let load = self.load(16.min(count), 4, Duration::ZERO, Duration::from_secs(600));
        load.run(&mut script)?;
        match script.odd {
            Some(odd) => Err(io::Error::other(format!("an auction was not created: {odd}"))),
            None => Ok(script.ids),
        }
    }

    pub(crate) fn load(
        &self,
        connections: usize,
        depth: usize,
        warm_up: Duration,
        measured: Duration,
    ) -> Load {
        let (address, pid) = (self.server.address, self.server.pid());
        Load { address, pid, connections, depth, warm_up, measured }
    }

    /// Attaches a live subscriber to an auction, which reads until the server ends; whether the
    /// server took it.
    pub(crate) fn subscribe(&self, auction: i64) -> io::Result<bool> {
        let mut stream = TcpStream::connect(self.server.address)?;
        let mut request = Vec::new();
        wire::get(&mut request, &format!("/v1/auctions/{auction}/stream"), None);
        stream.write_all(&request)?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        std::thread::Builder::new().name("subscriber".into()).spawn(move || drain(stream))?;
        Ok(status.ends_with(b"200"))
    }
}

/// Registers a person and signs him in; his token.
fn member(client: &mut Client, name: &str) -> io::Result<String> {
    let email = format!("{name}@bench.example");
    let body = format!(r#"{{"username":"{name}","email":"{email}","password":"{PASSWORD}"}}"#);
    client.create("/v1/users", None, &body)?;
    let body = format!(r#"{{"login":"{name}","password":"{PASSWORD}"}}"#);
    let reply = client.create("/v1/session", None, &body)?;
    wire::text(&reply, "\"token\":").ok_or_else(|| wire::odd("a session without a token"))
}

struct Creating<'a> {
    house: &'a House,
    preset: &'a str,
    count: usize,
    sent: usize,
    ids: Vec<i64>,
    odd: Option<String>,
}

impl Script for Creating<'_> {
    fn write(&mut self, _: usize, out: &mut Vec<u8>) -> bool {
        if self.sent == self.count || self.odd.is_some() {
            return false;
        }
        self.sent += 1;
        let (n, preset) = (self.sent, self.preset);
        let body = format!(
            r#"{{"title":"Lot {n}","currency":"EUR","preset":"{preset}","duration_seconds":86400}}"#
        );
        wire::post(out, "/v1/auctions", Some(&self.house.seller), "", &body);
        true
    }

    fn read(&mut self, _: usize, reply: &Reply<'_>) {
        match wire::number(reply.body, "\"id\":").filter(|_| reply.status == 201) {
            Some(id) => self.ids.push(id),
            None => {
                let body = String::from_utf8_lossy(reply.body);
                self.odd = Some(format!("{} {body}", reply.status));
            }
        }
    }
}

/// Reads whatever comes, until the server ends.
fn drain(mut stream: TcpStream) {
    let mut chunk = [0; 1 << 16];
    while let Ok(1..) = stream.read(&mut chunk) {}
}
