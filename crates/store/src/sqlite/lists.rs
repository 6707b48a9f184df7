//! Lists and search in a file that may be deleted at any time. Refuses to know what the log says:
//! it keeps the rows it is given.

pub(super) mod read_only;

use super::OpenError;
use super::disposable::Disposable;
use super::file::Kind;
use super::log::unreadable;
use super::pool::Readers;
use gavel_auction::event::HouseId;
use gavel_auction::ids::{AuctionId, UserId};
use gavel_engine::lists::{Lists, Page, Query, Row, Sort};
use gavel_engine::log::{LogError, Partition, Position};
use rusqlite::{Connection, OptionalExtension, ToSql, params};
use std::path::Path;

/// The words for states; a word's place is its number in the table and never changes.
const STATES: [&str; 7] = ["draft", "scheduled", "open", "on_hold", "sold", "passed", "cancelled"];
const DRAFT: usize = 0;

/// So many words of a search are looked at.
const SEARCH_WORDS: usize = 32;

const PUT: &str =
    "INSERT INTO auction (id, state, seller, title, category, price, ends_at, bidders)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, seller = excluded.seller,
        title = excluded.title, category = excluded.category, price = excluded.price,
        ends_at = excluded.ends_at, bidders = excluded.bidders";
const PUT_CURSOR: &str = "INSERT INTO cursor (partition, position) VALUES (?1, ?2)
    ON CONFLICT (partition) DO UPDATE SET position = excluded.position";
const PUT_WORDS: &str = "INSERT OR REPLACE INTO words (rowid, title) VALUES (?1, ?2)";
const FORGET: &str = "DELETE FROM auction WHERE id = ?1";
const FORGET_WORDS: &str = "DELETE FROM words WHERE rowid = ?1";
const PUT_PRICE: &str = "UPDATE auction SET price = ?2 WHERE id = ?1";
const PUT_BIDDING: &str = "INSERT OR IGNORE INTO bidding (user, auction) VALUES (?1, ?2)";
const BIDDING: &str = "SELECT auction FROM bidding WHERE user = ?1 AND auction < ?2
    ORDER BY auction DESC LIMIT ?3";
const DEALINGS: &str = "SELECT bidding.auction, auction.seller FROM bidding
    JOIN auction ON auction.id = bidding.auction
    WHERE bidding.user = ?1 ORDER BY bidding.auction DESC LIMIT ?2";
const KEPT: &str =
    "SELECT state, seller, title, category, ends_at, bidders FROM auction WHERE id = ?1";
const CURSOR: &str = "SELECT position FROM cursor WHERE partition = ?1";
const CLEAR: &str = "DELETE FROM cursor; DELETE FROM auction; DELETE FROM bidding;
    INSERT INTO words (words) VALUES ('delete-all');";

/// Keeps lists in `lists.db`.
pub(super) struct SqliteLists {
    file: Disposable,
}

impl SqliteLists {
    /// Opens the lists; makes them anew, and says so, where they are of no use.
    pub(super) fn open(dir: &Path, house: HouseId) -> Result<(Self, bool), OpenError> {
        let (file, anew) = Disposable::open(dir, Kind::Lists, house)?;
        Ok((Self { file }, anew))
    }
}

impl Lists for SqliteLists {
    fn cursor(&self, partition: Partition) -> Result<Position, LogError> {
        self.file.readers.with(|connection| cursor(connection, partition)).map_err(unreadable)
    }

    fn put(&self, partition: Partition, upto: Position, rows: &[Row]) -> Result<(), LogError> {
        let numbered = rows.iter().map(|row| {
            let state = STATES.iter().position(|word| *word == row.state);
            let unknown = || LogError::Unreadable(format!("no state {:?}", row.state).into());
            Ok((state.ok_or_else(unknown)?, row))
        });
        let numbered = numbered.collect::<Result<Vec<_>, LogError>>()?;
        self.file.write(|transaction| {
            for (state, row) in numbered {
                put_row(transaction, state, row)?;
            }
            let mut cursor = transaction.prepare_cached(PUT_CURSOR)?;
            cursor.execute(params![partition, upto]).map(drop)
        })
    }

