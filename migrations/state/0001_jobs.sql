-- weir's own state: jobs, their attempts, the slots of their schedules, and the log of events. Understood by SQLite and by
-- PostgreSQL alike. Times are microseconds since 1970, UTC. The warehouse's schema "weir" holds what is true of the data;
-- what stands here is history, and what is still to be done.
CREATE TABLE meta (
  name text PRIMARY KEY,
  value text NOT NULL
);

-- The last number given: jobs as people read them, tokens of attempts, events.
CREATE TABLE counter (
  name text PRIMARY KEY,
  value bigint NOT NULL
);
INSERT INTO counter VALUES ('job', 0), ('token', 0), ('event', 0);

CREATE TABLE job (
  id bigint PRIMARY KEY,
  name text NOT NULL,                 -- in weir.yml
  state text NOT NULL CHECK (state IN ('pending', 'running', 'incomplete', 'failed', 'succeeded', 'cancelled')),
  cause text NOT NULL,                -- schedule, manual, retry
  actor text NOT NULL,
  definition text NOT NULL,           -- JSON: steps and rules, as they were when the job was made
  resources text NOT NULL,            -- one a line: what no other live job may use
  parent bigint,                      -- the job that this one repeats
  slot_local text,
  slot_at bigint,
  created_at bigint NOT NULL,
  run_at bigint NOT NULL,             -- no attempt before
  started_at bigint,
  finished_at bigint,
  attempts bigint NOT NULL DEFAULT 0,
  uncounted bigint NOT NULL DEFAULT 0,  -- of those: published something, or ended because weir stopped
  waiting text NOT NULL DEFAULT '',   -- why it does not begin
  resume text NOT NULL DEFAULT '',    -- JSON: where the next attempt goes on
  cancelled_by text NOT NULL DEFAULT '',
  worker text,                        -- of the attempt that runs
  token bigint,
  lease_until bigint
);
-- At most one live job of a name.
CREATE UNIQUE INDEX job_live ON job (name) WHERE state IN ('pending', 'running', 'incomplete');
CREATE INDEX job_due ON job (run_at, id) WHERE state IN ('pending', 'incomplete');
CREATE INDEX job_running ON job (lease_until) WHERE state = 'running';
CREATE INDEX job_by_name ON job (name, id);

-- From the first attempt until the job has ended.
CREATE TABLE held_resource (
  resource text PRIMARY KEY,
  job bigint NOT NULL REFERENCES job (id)
);

CREATE TABLE attempt (
  job bigint NOT NULL REFERENCES job (id),
  n bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'failed', 'succeeded')),
  worker text NOT NULL,
  token bigint NOT NULL,
  started_at bigint NOT NULL,
  ended_at bigint,
  class text NOT NULL DEFAULT '',     -- of its failure: transient, data, config, ...
  error text NOT NULL DEFAULT '',     -- JSON: the four parts
  published bigint NOT NULL DEFAULT 0,  -- relations
  rows bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (job, n)
);

-- What became of each time of each schedule. A slot has one row, for ever: a clock that goes back fires nothing twice.
CREATE TABLE slot (
  schedule text NOT NULL,
  local text NOT NULL,
  fold bigint NOT NULL,
  at bigint NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('fired', 'coalesced', 'skipped')),
  job bigint,
  reason text NOT NULL DEFAULT '',
  made_at bigint NOT NULL,
  PRIMARY KEY (schedule, local, fold)
);
CREATE INDEX slot_by_time ON slot (schedule, at);

CREATE TABLE schedule (
  name text PRIMARY KEY,
  fingerprint text NOT NULL,          -- of its rule: another one begins anew, now
  handled_until bigint NOT NULL,      -- every slot up to here has its row
  enabled bigint NOT NULL DEFAULT 1
);

CREATE TABLE worker (
  id text PRIMARY KEY,                -- random, one for each start of the program
  host text NOT NULL,
  pid bigint NOT NULL,
  version text NOT NULL,
  started_at bigint NOT NULL,
  last_seen bigint NOT NULL
);

-- Append-only; each row's hash covers the hash of the one before.
CREATE TABLE event (
  seq bigint PRIMARY KEY,
  at bigint NOT NULL,
  actor text NOT NULL,
  kind text NOT NULL,
  object text NOT NULL DEFAULT '',
  job bigint,
  attempt bigint,
  data text NOT NULL DEFAULT '{}',
  hash text NOT NULL
);
CREATE INDEX event_by_job ON event (job, seq);
CREATE INDEX event_by_object ON event (object, seq);
