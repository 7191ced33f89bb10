-- Where a worker keeps the logs of its attempts: the folder on its host.
ALTER TABLE worker ADD COLUMN folder text NOT NULL DEFAULT '';
