//! Simulated clients: each errand is a command under a key, tried until an answer is final, or
//! patience runs out. Answers can be lost or late. What was sent and what came back is recorded.

use super::params::MILLI;
use super::{Act, World, log_key};
use crate::chance::{Chance, mix};
use crate::history::wish::{Asked, Wish, hint};
use crate::history::{Nanos, No, Op, Rec, Receipt, Res, Told, kind_of};
use crate::workload::terms::Scale;
use crate::workload::{self, Scene};
use gavel_auction::auction::Phase;
use gavel_auction::command::Roles;
use gavel_auction::event::Digest;
use gavel_auction::ids::{AuctionId, UserId, Version};
use gavel_auction::money::Amount;
use gavel_auction::terms::Close;
use gavel_auction::view::{Head, Viewer};
use gavel_engine::Ask;
use gavel_engine::answer::{Accepted, Answer, Failure};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// An auction, as far as its clients know of it.
pub(super) struct Lot {
    pub(super) id: AuctionId,
    pub(super) bids: Vec<(Version, UserId, i64)>,
    pub(super) head: Option<Arc<Head>>,
}

impl Lot {
    pub(super) fn new(number: usize) -> Self {
        let id = i64::try_from(number).ok().and_then(|number| AuctionId::new(number + 1));
        Self { id: id.expect("few auctions"), bids: Vec::new(), head: None }
    }
}

/// Something that a client wants done.
pub(super) struct Errand {
    pub(super) asked: Arc<Asked>,
    seed: u64,
    attempt: u32,
    most: u32,
    patience: Nanos,
    receipt: bool,
    /// The records of its tries.
    recs: Vec<usize>,
    answer: Option<Res>,
    pub(super) done: bool,
}

/// A try that the house has not answered yet.
pub(super) struct Flight {
    errand: usize,
    attempt: u32,
    rec: usize,
    future: Answering,
}

type Answering = Pin<Box<dyn Future<Output = Result<Answer, Failure>>>>;

impl World {
    /// Somebody wants something: an errand begins.
    pub(super) fn errand(&mut self, asked: Asked, seed: u64, delay: Nanos) {
        let mut chance = Chance::new(seed, 7);
        let receipt = chance.percent(self.params.receipts);
        let patience = if self.healed { 60_000 * MILLI } else { self.params.patience };
        let most = if self.healed { 3 } else { self.params.tries };
        self.errands.push(Errand {
            asked: Arc::new(asked),
            seed,
            attempt: 0,
            most,
            patience: patience + chance.between(0, patience / 4 + 1),
            receipt,
            recs: Vec::new(),
            answer: None,
            done: false,
        });
        self.send(self.errands.len() - 1, delay);
    }

    /// One try of an errand.
    fn send(&mut self, number: usize, delay: Nanos) {
        let Some(errand) = self.errands.get_mut(number) else { return };
        errand.attempt += 1;
        errand.answer = None;
        if self.healed || self.now + delay >= self.params.horizon {
            errand.patience = errand.patience.max(60_000 * MILLI);
        }
        let attempt = errand.attempt;
        let mut chance = Chance::new(errand.seed, u64::from(attempt));
        let inv_ns = self.now + delay;
        let rec = Rec {
            id: self.input.history.len() as u64,
            process: u32::try_from(errand.asked.actor.user.get()).unwrap_or(0),
            op: Op::Command(Arc::clone(&errand.asked)),
            inv_ns,
            ret_ns: None,
            res: Res::NoReply,
        };
        errand.recs.push(self.input.history.len());
        self.input.history.push(rec);
        self.ops += 1;
        let patience = errand.patience;
        let faulty = !self.healed && inv_ns < self.params.horizon;
        if chance.percent(self.params.lost) && faulty {
            self.reach("a request is lost");
        } else {
            // The way there takes its time; an aimed one arrives when it should.
            let way = if delay > 0 { 0 } else { chance.between(1_000, self.params.net) };
            self.after(delay + way, Act::Arrive(number, attempt));
        }
        self.after(delay + patience, Act::Impatient(number, attempt));
    }

