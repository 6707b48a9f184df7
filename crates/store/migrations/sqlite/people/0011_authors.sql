-- Whose words a listing holds: they go with him. Of what was made without a key nobody knows any more.
ALTER TABLE listing ADD COLUMN seller INTEGER;
UPDATE listing SET seller =
    (SELECT actor FROM auction_key WHERE auction_key.auction = listing.auction);
CREATE INDEX listing_by_seller ON listing (seller) WHERE seller IS NOT NULL;
