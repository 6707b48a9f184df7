//! What is auctioned: one of every preset, so short that ends fall into faults; and what somebody
//! might ask of it next. Follows what replies say, and judges nothing.

use crate::chance::Chance;
use crate::history::wish::Wish;
use crate::history::{No, Told};
use gavel_auction::event::Reason;
use gavel_auction::ids::{AuctionId, Version};
use gavel_auction::presets::Preset;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// A lot on the floor.
pub(crate) struct Lot {
    pub(crate) auction: AuctionId,
    preset: Preset,
    /// The next legal bid, as anybody heard last.
    hint: AtomicI64,
    pub(crate) version: AtomicU64,
    /// Whether anybody heard that it is over.
    over: AtomicBool,
}

/// What to propose.
pub(crate) struct Proposal {
    preset: Preset,
    pub(crate) body: Value,
}

/// A proposal that lasts for about so many seconds.
pub(crate) fn propose(dice: &mut Chance, seconds: u64) -> Proposal {
    let preset = dice.pick(&Preset::ALL);
    let soft = json!({"kind": "soft", "window_seconds": 1, "extend_to_seconds": 1,
        "max_total_seconds": 2});
    let fixed = json!({"kind": "fixed", "step": 25});
    let terms = match preset {
        Preset::English => json!({"close": soft}),
        Preset::Flash => json!({"close": soft, "starting_price": 100}),
        Preset::Reverse => json!({"close": soft, "starting_price": 1_000_000}),
        Preset::Silent => json!({"increment": fixed, "starting_price": 100}),
        Preset::Dutch => json!({"clock": {"kind": "descending", "start": 1_000, "floor": 100,
            "step": 1_000 / seconds.max(1), "every_seconds": 1}, "starting_price": 1_000}),
        Preset::Ladder => {
            json!({"promotion": {"kind": "double", "every_seconds": 1}})
        }
        Preset::Timed | Preset::Classic | Preset::Sealed | Preset::Vickrey => json!({}),
    };
    let mut body = json!({"title": format!("Lot {}", dice.between(0, 1_000_000)), "currency": "EUR",
        "preset": preset.name(), "terms": terms});
    if preset == Preset::Dutch {
        body["terms"].as_object_mut().map(|terms| terms.remove("starting_price"));
    } else {
        body["duration_seconds"] = json!(seconds);
    }
    let reserved = [Preset::English, Preset::Timed, Preset::Sealed, Preset::Vickrey];
    if reserved.contains(&preset) && dice.percent(40) {
        body["reserve"] = json!(dice.between(200, 5_000));
    }
    Proposal { preset, body }
}

/// A lot of this kind that lasts long and has hardly any rules.
pub(crate) fn plain(seconds: u64) -> Proposal {
    let body = json!({"title": "Plain", "currency": "EUR", "preset": "classic",
        "duration_seconds": seconds, "terms": {"increment": "any_higher"}});
    Proposal { preset: Preset::Classic, body }
}

impl Lot {
    pub(crate) fn of(proposal: &Proposal, auction: AuctionId) -> Self {
        Self {
            auction,
            preset: proposal.preset,
            hint: AtomicI64::new(match proposal.preset {
                Preset::Reverse => 1_000_000,
                Preset::English
                | Preset::Timed
                | Preset::Flash
                | Preset::Classic
                | Preset::Ladder
                | Preset::Dutch
                | Preset::Sealed
                | Preset::Vickrey
                | Preset::Silent => 100,
            }),
            version: AtomicU64::new(0),
            over: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub(crate) fn heard(&self, told: &Told) {
        self.version.fetch_max(told.version, Ordering::Relaxed);
        let hint = if self.preset == Preset::Dutch { told.price } else { told.next };
        if let Some(Some(next)) = hint {
            self.hint.store(next, Ordering::Relaxed);
        }
        let ended = ["sold", "passed", "cancelled"];
        if told.state.as_deref().is_some_and(|state| ended.contains(&state)) {
            self.over.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn refused(&self, no: &No) {
        self.version.fetch_max(no.version, Ordering::Relaxed);
        if let Some(Some(hint)) = no.hint {
            self.hint.store(hint, Ordering::Relaxed);
        }
        if no.code == "closed" {
            self.over.store(true, Ordering::Relaxed);
        }
    }

    /// What a bidder might ask.
    pub(crate) fn wish(&self, dice: &mut Chance) -> Wish {
        let hint = self.hint.load(Ordering::Relaxed);
        if self.preset == Preset::Dutch {
            return if dice.percent(70) {
                Wish::Accept { price: (hint + dice.within(-60, 30)).max(1) }
            } else {
                Wish::Register
            };
        }
        if dice.percent(3) {
            let bid =
                self.version.load(Ordering::Relaxed).saturating_sub(dice.between(0, 4)).max(1);
            return Wish::Retract { bid, reason: Reason::Mistake };
        }
        let amount = match self.preset {
            Preset::Reverse => hint - dice.within(-200, 900),
            Preset::Sealed | Preset::Vickrey => dice.within(50, 9_000),
            Preset::English
            | Preset::Timed
            | Preset::Flash
            | Preset::Classic
            | Preset::Ladder
            | Preset::Dutch
            | Preset::Silent => hint + dice.within(-40, 120),
        };
        Wish::Bid {
            amount: amount.max(1),
            maximum: self.preset == Preset::Timed && dice.percent(40),
            currency: None,
            confirm: dice.percent(90),
            on_behalf_of: None,
        }
    }
}

/// A wish as a request: method, path, body.
pub(crate) fn request(
    auction: AuctionId,
    wish: &Wish,
    expected: Option<Version>,
) -> Option<(&'static str, String, String)> {
    let with = |mut body: Value| {
        if let Some(expected) = expected {
            body["expected_version"] = json!(expected);
        }
        body.to_string()
    };
    let at = |rest: &str| format!("/v1/auctions/{auction}{rest}");
    match wish {
        Wish::Bid { amount, maximum, confirm, currency: None, on_behalf_of: None } => {
            let offer = if *maximum { "maximum" } else { "amount" };
            Some(("POST", at("/bids"), with(json!({offer: amount, "confirm": confirm}))))
        }
        Wish::Accept { price } => Some(("POST", at("/accept"), with(json!({"price": price})))),
        Wish::Register => Some(("POST", at("/register"), with(json!({})))),
        Wish::Retract { bid, reason: Reason::Mistake } => {
            let unless = expected.map_or_else(String::new, |v| format!("&expected_version={v}"));
            let path = at(&format!("/bids/{bid}?reason=mistake{unless}"));
            Some(("DELETE", path, String::new()))
        }
        Wish::Cancel { reason: Reason::Mistake } => {
            Some(("POST", at("/cancel"), with(json!({"reason": "mistake"}))))
        }
        Wish::Bid { .. }
        | Wish::Retract { .. }
        | Wish::Cancel { .. }
        | Wish::Create(_)
        | Wish::Publish
        | Wish::Amend { .. }
        | Wish::Addendum
        | Wish::Hold { .. }
        | Wish::Resume
        | Wish::Close { .. }
        | Wish::Reopen { .. }
        | Wish::Approve { .. }
        | Wish::BuyNow
        | Wish::Void { .. }
        | Wish::Certify { .. } => None,
    }
}
