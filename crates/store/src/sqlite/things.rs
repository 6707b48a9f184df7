//! Things for sale, their categories and what is known of their pictures, in `people.db`. Refuses
//! to know what an attribute means.

use super::group::failed;
use super::people::{SqlitePeople, run};
use gavel_auction::event::Digest;
use gavel_auction::ids::{AuctionId, UserId};
use gavel_engine::people::PeopleError;
use gavel_engine::things::{Category, Hung, Item, Made, Picture, Things};
use rusqlite::{Connection, OptionalExtension, Row, params};

impl Things for SqlitePeople {
    fn categories(&self) -> Result<Vec<Category>, PeopleError> {
        self.read(|connection| {
            let sql = "SELECT name, attributes FROM category ORDER BY name";
            connection.prepare_cached(sql)?.query_map([], read_category)?.collect()
        })
    }

    fn category(&self, name: &str) -> Result<Option<Category>, PeopleError> {
        self.read(|connection| {
            let sql = "SELECT name, attributes FROM category WHERE name = ?1";
            connection.prepare_cached(sql)?.query_row([name], read_category).optional()
        })
    }

    fn set_category(&self, category: &Category) -> Result<(), PeopleError> {
        let Category { name, attributes } = category.clone();
        self.change(move |connection| {
            let sql = "INSERT OR REPLACE INTO category (name, attributes) VALUES (?1, ?2)";
            run(connection, sql, params![name, attributes])
        })
    }

    fn add_item(&self, item: &Item, key: Option<&str>, body: &Digest) -> Result<Made, PeopleError> {
        let (item, key, body) = (item.clone(), key.map(str::to_owned), *body);
        self.change(move |connection| {
            let sql = "SELECT id, body FROM item WHERE seller = ?1 AND key = ?2";
            let found = connection.prepare_cached(sql).and_then(|mut made| {
                let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?));
                made.query_row(params![item.seller.get(), key], read).optional()
            });
            if let Some((id, said)) = found.map_err(failed)? {
                return Ok(if said == body.0 { Made::Id(id) } else { Made::KeyReused });
            }
            let sql = "INSERT INTO item (seller, title, description, category, attributes, key,
                    body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let Item { seller, title, description, category, attributes, id: _ } = item;
            let seller = seller.get();
            let body = &body.0[..];
            let values = params![seller, title, description, category, attributes, key, body];
            run(connection, sql, values)?;
            Ok(Made::Id(connection.last_insert_rowid()))
        })
    }

    fn item(&self, id: i64) -> Result<Option<Item>, PeopleError> {
        self.read(|connection| {
            let sql = "SELECT id, seller, title, description, category, attributes FROM item
                WHERE id = ?1";
            connection.prepare_cached(sql)?.query_row([id], read_item).optional()
        })
    }

    fn items(
        &self,
        seller: Option<UserId>,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Item>, PeopleError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            let sql = "SELECT id, seller, title, description, category, attributes FROM item
                WHERE id > ?1 AND (?2 IS NULL OR seller = ?2) ORDER BY id LIMIT ?3";
            let values = params![after, seller.map(UserId::get), limit];
            connection.prepare_cached(sql)?.query_map(values, read_item)?.collect()
        })
    }

    fn change_item(&self, item: &Item) -> Result<bool, PeopleError> {
        let Item { id, title, description, category, attributes, seller: _ } = item.clone();
        self.change(move |connection| {
            let sql = "UPDATE item SET title = ?2, description = ?3, category = ?4,
                    attributes = ?5 WHERE id = ?1";
            let values = params![id, title, description, category, attributes];
            let changed = connection.prepare_cached(sql).and_then(|mut to| to.execute(values));
            Ok(changed.map_err(failed)? > 0)
        })
    }

    fn remove_item(&self, id: i64) -> Result<(), PeopleError> {
        self.change(move |connection| run(connection, "DELETE FROM item WHERE id = ?1", [id]))
    }

    fn auctions_of(&self, item: i64) -> Result<Vec<AuctionId>, PeopleError> {
        self.read(|connection| {
            let sql = "SELECT auction FROM listing WHERE item = ?1";
            let mut all = connection.prepare_cached(sql)?;
            let found = all.query_map([item], |row| row.get(0))?;
            found.filter_map(|id| id.map(AuctionId::new).transpose()).collect()
        })
    }

    fn add_picture(&self, item: i64, picture: &Picture, most: usize) -> Result<Hung, PeopleError> {
        let (picture, most) = (picture.clone(), i64::try_from(most).unwrap_or(i64::MAX));
        self.change(move |connection| hang(connection, item, picture, most))
    }

    fn pictures(&self, item: i64) -> Result<Vec<Picture>, PeopleError> {
        self.read(|connection| {
            let sql = "SELECT name, kind, width, height, bytes FROM picture
                WHERE item = ?1 ORDER BY id";
            connection.prepare_cached(sql)?.query_map([item], read_picture)?.collect()
        })
    }

    fn picture(&self, name: &str) -> Result<Option<Picture>, PeopleError> {
        self.read(|connection| {
            let sql = "SELECT name, kind, width, height, bytes FROM picture WHERE name = ?1";
            connection.prepare_cached(sql)?.query_row([name], read_picture).optional()
        })
    }

    fn remove_picture(&self, item: i64, name: &str) -> Result<bool, PeopleError> {
        let name = name.to_owned();
        self.change(move |connection| {
            let sql = "DELETE FROM picture WHERE item = ?1 AND name = ?2";
            let removed = connection.prepare_cached(sql);
            let removed = removed.and_then(|mut to| to.execute(params![item, name]));
            Ok(removed.map_err(failed)? > 0)
        })
    }

    fn picture_names(&self) -> Result<Vec<String>, PeopleError> {
        self.read(|connection| {
            let mut all = connection.prepare_cached("SELECT name FROM picture")?;
            all.query_map([], |row| row.get(0))?.collect()
        })
    }
}

