-- Every statement that puts back what hangs on ONE relation (table, partitioned table, view, materialized view), in order:
-- owner, column settings, constraints, indexes, statistics, rules, triggers, policies, grants with their grantors, comments,
-- labels, publications, extension membership. The relation's own DDL (columns, defaults, identity, tablespace) is not in it.
-- PostgreSQL 13 to 18. psql -v root='mart.v' -f queries/replay.sql   (with search_path = '')
WITH rel AS (SELECT c.*, c.oid::regclass::text AS q, to_jsonb(c) j FROM pg_class c WHERE c.oid = :'root'::regclass),
col AS (SELECT a.*, quote_ident(a.attname) qc, to_jsonb(a) j FROM pg_attribute a, rel WHERE a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped),
ix AS (SELECT i.*, ic.oid::regclass::text iq, ic.reloptions iopt FROM pg_index i JOIN pg_class ic ON ic.oid=i.indexrelid, rel WHERE i.indrelid=rel.oid),
con AS (SELECT k.* FROM pg_constraint k, rel WHERE k.conrelid = rel.oid AND k.coninhcount = 0),
trg AS (SELECT t.* FROM pg_trigger t, rel WHERE t.tgrelid=rel.oid AND NOT t.tgisinternal AND t.tgparentid = 0),
rul AS (SELECT r.* FROM pg_rewrite r, rel WHERE r.ev_class=rel.oid AND r.rulename<>'_RETURN'),
pol AS (SELECT p.* FROM pg_policy p, rel WHERE p.polrelid=rel.oid),
sta AS (SELECT s.*, quote_ident(n.nspname)||'.'||quote_ident(s.stxname) sq FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid=s.stxnamespace, rel WHERE s.stxrelid=rel.oid),
s(ord, stmt) AS (
 SELECT 10, format('ALTER TABLE %s OWNER TO %I', q, pg_get_userbyid(relowner)) FROM rel
 -- columns
 UNION ALL SELECT 20, format('ALTER TABLE %s ALTER COLUMN %s SET STATISTICS %s', q, qc, col.j->>'attstattarget') FROM rel, col WHERE coalesce((col.j->>'attstattarget')::int,-1) <> -1
 UNION ALL SELECT 20, format('ALTER TABLE %s ALTER COLUMN %s SET STORAGE %s', q, qc, CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END) FROM rel, col JOIN pg_type t ON t.oid=atttypid WHERE attstorage<>typstorage AND relkind IN ('r','p','m')
 UNION ALL SELECT 20, format('ALTER TABLE %s ALTER COLUMN %s SET COMPRESSION %s', q, qc, CASE col.j->>'attcompression' WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END) FROM rel, col WHERE coalesce(col.j->>'attcompression','') <> ''
 UNION ALL SELECT 20, format('ALTER TABLE %s ALTER COLUMN %s SET (%s)', q, qc, array_to_string(o, ', ')) FROM rel, col, LATERAL (SELECT array_agg(x) o FROM unnest(attoptions) x WHERE x NOT LIKE 'pg\_%') z WHERE o IS NOT NULL
 UNION ALL SELECT 21, format('ALTER VIEW %s ALTER COLUMN %s SET DEFAULT %s', q, qc, pg_get_expr(adbin, adrelid)) FROM rel, col JOIN pg_attrdef ON adrelid=attrelid AND adnum=attnum WHERE relkind='v'
 -- constraints (PK/UNIQUE/EXCLUDE first), plain indexes, index extras
 UNION ALL SELECT CASE contype WHEN 'f' THEN 60 WHEN 'c' THEN 28 ELSE 30 END, format('ALTER TABLE %s ADD CONSTRAINT %I %s', q, conname, pg_get_constraintdef(con.oid)) FROM rel, con WHERE contype IN ('p','u','x','c','f')
 UNION ALL SELECT 31, pg_get_indexdef(indexrelid) FROM ix WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid=ix.indexrelid AND k.contype IN ('p','u','x'))
 UNION ALL SELECT 32, format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s', iq, a.attnum, to_jsonb(a)->>'attstattarget') FROM ix JOIN pg_attribute a ON a.attrelid=ix.indexrelid WHERE coalesce((to_jsonb(a)->>'attstattarget')::int,-1) <> -1
 UNION ALL SELECT 33, format('ALTER TABLE %s CLUSTER ON %I', q, (SELECT relname FROM pg_class WHERE oid=indexrelid)) FROM rel, ix WHERE indisclustered
 UNION ALL SELECT 33, format('ALTER TABLE %s REPLICA IDENTITY %s', q, CASE relreplident WHEN 'n' THEN 'NOTHING' WHEN 'f' THEN 'FULL' ELSE 'USING INDEX '||(SELECT quote_ident(relname) FROM pg_class JOIN ix ON oid=indexrelid WHERE indisreplident) END) FROM rel WHERE relreplident<>'d' AND relkind IN ('r','p')
 UNION ALL SELECT 40, pg_get_statisticsobjdef(oid) FROM sta
 UNION ALL SELECT 41, format('ALTER STATISTICS %s SET STATISTICS %s', sq, to_jsonb(sta)->>'stxstattarget') FROM sta WHERE coalesce((to_jsonb(sta)->>'stxstattarget')::int,-1) <> -1
 UNION ALL SELECT 41, format('ALTER STATISTICS %s OWNER TO %I', sq, pg_get_userbyid(stxowner)) FROM sta
 -- rules, triggers, policies
 UNION ALL SELECT 50, pg_get_ruledef(oid) FROM rul
 UNION ALL SELECT 51, format('ALTER TABLE %s %s RULE %I', q, CASE ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, rulename) FROM rel, rul WHERE ev_enabled<>'O'
 UNION ALL SELECT 52, pg_get_triggerdef(oid) FROM trg
 UNION ALL SELECT 53, format('ALTER TABLE %s %s TRIGGER %I', q, CASE tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, tgname) FROM rel, trg WHERE tgenabled<>'O'
 UNION ALL SELECT 54, format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', polname, q, CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
     (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ') FROM unnest(polroles) r), coalesce(' USING ('||pg_get_expr(polqual,polrelid)||')',''), coalesce(' WITH CHECK ('||pg_get_expr(polwithcheck,polrelid)||')','')) FROM rel, pol
 UNION ALL SELECT 55, format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', q) FROM rel WHERE relrowsecurity
 UNION ALL SELECT 55, format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', q) FROM rel WHERE relforcerowsecurity
 -- ACLs: first wipe what default privileges put there, then replay, grantor by grantor
 UNION ALL SELECT 70, format('REVOKE ALL ON %s FROM PUBLIC, %s', q, (SELECT string_agg(quote_ident(rolname), ', ') FROM (SELECT rolname FROM pg_roles r WHERE r.oid=rel.relowner UNION SELECT r.rolname FROM pg_default_acl d, aclexplode(d.defaclacl) x JOIN pg_roles r ON r.oid=x.grantee WHERE d.defaclobjtype='r' AND d.defaclrole=rel.relowner AND d.defaclnamespace IN (0, rel.relnamespace)) u)) FROM rel WHERE relacl IS NOT NULL OR EXISTS (SELECT FROM pg_default_acl d WHERE d.defaclobjtype='r' AND d.defaclrole=rel.relowner AND d.defaclnamespace IN (0, rel.relnamespace))
 UNION ALL SELECT 71 + (x.grantor<>rel.relowner)::int, CASE WHEN x.grantor<>rel.relowner THEN format('SET LOCAL ROLE %I; ', pg_get_userbyid(x.grantor)) ELSE '' END || format('GRANT %s ON %s TO %s%s', string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type), q, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END, CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) || CASE WHEN x.grantor<>rel.relowner THEN '; RESET ROLE' ELSE '' END
     FROM rel, aclexplode(coalesce(relacl, acldefault('r', relowner))) x WHERE relacl IS NOT NULL OR EXISTS (SELECT FROM pg_default_acl d WHERE d.defaclobjtype='r' AND d.defaclrole=rel.relowner AND d.defaclnamespace IN (0, rel.relnamespace)) GROUP BY rel.relowner, q, x.grantor, x.grantee, x.is_grantable
 UNION ALL SELECT 73 + (x.grantor<>rel.relowner)::int, CASE WHEN x.grantor<>rel.relowner THEN format('SET LOCAL ROLE %I; ', pg_get_userbyid(x.grantor)) ELSE '' END || format('GRANT %s (%s) ON %s TO %s%s', x.privilege_type, string_agg(qc, ', ' ORDER BY attnum), q, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END, CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) || CASE WHEN x.grantor<>rel.relowner THEN '; RESET ROLE' ELSE '' END
     FROM rel, col, aclexplode(attacl) x WHERE attacl IS NOT NULL GROUP BY q, rel.relowner, x.grantor, x.privilege_type, x.grantee, x.is_grantable
 -- comments and labels of the relation, its columns and everything it owns
 UNION ALL SELECT 80, format('COMMENT ON %s %s IS %L', CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, q, description) FROM rel JOIN pg_description d ON d.classoid='pg_class'::regclass AND d.objoid=rel.oid AND d.objsubid=0
 UNION ALL SELECT 81, format('COMMENT ON COLUMN %s.%s IS %L', q, qc, description) FROM rel, col JOIN pg_description d ON d.classoid='pg_class'::regclass AND d.objoid=attrelid AND d.objsubid=attnum
 UNION ALL SELECT 82, format('COMMENT ON CONSTRAINT %I ON %s IS %L', conname, q, description) FROM rel, con JOIN pg_description d ON d.classoid='pg_constraint'::regclass AND d.objoid=con.oid
 UNION ALL SELECT 82, format('COMMENT ON INDEX %s IS %L', iq, description) FROM ix JOIN pg_description d ON d.classoid='pg_class'::regclass AND d.objoid=indexrelid
 UNION ALL SELECT 82, format('COMMENT ON TRIGGER %I ON %s IS %L', tgname, q, description) FROM rel, trg JOIN pg_description d ON d.classoid='pg_trigger'::regclass AND d.objoid=trg.oid
 UNION ALL SELECT 82, format('COMMENT ON RULE %I ON %s IS %L', rulename, q, description) FROM rel, rul JOIN pg_description d ON d.classoid='pg_rewrite'::regclass AND d.objoid=rul.oid
 UNION ALL SELECT 82, format('COMMENT ON POLICY %I ON %s IS %L', polname, q, description) FROM rel, pol JOIN pg_description d ON d.classoid='pg_policy'::regclass AND d.objoid=pol.oid
 UNION ALL SELECT 82, format('COMMENT ON STATISTICS %s IS %L', sq, description) FROM sta JOIN pg_description d ON d.classoid='pg_statistic_ext'::regclass AND d.objoid=sta.oid
 UNION ALL SELECT 83, format('SECURITY LABEL FOR %I ON %s %s IS %L', provider, CASE WHEN objsubid>0 THEN 'COLUMN' WHEN relkind='v' THEN 'VIEW' WHEN relkind='m' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, q || coalesce('.'||(SELECT qc FROM col WHERE attnum=objsubid),''), label) FROM rel JOIN pg_seclabel l ON l.classoid='pg_class'::regclass AND l.objoid=rel.oid
 -- membership
 UNION ALL SELECT 90, format('ALTER PUBLICATION %I ADD TABLE ONLY %s%s%s', pubname, q, CASE WHEN jsonb_typeof(to_jsonb(pr)->'prattrs')='array' THEN ' ('||(SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM jsonb_array_elements_text(to_jsonb(pr)->'prattrs') u(n) JOIN pg_attribute a ON a.attrelid=rel.oid AND a.attnum=u.n::int)||')' ELSE '' END, coalesce(' WHERE '||(SELECT to_jsonb(pt)->>'rowfilter' FROM pg_publication_tables pt WHERE pt.pubname=p.pubname AND pt.schemaname=rel.relnamespace::regnamespace::text AND pt.tablename=rel.relname),'')) FROM rel JOIN pg_publication_rel pr ON pr.prrelid=rel.oid JOIN pg_publication p ON p.oid=pr.prpubid
 UNION ALL SELECT 91, format('ALTER EXTENSION %I ADD %s %s', extname, CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, q) FROM rel JOIN pg_depend d ON d.classid='pg_class'::regclass AND d.objid=rel.oid AND d.deptype='e' JOIN pg_extension e ON e.oid=d.refobjid
)
SELECT ord, stmt FROM s ORDER BY ord, stmt;
