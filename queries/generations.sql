-- The private tables that hold, held or will hold the rows of a table, newest first.
-- psql -v schema=sync_core -v name=Country -f queries/generations.sql
SELECT state, format('%I.%I', relation_schema, relation) AS relation, method, rows::text AS rows,
       to_char(coalesce(ready_at, created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"') AS loaded_at,
       coalesce(to_char(swapped_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'), '') AS published_at, scope
FROM weir.generation
WHERE target_schema = :'schema' AND target_name = :'name' AND state <> 'dropped'
ORDER BY n DESC;
