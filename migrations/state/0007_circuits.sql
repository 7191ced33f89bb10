-- The endpoints that attempts did not reach lately. Once it was too many of them, the circuit is open: jobs that need the
-- endpoint wait, and one attempt at a time tries it.
CREATE TABLE circuit (
  endpoint text PRIMARY KEY,          -- a source or warehouse of endpoints.yml
  failures text NOT NULL,             -- JSON: when, the latest ones
  opened_at bigint,                   -- NULL: closed
  since bigint NOT NULL,              -- the first of the failures that opened it
  pause bigint NOT NULL,              -- microseconds from one try to the next
  next_try bigint NOT NULL,
  probe bigint NOT NULL,              -- the token of the attempt that tries it; 0: none does
  job bigint NOT NULL                 -- of that attempt
);
-- A person asked for the job, or for its next attempt: that begins whatever circuits say.
ALTER TABLE job ADD COLUMN hurried bigint NOT NULL DEFAULT 0;
