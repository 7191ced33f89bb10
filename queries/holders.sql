-- What holds on to a relation from outside (views, materialized views, functions, policies and rules of other tables, foreign
-- keys), and to the materialized views among that, with the statement that makes each let go of it and the one that makes it take hold
-- again. Identity, grants and comments stay, but for a materialized view, which is made anew. `obstacle` says what cannot
-- let go. With root's own objects (kind "own"): indexes, constraints, triggers ... that stand and fall with it.
-- PostgreSQL 13 to 18. psql -v root='mart.v' -f queries/holders.sql   (with search_path = pg_catalog)
WITH RECURSIVE
raw AS NOT MATERIALIZED (
  SELECT d.refclassid, d.refobjid, d.refobjsubid, d.classid, d.objid, d.objsubid FROM pg_depend d
  WHERE d.deptype IN ('n', 'a', 'i', 'P', 'S', 'x') AND d.refobjid >= 16384
),
root(oid, depth) AS (
  SELECT :'root'::regclass::oid, 0
  UNION
  SELECT m.oid, root.depth + 1
  FROM root JOIN raw ON raw.refclassid = 'pg_class'::regclass AND raw.refobjid = root.oid AND raw.classid = 'pg_rewrite'::regclass
  JOIN pg_rewrite r ON r.oid = raw.objid JOIN pg_class m ON m.oid = r.ev_class AND m.relkind = 'm' AND m.oid <> root.oid
  WHERE root.depth < 60
),
target AS (  -- a relation, its row type, and that type's array type
  SELECT 'pg_class'::regclass::oid AS classid, r.oid AS objid, r.oid AS root, false AS as_type FROM (SELECT DISTINCT oid FROM root) r
  UNION ALL SELECT 'pg_type'::regclass, t.oid, c.oid, true FROM (SELECT DISTINCT oid FROM root) r JOIN pg_class c ON c.oid = r.oid
    JOIN pg_type t ON t.oid = c.reltype OR t.oid = (SELECT typarray FROM pg_type WHERE oid = c.reltype)
),
leaf AS (SELECT inhrelid AS oid FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
         WHERE inhparent = :'root'::regclass AND c.relnamespace = to_regnamespace('weir_data')),
