-- A relation's own triggers (those that the server made are left out). psql -v root='sync_core."Country"' -f queries/triggers.sql
SELECT t.tgname AS name, t.tgenabled::text AS enabled, (t.tgtype & 1) = 1 AS is_row, pg_get_triggerdef(t.oid) AS definition,
       t.tgoldtable IS NOT NULL OR t.tgnewtable IS NOT NULL AS has_transition_tables,
       ARRAY(SELECT a.attname FROM unnest(t.tgattr::int2[]) u(n) JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attnum = u.n) AS columns
FROM pg_trigger t
WHERE t.tgrelid = :'root'::regclass AND NOT t.tgisinternal AND (to_jsonb(t) ->> 'tgparentid') = '0'
ORDER BY t.tgname;
