-- The leaf of a shell (its only partition, the DEFAULT one) and how many partitions there are.
-- psql -v root='sync_core."Country"' -f queries/leaf.sql
SELECT c.oid, n.nspname AS schema, c.relname AS name, pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT' AS is_default,
       count(*) OVER () AS partitions
FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE h.inhparent = :'root'::regclass
ORDER BY is_default DESC, c.oid;
