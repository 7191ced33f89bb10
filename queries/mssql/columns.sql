/*weir:columns*/
-- Every column of them. Versions from 2016 on.
SELECT
  CONVERT(int, c.object_id) AS object_id,
  CONVERT(int, c.column_id) AS column_id,
  CONVERT(nvarchar(128), c.name) AS column_name,
  CONVERT(nvarchar(128), ISNULL(bt.name, ut.name)) AS base_type,
  CONVERT(nvarchar(128), ut.name) AS declared_type,
  CONVERT(int, ut.is_assembly_type) AS is_assembly_type,
  CONVERT(int, c.max_length) AS max_length,
  CONVERT(int, c.precision) AS precision,
  CONVERT(int, c.scale) AS scale,
  CONVERT(int, c.is_nullable) AS is_nullable,
  CONVERT(int, c.is_identity) AS is_identity,
  CONVERT(int, c.is_computed) AS is_computed,
  CONVERT(int, c.is_column_set) AS is_column_set,
  CONVERT(int, c.is_hidden) AS is_hidden,
  CONVERT(int, c.is_masked) AS is_masked,
  CONVERT(int, ISNULL(c.encryption_type, 0)) AS encryption_type,
  CONVERT(nvarchar(128), c.collation_name) AS collation_name,
  CONVERT(int, COLLATIONPROPERTY(c.collation_name, 'CodePage')) AS code_page
FROM sys.columns AS c
JOIN sys.objects AS o ON o.object_id = c.object_id AND o.type IN ('U', 'V') AND o.is_ms_shipped = 0
JOIN sys.types AS ut ON ut.user_type_id = c.user_type_id
LEFT JOIN sys.types AS bt ON bt.user_type_id = c.system_type_id AND bt.system_type_id = c.system_type_id
ORDER BY c.object_id, c.column_id;
