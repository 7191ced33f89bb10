/*weir:keys*/
-- Primary keys, unique and clustered indexes (not columnstore), column by column in key order.
SELECT
  CONVERT(int, i.object_id) AS object_id,
  CONVERT(int, i.index_id) AS index_id,
  CONVERT(nvarchar(128), i.name) AS index_name,
  CONVERT(int, i.is_primary_key) AS is_primary,
  CONVERT(int, i.is_unique) AS is_unique,
  CONVERT(int, CASE WHEN i.type = 1 THEN 1 ELSE 0 END) AS is_clustered,
  CONVERT(int, i.has_filter) AS has_filter,
  CONVERT(int, ic.key_ordinal) AS key_ordinal,
  CONVERT(nvarchar(128), c.name) AS column_name
FROM sys.indexes AS i
JOIN sys.objects AS o ON o.object_id = i.object_id AND o.type IN ('U', 'V') AND o.is_ms_shipped = 0
JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id AND ic.key_ordinal > 0
JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id
WHERE (i.is_primary_key = 1 OR i.is_unique = 1 OR i.type = 1) AND i.type IN (1, 2) AND i.is_disabled = 0
ORDER BY i.object_id, i.index_id, ic.key_ordinal;
