//! What follows `->` and `then`: facts, each a key and what it should read. Every fact about the
//! state goes through a view, so that what an audience sees is what is checked.

use super::draw;
use super::step::Stage;
use super::words::{amount, normal, print_amount, print_instant};
use gavel_auction::command::Roles;
use gavel_auction::event::{Digest, Fact, Next};
use gavel_auction::ids::Paddle;
use gavel_auction::money::Amount;
use gavel_auction::outcome::{Outcome, PassedReason, Sale};
use gavel_auction::refusal::Refusal;
use gavel_auction::time::Time;
use gavel_auction::view::{Head, View, Viewer};

/// A fact that reads otherwise.
pub struct Wrong {
    pub fact: String,
    pub actual: String,
}

const TWO_WORDS: [&str; 8] = [
    "base end",
    "scheduled end",
    "buy now",
    "house pays",
    "reserve amount",
    "confirm above",
    "may not",
    "stood still",
];

impl Stage {
    /// Checks `ok, price 100, anna next 125`; the first fact after `->` is `ok` or a refusal.
    pub fn expect(&mut self, facts: &str, outcome_first: bool) -> Result<(), Wrong> {
        let mut facts = facts.split(", ").map(str::trim);
        if outcome_first {
            let code = facts.next().unwrap_or_default();
            let actual = self.last.as_ref().map_or_else(Refusal::code, |_| "ok");
            let actual = actual.to_owned();
            if code != actual {
                return Err(Wrong { fact: code.to_owned(), actual });
            }
        }
        facts.try_for_each(|fact| {
            let expected = normal(fact, self.given.currency);
            let actual = self.read(fact);
            if actual == expected { Ok(()) } else { Err(Wrong { fact: fact.to_owned(), actual }) }
        })
    }

    /// The fact as it really reads, in the same words.
    fn read(&mut self, fact: &str) -> String {
        let words: Vec<&str> = fact.split_whitespace().collect();
        match &words[..] {
            ["draw", interval, "among", candidates @ .., "falls", "on", _] => {
                self.draw(interval, candidates)
            }
            ["problems", ..] => self.problems(),
            ["events", ..] => self.events(),
            ["data", ..] => self.last_data(),
            ["hidden", ..] => self.last_hidden(),
            [who, "sees", rest @ ..] => {
                let viewer = self.viewer(who);
                format!("{who} sees {}", self.seen(&viewer, rest))
            }
            [
                who,
                key @ ("next" | "stands" | "may" | "amount" | "maximum" | "paddle"),
                rest @ ..,
            ] if !["reserve", "field"].contains(who) => {
                let viewer = self.viewer(who);
                format!("{who} {key} {}", self.yours(&viewer, key, rest))
            }
            [..] => match self.refused(&words) {
                Some(actual) => actual,
                None => self.seen(&Viewer::default(), &words),
            },
        }
    }

    fn viewer(&mut self, who: &str) -> Viewer {
        match who {
            "public" => Viewer::default(),
            "clerk" => Viewer { roles: Roles::CLERK, ..Viewer::default() },
            "admin" => Viewer { roles: Roles::ADMIN, ..Viewer::default() },
            "seller" => self.viewer("sam"),
            name => {
                let person = self.person(name);
                Viewer { user: Some(person.user), roles: person.roles, banned: person.banned }
            }
        }
    }

    fn sum(&self, amount: Option<Amount>) -> String {
        amount.map_or("none".to_owned(), |amount| print_amount(amount, self.given.currency))
    }

    fn minor(&self, minor: i64) -> String {
        Amount::new(minor).map_or(minor.to_string(), |amount| self.sum(Some(amount)))
    }

    fn holder(&self, paddle: Option<Paddle>) -> String {
        let user = paddle.and_then(|paddle| self.world.auction.book()?.bidder(paddle));
        user.map_or("none".to_owned(), |bidder| self.people.name(bidder.user))
    }

    /// A fact that the refusal itself states.
    fn refused(&self, words: &[&str]) -> Option<String> {
        let refusal = self.last.as_ref().err()?;
        let key = if words.starts_with(&["confirm"]) { "confirm above" } else { words[0] };
        let value = match (refusal, key) {
            (
                Refusal::BelowStart { minimum_next } | Refusal::BelowMinimum { minimum_next },
                "minimum",
            ) => self.sum(*minimum_next),
            (Refusal::AboveMaximum { maximum_next }, "maximum") => self.sum(*maximum_next),
            (Refusal::NotAboveOwn { above }, "above") => self.sum(*above),
            (Refusal::OverLimit { headroom }, "headroom") => {
                headroom.map_or("none".to_owned(), |headroom| self.minor(headroom))
            }
            (Refusal::ConfirmNeeded { confirm_above }, "confirm above") => {
                self.sum(Some(*confirm_above))
            }
            (Refusal::ClockMoved { price }, "clock") => self.sum(Some(*price)),
            (Refusal::VersionMismatch { version }, "version") => version.to_string(),
            (Refusal::NotOpenYet { starts_at }, "opens") => time(*starts_at),
            (Refusal::Malformed { field, .. }, "field") => (*field).to_owned(),
            (Refusal::Closed { outcome }, "outcome") => {
                outcome.map_or("undecided".to_owned(), |outcome| self.outcome(&outcome))
            }
            (refusal, "transient") => refusal.is_transient().to_string(),
            _ => return None,
        };
        Some(format!("{key} {value}"))
    }

