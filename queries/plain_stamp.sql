-- `stamp` and `has_dependents` of plain.sql once more, in the same words: does a relation still stand as it did?
-- One row, always. PostgreSQL 13 to 18. psql -v root=mart.orders -f queries/plain_stamp.sql
WITH
root AS MATERIALIZED (SELECT c.*, c.xmin AS written, c.ctid AS place FROM pg_class c WHERE c.oid = to_regclass(:'root')),
leaf AS MATERIALIZED (SELECT c.*, n.nspname FROM root JOIN pg_inherits h ON h.inhparent = root.oid
                      JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace)
SELECT
  EXISTS (SELECT FROM root JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = root.oid
          WHERE d.deptype <> 'i' AND NOT (d.classid = 'pg_class'::regclass AND d.objid IN (SELECT oid FROM leaf)))
    OR EXISTS (SELECT FROM root JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = root.reltype
               WHERE d.deptype <> 'i') AS has_dependents,
  concat((SELECT format('%s %s %s', oid, written, place) FROM root),
         (SELECT string_agg(format(' %s %s', a.xmin, a.ctid), '' ORDER BY a.attnum) FROM root JOIN pg_attribute a ON a.attrelid = root.oid),
         (SELECT string_agg(format(' %s %s', d.xmin, d.ctid), '' ORDER BY d.ctid) FROM root JOIN pg_description d ON d.objoid = root.oid
          WHERE d.classoid = 'pg_class'::regclass),
         (SELECT string_agg(format(' %s %s', l.xmin, l.ctid), '' ORDER BY l.ctid) FROM root JOIN pg_seclabel l ON l.objoid = root.oid
          WHERE l.classoid = 'pg_class'::regclass)) AS stamp;