    /// A try reaches the house.
    pub(super) fn arrive(&mut self, number: usize, attempt: u32) {
        let Some(errand) = self.errands.get(number) else { return };
        let (asked, receipt) = (Arc::clone(&errand.asked), errand.receipt);
        let Some(rec) = errand.recs.get(attempt as usize - 1).copied() else { return };
        if errand.attempt != attempt || errand.done {
            self.reach("a request arrives after its sender has given up on it");
        }
        let Some(house) = &self.house else {
            self.reach("nobody answers the door");
            return;
        };
        let Some(command) = asked.command() else { return };
        let ask = Ask { auction: asked.auction, id: asked.name(), command, receipt };
        let engine = house.engine.clone();
        let future: Answering = Box::pin(async move { engine.submit(ask).await });
        self.tell(|| format!("auction {} <- {asked:?} (try {attempt})", asked.auction));
        self.flights.push(Flight { errand: number, attempt, rec, future });
        self.look_at_flight(self.flights.len() - 1);
        let idle = house_is_idle(self);
        let delay = self.chance.between(500, 40_000);
        if idle {
            self.call_turn(delay);
        }
    }

    /// Whoever has been answered hears of it.
    pub(super) fn collect(&mut self) {
        let mut index = 0;
        while index < self.flights.len() {
            if !self.look_at_flight(index) {
                index += 1;
            }
        }
    }

    /// Whether this one has been answered, and is taken away.
    fn look_at_flight(&mut self, index: usize) -> bool {
        let Some(flight) = self.flights.get_mut(index) else { return false };
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(answer) = flight.future.as_mut().poll(&mut context) else { return false };
        let Flight { errand: number, attempt, rec, .. } = self.flights.remove(index);
        let res = self.result(&answer, rec);
        let Some(errand) = self.errands.get_mut(number) else { return true };
        let mut chance = Chance::new(errand.seed, 100 + u64::from(attempt));
        if errand.attempt != attempt {
            self.reach("an answer comes after its client has hung up");
            return true;
        }
        errand.answer = Some(res);
        if !self.healed && chance.percent(self.params.lost) {
            self.reach("an answer is lost");
        } else {
            let way = chance.between(1_000, self.params.net);
            self.after(way, Act::Answer(number, attempt));
        }
        true
    }

    fn result(&mut self, answer: &Result<Answer, Failure>, rec: usize) -> Res {
        self.trace = mix(self.trace, fingerprint(answer));
        let receipt = match answer {
            Ok(Answer::Accepted(accepted)) => accepted.receipt.as_ref(),
            Ok(Answer::Refused(refused)) => refused.receipt.as_ref(),
            Err(_) => None,
        };
        if let Some(receipt) = receipt {
            let bytes = receipt.to_vec();
            self.input.receipts.push(Receipt { rec: rec as u64, bytes });
        }
        if let Ok(Answer::Refused(refused)) = answer {
            self.reach(refused.refusal.code());
        }
        match answer {
            Ok(Answer::Accepted(accepted)) => {
                self.reach(kind_of(&accepted.event.fact));
                Res::Ok(Box::new(told(accepted)))
            }
            Ok(Answer::Refused(refused)) => Res::Refused(Box::new(No {
                code: refused.refusal.code().to_owned(),
                version: refused.version,
                at: refused.at,
                end: Some(refused.end),
                hint: Some(hint(&refused.refusal)),
            })),
            Err(Failure::KeyReused) => Res::KeyReused,
            Err(Failure::OutcomeUnknown) => Res::Unknown,
            Err(Failure::Quarantined) => Res::Quarantined,
            Err(Failure::Overloaded) => Res::NotApplied("overloaded".to_owned()),
            Err(Failure::StorageFull) => Res::NotApplied("storage_full".to_owned()),
            Err(Failure::Stopping) => Res::NotApplied("stopping".to_owned()),
        }
    }