    fn page(&self, query: &Query) -> Result<Page, LogError> {
        page(&self.file.readers, query)
    }

    fn bidding(&self, user: UserId, before: i64, limit: usize) -> Result<Vec<AuctionId>, LogError> {
        bidding(&self.file.readers, user, before, limit)
    }

    fn dealings(&self, user: UserId, limit: usize) -> Result<Vec<(AuctionId, UserId)>, LogError> {
        dealings(&self.file.readers, user, limit)
    }

    fn clear(&self) -> Result<(), LogError> {
        self.file.write_or_replace(|transaction| transaction.execute_batch(CLEAR))
    }

    fn erase(&self, auctions: &[AuctionId]) -> Result<(), LogError> {
        if auctions.is_empty() {
            return Ok(());
        }
        self.file.write(|transaction| {
            for auction in auctions {
                let auction = [auction.get()];
                transaction.prepare_cached(FORGET)?.execute(auction)?;
                transaction.prepare_cached(FORGET_WORDS)?.execute(auction)?;
            }
            // Words that were only marked as gone.
            transaction.execute_batch("INSERT INTO words (words) VALUES ('optimize')")
        })?;
        self.file.scrub()
    }

    fn are_damaged(&self) -> bool {
        self.file.readers.are_of_a_damaged_file()
    }

    fn examine(&self) -> Result<(), LogError> {
        self.file.readers.with(check).map_err(unreadable)
    }
}

/// Whether the pages are in order: that is all that lists have, where snapshots have seals.
fn check(connection: &Connection) -> rusqlite::Result<()> {
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    let damaged = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    let whole = said == "ok";
    whole.then_some(()).ok_or(rusqlite::Error::SqliteFailure(damaged, Some(said)))
}

fn cursor(connection: &Connection, partition: Partition) -> rusqlite::Result<Position> {
    let position =
        connection.prepare_cached(CURSOR)?.query_row([partition], |row| row.get(0)).optional()?;
    Ok(position.unwrap_or(0))
}

/// A row as it is kept, but for its price.
struct Kept {
    state: usize,
    seller: i64,
    title: String,
    category: Option<String>,
    ends_at: i64,
    /// How many of its bidders are known.
    bidders: usize,
}

impl Kept {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            state: row.get(0)?,
            seller: row.get(1)?,
            title: row.get(2)?,
            category: row.get(3)?,
            ends_at: row.get(4)?,
            bidders: row.get(5)?,
        })
    }

    fn is(&self, state: usize, row: &Row, ends_at: i64) -> bool {
        let own = (self.state, self.seller, self.ends_at, self.bidders);
        own == (state, row.seller.get(), ends_at, row.bidders.len())
            && (&self.title, &self.category) == (&row.title, &row.category)
    }
}

fn put_row(connection: &Connection, state: usize, row: &Row) -> rusqlite::Result<()> {
    let (id, seller) = (row.auction.get(), row.seller.get());
    let ends_at = row.ends_at.map_or(i64::MAX, |end| end.0);
    let kept = connection.prepare_cached(KEPT)?.query_row([id], Kept::read).optional()?;
    // Bids move the price and nothing else, and only one index has that.
    let moved = kept.as_ref().is_none_or(|kept| !kept.is(state, row, ends_at));
    if !moved {
        connection.prepare_cached(PUT_PRICE)?.execute([id, row.price])?;
        return Ok(());
    }
    // Paddles are given out in order and never taken back.
    let known = kept.as_ref().map_or(0, |kept| kept.bidders);
    for user in row.bidders.get(known..).unwrap_or_default() {
        connection.prepare_cached(PUT_BIDDING)?.execute([user.get(), id])?;
    }
    if kept.is_none_or(|kept| kept.title != row.title) {
        connection.prepare_cached(PUT_WORDS)?.execute(params![id, row.title])?;
    }
    let Row { title, category, price, bidders, .. } = row;
    let count = bidders.len();
    connection
        .prepare_cached(PUT)?
        .execute(params![id, state, seller, title, category, price, ends_at, count])?;
    Ok(())
}

