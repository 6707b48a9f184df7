//! How the dialect `portal` says things: auctions, bids, and what came of commands. What it says of
//! an accepted command is made from its event alone, so it is the same for ever.

use super::super::desk::Desk;
use crate::house::House;
use crate::http::error::Problem;
use crate::http::idempotency::Operation;
use crate::http::time::Stamp;
use crate::http::v1::ask::{Done, Wish, known, not_yet};
use crate::http::v1::auctions::catch_up;
use crate::http::v1::operations::own_events;
use crate::operations::{Known, Outcome as Came};
use axum::Json;
use axum::response::{IntoResponse, Response};
use gavel_auction::command::Person;
use gavel_auction::event::{Event, Fact, Now};
use gavel_auction::ids::{AuctionId, BidId, Paddle, UserId, Version};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::terms::Visibility;
use gavel_auction::view::{Head, Viewer};
use gavel_engine::lists::{Query, Sort};
use http::header::{LINK, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

/// Auctions of one page.
const PAGE: usize = 1000;

/// An auction.
#[derive(Serialize)]
pub(super) struct Auction {
    id: AuctionId,
    title: String,
    description: Option<String>,
    currency: Currency,
    starting_price: Amount,
    max_bid: Option<Amount>,
    max_bidder: Option<UserId>,
    bid_count: u64,
    state: &'static str,
    winner: Option<UserId>,
    ends_at: Option<Stamp>,
    version: Version,
}

impl Auction {
    /// An auction as it stands. May block on the store.
    pub(super) fn of(house: &House, head: &Head) -> Result<Self, Problem> {
        let listing = house.engine.words().listing(head.auction)?;
        let user = |paddle: Paddle| {
            let named = head.terms.visibility == Visibility::Named;
            house.engine.bidder(head.auction, paddle).filter(|_| named)
        };
        let sale = head.outcome().and_then(|outcome| outcome.sale().map(|sale| sale.winner));
        Ok(Self {
            id: head.auction,
            title: listing.title.clone(),
            description: listing.description.clone(),
            currency: head.currency,
            starting_price: head.terms.start(),
            max_bid: head.price,
            max_bidder: head.leader.and_then(user),
            bid_count: head.bid_count,
            state: head.phase.word(),
            winner: sale.and_then(user),
            ends_at: head.effective_end().map(Stamp),
            version: head.version,
        })
    }
}

/// A page of active auctions, the newest first, and where the next one is.
pub(super) struct Page {
    pub(super) items: Vec<Auction>,
    pub(super) link: HeaderMap,
}

impl Page {
    pub(super) async fn of(desk: &Desk, after: Option<i64>) -> Result<Self, Problem> {
        let (items, last) = desk.house.aside(move |house| page(house, after)).await??;
        let next = last.map(|id| format!("<{}/auctions?after={id}>; rel=\"next\"", desk.at));
        let next = next.and_then(|link| HeaderValue::try_from(link).ok());
        Ok(Self { items, link: next.map(|link| (LINK, link)).into_iter().collect() })
    }
}

/// A page after an auction; the last one in it if there are more. Blocks on the store.
fn page(house: &House, after: Option<i64>) -> Result<(Vec<Auction>, Option<AuctionId>), Problem> {
    let query = Query {
        states: vec!["open".to_owned()],
        drafts: false,
        category: None,
        seller: None,
        text: None,
        sort: Sort::Newest,
        after: after.map(|id| (id.saturating_neg(), id)),
        limit: PAGE + 1,
    };
    let rows = house.engine.lists().page(&query)?.rows;
    let more = rows.get(PAGE).and(rows.get(PAGE - 1)).map(|(_, id)| *id);
    // The list may be behind; what it names is shown as it is now.
    let heads = rows.iter().take(PAGE).filter_map(|(_, id)| house.engine.head(*id));
    let open = heads.filter(|head| head.phase.word() == "open");
    let items = open.map(|head| Auction::of(house, &head)).collect::<Result<_, _>>()?;
    Ok((items, more))
}

impl Desk {
    /// Waits until the list has everything that is committed now.
    ///
    /// # Errors
    /// `not_yet` if it does not get there soon.
    pub(super) async fn listed_up(&self) -> Result<(), Problem> {
        let far = || not_yet("The list is not as far yet.");
        catch_up(&self.house).await?.then_some(()).ok_or_else(far)
    }
}

/// A bid of one's own.
#[derive(Serialize)]
pub(super) struct Bid {
    pub(super) id: BidId,
    auction_id: AuctionId,
    user_id: UserId,
    amount: Option<Amount>,
    /// Whether the promoter has doubled it.
    doubled: bool,
    at: Stamp,
}

impl Bid {
    /// The standing bids of a user, the oldest first. Blocks on the store.
    pub(super) fn all_of(
        house: &House,
        auction: AuctionId,
        user: UserId,
    ) -> Result<Vec<Self>, Problem> {
        let Some(mine) = house.engine.mine(auction, user) else { return Ok(Vec::new()) };
        house.ledgers.read(house, auction, |ledger| {
            let own = ledger.after(0).iter().filter(|line| line.paddle == Some(mine.paddle));
            let standing = own.filter(|line| line.stands());
            let shown = standing.map(|line| Self {
                id: line.bid,
                auction_id: auction,
                user_id: user,
                amount: line.amount,
                doubled: line.promoted,
                at: Stamp(line.at),
            });
            shown.collect()
        })
    }
}

/// What came of a command.
#[derive(Serialize)]
pub(super) struct Outcome {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Reply>,
}

#[derive(Serialize)]
struct Reply {
    status: u16,
    body: Value,
}

impl Outcome {
    /// What came of a command of somebody.
    pub(super) async fn of(
        house: &House,
        operation: Operation,
        by: Person,
    ) -> Result<Self, Problem> {
        let told = match house.operations.find(&operation, by.user) {
            Known::Pending => return Ok(Self { status: "pending", response: None }),
            Known::Came(Came::Answered(status, body)) => {
                let body = serde_json::from_slice(&body).unwrap_or_default();
                Reply { status: status.as_u16(), body }
            }
            Known::Came(Came::Refused(refused)) => {
                // It may have been accepted since, when it was repeated.
                let problem = Problem::refused(operation.auction, &operation.to_string(), &refused);
                let status = problem.status().as_u16();
                let found = in_the_log(house, operation, by).await.ok();
                found.unwrap_or_else(|| Reply { status, body: problem.document() })
            }
            Known::Nothing => in_the_log(house, operation, by).await?,
        };
        Ok(Self { status: "done", response: Some(told) })
    }
}

async fn in_the_log(house: &House, operation: Operation, by: Person) -> Result<Reply, Problem> {
    let viewer = Viewer { user: Some(by.user), roles: by.roles, banned: by.banned };
    let head = known(house, operation.auction, &viewer).await?;
    let read = move |house: &House| own_events(house, operation, &head, &viewer);
    let own = house.aside(read).await??;
    let last = own.last().ok_or_else(Problem::not_found)?;
    let undone = matches!(last.event.fact, Fact::BidRetracted(_));
    let status = if undone { StatusCode::OK } else { StatusCode::CREATED };
    Ok(Reply { status: status.as_u16(), body: said(&last.event, by.user) })
}

/// The reply to a command that was accepted.
pub(super) fn done(wish: &Wish, done: &Done, status: StatusCode) -> Response {
    (status, Json(said(&done.accepted.event, wish.by.user))).into_response()
}

/// What is said of a command with this last event.
fn said(event: &Event, by: UserId) -> Value {
    let Event { auction, version, .. } = *event;
    match &event.fact {
        Fact::BidPlaced(placed) => json!({
            "id": version,
            "auction_id": auction,
            "user_id": by,
            "amount": placed.amount,
            "max_bid": max_bid(&placed.now),
            "version": version,
        }),
        Fact::BidRetracted(undone) => json!({
            "id": undone.bid,
            "auction_id": auction,
            "deleted": true,
            "max_bid": max_bid(&undone.now),
            "version": version,
        }),
        _ => json!({ "id": auction, "version": version }), // not ours to list: a creation
    }
}

fn max_bid(now: &Now) -> Option<Amount> {
    now.shown.as_ref()?.price
}

/// The acknowledgement of a command, in this dialect's words; any other reply stays as it is.
pub(super) fn acknowledged(
    desk: &Desk,
    wish: &Wish,
    user_id: Option<i64>,
    settled: Response,
) -> Response {
    if settled.status() != StatusCode::ACCEPTED {
        return settled;
    }
    let operation = wish.operation.to_string();
    let who = user_id.map(|id| format!("?user_id={id}")).unwrap_or_default();
    let location = HeaderValue::try_from(format!("{}/operation/{operation}{who}", desk.at));
    let location = [(LOCATION, location.expect("digits are a header value"))];
    let body = Json(json!({ "status": "pending", "operation": operation }));
    (StatusCode::ACCEPTED, location, body).into_response()
}
