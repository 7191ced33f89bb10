-- What follows from the events: how new the data of each relation is, what it is made from, incidents, and what is still
-- to be told to people. Written in the transaction that writes the event.
INSERT INTO counter VALUES ('incident', 0), ('message', 0);

-- Tables that syncs load, and what dbt builds.
CREATE TABLE relation (
  name text PRIMARY KEY,              -- schema.table, quoted where needed
  kind text NOT NULL CHECK (kind IN ('table', 'model', 'view')),
  made_by text NOT NULL,              -- the connection, or dbt's unique id
  source text NOT NULL,               -- a table's name at the source; what dbt selects a model by
  step text NOT NULL,                 -- of jobs: the name of the job that made it last
  data_at bigint,                     -- when the data was read at its source; none: not made yet, or a view
  made_at bigint,
  seen_at bigint NOT NULL,            -- when a job last said anything of it
  stale_since bigint,                 -- it was to be newer and is not, since then
  stale_cause bigint,                 -- the event that says why; NULL: nothing is wrong with it
  stale_by text NOT NULL DEFAULT '',  -- the relation through which that came; '': it itself
  late_since bigint,                  -- it is older than promised, since then
  late_level text NOT NULL DEFAULT '' -- which promise that broke: warn, error
);
CREATE INDEX relation_by_maker ON relation (made_by);
CREATE INDEX relation_stale ON relation (stale_cause) WHERE stale_cause IS NOT NULL;

CREATE TABLE lineage (
  child text NOT NULL,
  parent text NOT NULL,
  PRIMARY KEY (child, parent)
);
CREATE INDEX lineage_by_parent ON lineage (parent);

CREATE TABLE incident (
  id bigint PRIMARY KEY,
  fingerprint text NOT NULL,          -- failures of one cause are one incident
  kind text NOT NULL CHECK (kind IN ('failed', 'held', 'late', 'missed')),
  state text NOT NULL CHECK (state IN ('open', 'acknowledged', 'resolved')),
  severity text NOT NULL CHECK (severity IN ('critical', 'error', 'warning')),
  title text NOT NULL,
  started_at bigint NOT NULL,         -- when it began to go wrong
  detected_at bigint NOT NULL,        -- when weir told of it
  mitigated_at bigint,                -- when everything was well again
  resolved_at bigint,
  reopened_at bigint,
  managed_by text NOT NULL DEFAULT '',
  failures bigint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX incident_open ON incident (fingerprint) WHERE state <> 'resolved';

-- The jobs that failed for its cause, and the relations that were not as new as they were to be.
CREATE TABLE incident_job (
  incident bigint NOT NULL REFERENCES incident (id),
  job bigint NOT NULL,
  name text NOT NULL,
  PRIMARY KEY (incident, job)
);
CREATE TABLE incident_relation (
  incident bigint NOT NULL REFERENCES incident (id),
  relation text NOT NULL,
  data_at bigint,                     -- how old its data was, at the beginning
  through text NOT NULL DEFAULT '',   -- the relation through which it is concerned
  PRIMARY KEY (incident, relation)
);

-- Messages that are to reach people: written with what they tell of, sent afterwards, each once for a channel.
CREATE TABLE outbox (
  id bigint PRIMARY KEY,
  channel text NOT NULL,
  dedupe_key text NOT NULL UNIQUE,
  incident bigint,
  notice text NOT NULL,               -- JSON
  state text NOT NULL CHECK (state IN ('pending', 'sent', 'refused', 'expired')),
  tries bigint NOT NULL DEFAULT 0,
  next_try bigint NOT NULL,
  created_at bigint NOT NULL,
  sent_at bigint,
  trouble text NOT NULL DEFAULT ''    -- why the last try did not work
);
CREATE INDEX outbox_due ON outbox (next_try, id) WHERE state = 'pending';
