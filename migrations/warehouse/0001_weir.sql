-- weir's own tables in the warehouse. They change in the same transaction as the rows they speak of: the fence keeps a
-- worker out that was overtaken, the ledger says which chunks of rows are in, the cursor says how far a stream was read, and
-- a generation is one private table that holds, held or will hold the rows of a target.
CREATE TABLE weir.meta (
  name text PRIMARY KEY,
  value text NOT NULL
);

-- The highest token that has published (or is about to) in a scope ("connection/stream"). A lower one is refused.
CREATE TABLE weir.fence (
  scope text PRIMARY KEY,
  token bigint NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE weir.ledger (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run text NOT NULL,                   -- the job, or whatever makes a piece of work unique
  scope text NOT NULL,
  stream text NOT NULL,
  chunk bigint NOT NULL DEFAULT 0,     -- 0 = the publish itself
  kind text NOT NULL DEFAULT 'chunk',  -- 'chunk' or 'publish'
  token bigint NOT NULL,
  rows bigint NOT NULL,
  bytes bigint,
  checksum text,
  generation text,                     -- the relation that the rows went to
  detail jsonb NOT NULL DEFAULT '{}',
  committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (run, scope, stream, chunk, kind)
);
CREATE INDEX ledger_by_stream ON weir.ledger (scope, stream, committed_at);

CREATE TABLE weir.cursor (
  scope text NOT NULL,
  stream text NOT NULL,
  value text,                          -- the highest value that is in the target
  bound text,                          -- the upper bound of the read that brought it
  generation bigint NOT NULL DEFAULT 0,
  detail jsonb NOT NULL DEFAULT '{}',
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (scope, stream)
);

CREATE TABLE weir.generation (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  target_schema text NOT NULL,
  target_name text NOT NULL,
  n bigint NOT NULL,
  relation_schema text NOT NULL DEFAULT 'weir_data',
  relation text NOT NULL,
  method text NOT NULL,
  -- building -> ready (-> held) -> published -> previous -> dropped; old: only waits to be dropped
  state text NOT NULL CHECK (state IN ('building', 'ready', 'held', 'published', 'previous', 'old', 'dropped')),
  scope text NOT NULL DEFAULT '',
  token bigint NOT NULL DEFAULT 0,
  frozen boolean NOT NULL DEFAULT true,
  rows bigint,
  columns text NOT NULL DEFAULT '',    -- digest of the columns, for taking a load up again
  relaxed text NOT NULL DEFAULT '',    -- columns that hold NULL though the table said NOT NULL, one a line
  notes text NOT NULL DEFAULT '',      -- what the load has to report, one a line
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ready_at timestamptz,
  swapped_at timestamptz,
  drop_after timestamptz,
  UNIQUE (target_schema, target_name, n)
);
CREATE UNIQUE INDEX generation_published ON weir.generation (target_schema, target_name) WHERE state = 'published';

-- Columns that are kept under another name for the dependents that use them.
CREATE TABLE weir.shadow (
  target_schema text NOT NULL,
  target_name text NOT NULL,
  column_name text NOT NULL,           -- the name that the source uses
  shadow_name text NOT NULL,
  old_type text NOT NULL,
  reason text NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (target_schema, target_name, shadow_name)
);

-- Definitions of what weir rewrote, as they were before.
CREATE TABLE weir.archive (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  object text NOT NULL,
  kind text NOT NULL,
  owner text NOT NULL,
  definition text NOT NULL,
  reason text NOT NULL,
  archived_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Columns that a publish in place added to a table under a name for the time being, in a transaction before the one that
-- writes the rows. The latter gives them their names; what stands here afterwards was cut off, and the next publish drops it.
CREATE TABLE weir.unfinished (
  target_schema text NOT NULL,
  target_name text NOT NULL,
  column_name text NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (target_schema, target_name, column_name)
);
