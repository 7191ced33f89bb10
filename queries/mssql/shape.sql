/*weir:shape*/
-- The columns of one object, by its quoted name: has it changed since it was discovered? From 2016 on.
SELECT
  CONVERT(nvarchar(128), c.name) AS column_name,
  CONVERT(nvarchar(128), ISNULL(bt.name, ut.name)) AS base_type,
  CONVERT(nvarchar(128), ut.name) AS declared_type,
  CONVERT(int, ut.is_assembly_type) AS is_assembly_type,
  CONVERT(int, c.max_length) AS max_length,
  CONVERT(int, c.precision) AS precision,
  CONVERT(int, c.scale) AS scale,
  CONVERT(int, c.is_nullable) AS is_nullable,
  CONVERT(int, c.is_masked) AS is_masked,
  CONVERT(int, ISNULL(c.encryption_type, 0)) AS encryption_type,
  CONVERT(int, COLLATIONPROPERTY(c.collation_name, 'CodePage')) AS code_page
FROM sys.columns AS c
JOIN sys.types AS ut ON ut.user_type_id = c.user_type_id
LEFT JOIN sys.types AS bt ON bt.user_type_id = c.system_type_id AND bt.system_type_id = c.system_type_id
WHERE c.object_id = OBJECT_ID(?)
ORDER BY c.column_id;
