//! Why a bid stands as it does, in a code and in words, for whoever placed it. Judged from what
//! everybody may know of an auction and from the asker's own amounts, so it cannot tell anything
//! else: facts are all that comes in. Refuses to know who asks.

use crate::event::{CloseReason, Fact, Reason};
use crate::ids::{BidId, Paddle, Version};
use crate::money::{Amount, Currency, print_major};
use crate::outcome::{Outcome, PassedReason, Sale};
use crate::terms::{Admission, Direction, Pricing, Terms};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a bid stands as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It leads.
    Leading,
    /// Another one was as good or better before it came.
    OutbidAtOnce,
    /// It led, until another one took the lead.
    Outbid,
    /// It stands among others, of which another ranks best.
    Standing,
    /// Nobody is told before the close.
    Sealed,
    /// The bidder's own later bid counts instead.
    Replaced,
    /// Its bidder took it back.
    Retracted,
    /// The house struck it out.
    Voided,
    /// It won.
    Won,
    /// Another one won.
    Lost,
    /// It led, and somebody bought at a fixed price.
    Bought,
    /// It was not enough for the seller.
    ReserveNotMet,
    /// The auction was called off.
    Cancelled,
}

impl Why {
    /// The stable word for it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Leading => "leading",
            Self::OutbidAtOnce => "outbid_at_once",
            Self::Outbid => "outbid",
            Self::Standing => "standing",
            Self::Sealed => "sealed",
            Self::Replaced => "replaced",
            Self::Retracted => "retracted",
            Self::Voided => "voided",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Bought => "bought",
            Self::ReserveNotMet => "reserve_not_met",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Why one bid stands as it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Why, as a code.
    pub why: Why,
    /// Why, in words.
    pub text: String,
    /// The event that made it so.
    pub by: Option<Version>,
    /// The public price after that event.
    pub price: Option<Amount>,
    /// Who led after that event.
    pub leader: Option<Paddle>,
    /// What came of the auction.
    pub outcome: Option<Outcome>,
}

/// The bid that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The bid.
    pub bid: BidId,
    /// Whose it is.
    pub paddle: Paddle,
    /// The asker's own bids with their amounts or maxima.
    pub own: &'a BTreeMap<BidId, Amount>,
}

/// Explains a bid from the public facts of its auction, each with its version, in order. None if
/// they hold no such bid.
pub fn explain<'a>(
    asked: &Asked<'_>,
    facts: impl IntoIterator<Item = (Version, &'a Fact)>,
) -> Option<Explanation> {
    let mut story = Story::default();
    for (version, fact) in facts {
        story.follow(asked, version, fact);
    }
    let (terms, currency) = (story.terms.clone()?, story.currency?);
    let judged = story.placed.then(|| story.judge(asked, &terms))?;
    let tale = Tale { story: &story, asked, terms: &terms, currency };
    Some(Explanation {
        why: judged,
        text: tale.text(judged),
        by: tale.by(judged),
        price: tale.at_that_time(judged).and_then(|turn| turn.price),
        leader: tale.at_that_time(judged).and_then(|turn| turn.leader),
        outcome: story.ended.map(|ended| ended.outcome),
    })
}

/// A public event that moved, or could have moved, price or leader.
#[derive(Clone, Copy)]
struct Turn {
    version: Version,
    price: Option<Amount>,
    leader: Option<Paddle>,
    /// Whether the house doubled a bid, rather than somebody bidding.
    doubled: bool,
}

#[derive(Clone, Copy)]
struct Ended {
    version: Version,
    outcome: Outcome,
    reason: Option<CloseReason>,
}

#[derive(Clone, Copy)]
struct Undone {
    version: Version,
    reason: Reason,
    by_house: bool,
}

