-- Everything that depends on a relation, at any depth, with owner and definition; the order is a valid order of creation.
-- Things that merely carry something (a view's rule, a row type) are folded into the object that owns them; what belongs to
-- the leaf of a shell is left out. Read-only; locks nothing beyond ACCESS SHARE on catalogs. PostgreSQL 13 to 18.
-- psql -v root='sync_core."Country"' -v definitions=yes -f queries/dependents.sql   (with search_path = '' every name comes
-- out qualified; with definitions=no nothing is printed that would lock a dependent)
WITH RECURSIVE
-- (1) edges: a "carrier" object (rule, default, constraint, trigger, policy ...) is folded into the object that owns it
edge AS NOT MATERIALIZED (
  SELECT d.refclassid, d.refobjid, d.refobjsubid, d.deptype,
         CASE WHEN r.oid IS NOT NULL AND r.rulename = '_RETURN' THEN 'pg_class'::regclass ELSE d.classid END AS classid,
         CASE WHEN r.oid IS NOT NULL AND r.rulename = '_RETURN' THEN r.ev_class ELSE d.objid END AS objid,
         CASE WHEN r.oid IS NOT NULL AND r.rulename = '_RETURN' THEN 0 ELSE d.objsubid END AS objsubid
  FROM pg_depend d
  LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  WHERE d.deptype IN ('n','a','i','P','S','x','e') AND d.refobjid >= 16384
    AND NOT (d.classid = d.refclassid AND d.objid = d.refobjid)                       -- own column -> own table
    AND NOT (r.rulename IS NOT DISTINCT FROM '_RETURN' AND d.refclassid='pg_class'::regclass AND d.refobjid = r.ev_class)
),
-- what hangs on the leaf of a shell is the leaf's own: it comes and goes with it
leaf AS (SELECT inhrelid AS oid FROM pg_inherits JOIN pg_class p ON p.oid = inhparent
         WHERE inhparent = :'root'::regclass AND p.relkind = 'p'),
own AS (
  SELECT 'pg_class'::regclass::oid AS classid, oid AS objid FROM leaf
  UNION ALL SELECT 'pg_class'::regclass, indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM leaf)
  UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid IN (SELECT oid FROM leaf)
  UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM leaf)
  UNION ALL SELECT 'pg_attrdef'::regclass, oid FROM pg_attrdef WHERE adrelid IN (SELECT oid FROM leaf)
),
-- (2) walk.  UNION removes (object, depth) duplicates: cost is objects x depth even for diamond-shaped view graphs
walk(classid, objid, objsubid, depth) AS (
  SELECT 'pg_class'::regclass::oid, :'root'::regclass::oid, 0, 0
  UNION
  SELECT e.classid, e.objid, e.objsubid, w.depth + 1
  FROM walk w JOIN edge e ON e.refclassid = w.classid AND e.refobjid = w.objid
  WHERE w.depth < 60
    -- an object that merely *belongs to* another table (policy, trigger, default, FK of it ...) is a leaf
    AND NOT (w.depth > 0 AND w.objsubid > 0)
    AND NOT EXISTS (SELECT FROM own WHERE own.classid = e.classid AND own.objid = e.objid)
),
obj AS (SELECT classid, objid, objsubid, max(depth) AS depth, min(depth) AS mindepth FROM walk WHERE depth > 0 GROUP BY 1,2,3),
-- (3) what of the ROOT itself each object touches
cols AS (
  SELECT e.classid, e.objid, e.objsubid,
         array_agg(DISTINCT a.attname ORDER BY a.attname) FILTER (WHERE a.attnum IS NOT NULL) AS uses_columns,
         bool_or(e.refobjsubid = 0) AS uses_whole
  FROM edge e LEFT JOIN pg_attribute a ON a.attrelid = e.refobjid AND a.attnum = e.refobjsubid AND e.refobjsubid > 0
  WHERE e.refclassid = 'pg_class'::regclass AND e.refobjid = :'root'::regclass GROUP BY 1,2,3
)
SELECT o.depth,
  CASE o.classid
    WHEN 'pg_class'::regclass THEN
      CASE WHEN o.objsubid > 0 THEN 'column of row type' ELSE
      CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' WHEN 'S' THEN 'sequence'
           WHEN 't' THEN 'toast' WHEN 'c' THEN 'composite type' ELSE CASE WHEN c.relispartition THEN 'partition' ELSE 'inheritance child' END END END
    WHEN 'pg_rewrite'::regclass THEN 'rule'
    WHEN 'pg_constraint'::regclass THEN CASE k.contype WHEN 'f' THEN CASE WHEN k.conrelid=:'root'::regclass THEN 'foreign key (outgoing)' ELSE 'foreign key (incoming)' END
           WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'x' THEN 'exclusion' WHEN 'n' THEN 'not null' WHEN 't' THEN 'constraint trigger' ELSE 'check' END
    WHEN 'pg_trigger'::regclass THEN CASE WHEN t.tgisinternal THEN 'internal trigger' ELSE 'trigger' END
    WHEN 'pg_attrdef'::regclass THEN CASE ga.attgenerated WHEN '' THEN 'default' ELSE 'generated column' END
    WHEN 'pg_proc'::regclass THEN CASE p.prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure' ELSE 'function' END
    WHEN 'pg_policy'::regclass THEN 'policy'
    WHEN 'pg_statistic_ext'::regclass THEN 'statistics'
    WHEN 'pg_publication_rel'::regclass THEN 'publication membership'
    WHEN 'pg_type'::regclass THEN CASE ty.typtype WHEN 'd' THEN 'domain over row type' WHEN 'c' THEN 'row type' ELSE CASE WHEN ty.typelem<>0 THEN 'array type' ELSE 'type' END END
    ELSE o.classid::regclass::text END AS kind,
  pg_describe_object(o.classid, o.objid, o.objsubid) AS object,
  pg_get_userbyid(ow.owner) AS owner,
  pg_has_role(current_user, ow.owner, 'USAGE') AS can_alter,
  cl.uses_columns, cl.uses_whole, (o.mindepth = 1) AS direct, (o.depth >= 60) AS in_cycle,
  CASE CASE WHEN :'definitions' = 'yes' THEN o.classid END
    WHEN 'pg_class'::regclass THEN CASE WHEN o.objsubid = 0 THEN CASE
        WHEN c.relkind = 'v' THEN format('CREATE OR REPLACE VIEW %s%s AS %s', c.oid::regclass, coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')',''), pg_get_viewdef(c.oid))
        WHEN c.relkind = 'm' THEN format('CREATE MATERIALIZED VIEW %s USING %I%s%s AS %s WITH NO DATA', c.oid::regclass, am.amname, coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')',''), coalesce(' TABLESPACE ' || quote_ident(ts.spcname), ''), rtrim(pg_get_viewdef(c.oid),'; '))
        WHEN c.relkind IN ('i','I') THEN pg_get_indexdef(c.oid) END END
    WHEN 'pg_rewrite'::regclass THEN pg_get_ruledef(o.objid)
    WHEN 'pg_constraint'::regclass THEN CASE WHEN k.conrelid <> 0 THEN format('ALTER TABLE %s ADD CONSTRAINT %I %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
                                             ELSE format('ALTER DOMAIN %s ADD CONSTRAINT %I %s', k.contypid::regtype, k.conname, pg_get_constraintdef(k.oid)) END
    WHEN 'pg_trigger'::regclass THEN CASE WHEN NOT t.tgisinternal THEN pg_get_triggerdef(t.oid) END
    WHEN 'pg_attrdef'::regclass THEN format(CASE ga.attgenerated WHEN '' THEN 'ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s' ELSE 'ALTER TABLE %s ADD COLUMN %I ' || format_type(ga.atttypid, ga.atttypmod) || ' GENERATED ALWAYS AS (%s)' || CASE ga.attgenerated WHEN 's' THEN ' STORED' ELSE '' END END, ad.adrelid::regclass, ga.attname, pg_get_expr(ad.adbin, ad.adrelid))
    WHEN 'pg_proc'::regclass THEN CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END
    WHEN 'pg_policy'::regclass THEN format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', pl.polname, pl.polrelid::regclass, CASE WHEN pl.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
        CASE pl.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
        (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ') FROM unnest(pl.polroles) r),
        coalesce(' USING (' || pg_get_expr(pl.polqual, pl.polrelid) || ')',''), coalesce(' WITH CHECK (' || pg_get_expr(pl.polwithcheck, pl.polrelid) || ')',''))
    WHEN 'pg_statistic_ext'::regclass THEN pg_get_statisticsobjdef(o.objid)
  END AS definition,
  o.classid::regclass::text AS catalog, o.objid AS oid,
  CASE WHEN o.classid = 'pg_class'::regclass AND o.objsubid = 0 THEN c.relname END AS name,
  CASE WHEN o.classid = 'pg_class'::regclass AND o.objsubid = 0 THEN (SELECT nspname FROM pg_namespace WHERE oid = c.relnamespace) END AS schema,
  -- a stored query in which a whole row stands as a value: such a view cannot be pointed at another table
  -- (an aggregate, not EXISTS: that would be answered from a hash of all stored queries of the database)
  coalesce(o.classid = 'pg_class'::regclass AND (SELECT bool_or(w.ev_action::text LIKE '%:varattno 0 %') FROM pg_rewrite w WHERE w.ev_class = o.objid), false) AS has_row_value,
  coalesce(array_to_string(c.reloptions, ', '), '') AS options
FROM obj o
LEFT JOIN pg_class c      ON o.classid='pg_class'::regclass AND c.oid=o.objid
LEFT JOIN pg_am am        ON am.oid=c.relam
LEFT JOIN pg_tablespace ts ON ts.oid=c.reltablespace
LEFT JOIN pg_rewrite rw   ON o.classid='pg_rewrite'::regclass AND rw.oid=o.objid
LEFT JOIN pg_constraint k ON o.classid='pg_constraint'::regclass AND k.oid=o.objid
LEFT JOIN pg_trigger t    ON o.classid='pg_trigger'::regclass AND t.oid=o.objid
LEFT JOIN pg_attrdef ad   ON o.classid='pg_attrdef'::regclass AND ad.oid=o.objid
LEFT JOIN pg_attribute ga ON ga.attrelid=ad.adrelid AND ga.attnum=ad.adnum
LEFT JOIN pg_proc p       ON o.classid='pg_proc'::regclass AND p.oid=o.objid
LEFT JOIN pg_policy pl    ON o.classid='pg_policy'::regclass AND pl.oid=o.objid
LEFT JOIN pg_type ty      ON o.classid='pg_type'::regclass AND ty.oid=o.objid
LEFT JOIN pg_statistic_ext se ON o.classid='pg_statistic_ext'::regclass AND se.oid=o.objid
LEFT JOIN pg_publication_rel pr ON o.classid='pg_publication_rel'::regclass AND pr.oid=o.objid
LEFT JOIN pg_publication pb ON pb.oid=pr.prpubid
LEFT JOIN pg_class host   ON host.oid = coalesce(c.oid, rw.ev_class, nullif(k.conrelid,0), t.tgrelid, ad.adrelid, pl.polrelid)
LEFT JOIN LATERAL (SELECT coalesce(host.relowner, p.proowner, ty.typowner, se.stxowner, pb.pubowner) AS owner) ow ON true
LEFT JOIN cols cl ON cl.classid=o.classid AND cl.objid=o.objid AND cl.objsubid=o.objsubid
WHERE NOT (o.classid='pg_class'::regclass AND (c.relkind='t' OR c.relnamespace=99))
  AND NOT (o.classid='pg_type'::regclass AND ty.typtype<>'d')          -- row/array types are carriers only
  AND NOT (o.classid='pg_trigger'::regclass AND t.tgisinternal)
  AND k.contype IS DISTINCT FROM 'n'  -- NOT NULL belongs to the column; a constraint of its own since PostgreSQL 18
  -- the index of a constraint is the constraint's
  AND NOT (o.classid='pg_class'::regclass AND c.relkind IN ('i','I')
           AND EXISTS (SELECT FROM pg_constraint x WHERE x.conindid = c.oid AND x.contype IN ('p','u','x')))
ORDER BY o.depth, kind, object;
