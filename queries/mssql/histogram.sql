/*weir:histogram*/
-- Steps of the clustered index's statistics: ascending key values with the rows up to each. From 2016 SP1 CU2 on.
SELECT
  CONVERT(int, h.step_number) AS step_number,
  CONVERT(nvarchar(200), h.range_high_key, 121) AS high_key,
  CONVERT(bigint, h.range_rows + h.equal_rows) AS row_count
FROM sys.stats AS t
JOIN sys.indexes AS i ON i.object_id = t.object_id AND i.index_id = t.stats_id AND i.type = 1
CROSS APPLY sys.dm_db_stats_histogram(t.object_id, t.stats_id) AS h
WHERE t.object_id = OBJECT_ID(?)
ORDER BY h.step_number;
