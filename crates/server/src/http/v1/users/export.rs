//! All that the house knows of somebody, for him to take along; and the end of it. What he bid
//! stays in the log, which never held his name.

use super::sessions::{self, Sessions};
use super::{OwnProfile, user};
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::error::{Code, Problem};
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use crate::http::v1::items::ItemView;
use crate::{observe, tasks, tombstone};
use axum::Json;
use axum::extract::State;
use gavel_auction::ids::{AuctionId, Paddle, UserId};
use gavel_auction::money::Amount;
use gavel_engine::chat::Message;
use gavel_engine::lists::Query as ListQuery;
use gavel_engine::traces::Seen;
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default().routes(routes!(export))
}

/// All that the house knows of somebody.
#[derive(Serialize, ToSchema)]
struct Everything {
    user: OwnProfile,
    /// Why the house shut him out, if it did.
    banned_because: Option<String>,
    /// Where he signs in, if not here.
    signs_in_at: Option<Elsewhere>,
    sessions: Sessions,
    /// Where he signed in: networks, and what his browser calls itself; kept for ninety days.
    signed_in_from: Vec<From>,
    /// What he offers, with the addresses of the pictures.
    items: Vec<ItemView>,
    /// The numbers of the auctions he sells.
    #[schema(value_type = Vec<i64>)]
    auctions: Vec<AuctionId>,
    /// Where he has bid or is registered; `/v1/auctions/{auction}/bids/mine` has each bid.
    bids: Vec<Bidding>,
    /// The numbers of the auctions he watches.
    #[schema(value_type = Vec<i64>)]
    watchlist: Vec<AuctionId>,
    /// What he said beside auctions, the oldest first.
    chat: Vec<Spoken>,
    /// How the house says in its log that somebody bid: by this number, never by a name.
    known_in_the_log_as: i64,
    exported_at: Stamp,
}

/// Where he signed in.
#[derive(Serialize, ToSchema)]
struct From {
    /// network or device.
    kind: &'static str,
    value: String,
    /// To the hour.
    at: Stamp,
}

impl From {
    fn of(seen: Seen) -> Self {
        Self { kind: seen.trace.word(), value: seen.value, at: Stamp(seen.at) }
    }
}

/// What he has to do with an auction.
#[derive(Serialize, ToSchema)]
struct Bidding {
    #[schema(value_type = i64)]
    auction: AuctionId,
    #[schema(value_type = i64)]
    paddle: Paddle,
    /// His latest standing bid, or maximum.
    #[schema(value_type = Option<i64>)]
    amount: Option<Amount>,
}

/// What he said beside an auction.
#[derive(Serialize, ToSchema)]
struct Spoken {
    id: i64,
    #[schema(value_type = i64)]
    auction: AuctionId,
    message: String,
    at: Stamp,
}

/// Who he is to an issuer of tokens.
#[derive(Serialize, ToSchema)]
struct Elsewhere {
    issuer: String,
    subject: String,
}