/// What happened to the bid.
#[derive(Default)]
struct Story {
    terms: Option<Arc<Terms>>,
    currency: Option<Currency>,
    placed: bool,
    promoted: bool,
    /// The latest turn.
    now: Option<Turn>,
    /// The turn since which it does not lead.
    lost: Option<Turn>,
    undone: Option<Undone>,
    /// The bidder's own later bids that stand.
    later: Vec<BidId>,
    ended: Option<Ended>,
}

impl Story {
    fn follow(&mut self, asked: &Asked<'_>, version: Version, fact: &Fact) {
        match fact {
            Fact::Created(created) => {
                self.terms = Some(Arc::clone(&created.terms));
                self.currency = Some(created.currency);
            }
            Fact::Amended(amended) => self.terms = Some(Arc::clone(&amended.terms)),
            Fact::BidPlaced(placed) => {
                let own = placed.paddle == Some(asked.paddle) || asked.own.contains_key(&version);
                if own && version > asked.bid {
                    self.later.push(version);
                }
            }
            Fact::BidRetracted(undone) | Fact::BidVoided(undone) => {
                let by_house = matches!(fact, Fact::BidVoided(_));
                self.later.retain(|later| *later != undone.bid);
                if undone.bid == asked.bid {
                    self.undone = Some(Undone { version, reason: undone.reason, by_house });
                }
            }
            Fact::BidPromoted { bid, .. } => self.promoted |= *bid == asked.bid,
            Fact::Closed { outcome, reason, .. } => {
                self.ended = Some(Ended { version, outcome: *outcome, reason: Some(*reason) });
            }
            Fact::Cancelled { .. } => {
                let outcome = Outcome::Cancelled {};
                self.ended = Some(Ended { version, outcome, reason: None });
            }
            Fact::Reopened { .. } => self.ended = None,
            Fact::Addendum { .. }
            | Fact::Published {}
            | Fact::Opened { .. }
            | Fact::BidderRegistered { .. }
            | Fact::BidderApproved { .. }
            | Fact::BidderDeclined { .. }
            | Fact::BuyNowTaken { .. }
            | Fact::ClockAccepted { .. }
            | Fact::Held { .. }
            | Fact::Resumed { .. }
            | Fact::Extended { .. }
            | Fact::Certified { .. } => {}
        }
        if let Some(now) = fact.now() {
            let doubled = matches!(fact, Fact::BidPromoted { .. });
            let shown = now.shown.as_ref();
            let leader = shown.and_then(|shown| shown.leader);
            let price = shown.and_then(|shown| shown.price);
            let turn = Turn { version, price, leader, doubled };
            self.turn(asked, turn);
        }
    }

    fn turn(&mut self, asked: &Asked<'_>, turn: Turn) {
        let led = self.now.is_some_and(|now| now.leader == Some(asked.paddle));
        let leads = turn.leader == Some(asked.paddle);
        self.now = Some(turn);
        if turn.version < asked.bid {
            return;
        }
        self.placed |= turn.version == asked.bid;
        if leads && self.later.is_empty() {
            self.lost = None;
        } else if !leads && (turn.version == asked.bid || led) && self.later.is_empty() {
            self.lost = Some(turn);
        }
    }

    fn judge(&self, asked: &Asked<'_>, terms: &Terms) -> Why {
        if let Some(undone) = self.undone {
            return if undone.by_house { Why::Voided } else { Why::Retracted };
        }
        let own_last = matches!(terms.admission, Admission::BeatOwnLatest {});
        let replaced = !self.later.is_empty() && !self.promoted;
        let ended = match (self.ended, terms.is_sealed()) {
            (None, true) => return Why::Sealed,
            (None, false) => None,
            (Some(ended), _) => Some(ended),
        };
        if replaced && (terms.is_sealed() || own_last || self.lost.is_none()) {
            return Why::Replaced;
        }
        let leads = self.lost.is_none();
        match ended {
            None if leads => Why::Leading,
            None if own_last => Why::Standing,
            None => self.outbid(asked),
            Some(ended) => self.judge_ended(asked, terms, &ended),
        }
    }

