-- Which sessions hold a lock on a relation, on its leaf, or on another table given in :extra ('' = none); oldest first.
-- psql -v root='sync_core."Country"' -v extra= -f queries/blockers.sql
SELECT DISTINCT ON (a.xact_start, a.pid) a.pid, coalesce(a.usename, '') AS role, coalesce(a.application_name, '') AS application,
       coalesce(a.state, '') AS state,
       coalesce(extract(epoch FROM now() - coalesce(a.xact_start, a.query_start, a.backend_start))::bigint, 0) AS seconds,
       l.mode, coalesce(left(regexp_replace(a.query, '\s+', ' ', 'g'), 80), '') AS query,
       coalesce(a.backend_type, '') AS backend_type
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.relation IN (SELECT to_regclass(:'root') UNION ALL
                      SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(:'root'))
       OR l.relation = to_regclass(nullif(:'extra', '')))
ORDER BY a.xact_start, a.pid, l.mode;
