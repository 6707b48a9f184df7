//! `at TIME WHO DOES WHAT`: a line as a command, and its outcome.

use super::given::Given;
use super::people::People;
use super::words::{amount, instant};
use crate::world::{DIGEST, World, by, create};
use gavel_auction::command::{Action, Amend, Offer, Person, PlaceBid};
use gavel_auction::event::{Channel, Digest, Event, Reason};
use gavel_auction::ids::{BidId, Paddle, Version};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::Slots;
use gavel_auction::refusal::Refusal;
use gavel_auction::time::Time;
use std::sync::Arc;

/// A scenario under way.
pub struct Stage {
    pub given: Given,
    pub people: People,
    pub world: World,
    pub now: Time,
    /// Who acts in this line.
    actor: String,
    /// What the last step came to.
    pub last: Result<Vec<Event>, Refusal>,
}

impl Stage {
    /// Creates the auction as given, at 0s.
    pub fn open(given: Given, mut people: People) -> Self {
        let seller = people.get("sam");
        let mut world = World::new(given.id);
        let slots = given.slots.clone().over(given.preset.slots(given.currency));
        let last = match slots.complete() {
            Err(problems) => Err(Refusal::TermsInvalid { problems }),
            Ok(terms) => {
                let mut wish = create(given.preset, given.currency, terms, given.publish);
                wish.seed = given.seed;
                world.ask(seller, Action::Create(Box::new(wish)), crate::world::ZERO)
            }
        };
        Self { given, people, world, now: crate::world::ZERO, actor: String::new(), last }
    }

    /// Does what a line says; an error if the line makes no sense.
    pub fn step(&mut self, text: &str) -> Result<(), String> {
        let unknown = || format!("not understood: {text}");
        let (time, what) = text.split_once(' ').ok_or_else(unknown)?;
        self.now = instant(time).ok_or_else(unknown)?;
        let words: Vec<&str> = what.split_whitespace().collect();
        self.last = match &words[..] {
            ["look"] => Ok(Vec::new()),
            ["tick"] => Ok(self.world.pass(self.now)),
            ["late", "tick"] => Ok(self.late(None)),
            ["one", "tick"] => Ok(self.world.tick(self.now, None)),
            ["before", "the", "tick", name, verb @ ..] => {
                let who = self.people.get(name);
                let action = self.action(verb).ok_or_else(unknown)?;
                self.world.submit(&by(who, None, action), self.now)
            }
            ["house", "was", "away", "from", from, "to", to] => {
                let from = instant(from).ok_or_else(unknown)?;
                Ok(self.late(Some((from, instant(to).ok_or_else(unknown)?))))
            }
            [name, verb @ ..] => {
                let who = self.people.get(name);
                self.actor = (*name).to_owned();
                self.world.pass(self.now);
                let (verb, version) = expected_version(verb);
                let action = self.action(verb).ok_or_else(unknown)?;
                self.world.submit(&by(who, version, action), self.now)
            }
            [] => return Err(unknown()),
        };
        Ok(())
    }

    /// Ticks at one and the same time until nothing is due.
    fn late(&mut self, mut outage: Option<(Time, Time)>) -> Vec<Event> {
        let mut happened = Vec::new();
        loop {
            let events = self.world.tick(self.now, outage.take());
            if events.is_empty() {
                return happened;
            }
            happened.extend(events);
        }
    }

    fn money(&self, text: &str) -> Option<Amount> {
        amount(text, self.given.currency)
    }

    fn action(&mut self, verb: &[&str]) -> Option<Action> {
        let reason = Reason::Other;
        Some(match verb {
            ["bids", "up", "to", price, rest @ ..] => {
                self.bid(Offer::Maximum(self.money(price)?), rest)?
            }
            ["bids", price, rest @ ..] => self.bid(Offer::Amount(self.money(price)?), rest)?,
            ["accepts", price] => Action::Accept { price: self.money(price)? },
            ["buys"] => Action::BuyNow,
            ["registers"] => Action::Register,
            ["approves", whom] => Action::Approve { paddle: self.paddle(whom)? },
            ["declines", whom] => Action::Decline { paddle: self.paddle(whom)? },
            ["retracts", which @ ..] => Action::Retract { bid: self.which(which)?, reason },
            ["voids", which @ ..] => Action::Void { bid: self.which(which)?, reason },
            _ => return self.operator(verb),
        })
    }

