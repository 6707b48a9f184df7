//! The bad histories: for each its name, the check that must object, and the one thing that is
//! changed in a good one.

use crate::house::{DAWN, House, SECOND, bid, user};
use gavel_auction::event::{BidPlaced, Digest, Event, ExtensionReason, Fact, Shown};
use gavel_auction::ids::{Paddle, UserId};
use gavel_auction::money::Amount;
use gavel_auction::outcome::{Outcome, Sale};
use gavel_auction::time::Time;
use gavel_proof::codec::Origin;
use gavel_proof::command::{CommandId, command_digest};
use gavel_proof::keys::{HouseKey, LogKey};
use gavel_proof::receipt::{Leaf, issue};
use gavel_sim::checks::Check;
use gavel_sim::history::wish::{Asked, Wish};
use gavel_sim::history::{Input, Mark, No, Op, Rec, Receipt, Res, Seen, SeenKind, States, Told};
use std::sync::Arc;

type Spoil = fn(&mut House) -> Input;
type Bad = (&'static str, Check, Spoil);

/// All of them.
pub fn all() -> Vec<Bad> {
    [LOG, ANSWERS, ORDER, REFUSALS, TIMES, OUTCOMES, STREAMS, ROOM, REST].concat()
}

fn is_bid(event: &Event) -> bool {
    matches!(event.fact, Fact::BidPlaced(_))
}

/// Where the nth bid of the log is.
fn nth_bid(house: &House, n: usize) -> usize {
    let bids = house.events.iter().enumerate().filter(|(_, (event, _))| is_bid(event));
    bids.map(|(at, _)| at).nth(n).unwrap()
}

fn place(house: &House, is: impl Fn(&Fact) -> bool) -> usize {
    house.events.iter().position(|(event, _)| is(&event.fact)).unwrap()
}

fn placed(house: &mut House, n: usize) -> &mut BidPlaced {
    let at = nth_bid(house, n);
    match &mut house.events[at].0.fact {
        Fact::BidPlaced(placed) => placed,
        other => panic!("{other:?}"),
    }
}

fn shown(house: &mut House, n: usize) -> &mut Shown {
    placed(house, n).now.shown.as_mut().unwrap()
}

fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

fn paddle(number: i64) -> Paddle {
    Paddle::new(number).unwrap()
}

fn renumber(house: &mut House) {
    for (version, (event, _)) in (1..).zip(&mut house.events) {
        event.version = version;
    }
}

/// The record of the nth command with this kind of answer.
fn nth(house: &House, n: usize, is: impl Fn(&Res) -> bool) -> usize {
    let command = |rec: &&Rec| matches!(rec.op, Op::Command(_)) && is(&rec.res);
    let found = house.history.iter().filter(command).nth(n).unwrap();
    usize::try_from(found.id).unwrap()
}

fn yes(house: &House, n: usize) -> usize {
    nth(house, n, |res| matches!(res, Res::Ok(_)))
}

fn no(house: &House, n: usize) -> usize {
    nth(house, n, |res| matches!(res, Res::Refused(_)))
}

fn look(house: &House, n: usize) -> usize {
    let reads = house.history.iter().filter(|rec| matches!(rec.op, Op::Read { .. }));
    usize::try_from(reads.map(|rec| rec.id).nth(n).unwrap()).unwrap()
}

fn asked(house: &House, rec: usize) -> Asked {
    match &house.history[rec].op {
        Op::Command(asked) => Asked::clone(asked),
        Op::Read { .. } => panic!("record {rec} is a read"),
    }
}

/// Somebody asked something else, and the log agrees that he did.
fn reword(house: &mut House, rec: usize, change: impl FnOnce(&mut Asked)) {
    let before = asked(house, rec);
    let mut after = before.clone();
    change(&mut after);
    let command = after.command().unwrap();
    let origin = Origin { command: after.name(), digest: command_digest(&command) };
    for (_, other) in &mut house.events {
        if other.command == before.name() {
            *other = origin;
        }
    }
    house.history[rec].op = Op::Command(Arc::new(after));
    forget_events(house);
}

/// Acceptances then say no more than they must.
fn forget_events(house: &mut House) {
    for rec in &mut house.history {
        if let Res::Ok(told) = &mut rec.res {
            **told = Told { version: told.version, ..Told::default() };
        }
    }
    house.seen.clear();
}

fn again(house: &mut House, rec: usize, res: Res) -> usize {
    let mut rec = house.history[rec].clone();
    rec.id = house.history.len() as u64;
    rec.inv_ns = house.nanos();
    rec.ret_ns = Some(house.nanos() + 1000);
    rec.res = res;
    house.history.push(rec);
    house.history.len() - 1
}

const LOG: &[Bad] = &[
    ("a version is missing", Check::C1, |house| {
        house.events.remove(5);
        forget_events(house);
        house.input()
    }),
    ("a version comes twice", Check::C1, |house| {
        let event = house.events[5].clone();
        house.events.insert(5, event);
        house.input()
    }),
    ("the first event creates nothing", Check::C1, |house| {
        house.events.remove(0);
        house.input()
    }),
    ("time runs back", Check::C1, |house| {
        let at = nth_bid(house, 2);
        house.events[at].0.at = Time(DAWN);
        forget_events(house);
        house.input()
    }),
    ("a bid below the minimum is accepted", Check::C1, |house| {
        let rec = yes(house, 2);
        reword(house, rec, |asked| asked.wish = bid(105));
        placed(house, 1).amount = Some(amount(105));
        house.input()
    }),
    ("the seller has bid", Check::C1, |house| {
        let rec = yes(house, 1);
        reword(house, rec, |asked| asked.actor = user(10));
        house.input()
    }),
    ("somebody shut out has bid", Check::C1, |house| {
        let rec = yes(house, 1);
        reword(house, rec, |asked| asked.actor.banned = true);
        house.input()
    }),
    ("a bid over a limit is accepted", Check::C1, |house| {
        let rec = yes(house, 1);
        reword(house, rec, |asked| asked.actor.headroom = Some(99));
        house.input()
    }),
    ("a bid for another version is accepted", Check::C1, |house| {
        let rec = yes(house, 2);
        reword(house, rec, |asked| asked.expected = Some(1));
        house.input()
    }),
    ("a bidder held the auction", Check::C1, |house| {
        let held = place(house, |fact| matches!(fact, Fact::Held { .. }));
        let name = house.events[held].1.command;
        let rec = house.first(|rec| match &rec.op {
            Op::Command(asked) => asked.name() == name,
            Op::Read { .. } => false,
        });
        reword(house, rec, |asked| asked.actor = user(12));
        house.input()
    }),
    ("somebody took back another's bid", Check::C1, |house| {
        let rec = house.first(|rec| match &rec.op {
            Op::Command(asked) => matches!(asked.wish, Wish::Retract { .. }),
            Op::Read { .. } => false,
        });
        reword(house, rec, |asked| asked.actor = user(12));
        house.input()
    }),
    ("the price is not the bid", Check::C1, |house| {
        shown(house, 1).price = Some(amount(111));
        forget_events(house);
        house.input()
    }),
    ("another leads", Check::C1, |house| {
        shown(house, 1).leader = Some(paddle(1));
        forget_events(house);
        house.input()
    }),
    ("the next bid is a step too small", Check::C1, |house| {
        use gavel_auction::event::Next;
        shown(house, 1).next = Next::Minimum(Some(amount(119)));
        forget_events(house);
        house.input()
    }),
    ("the reserve is met too early", Check::C1, |house| {
        shown(house, 0).reserve_met = Some(true);
        forget_events(house);
        house.input()
    }),
    ("a paddle without a user", Check::C1, |house| {
        let at = nth_bid(house, 0);
        house.events[at].0.hidden.user = None;
        forget_events(house);
        house.input()
    }),
    ("a paddle of another user", Check::C1, |house| {
        let at = nth_bid(house, 0);
        house.events[at].0.hidden.user = UserId::new(99);
        forget_events(house);
        house.input()
    }),
    ("a bid under another paddle", Check::C1, |house| {
        placed(house, 1).paddle = Some(paddle(1));
        forget_events(house);
        house.input()
    }),
    ("a bid while on hold", Check::C1, |house| {
        let held = place(house, |fact| matches!(fact, Fact::Held { .. }));
        house.events.swap(held, held - 1);
        let (early, late) = (house.events[held].0.at, house.events[held - 1].0.at);
        house.events[held].0.at = late;
        house.events[held - 1].0.at = early;
        renumber(house);
        forget_events(house);
        house.input()
    }),
    ("resumed without a hold", Check::C1, |house| {
        let held = place(house, |fact| matches!(fact, Fact::Held { .. }));
        house.events.remove(held);
        renumber(house);
        forget_events(house);
        house.input()
    }),
    ("never opened", Check::C1, |house| {
        let opened = place(house, |fact| matches!(fact, Fact::Opened { .. }));
        house.events.remove(opened);
        renumber(house);
        forget_events(house);
        house.input()
    }),
    ("other terms than were asked for", Check::C1, |house| {
        if let Fact::Created(created) = &mut house.events[0].0.fact {
            Arc::make_mut(&mut created.terms).own_raise = true;
        }
        forget_events(house);
        house.input()
    }),
    ("certified twice", Check::C1, |house| {
        let mut last = house.events.last().cloned().unwrap();
        last.0.at = Time(house.now);
        house.events.push(last);
        renumber(house);
        house.input()
    }),
];

const ANSWERS: &[Bad] = &[
    ("an accepted bid is lost", Check::C2, |house| {
        let at = nth_bid(house, 4);
        house.events.truncate(at);
        house.input()
    }),
    ("a refused bid is in the log", Check::C2, |house| {
        let rec = yes(house, 3);
        let version = house.told_in(rec).version + 1;
        let code = "below_minimum".to_owned();
        house.history[rec].res = Res::Refused(Box::new(No { code, version, ..No::default() }));
        house.input()
    }),
    ("nobody asked for what is in the log", Check::C2, |house| {
        let rec = yes(house, 2);
        house.history.remove(rec);
        house.input()
    }),
    ("the log has another amount than was asked", Check::C2, |house| {
        let rec = yes(house, 2);
        let mut other = asked(house, rec);
        other.wish = bid(115);
        house.history[rec].op = Op::Command(Arc::new(other));
        house.input()
    }),
    ("told another version", Check::C2, |house| {
        let rec = yes(house, 2);
        house.told_in(rec).version += 1;
        house.input()
    }),
    ("told another time", Check::C2, |house| {
        let rec = yes(house, 2);
        house.told_in(rec).at = Some(Time(DAWN));
        house.input()
    }),
    ("told another kind", Check::C2, |house| {
        let rec = yes(house, 2);
        house.told_in(rec).kind = Some("held".to_owned());
        house.input()
    }),
    ("told another price", Check::C2, |house| {
        let rec = yes(house, 2);
        house.told_in(rec).price = Some(Some(111));
        house.input()
    }),
    ("told another end", Check::C2, |house| {
        let rec = yes(house, 2);
        house.told_in(rec).end = Some(None);
        house.input()
    }),
    ("told another leader", Check::C2, |house| {
        let rec = yes(house, 2);
        house.told_in(rec).leader = Some(Some(7));
        house.input()
    }),
    ("told another next bid", Check::C2, |house| {
        let rec = yes(house, 2);
        house.told_in(rec).next = Some(Some(121));
        house.input()
    }),
    ("told that there was no room, and in the log", Check::C2, |house| {
        let rec = yes(house, 2);
        house.history[rec].res = Res::NotApplied("storage_full".to_owned());
        house.input()
    }),
    ("told that nothing was done, and sent again when all had seen it", Check::C2, |house| {
        let rec = yes(house, 2);
        let told = house.history[rec].res.clone();
        house.history[rec].res = Res::NotApplied("storage_full".to_owned());
        again(house, rec, told);
        house.input()
    }),
    ("accepted, and never in the log", Check::C2, |house| {
        let rec = yes(house, 2);
        let told = house.history[rec].res.clone();
        let new = again(house, rec, told);
        let mut other = asked(house, new);
        other.key = 99;
        house.history[new].op = Op::Command(Arc::new(other));
        house.input()
    }),
    ("a read of a version that never was", Check::C2, |house| {
        let rec = look(house, 3);
        house.told_in(rec).version = 99;
        house.input()
    }),
    ("a refusal at a version that never was", Check::C2, |house| {
        let rec = no(house, 3);
        house.no_in(rec).version = 99;
        house.input()
    }),
    ("one key has two effects", Check::C9, |house| {
        let (first, second) = (yes(house, 2), yes(house, 6));
        let key = asked(house, first).key;
        let actor = asked(house, first).actor;
        reword(house, second, |asked| (asked.key, asked.actor) = (key, actor));
        house.input()
    }),
    ("a repeat gets another answer", Check::C9, |house| {
        let rec = yes(house, 2);
        let mut told = house.told_in(rec).clone();
        told.state = Some("on_hold".to_owned());
        again(house, rec, Res::Ok(Box::new(told)));
        house.input()
    }),
    ("a repeat of an accepted bid is refused", Check::C2, |house| {
        let rec = yes(house, 2);
        let version = house.told_in(rec).version;
        let at = Time(house.now);
        let no = No { code: "already_leading".to_owned(), version, at, ..No::default() };
        again(house, rec, Res::Refused(Box::new(no)));
        house.input()
    }),
    ("a key that was never used is called used", Check::C9, |house| {
        let rec = no(house, 0);
        house.history[rec].res = Res::KeyReused;
        house.input()
    }),
    ("who used the key is told that another did", Check::C9, |house| {
        let rec = yes(house, 2);
        again(house, rec, Res::KeyReused);
        house.input()
    }),
    ("another body under the key is told yes", Check::C9, |house| {
        let rec = yes(house, 2);
        let told = house.history[rec].res.clone();
        let new = again(house, rec, told);
        let mut other = asked(house, new);
        other.wish = bid(999);
        house.history[new].op = Op::Command(Arc::new(other));
        house.input()
    }),
];

const ORDER: &[Bad] = &[
    ("a stale read", Check::C3, |house| {
        let (old, new) = (look(house, 0), look(house, 2));
        house.history[new].res = house.history[old].res.clone();
        house.input()
    }),
    ("a stale acceptance", Check::C3, |house| {
        let rec = yes(house, 1);
        let late = house.nanos();
        house.history[rec].inv_ns = late;
        house.history[rec].ret_ns = Some(late + 1000);
        house.input()
    }),
    ("a stale refusal", Check::C3, |house| {
        let rec = no(house, 0);
        let late = house.nanos();
        house.history[rec].inv_ns = late;
        house.history[rec].ret_ns = Some(late + 1000);
        house.input()
    }),
    ("a read from the future", Check::C3, |house| {
        let rec = look(house, 2);
        house.history[rec].inv_ns = 0;
        house.history[rec].ret_ns = Some(1);
        house.input()
    }),
    ("an event is shown before it was asked for", Check::C3, |house| {
        let last = house.seen.iter_mut().rfind(|seen| seen.kind == SeenKind::Event);
        last.unwrap().at_ns = 0;
        house.input()
    }),
    ("a read shows another price", Check::C3, |house| {
        let rec = look(house, 1);
        house.told_in(rec).price = Some(Some(119));
        house.input()
    }),
    ("a read shows another leader", Check::C3, |house| {
        let rec = look(house, 1);
        house.told_in(rec).leader = Some(None);
        house.input()
    }),
    ("a read shows another state", Check::C3, |house| {
        let rec = look(house, 1);
        house.told_in(rec).state = Some("sold".to_owned());
        house.input()
    }),
    ("a read counts another number of bids", Check::C3, |house| {
        let rec = look(house, 1);
        house.told_in(rec).bids = Some(9);
        house.input()
    }),
    ("a read shows somebody else's bid as one's own", Check::C3, |house| {
        let rec = look(house, 0);
        house.told_in(rec).mine = Some(Some((2, Some(110))));
        house.input()
    }),
    ("a read shows another next bid", Check::C3, |house| {
        let rec = look(house, 1);
        house.told_in(rec).next = Some(Some(1));
        house.input()
    }),
    ("a read shows another end", Check::C3, |house| {
        let rec = look(house, 1);
        house.told_in(rec).end = Some(Some(Time(DAWN)));
        house.input()
    }),
    ("a read gives the reserve away", Check::C3, |house| {
        let rec = look(house, 0);
        house.told_in(rec).reserve_met = Some(Some(true));
        house.input()
    }),
    ("a read shows another hammer price", Check::C3, |house| {
        let rec = look(house, 3);
        house.told_in(rec).hammer = Some(Some(1));
        house.input()
    }),
];

const REFUSALS: &[Bad] = &[
    ("refused though it was legal", Check::C4, |house| {
        let rec = no(house, 0);
        let mut other = asked(house, rec);
        other.wish = bid(110);
        house.history[rec].op = Op::Command(Arc::new(other));
        house.input()
    }),
    ("refused for another reason", Check::C4, |house| {
        let rec = no(house, 0);
        house.no_in(rec).code = "already_leading".to_owned();
        house.input()
    }),
    ("the refusal names another minimum", Check::C4, |house| {
        let rec = no(house, 0);
        house.no_in(rec).hint = Some(Some(111));
        house.input()
    }),
    ("the refusal names another end", Check::C4, |house| {
        let rec = no(house, 0);
        house.no_in(rec).end = Some(None);
        house.input()
    }),
    ("a stranger is told that it is his own", Check::C4, |house| {
        let rec = nth(house, 0, |res| matches!(res, Res::Refused(no) if no.code == "own_auction"));
        let mut other = asked(house, rec);
        other.actor = user(14);
        house.history[rec].op = Op::Command(Arc::new(other));
        house.input()
    }),
    ("refused at a version at which it was legal", Check::C4, |house| {
        let rec = no(house, 0);
        house.no_in(rec).version = 3;
        house.input()
    }),
];

const TIMES: &[Bad] = &[
    ("a bid at the end", Check::C5, |house| {
        let at = nth_bid(house, 5);
        let (_, end) = ends(house, at);
        house.events[at].0.at = Time(end);
        for later in at + 1..house.events.len() {
            let when = house.events[later].0.at.max(Time(end));
            house.events[later].0.at = when;
        }
        forget_events(house);
        house.input()
    }),
    ("an extension is lost", Check::C5, |house| {
        let at = nth_bid(house, 5);
        let (_, end) = ends(house, at);
        placed(house, 5).now.end = Time(end);
        placed(house, 5).now.extended = false;
        forget_events(house);
        house.input()
    }),
    ("an extension is too long", Check::C5, |house| {
        placed(house, 5).now.end.0 += 1;
        forget_events(house);
        house.input()
    }),
    ("an early bid extends", Check::C5, |house| {
        placed(house, 1).now.end.0 += SECOND;
        placed(house, 1).now.extended = true;
        forget_events(house);
        house.input()
    }),
    ("closed early", Check::C5, |house| {
        let at = place(house, |fact| matches!(fact, Fact::Closed { .. }));
        let (_, end) = ends(house, at);
        house.events[at].0.at = Time(end - 1);
        forget_events(house);
        house.input()
    }),
    ("a hold does not move the end", Check::C5, |house| {
        let at = place(house, |fact| matches!(fact, Fact::Resumed { .. }));
        let (_, before) = ends(house, at);
        house.events[at].0.fact = Fact::Resumed { end: Time(before) };
        forget_events(house);
        house.input()
    }),
    ("opened for longer than the terms say", Check::C5, |house| {
        let at = place(house, |fact| matches!(fact, Fact::Opened { .. }));
        house.events[at].0.fact = Fact::Opened { end: Time(house.now) };
        forget_events(house);
        house.input()
    }),
    ("extended for an outage that never was", Check::C5, |house| {
        let at = nth_bid(house, 1);
        let (_, end) = ends(house, at);
        let before = house.events[at - 1].0.clone();
        let (from, to) = (Time(end - 1), Time(before.at.0));
        let reason = ExtensionReason::Outage;
        let fact = Fact::Extended { end: Time(end + SECOND), from, reason, to };
        let event = Event { fact, hidden: gavel_auction::event::Hidden::default(), ..before };
        let origin = Origin { command: CommandId([0; 16]), digest: [0; 16] };
        house.events.insert(at, (event, origin));
        renumber(house);
        forget_events(house);
        house.input()
    }),
    ("closed though the house was away", Check::C5, |house| {
        let at = place(house, |fact| matches!(fact, Fact::Closed { .. }));
        let (_, end) = ends(house, at);
        let (from, to) = (Time(end - 1), house.events[at].0.at);
        house.marks.push(Mark::Outage { from, to, lapsed: false });
        house.input()
    }),
    ("refused when the close was due first", Check::C5, |house| {
        let rec = nth(house, 0, |res| matches!(res, Res::Refused(no) if no.code == "closed"));
        let at = place(house, |fact| matches!(fact, Fact::Closed { .. }));
        house.no_in(rec).version = at as u64;
        house.input()
    }),
    ("dated before an answer that did not know of it", Check::C5, |house| {
        let rec = no(house, 0);
        house.no_in(rec).at.0 += 5 * SECOND;
        house.input()
    }),
    ("dated before an answer, and the clock jumped long before that", Check::C5, |house| {
        house.marks.push(Mark::Warp { at_ns: 0 });
        let rec = no(house, 0);
        house.no_in(rec).at.0 += 5 * SECOND;
        house.input()
    }),
    ("taking back a bid moves the end as it likes", Check::C5, |house| {
        let at = place(house, |fact| matches!(fact, Fact::BidRetracted(_)));
        if let Fact::BidRetracted(undone) = &mut house.events[at].0.fact {
            undone.now.end.0 += SECOND;
        }
        forget_events(house);
        house.input()
    }),
];

/// The ends in force after and before the event at this place.
fn ends(house: &House, at: usize) -> (i64, i64) {
    let end = |upto: usize| {
        let of = |fact: &Fact| match fact {
            Fact::Opened { end } | Fact::Resumed { end } => Some(end.0),
            Fact::BidPlaced(placed) => Some(placed.now.end.0),
            Fact::BidRetracted(undone) => Some(undone.now.end.0),
            _ => None,
        };
        house.events[..upto].iter().rev().find_map(|(event, _)| of(&event.fact)).unwrap()
    };
    (end((at + 1).min(house.events.len())), end(at))
}

fn outcome(house: &mut House, change: impl FnOnce(&mut Sale)) -> Input {
    let at = place(house, |fact| matches!(fact, Fact::Closed { .. }));
    if let Fact::Closed { outcome: Outcome::Sold(sale), .. } = &mut house.events[at].0.fact {
        change(sale);
    }
    forget_events(house);
    house.input()
}

const OUTCOMES: &[Bad] = &[
    ("closed an hour late", Check::C6, |house| {
        let at = place(house, |fact| matches!(fact, Fact::Closed { .. }));
        house.events[at..].iter_mut().for_each(|(event, _)| event.at.0 += 3600 * SECOND);
        house.now += 3600 * SECOND;
        house.history.retain(|rec| !matches!(&rec.res, Res::Refused(no) if no.code == "closed"));
        forget_events(house);
        house.input()
    }),
    ("another wins", Check::C6, |house| outcome(house, |sale| sale.winner = paddle(1))),
    ("the hammer falls at another price", Check::C6, |house| {
        outcome(house, |sale| sale.hammer_price = amount(1))
    }),
    ("the premium is a cent short", Check::C6, |house| outcome(house, |sale| sale.premium -= 1)),
    ("the buyer pays more", Check::C6, |house| outcome(house, |sale| sale.buyer_pays += 1)),
    ("the house pays", Check::C6, |house| outcome(house, |sale| sale.house_pays = 5)),
    ("the certificate names another head", Check::C6, |house| {
        let at = place(house, |fact| matches!(fact, Fact::Certified { .. }));
        house.events[at].0.fact = Fact::Certified { head: Digest([1; 32]) };
        forget_events(house);
        house.input()
    }),
    ("never closed", Check::C6, |house| {
        let at = place(house, |fact| matches!(fact, Fact::Closed { .. }));
        house.events.truncate(at);
        house.history.retain(|rec| witnessed(rec) <= at as u64);
        house.seen.clear();
        house.input()
    }),
    ("never certified", Check::C6, |house| {
        let at = place(house, |fact| matches!(fact, Fact::Certified { .. }));
        house.events.truncate(at);
        house.history.retain(|rec| witnessed(rec) <= at as u64);
        house.seen.clear();
        house.input()
    }),
];

fn witnessed(rec: &Rec) -> u64 {
    match &rec.res {
        Res::Ok(told) | Res::Value(told) => told.version,
        Res::Refused(no) => no.version,
        _ => 0,
    }
}

/// The first state that a guest is shown.
fn first_state(house: &House) -> usize {
    house.seen.iter().position(|seen| seen.kind == SeenKind::State).unwrap()
}

const ROOM: &[Bad] = &[
    ("states that do not join", Check::C7, |house| {
        let at = first_state(house) + 1;
        house.seen[at].digest += 1;
        house.input()
    }),
    ("a state is left out and nobody says so", Check::C7, |house| {
        house.seen.remove(first_state(house) + 1);
        house.input()
    }),
    ("a state older than the one before", Check::C7, |house| {
        let at = first_state(house);
        house.seen.swap(at, at + 1);
        house.input()
    }),
    ("a state of a version that never was", Check::C7, |house| {
        let at = house.seen.iter().rposition(|seen| seen.kind == SeenKind::State).unwrap();
        house.seen[at].version += 1;
        house.input()
    }),
    ("a state before he was let in", Check::C7, |house| {
        let at = first_state(house);
        house.seen.swap(at - 1, at);
        house.input()
    }),
    ("all is quiet and he was shown an older state", Check::C7, |house| {
        let at = house.seen.iter().rposition(|seen| seen.kind == SeenKind::State).unwrap();
        house.seen.remove(at);
        house.input()
    }),
    ("a version that is not there yet is believed", Check::C7, |house| {
        let begin = first_state(house) - 1;
        house.seen[begin].version = 1_000;
        house.input()
    }),
    ("something that was said is lost", Check::C7, |house| {
        let at = house.seen.iter().position(|seen| seen.kind == SeenKind::Word).unwrap();
        house.seen.remove(at);
        house.input()
    }),
    ("something is said twice", Check::C7, |house| {
        let at = house.seen.iter().position(|seen| seen.kind == SeenKind::Word).unwrap();
        house.seen.insert(at, house.seen[at]);
        house.input()
    }),
    ("another bid is among the best", Check::C3, |house| {
        let rec = look(house, 1);
        house.told_in(rec).top.as_mut().unwrap()[0].2 += 1;
        house.input()
    }),
    ("one of the best bids is missing", Check::C3, |house| {
        let rec = look(house, 2);
        house.told_in(rec).top.as_mut().unwrap().pop();
        house.input()
    }),
    ("the best bids are in the wrong order", Check::C3, |house| {
        let rec = look(house, 2);
        house.told_in(rec).top.as_mut().unwrap().swap(0, 1);
        house.input()
    }),
    ("he is told that he wins, and another leads", Check::C3, |house| {
        let rec = look(house, 2);
        house.told_in(rec).winning = Some(true);
        house.input()
    }),
    ("he leads, and is not told so", Check::C3, |house| {
        let rec = look(house, 0);
        house.told_in(rec).winning = Some(false);
        house.input()
    }),
];

const STREAMS: &[Bad] = &[
    ("a hole in a stream", Check::C7, |house| {
        house.seen.remove(4);
        house.input()
    }),
    ("a version is shown twice", Check::C7, |house| {
        let seen = house.seen[4];
        house.seen.insert(4, seen);
        house.input()
    }),
    ("versions in the wrong order", Check::C7, |house| {
        house.seen.swap(4, 5);
        house.input()
    }),
    ("shown otherwise than it is in the log", Check::C7, |house| {
        house.seen[4].digest ^= 1;
        house.input()
    }),
    ("shown what never became durable", Check::C7, |house| {
        let quiet = house.seen.iter().position(|seen| seen.kind == SeenKind::Quiet).unwrap();
        let version = house.events.len() as u64 + 1;
        let seen = Seen { version, digest: 5, kind: SeenKind::Event, ..house.seen[quiet - 1] };
        house.seen.insert(quiet, seen);
        house.input()
    }),
    ("all is quiet and he has not everything", Check::C7, |house| {
        let quiet = house.seen.iter().position(|seen| seen.kind == SeenKind::Quiet).unwrap();
        house.seen.remove(quiet - 1);
        house.input()
    }),
    ("he sees something after he was cut off", Check::C7, |house| {
        let seen = Seen { kind: SeenKind::Closed, ..house.seen[4] };
        house.seen.insert(4, seen);
        house.input()
    }),
    ("he goes on after a version that he has not seen", Check::C7, |house| {
        let cut = Seen { kind: SeenKind::Closed, ..house.seen[4] };
        let version = house.seen[4].version + 2;
        let begin = Seen { version, kind: SeenKind::Begin, ..cut };
        house.seen.splice(4..6, [cut, begin]);
        house.input()
    }),
];

const REST: &[Bad] = &[
    ("no answer though nothing is wrong", Check::C10, |house| {
        house.marks.push(Mark::Heal { at_ns: 0 });
        let rec = no(house, 4);
        house.history[rec].res = Res::NoReply;
        house.history[rec].ret_ns = None;
        house.input()
    }),
    ("unknown though nothing is wrong", Check::C10, |house| {
        house.marks.push(Mark::Heal { at_ns: 0 });
        let rec = no(house, 4);
        house.history[rec].res = Res::Unknown;
        house.input()
    }),
    ("a slow answer though nothing is wrong", Check::C10, |house| {
        house.marks.push(Mark::Heal { at_ns: 0 });
        let rec = house.history.len() - 1;
        let late = house.history[rec].inv_ns + 3_000_000_000;
        house.history[rec].ret_ns = Some(late);
        house.input()
    }),
    ("it never comes to rest", Check::C10, |house| {
        house.marks.push(Mark::Heal { at_ns: house.nanos() });
        house.quiesced = false;
        house.input()
    }),
    ("a restart has another state", Check::C11, |house| {
        let version = house.events.len() as u64;
        for (of, state) in [("running", 1), ("restarted", 2)] {
            let auctions = vec![(house.id, version, state)];
            house.states.push(States { of: of.to_owned(), auctions });
        }
        house.input()
    }),
    ("a restart is behind the log", Check::C11, |house| {
        let auctions = vec![(house.id, 3, 1)];
        house.states.push(States { of: "restarted".to_owned(), auctions });
        house.input()
    }),
    ("a restart does not know an auction", Check::C11, |house| {
        house.states.push(States { of: "restarted".to_owned(), auctions: Vec::new() });
        house.input()
    }),
    ("a hash is changed", Check::C13, |house| {
        let mut input = house.input();
        input.log[4].event.as_mut().unwrap().hash.0[0] ^= 1;
        input
    }),
    ("a public part is changed", Check::C13, |house| {
        let mut input = house.input();
        let public = &mut input.log[0].event.as_mut().unwrap().public;
        let at = public.iter().rposition(|byte| *byte == b'1').unwrap();
        public[at] = b'2';
        input
    }),
    ("a public part cannot be read", Check::C13, |house| {
        let mut input = house.input();
        input.log[4].event.as_mut().unwrap().public.truncate(9);
        input
    }),
    ("a sealed part cannot be read", Check::C13, |house| {
        let mut input = house.input();
        input.log[4].event.as_mut().unwrap().sealed.clear();
        input
    }),
    ("an event names another predecessor", Check::C13, |house| {
        let mut input = house.input();
        input.log[4].event.as_mut().unwrap().previous = 1;
        input
    }),
    ("a position is left out", Check::C13, |house| {
        let mut input = house.input();
        input.log.iter_mut().skip(4).for_each(|logged| logged.position += 1);
        input
    }),
    ("two events have changed places", Check::C13, |house| {
        let mut input = house.input();
        let (a, b) = (input.log[4].event.clone(), input.log[5].event.clone());
        (input.log[4].event, input.log[5].event) = (b, a);
        input
    }),
    ("damage was planted, and nobody said so", Check::C13, |house| {
        house.marks.push(Mark::Planted { auction: house.id, reported: false });
        house.input()
    }),
    ("closed off without damage", Check::C13, |house| {
        let rec = no(house, 0);
        house.history[rec].res = Res::Quarantined;
        house.input()
    }),
    ("a receipt that is none", Check::C13, |house| {
        let rec = yes(house, 2) as u64;
        let mut input = house.input();
        input.receipts.push(Receipt { rec, bytes: b"{}".to_vec() });
        input
    }),
    ("a receipt for somebody else", Check::C13, |house| {
        with_receipt(house, |leaf| leaf.command = CommandId([9; 16]))
    }),
    ("a receipt with another hash", Check::C13, |house| {
        with_receipt(house, |leaf| leaf.hash.0[0] ^= 1)
    }),
    ("a receipt for another version", Check::C13, |house| {
        with_receipt(house, |leaf| leaf.version -= 1)
    }),
    ("a receipt that says no, after a yes", Check::C13, |house| {
        with_receipt(house, |leaf| leaf.code = Some("below_minimum".to_owned()))
    }),
];

/// An honest receipt for an acceptance, and then a lie in it.
fn with_receipt(house: &mut House, lie: impl FnOnce(&mut Leaf)) -> Input {
    let rec = yes(house, 2);
    let (version, command) = (house.told_in(rec).version, asked(house, rec).name());
    let mut input = house.input();
    let place = usize::try_from(version).unwrap() - 1;
    let (at, hash) = (house.events[place].0.at, input.log[place].event.as_ref().unwrap().hash);
    let (auction, amount) = (house.id, Some(amount(110)));
    let mut leaf = Leaf { auction, command, amount, at, code: None, end: None, version, hash };
    let key = LogKey::from_bytes([5; 32]);
    let signer = HouseKey::from_bytes(&[6; 32]);
    let issued = |leaf: &Leaf| {
        let bytes = issue(std::slice::from_ref(leaf), crate::house::HOUSE, at, &key, &signer);
        Receipt { rec: rec as u64, bytes: bytes.into_iter().next().unwrap() }
    };
    input.receipts = vec![issued(&leaf)];
    gavel_sim::checks::check(&input).unwrap();
    lie(&mut leaf);
    input.receipts = vec![issued(&leaf)];
    input
}
