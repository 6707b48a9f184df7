//! Every reason for no, in order of precedence: the first failed check is the answer.
//! Says what would be accepted; never says what is hidden from the one who asks.

use crate::ids::Version;
use crate::money::Amount;
use crate::outcome::Outcome;
use crate::terms::check::Problem;
use crate::time::Time;
use thiserror::Error;

/// Why a command had no effect. A refusal changes no state and is no event.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The command makes no sense here.
    #[error("{detail}")]
    Malformed {
        /// Which part of it.
        field: &'static str,
        /// What would make sense.
        detail: &'static str,
    },
    /// Proposed terms do not go together.
    #[error("the terms do not go together")]
    TermsInvalid {
        /// All that is wrong, at once.
        problems: Vec<Problem>,
    },
    /// No such auction, paddle or bid, or none that the caller may know of.
    #[error("there is no such thing here, or none you may know of")]
    NotFound,
    /// The house shut this person out.
    #[error("you are shut out of this house")]
    Banned,
    /// The seller bids on his own auction.
    #[error("a seller cannot bid on his own auction")]
    OwnAuction,
    /// This auction wants registered bidders.
    #[error("register for this auction first")]
    NotRegistered,
    /// The registration is not approved.
    #[error("your registration is not approved")]
    NotApproved,
    /// This person may not do that.
    #[error("that is not yours to do")]
    Forbidden,
    /// Another event came first.
    #[error("the auction has moved on from the version you expected")]
    VersionMismatch {
        /// The version it is at.
        version: Version,
    },
    /// Too early.
    #[error("the auction has not opened yet")]
    NotOpenYet {
        /// When it opens, if that is fixed.
        starts_at: Option<Time>,
    },
    /// Bidding is stopped for a while.
    #[error("the auction is on hold")]
    OnHold,
    /// Too late.
    #[error("the auction has closed")]
    Closed {
        /// What came of it, if that is decided.
        outcome: Option<Outcome>,
    },
    /// The terms, or the state, no longer allow it.
    #[error("the terms do not allow that any more")]
    TermsLocked,
    /// That bid no longer stands.
    #[error("that bid no longer stands")]
    BidGone,
    /// Buy now is not to be had, or not any more.
    #[error("buy now is not available")]
    BuyNowGone,
    /// The clock stands above what was offered.
    #[error("the clock stands above that price")]
    ClockMoved {
        /// Where it stands.
        price: Amount,
    },
    /// The auction is in another currency.
    #[error("the auction is in another currency")]
    WrongCurrency,
    /// Bids here are no proxies.
    #[error("there are no proxy bids here: send an amount")]
    MaximumNotAllowed,
    /// Below the starting price.
    #[error("the bid is below the starting price")]
    BelowStart {
        /// The smallest legal bid.
        minimum_next: Option<Amount>,
    },
    /// Below the smallest legal bid.
    #[error("the bid is below the smallest legal bid")]
    BelowMinimum {
        /// The smallest legal bid.
        minimum_next: Option<Amount>,
    },
    /// Above the largest legal bid of a reverse auction.
    #[error("the bid is above the largest legal bid")]
    AboveMaximum {
        /// The largest legal bid.
        maximum_next: Option<Amount>,
    },
    /// Not better than the bidder's own.
    #[error("the bid is not above your own")]
    NotAboveOwn {
        /// The bidder's own standing amount, where the caller may know it.
        above: Option<Amount>,
    },
    /// The leader may not bid again here.
    #[error("you are leading already")]
    AlreadyLeading,
    /// One bid for each bidder.
    #[error("you have bid already, and one bid is all")]
    AlreadyBid,
    /// At or above the buy-now amount.
    #[error("the bid reaches the buy-now amount: use buy now")]
    AboveBuyNow,
    /// More than the bidder may commit himself to.
    #[error("the bid is over your limit")]
    OverLimit {
        /// How much he may commit himself to here, in minor units, where the caller may know it.
        headroom: Option<i64>,
    },
    /// Far above the smallest legal bid.
    #[error("the bid is far above the smallest legal one: confirm it")]
    ConfirmNeeded {
        /// Bids above this (reverse: below) need `confirm`.
        confirm_above: Amount,
    },
}

