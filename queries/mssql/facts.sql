/*weir:facts*/
-- One row about the database and this login. Any version from 2012 on.
SELECT
  CONVERT(nvarchar(128), d.name) AS name,
  CONVERT(nvarchar(128), d.collation_name) AS collation_name,
  CONVERT(int, COLLATIONPROPERTY(d.collation_name, 'CodePage')) AS code_page,
  CONVERT(int, d.snapshot_isolation_state) AS snapshot_state,
  CONVERT(int, d.is_read_committed_snapshot_on) AS row_versions,
  CONVERT(int, d.is_read_only) AS is_read_only,
  CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion')) AS product_version,
  CONVERT(nvarchar(128), SERVERPROPERTY('Edition')) AS edition,
  CONVERT(int, SERVERPROPERTY('EngineEdition')) AS engine_edition,
  CONVERT(nvarchar(128), ORIGINAL_LOGIN()) AS login_name
FROM sys.databases AS d
WHERE d.database_id = DB_ID();
