//! What the Redis view writes where: keys, fields and messages, as the reference has them. Speaks
//! to no Redis.

use crate::house::House;
use crate::http::dialects::flash::state::{Known, State, status};
use crate::http::dialects::flash::wire;
use crate::http::error::Problem;
use crate::http::time::print;
use gavel_auction::event::{Event, Fact};
use gavel_auction::ids::{AuctionId, Paddle};
use gavel_auction::time::{SECOND, Time};
use gavel_auction::view::Head;
use redis::Pipeline;
use serde_json::{Value, json};

/// The keys and channels of one auction.
pub(super) struct Keys {
    pub(super) state: String,
    pub(super) top_bids: String,
    pub(super) events: String,
    pub(super) timer: String,
    pub(super) chat: String,
}

impl Keys {
    pub(super) fn of(auction: AuctionId) -> Self {
        let uuid = wire::of_auction(auction);
        let key = |what: &str| format!("auction:{uuid}:{what}");
        Self {
            state: key("state"),
            top_bids: key("top_bids"),
            events: key("events"),
            timer: key("timer"),
            chat: key("chat"),
        }
    }

    /// Puts how an auction stands in place of what was there. What is not known has no field.
    pub(super) fn put(&self, pipeline: &mut Pipeline, state: &State) {
        pipeline.cmd("DEL").arg(&self.state).arg(&self.top_bids).ignore();
        let fields = [
            ("status", Some(state.status.to_owned())),
            ("current_high_bid", state.current_high_bid.as_ref().map(|bid| bid.get().to_owned())),
            ("high_bidder_id", state.high_bidder_id.clone()),
            ("high_bidder_username", state.high_bidder_username.clone()),
            ("participant_count", Some(state.participant_count.to_string())),
            ("bid_count", Some(state.bid_count.to_string())),
        ];
        let hash = pipeline.cmd("HSET").arg(&self.state);
        for (field, value) in fields {
            if let Some(value) = value {
                hash.arg(field).arg(value);
            }
        }
        hash.ignore();
        for top in &state.top_bids {
            let member = match &top.user_id {
                Some(user) => format!("{user}:{}", top.username.as_deref().unwrap_or_default()),
                None => format!(":paddle {}", top.paddle),
            };
            pipeline.cmd("ZADD").arg(&self.top_bids).arg(top.amount.get()).arg(member).ignore();
        }
    }
}

/// The auction whose state stands under a key.
pub(super) fn auction_of(key: &str) -> Option<AuctionId> {
    wire::auction(key.strip_prefix("auction:")?.strip_suffix(":state")?)
}

/// What everybody may know of an event. May block on the store.
pub(super) fn happened(house: &House, head: &Head, event: &Event) -> Result<Value, Problem> {
    let public = json!(event.fact);
    let mut about = json!({
        "event": public["kind"],
        "auction_id": wire::of_auction(event.auction),
        "status": status(&head.phase),
        "version": event.version,
        "timestamp": print(event.at),
    });
    if let Fact::BidPlaced(placed) = &event.fact {
        let Known { id, name } = behind(house, head, placed.paddle)?;
        let money = |amount| wire::text(amount, head.currency);
        about["user_id"] = json!(id);
        about["username"] = json!(name);
        about["amount"] = json!(placed.amount.map(money));
    }
    if let Some(now) = event.fact.now() {
        let shown = now.shown.as_ref();
        let price = shown.and_then(|shown| shown.price);
        let Known { id, name } = behind(house, head, shown.and_then(|shown| shown.leader))?;
        about["current_high_bid"] = json!(price.map(|price| wire::text(price, head.currency)));
        about["high_bidder_id"] = json!(id);
        about["high_bidder_username"] = json!(name);
        about["effective_end"] = json!(print(now.end));
    }
    if let Fact::Closed { outcome, .. } = &event.fact {
        let sale = outcome.sale();
        about["winner_id"] = json!(behind(house, head, sale.map(|sale| sale.winner))?.id);
        let price = sale.map(|sale| wire::text(sale.hammer_price, head.currency));
        about["winning_bid"] = json!(price);
    }
    Ok(about)
}

fn behind(house: &House, head: &Head, paddle: Option<Paddle>) -> Result<Known, Problem> {
    paddle.map_or_else(|| Ok(Known::default()), |paddle| Known::of(house, head, paddle))
}

/// The message that the end has moved, if an event moved it.
pub(super) fn moved_end(event: &Event, at: Time) -> Option<Value> {
    let (name, end) = match &event.fact {
        Fact::Opened { end } | Fact::Resumed { end } | Fact::Reopened { end, .. } => {
            ("timer_update", *end)
        }
        Fact::Extended { end, .. } => ("timer_update", *end),
        fact => {
            let now = fact.now().filter(|now| now.extended)?;
            ("anti_snipe", now.end)
        }
    };
    Some(timer(name, event.auction, end, at))
}

/// A message about time.
pub(super) fn timer(name: &str, auction: AuctionId, end: Time, now: Time) -> Value {
    json!({
        "event": name,
        "auction_id": wire::of_auction(auction),
        "time_remaining_seconds": (end.since(now) + SECOND - 1).max(0) / SECOND,
        "effective_end": print(end),
        "server_time": print(now),
    })
}
