-- What stands at a name, and whether it is plain: a shell that has columns and rows and nothing else (no index, constraint,
-- trigger, default ... on it or on its leaf), as the newest build left it. One row, always. `stamp` names the rows of the catalog
-- that describe the relation: while it stays the same, nothing of the relation has changed (plain_stamp.sql asks for it again). `n` is the number of the next leaf.
-- The last four are the caller's settings, which weir keeps under names of its own in the same round trip (swap/legacy.h, CatalogSettings).
-- PostgreSQL 13 to 18. psql -v root=mart.orders -v schema=mart -v name=orders -v lock=1 -v key=1 -f queries/plain.sql
WITH
root AS MATERIALIZED (SELECT c.*, c.xmin AS written, c.ctid AS place FROM pg_class c WHERE c.oid = to_regclass(:'root')),
leaf AS MATERIALIZED (SELECT c.*, n.nspname FROM root JOIN pg_inherits h ON h.inhparent = root.oid
                      JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace),
both_of AS MATERIALIZED (SELECT oid FROM root UNION ALL SELECT oid FROM leaf),
build AS MATERIALIZED (SELECT * FROM weir.generation WHERE target_schema = :'schema' AND target_name = :'name')
SELECT coalesce((SELECT relkind::text FROM root), '') AS kind,
  to_regnamespace(quote_ident(:'schema')) IS NOT NULL AND (SELECT value = 'whole row' FROM weir.meta WHERE name = 'shell_key')
    AND NOT EXISTS (SELECT FROM weir.shadow WHERE target_schema = :'schema' AND target_name = :'name')
    AND NOT EXISTS (SELECT FROM weir.unfinished WHERE target_schema = :'schema' AND target_name = :'name')
    AND CASE WHEN EXISTS (SELECT FROM root) THEN
      (SELECT count(*) = 1 FROM leaf) AND NOT EXISTS (SELECT FROM pg_publication)
      AND (SELECT array_agg((b.state = 'published' AND b.relation_schema = leaf.nspname AND b.relation = leaf.relname)) = '{t}'
           FROM build b, leaf WHERE b.state <> 'dropped')
      AND (SELECT relkind = 'p' AND relpersistence = 'p' AND pg_has_role(relowner, 'USAGE') AND NOT relhasindex AND relchecks = 0
             AND NOT relhasrules AND NOT relhastriggers AND NOT relrowsecurity AND NOT relforcerowsecurity AND NOT relispartition
             AND relreplident = 'd' AND reltablespace = 0 AND reloftype = 0
             AND pg_get_partkeydef(oid) LIKE 'LIST (%.* IS NULL)%' FROM root)
      AND (SELECT relkind = 'r' AND relpersistence = 'p' AND pg_has_role(relowner, 'USAGE') AND NOT relhasindex AND relchecks = 0
             AND NOT relhasrules AND NOT relhastriggers AND NOT relrowsecurity AND relreplident = 'd' AND reltablespace = 0
             AND nspname = 'weir_data' AND pg_get_expr(relpartbound, oid) = 'DEFAULT' FROM leaf)
      AND NOT EXISTS (SELECT FROM pg_constraint k JOIN both_of b ON b.oid = k.conrelid)
      AND NOT EXISTS (SELECT FROM pg_statistic_ext s JOIN both_of b ON b.oid = s.stxrelid)
      AND NOT EXISTS (SELECT FROM pg_inherits h JOIN root ON root.oid = h.inhrelid)
      AND NOT EXISTS (SELECT FROM pg_depend d JOIN root ON root.oid = d.objid WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e')
      AND NOT EXISTS (SELECT FROM pg_depend d JOIN leaf ON leaf.oid = d.refobjid
                      WHERE d.refclassid = 'pg_class'::regclass AND d.deptype <> 'i')
      AND NOT EXISTS (SELECT FROM pg_attribute a JOIN both_of b ON b.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
                      WHERE a.attnum > 0 AND NOT a.attisdropped
                        AND (a.attnotnull OR a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '' OR a.attoptions IS NOT NULL
                             OR a.attstorage <> t.typstorage OR coalesce(to_jsonb(a) ->> 'attcompression', '') <> ''
                             OR coalesce((to_jsonb(a) ->> 'attstattarget')::int, -1) <> -1))
    ELSE NOT EXISTS (SELECT FROM build WHERE state <> 'dropped' AND to_regclass(format('%I.%I', relation_schema, relation)) IS NOT NULL)
    END AS plain,
  (SELECT coalesce(max(n), 0) + 1 FROM build) AS n,
  coalesce((SELECT min(relname) FROM leaf), '') AS leaf,
  EXISTS (SELECT FROM root JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = root.oid
          WHERE d.deptype <> 'i' AND NOT (d.classid = 'pg_class'::regclass AND d.objid IN (SELECT oid FROM leaf)))
    OR EXISTS (SELECT FROM root JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = root.reltype
               WHERE d.deptype <> 'i') AS has_dependents,
  coalesce((SELECT string_agg(format('%s %s %s', a.atttypid, a.atttypmod, a.attname), E'\n' ORDER BY a.attnum)
            FROM root JOIN pg_attribute a ON a.attrelid = root.oid WHERE a.attnum > 0 AND NOT a.attisdropped), '') AS columns,
  concat((SELECT format('%s %s %s', oid, written, place) FROM root),
         (SELECT string_agg(format(' %s %s', a.xmin, a.ctid), '' ORDER BY a.attnum) FROM root JOIN pg_attribute a ON a.attrelid = root.oid),
         (SELECT string_agg(format(' %s %s', d.xmin, d.ctid), '' ORDER BY d.ctid) FROM root JOIN pg_description d ON d.objoid = root.oid
          WHERE d.classoid = 'pg_class'::regclass),
         (SELECT string_agg(format(' %s %s', l.xmin, l.ctid), '' ORDER BY l.ctid) FROM root JOIN pg_seclabel l ON l.objoid = root.oid
          WHERE l.classoid = 'pg_class'::regclass)) AS stamp,
  pg_try_advisory_xact_lock(:'lock'::int, :'key'::int) AS locked,
  current_setting('weir.search_path', true) AS search_path, current_setting('weir.lock_timeout', true) AS lock_timeout,
  current_setting('weir.row_security', true) AS row_security, current_setting('weir.client_min_messages', true) AS client_min_messages;