    /// An answer reaches its client.
    pub(super) fn answered(&mut self, number: usize, attempt: u32) {
        let Some(errand) = self.errands.get_mut(number) else { return };
        if errand.attempt != attempt || errand.done {
            return;
        }
        let Some(res) = errand.answer.take() else { return };
        let (asked, first) = (Arc::clone(&errand.asked), errand.attempt == 1);
        errand.done = matches!(res, Res::Ok(_) | Res::Refused(_) | Res::KeyReused);
        let done = errand.done;
        let rec = errand.recs.last().copied().unwrap_or(usize::MAX);
        if let Some(rec) = self.input.history.get_mut(rec) {
            rec.ret_ns = Some(self.now);
            rec.res = res.clone();
        }
        self.tell(|| format!("auction {} -> key {} {res:?}", asked.auction, asked.key));
        self.note_answer(&asked, &res, first);
        if !done {
            self.again(number);
        }
    }

    fn note_answer(&mut self, asked: &Asked, res: &Res, first: bool) {
        match res {
            Res::Ok(told) => {
                let bid = told.kind.as_deref() == Some("bid_placed");
                if bid && let Some(lot) = self.lots.iter_mut().find(|lot| lot.id == asked.auction) {
                    let amount = match asked.wish {
                        Wish::Bid { amount, .. } => amount,
                        _ => 0, // not ours: no other wish places a bid
                    };
                    lot.bids.push((told.version, asked.actor.user, amount));
                }
                self.reach(if first { "accepted" } else { "accepted at a later try" });
            }
            Res::Unknown => self.reach("a client is told that the outcome is unknown"),
            Res::NotApplied(why) if why == "storage_full" => {
                self.reach("a client is told that there is no room");
            }
            Res::NotApplied(_) => self.reach("a client is told that the house stops"),
            Res::KeyReused => self.reach("another command under a used key"),
            Res::Quarantined => self.reach("a client is told that the auction is closed off"),
            Res::Refused(_) | Res::Value(_) | Res::NotFound | Res::NoReply => {}
        }
    }

    /// A client has waited long enough.
    pub(super) fn impatient(&mut self, number: usize, attempt: u32) {
        let Some(errand) = self.errands.get(number) else { return };
        if errand.attempt == attempt && !errand.done {
            self.reach("a client loses patience");
            self.again(number);
        }
    }

    /// Tries again after a while, or gives up.
    fn again(&mut self, number: usize) {
        let Some(errand) = self.errands.get_mut(number) else { return };
        if errand.attempt >= errand.most {
            errand.done = true;
            self.reach("a client gives up");
            return;
        }
        let mut chance = Chance::new(errand.seed, 200 + u64::from(errand.attempt));
        let pause = chance.between(MILLI / 2, 400 * MILLI);
        self.send(number, pause);
    }

    /// The house is gone: nobody who waits gets an answer, but for what is on its way.
    pub(super) fn cut_off_clients(&mut self) {
        for flight in std::mem::take(&mut self.flights) {
            let Some(errand) = self.errands.get(flight.errand) else { continue };
            if errand.attempt == flight.attempt && !errand.done {
                self.reach("a client is cut off");
                let delay = self.chance.between(1_000, 20 * MILLI);
                self.after(delay, Act::Impatient(flight.errand, flight.attempt));
            }
        }
    }