fn page(readers: &Readers, query: &Query) -> Result<Page, LogError> {
    let words = query.text.as_deref().map(search_words);
    let rows = readers.with(|connection| match &words {
        Some(words) if words.is_empty() => Ok(Vec::new()),
        Some(words) => by_words(connection, query, words),
        None => by_state(connection, query),
    });
    Ok(Page { rows: rows.map_err(unreadable)? })
}

fn bidding(
    readers: &Readers,
    user: UserId,
    before: i64,
    limit: usize,
) -> Result<Vec<AuctionId>, LogError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = readers.with(|connection| {
        let mut found = connection.prepare_cached(BIDDING)?;
        let found = found.query_map([user.get(), before, limit], |row| row.get(0))?;
        found.filter_map(|id| id.map(AuctionId::new).transpose()).collect()
    });
    found.map_err(unreadable)
}

fn dealings(
    readers: &Readers,
    user: UserId,
    limit: usize,
) -> Result<Vec<(AuctionId, UserId)>, LogError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let read = |row: &rusqlite::Row<'_>| {
        let both = (row.get(0)?, row.get(1)?);
        let ids = AuctionId::new(both.0).zip(UserId::new(both.1));
        ids.ok_or(rusqlite::Error::IntegralValueOutOfRange(0, both.0))
    };
    let found = readers.with(|connection| {
        connection.prepare_cached(DEALINGS)?.query_map([user.get(), limit], read)?.collect()
    });
    found.map_err(unreadable)
}

/// Whether auctions in this state are asked for. A draft only by its seller.
fn wants(query: &Query, state: usize) -> bool {
    let may = state != DRAFT || (query.drafts && query.seller.is_some());
    may && (query.states.is_empty() || query.states.iter().any(|word| word == STATES[state]))
}

/// What the user typed as a search for all of its words, the last letters of each left open. Each
/// is quoted, so that nothing in it is understood as more than a word. Empty if there is none.
fn search_words(text: &str) -> String {
    let mut search = String::new();
    let clean = |letter: char| letter.is_whitespace() || letter.is_control();
    let words = text.split(clean).filter(|word| word.chars().any(char::is_alphanumeric));
    for word in words.take(SEARCH_WORDS) {
        search.push('"');
        search.push_str(&word.replace('"', "\"\""));
        search.push_str("\"* ");
    }
    search
}

/// A statement put together from literals, and the values for its names.
struct Statement<'a> {
    sql: String,
    values: Vec<(&'static str, &'a dyn ToSql)>,
}

impl<'a> Statement<'a> {
    fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    fn and(&mut self, sql: &'static str, name: &'static str, value: &'a dyn ToSql) {
        self.sql.push_str(sql);
        self.values.push((name, value));
    }

    fn rows(self, connection: &Connection) -> rusqlite::Result<Vec<(i64, AuctionId)>> {
        let mut statement = connection.prepare_cached(&self.sql)?;
        let rows = statement.query_map(self.values.as_slice(), |row| {
            let id = row.get(1)?;
            let auction = AuctionId::new(id);
            let auction = auction.ok_or(rusqlite::Error::IntegralValueOutOfRange(1, id))?;
            Ok((row.get(0)?, auction))
        })?;
        rows.collect()
    }
}

/// Which of the auctions after the one last seen a statement walks along.
#[derive(Clone, Copy)]
enum Walk {
    /// All: none was seen yet.
    Start,
    /// Those with the same sort key.
    Tied,
    /// Those with a later key.
    Beyond,
    /// Both.
    After,
}

/// What narrows and orders a page, owned so that statements can borrow it.
struct Bounds {
    category: Option<String>,
    seller: Option<i64>,
    key: i64,
    id: i64,
    limit: i64,
}

impl Bounds {
    fn new(query: &Query) -> Self {
        let (key, id) = query.after.unwrap_or_default();
        Self {
            category: query.category.clone(),
            seller: query.seller.map(UserId::get),
            key,
            id,
            limit: i64::try_from(query.limit).unwrap_or(i64::MAX),
        }
    }

