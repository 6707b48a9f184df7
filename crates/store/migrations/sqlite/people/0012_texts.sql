-- Texts that came with commands, kept before it is known what becomes of those.
CREATE TABLE text_waiting (
    auction INTEGER NOT NULL,
    command BLOB    NOT NULL,
    text    TEXT    NOT NULL,
    PRIMARY KEY (auction, command)
) STRICT, WITHOUT ROWID;
