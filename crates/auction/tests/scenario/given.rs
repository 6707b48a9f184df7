//! `given` lines: a preset, a currency, what is overridden, who is who.

use super::words::{amount, instant, length, seconds};
use gavel_auction::event::Digest;
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{
    Admission, Band, BuyNow, Certify, Clock, Close, Direction, Eligibility, Increment, Outage,
    Pricing, Promotion, Proxy, Reserve, Retraction, Visibility, Weight, WeightKind,
};

/// What the `given` lines ask for.
#[derive(Clone)]
pub struct Given {
    pub preset: Preset,
    pub currency: Currency,
    pub slots: Slots,
    pub publish: bool,
    pub seed: Option<Digest>,
    pub id: i64,
}

impl Given {
    pub fn new() -> Self {
        Self {
            preset: Preset::English,
            currency: Currency::from_code("EUR").unwrap(),
            slots: Slots::default(),
            publish: true,
            seed: None,
            id: 1,
        }
    }

    /// Reads `english, EUR, start 100, ends 600s, ...`.
    pub fn read(&mut self, text: &str) -> Result<(), String> {
        for clause in text.split(", ").map(str::trim).filter(|clause| !clause.is_empty()) {
            let words: Vec<&str> = clause.split_whitespace().collect();
            self.clause(&words).ok_or_else(|| format!("not understood: {clause}"))?;
        }
        Ok(())
    }

    fn money(&self, text: &str) -> Option<Amount> {
        amount(text, self.currency)
    }

    fn clause(&mut self, words: &[&str]) -> Option<()> {
        if let [word] = words {
            if let Some(preset) = Preset::from_name(word) {
                self.preset = preset;
                return Some(());
            }
            if let Some(currency) = Currency::from_code(word) {
                self.currency = currency;
                return Some(());
            }
        }
        self.schedule_clause(words)
            .or_else(|| self.bidding_clause(words))
            .or_else(|| self.money_clause(words))
            .or_else(|| self.rest_clause(words))
    }

    fn schedule_clause(&mut self, words: &[&str]) -> Option<()> {
        let schedule = self.slots.schedule.get_or_insert_default();
        match words {
            ["ends", at] => schedule.ends_at = Some(instant(at)?),
            ["opens", at] => schedule.starts_at = Some(instant(at)?),
            ["lasts", span] => schedule.duration_seconds = Some(seconds(span)?),
            ["draft"] => self.publish = false,
            ["seed", number] => self.seed = Some(Digest([number.parse().ok()?; 32])),
            ["auction", number] => self.id = number.parse().ok()?,
            ["certify", "manual"] => self.slots.certify = Some(Certify::Manual),
            ["certify", "automatic"] => self.slots.certify = Some(Certify::Automatic),
            ["outage", "ignore"] => self.slots.outage = Some(Outage::Ignore),
            ["outage", "extend"] => self.slots.outage = Some(Outage::Extend),
            _ => return None,
        }
        Some(())
    }

    fn bidding_clause(&mut self, words: &[&str]) -> Option<()> {
        let slots = &mut self.slots;
        match words {
            ["forward"] => slots.direction = Some(Direction::Forward),
            ["lowest", "wins"] => slots.direction = Some(Direction::Reverse),
            ["visibility", "paddle"] => slots.visibility = Some(Visibility::Paddle),
            ["visibility", "named"] => slots.visibility = Some(Visibility::Named),
            ["visibility", "sealed"] => slots.visibility = Some(Visibility::Sealed),
            ["admission", kind] => {
                slots.admission = Some(match *kind {
                    "beat_leader" => Admission::BeatLeader {},
                    "beat_own_latest" => Admission::BeatOwnLatest {},
                    "once_per_bidder" => Admission::OncePerBidder {},
                    "revisable" => Admission::Revisable {},
                    "accept_clock" => Admission::AcceptClock {},
                    _ => return None,
                });
            }
            ["proxy", "maximum"] => slots.proxy = Some(Proxy::Maximum),
            ["proxy", "none"] => slots.proxy = Some(Proxy::None),
            ["pricing", "pay_bid"] => slots.pricing = Some(Pricing::PayBid),
            ["pricing", "second_price"] => slots.pricing = Some(Pricing::SecondPrice),
            ["pricing", "clock_price"] => slots.pricing = Some(Pricing::ClockPrice),
            ["eligibility", "approved"] => slots.eligibility = Some(Eligibility::Approved),
            ["eligibility", "anyone"] => slots.eligibility = Some(Eligibility::Anyone),
            ["own_raise", answer] => slots.own_raise = Some(*answer == "yes"),
            ["retraction", "never"] => slots.retraction = Some(Retraction::Never {}),
            ["retraction", "while_open"] => slots.retraction = Some(Retraction::WhileOpen {}),
            ["retraction", "within", within, "not", "in", "last", last] => {
                slots.retraction = Some(Retraction::Window {
                    not_in_last_seconds: seconds(last)?,
                    within_seconds: seconds(within)?,
                });
            }
            _ => return None,
        }
        Some(())
    }