    /// Somebody asks something of some auction.
    pub(super) fn ask(&mut self, seed: u64) {
        let mut chance = Chance::new(seed, 11);
        let number = chance.index(self.lots.len());
        let Some((id, head)) = self.known(number) else { return };
        let user = workload::member(chance.index(self.params.members)).user;
        let mine = self.house.as_ref().and_then(|house| house.engine.mine(id, user));
        let ended = matches!(head.phase, Phase::Ended { .. });
        let chain = if ended { self.chain(id, head.version) } else { Digest([0; 32]) };
        let bids = &self.lots[number].bids;
        let (now, left) = (self.time(), self.left());
        let scene = Scene { head: &head, mine, now, left, bids, chain };
        let (who, wish) = workload::wish(&mut chance, &self.params, &scene);
        let on_history = matches!(wish, Wish::Certify { .. } | Wish::Reopen { .. });
        let expecting = on_history || chance.percent(self.params.expecting);
        let expected = expecting.then_some(head.version);
        let aimed = chance.percent(self.params.aimed);
        let delay = if aimed { self.aim(&head, &mut chance) } else { 0 };
        self.keys += 1;
        let asked = Asked { auction: id, actor: who, key: self.keys, expected, wish };
        self.errand(asked, seed, delay);
    }

    /// The chain's hash at a version, as the edge reads it.
    pub(super) fn chain(&self, id: AuctionId, version: Version) -> Digest {
        let history = self.house.as_ref().map(|house| house.engine.history(id, version - 1, 1));
        let last = history.and_then(Result::ok).and_then(|mut history| history.pop());
        last.map_or(Digest([0; 32]), |last| last.hash)
    }

    /// How long to wait so as to arrive around the end.
    fn aim(&mut self, head: &Head, chance: &mut Chance) -> Nanos {
        let end = match (head.phase, head.effective_end()) {
            (Phase::Open, Some(end)) => end,
            _ => return 0, // not ours: a pair
        };
        let window = match head.terms.close {
            Close::Soft { window_seconds, .. } if chance.percent(40) => i64::from(window_seconds),
            Close::Soft { .. } | Close::Hard {} => 0,
        };
        let end = end.plus_seconds(-window);
        let until = self.until(end);
        if until == 0 || until > self.params.horizon / 2 {
            return 0;
        }
        self.reach("a bid aimed at the end");
        let off = chance.pick(&[0, 0, 1_000, 20_000, 2 * MILLI]);
        if chance.percent(50) { until + off } else { until.saturating_sub(off).max(1) }
    }

    fn left(&self) -> i64 {
        let left = self.params.horizon.saturating_sub(self.now) / 1000;
        i64::try_from(left).unwrap_or(0).max(2_000_000)
    }

    /// What anybody can know of an auction.
    fn known(&mut self, number: usize) -> Option<(AuctionId, Arc<Head>)> {
        let lot = self.lots.get_mut(number)?;
        if let Some(head) = self.house.as_ref().and_then(|house| house.engine.head(lot.id)) {
            lot.head = Some(head);
        }
        Some((lot.id, Arc::clone(lot.head.as_ref()?)))
    }

    /// A seller creates an auction.
    pub(super) fn create(&mut self, number: usize, seed: u64) {
        let mut chance = Chance::new(seed, 12);
        let Some(lot) = self.lots.get(number) else { return };
        let id = lot.id;
        let actor = workload::member(chance.index(self.params.members));
        let scale = Scale { now: self.time(), left: self.left() };
        let key = log_key().id();
        let creation = workload::creation(&mut chance, &self.params, super::HOUSE, key, scale);
        self.keys += 1;
        let wish = Wish::Create(Box::new(creation));
        let asked = Asked { auction: id, actor, key: self.keys, expected: None, wish };
        self.errand(asked, seed, 0);
    }

    /// Somebody sends an earlier command again, or another one under its key.
    pub(super) fn repeat(&mut self, seed: u64, other: bool) {
        let mut chance = Chance::new(seed, 13);
        let index = chance.index(self.errands.len());
        let Some(former) = self.errands.get(index).map(|errand| Arc::clone(&errand.asked)) else {
            return;
        };
        let mut asked = Asked::clone(&former);
        if other {
            asked.wish = match asked.wish {
                Wish::Bid { amount, maximum, currency, on_behalf_of, .. } => {
                    let amount = (amount + chance.within(1, 4)).min(Amount::MAX.minor());
                    Wish::Bid { amount, maximum, currency, confirm: true, on_behalf_of }
                }
                Wish::Register => Wish::BuyNow,
                _ => Wish::Register, // not ours: whatever else it was
            };
        }
        self.errand(asked, seed, 0);
    }

