-- A slot that came while the job of its name was running: it has one of its own once that has succeeded. The latest one.
ALTER TABLE job ADD COLUMN follow_local text;
ALTER TABLE job ADD COLUMN follow_fold bigint;
ALTER TABLE job ADD COLUMN follow_at bigint;