    fn judge_ended(&self, asked: &Asked<'_>, terms: &Terms, ended: &Ended) -> Why {
        let any_can_win =
            terms.is_sealed() || matches!(terms.admission, Admission::BeatOwnLatest {});
        let leads = self.lost.is_none() || terms.is_sealed();
        let fixed = matches!(ended.reason, Some(CloseReason::Bought | CloseReason::Clock));
        match ended.outcome {
            Outcome::Cancelled {} => Why::Cancelled,
            Outcome::Passed { .. } if leads => Why::ReserveNotMet,
            Outcome::Sold(sale) if leads && !fixed && sale.winner == asked.paddle => Why::Won,
            Outcome::Sold(_) if fixed && leads => Why::Bought,
            Outcome::Sold(_) | Outcome::Passed { .. } if any_can_win => Why::Lost,
            Outcome::Sold(_) | Outcome::Passed { .. } => self.outbid(asked),
        }
    }

    fn outbid(&self, asked: &Asked<'_>) -> Why {
        let at_once = self.lost.is_some_and(|lost| lost.version == asked.bid);
        if at_once { Why::OutbidAtOnce } else { Why::Outbid }
    }
}

/// Tells a story that was judged.
struct Tale<'a> {
    story: &'a Story,
    asked: &'a Asked<'a>,
    terms: &'a Terms,
    currency: Currency,
}