    /// A fact as an audience sees it.
    fn seen(&self, viewer: &Viewer, words: &[&str]) -> String {
        let Some(head) = self.world.auction.head() else { return "no auction".to_owned() };
        if !head.is_known_to(viewer) {
            return "nothing".to_owned();
        }
        let key = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        let key = if TWO_WORDS.contains(&&*key) { &*key } else { words[0] };
        let book = self.world.auction.book().unwrap();
        let mine = viewer.user.and_then(|user| self.world.auction.mine(user));
        let view = head.view(viewer, mine.as_ref(), self.now);
        let value = match key {
            "price" => self.sum(view.price),
            "leader" => self.holder(view.leader),
            "minimum" | "maximum" => match (view.next, key) {
                (Next::Minimum(next), "minimum") | (Next::Maximum(next), "maximum") => {
                    self.sum(next)
                }
                (Next::Minimum(_), _) => "is a minimum here".to_owned(),
                (Next::Maximum(_), _) => "is a maximum here".to_owned(),
            },
            "state" => view.state.to_owned(),
            "bids" => view.bid_count.to_string(),
            "bidders" => view.bidder_count.map_or("hidden".to_owned(), |count| count.to_string()),
            "reserve" => match view.reserve_met {
                None => "unknown".to_owned(),
                Some(met) => if met { "met" } else { "not met" }.to_owned(),
            },
            "reserve amount" => self.sum(view.terms.reserve.amount()),
            "buy now" => self.sum(view.buy_now),
            "total" => view.total_to_pay.map_or("none".to_owned(), |total| self.minor(total)),
            "drop" => time(view.next_drop_at),
            "winner" => view.winner_user.map_or("none".to_owned(), |user| self.people.name(user)),
            "paddles" => book.bidders().len().to_string(),
            _ => return self.plain(&head, &view, key),
        };
        format!("{key} {value}")
    }

    /// Facts that are the same for all audiences.
    fn plain(&self, head: &Head, view: &View, key: &str) -> String {
        let sale = || view.outcome.and_then(|outcome| outcome.sale().copied());
        let of_sale = |read: fn(&Sale) -> i64| {
            sale().map_or("none".to_owned(), |sale| match read(&sale) {
                0 => "0".to_owned(),
                minor => self.minor(minor),
            })
        };
        let value = match key {
            "sold" | "passed" | "cancelled" | "undecided" => {
                return view.outcome.map_or("undecided".to_owned(), |end| self.outcome(&end));
            }
            "end" => time(head.effective_end()),
            "base end" => time(head.running.base_end),
            "scheduled end" => time(head.running.scheduled_end),
            "opened" => time(head.running.opened),
            "version" => head.version.to_string(),
            "certified" => if head.certified.is_some() { "yes" } else { "no" }.to_owned(),
            "epoch" => self.world.auction.epoch().to_string(),
            "hammer" => of_sale(|sale| sale.hammer_price.minor()),
            "pays" => of_sale(|sale| sale.buyer_pays),
            "house pays" => of_sale(|sale| sale.house_pays),
            "premium" => of_sale(|sale| sale.premium),
            "tax" => of_sale(|sale| sale.tax),
            "commission" => of_sale(|sale| sale.commission),
            "extended" => if self.extended() { "yes" } else { "no" }.to_owned(),
            _ => return format!("(no such fact: {key})"),
        };
        format!("{key} {value}")
    }