    fn money_clause(&mut self, words: &[&str]) -> Option<()> {
        match words {
            ["start", price] => self.slots.starting_price = Some(self.money(price)?),
            ["reserve", "none"] => self.slots.reserve = Some(Reserve::None {}),
            ["reserve", "hidden"] => self.slots.reserve = Some(Reserve::Hidden { amount: None }),
            ["reserve", "hidden", price] => {
                self.slots.reserve = Some(Reserve::Hidden { amount: Some(self.money(price)?) });
            }
            ["reserve", "disclosed", price] => {
                self.slots.reserve = Some(Reserve::Disclosed { amount: self.money(price)? });
            }
            ["buy_now", kind, price] => {
                let amount = self.money(price)?;
                self.slots.buy_now = Some(match *kind {
                    "until_first_bid" => BuyNow::UntilFirstBid { amount },
                    "until_reserve_met" => BuyNow::UntilReserveMet { amount },
                    "until_close" => BuyNow::UntilClose { amount },
                    _ => return None,
                });
            }
            ["increment", "none"] => self.slots.increment = Some(Increment::None {}),
            ["increment", "any_higher"] => self.slots.increment = Some(Increment::AnyHigher {}),
            ["increment", "fixed", step] => {
                self.slots.increment = Some(Increment::Fixed { step: self.money(step)? });
            }
            ["increment", "percent", share] => {
                let basis_points = points(share)?;
                self.slots.increment = Some(Increment::Percent { basis_points });
            }
            ["increment", "table", bands @ ..] => {
                let minor = |text: &str| match text {
                    "0" => Some(0),
                    text => self.money(text).map(Amount::minor),
                };
                let band = |text: &&str| {
                    let (from, step) = text.split_once(':')?;
                    Some(Band { from: minor(from)?, step: minor(step)? })
                };
                let steps = bands.iter().map(band).collect::<Option<_>>()?;
                self.slots.increment = Some(Increment::Table { steps });
            }
            _ => return None,
        }
        Some(())
    }

    fn rest_clause(&mut self, words: &[&str]) -> Option<()> {
        match words {
            ["clock", "none"] => self.slots.clock = Some(Clock::None {}),
            ["clock", start, "down", "to", floor, "by", step, "every", every] => {
                self.slots.clock = Some(Clock::Descending {
                    start: self.money(start)?,
                    floor: self.money(floor)?,
                    step: self.money(step)?,
                    every_seconds: seconds(every)?,
                });
            }
            ["close", "hard"] => self.slots.close = Some(Close::Hard {}),
            ["close", "soft", lengths] => {
                let mut parts = lengths.split('/').map(|part| part.parse::<u32>().ok());
                self.slots.close = Some(Close::Soft {
                    window_seconds: parts.next()??,
                    extend_to_seconds: parts.next()??,
                    max_total_seconds: parts.next()??,
                });
            }
            ["premium", share] => {
                self.slots.fees.get_or_insert_default().buyer_premium_bp = points(share)?;
            }
            ["commission", share] => {
                self.slots.fees.get_or_insert_default().seller_commission_bp = points(share)?;
            }
            ["tax", share] => self.slots.fees.get_or_insert_default().tax_bp = points(share)?,
            ["due", span] => {
                self.slots.settlement.get_or_insert_default().due_seconds = seconds(span)?;
            }
            ["confirm", "above", factor] => {
                let factor = factor.strip_suffix('x')?;
                self.slots.confirm_factor = Some(factor.parse().ok()?);
            }
            ["promotion", "none"] => self.slots.promotion = Some(Promotion::None {}),
            ["promotion", "double", "every", every, weights @ ..] => {
                let weights = weights.iter().map(|word| weight(word)).collect::<Option<_>>()?;
                let every_seconds = u32::try_from(length(every)? / 1_000_000).ok()?;
                self.slots.promotion = Some(Promotion::Double { every_seconds, weights });
            }
            _ => return None,
        }
        Some(())
    }
}

fn weight(text: &str) -> Option<Weight> {
    let (kind, factor) = text.split_once('*')?;
    let kind = match kind {
        "newcomer" => WeightKind::Newcomer,
        "underdog" => WeightKind::Underdog,
        "early" => WeightKind::Early,
        _ => return None,
    };
    Some(Weight { factor: factor.parse().ok()?, kind })
}

/// `5%`, `0.5%` as basis points.
fn points(text: &str) -> Option<u32> {
    let number = text.strip_suffix('%')?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let part = format!("{part:0<2}");
    Some(whole.parse::<u32>().ok()? * 100 + part.parse::<u32>().ok()?)
}
