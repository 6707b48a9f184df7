-- What is known of people is encrypted row by row, and found by blind indexes. What was there in
-- plain text is renamed here; the store moves it over, encrypted, and drops it.

DROP INDEX session_by_user;
DROP INDEX session_by_end;
ALTER TABLE user RENAME TO user_plain;
ALTER TABLE session RENAME TO session_plain;

-- The key of the blind indexes, wrapped by the master key.
CREATE TABLE vault (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    wrapped_by BLOB    NOT NULL CHECK (length(wrapped_by) = 8),
    index_key  BLOB    NOT NULL
) STRICT;

-- AUTOINCREMENT: the id of an erased user is never given to another.
-- roles: 1 bidder, 2 seller, 4 clerk, 8 admin; no bit is ever used for anything else.
-- Each BLOB but the indexes is nonce, ciphertext, tag under the row's data key.
CREATE TABLE user (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    username        TEXT    NOT NULL,
    username_folded TEXT    NOT NULL UNIQUE,
    looks_like      TEXT    UNIQUE,
    roles           INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    signed_out_at   INTEGER NOT NULL DEFAULT 0,
    email_confirmed INTEGER NOT NULL DEFAULT 0,
    email_index     BLOB,
    wrapped_by      BLOB    NOT NULL,
    data_key        BLOB    NOT NULL,
    email           BLOB,
    name            BLOB,
    phone           BLOB,
    address         BLOB,
    banned          BLOB,
    password_hash   BLOB,
    second_factor   BLOB
) STRICT;
CREATE UNIQUE INDEX user_by_confirmed_email ON user (email_index) WHERE email_confirmed = 1;
CREATE INDEX user_by_email ON user (email_index);
CREATE INDEX user_by_wrapping ON user (wrapped_by);

-- Blind indexes of words that staff search by.
CREATE TABLE search_word (
    word BLOB    NOT NULL,
    user INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    PRIMARY KEY (word, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX search_word_by_user ON search_word (user);

-- Who somebody is to an issuer of tokens: a blind index.
CREATE TABLE outside (
    subject BLOB    PRIMARY KEY,
    user    INTEGER NOT NULL UNIQUE REFERENCES user (id) ON DELETE CASCADE,
    named   BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    token      BLOB    PRIMARY KEY,
    user       INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    seen_from  BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_user ON session (user);
CREATE INDEX session_by_end ON session (expires_at);

-- purpose: 1 confirm the address, 2 change it, 3 reset the password.
CREATE TABLE code (
    digest     BLOB    PRIMARY KEY,
    user       INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    purpose    INTEGER NOT NULL,
    email      BLOB    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX code_by_user ON code (user, purpose);

CREATE TABLE spent (
    user       INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    what       BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (user, what)
) STRICT, WITHOUT ROWID;

-- What is left of an erased user: that he was, and when that ended, signed by the house.
CREATE TABLE tombstone (
    user INTEGER PRIMARY KEY,
    text TEXT    NOT NULL
) STRICT;

INSERT INTO sqlite_sequence (name, seq)
    SELECT 'user', seq FROM sqlite_sequence WHERE name = 'user_plain';
