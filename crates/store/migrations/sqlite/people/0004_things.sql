-- Things for sale and their categories. What an attribute means is not known here: they are JSON.
CREATE TABLE category (
    name       TEXT PRIMARY KEY,
    attributes TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- key, body: how the seller named its making, and a digest of what he said then.
CREATE TABLE item (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    seller      INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    title       TEXT    NOT NULL,
    description TEXT,
    category    TEXT    NOT NULL,
    attributes  TEXT    NOT NULL,
    key         TEXT,
    body        BLOB    NOT NULL,
    UNIQUE (seller, key)
) STRICT;
CREATE INDEX item_by_seller ON item (seller, id);

-- What an auction was made from, with its attributes as they were then.
ALTER TABLE listing ADD COLUMN item INTEGER;
ALTER TABLE listing ADD COLUMN attributes TEXT;
