-- Columns, with the type behind a domain (through any number of domains), and the same of an array's elements.
WITH RECURSIVE used AS (
  SELECT DISTINCT a.atttypid AS type FROM pg_attribute a WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
), elements AS (
  SELECT t.typelem AS type FROM pg_type t JOIN used u ON u.type = t.oid WHERE t.typelem <> 0 AND t.typcategory = 'A'
), walk AS (
  SELECT t.oid AS start, t.oid AS type, -1 AS typmod FROM pg_type t
  WHERE t.oid IN (SELECT type FROM used) OR t.oid IN (SELECT type FROM elements)
     OR t.oid IN (SELECT b.typelem FROM pg_type d JOIN used u ON u.type = d.oid JOIN pg_type b ON b.oid = d.typbasetype)
  UNION ALL
  SELECT w.start, t.typbasetype, CASE WHEN w.typmod >= 0 THEN w.typmod ELSE t.typtypmod END
  FROM walk w JOIN pg_type t ON t.oid = w.type WHERE t.typtype = 'd'
), base AS (
  SELECT w.start, w.type, w.typmod, t.typtype, t.typcategory, t.typelem, t.typname, n.nspname
  FROM walk w JOIN pg_type t ON t.oid = w.type JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype <> 'd'
)
SELECT a.attrelid AS relation, a.attnum AS position, a.attname AS name,
       format_type(a.atttypid, a.atttypmod) AS declared,
       format_type(b.type, CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE b.typmod END) AS type,
       b.type AS type_oid, b.typtype AS type_kind, b.typname AS type_name, b.nspname = 'pg_catalog' AS in_catalog,
       b.typcategory = 'A' AND b.typelem <> 0 AS is_array,
       e.type AS element_oid, e.typtype AS element_kind, e.typname AS element_name, e.nspname = 'pg_catalog' AS element_in_catalog,
       format_type(e.type, e.typmod) AS element,
       t.typtype = 'd' AS is_domain,
       a.attnotnull OR t.typnotnull AS not_null, a.attidentity <> '' AS is_identity, a.attgenerated <> '' AS is_computed,
       has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS may_read
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
JOIN base b ON b.start = a.atttypid
LEFT JOIN base e ON e.start = b.typelem AND b.typcategory = 'A'
WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