edge AS (
  SELECT target.root, target.as_type, raw.classid, raw.objid, raw.objsubid, raw.refobjsubid,
         coalesce(rw.ev_class, pl.polrelid, k.conrelid, tg.tgrelid, ad.adrelid, st.stxrelid, pr.prrelid, ix.indrelid, 0) AS host,
         rw.rulename
  FROM target JOIN raw ON raw.refclassid = target.classid AND raw.refobjid = target.objid
  LEFT JOIN pg_rewrite rw ON raw.classid = 'pg_rewrite'::regclass AND rw.oid = raw.objid
  LEFT JOIN pg_policy pl ON raw.classid = 'pg_policy'::regclass AND pl.oid = raw.objid
  LEFT JOIN pg_constraint k ON raw.classid = 'pg_constraint'::regclass AND k.oid = raw.objid
  LEFT JOIN pg_trigger tg ON raw.classid = 'pg_trigger'::regclass AND tg.oid = raw.objid
  LEFT JOIN pg_attrdef ad ON raw.classid = 'pg_attrdef'::regclass AND ad.oid = raw.objid
  LEFT JOIN pg_statistic_ext st ON raw.classid = 'pg_statistic_ext'::regclass AND st.oid = raw.objid
  LEFT JOIN pg_publication_rel pr ON raw.classid = 'pg_publication_rel'::regclass AND pr.oid = raw.objid
  LEFT JOIN pg_index ix ON raw.classid = 'pg_class'::regclass AND ix.indexrelid = raw.objid
),
outside AS (
  SELECT e.classid, e.objid, e.objsubid, e.host, e.rulename, bool_or(e.as_type) AS as_type, min(e.root) AS root,
         bool_or(e.root = :'root'::regclass) AS of_root,
         array_agg(DISTINCT a.attname::text) FILTER (WHERE a.attname IS NOT NULL AND e.root = :'root'::regclass) AS uses
  FROM edge e LEFT JOIN pg_attribute a ON a.attrelid = e.root AND a.attnum = e.refobjsubid AND e.refobjsubid > 0 AND NOT e.as_type
  WHERE NOT EXISTS (SELECT FROM root WHERE root.oid = e.host)                              -- what belongs to a root goes with it
    AND NOT (e.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM root WHERE root.oid = e.objid))
    AND NOT (e.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM target WHERE target.classid = e.classid AND target.objid = e.objid))
    AND NOT (e.classid = 'pg_trigger'::regclass AND EXISTS (SELECT FROM pg_trigger t WHERE t.oid = e.objid AND t.tgisinternal))
    AND NOT EXISTS (SELECT FROM leaf WHERE leaf.oid IN (e.objid, e.host))
    AND NOT (e.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class c WHERE c.oid = e.objid AND c.relkind IN ('S', 't')))
    AND NOT (e.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = e.objid AND i.indrelid IN (SELECT oid FROM leaf)))
  GROUP BY 1, 2, 3, 4, 5
  UNION ALL  -- the materialized views themselves
  SELECT 'pg_class'::regclass, r.oid, 0, 0, NULL, false, :'root'::regclass, true,
         (SELECT array_agg(DISTINCT a.attname::text) FROM edge e JOIN pg_attribute a ON a.attrelid = e.root AND a.attnum = e.refobjsubid AND e.refobjsubid > 0
          WHERE e.host = r.oid AND e.root = :'root'::regclass AND NOT e.as_type)
  FROM (SELECT DISTINCT oid FROM root WHERE depth > 0) r
),
thing AS (
  SELECT o.*, c.oid AS relation, c.relkind, c.reloptions, c.relispopulated, c.relname, c.relnamespace,
         CASE WHEN o.rulename = '_RETURN' THEN 'pg_class'::regclass::oid ELSE o.classid END AS what_class,
         CASE WHEN o.rulename = '_RETURN' THEN o.host ELSE o.objid END AS what_oid
  FROM outside o LEFT JOIN pg_class c ON c.oid = CASE WHEN o.classid = 'pg_class'::regclass THEN o.objid WHEN o.rulename = '_RETURN' THEN o.host END
)
SELECT
  CASE WHEN t.relkind = 'v' THEN 'view' WHEN t.relkind = 'm' THEN 'materialized view' WHEN t.classid = 'pg_rewrite'::regclass THEN 'rule'
       WHEN t.classid = 'pg_proc'::regclass THEN 'function' WHEN t.classid = 'pg_policy'::regclass THEN 'policy'
       WHEN t.classid = 'pg_constraint'::regclass AND k.contype = 'f' THEN 'foreign key' ELSE 'other' END AS kind,
  pg_describe_object(t.what_class, t.what_oid, t.objsubid) AS object, pg_get_userbyid(ow.owner) AS owner,
  pg_has_role(current_user, ow.owner, 'USAGE') AS can_alter,
  t.what_oid AS oid, coalesce(n.nspname, '') AS schema, coalesce(t.relname, '') AS name, coalesce(t.uses, '{}') AS uses,
  CASE WHEN t.relkind = 'v' THEN format('CREATE OR REPLACE VIEW %s AS SELECT %s WHERE false', t.relation::regclass, v.nulls)
       WHEN t.relkind = 'm' THEN format('DROP MATERIALIZED VIEW %s', t.relation::regclass)
       WHEN t.classid = 'pg_rewrite'::regclass THEN format('CREATE OR REPLACE RULE %I AS ON %s TO %s DO INSTEAD NOTHING', t.rulename,
              CASE rw.ev_type WHEN '1' THEN 'SELECT' WHEN '2' THEN 'UPDATE' WHEN '3' THEN 'INSERT' WHEN '4' THEN 'DELETE' END, t.host::regclass)
       WHEN t.classid = 'pg_proc'::regclass THEN regexp_replace(f.def, E'\n(BEGIN ATOMIC|RETURN ).*$', '') || ' AS ''SELECT NULL'''
       WHEN t.classid = 'pg_policy'::regclass THEN format('ALTER POLICY %I ON %s%s%s', pl.polname, pl.polrelid::regclass,
              CASE WHEN pl.polqual IS NULL THEN '' ELSE ' USING (false)' END, CASE WHEN pl.polwithcheck IS NULL THEN '' ELSE ' WITH CHECK (false)' END)
       WHEN k.contype = 'f' THEN format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname) ELSE '' END AS let_go,
  CASE WHEN t.relkind = 'v' THEN format('CREATE OR REPLACE VIEW %s%s AS %s', t.relation::regclass,
              coalesce(' WITH (' || array_to_string(t.reloptions, ', ') || ')', ''), rtrim(pg_get_viewdef(t.relation), E'; \n'))
       WHEN t.relkind = 'm' THEN format('CREATE MATERIALIZED VIEW %s USING %I%s%s AS %s WITH %sDATA', t.relation::regclass,
              (SELECT amname FROM pg_am WHERE oid = (SELECT relam FROM pg_class WHERE oid = t.relation)),
              coalesce(' WITH (' || array_to_string(t.reloptions, ', ') || ')', ''),
              coalesce(' TABLESPACE ' || (SELECT quote_ident(spcname) FROM pg_tablespace WHERE oid = (SELECT reltablespace FROM pg_class WHERE oid = t.relation)), ''),
              rtrim(pg_get_viewdef(t.relation), E'; \n'), CASE WHEN t.relispopulated THEN '' ELSE 'NO ' END)
       WHEN t.classid = 'pg_rewrite'::regclass THEN regexp_replace(pg_get_ruledef(t.objid), '^CREATE RULE', 'CREATE OR REPLACE RULE')
       WHEN t.classid = 'pg_proc'::regclass THEN f.def
       WHEN t.classid = 'pg_policy'::regclass THEN format('ALTER POLICY %I ON %s%s%s', pl.polname, pl.polrelid::regclass,
              coalesce(' USING (' || pg_get_expr(pl.polqual, pl.polrelid) || ')', ''), coalesce(' WITH CHECK (' || pg_get_expr(pl.polwithcheck, pl.polrelid) || ')', ''))
       WHEN k.contype = 'f' THEN format('ALTER TABLE %s ADD CONSTRAINT %I %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
              || coalesce(format('; COMMENT ON CONSTRAINT %I ON %s IS %L', k.conname, k.conrelid::regclass, obj_description(k.oid, 'pg_constraint')), '')
       ELSE '' END AS take_hold,
  CASE WHEN t.relkind = 'v' THEN format('CREATE OR REPLACE VIEW %s%s AS SELECT %s FROM (%s) q', t.relation::regclass,
              coalesce(' WITH (' || array_to_string(t.reloptions, ', ') || ')', ''), v.casts, rtrim(pg_get_viewdef(t.relation), E'; \n')) ELSE '' END AS pinned,
  CASE WHEN t.classid = 'pg_proc'::regclass AND (t.as_type OR coalesce(to_jsonb(p) ->> 'prosqlbody', '') = '') THEN 'its arguments or its result have the row type'
       WHEN t.relkind = 'v' AND v.of_row_type THEN 'it has a column of the row type'
       WHEN t.relkind = 'm' AND v.of_row_type THEN 'it has a column of the row type'
       WHEN t.relkind IN ('v', 'm') OR t.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass, 'pg_policy'::regclass) OR k.contype = 'f' THEN ''
       ELSE 'it is bound to the relation itself' END AS obstacle