impl Tale<'_> {
    /// The event that made it so.
    fn by(&self, why: Why) -> Option<Version> {
        match why {
            Why::Leading | Why::Standing | Why::OutbidAtOnce | Why::Outbid => {
                self.at_that_time(why).map(|turn| turn.version)
            }
            Why::Sealed => None,
            Why::Replaced => self.story.later.first().copied(),
            Why::Retracted | Why::Voided => self.story.undone.map(|undone| undone.version),
            Why::Won | Why::Lost | Why::Bought | Why::ReserveNotMet | Why::Cancelled => {
                self.story.ended.map(|ended| ended.version)
            }
        }
    }

    /// The turn that price and leader are told of.
    fn at_that_time(&self, why: Why) -> Option<Turn> {
        match why {
            Why::OutbidAtOnce | Why::Outbid => self.story.lost,
            Why::Sealed => None,
            Why::Leading
            | Why::Standing
            | Why::Replaced
            | Why::Retracted
            | Why::Voided
            | Why::Won
            | Why::Lost
            | Why::Bought
            | Why::ReserveNotMet
            | Why::Cancelled => self.story.now,
        }
    }

    fn text(&self, why: Why) -> String {
        let price = || self.at_that_time(why).and_then(|turn| turn.price);
        let at = |words: &str| match price() {
            Some(price) => format!("{words} {}", self.money(price)),
            None => String::new(),
        };
        let version = self.by(why).unwrap_or_default();
        match why {
            Why::Leading => format!("The bid leads{}.", at(", at a price of")),
            Why::Standing => {
                let leader = self.leader(why);
                format!("The bid stands, but {leader} ranks best{}.", at(", at"))
            }
            Why::OutbidAtOnce => format!("{}{}", self.at_once(), self.ending()),
            Why::Outbid => format!("{}{}", self.overtaken(), self.ending()),
            Why::Sealed => {
                "Bids here are sealed: how they stand is told after the close, to everybody at \
                 once."
                    .to_owned()
            }
            Why::Replaced => {
                format!("The bidder's own later bid {version} counts instead.{}", self.ending())
            }
            Why::Retracted => {
                format!("Its bidder took the bid back ({}) with event {version}.", self.reason())
            }
            Why::Voided => {
                format!("The house struck the bid out ({}) with event {version}.", self.reason())
            }
            Why::Won => format!("The bid won.{}", self.ending()),
            Why::Lost => format!("{}{}", self.beaten(), self.ending()),
            Why::Bought => format!(
                "The bid led{}, but somebody bought at a fixed price before the end.{}",
                at(", at a price of"),
                self.ending()
            ),
            Why::ReserveNotMet => self.not_enough(price()),
            Why::Cancelled => format!("The auction was called off with event {version}."),
        }
    }

    fn at_once(&self) -> String {
        let Some(lost) = self.story.lost else { return String::new() };
        let leader = self.leader(Why::OutbidAtOnce);
        let price = lost.price.map(|price| self.money(price)).unwrap_or_default();
        let own = self.asked.own.get(&self.asked.bid);
        if own.is_some() && own.copied() == lost.price {
            return format!(
                "When the bid came, {leader} had bid as much, and among equals the earlier bid \
                 leads; the price came to stand at {price}."
            );
        }
        let better = self.better();
        format!("When the bid came, {leader} had bid {better}; the price came to stand at {price}.")
    }

    fn overtaken(&self) -> String {
        let Some(lost) = self.story.lost else { return String::new() };
        let leader = self.leader(Why::Outbid);
        let price = lost.price.map(|price| self.money(price)).unwrap_or_default();
        let version = lost.version;
        if lost.doubled {
            return format!(
                "The bid led until a bid of {leader} was doubled by lot with event {version}; \
                 the price was then {price}."
            );
        }
        format!(
            "The bid led until {leader} bid {} with event {version}; the price was then {price}.",
            self.better()
        )
    }

    /// Why another bid of many that stood was the best at the close.
    fn beaten(&self) -> String {
        let own = self.asked.own.get(&self.asked.bid);
        let tells_amount = self.terms.pricing != Pricing::SecondPrice && !self.story.promoted;
        let equal = self.sale().is_some_and(|sale| own == Some(&sale.hammer_price));
        if self.sale().is_none() {
            return "No bid was enough for the seller.".to_owned();
        }
        if tells_amount && equal && self.terms.is_sealed() {
            return "Another bid was as good, and among equals the earlier bid wins.".to_owned();
        }
        format!("At the close another bid was {}.", self.better())
    }

    fn not_enough(&self, price: Option<Amount>) -> String {
        let reserve = Outcome::Passed { reason: PassedReason::ReserveNotMet };
        let passed = self.story.ended.map(|ended| ended.outcome);
        if passed != Some(reserve) {
            return "The auction ended unsold.".to_owned();
        }
        match price.filter(|_| !self.terms.is_sealed()) {
            Some(price) => format!(
                "The bid led to the end, at {}, but that did not meet the seller's reserve: it \
                 was not sold.",
                self.money(price)
            ),
            None => "No bid met the seller's reserve: it was not sold.".to_owned(),
        }
    }

    /// What came of it, as a sentence that follows others.
    fn ending(&self) -> String {
        match self.story.ended.map(|ended| ended.outcome) {
            None => String::new(),
            Some(Outcome::Sold(sale)) => format!(
                " It was sold to paddle {} for {}.",
                sale.winner,
                self.money(sale.hammer_price)
            ),
            Some(Outcome::Passed { .. }) => " It was not sold.".to_owned(),
            Some(Outcome::Cancelled {}) => " It was called off.".to_owned(),
        }
    }

    fn sale(&self) -> Option<Sale> {
        self.story.ended.and_then(|ended| ended.outcome.sale().copied())
    }

    fn leader(&self, why: Why) -> String {
        let leader = self.at_that_time(why).and_then(|turn| turn.leader);
        leader.map_or("nobody".to_owned(), |leader| format!("paddle {leader}"))
    }

    fn better(&self) -> &'static str {
        match self.terms.direction {
            Direction::Forward => "more",
            Direction::Reverse => "less",
        }
    }

    fn reason(&self) -> String {
        let reason = self.story.undone.map(|undone| undone.reason);
        let known = Reason::ALL.into_iter().find(|(known, _)| Some(*known) == reason);
        known.map_or("other", |(_, word)| word).replace('_', " ")
    }

    fn money(&self, amount: Amount) -> String {
        format!("{} {}", print_major(amount, self.currency), self.currency)
    }
}
