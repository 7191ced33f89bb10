-- The catalog fingerprint of a relation: one fact a row (object, aspect, value) for the relation itself and for everything
-- that depends on it at any depth. Two runs give the same rows exactly when nothing of theirs changed: the OIDs of
-- relations, functions and types are facts too. The leaf of a shell is described without its name, so that a refresh leaves
-- the facts as they were. With definitions=no the text of views is left out: what is stored of them says as much, and
-- printing them locks them. PostgreSQL 13 to 18.
-- psql -v root='sync_core."Country"' -v definitions=yes -f queries/fingerprint.sql
WITH RECURSIVE
edge AS NOT MATERIALIZED (
  SELECT d.refclassid, d.refobjid,
         CASE WHEN r.oid IS NOT NULL AND r.rulename = '_RETURN' THEN 'pg_class'::regclass ELSE d.classid END AS classid,
         CASE WHEN r.oid IS NOT NULL AND r.rulename = '_RETURN' THEN r.ev_class ELSE d.objid END AS objid,
         CASE WHEN r.oid IS NOT NULL AND r.rulename = '_RETURN' THEN 0 ELSE d.objsubid END AS objsubid
  FROM pg_depend d
  LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  WHERE d.deptype IN ('n', 'a', 'i', 'P', 'S', 'x', 'e') AND d.refobjid >= 16384
    AND NOT (d.classid = d.refclassid AND d.objid = d.refobjid)
    AND NOT (r.rulename IS NOT DISTINCT FROM '_RETURN' AND d.refclassid = 'pg_class'::regclass AND d.refobjid = r.ev_class)
),
leaf AS (SELECT inhrelid AS oid FROM pg_inherits JOIN pg_class p ON p.oid = inhparent
         WHERE inhparent = :'root'::regclass AND p.relkind = 'p'),
