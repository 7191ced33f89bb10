-- What others have built on the tables that syncs load, as each sync found it.
CREATE TABLE look (
  relation text PRIMARY KEY,
  at bigint NOT NULL                  -- when it was looked at last
);
CREATE TABLE dependent (
  relation text NOT NULL,             -- the table
  object text NOT NULL,               -- what is built on it
  owner text NOT NULL,
  appeared bigint NOT NULL,           -- the event that tells of it; 0: it was there at the first look
  gone bigint,                        -- the event that tells that it is gone
  PRIMARY KEY (relation, object, appeared)
);
CREATE UNIQUE INDEX dependent_there ON dependent (relation, object) WHERE gone IS NULL;
