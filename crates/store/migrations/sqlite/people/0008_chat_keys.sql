-- Under which keys something was said, so that a repeat is not heard again: digests of the key, and
-- of the key with the words. They stay when the message is taken away, and go with the author.
CREATE TABLE chat_key (
    author  INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    key     BLOB    NOT NULL,
    said    BLOB    NOT NULL,
    message INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (author, key)
) STRICT, WITHOUT ROWID;
