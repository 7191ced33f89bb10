-- What the users of a column put on it, as statements for the column that took its name: grants and comment. by_owner: the
-- table's owner may repeat the statement; somebody else's grant is his own. PostgreSQL 13 to 18.
-- psql -v root='sync_core."Country"' -v old=qty__int4 -v new=qty -f queries/successor.sql   (with search_path = '')
WITH old AS (
  SELECT c.oid::regclass::text AS name, c.relowner, a.attacl, col_description(a.attrelid, a.attnum) AS comment
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.oid = :'root'::regclass AND a.attname = :'old' AND NOT a.attisdropped
)
SELECT format('GRANT %s (%I) ON %s TO %s%s', x.privilege_type, :'new'::text, name,
              CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
              CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement,
       x.grantor = relowner AS by_owner, pg_get_userbyid(x.grantor)::text AS grantor
FROM old, aclexplode(attacl) x WHERE attacl IS NOT NULL
UNION ALL SELECT format('COMMENT ON COLUMN %s.%I IS %L', name, :'new'::text, comment), true, '' FROM old WHERE comment <> ''
ORDER BY 1;