/// Take along all that the house knows of one
#[utoipa::path(
    get,
    path = "/v1/users/me/export",
    tag = "users",
    security(("bearer" = [])),
    responses((status = 200, body = Everything))
)]
async fn export(
    State(house): State<House>,
    signed_in: SignedIn,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Everything>, Problem> {
    let id = signed_in.user;
    let user = user(&house, id).await?;
    let outside = house.blocking(move |people| people.outside_of(id)).await?;
    let seen = house.blocking(move |people| people.seen(id)).await?;
    let signs_in_at = outside.map(|of| Elsewhere { issuer: of.issuer, subject: of.subject });
    let Dealings { items, auctions, bids, watchlist, chat } =
        house.aside(move |house| Dealings::of(house, id)).await??;
    Ok(Json(Everything {
        banned_because: user.banned.clone(),
        user: OwnProfile::of(user),
        signs_in_at,
        sessions: sessions::of(&house, id, Some(signed_in.token)).await?,
        signed_in_from: seen.into_iter().map(From::of).collect(),
        items,
        auctions,
        bids,
        watchlist,
        chat,
        known_in_the_log_as: id.get(),
        exported_at: Stamp(house.now()),
    }))
}

/// What somebody has to do with things and auctions.
struct Dealings {
    items: Vec<ItemView>,
    auctions: Vec<AuctionId>,
    bids: Vec<Bidding>,
    watchlist: Vec<AuctionId>,
    chat: Vec<Spoken>,
}

impl Dealings {
    /// All of it. Blocks on the store.
    fn of(house: &House, user: UserId) -> Result<Self, Problem> {
        let mut items = Vec::new();
        for item in house.things.items(Some(user), 0, usize::MAX)? {
            let pictures = house.things.pictures(item.id)?;
            items.push(ItemView::of(item)?.with(&pictures));
        }
        let lists = house.engine.lists();
        let selling = lists.page(&ListQuery {
            limit: MOST,
            drafts: true,
            ..ListQuery::newest(Some(user))
        })?;
        let mut bids = Vec::new();
        for auction in lists.bidding(user, i64::MAX, MOST)? {
            if let Some(mine) = house.engine.mine(auction, user) {
                bids.push(Bidding { auction, paddle: mine.paddle, amount: mine.amount });
            }
        }
        let spoken = |message: Message| {
            let Message { id, auction, at, text, .. } = message;
            Spoken { id, auction, message: text, at: Stamp(at) }
        };
        Ok(Self {
            items,
            auctions: selling.rows.into_iter().map(|(_, auction)| auction).collect(),
            bids,
            watchlist: house.people.watched(user, i64::MAX, MOST)?,
            chat: house.chats.by(user)?.into_iter().map(spoken).collect(),
        })
    }
}

/// Rows of a list that are taken along at most.
const MOST: usize = 1_000_000;

/// Erases somebody: his row and its key, his sessions, letters that were written to him; a signed
/// tombstone says that it was done. What cannot be destroyed at once the house goes on destroying,
/// for he himself is known no more and cannot repeat it.
pub(crate) async fn erase(house: &House, id: UserId) -> Result<(), Problem> {
    let Err(problem) = erase_now(house, id).await else { return Ok(()) };
    if house.blocking(move |people| people.tombstone(id)).await?.is_none() {
        return Err(problem);
    }
    if house.destroying.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
        drop(tasks::spawn("destroys what is left of somebody", destroy(house.clone(), id)));
    }
    let who = match house.config.house.four_eyes {
        true => "two administrators repeat",
        false => "an administrator repeats",
    };
    let detail = format!(
        "The account is erased. Traces of it are left in files: the house goes on destroying \
         them, and does so at once if {who} this."
    );
    Err(Problem::of(Code::OutcomeUnknown, detail))
}

/// All steps of it. Each may be repeated, and none keeps those after it from being done.
async fn erase_now(house: &House, id: UserId) -> Result<(), Problem> {
    let tombstone = tombstone::of(&house.keys, id, house.now());
    house.aside(move |house| house.take_all_away(id)).await??;
    let erased = house.aside(move |house| {
        let erased = house.people.erase_user(id, &tombstone);
        house.engine.words().renamed(id);
        let reworded = house.people.listings_of(id).map_err(Problem::from);
        let reworded = reworded.and_then(|his| Ok(house.engine.forget_listings(&his)?));
        house.sign_ins.forget_user(id);
        house.live.forget_user(house, id);
        erased.map_err(Problem::from).and(reworded)
    });
    let erased = erased.await;
    let letters = house.aside(move |house| house.outbox.forget(BTreeSet::from([id.get()]))).await;
    erased??;
    letters?.map_err(|error| letters_remain(&error))
}

/// Tries it again until nothing is left, or the house stops.
async fn destroy(house: House, id: UserId) {
    let mut rest = Duration::from_secs(1);
    while !*house.stopping.borrow() {
        tokio::time::sleep(rest).await;
        if erase_now(&house, id).await.is_ok() {
            break;
        }
        rest = (rest * 2).min(Duration::from_secs(60));
    }
    house.destroying.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
}

impl House {
    /// Destroys letters to those who were erased before, which a house that stopped left behind.
    ///
    /// # Errors
    /// If that cannot be done now.
    pub fn sweep_letters(&self) -> Result<(), Problem> {
        let erased = self.people.tombstones()?;
        let erased = erased.into_iter().map(|(user, _)| user.get()).collect();
        self.outbox.forget(erased).map_err(|error| letters_remain(&error))
    }
}

fn letters_remain(error: &std::io::Error) -> Problem {
    observe::store_failed("outbox", error);
    Problem::of(Code::Overloaded, "Letters remain: repeat this.")
}
