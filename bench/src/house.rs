//! A house made ready for load over its own API: people signed in, auctions open; and how far its
//! log has been compared with what it answered.

use crate::bids::Bidding;
use crate::checker::Checker;
use crate::client::Client;
use crate::load::open::{Open, Phase};
use crate::load::{Load, Script};
use crate::process::Server;
use crate::wire::{self, Reply};
use std::io;
use std::time::Duration;

/// People who bid.
pub(crate) const BIDDERS: usize = 64;
/// Connections that open auctions.
const CREATORS: usize = 128;
/// For a script that ends by itself.
pub(crate) const AS_LONG_AS_IT_TAKES: Duration = Duration::from_secs(3_600);
const PASSWORD: &str = "correct-horse-battery-9-staple";

pub(crate) struct House {
    pub(crate) server: Server,
    /// Of the bidders.
    pub(crate) tokens: Vec<String>,
    seller: String,
    checker: Checker,
}

/// How long an auction runs that outlasts any measurement.
const A_DAY: &str = r#""duration_seconds":86400"#;

impl House {
    pub(crate) fn open(data: &std::path::Path) -> io::Result<Self> {
        let server = Server::gavel(data)?;
        let mut client = Client::connect(server.address)?;
        let seller = member(&mut client, "seller")?;
        let bidder = |n| member(&mut client, &format!("bidder{n}"));
        let tokens = (0..BIDDERS).map(bidder).collect::<io::Result<_>>()?;
        Ok(Self { server, tokens, seller, checker: Checker::default() })
    }

    /// Opens so many auctions of a preset; their ids.
    pub(crate) fn auctions(&self, preset: &str, count: usize) -> io::Result<Vec<i64>> {
        self.auctions_until(preset, count, A_DAY)
    }

    /// Opens so many auctions that end as `schedule` says, in the words of the API.
    pub(crate) fn auctions_until(
        &self,
        preset: &str,
        count: usize,
        schedule: &str,
    ) -> io::Result<Vec<i64>> {
        let ids = Vec::with_capacity(count);
        let mut script = Creating { house: self, preset, schedule, count, sent: 0, ids, odd: None };
        self.load(CREATORS.min(count), 1, Duration::ZERO, AS_LONG_AS_IT_TAKES).run(&mut script)?;
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

    /// A load with arrivals of its own.
    pub(crate) fn open_load(&self, connections: usize, phases: &[Phase], seed: u64) -> Open {
        let (address, pid) = (self.server.address, self.server.pid());
        Open { address, pid, connections, phases: phases.to_vec(), seed }
    }

    /// Compares what was accepted with the log of these auctions; how many bids that were.
    pub(crate) fn check(&mut self, ids: &[i64], bidding: &mut Bidding) -> io::Result<usize> {
        let load = self.load(1, 1, Duration::ZERO, AS_LONG_AS_IT_TAKES);
        self.checker.compare(&load, ids, &mut bidding.accepted)
    }

    /// The last version of an auction that was compared.
    pub(crate) fn checked(&self, auction: i64) -> i64 {
        self.checker.version(auction)
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
    schedule: &'a str,
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
        let (n, preset, schedule) = (self.sent, self.preset, self.schedule);
        let body =
            format!(r#"{{"title":"Lot {n}","currency":"EUR","preset":"{preset}",{schedule}}}"#);
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
