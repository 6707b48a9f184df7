//! A problem document's facts in words: what would be accepted instead. Knows the facts of the API
//! by name, and nothing of why they are so.

use super::output::{instant, money};
use gavel_auction::money::Currency;
use serde_json::Value;

/// What would be accepted, line by line.
pub(super) fn accepted(body: &Value, code: &str, currency: Option<Currency>) -> Vec<String> {
    const AMOUNTS: [(&str, &str); 6] = [
        ("minimum_next", "at least"),
        ("maximum_next", "at most"),
        ("above", "more than"),
        ("headroom", "at most"),
        ("confirm_above", "with --confirm, more than"),
        ("price", "at least"),
    ];
    let mut lines = Vec::new();
    let told = |minor: i64| match currency {
        Some(currency) => money(minor, currency),
        None => format!("{minor} minor units"),
    };
    for (name, words) in AMOUNTS {
        if let Some(minor) = body.get(name).and_then(Value::as_i64) {
            lines.push(format!("{words} {}", told(minor)));
        }
    }
    let now = body.get("server_time").and_then(Value::as_str);
    if let Some(starts) = body.get("starts_at").and_then(Value::as_str) {
        lines.push(format!("bids from its opening on: {}", instant(starts, now)));
    }
    if let Some(seconds) = body.get("retry_after_seconds").and_then(Value::as_u64) {
        lines.push(format!("the same again in {seconds} s"));
    }
    for problem in body.get("problems").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
        lines.push(format!("{}: {}", text("field"), text("detail")));
    }
    if code == "unauthenticated" {
        lines.push("`gavel login NAME`, or a token: --token, GAVEL_TOKEN".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn facts_become_sentences() {
        let eur = Currency::from_code("EUR");
        let body = json!({"code": "below_minimum", "minimum_next": 13_000});
        assert_eq!(accepted(&body, "below_minimum", eur), ["at least 130.00 EUR"]);
        assert_eq!(accepted(&body, "below_minimum", None), ["at least 13000 minor units"]);
        let body = json!({"problems": [{"field": "ends_at", "detail": "give it"}]});
        assert_eq!(accepted(&body, "terms_invalid", eur), ["ends_at: give it"]);
    }
}
