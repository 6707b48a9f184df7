//! Things for sale and their categories, in `people.db`. Refuses to know what an attribute means.

use super::group::failed;
use super::people::{SqlitePeople, run};
use gavel_auction::event::Digest;
use gavel_auction::ids::UserId;
use gavel_engine::people::PeopleError;
use gavel_engine::things::{Category, Item, Made, Things};
use rusqlite::{OptionalExtension, Row, params};

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
