-- The truth of the house: written once, never changed.

CREATE TABLE meta (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    house      BLOB    NOT NULL CHECK (length(house) = 16),
    partitions INTEGER NOT NULL CHECK (partitions BETWEEN 1 AND 1024),
    created_at INTEGER NOT NULL
) STRICT;

-- id = partition * 2^48 + position. No other index: an auction's history is followed backwards by
-- `previous`, so that a bid writes one place only. A barrier has auction 0 and version 0.
CREATE TABLE event (
    id       INTEGER PRIMARY KEY,
    auction  INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    hash     BLOB    NOT NULL,
    public   BLOB    NOT NULL,
    sealed   BLOB    NOT NULL
) STRICT;

CREATE TRIGGER event_is_not_updated BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

CREATE TRIGGER event_is_not_deleted BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

CREATE TRIGGER meta_is_not_updated BEFORE UPDATE ON meta
BEGIN SELECT RAISE(ABORT, 'the house of a log does not change'); END;

CREATE TRIGGER meta_is_not_deleted BEFORE DELETE ON meta
BEGIN SELECT RAISE(ABORT, 'the house of a log does not change'); END;
