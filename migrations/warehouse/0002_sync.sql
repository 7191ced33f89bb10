-- What the loading engine remembers. A row here changes only in the transaction that changes the rows it speaks of.

-- Numbers for attempts: rising, never given twice, so that a worker that was overtaken can be told by its token.
CREATE SEQUENCE weir.token;

-- Numbers of jobs, as people read them.
CREATE SEQUENCE weir.job;

-- A stream as the last run left it: one row a scope ("connection/stream").
CREATE TABLE weir.stream (
  scope text PRIMARY KEY,
  connection text NOT NULL,
  stream text NOT NULL,
  target_schema text NOT NULL,
  target_name text NOT NULL,
  mode text NOT NULL,
  method text NOT NULL DEFAULT '',
  outcome text NOT NULL,               -- published, unchanged, held, failed
  job bigint NOT NULL,
  rows bigint,                         -- that the last publish left in the table
  generation bigint NOT NULL DEFAULT 0,
  columns text[] NOT NULL DEFAULT '{}',  -- that weir loads into the table; what else it has is its users'
  error text NOT NULL DEFAULT '',
  finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  published_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX stream_by_connection ON weir.stream (connection);

-- A load that is not published yet: being filled (its finished chunks stand in the ledger), ready, or held by the guard.
-- `detail` holds all that publishing it needs, so that it can be released without asking the source.
CREATE TABLE weir.load (
  scope text PRIMARY KEY,
  connection text NOT NULL,
  stream text NOT NULL,
  relation text NOT NULL,
  token bigint NOT NULL,
  job bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('loading', 'ready', 'held')),
  fingerprint text NOT NULL,           -- of what is read and how: another one means the load is of no use
  rows bigint,
  detail jsonb NOT NULL,
  began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz
);
