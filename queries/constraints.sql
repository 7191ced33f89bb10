-- A relation's own constraints, and foreign keys that point at it. psql -v root='sync_core."Country"' -f queries/constraints.sql
SELECT k.oid, k.conname AS name, k.contype::text AS type, k.conrelid = :'root'::regclass AS is_own,
       pg_get_constraintdef(k.oid) AS definition, k.convalidated AS is_validated, k.conislocal AS is_local,
       k.conparentid <> 0 OR k.coninhcount > 0 AS is_inherited,
       CASE WHEN k.contype = 'f' AND k.conrelid = :'root'::regclass THEN k.confrelid::regclass::text
            WHEN k.contype = 'f' THEN k.conrelid::regclass::text ELSE '' END AS other_table,
       coalesce(obj_description(k.oid, 'pg_constraint'), '') AS comment,
       ARRAY(SELECT a.attname FROM unnest(CASE WHEN k.conrelid = :'root'::regclass THEN k.conkey ELSE k.confkey END) WITH ORDINALITY u(n, position)
             JOIN pg_attribute a ON a.attrelid = :'root'::regclass AND a.attnum = u.n ORDER BY u.position) AS columns
FROM pg_constraint k
WHERE (k.conrelid = :'root'::regclass OR (k.confrelid = :'root'::regclass AND k.contype = 'f' AND k.conparentid = 0))
  AND k.contype IN ('p', 'u', 'x', 'c', 'f')
ORDER BY is_own DESC, type, name;
