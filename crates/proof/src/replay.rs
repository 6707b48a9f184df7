//! Replays a history by the rules: finds for each event, or run of events of one decision, the
//! command that must have led to it, decides that command again, and compares every byte. Refuses
//! to know where hidden values come from: a log knows them, a certificate opens or supposes them.

use crate::chain::{genesis, link};
use crate::codec::reading::read_public;
use crate::codec::{FIELDS, field_text, render};
use gavel_auction::auction::Auction;
use gavel_auction::command::{
    Action, Actor, Amend, Command, Create, Offer, Person, PlaceBid, Roles, Tick,
};
use gavel_auction::event::{
    BidPlaced, CloseReason, Created, Digest, Event, Fact, Hidden, RULES_VERSION,
};
use gavel_auction::ids::{AuctionId, Paddle, UserId, Version};
use gavel_auction::terms::{Reserve, Terms};
use gavel_auction::time::Time;
use std::sync::Arc;
use thiserror::Error;

/// An event to replay, with its hidden fields as far as they are known or supposed.
pub(crate) struct Item<'a> {
    pub(crate) event: Event,
    pub(crate) public: &'a [u8],
}

/// The first event that is not what the rules make of what came before it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("event {version} is wrong: {what}")]
pub struct WrongEvent {
    /// Which.
    pub version: Version,
    /// What is wrong with it.
    pub what: String,
}

/// How much is known of what events hide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// All of it, users and clerks too.
    Whole,
    /// The committed fields, opened or supposed.
    Committed,
}

/// What a replay ends with.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) auction: Auction,
    pub(crate) head: Digest,
}

/// A decision that was found again.
pub(crate) struct Decided {
    pub(crate) command: Command,
    pub(crate) at: Time,
    pub(crate) events: Vec<Event>,
}

/// The latest instant that evidence may name: the end of the year 9999.
const LATEST: Time = Time(253_402_300_799_999_999);

/// Stand-ins for people begin here: paddle n is held by user 2^52 + n, staff is 2^52 itself.
const STAND_IN: i64 = 1 << 52;

