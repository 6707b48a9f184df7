//! What people are told of reaches those who are here, as soon as it is kept. Whoever is not, or is
//! behind, finds it where it is kept. Knows no reason to tell anybody anything.

use super::packet::event_text;
use crate::house::House;
use crate::http::v1::notifications::Notification;
use gavel_auction::ids::UserId;
use gavel_engine::notices::Kept;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Notices that go out together: who is here is looked up once for all of them.
const TOGETHER: usize = 256;

/// How long more of them are waited for.
const REST: Duration = Duration::from_millis(50);

/// Carries notices to those who are here, until the house closes.
pub async fn carry(house: House) {
    let mut told = house.board.listen();
    let mut stopping = house.stopping.clone();
    loop {
        let first = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => return,
            first = told.recv() => first,
        };
        match first {
            Ok(first) => {
                tokio::time::sleep(REST).await;
                deliver(&house, first, &mut told).await;
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn deliver(house: &House, first: Kept, told: &mut Receiver<Kept>) {
    let rest = std::iter::from_fn(|| told.try_recv().ok());
    let mut news: HashMap<UserId, Vec<Kept>> = HashMap::new();
    for kept in std::iter::once(first).chain(rest.take(TOGETHER)) {
        news.entry(kept.notice.user).or_default().push(kept);
    }
    let here: Vec<_> = house
        .live
        .all()
        .into_iter()
        .filter(|session| session.user().is_some_and(|user| news.contains_key(&user)))
        .collect();
    if here.is_empty() {
        return;
    }
    let words = move |house: &House| -> HashMap<UserId, Vec<String>> {
        let text = |kept: &Kept| {
            let shown = Notification::of(house, kept).ok()?;
            Some(event_text("notification", &shown))
        };
        news.iter().map(|(user, all)| (*user, all.iter().filter_map(text).collect())).collect()
    };
    // Where words cannot be read now, they are found where they are kept.
    let Ok(words) = house.aside(words).await else { return };
    for session in here {
        let own = session.user().and_then(|user| words.get(&user));
        own.into_iter().flatten().for_each(|text| session.outbox.say(text));
    }
}
