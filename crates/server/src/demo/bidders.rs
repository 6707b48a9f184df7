//! The house bidders of the demonstration: each has a price in mind for each lot, and bids the
//! least that is legal while he is below it; more often the nearer the end. They know no more of an
//! auction than its view tells everybody.

use super::Running;
use crate::chance;
use crate::cli::client::Visitor;
use gavel_proof::hash::sha256;
use http::Method;
use serde_json::{Value, json};
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::sleep;

/// Bids as long as the house is open.
pub(super) async fn bid_on(bidder: Visitor, number: usize, running: Running) {
    loop {
        let pause = 700 + u64::from(u16::from_be_bytes(chance::bytes())) % 3_500;
        sleep(Duration::from_millis(pause)).await;
        let all = running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let chosen = usize::from(u16::from_be_bytes(chance::bytes()));
        let Some(id) = all.get(chosen % all.len().max(1)) else { continue };
        // What is refused, or not answered, is tried again another time.
        let _bid = consider(&bidder, number, *id).await;
    }
}

async fn consider(bidder: &Visitor, number: usize, id: i64) -> Option<()> {
    let path = format!("/v1/auctions/{id}");
    let view = bidder.read(&path).await.ok()?.json();
    let you = view.get("you")?;
    if you.get("can_bid")?.as_bool() != Some(true) || is_served(you) {
        return None;
    }
    let (verb, body) = offer(&view, limit(&view, number, id)?)?;
    bidder.put(&Method::POST, &format!("{path}/{verb}"), &body).await.ok().map(drop)
}

/// Whether he has nothing to do: he leads, or has sealed his bid.
fn is_served(you: &Value) -> bool {
    let standing = you.get("standing").and_then(Value::as_str);
    matches!(standing, Some("leading" | "sealed"))
}

/// What the lot is worth to him at most (reverse: at least): from 0.6 to 2.2 times where it starts,
/// for each bidder and lot something else, always the same.
fn limit(view: &Value, number: usize, id: i64) -> Option<i64> {
    let terms = view.get("terms")?;
    let start = terms.get("starting_price").and_then(Value::as_i64);
    let clock = || terms.pointer("/clock/start").and_then(Value::as_i64);
    let start = start.or_else(clock)?;
    let drawn = sha256(format!("{number} {id}").as_bytes()).0;
    let share = i64::from(u16::from_be_bytes([drawn[0], drawn[1]])) * 160 / 65_536;
    let falls = terms.pointer("/clock/start").is_some();
    let reverse = terms.get("direction").and_then(Value::as_str) == Some("reverse");
    let percent = match (falls, reverse) {
        (true, _) => 30 + share / 4,
        (false, true) => 98 - share / 4,
        (false, false) => 110 + share * 2,
    };
    Some(start.saturating_mul(percent) / 100)
}

/// The bid he makes, and by which verb; none if it is beyond what he has in mind.
fn offer(view: &Value, limit: i64) -> Option<(&'static str, Value)> {
    let amount = |pointer: &str| view.pointer(pointer).and_then(Value::as_i64);
    let terms = view.get("terms")?;
    if terms.pointer("/clock/start").is_some() {
        let price = amount("/price")?;
        return (price <= limit).then(|| ("accept", json!({ "price": price })));
    }
    if terms.get("visibility").and_then(Value::as_str) == Some("sealed") {
        return Some(("bids", json!({ "amount": limit, "confirm": true })));
    }
    if let Some(most) = amount("/you/maximum_next") {
        return (most >= limit).then(|| ("bids", json!({ "amount": most })));
    }
    let least = amount("/you/minimum_next")?;
    if least > limit {
        return None;
    }
    let proxy = terms.get("proxy").and_then(Value::as_str) == Some("maximum");
    Some(match proxy {
        true => ("bids", json!({ "maximum": least.midpoint(limit), "confirm": true })),
        false => ("bids", json!({ "amount": least })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_bids_beyond_what_he_has_in_mind() {
        let view = |minimum: i64| {
            json!({"terms": {"starting_price": 1000, "proxy": "none"},
                "you": {"minimum_next": minimum}})
        };
        let limit = limit(&view(1000), 1, 7).unwrap();
        assert!((1_100..=4_300).contains(&limit), "{limit}");
        assert_eq!(offer(&view(limit), limit), Some(("bids", json!({ "amount": limit }))));
        assert_eq!(offer(&view(limit + 1), limit), None);
        let clock = json!({"terms": {"clock": {"start": 1000}}, "price": 500});
        assert_eq!(offer(&clock, 499), None);
        assert_eq!(offer(&clock, 500), Some(("accept", json!({ "price": 500 }))));
    }
}
