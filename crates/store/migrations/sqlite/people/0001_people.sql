-- People and what they write: all that may be changed or erased.

CREATE TABLE meta (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    house BLOB    NOT NULL CHECK (length(house) = 16)
) STRICT;

-- AUTOINCREMENT: the id of an erased user is never given to another.
-- roles: 1 bidder, 2 seller, 4 clerk, 8 admin; no bit is ever used for anything else.
CREATE TABLE user (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    username        TEXT    NOT NULL,
    username_folded TEXT    NOT NULL UNIQUE,
    email           TEXT    NOT NULL,
    email_folded    TEXT    NOT NULL UNIQUE,
    name            TEXT,
    phone           TEXT,
    roles           INTEGER NOT NULL,
    banned          TEXT,
    created_at      INTEGER NOT NULL,
    password_hash   TEXT    NOT NULL
) STRICT;

CREATE TABLE session (
    token      BLOB    PRIMARY KEY,
    user       INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_user ON session (user);
CREATE INDEX session_by_end ON session (expires_at);

-- AUTOINCREMENT hands out the auctions' ids: durable with the row, never the same twice.
CREATE TABLE listing (
    auction     INTEGER PRIMARY KEY AUTOINCREMENT,
    title       TEXT NOT NULL,
    description TEXT,
    category    TEXT
) STRICT;

CREATE TABLE addendum (
    id      INTEGER PRIMARY KEY,
    auction INTEGER NOT NULL REFERENCES listing (auction),
    at      INTEGER NOT NULL,
    text    TEXT    NOT NULL
) STRICT;
CREATE INDEX addendum_by_auction ON addendum (auction, id);

CREATE TABLE note (
    auction INTEGER NOT NULL,
    version INTEGER NOT NULL,
    text    TEXT    NOT NULL,
    PRIMARY KEY (auction, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE auction_key (
    actor   INTEGER NOT NULL,
    key     TEXT    NOT NULL,
    body    BLOB    NOT NULL,
    auction INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;
