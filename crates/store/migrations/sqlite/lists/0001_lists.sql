-- Lists and search, derived from the log: this file may be deleted at any time.

CREATE TABLE meta (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    house BLOB    NOT NULL CHECK (length(house) = 16)
) STRICT;

CREATE TABLE cursor (
    partition INTEGER PRIMARY KEY,
    position  INTEGER NOT NULL
) STRICT;

-- state: its number in `lists.rs`. ends_at: the largest integer where there is no end.
CREATE TABLE auction (
    id       INTEGER PRIMARY KEY,
    state    INTEGER NOT NULL,
    seller   INTEGER NOT NULL,
    title    TEXT    NOT NULL,
    category TEXT,
    price    INTEGER NOT NULL,
    ends_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX auction_by_id ON auction (state, id);
CREATE INDEX auction_by_end ON auction (state, ends_at, id);
CREATE INDEX auction_by_price ON auction (state, price, id);
CREATE INDEX auction_by_category ON auction (category, state, ends_at, id)
    WHERE category IS NOT NULL;
CREATE INDEX auction_by_seller ON auction (seller, state, id);

CREATE VIRTUAL TABLE words USING fts5(
    title,
    content = '',
    contentless_delete = 1,
    detail = 'full',
    prefix = '2 3',
    tokenize = 'unicode61 remove_diacritics 2'
);
