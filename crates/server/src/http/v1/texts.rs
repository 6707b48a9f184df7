//! The free text that comes with a command: kept before anything comes of that, so that a command
//! whose text finds no room is refused as a whole; in its place once the event is there. Knows no
//! rule.

use super::ask::{Done, Wish};
use crate::house::House;
use crate::http::error::{Code, Problem};
use gavel_auction::event::{Event, Fact};
use gavel_auction::ids::AuctionId;
use gavel_engine::history::HistoryEvent;
use gavel_engine::people::{Addendum, CommandText};
use serde_json::json;

/// Where the text of an accepted command belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// Beside the event, for the house.
    Note,
    /// Among the dated notes that everybody reads.
    Addendum,
}

/// Puts a command, and the text that came with it into its place. A repeat does both again.
///
/// # Errors
/// What putting says; `storage_full`, and nothing happened, if the text finds no room;
/// `outcome_unknown` if the command was accepted and its text is not in its place yet.
pub(crate) async fn put_along(
    house: &House,
    wish: &Wish,
    (text, place): (Option<String>, Place),
    put: impl Future<Output = Result<Done, Problem>>,
) -> Result<Done, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return put.await };
    let (auction, command) = (wish.auction(), wish.operation.id.0);
    let kept = CommandText { auction, command, text: text.clone() };
    let first = house.aside(move |house| keep(house, &kept)).await??;
    let drop_text = || house.blocking(move |people| people.drop_text(auction, command));
    let done = match put.await {
        Ok(done) => done,
        Err(problem) => {
            if first && problem.code() != "outcome_unknown" {
                // What stays is shown nowhere.
                drop(drop_text().await);
            }
            return Err(problem);
        }
    };
    let event = done.accepted.event.clone();
    let placed = house.aside(move |house| place.take(house, auction, &event, text)).await;
    if !matches!(placed, Ok(Ok(()))) {
        let detail = "It was accepted; its text is kept, but not in its place: repeat it.";
        let problem = Problem::of(Code::OutcomeUnknown, detail);
        return Err(problem.with("operation", json!(wish.operation.to_string())));
    }
    drop(drop_text().await);
    Ok(done)
}

impl House {
    /// Puts into their places, or forgets, the texts of commands that an end of the house cut off.
    /// Blocks on the store.
    ///
    /// # Errors
    /// If that cannot be done now.
    pub fn sweep_texts(&self) -> Result<(), Problem> {
        for CommandText { auction, command, text } in self.people.waiting_texts()? {
            let history = self.engine.history(auction, 0, usize::MAX)?;
            let event = history.into_iter().find(|past| past.origin.command.0 == command);
            if let Some(HistoryEvent { event, .. }) = event {
                let noted = matches!(event.fact, Fact::Addendum { .. });
                let place = if noted { Place::Addendum } else { Place::Note };
                place.take(self, auction, &event, text)?;
            }
            self.people.drop_text(auction, command)?;
        }
        Ok(())
    }
}

/// Whether it is the first under its command's name. Blocks on the store.
fn keep(house: &House, text: &CommandText) -> Result<bool, Problem> {
    let kept = house.people.keep_text(text);
    kept.or_else(|error| {
        // What was accepted before is not refused now.
        let history = house.engine.history(text.auction, 0, usize::MAX).unwrap_or_default();
        let done = history.iter().any(|past| past.origin.command.0 == text.command);
        if done { Ok(false) } else { Err(error.into()) }
    })
}

impl Place {
    /// Takes the text of an event, once however often it comes. Blocks on the store.
    fn take(
        self,
        house: &House,
        auction: AuctionId,
        event: &Event,
        text: String,
    ) -> Result<(), Problem> {
        match self {
            Self::Note => house.people.add_note(auction, event.version, &text)?,
            Self::Addendum => {
                let note = Addendum { at: event.at, text };
                let listing = house.people.listing(auction)?.unwrap_or_default();
                if !listing.addenda.contains(&note) {
                    house.people.add_addendum(auction, &note)?;
                    house.engine.words().changed(auction);
                }
            }
        }
        Ok(())
    }
}
