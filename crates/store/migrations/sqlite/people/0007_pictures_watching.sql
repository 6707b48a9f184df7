-- Pictures of things; their bytes are files.
CREATE TABLE picture (
    id     INTEGER PRIMARY KEY,
    item   INTEGER NOT NULL REFERENCES item (id) ON DELETE CASCADE,
    name   TEXT    NOT NULL UNIQUE,
    kind   TEXT    NOT NULL,
    width  INTEGER NOT NULL,
    height INTEGER NOT NULL,
    bytes  INTEGER NOT NULL
) STRICT;
CREATE INDEX picture_by_item ON picture (item, id);

-- The names of the item's pictures when an auction was made from it: a JSON array.
ALTER TABLE listing ADD COLUMN pictures TEXT;
CREATE INDEX listing_by_item ON listing (item) WHERE item IS NOT NULL;

-- Who watches which auction.
CREATE TABLE watching (
    user    INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    auction INTEGER NOT NULL,
    PRIMARY KEY (user, auction)
) STRICT, WITHOUT ROWID;
