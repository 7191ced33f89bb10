-- How the planner's statistics of a leaf compare with those of its shell, a row a column: whether they differ by more than
-- a sample's noise; for a column with a histogram its quartiles in the leaf, to be looked for in the shell's histogram
-- (bounds are of any type: comparing them takes a query that names it).
-- psql -v shell='sync_core."Country"' -v leaf='weir_data."sync_core__Country__g2"' -f queries/statistics.sql
WITH of AS (
  SELECT c.oid, s.*, 1 - s.null_frac - coalesce((SELECT sum(f) FROM unnest(s.most_common_freqs) f), 0) AS rest,
         (SELECT min(f) FROM unnest(s.most_common_freqs) f) AS least,
         CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * (SELECT reltuples FROM pg_class WHERE oid = :'leaf'::regclass) ELSE s.n_distinct END AS values
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.inherited = (c.relkind = 'p')
  WHERE c.oid IN (:'shell'::regclass, :'leaf'::regclass)
)
SELECT format_type(a.atttypid, a.atttypmod) AS type,
       s.attname IS NULL
         OR abs(l.null_frac - s.null_frac) > 0.05
         OR (l.histogram_bounds IS NULL) <> (s.histogram_bounds IS NULL)
         OR greatest(l.values, s.values) > 1.5 * least(l.values, s.values)
         -- a value that only one side lists is as frequent on the other as what is not listed there can be
         OR (SELECT coalesce(sum(abs(coalesce(x.f, greatest(0, least(l.least, l.rest), 0)) - coalesce(y.f, greatest(0, least(s.least, s.rest), 0)))), 0)
             FROM unnest(l.most_common_vals::text::text[], l.most_common_freqs) x (v, f)
             FULL JOIN unnest(s.most_common_vals::text::text[], s.most_common_freqs) y (v, f) USING (v)) > 0.2 AS differs,
       (SELECT array_agg(b[1 + round(q * (cardinality(b) - 1))::int] ORDER BY q)
        FROM CAST(l.histogram_bounds::text AS text[]) b, unnest(ARRAY[0, 0.25, 0.5, 0.75, 1]) q
        WHERE b IS NOT NULL) AS quartiles,
       s.histogram_bounds::text AS histogram
FROM of l JOIN pg_attribute a ON a.attrelid = l.oid AND a.attname = l.attname LEFT JOIN of s ON s.oid = :'shell'::regclass AND s.attname = l.attname
WHERE l.oid = :'leaf'::regclass;