    fn outcome(&self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Sold(sale) => {
                let price = self.sum(Some(sale.hammer_price));
                format!("sold {} {price}", self.holder(Some(sale.winner)))
            }
            Outcome::Passed { reason: PassedReason::NoBids } => "passed no_bids".to_owned(),
            Outcome::Passed { reason: PassedReason::ReserveNotMet } => {
                "passed reserve_not_met".to_owned()
            }
            Outcome::Passed { reason: PassedReason::ClockRanOut } => {
                "passed clock_ran_out".to_owned()
            }
            Outcome::Cancelled {} => "cancelled".to_owned(),
        }
    }

    fn yours(&self, viewer: &Viewer, key: &str, rest: &[&str]) -> String {
        let Some(head) = self.world.auction.head() else { return "no auction".to_owned() };
        let mine = viewer.user.and_then(|user| self.world.auction.mine(user));
        let view = head.view(viewer, mine.as_ref(), self.now);
        let Some(you) = view.you else { return "nobody".to_owned() };
        match key {
            "next" => self.sum(you.next),
            "stands" => you.standing.map_or("nowhere", |standing| standing.word()).to_owned(),
            "amount" => self.sum(you.amount),
            "maximum" => self.sum(you.maximum),
            "paddle" => you.paddle.map_or("none".to_owned(), |paddle| paddle.to_string()),
            _ if rest.first() == Some(&"not") => {
                assert_eq!(you.can_bid, you.why_not.is_none());
                format!("not {}", you.why_not.unwrap_or("(he may)"))
            }
            _ => match you.why_not {
                None => "bid".to_owned(),
                Some(code) => format!("not {code}"),
            },
        }
    }

    fn extended(&self) -> bool {
        let events = self.last.as_deref().unwrap_or_default();
        events.iter().any(|event| match &event.fact {
            Fact::BidPlaced(bid) => bid.now.extended,
            Fact::BidRetracted(undone) | Fact::BidVoided(undone) => undone.now.extended,
            Fact::Extended { .. } => true,
            _ => false,
        })
    }

    fn problems(&self) -> String {
        let Err(Refusal::TermsInvalid { problems }) = &self.last else {
            return "no problems".to_owned();
        };
        let named = problems.iter().map(|problem| format!(" {}/{}", problem.field, problem.code));
        format!("problems{}", named.collect::<String>())
    }

    fn events(&self) -> String {
        let kind = |fact: &Fact| serde_json::to_value(fact).unwrap()["kind"].clone();
        let events = self.last.as_deref().unwrap_or_default().iter();
        let named = events.map(|event| format!(" {}", kind(&event.fact).as_str().unwrap()));
        format!("events{}", named.collect::<String>())
    }

    /// The names of what the last event shows to everybody.
    fn last_data(&self) -> String {
        let Some(event) = self.world.events.last() else { return "data none".to_owned() };
        let fact = serde_json::to_value(&event.fact).unwrap();
        let data = fact["data"].as_object().unwrap();
        let mut names: Vec<&str> = data.keys().map(String::as_str).collect();
        names.sort_unstable();
        format!("data {}", names.join(" "))
    }

    /// The names of what the last event hides.
    fn last_hidden(&self) -> String {
        let Some(event) = self.world.events.last() else { return "hidden none".to_owned() };
        let hidden = serde_json::to_value(&event.hidden).unwrap();
        let mut names: Vec<&str> = hidden.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        if names.is_empty() {
            "hidden none".to_owned()
        } else {
            format!("hidden {}", names.join(" "))
        }
    }

    /// `draw 0 among anna:100*1 bert:120*3 falls on bert:120`: computed by hand, and compared with
    /// the event.
    fn draw(&self, interval: &str, candidates: &[&str]) -> String {
        let number: u64 = interval.parse().unwrap_or(u64::MAX);
        let fact = self.world.events.iter().rev().find_map(|event| match &event.fact {
            Fact::BidPromoted { bid, interval, .. } if *interval == number => Some(*bid),
            _ => None,
        });
        let Some(bid) = fact.and_then(|bid| self.world.auction.book()?.bid(bid)) else {
            return format!("no draw {interval}");
        };
        let drawn = format!("{}:{}", self.holder(Some(bid.paddle)), self.sum(Some(bid.amount)));
        let weights = candidates.iter().map(|text| text.rsplit_once('*').unwrap_or((*text, "1")));
        let (names, weights): (Vec<&str>, Vec<u64>) =
            weights.map(|(name, weight)| (name, weight.parse::<u64>().unwrap_or(0))).unzip();
        let names: Vec<String> = names.iter().map(|name| self.normal_bid(name)).collect();
        let index = draw::by_hand(&self.last_seed(), self.given.id, number, &weights);
        let listed = candidates.join(" ");
        if names[index] == drawn {
            format!("draw {interval} among {listed} falls on {drawn}")
        } else {
            format!("by hand {}, by the rules {drawn}", names[index])
        }
    }

    fn normal_bid(&self, text: &str) -> String {
        let (name, price) = text.split_once(':').unwrap_or((text, ""));
        format!("{name}:{}", self.sum(amount(price, self.given.currency)))
    }

    fn last_seed(&self) -> Digest {
        let mut seeds = self.world.events.iter().rev().filter_map(|event| event.hidden.seed);
        seeds.next().expect("a draw has a seed")
    }
}

fn time(at: Option<Time>) -> String {
    at.map_or("none".to_owned(), print_instant)
}
