//! B19: looking at auctions whose view is at hand, against a peer that answers with as many bytes.

use super::{Bench, Shared};
use crate::chance::Chance;
use crate::client::Client;
use crate::figures::Aim;
use crate::house::BIDDERS;
use crate::load::{Load, Script};
use crate::process::Server;
use crate::wire::{self, Reply};
use std::collections::VecDeque;
use std::fmt::Write;
use std::io;

/// Auctions that are looked at.
const LOOKED_AT: usize = 256;

pub(super) fn warm(bench: &mut Bench<'_>, shared: &mut Shared) -> io::Result<()> {
    let Shared { house, spread, round, .. } = shared;
    let ids = &spread.ids[..LOOKED_AT.min(spread.ids.len())];
    let path = format!("/v1/auctions/{}", ids[0]);
    let (_, body) = Client::connect(house.server.address)?.get(&path, None)?;
    let peer = Server::noop_of(body.len())?;
    let load = bench.load(house, 64, 1);
    let mut nothing = Looking::at(ids, *round as u64, |_, _| true);
    let noop = Load { address: peer.address, pid: peer.pid(), ..load }.run(&mut nothing)?;
    bench.keep("no-op GET", &noop, noop.rate(200));
    let as_logged = |id, reply: &Reply<'_>| {
        shows(reply, id, Some(house.checked(id)).filter(|version| *version > 0))
    };
    let mut looking = Looking::at(ids, *round as u64, as_logged);
    let run = load.run(&mut looking)?;
    looking.said()?;
    bench.keep("GET", &run, run.rate(200));
    let aim = Aim::AtLeast { goal: 0.8, floor: 0.6 };
    let share = run.rate(200) / noop.rate(200);
    bench.push("B19 GET of a warm auction, share of the no-op", "x", aim, share);
    Ok(())
}

/// Whether that is the auction, at that version if it is known.
pub(super) fn shows(reply: &Reply<'_>, id: i64, version: Option<i64>) -> bool {
    let number = |field| wire::number(reply.body, field);
    reply.status == 200
        && number("\"id\":") == Some(id)
        && version.is_none_or(|version| number("\"version\":") == Some(version))
}

/// Looks at auctions by chance.
pub(super) struct Looking<'a, F> {
    ids: &'a [i64],
    chance: Chance,
    /// Whether an answer shows that auction as it should.
    right: F,
    asked: Vec<VecDeque<i64>>,
    path: String,
    odd: Option<String>,
}

impl<'a, F: Fn(i64, &Reply<'_>) -> bool> Looking<'a, F> {
    pub(super) fn at(ids: &'a [i64], seed: u64, right: F) -> Self {
        let (chance, asked) = (Chance::new(seed), vec![VecDeque::new(); BIDDERS]);
        Self { ids, chance, right, asked, path: String::new(), odd: None }
    }

    /// Nothing odd was answered.
    pub(super) fn said(self) -> io::Result<()> {
        self.odd.map_or(Ok(()), |odd| Err(io::Error::other(odd)))
    }
}

impl<F: Fn(i64, &Reply<'_>) -> bool> Script for Looking<'_, F> {
    fn write(&mut self, connection: usize, out: &mut Vec<u8>) -> bool {
        let id = self.ids[self.chance.below(self.ids.len())];
        self.path.clear();
        let written = write!(self.path, "/v1/auctions/{id}");
        debug_assert!(written.is_ok(), "a string takes all text");
        wire::get(out, &self.path, None);
        self.asked[connection].push_back(id);
        true
    }

    fn read(&mut self, connection: usize, reply: &Reply<'_>) {
        let Some(id) = self.asked[connection].pop_front() else { return };
        if !(self.right)(id, reply) {
            let body = String::from_utf8_lossy(reply.body);
            self.odd = Some(format!("auction {id} was shown as {} {body}", reply.status));
        }
    }
}