/// Replays all items.
pub(crate) fn replay(
    id: AuctionId,
    items: &[Item<'_>],
    knowledge: Knowledge,
) -> Result<Replayed, WrongEvent> {
    replay_each(id, items, knowledge, drop)
}

/// Replays all items, and hands out each decision.
pub(crate) fn replay_each(
    id: AuctionId,
    items: &[Item<'_>],
    knowledge: Knowledge,
    mut each: impl FnMut(Decided),
) -> Result<Replayed, WrongEvent> {
    let first = items.first().map(|item| &item.event.fact);
    let Some(Fact::Created(created)) = first else {
        let what = "a history begins with the event `created`".to_owned();
        return Err(WrongEvent { version: 1, what });
    };
    if created.rules_version != RULES_VERSION {
        let what = format!("it is decided by rules {}, not known here", created.rules_version);
        return Err(WrongEvent { version: 1, what });
    }
    let mut state = Replayed { auction: Auction::new(id), head: genesis(created.house, id) };
    let mut rest = items;
    while !rest.is_empty() {
        let Some(decided) = decision(&state, rest, knowledge)? else { break };
        for (event, item) in decided.events.iter().zip(rest) {
            state.auction.apply(event);
            state.head = link(&state.head, item.public);
        }
        rest = rest.get(decided.events.len()..).unwrap_or_default();
        each(decided);
    }
    Ok(state)
}

/// Decides anew what the first of `items` began.
fn decision(
    state: &Replayed,
    items: &[Item<'_>],
    knowledge: Knowledge,
) -> Result<Option<Decided>, WrongEvent> {
    let Some(first) = items.first() else { return Ok(None) };
    let version = state.auction.version() + 1;
    let wrong = |what: &str| WrongEvent { version, what: what.to_owned() };
    let times = [Some(first.event.at), span(&first.event.fact).map(|(from, _)| from)];
    let times = times.into_iter().chain([span(&first.event.fact).map(|(_, to)| to)]).flatten();
    if times.into_iter().any(|at| at < Time(0) || at > LATEST) {
        return Err(wrong("its time lies outside the years 1970 to 9999"));
    }
    let mut best: Option<WrongEvent> = None;
    for command in commands(state, items) {
        let found = match state.auction.decide(&command, first.event.at) {
            Err(refusal) => wrong(&format!("the rules refuse it ({}): {refusal}", refusal.code())),
            Ok(events) if events.is_empty() => wrong("nothing was due at that time"),
            Ok(events) => match difference(&events, items, knowledge) {
                None => return Ok(Some(Decided { command, at: first.event.at, events })),
                Some(different) => different,
            },
        };
        if best.as_ref().is_none_or(|best| found.version > best.version) {
            best = Some(found);
        }
    }
    Err(best.unwrap_or_else(|| wrong("no command leads to it")))
}

fn span(fact: &Fact) -> Option<(Time, Time)> {
    if let Fact::Extended { from, to, .. } = fact { Some((*from, *to)) } else { None }
}

/// The first event of a decision that is not, byte for byte, the one that is recorded.
fn difference(decided: &[Event], items: &[Item<'_>], knowledge: Knowledge) -> Option<WrongEvent> {
    let mut items = items.iter();
    for event in decided {
        let wrong = |what: String| Some(WrongEvent { version: event.version, what });
        let Some(item) = items.next() else {
            return wrong("it is missing, though it was decided with the one before it".to_owned());
        };
        let Ok(part) = read_public(item.public) else {
            return wrong("it cannot be read".to_owned());
        };
        let rendered = render(event, part.commit.get().as_bytes());
        if rendered != item.public {
            let text = String::from_utf8_lossy(&rendered).into_owned();
            return wrong(format!("by the rules it is {text}"));
        }
        for field in FIELDS {
            let (ours, theirs) = (&event.hidden, &item.event.hidden);
            if field_text(ours, field) != field_text(theirs, field) {
                return wrong(format!("by the rules its hidden {field} is another"));
            }
        }
        if knowledge == Knowledge::Whole && event.hidden != item.event.hidden {
            return wrong("by the rules its user or clerk is another".to_owned());
        }
    }
    None
}

/// Who stands behind a paddle: whoever is known, else a stand-in.
fn holder(auction: &Auction, paddle: Paddle, hidden: &Hidden) -> Person {
    let known = auction.book().and_then(|book| book.bidder(paddle)).map(|bidder| bidder.user);
    Person::new(known.or(hidden.user).unwrap_or_else(|| stand_in(paddle.get())), Roles::MEMBER)
}

fn stand_in(number: i64) -> UserId {
    let id = STAND_IN.checked_add(number).and_then(UserId::new);
    id.unwrap_or_else(|| UserId::new(STAND_IN).expect("2^52 is an id"))
}

/// The commands that can have led to the first of these items, the likeliest first.
fn commands(state: &Replayed, items: &[Item<'_>]) -> Vec<Command> {
    let Some((Item { event, .. }, later)) = items.split_first() else { return Vec::new() };
    let Replayed { auction, head } = state;
    let by = |person: Person, action: Action| {
        vec![Command { actor: Actor::Person(person), expected_version: None, action }]
    };
    let staff = Person::new(stand_in(0), Roles::ADMIN);
    let seller = Person::new(auction.seller().unwrap_or(staff.user), Roles::MEMBER);
    let holder = |paddle: Paddle| holder(auction, paddle, &event.hidden);
    let tick = |outage| Command::by_house(Action::Tick(Tick { head: *head, outage }));
    match &event.fact {
        Fact::Created(created) => creations(created, &event.hidden),
        Fact::Amended(amended) => by(
            seller,
            Action::Amend(Box::new(Amend {
                terms: whole_terms(&amended.terms, &event.hidden),
                listing_digest: amended.listing_digest,
                seed: event.hidden.seed,
            })),
        ),
        Fact::Addendum { digest } => by(seller, Action::Addendum { digest: *digest }),
        Fact::Published {} => by(seller, Action::Publish),
        Fact::Opened { .. } => vec![tick(None)],
        Fact::Extended { from, to, .. } => vec![tick(Some((*from, *to)))],
        Fact::BidderRegistered { paddle } => by(holder(*paddle), Action::Register),
        Fact::BidderApproved { paddle } => by(staff, Action::Approve { paddle: *paddle }),
        Fact::BidderDeclined { paddle } => by(staff, Action::Decline { paddle: *paddle }),
        Fact::BidPlaced(placed) => bids(auction, placed, &event.hidden),
        Fact::BuyNowTaken { paddle, .. } => by(holder(*paddle), Action::BuyNow),
        Fact::ClockAccepted { amount, paddle } => {
            by(holder(*paddle), Action::Accept { price: *amount })
        }
        Fact::BidRetracted(undone) => {
            let bid = auction.book().and_then(|book| book.bid(undone.bid));
            let owner = bid.map_or(staff, |bid| holder(bid.paddle));
            by(owner, Action::Retract { bid: undone.bid, reason: undone.reason })
        }
        Fact::BidVoided(undone) => {
            by(staff, Action::Void { bid: undone.bid, reason: undone.reason })
        }
        Fact::BidPromoted { .. } => {
            let mut all = vec![tick(None)];
            if let Some(Fact::Closed { reason: CloseReason::Clerk, why, .. }) =
                later.first().map(|next| &next.event.fact)
            {
                all.extend(by(staff, Action::Close { reason: *why }));
            }
            all
        }
        Fact::Held { reason } => by(staff, Action::Hold { reason: *reason }),
        Fact::Resumed { .. } => by(staff, Action::Resume),
        Fact::Closed { reason, why, .. } => match reason {
            CloseReason::Clerk => by(staff, Action::Close { reason: *why }),
            CloseReason::Time | CloseReason::Bought | CloseReason::Clock => vec![tick(None)],
        },
        Fact::Reopened { end, reason } => {
            let seed = event.hidden.seed;
            by(staff, Action::Reopen { reason: *reason, ends_at: *end, seed })
        }
        Fact::Cancelled { reason } => by(staff, Action::Cancel { reason: *reason }),
        Fact::Certified { .. } => {
            let mut all = vec![tick(None)];
            all.extend(by(staff, Action::Certify { head: *head }));
            all
        }
    }
}

/// Creating, with and without publishing at once.
fn creations(created: &Created, hidden: &Hidden) -> Vec<Command> {
    let Created { currency, house, listing_digest, log_key, preset, seller, terms, .. } = created;
    let terms = whole_terms(terms, hidden);
    let command = |publish| Command {
        actor: Actor::Person(Person::new(*seller, Roles::MEMBER)),
        expected_version: None,
        action: Action::Create(Box::new(Create {
            house: *house,
            log_key: *log_key,
            currency: *currency,
            preset: *preset,
            terms: Arc::clone(&terms),
            listing_digest: *listing_digest,
            seed: hidden.seed,
            publish,
        })),
    };
    vec![command(true), command(false)]
}

/// The terms as the seller gave them: the public ones with the hidden reserve put back.
fn whole_terms(terms: &Arc<Terms>, hidden: &Hidden) -> Arc<Terms> {
    if hidden.reserve.is_none() {
        return Arc::clone(terms);
    }
    let reserve = Reserve::Hidden { amount: hidden.reserve };
    Arc::new(Terms { reserve, ..Terms::clone(terms) })
}

/// The bid that was placed: by its bidder, or by a clerk for a paddle.
fn bids(auction: &Auction, placed: &BidPlaced, hidden: &Hidden) -> Vec<Command> {
    let amount = placed.amount.or(hidden.maximum).or(hidden.amount);
    let (Some(paddle), Some(amount)) = (placed.paddle.or(hidden.paddle), amount) else {
        return Vec::new();
    };
    let person = match placed.channel {
        None => holder(auction, paddle, hidden),
        Some(_) => Person::new(hidden.clerk.unwrap_or_else(|| stand_in(0)), Roles::ADMIN),
    };
    let on_behalf_of = placed.channel.map(|channel| (paddle, channel));
    let bid = PlaceBid { confirm: true, on_behalf_of, ..PlaceBid::of(Offer::Amount(amount)) };
    let actor = Actor::Person(person);
    vec![Command { actor, expected_version: None, action: Action::Bid(bid) }]
}
