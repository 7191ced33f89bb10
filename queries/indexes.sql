-- A relation's indexes; `tail` is the definition from the access method on, so that a like index can be made elsewhere.
-- psql -v root='sync_core."Country"' -f queries/indexes.sql
SELECT i.indexrelid AS oid, n.nspname AS schema, ic.relname AS name, i.indisunique AS is_unique, i.indisprimary AS is_primary,
       i.indisvalid AS is_valid, i.indisclustered AS is_clustered, i.indisreplident AS is_replica_identity,
       regexp_replace(substr(def.text, length(format('CREATE %sINDEX %I ON %s%s ', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END,
                                      ic.relname, CASE WHEN c.relkind = 'p' THEN 'ONLY ' ELSE '' END, c.oid::regclass)) + 1), '\s+$', '') AS tail,
       coalesce(k.conname, '') AS constraint_name, coalesce(k.contype::text, '') AS constraint_type,
       EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid) AS is_attached,
       coalesce(obj_description(i.indexrelid, 'pg_class'), '') AS comment,
       coalesce(ts.spcname, '') AS tablespace,
       i.indexprs IS NULL AND i.indpred IS NULL AND i.indisvalid AND i.indimmediate AS is_plain,
       ARRAY(SELECT a.attname FROM unnest(i.indkey::int2[]) WITH ORDINALITY u(attnum, position)
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum
             WHERE u.position <= i.indnkeyatts ORDER BY u.position) AS columns
FROM pg_index i
JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = ic.relnamespace
JOIN pg_class c ON c.oid = i.indrelid
CROSS JOIN LATERAL (SELECT pg_get_indexdef(i.indexrelid) AS text) def
LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x') AND k.conrelid = c.oid
LEFT JOIN pg_tablespace ts ON ts.oid = ic.reltablespace
WHERE i.indrelid = :'root'::regclass
ORDER BY is_primary DESC, tail, name;