fn hang(
    connection: &Connection,
    item: i64,
    picture: Picture,
    most: i64,
) -> Result<Hung, PeopleError> {
    let sql = "SELECT (SELECT 1 FROM item WHERE id = ?1), (SELECT 1 FROM picture WHERE name = ?2),
        (SELECT count(*) FROM picture WHERE item = ?1)";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let found = connection
        .prepare_cached(sql)
        .and_then(|mut of| of.query_row(params![item, picture.name], read));
    let (there, hangs, count): (Option<i64>, Option<i64>, i64) = found.map_err(failed)?;
    if there.is_none() {
        return Ok(Hung::NoItem);
    }
    if hangs.is_some() {
        return Ok(Hung::There);
    }
    if count >= most {
        return Ok(Hung::Full);
    }
    let Picture { name, kind, width, height, bytes } = picture;
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let sql = "INSERT INTO picture (item, name, kind, width, height, bytes)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    run(connection, sql, params![item, name, kind, width, height, bytes])?;
    Ok(Hung::There)
}

/// The pictures that a JSON array names, in its order.
pub(super) fn named_pictures(
    connection: &Connection,
    names: &str,
) -> rusqlite::Result<Vec<Picture>> {
    let sql = "SELECT name, kind, width, height, bytes
        FROM json_each(?1) AS named JOIN picture ON picture.name = named.value
        ORDER BY named.key";
    connection.prepare_cached(sql)?.query_map([names], read_picture)?.collect()
}

fn read_picture(row: &Row<'_>) -> rusqlite::Result<Picture> {
    Ok(Picture {
        name: row.get(0)?,
        kind: row.get(1)?,
        width: row.get(2)?,
        height: row.get(3)?,
        bytes: row.get(4)?,
    })
}

fn read_category(row: &Row<'_>) -> rusqlite::Result<Category> {
    Ok(Category { name: row.get(0)?, attributes: row.get(1)? })
}

fn read_item(row: &Row<'_>) -> rusqlite::Result<Item> {
    let seller = row.get(1)?;
    Ok(Item {
        id: row.get(0)?,
        seller: UserId::new(seller).ok_or(rusqlite::Error::IntegralValueOutOfRange(1, seller))?,
        title: row.get(2)?,
        description: row.get(3)?,
        category: row.get(4)?,
        attributes: row.get(5)?,
    })
}
