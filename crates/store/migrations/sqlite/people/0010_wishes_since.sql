-- Since when somebody wishes for each kind: what happened before is none of it.
ALTER TABLE wish ADD COLUMN won_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE wish ADD COLUMN maximum_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE wish ADD COLUMN doubled_since INTEGER NOT NULL DEFAULT 0;
