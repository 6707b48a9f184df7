//! What replies of the API say, in the words of a history.

use super::wire::Reply;
use crate::history::{No, Res, Told, digest};
use gavel_auction::time::Time;
use serde_json::Value;

/// What a command was told; the error says what no house should answer.
pub(crate) fn of_command(reply: &Reply) -> Result<Res, String> {
    let body = json(reply)?;
    let code = body["code"].as_str().unwrap_or("");
    match (reply.status, code) {
        (200 | 201, _) => Ok(Res::Ok(Box::new(told(&body, &reply.body)))),
        (503, "outcome_unknown") => Ok(Res::Unknown),
        (503, "quarantined") => Ok(Res::Quarantined),
        (503, "overloaded" | "storage_full") | (429, _) => Ok(Res::NotApplied(code.to_owned())),
        (422, "key_reused") => Ok(Res::KeyReused),
        // What is not there is told by no version.
        (404, _) => Ok(Res::NotFound),
        (400..=422, _) if body["version"].is_u64() => Ok(Res::Refused(Box::new(no(&body)))),
        (status, _) => Err(format!("{status}: {body}")), // not ours: a number
    }
}

/// What a look at an auction showed.
pub(crate) fn of_read(reply: &Reply) -> Result<Res, String> {
    let body = json(reply)?;
    let code = body["code"].as_str().unwrap_or("");
    match (reply.status, code) {
        (200, _) => {
            let told = Told { body: None, ..told(&body, &reply.body) };
            Ok(Res::Value(Box::new(told)))
        }
        (503, "quarantined") => Ok(Res::Quarantined),
        (404, _) => Ok(Res::NotFound),
        (503 | 429, _) => Ok(Res::NotApplied(code.to_owned())),
        (status, _) => Err(format!("a read: {status}: {body}")), // not ours: a number
    }
}

/// How an auction was shown to stand, in the live room.
pub(crate) fn of_state(state: &Value) -> Told {
    Told { body: None, ..told(state, &[]) }
}

pub(crate) fn json(reply: &Reply) -> Result<Value, String> {
    let text = String::from_utf8_lossy(&reply.body);
    serde_json::from_slice(&reply.body).map_err(|e| format!("{}: {e}: {text}", reply.status))
}

/// A time as the API writes it.
pub(crate) fn time(text: &Value) -> Option<Time> {
    let time: jiff::Timestamp = text.as_str()?.parse().ok()?;
    Some(Time(time.as_microsecond()))
}

/// Present, and a number or null.
fn number(value: Option<&Value>) -> Option<Option<i64>> {
    value.map(Value::as_i64)
}

fn next(body: &Value) -> Option<Option<i64>> {
    number(body.get("minimum_next").or_else(|| body.get("maximum_next")))
}

fn end(body: &Value) -> Option<Option<Time>> {
    body.get("effective_end").map(time)
}

fn top(bids: &Value) -> Option<Vec<(i64, i64, u64)>> {
    let one = |bid: &Value| {
        Some((bid["paddle"].as_i64()?, bid["amount"].as_i64()?, bid["bid"].as_u64()?))
    };
    bids.as_array()?.iter().map(one).collect()
}

fn told(body: &Value, bytes: &[u8]) -> Told {
    let outcome = &body["outcome"];
    Told {
        version: body["version"].as_u64().unwrap_or(0),
        at: time(&body["server_time"]),
        body: Some(digest(bytes)),
        kind: None,
        state: body["state"].as_str().map(str::to_owned),
        end: end(body),
        price: number(body.get("price")),
        leader: number(body.get("leader")),
        top: body.get("top_bids").and_then(top),
        winning: body.get("you_are_winning").and_then(Value::as_bool),
        next: next(body),
        reserve_met: body.get("reserve_met").map(Value::as_bool),
        bids: body["bid_count"].as_u64(),
        mine: None,
        hammer: outcome.get("hammer_price").map(Value::as_i64),
        event: None,
    }
}

fn no(body: &Value) -> No {
    let facts = ["minimum_next", "maximum_next", "above", "headroom", "confirm_above", "price"];
    No {
        code: body["code"].as_str().unwrap_or("").to_owned(),
        version: body["version"].as_u64().unwrap_or(0),
        at: time(&body["server_time"]).unwrap_or(Time(0)),
        end: end(body),
        hint: facts.iter().find_map(|fact| number(body.get(*fact))),
    }
}
