-- What people want to be told of (1 won, 2 maximum, 4 doubled), what they were told, and up to
-- which position of each partition of the log that has been done.
CREATE TABLE wish (
    user  INTEGER PRIMARY KEY REFERENCES user (id) ON DELETE CASCADE,
    kinds INTEGER NOT NULL
) STRICT;

-- AUTOINCREMENT: the number of a notice that made room is never given to another.
CREATE TABLE notice (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    user    INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    kind    INTEGER NOT NULL,
    auction INTEGER NOT NULL,
    version INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    amount  INTEGER NOT NULL,
    read    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (user, auction, version, kind)
) STRICT;
CREATE INDEX notice_by_user ON notice (user, id);

CREATE TABLE told (
    partition INTEGER PRIMARY KEY,
    position  INTEGER NOT NULL
) STRICT;
