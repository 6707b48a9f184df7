//! An event in a sentence. Tells no more than the event and its openings say.

use super::{Opened, sum};
use crate::cli::output::instant_of;
use gavel_auction::event::{BidPlaced, CloseReason, Fact, Reason};
use gavel_auction::money::Currency;
use gavel_auction::outcome::{Outcome, PassedReason};

/// What happened.
pub(super) fn of(fact: &Fact, opened: &Opened<'_>, currency: Option<Currency>) -> String {
    let money = |minor: i64| sum(minor, currency);
    match fact {
        Fact::Created(created) => {
            let reserve =
                opened.number("reserve").map(|minor| format!(", reserve {}", money(minor)));
            let (preset, reserve) = (created.preset.name(), reserve.unwrap_or_default());
            format!("created by user {} as {preset}{reserve}", created.seller)
        }
        Fact::Amended(_) => "the seller changed terms or text".to_owned(),
        Fact::Addendum { .. } => "the seller added a note".to_owned(),
        Fact::Published {} => "announced".to_owned(),
        Fact::Opened { end } => format!("opened, to end {}", instant_of(*end)),
        Fact::BidderRegistered { paddle } => format!("paddle {paddle} registered"),
        Fact::BidderApproved { paddle } => format!("paddle {paddle} was approved"),
        Fact::BidderDeclined { paddle } => format!("paddle {paddle} was declined"),
        Fact::BidPlaced(placed) => bid(placed, opened, currency),
        Fact::BuyNowTaken { amount, paddle } => {
            format!("paddle {paddle} bought at once for {}", money(amount.minor()))
        }
        Fact::ClockAccepted { amount, paddle } => {
            format!("paddle {paddle} accepted the clock at {}", money(amount.minor()))
        }
        Fact::BidRetracted(undone) => {
            format!("bid {} was taken back: {}", undone.bid, reason(undone.reason))
        }
        Fact::BidVoided(undone) => {
            format!("the house struck out bid {}: {}", undone.bid, reason(undone.reason))
        }
        Fact::BidPromoted { bid, .. } => format!("bid {bid} was doubled by lot"),
        Fact::Held { reason: why } => format!("put on hold: {}", reason(*why)),
        Fact::Resumed { end } => format!("went on, to end {}", instant_of(*end)),
        Fact::Extended { end, .. } => {
            format!("the house could not be reached; moved to end {}", instant_of(*end))
        }
        Fact::Closed { outcome, reason, why } => closed(outcome, *reason, *why, currency),
        Fact::Reopened { end, reason: why } => {
            format!("reopened ({}), to end {}", reason(*why), instant_of(*end))
        }
        Fact::Cancelled { reason: why } => format!("called off: {}", reason(*why)),
        Fact::Certified { .. } => "the result was made final".to_owned(),
    }
}

fn bid(placed: &BidPlaced, opened: &Opened<'_>, currency: Option<Currency>) -> String {
    let paddle = placed.paddle.map(i64::from).or_else(|| opened.number("paddle"));
    let who = paddle.map_or("somebody".to_owned(), |paddle| format!("paddle {paddle}"));
    let amount = placed.amount.map(i64::from).or_else(|| opened.number("amount"));
    let what = match (amount, opened.number("maximum")) {
        (Some(amount), _) => sum(amount, currency),
        (None, Some(maximum)) => format!("up to {}", sum(maximum, currency)),
        (None, None) => "an amount that stays hidden".to_owned(),
    };
    let moved = if placed.now.extended {
        format!("; the end moved to {}", instant_of(placed.now.end))
    } else {
        String::new()
    };
    format!("{who} bid {what}{moved}")
}

fn closed(
    outcome: &Outcome,
    by: CloseReason,
    why: Option<Reason>,
    currency: Option<Currency>,
) -> String {
    let by = match by {
        CloseReason::Time => "time was up".to_owned(),
        CloseReason::Clerk => match why {
            Some(why) => format!("a clerk closed it ({})", reason(why)),
            None => "a clerk closed it".to_owned(),
        },
        CloseReason::Bought => "it was bought".to_owned(),
        CloseReason::Clock => "the clock ended".to_owned(),
    };
    let outcome = came_of_it(outcome, currency);
    format!("{by}: {outcome}")
}

/// What came of it.
pub(super) fn came_of_it(outcome: &Outcome, currency: Option<Currency>) -> String {
    match outcome {
        Outcome::Sold(sale) => {
            let hammer = sum(sale.hammer_price.minor(), currency);
            format!("sold to paddle {} for {hammer}", sale.winner)
        }
        Outcome::Passed { reason: PassedReason::NoBids } => "passed, nobody bid".to_owned(),
        Outcome::Passed { reason: PassedReason::ReserveNotMet } => {
            "passed, the reserve was not met".to_owned()
        }
        Outcome::Passed { reason: PassedReason::ClockRanOut } => {
            "passed, nobody accepted".to_owned()
        }
        Outcome::Cancelled {} => "cancelled".to_owned(),
    }
}

fn reason(reason: Reason) -> String {
    let word = Reason::ALL.into_iter().find(|(known, _)| *known == reason).map(|(_, word)| word);
    word.unwrap_or("other").replace('_', " ")
}
