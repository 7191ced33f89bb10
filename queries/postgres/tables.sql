-- Tables, views, materialized and foreign tables that a user made. A partitioned table stands for its partitions, whose sizes
-- it sums up; what belongs to an extension is left out.
SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
       CASE WHEN c.relkind = 'p' THEN p.rows WHEN c.relkind IN ('r', 'm') AND c.reltuples > 0 THEN c.reltuples::int8 ELSE -1 END AS rows,
       CASE WHEN c.relkind = 'p' THEN p.bytes WHEN c.relkind IN ('r', 'm') AND c.relpages > 0
            THEN c.relpages * current_setting('block_size')::int8 ELSE -1 END AS bytes,
       has_schema_privilege(n.oid, 'USAGE') AS schema_usage,
       has_table_privilege(c.oid, 'SELECT') AS may_read,
       CASE WHEN has_schema_privilege(n.oid, 'USAGE') THEN row_security_active(c.oid) ELSE c.relrowsecurity END AS row_security,
       c.relispopulated AS populated,
       c.relkind = 'r' AND EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = c.oid) AS has_children
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
  SELECT CASE WHEN min(l.reltuples) < 0 THEN -1 ELSE sum(l.reltuples)::int8 END AS rows,
         sum(l.relpages) * current_setting('block_size')::int8 AS bytes
  FROM pg_partition_tree(c.oid) t JOIN pg_class l ON l.oid = t.relid
  WHERE t.isleaf AND l.relkind = 'r') p ON c.relkind = 'p'
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp%'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
