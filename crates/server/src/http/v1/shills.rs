//! Who may be bidding for a seller: accounts that have something in common, and how they bid. For
//! administrators, who judge; here is only looked up and counted.

use super::ask::{known, not_yet};
use super::cursor::{Cursor, PageQuery};
use super::extract::Of;
use super::ledger::Line;
use super::users::{id_of, user};
use crate::house::House;
use crate::http::actor::SignedIn;
use crate::http::error::Problem;
use crate::http::query::{Nothing, Query};
use crate::http::time::Stamp;
use crate::shills::Counts;
use axum::Json;
use axum::extract::{Path, State};
use gavel_auction::ids::{AuctionId, Paddle, UserId};
use gavel_auction::time::Time;
use gavel_auction::view::Head;
use gavel_engine::lists::Query as ListQuery;
use gavel_engine::traces::Link;
use serde::Serialize;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Links of one account that are shown.
const LINKS: usize = 200;
/// Bidders that are looked at in one report; the others are counted.
const BIDDERS: usize = 500;
/// Lots of a seller that are looked at, the newest.
const LOTS: usize = 100;
/// Lots of a bidder that are counted, the newest.
const DEALINGS: usize = 1_000;

/// The routes.
pub fn routes() -> OpenApiRouter<House> {
    OpenApiRouter::default()
        .routes(routes!(links))
        .routes(routes!(of_auction))
        .routes(routes!(of_user))
        .routes(routes!(flagged))
}

/// What an account has in common with another.
#[derive(Clone, Serialize, ToSchema)]
struct LinkView {
    /// The other one.
    user: i64,
    /// email, phone, address, device or network.
    by: &'static str,
    /// When the later of them last came with it, to the hour; null for what is in a profile.
    at: Option<Stamp>,
}

impl LinkView {
    fn of(link: &Link) -> Self {
        Self { user: link.user.get(), by: link.by.word(), at: link.at.map(Stamp) }
    }
}

/// Accounts that have something in common with one.
#[derive(Serialize, ToSchema)]
struct LinksPage {
    user: i64,
    items: Vec<LinkView>,
}

/// List the accounts that are linked with one (administrators)
///
/// Same address, number, browser; or sign-ins from one network within a day, unless more than
/// twenty accounts come from there. It says that somebody should look, and nothing more.
#[utoipa::path(get, path = "/v1/users/{id}/links", tag = "staff", params(("id" = i64, Path)),
    security(("bearer" = [])), responses((status = 200, body = LinksPage)))]
async fn links(
    State(house): State<House>,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<LinksPage>, Problem> {
    let user = user(&house, id_of(&id)?).await?.id;
    let links = house.blocking(move |people| people.links(user, None, LINKS)).await?;
    Ok(Json(LinksPage { user: user.get(), items: links.iter().map(LinkView::of).collect() }))
}

/// What is counted of a bidder.
#[derive(Serialize, ToSchema)]
struct Suspect {
    user: i64,
    username: Option<String>,
    /// In the report of one auction: his number in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    paddle: Option<Paddle>,
    /// The sum of what his flags weigh: `linked_to_seller` three, each other one.
    score: u8,
    /// `linked_to_seller`, `linked_to_bidder`; `one_seller`: three of his lots or more, and nine
    /// tenths of all, are this seller's; `never_wins`: three lots of this seller or more were sold
    /// and none to him. In the report of one auction also `takes_back`: he took a bid back;
    /// `answers_at_once`: five bids or more, nine tenths within ten seconds of another one's, and
    /// he did not buy.
    flags: Vec<&'static str>,
    /// With the seller, and with bidders of this report.
    links: Vec<LinkView>,
    /// Lots of anybody in which he has a paddle, of his newest thousand; none under seal.
    lots: usize,
    /// Of those, the ones of this seller.
    lots_of_seller: usize,
    /// Of this seller's newest hundred in which he has one, those that were sold.
    sold: usize,
    /// Of those, the ones he bought.
    won: usize,
    /// How he bid in the auction of this report.
    #[serde(skip_serializing_if = "Option::is_none")]
    here: Option<Here>,
}

/// How somebody bid in one auction.
#[derive(Default, Serialize, ToSchema)]
struct Here {
    bids: usize,
    taken_back: usize,
    /// Those that came within ten seconds of another one's.
    at_once: usize,
    first_bid_at: Option<Stamp>,
    last_bid_at: Option<Stamp>,
    won: bool,
}

/// The bidders of an auction, or of a seller, those with the highest score first.
#[derive(Serialize, ToSchema)]
struct ShillReport {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    auction: Option<AuctionId>,
    seller: i64,
    bidders: Vec<Suspect>,
    /// How many more there are that were not looked at.
    left_out: usize,
    server_time: Stamp,
}

/// Report on the bidders of an auction (administrators)
///
/// What each shares with the seller and with the others, and how he bids. Counted, not judged.
/// While bids are under seal nobody sees who made them.
#[utoipa::path(get, path = "/v1/auctions/{auction}/shills", tag = "staff",
    params(("auction" = i64, Path)), security(("bearer" = [])),
    responses((status = 200, body = ShillReport)))]
