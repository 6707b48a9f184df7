-- What accounts may have in common: blind indexes. kind: 1 e-mail, 2 phone, 3 address, 4 device,
-- 5 network. hour: of a sign-in, since 1970; 0 for what is in the user's row. kept: what was
-- indexed, sealed under his data key, for the day the index key changes; none if it is in his row.
CREATE TABLE trace (
    kind INTEGER NOT NULL,
    mark BLOB    NOT NULL CHECK (length(mark) = 16),
    user INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    hour INTEGER NOT NULL,
    kept BLOB,
    PRIMARY KEY (kind, mark, user, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX trace_by_user ON trace (user, kind, hour);
CREATE INDEX trace_by_hour ON trace (hour) WHERE hour > 0;

-- Whether the marks of a row are there; whoever was here before gets them when the file is opened.
ALTER TABLE user ADD COLUMN traced INTEGER NOT NULL DEFAULT 0;

-- Acts that wait for a second one to ask for them. body: sealed under the first one's data key.
CREATE TABLE waiting (
    act    BLOB    PRIMARY KEY,
    user   INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    at     INTEGER NOT NULL,
    method TEXT    NOT NULL,
    path   TEXT    NOT NULL,
    body   BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX waiting_by_user ON waiting (user);
