//! The highest bid of each auction, as clients of the dialect `cars` follow it: `subscribe` says
//! which auctions, and `max_bid` tells how each stands, now and whenever that has changed. One task
//! a socket that follows anything. Makes no state itself.

use super::packet::event_text;
use super::session::Session;
use crate::house::House;
use crate::http::body;
use crate::http::dialects::cars::desk;
use crate::http::dialects::cars::standing::{Followed, Which};
use crate::http::error::Problem;
use crate::tasks;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::sleep;

/// What may be asked for before it is dealt with.
const WAITING: usize = 16;

/// How long a client is left alone for whom too much waits.
const CROWD: Duration = Duration::from_millis(50);

/// How many he is told of before his next order is heard.
const FEW: usize = 8;

/// What a client wants.
pub(super) enum Order {
    Follow(Which),
    Leave(Which),
}

/// Where a session's orders go.
pub(super) type Orders = Sender<Order>;

/// Somebody says what he wants to follow, or no more.
///
/// # Errors
/// `malformed`; `rate_limited`.
pub(super) fn order(
    house: &House,
    session: &Arc<Session>,
    begins: bool,
    about: Option<&str>,
) -> Result<Value, Problem> {
    let which = body::parse(about.unwrap_or("\"all\"").as_bytes());
    let wrong = |_| Problem::malformed("auctions", "A list of numbers, one number, or \"all\".");
    let which = which.map_err(wrong)?;
    let order = if begins { Order::Follow(which) } else { Order::Leave(which) };
    let orders = session.orders.get_or_init(|| {
        let (orders, said) = channel(WAITING);
        let following = follow(house.clone(), Arc::clone(session), said);
        drop(tasks::spawn("a socket follows highest bids until it ends", following));
        orders
    });
    orders.try_send(order).map_err(|_| Problem::rate_limited(1))?;
    Ok(json!({}))
}

async fn follow(house: House, session: Arc<Session>, mut said: Receiver<Order>) {
    let desk = desk(&house);
    let mut followed = Followed::default();
    let mut seen = house.engine.commits();
    let mut looks = false;
    loop {
        tokio::select! {
            biased;
            () = session.outbox.ended() => return,
            order = said.recv() => {
                match order {
                    Some(Order::Follow(which)) => followed.begin(&desk, which).await,
                    Some(Order::Leave(which)) => followed.end(&which),
                    None => return,
                }
                looks = true;
            }
            () = calm(&session), if looks => {
                for stands in followed.news(&desk, FEW).await {
                    session.outbox.say(&event_text("max_bid", &stands));
                }
                looks = followed.is_amid();
            }
            () = followed.ripens(&house, seen), if !looks => {
                seen = house.engine.commits();
                looks = true;
            }
        }
    }
}

/// Waits until there is no crowd: what is told then is made then.
async fn calm(session: &Session) {
    while !session.outbox.is_calm() {
        sleep(CROWD).await;
    }
}