    fn operator(&mut self, verb: &[&str]) -> Option<Action> {
        let reason = Reason::Other;
        Some(match verb {
            ["publishes"] => Action::Publish,
            ["adds", "a", "note"] => Action::Addendum { digest: DIGEST },
            ["cancels"] => Action::Cancel { reason },
            ["holds"] => Action::Hold { reason },
            ["resumes"] => Action::Resume,
            ["closes"] => Action::Close { reason: None },
            ["reopens", "until", end] => {
                Action::Reopen { reason, ends_at: instant(end)?, seed: None }
            }
            ["reopens", "until", end, "seed", seed] => {
                let seed = Some(Digest([seed.parse().ok()?; 32]));
                Action::Reopen { reason, ends_at: instant(end)?, seed }
            }
            ["certifies"] => Action::Certify { head: DIGEST },
            ["creates", "it", "again"] => {
                let terms = self.world.auction.terms()?.as_ref().clone();
                let wish = create(self.given.preset, self.given.currency, terms, true);
                Action::Create(Box::new(wish))
            }
            ["amends", clauses @ ..] => self.amend(&clauses.join(" "))?,
            _ => return None,
        })
    }

    /// The terms as given, with these clauses over them.
    fn amend(&mut self, clauses: &str) -> Option<Action> {
        let mut given = self.given.clone();
        given.slots = Slots::default();
        given.read(clauses).ok()?;
        let changed =
            given.slots.schedule.take().filter(|schedule| *schedule != Default::default());
        given.slots.schedule = changed;
        let before: Slots = self.world.auction.terms()?.as_ref().clone().into();
        let terms = given.slots.over(before).complete().ok()?;
        let seed = given.seed.filter(|_| self.given.seed.is_none());
        let amend = Amend { terms: Arc::new(terms), listing_digest: DIGEST, seed };
        Some(Action::Amend(Box::new(amend)))
    }

    fn bid(&mut self, offer: Offer, rest: &[&str]) -> Option<Action> {
        let mut bid = PlaceBid::of(offer);
        let mut rest = rest;
        loop {
            match rest {
                [] => return Some(Action::Bid(bid)),
                ["confirmed", more @ ..] => {
                    bid.confirm = true;
                    rest = more;
                }
                ["for", whom, from, channel, more @ ..] if ["by", "from"].contains(from) => {
                    let channel = match *channel {
                        "phone" => Channel::Phone,
                        "floor" => Channel::Floor,
                        "absentee" => Channel::Absentee,
                        _ => return None,
                    };
                    bid.on_behalf_of = Some((self.paddle(whom)?, channel));
                    rest = more;
                }
                [currency, more @ ..] => {
                    bid.currency = Some(Currency::from_code(currency)?);
                    rest = more;
                }
            }
        }
    }

    /// A paddle by its holder's name, or `paddle:9`.
    fn paddle(&mut self, whom: &str) -> Option<Paddle> {
        if let Some(number) = whom.strip_prefix("paddle:") {
            return Paddle::new(number.parse().ok()?);
        }
        let user = self.people.get(whom).user;
        self.world.auction.book()?.paddle_of(user)
    }

    /// Nothing: the actor's latest. `bid 4` by version, `anna` the latest of hers, `anna 100` the
    /// one of that amount.
    fn which(&mut self, words: &[&str]) -> Option<BidId> {
        match words {
            [] => self.which(&[&self.actor.clone()]),
            ["bid", number] => number.parse().ok(),
            [who] => {
                let paddle = self.paddle(who)?;
                Some(self.world.auction.book()?.latest(paddle)?.id)
            }
            [who, price] => {
                let (paddle, price) = (self.paddle(who)?, self.money(price)?);
                let bids = self.world.auction.book()?.bids();
                let found = bids.iter().find(|bid| bid.paddle == paddle && bid.amount == price);
                Some(found?.id)
            }
            _ => None,
        }
    }

    /// The person of that name.
    pub fn person(&mut self, name: &str) -> Person {
        self.people.get(name)
    }
}

fn expected_version<'a>(words: &'a [&'a str]) -> (&'a [&'a str], Option<Version>) {
    match words {
        [verb @ .., "at", "version", number] => (verb, number.parse().ok()),
        _ => (words, None),
    }
}
