-- Code that names a relation only in its text (plpgsql, string-body SQL): the catalog knows no edge, so this is a guess by
-- the name. psql -v root='sync_core."Country"' -f queries/late_bound.sql
SELECT p.oid::regprocedure::text AS function, l.lanname AS language, pg_get_userbyid(p.proowner) AS owner
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang,
     pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = :'root'::regclass AND l.lanname NOT IN ('internal', 'c') AND p.prosrc <> ''
  AND p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
  AND position(lower(c.relname) IN lower(p.prosrc)) > 0
  AND p.prosrc ~* ('(^|[^[:alnum:]_])' || regexp_replace(c.relname, '([^[:alnum:]_])', '\\\1', 'g') || '($|[^[:alnum:]_])')
ORDER BY 1;