    /// Somebody reads an auction.
    pub(super) fn look(&mut self, seed: u64) {
        let mut chance = Chance::new(seed, 14);
        let Some(lot) = self.lots.get(chance.index(self.lots.len())) else { return };
        let id = lot.id;
        let Some(house) = &self.house else { return };
        if self.paused_until > self.now {
            return;
        }
        let viewer =
            chance.percent(60).then(|| workload::member(chance.index(self.params.members)));
        let viewer = viewer.map(|who| who.user);
        let Some(head) = house.engine.head(id) else { return };
        let mine = viewer.and_then(|user| house.engine.mine(id, user));
        let roles = Roles::MEMBER;
        let looks = Viewer { user: viewer, roles, banned: false };
        let now = house.engine.now();
        let res = if head.is_known_to(&looks) {
            Res::Value(Box::new(shown(&head, &looks, mine.as_ref(), now)))
        } else {
            Res::NotFound
        };
        let way = chance.between(500, self.params.net);
        self.ops += 1;
        self.trace = mix(self.trace, head.version);
        let rec = Rec {
            id: self.input.history.len() as u64,
            process: viewer.map_or(0, |user| u32::try_from(user.get()).unwrap_or(0)),
            op: Op::Read { auction: id, viewer, strong: true },
            inv_ns: self.now.saturating_sub(way),
            ret_ns: Some(self.now + way),
            res,
        };
        self.input.history.push(rec);
    }
}

fn house_is_idle(world: &World) -> bool {
    use gavel_engine::by_hand::Stage;
    world.house.as_ref().is_some_and(|house| house.stage() == Stage::Idle)
}

/// What a read shows.
pub(super) fn shown(
    head: &Head,
    viewer: &Viewer,
    mine: Option<&gavel_auction::view::Mine>,
    now: gavel_auction::time::Time,
) -> Told {
    let view = head.view(viewer, mine, now);
    let minor = |amount: Option<Amount>| amount.map(Amount::minor);
    let own = |you: gavel_auction::view::You| Some((you.paddle?.get(), minor(you.amount)));
    Told {
        version: head.version,
        at: Some(now),
        state: Some(view.state.to_owned()),
        end: Some(head.effective_end()),
        price: Some(minor(view.price)),
        leader: Some(view.leader.map(|leader| leader.get())),
        next: Some(minor(view.next.amount())),
        reserve_met: Some(view.reserve_met),
        bids: Some(view.bid_count),
        mine: view.you.map(own),
        hammer: Some(
            view.outcome.and_then(|outcome| outcome.sale().map(|sale| sale.hammer_price.minor())),
        ),
        ..Told::default()
    }
}

/// What an acceptance says.
fn told(accepted: &Accepted) -> Told {
    let event = &accepted.event;
    let base = Told {
        version: event.version,
        at: Some(event.at),
        kind: Some(kind_of(&event.fact).to_owned()),
        state: Some(accepted.state.to_owned()),
        end: Some(accepted.end),
        event: Some(Arc::clone(event)),
        ..Told::default()
    };
    let Some(shown) = event.fact.now().and_then(|now| now.shown.as_ref()) else { return base };
    Told {
        price: Some(shown.price.map(Amount::minor)),
        leader: Some(shown.leader.map(|leader| leader.get())),
        next: Some(shown.next.amount().map(Amount::minor)),
        reserve_met: Some(shown.reserve_met),
        ..base
    }
}

fn fingerprint(answer: &Result<Answer, Failure>) -> u64 {
    match answer {
        Ok(Answer::Accepted(accepted)) => accepted.event.version * 4 + 1,
        Ok(Answer::Refused(refused)) => mix(refused.version * 4 + 2, refused.at.0.unsigned_abs()),
        Err(_) => 3,
    }
}
