-- Snapshots of auctions, derived from the log: this file may be deleted at any time.

CREATE TABLE meta (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    house BLOB    NOT NULL CHECK (length(house) = 16)
) STRICT;

-- Up to where a partition is covered.
CREATE TABLE mark (
    partition INTEGER PRIMARY KEY,
    position  INTEGER NOT NULL,
    rolling   BLOB    NOT NULL,
    count     INTEGER NOT NULL,
    seals     BLOB    NOT NULL,
    seal      BLOB    NOT NULL
) STRICT;

CREATE TABLE snapshot (
    auction   INTEGER PRIMARY KEY,
    partition INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    settled   INTEGER NOT NULL,
    seal      BLOB    NOT NULL,
    bytes     BLOB    NOT NULL
) STRICT;
-- All that a start must know of snapshots that it does not read.
CREATE INDEX snapshot_tag ON snapshot (partition, auction, position, settled, seal);