FROM thing t
LEFT JOIN pg_namespace n ON n.oid = t.relnamespace
LEFT JOIN pg_rewrite rw ON t.classid = 'pg_rewrite'::regclass AND rw.oid = t.objid
LEFT JOIN pg_proc p ON t.classid = 'pg_proc'::regclass AND p.oid = t.objid
LEFT JOIN LATERAL (SELECT CASE WHEN p.prokind IN ('f', 'p', 'w') THEN pg_get_functiondef(p.oid) END AS def) f ON true
LEFT JOIN pg_policy pl ON t.classid = 'pg_policy'::regclass AND pl.oid = t.objid
LEFT JOIN pg_constraint k ON t.classid = 'pg_constraint'::regclass AND k.oid = t.objid
LEFT JOIN pg_class host ON host.oid = coalesce(t.relation, nullif(t.host, 0))
LEFT JOIN pg_type ty ON t.classid = 'pg_type'::regclass AND ty.oid = t.objid
LEFT JOIN LATERAL (SELECT coalesce(host.relowner, p.proowner, ty.typowner) AS owner) ow ON true
LEFT JOIN LATERAL (
  SELECT string_agg(format('NULL::%s%s AS %I', format_type(a.atttypid, a.atttypmod), c.text, a.attname), ', ' ORDER BY a.attnum) AS nulls,
         string_agg(format('q.%1$I::%2$s%3$s AS %1$I', a.attname, format_type(a.atttypid, a.atttypmod), c.text), ', ' ORDER BY a.attnum) AS casts,
         coalesce(bool_or(EXISTS (SELECT FROM target WHERE target.as_type AND target.objid = a.atttypid)), false) AS of_row_type
  FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
  CROSS JOIN LATERAL (SELECT CASE WHEN a.attcollation <> y.typcollation THEN ' COLLATE ' || a.attcollation::regcollation::text ELSE '' END AS text) c
  WHERE a.attrelid = t.relation AND a.attnum > 0 AND NOT a.attisdropped) v ON true
UNION ALL
SELECT 'own', pg_describe_object(x.classid, x.oid, 0), '', true, x.oid, '', '', '{}', '', '', '', ''
FROM (SELECT 'pg_class'::regclass::oid AS classid, indexrelid AS oid FROM pg_index WHERE indrelid = :'root'::regclass
      UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid = :'root'::regclass
      UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger WHERE tgrelid = :'root'::regclass AND NOT tgisinternal
      UNION ALL SELECT 'pg_policy'::regclass, oid FROM pg_policy WHERE polrelid = :'root'::regclass
      UNION ALL SELECT 'pg_rewrite'::regclass, oid FROM pg_rewrite WHERE ev_class = :'root'::regclass AND rulename <> '_RETURN'
      UNION ALL SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext WHERE stxrelid = :'root'::regclass
      UNION ALL SELECT 'pg_attrdef'::regclass, oid FROM pg_attrdef WHERE adrelid = :'root'::regclass
      UNION ALL SELECT 'pg_publication_rel'::regclass, oid FROM pg_publication_rel WHERE prrelid = :'root'::regclass
      UNION ALL SELECT 'pg_class'::regclass, d.objid FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
                WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = :'root'::regclass AND d.deptype IN ('a', 'i')) x;
