/*weir:tables*/
-- Every user table and view that this login may see, with an estimate of rows and bytes.
SELECT
  CONVERT(nvarchar(128), s.name) AS schema_name,
  CONVERT(nvarchar(128), o.name) AS table_name,
  CONVERT(int, o.object_id) AS object_id,
  CONVERT(int, CASE WHEN o.type = 'V' THEN 1 ELSE 0 END) AS is_view,
  CONVERT(bigint, ISNULL(p.row_count, -1)) AS estimated_rows,
  CONVERT(bigint, ISNULL(p.bytes, -1)) AS estimated_bytes,
  CONVERT(int, ISNULL(HAS_PERMS_BY_NAME(QUOTENAME(s.name) + N'.' + QUOTENAME(o.name), N'OBJECT', N'SELECT'), 0)) AS may_select
FROM sys.objects AS o
JOIN sys.schemas AS s ON s.schema_id = o.schema_id
OUTER APPLY (
  SELECT SUM(CASE WHEN a.type = 1 THEN q.rows ELSE 0 END) AS row_count,
         SUM(a.used_pages) * CONVERT(bigint, 8192) AS bytes
  FROM sys.partitions AS q
  JOIN sys.allocation_units AS a
    ON (a.type IN (1, 3) AND a.container_id = q.hobt_id) OR (a.type = 2 AND a.container_id = q.partition_id)
  WHERE q.object_id = o.object_id AND q.index_id IN (0, 1)
) AS p
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0
ORDER BY s.name, o.name;
