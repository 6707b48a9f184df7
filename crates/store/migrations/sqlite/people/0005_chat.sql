-- What is said beside an auction. The text is sealed under its author's data key, and goes with him.
CREATE TABLE chat_message (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    auction INTEGER NOT NULL,
    author  INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    at      INTEGER NOT NULL,
    text    BLOB    NOT NULL
) STRICT;
CREATE INDEX chat_message_by_auction ON chat_message (auction, id);
CREATE INDEX chat_message_by_author ON chat_message (author);

-- Who may not speak beside an auction, and until when.
CREATE TABLE chat_mute (
    auction INTEGER NOT NULL,
    user    INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    until   INTEGER NOT NULL,
    PRIMARY KEY (auction, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_mute_by_user ON chat_mute (user);

-- Auctions beside which nobody speaks.
CREATE TABLE chat_closed (
    auction INTEGER PRIMARY KEY
) STRICT;