    /// A seller has few auctions and a category not all; left to himself, the planner would rather
    /// walk through everybody's in the right order.
    fn table(&self) -> &'static str {
        match (&self.seller, &self.category) {
            (Some(_), _) => "auction INDEXED BY auction_by_seller WHERE state = :state",
            (None, Some(_)) => "auction INDEXED BY auction_by_category WHERE state = :state",
            (None, None) => "auction WHERE state = :state",
        }
    }

    fn narrow<'a>(&'a self, statement: &mut Statement<'a>, sort: Sort, walk: Walk) {
        if let Some(category) = &self.category {
            statement.and(" AND category = :category", ":category", category);
        }
        if let Some(seller) = &self.seller {
            statement.and(" AND seller = :seller", ":seller", seller);
        }
        let (key, id) = match (sort, walk) {
            (_, Walk::Start) => ("", ""),
            (Sort::Ending, Walk::Tied) => (" AND ends_at = :key", " AND auction.id > :id"),
            (Sort::Ending, Walk::Beyond) => (" AND ends_at > :key", ""),
            (Sort::Ending, Walk::After) => (" AND (ends_at, auction.id) > (:key, :id)", " "),
            (Sort::Price, Walk::Tied) => (" AND price = :key", " AND auction.id > :id"),
            (Sort::Price, Walk::Beyond) => (" AND price > :key", ""),
            (Sort::Price, Walk::After) => (" AND (price, auction.id) > (:key, :id)", " "),
            // The id is the key.
            (Sort::Newest, Walk::Tied | Walk::Beyond | Walk::After) => {
                ("", " AND auction.id < :id")
            }
        };
        if !key.is_empty() {
            statement.and(key, ":key", &self.key);
        }
        if !id.is_empty() {
            statement.and(id, ":id", &self.id);
        }
        let order = match sort {
            Sort::Ending => " ORDER BY ends_at, auction.id LIMIT :limit",
            Sort::Price => " ORDER BY price, auction.id LIMIT :limit",
            Sort::Newest => " ORDER BY auction.id DESC LIMIT :limit",
        };
        statement.and(order, ":limit", &self.limit);
    }
}

const fn select(sort: Sort) -> &'static str {
    match sort {
        Sort::Ending => "SELECT ends_at, auction.id FROM ",
        Sort::Price => "SELECT price, auction.id FROM ",
        Sort::Newest => "SELECT -auction.id, auction.id FROM ",
    }
}

/// One walk along an index for each state, merged: none of them reads what it does not show. Where
/// many share a sort key (no end), those after the one last seen are found by their id.
fn by_state(connection: &Connection, query: &Query) -> rusqlite::Result<Vec<(i64, AuctionId)>> {
    let bounds = Bounds::new(query);
    let walks: &[Walk] = match (query.after, query.sort) {
        (None, _) => &[Walk::Start],
        (Some(_), Sort::Newest) => &[Walk::After],
        (Some(_), Sort::Ending | Sort::Price) => &[Walk::Tied, Walk::Beyond],
    };
    // All states are read from the same instant.
    let snapshot = connection.unchecked_transaction()?;
    let mut rows = Vec::new();
    for state in (0..STATES.len()).filter(|state| wants(query, *state)) {
        for walk in walks {
            let mut statement = Statement::new(select(query.sort));
            statement.and(bounds.table(), ":state", &state);
            bounds.narrow(&mut statement, query.sort, *walk);
            rows.extend(statement.rows(&snapshot)?);
        }
    }
    snapshot.finish()?;
    rows.sort_unstable();
    rows.truncate(query.limit);
    Ok(rows)
}

/// The words first, then the rest: a search finds few, or is asked to be narrower.
fn by_words(
    connection: &Connection,
    query: &Query,
    words: &str,
) -> rusqlite::Result<Vec<(i64, AuctionId)>> {
    let bounds = Bounds::new(query);
    let wanted = (0..STATES.len()).filter(|state| wants(query, *state));
    let states = wanted.fold(0_i64, |states, state| states | 1 << state);
    let mut statement = Statement::new(select(query.sort));
    statement.and(
        "words CROSS JOIN auction ON auction.id = words.rowid WHERE words MATCH :words",
        ":words",
        &words,
    );
    statement.and(" AND (1 << state) & :states <> 0", ":states", &states);
    let walk = if query.after.is_some() { Walk::After } else { Walk::Start };
    bounds.narrow(&mut statement, query.sort, walk);
    statement.rows(connection)
}
