-- A relation's columns in order. psql -v root='sync_core."Country"' -f queries/columns.sql
SELECT a.attnum AS number, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null,
       pg_get_expr(d.adbin, d.adrelid) AS default_expression, a.attgenerated::text AS generated, a.attidentity::text AS identity,
       CASE WHEN a.attstorage <> t.typstorage THEN
         CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END
         ELSE '' END AS storage,
       CASE to_jsonb(a) ->> 'attcompression' WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE '' END AS compression,
       CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
            THEN (SELECT quote_ident(nspname) || '.' || quote_ident(collname) FROM pg_collation k JOIN pg_namespace n ON n.oid = k.collnamespace
                  WHERE k.oid = a.attcollation) ELSE '' END AS collation,
       (SELECT coalesce(array_to_string(array_agg(o), ', '), '') FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg\_%') AS options,
       coalesce((to_jsonb(a) ->> 'attstattarget')::int, -1) AS statistics_target,
       a.attacl IS NOT NULL AS has_grants,
       coalesce(col_description(a.attrelid, a.attnum), '') AS comment
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = :'root'::regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;
