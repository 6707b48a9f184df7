-- How far single bidders may go, in minor units; 0 is no limit. Whoever has no row has the house's.
CREATE TABLE spend_limit (
    user   INTEGER PRIMARY KEY REFERENCES user (id) ON DELETE CASCADE,
    amount INTEGER NOT NULL
) STRICT;
