//! What auctions are about, and the ids they get. Refuses to know whether an auction exists.

use super::group::failed;
use super::people::run;
use super::things::named_pictures;
use gavel_auction::event::Digest;
use gavel_auction::ids::{AuctionId, UserId, Version};
use gavel_auction::time::Time;
use gavel_engine::people::{Addendum, Listing, PeopleError, Reserved};
use rusqlite::{Connection, OptionalExtension, params};

/// The id for (actor, key, body), the same at every repeat.
pub(super) fn reserve(
    connection: &Connection,
    actor: UserId,
    key: Option<&str>,
    body: &Digest,
    listing: &Listing,
) -> Result<Reserved, PeopleError> {
    if let Some(key) = key
        && let Some((kept, auction)) = find(connection, actor, key).map_err(failed)?
    {
        let same = kept.as_slice() == body.0;
        return if same { auction_id(auction).map(Reserved::Id) } else { Ok(Reserved::KeyReused) };
    }
    let (item, attributes) = listing.item.clone().unzip();
    let Listing { title, description, category, pictures, .. } = listing;
    // Names are of hexadecimal digits.
    let names: Vec<String> = pictures.iter().map(|of| format!("\"{}\"", of.name)).collect();
    let names = (!names.is_empty()).then(|| format!("[{}]", names.join(",")));
    run(
        connection,
        "INSERT INTO listing (title, description, category, item, attributes, pictures, seller)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![title, description, category, item, attributes, names, actor.get()],
    )?;
    let auction = auction_id(connection.last_insert_rowid())?;
    for addendum in &listing.addenda {
        add_addendum(connection, auction, addendum)?;
    }
    if let Some(key) = key {
        run(
            connection,
            "INSERT INTO auction_key (actor, key, body, auction) VALUES (?1, ?2, ?3, ?4)",
            params![actor.get(), key, &body.0[..], auction.get()],
        )?;
    }
    Ok(Reserved::Id(auction))
}

/// The auctions of which somebody wrote what they are about.
pub(super) fn written_by(
    connection: &Connection,
    seller: UserId,
) -> rusqlite::Result<Vec<AuctionId>> {
    let mut written = connection.prepare_cached("SELECT auction FROM listing WHERE seller = ?1")?;
    let written = written.query_map([seller.get()], |row| row.get(0))?;
    written.filter_map(|id| id.map(AuctionId::new).transpose()).collect()
}

/// Of all that somebody wrote about his auctions only that it was there is left.
pub(super) fn blank(connection: &Connection, seller: UserId) -> Result<(), PeopleError> {
    let his = [seller.get()];
    run(
        connection,
        "UPDATE listing SET title = '(erased)', description = NULL, category = NULL, item = NULL,
             attributes = NULL, pictures = NULL WHERE seller = ?1",
        his,
    )?;
    run(
        connection,
        "UPDATE addendum SET text = '(erased)'
         WHERE auction IN (SELECT auction FROM listing WHERE seller = ?1)",
        his,
    )
}

/// The id itself is never given out again.
pub(super) fn release(connection: &Connection, auction: AuctionId) -> Result<(), PeopleError> {
    let auction = [auction.get()];
    run(connection, "DELETE FROM auction_key WHERE auction = ?1", auction)?;
    run(connection, "DELETE FROM listing WHERE auction = ?1", auction)
}

/// What was reserved for (actor, key).
pub(super) fn reserved(
    connection: &Connection,
    actor: UserId,
    key: &str,
) -> rusqlite::Result<Option<(AuctionId, Digest)>> {
    let Some((body, auction)) = find(connection, actor, key)? else { return Ok(None) };
    let id = AuctionId::new(auction);
    let id = id.ok_or(rusqlite::Error::IntegralValueOutOfRange(1, auction))?;
    let length = body.len();
    let body = body.try_into().map_err(|_| {
        rusqlite::Error::InvalidColumnType(
            0,
            format!("a digest of {length} bytes"),
            rusqlite::types::Type::Blob,
        )
    })?;
    Ok(Some((id, Digest(body))))
}

fn find(
    connection: &Connection,
    actor: UserId,
    key: &str,
) -> rusqlite::Result<Option<(Vec<u8>, i64)>> {
    connection
        .prepare_cached("SELECT body, auction FROM auction_key WHERE actor = ?1 AND key = ?2")?
        .query_row(params![actor.get(), key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn auction_id(value: i64) -> Result<AuctionId, PeopleError> {
    AuctionId::new(value).ok_or_else(|| failed(rusqlite::Error::IntegralValueOutOfRange(0, value)))
}

pub(super) fn read(
    connection: &Connection,
    auction: AuctionId,
) -> rusqlite::Result<Option<Listing>> {
    let listing = connection
        .prepare_cached(
            "SELECT title, description, category, item, attributes, pictures FROM listing
             WHERE auction = ?1",
        )?
        .query_row([auction.get()], |row| {
            let (title, description) = (row.get(0)?, row.get(1)?);
            let item = row.get::<_, Option<i64>>(3)?.zip(row.get(4)?);
            let listing =
                Listing { title, description, category: row.get(2)?, item, ..Listing::default() };
            Ok((listing, row.get::<_, Option<String>>(5)?))
        })
        .optional()?;
    let Some((mut listing, pictures)) = listing else {
        return Ok(None);
    };
    if let Some(names) = pictures {
        listing.pictures = named_pictures(connection, &names)?;
    }
    listing.addenda = connection
        .prepare_cached("SELECT at, text FROM addendum WHERE auction = ?1 ORDER BY id")?
        .query_map([auction.get()], |row| {
            Ok(Addendum { at: Time(row.get(0)?), text: row.get(1)? })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Some(listing))
}

pub(super) fn change(
    connection: &Connection,
    auction: AuctionId,
    listing: &Listing,
) -> Result<(), PeopleError> {
    run(
        connection,
        "UPDATE listing SET title = ?2, description = ?3, category = ?4 WHERE auction = ?1",
        params![auction.get(), listing.title, listing.description, listing.category],
    )
}

pub(super) fn add_addendum(
    connection: &Connection,
    auction: AuctionId,
    addendum: &Addendum,
) -> Result<(), PeopleError> {
    run(
        connection,
        "INSERT INTO addendum (auction, at, text) VALUES (?1, ?2, ?3)",
        params![auction.get(), addendum.at.0, addendum.text],
    )
}

/// A repeat puts the same text in the same place.
pub(super) fn add_note(
    connection: &Connection,
    auction: AuctionId,
    version: Version,
    text: &str,
) -> Result<(), PeopleError> {
    run(
        connection,
        "INSERT INTO note (auction, version, text) VALUES (?1, ?2, ?3)
         ON CONFLICT (auction, version) DO UPDATE SET text = excluded.text",
        params![auction.get(), version, text],
    )
}