own AS (
  SELECT 'pg_class'::regclass::oid AS classid, oid AS objid FROM leaf
  UNION ALL SELECT 'pg_class'::regclass, indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM leaf)
  UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid IN (SELECT oid FROM leaf)
  UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM leaf)
  UNION ALL SELECT 'pg_attrdef'::regclass, oid FROM pg_attrdef WHERE adrelid IN (SELECT oid FROM leaf)
),
walk(classid, objid, objsubid, depth) AS (
  SELECT 'pg_class'::regclass::oid, :'root'::regclass::oid, 0, 0
  UNION
  SELECT e.classid, e.objid, e.objsubid, w.depth + 1
  FROM walk w JOIN edge e ON e.refclassid = w.classid AND e.refobjid = w.objid
  WHERE w.depth < 60 AND NOT (w.depth > 0 AND w.objsubid > 0)
    AND NOT EXISTS (SELECT FROM own WHERE own.classid = e.classid AND own.objid = e.objid)
),
obj AS MATERIALIZED (
  SELECT w.classid, w.objid, w.objsubid, bool_or(w.objid = :'root'::regclass AND w.classid = 'pg_class'::regclass) AS is_root
  FROM walk w GROUP BY 1, 2, 3
),
rel AS MATERIALIZED (
  SELECT c.*, o.is_root, CASE WHEN o.is_root THEN 'relation' ELSE pg_describe_object(o.classid, o.objid, 0) END AS what,
         to_jsonb(c) AS j
  FROM obj o JOIN pg_class c ON c.oid = o.objid
  WHERE o.classid = 'pg_class'::regclass AND o.objsubid = 0 AND c.relkind <> 't' AND c.relnamespace <> 99
),
col AS MATERIALIZED (
  SELECT a.*, rel.what || ' column ' || quote_ident(a.attname) AS colwhat, rel.is_root, to_jsonb(a) AS j
  FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid
  WHERE rel.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND a.attnum > 0 AND NOT a.attisdropped
),
other AS MATERIALIZED (
  SELECT o.classid, o.objid, o.objsubid, pg_describe_object(o.classid, o.objid, o.objsubid) AS what
  FROM obj o
  WHERE (o.classid <> 'pg_class'::regclass OR o.objsubid > 0)
    AND NOT (o.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_type t WHERE t.oid = o.objid AND t.typtype <> 'd'))
    AND NOT (o.classid = 'pg_trigger'::regclass AND EXISTS (SELECT FROM pg_trigger t WHERE t.oid = o.objid AND t.tgisinternal))
),
fact(object, aspect, value) AS (
  -- relations: the root, views, materialized views, indexes, sequences, tables that hold its row type ...
  SELECT what, 'oid', oid::text FROM rel
  UNION ALL SELECT what, 'kind', relkind::text || relpersistence::text || CASE WHEN relkind = 'm' AND NOT relispopulated THEN ', not populated' ELSE '' END FROM rel
  UNION ALL SELECT what, 'owner', pg_get_userbyid(relowner) FROM rel
  UNION ALL SELECT what, 'options', array_to_string(reloptions, ', ') FROM rel WHERE reloptions IS NOT NULL
  UNION ALL SELECT what, 'tablespace', spcname FROM rel JOIN pg_tablespace t ON t.oid = reltablespace
  UNION ALL SELECT what, 'row security', 'on' || CASE WHEN relforcerowsecurity THEN ', forced' ELSE '' END FROM rel WHERE relrowsecurity OR relforcerowsecurity
  UNION ALL SELECT what, 'replica identity', relreplident::text FROM rel WHERE relreplident <> 'd' AND relkind IN ('r', 'p')
  UNION ALL SELECT what, 'partition key', pg_get_partkeydef(oid) FROM rel WHERE relkind = 'p'
  UNION ALL SELECT what, 'parent', inhparent::regclass::text FROM rel JOIN pg_inherits ON inhrelid = oid WHERE relkind NOT IN ('i', 'I')
  UNION ALL SELECT what, 'grant', format('%s to %s by %s%s', x.privilege_type, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
                          quote_ident(pg_get_userbyid(x.grantor)), CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END)
      FROM rel, aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, relowner))) x WHERE relkind NOT IN ('i', 'I', 'c')
  UNION ALL SELECT what, 'definition', pg_get_viewdef(oid) FROM rel WHERE relkind IN ('v', 'm') AND :'definitions' = 'yes'
  UNION ALL SELECT what, 'stored rule', md5(r.ev_action::text || coalesce(r.ev_qual::text, '')) FROM rel JOIN pg_rewrite r ON r.ev_class = rel.oid AND r.rulename = '_RETURN'
  -- indexes
  UNION ALL SELECT what, 'definition', substr(d.text, length(format('CREATE %sINDEX %I ON %s%s ', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, rel.relname,
                          CASE WHEN t.relkind = 'p' THEN 'ONLY ' ELSE '' END, t.oid::regclass)) + 1) || CASE WHEN i.indisunique THEN ' unique' ELSE '' END
                          || CASE WHEN i.indisclustered THEN ' clustered' ELSE '' END || CASE WHEN i.indisreplident THEN ' replica identity' ELSE '' END
      FROM rel JOIN pg_index i ON i.indexrelid = rel.oid JOIN pg_class t ON t.oid = i.indrelid CROSS JOIN LATERAL (SELECT pg_get_indexdef(i.indexrelid) AS text) d
  UNION ALL SELECT what, 'valid', i.indisvalid::text FROM rel JOIN pg_index i ON i.indexrelid = rel.oid
  UNION ALL SELECT what, 'statistics target', a.attnum || ' ' || (to_jsonb(a) ->> 'attstattarget') FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid
      WHERE rel.relkind IN ('i', 'I') AND coalesce((to_jsonb(a) ->> 'attstattarget')::int, -1) <> -1
  -- columns
  UNION ALL SELECT colwhat, 'number', attnum::text FROM col
  UNION ALL SELECT colwhat, 'type', format_type(atttypid, atttypmod) || CASE WHEN attcollation <> (SELECT typcollation FROM pg_type WHERE oid = atttypid)
                          THEN ' collate ' || attcollation::regcollation::text ELSE '' END FROM col
  UNION ALL SELECT colwhat, 'not null', 'yes' FROM col WHERE attnotnull
  UNION ALL SELECT colwhat, CASE attgenerated WHEN '' THEN 'default' ELSE 'generated ' || attgenerated::text END, pg_get_expr(d.adbin, d.adrelid)
      FROM col JOIN pg_attrdef d ON d.adrelid = attrelid AND d.adnum = attnum
  UNION ALL SELECT colwhat, 'identity', attidentity::text FROM col WHERE attidentity <> ''
  UNION ALL SELECT colwhat, 'storage', attstorage::text || coalesce(j ->> 'attcompression', '') FROM col WHERE is_root
  UNION ALL SELECT colwhat, 'statistics target', j ->> 'attstattarget' FROM col WHERE coalesce((j ->> 'attstattarget')::int, -1) <> -1
  UNION ALL SELECT colwhat, 'options', array_to_string(o, ', ') FROM col, LATERAL (SELECT array_agg(x ORDER BY x) AS o FROM unnest(attoptions) x WHERE x NOT LIKE 'pg\_%') z WHERE o IS NOT NULL
  UNION ALL SELECT colwhat, 'grant', format('%s to %s by %s%s', x.privilege_type, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
                          quote_ident(pg_get_userbyid(x.grantor)), CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END) FROM col, aclexplode(attacl) x WHERE attacl IS NOT NULL
  UNION ALL SELECT colwhat, 'comment', description FROM col JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = attrelid AND d.objsubid = attnum
  UNION ALL SELECT colwhat, 'security label', provider || ' ' || label FROM col JOIN pg_seclabel l ON l.classoid = 'pg_class'::regclass AND l.objoid = attrelid AND l.objsubid = attnum
  UNION ALL SELECT what, 'comment', description FROM rel JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = rel.oid AND d.objsubid = 0
  UNION ALL SELECT what, 'security label', provider || ' ' || label FROM rel JOIN pg_seclabel l ON l.classoid = 'pg_class'::regclass AND l.objoid = rel.oid AND l.objsubid = 0
  -- what hangs on relations
  UNION ALL SELECT what, 'is there', 'yes' FROM other
  UNION ALL SELECT what, 'definition', pg_get_ruledef(objid) || CASE ev_enabled WHEN 'O' THEN '' ELSE ' enabled ' || ev_enabled::text END
      FROM other JOIN pg_rewrite r ON classid = 'pg_rewrite'::regclass AND r.oid = objid
  UNION ALL SELECT what, 'definition', pg_get_constraintdef(objid) || CASE WHEN convalidated THEN '' ELSE ' (not validated)' END
      FROM other JOIN pg_constraint k ON classid = 'pg_constraint'::regclass AND k.oid = objid
  UNION ALL SELECT what, 'definition', pg_get_triggerdef(objid) || CASE tgenabled WHEN 'O' THEN '' ELSE ' enabled ' || tgenabled::text END
      FROM other JOIN pg_trigger t ON classid = 'pg_trigger'::regclass AND t.oid = objid
  UNION ALL SELECT what, 'definition', pg_get_expr(adbin, adrelid) FROM other JOIN pg_attrdef d ON classid = 'pg_attrdef'::regclass AND d.oid = objid
  UNION ALL SELECT what, 'oid', objid::text FROM other WHERE classid IN ('pg_proc'::regclass, 'pg_type'::regclass)
  UNION ALL SELECT what, 'definition', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(objid) ELSE p.oid::regprocedure::text END
      FROM other JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid
  UNION ALL SELECT what, 'owner', pg_get_userbyid(p.proowner) FROM other JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid
  UNION ALL SELECT what, 'grant', format('%s to %s by %s%s', x.privilege_type, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
                          quote_ident(pg_get_userbyid(x.grantor)), CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END)
      FROM other JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
  UNION ALL SELECT what, 'definition', format('%s for %s to %s%s%s', CASE WHEN polpermissive THEN 'permissive' ELSE 'restrictive' END, polcmd,
                          (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ' ORDER BY r) FROM unnest(polroles) r),
                          coalesce(' using ' || pg_get_expr(polqual, polrelid), ''), coalesce(' with check ' || pg_get_expr(polwithcheck, polrelid), ''))
      FROM other JOIN pg_policy p ON classid = 'pg_policy'::regclass AND p.oid = objid
  UNION ALL SELECT what, 'definition', pg_get_statisticsobjdef(objid) || ' owner ' || quote_ident(pg_get_userbyid(stxowner)) || ' target ' || coalesce(to_jsonb(s) ->> 'stxstattarget', '-1')
      FROM other JOIN pg_statistic_ext s ON classid = 'pg_statistic_ext'::regclass AND s.oid = objid
  UNION ALL SELECT what, 'definition', (SELECT string_agg(e.key || '=' || e.value, ', ' ORDER BY e.key) FROM jsonb_each_text(to_jsonb(pr) - 'oid') e)
      FROM other JOIN pg_publication_rel pr ON classid = 'pg_publication_rel'::regclass AND pr.oid = objid
  UNION ALL SELECT what, 'comment', description FROM other JOIN pg_description d ON d.classoid = classid AND d.objoid = objid AND d.objsubid = other.objsubid WHERE other.objsubid = 0
  UNION ALL SELECT what, 'security label', provider || ' ' || label FROM other JOIN pg_seclabel l ON l.classoid = classid AND l.objoid = objid AND l.objsubid = 0 WHERE other.objsubid = 0
  UNION ALL SELECT coalesce(rel.what, other.what), 'extension', quote_ident(e.extname)
      FROM obj JOIN pg_depend d ON d.classid = obj.classid AND d.objid = obj.objid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid
      LEFT JOIN rel ON obj.classid = 'pg_class'::regclass AND rel.oid = obj.objid
      LEFT JOIN other ON other.classid = obj.classid AND other.objid = obj.objid AND other.objsubid = obj.objsubid
  -- the leaf, nameless
  UNION ALL SELECT 'leaf', 'partitions', count(*)::text FROM leaf HAVING count(*) > 0
  UNION ALL SELECT 'leaf', 'constraint', pg_get_constraintdef(k.oid) FROM leaf JOIN pg_constraint k ON k.conrelid = leaf.oid AND k.contype IN ('p', 'u', 'x') AND k.conparentid = 0
  UNION ALL SELECT 'leaf', 'index', substr(d.text, length(format('CREATE %sINDEX %I ON %s ', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, ic.relname, leaf.oid::regclass)) + 1)
                          || CASE WHEN i.indisunique THEN ' unique' ELSE '' END || CASE WHEN i.indisvalid THEN '' ELSE ' (not valid)' END
      FROM leaf JOIN pg_index i ON i.indrelid = leaf.oid JOIN pg_class ic ON ic.oid = i.indexrelid CROSS JOIN LATERAL (SELECT pg_get_indexdef(i.indexrelid) AS text) d
      WHERE NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)
        AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x') AND k.conrelid = leaf.oid)
)
SELECT f.object, f.aspect, f.value
FROM (SELECT coalesce(object, '?') AS object, aspect, coalesce(value, '') AS value FROM fact) f
ORDER BY f.object COLLATE "C", f.aspect COLLATE "C", f.value COLLATE "C";
