//! Version 1 of the API: which module answers which routes.

pub mod audit;
pub mod meta;
pub mod password;
pub mod roles;
pub mod session;
pub mod users;

pub(crate) mod about;
pub(crate) mod amend;
pub(crate) mod ask;
pub(crate) mod auctions;
pub(crate) mod bids;
pub(crate) mod certificate;
pub(crate) mod chat;
pub(crate) mod cursor;
pub(crate) mod events;
pub(crate) mod everything;
pub(crate) mod explanation;
pub(crate) mod extract;
pub(crate) mod heads;
pub(crate) mod history;
pub(crate) mod items;
pub(crate) mod ledger;
pub(crate) mod listing;
pub(crate) mod mine;
pub(crate) mod notifications;
pub(crate) mod operations;
pub(crate) mod operator;
pub(crate) mod promotion;
pub(crate) mod proposal;
pub(crate) mod receipts;
pub(crate) mod registrations;
pub(crate) mod render;
pub(crate) mod reply;
pub(crate) mod shills;
pub(crate) mod shown;
pub(crate) mod stream;
pub(crate) mod texts;
pub(crate) mod waiting;

use crate::house::House;
use utoipa_axum::router::OpenApiRouter;

/// All routes of version 1.
#[must_use]
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .merge(meta::routes())
        .merge(users::routes())
        .merge(session::routes())
        .merge(password::routes())
        .merge(roles::routes())
        .merge(audit::routes())
        .merge(auctions::routes())
        .merge(listing::routes())
        .merge(operator::routes())
        .merge(bids::routes())
        .merge(history::routes())
        .merge(registrations::routes())
        .merge(events::routes())
        .merge(stream::routes())
        .merge(everything::routes())
        .merge(chat::routes())
        .merge(certificate::routes())
        .merge(explanation::routes())
        .merge(heads::routes())
        .merge(receipts::routes())
        .merge(operations::routes())
        .merge(items::routes())
        .merge(notifications::routes())
        .merge(promotion::routes())
        .merge(mine::routes())
        .merge(shills::routes())
        .merge(waiting::routes())
}
