-- One relation as a row, or no row where there is none. psql -v root='sync_core."Country"' -f queries/relation.sql
SELECT c.oid, c.relkind::text AS kind, c.relpersistence::text AS persistence, c.relispartition AS is_partition,
       pg_get_userbyid(c.relowner) AS owner, pg_has_role(current_user, c.relowner, 'USAGE') AS can_alter,
       n.nspname AS schema, c.relname AS name,
       c.relrowsecurity AS row_security, c.relforcerowsecurity AS force_row_security, c.relreplident::text AS replica_identity,
       coalesce(c.reltuples, -1)::bigint AS estimated_rows, pg_relation_size(c.oid) AS bytes, c.relpages AS pages,
       c.reloftype <> 0 AS typed, coalesce(am.amname, '') AS access_method, coalesce(ts.spcname, '') AS tablespace,
       coalesce(array_to_string(c.reloptions, ', '), '') AS options,
       EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid) AS has_parent,
       EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid) AS has_children,
       EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN') AS has_rules,
       ARRAY(SELECT p.pubname FROM pg_publication p WHERE p.puballtables
                OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = c.oid)
                OR p.pubname IN (SELECT t.pubname FROM pg_publication_tables t WHERE t.schemaname = n.nspname AND t.tablename = c.relname)
             ORDER BY 1) AS publications,
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) ELSE '' END AS partition_key,
       CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) ELSE '' END AS view_definition,
       coalesce(quote_ident(ext.extname), '') AS extension,
       (SELECT max(attnum) FROM pg_attribute WHERE attrelid = c.oid)::int AS highest_column,
       EXISTS (SELECT FROM pg_foreign_table f WHERE f.ftrelid = c.oid) AS is_foreign
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_am am ON am.oid = c.relam
LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e'
LEFT JOIN pg_extension ext ON ext.oid = d.refobjid
WHERE c.oid = to_regclass(:'root');