async fn of_auction(
    State(house): State<House>,
    Of(auction): Of,
    by: SignedIn,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<ShillReport>, Problem> {
    let head = known(&house, auction, &by.viewer()).await?;
    if head.is_under_seal() {
        return Err(not_yet("While bids are under seal nobody sees who made them."));
    }
    house.aside(move |house| report(house, head.seller, Some(&head))).await?.map(Json)
}

/// Report on the bidders of a seller (administrators)
///
/// Those of his newest hundred auctions. Counted, not judged.
#[utoipa::path(get, path = "/v1/users/{id}/shills", tag = "staff", params(("id" = i64, Path)),
    security(("bearer" = [])), responses((status = 200, body = ShillReport)))]
async fn of_user(
    State(house): State<House>,
    Path(id): Path<String>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<ShillReport>, Problem> {
    let seller = user(&house, id_of(&id)?).await?.id;
    house.aside(move |house| report(house, seller, None)).await?.map(Json)
}

/// A seller's auctions of which anybody may see who bids.
struct Lots(BTreeMap<AuctionId, Arc<Head>>);

impl Lots {
    fn of(house: &House, seller: UserId) -> Result<Self, Problem> {
        let asked = ListQuery { limit: LOTS, ..ListQuery::newest(Some(seller)) };
        let rows = house.engine.lists().page(&asked)?.rows;
        let heads = rows.iter().filter_map(|(_, auction)| house.engine.head(*auction));
        Ok(Self(
            heads.filter(|head| !head.is_under_seal()).map(|head| (head.auction, head)).collect(),
        ))
    }
}

/// Blocks on the store.
fn report(house: &House, seller: UserId, here: Option<&Head>) -> Result<ShillReport, Problem> {
    let mut lots = Lots::of(house, seller)?;
    if let Some(here) = here {
        lots.0.insert(here.auction, Arc::new(here.clone()));
    }
    let looked: Vec<AuctionId> = match here {
        Some(here) => vec![here.auction],
        None => lots.0.keys().copied().collect(),
    };
    let mut bidders: Vec<UserId> =
        looked.iter().flat_map(|auction| house.engine.bidders(*auction)).collect();
    if here.is_none() {
        bidders.sort_unstable();
        bidders.dedup();
    }
    let left_out = bidders.len().saturating_sub(BIDDERS);
    bidders.truncate(BIDDERS);
    let mut ways = here.map(|here| ways(house, here)).transpose()?;
    let mut among = bidders.clone();
    among.push(seller);
    let mut suspects = Vec::with_capacity(bidders.len());
    for (paddle, user) in (1..).zip(&bidders) {
        let paddle = here.and(Paddle::new(paddle));
        let way = paddle.and_then(|paddle| ways.as_mut()?.remove(&paddle));
        let mut way = way.unwrap_or_default();
        way.counts.won_this = here.is_some_and(|here| here.winner == Some(*user));
        let links = house.people.links(*user, Some(&among), LINKS)?;
        suspects.push(suspect(house, seller, &lots, Bidder { user: *user, paddle, links, way })?);
    }
    suspects.sort_by_key(|suspect| std::cmp::Reverse(suspect.score));
    let (auction, server_time) = (here.map(|here| here.auction), Stamp(house.now()));
    Ok(ShillReport { auction, seller: seller.get(), bidders: suspects, left_out, server_time })
}

struct Bidder {
    user: UserId,
    paddle: Option<Paddle>,
    links: Vec<Link>,
    way: Way,
}

/// How somebody bid in one auction.
#[derive(Default)]
struct Way {
    counts: Counts,
    first: Option<Time>,
    last: Option<Time>,
}

/// How each bid in an auction.
fn ways(house: &House, here: &Head) -> Result<HashMap<Paddle, Way>, Problem> {
    house.ledgers.read(house, here.auction, |ledger| {
        let mut ways: HashMap<Paddle, Way> = HashMap::new();
        let mut before: Option<&Line> = None;
        // The last bid of somebody else than who made the one before.
        let mut other: Option<Time> = None;
        for line in ledger.after(0) {
            let Some(paddle) = line.paddle else { continue };
            if let Some(before) = before.filter(|before| before.paddle != Some(paddle)) {
                other = Some(before.at);
            }
            let way = ways.entry(paddle).or_default();
            way.counts.bid(line.at, other, line.retracted);
            way.first.get_or_insert(line.at);
            way.last = Some(line.at);
            before = Some(line);
        }
        ways
    })
}

/// Whether anybody may be told who has a paddle there. What has left memory is settled; what is
/// closed off is not known to be.
fn may_be_told(house: &House, auction: AuctionId) -> bool {
    match house.engine.head_in_memory(auction) {
        Some(head) => !head.is_under_seal(),
        None => house.engine.has_left(auction),
    }
}

fn suspect(house: &House, seller: UserId, lots: &Lots, bidder: Bidder) -> Result<Suspect, Problem> {
    let Bidder { user, paddle, links, way: Way { mut counts, first, last } } = bidder;
    for (auction, of) in house.engine.lists().dealings(user, DEALINGS)? {
        if !may_be_told(house, auction) {
            continue;
        }
        counts.lots += 1;
        counts.lots_of_seller += usize::from(of == seller);
        let Some(head) = lots.0.get(&auction) else { continue };
        counts.sold += usize::from(head.winner.is_some());
        counts.won += usize::from(head.winner == Some(user));
    }
    counts.linked_to_seller = links.iter().any(|link| link.user == seller);
    counts.linked_to_bidder = links.iter().any(|link| link.user != seller);
    let flags = counts.flags();
    let here = paddle.map(|_| Here {
        bids: counts.bids,
        taken_back: counts.taken_back,
        at_once: counts.at_once,
        first_bid_at: first.map(Stamp),
        last_bid_at: last.map(Stamp),
        won: counts.won_this,
    });
    Ok(Suspect {
        user: user.get(),
        username: house.engine.words().name(user)?.map(|name| name.to_string()),
        paddle,
        score: flags.iter().map(|(_, weight)| weight).sum(),
        flags: flags.into_iter().map(|(flag, _)| flag).collect(),
        links: links.iter().map(LinkView::of).collect(),
        lots_of_seller: counts.lots_of_seller,
        lots: counts.lots,
        sold: counts.sold,
        won: counts.won,
        here,
    })
}

/// Auctions in which somebody bids who is linked with the seller.
#[derive(Serialize, ToSchema)]
struct FlaggedPage {
    items: Vec<Flagged>,
    /// Where to go on; there may be more also if this page has none.
    next_cursor: Option<String>,
}

/// A bidder who is linked with the seller.
#[derive(Serialize, ToSchema)]
struct Flagged {
    #[schema(value_type = i64)]
    auction: AuctionId,
    seller: i64,
    bidder: i64,
    #[schema(value_type = i64)]
    paddle: Option<Paddle>,
    /// email, phone, address, device, network.
    by: Vec<&'static str>,
}

/// List bidders who are linked with the seller (administrators)
///
/// Goes through all auctions, the newest first; those under seal are left out.
#[utoipa::path(get, path = "/v1/shills", tag = "staff", params(PageQuery),
    security(("bearer" = [])), responses((status = 200, body = FlaggedPage)))]