impl Refusal {
    /// The stable word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::TermsInvalid { .. } => "terms_invalid",
            Self::NotFound => "not_found",
            Self::Banned => "banned",
            Self::OwnAuction => "own_auction",
            Self::NotRegistered => "not_registered",
            Self::NotApproved => "not_approved",
            Self::Forbidden => "forbidden",
            Self::VersionMismatch { .. } => "version_mismatch",
            Self::NotOpenYet { .. } => "not_open_yet",
            Self::OnHold => "on_hold",
            Self::Closed { .. } => "closed",
            Self::TermsLocked => "terms_locked",
            Self::BidGone => "bid_gone",
            Self::BuyNowGone => "buy_now_gone",
            Self::ClockMoved { .. } => "clock_moved",
            Self::WrongCurrency => "wrong_currency",
            Self::MaximumNotAllowed => "maximum_not_allowed",
            Self::BelowStart { .. } => "below_start",
            Self::BelowMinimum { .. } => "below_minimum",
            Self::AboveMaximum { .. } => "above_maximum",
            Self::NotAboveOwn { .. } => "not_above_own",
            Self::AlreadyLeading => "already_leading",
            Self::AlreadyBid => "already_bid",
            Self::AboveBuyNow => "above_buy_now",
            Self::OverLimit { .. } => "over_limit",
            Self::ConfirmNeeded { .. } => "confirm_needed",
        }
    }

    /// Whether the very same command could be accepted later, without anything being changed in it.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::NotRegistered
            | Self::NotApproved
            | Self::NotOpenYet { .. }
            | Self::OnHold
            | Self::ClockMoved { .. }
            | Self::AlreadyLeading
            | Self::OverLimit { .. } => true,
            Self::Malformed { .. }
            | Self::TermsInvalid { .. }
            | Self::NotFound
            | Self::Banned
            | Self::OwnAuction
            | Self::Forbidden
            | Self::VersionMismatch { .. }
            | Self::Closed { .. }
            | Self::TermsLocked
            | Self::BidGone
            | Self::BuyNowGone
            | Self::WrongCurrency
            | Self::MaximumNotAllowed
            | Self::BelowStart { .. }
            | Self::BelowMinimum { .. }
            | Self::AboveMaximum { .. }
            | Self::NotAboveOwn { .. }
            | Self::AlreadyBid
            | Self::AboveBuyNow
            | Self::ConfirmNeeded { .. } => false,
        }
    }
}

/// One refusal of each code, without the facts of any case.
const EACH: [Refusal; 27] = [
    Refusal::Malformed { field: "", detail: "the command makes no sense here" },
    Refusal::TermsInvalid { problems: Vec::new() },
    Refusal::NotFound,
    Refusal::Banned,
    Refusal::OwnAuction,
    Refusal::NotRegistered,
    Refusal::NotApproved,
    Refusal::Forbidden,
    Refusal::VersionMismatch { version: 0 },
    Refusal::NotOpenYet { starts_at: None },
    Refusal::OnHold,
    Refusal::Closed { outcome: None },
    Refusal::TermsLocked,
    Refusal::BidGone,
    Refusal::BuyNowGone,
    Refusal::ClockMoved { price: Amount::ONE },
    Refusal::WrongCurrency,
    Refusal::MaximumNotAllowed,
    Refusal::BelowStart { minimum_next: None },
    Refusal::BelowMinimum { minimum_next: None },
    Refusal::AboveMaximum { maximum_next: None },
    Refusal::NotAboveOwn { above: None },
    Refusal::AlreadyLeading,
    Refusal::AlreadyBid,
    Refusal::AboveBuyNow,
    Refusal::OverLimit { headroom: None },
    Refusal::ConfirmNeeded { confirm_above: Amount::ONE },
];

/// What a code means, in words, for those who know nothing but the code.
#[must_use]
pub fn words_of(code: &str) -> Option<String> {
    EACH.iter().find(|refusal| refusal.code() == code).map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words() {
        for refusal in &EACH {
            assert_eq!(words_of(refusal.code()), Some(refusal.to_string()));
        }
        assert_eq!(words_of("below_minimum").unwrap(), "the bid is below the smallest legal bid");
        assert_eq!(words_of("nonsense"), None);
    }
}