async fn flagged(
    State(house): State<House>,
    Query(page): Query<PageQuery>,
) -> Result<Json<FlaggedPage>, Problem> {
    let after = page.after(QUESTION)?.map(|at| (at.key, at.id));
    let asked = ListQuery { after, limit: page.limit()?, ..ListQuery::newest(None) };
    house.aside(move |house| look_through(house, asked)).await?.map(Json)
}

const QUESTION: &str = "shills";

/// Blocks on the store.
fn look_through(house: &House, asked: ListQuery) -> Result<FlaggedPage, Problem> {
    let limit = asked.limit;
    let rows = house.engine.lists().page(&ListQuery { limit: limit + 1, ..asked })?.rows;
    let cursor =
        |(key, auction): &(i64, AuctionId)| Cursor { key: *key, id: auction.get() }.print(QUESTION);
    let next_cursor = rows.get(limit).and(rows.get(limit - 1)).map(cursor);
    let mut links: HashMap<UserId, Vec<Link>> = HashMap::new();
    let mut items = Vec::new();
    for (_, auction) in rows.into_iter().take(limit) {
        let head = house.engine.head(auction).filter(|head| !head.is_under_seal());
        let Some(head) = head else { continue };
        let bidders = house.engine.bidders(auction);
        let mut found: BTreeMap<UserId, Vec<&'static str>> = BTreeMap::new();
        let linked = match links.entry(head.seller) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(house.people.links(head.seller, None, usize::MAX)?),
        };
        for link in linked.iter().filter(|link| bidders.contains(&link.user)) {
            found.entry(link.user).or_default().push(link.by.word());
        }
        items.extend(found.into_iter().map(|(user, by)| {
            let place = bidders.iter().position(|bidder| *bidder == user);
            let paddle = place.and_then(|place| Paddle::new(i64::try_from(place).ok()? + 1));
            Flagged { auction, seller: head.seller.get(), bidder: user.get(), paddle, by }
        }));
    }
    Ok(FlaggedPage { items, next_cursor })
}
